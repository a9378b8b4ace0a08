//! `ai-sdlc mission plan M`: what a run would do. Makes nothing.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::args::Inputs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{Ask, By, Loading, Planned, plan};
use crate::cli::other_runs;
use crate::cli::plan_view;
use crate::cli::project::Project;
use crate::cli::run_list::pretty;
use crate::cli::saved_plan::{Overwrite, document, save};
use crate::plan::forecast::Clash;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct MissionPlan {
    /// The mission: its name under `missions/`, or the path of its file.
    #[arg(value_name = "MISSION")]
    mission: String,
    #[command(flatten)]
    inputs: Inputs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write the plan to this file, for `mission run --plan` and `mission diff`; nothing is overwritten.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    out: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long, requires = "out")]
    force: bool,
}

/// Shows the plan.
pub(super) fn run(args: &MissionPlan, context: &mut Context) -> Result<Exit, Failure> {
    let planned = planned(&args.mission, &args.inputs, context)?;
    if let Some(file) = &args.out {
        let overwrite = if args.force { Overwrite::Yes } else { Overwrite::No };
        save(&context.directory().join(file), &planned, overwrite)?;
        let file = file.display();
        context.terminal.err(&format!("The plan is in {file}: `ai-sdlc mission run --plan {file}` runs it."));
    } else {
        let clashes = other_runs::clashes_of(context, &Project::find(context)?, &planned);
        if args.json {
            context.terminal.out(&pretty(&with_conflicts(document(&planned), &clashes)));
        } else {
            context.terminal.out(&plan_view::text(&planned.plan, &clashes, context.terminal.out_look));
        }
    }
    Ok(Exit::Success)
}

/// The plan with what may conflict: that is as it is now, so a plan in a file is without.
fn with_conflicts(mut document: Value, clashes: &[Clash]) -> Value {
    if let Value::Object(all) = &mut document {
        all.insert("conflicts".to_owned(), json!(clashes));
    }
    document
}

/// Reads, checks and plans the mission that was named.
pub(super) fn planned(mission: &str, inputs: &Inputs, context: &mut Context) -> Result<Planned, Failure> {
    let project = Project::find(context)?;
    let loading = Loading::read(context, &project, mission)?;
    loading.sound(context)?;
    let ask = Ask { inputs: inputs.inputs.clone(), ..Ask::default() };
    let planned = plan(context, &project, &loading, &ask)?;
    if planned.by == By::Rehearsal && !context.globals.quiet {
        context.terminal.err("No agent program is installed: a run would be a rehearsal in a scratch clone.");
    }
    Ok(planned)
}
