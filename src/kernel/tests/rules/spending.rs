//! Money and tokens, and what is at work without them.

use super::super::world::TOKENS;
use super::Rules;
use crate::amount::Usage;
use crate::name::TaskId;
use crate::plan::Plan;

impl Rules {
    /// Tasks with a session under way that there is no budget for: clean-up needs only money, not time.
    pub(in crate::kernel::tests) fn beyond_the_budget(&self, plan: &Plan) -> impl Iterator<Item = &TaskId> {
        let is_over = |task: &&TaskId| self.money_is_gone() || (self.exceeded && !self.is_always(plan, task));
        self.sessions.iter().filter(is_over)
    }

    pub(super) fn money_is_gone(&self) -> bool {
        self.ceiling.usd.is_some_and(|most| self.usd >= most.0)
            || self.ceiling.tokens.is_some_and(|most| self.tokens >= most.0)
    }

    pub(super) fn spend(&mut self, plan: &Plan, task: &TaskId, usage: &Usage, step: u64) {
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
