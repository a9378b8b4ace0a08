//! The words for how things ended and why they stop.

use crate::kernel::event::{CancelWhy, Ended, RunOutcome, Settled};
use crate::kernel::fact::{StopCause, StopWhy};
use crate::name::TaskId;
use crate::report::Spent;
use crate::report::look::plural;
use crate::report::task::few;

/// How a run ended, in words.
pub fn outcome_words(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::EngineFault => "stopped: the engine could not go on",
        RunOutcome::Stopped { cause } => cause_words(cause),
        RunOutcome::Failed => "failed",
        RunOutcome::Conflict => "ended with conflicts",
        RunOutcome::OutOfBudget => "stopped: the budget is used up",
        RunOutcome::Waiting => "waits for a person",
        RunOutcome::Succeeded => "succeeded",
    }
}

pub(crate) fn cancel_words(why: CancelWhy) -> &'static str {
    match why {
        CancelWhy::Stopped => "cancelled, as the run was stopped",
        CancelWhy::Budget => "cancelled, as the budget is used up",
    }
}

pub(crate) fn cause_words(cause: StopCause) -> &'static str {
    match cause {
        StopCause::Interrupted => "interrupted",
        StopCause::Terminated => "terminated",
        StopCause::HungUp => "hung up",
        StopCause::Aborted => "aborted",
    }
}

pub(crate) fn stop_words(why: StopWhy) -> &'static str {
    match why {
        StopWhy::Timeout => "its time is used up",
        StopWhy::Idle => "no sign of life",
        StopWhy::Budget => "its budget is used up",
        StopWhy::Interrupt => "the run is stopping",
    }
}

pub(crate) fn settled_words(settled: &Settled) -> String {
    let mut spent = Spent::default();
    spent.add(settled.usage);
    format!("{spent}, {} tokens, {}", spent.tokens.billed(), settled.time)
}

/// What of a session's end deserves a line of its own.
pub(crate) fn session_words(end: &Ended) -> Option<String> {
    let mut words = Vec::new();
    if end.swept > 0 {
        let count = usize::try_from(end.swept).unwrap_or(usize::MAX);
        words.push(format!("{} left behind, ended", plural(count, "process")));
    }
    if end.truncated {
        words.push("its output was cut at the limit".to_owned());
    }
    (!words.is_empty()).then(|| words.join("; "))
}

pub(crate) fn ids(tasks: &[TaskId]) -> String {
    few(&tasks.iter().map(ToString::to_string).collect::<Vec<_>>())
}
