//! JSON in, JSON out.

use std::sync::Arc;

use cel_core::{MapKey, Value, ValueMap};
use serde_json::{Map, Number, Value as Json};

use crate::expression::EvaluationError;

/// Beyond it not every whole number has a double of its own, so that the two would no longer compare as JSON says.
const EXACT: u64 = 1 << 53;

/// A value with only what lies on these paths: an expression that asks for one task does not pay for all of them.
pub(super) fn picked(json: &Json, paths: &[&[String]]) -> Value {
    let Json::Object(object) = json else { return value(json) };
    if paths.iter().any(|path| path.is_empty()) {
        return value(json);
    }
    let entries = object.iter().filter_map(|(key, child)| {
        let below: Vec<&[String]> = paths
            .iter()
            .filter_map(|path| path.split_first().and_then(|(first, rest)| (first == key).then_some(rest)))
            .collect();
        (!below.is_empty()).then(|| (text_key(key), picked(child, &below)))
    });
    Value::Map(Arc::new(ValueMap::from_entries(entries)))
}

fn text_key(key: &str) -> MapKey {
    MapKey::String(Arc::from(key))
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => amount(number),
        Json::String(text) => Value::String(Arc::from(text.as_str())),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(object) => {
            let entries = object.iter().map(|(key, child)| (text_key(key), value(child)));
            Value::Map(Arc::new(ValueMap::from_entries(entries)))
        }
    }
}

fn amount(number: &Number) -> Value {
    match number.as_i64() {
        Some(whole) if whole.unsigned_abs() <= EXACT => Value::Int(whole),
        _ => number.as_f64().map_or(Value::Null, Value::Double),
    }
}

/// The JSON of a result.
pub(super) fn json(value: &Value) -> Result<Json, EvaluationError> {
    match value {
        Value::Null => Ok(Json::Null),
        Value::Bool(truth) => Ok(Json::Bool(*truth)),
        Value::Int(number) => Ok(Json::from(*number)),
        Value::UInt(number) => Ok(Json::from(*number)),
        Value::Double(number) => Number::from_f64(*number)
            .map(Json::Number)
            .ok_or_else(|| EvaluationError::new(format!("the result is {value}, and JSON has no such number"))),
        Value::String(text) => Ok(Json::String(text.to_string())),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            let pairs = entries.iter().map(|(key, child)| match key {
                MapKey::String(name) => Ok((name.to_string(), json(child)?)),
                MapKey::Bool(_) | MapKey::Int(_) | MapKey::UInt(_) => {
                    let message =
                        format!("the key {} is no text: objects of JSON have only texts as keys", key.to_value());
                    Err(EvaluationError::new(message))
                }
            });
            pairs.collect::<Result<Map<_, _>, _>>().map(Json::Object)
        }
        Value::Bytes(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::Type(_)
        | Value::Optional(_)
        | Value::Message(_)
        | Value::Enum(_)
        | Value::Error(_) => {
            let message = format!("{} is no JSON value; make it a text with `string(…)`", described(value));
            Err(EvaluationError::new(message))
        }
    }
}

/// What a result is, in words for people.
pub(super) fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Int(_) | Value::UInt(_) | Value::Double(_) => "a number",
        Value::String(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "an object",
        Value::Bytes(_) => "a sequence of bytes",
        Value::Timestamp(_) => "a point in time",
        Value::Duration(_) => "a duration",
        Value::Type(_) => "a type",
        Value::Optional(_) | Value::Message(_) | Value::Enum(_) | Value::Error(_) => "this",
    }
}
