//! The shape of an output: what a value that is handed over must look like.
//!
//! Written as a type name (`"string"`), a list of one shape (`["string"]`), a table of fields
//! (`{ name = "string", risk = "integer?" }`, `?` for what may be missing), or `{ schema = … }`, a JSON Schema.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

/// The shape of a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Any object.
    Object,
    /// A list of this shape.
    List(Box<Self>),
    /// An object of these fields and no others.
    Record(IndexMap<String, Field>),
    /// Whatever this JSON Schema says.
    Schema(Value),
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its shape.
    pub shape: Shape,
    /// Whether it may be missing.
    pub optional: bool,
}

/// A shape as written; [`Shape::parse`] reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeText(pub Value);

impl<'de> Deserialize<'de> for ShapeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            value @ (Value::String(_) | Value::Array(_) | Value::Object(_)) => Ok(Self(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Err(serde::de::Error::custom("not a shape")),
        }
    }
}

/// How to write one.
const HINT: &str =
    "write a type name such as `\"string\"`, a list of one shape, a table of fields, or `{ schema = … }`";

impl JsonSchema for ShapeText {
    fn schema_name() -> Cow<'static, str> {
        "Shape".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A type name (`string`, `integer`, `number`, `boolean`, `object`), a list of one shape, a table of fields (`?` after a type for what may be missing), or `{ schema = … }`, a JSON Schema inline or in a file.",
            "type": ["string", "array", "object"],
            "x-hint": HINT
        })
    }
}

/// What is wrong with a shape as written, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadShape {
    /// JSON pointer within the shape.
    pub pointer: String,
    /// What is wrong, in words for people.
    pub message: String,
}

/// Type names of shapes.
pub const TYPES: [&str; 5] = ["string", "integer", "number", "boolean", "object"];

/// Deepest nesting of lists and fields.
const DEEPEST: usize = 16;

impl Shape {
    /// Reads a shape as written. `schema` gives the JSON Schema that a path names.
    pub fn parse(value: &Value, schema: &dyn Fn(&str) -> Result<Value, String>) -> Result<Self, BadShape> {
        read(value, schema, "", DEEPEST)
    }

    /// What is wrong with a value, in words that an agent can act on.
    /// `place` names the value; nothing where all is as it should be.
    pub fn problems(&self, value: &Value, place: &str) -> Vec<String> {
        let mut problems = Vec::new();
        self.compare(value, place, &mut problems);
        problems
    }

    /// A small valid value: lists have one element, text is `word`, which can be used as a path.
    pub fn sample(&self, word: &str) -> Value {
        match self {
            Self::String => json!(word),
            Self::Integer | Self::Number => json!(1),
            Self::Boolean => json!(true),
            Self::Object => json!({}),
            Self::List(inner) => json!([inner.sample(word)]),
            Self::Record(fields) => {
                let entry = |(name, field): (&String, &Field)| (name.clone(), field.shape.sample(word));
                Value::Object(fields.iter().map(entry).collect())
            }
            Self::Schema(schema) => sample_of_schema(schema, word, DEEPEST),
        }
    }

    /// For people and prompts: `list of { name: string, risk?: integer }`.
    pub fn describe(&self) -> String {
        match self {
            Self::String => "string".to_owned(),
            Self::Integer => "integer".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Boolean => "boolean".to_owned(),
            Self::Object => "object".to_owned(),
            Self::List(inner) => format!("list of {}", inner.describe()),
            Self::Record(fields) => {
                let one = |(name, field): (&String, &Field)| {
                    format!("{name}{}: {}", if field.optional { "?" } else { "" }, field.shape.describe())
                };
                format!("{{ {} }}", fields.iter().map(one).collect::<Vec<_>>().join(", "))
            }
            Self::Schema(schema) => format!("a value of this JSON Schema: {schema}"),
        }
    }

    fn compare(&self, value: &Value, place: &str, problems: &mut Vec<String>) {
        let fits = match (self, value) {
            (Self::Schema(schema), _) => return by_schema(schema, value, place, problems),
            (Self::List(inner), Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    inner.compare(item, &format!("{place}[{at}]"), problems);
                }
                true
            }
            (Self::Record(fields), Value::Object(map)) => {
                compare_fields(fields, map, place, problems);
                true
            }
            (Self::Integer, Value::Number(number)) => {
                number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
            }
            (Self::String, Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::Object, Value::Object(_)) => true,
            (
                Self::String
                | Self::Integer
                | Self::Number
                | Self::Boolean
                | Self::Object
                | Self::List(_)
                | Self::Record(_),
                _,
            ) => false,
        };
        if !fits {
            problems.push(format!("{place} must be {}, not {}", with_article(&self.describe()), type_of(value)));
        }
    }
}

fn compare_fields(fields: &IndexMap<String, Field>, map: &Map<String, Value>, place: &str, problems: &mut Vec<String>) {
    for (name, field) in fields {
        match map.get(name) {
            None | Some(Value::Null) if field.optional => {}
            None => problems.push(format!("{place} lacks `{name}`, {}", with_article(&field.shape.describe()))),
            Some(inner) => field.shape.compare(inner, &format!("{place}.{name}"), problems),
        }
    }
    for name in map.keys().filter(|name| !fields.contains_key(*name)) {
        problems.push(format!("{place} has an unknown field `{name}`"));
    }
}

fn by_schema(schema: &Value, value: &Value, place: &str, problems: &mut Vec<String>) {
    match jsonschema::options().offline().build(schema) {
        Ok(validator) => {
            for error in validator.iter_errors(value) {
                let path = error.instance_path().to_string();
                let at = if path.is_empty() { place.to_owned() } else { format!("{place} at `{path}`") };
                problems.push(format!("{at}: {error}"));
            }
        }
        Err(error) => problems.push(format!("the schema of {place} cannot be used: {error}")),
    }
}

/// The JSON type of a value, with its article.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn with_article(noun: &str) -> String {
    let article = match noun.chars().next() {
        Some('{') => "an object",
        Some('a' | 'e' | 'i' | 'o' | 'u') if !noun.starts_with("a value") => "an",
        Some(_) if noun.starts_with("a value") => return noun.to_owned(),
        Some(_) | None => "a",
    };
    format!("{article} {noun}")
}

fn read(
    value: &Value,
    schema: &dyn Fn(&str) -> Result<Value, String>,
    at: &str,
    depth: usize,
) -> Result<Shape, BadShape> {
    let bad = |message: String| BadShape { pointer: at.to_owned(), message };
    let depth = depth.checked_sub(1).ok_or_else(|| bad(format!("a shape may be nested {DEEPEST} deep")))?;
    match value {
        Value::String(name) => read_name(name).ok_or_else(|| bad(bad_type(name))),
        Value::Array(items) => match items.as_slice() {
            [inner] => Ok(Shape::List(Box::new(read(inner, schema, &format!("{at}/0"), depth)?))),
            _ => Err(bad("a list is written with the shape of its elements, one: `[\"string\"]`".to_owned())),
        },
        Value::Object(map) => match map.get("schema") {
            Some(inner) if map.len() == 1 => read_schema(inner, schema).map_err(bad),
            Some(_) | None => read_fields(map, schema, at, depth),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => Err(bad(format!("{} is no shape", type_of(value)))),
    }
}

fn read_name(name: &str) -> Option<Shape> {
    Some(match name {
        "string" => Shape::String,
        "integer" => Shape::Integer,
        "number" => Shape::Number,
        "boolean" => Shape::Boolean,
        "object" => Shape::Object,
        _ => return None,
    })
}

fn bad_type(name: &str) -> String {
    if name.strip_suffix('?').and_then(read_name).is_some() {
        return format!("`{name}`: only a field of a table may be missing");
    }
    format!("`{name}` is no type; the types are {}", TYPES.map(|name| format!("`{name}`")).join(", "))
}

fn read_fields(
    map: &Map<String, Value>,
    schema: &dyn Fn(&str) -> Result<Value, String>,
    at: &str,
    depth: usize,
) -> Result<Shape, BadShape> {
    let mut fields = IndexMap::new();
    for (name, value) in map {
        let at = format!("{at}/{}", crate::mission::spans::escape(name));
        let optional = value.as_str().and_then(|text| text.strip_suffix('?')).and_then(read_name);
        let field = match optional {
            Some(shape) => Field { shape, optional: true },
            None => Field { shape: read(value, schema, &at, depth)?, optional: false },
        };
        fields.insert(name.clone(), field);
    }
    Ok(Shape::Record(fields))
}

fn read_schema(value: &Value, schema: &dyn Fn(&str) -> Result<Value, String>) -> Result<Shape, String> {
    let value = match value {
        Value::String(path) => schema(path)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.clone(),
    };
    jsonschema::options().offline().build(&value).map_err(|error| format!("not a valid JSON Schema: {error}"))?;
    Ok(Shape::Schema(value))
}

fn sample_of_schema(schema: &Value, word: &str, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    for key in ["const", "default"] {
        if let Some(value) = schema.get(key) {
            return value.clone();
        }
    }
    for key in ["enum", "examples"] {
        if let Some(value) = schema.get(key).and_then(|list| list.get(0)) {
            return value.clone();
        }
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(inner) = schema.get(key).and_then(|list| list.get(0)) {
            return sample_of_schema(inner, word, depth);
        }
    }
    let kind = schema.get("type").map(|kind| kind.get(0).unwrap_or(kind)).and_then(Value::as_str);
    match kind {
        Some("string") => json!(word),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("array") => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            json!([sample_of_schema(items, word, depth)])
        }
        Some("null") => Value::Null,
        Some("object") => sample_object(schema, word, depth),
        Some(_) | None if schema.get("properties").is_some() => sample_object(schema, word, depth),
        Some(_) | None => json!(word),
    }
}

fn sample_object(schema: &Value, word: &str, depth: usize) -> Value {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let properties = schema.get("properties").unwrap_or(&Value::Null);
    let sample = |name: &str| {
        let inner = properties.get(name).unwrap_or(&Value::Null);
        (name.to_owned(), sample_of_schema(inner, word, depth))
    };
    Value::Object(required.map(sample).collect())
}

#[cfg(test)]
mod tests;
