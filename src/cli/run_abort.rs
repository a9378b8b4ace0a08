//! `ai-sdlc run abort [R] [T] [--cleanup] [--now]`: stops a live run, or one task of it, and waits until it has stopped.

use std::time::Duration;

use crate::cli::Context;
use crate::cli::args::RunAbort;
use crate::cli::clearing;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_choice::{Told, choose, meant, told};
use crate::cli::run_list::standing;
use crate::cli::waiting::{Waited, wait_until};
use crate::cli::wishing::{ask, refuse_inside};
use crate::journal::inbox::{Ask, Pace};
use crate::journal::lock::{Holder, Life, driver_of};
use crate::journal::runs::{RunEntry, Runs, Standing};
use crate::kernel::event::{CancelWhy, RunOutcome};
use crate::name::TaskId;
use crate::report::{End, Stage};

/// How long a run, or a task, is waited for to stop: an engine has stopped everything within 12 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// Leaves the wish in the run's inbox, and waits for what becomes of it.
pub(super) fn run(args: &RunAbort, context: &mut Context) -> Result<Exit, Failure> {
    let (run, task) = meant(context, "abort", (&args.run, args.task.as_deref()))?;
    match task {
        Some(_) if args.cleanup => Err(Failure::new(Exit::Usage, "cli::whole-run", "`--cleanup` is for a whole run")
            .help("the worktree of a task is kept until its run is cleaned up; leave the task or the flag out")),
        Some(task) => stop_task(args, context, (run, task)),
        None => stop_run(args, context, run),
    }
}

fn stop_run(args: &RunAbort, context: &mut Context, run: &str) -> Result<Exit, Failure> {
    if run == "@" && runs(context)?.is_empty() {
        context.terminal.err("There are no runs yet; there is nothing to stop.");
        return Ok(Exit::Success);
    }
    let entry = choose(context, run)?;
    refuse_inside(context, &entry.id, "a run cannot be aborted")?;
    let exit = match &entry.standing {
        Standing::Running(engine) => stop_live(args, context, &entry, engine)?,
        Standing::Interrupted | Standing::Ended(_) => {
            let how = standing(&entry.standing);
            context.terminal.err(&format!("Run {} is not live ({how}); there is nothing to stop.", entry.id));
            for other in runs(context)?.iter().filter(|run| matches!(run.standing, Standing::Running(_))) {
                context.terminal.err(&format!("Run {id} is: `ai-sdlc run abort {id}`", id = other.id));
            }
            Exit::Success
        }
    };
    if args.cleanup && exit == Exit::Success {
        clearing::clear(context, &choose(context, entry.id.as_str())?)?;
    }
    Ok(exit)
}

/// All runs of this project.
fn runs(context: &Context) -> Result<Vec<RunEntry>, Failure> {
    let project = Project::find(context)?;
    Runs::at(&project.store).list().map_err(|error| {
        Failure::new(Exit::Environment, "journal::unreadable", "the runs cannot be listed")
            .at(project.shown(&project.store))
            .because(&error)
            .help(error.help())
    })
}

fn stop_live(args: &RunAbort, context: &mut Context, run: &RunEntry, engine: &Holder) -> Result<Exit, Failure> {
    let id = &run.id;
    ask(run, engine, if args.now { &Ask::AbortNow } else { &Ask::Abort })?;
    context.terminal.err(&format!("Run {id} is stopping …"));
    // Its process outlives its lock by a moment: what is said is that nothing of it runs.
    let waited =
        wait_until(PATIENCE, || Ok(driver_of(&run.dir).as_ref() != Some(engine) && engine.life() != Life::Alive))?;
    let stands = choose(context, id.as_str())?.standing;
    let (words, exit) = match (waited, &stands) {
        (Waited::Left, _) => {
            (format!("The wish stays: run {id} stops. `ai-sdlc run show {id}` says how it stands."), Exit::Interrupted)
        }
        (Waited::Late, _) => (still_stopping(context, run, engine)?, Exit::Failed),
        (Waited::Done, Standing::Ended(outcome @ (RunOutcome::Succeeded | RunOutcome::Failed))) => {
            let words = crate::report::outcome_words(*outcome);
            (format!("Run {id} came to its end before it was stopped: {words}."), Exit::Success)
        }
        (Waited::Done, _) => (
            format!("Run {id} has stopped; what it has done is kept. `ai-sdlc run resume {id}` goes on with it."),
            Exit::Success,
        ),
    };
    context.terminal.err(&words);
    Ok(exit)
}

/// What a run that does not stop in time is doing.
fn still_stopping(context: &Context, run: &RunEntry, engine: &Holder) -> Result<String, Failure> {
    let id = &run.id;
    let told = told(context, id.as_str())?;
    let notes = told.report.notes.iter().filter(|(_, text)| text.starts_with(crate::kernel::event::CLEAN_UP));
    let what: Vec<String> = notes.map(|(_, text)| crate::report::safe(text)).collect();
    let what =
        if what.is_empty() { format!("its engine (process {}) has not ended", engine.pid) } else { what.join("; ") };
    Ok(format!(
        "Run {id} has not stopped after {} s: {what}. The wish stays; `ai-sdlc run abort {id} --now` ends it at once.",
        PATIENCE.as_secs()
    ))
}

fn stop_task(args: &RunAbort, context: &mut Context, (run, task): (&str, &str)) -> Result<Exit, Failure> {
    let mut told = told(context, run)?;
    refuse_inside(context, &told.run.id, "a task cannot be aborted")?;
    let (id, task) = (told.run.id.clone(), told.task(task)?);
    let Standing::Running(engine) = told.run.standing.clone() else {
        let how = standing(&told.run.standing);
        context.terminal.err(&format!("Run {id} is not live ({how}); there is nothing to stop."));
        return Ok(Exit::Success);
    };
    if has_ended(&told, &task) {
        let became = told.report.why(&task);
        context.terminal.err(&format!("{task} has ended already: {became}."));
        return Ok(Exit::Success);
    }
    let pace = if args.now { Pace::AtOnce } else { Pace::Gentle };
    ask(&told.run, &engine, &Ask::AbortTask { task: task.clone(), by: context.environment.person(), pace })?;
    let waited = wait_until(PATIENCE, || {
        let live = told.is_live();
        told.read(|_, _| {})?;
        Ok(has_ended(&told, &task) || !live)
    })?;
    let exit = match waited {
        Waited::Done => Exit::Success,
        Waited::Late => Exit::Failed,
        Waited::Left => Exit::Interrupted,
    };
    let words = task_words(&told, &task, waited);
    context.terminal.err(&words);
    Ok(exit)
}

fn has_ended(told: &Told, task: &TaskId) -> bool {
    told.report.tasks.get(task).is_some_and(|task| matches!(task.stage, Stage::Ended(_)))
}

fn task_words(told: &Told, task: &TaskId, waited: Waited) -> String {
    let id = &told.run.id;
    let why = told.report.why(task);
    let stage = told.report.tasks.get(task).map(|task| &task.stage);
    let quoted = task.quoted();
    match (stage, waited) {
        (Some(Stage::Ended(End::Cancelled { why: CancelWhy::Aborted, .. })), _) => {
            let blocked = told
                .report
                .tasks
                .iter()
                .filter(|(_, other)| matches!(&other.stage, Stage::Ended(End::Blocked { by }) if by == task));
            let blocked: Vec<&str> = blocked.map(|(id, _)| id.as_str()).collect();
            let blocks = if blocked.is_empty() { String::new() } else { format!("; it blocks {}", blocked.join(", ")) };
            format!(
                "Cancelled {task}{blocks}. Run {id} goes on without it; `ai-sdlc run retry {id} {quoted}` tries it again."
            )
        }
        (Some(Stage::Ended(_)), _) => format!("{task} ended before it was stopped: {why}."),
        (_, Waited::Done) => {
            format!("Run {id} ended before {task} was stopped. `ai-sdlc run show {id}` says how it stands.")
        }
        (_, Waited::Late) => format!(
            "{task} has not stopped after {} s: {why}. The wish stays; `ai-sdlc run abort {id} {quoted} --now` ends it at once.",
            PATIENCE.as_secs()
        ),
        (_, Waited::Left) => {
            format!("The wish stays: {task} stops. `ai-sdlc run why {id} {quoted}` says how it stands.")
        }
    }
}
