//! Clean-up: what it need not wait for, and that it ran.

use super::Rules;
use crate::kernel::event::{CancelWhy, Outcome, RunOutcome};
use crate::mission::model::{Join, OnExceeded};
use crate::name::TaskId;
use crate::plan::{Plan, TaskKind};

impl Rules {
    pub(super) fn is_always(&self, plan: &Plan, task: &TaskId) -> bool {
        self.outer(task).any(|task| plan.tasks[task].join == Join::Always)
    }

    /// Whether what was under way is left as it is until a resume.
    pub(super) fn winds_up(&self, plan: &Plan) -> bool {
        self.stopping || (self.exceeded && plan.budget.on_exceeded == OnExceeded::Pause)
    }

    /// Whether clean-up waits no longer for this, though it has not ended.
    pub(super) fn stays(&self, plan: &Plan, task: &TaskId) -> bool {
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
    pub(super) fn is_unpaid(&self, plan: &Plan, task: &TaskId) -> bool {
        let this = &plan.tasks[task];
        let is_paid_for = this.is_agent() || this.review.is_some();
        self.exceeded && is_paid_for && !self.at_work.contains(task)
    }

    /// What runs always has run when a run ends, if its turn can have come.
    pub(super) fn clean_up_ran(&self, plan: &Plan, outcome: RunOutcome) {
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
}
