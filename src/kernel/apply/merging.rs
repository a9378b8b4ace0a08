//! The fold of merging and delivery.

use super::{CommitId, Delivered, Fold, Merging, Phase, RoundReason, TaskId, TaskNo};
use crate::handoff::CheckVerdict;
use crate::kernel::collisions::{Clash, Party, Side};
use crate::kernel::event::Event;

impl Fold<'_> {
    pub(super) fn queue(&mut self, task: &TaskId) {
        let Some(t) = self.find(task) else { return };
        self.give_back_slot(t);
        self.phase(task, Phase::Queued { at: self.at });
        self.state.queue.push_back(t);
    }

    pub(super) fn merge_started(&mut self, batch: &[TaskId]) {
        let batch = self.numbers(batch);
        self.state.queue.retain(|t| !batch.contains(t));
        for t in &batch {
            if let Some(running) = self.state.task_mut(*t).running_mut()
                && let Phase::Queued { at } = running.phase
            {
                running.phase = Phase::Merging { at };
            }
        }
        self.state.merging = Some(Merging::of(batch));
    }

    pub(super) fn candidate(&mut self, candidate: &CommitId, tip: &CommitId) {
        if let Some(merging) = &mut self.state.merging {
            merging.candidate = Some((candidate.clone(), tip.clone()));
        }
    }

    pub(super) fn merge_check(&mut self, index: usize, command: &str, verdict: CheckVerdict, tail: &str) {
        let Some(merging) = &mut self.state.merging else { return };
        merging.check = index.saturating_add(1);
        if !crate::kernel::texts::passes(verdict) {
            merging.failed =
                Some(RoundReason::MergeCheck { command: command.to_owned(), verdict, tail: tail.to_owned() });
        }
    }

    pub(super) fn requeue(&mut self, batch: &[TaskId]) {
        let batch = self.numbers(batch);
        let Some(merging) = self.state.merging.take() else { return };
        if merging.delivers {
            self.state.merging = Some(Merging { delivers: true, ..Merging::of(Vec::new()) });
            return;
        }
        let spoilt = merging.failed.is_some() || (merging.candidate.is_none() && !merging.shrunk);
        if spoilt {
            self.state.take = Some((batch.len() / 2).max(1));
        }
        for t in batch.iter().rev() {
            if let Some(running) = self.state.task_mut(*t).running_mut()
                && let Phase::Merging { at } = running.phase
            {
                running.phase = Phase::Queued { at };
                self.state.queue.push_front(*t);
            }
        }
    }

    pub(super) fn merged(&mut self, batch: &[TaskId], commit: &CommitId) {
        self.state.tip = Some(commit.clone());
        self.state.take = None;
        for t in self.numbers(batch) {
            if let Some(running) = self.state.task_mut(t).running_mut() {
                running.phase = Phase::Merged(commit.clone());
            }
        }
        match &mut self.state.merging {
            Some(merging) if merging.delivers => merging.deliver = Some(commit.clone()),
            Some(_) | None => self.state.merging = None,
        }
    }

    /// Two sides collide as things are, or do not any more.
    pub(super) fn collision(&mut self, event: &Event) {
        let pair = |one: &Side, two: &Side| Some((Party::of(self.known.plan, one)?, Party::of(self.known.plan, two)?));
        if let Event::CollisionForeseen { one, two, files, more } = event {
            let clash = Clash { files: files.clone(), more: *more };
            self.state.collisions.extend(pair(one, two).map(|pair| (pair, clash)));
        } else if let Event::CollisionGone { one, two } = event
            && let Some(pair) = pair(one, two)
        {
            self.state.collisions.remove(&pair);
        }
    }

    /// What has ended is merged, or will not be.
    pub(super) fn collides_no_more(&mut self, t: TaskNo) {
        self.state.collisions.retain(|(one, two), _| ![*one, *two].contains(&Party::Task(t)));
    }

    /// A task that is no longer part of the merge, or of the queue.
    pub(super) fn leave_merge(&mut self, t: TaskNo) {
        if !self.state.queue.is_empty() {
            self.state.queue.retain(|queued| *queued != t);
        }
        let Some(merging) = &mut self.state.merging else { return };
        let before = merging.batch.len();
        merging.batch.retain(|merged| *merged != t);
        merging.shrunk |= merging.batch.len() != before;
        if merging.batch.len() != before && merging.batch.is_empty() {
            self.state.merging = None;
            self.state.take = None;
        }
    }

    pub(super) fn delivery_started(&mut self, tip: &CommitId) {
        self.state.delivery.tried = Some(tip.clone());
        self.state.merging = Some(Merging { delivers: true, ..Merging::of(Vec::new()) });
    }

    pub(super) fn delivered(&mut self, delivered: &Delivered, commit: &CommitId) {
        self.state.merging = None;
        let delivery = &mut self.state.delivery;
        match delivered {
            Delivered::Moved | Delivered::Left { .. } => {
                delivery.tried = Some(commit.clone());
                delivery.raced = 0;
            }
            Delivered::Raced => {
                delivery.tried = None;
                delivery.raced = delivery.raced.saturating_add(1);
            }
        }
        delivery.last = Some(delivered.clone());
    }

    pub(super) fn delivery_failed(&mut self) {
        self.state.merging = None;
        self.state.delivery.failed = true;
    }
}

impl Merging {
    fn of(batch: Vec<TaskNo>) -> Self {
        Self { batch, candidate: None, check: 0, failed: None, delivers: false, deliver: None, shrunk: false }
    }
}
