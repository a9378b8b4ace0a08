//! Git: repository, worktrees, snapshots, salvage, merges.
//!
//! Everything here is synchronous; the driver calls it from threads that may block. Whatever touches files of a
//! worktree is the `git` program, so that filters and sparse checkouts hold; libgit2 merges in memory. The person's
//! checkout, index and branches are never touched, but for the fast-forward of `into` that they asked for.
//!
//! An agent may do what it likes to its worktree: HEAD, the `.git` file, the index, hooks and nested repositories are
//! all its own to break. So nothing here asks the worktree what it is. What the engine must know of one is kept under
//! `ai-sdlc/worktrees/` in the repository's common git folder (a record and an index of its own), and git is told git
//! folder, work tree and index at every call.
//!
//! Main types: [`Repository`], [`Worktree`].

mod artifacts;
mod at_commit;
mod cache;
pub mod cleanup;
mod clear;
mod deliver;
mod exchange;
mod files;
mod forecast;
mod git;
mod halfway;
mod inner;
mod leftovers;
mod merge;
mod occupied;
mod pinned;
mod preflight;
mod prepare;
pub mod printed;
mod recover;
mod registry;
mod repository;
mod salvage;
mod scratch;
mod snapshot;
mod usage;
mod worktree;

use std::io;
use std::path::PathBuf;

pub use artifacts::{KeptArtifacts, artifacts_below, artifacts_in, keep_artifacts};
pub use at_commit::Beside;
pub use cache::{CacheKey, CacheStore, Changes, LookedUp, NewEntry};
pub use clear::{Cleared, Stays, UnsavedWork};
pub use deliver::Aimed;
pub use exchange::{Exchange, read_bounded};
pub use git::{Git, GitError, GitVersion};
pub use leftovers::{Found, RunBranch};
pub use merge::CandidateAsk;
pub use occupied::{Occupancy, Occupant};
pub use preflight::{Content, Preflight, PreflightAsk, Refusal};
pub use prepare::EngineFile;
pub use recover::{Recovered, SalvagedWork};
pub use repository::{Identity, RepoError, Repository, TreeSize};
pub use salvage::{Closed, SalvageWhy, Salvaged, Unsaved, delete_trash};
pub use snapshot::SnapshotAsk;
pub use usage::Patience;
pub use worktree::{Worktree, WorktreeAsk, WorktreeOf};

/// Work in a worktree, or with its refs, that could not be done. Fails one task only.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Git refused.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The repository cannot be used.
    #[error(transparent)]
    Repository(RepoError),
    /// libgit2 refused.
    #[error("cannot {doing} in memory: {}", source.message())]
    InMemory {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: git2::Error,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something lies where the worktree should, and it is not ours to remove.
    #[error("`{}` is there already and belongs to something else; move it away", path.display())]
    Taken {
        /// Where.
        path: PathBuf,
    },
    /// The path would be too long.
    #[error("the path `{}` is too long for a worktree; choose a shorter `[workspace] root`", path.display())]
    TooLong {
        /// Which one.
        path: PathBuf,
    },
    /// The worktree is gone.
    #[error("the worktree `{}` is gone", path.display())]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// A path leaves the worktree, or goes through a symbolic link.
    #[error("`{path}` cannot be written: it leaves the worktree or goes through a symbolic link")]
    Unsafe {
        /// Which one.
        path: String,
    },
    /// The branch belongs to somebody else.
    #[error(
        "branch `{branch}` is there already and was not made by this run; rename it, or change `[workspace] branch`"
    )]
    BranchTaken {
        /// Which one.
        branch: String,
    },
    /// A ref was moved by somebody else at the same moment.
    #[error("`{reference}` was moved by something else at the same time")]
    Raced {
        /// Which one.
        reference: String,
    },
}

impl WorkspaceError {
    /// Takes an input or output error with what was being done to which file.
    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_can_go_to_a_thread_that_may_block() {
        fn goes<T: Send + Sync + 'static>() {}
        goes::<Repository>();
        goes::<Worktree>();
        goes::<Preflight>();
        goes::<WorkspaceError>();
        goes::<RepoError>();
    }
}
