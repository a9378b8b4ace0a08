//! What does not change while a run is driven: where it is, where things lie.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::amount::Millis;
use crate::driver::sandbox::Confines;
use crate::driver::secrets::Secrets;
use crate::kernel::event::{Event, Place, SessionKind};
use crate::mask::Mask;
use crate::name::{AgentName, Attempt, RunId, SessionNo, TaskId};
use crate::plan::argv::Argv;
use crate::plan::{Plan, TaskKind, render};
use crate::workspace::{Identity, Repository, WorktreeOf};

/// What does not change while a run is driven.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The run.
    pub run: RunId,
    /// What it carries out.
    pub plan: PresentPlan,
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
    /// What sessions of an agent are given of the person's environment besides: what its program needs.
    pub agent_env: BTreeMap<AgentName, BTreeMap<String, String>>,
    /// At most this much of a child's output is kept, in bytes.
    pub output_limit: u64,
    /// Values of secrets; a task is given those that it lists.
    pub secrets: Secrets,
    /// What must not be seen of them.
    pub mask: Mask,
    /// Where children may write.
    pub confines: Confines,
}

/// The plan as it stands: tasks are added to it while its run is driven.
#[derive(Debug, Clone)]
pub struct PresentPlan(Arc<Mutex<Arc<Plan>>>);

impl PresentPlan {
    /// As it was at first, or as a journal tells it.
    pub fn new(plan: Plan) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(plan))))
    }

    /// As it is now.
    pub fn get(&self) -> Arc<Plan> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in what an event adds to it.
    pub fn follow(&self, event: &Event) {
        let mut plan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::Expanded { tasks, .. } = event {
            let all = &mut Arc::make_mut(&mut plan).tasks;
            all.extend(tasks.iter().map(|part| (part.id.clone(), part.task.clone())));
        } else if let Event::TouchesKnown { task, touches } = event
            && let Some(planned) = Arc::make_mut(&mut plan).tasks.get_mut(task)
        {
            planned.touches = Some(touches.clone());
        } else if let Event::TaskGiven { task, role, agent, model, .. } = event {
            Arc::make_mut(&mut plan).give(task, (role, agent, model.as_ref()));
        }
    }
}

impl Setting {
    /// The plan as it stands.
    pub fn plan(&self) -> Arc<Plan> {
        self.plan.get()
    }

    /// The folder of a task.
    pub fn task_dir(&self, task: &TaskId) -> PathBuf {
        self.run_dir.join(task.path_name())
    }

    /// The folder of an attempt.
    pub fn attempt_dir(&self, task: &TaskId, attempt: Attempt) -> PathBuf {
        self.task_dir(task).join(attempt.to_string())
    }

    /// The folder of one session or command of an attempt.
    pub fn work_dir(&self, task: &TaskId, attempt: Attempt, work: (SessionNo, SessionKind)) -> PathBuf {
        let (session, kind) = work;
        let what = match kind {
            SessionKind::Work => "work",
            SessionKind::Review => "review",
        };
        self.attempt_dir(task, attempt).join(format!("{session}-{what}"))
    }

    /// Where what a task made beside code is kept.
    pub fn artifacts_dir(&self, task: &TaskId) -> PathBuf {
        self.task_dir(task).join("artifacts")
    }

    /// The folder of the work that a label names: the path name of a task, then `/attempt/session`.
    pub fn labelled_dir(&self, label: &str) -> Option<PathBuf> {
        let (attempt, session) = label.rsplit_once('/')?;
        Some(self.run_dir.join(attempt).join(format!("{session}-work")))
    }

    /// Where merged trees are checked.
    pub fn merge_worktree(&self) -> Result<PathBuf, String> {
        let repository = self.repository.as_deref().ok_or("this run has no repository")?;
        let there = repository.find_worktree(&self.run, &WorktreeOf::Merge).map(|worktree| worktree.path);
        let there = there.filter(|path| path.is_dir());
        Ok(there.unwrap_or_else(|| repository.worktree_path(&self.worktrees, &self.run, &WorktreeOf::Merge)))
    }

    /// One of the setup commands, final.
    pub fn setup_command(&self, index: usize) -> Result<Argv, String> {
        let plan = self.plan();
        let line = plan.workspace.setup.get(index).ok_or("there is no such setup command")?;
        render::setup(&plan, &self.run, line).map_err(|failure| failure.to_string())
    }

    /// The branch that is delivered to.
    pub fn into(&self) -> Result<String, String> {
        self.plan().merge.into.clone().ok_or_else(|| "no branch to deliver to is set".to_owned())
    }

    /// The agent that makes a task's work, for commits.
    pub fn agent_of(&self, task: &TaskId) -> Option<String> {
        match &self.plan().tasks.get(task)?.kind {
            TaskKind::Agent(work) => Some(work.agent.to_string()),
            TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => None,
        }
    }

    /// First line of commits of a task's work.
    pub fn title_of(&self, task: &TaskId) -> String {
        self.plan().tasks.get(task).map_or_else(|| task.to_string(), |planned| planned.title.clone())
    }

    /// How long one merge check may take: what the most patient task gives to a check of its own.
    pub fn merge_check_timeout(&self) -> Millis {
        self.plan().tasks.values().map(|task| task.check_timeout).max().unwrap_or(Millis::from_mins(10))
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
