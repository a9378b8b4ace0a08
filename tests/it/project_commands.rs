//! `ai-sdlc project test` and `setup`: what checks and setup of missions run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::world::World;

#[test]
fn the_tests_of_a_project_decide_how_it_exits() {
    let world = World::new();
    world.write("Makefile", "test:\n\t@echo tested with CI=$$CI\n\t@test ! -e red\n");
    let ran = world.run(["project", "test"]).exits(0);
    assert_eq!(ran.stdout, "tested with CI=1\n");
    assert_eq!(ran.stderr, "make test (because of Makefile)\n");
    world.write("red", "");
    let ran = world.run(["project", "test"]).exits(1);
    assert!(ran.stderr.contains("failed: `make test`, exit status: 2"), "{ran:?}");
    // From a folder below it is the same project.
    world.write("below/a.txt", "");
    let ran = world.run(["-C", "below", "project", "test", "--dry-run"]).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "make test (because of Makefile)\n"));
}

#[test]
fn a_project_without_tests_passes_and_is_told_how_to_name_them() {
    let world = World::new();
    let ran = world.run(["project", "test"]).exits(0);
    assert!(ran.stderr.starts_with("No tests: "), "{ran:?}");
    assert!(ran.stderr.contains("[project] test = \"make test\""), "{ran:?}");
    let ran = world.run(["project", "setup"]).exits(0);
    assert!(ran.stderr.starts_with("Nothing to set up: "), "{ran:?}");
}

#[test]
fn what_configuration_says_is_run_instead() {
    let world = World::new();
    world.write("Makefile", "test:\n\tfalse\n");
    world.write(
        ".ai-sdlc/config.toml",
        "[project]\ntest = \"echo a && echo b\"\nsetup = [\"sh\", \"-c\", \"echo $0\", \"one word\"]\n",
    );
    assert_eq!(world.run(["project", "test"]).exits(0).stdout, "a\nb\n");
    assert_eq!(world.run(["project", "setup"]).exits(0).stdout, "one word\n");
    world.write(".ai-sdlc/config.toml", "[project]\ntests = \"make\"\n");
    let ran = world.run(["project", "test"]).exits(2);
    assert!(ran.stderr.contains("unknown key `tests` in `[project]`"), "{ran:?}");
}

#[test]
fn a_program_that_is_missing_is_named_and_is_no_pass() {
    let world = World::new();
    world.write("go.mod", "module m\n");
    let ran = world.run(["project", "test"]).exits(5);
    assert!(ran.stderr.contains("error[cli::no-project-tool]: `go test ./...` needs `go`"), "{ran:?}");
    assert!(ran.stderr.contains("where: go.mod"), "{ran:?}");
}

#[test]
fn every_part_is_tested_and_the_first_red_one_ends_it() {
    let world = World::new();
    for part in ["api", "web"] {
        world.write(&format!("{part}/Makefile"), "test:\n\t@echo in $$(basename $$PWD)\n\t@test ! -e red\n");
    }
    assert_eq!(world.run(["project", "test"]).exits(0).stdout, "in api\nin web\n");
    world.write("api/red", "");
    let ran = world.run(["project", "test"]).exits(1);
    assert_eq!(ran.stdout, "in api\n");
    assert!(ran.stderr.contains("failed: `cd api && make test`"), "{ran:?}");
}

#[test]
fn a_runner_that_found_no_test_is_no_failure() {
    let world = World::new();
    world.write("setup.py", "");
    world.write("tests/.gitkeep", "");
    let python = world.root().join("bin/python3");
    for (code, exit) in [(5, 0), (1, 1)] {
        fs::write(&python, format!("#!/bin/sh\nexit {code}\n")).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        let ran = world.run(["project", "test"]).exits(exit);
        assert_eq!(ran.stderr.contains("No tests: "), code == 5, "{ran:?}");
    }
}
