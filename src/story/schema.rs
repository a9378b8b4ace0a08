//! The published schema of a story's front matter.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

use super::file::{PRIORITIES, Status};
use crate::catalog::schema::of_input;
use crate::name::StoryId;

/// The front matter of `stories/<name>.md`, for `schema/story.schema.json`: other keys are warnings.
///
/// The file itself is read key by key, so that each finding has its place.
#[derive(Debug, JsonSchema)]
#[schemars(title = "Story", rename = "Story")]
pub struct StoryFrontMatter {
    /// Its id, which other stories and `ai-sdlc story run` name it by.
    #[schemars(example = &"S-1")]
    pub id: StoryId,
    /// What it is about, in a line.
    #[schemars(example = &"Search by title")]
    pub title: String,
    /// Larger first: `low` (0), `medium` (10, where it is left out), `high` (20), `critical` (30), or any whole number.
    pub priority: Option<Priority>,
    /// How far it is; left out: `draft`.
    pub status: Option<Status>,
    /// The stories that must be done before it.
    #[schemars(example = ["S-1", "S-2"])]
    pub dependencies: Option<Vec<StoryId>>,
}

/// A priority as it is written.
#[derive(Debug)]
pub struct Priority;

impl JsonSchema for Priority {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Priority".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = PRIORITIES.iter().map(|(word, _)| *word).collect();
        json_schema!({ "anyOf": [
            { "type": "string", "enum": words },
            { "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX },
        ] })
    }
}

/// The JSON Schema of a story's front matter.
pub fn story_schema() -> String {
    of_input::<StoryFrontMatter>("story")
}
