//! What may begin, and what may work beside it.

use super::Rules;
use crate::kernel::event::{CancelWhy, Outcome, SessionKind};
use crate::kernel::graph::writes;
use crate::mission::model::{Importance, Join, WorkspaceMode};
use crate::name::{Attempt, Round, TaskId};
use crate::plan::touches::TouchSet;
use crate::plan::{Plan, Task, TaskKind};

impl Rules {
    pub(super) fn started(&mut self, plan: &Plan, task: &TaskId, attempt: Attempt) {
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
    pub(super) fn may_begin(&self, plan: &Plan, task: &TaskId) {
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
    pub(super) fn is_not_done(&mut self, task: &TaskId, now: (Attempt, Round), kind: SessionKind) {
        match kind {
            SessionKind::Work => {
                self.reviewing.remove(task);
                assert_ne!(self.done.get(task), Some(&now), "{task} works again, and what it did is not judged");
            }
            SessionKind::Review => drop(self.reviewing.insert(task.clone())),
        }
    }

    /// No two that may not work at once do, whatever holds what.
    pub(super) fn works(&mut self, plan: &Plan, task: &TaskId) {
        for other in self.at_work.iter().filter(|other| *other != task) {
            meet(plan, (task, &plan.tasks[task]), (other, &plan.tasks[other]));
        }
        self.at_work.insert(task.clone());
    }

    pub(super) fn limits(&self, plan: &Plan) {
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
