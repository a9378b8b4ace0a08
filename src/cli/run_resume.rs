//! `ai-sdlc run resume`: goes on with a run that was interrupted, or tries again what failed.

use crate::cli::Context;
use crate::cli::args::RunResume;
use crate::cli::carry_out;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_choice::choose;
use crate::journal::runs::Standing;
use crate::kernel::event::RunOutcome;

/// Drives it.
pub(super) fn run(args: &RunResume, context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let entry = choose(context, &args.run)?;
    if entry.standing == Standing::Ended(RunOutcome::Succeeded) {
        context.terminal.err(&format!("Run {} succeeded; there is nothing to go on with.", entry.id));
        return Ok(Exit::Success);
    }
    let ceiling = Some(args.ceiling()).filter(|ceiling| !ceiling.is_none());
    let (exit, _) = carry_out::resume(context, &project, &entry, (ceiling, args.ui))?;
    Ok(exit)
}
