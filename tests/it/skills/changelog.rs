//! What was merged since a release, by what it means to users.

use super::{machine, nasty, refused, untouched};
use crate::world::World;

fn commit(world: &World, message: &str, body: &str) {
    world.git(["commit", "-q", "--allow-empty", "-m", message, "-m", body]);
}

fn history() -> World {
    let world = machine();
    world.git(["tag", "v1.0.0"]);
    commit(&world, "feat(api)!: drop the old route", "Long.\n\nBREAKING CHANGE: call /v2 instead\nmore");
    commit(&world, "fix: keep spaces in names (#12)", "");
    commit(&world, "Add a search", "");
    commit(&world, "chore: tidy up", "");
    commit(&world, "Raise a parser for CVE-2026-1", "");
    world.write("q", "");
    world.commit("feat: regretted");
    world.git(["revert", "--no-edit", "HEAD"]);
    world
}

#[test]
fn commits_are_grouped_and_what_was_taken_back_is_left_out() {
    let world = history();
    let ran = untouched(&world, "changelog", &[]).exits(0);
    assert!(ran.stdout.starts_with("from v1.0.0 (2"), "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().skip(1).map(|line| line.get(11..).unwrap_or(line)).collect();
    let expected = [
        "",
        "Breaking",
        "api: drop the old route",
        "call /v2 instead",
        "",
        "Security",
        "Raise a parser for CVE-2026-1",
        "",
        "Added",
        "Add a search",
        "",
        "Fixed",
        "keep spaces in names (#12)",
        "",
    ];
    assert_eq!(lines[..lines.len() - 1], expected, "{ran:?}");
    assert!(ran.stdout.contains("7 commits without merges, 1 of them only of the inside"), "{ran:?}");
    assert!(ran.stdout.ends_with(", 1 taken back again within\n"), "{ran:?}");
}

#[test]
fn a_release_is_asked_for_by_its_tag_and_a_part_by_its_path() {
    let world = history();
    world.git(["tag", "v2.0.0"]);
    let ran = untouched(&world, "changelog", &[("to", "v2.0.0")]).exits(0);
    assert!(ran.stdout.starts_with("from v1.0.0 ("), "{ran:?}");
    let name = nasty("");
    world.write(&name, "x");
    world.commit("Add a file");
    world.write("other", "x");
    world.commit("Add another");
    let ran = untouched(&world, "changelog", &[("path", &name), ("from", "v1.0.0")]).exits(0);
    assert!(ran.stdout.contains("Add a file") && ran.stdout.contains("\n1 commits"), "{ran:?}");
}

#[test]
fn bad_input_is_refused() {
    let world = machine();
    refused(untouched(&world, "changelog", &[("from", "--output=owned")]), "--output=owned is no commit");
    refused(untouched(&world, "changelog", &[("to", "v9")]), "v9 is no commit");
    assert!(untouched(&world, "changelog", &[]).exits(0).stdout.starts_with("no tag leads to HEAD"));
}
