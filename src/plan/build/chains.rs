//! Chains of tasks in one worktree: they are merged once, when the last succeeded, so whoever needs one of them waits
//! for the last.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::PlanError;
use crate::mission::model::TaskWorkspace;
use crate::name::TaskId;
use crate::plan::Task;
use crate::plan::graph::Edges;

/// Adds the needs that chains bring with them.
pub(super) fn link(tasks: &mut IndexMap<TaskId, Task>, errors: &mut Vec<PlanError>) {
    let last = lasts(tasks);
    for (id, task) in tasks.iter_mut() {
        if let TaskWorkspace::With(before) = &task.workspace
            && !task.needs.contains(before)
        {
            task.needs.push(before.clone());
        }
        let own = last.get(id);
        let more: Vec<TaskId> =
            task.needs.iter().filter_map(|need| last.get(need)).filter(|end| Some(*end) != own).cloned().collect();
        for end in more {
            if !task.needs.contains(&end) {
                task.needs.push(end);
            }
        }
    }
    let edges = Edges::of_tasks(tasks);
    if edges.order.len() < tasks.len() {
        let sorted: std::collections::BTreeSet<usize> = edges.order.iter().copied().collect();
        let stuck: Vec<&str> =
            tasks.keys().enumerate().filter(|(at, _)| !sorted.contains(at)).map(|(_, id)| id.as_str()).collect();
        errors.push(
            PlanError::new(format!("these tasks wait for one another: {}", stuck.join(", "))).help(
                "tasks that share a worktree are merged after the last of them: none in between may need the merge",
            ),
        );
    }
}

/// For each task of a chain, the chain's last.
fn lasts(tasks: &IndexMap<TaskId, Task>) -> BTreeMap<TaskId, TaskId> {
    let before = |id: &TaskId| match tasks.get(id).map(|task| &task.workspace) {
        Some(TaskWorkspace::With(before)) => Some(before),
        Some(TaskWorkspace::Own | TaskWorkspace::ReadOnly) | None => None,
    };
    let links: std::collections::BTreeSet<&TaskId> = tasks.keys().filter_map(before).collect();
    let mut last = BTreeMap::new();
    for end in tasks.keys().filter(|id| !links.contains(id) && before(id).is_some()) {
        let mut link = Some(end);
        while let Some(id) = link {
            last.insert(id.clone(), end.clone());
            link = before(id);
        }
    }
    last
}
