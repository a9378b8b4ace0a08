//! Promise 16, golden journals: the journal of a run of every release stays readable, from its first event to each,
//! and can be gone on with.
//!
//! A release cuts its own: `cargo test --test it golden::cut_one -- --ignored` plays [`MISSION`], with everything of the
//! language that leaves events, up to a gate, and writes `tests/fixtures/journals/v<version>/`: the run's folder as it
//! is, but for the places of this machine, and the repository as a bundle. It is committed, and never written again.
//! `INSTA_UPDATE=always cargo test --test it golden::` takes what is shown of it.

use std::fs;
use std::path::{Path, PathBuf};

use ai_sdlc::journal::{Journal, Record};
use ai_sdlc::kernel::Run;
use ai_sdlc::kernel::event::Event;
use tempfile::TempDir;

use crate::world::World;

const MISSION: &str = r#"
[mission]
name = "golden"
description = "A little of everything."
[concurrency]
max = 2
[budget]
usd = 2.5
[workspace]
setup = ["true"]
[merge]
into = "main"
checks = ["true"]
[tasks.plan]
role = "writer"
prompt = "Plan it."
touches = []
outputs.parts = ["string"]
[tasks.build]
needs = ["plan"]
for_each = { part = "tasks.plan.outputs.parts" }
role = "writer"
prompt = "Build {{part}}."
review = "critic"
touches = ["{{part}}.txt"]
[tasks.judge]
needs = ["build"]
role = "critic"
prompt = "Judge it."
rework = ["build"]
touches = []
[tasks.flaky]
run = "test -e $HOME/tried || { touch $HOME/tried; echo not yet >&2; exit 1; }; seq 3; echo f > flaky.txt; echo made > \"$AI_SDLC_ARTIFACTS/made\""
retry = { max = 2, backoff = "10ms" }
cache = { inputs = ["README.md"] }
[tasks.mend]
role = "writer"
prompt = "Mend it."
rounds = 2
checks = ["grep -q right mend.txt"]
[tasks.fails]
run = "echo it cannot be >&2; exit 7"
optional = true
[tasks.never]
when = "false"
run = "true"
[tasks.ask]
needs = ["judge", "mend", "flaky"]
gate = "Good?"
rework = ["build"]
[tasks.after]
needs = ["ask"]
run = "cat a.txt b.txt > after.txt"
[tasks.tell]
needs = ["after"]
role = "writer"
prompt = "Tell."
[tasks.tidy]
join = "always"
run = "echo tidied > tidied.txt"
"#;

const SCENARIO: &str = r#"
[[sessions]]
task = "plan"
play = [{ say = "planning" }, { use = { input = 900, output = 40, usd = 0.02 } }, { hand_over = { status = "done", summary = "Two parts.", outputs = { parts = ["a", "b"] } } }]
[[sessions]]
kind = "review"
task = "build[a]"
attempt = 1
round = 1
play = [{ hand_over = { status = "done", summary = "Not yet.", verdict = "rework", reasons = ["say more"] } }]
[[sessions]]
task = "judge"
attempt = 1
play = [{ hand_over = { status = "done", summary = "No.", verdict = "rework", reasons = ["all of it"] } }]
[[sessions]]
task = "mend"
round = 1
play = [{ write = "mend.txt", text = "wrong\n" }, { progress = "writing" }, { use = { usd = 0.11 } }]
[[sessions]]
task = "mend"
play = [{ write = "mend.txt", text = "right\n" }]
[[sessions]]
kind = "work"
task = "build"
play = [{ run = ["sh", "-c", "echo $AI_SDLC_VAR_PART $AI_SDLC_ROUND >> $AI_SDLC_VAR_PART.txt"] }]
"#;

const WRITER: &str = "---\nname: writer\ndescription: Writes.\nkind: code\n---\nYou write.\n{{task.prompt}}\n";
const CRITIC: &str = "---\nname: critic\ndescription: Reads.\nkind: coordination\n---\nYou read.\n{{task.prompt}}\n";

/// What stands for the places of the machine where a journal was cut.
const PLACE: &str = "/golden";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journals")
}

/// The journals there are, by release.
fn journals() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

fn only_folder(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap()
}

/// Copies what was cut of a run.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Reads a copy: a database leaves files beside it even where it is only read.
fn read(run: &Path) -> Vec<Record> {
    let place = TempDir::new().unwrap();
    copy(run, place.path());
    Journal::read(place.path()).unwrap()
}

/// Writes a journal again with other places in it.
fn moved(records: Vec<Record>, from: &str, to: &str, into: &Path) {
    let moved = records.into_iter().map(|record| {
        let text = serde_json::to_string(&record.event).unwrap().replace(from, to);
        (record.at, serde_json::from_str(&text).unwrap())
    });
    let events: Vec<_> = moved.collect();
    Journal::create(into).unwrap().append(&events).unwrap();
}

/// Not a test: how a release cuts its journal.
#[test]
#[ignore = "writes the golden journal of this release"]
fn cut_one() {
    let world = World::new();
    world.write("s.toml", SCENARIO);
    world.write("roles/writer.md", WRITER);
    world.write("roles/critic.md", CRITIC);
    world.mission(MISSION);
    let run = ["mission", "run", "mission.toml", "-y", "--agent", "rehearsal", "--scenario", "s.toml"];
    world.run(run).exits(3);
    world.run(["run", "reject", "@", "ask", "-m", "Not so fast."]).exits(0);
    world.run(["run", "resume"]).exits(3);
    let (major, minor) = (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    let into = fixtures().join(format!("v{major}.{minor}"));
    drop(fs::remove_dir_all(&into));
    let dir = only_folder(&world.project().join(".git/ai-sdlc/runs"));
    let to = into.join("runs").join(dir.file_name().unwrap());
    moved(Journal::read(&dir).unwrap(), &world.root().display().to_string(), PLACE, &to);
    fs::copy(dir.join("run.json"), to.join("run.json")).unwrap();
    let bundle = into.join("repository.bundle").display().to_string();
    world.git(["bundle", "create", "-q", &bundle, "--all"]);
}

#[test]
fn every_prefix_of_a_golden_journal_folds() {
    for journal in journals() {
        let records = read(&only_folder(&journal.join("runs")));
        let pairs: Vec<_> = records.iter().map(|record| (record.at, record.event.clone())).collect();
        for length in 1..=pairs.len() {
            let run = Run::fold(pairs[..length].to_vec()).unwrap();
            // What was read and written again is the same.
            let again = pairs[..length].iter().map(|(at, event)| {
                let text = serde_json::to_string(event).unwrap();
                (*at, serde_json::from_str::<Event>(&text).unwrap())
            });
            let again = Run::fold(again).unwrap();
            assert!(run.state() == again.state(), "{}: {length}", journal.display());
            assert_eq!(run.is_over(), matches!(pairs[length - 1].1, Event::RunFinished { .. }), "{length}");
        }
        let kinds: std::collections::BTreeSet<String> = pairs
            .iter()
            .map(|(_, event)| serde_json::to_value(event).unwrap()["type"].as_str().unwrap().to_owned())
            .collect();
        for kind in ["expanded", "reviewed", "sent-back", "gate-answered", "backing-off", "round-failed", "run-resumed"]
        {
            assert!(kinds.contains(kind), "no {kind} in {}", journal.display());
        }
    }
}

/// A machine with the repository of a golden journal, and its run where it was.
fn world_of(journal: &Path) -> World {
    let world = World::bare();
    world.git(["init", "-q", "-b", "main"]);
    world.git(["config", "user.name", "Ada"]);
    world.git(["config", "user.email", "ada@example.org"]);
    let bundle = journal.join("repository.bundle").display().to_string();
    world.git(["fetch", "-q", "--update-head-ok", &bundle, "+refs/*:refs/*"]);
    world.git(["reset", "-q", "--hard", "main"]);
    world
}

#[test]
fn a_golden_journal_is_shown() {
    for journal in journals() {
        let world = world_of(&journal);
        let from = only_folder(&journal.join("runs"));
        let to = world.project().join(".git/ai-sdlc/runs").join(from.file_name().unwrap());
        copy(&from, &to);
        let release = journal.file_name().unwrap().to_str().unwrap().to_owned();
        for args in [["run", "show"], ["run", "why"], ["run", "report"], ["run", "list"]] {
            let ran = world.run(args).exits(0);
            insta::assert_snapshot!(format!("golden_{release}_{}", args[1]), ran.stdout);
        }
    }
}

#[test]
fn a_golden_journal_is_gone_on_with() {
    for journal in journals() {
        let world = world_of(&journal);
        let from = only_folder(&journal.join("runs"));
        let to = world.project().join(".git/ai-sdlc/runs").join(from.file_name().unwrap());
        moved(read(&from), PLACE, &world.root().display().to_string(), &to);
        let before = world.events().len();
        world.run(["run", "approve", "@", "ask"]).exits(0);
        // What was optional has failed again; all else is made, and nothing that was done is done again.
        world.run(["run", "resume"]).exits(0);
        assert_eq!(world.read("after.txt"), format!("{}{}", world.read("a.txt"), world.read("b.txt")));
        assert_eq!(world.read("mend.txt"), "right\n");
        let started: Vec<String> = world.events()[before..]
            .iter()
            .filter(|event| event["type"] == "task-started")
            .map(|event| event["task"].as_str().unwrap().to_owned())
            .collect();
        for done in ["plan", "build[a]", "build[b]", "judge", "flaky", "mend"] {
            assert!(!started.iter().any(|task| task == done), "{done} is done again: {started:?}");
        }
        assert_eq!(world.git(["fsck", "--no-dangling"]), "");
    }
}
