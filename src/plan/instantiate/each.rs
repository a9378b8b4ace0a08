//! The instances of a task: one for each value, or for each of the cross product.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{compute, key};
use crate::mission::field::shape::type_of;
use crate::mission::model::ListSource;
use crate::name::{InstanceKey, OutputId, TaskId, VarId};
use crate::plan::names::View;
use crate::plan::render::{Outputs, RenderFailure};
use crate::plan::{Each, Plan, Scope, Task};

/// Values of the variables of one instance.
type Values = BTreeMap<VarId, Value>;

/// Whether the values are known only while a run is under way.
pub(super) fn waits(each: &Each) -> bool {
    let list = |source: &ListSource| match source {
        ListSource::Values(_) => false,
        ListSource::Cel(text) => compute::cel_waits(text),
    };
    each.variables.values().any(list) || each.key.as_deref().is_some_and(compute::cel_waits)
}

/// The instances, in order.
pub(super) fn instances(view: &View<'_>, group: &TaskId, each: &Each) -> Result<Vec<(TaskId, Task)>, RenderFailure> {
    let lists = lists(view, group, each)?;
    let count = lists.iter().fold(1_usize, |count, (_, list)| count.saturating_mul(list.len()));
    let most = usize::try_from(each.max_instances.get()).unwrap_or(usize::MAX);
    if count > most {
        return Err(RenderFailure::new(format!(
            "task `{group}` would have {count} instances, and `max_instances` is {most}; none was started"
        )));
    }
    let mut taken: BTreeMap<InstanceKey, usize> = BTreeMap::new();
    let mut instances = Vec::with_capacity(count);
    for at in 0..count {
        let chosen = chosen(&lists, at);
        let key = key::of(view, group, each, &chosen)?;
        if let Some(before) = taken.insert(key.clone(), at) {
            return Err(alike(group, &key, [&lists_at(&lists, before), &lists_at(&lists, at)]));
        }
        let variables = chosen.iter().map(|(id, _, value)| ((*id).clone(), (*value).clone())).collect();
        let id = group.instance(&key);
        let task = instance(&each.body, [group, &id], &key, variables);
        instances.push((id, task));
    }
    Ok(instances)
}

/// A variable, the place of its value in its list, and the value.
pub(super) type Chosen<'a> = (&'a VarId, usize, &'a Value);

fn lists<'e>(view: &View<'_>, group: &TaskId, each: &'e Each) -> Result<Vec<(&'e VarId, Vec<Value>)>, RenderFailure> {
    each.variables
        .iter()
        .map(|(id, source)| match source {
            ListSource::Values(values) => Ok((id, values.clone())),
            ListSource::Cel(text) => match compute::value(view, &format!("`for_each` of task `{group}`"), text)? {
                Value::Array(values) => Ok((id, values)),
                other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                    Err(RenderFailure::new(format!(
                        "`for_each` of task `{group}`: `{id}` goes through a list, and `{text}` is {}",
                        type_of(&other)
                    )))
                }
            },
        })
        .collect()
}

/// The values of the instance at a place: the last variable changes fastest.
fn chosen<'l>(lists: &'l [(&'l VarId, Vec<Value>)], at: usize) -> Vec<Chosen<'l>> {
    let mut rest = at;
    let mut chosen: Vec<Chosen<'l>> = lists
        .iter()
        .rev()
        .filter_map(|(id, list)| {
            let here = rest.checked_rem(list.len())?;
            rest = rest.checked_div(list.len())?;
            Some((*id, here, list.get(here)?))
        })
        .collect();
    chosen.reverse();
    chosen
}

/// The values of the instance at a place, for people.
fn lists_at(lists: &[(&VarId, Vec<Value>)], at: usize) -> String {
    let told = |value: &Value| {
        let text = value.to_string();
        if text.chars().count() > 60 { text.chars().take(60).chain(['…']).collect() } else { text }
    };
    chosen(lists, at).iter().map(|(id, _, value)| format!("{id} = {}", told(value))).collect::<Vec<_>>().join(", ")
}

fn alike(group: &TaskId, key: &InstanceKey, both: [&str; 2]) -> RenderFailure {
    let [one, two] = both;
    RenderFailure::new(format!(
        "two instances of task `{group}` would be `{key}`: {one}, and {two}; say with `key` what tells them apart"
    ))
}

fn instance(body: &Task, [group, id]: [&TaskId; 2], key: &InstanceKey, variables: Values) -> Task {
    let mut task = body.clone();
    let scope = task.scope.take().map(|scope| *scope).unwrap_or_default();
    task.scope = Some(Box::new(Scope { variables, ..scope }));
    task.title = if body.title == group.as_str() { id.to_string() } else { format!("{} ({key})", body.title) };
    task
}

/// What the instances handed over, in lists.
pub(super) fn outputs(plan: &Plan, group: &TaskId, each: &Each, outputs: &Outputs) -> BTreeMap<OutputId, Value> {
    let is_instance = |id: &&TaskId| {
        let key = id.as_str().strip_prefix(group.as_str()).and_then(|rest| rest.strip_prefix('['));
        key.is_some_and(|key| !key.contains('/'))
    };
    let instances: Vec<&TaskId> = plan.tasks.keys().filter(is_instance).collect();
    let list = |output: &OutputId| {
        let of = |id: &&TaskId| outputs.get(*id).and_then(|given| given.get(output)).cloned().unwrap_or(Value::Null);
        Value::Array(instances.iter().map(of).collect())
    };
    each.body.hands_over().into_iter().map(|output| (output.clone(), list(&output))).collect()
}
