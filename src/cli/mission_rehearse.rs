//! `ai-sdlc mission rehearse`: the whole run with the embedded agent in a scratch clone.

use crate::cli::Context;
use crate::cli::args::MissionRehearse;
use crate::cli::carry_out;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{Ask, Loading, plan, scenario};
use crate::cli::project::Project;
use crate::name::AgentName;
use crate::plan::build::Overrides;
use crate::plan::build::agents::REHEARSAL;

/// The first line of everything.
const FIRST_LINE: &str =
    "This is a rehearsal in a scratch clone, with the embedded agent. No model is asked, nothing of yours is touched.";

/// Drives it.
pub(super) fn run(args: &MissionRehearse, context: &mut Context) -> Result<Exit, Failure> {
    context.terminal.err(FIRST_LINE);
    let project = Project::find(context)?;
    let scenario =
        args.scenario.as_deref().map(|path| scenario(&project, &context.directory().join(path))).transpose()?;
    let overrides = Overrides { agent: AgentName::parse(REHEARSAL).ok(), scenario, ..Overrides::default() };
    let loading = Loading::read(context, &project, &args.mission)?;
    loading.sound(context)?;
    let ask = Ask { inputs: args.inputs.inputs.clone(), overrides, ..Ask::default() };
    let plan = plan(context, &project, &loading, &ask)?.plan;
    let ready = carry_out::in_scratch(context, &project, &plan)?;
    let (exit, _) = carry_out::begin(context, &project, (plan, ready), (args.ui, &args.inputs.inputs))?;
    Ok(exit)
}
