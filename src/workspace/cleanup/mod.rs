//! Cleaning up: what runs left behind, what of it may go, and why the rest stays.
//!
//! [`survey`] looks and decides and changes nothing; [`carry_out`](Survey::carry_out) does what it says, each thing
//! looked at once more before it goes. What goes is renamed first and deleted afterwards, so that nothing half deleted
//! is ever taken for whole, and what an interrupted clean-up left is found by its name.
//!
//! Never taken: anything of a live run, a worktree with a process in it, with unsaved work, or locked by a person, and
//! what is the last copy of anybody's work. Each of these says what would free it.

mod carry;
mod gather;
mod limits;
mod lying;
mod runs;

use std::path::{Path, PathBuf};

pub use gather::{SurveyError, survey};
pub use limits::{Kept, Limits, beyond};
pub use lying::{Lying, Stale, lying, stale, within_limits};
pub use runs::State;

use crate::amount::{Millis, WallTime};
use crate::name::RunId;
use crate::workspace::{Repository, UnsavedWork, Worktree};

/// Where things are.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The repository; `None` without git.
    pub repository: Option<&'a Repository>,
    /// Where runs and locks lie.
    pub store: &'a Path,
    /// Below which worktrees lie by default.
    pub worktrees: &'a Path,
    /// Below which scratch clones lie.
    pub scratch: &'a Path,
}

/// Whose leftovers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Of runs that are over: what can be resumed stays.
    Over,
    /// Of this run.
    One(RunId),
    /// Of all runs that are not live.
    All,
}

/// What is done with the last copy of something: salvaged work, artifacts, branches that were merged nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastCopies {
    /// They stay.
    Stay,
    /// They go.
    Go,
}

/// What is to be cleaned up.
#[derive(Debug, Clone)]
pub struct CleanupAsk {
    /// Whose.
    pub scope: Scope,
    /// Only what nobody used for this long.
    pub older_than: Option<Millis>,
    /// Nothing of the latest runs, this many.
    pub keep: Option<usize>,
    /// Only as much, the oldest first, that the rest takes no more than this.
    pub max_bytes: Option<u64>,
    /// Worktrees with unsaved work.
    pub unsaved: UnsavedWork,
    /// The last copies of something.
    pub last_copies: LastCopies,
    /// The present.
    pub now: WallTime,
}

impl CleanupAsk {
    /// Whether whole runs go: only by age or number.
    fn takes_runs(&self) -> bool {
        self.older_than.is_some() || self.keep.is_some()
    }
}

/// A kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A worktree.
    Worktree,
    /// One that was not made whole, or whose folder is gone.
    Remains,
    /// One that was removed and not deleted yet.
    Trash,
    /// The clone of a rehearsal, with all its worktrees.
    Scratch,
    /// A folder where worktrees lie that nothing is known of.
    Unknown,
    /// A branch of a run.
    Branch,
    /// Work that was salvaged.
    Salvaged,
    /// A run's folder: journal, logs, artifacts.
    Run,
}

impl What {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Worktree => "worktree",
            Self::Remains => "remains",
            Self::Trash => "trash",
            Self::Scratch => "scratch",
            Self::Unknown => "unknown",
            Self::Branch => "branch",
            Self::Salvaged => "salvaged",
            Self::Run => "run",
        }
    }
}

/// Whether something goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Goes,
    /// It does not.
    Stays {
        /// Why.
        why: String,
        /// The command that would free it, where there is one.
        free: Option<String>,
    },
}

impl Verdict {
    fn stays(why: impl Into<String>, free: impl Into<String>) -> Self {
        let free: String = free.into();
        Self::Stays { why: why.into(), free: (!free.is_empty()).then_some(free) }
    }
}

/// One thing that was found.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is.
    pub what: What,
    /// Of which run.
    pub run: Option<RunId>,
    /// Of which task, attempt, …: the rest of its name.
    pub name: String,
    /// Its path, or the ref that it is.
    pub place: String,
    /// What it takes on the disk.
    pub bytes: u64,
    /// When it was used last, as far as can be told.
    pub used: WallTime,
    /// Whether it goes.
    pub verdict: Verdict,
    thing: Thing,
}

/// What is removed, and how.
#[derive(Debug, Clone)]
enum Thing {
    Worktree(Box<Worktree>),
    /// The engine's record of a worktree that is not there.
    Record(PathBuf),
    Folder(PathBuf),
    Ref {
        name: String,
        tip: crate::name::CommitId,
    },
    Nothing,
}

impl Item {
    /// Whether it goes.
    pub fn goes(&self) -> bool {
        self.verdict == Verdict::Goes
    }
}

/// What was found, in order: by run, the latest first.
#[derive(Debug, Clone)]
pub struct Survey {
    /// All of it.
    pub items: Vec<Item>,
    ask: CleanupAsk,
}

/// What became of one thing that was to go.
#[derive(Debug, Clone)]
pub struct Done {
    /// Which.
    pub item: Item,
    /// What was saved of it first, as a ref; or why it is there still.
    pub outcome: Result<Option<String>, String>,
}
