//! What goes wrong, and what people are told of it.

use crate::world::World;

#[test]
fn one_failure_leaves_the_others_alone_and_blocks_only_what_needs_it() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "partly"
[merge]
into = "main"
deliver = "each"
[tasks.good]
run = "echo good > good.txt"
[tasks.bad]
run = "echo out of cheese >&2; kill -SEGV $$"
[tasks.after]
needs = ["bad"]
run = "true"
[tasks.later]
needs = ["after"]
run = "true"
"#,
    );
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    assert!(ran.stdout.contains("out of cheese"), "{ran:?}");
    assert_eq!(world.read("good.txt"), "good\n");
    let why = world.run(["run", "why", "@", "later"]).exits(0);
    assert!(why.stdout.contains("after") || why.stdout.contains("bad"), "{why:?}");
    assert!(ran.stdout.contains("run resume"), "{ran:?}");
}

#[test]
fn when_all_crash_there_is_one_clear_summary() {
    let world = World::new();
    world.mission("[mission]\nname = \"all\"\n[tasks.a]\nrun = \"exit 3\"\n[tasks.b]\nrun = \"exit 4\"\n[tasks.c]\nrun = \"exit 5\"\n");
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    for code in ["3", "4", "5"] {
        assert!(ran.stdout.contains(&format!("exited with {code}")), "{ran:?}");
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let world = World::new();
    world.mission("[mission]\nname = \"absent\"\n[tasks.a]\nrun = [\"no-such-program\"]\n");
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    assert!(ran.stdout.contains("no-such-program"), "{ran:?}");
}

#[test]
fn a_retry_is_a_new_attempt() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "again"
[merge]
into = "main"
[tasks.flaky]
run = "echo try >> ../tries; test $(wc -l < ../tries) -ge 2 && echo done > done.txt"
retry = { max = 2, backoff = "10ms" }
"#,
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert_eq!(world.read("done.txt"), "done\n");
    assert!(world.events().iter().any(|event| event["type"] == "backing-off"));
}

#[test]
fn a_time_out_ends_the_whole_tree() {
    let world = World::new();
    world.mission(
        "[mission]\nname = \"slow\"\n[tasks.a]\nrun = \"trap '' TERM; setsid sleep 600 & sleep 600\"\ntimeout = \"1s\"\n",
    );
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    assert!(ran.stdout.contains("time"), "{ran:?}");
    assert_eq!(world.processes(), []);
}

#[test]
fn files_outside_touches_are_not_accepted() {
    let world = World::new();
    world.mission(
        "[mission]\nname = \"fence\"\n[merge]\ninto = \"main\"\n[tasks.a]\ntouches = [\"src/**\"]\nrun = \"mkdir -p src; echo 1 > src/a; echo 2 > b\"\n",
    );
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    assert!(ran.stdout.contains('b'), "{ran:?}");
    assert!(!world.project().join("src").exists());
}

#[test]
fn a_budget_of_tokens_stops_the_run_and_can_be_raised() {
    let world = World::new();
    world.write(
        "scenario.toml",
        "[[sessions]]\nplay = [{ use = { input = 600, usd = 0.5 } }, { write = \"x.txt\", text = \"x\" }]\n",
    );
    world.write("roles/dev.md", "---\nname: dev\ndescription: Writes code.\nkind: code\n---\n{{task.prompt}}\n");
    world.mission(
        r#"
[mission]
name = "spend"
[budget]
tokens = 1000
[concurrency]
max = 1
[merge]
into = "main"
[defaults]
role = "dev"
[tasks.a]
prompt = "a"
[tasks.b]
needs = ["a"]
prompt = "b"
[tasks.c]
needs = ["b"]
prompt = "c"
"#,
    );
    world
        .run(["mission", "run", "mission.toml", "--agent", "rehearsal", "--scenario", "scenario.toml", "--yes"])
        .exits(4);
    let report = world.report();
    assert_eq!(report["schema"], "ai-sdlc/report/1");
    world.run(["run", "resume", "--budget-tokens", "10000"]).exits(0);
}

#[test]
fn output_of_any_kind_is_kept_bounded_and_shown_safe() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "loud"
[tasks.a]
run = "printf 'bad \\377 bytes \\033[31mred\\033[0m \\007\\n'; exit 1"
"#,
    );
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    assert!(ran.stdout.contains("bad") && ran.stdout.contains("red"), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stdout.contains('\u{7}'), "{ran:?}");
    let logs = world.run(["run", "logs", "@", "a"]).exits(0);
    assert!(logs.stdout.contains("bad") && !logs.stdout.contains('\u{1b}'), "{logs:?}");
}

#[test]
fn a_worktree_that_cannot_be_made_fails_that_task_only() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "blocked"
[workspace]
root = "../trees"
sandbox = "off"
[concurrency]
max = 1
[tasks.first]
run = "echo in the way > ../second-1"
[tasks.second]
needs = ["first"]
run = "true"
[tasks.third]
needs = ["first"]
run = "true"
"#,
    );
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    assert!(ran.stdout.contains("second-1"), "{ran:?}");
    let ends: Vec<String> = ["first", "second", "third"].map(|task| world.end_of(task)).to_vec();
    assert_eq!(ends, ["succeeded", "failed", "succeeded"]);
}
