//! `ai-sdlc run handoff [R] T [--to ROLE]`: a session is stopped in the middle, and a next one goes on with what it hands
//! over, in the same attempt and worktree.

use std::time::Duration;

use crate::cli::Context;
use crate::cli::args::RunHandoff;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::{Told, meant, told, unreadable};
use crate::cli::run_list::standing;
use crate::cli::waiting::{Waited, wait_until};
use crate::cli::wishing::{ask, refuse_inside};
use crate::journal::inbox::Ask;
use crate::journal::lock::Holder;
use crate::journal::runs::Standing;
use crate::journal::{Journal, Record};
use crate::kernel::Run;
use crate::kernel::event::{Event, HandOffWhy, HandoffStep, NoteAbout};
use crate::name::{RoleName, TaskId};

/// How long the next session is waited for: a session has stopped within 12 s, and its work is recorded then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Leaves the wish with the engine that drives the run, and waits for what becomes of it.
pub(super) fn run(args: &RunHandoff, context: &mut Context) -> Result<Exit, Failure> {
    let (run, task) = meant(context, "handoff", (&args.run, args.task.as_deref()))?;
    let mut told = told(context, run)?;
    refuse_inside(context, &told.run.id, "a task cannot be handed off")?;
    let id = told.run.id.clone();
    let Some(task) = task else {
        let what = format!("which task of run {id} is to be handed off?");
        let help = format!("`ai-sdlc run show {id}` lists those at work");
        return Err(Failure::new(Exit::Usage, "cli::which-task", what).help(help));
    };
    let task = told.task(task)?;
    let Standing::Running(engine) = told.run.standing.clone() else {
        let what = format!("run {id} is not live ({}): no session of it works", standing(&told.run.standing));
        return Err(refused(what, &format!("`ai-sdlc run resume {id}` goes on with it, where it can")));
    };
    let to = args.to.as_deref().map(RoleName::parse).transpose().map_err(|error| {
        let help = format!("`ai-sdlc run show {id}` shows its tasks and their roles");
        refused(format!("`{}` is no name of a role: {error}", args.to.as_deref().unwrap_or_default()), &help)
    })?;
    if let Some(why) = folded(&told)?.refuses_handoff(&task, to.as_ref()) {
        let help = format!("`ai-sdlc run why {id} {}` says how it stands", task.quoted());
        return Err(refused(why, &help));
    }
    hand_off(context, &mut told, &engine, (task, to))
}

fn refused(what: String, help: &str) -> Failure {
    Failure::new(Exit::Usage, "cli::no-handoff", what).help(help)
}

fn folded(told: &Told) -> Result<Run, Failure> {
    let records = Journal::read(&told.run.dir).map_err(|error| unreadable(&told.run, &error))?;
    Run::fold(records.into_iter().map(|record| (record.at, record.event))).map_err(|error| {
        Failure::new(Exit::Environment, "journal::unreadable", "the journal tells of no run")
            .at(told.run.dir.display().to_string())
            .because(&error)
            .help("the run has not begun yet, or its journal was damaged: `ai-sdlc run list` shows the others")
    })
}

/// What became of the wish.
#[derive(Debug, Default)]
struct Came {
    /// The last of what was done.
    step: Option<&'static str>,
    /// The session that goes on with it, or the role that the next one has.
    done: Option<String>,
    /// Why not.
    not: Option<String>,
}

impl Came {
    /// Takes in what the engine did; a step of it in words.
    fn take(&mut self, task: &TaskId, event: &Event) -> Option<String> {
        if let Some(step) = step_of(task, event)
            && (self.step.is_some() || step == "stop")
        {
            self.step = Some(step);
            return Some(format!("{task}: handing off: {step}"));
        }
        if let Event::TaskGiven { task: of, role, .. } = event
            && of == task
            && self.step.is_none()
        {
            self.done = Some(format!("{task} is given to {role}: its next session is in that role."));
        } else if let Event::AgentAwaited { task: of, agent, .. } = event
            && of == task
            && self.step == Some("next session")
        {
            self.done = Some(format!("{task} is handed off; its next session waits for {agent}."));
        } else if let Event::SessionStarted { task: of, session, role, .. } = event
            && of == task
            && self.step.is_some()
        {
            let role = role.as_ref().map(|role| format!(", as {role}")).unwrap_or_default();
            self.done = Some(format!("{task} is handed off: session {session} goes on with it{role}."));
        } else if let Event::TaskFinished { task: of, .. } | Event::BackingOff { task: of, .. } = event
            && of == task
        {
            self.not = Some(format!("{task} ended before it was handed off"));
        } else if let Event::Note { task: Some(of), text, about: Some(NoteAbout::HandOffRefused) } = event
            && of == task
        {
            self.not = Some(text.clone());
        }
        None
    }
}

/// The step that an event tells of.
fn step_of(task: &TaskId, event: &Event) -> Option<&'static str> {
    if let Event::HandingOff { task: of, why: HandOffWhy::Asked, .. } = event {
        return Some("stop").filter(|_| of == task);
    }
    let Event::HandoffStep { task: of, step, .. } = event else { return None };
    let step = match step {
        HandoffStep::Document { .. } => "document",
        HandoffStep::Commit { .. } => "commit",
        HandoffStep::Next => "next session",
    };
    Some(step).filter(|_| of == task)
}

fn hand_off(
    context: &mut Context,
    told: &mut Told,
    engine: &Holder,
    (task, to): (TaskId, Option<RoleName>),
) -> Result<Exit, Failure> {
    let id = told.run.id.clone();
    ask(&told.run, engine, &Ask::HandOff { task: task.clone(), to, by: context.environment.person() })?;
    let mut came = Came::default();
    let waited = wait_until(PATIENCE, || {
        let live = told.is_live();
        let mut lines = Vec::new();
        told.read(|Record { event, .. }, _| lines.extend(came.take(&task, event)))?;
        for line in &lines {
            context.terminal.err(line);
        }
        Ok(came.done.is_some() || came.not.is_some() || !live)
    })?;
    let why = told.report.why(&task);
    let (words, exit) = match (came.done, came.not, waited) {
        (Some(done), _, _) => (done, Exit::Success),
        (None, Some(not), _) => (format!("Not handed off: {not}."), Exit::Failed),
        (None, None, Waited::Done) => {
            (format!("Run {id} ended first. `ai-sdlc run resume {id}` goes on with it."), Exit::Failed)
        }
        (None, None, Waited::Late) if came.step == Some("next session") => {
            (format!("{task} is handed off; its next session waits: {why}."), Exit::Success)
        }
        (None, None, Waited::Late) => (
            format!("{task} has not been handed off after {} s: {why}. The wish stays.", PATIENCE.as_secs()),
            Exit::Failed,
        ),
        (None, None, Waited::Left) => (format!("The wish stays: run {id} hands {task} off."), Exit::Interrupted),
    };
    context.terminal.err(&words);
    Ok(exit)
}
