//! What is told to whom beside the run: decided from events alone.

use crate::kernel::event::{Event, FailureClass, Outcome, RunOutcome};
use crate::kernel::fact::Delivered;
use crate::mission::model::Occasion;
use crate::name::{CommitId, TaskId};
use crate::report::outcome_words;

/// Something that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub occasion: Occasion,
    /// Which task.
    pub task: Option<TaskId>,
    /// How the task or the run ended, in one word; empty where nothing ended.
    pub outcome: &'static str,
    /// What happened, for people.
    pub message: String,
    /// What was delivered: the branch and its commit.
    pub delivered: Option<(String, CommitId)>,
}

impl Notice {
    fn new(occasion: Occasion, message: impl Into<String>) -> Self {
        Self { occasion, task: None, outcome: "", message: message.into(), delivered: None }
    }

    /// What an event is worth telling.
    pub fn of(event: &Event) -> Option<Self> {
        if let Event::TaskFinished { task, outcome } = event {
            let (outcome, message) = failed(outcome)?;
            return Some(Self { task: Some(task.clone()), outcome, ..Self::new(Occasion::Failed, message) });
        }
        if let Event::GateOpened { task, question, .. } = event {
            return Some(Self { task: Some(task.clone()), ..Self::new(Occasion::Gate, question) });
        }
        if let Event::BudgetWarning { percent, .. } = event {
            return Some(Self::new(Occasion::Budget, format!("{percent}% of the budget is used")));
        }
        if let Event::BudgetExceeded { .. } = event {
            return Some(Self::new(Occasion::Budget, "the budget is used up: nothing more starts"));
        }
        if let Event::Delivered { into, commit, delivered: Delivered::Moved } = event {
            let delivered = Some((into.clone(), commit.clone()));
            let message = format!("{into} is at {}", commit.short());
            return Some(Self { delivered, ..Self::new(Occasion::Delivered, message) });
        }
        let Event::RunFinished { outcome } = event else { return None };
        Some(Self { outcome: word(*outcome), ..Self::new(Occasion::Finished, outcome_words(*outcome)) })
    }

    /// Its name, as `on` has it.
    pub fn name(&self) -> &'static str {
        match self.occasion {
            Occasion::Failed => "failed",
            Occasion::Gate => "gate",
            Occasion::Budget => "budget",
            Occasion::Delivered => "delivered",
            Occasion::Finished => "finished",
        }
    }
}

/// A failure; that of a task which only stands for its parts is told with them.
fn failed(outcome: &Outcome) -> Option<(&'static str, String)> {
    match outcome {
        Outcome::Failed { failure } if failure.class != FailureClass::Parts => {
            Some(("failed", failure.message.clone()))
        }
        Outcome::Conflict { files, .. } => {
            Some(("conflict", format!("conflicts with what was merged: {}", files.join(", "))))
        }
        Outcome::Failed { .. }
        | Outcome::Succeeded { .. }
        | Outcome::Skipped { .. }
        | Outcome::Blocked { .. }
        | Outcome::Cancelled { .. } => None,
    }
}

fn word(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::EngineFault => "engine-fault",
        RunOutcome::Stopped { .. } => "stopped",
        RunOutcome::Failed => "failed",
        RunOutcome::Cancelled => "cancelled",
        RunOutcome::Conflict => "conflict",
        RunOutcome::OutOfBudget => "out-of-budget",
        RunOutcome::Paused => "paused",
        RunOutcome::Waiting => "waiting",
        RunOutcome::Succeeded => "succeeded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::event::{CancelWhy, Failure};

    fn id(text: &str) -> TaskId {
        TaskId::parse(text).unwrap()
    }

    fn finished(class: FailureClass) -> Event {
        let failure = Failure { class, message: "exited 1".to_owned(), tail: String::new() };
        Event::TaskFinished { task: id("a"), outcome: Outcome::Failed { failure } }
    }

    #[test]
    fn what_people_want_to_know_is_told_and_nothing_else() {
        let commit = CommitId::parse(&"a".repeat(40)).unwrap();
        let delivered = |delivered| Event::Delivered { into: "main".to_owned(), commit: commit.clone(), delivered };
        let gate = Event::GateOpened { task: id("g"), question: "Go?".to_owned(), binding: String::new() };
        let told = |event: &Event| Notice::of(event).map(|notice| (notice.name(), notice.outcome, notice.message));
        let expected = |name, outcome, message: &str| Some((name, outcome, message.to_owned()));
        assert_eq!(told(&finished(FailureClass::Exit)), expected("failed", "failed", "exited 1"));
        assert_eq!(told(&gate), expected("gate", "", "Go?"));
        assert_eq!(told(&delivered(Delivered::Moved)), expected("delivered", "", "main is at aaaaaaaaaa"));
        let over = Event::RunFinished { outcome: RunOutcome::Waiting };
        assert_eq!(told(&over), expected("finished", "waiting", "waits for a person"));
        let cancelled = Outcome::Cancelled { why: CancelWhy::Budget, by: None };
        for quiet in [
            finished(FailureClass::Parts),
            delivered(Delivered::Raced),
            Event::TaskReady { task: id("a") },
            Event::TaskFinished { task: id("a"), outcome: cancelled },
        ] {
            assert_eq!(told(&quiet), None, "{quiet:?}");
        }
    }
}
