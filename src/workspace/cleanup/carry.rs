//! Does what a survey says: each thing is looked at once more before it goes.

use std::fs;
use std::path::Path;

use crate::amount::WallTime;
use crate::journal::lock::{Holder, RunLock};
use crate::journal::runs::Runs;
use crate::name::RunId;
use crate::workspace::cleanup::gather::because;
use crate::workspace::cleanup::{Done, Ground, Item, Survey, Thing, Verdict};
use crate::workspace::files::free_name;
use crate::workspace::{Identity, Occupancy, UnsavedWork, Worktree, WorktreeOf, delete_trash};

impl Survey {
    /// Removes what goes, in order; `tell` hears of each as it is done.
    pub fn carry_out(&self, ground: Ground<'_>, identity: &Identity, mut tell: impl FnMut(&Done)) -> Vec<Done> {
        let occupancy = Occupancy::look();
        let mut all = Vec::new();
        let mut of: Option<(RunId, Result<Option<RunLock>, String>)> = None;
        for item in self.items.iter().filter(|item| item.goes()) {
            // A run that somebody resumes meanwhile is theirs.
            if let Some(run) = item.run.as_ref().filter(|run| of.as_ref().is_none_or(|(held, _)| held != *run)) {
                of = Some((run.clone(), hold(ground, run, self.ask.now)));
            }
            let held = of.as_ref().filter(|(run, _)| item.run.as_ref() == Some(run)).map(|(_, held)| held);
            let outcome = match held {
                Some(Err(why)) => Err(why.clone()),
                Some(Ok(_)) | None => self.remove(ground, item, (identity, &occupancy)),
            };
            let done = Done { item: item.clone(), outcome };
            tell(&done);
            all.push(done);
        }
        all
    }

    fn remove(
        &self,
        ground: Ground<'_>,
        item: &Item,
        (identity, occupancy): (&Identity, &Occupancy),
    ) -> Result<Option<String>, String> {
        match (&item.thing, ground.repository) {
            (Thing::Worktree(worktree), Some(repository)) => {
                if let Some(stays) = repository.reason_to_stay(worktree, occupancy, unsaved(worktree, self.ask.unsaved))
                {
                    return Err(why(&because(&stays, &worktree.path)));
                }
                let cleared = repository.clear_worktree(worktree, (identity, self.ask.now));
                cleared.map(|saved| saved.map(|saved| saved.reference)).map_err(|stays| stays.to_string())
            }
            (Thing::Record(state), Some(repository)) => {
                repository.remove_record(state).map(|()| None).map_err(|error| error.to_string())
            }
            (Thing::Ref { name, tip }, Some(repository)) => {
                repository.remove_ref(name, tip).map(|()| None).map_err(|error| error.to_string())
            }
            (Thing::Folder(path), _) => remove_folder(path).map(|()| None),
            (Thing::Worktree(_) | Thing::Record(_) | Thing::Ref { .. }, None) | (Thing::Nothing, _) => Ok(None),
        }
    }
}

/// Nobody works in the merge worktree: what merge checks left there is no work.
fn unsaved(worktree: &Worktree, asked: UnsavedWork) -> UnsavedWork {
    match worktree.of {
        WorktreeOf::Attempt { .. } => asked,
        WorktreeOf::Merge => UnsavedWork::IsSaved,
    }
}

fn why(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Goes => String::new(),
        Verdict::Stays { why, .. } => why.clone(),
    }
}

/// Keeps engines off a run while it is cleaned up.
fn hold(ground: Ground<'_>, run: &RunId, now: WallTime) -> Result<Option<RunLock>, String> {
    let dir = Runs::at(ground.store).dir(run);
    if !dir.is_dir() {
        return Ok(None);
    }
    RunLock::take(&dir, &Holder::me(run, now)).map(Some).map_err(|error| error.to_string())
}

/// Renamed first, so that nothing half deleted is taken for whole.
fn remove_folder(path: &Path) -> Result<(), String> {
    let is_trash = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let aside = if is_trash { path.to_owned() } else { free_name(path, "trash") };
    if !is_trash {
        fs::rename(path, &aside).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    delete_trash(&aside).map_err(|error| error.to_string())
}
