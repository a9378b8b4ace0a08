//! How often and how a command fails is counted.

use super::{handle, machine, refused, untouched};

#[test]
fn failing_runs_are_told_apart_from_passing_ones() {
    let world = machine();
    // Every third run fails, every sixth in another way.
    let run = "n=$(($(cat ../home/n 2>/dev/null || echo 0) + 1)); echo $n > ../home/n; echo run $n took $n ms; \
               [ $((n % 3)) -ne 0 ] || { [ $((n % 6)) -ne 0 ] && echo \"lost the lock at $n\" || echo \"no answer after $n s\"; exit 4; }";
    let ran = untouched(&world, "flaky-tests", &[("run", run), ("times", "9")]).exits(1);
    assert!(ran.stdout.starts_with("3 of 9 runs failed (exit 0: 6, exit 4: 3)"), "{ran:?}");
    let first = "2 times, first in run 3, exit 4; lines that no passing run printed:\n  | lost the lock at 3\n";
    let second = "1 times, first in run 6, exit 4; lines that no passing run printed:\n  | no answer after 6 s\n";
    assert!(ran.stdout.contains("ways to fail: 2\n") && ran.stdout.contains(first), "{ran:?}");
    assert!(ran.stdout.contains(second), "{ran:?}");
}

#[test]
fn passing_is_told_with_what_it_is_worth() {
    let world = machine();
    let ran = untouched(&world, "flaky-tests", &[("run", "true"), ("times", "30"), ("at_once", "4")]).exits(0);
    assert!(ran.stdout.contains("0 of 30 runs failed") && ran.stdout.contains("up to 9.5 % of runs"), "{ran:?}");
    let ran = untouched(&world, "flaky-tests", &[("run", "exit 1"), ("times", "2")]).exits(1);
    assert!(ran.stdout.contains("it fails every time"), "{ran:?}");
}

#[test]
fn a_run_that_hangs_is_cut_off() {
    let world = machine();
    let ran =
        handle(&world, "flaky-tests", &[("run", "sleep 600"), ("times", "2"), ("at_once", "2"), ("limit_s", "1")]);
    assert!(ran.exits(1).stdout.contains("exit 124: the run was cut off"));
    world.is_quiet();
}

#[test]
fn bad_input_is_refused() {
    let world = machine();
    refused(untouched(&world, "flaky-tests", &[]), "run is missing");
    refused(untouched(&world, "flaky-tests", &[("run", "true"), ("times", "1")]), "times is between 2 and 500, not 1");
    refused(untouched(&world, "flaky-tests", &[("run", "true"), ("at_once", "-1")]), "at_once is a number, not -1");
}
