//! Snapshots and checks of a task's work.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::amount::Millis;
use crate::driver::clock::wall_now;
use crate::driver::hands::place::worktree_at;
use crate::driver::hands::{Briefing, Errand, Hands, verdict};
use crate::driver::setting::Setting;
use crate::handoff::CheckVerdict;
use crate::kernel::fact::{Fact, Snapshot, WorkEnd, WorkKey};
use crate::name::{Attempt, CommitId, Round, TaskId};
use crate::plan::argv::Argv;
use crate::plan::render;
use crate::workspace::SnapshotAsk;

/// Which check of what.
#[derive(Debug, Clone)]
pub(super) struct CheckAt {
    pub(super) task: TaskId,
    pub(super) attempt: Attempt,
    pub(super) round: Round,
    pub(super) index: usize,
}

impl Hands {
    /// Records what is in the workspace as a commit. Told as changed is what differs from `since`, where that is given.
    pub(super) async fn snapshot(self: Rc<Self>, task: TaskId, attempt: Attempt, since: Option<CommitId>) -> Fact {
        let path = self.place_of(&task, attempt);
        let of = task.clone();
        if let Some(since) = &since {
            self.since.borrow_mut().insert((task.clone(), attempt), since.clone());
        }
        self.taken_over.borrow_mut().remove(&(task.clone(), attempt));
        let done = self.blocking(move |setting| take_snapshot(setting, &of, &path, since.as_ref())).await;
        match done {
            Ok(snapshot) => {
                self.saved.borrow_mut().insert((task.clone(), attempt), snapshot.commit.clone());
                self.unsaved.borrow_mut().remove(&(task.clone(), attempt));
                Fact::Snapshotted { task, attempt, snapshot: Box::new(snapshot) }
            }
            Err(why) => Fact::SnapshotFailed { task, attempt, why },
        }
    }

    /// Runs one check on the snapshot, then puts back what it changed.
    pub(super) async fn check(self: Rc<Self>, at: CheckAt, command: Argv, briefing: Briefing) -> Fact {
        let CheckAt { task, attempt, round, index } = at;
        let cwd = self.place_of(&task, attempt);
        let taken_over = self.taken_over.borrow_mut().remove(&(task.clone(), attempt));
        if taken_over {
            // The check that died with its engine may have changed files, and a person since: this one is on the
            // snapshot, too.
            match self.before_putting_back((task.clone(), attempt), &cwd).await {
                Ok(()) => drop(self.put_back(&task, attempt, cwd.clone()).await),
                Err(why) => {
                    let (verdict, duration, tail) = (CheckVerdict::NotStarted, Millis::ZERO, why);
                    let changed = Vec::new();
                    return Fact::CheckEnded { task, attempt, round, index, verdict, duration, tail, changed };
                }
            }
        }
        let folder = format!("{round}-check-{}", index + 1);
        let errand = Errand {
            task: Some(&task),
            command: &command,
            cwd: &cwd,
            env: self.with_secrets(briefing.env, &task),
            output_dir: self.setting.attempt_dir(&task, attempt).join(folder),
            timeout: self.setting.plan().tasks.get(&task).map(|task| task.check_timeout),
        };
        let (verdict, duration, tail) = verdict(self.errand(errand).await);
        let changed = self.put_back(&task, attempt, cwd).await;
        Fact::CheckEnded { task, attempt, round, index, verdict, duration, tail, changed }
    }

    /// Puts back what a reviewer changed whose end an earlier engine did not get to take, then tells that end.
    pub(in crate::driver) fn put_back_after_review(self: &Rc<Self>, key: WorkKey, end: WorkEnd) {
        let hands = Rc::clone(self);
        self.spawn(async move {
            let path = hands.place_of(&key.task, key.attempt);
            if let Err(why) = hands.before_putting_back((key.task.clone(), key.attempt), &path).await {
                tracing::warn!(task = %key.task, why, "what a reviewer changed is left where it is");
                return Fact::WorkEnded { key, end: Box::new(end) };
            }
            hands.put_back(&key.task, key.attempt, path).await;
            Fact::WorkEnded { key, end: Box::new(end) }
        });
    }

    /// Puts a workspace back to its last snapshot; tells what differed.
    pub(super) async fn put_back(&self, task: &TaskId, attempt: Attempt, path: PathBuf) -> Vec<String> {
        let saved = self.saved.borrow().get(&(task.clone(), attempt)).cloned().flatten();
        let restored = self.blocking(move |setting| put_back(setting, &path, saved)).await;
        restored.unwrap_or_else(|why| {
            tracing::warn!(%task, why, "what a check or a reviewer changed could not be put back");
            Vec::new()
        })
    }
}

fn take_snapshot(setting: &Setting, task: &TaskId, path: &Path, since: Option<&CommitId>) -> Result<Snapshot, String> {
    if setting.repository.is_none() {
        return Ok(Snapshot { commit: None, files: Vec::new(), notes: Vec::new() });
    }
    let (worktree, repository) = worktree_at(setting, path)?;
    let branch = render::branch(&setting.plan(), &setting.run, task);
    let agent = setting.agent_of(task);
    let ask = SnapshotAsk {
        task,
        branch: branch.as_deref(),
        title: &setting.title_of(task),
        agent: agent.as_deref(),
        identity: &setting.identity,
        at: wall_now(),
        exclude: &[],
    };
    let mut snapshot = repository.snapshot(&worktree, &ask).map_err(|error| error.to_string())?;
    if let Some(since) = since {
        let now = snapshot.commit.as_ref().unwrap_or(&worktree.base);
        snapshot.files = repository.changed_files(since, now).map_err(|error| error.to_string())?;
    }
    Ok(snapshot)
}

/// Puts a workspace back to its last snapshot, or to its base where nothing differed from that.
fn put_back(setting: &Setting, path: &Path, saved: Option<CommitId>) -> Result<Vec<String>, String> {
    if setting.repository.is_none() {
        return Ok(Vec::new());
    }
    let (worktree, repository) = worktree_at(setting, path)?;
    let to = saved.unwrap_or_else(|| worktree.base.clone());
    repository.restore(&worktree, &to, &[]).map_err(|error| error.to_string())
}
