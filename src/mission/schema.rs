//! The JSON Schemas of the language, generated from its literal types: for editors, and to explain what does not fit.

use std::sync::OnceLock;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::catalog::schema_text;
use crate::mission::config::ConfigFile;
use crate::mission::file::MissionFile;
use crate::name::{RoleName, TaskId};

/// The schema of mission files: draft-07, pretty, with a newline at the end.
pub fn mission_schema() -> String {
    text::<MissionFile>("mission")
}

/// The schema of `.ai-sdlc/config.toml`.
pub fn config_schema() -> String {
    text::<ConfigFile>("config")
}

fn text<T: JsonSchema>(what: &str) -> String {
    schema_text(generate::<T>(), what)
}

/// A schema and the validator made of it, at most once each.
#[derive(Debug)]
pub struct Explainer {
    /// The schema.
    pub schema: Value,
    /// What it refuses.
    pub validator: Validator,
}

/// A literal type with its explainer.
pub trait Explained: JsonSchema + serde::de::DeserializeOwned {
    /// Its explainer: built when the first file does not fit, because building it costs more than most files.
    fn explainer() -> Option<&'static Explainer>;
}

impl Explained for MissionFile {
    fn explainer() -> Option<&'static Explainer> {
        static ONCE: OnceLock<Option<Explainer>> = OnceLock::new();
        ONCE.get_or_init(explainer::<Self>).as_ref()
    }
}

impl Explained for ConfigFile {
    fn explainer() -> Option<&'static Explainer> {
        static ONCE: OnceLock<Option<Explainer>> = OnceLock::new();
        ONCE.get_or_init(explainer::<Self>).as_ref()
    }
}

fn explainer<T: JsonSchema>() -> Option<Explainer> {
    let schema = generate::<T>().to_value();
    let validator = jsonschema::draft7::options().offline().build(&schema).ok()?;
    Some(Explainer { schema, validator })
}

fn generate<T: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::draft07();
    settings.transforms.insert(0, Box::new(RecursiveTransform(simplify)));
    settings.into_generator().into_root_schema_for::<T>()
}

/// TOML has no null, editors know no `format` of integers, and a bad key is best told at the key.
fn simplify(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    map.remove("format");
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    without_null(map);
    named_keys(map);
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
    let names = [TaskId::json_schema(&mut generator), RoleName::json_schema(&mut generator)];
    let of_pattern = |schema: &&Schema| schema.get("pattern").and_then(Value::as_str) == Some(pattern);
    names.iter().find(of_pattern).map_or_else(|| json!({ "pattern": pattern }), |schema| schema.clone().to_value())
}
