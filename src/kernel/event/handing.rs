//! A task handed from one session to the next in the middle of its work.

#![expect(missing_docs, reason = "the fields of a variant are told by the variant and by their types")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::handoff::Source;
use crate::plan::GivenHandoff;

/// Why a task is handed to a next session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HandOffWhy {
    /// A person wants it.
    Asked,
    /// The conversation cannot go on: it is full, or its program does not know it any more.
    Context,
    /// The session's part of the budget is used up; there is more of it.
    Share,
    /// The budget is used up: what follows, follows with a larger one.
    Budget,
}

/// How far that is. Its session has been stopped, or has ended by itself, before the first of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "name")]
pub enum HandoffStep {
    /// What the session left to hand over was found there.
    Document { source: Source },
    /// What is in the workspace is recorded; this is what the next session is told.
    Commit { handoff: Box<GivenHandoff> },
    /// The next session begins, in a conversation of its own.
    Next,
}
