//! Values that may be known only while a run is under way: lists, globs and inputs of a mission task.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::mission::model::{ListSource, Touches, With};

/// The list of a variable of `for_each`, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct ListText(pub ListSource);

/// The files a task may change, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TouchesText(pub Touches);

/// An input of a mission task, as written: a value, or a table with `cel`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct WithText(pub Value);

impl WithText {
    /// Its CEL, where it is a table of nothing but `cel`.
    pub fn cel(&self) -> Option<&str> {
        let table = self.0.as_object().filter(|table| table.len() == 1)?;
        table.get("cel")?.as_str()
    }

    /// Its checked form.
    pub fn source(&self) -> With {
        self.cel().map_or_else(|| With::Value(self.0.clone()), |text| With::Cel(text.to_owned()))
    }
}

struct ListReader;

impl<'de> Visitor<'de> for ListReader {
    type Value = ListText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or CEL for a list")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ListText, E> {
        Ok(ListText(ListSource::Cel(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<ListText, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(|values| ListText(ListSource::Values(values)))
    }
}

impl<'de> Deserialize<'de> for ListText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListReader)
    }
}

impl JsonSchema for ListText {
    fn schema_name() -> Cow<'static, str> {
        "List".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list of values, or CEL for a list.",
            "type": ["string", "array"],
            "x-hint": "write a list such as `[\"linux\", \"mac\"]`, or CEL such as `\"tasks.plan.outputs.parts\"`"
        })
    }
}

struct TouchesReader;

impl<'de> Visitor<'de> for TouchesReader {
    type Value = TouchesText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of globs, or CEL for one")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<TouchesText, E> {
        Ok(TouchesText(Touches::Cel(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<TouchesText, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(|globs| TouchesText(Touches::Globs(globs)))
    }
}

impl<'de> Deserialize<'de> for TouchesText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TouchesReader)
    }
}

impl JsonSchema for TouchesText {
    fn schema_name() -> Cow<'static, str> {
        "Touches".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Globs of files, each a template; or one string, CEL for such a list.",
            "type": ["string", "array"],
            "items": { "type": "string" },
            "x-hint": "write a list of globs such as `[\"src/**\"]`, or CEL for one such as `\"part.files\"`"
        })
    }
}
