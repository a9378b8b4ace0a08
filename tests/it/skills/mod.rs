//! The handlers of the skills that ship: each run as the engine runs it, on real repositories in temporary folders.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::world::{Ran, World};

mod benchmarking;
mod bisecting;
mod changelog;
mod coverage;
mod dependency_audit;
mod engine;
mod every;
mod flaky_tests;
mod link_check;
mod lint_and_format;
mod log_reading;
mod project_detection;
mod secret_scan;

/// Programs of handlers that missions of other tests do not need.
const MORE: [&str; 6] = ["awk", "xargs", "mktemp", "gzip", "timeout", "od"];

/// A name that a careless script takes for an option, two words, two lines, a pattern or a command.
fn nasty(ending: &str) -> String {
    format!("-r a'b\"c $(touch owned) *\n{ending}")
}

/// A machine that has what is on any.
fn machine() -> World {
    let world = World::new();
    for name in MORE {
        let found = ["/usr/bin", "/bin"].iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
        symlink(found.unwrap_or_else(|| panic!("there is no {name}")), world.root().join("bin").join(name)).unwrap();
    }
    world
}

/// A script that stands for a program which this machine lacks.
fn program(world: &World, name: &str, script: &str) {
    let path = world.root().join("bin").join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Where a skill that ships lies.
fn folder(skill: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("skills").join(skill)
}

/// What `skill.toml` says of a skill.
fn manifest(skill: &str) -> toml::Table {
    fs::read_to_string(folder(skill).join("skill.toml")).unwrap().parse().unwrap()
}

/// Runs a handler directly, with what the engine gives it: its command, its folder, its parameters by name.
fn handle(world: &World, skill: &str, parameters: &[(&str, &str)]) -> Ran {
    handle_in(world, &world.project(), skill, parameters)
}

/// The same in another workspace.
fn handle_in(world: &World, workspace: &Path, skill: &str, parameters: &[(&str, &str)]) -> Ran {
    let manifest = manifest(skill);
    let words = manifest["handler"]["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let own = folder(skill);
    let mut argv = words.map(|word| match word.strip_prefix("./") {
        Some(file) => own.join(file),
        None => world.root().join("bin").join(word),
    });
    let mut command = world.command(argv.next().unwrap());
    command.args(argv).env("AI_SDLC_SKILL", skill).env("AI_SDLC_SKILL_DIR", &own).current_dir(workspace);
    for (name, value) in parameters {
        assert!(manifest["parameters"]["properties"].get(name).is_some(), "{skill} takes no {name}");
        command.env(format!("AI_SDLC_PARAM_{}", name.to_uppercase()), value);
    }
    Ran::of(&command.output().unwrap())
}

/// Runs it, and holds that it left the repository and the temporary folder as they were.
fn untouched(world: &World, skill: &str, parameters: &[(&str, &str)]) -> Ran {
    let before = state(world);
    let ran = handle(world, skill, parameters);
    assert_eq!(state(world), before, "{ran:?}");
    ran
}

/// The checkout, the refs, the store and the temporary folder, as far as a person would notice.
fn state(world: &World) -> String {
    let left: Vec<_> = fs::read_dir(world.root().join("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let seen = [
        world.git(["status", "--porcelain=v2", "--branch", "--ignored"]),
        world.git(["for-each-ref"]),
        world.git(["worktree", "list"]),
        world.git(["ls-files", "--stage"]),
        world.git(["count-objects"]),
    ];
    format!("{}\n{left:?}", seen.join("\n"))
}

/// One line that says what is wrong, and nothing done.
fn refused(ran: Ran, words: &str) {
    let ran = ran.exits(2);
    assert!(ran.stderr.contains(words) && ran.stderr.trim_end().lines().count() == 1, "{ran:?}");
}
