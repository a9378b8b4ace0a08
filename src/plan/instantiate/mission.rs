//! The tasks of another mission, used as a task.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compute;
use crate::mission::model::{Join, TaskWorkspace, With};
use crate::name::{InputId, OutputId, TaskId};
use crate::plan::build::inputs::mismatch;
use crate::plan::names::View;
use crate::plan::render::RenderFailure;
use crate::plan::{Scope, SubMission, Task, TaskKind};

/// Values of a mission's inputs.
type Inputs = BTreeMap<InputId, Value>;

/// Whether what it is told is known only while a run is under way.
pub(super) fn waits(work: &SubMission) -> bool {
    work.with.values().any(|with| match with {
        With::Value(value) => compute::texts_wait(value),
        With::Cel(text) => compute::cel_waits(text),
    })
}

/// Its tasks, by their ids in the run.
pub(super) fn tasks(
    view: &View<'_>,
    group: &TaskId,
    planned: &Task,
    work: &SubMission,
) -> Result<Vec<(TaskId, Task)>, RenderFailure> {
    let inputs = inputs(view, group, work)?;
    Ok(work
        .tasks
        .iter()
        .map(|(local, task)| {
            let mut task = task.clone();
            adopt(&mut task, local, &Home { group, planned, inputs: &inputs });
            (group.child(local), task)
        })
        .collect())
}

/// What a mission is told, each value as its input wants it.
fn inputs(view: &View<'_>, group: &TaskId, work: &SubMission) -> Result<Inputs, RenderFailure> {
    let wrong = |id: &InputId, why: &str| {
        RenderFailure::new(format!("task `{group}`: the input `{id}` of mission `{}` {why}", work.name))
    };
    if let Some(id) = work.with.keys().find(|id| !work.inputs.contains_key(*id)) {
        return Err(wrong(id, "is not declared there"));
    }
    work.inputs
        .iter()
        .map(|(id, input)| {
            let what = format!("`with.{id}` of task `{group}`");
            let value = match work.with.get(id) {
                Some(With::Value(value)) => compute::texts(view, &what, value)?,
                Some(With::Cel(text)) => compute::value(view, &what, text)?,
                None => {
                    return input
                        .default
                        .clone()
                        .map(|value| (id.clone(), value))
                        .ok_or_else(|| wrong(id, &format!("is missing: add it to `with` of task `{group}`")));
                }
            };
            match mismatch(&input.schema, &value) {
                None => Ok((id.clone(), value)),
                Some(why) => Err(wrong(id, &format!("does not fit: {why}"))),
            }
        })
        .collect()
}

/// Where a mission's tasks come to live.
struct Home<'a> {
    group: &'a TaskId,
    planned: &'a Task,
    inputs: &'a Inputs,
}

/// Makes a mission's task one of the run: names become names of the run, and one that nothing comes before comes after
/// what the whole mission comes after.
fn adopt(task: &mut Task, local: &TaskId, home: &Home<'_>) {
    let Home { group, planned, inputs } = home;
    task.scope = Some(Box::new(Scope {
        within: Some((*group).clone()),
        inputs: Some((*inputs).clone()),
        variables: BTreeMap::new(),
    }));
    if task.title == local.as_str() {
        task.title = group.child(local).to_string();
    } else if let Some(key) = group.key() {
        // The title is what history says of it: the same task of the next instance must not be called alike.
        task.title = format!("{} ({key})", task.title);
    }
    let absolute = |ids: &mut Vec<TaskId>| ids.iter_mut().for_each(|id| *id = group.child(id));
    absolute(&mut task.needs);
    absolute(&mut task.handoff_from);
    // What always runs comes after all others of its mission, also where what the mission needs failed.
    if task.needs.is_empty() && task.join != Join::Always {
        task.needs.clone_from(&planned.needs);
        task.join = planned.join;
        task.handoff_from.clone_from(&planned.handoff_from);
    }
    absolute(&mut task.rework);
    // What is urgent as a whole is so in its parts.
    task.priority = task.priority.saturating_add(planned.priority);
    if let TaskWorkspace::With(before) = &mut task.workspace {
        *before = group.child(before);
    }
    if let TaskKind::Each(each) = &mut task.kind {
        adopt(&mut each.body, local, home);
    }
}

/// What a mission hands over.
pub(super) fn outputs(
    view: &View<'_>,
    group: &TaskId,
    work: &SubMission,
) -> Result<BTreeMap<OutputId, Value>, RenderFailure> {
    let first = work.tasks.keys().next().and_then(|local| view.plan.tasks.get(&group.child(local)));
    let told = first.and_then(|part| part.scope.as_ref()).and_then(|scope| scope.inputs.clone());
    let inputs = told.map_or_else(|| inputs(view, group, work), Ok)?;
    let scope = Scope { within: Some(group.clone()), inputs: Some(inputs), variables: BTreeMap::new() };
    let inside = View { scope: Some(&scope), ..*view };
    work.outputs
        .iter()
        .map(|(id, text)| {
            let what = format!("the output `{id}` of mission `{}` (task `{group}`)", work.name);
            Ok((id.clone(), compute::value(&inside, &what, text)?))
        })
        .collect()
}
