//! Values with a grammar: lengths of time, globs, shapes.

use std::fs;

use serde_json::Value;

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::marker::Marker;
use crate::mission::field::duration::DurationText;
use crate::mission::field::glob;
use crate::mission::field::late::TouchesText;
use crate::mission::field::shape::Shape;
use crate::mission::file::{RetryFile, TaskFile};
use crate::mission::library::{fence, whole};
use crate::mission::limits::CeilingFile;
use crate::mission::model::Touches;
use crate::name::LocalTaskId;

/// Checks all of them.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let file = scene.file;
    if let Some(budget) = &file.budget {
        time(marker, "/budget/time", budget.time.as_ref());
    }
    if let Some(workspace) = &file.workspace {
        time(marker, "/workspace/keep_for", workspace.keep_for.as_ref());
        if let Some(text) = &workspace.max_disk {
            marker.size("/workspace/max_disk", &text.0);
        }
    }
    if let Some(defaults) = &file.defaults {
        time(marker, "/defaults/timeout", defaults.timeout.as_ref());
        time(marker, "/defaults/idle_timeout", defaults.idle_timeout.as_ref());
        time(marker, "/defaults/check_timeout", defaults.check_timeout.as_ref());
        retry(marker, "/defaults", defaults.retry.as_ref());
        variables(marker, "/defaults/env", defaults.env.keys());
    }
    for (name, role) in &file.roles {
        let place = format!("/roles/{name}");
        ceiling(marker, &place, role.budget.as_ref());
        globs(marker, &format!("{place}/touches"), role.touches.as_deref().unwrap_or_default());
    }
    for (id, task) in &file.tasks {
        one_task(scene, marker, id, task);
    }
}

fn one_task(scene: &Scene<'_>, marker: &mut Marker<'_>, id: &LocalTaskId, task: &TaskFile) {
    let place = format!("/tasks/{id}");
    time(marker, &format!("{place}/timeout"), task.timeout.as_ref());
    time(marker, &format!("{place}/idle_timeout"), task.idle_timeout.as_ref());
    time(marker, &format!("{place}/check_timeout"), task.check_timeout.as_ref());
    time(marker, &format!("{place}/estimate"), task.estimate.as_ref());
    retry(marker, &place, task.retry.as_ref());
    ceiling(marker, &place, task.budget.as_ref());
    globs(marker, &format!("{place}/touches"), globs_of(task));
    variables(marker, &format!("{place}/env"), task.env.keys());
    for (output, shape) in &task.outputs {
        if let Err(bad) = Shape::parse(&shape.0, &|path| schema_file(scene, path)) {
            let span = marker.value(&format!("{place}/outputs/{output}{}", bad.pointer));
            let code = if bad.message.contains("JSON Schema") { codes::BAD_SCHEMA } else { codes::BAD_SHAPE };
            marker.error(code, span, bad.message).help("write a type such as `\"string\"`, `[\"string\"]`, `{ name = \"string\", risk = \"integer?\" }` or `{ schema = … }`");
        }
    }
}

/// Reads a JSON Schema that a mission names by its path.
pub fn schema_file(scene: &Scene<'_>, path: &str) -> Result<Value, String> {
    let file = scene.against.dir.join(path);
    if fs::canonicalize(&file).is_ok_and(|file| !file.starts_with(fence(scene.against.dir))) {
        return Err(format!("the JSON Schema `{path}` lies outside of this project: copy it into it"));
    }
    let bytes = whole(&file).map_err(|error| format!("the JSON Schema `{path}` cannot be read: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("the JSON Schema `{path}` is no JSON: {error}"))
}

fn time(marker: &mut Marker<'_>, pointer: &str, text: Option<&DurationText>) {
    if let Some(text) = text {
        marker.duration(pointer, &text.0);
    }
}

fn retry(marker: &mut Marker<'_>, place: &str, retry: Option<&RetryFile>) {
    if let Some(retry) = retry {
        time(marker, &format!("{place}/retry/backoff"), retry.backoff.as_ref());
    }
}

fn ceiling(marker: &mut Marker<'_>, place: &str, ceiling: Option<&CeilingFile>) {
    if let Some(ceiling) = ceiling {
        time(marker, &format!("{place}/budget/time"), ceiling.time.as_ref());
    }
}

fn globs(marker: &mut Marker<'_>, place: &str, globs: &[String]) {
    for (at, text) in globs.iter().enumerate() {
        if let Err(message) = glob::check(text) {
            let span = marker.value(&format!("{place}/{at}"));
            marker
                .error(codes::BAD_GLOB, span, message)
                .help("write a relative glob inside the workspace, such as `src/**`");
        }
    }
}

/// Names of environment variables: what a child cannot be given, and what the engine sets itself.
fn variables<'n>(marker: &mut Marker<'_>, place: &str, names: impl Iterator<Item = &'n String>) {
    for name in names {
        let ours = name.starts_with("AI_SDLC_");
        if name.is_empty() || ours || name.contains(['=', '\0']) {
            let span = marker.key(&format!("{place}/{}", crate::mission::spans::escape(name)));
            let why = if ours { "is set by the engine" } else { "is no name of an environment variable" };
            marker.error(codes::BAD_NAME, span, format!("`{name}` {why}")).help("take another name");
        }
    }
}

/// The globs of a task's `touches`, where it lists them.
pub fn globs_of(task: &TaskFile) -> &[String] {
    match &task.touches {
        Some(TouchesText(Touches::Globs(globs))) => globs,
        Some(TouchesText(Touches::Cel(_))) | None => &[],
    }
}
