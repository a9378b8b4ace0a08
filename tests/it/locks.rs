//! Runs that meet: who is refused, what they are told, who goes on beside another, who takes over from the dead.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::world::{Ran, World, finish, send, wait_for};

/// A mission that says in the home that it has begun, and waits there to be let go.
fn waits(name: &str, tables: &str) -> String {
    format!(
        "[mission]\nname = \"{name}\"\n{tables}\n[tasks.a]\nrun = \"\"\"touch $HOME/{name}-up; until test -e $HOME/go; do sleep 0.02; done; echo {name} > {name}.txt\"\"\"\n"
    )
}

const INTO_MAIN: &str = "[merge]\ninto = \"main\"";
const DIRECTORY: &str = "[workspace]\nmode = \"directory\"";

/// Two missions that deliver to `main`, one of them under way.
fn one_under_way(tables: [&str; 2]) -> (World, Child) {
    let world = World::new();
    world.write("one.toml", &waits("one", tables[0]));
    world.write("two.toml", &waits("two", tables[1]));
    world.commit("missions");
    let child = begun(&world, "one");
    (world, child)
}

fn begun(world: &World, name: &str) -> Child {
    let file = format!("{name}.toml");
    let child = world.start(["mission", "run", &file, "--yes", "--ui", "plain"]);
    wait_for("the first task", || world.home().join(format!("{name}-up")).exists());
    child
}

fn let_go(world: &World) {
    fs::write(world.home().join("go"), "").unwrap();
}

/// What is told, without what differs from run to run.
fn shown(world: &World, text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        let mut words: Vec<String> = Vec::new();
        for word in line.split(' ') {
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let is_run = bare.len() == 8 && bare.bytes().all(|b| b"bcdfghjklmnpqrstvwxz0123456789".contains(&b));
            let after = words.last().map(String::as_str);
            let known = match after {
                _ if is_run && bare.parse::<u64>().is_err() => Some("RUN"),
                Some("process") => Some("PID"),
                Some("on") if words.iter().rev().nth(1).is_some_and(|word| word == "PID") => Some("HOST"),
                Some("since") => Some("CLOCK"),
                _ => None,
            };
            words.push(known.map_or_else(|| word.to_owned(), |known| word.replace(bare, known)));
        }
        shown.push_str(&words.join(" "));
        shown.push('\n');
    }
    for ago in ["less than a minute ago", "1 minute ago", "2 minutes ago"] {
        shown = shown.replace(ago, "AGO");
    }
    shown.replace(&world.project().to_string_lossy().into_owned(), "PROJECT")
}

#[test]
fn two_runs_do_not_deliver_to_one_branch() {
    let (world, first) = one_under_way([INTO_MAIN, INTO_MAIN]);
    let before = world.git(["for-each-ref"]);
    for args in [&["mission", "run", "two.toml", "--yes"][..], &["mission", "run", "two.toml", "--dry-run"]] {
        let refused = Ran::of(&world.program().args(args).output().unwrap()).exits(6);
        assert_eq!(refused.stdout, "");
        insta::allow_duplicates! { insta::assert_snapshot!(shown(&world, &refused.stderr)); }
    }
    assert_eq!(world.git(["for-each-ref"]), before, "nothing was made");
    let_go(&world);
    finish(first).exits(0);
    world.run(["mission", "run", "two.toml", "--yes"]).exits(0);
    assert_eq!(world.git(["show", "main:two.txt"]), "two");
}

#[test]
fn linked_worktrees_share_the_lock_and_other_branches_do_not() {
    let (world, first) = one_under_way([INTO_MAIN, INTO_MAIN]);
    let linked = world.project().with_file_name("linked");
    world.git(["worktree", "add", "-q", "-b", "next", &linked.to_string_lossy()]);
    let there = |file: &str| {
        let output = world.program().current_dir(&linked).args(["mission", "run", file, "--yes"]).output().unwrap();
        Ran::of(&output)
    };
    let refused = there("two.toml").exits(6);
    let project = world.project().display().to_string();
    assert!(refused.stderr.contains(&format!("ai-sdlc -C {project} run abort")), "{refused:?}");
    fs::write(
        linked.join("three.toml"),
        "[mission]\nname = \"three\"\n[merge]\ninto = \"next\"\n[tasks.a]\nrun = \"true\"\n",
    )
    .unwrap();
    there("three.toml").exits(0);
    let_go(&world);
    finish(first).exits(0);
}

#[test]
fn who_was_killed_is_taken_over_with_a_warning() {
    let (world, first) = one_under_way([INTO_MAIN, INTO_MAIN]);
    let killed = first.id();
    send(killed, Signal::KILL);
    let _killed = finish(first);
    let_go(&world);
    let second = world.run(["mission", "run", "two.toml", "--yes", "--ui", "none"]).exits(0);
    insta::assert_snapshot!(shown(&world, &second.stderr));
    assert!(second.stderr.contains(&format!("process {killed} ")), "{second:?}");
    let third = world.run(["mission", "run", "two.toml", "--yes", "--ui", "none"]).exits(0);
    assert!(!third.stderr.contains("taken over"), "it is told once");

    let runs: serde_json::Value = serde_json::from_str(&world.run(["run", "list", "--json"]).exits(0).stdout).unwrap();
    let dead = runs["runs"].as_array().unwrap().iter().find(|run| run["state"] == "interrupted").unwrap();
    let resumed = world.run(["run", "resume", dead["run"].as_str().unwrap(), "--ui", "json"]).exits(0);
    insta::assert_snapshot!("resumed", shown(&world, &resumed.stderr));
    assert_eq!(world.git(["show", "main:one.txt"]), "one");
}

#[test]
fn one_that_is_stopped_holds_and_that_is_said() {
    let (world, first) = one_under_way([INTO_MAIN, INTO_MAIN]);
    send(first.id(), Signal::STOP);
    wait_for("it stops", || fs::read_to_string(format!("/proc/{}/stat", first.id())).unwrap().contains(") T "));
    let refused = world.run(["mission", "run", "two.toml", "--yes"]).exits(6);
    assert!(refused.stderr.contains(&format!("`kill -CONT {}` lets it go on", first.id())), "{refused:?}");
    let resumed = world.run(["run", "resume"]).exits(6);
    assert!(resumed.stderr.contains("is stopped and does not move"), "{resumed:?}");
    assert!(!resumed.stderr.contains("--force"), "one engine a run: {resumed:?}");
    send(first.id(), Signal::CONT);
    let_go(&world);
    finish(first).exits(0);
}

#[test]
fn directories_that_meet_are_one_runs_at_a_time() {
    let (world, first) = one_under_way([DIRECTORY, INTO_MAIN]);
    let refused = world.run(["mission", "run", "two.toml", "--yes"]).exits(6);
    assert!(refused.stderr.contains("branch `main` is checked out in "), "{refused:?}");
    assert!(refused.stderr.contains("where run "), "{refused:?}");
    // A project of its own, inside: its runs lie elsewhere.
    world.write("inner/.ai-sdlc/config.toml", "");
    world.write("inner/two.toml", &waits("two", DIRECTORY));
    let inner = world.project().join("inner");
    let mut git = world.command(world.home().join("../bin/git"));
    assert!(git.current_dir(&inner).args(["init", "-q"]).status().unwrap().success());
    let ran = world.program().current_dir(&inner).args(["mission", "run", "two.toml", "--yes"]).output().unwrap();
    let refused = Ran::of(&ran).exits(6);
    assert!(refused.stderr.contains("/inner is inside "), "{refused:?}");
    let_go(&world);
    finish(first).exits(0);
    let ran = world.program().current_dir(&inner).args(["mission", "run", "two.toml", "--yes"]).output().unwrap();
    Ran::of(&ran).exits(0);
}

#[test]
fn a_branch_that_is_checked_out_where_a_directory_run_begins_is_in_its_way() {
    let (world, first) = one_under_way([INTO_MAIN, DIRECTORY]);
    let refused = world.run(["mission", "run", "two.toml", "--yes"]).exits(6);
    assert!(refused.stderr.contains("delivers to `main`"), "{refused:?}");
    let_go(&world);
    finish(first).exits(0);
}

#[test]
fn force_goes_on_beside_another_and_both_deliver() {
    let (world, first) = one_under_way([INTO_MAIN, INTO_MAIN]);
    let unanswered = world.run(["mission", "run", "two.toml", "--force"]).exits(2);
    assert!(unanswered.stderr.contains("give `--yes`"), "{unanswered:?}");
    let shown_first = world.run(["mission", "run", "two.toml", "--force", "--dry-run"]).exits(0);
    assert!(shown_first.stdout.contains("is what run "), "{shown_first:?}");
    let second = world.start(["mission", "run", "two.toml", "--force", "--yes", "--ui", "plain"]);
    wait_for("the second's task", || world.home().join("two-up").exists());
    // A third sees both, and the second when the first is gone.
    world.run(["mission", "run", "two.toml", "--yes"]).exits(6);
    let_go(&world);
    finish(first).exits(0);
    let second = finish(second).exits(0);
    assert!(second.stderr.contains("nothing of it is overwritten"), "{second:?}");
    assert_eq!(world.git(["show", "main:one.txt"]), "one");
    assert_eq!(world.git(["show", "main:two.txt"]), "two");
    assert_eq!(world.git(["status", "--porcelain"]), "");
}

#[test]
fn force_holds_for_an_engine_in_the_background_too() {
    let (world, first) = one_under_way([INTO_MAIN, INTO_MAIN]);
    let second = world.run(["mission", "run", "two.toml", "--force", "--yes", "--detach"]).exits(0);
    assert!(second.stderr.contains("nothing of it is overwritten"), "{second:?}");
    wait_for("the second's task", || world.home().join("two-up").exists());
    let_go(&world);
    finish(first).exits(0);
    world.run(["run", "watch", second.stdout.trim(), "--exit-status"]).exits(0);
    assert_eq!(world.git(["show", "main:two.txt"]), "two");
}

#[test]
fn a_person_on_a_terminal_is_asked_about_the_other_run() {
    let (world, first) = one_under_way([INTO_MAIN, INTO_MAIN]);
    let (code, shown) = on_a_terminal(&world, &["mission", "run", "two.toml", "--force"], "n\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Go on beside that run? [y/N]") && shown.contains("Nothing was begun."), "{shown}");
    assert!(!shown.contains("Begin?"), "{shown}");
    let (code, shown) = on_a_terminal(&world, &["mission", "run", "two.toml", "--force"], "y\nn\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Begin?") && shown.contains("Nothing was begun."), "{shown}");
    // Without the flag nobody is asked.
    let (code, shown) = on_a_terminal(&world, &["mission", "run", "two.toml"], "y\ny\n");
    assert_eq!(code, Some(6), "{shown}");
    assert!(!shown.contains("[y/N]"), "{shown}");
    let_go(&world);
    finish(first).exits(0);
}

/// Runs the program on a terminal of its own and types.
fn on_a_terminal(world: &World, args: &[&str], keys: &str) -> (Option<i32>, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
    let mut command = world.command(world.home().join("../bin/setsid"));
    command.args(["-c", "-w", env!("CARGO_BIN_EXE_ai-sdlc")]).args(args);
    let mut child = command.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
    drop(command);
    let mut terminal = File::from(master);
    terminal.write_all(keys.as_bytes()).unwrap();
    let code = child.wait().unwrap().code();
    let (mut shown, mut bytes) = (String::new(), [0_u8; 4096]);
    // Reading a terminal whose other side is closed is an error.
    while let Ok(length @ 1..) = terminal.read(&mut bytes) {
        shown.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
    (code, shown)
}

#[test]
fn a_lock_that_cannot_be_written_is_told_as_what_it_is() {
    let (world, first) = one_under_way([INTO_MAIN, INTO_MAIN]);
    send(first.id(), Signal::KILL);
    let _killed = finish(first);
    let run = fs::read_dir(world.project().join(".git/ai-sdlc/runs")).unwrap().next().unwrap().unwrap().path();
    let lock = run.join("lock");
    let note = fs::read(&lock).unwrap();
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let refused = world.run(["run", "resume"]).exits(5);
    assert!(refused.stderr.contains("journal::no-lock"), "{refused:?}");
    fs::remove_dir(&lock).unwrap();
    fs::write(&lock, note).unwrap();
    let_go(&world);
    let resumed = world.run(["run", "resume"]).exits(0);
    assert!(resumed.stderr.contains("the engine that drove this run died"), "{resumed:?}");
    assert!(Path::new(&run).exists());
}
