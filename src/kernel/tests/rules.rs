//! What must hold of every run, judged from its events alone and without the kernel's own bookkeeping.

use std::collections::{BTreeMap, BTreeSet};

use super::world::TOKENS;
use crate::amount::{Ceiling, Usage};
use crate::kernel::collisions::Side;
use crate::kernel::event::{
    CancelWhy, Event, FailureClass, HandoffStep, Outcome, RoundReason, RunOutcome, SessionKind,
};
use crate::kernel::fact::EndKind;
use crate::kernel::graph::writes;
use crate::mission::model::{Importance, Join, OnExceeded, WorkspaceMode};
use crate::name::{AgentName, Attempt, Round, TaskId};
use crate::plan::touches::TouchSet;
use crate::plan::{Plan, Task, TaskKind};

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
    /// Tasks with a session under way that there is no budget for: clean-up needs only money, not time.
    pub(super) fn beyond_the_budget(&self, plan: &Plan) -> impl Iterator<Item = &TaskId> {
        let is_over = |task: &&TaskId| self.money_is_gone() || (self.exceeded && !self.is_always(plan, task));
        self.sessions.iter().filter(is_over)
    }

    /// Whether nothing begins, as a person wants it: clean-up does when the run ends for another reason.
    fn pauses(&self) -> bool {
        self.pausing && !self.stopping && !self.exceeded
    }

    fn money_is_gone(&self) -> bool {
        self.ceiling.usd.is_some_and(|most| self.usd >= most.0)
            || self.ceiling.tokens.is_some_and(|most| self.tokens >= most.0)
    }

    fn have_not_ended(&self, sides: &[&Side]) {
        for side in sides {
            let ended = matches!(side, Side::Task { task } if self.ended.contains_key(task));
            assert!(!ended, "{side:?} collides though it has ended");
        }
    }

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

    /// A task is handed on in order, and without its slot where it is to count against other limits.
    fn hands_on(&mut self, event: &Event) {
        match event {
            Event::HandingOff { task, to, .. } => {
                assert!(!self.ended.contains_key(task), "{task} is handed on after its end");
                assert!(!self.cancelling.contains(task), "{task} is handed on though it is cancelled");
                let before = self.handing.insert(task.clone(), to.is_some());
                assert_eq!(before, None, "{task} is handed on twice at once");
            }
            Event::HandoffStep { task, attempt, step } => {
                assert!(!self.sessions.contains(task), "{task} is handed on while its session works");
                let to_others = self.handing.get(task).copied();
                assert!(to_others.is_some(), "{task} is not being handed on: {step:?}");
                match step {
                    HandoffStep::Commit { .. } if to_others == Some(true) => {
                        self.slots.remove(task);
                    }
                    HandoffStep::Document { .. } | HandoffStep::Commit { .. } => {}
                    HandoffStep::Next => {
                        self.handing.remove(task);
                        self.handed.insert(task.clone(), *attempt);
                        if !self.slots.contains(task) {
                            self.resting.insert(task.clone(), *attempt);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// No session begins of an agent that is limited or taken out; of one that is tried, one at a time.
    fn may_be_asked(&mut self, plan: &Plan, task: &TaskId, kind: SessionKind) {
        let agent = match (&plan.tasks[task].kind, kind) {
            (_, SessionKind::Review) => plan.tasks[task].review.as_ref().unwrap().agent.clone(),
            (TaskKind::Agent(work), SessionKind::Work) => work.agent.clone(),
            _ => panic!("{task} has no session"),
        };
        assert!(!self.away.contains(&agent), "{task} asks {agent}, which is away");
        let slots = &self.slots;
        if let Some(by) = self.tried.get_mut(&agent) {
            let other = by.as_ref().filter(|by| *by != task && slots.contains(*by));
            assert_eq!(other, None, "{agent} is tried with one session, and {task} asks it too");
            *by = Some(task.clone());
        }
    }

    /// What a person tries again, a resume or a wish, is asked again.
    fn ask_again(&mut self, plan: &Plan, tasks: Option<&[TaskId]>) {
        let uses = |agent: &AgentName, task: &TaskId| {
            let task = &plan.tasks[task];
            let works = matches!(&task.kind, TaskKind::Agent(work) if work.agent == *agent);
            works || task.review.as_ref().is_some_and(|review| review.agent == *agent)
        };
        for agent in self.suspended.clone() {
            if tasks.is_none_or(|tasks| tasks.iter().any(|task| uses(&agent, task))) {
                self.away.remove(&agent);
                self.suspended.remove(&agent);
                self.tried.insert(agent, None);
            }
        }
    }

    fn begun_again(&mut self, plan: &Plan, retried: &[TaskId], freed: &[TaskId]) {
        for task in retried.iter().chain(freed) {
            self.resting.remove(task);
            self.handing.remove(task);
            let before = self.ended.remove(task);
            // What was under way in a worktree that was taken away begins a new attempt.
            let bad =
                matches!(before, Some(Outcome::Succeeded { .. })) || (before.is_none() && !self.holding.contains(task));
            assert!(!bad || self.is_always(plan, task), "{task} is begun again");
            self.slots.remove(task);
            self.holding.remove(task);
            self.sessions.remove(task);
            self.at_work.remove(task);
            self.merging.remove(task);
            self.queued.remove(task);
        }
        for task in retried.iter().chain(freed) {
            self.done.remove(task);
            let closed = self.group_of.get(task).is_some_and(|group| self.ended.contains_key(group));
            assert!(!closed, "{task} is begun again, and its group is not");
        }
        let begins_anew = |group: &&TaskId| {
            let parts = self.parts.get(*group).filter(|_| self.is_always(plan, group));
            parts.is_some_and(|parts| parts.iter().all(|part| self.nothing_is_left(part)))
        };
        let anew: Vec<TaskId> = retried.iter().chain(freed).filter(begins_anew).cloned().collect();
        self.dormant.extend(anew);
    }

    /// Whether a part, and all parts of it, begin again.
    fn nothing_is_left(&self, part: &TaskId) -> bool {
        let parts = self.parts.get(part).map(Vec::as_slice).unwrap_or_default();
        !self.ended.contains_key(part) && parts.iter().all(|part| self.nothing_is_left(part))
    }

    /// What waits again for what it needs holds nothing meanwhile.
    fn let_go(&mut self, plan: &Plan) {
        for task in &self.backing_off {
            if plan.tasks[task].needs.iter().any(|need| !self.ended.contains_key(need)) {
                self.holding.remove(task);
            }
        }
    }

    fn started(&mut self, plan: &Plan, task: &TaskId, attempt: Attempt) {
        assert!(!self.exceeded || self.is_always(plan, task), "{task} starts though the budget is used up");
        assert!(!self.stopping || self.is_always(plan, task), "{task} starts though the run is stopping");
        assert!(!self.parts.contains_key(task), "a group runs nothing itself");
        let reworks = self.reworking.remove(task);
        assert!(!self.pauses() || reworks, "{task} starts though the run is paused");
        let group = self.group_of.get(task);
        assert!(group.is_none_or(|group| !self.ended.contains_key(group)), "{task} starts after its group has ended");
        self.queued.remove(task);
        self.paused.remove(task);
        assert!(!self.ended.contains_key(task), "{task} starts after its end");
        let before = self.attempts.insert(task.clone(), attempt);
        assert!(before.is_none_or(|before| before < attempt), "{task} begins an attempt again");
        let this = &plan.tasks[task];
        self.backing_off.remove(task);
        let goes_on = self.holding.remove(task);
        if !goes_on {
            self.may_begin(plan, task);
        }
        // What a stop has suspended holds nothing against clean-up, nor does what there is no money for.
        let waits = |other: &TaskId| {
            !self.is_always(plan, other)
                || self.queued.contains(other)
                || self.paused.contains(other)
                || self.is_unpaid(plan, other)
        };
        let winding_up = self.winds_up(plan);
        for other in self.holding.iter().filter(|other| !winding_up || !waits(other)) {
            meet(plan, (task, this), (other, &plan.tasks[other]));
        }
        self.slots.insert(task.clone());
        self.holding.insert(task.clone());
        self.limits(plan);
    }

    /// Whether all it needs has ended, and well enough.
    fn may_begin(&self, plan: &Plan, task: &TaskId) {
        let this = &plan.tasks[task];
        for need in &this.needs {
            let Some(outcome) = self.ended.get(need) else {
                let suspended = self.winds_up(plan) && self.stays(plan, need);
                // Clean-up that no money is left for is cancelled last.
                let unpaid = self.is_always(plan, need) && self.is_unpaid(plan, need);
                assert!((suspended || unpaid) && self.is_always(plan, task), "{task} starts before {need} has ended");
                continue;
            };
            let optional = plan.tasks[need].importance == Importance::Optional
                && matches!(
                    outcome,
                    Outcome::Failed { .. }
                        | Outcome::Conflict { .. }
                        | Outcome::Cancelled { why: CancelWhy::Aborted, .. }
                );
            let fine = match this.join {
                Join::AllSuccess => matches!(outcome, Outcome::Succeeded { .. }),
                Join::NoneFailed => optional || matches!(outcome, Outcome::Succeeded { .. } | Outcome::Skipped { .. }),
                Join::AllDone | Join::Always => true,
            };
            assert!(
                fine,
                "{task} starts though {need} is {outcome:?} {:?} {:?}",
                this.join, plan.tasks[need].importance
            );
        }
    }

    /// What was done is judged before anything else is done: it is not done again in the same round.
    fn is_not_done(&mut self, task: &TaskId, now: (Attempt, Round), kind: SessionKind) {
        match kind {
            SessionKind::Work => {
                self.reviewing.remove(task);
                assert_ne!(self.done.get(task), Some(&now), "{task} works again, and what it did is not judged");
            }
            SessionKind::Review => drop(self.reviewing.insert(task.clone())),
        }
    }

    /// No two that may not work at once do, whatever holds what.
    fn works(&mut self, plan: &Plan, task: &TaskId) {
        for other in self.at_work.iter().filter(|other| *other != task) {
            meet(plan, (task, &plan.tasks[task]), (other, &plan.tasks[other]));
        }
        self.at_work.insert(task.clone());
    }

    /// Whether clean-up waits no longer for this, though it has not ended.
    fn stays(&self, plan: &Plan, task: &TaskId) -> bool {
        let stays = |part: &TaskId| self.ended.contains_key(part) || self.stays(plan, part);
        let with_parts = self.parts.get(task).is_some_and(|parts| parts.iter().all(stays));
        let is_agent = plan.tasks[task].is_agent();
        !self.is_always(plan, task)
            || self.queued.contains(task)
            || is_agent
            || self.is_unpaid(plan, task)
            || with_parts
    }

    /// Whether a session or a review of it would be next, and the budget is used up.
    fn is_unpaid(&self, plan: &Plan, task: &TaskId) -> bool {
        let this = &plan.tasks[task];
        let is_paid_for = this.is_agent() || this.review.is_some();
        self.exceeded && is_paid_for && !self.at_work.contains(task)
    }

    /// Whether what was under way is left as it is until a resume.
    fn winds_up(&self, plan: &Plan) -> bool {
        self.stopping || (self.exceeded && plan.budget.on_exceeded == OnExceeded::Pause)
    }

    fn outer<'a>(&'a self, task: &'a TaskId) -> impl Iterator<Item = &'a TaskId> {
        std::iter::successors(Some(task), |task| self.group_of.get(*task))
    }

    fn is_always(&self, plan: &Plan, task: &TaskId) -> bool {
        self.outer(task).any(|task| plan.tasks[task].join == Join::Always)
    }

    fn drop(&mut self, part: TaskId) {
        for inner in self.parts.remove(&part).unwrap_or_default() {
            self.drop(inner);
        }
        self.ended.insert(part, Outcome::Skipped { because: None });
    }

    /// A group ends when its parts have, and as they have.
    fn group_ended(&self, plan: &Plan, task: &TaskId, outcome: &Outcome) {
        let Some(parts) = self.parts.get(task) else { return };
        let ends: Vec<&Outcome> = parts
            .iter()
            .filter(|part| plan.tasks[*part].importance == Importance::Required)
            .filter_map(|part| self.ended.get(part))
            .collect();
        let all = parts.iter().all(|part| self.ended.contains_key(part));
        let begun_again =
            matches!(outcome, Outcome::Blocked { .. } | Outcome::Skipped { .. } | Outcome::Cancelled { .. })
                || matches!(outcome, Outcome::Failed { failure } if failure.class == FailureClass::Expression);
        let anew = self.dormant.contains(task) || self.is_always(plan, task);
        assert!(all || (begun_again && anew), "{task} ends before its parts");
        let failed = ends.iter().any(|end| matches!(end, Outcome::Failed { .. }));
        if all && failed {
            assert!(matches!(outcome, Outcome::Failed { .. }) || begun_again, "{task} is {outcome:?}");
        }
    }

    /// After each step: no group is open whose parts have all ended.
    pub(super) fn groups_have_ended(&self) {
        for (group, parts) in &self.parts {
            let open = self.outer(group).any(|group| self.dormant.contains(group))
                || self.ended.contains_key(group)
                || parts.iter().any(|part| !self.ended.contains_key(part));
            assert!(open, "{group} has not ended with its parts");
        }
    }

    /// What runs always has run when a run ends, if its turn can have come.
    fn clean_up_ran(&self, plan: &Plan, outcome: RunOutcome) {
        // It may come after a question that nobody has answered yet.
        let waits = !self.asking.is_empty() && !self.winds_up(plan);
        if waits || self.pauses() || outcome == RunOutcome::EngineFault {
            return;
        }
        for (id, task) in &plan.tasks {
            let alone = task.join == Join::Always
                && matches!(task.kind, TaskKind::Command(_))
                && !id.as_str().contains(['/', '['])
                && task.needs.iter().all(|need| !self.is_always(plan, need));
            let ran = self.ended.get(id).is_some_and(|end| match end {
                Outcome::Cancelled { why, .. } => *why == CancelWhy::Aborted,
                _ => true,
            });
            let under_way = self.queued.contains(id) || self.attempts.contains_key(id);
            assert!(!alone || ran || under_way, "{id} did not run: {:?}, {outcome:?}", self.ended.get(id));
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

    fn limits(&self, plan: &Plan) {
        if self.winds_up(plan) {
            let works = |task: &&TaskId| {
                self.is_always(plan, task) && !self.paused.contains(*task) && !self.is_unpaid(plan, task)
            };
            let slots = self.slots.iter().filter(works).count();
            assert!(slots <= plan.max.get() as usize, "too many at once: {:?}", self.slots);
            return;
        }
        assert!(self.slots.len() <= plan.max.get() as usize, "too many at once: {:?}", self.slots);
        let works = |task: &&TaskId| match &plan.tasks[*task].kind {
            TaskKind::Agent(work) => Some(work),
            TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => None,
        };
        for (name, role) in &plan.roles {
            let count = self.slots.iter().filter_map(|task| works(&task)).filter(|work| work.role == *name).count();
            assert!(role.max.is_none_or(|max| count <= max.get() as usize), "too many of role {name}");
        }
        for (name, agent) in &plan.agents {
            let count = self.slots.iter().filter_map(|task| works(&task)).filter(|work| work.agent == *name).count();
            assert!(agent.max.is_none_or(|max| count <= max.get() as usize), "too many of agent {name}");
        }
    }

    fn spend(&mut self, plan: &Plan, task: &TaskId, usage: &Usage, step: u64) {
        self.tokens += usage.tokens.map_or(0, |tokens| tokens.billed().0);
        self.usd += usage.cost.known().map_or(0, |usd| usd.0);
        if let Some(usd) = usage.cost.known() {
            let groups: Vec<TaskId> = self.outer(task).skip(1).cloned().collect();
            for group in groups {
                let Some(ceiling) = plan.tasks[&group].budget.usd else { continue };
                let used = self.group_usd.entry(group.clone()).or_default();
                *used += usd.0;
                // Each session that runs when the ceiling is reached may tell one step more, and so may its end.
                let most = ceiling.0 + step * 2 * u64::from(plan.max.get());
                assert!(*used <= most, "{group} used {used}, {ceiling} allowed");
            }
        }
        if self.money_is_gone() {
            self.spent_with.get_or_insert(self.sessions.len().max(1));
        }
        let running = self.spent_with.unwrap_or_default() as u64;
        if let Some(ceiling) = self.ceiling.usd {
            let most = ceiling.0.max(self.usd_before) + step * running;
            assert!(self.usd <= most, "{} spent, {ceiling} allowed, {running} sessions of steps of {step}", self.usd);
        }
        if let Some(ceiling) = self.ceiling.tokens {
            let most = ceiling.0.max(self.tokens_before) + TOKENS * running;
            assert!(self.tokens <= most, "{} tokens used, {ceiling} allowed, {running} sessions", self.tokens);
        }
    }
}

fn meet(plan: &Plan, one: (&TaskId, &Task), two: (&TaskId, &Task)) {
    let ((a, one), (b, two)) = (one, two);
    let shared = one.locks.iter().find(|lock| two.locks.contains(lock));
    assert_eq!(shared, None, "{a} and {b} hold one lock");
    if let (Some(one), Some(two)) = (&one.touches, &two.touches) {
        let (one, two) = (TouchSet::compile(one).unwrap(), TouchSet::compile(two).unwrap());
        assert!(!one.may_meet(&two), "{a} and {b} may change the same files");
    }
    if plan.workspace.mode == WorkspaceMode::Directory {
        assert!(!writes(one) || !writes(two), "{a} and {b} write in one directory");
    }
}
