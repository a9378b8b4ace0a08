//! Commands: empty ones, and package managers that would write into linked folders.

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::marker::Marker;
use crate::mission::field::command::CommandText;
use crate::mission::model::CommandLine;

/// Folders that package managers fill: folder, programs, and the words with which they write into it (none: always).
const WRITERS: [(&str, &[&str], &[&str]); 6] = [
    (
        "node_modules",
        &["npm", "pnpm", "yarn", "bun"],
        &[
            "ci",
            "install",
            "i",
            "add",
            "remove",
            "uninstall",
            "update",
            "up",
            "upgrade",
            "prune",
            "dedupe",
            "link",
            "rebuild",
        ],
    ),
    (
        ".venv",
        &["uv", "poetry", "pip", "pip3", "pdm"],
        &["sync", "install", "add", "remove", "uninstall", "update", "pip", "lock"],
    ),
    (
        "venv",
        &["uv", "poetry", "pip", "pip3", "pdm"],
        &["sync", "install", "add", "remove", "uninstall", "update", "pip"],
    ),
    ("vendor", &["composer", "bundle", "go"], &["install", "update", "require", "mod", "add"]),
    ("target", &["cargo"], &[]),
    ("Pods", &["pod"], &["install", "update"]),
];

/// Programs that are called bare to install.
const BARE_INSTALLS: [&str; 2] = ["yarn", "bundle"];

/// Checks every command of a mission.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let links: Vec<&str> = scene
        .file
        .workspace
        .iter()
        .flat_map(|workspace| &workspace.link)
        .map(|link| link.trim_matches('/').rsplit('/').next().unwrap_or(link))
        .collect();
    for (pointer, command) in all(scene) {
        if is_empty(&command.0) {
            let span = marker.value(&pointer);
            marker.error(codes::BAD_COMMAND, span, "an empty command").help("write a program and its arguments");
        }
        if links.is_empty() {
            continue;
        }
        let words = words_of(&command.0);
        if let Some((link, program)) =
            links.iter().find_map(|link| writes_into(link, &words).map(|program| (link, program)))
        {
            let at = scene
                .file
                .workspace
                .iter()
                .flat_map(|workspace| &workspace.link)
                .position(|given| given.ends_with(link));
            let (span, linked) =
                (marker.value(&pointer), marker.value(&format!("/workspace/link/{}", at.unwrap_or(0))));
            marker
                .error(codes::LINKED_WRITE, span, format!("`{program}` would write into `{link}` of your own checkout"))
                .help(format!("take `{link}` out of `link`, or the command out of the mission"))
                .related(linked, "linked here");
        }
    }
}

/// Every command of a mission, with its pointer.
fn all<'a>(scene: &Scene<'a>) -> Vec<(String, &'a CommandText)> {
    let file = scene.file;
    let numbered = |place: String, commands: &'a [CommandText]| {
        commands.iter().enumerate().map(move |(at, command)| (format!("{place}/{at}"), command))
    };
    let mut found: Vec<(String, &CommandText)> = Vec::new();
    if let Some(workspace) = &file.workspace {
        found.extend(numbered("/workspace/setup".to_owned(), &workspace.setup));
    }
    if let Some(merge) = &file.merge {
        found.extend(numbered("/merge/checks".to_owned(), &merge.checks));
    }
    if let Some(checks) = file.defaults.as_ref().and_then(|defaults| defaults.checks.as_ref()) {
        found.extend(numbered("/defaults/checks".to_owned(), checks));
    }
    for (id, task) in &file.tasks {
        found.extend(task.run.iter().map(|run| (format!("/tasks/{id}/run"), run)));
        if let Some(checks) = &task.checks {
            found.extend(numbered(format!("/tasks/{id}/checks"), checks));
        }
    }
    found
}

fn is_empty(command: &CommandLine) -> bool {
    match command {
        CommandLine::Argv(argv) => argv.first().is_none_or(|program| program.trim().is_empty()),
        CommandLine::Shell(text) => text.trim().is_empty(),
    }
}

fn words_of(command: &CommandLine) -> Vec<Vec<String>> {
    let split = |text: &String| {
        let parts = text.split(['\n', ';', '&', '|']).map(|part| part.split_whitespace().map(str::to_owned).collect());
        parts.collect::<Vec<Vec<String>>>()
    };
    match command {
        CommandLine::Shell(text) => split(text),
        CommandLine::Argv(argv) => {
            let script = crate::mission::field::command::script_argument(argv).and_then(|at| argv.get(at));
            script.map_or_else(|| vec![argv.clone()], split)
        }
    }
}

/// The program that would write into a folder of this name.
fn writes_into(link: &str, commands: &[Vec<String>]) -> Option<String> {
    let (_, programs, verbs) = WRITERS.iter().find(|(folder, _, _)| *folder == link)?;
    commands.iter().find_map(|words| {
        let at = words.iter().position(|word| programs.contains(&word.rsplit('/').next().unwrap_or(word)))?;
        let program = words.get(at)?;
        let verb = words.iter().skip(at + 1).find(|word| !word.starts_with('-'));
        let writes = match verb {
            None => verbs.is_empty() || BARE_INSTALLS.contains(&program.as_str()),
            Some(verb) => verbs.is_empty() || verbs.contains(&verb.as_str()),
        };
        writes.then(|| program.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(link: &str, command: &CommandLine) -> bool {
        writes_into(link, &words_of(command)).is_some()
    }

    #[test]
    fn installing_writes_and_testing_does_not() {
        let shell = |text: &str| CommandLine::Shell(text.to_owned());
        let argv = |words: &[&str]| CommandLine::Argv(words.iter().map(|word| (*word).to_owned()).collect());
        assert!(writes("node_modules", &argv(&["npm", "ci"])));
        assert!(writes("node_modules", &shell("cd web && npm --silent install")));
        assert!(writes("node_modules", &argv(&["sh", "-c", "npm ci; npm test"])));
        assert!(writes("node_modules", &argv(&["yarn"])));
        assert!(writes("target", &argv(&["cargo", "build"])));
        assert!(!writes("node_modules", &argv(&["npm", "test"])));
        assert!(!writes("fixtures", &argv(&["npm", "ci"])));
        assert!(!writes("node_modules", &argv(&["cargo", "build"])));
    }
}
