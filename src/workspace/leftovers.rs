//! What is left of worktrees and runs that nothing leads to any more, and refs of runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::name::{CommitId, RunId};
use crate::workspace::WorkspaceError;
use crate::workspace::clear::trash_in;
use crate::workspace::git::GitError;
use crate::workspace::repository::Repository;
use crate::workspace::worktree::{Record, subfolders};

/// Something that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A worktree that was never made whole.
    HalfMade {
        /// Of which run.
        run: RunId,
        /// Where it was to be.
        path: PathBuf,
        /// The engine's record of it.
        state: PathBuf,
    },
    /// One that was removed and not deleted.
    Trash {
        /// Of which run.
        run: Option<RunId>,
        /// Where.
        path: PathBuf,
    },
    /// A folder where worktrees lie, without a record.
    Unknown {
        /// Of which run.
        run: Option<RunId>,
        /// Where.
        path: PathBuf,
    },
}

/// A branch of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunBranch {
    /// Of which run.
    pub run: RunId,
    /// Its name, without `refs/heads/`.
    pub name: String,
    /// What it holds.
    pub tip: CommitId,
    /// Where it is checked out.
    pub checked_out: Option<String>,
}

impl RunBranch {
    /// Reads what git prints of one branch: name, commit and checkout, apart by NUL.
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\0');
        let (name, tip, place) = (fields.next()?, fields.next()?, fields.next()?);
        let run = RunId::parse(name.strip_prefix("ai-sdlc/")?.split('/').next()?).ok()?;
        let checked_out = (!place.is_empty()).then(|| place.to_owned());
        Some(Self { run, name: name.to_owned(), tip: CommitId::parse(tip).ok()?, checked_out })
    }
}

impl Repository {
    /// What is left below the folder of this repository's worktrees, and wherever else its worktrees lie.
    pub fn left_behind(&self, root: &Path) -> Vec<Found> {
        let mut found = Vec::new();
        let mut known: BTreeSet<PathBuf> = BTreeSet::new();
        let mut folders: BTreeSet<PathBuf> = subfolders(&self.worktrees_below(root)).into_iter().collect();
        for state in self.all_states() {
            let Some(record) = Record::read(&state) else { continue };
            folders.extend(record.path.parent().map(Path::to_owned));
            if record.gitdir.is_none() {
                found.push(Found::HalfMade { run: record.run, path: record.path.clone(), state });
            }
            known.insert(record.path);
        }
        for folder in folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect::<BTreeSet<_>>() {
            let run = folder.file_name().and_then(|name| RunId::parse(name.to_str()?).ok());
            found.extend(trash_in(&folder).into_iter().map(|path| Found::Trash { run: run.clone(), path }));
            // A folder of another shape is not one of ours.
            let inside = if run.is_some() { subfolders(&folder) } else { Vec::new() };
            let unknown = inside.into_iter().filter(|path| !known.contains(path) && !is_hidden(path));
            found.extend(unknown.map(|path| Found::Unknown { run: run.clone(), path }));
        }
        found
    }

    /// Branches `ai-sdlc/<run>/…`.
    pub fn run_branches(&self) -> Result<Vec<RunBranch>, WorkspaceError> {
        let format = "--format=%(refname:lstrip=2)%00%(objectname)%00%(worktreepath)";
        let printed = self.in_turn(|| self.shared(["for-each-ref", format, "refs/heads/ai-sdlc/"]).text())?;
        Ok(printed.lines().filter_map(RunBranch::parse).collect())
    }

    /// As which commits the tasks of a run were merged, by the name of their path: from the history of its integration branch.
    pub fn merges_of(&self, run: &RunId) -> BTreeMap<String, CommitId> {
        let Ok(Some(tip)) = self.integration_tip(run) else { return BTreeMap::new() };
        let format = "--format=%H%x00%(trailers:key=Ai-Sdlc-Task,valueonly,separator=%x01)%x00%(trailers:key=Ai-Sdlc-Run,valueonly,separator=%x01)";
        let printed = self.shared(["log", "--first-parent", "--max-count=20000", format, tip.as_str()]).text();
        let mut merges = BTreeMap::new();
        for line in printed.unwrap_or_default().lines() {
            let mut fields = line.split('\0');
            let (Some(id), Some(task), Some(of)) = (fields.next(), fields.next(), fields.next()) else { continue };
            if of != run.as_str() || task.is_empty() {
                continue;
            }
            if let (Ok(commit), Ok(task)) = (CommitId::parse(id), crate::name::TaskId::parse(task)) {
                merges.entry(task.path_name()).or_insert(commit);
            }
        }
        merges
    }

    /// Whether what a branch of a run holds is on a branch, tag or remote that is none of the run's: itself, or as what
    /// it was merged as.
    pub fn is_elsewhere(
        &self,
        branch: &RunBranch,
        merges: &BTreeMap<String, CommitId>,
    ) -> Result<bool, WorkspaceError> {
        if self.is_held_outside(&branch.run, &branch.tip)? {
            return Ok(true);
        }
        let start = format!("ai-sdlc/{}/", branch.run);
        let task = branch.name.strip_prefix(&start).unwrap_or_default();
        let Some(merged) = merges.get(task) else { return Ok(false) };
        // What was merged last of it, and nothing since: the merge has a tree of its own, so the titles of both tell.
        let newer = self.shared(["log", "-1", "--format=%ct", branch.tip.as_str()]).text()?;
        let older = self.shared(["log", "-1", "--format=%ct", merged.as_str()]).text()?;
        let is_newer = newer.trim().parse::<i64>().unwrap_or(i64::MAX) > older.trim().parse().unwrap_or(0);
        Ok(!is_newer && self.is_held_outside(&branch.run, merged)?)
    }

    fn is_held_outside(&self, run: &RunId, commit: &CommitId) -> Result<bool, WorkspaceError> {
        let own = [format!("refs/heads/ai-sdlc/{run}/"), format!("refs/ai-sdlc/salvage/{run}/")];
        let refs = self
            .in_turn(|| self.shared(["for-each-ref", "--format=%(refname)", "--contains", commit.as_str()]).text())?;
        let is_own = |name: &str| own.iter().any(|own| name.starts_with(own)) || name == "refs/stash";
        Ok(refs.lines().any(|name| !is_own(name)))
    }

    /// Removes a ref if it holds what it held.
    pub(crate) fn remove_ref(&self, name: &str, tip: &CommitId) -> Result<(), GitError> {
        self.shared(["update-ref", "--no-deref", "-d", name, tip.as_str()]).run()
    }

    /// Removes the record of a worktree that was never whole, and what is there of it.
    pub(crate) fn remove_record(&self, state: &Path) -> Result<(), WorkspaceError> {
        let record = Record::read(state).filter(|record| record.gitdir.is_none());
        let Some(record) = record else { return Ok(()) };
        self.remove_half_made(&record, state)?;
        for above in [state.parent(), record.path.parent()].into_iter().flatten() {
            fs::remove_dir(above).ok();
        }
        Ok(())
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}
