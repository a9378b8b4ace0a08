//! Where tasks work: shared worktrees, branches, paths of the main checkout.

use std::collections::BTreeMap;

use crate::catalog::template::Template;
use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::graph::which;
use crate::mission::check::kinds::Kind;
use crate::mission::check::marker::Marker;
use crate::mission::field::glob;
use crate::mission::field::place::PlaceText;
use crate::mission::file::TaskFile;
use crate::mission::model::{TaskWorkspace, WorkspaceMode};
use crate::mission::sandbox;
use crate::name::LocalTaskId;

/// Checks all of it.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    shared(scene, marker);
    handoffs(scene, marker);
    branch(scene, marker);
    let Some(workspace) = &scene.file.workspace else { return };
    for (key, paths) in [("copy", &workspace.copy), ("link", &workspace.link)] {
        for (at, path) in paths.iter().enumerate() {
            if let Err(message) = glob::relative(path) {
                let span = marker.value(&format!("/workspace/{key}/{at}"));
                marker.error(codes::BAD_PATH, span, message).help("write a path relative to the checkout's root");
            }
        }
    }
    check_writable(marker, "/workspace/writable", &workspace.writable);
    for (at, name) in workspace.pass.iter().enumerate() {
        let stem = name.strip_suffix('*').unwrap_or(name);
        if name.is_empty() || stem.contains(['*', '=', ' ']) {
            let span = marker.value(&format!("/workspace/pass/{at}"));
            marker
                .error(codes::BAD_NAME, span, format!("`{name}` is no name of environment variables"))
                .help("write a name, or the beginning of one and `*`");
        }
    }
}

/// Folders that may be written, in a mission, in configuration, in the table of an agent.
pub fn check_writable(marker: &mut Marker<'_>, pointer: &str, paths: &[String]) {
    for (at, path) in paths.iter().enumerate() {
        if let Some(fault) = sandbox::fault(path) {
            let span = marker.value(&format!("{pointer}/{at}"));
            marker.error(codes::BAD_PATH, span, format!("`{path}` cannot be let")).help(fault);
        }
    }
}

/// `with` forms chains: its task is upstream, has a worktree of its own, and goes on in one task only.
fn shared(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let mut followers: BTreeMap<&str, &LocalTaskId> = BTreeMap::new();
    for (id, task) in &scene.file.tasks {
        let Some(PlaceText(TaskWorkspace::With(with))) = &task.workspace else { continue };
        let span = marker.value(&format!("/tasks/{id}/workspace/with"));
        let Some((with, other)) = scene.file.tasks.get_key_value(with.as_str()) else {
            let message = format!("task `{id}` works with `{with}`, which is not a task");
            marker.error(codes::UNKNOWN_TASK, span, message).help(which(&scene.file.tasks, with.as_str()));
            continue;
        };
        if !scene.graph.is_upstream(id, with) && !scene.is_unsure(&format!("/tasks/{id}/needs")) {
            marker
                .error(
                    codes::NOT_UPSTREAM,
                    span,
                    format!("task `{id}` goes on in the worktree of `{with}`, which does not come before it"),
                )
                .help(format!("add `{with}` to `needs`"));
        } else if let Some(what) = without_one(other) {
            marker
                .error(codes::WORKSPACE, span, format!("`{with}` is {what} and has no worktree to go on in"))
                .help("name a single task of an agent or a command");
        } else if task.for_each.is_some() {
            let there = marker.key(&format!("/tasks/{id}/for_each"));
            marker
                .error(
                    codes::WORKSPACE,
                    span,
                    format!("all instances of `{id}` would go on in the one worktree of `{with}`"),
                )
                .help("put the chain into a mission of its own, and use that with `for_each`")
                .related(there, "several instances");
        } else if matches!(other.workspace, Some(PlaceText(TaskWorkspace::ReadOnly))) {
            let there = marker.value(&format!("/tasks/{with}/workspace"));
            marker
                .error(codes::WORKSPACE, span, format!("the worktree of `{with}` is thrown away when it is done"))
                .help(format!("give `{with}` a workspace of its own"))
                .related(there, "read-only");
        } else if let Some(first) = followers.insert(with.as_str(), id) {
            let there = marker.value(&format!("/tasks/{first}/workspace/with"));
            marker
                .error(codes::WORKSPACE, span, format!("`{first}` and `{id}` both go on in the worktree of `{with}`"))
                .help(format!("make it a chain: let `{id}` work with `{first}`"))
                .related(there, format!("`{first}` goes on in it"));
        }
    }
}

/// Why a task has no worktree of its own.
fn without_one(task: &TaskFile) -> Option<&'static str> {
    if task.for_each.is_some() {
        return Some("a task of several instances");
    }
    match Kind::of(task)? {
        Kind::Gate => Some("a gate"),
        Kind::Mission => Some("a mission"),
        Kind::Agent | Kind::Command => None,
    }
}

fn handoffs(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, task) in &scene.file.tasks {
        for (at, from) in task.handoff.iter().flat_map(|handoff| &handoff.from).enumerate() {
            let span = marker.value(&format!("/tasks/{id}/handoff/from/{at}"));
            if !scene.file.tasks.contains_key(from) {
                let message = format!("there is no task `{from}`");
                marker.error(codes::UNKNOWN_TASK, span, message).help(which(&scene.file.tasks, from.as_str()));
            } else if !scene.graph.is_upstream(id, from) && !scene.is_unsure(&format!("/tasks/{id}/needs")) {
                let message = format!("task `{id}` takes the handoff of `{from}`, which does not come before it");
                marker.error(codes::NOT_UPSTREAM, span, message).help(format!("add `{from}` to `needs`"));
            }
        }
    }
}

fn branch(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let workspace = scene.file.workspace.as_ref();
    let merge = scene.file.merge.as_ref();
    let branch = workspace.and_then(|workspace| workspace.branch.as_ref());
    let into = merge.and_then(|merge| merge.into.as_ref());
    for (pointer, name) in [("/workspace/branch", branch), ("/merge/into", into)] {
        if let Some(why) = name.and_then(|name| bad_ref(name)) {
            let span = marker.value(pointer);
            marker
                .error(codes::BAD_BRANCH, span, format!("no name of a branch: {why}"))
                .help("write one that git takes, such as `feature/search`");
        }
    }
    let without_git = workspace.is_some_and(|workspace| workspace.mode == WorkspaceMode::Directory);
    let Some(branch) = branch.filter(|_| !without_git) else { return };
    let Ok(template) = Template::parse(branch) else { return };
    let tells_tasks_apart = template.uses().iter().any(|found| found.path == ["task", "id"]);
    let span = marker.value("/workspace/branch");
    let mut tasks = scene.file.tasks.keys();
    if let (false, Some(first), Some(second)) = (tells_tasks_apart, tasks.next(), tasks.next()) {
        marker
            .error(codes::BRANCH_COLLISION, span, format!("tasks `{first}` and `{second}` would get the same branch"))
            .help("put `{{task.id}}` into it");
        return;
    }
    let taken = ["integration"].into_iter().map(str::to_owned).chain(into.cloned());
    let of_task = |id: &LocalTaskId| branch.replace(' ', "").replace("{{task.id}}", id.as_str());
    for taken in taken {
        if let Some(id) = scene.file.tasks.keys().find(|id| of_task(id) == taken) {
            marker
                .error(
                    codes::BRANCH_COLLISION,
                    span,
                    format!("the branch of task `{id}` would be `{taken}`, which is taken"),
                )
                .help("put `{{run.id}}` into it");
        }
    }
}

/// Why git would not take a name for a branch; what a template makes is not known yet.
fn bad_ref(name: &str) -> Option<&'static str> {
    let mut plain = String::new();
    let mut rest = name;
    while let Some((before, tag)) = rest.split_once("{{") {
        plain.push_str(before);
        plain.push('x');
        rest = tag.split_once("}}").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let parts: Vec<&str> = plain.split('/').collect();
    if plain.is_empty() {
        Some("it is empty")
    } else if plain.contains([' ', '~', '^', ':', '?', '*', '[', '\\', '\u{7f}']) || plain.chars().any(char::is_control)
    {
        Some("git allows no spaces and none of ~ ^ : ? * [ \\")
    } else if plain.contains("..") || plain.contains("@{") || plain == "@" {
        Some("git allows no `..`, no `@{` and no lone `@`")
    } else if plain.starts_with('-') {
        Some("it begins with `-`")
    } else if parts.iter().any(|part| part.is_empty() || part.starts_with('.')) {
        Some("a part of it is empty or begins with `.`")
    } else if plain.ends_with('.') || parts.iter().any(|part| part.strip_suffix(".lock").is_some()) {
        Some("it ends with `.`, or a part with `.lock`")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_would_not_take() {
        for good in ["main", "ai-sdlc/{{run.id}}/{{task.id}}", "feature/{{#if x}}a{{/if}}", "a.b"] {
            assert_eq!(bad_ref(good), None, "{good}");
        }
        for bad in ["", "a b", "a..b", "-x", "/a", "a//b", "a/.b", "x.lock", "a.", "a:b", "{{x}} y"] {
            assert!(bad_ref(bad).is_some(), "{bad:?}");
        }
    }
}
