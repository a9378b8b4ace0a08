//! The commit that broke something is found in a clone of its own.

use super::{handle_in, machine, refused, untouched};
use crate::world::World;

/// Ten commits; from the seventh on `state` is broken. `v1` is the second.
fn broken_at_seven() -> World {
    let world = machine();
    for number in 1..=10 {
        world.write("state", if number < 7 { "fine\n" } else { "broken\n" });
        world.write("sub folder/number", &format!("{number}\n"));
        world.commit(&format!("change {number}"));
        if number == 2 {
            world.git(["tag", "v1"]);
        }
    }
    world
}

#[test]
fn it_finds_the_commit_and_leaves_the_checkout() {
    let world = broken_at_seven();
    world.write("README.md", "not committed\n");
    world.write("new file", "not known to git\n");
    // What the command leaves behind must not stand in the way of the next commit.
    let run = "echo x >> state; touch 'sub folder/left'; sed -i.old d README.md; git show HEAD:state; git show HEAD:state | grep -q fine";
    let ran = untouched(&world, "bisecting", &[("good", "v1"), ("run", run)]).exits(0);
    let wanted = world.git(["rev-parse", ":/change 7"]);
    assert!(ran.stdout.contains(&format!("first bad commit:\n  {wanted}\n  Ada, ")), "{ran:?}");
    assert!(ran.stdout.contains("commits to search: 8\n") && ran.stdout.contains("  | broken"), "{ran:?}");
    assert_eq!(world.read("README.md"), "not committed\n");
}

#[test]
fn what_does_not_build_is_skipped_and_crashes_are_bad() {
    let world = broken_at_seven();
    let number = "n=$(cat 'sub folder/number')";
    let run = format!("{number}; [ $n -ne 6 ] || exit 125; grep -q fine state || kill -SEGV $$");
    let ran = untouched(&world, "bisecting", &[("good", "v1"), ("bad", "main"), ("run", &run)]).exits(1);
    assert!(ran.stderr.contains("no single commit") && ran.stdout.contains("change 7"), "{ran:?}");
    assert!(ran.stdout.contains("change 6") && !ran.stdout.contains("change 8"), "{ran:?}");
    let run = format!("{number}; [ $n -ne 5 ] || exit 125; grep -q fine state || kill -SEGV $$");
    let ran = untouched(&world, "bisecting", &[("good", "v1"), ("run", &run)]).exits(0);
    assert!(ran.stdout.contains("  change 7\n"), "{ran:?}");
}

#[test]
fn it_runs_where_the_session_stands() {
    let world = broken_at_seven();
    let other = world.root().join("other");
    world.git(["worktree", "add", "-q", "--detach", "../other", "main"]);
    let given = [("good", "v1"), ("run", "test $(cat 'sub folder/number') -lt 9")];
    let ran = handle_in(&world, &other, "bisecting", &given).exits(0);
    assert!(ran.stdout.contains("  change 9\n"), "{ran:?}");
    let given = [("good", "v1"), ("run", "test $(cat number) -lt 9")];
    let ran = handle_in(&world, &other.join("sub folder"), "bisecting", &given).exits(0);
    assert!(ran.stdout.contains("  change 9\n"), "{ran:?}");
}

#[test]
fn a_command_that_does_not_tell_them_apart_is_told() {
    let world = broken_at_seven();
    let ran = untouched(&world, "bisecting", &[("good", "v1"), ("run", "echo always; false")]).exits(1);
    assert!(ran.stderr.contains("does not succeed at the good commit") && ran.stdout.contains("  | always"), "{ran:?}");
    let ran = untouched(&world, "bisecting", &[("good", "v1"), ("run", "true")]).exits(1);
    assert!(ran.stderr.contains("succeeds at the bad commit HEAD too"), "{ran:?}");
}

#[test]
fn bad_input_is_refused() {
    let world = broken_at_seven();
    refused(untouched(&world, "bisecting", &[("run", "true")]), "good is missing");
    refused(untouched(&world, "bisecting", &[("good", "v1")]), "run is missing");
    refused(untouched(&world, "bisecting", &[("good", "--all"), ("run", "true")]), "--all is no commit");
    refused(untouched(&world, "bisecting", &[("good", "$(touch owned)"), ("run", "true")]), "is no commit");
    refused(untouched(&world, "bisecting", &[("good", "HEAD"), ("run", "true")]), "the same commit");
}
