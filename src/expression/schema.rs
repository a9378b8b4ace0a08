//! The type of what a JSON Schema lets through, as far as a type can say it.

use serde_json::{Map, Value};

use crate::expression::{Others, Type};

/// Keywords that refer elsewhere or combine schemas in ways a type cannot say.
const BEYOND: [&str; 6] = ["$ref", "$dynamicRef", "allOf", "not", "if", "dependentSchemas"];

impl Type {
    /// The type of the values that a JSON Schema lets through. What a type cannot say is [`Type::Any`].
    pub fn of_schema(schema: &Value) -> Self {
        let Some(schema) = schema.as_object() else { return Self::Any };
        if BEYOND.iter().any(|keyword| schema.contains_key(*keyword)) {
            return Self::Any;
        }
        if let Some(constant) = schema.get("const") {
            return Self::of_values(std::slice::from_ref(constant));
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return Self::of_values(values);
        }
        if let Some(alternatives) = ["anyOf", "oneOf"].iter().find_map(|keyword| schema.get(*keyword)) {
            return united(alternatives.as_array().into_iter().flatten().map(Self::of_schema));
        }
        match schema.get("type") {
            Some(Value::String(name)) => named(name, schema),
            Some(Value::Array(names)) => {
                united(names.iter().map(|name| name.as_str().map_or(Self::Any, |name| named(name, schema))))
            }
            _ => Self::Any,
        }
    }

    fn of_values(values: &[Value]) -> Self {
        united(values.iter().map(|value| match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.is_f64() => Self::Double,
            Value::Number(_) => Self::Int,
            Value::String(text) => Self::one_of([text.as_str()]),
            Value::Array(_) => Self::list(Self::Any),
            Value::Object(_) => Self::Object { fields: std::collections::BTreeMap::new(), others: Others::Possible },
        }))
    }
}

fn united(types: impl Iterator<Item = Type>) -> Type {
    types.reduce(Type::or).unwrap_or(Type::Any)
}

fn named(name: &str, schema: &Map<String, Value>) -> Type {
    match name {
        "null" => Type::Null,
        "boolean" => Type::Bool,
        "integer" => Type::Int,
        "number" => Type::Double,
        "string" => Type::text(),
        "array" => Type::list(schema.get("items").map_or(Type::Any, Type::of_schema)),
        "object" => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let fields = properties.into_iter().flatten().map(|(key, of)| (key.clone(), Type::of_schema(of))).collect();
            let closed = schema.get("additionalProperties") == Some(&Value::Bool(false))
                && !schema.contains_key("patternProperties");
            Type::Object { fields, others: if closed { Others::None } else { Others::Possible } }
        }
        _ => Type::Any,
    }
}
