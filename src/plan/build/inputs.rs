//! Inputs: what was typed, made values of the declared types.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::PlanError;
use crate::mission::model::Input;
use crate::name::InputId;

/// An input as it was given.
#[derive(Debug, Clone, PartialEq)]
pub enum GivenInput {
    /// As text, such as `--input n=3`; its declaration says what it is read as.
    Text(String),
    /// As a value.
    Value(Value),
}

/// All inputs as values, defaults filled in, each as its schema wants it.
pub fn typed(
    declared: &IndexMap<InputId, Input>,
    given: &BTreeMap<String, GivenInput>,
) -> Result<BTreeMap<InputId, Value>, Vec<PlanError>> {
    let mut errors: Vec<PlanError> =
        given.keys().filter(|name| !declared.contains_key(name.as_str())).map(|name| unknown(name, declared)).collect();
    let mut values = BTreeMap::new();
    for (id, input) in declared {
        match value(id, input, given.get(id.as_str())) {
            Ok(value) => {
                values.insert(id.clone(), value);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

fn unknown(name: &str, declared: &IndexMap<InputId, Input>) -> PlanError {
    let error = PlanError::new(format!("the mission has no input `{name}`"));
    let near =
        declared.keys().map(|id| (strsim::damerau_levenshtein(name, id.as_str()), id)).min_by_key(|(far, _)| *far);
    match near {
        None => error.help("it takes none"),
        Some((far, id)) if far <= 2 => error.help(format!("did you mean `{id}`?")),
        Some(_) => {
            let known: Vec<&str> = declared.keys().map(InputId::as_str).collect();
            error.help(format!("it takes {}", known.join(", ")))
        }
    }
}

fn value(id: &InputId, input: &Input, given: Option<&GivenInput>) -> Result<Value, PlanError> {
    let value = match given {
        Some(GivenInput::Value(value)) => value.clone(),
        Some(GivenInput::Text(text)) => read(id, &input.schema, text)?,
        None => {
            return input.default.clone().ok_or_else(|| {
                PlanError::new(format!("the input `{id}` is missing: {}", input.description))
                    .help(format!("give it with `--input {id}=…`"))
            });
        }
    };
    match mismatch(&input.schema, &value) {
        None => Ok(value),
        Some(why) => Err(PlanError::new(format!("the input `{id}` does not fit: {why}"))),
    }
}

/// Reads text as what the schema says it is.
fn read(id: &InputId, schema: &Value, text: &str) -> Result<Value, PlanError> {
    let wrong = |wanted: &str| Err(PlanError::new(format!("the input `{id}` must be {wanted}, not `{text}`")));
    let parsed = serde_json::from_str::<Value>(text);
    match (schema.get("type").and_then(Value::as_str), parsed) {
        (Some("string"), _) => Ok(Value::String(text.to_owned())),
        (Some("integer"), Ok(value)) if value.is_i64() || value.is_u64() => Ok(value),
        (Some("integer"), _) => wrong("a whole number"),
        (Some("number"), Ok(value)) if value.is_number() => Ok(value),
        (Some("number"), _) => wrong("a number"),
        (Some("boolean"), Ok(value)) if value.is_boolean() => Ok(value),
        (Some("boolean"), _) => wrong("`true` or `false`"),
        (Some("array"), Ok(value)) if value.is_array() => Ok(value),
        (Some("array"), _) => wrong("a JSON list such as `[\"a\", \"b\"]`"),
        (Some("object"), Ok(value)) if value.is_object() => Ok(value),
        (Some("object"), _) => wrong("a JSON object such as `{\"a\": 1}`"),
        (_, Ok(value)) => Ok(value),
        (_, Err(_)) => Ok(Value::String(text.to_owned())),
    }
}

/// Why a value does not fit its schema. A schema that names only a type is answered without a validator.
pub(in crate::plan) fn mismatch(schema: &Value, value: &Value) -> Option<String> {
    let plain =
        schema.as_object().is_some_and(|keys| keys.keys().all(|key| matches!(key.as_str(), "type" | "description")));
    let fits_type = match schema.get("type").and_then(Value::as_str) {
        Some("string") => Some(value.is_string()),
        Some("integer") => Some(value.is_i64() || value.is_u64()),
        Some("number") => Some(value.is_number()),
        Some("boolean") => Some(value.is_boolean()),
        Some("array") => Some(value.is_array()),
        Some("object") => Some(value.is_object()),
        Some(_) | None => None,
    };
    if plain && fits_type == Some(true) {
        return None;
    }
    match jsonschema::validator_for(schema) {
        Ok(validator) => validator.iter_errors(value).next().map(|error| error.to_string()),
        Err(error) => Some(format!("its schema is not valid: {error}")),
    }
}
