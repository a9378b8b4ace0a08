//! What a session's host and the engine say to each other: JSON, one message a line, over the host's standard
//! input and output. The first line to the host is its [`SessionSpec`]; end-of-file there means that whoever
//! wanted the session is gone.

#![expect(missing_docs, reason = "the fields of a variant are told by the variant and by their types")]

use serde::{Deserialize, Serialize};

use crate::amount::Usage;
use crate::kernel::event::SkillUse;
use crate::kernel::fact::{Fault, StopWhy, WorkEnd};
use crate::name::SkillName;

pub use crate::agent::SessionSpec;

/// A line to the host, after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostOrder {
    /// Stop the agent its own gentle way, then TERM, then KILL.
    Stop { why: StopWhy },
    /// End everything at once.
    Kill,
}

/// A line from the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostLine {
    /// The agent runs, with this process id.
    Started { pid: u32 },
    /// The agent named its conversation.
    Conversation { conversation: String },
    /// The agent says what it is doing.
    Progress { text: String },
    /// Used since the last report.
    Used { usage: Usage },
    /// The agent's program tries again by itself, because of this.
    Retrying { fault: Fault, why: String },
    /// The session ran a skill, or read it.
    SkillUsed { skill: SkillName, how: SkillUse },
    /// It ended, nothing of it runs any more, and `result.json` is durable.
    Ended(Box<WorkEnd>),
}
