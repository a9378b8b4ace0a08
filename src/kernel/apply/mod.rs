//! The fold: what each event means. The only place where a [`State`] changes. It decides nothing and never fails:
//! an event that fits nothing changes nothing.

use crate::amount::{Ceiling, WallTime};
use crate::handoff::CheckResult;
use crate::kernel::event::{CancelWhy, Event, Outcome, RoundReason, SessionKind, WorkspaceFrom};
use crate::kernel::fact::{Delivered, EndKind, Snapshot, StopWhy};
use crate::kernel::graph::{Graph, TaskNo};
use crate::kernel::limits::who;
use crate::kernel::state::{Delivery, Merging, Phase, Record, Running, State, Status, Told, Work};
use crate::name::{AgentName, Attempt, CommitId, Round, SessionNo, TaskId};
use crate::plan::{Plan, TaskKind};

mod agents;
mod gates;
mod groups;
mod handing;
mod merging;
mod resuming;
mod wishes;
mod working;

use working::Begun;

/// Changes the state as the event says.
pub(crate) fn apply(known: Known<'_>, state: &mut State, event: &Event, at: WallTime) {
    let mut fold = Fold { known, state, at };
    if let Event::ClockJumped { by } = event {
        fold.shift_clock(*by);
    }
    // From the death of an engine to the next one nothing is live.
    if matches!(event, Event::RunResumed { .. }) {
        fold.state.live_at = None;
    }
    fold.clock();
    fold.run(event);
}

/// What never changes during a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'k> {
    pub(crate) plan: &'k Plan,
    pub(crate) graph: &'k Graph,
}

impl<'k> Known<'k> {
    /// By which agent a task is done, or what was done is read.
    fn agent(self, t: TaskNo, kind: SessionKind) -> Option<&'k AgentName> {
        let (_, task) = self.plan.tasks.get_index(t.index())?;
        who(task, kind).map(|(_, agent)| agent)
    }

    fn is_agent(self, t: TaskNo) -> bool {
        self.plan.tasks.get_index(t.index()).is_some_and(|(_, task)| matches!(task.kind, TaskKind::Agent(_)))
    }
}

struct Fold<'f> {
    known: Known<'f>,
    state: &'f mut State,
    at: WallTime,
}

impl Fold<'_> {
    fn find(&self, id: &TaskId) -> Option<TaskNo> {
        Graph::find(self.known.plan, id)
    }

    fn record(&mut self, id: &TaskId) -> Option<&mut Record> {
        self.find(id).map(|t| self.state.task_mut(t))
    }

    fn running(&mut self, id: &TaskId) -> Option<&mut Running> {
        self.record(id).and_then(Record::running_mut)
    }

    fn numbers(&self, ids: &[TaskId]) -> Vec<TaskNo> {
        ids.iter().filter_map(|id| self.find(id)).collect()
    }

    /// Live time goes on from event to event, and not while no engine drives or only a person is waited for.
    fn clock(&mut self) {
        if let Some(before) = self.state.live_at {
            if !self.state.only_waits() {
                self.state.ledger.time = self.state.ledger.time + self.at.since(before);
            }
            self.state.live_at = Some(self.at);
        }
    }

    /// Moments that lengths are measured from or to go with the clock.
    fn shift_clock(&mut self, by: i64) {
        self.state.live_at = self.state.live_at.map(|at| at.shifted(by));
        for health in self.state.agents.values_mut() {
            health.shift_clock(by);
        }
        for t in self.known.graph.all() {
            if let Status::BackingOff { until } = self.state.task(t).status {
                self.state.task_mut(t).status = Status::BackingOff { until: until.shifted(by) };
            }
        }
    }

    /// Events of the run as a whole; the others are passed on.
    #[expect(clippy::too_many_lines, reason = "one arm an event")]
    fn run(&mut self, event: &Event) {
        match event {
            Event::RunStarted { place, .. } => self.begin(place.base.clone()),
            Event::RunResumed { retried, freed, ceiling } => self.resume(retried, freed, *ceiling),
            Event::BudgetWarning { settled, .. } => {
                self.state.ledger.warned = true;
                self.state.ledger.time = settled.time;
            }
            Event::BudgetExceeded { settled } => {
                self.state.exceeded = true;
                self.state.ledger.time = settled.time;
            }
            Event::TaskRetried { retried, freed, .. } => {
                self.again(retried, freed);
                self.try_agents_again(retried);
            }
            Event::TaskCancelling { task, by } => self.cancelling(task, by),
            Event::RunPausing { by } => self.state.pausing = Some(by.clone()),
            Event::RunStopping { cause } => self.state.stopping = Some(*cause),
            Event::EngineFault { why } => self.state.fault = Some(why.clone()),
            Event::RunFinished { outcome } => {
                self.state.over = Some(*outcome);
                self.state.live_at = None;
            }
            Event::TaskReady { task } => self.ready(task),
            Event::TaskFinished { task, outcome } => self.finish(task, outcome),
            Event::GateOpened { .. } | Event::GateAnswered { .. } | Event::SentBack { .. } => self.gate(event),
            Event::Expanded { task, .. } => self.expand(task),
            Event::OutputsKnown { task, outputs } => self.hand_over(task, outputs),
            Event::TouchesKnown { .. }
            | Event::Note { .. }
            | Event::Progress { .. }
            | Event::SkillUsed { .. }
            | Event::ClockJumped { .. }
            | Event::Sandboxed { .. } => {}
            Event::CollisionForeseen { .. } | Event::CollisionGone { .. } => self.collision(event),
            Event::Limited { .. }
            | Event::AgentFaltered { .. }
            | Event::AgentReady { .. }
            | Event::AgentSuspended { .. }
            | Event::AgentTried { .. }
            | Event::AgentBack { .. }
            | Event::AgentAwaited { .. }
            | Event::GoesOn { .. }
            | Event::PaceChanged { .. } => self.agent_event(event),
            Event::HandingOff { .. } | Event::HandoffStep { .. } | Event::TaskGiven { .. } => self.handing_event(event),
            other @ (Event::TaskStarted { .. }
            | Event::WorkspaceReady { .. }
            | Event::SetupFinished { .. }
            | Event::SessionStarted { .. }
            | Event::CommandStarted { .. }
            | Event::ConversationNamed { .. }
            | Event::Usage { .. }
            | Event::Stopping { .. }
            | Event::SessionEnded { .. }
            | Event::Snapshot { .. }
            | Event::CheckFinished { .. }
            | Event::RoundFailed { .. }
            | Event::Reviewed { .. }
            | Event::CacheLookedUp { .. }
            | Event::ArtifactsKept { .. }
            | Event::BackingOff { .. }
            | Event::MergeQueued { .. }
            | Event::MergeStarted { .. }
            | Event::CandidateMade { .. }
            | Event::MergeCheckFinished { .. }
            | Event::MergeRequeued { .. }
            | Event::Merged { .. }
            | Event::WorkspaceClosed { .. }
            | Event::DeliveryStarted { .. }
            | Event::Delivered { .. }
            | Event::DeliveryFailed { .. }) => self.work(other),
        }
    }

    /// Events of one attempt; the others are passed on.
    #[expect(clippy::too_many_lines, reason = "one arm an event")]
    fn work(&mut self, event: &Event) {
        match event {
            Event::TaskStarted { task, attempt, from } => self.start(task, *attempt, from),
            Event::WorkspaceReady { task, workspace, .. } => self.workspace_ready(task, workspace),
            Event::SetupFinished { task, index, .. } => self.phase(task, Phase::SettingUp(index.saturating_add(1))),
            Event::SessionStarted { task, round, session, conversation, reserved, kind, .. } => {
                let begun = Begun { round: *round, session: *session, reserved: *reserved, kind: *kind };
                self.session_started(task, &begun, conversation.as_ref());
            }
            Event::CommandStarted { task, round, session, .. } => self.command_started(task, *round, *session),
            Event::ConversationNamed { task, conversation, .. } => self.conversation(task, Some(conversation)),
            Event::Usage { task, usage, .. } => self.settle(task, usage),
            Event::Stopping { task, why, .. } => self.stopping(task, *why),
            Event::SessionEnded { task, end, .. } => self.session_ended(task, end),
            Event::Snapshot { task, snapshot, .. } => self.snapshot(task, snapshot),
            Event::CheckFinished { task, index, command, verdict, duration, tail, .. } => {
                let result = CheckResult { command: command.clone(), verdict: *verdict, duration: *duration };
                self.check_finished(task, *index, result, tail);
            }
            Event::RoundFailed { task, round, reason, .. } => self.round_failed(task, *round, reason),
            Event::Reviewed { task, verdict, reasons, .. } => self.reviewed(task, *verdict, reasons),
            Event::CacheLookedUp { task, found, .. } => self.cache_looked_up(task, found),
            Event::ArtifactsKept { task, .. } => self.artifacts_kept(task),
            Event::BackingOff { task, failure, until, .. } => self.back_off(task, failure, *until),
            Event::WorkspaceClosed { task, attempt, .. } => self.workspace_closed(task, *attempt),
            Event::MergeQueued { task, .. } => self.queue(task),
            Event::MergeStarted { batch } => self.merge_started(batch),
            Event::CandidateMade { candidate, tip, .. } => self.candidate(candidate, tip),
            Event::MergeCheckFinished { index, command, verdict, tail, .. } => {
                self.merge_check(*index, command, *verdict, tail);
            }
            Event::MergeRequeued { batch, .. } => self.requeue(batch),
            Event::Merged { batch, commit } => self.merged(batch, commit),
            Event::DeliveryStarted { tip } => self.delivery_started(tip),
            Event::Delivered { delivered, commit, .. } => self.delivered(delivered, commit),
            Event::DeliveryFailed { .. } => self.delivery_failed(),
            Event::RunStarted { .. }
            | Event::RunResumed { .. }
            | Event::TaskRetried { .. }
            | Event::TaskCancelling { .. }
            | Event::RunPausing { .. }
            | Event::BudgetWarning { .. }
            | Event::BudgetExceeded { .. }
            | Event::RunStopping { .. }
            | Event::EngineFault { .. }
            | Event::RunFinished { .. }
            | Event::TaskReady { .. }
            | Event::TaskFinished { .. }
            | Event::Progress { .. }
            | Event::SkillUsed { .. }
            | Event::Expanded { .. }
            | Event::TouchesKnown { .. }
            | Event::OutputsKnown { .. }
            | Event::GateOpened { .. }
            | Event::GateAnswered { .. }
            | Event::SentBack { .. }
            | Event::ClockJumped { .. }
            | Event::Sandboxed { .. }
            | Event::CollisionForeseen { .. }
            | Event::CollisionGone { .. }
            | Event::Limited { .. }
            | Event::AgentFaltered { .. }
            | Event::AgentReady { .. }
            | Event::AgentSuspended { .. }
            | Event::AgentTried { .. }
            | Event::AgentBack { .. }
            | Event::AgentAwaited { .. }
            | Event::GoesOn { .. }
            | Event::PaceChanged { .. }
            | Event::HandingOff { .. }
            | Event::HandoffStep { .. }
            | Event::TaskGiven { .. }
            | Event::Note { .. } => {}
        }
    }

    fn ready(&mut self, task: &TaskId) {
        if let Some(record) = self.record(task) {
            record.status = Status::Ready;
        }
    }

    fn stopping(&mut self, task: &TaskId, why: StopWhy) {
        if let Some(running) = self.running(task) {
            running.stopping = Some(why);
        }
    }

    fn begin(&mut self, base: Option<CommitId>) {
        let Known { plan, graph } = self.known;
        *self.state = State {
            tasks: graph
                .all()
                .map(|t| Record {
                    pending: u32::try_from(graph.needs(t).len()).unwrap_or(u32::MAX),
                    ..Record::default()
                })
                .collect(),
            limits: vec![0; graph.limits().len()],
            unfinished: plan.tasks.len(),
            tip: base,
            live_at: Some(self.at),
            ..State::default()
        };
        self.state.ledger.ceiling = plan.budget.ceiling;
        if let Some(ranked) = plan.ranked() {
            self.state.ledger.spent.add(&ranked.usage);
        }
    }

    fn finish(&mut self, task: &TaskId, outcome: &Outcome) {
        let Some(t) = self.find(task) else { return };
        self.give_back_slot(t);
        self.leave_merge(t);
        self.collides_no_more(t);
        self.remember(t, task, outcome);
        self.state.gated.remove(&t);
        if !self.has_ended(t, outcome) {
            return;
        }
        let goes_on = self.known.graph.follower(t).is_some_and(|f| self.state.task(f).outcome().is_none());
        if counts_as_ended(self.state.task(t)) {
            for dependent in self.known.graph.dependents(t) {
                let record = self.state.task_mut(*dependent);
                record.pending = record.pending.saturating_sub(1);
            }
        }
        if goes_on && matches!(outcome, Outcome::Succeeded { .. }) {
            return;
        }
        let mut ended = Some(t);
        while let Some(link) = ended {
            self.state.holds.give_back(link);
            ended = self.before(link).filter(|before| self.state.task(*before).outcome().is_some());
        }
    }

    /// What a success tells those after it; what a failure tells the next attempt.
    fn remember(&mut self, t: TaskNo, task: &TaskId, outcome: &Outcome) {
        if !matches!(outcome, Outcome::Succeeded { .. }) {
            // What it handed over before it was sent back is of no account.
            self.state.outputs.remove(task);
        }
        match outcome {
            Outcome::Succeeded { .. } => {
                self.remember_answer(t, task);
                let running = self.state.task_mut(t).running_mut();
                let talk = running.and_then(|running| Some((running.conversation.take()?, running.counted)));
                let (conversation, counted) = talk.unzip();
                if let Some(past) = &mut self.state.task_mut(t).past {
                    past.conversation = conversation;
                    past.counted = counted.unwrap_or_default();
                    past.sent_back = None;
                    past.handed = None;
                }
                self.settle_work(t);
                let end = self.state.task_mut(t).running_mut().and_then(|running| running.end.take());
                if let Some(end) = end {
                    let end = *end;
                    if !end.outputs.is_empty() {
                        self.state.outputs.insert(task.clone(), end.outputs);
                    }
                    let told = Told { narrative: end.narrative, problems: end.problems };
                    self.state.task_mut(t).past_mut().told = Some(Box::new(told));
                }
            }
            Outcome::Failed { failure } => {
                let past = self.state.task_mut(t).past_mut();
                past.last_failure = Some(in_words(failure));
                past.handed = None;
            }
            Outcome::Conflict { files, .. } => {
                let words = format!("its work conflicted with what was merged, in {}", files.join(", "));
                self.state.task_mut(t).past_mut().last_failure = Some(words);
            }
            Outcome::Skipped { .. } | Outcome::Blocked { .. } | Outcome::Cancelled { .. } => {}
        }
    }

    fn give_back_slot(&mut self, t: TaskNo) {
        self.is_tried_no_longer(t);
        let Some(running) = self.state.task_mut(t).running_mut() else { return };
        let reserved = std::mem::take(&mut running.reserved);
        let had = std::mem::replace(&mut running.has_slot, false);
        self.state.ledger.release(reserved);
        self.in_pots(t, |pot| pot.release(reserved));
        if had {
            self.state.slots = self.state.slots.saturating_sub(1);
            for limit in self.known.graph.task_limits(t) {
                if let Some(used) = self.state.limits.get_mut(*limit) {
                    *used = used.saturating_sub(1);
                }
            }
        }
    }

    fn take_slot(&mut self, t: TaskNo) {
        self.may_be_tried_by(t);
        self.state.slots = self.state.slots.saturating_add(1);
        for limit in self.known.graph.task_limits(t) {
            if let Some(used) = self.state.limits.get_mut(*limit) {
                *used = used.saturating_add(1);
            }
        }
        self.take_holds(t);
        if let Some(before) = self.before(t) {
            self.state.holds.give_back(before);
        }
    }

    /// The task whose worktree this one goes on in.
    fn before(&self, t: TaskNo) -> Option<TaskNo> {
        if self.known.graph.root(t) == t {
            return None;
        }
        let chain = self.known.graph.chain(t);
        chain.iter().zip(chain.iter().skip(1)).find(|(_, after)| **after == t).map(|(before, _)| *before)
    }

    /// Locks and touches: held until the work is merged or has failed.
    fn take_holds(&mut self, t: TaskNo) {
        let graph = self.known.graph;
        if !graph.locks(t).is_empty() || graph.touches(t).is_some() {
            self.state.holds.take(t, graph.locks(t));
        }
    }
}

/// What was cancelled with the run may still run after a resume: what needs it goes on waiting. What a person cancelled
/// has ended.
pub(crate) fn counts_as_ended(record: &Record) -> bool {
    record.outcome().is_some_and(|outcome| match outcome {
        Outcome::Cancelled { why, .. } => *why == CancelWhy::Aborted,
        Outcome::Succeeded { .. }
        | Outcome::Failed { .. }
        | Outcome::Skipped { .. }
        | Outcome::Blocked { .. }
        | Outcome::Conflict { .. } => true,
    })
}

fn in_words(failure: &crate::kernel::event::Failure) -> String {
    let class = serde_json::to_value(failure.class).ok();
    let class = class.as_ref().and_then(|class| class.as_str()).map(|word| format!(" (class: {word})"));
    let head = format!("{}{}", failure.message, class.unwrap_or_default());
    if failure.tail.is_empty() { head } else { format!("{head}\n{}", failure.tail) }
}

/// True where the end of a session means that the engine stopped, not that the work failed.
pub(crate) fn cut_off(how: &EndKind, stopping: Option<StopWhy>) -> bool {
    match how {
        EndKind::Stopped { why } => *why == StopWhy::Interrupt,
        EndKind::Exited { .. }
        | EndKind::Signalled { .. }
        | EndKind::NotStarted { .. }
        | EndKind::Failed { .. }
        | EndKind::Lost { .. } => stopping == Some(StopWhy::Interrupt),
        EndKind::Completed | EndKind::Refused { .. } => false,
    }
}
