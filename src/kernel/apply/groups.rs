//! The fold of groups and of their parts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Fold, Outcome, Record, Status, TaskId, TaskNo, counts_as_ended};
use crate::kernel::state::Ledger;
use crate::name::OutputId;

impl Fold<'_> {
    /// The parts of a group are part of the plan: it waits for them. They were taken into plan and graph before.
    pub(super) fn expand(&mut self, task: &TaskId) {
        let graph = self.known.graph;
        let Some(group) = self.find(task) else { return };
        for _ in graph.all().skip(self.state.tasks.len()) {
            self.state.tasks.push(Record::default());
            self.state.unfinished = self.state.unfinished.saturating_add(1);
        }
        for part in graph.dropped(group) {
            self.drop_part(*part);
        }
        for part in graph.parts(group).unwrap_or_default() {
            let pending = self.pending(*part);
            self.state.task_mut(*part).pending = pending;
        }
        self.open_group(group);
    }

    /// What a group hands over.
    pub(super) fn hand_over(&mut self, task: &TaskId, outputs: &BTreeMap<OutputId, Value>) {
        self.state.outputs.insert(task.clone(), outputs.clone());
    }

    /// A group waits for those of its parts that have not ended.
    pub(super) fn open_group(&mut self, group: TaskNo) {
        let parts = self.known.graph.parts(group).unwrap_or_default();
        let open = parts.iter().filter(|part| self.state.task(**part).outcome().is_none()).count();
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        let before = std::mem::replace(&mut self.state.task_mut(group).status, Status::Expanded { open });
        if !matches!(before, Status::Expanded { .. }) {
            self.state.groups = self.state.groups.saturating_add(1);
        }
        let ceiling = self.known.plan.tasks.get_index(group.index()).map(|(_, task)| task.budget).unwrap_or_default();
        if !ceiling.is_none() {
            self.state.pots.entry(group).or_insert_with(|| Ledger { ceiling, ..Ledger::default() });
        }
    }

    /// What changes in the ledger changes in the pots of a task's groups.
    pub(super) fn in_pots(&mut self, t: TaskNo, change: impl Fn(&mut Ledger)) {
        if self.state.pots.is_empty() {
            return;
        }
        for group in self.known.graph.groups(t) {
            if let Some(pot) = self.state.pots.get_mut(&group) {
                change(pot);
            }
        }
    }

    /// A task has ended that had not. False where it had.
    pub(super) fn has_ended(&mut self, t: TaskNo, outcome: &Outcome) -> bool {
        let before = std::mem::replace(&mut self.state.task_mut(t).status, Status::Finished(outcome.clone()));
        if matches!(before, Status::Finished(_)) {
            return false;
        }
        if matches!(before, Status::Expanded { .. }) {
            self.state.groups = self.state.groups.saturating_sub(1);
        }
        self.state.unfinished = self.state.unfinished.saturating_sub(1);
        if !matches!(before, Status::Expanded { .. }) {
            // A group that was to begin anew, and does not: nor do its parts.
            self.drop_parts(t);
        }
        if let Some(group) = self.known.graph.group(t)
            && let Status::Expanded { open } = &mut self.state.task_mut(group).status
        {
            *open = open.saturating_sub(1);
        }
        true
    }

    /// Needs of a task that have not ended.
    pub(super) fn pending(&self, t: TaskNo) -> u32 {
        let open = |need: &&TaskNo| !counts_as_ended(self.state.task(**need));
        u32::try_from(self.known.graph.needs(t).iter().filter(open).count()).unwrap_or(u32::MAX)
    }

    /// A group was expanded again without this part: what became of it counts no more.
    fn drop_part(&mut self, t: TaskNo) {
        self.has_ended(t, &Outcome::Skipped { because: None });
        self.drop_parts(t);
    }

    fn drop_parts(&mut self, group: TaskNo) {
        for part in self.known.graph.parts(group).unwrap_or_default() {
            self.drop_part(*part);
        }
    }
}
