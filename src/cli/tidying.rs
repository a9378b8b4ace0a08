//! Around a run of a person's repository: worktrees of earlier runs are held to the limits of `[workspace]`, and what
//! lies around is told.

use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::carry_out::{state_folder, worktrees};
use crate::cli::making::bytes;
use crate::cli::project::Project;
use crate::driver::clock::wall_now;
use crate::mission::model::WorkspacePolicy;
use crate::name::RunId;
use crate::report::plural;
use crate::workspace::cleanup::{Ground, Limits, stale, within_limits};
use crate::workspace::{Identity, Repository};

/// What is looked at, and by which limits.
#[derive(Debug)]
pub(super) struct Tidying {
    repository: Repository,
    store: PathBuf,
    worktrees: PathBuf,
    scratch: PathBuf,
    limits: Limits,
    /// What was done so far, in words.
    told: Vec<String>,
}

impl Tidying {
    /// Of a repository, by the limits of a mission.
    pub(super) fn of(context: &Context, project: &Project, repository: Repository, policy: &WorkspacePolicy) -> Self {
        let limits = Limits {
            keep_for: policy.keep_for,
            max_worktrees: policy.max_worktrees.map(|most| usize::try_from(most.get()).unwrap_or(usize::MAX)),
            max_disk: policy.max_disk,
        };
        let (worktrees, scratch) = (worktrees(context, project), state_folder(context, project).join("scratch"));
        Self { repository, store: project.store.clone(), worktrees, scratch, limits, told: Vec::new() }
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            repository: Some(&self.repository),
            store: &self.store,
            worktrees: &self.worktrees,
            scratch: &self.scratch,
        }
    }

    /// Holds what is kept to the limits.
    pub(super) fn apply(&mut self) {
        if self.limits.is_none() {
            return;
        }
        let identity = self.repository.identity().unwrap_or_else(|_| Identity::neutral());
        let told = within_limits(self.ground(), &self.limits, (&identity, wall_now()));
        self.told.extend(told);
        self.told.dedup();
    }

    /// Once more at the end of the run: what is to be told, and what lies around.
    pub(super) fn finish(mut self, run: &RunId) -> (Vec<String>, Option<String>) {
        self.apply();
        let stale = stale(self.ground(), run).map(|stale| {
            let (worktrees, runs) = (plural(stale.worktrees, "worktree"), plural(stale.runs, "ended run"));
            let least = if stale.whole { "" } else { "at least " };
            format!("{worktrees} of {runs} take {least}{}", bytes(stale.bytes))
        });
        (self.told, stale)
    }
}
