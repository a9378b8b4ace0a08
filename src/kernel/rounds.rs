//! What counts as done. Success is never an exit code nor the agent's word: it is the end of the session, and no denied
//! permission, and the declared outputs, and the files it may change, and the checks, run by the engine. What misses
//! any of these goes back to the conversation while rounds are left.

use crate::amount::{Millis, Usage};
use crate::handoff::{CheckResult, Facts, FileChange, Source, Status, Verdict};
use crate::kernel::effect::Effect;
use crate::kernel::event::{
    CancelWhy, Ended, Event, Failure, FailureClass, HandOffWhy, Outcome, PlaceKind, RoundReason,
};
use crate::kernel::fact::{EndKind, Fault, StopWhy, WorkEnd};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::Job;
use crate::kernel::state::Phase;
use crate::kernel::step::{CommandEnded, Turn};
use crate::kernel::texts;
use crate::kernel::work::round_after;
use crate::name::{Attempt, Round, TaskId};
use crate::plan::touches::TouchSet;

/// What an agent's own failure means for its task.
pub(crate) fn class_of(fault: Fault) -> FailureClass {
    match fault {
        Fault::Transient => FailureClass::Transient,
        Fault::Limited { .. } => FailureClass::Limited,
        Fault::Misconfigured => FailureClass::Misconfigured,
        Fault::OutOfBudget => FailureClass::OutOfBudget,
        Fault::OutOfTurns | Fault::OutOfContext => FailureClass::OutOfTurns,
    }
}

impl Turn<'_> {
    /// Whether checks, merge checks and setup commands are run here.
    pub(crate) fn checks_are_run(&self) -> bool {
        self.run.place.kind != PlaceKind::ScratchWithoutChecks
    }

    /// Reads what a session or command left.
    pub(crate) fn read_end(&self, t: TaskNo, end: WorkEnd) -> Ended {
        let task = self.task(t);
        let told = if self.is_reviewing(t) {
            texts::read_review(&end, || self.facts(t))
        } else if self.is_agent(t) {
            texts::read_handoff(task, &end, || self.facts(t))
        } else {
            texts::read_outputs(task, &end, || self.facts(t))
        };
        Ended {
            how: end.how,
            duration: end.duration,
            usage: end.usage,
            narrative: told.narrative,
            source: told.source,
            outputs: told.outputs,
            problems: told.problems,
            tail: end.tail,
            denied: end.denied,
            truncated: end.truncated,
            swept: end.swept,
            model: end.model,
            version: end.version,
        }
    }

    /// What the engine knows of a task's work.
    pub(crate) fn facts(&self, t: TaskNo) -> Facts {
        let record = self.run.state.task(t);
        let running = record.running();
        let snapshot = running.and_then(|running| running.snapshot.as_ref());
        let spent = record.past.as_ref().map(|past| past.spent).unwrap_or_default();
        Facts {
            task: self.id(t),
            attempt: record.attempt().unwrap_or(Attempt::FIRST),
            branch: running.and_then(|running| running.workspace.as_ref()).and_then(|made| made.branch.clone()),
            commit: snapshot.and_then(|snapshot| snapshot.commit.clone()),
            files: snapshot.map(|snapshot| snapshot.files.clone()).unwrap_or_default(),
            checks: running.map(|running| running.checks.clone()).unwrap_or_default(),
            usage: if self.is_agent(t) || self.task(t).review.is_some() { spent.usage() } else { Usage::NONE },
            duration: record.past.as_ref().map_or(Millis::ZERO, |past| past.ran),
        }
    }

    /// A lean command that ended well says all there is to say by its end.
    pub(crate) fn ends_leanly(&self, t: TaskNo, end: &WorkEnd) -> bool {
        self.run.graph.lean(t) && end.how == EndKind::Completed && self.lives(t)
    }

    pub(crate) fn succeed_leanly(&mut self, t: TaskNo, end: &WorkEnd) {
        let mut facts = self.facts(t);
        facts.duration = facts.duration + end.duration;
        let outcome = Outcome::Succeeded { facts: Box::new(facts), merged: None };
        let task = self.id(t);
        self.emit(Event::TaskFinished { task, outcome });
    }

    /// Judges work whose session has ended, and which is a commit where there is one to make.
    pub(crate) fn judge(&mut self, t: TaskNo) {
        let Some(end) = self.running(t).and_then(|running| running.end.clone()) else { return };
        let (class, message) = match &end.how {
            EndKind::Completed => return self.judge_work(t, &end),
            EndKind::Stopped { why: StopWhy::Budget } if self.run.state.exceeded => return self.end_for_budget(t),
            EndKind::Stopped { why } => self.stopped(t, *why),
            EndKind::Exited { code } if self.is_agent(t) => {
                (FailureClass::Crashed, format!("its agent program exited with {code}"))
            }
            EndKind::Exited { code } => (FailureClass::Exit, format!("it exited with {code}")),
            EndKind::Signalled { signal } => (FailureClass::Crashed, format!("it was ended by signal {signal}")),
            EndKind::Refused { why } => (FailureClass::Refused, format!("the agent declined: {why}")),
            EndKind::NotStarted { why } => (FailureClass::Misconfigured, format!("it could not be started: {why}")),
            EndKind::Lost { why } => (FailureClass::Engine, format!("it was lost: {why}")),
            EndKind::Failed { fault: Fault::OutOfTurns, why } => {
                return self.give_back(t, RoundReason::OutOfTurns { why: why.clone() });
            }
            EndKind::Failed { fault: Fault::OutOfBudget, .. } if self.ends_for_budget() => {
                return self.end_for_budget(t);
            }
            EndKind::Failed { fault: Fault::OutOfContext, why } => {
                return self.hand_on(t, (HandOffWhy::Context, FailureClass::OutOfTurns), why, &end);
            }
            EndKind::Failed { fault: Fault::OutOfBudget, why }
                if self.running(t).is_some_and(|running| running.share_gone) =>
            {
                return self.hand_on(t, (HandOffWhy::Share, FailureClass::OutOfBudget), why, &end);
            }
            EndKind::Failed { fault, why } => (class_of(*fault), format!("its agent failed: {why}")),
        };
        self.fail(t, Failure { class, message, tail: end.tail.clone() });
    }

    pub(crate) fn stopped(&self, t: TaskNo, why: StopWhy) -> (FailureClass, String) {
        let task = self.task(t);
        match why {
            StopWhy::Timeout => (FailureClass::TimedOut, format!("it ran longer than its timeout of {}", task.timeout)),
            StopWhy::Idle => (FailureClass::Stalled, format!("it gave no sign of life for {}", task.idle_timeout)),
            StopWhy::Budget => (FailureClass::OutOfBudget, self.whose_budget(t)),
            StopWhy::Interrupt => (FailureClass::Engine, "it was interrupted".to_owned()),
            StopWhy::Cancelled => (FailureClass::Engine, "it was cancelled".to_owned()),
            StopWhy::HandOff => (FailureClass::Engine, "it was stopped to be handed off".to_owned()),
        }
    }

    fn whose_budget(&self, t: TaskNo) -> String {
        let kind = self.running(t).map(|running| running.kind).unwrap_or_default();
        if self.run.is_unbound(t, kind) {
            return self.run.why_unbound(t, kind);
        }
        match self.run.spent_pot(t) {
            Some(group) => format!("the budget of `{}` is used up", self.id(group)),
            None => "its own budget is used up".to_owned(),
        }
    }

    /// The end is good: is the work?
    fn judge_work(&mut self, t: TaskNo, end: &Ended) {
        match self.complaint(t, end) {
            Some(reason) => self.give_back(t, reason),
            None if self.judges(t) && end.narrative.verdict == Some(Verdict::Rework) => self.judged_bad(t, end),
            None => self.go_on_checking(t, 0),
        }
    }

    fn complaint(&mut self, t: TaskNo, end: &Ended) -> Option<RoundReason> {
        if !end.denied.is_empty() {
            return Some(RoundReason::Denied { what: end.denied.clone() });
        }
        let judged_bad = self.judges(t) && end.narrative.verdict == Some(Verdict::Rework);
        if end.source != Source::Synthesised && end.narrative.status != Status::Done && !judged_bad {
            return Some(RoundReason::NotDone { summary: end.narrative.summary.clone() });
        }
        let files = self.outside(t);
        if !files.is_empty() {
            return Some(RoundReason::Touches { files });
        }
        if self.judges(t) && end.narrative.verdict.is_none() {
            let mut problems = end.problems.clone();
            if !problems.iter().any(|problem| problem.contains("`verdict`")) {
                problems.insert(0, "`verdict` is missing".to_owned());
            }
            return Some(RoundReason::Outputs { problems });
        }
        let missing = self.task(t).outputs.keys().any(|id| !end.outputs.contains_key(id)) && !judged_bad;
        missing.then(|| RoundReason::Outputs { problems: end.problems.clone() })
    }

    /// Files it changed and may not, by its own `touches` or its role's fence. Lock files are only told.
    fn outside(&mut self, t: TaskNo) -> Vec<String> {
        let changed: Vec<String> = self
            .running(t)
            .and_then(|running| running.snapshot.as_ref())
            .map(|snapshot| snapshot.files.iter().map(|FileChange { path, .. }| path.clone()).collect())
            .unwrap_or_default();
        let task = self.task(t);
        let outside: std::collections::BTreeSet<String> = [&task.touches, &task.fence]
            .into_iter()
            .flatten()
            .flat_map(|globs| TouchSet::compile(globs).unwrap_or_default().outside(changed.iter().map(String::as_str)))
            .collect();
        let (locks, outside): (Vec<_>, Vec<_>) = outside.into_iter().partition(|path| texts::is_lock_file(path));
        if !locks.is_empty() {
            self.note(t, format!("changed outside `touches`, let pass as lock files: {}", locks.join(", ")));
        }
        outside
    }

    /// Runs the next check, or accepts the work after the last.
    pub(crate) fn go_on_checking(&mut self, t: TaskNo, index: usize) {
        let Some(running) = self.running(t) else { return };
        let (attempt, round) = (running.attempt, running.round);
        let failed = running.checks.last().filter(|check| index > 0 && !texts::passes(check.verdict));
        if let Some(CheckResult { command, verdict, .. }) = failed.cloned() {
            let tail = running.check_tail.clone();
            return self.give_back(t, RoundReason::Check { command, verdict, tail });
        }
        let Some(line) = self.task(t).checks.get(index).cloned() else {
            return if self.task(t).review.is_some() { self.review_on(t) } else { self.accept(t) };
        };
        let command = match self.final_command(t, &line) {
            Ok(command) => command,
            Err(why) => return self.misconfigured(t, why),
        };
        let task = self.id(t);
        if self.checks_are_run() {
            self.begin_job(t, Job::Check);
            return self.ask(Effect::Check { task, attempt, round, index, command });
        }
        self.emit(Event::CheckFinished {
            task,
            attempt,
            round,
            index,
            command: command.to_string(),
            verdict: crate::handoff::CheckVerdict::NotRun,
            duration: Millis::ZERO,
            tail: String::new(),
            changed: Vec::new(),
        });
        self.look_at(t);
    }

    pub(crate) fn check_ended(&mut self, task: TaskId, attempt: Attempt, round: Round, ended: CommandEnded) {
        let Some((t, running)) = self.current(&task, attempt) else { return };
        let expected = if let Phase::Checking(index) = running.phase { index } else { 0 };
        if running.round != round || expected != ended.index {
            return;
        }
        let Some(line) = self.task(t).checks.get(expected).cloned() else { return };
        if self.answered(&task, attempt, Job::Check).is_none() {
            return;
        }
        let command = self.final_command(t, &line).map(|argv| argv.to_string()).unwrap_or_default();
        let CommandEnded { index, verdict, duration, tail, changed } = ended;
        self.emit(Event::CheckFinished { task, attempt, round, index, command, verdict, duration, tail, changed });
    }

    /// Work that is not accepted goes back to the conversation, or the attempt has failed.
    pub(crate) fn give_back(&mut self, t: TaskNo, reason: RoundReason) {
        let Some(running) = self.running(t) else { return };
        let (attempt, round) = (running.attempt, running.round);
        if self.is_agent(t) && round_after(round, self.task(t).rounds).is_some() {
            let task = self.id(t);
            self.emit(Event::RoundFailed { task, attempt, round, reason });
            return self.look_at(t);
        }
        let (what, tail) = texts::reason(&reason);
        if let RoundReason::Conflict { files } = reason {
            let branch =
                self.running(t).and_then(|running| running.workspace.as_ref()).and_then(|made| made.branch.clone());
            let task = self.id(t);
            return self.emit(Event::TaskFinished { task, outcome: Outcome::Conflict { files, branch } });
        }
        let on_merged_tree = matches!(reason, RoundReason::MergeCheck { .. });
        let by_review = matches!(reason, RoundReason::Review { .. });
        let out_of_turns = matches!(reason, RoundReason::OutOfTurns { .. });
        let class = match (on_merged_tree, self.is_agent(t) || by_review) {
            _ if out_of_turns => FailureClass::OutOfTurns,
            (true, _) => FailureClass::MergeCheck,
            (false, true) => FailureClass::OutOfRounds,
            (false, false) => FailureClass::Exit,
        };
        let message = if self.is_agent(t) {
            format!("not accepted after {round} of {} rounds: {what}", self.task(t).rounds)
        } else {
            what
        };
        self.fail(t, Failure { class, message, tail });
    }

    /// The work is good: it is merged where there is something to merge and no task goes on with it.
    pub(crate) fn accept(&mut self, t: TaskNo) {
        if self.keeps_artifacts(t) {
            return;
        }
        self.fill_cache(t);
        let goes_on = self.goes_on_in_it(t);
        let Some(running) = self.running(t) else { return };
        let attempt = running.attempt;
        if goes_on || self.merge_commit(t).is_none() {
            return self.succeed(t);
        }
        let task = self.id(t);
        self.emit(Event::MergeQueued { task, attempt });
    }

    /// The task has succeeded.
    pub(crate) fn succeed(&mut self, t: TaskNo) {
        let merged = match self.running(t).map(|running| &running.phase) {
            Some(Phase::Merged(commit)) => Some(commit.clone()),
            _ => None,
        };
        let outcome = Outcome::Succeeded { facts: Box::new(self.facts(t)), merged };
        let task = self.id(t);
        self.emit(Event::TaskFinished { task, outcome });
    }

    pub(crate) fn cancel(&mut self, t: TaskNo, why: CancelWhy) {
        let task = self.id(t);
        self.emit(Event::TaskFinished { task, outcome: Outcome::Cancelled { why, by: None } });
    }
}
