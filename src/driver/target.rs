//! What a run delivers to or works in is its own while it is live; scratch clones meet nobody.

use std::path::Path;

use crate::driver::launch::Surroundings;
use crate::journal::lock::{Holder, InTheWay, LockError};
use crate::journal::target::{Beside, LockFolders, Note, Target, TargetLock};
use crate::kernel::event::{Place, PlaceKind};
use crate::plan::Plan;
use crate::workspace::{Repository, WorkspaceError};

/// A run that is to take its target.
#[derive(Debug, Clone, Copy)]
pub struct Aim<'a> {
    /// What it carries out.
    pub plan: &'a Plan,
    /// Where.
    pub place: &'a Place,
    /// Its repository; `None` in `directory` mode.
    pub repository: Option<&'a Repository>,
    /// The folder that holds `runs` and `locks`.
    pub store: &'a Path,
}

impl Aim<'_> {
    /// Who has what it needs. Takes nothing.
    pub fn in_the_way(&self, around: &Surroundings) -> Result<Vec<InTheWay>, WorkspaceError> {
        let target = self.target()?;
        Ok(target.map(|target| self.folders(around).in_the_way(&target)).unwrap_or_default())
    }

    /// Takes it, as long as what is returned lives.
    pub(in crate::driver) fn take(
        &self,
        around: &Surroundings,
        me: &Holder,
        beside: Beside,
    ) -> Result<Option<TargetLock>, Untaken> {
        let Some(target) = self.target()? else { return Ok(None) };
        let note = Note { holder: me.clone(), target, directory: self.place.directory.clone() };
        Ok(Some(TargetLock::take(&self.folders(around), &note, beside)?))
    }

    fn folders(&self, around: &Surroundings) -> LockFolders {
        LockFolders::new(self.store, around.locks.as_deref())
    }

    fn target(&self) -> Result<Option<Target>, WorkspaceError> {
        let Place { kind, directory, base } = self.place;
        Ok(match (kind, base, self.repository, &self.plan.merge.into) {
            (PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks, ..)
            | (PlaceKind::Repository, Some(_), Some(_), None) => None,
            (PlaceKind::Repository, None, ..) | (PlaceKind::Repository, Some(_), None, _) => {
                Some(Target::directory(directory))
            }
            (PlaceKind::Repository, Some(_), Some(repository), Some(into)) => {
                let aim = repository.aim(into)?;
                Some(Target::branch(&aim.name, repository.common_dir(), aim.checkout.as_deref()))
            }
        })
    }
}

/// Why a target was not taken.
#[derive(Debug, thiserror::Error)]
pub(in crate::driver) enum Untaken {
    /// Somebody has it, or no lock can be made.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Git did not say where the branch is checked out.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}
