//! What the rehearsal agent plays: a task's session per attempt and round; and how gates are answered in a rehearsal.
//!
//! ```toml
//! [[sessions]]
//! task = "build"          # left out: any task; `build` is also each `build[auth]`, `spec` also `feature[auth]/spec`
//! kind = "work"           # work (where it is left out) or review
//! attempt = 1             # left out: any attempt
//! round = 1               # left out: any round
//! session = 1             # left out: any session of the attempt: one after a limit has the next number
//! play = [
//!   { say = "working" },
//!   { write = "src/a.txt", text = "hello\n" },
//!   { append = "log.txt", text = "more\n" },
//!   { delete = "old.txt" },
//!   { run = ["sh", "-c", "make"] },
//!   { progress = "half way" },
//!   { use = { input = 1200, output = 80, usd = 0.02 } },
//!   { sleep = "2s" },
//!   { flood = 1000000 },
//!   { daemonise = ["sleep", "600"] },
//!   { ignore_term = true },
//!   { hang = true },
//!   { fail = "crash" },   # crash, refuse, or an exit code: { exit = 3 }
//!   { fail = "limited", wait = "2s", why = "429" },  # limited, transient, misconfigured, out-of-budget, out-of-turns
//!   { retrying = "limited", wait = "2s" },           # its program says that it tries again by itself
//!   { hand_over = { status = "done", summary = "Built it.", outputs = { parts = ["a"] } } },
//! ]
//!
//! [[gates]]
//! task = "ship"           # left out: any gate
//! time = 1                # the first time it asks; left out: any
//! answer = "reject"       # approve (where it is left out) or reject
//! message = "Not yet."
//! ```
//! The first `[[sessions]]` table that fits is played; where none fits, the default play. The first `[[gates]]` table
//! that fits answers, in scratch clones only; where none fits, the gate is approved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::TaskId;

mod read;

pub use read::{LoadedScenario, load};

/// A scenario file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Version of this format.
    #[serde(default = "one")]
    #[schemars(example = 1)]
    pub version: u32,
    /// What is played, the first that fits.
    #[serde(default)]
    pub sessions: Vec<ScriptedSession>,
    /// How gates are answered in a scratch clone, the first that fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<ScriptedGate>,
}

/// One scripted answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedGate {
    /// Which gate; left out: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"release")]
    pub task: Option<TaskId>,
    /// The how-manieth time it asks, from 1; left out: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1)]
    pub time: Option<u32>,
    /// What is answered.
    #[serde(default)]
    pub answer: ScriptedAnswer,
    /// What is said with it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(example = &"Smaller steps, please.")]
    pub message: String,
}

/// A scripted answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptedAnswer {
    /// It goes on.
    #[default]
    Approve,
    /// It goes back, or fails.
    Reject,
}

/// What a scripted session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptedKind {
    /// To do the task.
    #[default]
    Work,
    /// To read what was done.
    Review,
}

impl Scenario {
    /// The answer to a gate that asks for the `time`th time, if one is written down.
    pub fn answer(&self, gate: &TaskId, time: u32) -> Option<&ScriptedGate> {
        self.gates.iter().find(|scripted| {
            scripted.task.as_ref().is_none_or(|task| fits(task, gate))
                && scripted.time.is_none_or(|scripted| scripted == time)
        })
    }
}

/// Whether a task of a run is meant by this id: itself, without the keys of its instances, or by its id in its own
/// mission file.
pub fn fits(meant: &TaskId, task: &TaskId) -> bool {
    let (meant, whole) = (meant.as_str(), task.as_str());
    meant == whole || meant == task.local() || meant == without_keys(whole)
}

fn without_keys(id: &str) -> String {
    let ids: Vec<&str> = id.split('/').map(|part| part.split_once('[').map_or(part, |(id, _)| id)).collect();
    ids.join("/")
}

fn one() -> u32 {
    1
}

/// One scripted session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedSession {
    /// Whose session; left out: any task's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"build")]
    pub task: Option<TaskId>,
    /// What it is for.
    #[serde(default)]
    pub kind: ScriptedKind,
    /// Of which attempt; left out: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1)]
    pub attempt: Option<u32>,
    /// Of which round; left out: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 2)]
    pub round: Option<u32>,
    /// The how-manieth session of its attempt, from 1; left out: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1)]
    pub session: Option<u32>,
    /// What it does, in order.
    #[serde(default)]
    pub play: Vec<Act>,
}

/// One thing a scripted session does: exactly one of the keys (with `text` beside `write` and `append`,
/// and `wait` and `why` beside `fail` and `retrying`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Act {
    /// Writes this file, whole, with `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"src/a.txt")]
    pub write: Option<String>,
    /// Appends `text` to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"log.txt")]
    pub append: Option<String>,
    /// The text of `write` and `append`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"hello\n")]
    pub text: Option<String>,
    /// Deletes this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"old.txt")]
    pub delete: Option<String>,
    /// Runs this command in the workspace and waits for it; its output is the session's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["sh", "-c", "make"])]
    pub run: Option<Vec<String>>,
    /// Says this, as an agent's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"working")]
    pub say: Option<String>,
    /// Reports this as what it is doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"half way")]
    pub progress: Option<String>,
    /// Reports this use.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<ScriptedUse>,
    /// Waits this long, such as `2s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"2s")]
    pub sleep: Option<String>,
    /// Prints this many bytes without a newline.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1_000_000)]
    pub flood: Option<u64>,
    /// Starts this command in a session of its own and leaves it behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = ["sleep", "600"])]
    pub daemonise: Option<Vec<String>>,
    /// From here on SIGTERM and SIGINT are ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_term: Option<bool>,
    /// Waits for ever, saying nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang: Option<bool>,
    /// Ends in failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"limited")]
    pub fail: Option<ScriptedFailure>,
    /// Says that its program tries again by itself, because of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"limited")]
    pub retrying: Option<ScriptedFailure>,
    /// How long a limit lasts, such as `2s`; left out: nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"2s")]
    pub wait: Option<String>,
    /// What is said of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"429 too many requests")]
    pub why: Option<String>,
    /// Ends with this exit code and without a result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 3)]
    pub exit: Option<i32>,
    /// Leaves this handoff: keys as in `schema/handoff.schema.json`. Without it a session that ends by itself hands over by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = serde_json::json!({ "status": "done", "summary": "Built it." }))]
    pub hand_over: Option<serde_json::Value>,
}

/// Use as a scenario says it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedUse {
    /// Tokens read.
    #[schemars(example = 1200)]
    pub input: u64,
    /// Tokens written.
    #[schemars(example = 80)]
    pub output: u64,
    /// Tokens written while thinking.
    #[schemars(example = 40)]
    pub reasoning: u64,
    /// Tokens written into the cache.
    #[schemars(example = 500)]
    pub cache_write: u64,
    /// Tokens read from the cache.
    #[schemars(example = 9000)]
    pub cache_read: u64,
    /// Dollars; left out: unknown.
    #[schemars(example = 0.02)]
    pub usd: Option<f64>,
}

/// How a scripted session fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptedFailure {
    /// Ends itself by a signal.
    Crash,
    /// Declines the work.
    Refuse,
    /// The service behind it failed.
    Transient,
    /// Too much was asked of the service.
    Limited,
    /// Login, model or arguments are wrong.
    Misconfigured,
    /// The cap that it was given is used up.
    OutOfBudget,
    /// It ran out of turns.
    OutOfTurns,
    /// Its conversation is full.
    OutOfContext,
}

#[cfg(test)]
mod tests {
    use super::{Scenario, ScriptedAnswer, fits};
    use crate::name::TaskId;

    fn id(text: &str) -> TaskId {
        TaskId::parse(text).unwrap()
    }

    #[test]
    fn a_task_is_meant_by_each_of_its_names() {
        for meant in ["feature[auth]/spec", "feature/spec", "spec"] {
            assert!(fits(&id(meant), &id("feature[auth]/spec")), "{meant}");
        }
        assert!(!fits(&id("feature"), &id("feature[auth]/spec")));
        assert!(!fits(&id("feature[a]/spec"), &id("feature[auth]/spec")));
    }

    #[test]
    fn gates_are_answered_by_the_first_that_fits() {
        let text = r#"gates = [
            { task = "ship", time = 1, answer = "reject", message = "no" },
            { task = "ship", message = "yes" },
        ]"#;
        let scenario: Scenario = toml::from_str(text).unwrap();
        let said = |gate: &str, time| scenario.answer(&id(gate), time).map(|one| (one.answer, one.message.as_str()));
        assert_eq!(said("ship", 1), Some((ScriptedAnswer::Reject, "no")));
        assert_eq!(said("ship", 2), Some((ScriptedAnswer::Approve, "yes")));
        assert_eq!(said("other", 1), None);
    }
}
