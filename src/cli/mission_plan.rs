//! `ai-sdlc mission plan M`: what a run would do. Makes nothing.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::args::Inputs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{Ask, By, Loading, Planned, plan};
use crate::cli::plan_view;
use crate::cli::project::Project;
use crate::cli::run_list::pretty;
use crate::plan::Plan;

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
}

/// Shows the plan.
pub(super) fn run(args: &MissionPlan, context: &mut Context) -> Result<Exit, Failure> {
    let plan = planned(&args.mission, &args.inputs, context)?;
    if args.json {
        let mut all = json!(plan);
        if let Value::Object(all) = &mut all {
            all.insert("schema".to_owned(), json!("ai-sdlc/plan/1"));
        }
        context.terminal.out(&pretty(&all));
    } else {
        context.terminal.out(&plan_view::text(&plan, context.terminal.out_look));
    }
    Ok(Exit::Success)
}

/// Reads, checks and plans the mission that was named.
pub(super) fn planned(mission: &str, inputs: &Inputs, context: &mut Context) -> Result<Plan, Failure> {
    let project = Project::find(context)?;
    let loading = Loading::read(context, &project, mission)?;
    loading.sound(context)?;
    let ask = Ask { inputs: inputs.inputs.clone(), ..Ask::default() };
    let Planned { plan, by } = plan(context, &project, &loading, &ask)?;
    if by == By::Rehearsal && !context.globals.quiet {
        context.terminal.err("No agent program is installed: a run would be a rehearsal in a scratch clone.");
    }
    Ok(plan)
}
