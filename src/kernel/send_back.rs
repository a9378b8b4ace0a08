//! Sending back: a gate that was rejected, an agent that judges, or a command that failed sends the work of tasks
//! upstream round again, with its reason, in their conversations. What lies between runs again.
//!
//! It is one event, and waits until nothing that it begins anew is under way: an attempt is never taken out from
//! under its process.

use std::collections::BTreeSet;

use crate::amount::often;
use crate::kernel::event::{Ended, Event, Failure, FailureClass, Outcome};
use crate::kernel::graph::TaskNo;
use crate::kernel::state::{Phase, Running, Status};
use crate::kernel::step::Turn;
use crate::plan::TaskKind;

impl Turn<'_> {
    /// Sends back what the task says is to be sent back; where it says nothing of that, it has failed.
    pub(crate) fn send_back_or(&mut self, by: TaskNo, reason: &str, failure: Failure) {
        let tasks = self.to_go_round(by);
        if tasks.is_empty() || !self.is_live() {
            return self.finish_failed(by, failure);
        }
        let sends = self.run.state.task(by).past.as_ref().map_or(0, |past| past.sends);
        let most = self.task(by).rounds;
        if sends >= most.get() {
            let times = often(sends);
            let message = format!("it sent work back {times}, as often as it may: {}", failure.message);
            let failure = Failure { class: FailureClass::SentBackTooOften, message, tail: failure.tail };
            return self.finish_failed(by, failure);
        }
        let mut tasks = tasks;
        let mut again = self.between(&tasks, by);
        if self.run.state.task(by).pending > 0 {
            // What it judged goes round already: what of that has begun need not hear of it, for it is judged again.
            tasks.retain(|t| !self.is_under_way(*t));
            again.retain(|t| *t == by || !self.is_under_way(*t));
        }
        if self.something_is_under_way(by, &tasks, &again) {
            self.run.inflight.senders.insert(by);
            return;
        }
        let ids = |set: &BTreeSet<TaskNo>| set.iter().map(|t| self.id(*t)).collect::<Vec<_>>();
        let event = Event::SentBack {
            by: self.id(by),
            time: sends.saturating_add(u32::from(!tasks.is_empty())),
            tasks: ids(&tasks),
            again: ids(&again),
            reason: reason.to_owned(),
        };
        self.emit(event);
        self.forget_what_waited();
        for t in tasks.union(&again) {
            self.settle_waiting(*t);
            self.end_group_if_done(*t);
        }
    }

    /// Whether it is an agent that judges the work of others.
    pub(crate) fn judges(&self, t: TaskNo) -> bool {
        self.is_agent(t) && !self.task(t).rework.is_empty()
    }

    /// Its verdict is that the work is to go round again.
    pub(crate) fn judged_bad(&mut self, t: TaskNo, end: &Ended) {
        let told = &end.narrative;
        let reason = if told.reasons.is_empty() { told.summary.clone() } else { told.reasons.join("\n") };
        let message = format!("its verdict is `rework`: {}", told.reasons.first().unwrap_or(&told.summary));
        let failure = Failure { class: FailureClass::Rejected, message, tail: String::new() };
        self.send_back_or(t, &reason, failure);
    }

    fn finish_failed(&mut self, t: TaskNo, failure: Failure) {
        let task = self.id(t);
        self.emit(Event::TaskFinished { task, outcome: Outcome::Failed { failure } });
    }

    /// Lets one that waited to send back try again.
    pub(crate) fn send_back_next(&mut self) -> bool {
        if !self.is_live() || self.run.inflight.senders.is_empty() {
            return false;
        }
        let free = self.run.inflight.senders.iter().copied().find(|by| {
            let tasks = self.to_go_round(*by);
            let again = self.between(&tasks, *by);
            !self.something_is_under_way(*by, &tasks, &again)
        });
        let Some(by) = free else { return false };
        self.run.inflight.senders.remove(&by);
        self.look_at(by);
        true
    }

    /// The tasks that it names; of a group, those of its parts that have succeeded.
    fn to_go_round(&self, by: TaskNo) -> BTreeSet<TaskNo> {
        let named = self.task(by).rework.iter().filter_map(|id| self.find(id));
        let all = reach(named, |t| self.run.graph.parts(t).unwrap_or_default().to_vec());
        let succeeded = |t: &TaskNo| matches!(self.run.state.task(*t).outcome(), Some(Outcome::Succeeded { .. }));
        let is_part = |t: &TaskNo| self.task(by).rework.iter().all(|id| *id != self.id(*t));
        all.into_iter().filter(|t| self.works(*t) && (!is_part(t) || succeeded(t))).collect()
    }

    fn works(&self, t: TaskNo) -> bool {
        matches!(self.task(t).kind, TaskKind::Agent(_) | TaskKind::Command(_))
    }

    /// What lies downstream of these and upstream of it, itself included; with what was only held back by any of them.
    fn between(&self, tasks: &BTreeSet<TaskNo>, by: TaskNo) -> BTreeSet<TaskNo> {
        let graph = &self.run.graph;
        let parts = |t: TaskNo| graph.parts(t).unwrap_or_default().to_vec();
        let after = |t: TaskNo| {
            let with_parts = |t: &TaskNo| reach([*t], parts);
            graph.dependents(t).iter().flat_map(with_parts).chain(graph.group(t)).collect()
        };
        let named = self.task(by).rework.iter().filter_map(|id| self.find(id));
        let down = reach(named.chain(tasks.iter().copied()), after);
        let up = reach([by], |t| graph.needs(t).iter().copied().chain(parts(t)).collect());
        let mut all: BTreeSet<TaskNo> = down.intersection(&up).chain([&by]).copied().collect();
        let held_back = |t: &TaskNo| {
            let outcome = self.run.state.task(*t).outcome();
            matches!(outcome, Some(Outcome::Blocked { .. } | Outcome::Skipped { because: Some(_) }))
        };
        // A part goes round with its group: that would not wait for it otherwise.
        let has_ended = |t: &TaskNo| self.run.state.task(*t).outcome().is_some();
        let freed = |t| {
            let dependents = graph.dependents(t).iter().copied().filter(held_back);
            dependents.chain(graph.group(t).filter(has_ended)).collect()
        };
        all = reach(all.union(tasks).copied(), freed);
        all.difference(tasks).copied().collect()
    }

    /// Whether an attempt is under way that would begin anew, or that works in a worktree which would.
    fn something_is_under_way(&self, by: TaskNo, tasks: &BTreeSet<TaskNo>, again: &BTreeSet<TaskNo>) -> bool {
        let after = |t: &TaskNo| self.run.graph.chain(*t).into_iter().skip_while(|link| link != t).collect::<Vec<_>>();
        let mut all = tasks.union(again).flat_map(after).filter(|t| *t != by);
        all.any(|t| self.is_under_way(t))
    }

    fn is_under_way(&self, t: TaskNo) -> bool {
        self.running(t).is_some_and(|running: &Running| running.phase != Phase::Reworking)
    }

    /// What no longer waits for a slot or backs off is not looked at as if it did.
    pub(crate) fn forget_what_waited(&mut self) {
        let state = &self.run.state;
        let inflight = &mut self.run.inflight;
        let backs_off = |t: TaskNo| matches!(state.task(t).status, Status::BackingOff { .. });
        inflight.backing_off.retain(|(_, t)| backs_off(*t));
        if inflight.ready.next.is_some_and(|next| matches!(state.task(next).status, Status::Waiting)) {
            inflight.ready.next = None;
        }
    }
}

/// All that can be reached from these, themselves included.
fn reach(from: impl IntoIterator<Item = TaskNo>, next: impl Fn(TaskNo) -> Vec<TaskNo>) -> BTreeSet<TaskNo> {
    let mut open: Vec<TaskNo> = from.into_iter().collect();
    let mut seen: BTreeSet<TaskNo> = open.iter().copied().collect();
    while let Some(t) = open.pop() {
        open.extend(next(t).into_iter().filter(|t| seen.insert(*t)));
    }
    seen
}
