//! `ai-sdlc run why [R] [T]`: why a task stands where it stands, in one line a person can act on.

use clap::Args;
use serde_json::{Value, json};

use crate::amount::{At, Millis};
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::{Told, meant, told, unreadable};
use crate::cli::run_list::pretty;
use crate::cli::table::table;
use crate::driver::clock::wall_now;
use crate::journal::Journal;
use crate::journal::runs::Standing;
use crate::kernel::Run;
use crate::kernel::event::CacheFound;
use crate::name::TaskId;
use crate::report::{Stage, end};

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RunWhy {
    /// The run, or a task of the latest one.
    #[arg(value_name = "RUN", default_value = "@")]
    run: String,
    /// One task; left out: all that have not succeeded.
    #[arg(value_name = "TASK")]
    task: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Says why.
pub(super) fn run(args: &RunWhy, context: &mut Context) -> Result<Exit, Failure> {
    let (run, task) = meant(context, "why", (&args.run, args.task.as_deref()))?;
    let told = told(context, run)?;
    if told.run.standing == Standing::Interrupted {
        let id = &told.run.id;
        context
            .terminal
            .err(&format!("Run {id} was interrupted; `ai-sdlc run resume {id}` goes on with it. It stood so:"));
    }
    let tasks: Vec<TaskId> = match task {
        Some(task) => vec![told.task(task)?],
        None => told.report.tasks.iter().filter(|(_, task)| !task.stage.is_done()).map(|(id, _)| id.clone()).collect(),
    };
    let whys = Whys::read(&told)?;
    let why = |id: &TaskId| why(&told, &whys, id);
    if args.json {
        let tasks: Vec<Value> = tasks.iter().map(|id| json!({ "task": id, "why": why(id) })).collect();
        let all = json!({ "schema": "ai-sdlc/why/1", "run": told.run.id, "tasks": tasks });
        context.terminal.out(&pretty(&all));
    } else if tasks.is_empty() {
        context.terminal.err("Every task of this run succeeded.");
    } else {
        let rows: Vec<Vec<String>> = tasks.iter().map(|id| vec![id.to_string(), why(id)]).collect();
        context.terminal.out(&table(&rows, usize::MAX, context.terminal.out_look));
    }
    Ok(Exit::Success)
}

/// Why it stands where it stands, and of a command whose earlier work was used, whose. Why it was not used, the kernel
/// tells.
fn why(told: &Told, whys: &Whys, id: &TaskId) -> String {
    let cached = told.report.tasks.get(id).and_then(|task| task.cache.as_ref());
    let cached = cached.filter(|found| matches!(found, CacheFound::Hit { .. })).map(end::cache_words);
    let ready = told.report.tasks.get(id).filter(|task| matches!(task.stage, Stage::Asking));
    if let Some(given) = ready.and_then(|task| task.gate.as_ref()?.answer.as_ref()) {
        return format!("{}; `ai-sdlc run resume {}` goes on with it", given.words(), told.run.id);
    }
    let words = whys.of(id);
    cached.into_iter().fold(words, |words, cached| if words.is_empty() { cached } else { format!("{words}; {cached}") })
}

/// The kernel's own words: it knows which limit holds a task that could run.
struct Whys {
    run: Run,
    now: At,
}

impl Whys {
    fn read(told: &Told) -> Result<Self, Failure> {
        let records = Journal::read(&told.run.dir).map_err(|error| unreadable(&told.run, &error))?;
        let run = Run::fold(records.into_iter().map(|record| (record.at, record.event))).map_err(|error| {
            Failure::new(Exit::Environment, "journal::unreadable", "the journal tells of no run")
                .at(told.run.dir.display().to_string())
                .because(&error)
                .help("the run has not begun yet, or its journal was damaged: `ai-sdlc run list` shows the others")
        })?;
        Ok(Self { run, now: At { mono: Millis::ZERO, wall: wall_now() } })
    }

    fn of(&self, task: &TaskId) -> String {
        self.run.why(task, self.now)
    }
}

impl Stage {
    /// Whether it succeeded.
    fn is_done(&self) -> bool {
        matches!(self, Self::Ended(crate::report::End::Succeeded { .. }))
    }
}
