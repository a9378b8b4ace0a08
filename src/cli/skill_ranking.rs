//! The one question that a mission with `skill_ranking = "agent"` asks before it is run: which of many skills its
//! sessions need. Nobody is asked before the person has said yes.

use std::collections::BTreeMap;
use std::fs;

use crate::amount::Millis;
use crate::cli::Context;
use crate::cli::carry_out::{state_folder, surroundings};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::planning::ForRun;
use crate::cli::project::Project;
use crate::cli::sandbox::refused;
use crate::driver::consult::{Consulted, Question, consult};
use crate::driver::launch::{confines, unseen};
use crate::kernel::event::{Place, PlaceKind};
use crate::kernel::fact::{EndKind, StopWhy};
use crate::name::{AgentName, RunId, TaskId};
use crate::plan::build::agents::model;
use crate::plan::ranking::{Orders, Ranked, Unranked, answer, asked, question};
use crate::plan::{Agent, Plan};
use crate::report::{Spent, plural, safe};

/// How long the agent may take.
const TIMEOUT: Millis = Millis::from_mins(2);

/// Stands in place of a task.
const ABOUT: &str = "skill_ranking";

/// The model that is asked.
const MODEL: &str = "fast";

/// Who is asked.
struct Asked<'a> {
    name: &'a AgentName,
    agent: &'a Agent,
    model: Option<String>,
    /// `claude (haiku)`
    who: String,
}

impl<'a> Asked<'a> {
    fn of(plan: &'a Plan) -> Option<Self> {
        let name = asked(plan.unranked())?;
        let agent = plan.agents.get(name)?;
        let model = model(agent, Some(MODEL));
        let who = match &model {
            Some(model) => format!("`{name}` ({})", safe(model)),
            None => format!("`{name}`"),
        };
        Some(Self { name, agent, model, who })
    }
}

/// What will be asked of whom, for the question that comes before it; `None`: nothing.
pub(super) fn announced(plan: &Plan) -> Option<String> {
    let Asked { who, .. } = Asked::of(plan)?;
    Some(format!("{who} is asked once which skills fit, for {}", tasks(plan.unranked())))
}

fn tasks(unranked: &[Unranked]) -> String {
    plural(unranked.len(), "task")
}

/// Asks. `None`: there is nothing to ask.
pub(super) fn ask(
    context: &mut Context,
    project: &Project,
    prepared: &ForRun,
    run: &RunId,
) -> Result<Option<Orders>, Failure> {
    let plan = &prepared.planned.plan;
    let (Some(of), Some(announced)) = (Asked::of(plan), announced(plan)) else { return Ok(None) };
    context.terminal.err(&format!("{announced} (at most {TIMEOUT}) ..."));
    let folder = state_folder(context, project).join("scratch").join(format!("{run}-skills"));
    let about =
        TaskId::parse(ABOUT).map_err(|error| Failure::new(Exit::Internal, "cli::no-ranking", error.to_string()))?;
    let mut around = surroundings(context, project)?;
    let mask = unseen(&around, plan);
    let place = Place { directory: project.root.clone(), base: None, kind: PlaceKind::Repository };
    let confines = confines(&around, plan, &place, (&folder, None)).map_err(|error| refused(&error))?;
    // No task lists them here, whatever `pass` says.
    around.environment.retain(|(name, _)| !plan.secrets.contains(name));
    let what = Question {
        run: run.clone(),
        about,
        agent: of.agent.clone(),
        model: of.model.clone(),
        prompt: question(plan.unranked(), |skill| prepared.describe(skill)),
        timeout: TIMEOUT,
        prices: plan.prices.clone(),
        folder: folder.clone(),
        pass: plan.workspace.pass.clone(),
        name: of.name.clone(),
        confines,
        mask: mask.clone(),
    };
    let consulted = consult(&what, &around);
    let _it_is_scratch = fs::remove_dir_all(&folder);
    let consulted = consulted.map_err(|error| {
        Failure::new(Exit::Environment, "cli::no-ranking", "the agent cannot be asked which skills fit")
            .at(folder.display().to_string())
            .because(&error)
            .help("let your account write there, or leave `skill_ranking` out: the index chooses then")
    })?;
    if consulted.end.how == (EndKind::Stopped { why: StopWhy::Interrupt }) {
        return Err(Failure::new(Exit::Interrupted, "cli::interrupted", "interrupted while skills were ranked")
            .help("nothing was begun; run it again, or leave `skill_ranking` out"));
    }
    let mut orders = taken(&of.who, &consulted, plan.unranked());
    mask.hide(&mut orders.ranked.note);
    context.terminal.err(&format!("note: {}", orders.ranked.note));
    Ok(Some(orders))
}

/// What the agent said, as far as it is of use.
fn taken(who: &str, consulted: &Consulted, unranked: &[Unranked]) -> Orders {
    let mut spent = Spent::default();
    spent.add(&consulted.usage);
    let said = match consulted.end.how {
        EndKind::Completed => answer(consulted.texts(), unranked),
        EndKind::Exited { .. }
        | EndKind::Signalled { .. }
        | EndKind::Refused { .. }
        | EndKind::NotStarted { .. }
        | EndKind::Stopped { .. }
        | EndKind::Failed { .. }
        | EndKind::Lost { .. } => None,
    };
    let (by_session, came) = match said {
        None => (BTreeMap::new(), format!("the index chose, since {}", unanswered(consulted))),
        Some((orders, without)) if without.is_empty() => (orders, "all were answered".to_owned()),
        Some((orders, without)) => (orders, format!("the index chose for {}", without.join(", "))),
    };
    let note = format!("{who} was asked to rank the skills of {} ({spent}): {came}", tasks(unranked));
    Orders { by_session, ranked: Ranked { note, usage: consulted.usage } }
}

/// Why there is no answer.
fn unanswered(consulted: &Consulted) -> String {
    let end = &consulted.end;
    let what = match &end.how {
        EndKind::Completed => return "it answered with no list of skills".to_owned(),
        EndKind::Exited { code } => format!("it exited with {code}"),
        EndKind::Signalled { signal } => format!("it was ended by signal {signal}"),
        EndKind::Refused { why } => format!("it declined: {}", safe(why)),
        EndKind::NotStarted { why } => format!("it did not start: {}", safe(why)),
        EndKind::Stopped { .. } => format!("it did not answer within {TIMEOUT}"),
        EndKind::Lost { why } => format!("it was lost: {}", safe(why)),
        EndKind::Failed { why, .. } => format!("it failed: {}", safe(why)),
    };
    match end.tail.lines().last() {
        Some(last) if !last.trim().is_empty() => format!("{what} (\"{}\")", last.trim()),
        Some(_) | None => what,
    }
}
