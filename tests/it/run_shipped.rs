//! The missions that ship, run as the README says.

use std::fs;
use std::path::Path;

use crate::world::World;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A repository that holds what this one ships.
fn shipped() -> World {
    let world = World::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["missions", "roles", "skills", "schema"] {
        copy(&root.join(folder), &world.project().join(folder));
    }
    world.commit("what ships");
    world
}

#[test]
fn the_web_application_is_rehearsed_to_its_end() {
    let world = shipped();
    let refs = world.git(["for-each-ref"]);
    let ran = world.run(["mission", "rehearse", "missions/web-app.toml"]).exits(0);
    assert!(ran.stderr.lines().next().unwrap_or_default().contains("rehears"), "{ran:?}");
    assert!(ran.stdout.contains("rehears") && ran.stdout.contains("Not run"), "{ran:?}");
    assert_eq!(world.git(["for-each-ref"]), refs);
    assert_eq!(world.git(["status", "--porcelain", "--ignored"]), "");
    assert_eq!(world.processes(), []);
}

#[test]
fn without_an_agent_program_a_run_is_a_rehearsal_and_says_so() {
    let world = shipped();
    let refs = world.git(["for-each-ref"]);
    let ran = world.run(["mission", "run", "missions/web-app.toml", "--yes"]).exits(0);
    assert!(ran.stderr.lines().next().unwrap_or_default().contains("rehears"), "{ran:?}");
    assert_eq!(world.git(["for-each-ref"]), refs);
}

#[test]
fn without_an_agent_program_in_ci_a_run_is_refused() {
    let world = shipped();
    let output = world.program().env("CI", "true").args(["mission", "run", "missions/web-app.toml", "--yes"]).output();
    assert_eq!(output.unwrap().status.code(), Some(5));
}

#[test]
fn the_quickstart_makes_its_thing() {
    let world = shipped();
    world.run(["mission", "run", "missions/quickstart.toml", "--yes"]).exits(0);
    let events = world.events();
    assert!(events.iter().any(|event| event["type"] == "round-failed"), "no check sent anything back");
}

#[test]
fn all_that_ships_is_valid_without_a_warning() {
    let world = shipped();
    world.run(["mission", "validate", "--deny-warnings"]).exits(0);
}
