//! Where one task works: a word, or a table that names another task.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::mission::model::TaskWorkspace;
use crate::name::LocalTaskId;

/// Where a task works, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceText(pub TaskWorkspace);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    with: LocalTaskId,
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = PlaceText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`own`, `read-only` or a table with `with`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PlaceText, E> {
        match text {
            "own" => Ok(PlaceText(TaskWorkspace::Own)),
            "read-only" => Ok(PlaceText(TaskWorkspace::ReadOnly)),
            other => Err(E::unknown_variant(other, &["own", "read-only"])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PlaceText, A::Error> {
        let Shared { with } = Shared::deserialize(MapAccessDeserializer::new(map))?;
        Ok(PlaceText(TaskWorkspace::With((&with).into())))
    }
}

impl<'de> Deserialize<'de> for PlaceText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for PlaceText {
    fn schema_name() -> Cow<'static, str> {
        "TaskWorkspace".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut task = generator.subschema_for::<LocalTaskId>();
        task.insert("description".to_owned(), "Goes on in the worktree of this task.".into());
        task.insert("examples".to_owned(), ["build"].into_iter().collect());
        json_schema!({
            "anyOf": [
                { "type": "string", "enum": ["own", "read-only"] },
                {
                    "type": "object",
                    "properties": { "with": task },
                    "required": ["with"],
                    "additionalProperties": false
                }
            ],
            "x-hint": "write `\"own\"`, `\"read-only\"` or `{ with = \"task\" }`"
        })
    }
}
