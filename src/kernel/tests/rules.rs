//! What must hold of every run, judged from its events alone and without the kernel's own bookkeeping.

use std::collections::{BTreeMap, BTreeSet};

use crate::amount::{Ceiling, Cost, Usage};
use crate::kernel::event::{Event, Outcome};
use crate::kernel::graph::writes;
use crate::mission::model::{Join, WorkspaceMode};
use crate::name::{Attempt, TaskId};
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
    /// What was spent when the last engine began: a ceiling below it stops everything, and takes nothing back.
    usd_before: u64,
    pub(super) ceiling: Ceiling,
    sessions: BTreeSet<TaskId>,
    /// The largest step, and how many sessions ran when the ceiling was reached.
    exceeded_with: Option<usize>,
    /// How many sessions ran at the last report of use, the one that told it included.
    at_last_report: usize,
    merging: BTreeSet<TaskId>,
    backing_off: BTreeSet<TaskId>,
}

impl Rules {
    pub(super) fn see(&mut self, plan: &Plan, event: &Event, step: u64) {
        match event {
            Event::RunStarted { .. } => self.ceiling = plan.budget.ceiling,
            Event::RunResumed { retried, freed, ceiling } => {
                for task in retried.iter().chain(freed) {
                    let before = self.ended.remove(task);
                    assert!(!matches!(before, None | Some(Outcome::Succeeded { .. })), "{task} is begun again");
                }
                self.ceiling = *ceiling;
                self.exceeded_with = None;
                self.usd_before = self.usd;
                for task in &self.backing_off {
                    if plan.tasks[task].needs.iter().any(|need| !self.ended.contains_key(need)) {
                        self.holding.remove(task);
                    }
                }
            }
            Event::TaskStarted { task, attempt, .. } => self.started(plan, task, *attempt),
            Event::SessionStarted { task, .. } => {
                assert!(self.exceeded_with.is_none(), "a session starts though the budget is used up");
                assert!(self.slots.contains(task), "{task} works without a slot");
                self.sessions.insert(task.clone());
            }
            Event::Usage { usage, .. } => self.spend(usage, step),
            Event::SessionEnded { task, end, .. } => {
                self.spend(&end.usage, step);
                self.sessions.remove(task);
            }
            Event::MergeQueued { task, .. } | Event::BackingOff { task, .. } => {
                assert!(!self.ended.contains_key(task));
                self.slots.remove(task);
                self.merging.remove(task);
                if matches!(event, Event::BackingOff { .. }) {
                    self.backing_off.insert(task.clone());
                }
            }
            Event::MergeStarted { batch } => {
                assert!(self.merging.is_empty(), "two merges at once");
                assert!(!batch.is_empty());
                self.merging.extend(batch.iter().cloned());
            }
            Event::Merged { .. } | Event::MergeRequeued { .. } => self.merging.clear(),
            Event::RoundFailed { task, .. } => {
                self.merging.remove(task);
            }
            Event::TaskFinished { task, outcome } => {
                self.slots.remove(task);
                self.holding.remove(task);
                self.sessions.remove(task);
                let before = self.ended.insert(task.clone(), outcome.clone());
                assert!(before.is_none(), "{task} ends twice");
                self.merging.remove(task);
            }
            Event::BudgetExceeded { .. } => self.exceeded_with = Some(self.at_last_report),
            Event::EngineFault { why } => assert!(why.starts_with("the disk"), "the kernel is at its wits' end: {why}"),
            _ => {}
        }
    }

    fn started(&mut self, plan: &Plan, task: &TaskId, attempt: Attempt) {
        assert!(self.exceeded_with.is_none(), "{task} starts though the budget is used up");
        assert!(!self.ended.contains_key(task), "{task} starts after its end");
        let before = self.attempts.insert(task.clone(), attempt);
        assert!(before.is_none_or(|before| before < attempt), "{task} begins an attempt again");
        let this = &plan.tasks[task];
        self.backing_off.remove(task);
        let goes_on = self.holding.remove(task);
        for need in this.needs.iter().filter(|_| !goes_on) {
            let outcome = self.ended.get(need).unwrap_or_else(|| panic!("{task} starts before {need} has ended"));
            let fine = match this.join {
                Join::AllSuccess => matches!(outcome, Outcome::Succeeded { .. }),
                Join::NoneFailed => matches!(outcome, Outcome::Succeeded { .. } | Outcome::Skipped { .. }),
                Join::AllDone => true,
            };
            assert!(fine, "{task} starts though {need} is {outcome:?}");
        }
        for other in &self.holding {
            meet(plan, (task, this), (other, &plan.tasks[other]));
        }
        self.slots.insert(task.clone());
        self.holding.insert(task.clone());
        self.limits(plan);
    }

    fn limits(&self, plan: &Plan) {
        assert!(self.slots.len() <= plan.max.get() as usize, "too many at once: {:?}", self.slots);
        let works = |task: &&TaskId| match &plan.tasks[*task].kind {
            TaskKind::Agent(work) => Some(work),
            TaskKind::Command(_) => None,
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

    fn spend(&mut self, usage: &Usage, step: u64) {
        if let Cost::Reported(usd) = usage.cost {
            self.usd += usd.0;
            self.at_last_report = self.sessions.len();
        }
        if let Some(ceiling) = self.ceiling.usd {
            let running = self.exceeded_with.unwrap_or(self.sessions.len()).max(self.sessions.len()) as u64;
            let most = ceiling.0.max(self.usd_before) + step * running.max(1);
            assert!(self.usd <= most, "{} spent, {ceiling} allowed, {running} sessions of steps of {step}", self.usd);
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
