//! What `run abort --cleanup` removes: the worktrees of a run that nobody drives, unsaved work salvaged first.

use crate::cli::Context;
use crate::cli::carry_out::git;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::{told, unreadable};
use crate::cli::waiting;
use crate::driver::clock::wall_now;
use crate::driver::survivors::{Patience, sweep};
use crate::journal::lock::{Holder, LockError, RunLock};
use crate::journal::runs::RunEntry;
use crate::report::plural;
use crate::workspace::Repository;

/// Removes them, and says what was removed and what stays.
pub(super) fn clear(context: &mut Context, run: &RunEntry) -> Result<(), Failure> {
    let id = &run.id;
    // Nobody goes on with the run meanwhile.
    let _lock = RunLock::take(&run.dir, &Holder::me(id, wall_now())).map_err(|error| match error {
        LockError::Held { .. } => Failure::new(Exit::Locked, "journal::locked", format!("run {id} is being driven"))
            .help(format!("stop it first: `ai-sdlc run abort {id}`")),
        LockError::File(error) => unreadable(run, &error),
    })?;
    let swept = waiting::run(async { Ok(sweep(id, Patience::ForItsGuard).await) })?;
    if swept > 0 {
        context.terminal.err(&format!("Ended {} that its engine had left behind.", plural(swept, "process")));
    }
    let told = told(context, id.as_str())?;
    let place = told.report.place.as_ref().filter(|place| place.base.is_some());
    let repository = match place {
        Some(place) => Repository::discover(&git(context)?, &place.directory).ok(),
        None => None,
    };
    let stamped = |repository: Repository| repository.for_run_in(id, &run.dir).map_err(|error| refused(&error));
    let Some(repository) = repository.map(stamped).transpose()? else {
        context.terminal.err(&format!("Run {id} has no worktrees."));
        return Ok(());
    };
    let identity = repository.identity().map_err(|error| refused(&error))?;
    let cleared = repository.clear_run(id, &identity, wall_now());
    let mut removed = 0;
    for one in &cleared {
        match &one.outcome {
            Ok(_) => removed += 1,
            Err(why) => context.terminal.err(&format!("{} stays: {why}", one.path.display())),
        }
    }
    context.terminal.err(&match removed {
        0 if cleared.is_empty() => format!("Run {id} has no worktrees."),
        removed => format!("Removed {} of run {id}; its branches and journal are kept.", plural(removed, "worktree")),
    });
    Ok(())
}

fn refused(error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Environment, "git::refused", "git did not do what clearing needs").because(error)
}
