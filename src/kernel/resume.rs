//! How driving begins: of a new run, and of one folded from its journal. What was in flight is worked out from the state.

use std::collections::BTreeSet;

use crate::amount::{Ceiling, Millis, Usage};
use crate::handoff::Source;
use crate::kernel::event::{Ended, Event, Outcome, WorkspaceFrom};
use crate::kernel::fact::{Again, Attended, EndKind, GateAnswer, StopWhy};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::{InFlight, Job};
use crate::kernel::retry::LONGEST;
use crate::kernel::state::{Phase, Status};
use crate::kernel::step::Turn;
use crate::kernel::texts;
use crate::name::{Attempt, TaskId};

impl Turn<'_> {
    /// A new run begins.
    pub(crate) fn begin(&mut self, attended: Attended) {
        if self.run.state.live_at.is_some() || self.run.state.over.is_some() {
            return;
        }
        self.emit(Event::RunStarted {
            run: self.run.id.clone(),
            plan: Box::new(self.run.plan.as_ref().clone()),
            place: self.run.place.clone(),
        });
        self.run.inflight = InFlight { began: self.now.mono, attended, ..InFlight::default() };
        self.set_run_deadlines();
        for t in self.run.graph.all() {
            if self.run.graph.needs(t).is_empty() {
                self.settle_waiting(t);
            }
        }
    }

    /// A later engine goes on.
    pub(crate) fn resume(
        &mut self,
        (attended, again): (Attended, &Again),
        (adopted, gone): (&BTreeSet<TaskId>, &BTreeSet<(TaskId, Attempt)>),
        ceiling: Option<Ceiling>,
        answers: Vec<GateAnswer>,
    ) {
        let (mut retried, freed) = match again {
            Again::All => self.begun_again(),
            Again::Only(task) => self.begun_again_for(task),
        };
        retried.extend(self.without_worktree(gone));
        let ceiling = ceiling.unwrap_or(self.run.state.ledger.ceiling);
        let time_before = self.run.state.ledger.time;
        self.run.inflight = InFlight { began: self.now.mono, time_before, attended, ..InFlight::default() };
        self.emit(Event::RunResumed { retried, freed, ceiling });
        for (task, attempt) in gone.iter().cloned() {
            self.emit(Event::WorkspaceClosed { task, attempt, kept: None });
        }
        self.keep_answers(answers);
        self.set_run_deadlines();
        for agent in self.run.state.agents.keys().cloned().collect::<Vec<_>>() {
            self.await_agent(&agent);
        }
        for t in self.run.graph.all() {
            self.take_up(t, adopted);
        }
        self.agents_due();
        self.watch_budget();
    }

    /// What a resume tries again, and what it frees: what was blocked, cancelled, skipped for an optional failure, and
    /// clean-up after what goes on.
    fn begun_again(&self) -> (Vec<TaskId>, Vec<TaskId>) {
        let (graph, state) = (&self.run.graph, &self.run.state);
        let ended = |t: TaskNo, is: fn(&Outcome) -> bool| state.task(t).outcome().is_some_and(is);
        // A group that has succeeded is not opened again for a part whose failure did not count.
        let is_closed = |t: TaskNo| {
            graph
                .groups(t)
                .any(|group| ended(group, |o| matches!(o, Outcome::Succeeded { .. } | Outcome::Skipped { .. })))
        };
        let open = || graph.all().filter(|t| !is_closed(*t));
        let failed = |t: &TaskNo| ended(*t, |o| matches!(o, Outcome::Failed { .. } | Outcome::Conflict { .. }));
        let held = |t: &TaskNo| ended(*t, |o| matches!(o, Outcome::Blocked { .. } | Outcome::Cancelled { .. }));
        let retried: Vec<TaskNo> = open().filter(failed).collect();
        let mut freed: Vec<TaskNo> = open().filter(held).collect();
        let succeeded_around =
            |t: TaskNo| graph.groups(t).any(|group| ended(group, |o| matches!(o, Outcome::Succeeded { .. })));
        let mut seen: BTreeSet<TaskNo> = BTreeSet::new();
        let mut look: Vec<TaskNo> = retried.clone();
        while let Some(t) = look.pop() {
            let id = self.id(t);
            for dependent in graph.dependents(t) {
                let skipped = matches!(state.task(*dependent).outcome(),
                    Some(Outcome::Skipped { because: Some(because) }) if *because == id);
                // With a part go the groups that were skipped for all of theirs.
                let groups = graph.groups(*dependent);
                let closed = groups.filter(|group| ended(*group, |o| matches!(o, Outcome::Skipped { .. })));
                let with_groups = std::iter::once(*dependent).chain(closed);
                if skipped && !succeeded_around(*dependent) {
                    look.extend(with_groups.filter(|t| seen.insert(*t)));
                }
            }
        }
        freed.extend(seen);
        let again: Vec<TaskNo> = retried.iter().chain(&freed).copied().collect();
        freed.extend(self.to_clean_up_again(&again));
        freed.sort_unstable();
        let ids = |all: Vec<TaskNo>| all.into_iter().map(|t| self.id(t)).collect();
        (ids(retried), ids(freed))
    }

    /// The same of one task alone. What a stop or the budget had suspended goes on beside it, and so clean-up after that
    /// begins anew here too.
    fn begun_again_for(&self, task: &TaskId) -> (Vec<TaskId>, Vec<TaskId>) {
        let (retried, mut freed) = self.tried_again(task);
        let again: Vec<TaskNo> = retried.iter().chain(&freed).filter_map(|id| self.find(id)).collect();
        freed.extend(self.to_clean_up_again(&again).into_iter().map(|t| self.id(t)));
        (retried, freed)
    }

    /// Attempts under way that need a worktree which is gone.
    fn without_worktree(&self, gone: &BTreeSet<(TaskId, Attempt)>) -> Vec<TaskId> {
        let is_without = |t: &TaskNo| {
            let running =
                self.running(*t).filter(|running| running.workspace.is_some() && running.cancelled_by.is_none());
            running.is_some_and(|running| {
                let needs_it = match running.phase {
                    Phase::SettingUp(_)
                    | Phase::Starting
                    | Phase::Working
                    | Phase::Ended
                    | Phase::Snapshotted
                    | Phase::Checking(_)
                    | Phase::Reviewing
                    | Phase::Resting(_) => true,
                    Phase::Preparing
                    | Phase::Queued { .. }
                    | Phase::Merging { .. }
                    | Phase::Merged(_)
                    | Phase::Reworking => false,
                };
                let place = match &running.from {
                    WorkspaceFrom::With { task, attempt } => (task.clone(), *attempt),
                    WorkspaceFrom::Directory
                    | WorkspaceFrom::Integration
                    | WorkspaceFrom::LastWork { .. }
                    | WorkspaceFrom::ReadOnly => (self.id(*t), running.attempt),
                };
                needs_it && gone.contains(&place)
            })
        };
        self.run.graph.all().filter(is_without).map(|t| self.id(t)).collect()
    }

    fn take_up(&mut self, t: TaskNo, adopted: &BTreeSet<TaskId>) {
        match &self.run.state.task(t).status {
            Status::Waiting => self.settle_waiting(t),
            Status::Gated(_) => self.ask_again(t),
            Status::Ready if self.is_gate(t) => self.look_at(t),
            Status::Expanded { .. } => self.end_group_if_done(t),
            Status::Ready => {
                let rank = self.run.graph.rank(t);
                self.run.inflight.ready.offer(rank);
            }
            Status::BackingOff { until } => {
                // A clock that was set back meanwhile makes no wait longer than any is.
                let left = until.since(self.now.wall).min(LONGEST);
                self.run.inflight.backing_off.insert((self.now.mono + left, t));
            }
            Status::Running(running) if running.phase == Phase::Working => {
                if adopted.contains(&self.id(t)) {
                    self.begin_job(t, Job::Work);
                } else {
                    self.cut_off(t);
                    self.look_at(t);
                }
            }
            Status::Running(_) => self.look_at(t),
            Status::Finished(_) => self.close_workspaces(t),
        }
    }

    /// The session or command went with its engine, and left no result: what it used is not known.
    fn cut_off(&mut self, t: TaskNo) {
        let Some(key) = self.work_key(t) else { return };
        let end = Ended {
            how: EndKind::Stopped { why: StopWhy::Interrupt },
            duration: Millis::ZERO,
            usage: Usage::default(),
            narrative: texts::no_words("it ended with its engine"),
            source: Source::Synthesised,
            outputs: std::collections::BTreeMap::new(),
            problems: Vec::new(),
            tail: String::new(),
            denied: Vec::new(),
            truncated: false,
            swept: 0,
            model: None,
            version: None,
        };
        let (task, attempt, round, session) = (key.task, key.attempt, key.round, key.session);
        self.emit(Event::SessionEnded { task, attempt, round, session, end: Box::new(end) });
    }
}
