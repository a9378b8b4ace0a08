//! Order and limits: what `needs`, `join`, `priority`, `estimate`, `touches`, `locks` and `max` do in real runs. Shown by
//! what tasks see of one another and by the order of events, never by time.

use std::fmt::Write as _;

use serde_json::Value;

use crate::world::{Ran, World};

/// Waits in a shell for a file of the home folder.
const AWAIT: &str = "await() { until test -e $HOME/$1; do sleep 0.01; done; };";

fn run(world: &World, mission: &str) -> Ran {
    world.mission(mission);
    world.run(["mission", "run", "mission.toml", "--yes"])
}

fn at(events: &[Value], kind: &str, task: &str) -> usize {
    events
        .iter()
        .position(|event| event["type"] == kind && event["task"] == task)
        .unwrap_or_else(|| panic!("no {kind} of {task}: {events:#?}"))
}

/// The tasks in the order in which they were started.
fn started(world: &World) -> Vec<String> {
    let events = world.events();
    let started = events.iter().filter(|event| event["type"] == "task-started");
    started.map(|event| event["task"].as_str().unwrap().to_owned()).collect()
}

fn one_after_the_other(world: &World, one: &str, two: &str) {
    let events = world.events();
    let (started, finished) = (|task| at(&events, "task-started", task), |task| at(&events, "task-finished", task));
    let apart = finished(one) < started(two) || finished(two) < started(one);
    assert!(apart, "{one} and {two} ran at once: {events:#?}");
}

#[test]
fn a_join_says_whether_a_task_runs_after_a_failure() {
    let world = World::new();
    run(
        &world,
        r#"
[mission]
name = "join"
[tasks.good]
run = "true"
[tasks.bad]
run = "false"
[tasks.strict]
needs = ["good", "bad"]
run = "true"
[tasks.lenient]
needs = ["good", "bad"]
join = "none-failed"
run = "true"
[tasks.after_all]
needs = ["good", "bad"]
join = "all-done"
run = "true"
[tasks.after_blocked]
needs = ["strict"]
join = "all-done"
run = "true"
"#,
    )
    .exits(1);
    for (task, end) in [
        ("good", "succeeded"),
        ("bad", "failed"),
        ("strict", "blocked"),
        ("lenient", "blocked"),
        ("after_all", "succeeded"),
        ("after_blocked", "succeeded"),
    ] {
        assert_eq!(world.end_of(task), end, "{task}");
    }
    let why = world.run(["run", "why", "@", "strict"]).exits(0);
    assert!(why.stdout.contains("bad"), "{why:?}");
}

#[test]
fn priority_comes_first_then_the_longest_path_then_the_file() {
    let world = World::new();
    run(
        &world,
        r#"
[mission]
name = "order"
[concurrency]
max = 1
[tasks.plain]
run = "true"
[tasks.also_plain]
run = "true"
[tasks.long]
run = "true"
estimate = "2h"
[tasks.head_of_a_long_path]
run = "true"
[tasks.its_tail]
needs = ["head_of_a_long_path"]
run = "true"
estimate = "3h"
[tasks.urgent]
run = "true"
priority = 5
"#,
    )
    .exits(0);
    let wanted = ["urgent", "head_of_a_long_path", "its_tail", "long", "plain", "also_plain"];
    assert_eq!(started(&world), wanted);
}

#[test]
fn tasks_whose_globs_can_meet_never_run_at_once_and_others_do() {
    let world = World::new();
    run(
        &world,
        &r#"
[mission]
name = "touches"
[inputs.part]
type = "string"
default = "src"
[concurrency]
max = 4
[merge]
into = "main"
[tasks.a]
touches = ["{{inputs.part}}/**"]
run = "AWAIT touch $HOME/a; await other; mkdir -p src; echo a > src/a"
[tasks.b]
touches = ["src/b", "docs/**"]
run = "mkdir -p src; echo b > src/b; cat src/a"
[tasks.other]
touches = ["web/**"]
run = "AWAIT touch $HOME/other; await a; mkdir web; echo c > web/c"
[tasks.looks]
touches = []
run = "AWAIT await a"
"#
        .replace("AWAIT", AWAIT),
    )
    .exits(0);
    one_after_the_other(&world, "a", "b");
    assert_eq!(world.read("src/b"), "b\n");
}

#[test]
fn a_lock_has_one_holder() {
    let world = World::new();
    run(
        &world,
        &r#"
[mission]
name = "locks"
[concurrency]
max = 4
[tasks.a]
locks = ["port-3000", "db"]
run = "AWAIT mkdir $HOME/held $HOME/held-3000; touch $HOME/a; await free; rmdir $HOME/held $HOME/held-3000"
[tasks.b]
locks = ["db"]
run = "mkdir $HOME/held; rmdir $HOME/held"
[tasks.c]
locks = ["port-3000"]
run = "test ! -e $HOME/held-3000"
[tasks.free]
locks = ["port-4000"]
run = "AWAIT await a; touch $HOME/free"
"#
        .replace("AWAIT", AWAIT),
    )
    .exits(0);
    one_after_the_other(&world, "a", "b");
    one_after_the_other(&world, "a", "c");
}

#[test]
fn a_command_that_changes_what_it_may_not_fails_but_for_lock_files() {
    let world = World::new();
    let ran = run(
        &world,
        r#"
[mission]
name = "fence"
[tasks.nothing]
touches = []
run = "echo x > x.txt"
[tasks.lock_files]
touches = ["src/**"]
run = "mkdir -p src; echo x > src/x; echo l > package-lock.json"
"#,
    )
    .exits(1);
    assert_eq!(world.end_of("nothing"), "failed");
    assert_eq!(world.end_of("lock_files"), "succeeded");
    assert!(ran.stdout.contains("x.txt"), "{ran:?}");
    let events = world.events();
    let told = |event: &&Value| event["type"] == "note" && event.to_string().contains("package-lock.json");
    assert!(events.iter().any(|event| told(&event)), "{events:#?}");
}

#[test]
fn no_more_at_once_than_max_of_the_run_the_role_and_the_agent() {
    let world = World::new();
    world.write("roles/dev.md", "---\nname: dev\ndescription: Works.\nkind: code\n---\n{{task.prompt}}\n");
    world.write("roles/rare.md", "---\nname: rare\ndescription: Works.\nkind: code\n---\n{{task.prompt}}\n");
    // Each session notes itself in and out; nobody may find more than its limit inside.
    world.write(
        "scenario.toml",
        r#"
[[sessions]]
play = [
  { run = ["sh", "-c", "mkdir -p $HOME/in/all $HOME/in/$AI_SDLC_ROLE; touch $HOME/in/all/$AI_SDLC_TASK $HOME/in/$AI_SDLC_ROLE/$AI_SDLC_TASK; for d in all $AI_SDLC_ROLE; do ls $HOME/in/$d | wc -l >> $HOME/seen-$d; done; sleep 0.1; rm $HOME/in/all/$AI_SDLC_TASK $HOME/in/$AI_SDLC_ROLE/$AI_SDLC_TASK"] },
]
"#,
    );
    let mut mission = r#"
[mission]
name = "limits"
[concurrency]
max = 4
[roles.rare]
max = 1
[agents.mine]
backend = "rehearsal"
max = 2
scenario = "scenario.toml"
[defaults]
agent = "mine"
"#
    .to_owned();
    for n in 0..4 {
        write!(mission, "[tasks.d{n}]\nrole = \"dev\"\nprompt = \"x\"\n").unwrap();
        write!(mission, "[tasks.r{n}]\nrole = \"rare\"\nprompt = \"x\"\n").unwrap();
    }
    run(&world, &mission).exits(0);
    let most = |file: &str| {
        let seen = std::fs::read_to_string(world.home().join(file)).unwrap();
        seen.split_whitespace().map(|n| n.parse::<u32>().unwrap()).max()
    };
    assert_eq!((most("seen-all"), most("seen-rare")), (Some(2), Some(1)));
}

#[test]
fn what_a_chain_changed_is_held_until_the_chain_is_merged() {
    let world = World::new();
    run(
        &world,
        r#"
[mission]
name = "chain"
[concurrency]
max = 4
[merge]
into = "main"
[tasks.first]
touches = ["list.txt"]
locks = ["db"]
run = "echo first >> list.txt"
priority = 2
[tasks.second]
workspace = { with = "first" }
touches = ["more.txt"]
run = "echo second >> more.txt"
needs = ["first", "slow"]
[tasks.slow]
run = "true"
[tasks.meets]
touches = ["list.txt"]
run = "echo meets >> list.txt"
[tasks.same_lock]
locks = ["db"]
run = "true"
"#,
    )
    .exits(0);
    let events = world.events();
    for task in ["meets", "same_lock"] {
        assert!(at(&events, "task-finished", "second") < at(&events, "task-started", task), "{events:#?}");
    }
    assert_eq!(world.read("list.txt"), "first\nmeets\n");
}

#[test]
fn a_chain_gives_way_to_what_it_waits_for() {
    let world = World::new();
    run(
        &world,
        r#"
[mission]
name = "chain"
[merge]
into = "main"
[tasks.first]
locks = ["db"]
run = "echo first >> list.txt"
priority = 2
[tasks.second]
workspace = { with = "first" }
needs = ["first", "between"]
run = "echo second >> list.txt"
[tasks.between]
locks = ["db"]
run = "true"
"#,
    )
    .exits(0);
    assert_eq!(world.read("list.txt"), "first\nsecond\n");
}

#[test]
fn three_tasks_in_one_worktree_are_one_merge_and_each_answers_for_its_own_changes() {
    let world = World::new();
    run(
        &world,
        r#"
[mission]
name = "chain"
[workspace]
keep = "never"
[merge]
into = "main"
[tasks.one]
touches = ["one.txt"]
run = "echo 1 > one.txt"
[tasks.two]
needs = ["one"]
workspace = { with = "one" }
touches = []
run = "cat one.txt"
[tasks.three]
needs = ["two"]
workspace = { with = "two" }
touches = ["three.txt"]
run = "cp one.txt three.txt; test -e $HOME/mended"
[tasks.four]
needs = ["three"]
workspace = { with = "three" }
touches = ["one.txt"]
run = "echo 4 >> one.txt"
"#,
    )
    .exits(1);
    assert_eq!(world.end_of("three"), "failed", "{:#?}", world.events());
    std::fs::write(world.home().join("mended"), "").unwrap();
    world.run(["run", "resume"]).exits(0);
    assert_eq!((world.read("one.txt"), world.read("three.txt")), ("1\n4\n".to_owned(), "1\n".to_owned()));
    assert_eq!(world.git(["rev-list", "--count", "--first-parent", "main"]), "3");
}
