//! The plan that `mission run` carries out: of a mission, or out of a file; the whole of it, or some tasks alone.

use std::num::NonZeroU32;
use std::path::Path;

use crate::amount::Ceiling;
use crate::cli::Context;
use crate::cli::args::MissionRun;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::given::{Typed, narrowed, split};
use crate::cli::loading::{Ask, Loading, Planned, plan, scenario};
use crate::cli::project::Project;
use crate::cli::saved_plan::{changed, open, told};
use crate::diagnostic::nearest::{listed, nearest};
use crate::name::{AgentName, SkillName};
use crate::plan::Plan;
use crate::plan::build::Overrides;
use crate::plan::choose::Choice;
use crate::plan::ranking::Orders;

/// A plan that is to be run, and what it was made of.
#[derive(Debug)]
pub(super) struct ForRun {
    /// The plan, with the tasks that are run.
    pub(super) planned: Planned,
    /// What it is made of; `None`: it comes out of a file.
    source: Option<(Loading, Ask)>,
    choice: Choice,
    outputs: Typed,
}

impl ForRun {
    /// Of a mission that was loaded already, the whole of it.
    pub(super) fn of(context: &Context, project: &Project, (loading, ask): (Loading, Ask)) -> Result<Self, Failure> {
        let planned = plan(context, project, &loading, &ask)?;
        Ok(Self { planned, source: Some((loading, ask)), choice: Choice::default(), outputs: Typed::default() })
    }

    /// What a skill is for.
    pub(super) fn describe(&self, skill: &SkillName) -> String {
        let found = self.source.as_ref().and_then(|(loading, _)| loading.catalog.skills.get(skill));
        found.map(|found| found.value.description.clone()).unwrap_or_default()
    }

    /// The same plan with skills in the orders that an agent gave.
    pub(super) fn ranked(self, context: &Context, project: &Project, orders: Orders) -> Result<Plan, Failure> {
        let Some((loading, mut ask)) = self.source else { return Ok(self.planned.plan) };
        ask.overrides.orders = Some(orders);
        let planned = plan(context, project, &loading, &ask)?;
        narrowed(context, project, planned.plan, (&self.choice, &self.outputs))
    }
}

/// Makes it, or reads it.
pub(super) fn for_run(args: &MissionRun, context: &mut Context, project: &Project) -> Result<ForRun, Failure> {
    let (inputs, outputs) = split(&args.inputs.inputs);
    let (planned, source) = match (&args.plan, &args.mission) {
        (Some(file), _) => (saved(context, project, file, &inputs)?, None),
        (None, mission) => {
            let (loading, ask) = asked(args, context, project, (mission.as_deref().unwrap_or_default(), inputs))?;
            (plan(context, project, &loading, &ask)?, Some((loading, ask)))
        }
    };
    let choice = Choice { tasks: args.task.clone(), from: args.from.clone() };
    let plan = narrowed(context, project, planned.plan, (&choice, &outputs))?;
    Ok(ForRun { planned: Planned { plan, ..planned }, source, choice, outputs })
}

fn asked(
    args: &MissionRun,
    context: &mut Context,
    project: &Project,
    (mission, inputs): (&str, Vec<(String, String)>),
) -> Result<(Loading, Ask), Failure> {
    let scenario =
        args.scenario.as_deref().map(|path| scenario(project, &context.directory().join(path))).transpose()?;
    let overrides = Overrides { scenario, ..overrides(args)? };
    let loading = Loading::read(context, project, mission)?;
    loading.sound(context)?;
    known(overrides.agent.as_ref(), &loading)?;
    Ok((loading, Ask { inputs, overrides, ..Ask::default() }))
}

/// A plan out of a file: exactly that is run, whatever its files say by now.
fn saved(
    context: &mut Context,
    project: &Project,
    file: &Path,
    inputs: &[(String, String)],
) -> Result<Planned, Failure> {
    if let Some((name, _)) = inputs.first() {
        return Err(Failure::new(
            Exit::Usage,
            "cli::no-plan",
            format!("`--input {name}` is given, and the plan has its inputs"),
        )
        .help("make a new plan: `ai-sdlc mission plan MISSION --input … --out FILE`"));
    }
    let planned = open(project, &context.directory().join(file))?;
    let changes = changed(project, &planned.plan);
    if !changes.is_empty() {
        let lines: Vec<String> = told(&changes).into_iter().map(|line| format!("  {line}\n")).collect();
        let text = format!(
            "Since this plan was made its files have changed; it is run as it is:\n{}`ai-sdlc mission diff {}` shows what that would change.\n",
            lines.concat(),
            file.display()
        );
        context.terminal.err(&text);
    }
    Ok(planned)
}

/// Refuses an agent that nobody has named: without this, a mission of commands would not notice.
pub(super) fn known(agent: Option<&AgentName>, loading: &Loading) -> Result<(), Failure> {
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

/// What the command line says otherwise than the mission.
pub(super) fn overrides(args: &MissionRun) -> Result<Overrides, Failure> {
    let agent = args.agent.as_deref().map(AgentName::parse).transpose().map_err(|error| {
        Failure::new(Exit::Usage, "cli::bad-name", error.to_string())
            .help("`ai-sdlc doctor` shows the agents there are")
    })?;
    let budget = Ceiling { usd: args.budget_usd, ..Ceiling::NONE };
    Ok(Overrides { max: args.max.and_then(NonZeroU32::new), agent, budget, ..Overrides::default() })
}
