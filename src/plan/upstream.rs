//! Whose handoffs open a task's sessions: where one of them is a group, those of the tasks that it came to.

use crate::mission::model::Join;
use crate::name::TaskId;
use crate::plan::foreseen::parts_of;
use crate::plan::{Plan, Task, TaskKind};

/// The tasks whose handoffs open this one's sessions, in order: of a task with instances all of them, of a mission
/// used as a task those that nothing in it comes after.
pub fn opening(plan: &Plan, task: &Task) -> Vec<TaskId> {
    let mut found = Vec::new();
    let mut open: Vec<TaskId> = task.handoff_from.iter().rev().cloned().collect();
    while let Some(id) = open.pop() {
        let kind = plan.tasks.get(&id).map(|task| &task.kind);
        let parts = match kind {
            Some(TaskKind::Each(_)) => parts_of(plan, &id),
            Some(TaskKind::Mission(_)) => last(&parts_of(plan, &id)),
            Some(TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_)) | None => {
                found.push(id);
                continue;
            }
        };
        open.extend(parts.iter().rev().map(|(id, _)| (*id).clone()));
    }
    found
}

/// Those that none of the others needs; what only cleans up is no end of the work.
fn last<'p>(parts: &[(&'p TaskId, &'p Task)]) -> Vec<(&'p TaskId, &'p Task)> {
    let works = |task: &Task| task.join != Join::Always;
    let is_needed = |id: &TaskId| parts.iter().any(|(_, other)| works(other) && other.needs.contains(id));
    parts.iter().filter(|(id, task)| works(task) && !is_needed(id)).copied().collect()
}
