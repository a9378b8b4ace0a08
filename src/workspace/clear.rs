//! Taking worktrees away without losing anything: never one with a process in it, one that somebody locked, or one
//! whose unsaved work cannot be saved first.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::amount::WallTime;
use crate::kernel::event::KeepWorkspace;
use crate::name::RunId;
use crate::workspace::exchange::{read_bounded, read_small};
use crate::workspace::files;
use crate::workspace::git::path_of;
use crate::workspace::occupied::{Occupancy, Occupant};
use crate::workspace::printed::LONGEST;
use crate::workspace::repository::{Identity, Repository};
use crate::workspace::salvage::{SalvageWhy, Salvaged, Unsaved, delete_trash};
use crate::workspace::worktree::{Worktree, WorktreeOf};

/// Why a worktree is left where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stays {
    /// Processes are in it.
    Occupied(Vec<Occupant>),
    /// Somebody else locked it.
    Locked {
        /// What they said.
        reason: String,
    },
    /// It was moved.
    Moved {
        /// Where to.
        to: PathBuf,
    },
    /// Something in it is saved nowhere.
    Unsaved(Unsaved),
    /// What is in it could not be saved, or it could not be removed.
    Failed {
        /// Why.
        why: String,
    },
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied(occupants) => {
                let shown: Vec<String> = occupants.iter().take(3).map(Occupant::to_string).collect();
                let more = occupants.len().saturating_sub(shown.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                write!(f, "in use by {}{more}", shown.join(", "))
            }
            Self::Locked { reason } if reason.is_empty() => f.write_str("locked by `git worktree lock`"),
            Self::Locked { reason } => write!(f, "locked by `git worktree lock`: {reason}"),
            Self::Moved { to } => write!(f, "moved to {}", to.display()),
            Self::Unsaved(unsaved) => write!(f, "{} saved nowhere else", unsaved.words()),
            Self::Failed { why } => f.write_str(why),
        }
    }
}

/// What became of a worktree that was to go.
#[derive(Debug)]
pub struct Cleared {
    /// Where it was, or is.
    pub path: PathBuf,
    /// What it was for.
    pub of: WorktreeOf,
    /// What was saved of it first, or why it stays.
    pub outcome: Result<Option<Salvaged>, Stays>,
}

/// What is done with unsaved work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsavedWork {
    /// Its worktree stays.
    Stays,
    /// It is saved, then its worktree goes.
    IsSaved,
}

impl Repository {
    /// Removes all worktrees of a run, also the one that merges were checked in. Unsaved work is saved first. Only for a
    /// run that nobody drives.
    pub fn clear_run(&self, run: &RunId, identity: &Identity, at: WallTime) -> Vec<Cleared> {
        let occupancy = Occupancy::look();
        let worktrees = self.list_worktrees(Some(run));
        worktrees
            .into_iter()
            .map(|worktree| {
                let outcome = match self.reason_to_stay(&worktree, &occupancy, UnsavedWork::IsSaved) {
                    Some(stays) => Err(stays),
                    None => self.clear_worktree(&worktree, (identity, at)),
                };
                Cleared { path: worktree.path, of: worktree.of, outcome }
            })
            .collect()
    }

    /// Removes one worktree, unsaved work saved first. Whether it may go was asked before.
    pub fn clear_worktree(&self, worktree: &Worktree, by: (&Identity, WallTime)) -> Result<Option<Salvaged>, Stays> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: crate::workspace::WorkspaceError| Stays::Failed { why: format!("{what}: {error}") }
        };
        let (identity, at) = by;
        let mut salvaged = None;
        if files::is_real_dir(&worktree.path) {
            let saved = self.salvage_before(SalvageWhy::Removal, worktree, by);
            salvaged = saved.map_err(failed("its unsaved work could not be saved"))?;
        }
        let closed = self.close(worktree, KeepWorkspace::Remove, identity, at);
        let closed = closed.map_err(failed("it could not be removed"))?;
        if let Some(trash) = closed.trash {
            delete_trash(&trash).map_err(failed("it could not be deleted whole"))?;
        }
        if let Some(folder) = worktree.path.parent() {
            delete_trash_in(folder);
        }
        Ok(salvaged.or(closed.salvaged))
    }

    /// Why a worktree may not go, if there is a reason. Changes nothing in it.
    pub fn reason_to_stay(
        &self,
        worktree: &Worktree,
        occupancy: &Occupancy,
        unsaved_work: UnsavedWork,
    ) -> Option<Stays> {
        if let Some(to) = moved_to(worktree) {
            return Some(Stays::Moved { to });
        }
        let occupants = occupancy.of(&worktree.path);
        if !occupants.is_empty() {
            return Some(Stays::Occupied(occupants));
        }
        let locked = read_small(&worktree.gitdir.join("locked")).map(|text| text.trim().to_owned());
        if let Some(reason) = locked.filter(|reason| !reason.starts_with(OUR_LOCK)) {
            return Some(Stays::Locked { reason });
        }
        if unsaved_work == UnsavedWork::IsSaved || !files::is_real_dir(&worktree.path) {
            return None;
        }
        match self.unsaved(worktree) {
            Ok(None) => None,
            Ok(Some(unsaved)) => Some(Stays::Unsaved(unsaved)),
            Err(error) => Some(Stays::Failed { why: format!("what is unsaved in it cannot be told: {error}") }),
        }
    }
}

/// How the reason of our own locks begins.
pub(crate) const OUR_LOCK: &str = "in use by ai-sdlc run";

/// Deletes worktrees beside this one that were renamed and not deleted, and the folder if nothing is left in it.
fn delete_trash_in(folder: &Path) {
    for path in trash_in(folder) {
        if let Err(error) = delete_trash(&path) {
            tracing::warn!(%error, "a removed worktree could not be deleted");
        }
    }
    fs::remove_dir(folder).ok();
}

/// What was renamed in a folder to be deleted, and is there still.
pub(crate) fn trash_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_trash = |name: &str| name.starts_with('.') && name.contains(super::salvage::TRASH);
    let mut found: Vec<PathBuf> =
        entries.filter(|entry| entry.file_name().to_str().is_some_and(is_trash)).map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Where git says that a worktree is, if that is another place and something is there.
fn moved_to(worktree: &Worktree) -> Option<PathBuf> {
    let text = read_bounded(&worktree.gitdir.join("gitdir"), LONGEST)?;
    let file = path_of(text.strip_suffix(b"\n").unwrap_or(&text));
    let place = file.parent()?;
    let elsewhere = place != worktree.path && file.is_file() && !files::is_real_dir(&worktree.path);
    elsewhere.then(|| place.to_owned())
}
