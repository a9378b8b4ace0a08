//! Reviews: after the checks another session reads the work and judges it. It uses the slot of its task; what it changes
//! is thrown away. No verdict is never an approval: it is asked for once more, then the attempt has failed.

use crate::amount::{Ceiling, Usage};
use crate::handoff::Verdict;
use crate::kernel::effect::{Effect, StartSession};
use crate::kernel::event::{CancelWhy, Ended, Event, Failure, FailureClass, RoundReason, SessionKind};
use crate::kernel::fact::{EndKind, Fault, StopWhy, WorkKey};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::Job;
use crate::kernel::ledger::Grant;
use crate::kernel::rounds::class_of;
use crate::kernel::state::Review;
use crate::kernel::step::Turn;
use crate::kernel::work::{counted, next_session};
use crate::name::{Attempt, CommitId, TaskId};

/// How often a verdict is asked for.
const ASKED: u32 = 2;

impl Turn<'_> {
    /// Whether a review session is what runs, or ran last.
    pub(crate) fn is_reviewing(&self, t: TaskNo) -> bool {
        self.running(t).is_some_and(|running| running.kind == SessionKind::Review)
    }

    /// Whether what runs, or ran last, is a session of an agent.
    pub(crate) fn is_session(&self, t: TaskNo) -> bool {
        self.is_agent(t) || self.is_reviewing(t)
    }

    /// Does what comes next once the checks have passed.
    pub(crate) fn review_on(&mut self, t: TaskNo) {
        let Some(running) = self.running(t) else { return };
        let (attempt, round) = (running.attempt, running.round);
        let review = running.review.as_deref().cloned().unwrap_or_default();
        let Some(end) = &review.end else { return self.judge_review(t, &review) };
        let of_budget = matches!(
            end.how,
            EndKind::Stopped { why: StopWhy::Budget } | EndKind::Failed { fault: Fault::OutOfBudget, .. }
        );
        if of_budget && self.run.state.exceeded {
            return self.cancel(t, CancelWhy::Budget);
        }
        if let Some(failure) = self.cannot_go_on(t, end) {
            return self.fail(t, failure);
        }
        let (verdict, reasons) = verdict_of(end);
        let task = self.id(t);
        self.emit(Event::Reviewed { task, attempt, round, verdict, reasons });
        self.look_at(t);
    }

    fn judge_review(&mut self, t: TaskNo, review: &Review) {
        match review.verdict {
            Some(Verdict::Approve) => self.accept(t),
            Some(Verdict::Rework) => {
                let Some(role) = self.task(t).review.as_ref().map(|review| review.role.clone()) else { return };
                self.give_back(t, RoundReason::Review { role, reasons: review.reasons.clone() });
            }
            None if review.without_verdict >= ASKED => {
                let class = match review.last {
                    Some(EndKind::Refused { .. }) => FailureClass::Refused,
                    Some(EndKind::Lost { .. }) => FailureClass::Engine,
                    Some(EndKind::Failed { fault, .. }) => class_of(fault),
                    Some(EndKind::Exited { .. } | EndKind::Signalled { .. }) => FailureClass::Crashed,
                    Some(EndKind::Completed | EndKind::NotStarted { .. } | EndKind::Stopped { .. }) | None => {
                        FailureClass::OutOfRounds
                    }
                };
                let message = format!("its review came to no verdict: {}", review.reasons.join("; "));
                self.fail(t, Failure { class, message, tail: String::new() });
            }
            None if self.may_work_on(t) => self.begin_review(t),
            None => {}
        }
    }

    /// A review that asking again cannot help.
    fn cannot_go_on(&self, t: TaskNo, end: &Ended) -> Option<Failure> {
        let (class, message) = match &end.how {
            EndKind::Stopped { why } => self.stopped(t, *why),
            EndKind::NotStarted { why } => (FailureClass::Misconfigured, format!("it could not be started: {why}")),
            EndKind::Failed {
                fault: fault @ (Fault::Transient | Fault::Limited { .. } | Fault::Misconfigured | Fault::OutOfBudget),
                why,
            } => (class_of(*fault), format!("its agent failed: {why}")),
            EndKind::Completed
            | EndKind::Exited { .. }
            | EndKind::Signalled { .. }
            | EndKind::Refused { .. }
            | EndKind::Failed { fault: Fault::OutOfTurns | Fault::OutOfContext, .. }
            | EndKind::Lost { .. } => return None,
        };
        Some(Failure { class, message: format!("its review failed: {message}"), tail: end.tail.clone() })
    }

    /// The reviewer is shown what the work changes: that is asked for first.
    fn begin_review(&mut self, t: TaskNo) {
        if self.rests(t, SessionKind::Review) {
            return;
        }
        let grant = self.grant(t, SessionKind::Review);
        let cap = match grant {
            Grant::Granted(cap) => cap,
            Grant::Unbound => {
                let message = self.run.why_unbound(t, SessionKind::Review);
                return self.fail(t, Failure { class: FailureClass::OutOfBudget, message, tail: String::new() });
            }
            Grant::TaskSpent => {
                let message = "its own budget is used up, and its work is not yet reviewed".to_owned();
                return self.fail(t, Failure { class: FailureClass::OutOfBudget, message, tail: String::new() });
            }
            Grant::GroupSpent(group) => {
                let message =
                    format!("the budget of `{}` is used up, and its work is not yet reviewed", self.id(group));
                return self.fail(t, Failure { class: FailureClass::OutOfBudget, message, tail: String::new() });
            }
            Grant::Short => {
                self.run.inflight.unfunded.insert(t);
                return;
            }
        };
        self.run.inflight.unfunded.remove(&t);
        let goes_on = self.running(t).and_then(|running| running.review.as_ref()?.conversation.as_ref()).is_some();
        match self.shown(t).filter(|_| !goes_on && !self.run.inflight.diffs.contains_key(&t)) {
            Some((base, commit)) => {
                let Some(attempt) = self.running(t).map(|running| running.attempt) else { return };
                let task = self.id(t);
                self.begin_job(t, Job::Diff);
                self.ask(Effect::ShowDiff { task, attempt, base, commit });
            }
            None => self.start_review(t, cap),
        }
    }

    /// What lies between these commits is its own work.
    fn shown(&self, t: TaskNo) -> Option<(CommitId, CommitId)> {
        let commit = self.running(t)?.snapshot.as_ref()?.commit.clone()?;
        let before = self.work_before(t).map(|work| work.commit.clone());
        let base = before.or_else(|| self.run.state.task(t).past.as_ref()?.base.clone())?;
        Some((base, commit))
    }

    pub(crate) fn diff_shown(&mut self, task: &TaskId, attempt: Attempt, diff: String) {
        if let Some(t) = self.answered(task, attempt, Job::Diff) {
            self.run.inflight.diffs.insert(t, diff);
        }
    }

    fn start_review(&mut self, t: TaskNo, reserved: Ceiling) {
        let Some(model) = self.task(t).review.as_ref().map(|review| review.model.clone()) else { return };
        let diff = self.run.inflight.diffs.remove(&t);
        let prompt = match self.review_prompt(t, diff.as_deref()) {
            Ok(prompt) => prompt,
            Err(why) => return self.misconfigured(t, why),
        };
        let Some(running) = self.running(t) else { return };
        let (attempt, round, session) = (running.attempt, running.round, next_session(running));
        let conversation = running.review.as_ref().and_then(|review| review.conversation.clone());
        let counted = running.review.as_ref().map_or(Usage::NONE, |review| counted(&review.counted));
        let (task, path, kind) = (self.id(t), self.work_path(t), SessionKind::Review);
        let (role, agent) = self.run.who(t, kind).map(|(role, agent)| (role.clone(), agent.clone())).unzip();
        let key = WorkKey { task: task.clone(), attempt, round, session };
        self.emit(Event::SessionStarted {
            task,
            attempt,
            round,
            session,
            prompt: prompt.clone(),
            conversation: conversation.clone(),
            reserved,
            kind,
            role,
            agent,
            model: model.clone(),
        });
        self.begin_job(t, Job::Work);
        self.set_round_deadline(t);
        let start = StartSession { key, kind, model, prompt, conversation, counted, path, cap: reserved };
        self.ask(Effect::StartSession(Box::new(start)));
    }
}

/// What a review session judged; `None`, and why, where it did not.
fn verdict_of(end: &Ended) -> (Option<Verdict>, Vec<String>) {
    let why = match &end.how {
        EndKind::Completed => match end.narrative.verdict {
            Some(verdict) => {
                let reasons = &end.narrative.reasons;
                let told = if reasons.is_empty() { vec![end.narrative.summary.clone()] } else { reasons.clone() };
                return (Some(verdict), told);
            }
            None => end.problems.first().cloned().unwrap_or_else(|| "`verdict` is missing".to_owned()),
        },
        EndKind::Exited { code } => format!("its agent program exited with {code}"),
        EndKind::Signalled { signal } => format!("it was ended by signal {signal}"),
        EndKind::Refused { why } => format!("the agent declined: {why}"),
        EndKind::NotStarted { why } | EndKind::Lost { why } | EndKind::Failed { why, .. } => why.clone(),
        EndKind::Stopped { .. } => "it was stopped".to_owned(),
    };
    (None, vec![why])
}
