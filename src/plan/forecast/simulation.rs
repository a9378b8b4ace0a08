//! A plan played through on a clock of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::ops::Bound::{Excluded, Unbounded};

use super::Slot;
use crate::amount::Millis;
use crate::mission::model::WorkspaceMode;
use crate::plan::graph::Edges;
use crate::plan::touches::TouchSet;
use crate::plan::{Plan, Task, TaskKind};

/// Most ready tasks that are looked at for a free slot: with thousands held back the rest changes the picture little.
const LOOK_AHEAD: usize = 256;

/// Plays a plan through; the slots are in order of start.
pub(super) fn run(plan: &Plan, edges: &Edges, remaining: &[Millis]) -> Vec<Slot> {
    Simulation::new(plan, edges, remaining).run()
}

/// Order among the ready: the greatest first.
type Rank = (i64, Millis, Reverse<usize>);

struct Simulation<'a> {
    plan: &'a Plan,
    edges: &'a Edges,
    remaining: &'a [Millis],
    touches: Vec<Option<TouchSet>>,
    /// How many needs of each task are still open.
    open: Vec<usize>,
    ready: BTreeSet<Reverse<Rank>>,
    running: BinaryHeap<Reverse<(Millis, usize)>>,
    /// Which limits count each task.
    limits: Vec<Vec<usize>>,
    /// How much room each limit has.
    room: Vec<u32>,
    locks: BTreeSet<&'a str>,
    done: Vec<Slot>,
}

impl<'a> Simulation<'a> {
    fn new(plan: &'a Plan, edges: &'a Edges, remaining: &'a [Millis]) -> Self {
        let (limits, room) = limits(plan);
        Self {
            plan,
            edges,
            remaining,
            touches: plan.tasks.values().map(|task| held(plan, task)).collect(),
            open: edges.needs.iter().map(Vec::len).collect(),
            ready: BTreeSet::new(),
            running: BinaryHeap::new(),
            limits,
            room,
            locks: BTreeSet::new(),
            done: Vec::with_capacity(plan.tasks.len()),
        }
    }

    fn run(mut self) -> Vec<Slot> {
        let first: Vec<usize> = (0..self.open.len()).filter(|task| self.open.get(*task) == Some(&0)).collect();
        for task in first {
            self.make_ready(task);
        }
        let mut now = Millis::ZERO;
        loop {
            self.start_all(now);
            let Some(Reverse((end, task))) = self.running.pop() else { return self.done };
            now = end;
            self.finish(task);
            while let Some(Reverse((also, task))) = self.running.peek().copied() {
                if also > now {
                    break;
                }
                self.running.pop();
                self.finish(task);
            }
        }
    }

    fn make_ready(&mut self, task: usize) {
        let priority = self.plan.tasks.get_index(task).map_or(0, |(_, task)| task.priority);
        let remaining = self.remaining.get(task).copied().unwrap_or_default();
        self.ready.insert(Reverse((priority, remaining, Reverse(task))));
    }

    /// Starts what fits. The first that fits all but touches and locks is next for them: what meets it waits too.
    fn start_all(&mut self, now: Millis) {
        let slots = usize::try_from(self.plan.max.get()).unwrap_or(usize::MAX);
        let mut next: Option<usize> = None;
        let mut at = self.ready.first().copied();
        for _ in 0..LOOK_AHEAD {
            let Some(rank) = at.filter(|_| self.running.len() < slots) else { return };
            let Reverse((_, _, Reverse(task))) = rank;
            if self.fits(task) {
                if self.is_held(task) || next.is_some_and(|next| self.meets(next, task)) {
                    next = next.or(Some(task));
                } else {
                    self.ready.remove(&rank);
                    self.start(task, now);
                }
            }
            at = self.ready.range((Excluded(rank), Unbounded)).next().copied();
        }
    }

    fn start(&mut self, task: usize, now: Millis) {
        let Some((id, planned)) = self.plan.tasks.get_index(task) else { return };
        let end = now + planned.estimate;
        for limit in self.limits.get(task).into_iter().flatten() {
            if let Some(room) = self.room.get_mut(*limit) {
                *room = room.saturating_sub(1);
            }
        }
        self.locks.extend(planned.locks.iter().map(String::as_str));
        self.running.push(Reverse((end, task)));
        self.done.push(Slot { task: id.clone(), start: now, end });
    }

    fn finish(&mut self, task: usize) {
        for limit in self.limits.get(task).into_iter().flatten() {
            if let Some(room) = self.room.get_mut(*limit) {
                *room = room.saturating_add(1);
            }
        }
        if let Some((_, planned)) = self.plan.tasks.get_index(task) {
            for lock in &planned.locks {
                self.locks.remove(lock.as_str());
            }
        }
        for next in self.edges.dependents.get(task).into_iter().flatten() {
            if let Some(open) = self.open.get_mut(*next) {
                *open = open.saturating_sub(1);
                if *open == 0 {
                    self.make_ready(*next);
                }
            }
        }
    }

    /// Whether the limits of role and agent leave room.
    fn fits(&self, task: usize) -> bool {
        self.limits.get(task).into_iter().flatten().all(|limit| self.room.get(*limit).is_none_or(|room| *room > 0))
    }

    /// Whether something that runs holds what it needs.
    fn is_held(&self, task: usize) -> bool {
        let locked = self
            .plan
            .tasks
            .get_index(task)
            .is_some_and(|(_, planned)| planned.locks.iter().any(|lock| self.locks.contains(lock.as_str())));
        locked || self.running.iter().any(|Reverse((_, other))| self.touch(*other, task))
    }

    fn meets(&self, one: usize, two: usize) -> bool {
        let locks =
            |task: usize| self.plan.tasks.get_index(task).map(|(_, task)| task.locks.as_slice()).unwrap_or_default();
        self.touch(one, two) || locks(one).iter().any(|lock| locks(two).contains(lock))
    }

    fn touch(&self, one: usize, two: usize) -> bool {
        match (self.touches.get(one), self.touches.get(two)) {
            (Some(Some(one)), Some(Some(two))) => one.may_meet(two),
            _ => false,
        }
    }
}

/// What keeps tasks apart; without worktrees one that may change anything keeps apart from every other that may.
fn held(plan: &Plan, task: &Task) -> Option<TouchSet> {
    match (&task.touches, plan.workspace.mode) {
        (Some(globs), _) => TouchSet::compile(globs).ok(),
        (None, WorkspaceMode::Worktree) => None,
        (None, WorkspaceMode::Directory) => TouchSet::compile(&["**".to_owned()]).ok(),
    }
}

/// The limits of roles and agents: which count each task, and the room of each.
fn limits(plan: &Plan) -> (Vec<Vec<usize>>, Vec<u32>) {
    let mut room = Vec::new();
    let mut known: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut counting = Vec::with_capacity(plan.tasks.len());
    for task in plan.tasks.values() {
        let mut counted = Vec::new();
        if let TaskKind::Agent(work) = &task.kind {
            let role = plan.roles.get(&work.role).and_then(|role| role.max);
            let agent = plan.agents.get(&work.agent).and_then(|agent| agent.max);
            for (kind, name, max) in [("role", work.role.as_str(), role), ("agent", work.agent.as_str(), agent)] {
                let Some(max) = max else { continue };
                counted.push(*known.entry((kind, name)).or_insert_with(|| {
                    room.push(max.get());
                    room.len() - 1
                }));
            }
        }
        counting.push(counted);
    }
    (counting, room)
}
