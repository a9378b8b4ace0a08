//! What the rehearsal agent plays: a task's session per attempt and round.
//!
//! ```toml
//! [[sessions]]
//! task = "build"          # left out: any task
//! attempt = 1             # left out: any attempt
//! round = 1               # left out: any round
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
//!   { hand_over = { status = "done", summary = "Built it.", outputs = { parts = ["a"] } } },
//! ]
//! ```
//! The first `[[sessions]]` table that fits is played; where none fits, the default play.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::TaskId;

/// A scenario file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Version of this format.
    #[serde(default = "one")]
    pub version: u32,
    /// What is played, the first that fits.
    #[serde(default)]
    pub sessions: Vec<ScriptedSession>,
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
    pub task: Option<TaskId>,
    /// Of which attempt; left out: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Of which round; left out: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// What it does, in order.
    #[serde(default)]
    pub play: Vec<Act>,
}

/// One thing a scripted session does: exactly one of the keys (with `text` beside `write` and `append`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Act {
    /// Writes this file, whole, with `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<String>,
    /// Appends `text` to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append: Option<String>,
    /// The text of `write` and `append`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Deletes this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<String>,
    /// Runs this command in the workspace and waits for it; its output is the session's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Vec<String>>,
    /// Says this, as an agent's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub say: Option<String>,
    /// Reports this as what it is doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// Reports this use.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<ScriptedUse>,
    /// Waits this long, such as `2s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep: Option<String>,
    /// Prints this many bytes without a newline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flood: Option<u64>,
    /// Starts this command in a session of its own and leaves it behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemonise: Option<Vec<String>>,
    /// From here on SIGTERM and SIGINT are ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_term: Option<bool>,
    /// Waits for ever, saying nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hang: Option<bool>,
    /// Ends in failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail: Option<ScriptedFailure>,
    /// Ends with this exit code and without a result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Leaves this handoff: keys as in `schema/handoff.schema.json`. Without it a session that ends by itself hands over by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hand_over: Option<serde_json::Value>,
}

/// Use as a scenario says it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedUse {
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens written while thinking.
    pub reasoning: u64,
    /// Tokens written into the cache.
    pub cache_write: u64,
    /// Tokens read from the cache.
    pub cache_read: u64,
    /// Dollars; left out: unknown.
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
}
