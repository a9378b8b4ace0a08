//! Clean-up: what is to run always does, whoever stops the run, and is not killed with the rest.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::world::{World, finish, send, wait_for, wait_within};

/// Work that will not end, and clean-up that takes its time.
const STUBBORN: &str = r#"
[mission]
name = "tidy"
[concurrency]
max = 2
[merge]
into = "main"
[tasks.first]
run = "true"
[tasks.stuck]
run = "test -e $HOME/go || { trap '' TERM INT; touch $HOME/up; while :; do sleep 600; done; }; echo work > work.txt"
[tasks.tidy]
needs = ["first"]
join = "always"
run = "touch $HOME/tidying; until test -e $HOME/go; do sleep 0.05; done; echo tidied >> $HOME/tidied"
"#;

/// Clean-up at the end.
const LAST: &str = r#"
[mission]
name = "tidy"
[merge]
into = "main"
[tasks.work]
run = "test -e $HOME/go || { touch $HOME/up; exec sleep 600; }; echo work > work.txt"
[tasks.tidy]
join = "always"
run = "touch $HOME/tidying; until test -e $HOME/go; do sleep 0.05; done; echo tidied >> $HOME/tidied"
"#;

fn exists(world: &World, file: &str) -> bool {
    world.home().join(file).exists()
}

fn begin(world: &World, mission: &str) -> Child {
    world.mission(mission);
    let child = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the work", || exists(world, "up"));
    child
}

/// A run that was stopped and is cleaning up.
fn cleaning_up(world: &World) -> Child {
    let child = begin(world, LAST);
    send(child.id(), Signal::INT);
    wait_for("clean-up", || exists(world, "tidying"));
    child
}

fn tidied(world: &World) -> usize {
    std::fs::read_to_string(world.home().join("tidied")).unwrap_or_default().lines().count()
}

/// `anew`: how often there is clean-up again.
fn goes_on(world: &World, anew: usize) {
    std::fs::write(world.home().join("go"), "").unwrap();
    let before = tidied(world);
    world.run(["run", "resume"]).exits(0);
    assert_eq!(world.read("work.txt"), "work\n");
    assert_eq!(tidied(world), before + anew, "there is clean-up after what went on, and only after that");
    assert_eq!(world.processes(), []);
}

#[test]
fn a_stop_ends_everything_else_in_time_and_waits_for_clean_up() {
    let world = World::new();
    let mut child = begin(&world, STUBBORN);
    wait_for("clean-up", || exists(&world, "tidying"));
    let asked = Instant::now();
    send(child.id(), Signal::INT);
    let runs = |what: &str| world.processes().iter().any(|(_, command)| command.contains(what));
    wait_within(Duration::from_secs(12), "the end of what is stuck", &mut || !runs("$HOME/up"));
    // All that a stop does by itself is over by then.
    wait_for("the twelve seconds to pass", || asked.elapsed() > Duration::from_secs(12));
    assert!(runs("$HOME/tidying"), "clean-up was ended too: {:?}", world.processes());
    assert_eq!(child.try_wait().unwrap(), None);
    std::fs::write(world.home().join("go"), "").unwrap();
    let ran = finish(child).exits(130);
    assert_eq!(tidied(&world), 1);
    let told = "clean-up goes on: `tidy`; stopping a second time ends it too";
    assert!(ran.stdout.contains(told) || ran.stderr.contains(told), "{ran:?}");
    assert_eq!(world.processes(), []);
    goes_on(&world, 0);
}

#[test]
fn a_second_stop_ends_clean_up_at_once() {
    let world = World::new();
    let child = cleaning_up(&world);
    let asked = Instant::now();
    send(child.id(), Signal::INT);
    let _ran = finish(child).exits(130);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(world.processes(), []);
    assert_eq!(tidied(&world), 0);
    goes_on(&world, 1);
}

#[test]
fn an_engine_killed_while_it_cleans_up_leaves_nothing_and_goes_on() {
    let world = World::new();
    let child = cleaning_up(&world);
    send(child.id(), Signal::KILL);
    let _died = finish(child);
    wait_within(Duration::from_secs(5), "no process left", &mut || world.processes().is_empty());
    goes_on(&world, 1);
}
