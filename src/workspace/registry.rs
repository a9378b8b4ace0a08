//! Git's list of worktrees, one reader or writer at a time.
//!
//! `git worktree add` makes a worktree's private git folder piece by piece, and every git that goes through the list
//! meanwhile dies of the missing piece. So our own calls take turns, in all processes; and because an agent's git
//! takes no turns, a call that met a half-made worktree is made again.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::FlockOperation;

use crate::workspace::WorkspaceError;
use crate::workspace::git::GitError;
use crate::workspace::repository::Repository;

/// How often a call is made again: each takes longer than git takes to finish a private folder.
const TRIES: usize = 50;

impl Repository {
    /// Makes a call that goes through the list of worktrees, or adds to it.
    pub(crate) fn in_turn<T>(&self, mut call: impl FnMut() -> Result<T, GitError>) -> Result<T, WorkspaceError> {
        let _turn = self.turn()?;
        for _ in 1..TRIES {
            match call() {
                Err(GitError::Failed { stderr, .. }) if is_half_made(&stderr) => {}
                ended => return Ok(ended?),
            }
        }
        Ok(call()?)
    }

    /// The right to change the list, until it is dropped.
    pub(crate) fn turn(&self) -> Result<File, WorkspaceError> {
        let path = self.common_dir().join("ai-sdlc").join("worktrees.lock");
        lock(&path).map_err(WorkspaceError::file("lock", path))
    }
}

/// Whether git met a private folder that was not whole yet, or not any more.
fn is_half_made(stderr: &str) -> bool {
    stderr.contains("/commondir") || (stderr.contains("/worktrees/") && stderr.contains("No such file or directory"))
}

fn lock(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::options().create(true).append(true).open(path)?;
    rustix::io::retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::LockExclusive))?;
    Ok(file)
}
