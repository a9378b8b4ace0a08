//! `ai-sdlc run resume`: goes on with a run that was interrupted or paused, or tries again what failed.

use crate::cli::Context;
use crate::cli::args::RunResume;
use crate::cli::carry_out::{self, Onward};
use crate::cli::detach;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_choice::choose;
use crate::cli::wishing::refuse_to_drive;
use crate::journal::runs::{RunEntry, Standing};
use crate::kernel::event::RunOutcome;
use crate::kernel::fact::Again;

/// Drives it.
pub(super) fn run(args: &RunResume, context: &mut Context) -> Result<Exit, Failure> {
    refuse_to_drive(context)?;
    let entry = choose(context, &args.run)?;
    if entry.standing == Standing::Ended(RunOutcome::Succeeded) {
        context.terminal.err(&format!("Run {} succeeded; there is nothing to go on with.", entry.id));
        return Ok(Exit::Success);
    }
    let onward = Onward { ceiling: args.onward.ceiling(), again: Again::All, ui: args.onward.ui };
    go_on(context, &entry, onward, args.onward.detach)
}

/// Drives it here, or in the background.
pub(super) fn go_on(context: &mut Context, run: &RunEntry, onward: Onward, detached: bool) -> Result<Exit, Failure> {
    if detached {
        return detach::resume(context, run, onward);
    }
    let project = Project::find(context)?;
    let (exit, _) = carry_out::resume(context, &project, run, onward)?;
    Ok(exit)
}
