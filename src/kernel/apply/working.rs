//! The fold of what happens within an attempt.

use super::{
    Attempt, Ceiling, CheckResult, EndKind, Fold, Phase, Record, Round, RoundReason, Running, SessionNo, Snapshot,
    Status, TaskId, TaskNo, WallTime, Work, WorkspaceFrom, cut_off, in_words,
};
use crate::amount::{Cost, Millis, Usage};
use crate::kernel::event::{Ended, Failure, SessionKind};
use crate::kernel::fact::{StopWhy, WorkspaceMade};
use crate::kernel::state::Spent;
use crate::mission::model::OnExceeded;

/// A session or command that begins.
pub(super) struct Begun {
    pub(super) round: Round,
    pub(super) session: SessionNo,
    pub(super) reserved: Ceiling,
    pub(super) kind: SessionKind,
}

impl Fold<'_> {
    pub(super) fn phase(&mut self, task: &TaskId, phase: Phase) {
        if let Some(running) = self.running(task) {
            running.phase = phase;
        }
    }

    pub(super) fn start(&mut self, task: &TaskId, attempt: Attempt, from: &WorkspaceFrom) {
        let Some(t) = self.find(task) else { return };
        let lean = self.known.graph.lean(t);
        let record = self.state.task_mut(t);
        let reworking = record.running().filter(|running| running.phase == Phase::Reworking).cloned();
        let past = record.past_mut();
        past.attempt = Some(attempt);
        past.settled = false;
        let sent_back = past.sent_back.as_mut();
        let given_back =
            sent_back.as_ref().map(|sent| RoundReason::SentBack { by: sent.by.clone(), reason: sent.reason.clone() });
        let conversation = sent_back.and_then(|sent| sent.conversation.take());
        let fresh = Running {
            attempt,
            from: from.clone(),
            round: Round::FIRST,
            session: lean.then_some(SessionNo::FIRST),
            phase: if lean { Phase::Working } else { Phase::Preparing },
            has_slot: true,
            workspace: None,
            conversation,
            given_back,
            cut_off: false,
            reserved: Ceiling::NONE,
            told: Spent::default(),
            end: None,
            snapshot: None,
            checks: Vec::new(),
            check_tail: String::new(),
            round_ran: Millis::ZERO,
            stopping: None,
            cancelled_by: None,
            kind: SessionKind::Work,
            review: None,
            cache: None,
            kept: false,
        };
        let running = match reworking {
            Some(before) => Running {
                round: before.round,
                session: before.session,
                conversation: before.conversation,
                given_back: before.given_back,
                ..fresh
            },
            None => fresh,
        };
        record.status = Status::Running(Box::new(running));
        self.take_slot(t);
    }

    pub(super) fn workspace_ready(&mut self, task: &TaskId, workspace: &WorkspaceMade) {
        let Some(t) = self.find(task) else { return };
        let Some(running) = self.state.task_mut(t).running_mut() else { return };
        running.workspace = Some(workspace.clone());
        running.phase = Phase::SettingUp(0);
        let attempt = running.attempt;
        let from = running.from.clone();
        let base = match &from {
            WorkspaceFrom::With { task: first, .. } => self.find(first).and_then(|f| self.base(f)),
            WorkspaceFrom::Directory
            | WorkspaceFrom::Integration
            | WorkspaceFrom::LastWork { .. }
            | WorkspaceFrom::ReadOnly => workspace.base.clone(),
        };
        let past = self.state.task_mut(t).past_mut();
        past.base = base;
        let own = !matches!(from, WorkspaceFrom::With { .. } | WorkspaceFrom::Directory);
        if own && !past.open.contains(&attempt) {
            past.open.push(attempt);
        }
    }

    fn base(&self, t: TaskNo) -> Option<crate::name::CommitId> {
        self.state.task(t).past.as_ref().and_then(|past| past.base.clone())
    }

    pub(super) fn workspace_closed(&mut self, task: &TaskId, attempt: Attempt) {
        if let Some(record) = self.record(task) {
            record.past_mut().open.retain(|open| *open != attempt);
        }
    }

    pub(super) fn command_started(&mut self, task: &TaskId, round: Round, session: SessionNo) {
        let begun = Begun { round, session, reserved: Ceiling::NONE, kind: SessionKind::Work };
        self.begin_session(task, &begun);
    }

    pub(super) fn session_started(&mut self, task: &TaskId, begun: &Begun, conversation: Option<&String>) {
        self.begin_session(task, begun);
        self.conversation(task, conversation);
    }

    fn begin_session(&mut self, task: &TaskId, begun: &Begun) {
        let Some(running) = self.running(task) else { return };
        let Begun { round, session, reserved, kind } = *begun;
        running.session = Some(session);
        running.kind = kind;
        running.phase = Phase::Working;
        running.stopping = None;
        running.reserved = reserved;
        running.told = Spent::default();
        match kind {
            SessionKind::Work => {
                running.round = round;
                running.cut_off = false;
                running.end = None;
                running.checks.clear();
                running.check_tail.clear();
                running.review = None;
                running.kept = false;
            }
            SessionKind::Review => running.review.get_or_insert_default().end = None,
        }
        self.state.ledger.reserve(reserved);
        if let Some(t) = self.find(task) {
            self.in_pots(t, |pot| pot.reserve(reserved));
        }
    }

    pub(super) fn conversation(&mut self, task: &TaskId, conversation: Option<&String>) {
        let (Some(running), Some(conversation)) = (self.running(task), conversation) else { return };
        match running.kind {
            SessionKind::Work => running.conversation = Some(conversation.clone()),
            SessionKind::Review => {
                running.review.get_or_insert_default().conversation = Some(conversation.clone());
            }
        }
    }

    /// Settles a report of use, out of what was set aside first.
    pub(super) fn settle(&mut self, task: &TaskId, usage: &Usage) {
        let Some(t) = self.find(task) else { return };
        if !self.is_session(t) {
            return;
        }
        let Some(running) = self.state.task_mut(t).running_mut() else { return };
        running.told.add(usage);
        let before = running.reserved;
        let usd = usage.cost.known().unwrap_or_default();
        let tokens = usage.tokens.unwrap_or_default().billed();
        running.reserved.usd = before.usd.map(|left| left.saturating_sub(usd));
        running.reserved.tokens = before.tokens.map(|left| crate::amount::Tokens(left.0.saturating_sub(tokens.0)));
        let after = running.reserved;
        self.state.task_mut(t).past_mut().spent.add(usage);
        self.state.ledger.release(before);
        self.state.ledger.reserve(after);
        self.state.ledger.settle(usage);
        self.in_pots(t, |pot| {
            pot.release(before);
            pot.reserve(after);
            pot.settle(usage);
        });
    }

    pub(super) fn session_ended(&mut self, task: &TaskId, end: &Ended) {
        self.settle(task, &end.usage);
        let Some(t) = self.find(task) else { return };
        let agent = self.is_session(t);
        let paused = self.state.exceeded && self.known.plan.budget.on_exceeded == OnExceeded::Pause;
        let of_budget = EndKind::Stopped { why: StopWhy::Budget };
        let Some(running) = self.state.task_mut(t).running_mut() else { return };
        let reserved = std::mem::take(&mut running.reserved);
        let interrupted = paused && end.how == of_budget || cut_off(&end.how, running.stopping);
        running.stopping = None;
        match running.kind {
            SessionKind::Work => {
                running.phase = if interrupted { Phase::Starting } else { Phase::Ended };
                running.cut_off = interrupted;
                running.end = Some(Box::new(end.clone()));
                running.round_ran = running.round_ran + end.duration;
            }
            SessionKind::Review => review_ended(running, end, interrupted),
        }
        let unknown = agent && !matches!(end.how, EndKind::NotStarted { .. }) && !running.told.cost_known;
        let past = self.state.task_mut(t).past_mut();
        past.ran = past.ran + end.duration;
        past.spent.some_unknown |= unknown;
        self.state.ledger.some_unknown |= unknown;
        self.state.ledger.release(reserved);
        self.in_pots(t, |pot| {
            pot.release(reserved);
            pot.time = pot.time + end.duration;
        });
    }

    /// Whether what runs, or ran last, is a session of an agent.
    fn is_session(&self, t: TaskNo) -> bool {
        let reviews = |running: &Running| running.kind == SessionKind::Review;
        self.known.is_agent(t) || self.state.task(t).running().is_some_and(reviews)
    }

    pub(super) fn snapshot(&mut self, task: &TaskId, snapshot: &Snapshot) {
        let Some(record) = self.record(task) else { return };
        let Some(running) = record.running_mut() else { return };
        running.snapshot = Some(snapshot.clone());
        running.phase = Phase::Snapshotted;
        let attempt = running.attempt;
        let past = record.past_mut();
        past.work = snapshot.commit.clone().zip(past.base.clone()).map(|(commit, base)| Work { attempt, commit, base });
    }

    pub(super) fn check_finished(&mut self, task: &TaskId, index: usize, result: CheckResult, tail: &str) {
        if let Some(running) = self.running(task) {
            running.checks.push(result);
            tail.clone_into(&mut running.check_tail);
            running.phase = Phase::Checking(index.saturating_add(1));
        }
    }

    pub(super) fn round_failed(&mut self, task: &TaskId, round: Round, reason: &RoundReason) {
        let Some(t) = self.find(task) else { return };
        let on_top = matches!(reason, RoundReason::Conflict { .. } | RoundReason::MergeCheck { .. });
        self.leave_merge(t);
        if let Some(running) = self.state.task_mut(t).running_mut() {
            running.given_back = Some(reason.clone());
            running.round = round.next();
            running.round_ran = Millis::ZERO;
            running.phase = if on_top { Phase::Reworking } else { Phase::Starting };
        }
    }

    pub(super) fn back_off(&mut self, task: &TaskId, failure: &Failure, until: WallTime) {
        let Some(t) = self.find(task) else { return };
        self.give_back_slot(t);
        self.leave_merge(t);
        let record: &mut Record = self.state.task_mut(t);
        record.status = Status::BackingOff { until };
        let past = record.past_mut();
        past.retries = past.retries.saturating_add(1);
        past.last_failure = Some(in_words(failure));
    }
}

/// A review session ended; one that was cut off begins again.
fn review_ended(running: &mut Running, end: &Ended, cut_off: bool) {
    running.phase = Phase::Reviewing;
    let review = running.review.get_or_insert_default();
    review.ran = review.ran + end.duration;
    review.end = (!cut_off).then(|| Box::new(end.clone()));
}

impl Spent {
    fn add(&mut self, usage: &Usage) {
        if let Cost::Reported(usd) = usage.cost {
            self.usd += usd;
            self.cost_known = true;
        }
        self.tokens = self.tokens + usage.tokens.unwrap_or_default();
    }
}
