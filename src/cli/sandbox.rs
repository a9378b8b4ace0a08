//! The sandbox before a run begins: whether there is one, and what a person should know of it.

use crate::cli::Context;
use crate::cli::carry_out::surroundings;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::driver::launch::{Surroundings, confines};
use crate::driver::sandbox::SandboxError;
use crate::journal::runs::Runs;
use crate::kernel::event::Place;
use crate::name::RunId;
use crate::plan::Plan;
use crate::report::sandbox_words;
use crate::workspace::Repository;

/// Looks where the tasks of a plan may write; tells what a person should know of that before they do.
pub(super) fn looked_at(
    context: &Context,
    project: &Project,
    plan: &Plan,
    at: (&RunId, &Place, Option<&Repository>),
) -> Result<Vec<String>, Failure> {
    let (run, place, repository) = at;
    let around: Surroundings = surroundings(context, project)?;
    let run_dir = Runs::at(&project.store).dir(run);
    let confines = confines(&around, plan, place, (&run_dir, repository)).map_err(|error| refused(&error))?;
    let mut notes = confines.notes;
    notes.extend(sandbox_words(&confines.told).careful);
    Ok(notes)
}

/// Why nothing can be begun.
pub(super) fn refused(error: &SandboxError) -> Failure {
    Failure::new(Exit::Environment, "sandbox::refused", error.what.clone()).help(error.help.clone())
}
