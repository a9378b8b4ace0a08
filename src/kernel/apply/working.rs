//! The fold of what happens within an attempt.

use super::handing::is_followed;
use super::{
    Attempt, Ceiling, CheckResult, EndKind, Fold, Phase, Record, Round, RoundReason, Running, SessionNo, Snapshot,
    Status, TaskId, TaskNo, WallTime, Work, WorkspaceFrom, cut_off, in_words,
};
use crate::amount::{Millis, Spent, Tokens, Usage, Usd};
use crate::kernel::event::{Ended, Failure, SessionKind};
use crate::kernel::fact::{Fault, StopWhy, WorkspaceMade};
use crate::kernel::health::FALTERS;
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
        let talk = sent_back.and_then(|sent| Some((sent.conversation.take()?, sent.counted)));
        let (conversation, counted) = talk.unzip();
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
            counted: counted.unwrap_or_default(),
            falters: 0,
            handing: None,
            in_vain: 0,
            share_gone: false,
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
                counted: before.counted,
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
        if conversation.is_none() {
            self.counts_anew(task);
        }
        self.conversation(task, conversation);
        if let Some(t) = self.find(task) {
            self.tried_by(t, begun.kind);
        }
    }

    /// A conversation begins: nothing of it is used yet.
    fn counts_anew(&mut self, task: &TaskId) {
        let Some(running) = self.running(task) else { return };
        match running.kind {
            SessionKind::Work => running.counted = Spent::default(),
            SessionKind::Review => running.review.get_or_insert_default().counted = Spent::default(),
        }
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
                running.share_gone = false;
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
        let (told, kind) = (running.told, running.kind);
        running.told.take(usage);
        let unpriced = running.told.unknown > told.unknown && usage.tokens.is_some();
        match kind {
            SessionKind::Work => running.counted.add_within(&told, usage),
            SessionKind::Review => running.review.get_or_insert_default().counted.add_within(&told, usage),
        }
        let before = running.reserved;
        let usd = running.told.usd().saturating_sub(told.usd());
        let tokens = usage.tokens.unwrap_or_default().billed();
        running.reserved.usd = before.usd.map(|left| left.saturating_sub(usd));
        running.reserved.tokens = before.tokens.map(|left| Tokens(left.0.saturating_sub(tokens.0)));
        let after = running.reserved;
        self.state.task_mut(t).past_mut().spent.add_within(&told, usage);
        self.state.ledger.release(before);
        self.state.ledger.reserve(after);
        self.state.ledger.settle(&told, usage);
        if let (true, Some(agent)) = (unpriced, self.known.agent(t, kind)) {
            self.state.unpriced.insert(agent.clone());
        }
        self.in_pots(t, |pot| {
            pot.release(before);
            pot.reserve(after);
            pot.settle(&told, usage);
        });
    }

    pub(super) fn session_ended(&mut self, task: &TaskId, end: &Ended) {
        if !matches!(end.how, EndKind::NotStarted { .. }) {
            self.settle(task, &end.usage);
        }
        let Some(t) = self.find(task) else { return };
        let agent = self.is_session(t);
        if agent {
            self.hear_of_agent(t, task, end);
        }
        let paused = self.state.exceeded && self.known.plan.budget.on_exceeded == OnExceeded::Pause;
        let of_budget = EndKind::Stopped { why: StopWhy::Budget };
        let Some(running) = self.state.task_mut(t).running_mut() else { return };
        let reserved = std::mem::take(&mut running.reserved);
        let goes_on = agent && goes_on(running, &end.how, reserved);
        let handed_on = is_followed(running, &end.how);
        let interrupted = paused && end.how == of_budget || cut_off(&end.how, running.stopping) || goes_on;
        let interrupted = interrupted && !handed_on;
        if !handed_on {
            running.handing = None;
        }
        running.share_gone = is_gone(reserved);
        if matches!(end.how, EndKind::Failed { fault: Fault::Transient, .. }) {
            running.falters = running.falters.saturating_add(1);
        } else if !matches!(end.how, EndKind::Failed { fault: Fault::Limited { .. }, .. }) {
            running.falters = 0;
        }
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
        let past = self.state.task_mut(t).past_mut();
        past.ran = past.ran + end.duration;
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
        let before = record.past.as_ref().and_then(|past| Some(&past.work.as_ref()?.commit));
        if before != snapshot.commit.as_ref()
            && let Some(running) = record.running_mut()
        {
            running.in_vain = 0;
        }
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
        past.handed = None;
    }
}

/// Whether the conversation goes on in another session, and no attempt is used: what failed was not of the task's
/// making. `left`: what is left of what it might use.
fn goes_on(running: &Running, how: &EndKind, left: Ceiling) -> bool {
    let EndKind::Failed { fault, .. } = how else { return false };
    if running.stopping.is_some() {
        return false;
    }
    match fault {
        Fault::Limited { .. } => true,
        Fault::Transient => running.falters < FALTERS,
        // Its part of the budget is used up; it may get another. What does the work hands on to a session that has one.
        Fault::OutOfBudget => running.kind == SessionKind::Review && is_gone(left),
        Fault::Misconfigured | Fault::OutOfTurns | Fault::OutOfContext => false,
    }
}

/// Whether nothing is left of what was set aside.
fn is_gone(left: Ceiling) -> bool {
    left.usd == Some(Usd::ZERO) || left.tokens == Some(Tokens(0))
}

/// A review session ended; one that was cut off begins again.
fn review_ended(running: &mut Running, end: &Ended, cut_off: bool) {
    running.phase = Phase::Reviewing;
    let review = running.review.get_or_insert_default();
    review.ran = review.ran + end.duration;
    review.end = (!cut_off).then(|| Box::new(end.clone()));
    if matches!(end.how, EndKind::Failed { fault: Fault::OutOfContext, .. }) {
        (review.conversation, review.counted) = (None, Spent::default());
    }
}
