//! What a person wishes of a live run beside its end: that it pauses, that one task stops, that one is tried again.
//!
//! A cancelled task is never taken out from under its process: it ends once nothing of it is under way. What it did is
//! recorded first where that can be, so that a retry goes on with it. Work that is being moved into the integration
//! branch is not cut short.

use std::collections::BTreeSet;

use crate::kernel::apply::counts_as_ended;
use crate::kernel::effect::Effect;
use crate::kernel::event::{CancelWhy, Event, NoteAbout, Outcome};
use crate::kernel::fact::StopWhy;
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::Job;
use crate::kernel::joins::Verdict;
use crate::kernel::state::{Merging, Phase, Running, Status};
use crate::kernel::step::Turn;
use crate::name::TaskId;

/// How a task came to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// It was named, or keeps what was named from starting: of a group, all parts that failed.
    Whole,
    /// A part of it is tried again.
    Around,
}

impl Turn<'_> {
    /// Nothing new begins.
    pub(crate) fn pause(&mut self, by: String) {
        if self.is_live() && self.run.state.pausing.is_none() {
            self.emit(Event::RunPausing { by });
        }
    }

    /// Whether a pause keeps this task from beginning. What has begun goes to its end.
    pub(crate) fn is_kept_from_beginning(&self, t: TaskNo) -> bool {
        let rests = |running: &Running| matches!(running.phase, Phase::Resting(_));
        self.run.state.pauses() && self.running(t).is_none_or(rests)
    }

    /// A person wants this task to stop.
    pub(crate) fn cancel_on_wish(&mut self, task: &TaskId, by: &str) {
        let Some(t) = self.find(task) else {
            let text = format!("`{by}` cancelled `{task}`, which is no task of this run");
            return self.emit(Event::Note { task: None, text, about: None });
        };
        if self.is_live() {
            self.cancel_one(t, by);
        }
    }

    fn cancel_one(&mut self, t: TaskNo, by: &str) {
        match &self.run.state.task(t).status {
            Status::Finished(_) => self.note(t, format!("`{by}` cancelled it when it had ended already")),
            Status::Waiting | Status::Ready | Status::Gated(_) => self.end_cancelled(t, by),
            Status::BackingOff { .. } => {
                self.run.inflight.backing_off.retain(|(_, other)| *other != t);
                self.end_cancelled(t, by);
            }
            Status::Expanded { .. } => self.cancel_parts(t, by),
            Status::Running(running) if running.cancelled_by.is_some() => {}
            Status::Running(running) if matches!(running.phase, Phase::Queued { .. }) => self.end_cancelled(t, by),
            Status::Running(_) => {
                self.emit(Event::TaskCancelling { task: self.id(t), by: by.to_owned() });
                self.stop_for_cancel(t);
            }
        }
    }

    fn cancel_parts(&mut self, group: TaskNo, by: &str) {
        self.emit(Event::TaskCancelling { task: self.id(group), by: by.to_owned() });
        for part in self.run.graph.parts(group).unwrap_or_default().to_vec() {
            if self.run.state.task(part).outcome().is_none() {
                self.cancel_one(part, by);
            }
        }
    }

    fn stop_for_cancel(&mut self, t: TaskNo) {
        self.run.inflight.senders.remove(&t);
        match self.run.inflight.jobs.get(&t) {
            Some(Job::Work) => self.stop_work(t, StopWhy::Cancelled),
            Some(Job::Setup | Job::Check) => {
                let task = self.id(t);
                self.ask(Effect::StopCommands { task });
            }
            Some(Job::Workspace | Job::Snapshot | Job::Diff | Job::Cache | Job::Artifacts) => {}
            None => self.look_at(t),
        }
    }

    fn end_cancelled(&mut self, t: TaskNo, by: &str) {
        self.finish(t, Outcome::Cancelled { why: CancelWhy::Aborted, by: Some(by.to_owned()) });
    }

    /// Ends an attempt that a person cancelled, now that nothing of it is under way. What it did is recorded before.
    pub(crate) fn ends_cancelled(&mut self, t: TaskNo) -> bool {
        let Some(running) = self.running(t).filter(|running| running.cancelled_by.is_some()) else { return false };
        let waits = match running.phase {
            Phase::Working | Phase::Merging { .. } | Phase::Merged(_) => true,
            Phase::Ended => self.is_recorded(t),
            Phase::Preparing
            | Phase::SettingUp(_)
            | Phase::Starting
            | Phase::Snapshotted
            | Phase::Checking(_)
            | Phase::Reviewing
            | Phase::Queued { .. }
            | Phase::Reworking
            | Phase::Resting(_) => false,
        };
        !waits && self.lives(t) && self.fails_cancelled(t)
    }

    /// Ends an attempt that a person cancelled and that failed, or can be judged no further.
    pub(crate) fn fails_cancelled(&mut self, t: TaskNo) -> bool {
        let by = self.running(t).and_then(|running| running.cancelled_by.clone());
        if let Some(by) = &by {
            self.end_cancelled(t, by);
        }
        by.is_some()
    }

    /// Takes work that a person cancelled out of a merge, as long as the integration branch cannot hold it.
    pub(crate) fn leaves_merge(&mut self, merging: &Merging) -> bool {
        let last = merging.check >= self.run.plan.merge.checks.len();
        let is_open = match &merging.candidate {
            Some((candidate, _)) => !last || self.run.inflight.checked.as_ref() == Some(candidate),
            None => true,
        };
        let is_cancelled = |t: &&TaskNo| self.running(**t).is_some_and(|running| running.cancelled_by.is_some());
        let Some(t) = merging.batch.iter().find(is_cancelled).copied().filter(|_| is_open) else { return false };
        self.fails_cancelled(t);
        let batch: Vec<TaskId> = merging.batch.iter().filter(|other| **other != t).map(|t| self.id(*t)).collect();
        if !batch.is_empty() {
            let why = format!("`{}` was cancelled and taken out", self.id(t));
            self.emit(Event::MergeRequeued { batch, why });
        }
        true
    }

    /// A person wants a task that failed to be tried again while the run is live.
    pub(crate) fn retry_on_wish(&mut self, task: &TaskId, by: String) {
        let (retried, freed) = self.tried_again(task);
        if retried.is_empty() || !self.is_live() || self.run.state.exceeded {
            let text = format!("`{by}` wanted `{task}` to be tried again, which cannot be now");
            let about = Some(NoteAbout::RetryRefused);
            return self.emit(Event::Note { task: self.find(task).map(|t| self.id(t)), text, about });
        }
        let all: Vec<TaskId> = retried.iter().chain(&freed).cloned().collect();
        self.emit(Event::TaskRetried { task: task.clone(), by, retried, freed });
        self.forget_what_waited();
        for t in all.iter().filter_map(|id| self.find(id)).collect::<Vec<_>>() {
            self.settle_waiting(t);
            self.end_group_if_done(t);
        }
    }

    /// What is tried again so that this task can be: itself, what keeps it from starting, the groups around it; and
    /// what was held back by them alone. Both are empty where it cannot be tried again.
    pub(crate) fn tried_again(&self, task: &TaskId) -> (Vec<TaskId>, Vec<TaskId>) {
        let tried: BTreeSet<TaskNo> =
            self.find(task).map(|t| self.tried_with(t)).unwrap_or_default().into_iter().collect();
        let all = self.with_held_back(tried);
        let list: Vec<TaskNo> = all.iter().copied().collect();
        let ended = |t: TaskNo| self.run.state.task(t).outcome().is_some();
        let cleans = self.to_clean_up_again(&list).into_iter();
        let cleans = cleans.filter(|t| ended(*t) && self.run.graph.groups(*t).all(ended));
        let ids = |all: &mut dyn Iterator<Item = TaskNo>| all.map(|t| self.id(t)).collect::<Vec<_>>();
        let is_held = |t: &TaskNo| {
            let outcome = self.run.state.task(*t).outcome();
            matches!(outcome, Some(Outcome::Blocked { .. } | Outcome::Skipped { .. }))
        };
        let retried = ids(&mut list.iter().copied().filter(|t| !is_held(t)));
        let freed: BTreeSet<TaskNo> = list.iter().copied().filter(is_held).chain(cleans).collect();
        if retried.is_empty() { (Vec::new(), Vec::new()) } else { (retried, ids(&mut freed.into_iter())) }
    }

    fn tried_with(&self, t: TaskNo) -> BTreeSet<TaskNo> {
        let graph = &self.run.graph;
        let (mut tried, mut open) = (BTreeSet::new(), vec![(t, Reach::Whole)]);
        while let Some((t, reach)) = open.pop() {
            if !self.can_be_tried(t) || !tried.insert(t) {
                continue;
            }
            let keeps = |need: &TaskNo| {
                let record = self.run.state.task(*need);
                record.outcome().is_some()
                    && (!counts_as_ended(record) || matches!(self.verdict(t, *need), Verdict::Blocks(_)))
            };
            open.extend(graph.needs(t).iter().filter(|need| keeps(need)).map(|need| (*need, Reach::Whole)));
            open.extend(graph.groups(t).map(|group| (group, Reach::Around)));
            if reach == Reach::Whole {
                open.extend(graph.parts(t).unwrap_or_default().iter().map(|part| (*part, Reach::Whole)));
            }
        }
        tried
    }

    fn can_be_tried(&self, t: TaskNo) -> bool {
        let ended = |t: TaskNo| self.run.state.task(t).outcome();
        let is_closed = |group| matches!(ended(group), Some(Outcome::Succeeded { .. } | Outcome::Skipped { .. }));
        match ended(t) {
            Some(
                Outcome::Failed { .. } | Outcome::Conflict { .. } | Outcome::Cancelled { .. } | Outcome::Blocked { .. },
            ) => !self.run.graph.groups(t).any(is_closed),
            Some(Outcome::Succeeded { .. } | Outcome::Skipped { .. }) | None => false,
        }
    }

    /// With what only these held back, and what that held back in turn.
    fn with_held_back(&self, mut all: BTreeSet<TaskNo>) -> BTreeSet<TaskNo> {
        let mut look: Vec<TaskNo> = all.iter().copied().collect();
        while let Some(t) = look.pop() {
            for after in self.run.graph.dependents(t) {
                if all.contains(after) || !self.is_held_back_by(*after, &all) {
                    continue;
                }
                let ended = |group: &TaskNo| self.run.state.task(*group).outcome().is_some();
                let with_groups = std::iter::once(*after).chain(self.run.graph.groups(*after).filter(ended));
                look.extend(with_groups.filter(|t| all.insert(*t)).collect::<Vec<_>>());
            }
        }
        all
    }

    fn is_held_back_by(&self, t: TaskNo, all: &BTreeSet<TaskNo>) -> bool {
        let outcome = |t: TaskNo| self.run.state.task(t).outcome();
        let is_held = match outcome(t) {
            Some(Outcome::Blocked { .. }) => true,
            Some(Outcome::Skipped { because: Some(because) }) => {
                self.find(because).is_some_and(|because| all.contains(&because))
            }
            Some(
                Outcome::Skipped { because: None }
                | Outcome::Succeeded { .. }
                | Outcome::Failed { .. }
                | Outcome::Cancelled { .. }
                | Outcome::Conflict { .. },
            )
            | None => false,
        };
        let closed = |group| matches!(outcome(group), Some(Outcome::Succeeded { .. }));
        let fine = |need: &TaskNo| all.contains(need) || matches!(self.verdict(t, *need), Verdict::Fine);
        is_held && !self.run.graph.groups(t).any(closed) && self.run.graph.needs(t).iter().all(fine)
    }
}
