//! The graph of a plan: its order, its longest paths, and how it is shown.

use std::collections::VecDeque;

use indexmap::IndexMap;

use crate::amount::Millis;
use crate::name::TaskId;
use crate::plan::{Plan, Task};

mod show;

#[cfg(test)]
mod tests;

pub use show::{ascii, dot, json, mermaid};

/// The edges of a plan, as positions in file order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edges {
    /// What each task needs.
    pub needs: Vec<Vec<usize>>,
    /// What needs each task.
    pub dependents: Vec<Vec<usize>>,
    /// All tasks, each after what it needs; in file order where that leaves a choice.
    pub order: Vec<usize>,
}

impl Edges {
    /// Reads them off a plan. A need that is no task of the plan is left out.
    pub fn of(plan: &Plan) -> Self {
        Self::of_tasks(&plan.tasks)
    }

    /// As [`Self::of`], before there is a plan.
    pub fn of_tasks(tasks: &IndexMap<TaskId, Task>) -> Self {
        let at = |task: &Task| task.needs.iter().filter_map(|need| tasks.get_index_of(need)).collect();
        Self::from_needs(tasks.values().map(at).collect())
    }

    /// Makes them of what each task needs.
    pub fn from_needs(needs: Vec<Vec<usize>>) -> Self {
        let mut dependents = vec![Vec::new(); needs.len()];
        for (task, below) in needs.iter().enumerate() {
            for need in below {
                if let Some(list) = dependents.get_mut(*need) {
                    list.push(task);
                }
            }
        }
        let order = sorted(&needs, &dependents);
        Self { needs, dependents, order }
    }
}

/// Kahn's order. What stands in a circle is left out.
fn sorted(needs: &[Vec<usize>], dependents: &[Vec<usize>]) -> Vec<usize> {
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut ready: VecDeque<usize> = (0..needs.len()).filter(|task| open.get(*task) == Some(&0)).collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(task) = ready.pop_front() {
        order.push(task);
        for next in dependents.get(task).into_iter().flatten() {
            if let Some(count) = open.get_mut(*next) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push_back(*next);
                }
            }
        }
    }
    order
}

/// For each task, in file order: the longest remaining path by estimates, its own included.
pub fn bottom_levels(plan: &Plan) -> Vec<Millis> {
    levels(plan, &Edges::of(plan))
}

/// As [`bottom_levels`], with the edges at hand.
pub fn levels(plan: &Plan, edges: &Edges) -> Vec<Millis> {
    levels_of(&plan.tasks, edges)
}

/// As [`levels`], before there is a plan.
pub(in crate::plan) fn levels_of(tasks: &IndexMap<TaskId, Task>, edges: &Edges) -> Vec<Millis> {
    let mut levels: Vec<Millis> = tasks.values().map(|task| task.estimate).collect();
    for task in edges.order.iter().rev() {
        let below =
            edges.dependents.get(*task).into_iter().flatten().filter_map(|next| levels.get(*next)).max().copied();
        if let (Some(below), Some(own)) = (below, levels.get_mut(*task)) {
            *own = *own + below;
        }
    }
    levels
}
