//! What a person reads before, during and after a run, and whether it is true.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use crate::world::{World, finish, send, wait_for};

const HEAD: &str = "version = 1\nmission.name = \"m\"\nmission.description = \"A mission.\"\n";

fn world(tasks: &str) -> World {
    let world = World::new();
    world.mission(&format!("{HEAD}{tasks}"));
    world
}

#[test]
fn a_waiting_task_says_which_limit_holds_it_and_a_live_run_cannot_be_driven_twice() {
    let world = world(
        "[concurrency]\nmax = 2\n\
         [tasks.one]\nrun = \"touch $HOME/began; while [ ! -e $HOME/go ]; do sleep 0.05; done\"\nlocks = [\"db\"]\n\
         [tasks.two]\nrun = [\"true\"]\nlocks = [\"db\"]\n\
         [tasks.three]\nneeds = [\"one\"]\nrun = [\"true\"]\n",
    );
    let live = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the first task", || world.home().join("began").exists());
    let why = world.run(["run", "why", "two"]).exits(0);
    assert!(why.stdout.contains("waits for the lock `db`, which `one` has"), "{why:?}");
    let why = world.run(["run", "why"]).exits(0);
    assert!(why.stdout.contains("three  waits for `one`"), "{why:?}");
    let shown = world.run(["run", "show"]).exits(0);
    assert!(!shown.stdout.contains("git merge"), "nothing is to be merged yet: {shown:?}");

    let second = world.run(["run", "resume"]).exits(6);
    assert_eq!(second.stdout, "", "what it did not drive is not reported: {second:?}");
    assert!(second.stderr.contains("is being driven already"), "{second:?}");
    assert!(second.stderr.contains("ai-sdlc run abort "), "{second:?}");

    fs::write(world.home().join("go"), "").unwrap();
    finish(live).exits(0);
}

#[test]
fn what_is_over_is_not_gone_on_with() {
    let world = world("[tasks.one]\nrun = \"echo 1 > one.txt\"\n");
    world.run(["mission", "run", "mission.toml", "--yes", "--junit", "no/where.xml"]).exits(5);
    assert_eq!(world.run(["run", "list"]).exits(0).stdout, "", "nothing was begun");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let events = world.events().len();
    let ran = world.run(["run", "resume"]).exits(0);
    assert!(ran.stderr.contains("there is nothing to go on with"), "{ran:?}");
    assert_eq!(world.events().len(), events);

    world.run(["mission", "rehearse", "mission.toml"]).exits(0);
    let ran = world.run(["run", "diff"]).exits(5);
    assert!(ran.stderr.contains("the scratch clone of rehearsal"), "{ran:?}");
}

#[test]
fn what_was_typed_stands_in_the_commands_that_are_told() {
    let world = World::new();
    world.mission(&format!(
        "{HEAD}[inputs.word]\ntype = \"string\"\n[tasks.one]\nrun = [\"echo\", \"{{{{inputs.word}}}}\"]\n"
    ));
    let ran = world.run(["mission", "rehearse", "mission.toml", "--input", "word=a b"]).exits(0);
    assert!(ran.stdout.contains("\n  ai-sdlc mission run mission.toml --input 'word=a b'\n"), "{ran:?}");
}

#[test]
fn what_was_printed_is_shown_safe_and_in_order() {
    let world = world(
        "[tasks.paint]\nrun = \"printf 'red\\\\033[31m \\\\007bell \\\\377\\\\n'; echo x > x.txt\"\n\
         checks = [\"echo looked\"]\n",
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let logs = world.run(["run", "logs"]).exits(0);
    assert_eq!(
        logs.stdout, "== paint/1/1-work\nred \u{fffd}bell \u{fffd}\n== paint/1/1-check-1\nlooked\n",
        "the work first, then the check"
    );
    let raw = world.program().args(["run", "logs", "--raw"]).output().unwrap();
    assert!(raw.stdout.windows(6).any(|bytes| bytes == b"red\x1b[3"), "{raw:?}");
}

#[test]
fn a_report_names_where_unfinished_work_lies_and_commands_that_work() {
    let world = world(
        "[tasks.broken]\nrun = \"echo half > half.txt; echo oh no; exit 3\"\n\
         [tasks.after]\nneeds = [\"broken\"]\nrun = [\"true\"]\n",
    );
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    let kept = ran.stdout.lines().find(|line| line.starts_with("  broken  worktree ")).unwrap_or_default();
    let path = kept.trim_start_matches("  broken  worktree ").split(", branch ").next().unwrap();
    assert_eq!(fs::read_to_string(Path::new(path).join("half.txt")).unwrap(), "half\n", "{ran:?}");
    let branch = kept.split(", branch ").nth(1).unwrap();
    assert_eq!(world.git(["show", &format!("{branch}:half.txt")]), "half");

    // The same from elsewhere: every command that is told can be typed there.
    let report =
        world.program().current_dir("/").arg("-C").arg(world.project()).args(["run", "show"]).output().unwrap();
    let report = String::from_utf8(report.stdout).unwrap();
    let steps: Vec<&str> = report.lines().filter_map(|line| line.strip_prefix("  ai-sdlc ")).collect();
    assert!(steps.len() >= 2, "{report}");
    for step in steps {
        let typed = step.split("  #").next().unwrap();
        let code = world.program().current_dir("/").args(typed.split_whitespace()).output().unwrap().status.code();
        let expected = i32::from(typed.contains("resume"));
        assert_eq!(code, Some(expected), "ai-sdlc {typed}");
    }
}

#[test]
fn an_interrupted_task_is_not_called_running() {
    let world = world("[tasks.long]\nrun = \"touch $HOME/began; exec sleep 100\"\n");
    let live = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the task", || world.home().join("began").exists());
    send(live.id(), Signal::INT);
    let ran = finish(live).exits(130);
    assert!(ran.stdout.contains("stopped before it was done"), "{ran:?}");
    assert!(ran.stdout.contains("  long  worktree /"), "{ran:?}");
    assert_eq!(world.end_of("long"), "stopped");
}

#[test]
fn before_a_run_it_is_told_what_it_makes_and_a_dry_run_makes_nothing() {
    let world = world(
        "[tasks.one]\nrun = [\"true\"]\n[tasks.two]\nrun = [\"true\"]\n[tasks.three]\nneeds = [\"two\"]\nrun = [\"true\"]\n",
    );
    let before = world.git(["for-each-ref"]);
    let ran = world.run(["mission", "run", "mission.toml", "--dry-run"]).exits(0);
    assert_eq!(world.git(["for-each-ref"]), before);
    for told in [
        "  branches   ai-sdlc/",
        "/one and 2 more, merged on ai-sdlc/",
        "  worktrees  4 at once, one for merging, below ",
        " (2 files, ",
        "3 tasks do not say what they change (`touches`)",
    ] {
        assert!(ran.stdout.contains(told), "{told}: {ran:?}");
    }
    assert!(!ran.stdout.contains("$0.00"), "no ceiling is no cost: {ran:?}");
    let ran = world.run(["mission", "run", "mission.toml"]).exits(2);
    assert!(ran.stderr.contains("`--yes`") && ran.stdout.is_empty(), "{ran:?}");
}

#[test]
fn tasks_in_one_line_of_needs_cannot_conflict() {
    let world = world("[tasks.one]\nrun = [\"true\"]\n[tasks.two]\nneeds = [\"one\"]\nrun = [\"true\"]\n");
    let plan = world.run(["mission", "plan", "mission.toml"]).exits(0);
    assert!(!plan.stdout.contains("touches"), "{plan:?}");
}

#[test]
fn a_root_of_the_missions_own_is_looked_at_before_the_run() {
    let world = world("[workspace]\nroot = \"trees\"\n[tasks.one]\nrun = [\"true\"]\n");
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(5);
    assert!(ran.stderr.contains("inside the checkout") && ran.stderr.contains("  where: /"), "{ran:?}");
}

#[test]
fn commands_of_many_lines_are_told_in_one() {
    let long = "if true; then\\n  echo a very long command that says what it does over many lines\\nelif false; then\\n  echo something else that is as long as the first\\nfi";
    let world = world(&format!("[tasks.one]\nrun = \"echo 1 > one.txt\"\nchecks = [\"{long}\"]\n"));
    let ran = world.run(["mission", "rehearse", "mission.toml"]).exits(0);
    let told = ran.stdout.lines().find(|line| line.contains("if true; then echo a very long")).unwrap_or_default();
    assert!(told.ends_with("first fi") && told.chars().count() <= 102, "{ran:?}");
    let plan = world.run(["mission", "plan", "mission.toml"]).exits(0);
    assert!(plan.stdout.contains("accepted when `if true; then echo"), "{plan:?}");
}

#[test]
fn what_is_mistyped_is_told_with_what_was_meant() {
    let world = world("[tasks.one]\nrun = [\"true\"]\n");
    world.write("missions/three.toml", &format!("{HEAD}[tasks.one]\nrun = [\"true\"]\n"));
    world.write("s.toml", "version = 1\n[[sessions]]\ntaks = \"one\"\n");
    let ran = world.run(["mission", "run", "three.toml"]).exits(2);
    assert!(ran.stderr.contains("did you mean `missions/three.toml`?"), "{ran:?}");
    let ran = world.run(["mission", "run", "three", "--yes", "--agent", "reharsal"]).exits(2);
    assert!(ran.stderr.contains("did you mean `rehearsal`?"), "{ran:?}");
    let ran = world.run(["mission", "rehearse", "three", "--scenario", "s.toml"]).exits(2);
    let why = "where: s.toml\n  why: s.toml:3:1: error[mission::unknown-key]: unknown key `taks`";
    assert!(ran.stderr.contains(why), "{ran:?}");
    assert_eq!(world.run(["run", "list"]).exits(0).stdout, "", "nothing was begun");
}

#[test]
fn a_result_that_cannot_be_printed_is_no_success() {
    let world = world("[tasks.one]\nrun = [\"true\"]\n");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = world.program().args(["mission", "list", "--json"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("error[cli::cannot-print]"));

    // A reader that has gone is none of our business.
    let mut child =
        world.program().args(["mission", "run", "mission.toml", "--yes"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn one_file_that_cannot_be_read_does_not_hide_what_is_wrong_with_the_others() {
    let world = World::new();
    world.write("bad.toml", "version = 1\nmission.name = \"bad\"\nunknown = 1\n[tasks.one]\nrun = [\"true\"]\n");
    let ran = world.run(["mission", "validate", "nowhere.toml", "bad.toml", "--format", "json"]).exits(2);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let codes: Vec<&str> =
        found["findings"].as_array().unwrap().iter().filter_map(|one| one["code"].as_str()).collect();
    assert_eq!(codes, ["mission::unknown-key", "cli::unreadable-file"], "{ran:?}");
    let ran = world.run(["mission", "validate", "nowhere.toml", "bad.toml"]).exits(2);
    assert!(ran.stdout.contains("unknown key") && ran.stdout.contains("there is no such file"), "{ran:?}");
    assert!(ran.stderr.contains("2 missions checked: 2 errors"), "{ran:?}");
}

#[test]
fn roles_are_checked_where_there_is_no_mission() {
    let world = World::new();
    world.write("roles/broken.md", "---\nname: broken\nnonsense: yes\n---\n{{#if}}\n");
    let ran = world.run(["mission", "validate", "--format", "short"]).exits(2);
    assert!(ran.stdout.contains("roles/broken.md"), "{ran:?}");
}

#[test]
fn a_plan_is_told_as_it_will_be_carried_out() {
    let world = world(
        "[concurrency]\nmax = 2\n[budget]\nusd = 5\ntime = \"1h\"\n[merge]\nchecks = [\"true\"]\n\
         [tasks.design]\nrole = \"architect\"\nagent = \"rehearsal\"\nprompt = \"Design.\"\ntouches = [\"docs/**\"]\n\
         [tasks.build]\nneeds = [\"design\"]\nrun = [\"make\", \"all\"]\nchecks = [\"test -e out\"]\ntouches = [\"out\"]\n\
         [tasks.other]\nrun = [\"true\"]\ntouches = [\"docs/*.md\"]\n",
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/cli");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        insta::assert_snapshot!("plan", world.run(["mission", "plan", "mission.toml"]).exits(0).stdout);
    });
}
