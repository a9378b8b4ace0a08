//! JSON Schemas of documents, made of their types: of those that people write, and of those that we do.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::name::{LocalTaskId, RoleName};

/// The schema of a document that we write, as it is published; `what` is its name.
pub fn schema_of<T: JsonSchema>(what: &str) -> String {
    schema_text(SchemaSettings::draft07().into_generator().into_root_schema_for::<T>(), what)
}

/// The schema of a file that people write, as it is published.
pub fn of_input<T: JsonSchema>(what: &str) -> String {
    schema_text(generate::<T>(), what)
}

/// A schema as it is published: named, with a newline at the end.
pub fn schema_text(mut schema: Schema, what: &str) -> String {
    schema.insert("x-schema".to_owned(), format!("ai-sdlc/{what}/1").into());
    // Values made of strings and numbers alone can always be written.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

/// The schema of a file that people write: draft-07, as editors know it.
pub(crate) fn generate<T: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::draft07();
    settings.transforms.insert(0, Box::new(RecursiveTransform(simplify)));
    settings.into_generator().into_root_schema_for::<T>()
}

/// TOML has no null, editors know no `format` of integers, and a bad key is best told at the key.
fn simplify(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    bounds(map);
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    without_null(map);
    named_keys(map);
}

/// The format of a number is a bound that every validator knows.
fn bounds(map: &mut Map<String, Value>) {
    let format = map.remove("format");
    let (least, most) = match format.as_ref().and_then(Value::as_str) {
        Some("uint32") => (json!(0), json!(u32::MAX)),
        Some("int32") => (json!(i32::MIN), json!(i32::MAX)),
        Some("uint64") => (json!(0), json!(u64::MAX)),
        Some(_) | None => return,
    };
    map.entry("minimum").or_insert(least);
    map.entry("maximum").or_insert(most);
}

fn without_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(branches)) = map.get_mut("anyOf") else { return };
    branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
    if let [Value::Object(only)] = branches.as_slice() {
        let only = only.clone();
        map.shift_remove("anyOf");
        for (key, value) in only {
            map.entry(key).or_insert(value);
        }
    }
}

/// A map whose keys follow a pattern: said by `propertyNames`, which also carries the longest length and the hint.
fn named_keys(map: &mut Map<String, Value>) {
    let Some(Value::Object(patterns)) = map.get("patternProperties") else { return };
    let Some((pattern, value)) = patterns.iter().next().map(|(pattern, value)| (pattern.clone(), value.clone())) else {
        return;
    };
    map.shift_remove("patternProperties");
    map.insert("propertyNames".to_owned(), name_schema(&pattern));
    map.insert("additionalProperties".to_owned(), value);
}

/// The schema of the names that follow a pattern, with their longest length and their rule in words.
fn name_schema(pattern: &str) -> Value {
    let mut generator = SchemaGenerator::default();
    let names = [LocalTaskId::json_schema(&mut generator), RoleName::json_schema(&mut generator)];
    let of_pattern = |schema: &&Schema| schema.get("pattern").and_then(Value::as_str) == Some(pattern);
    names.iter().find(of_pattern).map_or_else(|| json!({ "pattern": pattern }), |schema| schema.clone().to_value())
}
