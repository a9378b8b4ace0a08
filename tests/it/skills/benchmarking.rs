//! Times are told with what they are worth.

use super::{machine, refused, untouched};

#[test]
fn two_commands_are_compared_by_turns() {
    let world = machine();
    let run = "echo fast >> ../home/order; sleep 0.01";
    let against = "echo slow >> ../home/order; sleep 0.3";
    let given = [("run", run), ("against", against), ("times", "5"), ("warm_up", "0")];
    let ran = untouched(&world, "benchmarking", &given).exits(0);
    assert!(ran.stdout.contains("of 5 runs each\nrun ") && ran.stdout.contains("\nagainst "), "{ran:?}");
    assert!(ran.stdout.contains("% faster than against (99 % sure)"), "{ran:?}");
    let order = std::fs::read_to_string(world.home().join("order")).unwrap();
    assert_eq!(order.split_whitespace().collect::<Vec<_>>().concat(), "fastslowslowfastfastslowslowfastfastslow");
}

#[test]
fn the_same_is_not_told_as_a_difference() {
    let world = machine();
    // Equal times give no winner however they are ordered.
    let table = "run 1.5 2.5\nrun 1.5 2.5\nrun 1.5 2.5\nagainst 3.0 4.0\nagainst 3.0 4.0\nagainst 3.0 4.0\n";
    std::fs::write(world.home().join("times"), table).unwrap();
    let script = super::folder("benchmarking").join("bench.awk");
    let mut awk = world.command(world.root().join("bin/awk"));
    let ran = crate::world::Ran::of(&awk.arg("-f").arg(script).arg(world.home().join("times")).output().unwrap());
    let ran = ran.exits(0);
    assert!(ran.stdout.contains("no difference that so many runs can show (medians differ by 0.0 %)"), "{ran:?}");
    assert!(ran.stdout.contains("1.00 s"), "{ran:?}");
}

#[test]
fn what_fails_is_not_measured() {
    let world = machine();
    let ran = untouched(&world, "benchmarking", &[("run", "echo why; exit 3")]).exits(1);
    assert!(ran.stdout.contains("  | why") && ran.stderr.contains("run exited 3"), "{ran:?}");
}

#[test]
fn bad_input_is_refused() {
    let world = machine();
    refused(untouched(&world, "benchmarking", &[]), "run is missing");
    refused(
        untouched(&world, "benchmarking", &[("run", "true"), ("times", "2")]),
        "times is between 3 and 1000, not 2",
    );
}
