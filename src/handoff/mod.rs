//! Handoff documents: what one session leaves for the next.
//!
//! Two layers: **facts** that the engine knows, and the **narrative** that the session tells. Here they are typed,
//! parsed (`parse`), compared (`verify`) and written out (`render`). A handoff is data: nothing in it can change
//! the run but the declared outputs. Pure: no files, no clock.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::amount::{Millis, Usage};
use crate::catalog::schema::of_input;
use crate::name::{Attempt, CommitId, TaskId};

pub mod fence;
pub mod parse;
pub mod render;
pub mod safe;
mod synthesise;
pub mod verify;

pub use fence::fenced_block;
pub use synthesise::synthesise;

/// The JSON Schema (draft-07) of what a session hands over, as published in `schema/handoff.schema.json`.
pub fn schema() -> String {
    of_input::<Narrative>("handoff")
}

/// What the session tells of its own work. The schema of it is `schema/handoff.schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Narrative {
    /// How far the session got, in its own words.
    pub status: Status,
    /// What was done, in a few sentences.
    #[schemars(example = &"The form is validated before it is sent.")]
    pub summary: String,
    /// What was decided, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["No new dependency: the check is one line"])]
    pub decisions: Vec<String>,
    /// What is left to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["The error text is not translated"])]
    pub remaining: Vec<String>,
    /// What nobody answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["May the field stay empty?"])]
    pub questions: Vec<String>,
    /// Notes for named tasks or roles.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "review": "Look at the empty case" }))]
    pub notes: BTreeMap<String, String>,
    /// The declared outputs, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "parts": ["api", "ui"] }))]
    pub outputs: BTreeMap<String, Value>,
    /// A judgement, where one is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why the verdict is what it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["The empty case has no test"])]
    pub reasons: Vec<String>,
    /// Free text after the front matter.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(example = &"Anything else that helps.")]
    pub text: String,
}

/// How far a session says it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All that was asked.
    Done,
    /// A part of it.
    Partial,
    /// It cannot go on.
    Stuck,
}

/// A judgement of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is good.
    Approve,
    /// It goes back.
    Rework,
}

/// Where a narrative came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The backend's structured result.
    Structured,
    /// The file at `$AI_SDLC_HANDOFF_OUT`.
    File,
    /// The last fenced block marked `handoff` of the last message.
    Message,
    /// Written by the engine, because the session left none.
    Synthesised,
}

/// What the engine knows of a task's work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// Whose work.
    pub task: TaskId,
    /// Which attempt made it.
    pub attempt: Attempt,
    /// The branch that carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that holds it; `None` where nothing was changed or there is no git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitId>,
    /// Files changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileChange>,
    /// Checks run on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckResult>,
    /// What it used.
    pub usage: Usage,
    /// Running time.
    pub duration: Millis,
}

/// One file of a diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// Path from the repository's root, `/` between parts; bytes that are no UTF-8 are shown as U+FFFD.
    pub path: String,
    /// What happened to it.
    pub change: Change,
    /// Lines added; 0 for a binary file.
    pub added: u32,
    /// Lines removed; 0 for a binary file.
    pub removed: u32,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is new.
    Added,
    /// It differs, in content, mode or type.
    Modified,
    /// It is gone.
    Deleted,
}

/// One check that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// The command, for people.
    pub command: String,
    /// How it ended.
    pub verdict: CheckVerdict,
    /// How long it took.
    pub duration: Millis,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckVerdict {
    /// It exited 0.
    Passed,
    /// It exited otherwise.
    Exited(i32),
    /// It was ended by a signal.
    Signalled(i32),
    /// It took longer than its limit.
    TimedOut,
    /// It could not be started.
    NotStarted,
    /// A rehearsal without a scenario does not run it.
    NotRun,
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use serde_json::{Value, json};

    use super::parse::{Asked, Expect, parse};
    use super::schema;

    #[test]
    fn the_schema_takes_what_is_parsed_without_a_problem() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let outputs = IndexMap::new();
        let expect = Expect { outputs: &outputs, verdict: Asked::Yes };
        for (handoff, good) in [
            (json!({"status": "done", "summary": "s", "verdict": "rework", "reasons": ["r"]}), true),
            (json!({"status": "done", "summary": "s", "verdict": "approve", "notes": {"a": "b"}, "text": "t"}), true),
            (json!({"status": "finished", "summary": "s", "verdict": "approve"}), false),
            (json!({"status": "done", "verdict": "approve"}), false),
            (json!({"status": "done", "summary": "s", "verdict": "approve", "budget": 9}), false),
            (json!({"status": "done", "summary": "s", "verdict": "yes"}), false),
        ] {
            assert_eq!(validator.is_valid(&handoff), good, "{handoff}");
            assert_eq!(parse(&handoff.to_string(), &expect).unwrap().problems.is_empty(), good, "{handoff}");
        }
    }
}
