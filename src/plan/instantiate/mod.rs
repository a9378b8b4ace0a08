//! What is known of a task only while its run is under way: its condition, its instances, the tasks of the mission it
//! stands for, the files it may change, what its parts hand over together. Pure functions of the plan and of what has
//! ended; what they give is stored in an event, so that no fold evaluates anything.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::name::{OutputId, RunId, TaskId};
use crate::plan::names::View;
use crate::plan::render::{Outputs, RenderFailure};
use crate::plan::{Plan, Task, TaskKind};

mod compute;
mod each;
mod files;
mod key;
mod mission;
mod parts;

#[cfg(test)]
mod tests;

/// What has ended so far, as conditions and values see it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Which run.
    pub run: &'a RunId,
    /// The outputs handed over.
    pub outputs: &'a Outputs,
    /// How tasks have ended; those that have not are not in it.
    pub ended: &'a BTreeMap<TaskId, EndedAs>,
}

/// How a task has ended, as `tasks.<id>.status` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndedAs {
    /// Its work was accepted.
    Succeeded,
    /// It was not.
    Failed,
    /// Its condition was false, or a need was skipped.
    Skipped,
    /// A need failed.
    Blocked,
    /// The run was stopped, or a budget was used up.
    Cancelled,
    /// Its work conflicts with what was merged.
    Conflict,
}

impl EndedAs {
    /// The word for it in conditions.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Blocked => "blocked",
            Self::Cancelled => "cancelled",
            Self::Conflict => "conflict",
        }
    }
}

/// Whether the `when` of a task holds; true where it has none. One that names no variable of the instances stands on
/// the task with instances, one that does on each of them.
pub fn condition(plan: &Plan, task: &TaskId, seen: &Seen<'_>) -> Result<bool, RenderFailure> {
    let planned = known(plan, task)?;
    match &planned.when {
        None => Ok(true),
        Some(text) => compute::condition(&view(plan, planned, seen), &format!("`when` of task `{task}`"), text),
    }
}

/// The tasks that a task with instances, or one that stands for a mission, becomes: with their ids in the run, in
/// order, the parts of parts not yet among them.
pub fn parts(plan: &Plan, task: &TaskId, seen: &Seen<'_>) -> Result<Vec<(TaskId, Task)>, RenderFailure> {
    let planned = known(plan, task)?;
    parts::of(&view(plan, planned, seen), task, planned)
}

/// The globs of a task's `late_touches`.
pub fn touches(plan: &Plan, task: &TaskId, seen: &Seen<'_>) -> Result<Vec<String>, RenderFailure> {
    let planned = known(plan, task)?;
    let late = planned.late_touches.as_ref();
    late.map_or(Ok(Vec::new()), |touches| files::globs(&view(plan, planned, seen), task, touches))
}

/// What a task hands over whose parts have all ended: lists of what its instances did, in their order (null for one
/// that was skipped or failed), or the `[outputs]` of its mission.
pub fn outputs(plan: &Plan, task: &TaskId, seen: &Seen<'_>) -> Result<BTreeMap<OutputId, Value>, RenderFailure> {
    let planned = known(plan, task)?;
    match &planned.kind {
        TaskKind::Each(each) => Ok(each::outputs(plan, task, each, seen.outputs)),
        TaskKind::Mission(work) => mission::outputs(&view(plan, planned, seen), task, work),
        TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) => Ok(BTreeMap::new()),
    }
}

/// The parts of a task as far as the plan alone tells them: what the mission says in so many words is the same in
/// every run. `None` where they are known only while one is under way.
pub fn foreseen(plan: &Plan, task: &TaskId) -> Option<Result<Vec<(TaskId, Task)>, RenderFailure>> {
    let planned = plan.tasks.get(task)?;
    let waits = match &planned.kind {
        TaskKind::Each(each) => each::waits(each),
        TaskKind::Mission(work) => mission::waits(work),
        TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) => return None,
    };
    let view = View { plan, scope: planned.scope.as_deref(), run: None, outputs: &Outputs::new(), ended: None };
    (!waits).then(|| parts::of(&view, task, planned))
}

/// Works out a task's files where the plan alone tells them.
pub(in crate::plan) fn settle(plan: &Plan, id: &TaskId, task: &mut Task) -> Result<(), RenderFailure> {
    let view = View { plan, scope: None, run: None, outputs: &Outputs::new(), ended: None };
    files::settle(&view, id, task)
}

fn known<'a>(plan: &'a Plan, task: &TaskId) -> Result<&'a Task, RenderFailure> {
    plan.tasks.get(task).ok_or_else(|| RenderFailure::new(format!("task `{task}` is not in the plan")))
}

fn view<'a>(plan: &'a Plan, task: &'a Task, seen: &Seen<'a>) -> View<'a> {
    View { plan, scope: task.scope.as_deref(), run: Some(seen.run), outputs: seen.outputs, ended: Some(seen.ended) }
}
