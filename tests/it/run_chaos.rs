//! Engines killed at random moments, again and again, until the run is done: nothing that had ended runs again.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::world::{World, finish, send, wait_within};

const KILLS: usize = 12;

const SCENARIO: &str = r#"
[[sessions]]
task = "rework"
round = 1
play = [{ write = "rework.txt", text = "wrong\n" }, { run = ["sh", "-c", "echo $AI_SDLC_TASK $AI_SDLC_ATTEMPT $AI_SDLC_ROUND >> $HOME/ledger"] }]
[[sessions]]
task = "rework"
play = [{ write = "rework.txt", text = "right\n" }, { run = ["sh", "-c", "echo $AI_SDLC_TASK $AI_SDLC_ATTEMPT $AI_SDLC_ROUND >> $HOME/ledger"] }]
[[sessions]]
play = [
  { run = ["sh", "-c", "echo $AI_SDLC_TASK > $AI_SDLC_TASK.txt; echo $AI_SDLC_TASK $AI_SDLC_ATTEMPT $AI_SDLC_ROUND >> $HOME/ledger"] },
]
"#;

const LEDGER: &str =
    "echo $AI_SDLC_TASK > $AI_SDLC_TASK.txt; echo $AI_SDLC_TASK $AI_SDLC_ATTEMPT $AI_SDLC_ROUND >> $HOME/ledger";

fn mission() -> String {
    let command = |id: &str, more: &str| format!("[tasks.{id}]\nrun = \"{LEDGER}\"\n{more}\n");
    let agent = |id: &str, more: &str| format!("[tasks.{id}]\nrole = \"dev\"\nprompt = \"Do it.\"\n{more}\n");
    let tasks = [
        command("c1", ""),
        command("c2", ""),
        command("c3", "needs = [\"c1\"]"),
        agent("s1", ""),
        agent("s2", "needs = [\"c2\"]"),
        agent("rework", "checks = [\"grep -q right rework.txt\"]\nneeds = [\"c1\"]"),
        format!(
            "[tasks.flaky]\nneeds = [\"c3\"]\nrun = \"test -e $HOME/tried || {{ touch $HOME/tried; exit 1; }}; {LEDGER}\"\nretry = {{ max = 2, backoff = \"10ms\" }}\n"
        ),
        command("chain", "needs = [\"s1\"]"),
        command("link", "needs = [\"chain\"]\nworkspace = { with = \"chain\" }"),
        command("last", "needs = [\"flaky\", \"rework\", \"s2\", \"link\"]"),
    ];
    format!(
        "[mission]\nname = \"chaos\"\n[concurrency]\nmax = 2\n[workspace]\nsetup = [\"true\"]\n[merge]\ninto = \"main\"\ndeliver = \"each\"\nchecks = [\"true\"]\n{}",
        tasks.concat()
    )
}

/// How often each piece of work was done to its end, by task, attempt and round.
fn ledger(world: &World) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(world.home().join("ledger")).unwrap_or_default();
    text.lines().fold(BTreeMap::new(), |mut counts, line| {
        *counts.entry(line.to_owned()).or_default() += 1;
        counts
    })
}

/// The pieces of work whose end the journal holds.
fn ended(events: &[Value]) -> Vec<String> {
    let ends = events.iter().filter(|event| event["type"] == "session-ended");
    let complete = ends.filter(|event| event["end"]["how"].to_string().contains("completed"));
    complete.map(|e| format!("{} {} {}", e["task"].as_str().unwrap(), e["attempt"], e["round"])).collect()
}

/// Starts an engine and kills it after so many more events; `None` when it came to its end before.
fn kill_after(world: &World, args: &[&str], events: usize, signals: &[(&str, Signal)]) -> Option<()> {
    let mut command = world.program();
    let mut child: Child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen = lines.take(events).flatten().count();
    if seen < events {
        let _done = finish(child).exits(0);
        return None;
    }
    for (whom, signal) in signals {
        let found = world.processes().into_iter().find(|(_, command)| command.contains(whom));
        if let Some(pid) = found.and_then(|(pid, _)| u32::try_from(pid).ok()) {
            send(pid, *signal);
        }
    }
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    Some(())
}

#[test]
fn nothing_that_ended_runs_again_however_often_the_engine_dies() {
    let seed = std::env::var("CHAOS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("seed: CHAOS_SEED={seed}");
    let mut draws = fastrand::Rng::with_seed(seed);
    let world = World::new();
    world.write("scenario.toml", SCENARIO);
    world.write("roles/dev.md", "---\nname: dev\ndescription: Writes code.\nkind: code\n---\n{{task.prompt}}\n");
    world.mission(&mission());
    world.git(["branch", "mine"]);
    let mine = world.git(["rev-parse", "mine"]);
    let begin = [
        "mission",
        "run",
        "mission.toml",
        "--agent",
        "rehearsal",
        "--scenario",
        "scenario.toml",
        "--yes",
        "--ui",
        "json",
    ];
    let resume = ["run", "resume", "--ui", "json"];
    let mut args: &[&str] = &begin;
    let mut final_counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut kills = 0;
    while kills < KILLS && kill_after(&world, args, draws.usize(1..14), &[]).is_some() {
        kills += 1;
        args = &resume;
        wait_within(Duration::from_secs(5), "no process left", &mut || world.processes().is_empty());
        let counts = ledger(&world);
        for work in ended(&world.events()) {
            if let Some(count) = counts.get(&work) {
                final_counts.entry(work).or_insert(*count);
            }
        }
    }
    if kills == KILLS {
        let _done = world.run(["run", "resume"]).exits(0);
    }
    println!("killed {kills} times");
    let counts = ledger(&world);
    for (work, count) in &final_counts {
        assert_eq!(counts.get(work), Some(count), "`{work}` ran again after its end was durable");
    }
    for task in ["c1", "c2", "c3", "s1", "s2", "flaky", "chain", "link", "last"] {
        assert_eq!(world.read(&format!("{task}.txt")), format!("{task}\n"));
    }
    assert_eq!(world.read("rework.txt"), "right\n");
    assert_eq!(world.git(["status", "--porcelain"]), "");
    assert_eq!(world.git(["rev-parse", "mine"]), mine);
    assert_eq!(world.git(["fsck", "--no-dangling"]), "");
    assert_eq!(world.processes(), []);
    let merged = world.events().iter().filter(|event| event["type"] == "task-finished").count();
    assert_eq!(merged, 10, "each task ends once");
    let subjects = world.git(["log", "--format=%s", "main"]);
    assert_eq!(subjects.lines().filter(|line| *line == "c1").count(), 1, "{subjects}");
}

const LANGUAGE: &str = r#"
[mission]
name = "language"
[concurrency]
max = 2
[merge]
into = "main"
[tasks.build]
for_each = { part = ["a", "b"] }
role = "full-stack-dev"
prompt = "Build {{part}}."
review = "tech-lead"
touches = ["{{part}}.txt"]
[tasks.judge]
needs = ["build"]
role = "tech-lead"
prompt = "Judge it."
rework = ["build"]
touches = []
[tasks.ask]
needs = ["judge"]
gate = "Good?"
rework = ["build"]
[tasks.after]
needs = ["ask"]
run = "cat a.txt b.txt > after.txt"
[tasks.tidy]
join = "always"
run = "echo tidied > tidied.txt"
"#;

const ANSWERS: &str = r#"
[[sessions]]
kind = "review"
task = "build[a]"
attempt = 1
round = 1
play = [{ hand_over = { status = "done", summary = "Not yet.", verdict = "rework", reasons = ["again"] } }]
[[sessions]]
task = "judge"
attempt = 1
play = [{ hand_over = { status = "done", summary = "No.", verdict = "rework", reasons = ["all of it"] } }]
[[sessions]]
kind = "work"
play = [{ run = ["sh", "-c", "case $AI_SDLC_TASK in build*) printf x > $AI_SDLC_VAR_PART.txt; echo $AI_SDLC_TASK >> $AI_SDLC_VAR_PART.txt;; esac"] }]
"#;

/// How the tasks of the latest run ended, and what was delivered.
fn end_of(world: &World) -> (BTreeMap<String, String>, String) {
    let ends = world.events().into_iter().filter(|event| event["type"] == "task-finished");
    let ends = ends.map(|event| (event["task"].to_string(), event["outcome"]["kind"].to_string()));
    (ends.collect(), world.git(["ls-tree", "-r", "main"]))
}

#[test]
fn a_run_of_the_whole_language_comes_to_the_same_end_wherever_its_engine_died() {
    let seed = std::env::var("CHAOS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("seed: CHAOS_SEED={seed}");
    let mut draws = fastrand::Rng::with_seed(seed);
    let prepared = || {
        let world = World::new();
        world.write("s.toml", ANSWERS);
        world.mission(LANGUAGE);
        world
    };
    let begin =
        ["mission", "run", "mission.toml", "--agent", "rehearsal", "--scenario", "s.toml", "-y", "--ui", "json"];
    let (resume, going_on) = (["run", "resume"], ["run", "resume", "--ui", "json"]);
    let reject = |world: &World| world.run(["run", "reject", "@", "ask", "-m", "not so fast"]).exits(0);
    let whole = prepared();
    whole.run(begin).exits(3);
    let first = whole.events().len();
    reject(&whole);
    whole.run(resume).exits(3);
    let second = whole.events().len() - first;
    whole.run(["run", "approve", "@", "ask"]).exits(0);
    whole.run(resume).exits(0);
    let (events, wanted) = (whole.events(), end_of(&whole));
    let kinds = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert!(kinds("sent-back") >= 2 && kinds("expanded") >= 1 && kinds("reviewed") >= 3, "{events:#?}");
    for _ in 0..3 {
        let world = prepared();
        let mut die = |args: &[&str], events: usize| {
            let after = draws.usize(1..events - 5);
            println!("killed after {after} events of `{}`", args.join(" "));
            kill_after(&world, args, after, &[]).expect("so many events are told");
            wait_within(Duration::from_secs(5), "no process left", &mut || world.processes().is_empty());
        };
        die(&begin, first);
        world.run(resume).exits(3);
        reject(&world);
        die(&going_on, second);
        world.run(resume).exits(3);
        world.run(["run", "approve", "@", "ask"]).exits(0);
        world.run(resume).exits(0);
        assert_eq!(end_of(&world), wanted);
        assert_eq!(world.processes(), []);
    }
}
