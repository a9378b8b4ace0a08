//! How tasks end, and what failed of those that did not go well.

#![expect(missing_docs, reason = "the fields of a variant are told by the variant and by their types")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::handoff::Facts;
use crate::name::{CommitId, TaskId};

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Outcome {
    /// Accepted, and merged where there is something to merge.
    Succeeded { facts: Box<Facts>, merged: Option<CommitId> },
    /// Not accepted, and no attempt is left.
    Failed { failure: Failure },
    /// A need was skipped; or, where none is named, its own `when` was false.
    Skipped {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<TaskId>,
    },
    /// A need failed; ends when it cannot move.
    Blocked { by: TaskId },
    /// Someone stopped it or the run, or the budget did.
    Cancelled {
        why: CancelWhy,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// Its work conflicts with what was merged; branch and worktree are kept.
    Conflict { files: Vec<String>, branch: Option<String> },
}

impl Outcome {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Blocked { .. } => "blocked",
            Self::Cancelled { .. } => "cancelled",
            Self::Conflict { .. } => "conflict",
        }
    }
}

/// Why a task was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CancelWhy {
    /// The run was stopped.
    Stopped,
    /// The budget is used up.
    Budget,
    /// A person cancelled this task alone: for what needs it, it failed.
    Aborted,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Its class: it decides what happens.
    pub class: FailureClass,
    /// What happened, in one line.
    pub message: String,
    /// The last lines of what failed, made safe.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
}

/// Classes of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// A command exited other than 0.
    Exit,
    /// An agent program crashed.
    Crashed,
    /// Its running time was used up.
    TimedOut,
    /// It gave no sign of life.
    Stalled,
    /// The service behind an agent failed, again and again.
    Transient,
    /// A limit of the service behind an agent did not end.
    Limited,
    /// An agent ran out of turns, or out of room for what it says and reads.
    OutOfTurns,
    /// The agent declined.
    Refused,
    /// Its rounds are used up.
    OutOfRounds,
    /// Its own budget is used up.
    OutOfBudget,
    /// Program, model or template is wrong: trying again would change nothing.
    Misconfigured,
    /// Its workspace could not be made, or `setup` failed.
    Workspace,
    /// The merged tree did not pass.
    MergeCheck,
    /// A person rejected it.
    Rejected,
    /// What sends work back has done so as often as it may.
    SentBackTooOften,
    /// A condition, a list or a value could not be worked out, or there are too many instances.
    Expression,
    /// Of its instances, or of the tasks of its mission, some failed.
    Parts,
    /// Host, guard or store failed.
    Engine,
}
