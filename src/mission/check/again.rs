//! Work that goes round: who reads it, and who sends it back to whom.

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::graph::which;
use crate::mission::check::kinds::Kind;
use crate::mission::check::marker::Marker;
use crate::mission::file::TaskFile;
use crate::name::LocalTaskId;

/// Checks every `rework`, and gates that stand alone.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, task) in &scene.file.tasks {
        for (at, back) in task.rework.iter().enumerate() {
            one(scene, (id, task), (at, back), marker);
        }
    }
    lone_gates(scene, marker);
}

fn one(
    scene: &Scene<'_>,
    (id, task): (&LocalTaskId, &TaskFile),
    (at, back): (usize, &LocalTaskId),
    marker: &mut Marker<'_>,
) {
    let span = marker.value(&format!("/tasks/{id}/rework/{at}"));
    let Some(other) = scene.file.tasks.get(back) else {
        let message = format!("task `{id}` sends work back to `{back}`, which is not a task");
        marker.error(codes::UNKNOWN_TASK, span, message).help(which(&scene.file.tasks, back.as_str()));
        return;
    };
    let first = task.rework.iter().position(|other| other == back);
    if let Some(first) = first.filter(|first| *first < at) {
        let there = marker.value(&format!("/tasks/{id}/rework/{first}"));
        marker
            .error(codes::REWORK, span, format!("`{back}` is named twice"))
            .help("remove one of them")
            .related(there, "the first");
    } else if !scene.has_unsure_needs() && !scene.graph.is_upstream(id, back) {
        let (message, help) = if id == back {
            (format!("task `{id}` sends work back to itself"), "name the task whose work it judges".to_owned())
        } else {
            (
                format!("task `{id}` sends work back to `{back}`, which does not come before it"),
                format!("add `{back}` to `needs`"),
            )
        };
        marker.error(codes::NOT_UPSTREAM, span, message).help(help);
    } else if let Some((what, help)) = cannot(other) {
        let key = marker.key(&format!("/tasks/{back}/{what}"));
        marker
            .error(codes::REWORK, span, format!("`{back}` cannot go round: it is a {what}"))
            .help(help)
            .related(key, format!("`{back}` is a {what}"));
    }
}

/// Why a task cannot go round again.
fn cannot(task: &TaskFile) -> Option<(&'static str, &'static str)> {
    match Kind::of(task)? {
        Kind::Gate => Some(("gate", "name the tasks whose work the gate is about")),
        Kind::Mission => {
            Some(("mission", "name tasks of an agent or commands; inside of a mission its own tasks send work back"))
        }
        Kind::Agent | Kind::Command => None,
    }
}

/// A gate that waits for nothing, and for which nothing waits.
fn lone_gates(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let gates: Vec<_> = scene
        .file
        .tasks
        .iter()
        .filter(|(id, task)| {
            task.gate.is_some() && task.needs.is_empty() && !scene.is_unsure(&format!("/tasks/{id}/needs"))
        })
        .collect();
    if gates.is_empty() || scene.file.tasks.len() < 2 {
        return;
    }
    let needed: std::collections::BTreeSet<&LocalTaskId> =
        scene.file.tasks.values().flat_map(|task| &task.needs).collect();
    for (id, _) in gates.into_iter().filter(|(id, _)| !needed.contains(*id)) {
        let span = marker.key(&format!("/tasks/{id}"));
        marker
            .warning(codes::LONE_GATE, span, format!("the gate `{id}` waits for nothing, and nothing waits for it"))
            .help(format!("add `needs` to it, or `{id}` to the `needs` of what may only happen then"));
    }
}
