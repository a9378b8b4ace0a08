//! Unsaved work is saved before its worktree is used again, put back or removed.

use std::path::Path;

use crate::driver::clock::wall_now;
use crate::driver::hands::Hands;
use crate::driver::hands::place::worktree_at;
use crate::kernel::event::PlaceKind;
use crate::kernel::fact::{Fact, WorkKey};
use crate::mission::model::TaskWorkspace;
use crate::name::{Attempt, TaskId};
use crate::workspace::SalvageWhy;

impl Hands {
    /// Before a session or command begins where another was cut off. The first in a worktree costs nothing.
    pub(super) async fn before_work(&self, key: &WorkKey, path: &Path) -> Result<(), String> {
        if self.setting.repository.is_none() {
            return Ok(());
        }
        let of = (key.task.clone(), key.attempt);
        if !self.unsaved.borrow_mut().insert(of.clone()) {
            self.save(of, path, SalvageWhy::NextSession).await?;
        }
        Ok(())
    }

    /// What an engine that died, or a person since, left in a worktree that is put back to what was recorded.
    pub(super) async fn before_putting_back(&self, of: (TaskId, Attempt), path: &Path) -> Result<(), String> {
        if self.setting.repository.is_none() {
            return Ok(());
        }
        self.save(of, path, SalvageWhy::PuttingBack).await
    }

    async fn save(&self, of: (TaskId, Attempt), path: &Path, why: SalvageWhy) -> Result<(), String> {
        let at = path.to_owned();
        let saved = self.blocking(move |setting| {
            let (worktree, repository) = worktree_at(setting, &at)?;
            if !worktree.path.is_dir() {
                return Ok(None);
            }
            let saved = repository.salvage_before(why, &worktree, (&setting.identity, wall_now()));
            saved.map_err(|error| format!("unsaved work in {} cannot be saved: {error}", at.display()))
        });
        if saved.await?.is_some() {
            self.tell_saved(&of, why);
        }
        Ok(())
    }

    /// Says where to find what was saved. What is in a `read-only` worktree is meant to be thrown away: it is saved all
    /// the same, since a person may have worked there, but in a rehearsal only the embedded agent has.
    pub(super) fn tell_saved(&self, of: &(TaskId, Attempt), why: SalvageWhy) {
        let (task, attempt) = of;
        let plan = self.setting.plan();
        let is_thrown_away = plan.tasks.get(task).is_some_and(|task| task.workspace == TaskWorkspace::ReadOnly);
        let (run, words, quoted) = (&self.setting.run, why.words(), task.quoted());
        let what = match (is_thrown_away, self.setting.place.kind) {
            (true, PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks) => return,
            (true, PlaceKind::Repository) => {
                format!("what {task}, attempt {attempt}, changed in its `read-only` worktree is no result, and")
            }
            (false, _) => format!("unsaved work of {task}, attempt {attempt},"),
        };
        self.tell(Fact::Noted { text: format!("{what} was saved {words}: `ai-sdlc run recover {run} {quoted}`") });
    }
}
