//! Engines killed at random moments: a run of the whole language comes to the same end. What is promised of kills is
//! played in `promises`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::world::{World, finish, send, wait_within};

/// Starts an engine and kills it after so many more events; `None` when it came to its end before.
fn kill_after(world: &World, args: &[&str], events: usize) -> Option<()> {
    let mut command = world.program();
    let mut child: Child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen = lines.take(events).flatten().count();
    if seen < events {
        let _done = finish(child).exits(0);
        return None;
    }
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    Some(())
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
            kill_after(&world, args, after).expect("so many events are told");
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
