//! A run from its first line to its report.

use crate::world::World;

const THREE: &str = r#"
version = 1
[mission]
name = "three"
[concurrency]
max = 3
[merge]
into = "main"
[tasks.a]
run = "sleep 0.3; echo a > a.txt"
[tasks.b]
run = "echo b > b.txt"
[tasks.c]
run = "sleep 0.6; echo c > c.txt"
"#;

fn position(events: &[serde_json::Value], kind: &str, task: &str) -> usize {
    events
        .iter()
        .position(|event| event["type"] == kind && event["task"] == task)
        .unwrap_or_else(|| panic!("no {kind} of {task} in {events:#?}"))
}

#[test]
fn finished_work_lands_on_the_branch_in_order_of_completion() {
    let world = World::new();
    world.mission(THREE);
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert_eq!(world.git(["log", "--format=%s", "main", "-3"]).lines().count(), 3);
    let files: Vec<String> = ["main", "main~1", "main~2"]
        .iter()
        .map(|commit| world.git(["show", "--format=", "--name-only", commit]))
        .collect();
    assert_eq!(files, ["c.txt", "a.txt", "b.txt"]);
    assert_eq!(world.read("c.txt"), "c\n");
    assert_eq!(world.git(["status", "--porcelain"]), "");
    assert_eq!(world.processes(), []);
}

#[test]
fn independent_tasks_run_side_by_side() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "rendezvous"
[concurrency]
max = 3
[tasks.a]
run = "touch ../a; until test -e ../b && test -e ../c; do sleep 0.01; done"
timeout = "60s"
[tasks.b]
run = "touch ../b; until test -e ../a && test -e ../c; do sleep 0.01; done"
timeout = "60s"
[tasks.c]
run = "touch ../c; until test -e ../a && test -e ../b; do sleep 0.01; done"
timeout = "60s"
"#,
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
}

#[test]
fn the_diamond_respects_every_order_and_wastes_no_slot() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "diamond"
[concurrency]
max = 3
[tasks.t1]
run = "true"
[tasks.t2]
needs = ["t1"]
run = "true"
[tasks.t3]
needs = ["t2"]
run = "touch ../t3; until test -e ../t5; do sleep 0.01; done"
timeout = "60s"
[tasks.t4]
needs = ["t2"]
run = "touch ../t4; until test -e ../t5; do sleep 0.01; done"
timeout = "60s"
[tasks.t5]
needs = ["t1"]
run = "until test -e ../t3 && test -e ../t4; do sleep 0.01; done; touch ../t5"
timeout = "60s"
[tasks.t6]
needs = ["t1", "t2", "t3", "t4", "t5"]
run = "true"
"#,
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let events = world.events();
    for (first, then) in
        [("t1", "t2"), ("t1", "t5"), ("t2", "t3"), ("t2", "t4"), ("t3", "t6"), ("t4", "t6"), ("t5", "t6")]
    {
        let ended = position(&events, "task-finished", first);
        let started = position(&events, "task-started", then);
        assert!(ended < started, "{then} started before {first} had ended");
    }
}

#[test]
fn what_one_session_hands_over_reaches_the_next() {
    let world = World::new();
    world.write(
        "scenario.toml",
        r#"
[[sessions]]
task = "plan"
play = [{ hand_over = { status = "done", summary = "Split into two.", outputs = { part = "engine" } } }]
[[sessions]]
task = "build"
play = [
  { run = ["sh", "-c", "cat > told.txt; cat \"$AI_SDLC_HANDOFF_IN\" > in.txt; printf %s \"$AI_SDLC_OUT_PLAN_PART\" > part.txt"] },
]
"#,
    );
    world.write(
        "roles/dev.md",
        "---\nname: dev\ndescription: Writes code.\nkind: code\n---\nYou write code.\n{{task.prompt}}\n",
    );
    world.mission(
        r#"
[mission]
name = "relay"
[merge]
into = "main"
[tasks.plan]
role = "dev"
prompt = "Plan it."
touches = []
outputs.part = "string"
[tasks.build]
role = "dev"
needs = ["plan"]
prompt = "Build {{tasks.plan.outputs.part}}."
"#,
    );
    world
        .run(["mission", "run", "mission.toml", "--agent", "rehearsal", "--scenario", "scenario.toml", "--yes"])
        .exits(0);
    assert_eq!(world.read("part.txt"), "engine");
    assert!(world.read("in.txt").contains("Split into two."), "{}", world.read("in.txt"));
    let events = world.events();
    let started = &events[position(&events, "session-started", "build")];
    let prompt = started["prompt"].as_str().unwrap();
    assert!(prompt.contains("Build engine.") && prompt.contains("Split into two."), "{prompt}");
}

#[test]
fn failing_checks_go_back_to_the_session_until_they_pass() {
    let world = World::new();
    world.write(
        "scenario.toml",
        r#"
[[sessions]]
round = 1
play = [{ write = "out.txt", text = "wrong\n" }]
[[sessions]]
round = 2
play = [{ write = "out.txt", text = "right\n" }]
"#,
    );
    world.write("roles/dev.md", "---\nname: dev\ndescription: Writes code.\nkind: code\n---\n{{task.prompt}}\n");
    world.mission(
        r#"
[mission]
name = "rounds"
[merge]
into = "main"
[tasks.build]
role = "dev"
prompt = "Write it."
checks = ["grep -q right out.txt || { echo it is wrong; exit 3; }"]
"#,
    );
    world
        .run(["mission", "run", "mission.toml", "--agent", "rehearsal", "--scenario", "scenario.toml", "--yes"])
        .exits(0);
    assert_eq!(world.read("out.txt"), "right\n");
    let events = world.events();
    let second = events.iter().filter(|event| event["type"] == "session-started").nth(1).unwrap();
    assert!(second["prompt"].as_str().unwrap().contains("it is wrong"), "{second}");
}

#[test]
fn a_rehearsal_touches_nothing_of_the_repository() {
    let world = World::new();
    world.mission(THREE);
    let before = (world.git(["for-each-ref"]), world.git(["status", "--porcelain", "--ignored"]));
    let ran = world.run(["mission", "rehearse", "mission.toml"]).exits(0);
    let first = ran.stderr.lines().next().unwrap_or_default().to_owned();
    assert!(first.contains("rehears"), "{ran:?}");
    assert!(ran.stdout.contains("rehears"), "{ran:?}");
    assert_eq!((world.git(["for-each-ref"]), world.git(["status", "--porcelain", "--ignored"])), before);
}

#[test]
fn without_a_terminal_nothing_is_asked_and_no_escape_byte_is_printed() {
    let world = World::new();
    world.mission(THREE);
    let refused = world.run(["mission", "run", "mission.toml"]).exits(2);
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
}

#[test]
fn a_dry_run_shows_the_plan_and_makes_nothing() {
    let world = World::new();
    world.mission(THREE);
    let refs = world.git(["for-each-ref"]);
    let ran = world.run(["mission", "run", "mission.toml", "--dry-run"]).exits(0);
    assert!(ran.stdout.contains('a') && ran.stdout.contains("main"), "{ran:?}");
    assert_eq!(world.git(["for-each-ref"]), refs);
    assert!(!world.project().join(".git/ai-sdlc/runs").exists());
}

#[test]
fn directory_mode_works_without_git() {
    let world = World::bare();
    world.write(
        "mission.toml",
        "[mission]\nname = \"plain\"\n[workspace]\nmode = \"directory\"\n[tasks.a]\nrun = \"echo a > a.txt\"\n[tasks.b]\nneeds = [\"a\"]\nrun = \"cat a.txt > b.txt\"\n",
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert_eq!(world.read("b.txt"), "a\n");
}

#[test]
fn a_shared_worktree_is_merged_once() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "chain"
[merge]
into = "main"
[tasks.first]
run = "echo one > one.txt"
[tasks.second]
needs = ["first"]
workspace = { with = "first" }
run = "cat one.txt > two.txt"
[tasks.third]
needs = ["second"]
run = "cat two.txt one.txt > three.txt"
"#,
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert_eq!(world.read("three.txt"), "one\none\n");
    let names = world.git(["log", "--format=", "--name-only", "main", "-2"]);
    assert_eq!(names.lines().collect::<Vec<_>>(), ["three.txt", "one.txt", "two.txt"]);
}

#[test]
fn a_read_only_task_sees_the_merged_state_and_leaves_nothing() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "look"
[merge]
into = "main"
[tasks.make]
run = "echo one > one.txt"
[tasks.look]
needs = ["make"]
workspace = "read-only"
run = "test -e one.txt && echo junk > junk.txt"
"#,
    );
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert!(!world.project().join("junk.txt").exists());
    assert_eq!(world.git(["log", "--format=%s", "main"]).lines().count(), 3);
    // Kept all the same, and told as what it is.
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("changed in its `read-only` worktree is no result, and was saved"), "{told}");
    assert!(world.git(["for-each-ref", "refs/ai-sdlc/salvage"]).contains("/look/1"), "{told}");
}

#[test]
fn a_rehearsal_says_nothing_of_what_its_agent_leaves_in_a_read_only_worktree() {
    let world = World::new();
    let task = |id: &str| format!("[tasks.{id}]\nrole = \"backend-dev\"\nprompt = \"x\"\nworkspace = \"read-only\"\n");
    world.mission(&format!("[mission]\nname = \"look\"\n[budget]\ntime = \"1h\"\n{}", task("look")));
    let ran = world.run(["mission", "rehearse", "mission.toml"]).exits(0);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!told.contains("run recover") && told.contains("succeeded"), "{told}");
}
