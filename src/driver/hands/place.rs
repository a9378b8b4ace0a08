//! Workspaces: made, set up, closed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;

use crate::driver::clock::wall_now;
use crate::driver::hands::{Briefing, Errand, Hands, verdict};
use crate::driver::setting::Setting;
use crate::kernel::event::{KeepWorkspace, WorkspaceFrom};
use crate::kernel::fact::{Fact, WorkspaceMade};
use crate::name::{Attempt, SkillName, TaskId};
use crate::plan::{TaskKind, render};
use crate::workspace::{EngineFile, Repository, SalvageWhy, Worktree, WorktreeAsk, WorktreeOf, delete_trash};

impl Hands {
    /// Makes and prepares a workspace.
    pub(super) async fn prepare(self: Rc<Self>, task: TaskId, attempt: Attempt, from: WorkspaceFrom) -> Fact {
        let of = task.clone();
        let made = self.blocking(move |setting| make(setting, &of, attempt, &from)).await;
        match made {
            Ok((workspace, found)) => {
                if found == Found::Made {
                    // What ran before in a worktree that is gone did not leave its work.
                    let start = format!("{}/{attempt}/", task.path_name());
                    self.early.borrow_mut().retain(|label, _| !label.starts_with(&start));
                }
                self.places.borrow_mut().insert((task.clone(), attempt), workspace.path.clone());
                Fact::WorkspaceReady { task, attempt, workspace }
            }
            Err(why) => Fact::WorkspaceFailed { task, attempt, why },
        }
    }

    /// Runs one setup command.
    pub(super) async fn set_up(self: Rc<Self>, of: (TaskId, Attempt), index: usize, briefing: Briefing) -> Fact {
        let (task, attempt) = of;
        let cwd = self.place_of(&task, attempt);
        let ended = match self.setting.setup_command(index) {
            Ok(command) => {
                let errand = Errand {
                    task: Some(&task),
                    command: &command,
                    cwd: &cwd,
                    env: self.with_secrets(briefing.env, &task),
                    output_dir: self.setting.attempt_dir(&task, attempt).join(format!("setup-{}", index + 1)),
                    timeout: self.setting.plan().tasks.get(&task).map(|task| task.timeout),
                };
                self.errand(errand).await
            }
            Err(why) => Err(why),
        };
        let (verdict, duration, tail) = verdict(ended);
        Fact::SetupEnded { task, attempt, index, verdict, duration, tail }
    }

    /// Removes or keeps a workspace, unsaved work salvaged first.
    pub(super) async fn close(self: Rc<Self>, task: TaskId, attempt: Attempt, keep: KeepWorkspace) -> Fact {
        drop(self.filling.lock().await);
        let path = self.place_of(&task, attempt);
        let done = match keep {
            KeepWorkspace::Keep => Ok(Salvage::None),
            KeepWorkspace::Remove => {
                let at = path.clone();
                self.blocking(move |setting| remove(setting, &at)).await
            }
        };
        if done == Ok(Salvage::Made) {
            self.tell_saved(&(task.clone(), attempt), SalvageWhy::Removal);
        }
        let kept = match (keep, done) {
            (KeepWorkspace::Remove, Ok(_)) => None,
            // Somebody took it away, or an engine before this one did and had no time to say so.
            _ if path.symlink_metadata().is_err() => None,
            (KeepWorkspace::Keep, _) => Some(path),
            (KeepWorkspace::Remove, Err(why)) => {
                let text =
                    format!("the worktree of {task}, attempt {attempt}, is kept, as it could not be removed: {why}");
                self.tell(Fact::Noted { text });
                Some(path)
            }
        };
        Fact::WorkspaceClosed { task, attempt, kept }
    }

    /// Where an attempt works.
    pub(super) fn place_of(&self, task: &TaskId, attempt: Attempt) -> PathBuf {
        let known = self.places.borrow().get(&(task.clone(), attempt)).cloned();
        let made_earlier = || {
            let of = WorktreeOf::attempt(task, attempt);
            Some(self.setting.repository.as_ref()?.find_worktree(&self.setting.run, &of)?.path)
        };
        known.or_else(made_earlier).unwrap_or_else(|| self.setting.directory().to_owned())
    }
}

/// The worktree at this path, as the repository knows it.
pub(super) fn worktree_at(setting: &Setting, path: &std::path::Path) -> Result<(Worktree, Repository), String> {
    let repository = setting.repository.as_deref().ok_or("this run has no repository")?;
    let worktrees = repository.list_worktrees(Some(&setting.run));
    let found = worktrees.into_iter().find(|worktree| worktree.path == path);
    let worktree = found.ok_or_else(|| format!("the worktree `{}` is gone", path.display()))?;
    Ok((worktree, repository.clone()))
}

/// Whether something had to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Salvage {
    None,
    Made,
}

fn remove(setting: &Setting, path: &std::path::Path) -> Result<Salvage, String> {
    if setting.repository.is_none() {
        return Ok(Salvage::None);
    }
    let (worktree, repository) = worktree_at(setting, path)?;
    let closed = repository
        .close(&worktree, KeepWorkspace::Remove, &setting.identity, wall_now())
        .map_err(|error| error.to_string())?;
    if let Some(trash) = closed.trash
        && let Err(error) = delete_trash(&trash)
    {
        // It is gone from where it was, and found again by its name.
        tracing::warn!(%error, "a removed worktree could not be deleted");
    }
    Ok(if closed.salvaged.is_some() { Salvage::Made } else { Salvage::None })
}

/// Whether a workspace was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    There,
    Made,
}

fn make(
    setting: &Setting,
    task: &TaskId,
    attempt: Attempt,
    from: &WorkspaceFrom,
) -> Result<(WorkspaceMade, Found), String> {
    let Some(repository) = &setting.repository else {
        let path = setting.directory().to_owned();
        return Ok((WorkspaceMade { path, base: None, branch: None, notes: Vec::new() }, Found::There));
    };
    let mut notes = Vec::new();
    let (worktree, found) = match from {
        WorkspaceFrom::With { task, attempt } => {
            let there = repository.find_worktree(&setting.run, &WorktreeOf::attempt(task, *attempt));
            let there = there.filter(|worktree| worktree.path.is_dir());
            (there.ok_or_else(|| format!("the worktree of `{task}` is gone"))?, Found::There)
        }
        WorkspaceFrom::Directory
        | WorkspaceFrom::Integration
        | WorkspaceFrom::ReadOnly
        | WorkspaceFrom::LastWork { .. } => add(setting, repository, task, attempt)?,
    };
    if let WorkspaceFrom::LastWork { commit, base, .. } = from
        && !worktree.is_prepared(commit.as_str())
    {
        if found == Found::There {
            // An engine died while it put the work there: what is half there is in the way of the whole.
            let by = (&setting.identity, wall_now());
            let saved = repository.salvage_before(SalvageWhy::PuttingBack, &worktree, by);
            saved.map_err(|error| error.to_string())?;
            repository.restore(&worktree, &worktree.base, &[]).map_err(|error| error.to_string())?;
        }
        notes.extend(repository.put_work(&worktree, base, commit).map_err(|error| error.to_string())?);
        worktree.set_prepared(commit.as_str()).map_err(|error| error.to_string())?;
    }
    let policy = &setting.plan().workspace;
    notes.extend(repository.copy_in(&worktree, &policy.copy, &policy.link).map_err(|error| error.to_string())?);
    let files = engine_files(setting, task);
    notes.extend(repository.write_engine_files(&worktree, &files).map_err(|error| error.to_string())?);
    let branch = render::branch(&setting.plan(), &setting.run, task);
    Ok((WorkspaceMade { base: Some(worktree.base.clone()), branch, path: worktree.path, notes }, found))
}

fn add(
    setting: &Setting,
    repository: &Repository,
    task: &TaskId,
    attempt: Attempt,
) -> Result<(Worktree, Found), String> {
    let tip = repository.integration_tip(&setting.run).map_err(|error| error.to_string())?;
    let start = tip.ok_or("the integration branch of this run is gone")?;
    let of = WorktreeOf::attempt(task, attempt);
    let path = repository.worktree_path(&setting.worktrees, &setting.run, &of);
    let there = repository.find_worktree(&setting.run, &of).is_some_and(|worktree| worktree.path.is_dir());
    let ask = WorktreeAsk { path, start: &start, run: &setting.run, of };
    let worktree = repository.add_worktree(&ask).map_err(|error| error.to_string())?;
    Ok((worktree, if there { Found::There } else { Found::Made }))
}

/// The skills of a task's sessions, its reviewer's too, for each place where agent programs look.
fn engine_files(setting: &Setting, task: &TaskId) -> Vec<EngineFile> {
    let plan = setting.plan();
    let planned = plan.tasks.get(task);
    let own = planned.and_then(|task| match &task.kind {
        TaskKind::Agent(work) => Some(&work.skills),
        TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => None,
    });
    let review = planned.and_then(|task| task.review.as_ref()).map(|review| &review.skills);
    let skills: BTreeSet<&SkillName> = own.into_iter().chain(review).flatten().collect();
    let mut files = Vec::new();
    for name in skills {
        for file in plan.skills.get(name).into_iter().flat_map(|skill| &skill.files) {
            for place in [".claude/skills", ".agents/skills"] {
                files.push(EngineFile {
                    path: format!("{place}/ai-sdlc-{name}/{}", file.path),
                    bytes: file.bytes(),
                    executable: file.executable,
                });
            }
        }
    }
    files
}
