//! What a mission shares with the world outside: secrets, notifications, artifacts, the cache of commands.

use std::collections::BTreeSet;

use crate::diagnostic::codes;
use crate::diagnostic::nearest::{listed, nearest};
use crate::mission::check::marker::Marker;
use crate::mission::check::{Scene, Standing};
use crate::mission::field::glob;
use crate::mission::file::{NotifyFile, TaskFile};
use crate::mission::model::Occasion;
use crate::name::LocalTaskId;

/// Checks all of it.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    secrets(scene, marker);
    for (at, notify) in scene.file.notify.iter().enumerate() {
        told(&format!("/notify/{at}"), notify, marker);
        never(scene, &format!("/notify/{at}/on"), notify, marker);
    }
    for (id, task) in &scene.file.tasks {
        kept(id, task, marker);
    }
}

/// The secrets that the tasks of a mission are given, those of missions it uses included.
pub fn secrets_of(scene: &Scene<'_>) -> BTreeSet<String> {
    let own = scene.file.tasks.values().flat_map(|task| &task.secrets);
    own.chain(scene.parts.values().flat_map(|part| &part.secrets)).cloned().collect()
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn bad_variable(marker: &mut Marker<'_>, pointer: &str, name: &str) -> bool {
    let ours = name.starts_with("AI_SDLC_");
    let bad = ours || !is_variable(name);
    if bad {
        let span = marker.value(pointer);
        let why = if ours { "is set by the engine" } else { "is no name of an environment variable" };
        marker.error(codes::BAD_NAME, span, format!("`{name}` {why}")).help("write a name such as `API_TOKEN`");
    }
    bad
}

fn secrets(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let file = scene.file;
    let unsure = scene.is_unsure("/secrets");
    let given = secrets_of(scene);
    for (at, name) in file.secrets.iter().enumerate() {
        let pointer = format!("/secrets/{at}");
        if bad_variable(marker, &pointer, name) || given.contains(name) || scene.standing == Standing::Task {
            continue;
        }
        let span = marker.value(&pointer);
        marker
            .warning(codes::UNUSED_SECRET, span, format!("no task is given the secret `{name}`"))
            .help(format!("name it in a task, `secrets = [\"{name}\"]`, or remove it"));
    }
    let known = |name: &String| file.secrets.contains(name) || unsure;
    for (id, task) in &file.tasks {
        for (at, name) in task.secrets.iter().enumerate().filter(|(_, name)| !known(name)) {
            let span = marker.value(&format!("/tasks/{id}/secrets/{at}"));
            let names = || file.secrets.iter().map(String::as_str);
            let help = match nearest(name, names()) {
                Some(close) => format!("did you mean `{close}`?"),
                None if file.secrets.is_empty() => format!("add `secrets = [\"{name}\"]` to the top of the mission"),
                None => format!("the secrets are {}; add it to `secrets` of the mission", listed(names())),
            };
            marker.error(codes::UNKNOWN_SECRET, span, format!("the mission has no secret `{name}`")).help(help);
        }
        let Some(part) = scene.parts.get(id) else { continue };
        if let Some(name) = part.secrets.iter().find(|name| !known(name)) {
            let span = marker.value(&format!("/tasks/{id}/mission"));
            let message =
                format!("tasks of `{}` are given the secret `{name}`, which this mission does not have", part.file);
            marker
                .error(codes::UNKNOWN_SECRET, span, message)
                .help(format!("add `{name}` to `secrets` of this mission"));
        }
    }
}

fn told(place: &str, notify: &NotifyFile, marker: &mut Marker<'_>) {
    let span = marker.key(place);
    match (&notify.command, &notify.webhook) {
        (None, None) => {
            marker
                .error(codes::NOTIFY, span, "a notification with neither `command` nor `webhook`")
                .help("add `command = [\"notify-send\", \"ai-sdlc\"]` or `webhook = \"https://…\"`");
        }
        (Some(_), Some(_)) => {
            let span = marker.key(&format!("{place}/webhook"));
            let there = marker.key(&format!("{place}/command"));
            marker
                .error(codes::NOTIFY, span, "a notification with both `command` and `webhook`")
                .help("make two `[[notify]]` of it")
                .related(there, "it has a command");
        }
        (Some(command), None) if command.is_empty() => {
            let span = marker.value(&format!("{place}/command"));
            marker.error(codes::BAD_COMMAND, span, "an empty `command`").help("write the program and its arguments");
        }
        (None, Some(address)) if !is_address(address) => {
            let span = marker.value(&format!("{place}/webhook"));
            marker
                .error(codes::NOTIFY, span, format!("`{address}` is no address that can be posted to"))
                .help("write one that begins with `https://` or `http://`");
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    if notify.on.is_empty() {
        let span = marker.value(&format!("{place}/on"));
        marker
            .error(codes::NOTIFY, span, "a notification about nothing")
            .help("name what it is about: `on = [\"failed\", \"finished\"]`");
    }
    for (at, occasion) in notify.on.iter().enumerate() {
        if notify.on.iter().position(|other| other == occasion).is_some_and(|first| first < at) {
            let span = marker.value(&format!("{place}/on/{at}"));
            marker.warning(codes::NOTIFY, span, "named twice").help("remove one of them");
        }
    }
}

/// Occasions that no run of this mission has.
fn never(scene: &Scene<'_>, place: &str, notify: &NotifyFile, marker: &mut Marker<'_>) {
    let file = scene.file;
    let tasks = || file.tasks.values();
    let open = scene.is_unsure("/tasks") || tasks().any(|task| task.mission.is_some());
    let no_gate = !open && tasks().all(|task| task.gate.is_none());
    let no_budget = !open
        && file.budget.is_none()
        && !scene.left_out.contains("/budget")
        && tasks().all(|task| task.budget.is_none())
        && file.roles.values().all(|role| role.budget.is_none());
    let into = file.merge.as_ref().and_then(|merge| merge.into.as_ref());
    let no_delivery = into.is_none() && !scene.is_unsure("/merge");
    for (at, occasion) in notify.on.iter().enumerate() {
        let (is_never, why, help) = match occasion {
            Occasion::Gate => (no_gate, "there is no gate", "remove it, or add a task with `gate`"),
            Occasion::Budget => (no_budget, "there is no budget", "remove it, or add `[budget]`"),
            Occasion::Delivered => (
                no_delivery,
                "nothing is delivered",
                "remove it, or say with `into` in `[merge]` which branch is to move",
            ),
            Occasion::Failed | Occasion::Finished => continue,
        };
        if is_never {
            let span = marker.value(&format!("{place}/{at}"));
            marker.warning(codes::NOTIFY, span, format!("this never happens: {why}")).help(help);
        }
    }
}

fn is_address(address: &str) -> bool {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':']) && !rest.contains(char::is_whitespace))
}

fn kept(id: &LocalTaskId, task: &TaskFile, marker: &mut Marker<'_>) {
    let place = format!("/tasks/{id}");
    let cached = task.cache.as_ref().map(|cache| &cache.inputs);
    let globs = [("artifacts", &task.artifacts)].into_iter().chain(cached.map(|globs| ("cache/inputs", globs)));
    for (key, globs) in globs {
        for (at, text) in globs.iter().enumerate() {
            if let Err(message) = glob::check(text) {
                let span = marker.value(&format!("{place}/{key}/{at}"));
                marker
                    .error(codes::BAD_GLOB, span, message)
                    .help("write a relative glob inside the workspace, such as `dist/**`");
            }
        }
    }
    for (at, name) in task.cache.iter().flat_map(|cache| &cache.env).enumerate() {
        bad_variable(marker, &format!("{place}/cache/env/{at}"), name);
    }
}
