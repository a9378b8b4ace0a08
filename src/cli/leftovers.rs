//! What commands that clean up, list worktrees or recover work look at.

use std::path::PathBuf;

use crate::amount::WallTime;
use crate::cli::Context;
use crate::cli::carry_out::{git, state_folder, worktrees};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::driver::clock::wall_now;
use crate::workspace::cleanup::{Ground, SurveyError};
use crate::workspace::{Identity, Repository, WorkspaceError};

/// Where things are.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) project: Project,
    pub(super) repository: Option<Repository>,
    worktrees: PathBuf,
    scratch: PathBuf,
}

impl Field {
    /// Finds it. Without git there are only runs and rehearsals.
    pub(super) fn find(context: &Context) -> Result<Self, Failure> {
        let project = Project::find(context)?;
        let repository = match &project.common {
            None => None,
            Some(_) => Some(Repository::discover(&git(context)?, &project.directory).map_err(|error| {
                let help = error.remedy();
                Failure::new(Exit::Environment, "git::no-repository", error.to_string()).help(help)
            })?),
        };
        let worktrees = worktrees(context, &project);
        let scratch = state_folder(context, &project).join("scratch");
        Ok(Self { project, repository, worktrees, scratch })
    }

    pub(super) fn ground(&self) -> Ground<'_> {
        Ground {
            repository: self.repository.as_ref(),
            store: &self.project.store,
            worktrees: &self.worktrees,
            scratch: &self.scratch,
        }
    }

    /// Who commits what is saved.
    pub(super) fn identity(&self) -> Identity {
        let known = self.repository.as_ref().and_then(|repository| repository.identity().ok());
        known.unwrap_or_else(Identity::neutral)
    }

    /// The repository, where a command needs one.
    pub(super) fn needed(&self) -> Result<&Repository, Failure> {
        self.repository.as_ref().ok_or_else(|| {
            Failure::new(Exit::Environment, "git::no-repository", "there is no repository here, and so no worktrees")
                .at(self.project.directory.display().to_string())
                .help("name the directory of a repository with `-C`; without git, tasks work in the directory itself")
        })
    }
}

/// The leftovers could not be looked at.
pub(super) fn unseen(error: &SurveyError) -> Failure {
    Failure::new(Exit::Environment, "cli::cannot-look", "what runs left behind cannot be looked at")
        .because(error)
        .help("`ai-sdlc doctor` shows what is wrong with the repository")
}

/// Git did not do it.
pub(super) fn refused(error: &WorkspaceError) -> Failure {
    Failure::new(Exit::Environment, "cli::git-failed", "git did not do it").because(error)
}

/// How long ago, for a glance: `<1m`, `5m`, `3h`, `12 days`.
pub(super) fn age(at: WallTime) -> String {
    match wall_now().since(at).0 / 60_000 {
        0 => "<1m".to_owned(),
        minutes @ 1..=59 => format!("{minutes}m"),
        minutes @ 60..=2_879 => format!("{}h", minutes / 60),
        minutes => format!("{} days", minutes / 1_440),
    }
}
