//! Which kind a task is, and keys that have no meaning for it.

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::marker::Marker;
use crate::mission::file::TaskFile;
use crate::name::TaskId;

/// Checks the kind of every task.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, task) in &scene.file.tasks {
        let left_out = |key: &str| scene.left_out.contains(&format!("/tasks/{id}/{key}"));
        match (task.prompt.is_some() || left_out("prompt"), task.run.is_some() || left_out("run")) {
            (true, true) => two(id, marker),
            (false, false) => none(id, task, marker),
            (false, true) => command(id, task, marker),
            (true, false) => agent(scene, id, task, marker),
        }
    }
}

fn two(id: &TaskId, marker: &mut Marker<'_>) {
    let (prompt, run) = (marker.key(&format!("/tasks/{id}/prompt")), marker.key(&format!("/tasks/{id}/run")));
    let (first, second) = if prompt.start < run.start { (prompt, run) } else { (run, prompt) };
    let label = if first == prompt { "so it is of an agent" } else { "so it is a command" };
    let other = if first == prompt { "so it is a command" } else { "so it is of an agent" };
    marker
        .error(codes::TWO_KINDS, second, format!("task `{id}` has both `prompt` and `run`"))
        .help("make two tasks of it, or remove one of the keys")
        .related(first, label)
        .related(second, other);
}

fn none(id: &TaskId, task: &TaskFile, marker: &mut Marker<'_>) {
    let span = marker.key(&format!("/tasks/{id}"));
    let help = if task.role.is_some() { "add `prompt`" } else { "add `prompt` and `role`, or `run`" };
    marker.error(codes::NO_KIND, span, format!("task `{id}` has neither `prompt` nor `run`")).help(help);
}

/// Keys of sessions, and whether this task has them.
fn session_keys(task: &TaskFile) -> [(&'static str, bool); 7] {
    [
        ("role", task.role.is_some()),
        ("agent", task.agent.is_some()),
        ("model", task.model.is_some()),
        ("permissions", task.permissions.is_some()),
        ("skills", !task.skills.is_empty()),
        ("idle_timeout", task.idle_timeout.is_some()),
        ("handoff", task.handoff.is_some()),
    ]
}

fn command(id: &TaskId, task: &TaskFile, marker: &mut Marker<'_>) {
    let run = marker.key(&format!("/tasks/{id}/run"));
    for (key, _) in session_keys(task).iter().filter(|(_, given)| *given) {
        let span = marker.key(&format!("/tasks/{id}/{key}"));
        marker
            .error(codes::KEY_OF_OTHER_KIND, span, format!("`{key}` has no meaning for a command"))
            .help(format!("remove `{key}`, or give the task a `prompt` instead of `run`"))
            .related(run, format!("`{id}` is a command"));
    }
}

fn agent(scene: &Scene<'_>, id: &TaskId, task: &TaskFile, marker: &mut Marker<'_>) {
    let by_default = scene.file.defaults.as_ref().is_some_and(|defaults| defaults.role.is_some());
    let left_out = scene.left_out.contains(&format!("/tasks/{id}/role")) || scene.left_out.contains("/defaults/role");
    if task.role.is_none() && !by_default && !left_out {
        let span = marker.key(&format!("/tasks/{id}"));
        marker
            .error(codes::NO_ROLE, span, format!("task `{id}` has a prompt and no role"))
            .help("add `role = \"…\"`, or set one in `[defaults]`");
    }
}
