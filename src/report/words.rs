//! The words for how things ended and why they stop.

use crate::kernel::event::{CancelWhy, Ended, RunOutcome, Sandbox, Settled};
use crate::kernel::fact::{StopCause, StopWhy};
use crate::name::TaskId;
use crate::report::Spent;
use crate::report::look::{plural, safe};
use crate::report::task::few;

/// How a run ended, in words.
pub fn outcome_words(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::EngineFault => "stopped: the engine could not go on",
        RunOutcome::Stopped { cause } => cause_words(cause),
        RunOutcome::Failed => "failed",
        RunOutcome::Cancelled => "ended, with a task cancelled",
        RunOutcome::Conflict => "ended with conflicts",
        RunOutcome::OutOfBudget => "stopped: the budget is used up",
        RunOutcome::Paused => "paused",
        RunOutcome::Waiting => "waits for a person",
        RunOutcome::Succeeded => "succeeded",
    }
}

pub(crate) fn cancel_words(why: CancelWhy, by: Option<&str>) -> String {
    match why {
        CancelWhy::Stopped => "cancelled, as the run was stopped".to_owned(),
        CancelWhy::Budget => "cancelled, as the budget is used up".to_owned(),
        CancelWhy::Aborted => format!("cancelled by {}", by.unwrap_or("a person")),
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
        StopWhy::Cancelled => "it is cancelled",
        StopWhy::HandOff => "it is handed off",
    }
}

/// The sandbox of a run, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxWords {
    /// What there is.
    pub short: String,
    /// What a person should mind.
    pub careful: Option<String>,
}

/// What keeps what is started from writing elsewhere, in words.
pub fn sandbox_words(sandbox: &Sandbox) -> SandboxWords {
    let (abi, writable, own, exposed) = match sandbox {
        Sandbox::Off => {
            let careful = "tasks may write wherever you may, since `sandbox` is `off`".to_owned();
            return SandboxWords { short: "off".to_owned(), careful: Some(careful) };
        }
        Sandbox::Unavailable { why } => {
            let short = format!("none: {why}");
            return SandboxWords {
                careful: Some(format!("tasks are not confined and may write wherever you may: {why}")),
                short,
            };
        }
        Sandbox::Landlock { abi, writable, own, exposed } => (abi, writable, own, exposed),
    };
    let more = if writable.is_empty() { String::new() } else { format!(", and to {}", few(writable)) };
    let short = format!("Landlock (version {abi}): writes only to the workspace, temporary and cache folders{more}");
    let mut careful = Vec::new();
    if !own.is_empty() {
        let names: Vec<String> = own.iter().map(|name| format!("`{name}`")).collect();
        careful.push(format!("sessions of {} are confined by their own program alone", few(&names)));
    }
    if let Some(git) = exposed {
        let git = safe(&git.display().to_string());
        careful.push(format!("tasks can write to `{git}`, which lies in the directory that they work in"));
    }
    SandboxWords { short, careful: (!careful.is_empty()).then(|| careful.join("; ")) }
}

pub(crate) fn settled_words(settled: &Settled) -> String {
    let mut spent = Spent::default();
    spent.add(&settled.usage);
    spent.unknown = settled.some_unknown.into();
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
