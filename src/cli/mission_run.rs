//! `ai-sdlc mission run`: plan, pre-flight, confirmation, then the run.

use crate::cli::Context;
use crate::cli::args::MissionRun;
use crate::cli::carry_out;
use crate::cli::confirm::{Answer, confirm};
use crate::cli::environment::Setting;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{By, Planned};
use crate::cli::making::Making;
use crate::cli::planning::{ForRun, for_run};
use crate::cli::project::Project;
use crate::cli::{plan_view, skill_ranking};
use crate::name::RunId;
use crate::plan::Plan;

/// The first line of everything where the embedded agent stands in for one that is not installed.
const STAND_IN: &str = "No agent program is installed: this is a rehearsal in a scratch clone, with the embedded agent. No model is asked, nothing of yours is touched.";

/// Drives it.
pub(super) fn run(args: &MissionRun, context: &mut Context) -> Result<Exit, Failure> {
    if context.environment.get("AI_SDLC_RUN").is_some() && !args.nested {
        return Err(Failure::new(Exit::Usage, "cli::nested", "this is already inside of a run")
            .help("give `--nested` if a run within a run is really meant"));
    }
    let project = Project::find(context)?;
    let junit = args.junit.as_ref().map(|path| context.directory().join(path));
    junit.as_deref().map_or(Ok(()), carry_out::junit_can_be)?;
    let prepared = for_run(args, context, &project)?;
    let Planned { plan, by } = &prepared.planned;
    let ready = match *by {
        By::Agents => carry_out::in_project(context, &project, plan)?,
        By::Rehearsal if context.environment.setting() == Setting::Ci => {
            return Err(Failure::new(Exit::Environment, "cli::no-agent", "no agent program is installed")
                .help("install one and name it under `[agents.<name>]`, or run `ai-sdlc mission rehearse`"));
        }
        By::Rehearsal => {
            context.terminal.err(STAND_IN);
            carry_out::in_scratch(context, &project, plan)?
        }
    };
    let making = ready.making.as_ref().map(Making::text).unwrap_or_default();
    let shown = format!("{}{making}", plan_view::text(plan, context.terminal.out_look));
    let notes = ready.notes.iter().fold(String::new(), |notes, note| notes + "note: " + note + "\n");
    if args.dry_run {
        context.terminal.out(&format!("{shown}{notes}"));
        return Ok(Exit::Success);
    }
    if !args.yes {
        context.terminal.err(&format!("{shown}{notes}"));
        if confirm(&mut context.terminal, &question(plan))? == Answer::No {
            context.terminal.err("Nothing was begun.");
            return Ok(Exit::Success);
        }
    } else if !notes.is_empty() {
        context.terminal.err(&notes);
    }
    let plan = with_skills(context, &project, prepared, &ready.run)?;
    let (exit, report) = carry_out::begin(context, &project, (plan, ready), (args.ui, &args.inputs.inputs))?;
    if let Some(path) = &junit {
        carry_out::write_junit(&report, path)?;
    }
    Ok(exit)
}

/// What is asked before anything begins.
fn question(plan: &Plan) -> String {
    match skill_ranking::announced(plan) {
        None => "Begin?".to_owned(),
        Some(first) => format!("Begin? Before the first task {first}."),
    }
}

/// The plan with the skills that an agent finds best, where the mission says that one is asked.
fn with_skills(context: &mut Context, project: &Project, prepared: ForRun, run: &RunId) -> Result<Plan, Failure> {
    match (skill_ranking::ask(context, project, &prepared, run)?, prepared) {
        (Some(orders), prepared) => prepared.ranked(context, project, orders),
        (None, prepared) => Ok(prepared.planned.plan),
    }
}
