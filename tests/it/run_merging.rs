//! How finished work comes together.

use crate::world::World;

const SAME_LINE: &str = r#"
[mission]
name = "same-line"
[concurrency]
max = 2
[merge]
into = "main"
deliver = "each"
ON_CONFLICT
[defaults]
role = "dev"
[tasks.one]
prompt = "one"
[tasks.two]
prompt = "two"
"#;

const PLAY: &str = r#"
[[sessions]]
task = "one"
play = [{ write = "line.txt", text = "one\n" }]
[[sessions]]
task = "two"
round = 1
play = [{ sleep = "500ms" }, { write = "line.txt", text = "two\n" }]
[[sessions]]
task = "two"
play = [{ write = "line.txt", text = "one\ntwo\n" }]
"#;

fn same_line(on_conflict: &str) -> World {
    let world = World::new();
    world.write("line.txt", "zero\n");
    world.write("scenario.toml", PLAY);
    world.write("roles/dev.md", "---\nname: dev\ndescription: Writes code.\nkind: code\n---\n{{task.prompt}}\n");
    world.mission(&SAME_LINE.replace("ON_CONFLICT", on_conflict));
    world
}

const RUN: [&str; 8] =
    ["mission", "run", "mission.toml", "--agent", "rehearsal", "--scenario", "scenario.toml", "--yes"];

#[test]
fn two_that_write_the_same_line_one_is_merged_and_one_is_kept() {
    let world = same_line("");
    let ran = world.run(RUN).exits(7);
    assert!(ran.stdout.contains("line.txt"), "{ran:?}");
    assert_eq!(world.read("line.txt"), "one\n");
    let two = world.task("two");
    let branch = two["branch"].as_str().unwrap_or_else(|| panic!("{two:#}"));
    assert_eq!(world.git(["show", &format!("{branch}:line.txt")]), "two");
    assert!(ran.stdout.contains(branch), "{ran:?}");
}

#[test]
fn a_conflict_goes_back_to_the_session_where_asked_for() {
    let world = same_line("on_conflict = \"rework\"");
    world.run(RUN).exits(0);
    assert_eq!(world.read("line.txt"), "one\ntwo\n");
}

#[test]
fn merge_checks_run_on_the_merged_tree_before_the_branch_moves() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "green"
[concurrency]
max = 1
[merge]
into = "main"
deliver = "each"
checks = ["test ! -e a.txt || test ! -e b.txt"]
[tasks.a]
priority = 1
run = "echo a > a.txt"
[tasks.b]
run = "echo b > b.txt"
"#,
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    assert!(world.project().join("a.txt").exists() && !world.project().join("b.txt").exists());
}

#[test]
fn a_batch_is_merged_as_one() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "batch"
[concurrency]
max = 3
[merge]
into = "main"
commit = "batch"
checks = ["true"]
[tasks.a]
run = "echo a > a.txt"
[tasks.b]
run = "echo b > b.txt"
[tasks.c]
run = "echo c > c.txt"
"#,
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    for file in ["a.txt", "b.txt", "c.txt"] {
        assert!(world.project().join(file).exists(), "{file}");
    }
}

#[test]
fn a_dirty_checkout_is_left_alone_and_the_command_is_printed() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "dirty"
[merge]
into = "main"
[tasks.a]
run = "echo new > README.md; until test -e \"$HOME/go\"; do sleep 0.01; done"
"#,
    );
    let child = world.start(["mission", "run", "mission.toml", "--yes"]);
    crate::world::wait_for("the run", || world.git(["for-each-ref"]).contains("integration"));
    world.write("README.md", "mine\n");
    std::fs::write(world.home().join("go"), "").unwrap();
    let ran = crate::world::finish(child).exits(7);
    assert_eq!(world.read("README.md"), "mine\n");
    assert!(ran.stdout.contains("git merge") || ran.stdout.contains("run merge"), "{ran:?}");
}

#[test]
fn without_into_all_ends_on_the_integration_branch() {
    let world = World::new();
    world.mission("[mission]\nname = \"apart\"\n[tasks.a]\nrun = \"echo a > a.txt\"\n");
    let head = world.git(["rev-parse", "HEAD"]);
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert_eq!(world.git(["rev-parse", "HEAD"]), head);
    assert!(ran.stdout.contains("integration"), "{ran:?}");
    let branch = world.git(["for-each-ref", "--format=%(refname:short)", "refs/heads/ai-sdlc/"]);
    let integration = branch.lines().find(|line| line.ends_with("/integration")).unwrap().to_owned();
    assert_eq!(world.git(["show", &format!("{integration}:a.txt")]), "a");
}

#[test]
fn commits_name_their_run_and_task() {
    let world = World::new();
    world.mission("[mission]\nname = \"named\"\n[merge]\ninto = \"main\"\n[tasks.a]\ntitle = \"Add a\"\nrun = \"echo a > a.txt\"\n");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let message = world.git(["log", "-1", "--format=%an%n%B", "main"]);
    assert!(message.starts_with("Ada\nAdd a"), "{message}");
    assert!(message.contains("Ai-Sdlc-Run: ") && message.contains("Ai-Sdlc-Task: a"), "{message}");
}
