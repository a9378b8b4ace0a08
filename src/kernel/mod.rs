//! The kernel: everything that decides, and nothing else. No I/O, no clock, no randomness, no threads.
//!
//! A *fact* comes from the world, an *event* is what is remembered, an *effect* is what is asked of the world.
//! [`Run::step`] takes a fact and a moment and gives events and effects. The state of a run is the fold of its events
//! and of nothing else; what an engine needs besides (which effects are in flight, monotonic deadlines) is forgotten
//! with it and worked out anew by a resume. What happens next is always decided from the state, never from the fact
//! alone: so any prefix of a journal can be gone on with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::amount::{At, Millis, WallTime};
use crate::kernel::apply::{Known, apply};
use crate::kernel::effect::Effect;
use crate::kernel::event::{Event, Outcome, Place, RunOutcome};
use crate::kernel::fact::Fact;
use crate::kernel::graph::{Graph, TaskNo};
use crate::kernel::inflight::InFlight;
use crate::kernel::state::State;
use crate::kernel::step::Turn;
use crate::name::{RunId, TaskId};
use crate::plan::instantiate::EndedAs;
use crate::plan::{Plan, Task};

mod agents;
mod always;
mod apply;
mod artifacts;
pub mod brief;
mod cache;
pub mod collisions;
mod deliver;
pub mod effect;
mod end;
pub mod event;
pub mod fact;
mod gates;
mod graph;
mod groups;
mod handing;
mod health;
mod holds;
mod inflight;
mod joins;
mod ledger;
mod limits;
mod merge;
mod numbers;
mod order;
mod pace;
mod pots;
mod resume;
mod retry;
mod review;
mod rounds;
mod send_back;
pub mod state;
mod step;
mod texts;
mod time;
mod why;
mod wishes;
mod work;

#[cfg(test)]
mod tests;

/// One carrying-out of a plan.
#[derive(Debug)]
pub struct Run {
    id: RunId,
    plan: Arc<Plan>,
    place: Place,
    graph: Graph,
    state: State,
    /// How tasks ended, for conditions; empty where nothing looks at it.
    ended: BTreeMap<TaskId, EndedAs>,
    inflight: InFlight,
}

/// What one fact led to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Step {
    /// To be remembered, in this order.
    pub events: Vec<Event>,
    /// To be carried out; guarded ones when the events are durable.
    pub effects: Vec<Effect>,
}

/// A journal that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// There is nothing in it.
    #[error("the journal is empty")]
    Empty,
    /// It does not begin with `run-started`.
    #[error("the journal does not begin with `run-started`")]
    NoBeginning,
}

impl Run {
    /// A run that has not begun. Its first fact is [`Fact::Began`].
    pub fn new(id: RunId, plan: Plan, place: Place) -> Self {
        let graph = Graph::of(&plan);
        let (state, inflight) = (State::default(), InFlight::default());
        Self { id, plan: Arc::new(plan), place, graph, state, ended: BTreeMap::new(), inflight }
    }

    /// The run that these events tell of, to be gone on with by [`Fact::Began`] with
    /// [`Began::Resumed`](crate::kernel::fact::Began::Resumed), or to be looked at.
    pub fn fold(records: impl IntoIterator<Item = (WallTime, Event)>) -> Result<Self, FoldError> {
        let mut records = records.into_iter();
        let (at, first) = records.next().ok_or(FoldError::Empty)?;
        let Event::RunStarted { run, plan, place } = &first else { return Err(FoldError::NoBeginning) };
        let mut folded = Self::new(run.clone(), Plan::clone(plan), place.clone());
        folded.apply(&first, at);
        for (at, event) in records {
            folded.apply(&event, at);
        }
        Ok(folded)
    }

    fn apply(&mut self, event: &Event, at: WallTime) {
        if self.extends_plan(event) {
            apply(Known { plan: &self.plan, graph: &self.graph }, &mut self.state, event, at);
            self.remember_ends(event);
        }
    }

    /// Takes a fact in and says what follows from it.
    pub fn step(&mut self, fact: Fact, now: At) -> Step {
        Turn::of(self, now).take(fact)
    }

    /// Its id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where it takes place.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its state: what its events say.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// True once it has ended, or stands still until it is resumed.
    pub fn is_over(&self) -> bool {
        self.state.over.is_some()
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<RunOutcome> {
        self.state.over
    }

    /// What would be tried again, and what freed, so that this task can be; nothing where it cannot.
    pub fn would_try_again(&mut self, task: &TaskId) -> (Vec<TaskId>, Vec<TaskId>) {
        let now = At { mono: Millis::ZERO, wall: WallTime::default() };
        Turn::of(self, now).tried_again(task)
    }

    /// Why the engine could not go on, where it could not.
    pub fn fault(&self) -> Option<&str> {
        self.state.fault.as_deref()
    }

    /// How a task ended, once it has.
    pub fn task_outcome(&self, task: &TaskId) -> Option<&Outcome> {
        Graph::find(&self.plan, task).and_then(|t| self.state.task(t).outcome())
    }

    fn task(&self, t: TaskNo) -> (&TaskId, &Task) {
        self.plan.tasks.get_index(t.index()).expect("a TaskNo stands for a task of the plan it was made from")
    }
}
