//! The merge queue's errands: candidates, their checks, refs, delivery.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::driver::children::ChildEnd;
use crate::driver::clock::wall_now;
use crate::driver::hands::{Errand, Hands, verdict};
use crate::driver::setting::Setting;
use crate::handoff::CheckVerdict;
use crate::kernel::event::MergeSource;
use crate::kernel::fact::{CandidateResult, Delivered, DeliveryCandidate, Fact, Moved};
use crate::name::{CommitId, TaskId};
use crate::plan::argv::Argv;
use crate::workspace::{CandidateAsk, Repository, Worktree};

fn repository(setting: &Setting) -> Result<&Repository, String> {
    setting.repository.as_deref().ok_or_else(|| "this run has no repository".to_owned())
}

impl Hands {
    /// Merges a batch onto the tip, in memory.
    pub(super) async fn make_candidate(self: Rc<Self>, batch: Vec<MergeSource>) -> Fact {
        let tasks: Vec<TaskId> = batch.iter().map(|source| source.task.clone()).collect();
        let made = self
            .blocking(move |setting| {
                let ask = CandidateAsk {
                    run: &setting.run,
                    batch: &batch,
                    strategy: setting.plan().merge.strategy,
                    identity: &setting.identity,
                    agent_of: &|task| setting.agent_of(task),
                };
                Ok(repository(setting)?.make_candidate(&ask))
            })
            .await;
        let candidate = made.unwrap_or_else(|why| CandidateResult::Failed { why });
        Fact::CandidateMade { batch: tasks, candidate }
    }

    /// Checks a candidate out into the merge worktree and prepares that as any other.
    pub(super) async fn prepare_candidate(self: Rc<Self>, candidate: CommitId) -> Fact {
        let commit = candidate.clone();
        let ready = self.blocking(move |setting| check_out(setting, &commit)).await;
        let prepared = match ready {
            Ok(worktree) if worktree.is_prepared(SET_UP) => Ok(()),
            Ok(worktree) => self.set_up_merge_worktree(&worktree).await,
            Err(why) => Err(why),
        };
        Fact::CandidateReady { candidate, prepared }
    }

    async fn set_up_merge_worktree(&self, worktree: &Worktree) -> Result<(), String> {
        for index in 0..self.setting.plan().workspace.setup.len() {
            let command = self.setting.setup_command(index)?;
            let (verdict, _, tail) = verdict(self.merge_errand(&command, &format!("setup-{}", index + 1)).await);
            if verdict != CheckVerdict::Passed {
                return Err(format!("`{command}` failed in the merge worktree:\n{tail}"));
            }
        }
        worktree.set_prepared(SET_UP).map_err(|error| error.to_string())
    }

    async fn merge_errand(&self, command: &Argv, folder: &str) -> Result<ChildEnd, String> {
        let cwd = self.setting.merge_worktree()?;
        let errand = Errand {
            task: None,
            command,
            cwd: &cwd,
            env: BTreeMap::from([("AI_SDLC_RUN".to_owned(), self.setting.run.to_string())]),
            output_dir: self.setting.run_dir.join("integration").join(folder),
            timeout: Some(self.setting.merge_check_timeout()),
        };
        self.errand(errand).await
    }

    /// Runs one merge check on the merged tree.
    pub(super) async fn merge_check(self: Rc<Self>, candidate: CommitId, index: usize, command: Argv) -> Fact {
        let folder = format!("{}-check-{}", candidate.short(), index + 1);
        let (verdict, duration, tail) = verdict(self.merge_errand(&command, &folder).await);
        Fact::MergeCheckEnded { candidate, index, verdict, duration, tail }
    }

    /// Moves the integration branch.
    pub(super) async fn move_integration(self: Rc<Self>, candidate: CommitId, from: CommitId) -> Fact {
        let to = candidate.clone();
        let moved =
            self.blocking(move |setting| Ok(repository(setting)?.move_integration(&setting.run, &from, &to))).await;
        let moved = moved.unwrap_or_else(|why| Moved::Failed { why });
        Fact::IntegrationMoved { candidate, moved }
    }

    /// Prepares a delivery.
    pub(super) async fn make_delivery(self: Rc<Self>) -> Fact {
        let made = self
            .blocking(move |setting| {
                let into = setting.into()?;
                Ok(repository(setting)?.make_delivery(&setting.run, &into, &setting.identity, wall_now()))
            })
            .await;
        let delivery = made.unwrap_or_else(|why| DeliveryCandidate::Failed { why });
        Fact::DeliveryMade { delivery }
    }

    /// Moves the person's branch.
    pub(super) async fn deliver(self: Rc<Self>, commit: CommitId) -> Fact {
        let to = commit.clone();
        let done = self
            .blocking(move |setting| {
                let into = setting.into()?;
                repository(setting)?.deliver(&setting.run, &into, &to).map_err(|error| error.to_string())
            })
            .await;
        let delivered = done.unwrap_or_else(|why| {
            let command = self.setting.merge_by_hand();
            Delivered::Left { why, command }
        });
        Fact::Delivered { commit, delivered }
    }
}

/// What a merge worktree is prepared with once all its setup commands have passed.
const SET_UP: &str = "setup";

fn check_out(setting: &Setting, candidate: &CommitId) -> Result<Worktree, String> {
    let repository = repository(setting)?;
    let path = setting.merge_worktree()?;
    let worktree =
        repository.checkout_candidate(&setting.run, candidate, &path, &[]).map_err(|error| error.to_string())?;
    let policy = &setting.plan().workspace;
    repository.copy_in(&worktree, &policy.copy, &policy.link).map_err(|error| error.to_string())?;
    Ok(worktree)
}
