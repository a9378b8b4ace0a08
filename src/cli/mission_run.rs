//! `ai-sdlc mission run`: plan, pre-flight, confirmation, then the run.

use crate::cli::Context;
use crate::cli::args::MissionRun;
use crate::cli::carry_out::{self, Ready};
use crate::cli::confirm::{Answer, confirm};
use crate::cli::detach::{self, Confirmed};
use crate::cli::environment::Setting;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{By, Planned};
use crate::cli::locked::{self, Clock};
use crate::cli::making::Making;
use crate::cli::planning::{ForRun, for_run};
use crate::cli::preflight::{self, Others};
use crate::cli::project::Project;
use crate::cli::{other_runs, plan_view, sandbox, skill_ranking};
use crate::driver::clock::wall_now;
use crate::journal::lock::InTheWay;
use crate::name::RunId;
use crate::plan::Plan;

/// The first line of everything where the embedded agent stands in for one that is not installed.
const STAND_IN: &str = "No agent program is installed: this is a rehearsal in a scratch clone, with the embedded agent. No model is asked, nothing of yours is touched.";

/// Drives it.
pub(super) fn run(args: &MissionRun, context: &mut Context) -> Result<Exit, Failure> {
    let project = may_begin(args, context)?;
    let prepared = for_run(args, context, &project)?;
    begin(args, context, &project, prepared)
}

/// The project, where a run may begin from here.
pub(super) fn may_begin(args: &MissionRun, context: &Context) -> Result<Project, Failure> {
    if context.environment.get("AI_SDLC_RUN").is_some() && !args.nested {
        return Err(Failure::new(Exit::Usage, "cli::nested", "this is already inside of a run")
            .help("give `--nested` if a run within a run is really meant"));
    }
    let project = Project::find(context)?;
    let junit = args.junit.as_ref().map(|path| context.directory().join(path));
    junit.as_deref().map_or(Ok(()), carry_out::junit_can_be)?;
    Ok(project)
}

/// Looks whether a plan can be carried out, asks, and does it.
pub(super) fn begin(
    args: &MissionRun,
    context: &mut Context,
    project: &Project,
    prepared: ForRun,
) -> Result<Exit, Failure> {
    let junit = args.junit.as_ref().map(|path| context.directory().join(path));
    let Planned { plan, by } = &prepared.planned;
    let mut ready = match *by {
        By::Agents => {
            let others = if args.force { Others::AskedAbout } else { Others::InTheWay };
            preflight::in_project(context, project, plan, others)?
        }
        By::Rehearsal if context.environment.setting() == Setting::Ci => {
            return Err(Failure::new(Exit::Environment, "cli::no-agent", "no agent program is installed")
                .help("install one and name it under `[agents.<name>]`, or run `ai-sdlc mission rehearse`"));
        }
        By::Rehearsal => {
            context.terminal.err(STAND_IN);
            carry_out::in_scratch(context, project, plan)?
        }
    };
    let making = ready.making.as_ref().map(Making::text).unwrap_or_default();
    let at = (&ready.run, &ready.place, ready.repository.as_ref());
    ready.notes.extend(sandbox::looked_at(context, project, plan, at)?);
    let clashes = other_runs::clashes_of(context, project, &prepared.planned);
    let shown = format!("{}{making}", plan_view::text(plan, &clashes, context.terminal.out_look));
    let notes = ready.notes.iter().fold(String::new(), |notes, note| notes + "note: " + note + "\n");
    let notes = notes + &beside(&ready.beside, context);
    if args.dry_run {
        context.terminal.out(&format!("{shown}{notes}"));
        return Ok(Exit::Success);
    }
    if args.yes {
        // Who is not asked is told all the same.
        let told = format!("{}{notes}", plan_view::conflicts(&clashes, context.terminal.err_look));
        if !told.is_empty() {
            context.terminal.err(told.trim_start());
        }
    } else {
        context.terminal.err(&format!("{shown}{notes}"));
        if !is_wanted(context, plan, &ready)? {
            context.terminal.err("Nothing was begun.");
            return Ok(Exit::Success);
        }
    }
    let plan = with_skills(context, project, prepared, &ready.run)?;
    if args.detach {
        let confirmed = Confirmed { plan, ready, inputs: &args.inputs.inputs, junit };
        return detach::begin(context, project, confirmed);
    }
    let (exit, report) = carry_out::begin(context, project, (plan, ready), (args.ui, &args.inputs.inputs))?;
    if let Some(path) = &junit {
        carry_out::write_junit(&report, path)?;
    }
    Ok(exit)
}

/// Asks whether to go on beside others, and whether to begin.
fn is_wanted(context: &mut Context, plan: &Plan, ready: &Ready) -> Result<bool, Failure> {
    let go_on = match ready.beside.as_slice() {
        [] => Answer::Yes,
        [_] => confirm(&mut context.terminal, "Go on beside that run?")?,
        [_, _, ..] => confirm(&mut context.terminal, "Go on beside those runs?")?,
    };
    Ok(go_on == Answer::Yes && confirm(&mut context.terminal, &question(plan))? == Answer::Yes)
}

/// Who is gone on beside, and what that means.
fn beside(others: &[InTheWay], context: &Context) -> String {
    if others.is_empty() {
        return String::new();
    }
    let clock = Clock { now: wall_now(), zone: context.terminal.zone().clone() };
    let told: String = others.iter().map(|by| locked::beside(by, &clock)).collect();
    format!("{told}{}\n", locked::MEANING)
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
