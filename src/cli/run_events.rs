//! `ai-sdlc run events [R] [-f]`: the journal as JSON lines.

use clap::Args;

use crate::cli::Context;
use crate::cli::args::WhichRun;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::{Told, wait_a_moment};
use crate::report::event_json;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RunEvents {
    #[command(flatten)]
    which: WhichRun,
    /// Go on as events come, until the run is over.
    #[arg(short, long)]
    follow: bool,
}

/// Prints one JSON object an event.
pub(super) fn run(args: &RunEvents, context: &mut Context) -> Result<Exit, Failure> {
    let mut told = Told::open(context, &args.which.run)?;
    let id = told.run.id.clone();
    loop {
        // Whether it is live is asked first: what was recorded before it ended is then surely read.
        let live = args.follow && told.is_live();
        let terminal = &mut context.terminal;
        told.read(|record, _| {
            if !terminal.is_closed() {
                terminal.out(&event_json(record.seq, record.at, &id, &record.event).to_string());
            }
        })?;
        if !live || context.terminal.is_closed() {
            return Ok(Exit::Success);
        }
        wait_a_moment();
    }
}
