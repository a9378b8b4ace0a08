//! What a plan will come to: how long it takes, what it may cost at most, where tasks will wait for one another.
//!
//! The simulation orders tasks as the kernel does (priority, then the longest remaining path, then file order, under
//! all limits), with every estimate met and nothing failing. It decides nothing.

use std::cmp::Reverse;
use std::ops::Add;

use serde::Serialize;

use crate::amount::{Ceiling, Millis, Tokens, Usd};
use crate::mission::model::ListSource;
use crate::name::TaskId;
use crate::plan::foreseen::flat;
use crate::plan::graph::{Edges, levels};
use crate::plan::{Each, Plan, Task, TaskKind};

mod clashes;
mod meetings;
mod simulation;

#[cfg(test)]
mod tests;

pub use clashes::{Clash, ClashKind, Other, OtherRun, Otherwise, Severity, clashes, is_open};
pub use meetings::{Meeting, conflicts};

/// What a plan will come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// From the first start to the last end.
    pub makespan: Millis,
    /// The longest path: no number of slots makes it shorter.
    pub critical: Millis,
    /// The tasks of that path, in order.
    pub critical_path: Vec<TaskId>,
    /// All estimates together: what one slot would take.
    pub work: Millis,
    /// When each task starts and ends, in order of start.
    pub schedule: Vec<Slot>,
    /// The most that may be used.
    pub worst: Ceiling,
}

/// When a task runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// Which.
    pub task: TaskId,
    /// Its start, from that of the run.
    pub start: Millis,
    /// Its end.
    pub end: Millis,
}

/// Plays a plan through.
pub fn schedule(plan: &Plan) -> Forecast {
    let worst = worst(plan);
    let flat = flat(plan);
    let plan: &Plan = &flat;
    let edges = Edges::of(plan);
    let remaining = levels(plan, &edges);
    let schedule = simulation::run(plan, &edges, &remaining);
    Forecast {
        makespan: schedule.iter().map(|slot| slot.end).max().unwrap_or_default(),
        critical: remaining.iter().max().copied().unwrap_or_default(),
        critical_path: longest(plan, &edges, &remaining),
        work: plan.tasks.values().fold(Millis::ZERO, |sum, task| sum + task.estimate),
        schedule,
        worst,
    }
}

/// The tasks of the longest path.
fn longest(plan: &Plan, edges: &Edges, remaining: &[Millis]) -> Vec<TaskId> {
    // The first in file order among equals.
    let best = |tasks: &mut dyn Iterator<Item = usize>| {
        tasks.max_by_key(|task| (remaining.get(*task).copied().unwrap_or_default(), Reverse(*task)))
    };
    let mut path = Vec::new();
    let mut next = best(&mut (0..plan.tasks.len()));
    while let Some(task) = next {
        path.extend(plan.tasks.get_index(task).map(|(id, _)| id.clone()));
        next = best(&mut edges.dependents.get(task).into_iter().flatten().copied());
    }
    path
}

/// The most that may be used: the run's ceiling, or what all agent tasks may use together where that is less.
fn worst(plan: &Plan) -> Ceiling {
    // A sum is only known where every part is.
    let usd = plan.tasks.values().try_fold(Usd::ZERO, |sum, task| Some(sum + most(task, &|task| task.budget.usd)?));
    let tokens = plan
        .tasks
        .values()
        .try_fold(Tokens::default(), |sum, task| Some(sum + most(task, &|task| task.budget.tokens)?));
    let run = &plan.budget.ceiling;
    Ceiling {
        usd: [usd, run.usd].into_iter().flatten().min(),
        tokens: [tokens, run.tokens].into_iter().flatten().min(),
        time: run.time,
    }
}

/// The most that a task may use, all its instances and all tasks of its mission together; `None`: nobody knows.
fn most<T: Add<Output = T> + Default + Ord + Copy>(task: &Task, own: &dyn Fn(&Task) -> Option<T>) -> Option<T> {
    match &task.kind {
        TaskKind::Command(_) | TaskKind::Gate(_) if task.review.is_none() => Some(T::default()),
        TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) => own(task),
        TaskKind::Each(each) => {
            let one = most(&each.body, own)?;
            Some((0..count(each)).fold(T::default(), |sum, _| sum + one))
        }
        TaskKind::Mission(work) => {
            let all = work.tasks.values().try_fold(T::default(), |sum, task| Some(sum + most(task, own)?));
            [all, own(task)].into_iter().flatten().min()
        }
    }
}

/// How many instances there may be.
pub fn count(each: &Each) -> u32 {
    let most = each.max_instances.get();
    let lengths = each.variables.values().map(|list| match list {
        ListSource::Values(values) => u32::try_from(values.len()).ok(),
        ListSource::Cel(_) => None,
    });
    lengths.into_iter().try_fold(1_u32, |all, one| Some(all.saturating_mul(one?))).map_or(most, |all| all.min(most))
}
