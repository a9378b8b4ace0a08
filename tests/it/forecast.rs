//! Conflicts foreseen: of a run before it begins, with others of the same repository; and while it goes on, as work is
//! committed.

use serde_json::{Value, json};

use crate::world::{World, finish, wait_for};

/// Passes once a file is there.
fn until(file: &str) -> String {
    format!("while ! test -e $HOME/{file}; do sleep 0.02; done")
}

/// A task that runs this and is then checked until a file is there.
fn held(task: &str, run: &str, file: &str) -> String {
    format!("[tasks.{task}]\nrun = '''{run}'''\nchecks = ['''{}''']\n", until(file))
}

fn mission(tables: &str) -> String {
    format!("[mission]\nname = \"side-by-side\"\n[concurrency]\nmax = 4\n{tables}")
}

fn allow(world: &World, file: &str) {
    std::fs::write(world.home().join(file), "").unwrap();
}

fn of_kind<'e>(events: &'e [Value], kind: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

fn has_begun(world: &World) -> bool {
    world.run(["run", "events"]).code == Some(0)
}

fn snapshots(world: &World) -> usize {
    if has_begun(world) { of_kind(&world.events(), "snapshot").len() } else { 0 }
}

fn is_foreseen(world: &World, one: &Value, two: &Value) -> bool {
    has_begun(world)
        && of_kind(&world.events(), "collision-foreseen")
            .iter()
            .any(|event| event["one"] == *one && event["two"] == *two)
}

fn task(id: &str) -> Value {
    json!({ "kind": "task", "task": id })
}

#[test]
fn two_tasks_that_will_collide_are_told_of_while_both_wait_for_their_checks() {
    let world = World::new();
    let tables = held("a", "echo a > shared.txt", "go") + &held("b", "echo b > shared.txt", "go");
    world.mission(&mission(&tables));
    let run = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the collision", || is_foreseen(&world, &task("a"), &task("b")));

    let events = world.events();
    let event = of_kind(&events, "collision-foreseen")[0];
    assert_eq!(event["files"], json!(["shared.txt"]), "{event:#}");
    let why = world.run(["run", "why", "a"]).exits(0);
    assert!(
        why.stdout.contains("; will collide with `b` in shared.txt: whichever is merged second is left to you"),
        "{why:?}"
    );
    let why = world.run(["run", "why", "@", "b", "--json"]).exits(0);
    assert!(why.stdout.contains("will collide with `a` in shared.txt"), "{why:?}");
    let shown = world.run(["run", "show"]).exits(0);
    assert!(shown.stdout.contains("Collisions foreseen:\n  a will collide with b in shared.txt\n"), "{shown:?}");
    let report = world.report();
    assert_eq!(
        report["collisions"],
        json!([{ "one": task("a"), "two": task("b"), "files": ["shared.txt"], "more": 0 }]),
        "{report:#}"
    );

    allow(&world, "go");
    let ran = finish(run).exits(7);
    assert!(ran.stderr.contains(" collision a will collide with b in shared.txt\n"), "{ran:?}");
    assert_eq!(world.report()["collisions"], json!([]), "what came of it is told by the tasks");
}

#[test]
fn work_that_changes_other_parts_of_the_same_file_is_no_collision() {
    let world = World::new();
    let lines: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    world.write("shared.txt", &(lines.join("\n") + "\n"));
    let tables = held("first", "sed -i 's/^3$/three/' shared.txt; echo 1 > x.txt", "go")
        + &held("last", "sed -i 's/^37$/many/' shared.txt", "go")
        + &held("other", "echo 2 > x.txt", "go");
    world.mission(&mission(&tables));
    let run = world.start(["mission", "run", "mission.toml", "--yes"]);
    // What is tried at the same time or later is known.
    wait_for("the work of all", || snapshots(&world) == 3);
    wait_for("the collision of two", || is_foreseen(&world, &task("first"), &task("other")));
    allow(&world, "go");
    finish(run).exits(7);
    let events = world.events();
    for event in of_kind(&events, "collision-foreseen") {
        assert!(event["one"] != task("last") && event["two"] != task("last"), "{event:#}");
    }
    assert_eq!(world.end_of("last"), "succeeded");
}

#[test]
fn what_was_merged_meanwhile_is_told_to_who_will_collide_with_it() {
    let world = World::new();
    let slow = format!("{}; echo b > shared.txt", until("merged"));
    let tables = "[tasks.a]\nrun = \"echo a > shared.txt\"\n".to_owned() + &held("b", &slow, "go");
    world.mission(&mission(&tables));
    let run = world.start(["mission", "run", "mission.toml", "--yes"]);
    // Its worktree must have been made before the other is merged.
    wait_for("both to have begun", || has_begun(&world) && of_kind(&world.events(), "workspace-ready").len() == 2);
    wait_for("the first to be merged", || !of_kind(&world.events(), "merged").is_empty());
    let began_first = {
        let events = world.events();
        let at = |kind: &str, task: &str| {
            let found = events
                .iter()
                .position(|event| event["type"] == kind && (event["task"] == task || event["batch"] == json!([task])));
            found.unwrap()
        };
        at("workspace-ready", "b") < at("merged", "a")
    };
    allow(&world, "merged");
    if began_first {
        wait_for("the collision", || is_foreseen(&world, &task("b"), &json!({ "kind": "integration" })));
        let why = world.run(["run", "why", "@", "b"]).exits(0);
        assert!(why.stdout.contains("does not merge with what was merged meanwhile, in shared.txt"), "{why:?}");
    }
    allow(&world, "go");
    finish(run).exits(if began_first { 7 } else { 0 });
}

#[test]
fn new_commits_of_the_branch_that_is_delivered_to_are_told_before_the_delivery() {
    let world = World::new();
    let tables = "[merge]\ninto = \"main\"\n".to_owned()
        + &held("a", &format!("{}; echo mine > README.md", until("committed")), "go");
    world.mission(&mission(&tables));
    let run = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the work to begin", || has_begun(&world) && !of_kind(&world.events(), "workspace-ready").is_empty());
    world.write("README.md", "theirs\n");
    world.commit("of a person");
    allow(&world, "committed");
    wait_for("the collision", || is_foreseen(&world, &task("a"), &json!({ "kind": "into", "branch": "main" })));
    allow(&world, "go");
    finish(run).exits(7);
    let events = world.events();
    assert_eq!(of_kind(&events, "delivery-failed")[0]["files"], json!(["README.md"]));
}

#[test]
fn one_task_alone_and_a_run_without_git_try_nothing() {
    let world = World::bare();
    let tables =
        "[workspace]\nmode = \"directory\"\n[tasks.a]\nrun = \"echo a > x\"\n[tasks.b]\nrun = \"echo b > x\"\n";
    world.write("mission.toml", &mission(tables));
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert!(of_kind(&world.events(), "collision-foreseen").is_empty());
}

/// A live run that has changed `src/api.rs` and may still change what is below `docs/`.
fn live(world: &World) -> std::process::Child {
    world.write("src/api.rs", "api\n");
    world.write("src/ui.rs", "ui\n");
    world.write("docs/a.md", "a\n");
    world.write("docs/b.md", "b\n");
    let tables = held("api", "echo changed > src/api.rs", "go").replace("run =", "touches = [\"src/api.rs\"]\nrun =")
        + "[tasks.docs]\nneeds = [\"api\"]\ntouches = [\"docs/**\"]\nrun = \"echo a > docs/a.md\"\n";
    world.mission(&mission(&tables));
    let run = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("its work", || snapshots(world) == 1);
    run
}

const OTHER: &str = "[mission]\nname = \"other\"\n\
    [tasks.whole]\ntouches = [\"src/**\"]\nrun = [\"true\"]\n\
    [tasks.page]\ntouches = [\"docs/a.md\"]\nrun = [\"true\"]\n\
    [tasks.ui]\ntouches = [\"src/ui.rs\"]\nrun = [\"true\"]\n\
    [tasks.far]\ntouches = [\"far/**\"]\nrun = [\"true\"]\n";

#[test]
fn a_plan_tells_what_a_live_run_has_changed_and_will_change() {
    let world = World::new();
    let run = live(&world);
    let id = world.report()["run"].as_str().unwrap().to_owned();
    world.write("other.toml", OTHER);

    let foreseen = format!(
        "Conflicts foreseen:\n  \
         high    whole may change src/api.rs, which run {id} of side-by-side (live) has changed.\n  \
         medium  page and docs may change docs/a.md; run {id} of side-by-side (live).\n  \
         low     whole and ui may change the same files (src/ui.rs): one waits for the other.\n"
    );
    let plan = world.run(["mission", "plan", "other.toml"]).exits(0);
    assert!(plan.stdout.contains(&foreseen), "{foreseen}\n{plan:?}");
    let confirmed = world.run(["mission", "run", "other.toml", "--dry-run"]).exits(0);
    assert!(confirmed.stdout.contains(&foreseen), "{foreseen}\n{confirmed:?}");

    let unasked = world.run(["mission", "run", "other.toml", "--yes", "--ui", "none"]);
    assert!(unasked.stderr.contains(&foreseen), "{foreseen}\n{unasked:?}");

    let plan: Value =
        serde_json::from_str(&world.run(["mission", "plan", "other.toml", "--json"]).exits(0).stdout).unwrap();
    let first = &plan["conflicts"][0];
    assert_eq!((&first["severity"], &first["kind"]), (&json!("high"), &json!("changed")), "{first:#}");
    assert_eq!((&first["tasks"], &first["files"]), (&json!(["whole"]), &json!(["src/api.rs"])), "{first:#}");
    assert_eq!(first["other"]["run"], id, "{first:#}");
    let schema: Value = serde_json::from_str(&world.run(["schema", "plan"]).exits(0).stdout).unwrap();
    let problems: Vec<String> =
        jsonschema::draft7::new(&schema).unwrap().iter_errors(&plan).map(|error| error.to_string()).collect();
    assert_eq!(problems, [""; 0]);

    allow(&world, "go");
    finish(run).exits(0);
    let alone = world.run(["mission", "plan", "other.toml"]).exits(0);
    assert!(!alone.stdout.contains("side-by-side"), "it has ended: {alone:?}");
}

#[test]
fn an_interrupted_run_is_told_as_one_that_may_go_on() {
    let world = World::new();
    let run = live(&world);
    crate::world::send(run.id(), rustix::process::Signal::KILL);
    let _killed = finish(run);
    wait_for("nothing of it to run", || world.processes().is_empty());
    world.write("other.toml", OTHER);
    let plan = world.run(["mission", "plan", "other.toml"]).exits(0);
    assert!(plan.stdout.contains("  medium  whole may change src/api.rs, which run "), "{plan:?}");
    assert!(plan.stdout.contains(" (interrupted) has changed."), "{plan:?}");
}

#[test]
fn two_live_runs_on_one_repository_know_of_each_other() {
    let world = World::new();
    let first = live(&world);
    let before = world.report()["run"].clone();
    let tables = held("mine", "echo mine > src/api.rs", "go").replace("run =", "touches = [\"src/api.rs\"]\nrun =");
    world.write("second.toml", &mission(&tables).replace("side-by-side", "second"));
    let second = world.start(["mission", "run", "second.toml", "--yes"]);
    // The latest run is the first until then, and its journal may be half made.
    let is_second = || has_begun(&world) && world.events().first().is_some_and(|event| event["run"] != before);
    wait_for("the second to work", || is_second() && snapshots(&world) == 1);
    world.write("other.toml", OTHER);
    let plan = world.run(["mission", "plan", "other.toml"]).exits(0);
    for mission in ["side-by-side", "second"] {
        let told = format!(" of {mission} (live) has changed.");
        assert!(plan.stdout.contains(&told), "{told}: {plan:?}");
    }
    allow(&world, "go");
    finish(first).exits(0);
    finish(second).exits(0);
}
