//! What engine and guard say to each other: JSON, one message a line, over one socket pair.

#![expect(missing_docs, reason = "the fields of a variant are told by the variant and by their types")]

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::amount::Millis;
use crate::mask::Mask;

/// Longest line either side accepts: a session's end with three handoffs of 64 KiB, escaped, fits many times.
pub(crate) const MAX_LINE: usize = 8 << 20;

/// Name of the file of ends that no journal holds, in the run's folder.
pub const UNRECORDED_ENDS: &str = "unrecorded-ends.json";

/// The engine's number for a child. Never used twice within a run's driving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChildId(pub u64);

impl fmt::Display for ChildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a child is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChildKind {
    /// The host of a session: its lines are reported, its standard input stays open for orders.
    Host,
    /// A command: a process group of its own, its output kept.
    Command,
}

/// A child to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawn {
    /// The engine's number for it.
    pub child: ChildId,
    /// What it is.
    pub kind: ChildKind,
    /// Whatever tells a later engine which work this was; told back in [`UnrecordedEnd`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The program, an absolute path.
    pub program: PathBuf,
    /// Its arguments, without the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Where it works.
    pub cwd: PathBuf,
    /// Its environment, on top of the guard's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// What it reads first: a host's first line (its input stays open), or the whole input of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Where a command's output goes, made when there is some.
    pub output_dir: PathBuf,
    /// How much of it is kept, in bytes.
    pub output_limit: u64,
    /// What must not be seen of its output.
    #[serde(default, skip_serializing_if = "Mask::is_empty")]
    pub mask: Mask,
    /// How long it may run: then TERM, and KILL two seconds later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
    /// Folders that it may write to, beside those that all may; `None`: it is not confined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writable: Option<Vec<PathBuf>>,
}

/// How a child is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// SIGTERM to its group.
    Term,
    /// SIGKILL to everything below it.
    Kill,
}

/// What the engine asks of the guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// The first order: where ends are left when the engine is gone, and where all that are confined may write.
    Begin { run_dir: PathBuf, writable: Vec<PathBuf> },
    /// Start a child.
    Spawn(Box<Spawn>),
    /// Write this line to a host's standard input.
    Tell { child: ChildId, line: String },
    /// Stop a child.
    Stop { child: ChildId, stop: Stop },
    /// The journal holds this child's end.
    Recorded { child: ChildId },
    /// End everything and go.
    Leave,
}

/// What the guard tells the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardReport {
    /// The child runs.
    Started { child: ChildId, pid: u32 },
    /// It could not be started.
    NotStarted { child: ChildId, why: String },
    /// A host printed this line.
    Line { child: ChildId, line: String },
    /// The child ended, and so did what it left behind. `tail` are the last lines of its output, made safe;
    /// `truncated` tells that some output was thrown away; `swept` counts what it left behind.
    Ended { child: ChildId, end: ProcessEnd, ran: Millis, tail: String, truncated: bool, swept: u32 },
    /// The guard is gone: nothing more comes, and nothing of the run is running.
    Gone { why: String },
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessEnd {
    /// It exited with this code.
    Exited(i32),
    /// It was ended by this signal, which the guard did not send.
    Signalled(i32),
    /// Its time was used up.
    TimedOut,
    /// It was stopped, as asked.
    Stopped,
}

/// An end that the engine had not recorded when it went: [`UNRECORDED_ENDS`] holds a list of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnrecordedEnd {
    /// The label of its [`Spawn`].
    pub label: String,
    /// How it ended.
    pub end: ProcessEnd,
    /// Running time.
    pub ran: Millis,
    /// The last lines of its output, made safe; bounded.
    pub tail: String,
    /// Whether some of its output was thrown away at the limit.
    pub truncated: bool,
    /// How many processes it left behind and the guard ended.
    pub swept: u32,
}
