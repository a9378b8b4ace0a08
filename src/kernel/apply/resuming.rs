//! The fold of a resume: what is begun again, and what is forgotten with the engine before.

use std::collections::BTreeSet;

use super::{Ceiling, Delivered, Delivery, Fold, Outcome, Status, TaskId, TaskNo};
use crate::kernel::health::Health;

impl Fold<'_> {
    pub(super) fn resume(&mut self, retried: &[TaskId], freed: &[TaskId], ceiling: Ceiling) {
        self.again(retried, freed);
        let state = &mut *self.state;
        state.agents.values_mut().for_each(Health::try_again);
        state.pace = None;
        state.ledger.warned &= state.ledger.ceiling == ceiling;
        state.ledger.ceiling = ceiling;
        state.exceeded = false;
        state.stopping = None;
        state.pausing = None;
        state.fault = None;
        state.over = None;
        if state.delivery.failed || state.delivery.last.as_ref().is_some_and(|last| *last != Delivered::Moved) {
            state.delivery = Delivery::default();
        }
        state.live_at = Some(self.at);
    }

    /// What ended begins again: these get a new attempt, those may begin after all.
    pub(super) fn again(&mut self, retried: &[TaskId], freed: &[TaskId]) {
        let mut again = self.numbers(retried);
        again.extend(self.numbers(freed));
        for t in &again {
            let succeeded = matches!(self.state.task(*t).outcome(), Some(Outcome::Succeeded { .. }));
            self.begin_again(*t);
            if let Some(past) = &mut self.state.task_mut(*t).past {
                past.sends = 0;
                // What it made is merged already.
                if succeeded {
                    past.work = None;
                }
            }
        }
        for t in &again {
            self.open_again(*t);
        }
        let groups: BTreeSet<TaskNo> = again.iter().filter_map(|t| self.known.graph.group(*t)).collect();
        for group in groups {
            if matches!(self.state.task(group).status, Status::Expanded { .. }) {
                self.open_group(group);
            }
        }
        self.recount();
        for t in &again {
            self.take_holds_again(*t);
        }
    }

    /// Counts anew what each task waits for, after some have begun again.
    pub(super) fn recount(&mut self) {
        for t in self.known.graph.all() {
            let pending = self.pending(t);
            let record = self.state.task_mut(t);
            record.pending = pending;
            // What it needs is begun again: it waits for that, if it does not work already.
            if pending > 0 && matches!(record.status, Status::Ready | Status::Gated(_) | Status::BackingOff { .. }) {
                record.status = Status::Waiting;
                self.state.gated.remove(&t);
                self.state.holds.give_back(t);
            }
        }
    }

    /// A task waits as if it had not begun; what it made is kept.
    pub(super) fn begin_again(&mut self, t: TaskNo) {
        self.state.gated.remove(&t);
        self.give_back_slot(t);
        self.leave_merge(t);
        self.state.holds.give_back(t);
        let before = std::mem::take(&mut self.state.task_mut(t).status);
        if matches!(before, Status::Finished(_)) {
            self.state.unfinished = self.state.unfinished.saturating_add(1);
        }
        if matches!(before, Status::Expanded { .. }) {
            self.state.groups = self.state.groups.saturating_sub(1);
        }
        if let Some(past) = &mut self.state.task_mut(t).past {
            past.retries = 0;
        }
    }

    /// A group goes on with the parts it had; clean-up of which nothing is left as it was begins from its list.
    fn open_again(&mut self, t: TaskNo) {
        let graph = self.known.graph;
        let Some(parts) = graph.parts(t) else { return };
        let anew = graph.is_always(t) && parts.iter().all(|part| self.nothing_is_left(*part));
        if !anew {
            self.open_group(t);
        }
    }

    fn nothing_is_left(&self, t: TaskNo) -> bool {
        let parts = self.known.graph.parts(t).unwrap_or_default();
        self.state.task(t).status == Status::Waiting && parts.iter().all(|part| self.nothing_is_left(*part))
    }

    /// What a succeeded task made is not merged before the rest of its worktree, which is to be tried again.
    fn take_holds_again(&mut self, t: TaskNo) {
        let Some(before) = self.before(t) else { return };
        if !matches!(self.state.task(before).outcome(), Some(Outcome::Succeeded { .. })) {
            return;
        }
        self.take_holds(before);
    }
}
