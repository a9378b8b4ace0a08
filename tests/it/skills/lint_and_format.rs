//! The linters that a project is set up for, and no other.

use super::{handle, machine, nasty, program, refused, untouched};
use crate::world::World;

/// A project with three tools, of which one is not installed. What `ruff` is given stands in the home folder.
fn set_up() -> World {
    let world = machine();
    program(
        &world,
        "ruff",
        "printf '%s\\n' \"$@\" > $HOME/given-$1\n[ \"$2\" != --fix ] || echo mended > own.py\n! grep -q bad own.py\n",
    );
    world.write("pyproject.toml", "[tool.ruff]\n[tool.ruff.format]\n[tool.mypy]\n");
    world.write("package.json", "{ \"scripts\": { \"lint\": \"eslint .\", \"start\": \"x\" } }");
    world.write("own.py", "good\n");
    world.commit("set up");
    world
}

#[test]
fn what_is_set_up_is_run_on_what_was_changed() {
    let world = set_up();
    let ran = untouched(&world, "lint-and-format", &[("action", "list")]).exits(0);
    assert!(ran.stdout.contains("ruff check --force-exclude") && ran.stdout.contains("mypy ."), "{ran:?}");
    assert!(ran.stdout.contains("own script     lint = eslint .\n") && !ran.stdout.contains("prettier"), "{ran:?}");

    let ran = untouched(&world, "lint-and-format", &[]).exits(3);
    assert!(
        ran.stdout.contains("ruff           content\n") && ran.stdout.contains("mypy is not installed here"),
        "{ran:?}"
    );

    let name = nasty(".py");
    world.write(&name, "");
    let ran = untouched(&world, "lint-and-format", &[("base", "main")]).exits(3);
    let given = std::fs::read_to_string(world.home().join("given-check")).unwrap();
    assert_eq!(given, format!("check\n--force-exclude\n./{name}\n"), "{ran:?}");
    assert!(!world.project().join("owned").exists());
}

#[test]
fn findings_are_shown_and_mended_only_where_asked() {
    let world = set_up();
    world.write("own.py", "bad\n");
    let ran = untouched(&world, "lint-and-format", &[]).exits(1);
    assert!(ran.stdout.contains("ruff           findings: ruff check --force-exclude\n"), "{ran:?}");
    assert_eq!(world.read("own.py"), "bad\n");
    handle(&world, "lint-and-format", &[("action", "fix")]).exits(0);
    assert_eq!(world.read("own.py"), "mended\n");
}

#[test]
fn bad_input_is_refused() {
    let world = machine();
    refused(untouched(&world, "lint-and-format", &[("action", "all")]), "action is list, check or fix, not all");
    refused(untouched(&world, "lint-and-format", &[("base", "-x")]), "-x is no commit");
    refused(untouched(&world, "lint-and-format", &[("path", "none")]), "there is no folder ./none");
    let ran = untouched(&world, "lint-and-format", &[]).exits(0);
    assert_eq!(ran.stdout, "no formatter or linter that is known here is set up\n");
}
