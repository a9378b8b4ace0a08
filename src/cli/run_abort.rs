//! `ai-sdlc run abort [R]`: asks a live run to stop.

use crate::cli::Context;
use crate::cli::args::WhichRun;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::choose;
use crate::journal::inbox::{Ask, post};
use crate::journal::runs::Standing;

/// Leaves the wish in the run's inbox.
pub(super) fn run(args: &WhichRun, context: &mut Context) -> Result<Exit, Failure> {
    let run = choose(context, &args.run)?;
    match &run.standing {
        Standing::Running(_) => {
            post(&run.dir, &Ask::Abort).map_err(|error| {
                Failure::new(Exit::Environment, "cli::cannot-ask", format!("run {} cannot be asked to stop", run.id))
                    .because(&error)
                    .help(error.help())
            })?;
            context.terminal.err(&format!("Asked run {} to stop; what it has done so far is kept.", run.id));
        }
        Standing::Interrupted | Standing::Ended(_) => {
            context.terminal.err(&format!("Run {} is not live; there is nothing to stop.", run.id));
        }
    }
    Ok(Exit::Success)
}
