//! Declared inputs: keys that contradict each other, schemas, defaults.

use serde_json::{Map, Value, json};

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::fields::schema_file;
use crate::mission::check::marker::Marker;
use crate::mission::file::{InputFile, InputType};

/// Checks every input.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, input) in &scene.file.inputs {
        let place = format!("/inputs/{id}");
        if input.schema.is_some() {
            beside_schema(marker, &place, input);
        }
        let schema = match schema_of(scene, input) {
            Ok(schema) => schema,
            Err(message) => {
                let key = if input.schema.is_some() { "schema" } else { "pattern" };
                let span = marker.value(&format!("{place}/{key}"));
                marker.error(codes::BAD_SCHEMA, span, message);
                continue;
            }
        };
        let Ok(validator) = jsonschema::options().offline().build(&schema) else { continue };
        if let Some(default) = &input.default
            && let Some(error) = validator.iter_errors(default).next()
        {
            let span = marker.value(&format!("{place}/default"));
            marker
                .error(codes::BAD_DEFAULT, span, format!("the default does not fit its input: {error}"))
                .help(format!("change the default, or the declaration of `{id}`"));
        }
    }
}

fn beside_schema(marker: &mut Marker<'_>, place: &str, input: &InputFile) {
    let InputFile { kind, description: _, default: _, options, pattern, minimum, maximum, schema: _ } = input;
    let given = [
        ("type", kind.is_some()),
        ("enum", options.is_some()),
        ("pattern", pattern.is_some()),
        ("minimum", minimum.is_some()),
        ("maximum", maximum.is_some()),
    ];
    let schema = marker.key(&format!("{place}/schema"));
    for (key, _) in given.iter().filter(|(_, given)| *given) {
        let span = marker.key(&format!("{place}/{key}"));
        marker
            .error(codes::KEY_OF_OTHER_KIND, span, format!("`{key}` has no meaning beside `schema`"))
            .help(format!("say it in the schema, or remove `{key}`"))
            .related(schema, "the schema says all");
    }
}

/// The JSON Schema of an input; the error says what is wrong with what makes it.
pub fn schema_of(scene: &Scene<'_>, input: &InputFile) -> Result<Value, String> {
    let schema = match input.schema.as_ref().map(|schema| &schema.0) {
        Some(Value::String(path)) => schema_file(scene, path)?,
        Some(schema) => schema.clone(),
        None => from_keys(input),
    };
    match jsonschema::options().offline().build(&schema) {
        Ok(_) => Ok(schema),
        Err(error) => Err(format!("no valid JSON Schema: {error}")),
    }
}

fn from_keys(input: &InputFile) -> Value {
    let kind = match input.kind.unwrap_or_default() {
        InputType::String => "string",
        InputType::Integer => "integer",
        InputType::Number => "number",
        InputType::Boolean => "boolean",
        InputType::Array => "array",
        InputType::Object => "object",
    };
    let mut schema = Map::from_iter([("type".to_owned(), json!(kind))]);
    let parts = [
        ("enum", input.options.as_ref().map(|options| json!(options))),
        ("pattern", input.pattern.as_ref().map(|pattern| json!(pattern))),
        ("minimum", input.minimum.map(|minimum| json!(minimum))),
        ("maximum", input.maximum.map(|maximum| json!(maximum))),
    ];
    for (key, value) in parts {
        if let Some(value) = value {
            schema.insert(key.to_owned(), value);
        }
    }
    Value::Object(schema)
}
