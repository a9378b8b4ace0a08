//! What is asked of the engine that drives a run, from another terminal.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::journal::inbox::{Ask, post_to};
use crate::journal::lock::Holder;
use crate::journal::runs::RunEntry;
use crate::name::RunId;

/// Leaves a wish for the engine that drives the run now.
pub(super) fn ask(run: &RunEntry, engine: &Holder, ask: &Ask) -> Result<(), Failure> {
    post_to(&run.dir, ask, engine).map_err(|error| {
        Failure::new(Exit::Environment, "cli::cannot-ask", format!("run {} cannot be asked", run.id))
            .because(&error)
            .help(error.help())
    })
}

/// Refuses to drive a run from inside of one, whichever that is: what it spends would be nobody's.
pub(super) fn refuse_to_drive(context: &Context) -> Result<(), Failure> {
    if context.environment.get("AI_SDLC_RUN").is_none() {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "cli::nested", "a run cannot be gone on with from inside of a run")
        .help("a person does that, in a terminal of their own"))
}

/// Refuses what a session of a run must not do to it.
pub(super) fn refuse_inside(context: &Context, run: &RunId, what: &str) -> Result<(), Failure> {
    if context.environment.text("AI_SDLC_RUN") != Some(run.as_str()) {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "cli::nested", format!("{what} from inside of it"))
        .help("a person does that, in a terminal of their own"))
}
