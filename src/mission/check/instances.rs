//! Instances of tasks: their variables, how many there are, what tells them apart.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::marker::Marker;
use crate::mission::check::uses::Used;
use crate::mission::check::variables::TAKEN;
use crate::mission::field::late::ListText;
use crate::mission::file::TaskFile;
use crate::mission::model::ListSource;
use crate::name::{LocalTaskId, VarId};

/// Most instances where a task does not say.
pub const MOST: u32 = 50;

/// Checks every `for_each`.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, task) in &scene.file.tasks {
        let Some(lists) = &task.for_each else { continue };
        let place = format!("/tasks/{id}/for_each");
        if lists.is_empty() && !scene.is_unsure(&place) {
            let span = marker.value(&place);
            marker
                .error(codes::INSTANCES, span, "`for_each` has no variable")
                .help("name one: `for_each = { part = \"tasks.plan.outputs.parts\" }`");
        }
        for variable in lists.keys().filter(|variable| TAKEN.contains(&variable.as_str())) {
            let span = marker.key(&format!("{place}/{variable}"));
            let message = format!("`{variable}` is a name that templates have already");
            marker.error(codes::BAD_NAME, span, message).help("take another name");
        }
        known(id, task, lists, marker);
    }
}

/// Variables that nothing of their task uses; a text that cannot be read may.
pub fn unused(scene: &Scene<'_>, used: &Used, marker: &mut Marker<'_>) {
    for (id, task) in &scene.file.tasks {
        let Some(lists) = task.for_each.as_ref().filter(|_| !scene.is_unsure(&format!("/tasks/{id}"))) else {
            continue;
        };
        for variable in lists.keys().filter(|variable| !used.has_variable(id, variable.as_str())) {
            let span = marker.key(&format!("/tasks/{id}/for_each/{variable}"));
            let message = format!("nothing in task `{id}` uses the variable `{variable}`: all instances do the same");
            marker
                .warning(codes::UNUSED_VARIABLE, span, message)
                .help(format!("use `{{{{{variable}}}}}`, or remove it"));
        }
    }
}

/// Lists that stand in the file.
fn known(id: &LocalTaskId, task: &TaskFile, lists: &IndexMap<VarId, ListText>, marker: &mut Marker<'_>) {
    let mut count: Option<u32> = Some(1);
    for (variable, list) in lists {
        let ListSource::Values(values) = &list.0 else {
            count = None;
            continue;
        };
        let place = format!("/tasks/{id}/for_each/{variable}");
        if values.is_empty() {
            let span = marker.value(&place);
            marker
                .warning(codes::INSTANCES, span, format!("an empty list: task `{id}` has no instance"))
                .help("name at least one value, or remove the task");
            return;
        }
        if task.key.is_none() {
            twice(&place, values, marker);
        }
        count = count.zip(u32::try_from(values.len()).ok()).and_then(|(count, more)| count.checked_mul(more));
    }
    let most = task.max_instances.map_or(MOST, |most| most.0);
    if let Some(count) = count.filter(|count| *count > most) {
        let span = marker.value(&format!("/tasks/{id}/for_each"));
        marker
            .error(codes::INSTANCES, span, format!("task `{id}` has {count} instances, and at most {most} are allowed"))
            .help(format!("shorten the lists, or set `max_instances = {count}`"));
    }
}

/// Two alike would be two instances of one name.
fn twice(place: &str, values: &[Value], marker: &mut Marker<'_>) {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (at, value) in values.iter().enumerate() {
        let name = match value {
            Value::String(text) => text.clone(),
            Value::Object(fields) => match fields.get("name").or_else(|| fields.get("id")).and_then(Value::as_str) {
                Some(name) => name.to_owned(),
                None => continue,
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => continue,
        };
        if let Some(before) = first.get(&name) {
            let there = marker.value(&format!("{place}/{before}"));
            let span = marker.value(&format!("{place}/{at}"));
            marker
                .error(codes::INSTANCES, span, format!("two instances would both be called `{name}`"))
                .help("remove one of them, or tell them apart with `key`")
                .related(there, "the first");
            return;
        }
        first.insert(name, at);
    }
}
