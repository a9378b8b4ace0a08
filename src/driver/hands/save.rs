//! Unsaved work is saved before its worktree is used again, put back or removed.

use std::path::Path;

use crate::driver::clock::wall_now;
use crate::driver::hands::Hands;
use crate::driver::hands::place::worktree_at;
use crate::kernel::fact::{Fact, WorkKey};
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

    /// Says where to find what was saved.
    pub(super) fn tell_saved(&self, of: &(TaskId, Attempt), why: SalvageWhy) {
        let (task, attempt) = of;
        let (run, words) = (&self.setting.run, why.words());
        let text = format!(
            "unsaved work of {task}, attempt {attempt}, was saved {words}: `ai-sdlc run recover {run} {}`",
            task.quoted()
        );
        self.tell(Fact::Noted { text });
    }
}
