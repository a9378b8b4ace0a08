//! Whether a plan that was read from a file can be run: people may edit what they save.

use std::collections::BTreeSet;

use crate::mission::model::TaskWorkspace;
use crate::name::TaskId;
use crate::plan::graph::Edges;
use crate::plan::touches::TouchSet;
use crate::plan::{Plan, Task, TaskKind, branches};

/// What is wrong with it, in words; nothing where it can be run.
pub fn faults(plan: &Plan) -> Vec<String> {
    let mut faults = Vec::new();
    if plan.tasks.is_empty() {
        faults.push("it has no task".to_owned());
    }
    let ids: BTreeSet<&TaskId> = plan.tasks.keys().collect();
    for (id, task) in &plan.tasks {
        let with = match &task.workspace {
            TaskWorkspace::With(other) => Some(other),
            TaskWorkspace::Own | TaskWorkspace::ReadOnly => None,
        };
        let named = task.needs.iter().chain(&task.rework).chain(with);
        faults.extend(
            named
                .filter(|other| !ids.contains(other))
                .map(|other| format!("task `{id}` names `{other}`, which is not in it")),
        );
        if let Some(branch) = &task.branch
            && let Some(why) = branches::refused(&branch.replace(branches::RUN_ID, "run"))
        {
            faults.push(format!("`{branch}` (task `{id}`) cannot be a branch: {why}"));
        }
        faults.extend(task.work().into_iter().flat_map(|work| of_work(plan, id, work)));
    }
    let order = Edges::of(plan).order;
    if order.len() < plan.tasks.len() {
        faults.push("some of its tasks wait for one another".to_owned());
    }
    faults
}

fn of_work(plan: &Plan, id: &TaskId, task: &Task) -> Vec<String> {
    let mut faults = Vec::new();
    let own = match &task.kind {
        TaskKind::Agent(work) => Some(&work.role),
        TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => None,
    };
    for role in own.into_iter().chain(task.review.as_ref().map(|review| &review.role)) {
        if !plan.roles.contains_key(role) {
            faults.push(format!("task `{id}` has the role `{role}`, which is not in it"));
        }
    }
    for agent in task.agents().filter(|agent| !plan.agents.contains_key(*agent)) {
        faults.push(format!("task `{id}` has the agent `{agent}`, which is not in it"));
    }
    for globs in [&task.touches, &task.fence].into_iter().flatten() {
        if let Err(error) = TouchSet::compile(globs) {
            faults.push(format!("task `{id}`: {error}"));
        }
    }
    faults
}
