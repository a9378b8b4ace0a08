//! Names that a list has twice.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::marker::Marker;

/// Checks every list of names.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let file = scene.file;
    names(marker, "/secrets", &file.secrets);
    if let Some(defaults) = &file.defaults {
        names(marker, "/defaults/skills", &defaults.skills);
    }
    for (name, role) in &file.roles {
        names(marker, &format!("/roles/{name}/skills"), &role.skills);
    }
    for (id, task) in &file.tasks {
        if task.needs.len() > 1 {
            names(marker, &format!("/tasks/{id}/needs"), &task.needs);
        }
        if let Some(handoff) = &task.handoff {
            names(marker, &format!("/tasks/{id}/handoff/from"), &handoff.from);
        }
        for (key, list) in [("locks", &task.locks), ("secrets", &task.secrets), ("artifacts", &task.artifacts)] {
            names(marker, &format!("/tasks/{id}/{key}"), list);
        }
        names(marker, &format!("/tasks/{id}/skills"), &task.skills);
    }
}

fn names<T: Ord + Display>(marker: &mut Marker<'_>, place: &str, list: &[T]) {
    if list.len() < 2 {
        return;
    }
    let mut first: BTreeMap<&T, usize> = BTreeMap::new();
    for (at, name) in list.iter().enumerate() {
        let Some(before) = first.get(name) else {
            first.insert(name, at);
            continue;
        };
        let there = marker.value(&format!("{place}/{before}"));
        let span = marker.value(&format!("{place}/{at}"));
        marker
            .warning(codes::NAMED_TWICE, span, format!("`{name}` is named twice"))
            .help("remove one of them")
            .related(there, "the first");
    }
}
