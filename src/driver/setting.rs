//! What does not change while a run is driven: where it is, where things lie.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::amount::Millis;
use crate::kernel::event::Place;
use crate::name::{Attempt, RunId, SessionNo, TaskId};
use crate::plan::argv::Argv;
use crate::plan::{Plan, TaskKind, render};
use crate::workspace::{Identity, Repository, WorktreeOf};

/// What does not change while a run is driven.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The run.
    pub run: RunId,
    /// What it carries out.
    pub plan: Arc<Plan>,
    /// Where it takes place.
    pub place: Place,
    /// The run's folder: journal, outputs, results.
    pub run_dir: PathBuf,
    /// Where worktrees lie: the root, below which each repository and run has a folder.
    pub worktrees: PathBuf,
    /// Its repository; `None` in `directory` mode.
    pub repository: Option<Arc<Repository>>,
    /// Who commits.
    pub identity: Identity,
    /// This program.
    pub executable: PathBuf,
    /// The environment that children start from.
    pub base_env: BTreeMap<String, String>,
    /// At most this much of a child's output is kept, in bytes.
    pub output_limit: u64,
}

impl Setting {
    /// The folder of an attempt.
    pub fn attempt_dir(&self, task: &TaskId, attempt: Attempt) -> PathBuf {
        self.run_dir.join(task.as_str()).join(attempt.to_string())
    }

    /// The folder of one session or command of an attempt.
    pub fn work_dir(&self, task: &TaskId, attempt: Attempt, session: SessionNo) -> PathBuf {
        self.attempt_dir(task, attempt).join(format!("{session}-work"))
    }

    /// The folder of the work that a label names: `task/attempt/session`.
    pub fn labelled_dir(&self, label: &str) -> Option<PathBuf> {
        let (attempt, session) = label.rsplit_once('/')?;
        Some(self.run_dir.join(attempt).join(format!("{session}-work")))
    }

    /// Where merged trees are checked.
    pub fn merge_worktree(&self) -> Result<PathBuf, String> {
        let repository = self.repository.as_deref().ok_or("this run has no repository")?;
        Ok(repository.worktree_path(&self.worktrees, &self.run, &WorktreeOf::Merge))
    }

    /// One of the setup commands, final.
    pub fn setup_command(&self, index: usize) -> Result<Argv, String> {
        let line = self.plan.workspace.setup.get(index).ok_or("there is no such setup command")?;
        render::setup(&self.plan, &self.run, line).map_err(|failure| failure.to_string())
    }

    /// The branch that is delivered to.
    pub fn into(&self) -> Result<&str, String> {
        self.plan.merge.into.as_deref().ok_or_else(|| "no branch to deliver to is set".to_owned())
    }

    /// The agent that makes a task's work, for commits.
    pub fn agent_of(&self, task: &TaskId) -> Option<String> {
        match &self.plan.tasks.get(task)?.kind {
            TaskKind::Agent(work) => Some(work.agent.to_string()),
            TaskKind::Command(_) => None,
        }
    }

    /// First line of commits of a task's work.
    pub fn title_of<'a>(&'a self, task: &'a TaskId) -> &'a str {
        self.plan.tasks.get(task).map_or(task.as_str(), |planned| planned.title.as_str())
    }

    /// How long one merge check may take: what the most patient task gives to a check of its own.
    pub fn merge_check_timeout(&self) -> Millis {
        self.plan.tasks.values().map(|task| task.check_timeout).max().unwrap_or(Millis::from_mins(10))
    }

    /// The command that delivers by hand.
    pub fn merge_by_hand(&self) -> String {
        format!("git merge --ff-only ai-sdlc/{}/integration", self.run)
    }

    /// The program search path of children.
    pub fn path(&self) -> Option<&str> {
        self.base_env.get("PATH").map(String::as_str)
    }

    /// The directory of the project.
    pub fn directory(&self) -> &Path {
        &self.place.directory
    }
}
