//! `ai-sdlc run show [R]`: where a run stands, or how it ended.

use clap::Args;

use crate::cli::Context;
use crate::cli::args::WhichRun;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::told;
use crate::cli::run_list::{pretty, standing};
use crate::driver::clock::wall_now;
use crate::journal::runs::Standing;
use crate::report::end;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RunShow {
    #[command(flatten)]
    which: WhichRun,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Shows the report as it stands.
pub(super) fn run(args: &RunShow, context: &mut Context) -> Result<Exit, Failure> {
    let mut told = told(context, &args.which.run)?;
    if matches!(told.run.standing, Standing::Running(_)) {
        told.report.look_at(wall_now());
    }
    let id = &told.run.id;
    if args.json {
        context.terminal.out(&pretty(&end::json(&told.report)));
        return Ok(Exit::Success);
    }
    match &told.run.standing {
        Standing::Ended(_) => {}
        Standing::Running(_) => context.terminal.err(&format!("Run {id}: {}.", standing(&told.run.standing))),
        Standing::Interrupted => {
            let words = standing(&told.run.standing);
            context.terminal.err(&format!("Run {id}: {words}: ai-sdlc run resume {id}"));
        }
    }
    context.terminal.out(&end::text(&told.report, context.terminal.out_look));
    Ok(Exit::Success)
}
