//! How driving begins: of a new run, and of one folded from its journal. What was in flight is worked out from the state.

use std::collections::BTreeSet;

use crate::amount::{Ceiling, Millis, Usage};
use crate::handoff::Source;
use crate::kernel::event::{Ended, Event, Outcome};
use crate::kernel::fact::{EndKind, StopWhy};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::{InFlight, Job};
use crate::kernel::state::{Phase, Status};
use crate::kernel::step::Turn;
use crate::kernel::texts;
use crate::name::TaskId;

impl Turn<'_> {
    /// A new run begins.
    pub(crate) fn begin(&mut self) {
        if self.run.state.live_at.is_some() || self.run.state.over.is_some() {
            return;
        }
        self.emit(Event::RunStarted {
            run: self.run.id.clone(),
            plan: Box::new(self.run.plan.as_ref().clone()),
            place: self.run.place.clone(),
        });
        self.run.inflight = InFlight { began: self.now.mono, ..InFlight::default() };
        self.set_run_deadlines();
        for t in self.run.graph.all() {
            if self.run.graph.needs(t).is_empty() {
                self.settle_waiting(t);
            }
        }
    }

    /// A later engine goes on.
    pub(crate) fn resume(&mut self, adopted: &BTreeSet<TaskId>, ceiling: Option<Ceiling>) {
        let ended = |is: fn(&Outcome) -> bool| {
            let all = self.run.graph.all();
            all.filter(|t| self.run.state.task(*t).outcome().is_some_and(is)).map(|t| self.id(t)).collect()
        };
        let retried = ended(|o| matches!(o, Outcome::Failed { .. } | Outcome::Conflict { .. }));
        let freed = ended(|o| matches!(o, Outcome::Blocked { .. } | Outcome::Cancelled { .. }));
        let ceiling = ceiling.unwrap_or(self.run.state.ledger.ceiling);
        self.run.inflight =
            InFlight { began: self.now.mono, time_before: self.run.state.ledger.time, ..InFlight::default() };
        self.emit(Event::RunResumed { retried, freed, ceiling });
        self.set_run_deadlines();
        for t in self.run.graph.all() {
            self.take_up(t, adopted);
        }
        self.watch_budget();
    }

    fn take_up(&mut self, t: TaskNo, adopted: &BTreeSet<TaskId>) {
        match &self.run.state.task(t).status {
            Status::Waiting => self.settle_waiting(t),
            Status::Ready => {
                let rank = self.run.graph.rank(t);
                self.run.inflight.ready.offer(rank);
            }
            Status::BackingOff { until } => {
                let left = until.since(self.now.wall);
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
        };
        let (task, attempt, round, session) = (key.task, key.attempt, key.round, key.session);
        self.emit(Event::SessionEnded { task, attempt, round, session, end: Box::new(end) });
    }
}
