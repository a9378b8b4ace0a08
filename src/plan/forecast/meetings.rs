//! Conflicts foreseen: tasks that nothing orders and whose files may meet.

use serde::Serialize;

use crate::name::TaskId;
use crate::plan::Plan;
use crate::plan::foreseen::flat;
use crate::plan::graph::Edges;
use crate::plan::touches::TouchSet;

/// Most pairs that are told: who has more needs no list.
const MOST: usize = 100;
/// Most comparisons, so that ten thousand tasks stay quick.
const PATIENCE: usize = 2_000_000;

/// Two tasks that could run side by side and may change the same files: they run one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Meeting {
    /// The one that stands first in the file.
    pub one: TaskId,
    /// The other.
    pub two: TaskId,
}

/// The pairs whose `touches` may meet though nothing orders them, at most a hundred.
pub fn conflicts(plan: &Plan) -> Vec<Meeting> {
    let flat = flat(plan);
    let plan: &Plan = &flat;
    let edges = Edges::of(plan);
    let sets: Vec<(usize, TouchSet)> = plan
        .tasks
        .values()
        .enumerate()
        .filter_map(|(index, task)| Some((index, TouchSet::compile(task.touches.as_ref()?).ok()?)))
        .filter(|(_, set)| !set.is_empty())
        .collect();
    let mut found = Vec::new();
    let mut left = PATIENCE;
    for (at, (one, set)) in sets.iter().enumerate() {
        let mut downstream: Option<Vec<bool>> = None;
        for (two, other) in sets.iter().skip(at + 1) {
            left = left.saturating_sub(1);
            if left == 0 || found.len() >= MOST {
                return found;
            }
            if !set.may_meet(other) {
                continue;
            }
            // Which of two stands upstream does not follow from their order in the file.
            let below = downstream.get_or_insert_with(|| related(&edges, *one));
            if below.get(*two) == Some(&false)
                && let (Some((one, _)), Some((two, _))) = (plan.tasks.get_index(*one), plan.tasks.get_index(*two))
            {
                found.push(Meeting { one: one.clone(), two: two.clone() });
            }
        }
    }
    found
}

/// Which tasks stand upstream or downstream of one.
fn related(edges: &Edges, task: usize) -> Vec<bool> {
    let mut seen = vec![false; edges.needs.len()];
    for side in [&edges.needs, &edges.dependents] {
        let mut open: Vec<usize> = side.get(task).cloned().unwrap_or_default();
        while let Some(next) = open.pop() {
            if let Some(mark) = seen.get_mut(next).filter(|mark| !**mark) {
                *mark = true;
                open.extend(side.get(next).into_iter().flatten());
            }
        }
    }
    seen
}
