//! Groups and their parts, and what begins again.

use super::Rules;
use crate::kernel::event::{FailureClass, Outcome};
use crate::mission::model::Importance;
use crate::name::TaskId;
use crate::plan::Plan;

impl Rules {
    pub(super) fn begun_again(&mut self, plan: &Plan, retried: &[TaskId], freed: &[TaskId]) {
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
    pub(super) fn nothing_is_left(&self, part: &TaskId) -> bool {
        let parts = self.parts.get(part).map(Vec::as_slice).unwrap_or_default();
        !self.ended.contains_key(part) && parts.iter().all(|part| self.nothing_is_left(part))
    }

    /// What waits again for what it needs holds nothing meanwhile.
    pub(super) fn let_go(&mut self, plan: &Plan) {
        for task in &self.backing_off {
            if plan.tasks[task].needs.iter().any(|need| !self.ended.contains_key(need)) {
                self.holding.remove(task);
            }
        }
    }

    pub(super) fn drop(&mut self, part: TaskId) {
        for inner in self.parts.remove(&part).unwrap_or_default() {
            self.drop(inner);
        }
        self.ended.insert(part, Outcome::Skipped { because: None });
    }

    /// A group ends when its parts have, and as they have.
    pub(super) fn group_ended(&self, plan: &Plan, task: &TaskId, outcome: &Outcome) {
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
    pub(in crate::kernel::tests) fn groups_have_ended(&self) {
        for (group, parts) in &self.parts {
            let open = self.outer(group).any(|group| self.dormant.contains(group))
                || self.ended.contains_key(group)
                || parts.iter().any(|part| !self.ended.contains_key(part));
            assert!(open, "{group} has not ended with its parts");
        }
    }
}
