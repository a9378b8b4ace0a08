//! `ai-sdlc mission run`: plan, pre-flight, confirmation, then the run.

use std::num::NonZeroU32;

use crate::amount::Ceiling;
use crate::cli::Context;
use crate::cli::args::MissionRun;
use crate::cli::carry_out;
use crate::cli::confirm::{Answer, confirm};
use crate::cli::environment::Setting;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{Ask, By, Loading, Planned, plan, scenario};
use crate::cli::making::Making;
use crate::cli::plan_view;

use crate::cli::project::Project;
use crate::mission::nearest::{listed, nearest};
use crate::name::AgentName;
use crate::plan::build::Overrides;

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
    let scenario =
        args.scenario.as_deref().map(|path| scenario(&project, &context.directory().join(path))).transpose()?;
    let overrides = Overrides { scenario, ..overrides(args)? };
    let loading = Loading::read(context, &project, &args.mission)?;
    loading.sound(context)?;
    known(overrides.agent.as_ref(), &loading)?;
    let Planned { plan, by } =
        plan(context, &project, &loading, &Ask { inputs: args.inputs.inputs.clone(), overrides })?;
    let ready = match by {
        By::Agents => carry_out::in_project(context, &project, &plan)?,
        By::Rehearsal if context.environment.setting() == Setting::Ci => {
            return Err(Failure::new(Exit::Environment, "cli::no-agent", "no agent program is installed")
                .help("install one and name it under `[agents.<name>]`, or run `ai-sdlc mission rehearse`"));
        }
        By::Rehearsal => {
            context.terminal.err(STAND_IN);
            carry_out::in_scratch(context, &project, &plan)?
        }
    };
    let making = ready.making.as_ref().map(Making::text).unwrap_or_default();
    let shown = format!("{}{making}", plan_view::text(&plan, context.terminal.out_look));
    let notes = ready.notes.iter().fold(String::new(), |notes, note| notes + "note: " + note + "\n");
    if args.dry_run {
        context.terminal.out(&format!("{shown}{notes}"));
        return Ok(Exit::Success);
    }
    if !args.yes {
        context.terminal.err(&format!("{shown}{notes}"));
        if confirm(&mut context.terminal, "Begin?")? == Answer::No {
            context.terminal.err("Nothing was begun.");
            return Ok(Exit::Success);
        }
    } else if !notes.is_empty() {
        context.terminal.err(&notes);
    }
    let (exit, report) = carry_out::begin(context, &project, (plan, ready), (args.ui, &args.inputs.inputs))?;
    if let Some(path) = &junit {
        carry_out::write_junit(&report, path)?;
    }
    Ok(exit)
}

/// Refuses an agent that nobody has named: without this, a mission of commands would not notice.
fn known(agent: Option<&AgentName>, loading: &Loading) -> Result<(), Failure> {
    let agents = loading.agents();
    let Some(unknown) = agent.filter(|agent| !agents.contains_key(*agent)) else { return Ok(()) };
    let names = || agents.keys().map(AgentName::as_str);
    let help = match nearest(unknown.as_str(), names()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            format!("there are {}; a new one is a table `[agents.{unknown}]` in .ai-sdlc/config.toml", listed(names()))
        }
    };
    Err(Failure::new(Exit::Usage, "cli::unknown-agent", format!("there is no agent `{unknown}`")).help(help))
}

fn overrides(args: &MissionRun) -> Result<Overrides, Failure> {
    let agent = args.agent.as_deref().map(AgentName::parse).transpose().map_err(|error| {
        Failure::new(Exit::Usage, "cli::bad-name", error.to_string())
            .help("`ai-sdlc doctor` shows the agents there are")
    })?;
    let budget = Ceiling { usd: args.budget_usd, ..Ceiling::NONE };
    Ok(Overrides { max: args.max.and_then(NonZeroU32::new), agent, budget, scenario: None })
}
