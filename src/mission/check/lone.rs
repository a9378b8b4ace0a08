//! Texts that say nothing, models that are misspelt, and keys that change nothing as the others stand.

use crate::diagnostic::codes;
use crate::diagnostic::nearest::nearest;
use crate::mission::backend::MODEL_WORDS;
use crate::mission::check::Scene;
use crate::mission::check::marker::Marker;
use crate::mission::field::duration;
use crate::mission::file::{RetryFile, TaskFile};
use crate::mission::model::{Deliver, WorkspaceMode};
use crate::name::LocalTaskId;

/// Checks all of it.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let file = scene.file;
    if let Some(defaults) = &file.defaults {
        model(marker, "/defaults/model", defaults.model.as_ref());
        retry(scene, marker, "/defaults/retry", defaults.retry.as_ref());
    }
    for (name, role) in &file.roles {
        model(marker, &format!("/roles/{name}/model"), role.model.as_ref());
    }
    for (id, task) in &file.tasks {
        texts(marker, id, task);
        model(marker, &format!("/tasks/{id}/model"), task.model.as_ref());
        retry(scene, marker, &format!("/tasks/{id}/retry"), task.retry.as_ref());
        idle(marker, id, task);
    }
    merging(scene, marker);
    directory(scene, marker);
    ceilings(scene, marker);
}

fn texts(marker: &mut Marker<'_>, id: &LocalTaskId, task: &TaskFile) {
    let texts = [
        ("prompt", &task.prompt, "say what the agent is to do"),
        ("gate", &task.gate, "write the question that a person is to answer"),
    ];
    for (key, text, help) in texts {
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            let span = marker.value(&format!("/tasks/{id}/{key}"));
            marker.error(codes::WRONG_VALUE, span, format!("an empty `{key}`")).help(help);
        }
    }
}

/// Any id may be one that the agent knows; what is nearly one of our words hardly is.
fn model(marker: &mut Marker<'_>, pointer: &str, model: Option<&String>) {
    let Some(model) = model else { return };
    if model.trim().is_empty() {
        let span = marker.value(pointer);
        marker
            .error(codes::WRONG_VALUE, span, "an empty `model`")
            .help("write `fast`, `balanced`, `strong`, or an id the agent knows");
    } else if !MODEL_WORDS.contains(&model.as_str())
        && let Some(close) = nearest(model, MODEL_WORDS)
    {
        let span = marker.value(pointer);
        marker
            .warning(codes::WRONG_VALUE, span, format!("`{model}` is given to the agent as the id of a model"))
            .help(format!("did you mean `{close}`?"));
    }
}

fn retry(scene: &Scene<'_>, marker: &mut Marker<'_>, place: &str, retry: Option<&RetryFile>) {
    let Some(retry) = retry else { return };
    model(marker, &format!("{place}/model"), retry.model.as_ref());
    if retry.max.is_some_and(|max| max.0 > 0) || scene.left_out.contains(&format!("{place}/max")) {
        return;
    }
    let given = [("model", retry.model.is_some()), ("backoff", retry.backoff.is_some()), ("clean", retry.clean)];
    if let Some((key, _)) = given.into_iter().find(|(_, given)| *given) {
        let span = marker.key(&format!("{place}/{key}"));
        marker
            .warning(codes::LONE_KEY, span, format!("`{key}` has no meaning without a new attempt, and `max` is 0"))
            .help(format!("set `max = 1`, or remove `{key}`"));
    }
}

fn idle(marker: &mut Marker<'_>, id: &LocalTaskId, task: &TaskFile) {
    let (Some(idle), Some(whole)) = (&task.idle_timeout, &task.timeout) else { return };
    let (Ok(idle), Ok(whole)) = (duration::parse(&idle.0), duration::parse(&whole.0)) else { return };
    if idle > whole {
        let span = marker.value(&format!("/tasks/{id}/idle_timeout"));
        let there = marker.value(&format!("/tasks/{id}/timeout"));
        marker
            .warning(codes::LONE_KEY, span, "`idle_timeout` is never reached: `timeout` is shorter")
            .help("make it shorter than `timeout`, or remove it")
            .related(there, "the round ends here");
    }
}

fn merging(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let Some(merge) = &scene.file.merge else { return };
    if merge.deliver == Deliver::Each && merge.into.is_none() && !scene.is_unsure("/merge/into") {
        let span = marker.key("/merge/deliver");
        marker
            .warning(codes::LONE_KEY, span, "`deliver` has no meaning without `into`: no branch of yours moves")
            .help("add `into = \"main\"`, or remove `deliver`");
    }
}

/// Without git there are no branches and no worktrees.
fn directory(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let workspace = scene.file.workspace.as_ref();
    let Some(workspace) = workspace.filter(|workspace| workspace.mode == WorkspaceMode::Directory) else { return };
    let of_worktrees = [
        ("base", workspace.base.is_some()),
        ("branch", workspace.branch.is_some()),
        ("copy", !workspace.copy.is_empty()),
        ("link", !workspace.link.is_empty()),
        ("root", workspace.root.is_some()),
        ("max_disk", workspace.max_disk.is_some()),
        ("max_worktrees", workspace.max_worktrees.is_some()),
        ("keep_for", workspace.keep_for.is_some()),
    ];
    let given = of_worktrees.iter().filter(|(_, given)| *given).map(|(key, _)| (format!("/workspace/{key}"), *key));
    let into = scene.file.merge.as_ref().and_then(|merge| merge.into.as_ref());
    for (pointer, key) in given.chain(into.map(|_| ("/merge/into".to_owned(), "into"))) {
        let span = marker.key(&pointer);
        let there = marker.value("/workspace/mode");
        marker
            .warning(
                codes::LONE_KEY,
                span,
                format!("`{key}` has no meaning where tasks work in one directory without git"),
            )
            .help(format!("remove `{key}`, or set `mode = \"worktree\"`"))
            .related(there, "without git");
    }
}

fn ceilings(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let Some(budget) = &scene.file.budget else { return };
    let is_open = budget.usd.is_none() && budget.tokens.is_none() && budget.time.is_none();
    if is_open && budget.warn_at.is_some() && !scene.is_unsure("/budget") {
        let span = marker.key("/budget/warn_at");
        marker
            .warning(codes::LONE_KEY, span, "`warn_at` has no meaning without a ceiling")
            .help("add `usd`, `tokens` or `time`");
    }
}
