//! `ai-sdlc run retry [R] T`: one task that failed gets a new attempt, what it blocks is freed, all else stays as it is.

use std::time::Duration;

use crate::amount::{At, Millis};
use crate::cli::Context;
use crate::cli::args::RunRetry;
use crate::cli::carry_out::Onward;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::{Told, meant, told, unreadable};
use crate::cli::run_resume::go_on;
use crate::cli::waiting::{Waited, wait_until};
use crate::cli::wishing::{ask, refuse_to_drive};
use crate::driver::clock::wall_now;
use crate::journal::Journal;
use crate::journal::inbox::Ask;
use crate::journal::lock::Holder;
use crate::journal::runs::Standing;
use crate::kernel::Run;
use crate::kernel::event::{Event, NoteAbout, Outcome};
use crate::kernel::fact::Again;
use crate::name::TaskId;

/// How long a live engine is waited for to take the wish.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the engine that drives the run, or drives it.
pub(super) fn run(args: &RunRetry, context: &mut Context) -> Result<Exit, Failure> {
    refuse_to_drive(context)?;
    let (run, task) = meant(context, "retry", (&args.run, args.task.as_deref()))?;
    let mut told = told(context, run)?;
    let Some(task) = task else {
        let what = format!("which task of run {} is to be tried again?", told.run.id);
        let help = format!("`ai-sdlc run why {}` lists those that did not succeed", told.run.id);
        return Err(Failure::new(Exit::Usage, "cli::which-task", what).help(help));
    };
    let task = told.task(task)?;
    if let Some(exit) = cannot(context, &told, &task)? {
        return Ok(exit);
    }
    if let Standing::Running(engine) = told.run.standing.clone()
        && let Some(exit) = ask_engine(context, &mut told, &engine, &task)?
    {
        return Ok(exit);
    }
    let onward = Onward { ceiling: args.onward.ceiling(), again: Again::Only(task), ui: args.onward.ui };
    go_on(context, &told.run, onward, args.onward.detach)
}

/// Why it cannot be tried again, or need not.
fn cannot(context: &mut Context, told: &Told, task: &TaskId) -> Result<Option<Exit>, Failure> {
    let id = &told.run.id;
    let records = Journal::read(&told.run.dir).map_err(|error| unreadable(&told.run, &error))?;
    let mut run = Run::fold(records.into_iter().map(|record| (record.at, record.event))).map_err(|error| {
        Failure::new(Exit::Environment, "journal::unreadable", "the journal tells of no run")
            .at(told.run.dir.display().to_string())
            .because(&error)
            .help("the run has not begun yet, or its journal was damaged: `ai-sdlc run list` shows the others")
    })?;
    let why = run.why(task, At { mono: Millis::ZERO, wall: wall_now() });
    let refused = |what: String, help: String| Err(Failure::new(Exit::Usage, "cli::no-retry", what).help(help));
    match run.task_outcome(task) {
        None => {
            context.terminal.err(&format!("{task} has not failed: {why}."));
            if !matches!(told.run.standing, Standing::Running(_)) {
                context.terminal.err(&format!("`ai-sdlc run resume {id}` goes on with the run."));
            }
            Ok(Some(Exit::Success))
        }
        Some(Outcome::Succeeded { .. }) => refused(
            format!("`{task}` succeeded: finished work never runs again"),
            format!("`ai-sdlc run diff {id} {}` shows what it made; a new run does it anew", task.quoted()),
        ),
        Some(Outcome::Skipped { because: Some(because) }) => refused(
            format!("`{task}` did not fail: it was skipped, as `{because}` was"),
            format!("`ai-sdlc run retry {id} {}` tries that again", because.quoted()),
        ),
        Some(Outcome::Skipped { because: None }) => refused(
            format!("`{task}` did not fail: it was skipped, as its `when` is false"),
            "its condition is worked out once".to_owned(),
        ),
        Some(
            Outcome::Failed { .. } | Outcome::Blocked { .. } | Outcome::Cancelled { .. } | Outcome::Conflict { .. },
        ) => {
            if run.would_try_again(task).0.is_empty() {
                return refused(
                    format!("`{task}` is part of what has succeeded without it"),
                    "its failure did not count; a new run does it anew".to_owned(),
                );
            }
            Ok(None)
        }
    }
}

/// Leaves the wish with the engine that drives the run. `None`: that engine is gone, and has not taken it.
fn ask_engine(context: &mut Context, told: &mut Told, engine: &Holder, task: &TaskId) -> Result<Option<Exit>, Failure> {
    let id = told.run.id.clone();
    ask(&told.run, engine, &Ask::Retry { task: task.clone(), by: context.environment.person() })?;
    let (mut tried, mut refused) = (None, false);
    let waited = wait_until(PATIENCE, || {
        let live = told.is_live();
        told.read(|record, _| {
            if let Event::TaskRetried { task: of, retried, freed, .. } = &record.event
                && of == task
            {
                tried = Some((retried.clone(), freed.clone()));
            } else if let Event::Note { task: Some(of), about: Some(NoteAbout::RetryRefused), .. } = &record.event {
                refused |= of == task;
            }
        })?;
        Ok(tried.is_some() || refused || !live)
    })?;
    let (words, exit) = match (tried, waited) {
        (Some((retried, freed)), _) => (again_words(task, &retried, &freed), Exit::Success),
        (None, Waited::Done) if refused => (
            format!(
                "Run {id} cannot try {task} again now: it is stopping, or its budget is used up. After its end `ai-sdlc run retry {id} {}` does.",
                task.quoted()
            ),
            Exit::Failed,
        ),
        (None, Waited::Done) => return Ok(None),
        (None, Waited::Late) => {
            (format!("The engine of run {id} has not answered yet; the wish stays."), Exit::Success)
        }
        (None, Waited::Left) => (format!("The wish stays: run {id} tries {task} again."), Exit::Interrupted),
    };
    context.terminal.err(&words);
    Ok(Some(exit))
}

fn again_words(task: &TaskId, retried: &[TaskId], freed: &[TaskId]) -> String {
    let list = |ids: Vec<&TaskId>| ids.into_iter().map(TaskId::as_str).collect::<Vec<_>>().join(", ");
    let others: Vec<&TaskId> = retried.iter().filter(|other| *other != task).collect();
    let with = if others.is_empty() { String::new() } else { format!(", with {}", list(others)) };
    let freed: Vec<&TaskId> = freed.iter().filter(|other| *other != task).collect();
    let frees = if freed.is_empty() { String::new() } else { format!("; freed: {}", list(freed)) };
    format!("{task} is tried again{with}{frees}.")
}
