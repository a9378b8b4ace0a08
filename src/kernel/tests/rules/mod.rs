//! What must hold of every run, judged from its events alone and without the kernel's own bookkeeping.

use std::collections::{BTreeMap, BTreeSet};

use crate::amount::Ceiling;
use crate::kernel::collisions::Side;
use crate::kernel::event::{CancelWhy, Event, FailureClass, Outcome, RoundReason, SessionKind};
use crate::kernel::fact::EndKind;
use crate::mission::model::Importance;
use crate::name::{AgentName, Attempt, Round, TaskId};
use crate::plan::Plan;

mod agents;
mod begins;
mod clean_up;
mod groups;
mod spending;

#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Tasks with a slot.
    pub(super) slots: BTreeSet<TaskId>,
    /// Tasks that hold locks and touches.
    pub(super) holding: BTreeSet<TaskId>,
    pub(super) ended: BTreeMap<TaskId, Outcome>,
    attempts: BTreeMap<TaskId, Attempt>,
    pub(super) usd: u64,
    tokens: u64,
    /// What was spent when the last engine began: a ceiling below it stops everything, and takes nothing back.
    usd_before: u64,
    tokens_before: u64,
    pub(super) ceiling: Ceiling,
    sessions: BTreeSet<TaskId>,
    /// Tasks of which a session or a command runs.
    at_work: BTreeSet<TaskId>,
    exceeded: bool,
    /// How many sessions ran when the last of the money was reported, the one that told it included.
    spent_with: Option<usize>,
    merging: BTreeSet<TaskId>,
    queued: BTreeSet<TaskId>,
    /// The parts of groups, and the group of each part.
    parts: BTreeMap<TaskId, Vec<TaskId>>,
    group_of: BTreeMap<TaskId, TaskId>,
    /// Groups that begin anew with their list.
    dormant: BTreeSet<TaskId>,
    /// Of groups with a ceiling: what their parts used.
    group_usd: BTreeMap<TaskId, u64>,
    stopping: bool,
    pausing: bool,
    /// Tasks that go round again on top of what was merged.
    reworking: BTreeSet<TaskId>,
    /// Tasks that a person cancelled while they were under way.
    cancelling: BTreeSet<TaskId>,
    /// Tasks whose work was stopped.
    paused: BTreeSet<TaskId>,
    backing_off: BTreeSet<TaskId>,
    /// What does not merge, as far as is told.
    collisions: BTreeMap<(String, String), (Vec<String>, usize)>,
    /// Gates that wait for an answer.
    asking: BTreeSet<TaskId>,
    /// Agents that are not to be asked, and those that are tried with the session of one task.
    away: BTreeSet<AgentName>,
    suspended: BTreeSet<AgentName>,
    tried: BTreeMap<AgentName, Option<TaskId>>,
    /// Tasks that are handed on, and whether to another role; those that begin a conversation next, and in which attempt.
    handing: BTreeMap<TaskId, bool>,
    handed: BTreeMap<TaskId, Attempt>,
    /// Tasks that are read by a reviewer, and the round of each whose work has ended well.
    reviewing: BTreeSet<TaskId>,
    done: BTreeMap<TaskId, (Attempt, Round)>,
    /// Tasks that wait for their agent, and in which attempt.
    resting: BTreeMap<TaskId, Attempt>,
}

impl Rules {
    pub(super) fn see(&mut self, plan: &Plan, event: &Event, step: u64) {
        match event {
            Event::RunStarted { .. } => self.ceiling = plan.budget.ceiling,
            Event::RunResumed { retried, freed, ceiling } => {
                self.begun_again(plan, retried, freed);
                self.ask_again(plan, None);
                self.pausing = false;
                self.stopping = false;
                self.ceiling = *ceiling;
                self.exceeded = false;
                self.spent_with = None;
                (self.usd_before, self.tokens_before) = (self.usd, self.tokens);
                self.let_go(plan);
            }
            Event::TaskRetried { retried, freed, .. } => {
                assert!(!self.stopping, "a task is tried again though the run is stopping");
                self.begun_again(plan, retried, freed);
                self.ask_again(plan, Some(retried));
                self.let_go(plan);
            }
            Event::RunPausing { .. } => self.pausing = true,
            Event::TaskCancelling { task, .. } => {
                assert!(!self.ended.contains_key(task), "{task} is cancelled after its end");
                self.cancelling.insert(task.clone());
            }
            Event::SentBack { by, time, tasks, again, .. } => {
                assert!(*time <= plan.tasks[by].rounds.get(), "{by} sends back too often");
                assert!(again.contains(by), "{by} sends back and is not asked again");
                for task in tasks.iter().chain(again) {
                    assert!(!self.merging.contains(task), "{task} is sent back while it is being merged");
                    assert!(task == by || !self.sessions.contains(task), "{task} is sent back while it works");
                    self.ended.remove(task);
                    self.slots.remove(task);
                    self.holding.remove(task);
                    self.backing_off.remove(task);
                    self.asking.remove(task);
                }
                let all: BTreeSet<&TaskId> = tasks.iter().chain(again).collect();
                let anew = |group: &&TaskId| {
                    self.parts.contains_key(*group) && plan.tasks[*group].needs.iter().any(|need| all.contains(need))
                };
                let anew: Vec<TaskId> = again.iter().filter(anew).cloned().collect();
                self.dormant.extend(anew);
                self.let_go(plan);
            }
            Event::TaskStarted { task, attempt, .. } => self.started(plan, task, *attempt),
            Event::Expanded { task, tasks } => {
                self.may_begin(plan, task);
                self.dormant.remove(task);
                let named: Vec<TaskId> = tasks.iter().map(|part| part.id.clone()).collect();
                let before = self.parts.insert(task.clone(), named.clone()).unwrap_or_default();
                for part in before.into_iter().filter(|part| !named.contains(part)) {
                    self.drop(part);
                }
                self.group_of.extend(named.into_iter().map(|part| (part, task.clone())));
            }
            Event::GateOpened { task, .. } => {
                assert!(!self.pausing, "{task} asks though the run is paused");
                self.may_begin(plan, task);
                self.asking.insert(task.clone());
            }
            Event::RunStopping { .. } => self.stopping = true,
            Event::RunFinished { outcome } => self.clean_up_ran(plan, *outcome),
            Event::HandingOff { .. } | Event::HandoffStep { .. } => self.hands_on(event),
            Event::TaskGiven { task, .. } => {
                assert!(!self.slots.contains(task), "{task} is given away while it counts against its limits");
            }
            Event::SessionStarted { task, attempt, round, kind, conversation, .. } => {
                self.is_not_done(task, (*attempt, *round), *kind);
                assert!(!self.handing.contains_key(task), "{task} works before it was handed on");
                let handed = self.handed.remove(task) == Some(*attempt);
                assert!(!handed || conversation.is_none(), "{task} goes on in the conversation that it left");
                self.may_be_asked(plan, task, *kind);
                assert!(!self.resting.contains_key(task), "{task} works though it waits for its agent");
                assert_eq!(self.attempts.get(task), Some(attempt), "{task} works in another attempt");
                let may = !self.exceeded || self.is_always(plan, task);
                assert!(may, "a session starts though the budget is used up");
                assert!(self.slots.contains(task), "{task} works without a slot");
                assert!(!self.cancelling.contains(task), "{task} works though it is cancelled");
                self.sessions.insert(task.clone());
                self.paused.remove(task);
                self.works(plan, task);
            }
            Event::CommandStarted { task, attempt, round, .. } => {
                self.is_not_done(task, (*attempt, *round), SessionKind::Work);
                self.works(plan, task);
            }
            Event::Usage { task, usage, .. } => self.spend(plan, task, usage, step),
            Event::SessionEnded { task, attempt, round, end, .. } => {
                let is_done = end.how == EndKind::Completed && !self.reviewing.contains(task);
                if is_done && !self.handing.contains_key(task) {
                    let before = self.done.insert(task.clone(), (*attempt, *round));
                    assert_ne!(before, Some((*attempt, *round)), "{task} is done twice in one round");
                }
                self.spend(plan, task, &end.usage, step);
                self.sessions.remove(task);
                if matches!(end.how, EndKind::Completed | EndKind::Refused { .. } | EndKind::NotStarted { .. }) {
                    self.handing.remove(task);
                }
                self.at_work.remove(task);
                if matches!(end.how, EndKind::Stopped { .. }) {
                    self.paused.insert(task.clone());
                }
            }
            Event::Limited { agent, .. } | Event::AgentFaltered { agent, .. } | Event::AgentSuspended { agent, .. } => {
                self.away.insert(agent.clone());
                self.tried.remove(agent);
                if matches!(event, Event::AgentSuspended { .. }) {
                    self.suspended.insert(agent.clone());
                }
            }
            Event::AgentReady { agent } | Event::AgentBack { agent } => {
                self.away.remove(agent);
                self.tried.remove(agent);
                self.suspended.remove(agent);
            }
            Event::AgentTried { agent } => {
                self.away.remove(agent);
                self.suspended.remove(agent);
                self.tried.insert(agent.clone(), None);
            }
            Event::AgentAwaited { task, attempt, .. } => {
                assert!(self.slots.remove(task), "{task} waits for its agent and had no slot");
                assert!(!self.sessions.contains(task), "{task} waits for its agent while it works");
                self.resting.insert(task.clone(), *attempt);
            }
            Event::GoesOn { task, attempt } => {
                assert!(!self.pauses(), "{task} goes on though the run is paused");
                assert_eq!(self.resting.remove(task), Some(*attempt), "{task} goes on in another attempt");
                self.slots.insert(task.clone());
                self.limits(plan);
            }
            Event::PaceChanged { at_once, .. } => {
                assert!((1..=plan.max.get()).contains(at_once), "{at_once} at once");
            }
            Event::MergeQueued { task, .. } | Event::BackingOff { task, .. } => {
                if let Event::BackingOff { failure, .. } = event {
                    assert_ne!(failure.class, FailureClass::Limited, "a limit costs {task} an attempt");
                }
                self.resting.remove(task);
                self.handing.remove(task);
                assert!(!self.ended.contains_key(task));
                self.slots.remove(task);
                self.merging.remove(task);
                self.queued.insert(task.clone());
                if matches!(event, Event::BackingOff { .. }) {
                    self.queued.remove(task);
                    self.backing_off.insert(task.clone());
                }
            }
            Event::MergeStarted { batch } => {
                assert!(self.merging.is_empty(), "two merges at once");
                assert!(!batch.is_empty());
                self.merging.extend(batch.iter().cloned());
            }
            Event::Merged { .. } | Event::MergeRequeued { .. } => self.merging.clear(),
            Event::RoundFailed { task, reason, .. } => {
                assert!(!self.handing.contains_key(task), "a handoff costs {task} a round");
                self.merging.remove(task);
                if matches!(reason, RoundReason::Conflict { .. } | RoundReason::MergeCheck { .. }) {
                    self.reworking.insert(task.clone());
                }
            }
            Event::TaskFinished { task, outcome } => {
                if self.cancelling.remove(task) && !self.parts.contains_key(task) {
                    let too_late = matches!(outcome, Outcome::Succeeded { .. } | Outcome::Conflict { .. });
                    let as_wished = matches!(outcome, Outcome::Cancelled { why: CancelWhy::Aborted, .. });
                    assert!(too_late || as_wished, "{task} was cancelled and is {outcome:?}");
                }
                let of_limit = matches!(outcome, Outcome::Failed { failure } if failure.class == FailureClass::Limited);
                assert!(!of_limit || self.is_always(plan, task), "a limit fails {task}");
                self.resting.remove(task);
                self.handing.remove(task);
                self.asking.remove(task);
                self.slots.remove(task);
                self.holding.remove(task);
                self.sessions.remove(task);
                self.at_work.remove(task);
                self.group_ended(plan, task, outcome);
                if self.dormant.remove(task) {
                    for part in self.parts.remove(task).unwrap_or_default() {
                        self.drop(part);
                    }
                }
                let gone = format!("{:?}", Side::Task { task: task.clone() });
                self.collisions.retain(|(one, two), _| *one != gone && *two != gone);
                let before = self.ended.insert(task.clone(), outcome.clone());
                assert!(before.is_none(), "{task} ends twice");
                self.merging.remove(task);
            }
            Event::CollisionForeseen { one, two, files, more } => {
                assert!(!files.is_empty(), "a collision in no file");
                self.have_not_ended(&[one, two]);
                let told = (files.clone(), *more);
                let before = self.collisions.insert((format!("{one:?}"), format!("{two:?}")), told.clone());
                assert_ne!(before, Some(told), "the same collision is told twice");
            }
            Event::CollisionGone { one, two } => {
                let before = self.collisions.remove(&(format!("{one:?}"), format!("{two:?}")));
                assert!(before.is_some(), "a collision is gone that nobody was told of");
            }
            Event::BudgetExceeded { .. } => self.exceeded = true,
            Event::EngineFault { why } => assert!(why.starts_with("the disk"), "the kernel is at its wits' end: {why}"),
            _ => {}
        }
    }

    fn have_not_ended(&self, sides: &[&Side]) {
        for side in sides {
            let ended = matches!(side, Side::Task { task } if self.ended.contains_key(task));
            assert!(!ended, "{side:?} collides though it has ended");
        }
    }

    /// What counts ended well.
    pub(super) fn all_is_good(&self, plan: &Plan) {
        for (task, outcome) in &self.ended {
            let counts = self.outer(task).all(|task| plan.tasks[task].importance == Importance::Required);
            let good = matches!(outcome, Outcome::Succeeded { .. } | Outcome::Skipped { .. });
            assert!(good || !counts, "{task} is {outcome:?}");
        }
    }

    /// Whether nothing begins, as a person wants it: clean-up does when the run ends for another reason.
    fn pauses(&self) -> bool {
        self.pausing && !self.stopping && !self.exceeded
    }

    fn outer<'a>(&'a self, task: &'a TaskId) -> impl Iterator<Item = &'a TaskId> {
        std::iter::successors(Some(task), |task| self.group_of.get(*task))
    }
}
