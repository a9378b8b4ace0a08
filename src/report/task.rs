//! What a person may want to know of a task.

use crate::amount::{Millis, WallTime};
use crate::handoff::CheckVerdict;
use crate::kernel::event::{Artifact, CacheFound, CancelWhy, Failure, FailureClass, RoundReason, SessionKind};
use crate::mission::model::Importance;
use crate::name::{AgentName, Attempt, CommitId, Round, TaskId};
use crate::report::handing::{Handing, HandoffReport};
use crate::report::judged::{GateReport, ReviewReport};
use crate::report::skills::SkillReport;
use crate::report::{Look, Spent, one_line};

/// What a person may want to know of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskReport {
    /// One line for people.
    pub title: String,
    /// Who works.
    pub worker: Worker,
    /// Tasks that come first.
    pub needs: Vec<TaskId>,
    /// Tasks that need it.
    pub feeds: Vec<TaskId>,
    /// Expected duration.
    pub estimate: Millis,
    /// How often an attempt may go round.
    pub rounds: u32,
    /// How many attempts there may be.
    pub attempts: u32,
    /// Whether its failure counts for the run.
    pub importance: Importance,
    /// Commands that accept its work.
    pub checks: Vec<String>,
    /// Where it stands.
    pub stage: Stage,
    /// The present attempt.
    pub attempt: Option<Attempt>,
    /// The present round.
    pub round: Round,
    /// What it says it is doing.
    pub doing: Option<String>,
    /// What it used.
    pub spent: Spent,
    /// Files changed.
    pub files: usize,
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
    /// Its work.
    pub commit: Option<CommitId>,
    /// Its branch.
    pub branch: Option<String>,
    /// Where its worktree is, while there is one; once it has ended, where it is kept.
    pub kept: Option<String>,
    /// The task that goes on in its worktree, and whose merge takes its work along.
    pub goes_on: Option<TaskId>,
    /// Checks of the present round.
    pub check_results: Vec<CheckLine>,
    /// The last lines of what failed last.
    pub tail: String,
    /// What was missing, wrong or at odds with the facts.
    pub problems: Vec<String>,
    /// The question it asks, of a gate that was opened.
    pub gate: Option<GateReport>,
    /// What its reviewer said last.
    pub review: Option<ReviewReport>,
    /// Who sent it back last, and why.
    pub sent_back: Option<(TaskId, String)>,
    /// Whether it was taken from an earlier run.
    pub cache: Option<CacheFound>,
    /// What it made beside code, below the run's folder.
    pub artifacts: Vec<Artifact>,
    /// The skills of its sessions.
    pub skills: Vec<SkillReport>,
    /// What is being done to hand it to a next session.
    pub(super) handing: Option<Handing>,
    /// How often a session handed it to the next one in the middle, and how.
    pub handoffs: Vec<HandoffReport>,
    /// What the session that runs, or ran last, is for.
    pub(super) session: SessionKind,
    /// The task of which it is a part.
    pub part_of: Option<TaskId>,
    /// Its parts, once they are known.
    pub parts: Vec<TaskId>,
    /// Time it was worked on before the present stretch.
    pub(super) busy: Millis,
    /// When the present stretch began.
    pub(super) since: Option<WallTime>,
}

/// Who works at a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worker {
    /// A role, by an agent.
    Agent {
        /// The role.
        role: String,
        /// The agent.
        agent: String,
    },
    /// A command.
    Command(String),
    /// A person who answers a gate.
    Person,
    /// The instances of a task, or the tasks of a mission used as one.
    Parts,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Something it needs is not there.
    Waiting,
    /// All it needs is there; it waits for its turn.
    Ready,
    /// Its workspace is being made.
    Preparing,
    /// A session or command runs.
    Working,
    /// A person is asked.
    Asking,
    /// Its work is being accepted.
    Checking {
        /// The check that ran last.
        command: String,
    },
    /// Between two rounds.
    Between,
    /// The next attempt follows.
    BackingOff {
        /// When.
        until: WallTime,
    },
    /// Its agent cannot be asked: it goes on where it stopped.
    Limited {
        /// Which.
        agent: AgentName,
    },
    /// Accepted; it waits for the merge queue.
    Queued,
    /// It is being merged.
    Merging,
    /// It has ended.
    Ended(End),
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Accepted.
    Succeeded {
        /// The commit of integration that holds it.
        merged: Option<CommitId>,
    },
    /// Not accepted.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// A need was skipped.
    Skipped {
        /// Which; `None`: its own `when` was false.
        because: Option<TaskId>,
    },
    /// A need failed.
    Blocked {
        /// Which.
        by: TaskId,
    },
    /// It or the run was stopped, or the budget is used up.
    Cancelled {
        /// By what.
        why: CancelWhy,
        /// By whom, where it was a person.
        by: Option<String>,
    },
    /// Its work conflicts with what was merged.
    Conflict {
        /// The files.
        files: Vec<String>,
        /// The branch that holds it.
        branch: Option<String>,
    },
}

/// One check that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckLine {
    /// The command.
    pub command: String,
    /// How it ended.
    pub verdict: CheckVerdict,
    /// How long it took.
    pub duration: Millis,
}

impl TaskReport {
    /// How long it has been worked on in the present stretch.
    pub fn running_for(&self, now: WallTime) -> Millis {
        self.since.map_or(Millis::ZERO, |since| now.since(since))
    }

    /// How long it has been worked on in all.
    pub fn worked(&self, now: WallTime) -> Millis {
        self.busy + self.running_for(now)
    }

    /// Begins a stretch of work.
    pub(super) fn begin(&mut self, at: WallTime) {
        self.close(at);
        self.since = Some(at);
    }

    /// Ends the stretch of work.
    pub(super) fn close(&mut self, at: WallTime) {
        self.busy = self.worked(at);
        self.since = None;
    }

    /// Whether it is being worked on.
    pub fn is_running(&self) -> bool {
        match self.stage {
            Stage::Preparing
            | Stage::Working
            | Stage::Checking { .. }
            | Stage::Between
            | Stage::Queued
            | Stage::Merging => true,
            Stage::Waiting
            | Stage::Ready
            | Stage::Asking
            | Stage::BackingOff { .. }
            | Stage::Limited { .. }
            | Stage::Ended(_) => false,
        }
    }

    /// Whether it counts as one task: one that stands for its parts does not count beside them.
    pub fn counts(&self) -> bool {
        self.parts.is_empty()
    }

    /// What it is doing, in a few words. Empty for what has ended.
    pub(super) fn doing_words(&self) -> String {
        match (&self.stage, &self.handing) {
            (Stage::Waiting | Stage::Ended(_), _) | (_, None) => self.stage_words(),
            (_, Some(handing)) => handing.words(),
        }
    }

    fn stage_words(&self) -> String {
        match &self.stage {
            Stage::Waiting | Stage::Ended(_) => String::new(),
            Stage::Ready => "waits for its turn".to_owned(),
            Stage::Preparing => "prepares its workspace".to_owned(),
            Stage::Working => self.doing.clone().unwrap_or_else(|| match &self.worker {
                Worker::Agent { role, .. } => format!("{role} at work"),
                Worker::Command(command) => format!("runs {}", brief(command)),
                Worker::Person => "waits for an answer".to_owned(),
                Worker::Parts => "its parts are at work".to_owned(),
            }),
            Stage::Asking => "waits for an answer".to_owned(),
            Stage::Checking { command } => format!("check `{}`", brief(command)),
            Stage::Between => format!("round {} of {}", self.round, self.rounds),
            Stage::BackingOff { .. } => "waits for its next attempt".to_owned(),
            Stage::Limited { agent } => format!("waits for {agent}"),
            Stage::Queued => "waits to be merged".to_owned(),
            Stage::Merging => "is being merged".to_owned(),
        }
    }
}

/// A command in a line about something else.
pub(super) fn brief(command: &str) -> String {
    const COLUMNS: usize = 80;
    one_line(command, COLUMNS, Look::default())
}

/// Why something failed, in one line.
pub(super) fn message(failure: &Failure) -> String {
    const COLUMNS: usize = 160;
    one_line(&failure.message, COLUMNS, Look::default())
}

/// How a check ended, in words.
pub fn verdict(verdict: CheckVerdict) -> String {
    match verdict {
        CheckVerdict::Passed => "passed".to_owned(),
        CheckVerdict::Exited(code) => format!("exited {code}"),
        CheckVerdict::Signalled(signal) => format!("was ended by signal {signal}"),
        CheckVerdict::TimedOut => "took longer than its limit".to_owned(),
        CheckVerdict::NotStarted => "could not be started".to_owned(),
        CheckVerdict::NotRun => "was not run".to_owned(),
    }
}

/// Whether a check stands in the way of its task.
pub(super) fn is_bad(verdict: CheckVerdict) -> bool {
    match verdict {
        CheckVerdict::Passed | CheckVerdict::NotRun => false,
        CheckVerdict::Exited(_) | CheckVerdict::Signalled(_) | CheckVerdict::TimedOut | CheckVerdict::NotStarted => {
            true
        }
    }
}

/// Why a round was not accepted, in one line.
pub(super) fn round_reason(reason: &RoundReason) -> String {
    match reason {
        RoundReason::Check { command, verdict: how, tail: _ } => {
            format!("check `{}` {}", brief(command), verdict(*how))
        }
        RoundReason::Outputs { problems } => format!("outputs: {}", problems.join("; ")),
        RoundReason::Touches { files } => format!("changed files outside its `touches`: {}", few(files)),
        RoundReason::Denied { what } => format!("was denied what it needed: {}", few(what)),
        RoundReason::Conflict { files } => format!("conflicts with what was merged: {}", few(files)),
        RoundReason::MergeCheck { command, verdict: how, tail: _ } => {
            format!("merge check `{}` {}", brief(command), verdict(*how))
        }
        RoundReason::NotDone { summary } => format!("not done: {summary}"),
        RoundReason::Review { role, reasons } => format!("review by {role}: {}", few(reasons)),
        RoundReason::SentBack { by, reason } => format!("sent back by {by}: {reason}"),
        RoundReason::OutOfTurns { why } => format!("ran out of turns: {why}"),
    }
}

/// The last lines that a round's failure left.
pub(super) fn round_tail(reason: &RoundReason) -> &str {
    match reason {
        RoundReason::Check { tail, .. } | RoundReason::MergeCheck { tail, .. } => tail,
        RoundReason::Outputs { .. }
        | RoundReason::Touches { .. }
        | RoundReason::Denied { .. }
        | RoundReason::Conflict { .. }
        | RoundReason::Review { .. }
        | RoundReason::SentBack { .. }
        | RoundReason::OutOfTurns { .. }
        | RoundReason::NotDone { .. } => "",
    }
}

/// The class of a failure, as it is written in reports for programs.
pub(super) fn class_word(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Exit => "exit",
        FailureClass::Crashed => "crashed",
        FailureClass::TimedOut => "timed-out",
        FailureClass::Stalled => "stalled",
        FailureClass::Transient => "transient",
        FailureClass::Limited => "limited",
        FailureClass::OutOfTurns => "out-of-turns",
        FailureClass::Refused => "refused",
        FailureClass::OutOfRounds => "out-of-rounds",
        FailureClass::OutOfBudget => "out-of-budget",
        FailureClass::Misconfigured => "misconfigured",
        FailureClass::Workspace => "workspace",
        FailureClass::MergeCheck => "merge-check",
        FailureClass::Engine => "engine",
        FailureClass::Rejected => "rejected",
        FailureClass::SentBackTooOften => "sent-back-too-often",
        FailureClass::Expression => "expression",
        FailureClass::Parts => "parts",
    }
}

/// A list of which the first few are named.
pub(super) fn few(names: &[String]) -> String {
    const NAMED: usize = 3;
    let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
