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
        without_type(marker, &place, input);
        let schema = match schema_of(scene, input) {
            Ok(schema) => schema,
            Err(message) => {
                let (key, help) = if input.schema.is_some() {
                    ("schema", "write a JSON Schema as a table, or the path of a file that holds one")
                } else {
                    ("pattern", "write a regular expression, such as `^[a-z]+$`")
                };
                let span = marker.value(&format!("{place}/{key}"));
                let message = if key == "pattern" { "no valid regular expression".to_owned() } else { message };
                marker.error(codes::BAD_SCHEMA, span, message).help(help);
                continue;
            }
        };
        let Ok(validator) = jsonschema::options().offline().build(&schema) else { continue };
        let told = contradictions(marker, &place, input);
        if let Some(default) = input.default.as_ref().filter(|_| !told)
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

/// Keys that say something of values of another type.
fn without_type(marker: &mut Marker<'_>, place: &str, input: &InputFile) {
    if input.schema.is_some() {
        return;
    }
    let kind = input.kind.unwrap_or_default();
    let is_number = matches!(kind, InputType::Integer | InputType::Number);
    let lone = [
        ("pattern", input.pattern.is_some() && kind != InputType::String, "string"),
        ("minimum", input.minimum.is_some() && !is_number, "number"),
        ("maximum", input.maximum.is_some() && !is_number, "number"),
    ];
    for (key, _, wanted) in lone.into_iter().filter(|(_, is_lone, _)| *is_lone) {
        let span = marker.key(&format!("{place}/{key}"));
        let message = format!("`{key}` has no meaning for an input of type `{}`", name_of(kind));
        marker.error(codes::KEY_OF_OTHER_KIND, span, message).help(format!("remove it, or set `type = \"{wanted}\"`"));
    }
}

/// Declarations that no value fits, and options that cannot be chosen; true where one was told.
fn contradictions(marker: &mut Marker<'_>, place: &str, input: &InputFile) -> bool {
    if let (Some(minimum), Some(maximum)) = (input.minimum, input.maximum)
        && minimum > maximum
    {
        let span = marker.value(&format!("{place}/minimum"));
        let there = marker.value(&format!("{place}/maximum"));
        marker
            .error(
                codes::OUT_OF_RANGE,
                span,
                format!("`minimum` is {minimum}, and `maximum` is {maximum}: no value fits"),
            )
            .help("change one of them")
            .related(there, "less than `minimum`");
        return true;
    }
    let Some(options) = input.options.as_ref().filter(|_| input.schema.is_none()) else { return false };
    if options.is_empty() {
        let span = marker.value(&format!("{place}/enum"));
        marker
            .error(codes::WRONG_VALUE, span, "an empty `enum`: no value fits")
            .help("list the values, or remove `enum`");
        return true;
    }
    let alone = InputFile { options: None, ..input.clone() };
    let Ok(validator) = jsonschema::options().offline().build(&from_keys(&alone)) else { return false };
    let mut told = false;
    for (at, option) in options.iter().enumerate() {
        if let Some(error) = validator.iter_errors(option).next() {
            told = true;
            let span = marker.value(&format!("{place}/enum/{at}"));
            marker
                .error(codes::WRONG_VALUE, span, format!("this option does not fit its input: {error}"))
                .help("change the option, or the declaration of the input");
        }
    }
    told
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
    let kind = input.kind.unwrap_or_default();
    let mut schema = Map::from_iter([("type".to_owned(), json!(name_of(kind)))]);
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

fn name_of(kind: InputType) -> &'static str {
    match kind {
        InputType::String => "string",
        InputType::Integer => "integer",
        InputType::Number => "number",
        InputType::Boolean => "boolean",
        InputType::Array => "array",
        InputType::Object => "object",
    }
}
