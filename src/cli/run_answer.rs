//! `ai-sdlc run approve [R] [T] [-m TEXT]` and `ai-sdlc run reject [R] [T] -m TEXT`: a person's answer to a gate.

use std::time::Duration;

use crate::cli::Context;
use crate::cli::args::RunAnswer;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::{Told, meant, told, wait_a_moment};
use crate::journal::inbox::{self, Ask};
use crate::journal::runs::Standing;
use crate::kernel::event::RunOutcome;
use crate::kernel::fact::Answer;
use crate::mission::nearest::listed;
use crate::name::TaskId;
use crate::report::{Stage, TaskReport, Worker};

/// How long a live engine is waited for to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Leaves the answer in the run's inbox, and says what becomes of it.
pub(super) fn run(answer: Answer, args: &RunAnswer, context: &mut Context) -> Result<Exit, Failure> {
    if context.environment.get("AI_SDLC_RUN").is_some() {
        return Err(Failure::new(Exit::Usage, "cli::nested", "a gate cannot be answered from inside of a run")
            .help("a person answers it, in a terminal of their own"));
    }
    let message = args.message.as_deref().unwrap_or_default().trim();
    if answer == Answer::Reject && message.is_empty() {
        return Err(Failure::new(Exit::Usage, "cli::no-reason", "a rejection needs its reason")
            .help("give `-m \"what is to be different\"`: it goes back with the work"));
    }
    let command = match answer {
        Answer::Approve => "approve",
        Answer::Reject => "reject",
    };
    let (run, task) = meant(context, command, (&args.run, args.task.as_deref()))?;
    let told = told(context, run)?;
    let gate = gate(&told, task)?;
    let binding = told.report.tasks.get(&gate).and_then(|task| task.gate.as_ref()).map(|gate| gate.binding.clone());
    let asked = Ask::Answer {
        task: gate.clone(),
        answer,
        message: message.to_owned(),
        by: context.environment.person(),
        binding,
    };
    inbox::post(&told.run.dir, &asked).map_err(|error| {
        Failure::new(Exit::Environment, "cli::cannot-ask", format!("run {} cannot be told", told.run.id))
            .because(&error)
            .help(error.help())
    })?;
    let what = match answer {
        Answer::Approve => "Approved",
        Answer::Reject => "Rejected",
    };
    if is_taken(&told) {
        context.terminal.err(&format!("{what} {gate}; run {} goes on.", told.run.id));
    } else {
        let id = &told.run.id;
        context.terminal.err(&format!("{what} {gate}. No engine drives run {id} now; this goes on with it:"));
        context.terminal.err(&format!("  ai-sdlc run resume {id}"));
    }
    Ok(Exit::Success)
}

/// The gate that is meant, which must be open.
fn gate(told: &Told, given: Option<&str>) -> Result<TaskId, Failure> {
    let run = &told.run.id;
    let open: Vec<&TaskId> = told.report.open_gates().map(|(id, ..)| id).collect();
    let lies_ready = |task: &TaskReport| matches!(task.stage, Stage::Asking) && task.gate.is_some();
    let answered = told.report.tasks.iter().find(|(_, task)| lies_ready(task)).map(|(id, _)| id);
    let gate = match (given.map(|given| told.task(given)), open.as_slice()) {
        (Some(given), _) => given?,
        (None, [only]) => (*only).clone(),
        (None, []) => match answered {
            Some(answered) => answered.clone(),
            None => {
                return Err(Failure::new(Exit::Usage, "cli::no-gate", format!("no gate of run {run} is open"))
                    .help(format!("`ai-sdlc run show {run}` shows where it stands")));
            }
        },
        (None, several) => {
            let names = listed(several.iter().map(|id| id.as_str()));
            return Err(Failure::new(Exit::Usage, "cli::which-gate", format!("several gates of run {run} are open"))
                .help(format!("name one of them: {names}")));
        }
    };
    let pending = inbox::waiting(&told.run.dir).unwrap_or_default();
    let answered = pending.iter().find_map(|ask| match ask {
        Ask::Answer { task, answer, .. } if *task == gate => Some(*answer),
        Ask::Answer { .. }
        | Ask::Abort
        | Ask::AbortNow
        | Ask::AbortTask { .. }
        | Ask::Pause { .. }
        | Ask::Retry { .. }
        | Ask::HandOff { .. } => None,
    });
    match answered {
        Some(answer) => {
            let what = format!("`{gate}` has been answered already: it was {}", words(answer));
            Err(Failure::new(Exit::Usage, "cli::gate-answered", what)
                .help(format!("`ai-sdlc run resume {run}` goes on with it")))
        }
        None if open.contains(&&gate) => Ok(gate),
        None => Err(not_open(told, &gate)),
    }
}

/// Why a task is no gate that can be answered.
fn not_open(told: &Told, id: &TaskId) -> Failure {
    let task = told.report.tasks.get(id);
    let why = told.report.why(id);
    let given = task.and_then(|task| task.gate.as_ref()?.answer.as_ref());
    let is_gate = task.is_some_and(|task| task.worker == Worker::Person);
    let has_ended = task.is_some_and(|task| matches!(task.stage, Stage::Ended(_)));
    let (code, what) = match (is_gate, given) {
        (false, _) => ("cli::no-gate", format!("`{id}` is no gate: only tasks with `gate` ask")),
        (true, Some(given)) => {
            ("cli::gate-answered", format!("`{id}` has been answered already: it was {}", given.words()))
        }
        (true, None) if has_ended => ("cli::no-gate", format!("`{id}` is no longer open: {why}")),
        (true, None) => ("cli::no-gate", format!("`{id}` is not open yet: {why}")),
    };
    let help = format!("`ai-sdlc run show {}` shows what is asked", told.run.id);
    Failure::new(Exit::Usage, code, what).help(help)
}

fn words(answer: Answer) -> &'static str {
    match answer {
        Answer::Approve => "approved",
        Answer::Reject => "rejected",
    }
}

/// Waits until the engine that drives the run has taken the answer; false where none does.
fn is_taken(told: &Told) -> bool {
    if let Standing::Ended(RunOutcome::Waiting) | Standing::Interrupted = told.run.standing {
        return false;
    }
    let mut waited = Duration::ZERO;
    while told.is_live() {
        if inbox::waiting(&told.run.dir).is_ok_and(|waiting| waiting.is_empty()) {
            return true;
        }
        if waited > PATIENCE {
            // It is busy; it takes it when it looks.
            return true;
        }
        wait_a_moment();
        waited += Duration::from_millis(200);
    }
    inbox::waiting(&told.run.dir).is_ok_and(|waiting| waiting.is_empty())
}
