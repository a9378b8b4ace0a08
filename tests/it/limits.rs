//! Limits of agents, services that fail, agents that are taken out, and the pace: whole runs of the rehearsal agent.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::world::{Ran, World, finish, send, wait_for};

/// A mission whose agent plays this scenario.
fn world(scenario: &str, mission: &str) -> World {
    let world = World::new();
    world.write("scenario.toml", scenario);
    let agent = "[agents.robot]\nbackend = \"rehearsal\"\nscenario = \"scenario.toml\"\n[defaults]\nagent = \"robot\"\nrole = \"full-stack-dev\"\n";
    world.mission(&format!("[mission]\nname = \"m\"\n{agent}{mission}"));
    world
}

/// All that it printed: lines as things happen, then the report.
fn said(ran: &Ran) -> String {
    format!("{}{}", ran.stderr, ran.stdout)
}

const RUN: [&str; 4] = ["mission", "run", "mission.toml", "--yes"];

fn of_type(world: &World, kind: &str) -> Vec<Value> {
    world.events().into_iter().filter(|event| event["type"] == kind).collect()
}

/// The moment of an event, in milliseconds.
fn at(event: &Value) -> i64 {
    event["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn a_limit_is_waited_for_in_the_same_attempt_and_conversation() {
    let scenario = r#"
[[sessions]]
task = "a"
session = 1
play = [{ append = "a.txt", text = "half\n" }, { fail = "limited", wait = "2s", why = "429: slow down" }]
[[sessions]]
task = "a"
play = [{ append = "a.txt", text = "whole\n" }]
"#;
    let world = world(
        scenario,
        "[merge]\ninto = \"main\"\n[concurrency]\nmax = 1\n[tasks.a]\nprompt = \"x\"\n[tasks.b]\nprompt = \"y\"\n",
    );
    let ran = world.run(RUN).exits(0);
    assert!(said(&ran).contains("limited robot is limited for"), "{ran:?}");
    assert!(said(&ran).contains("429: slow down"), "{ran:?}");
    assert!(said(&ran).contains("robot was limited once"), "{ran:?}");
    assert_eq!(world.read("a.txt"), "half\nwhole\n", "it goes on in its worktree");
    let sessions: Vec<Value> =
        of_type(&world, "session-started").into_iter().filter(|one| one["task"] == "a").collect();
    let seen: Vec<_> = sessions.iter().map(|one| (&one["attempt"], &one["round"], &one["session"])).collect();
    assert_eq!(seen, [(&1.into(), &1.into(), &1.into()), (&1.into(), &1.into(), &2.into())]);
    let named = of_type(&world, "conversation-named").remove(0);
    assert_eq!(sessions[1]["conversation"], named["conversation"]);
    let limited = of_type(&world, "limited").remove(0);
    assert_eq!((&limited["agent"], &limited["task"], &limited["by"]), (&"robot".into(), &"a".into(), &"wait".into()));
    assert!(at(&sessions[1]) - at(&limited) >= 2_000, "it was not waited for");
    assert!(of_type(&world, "task-started").iter().all(|one| one["attempt"] == 1));
    let report = world.report();
    assert_eq!((&report["agents"][0]["standing"], &report["agents"][0]["limits"]), (&"well".into(), &1.into()));
}

#[test]
fn a_limit_survives_the_death_of_the_engine() {
    let scenario = r#"
[[sessions]]
task = "a"
session = 1
play = [{ fail = "limited", wait = "8s", why = "usage limit" }]
"#;
    let world = world(scenario, "[tasks.a]\nprompt = \"x\"\n");
    let child = world.start(RUN);
    wait_for("the task to wait for its agent", || world.run(["run", "events"]).stdout.contains("agent-awaited"));
    let why = world.run(["run", "why", "a"]).exits(0).stdout;
    assert!(why.contains("waits for `robot`, which is limited") && why.contains("usage limit"), "{why}");
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    world.run(["run", "resume"]).exits(0);
    let started = of_type(&world, "session-started");
    let limited = of_type(&world, "limited");
    assert_eq!((started.len(), limited.len()), (2, 1));
    assert!(at(&started[1]) - at(&limited[0]) >= 8_000, "it was asked before its limit was over");
    assert_eq!((&started[1]["attempt"], &started[1]["round"]), (&1.into(), &1.into()));
    assert!(started[1]["conversation"].is_string(), "{:#}", started[1]);
}

#[test]
fn a_wrong_login_is_not_asked_by_everyone_and_a_resume_tries_it_again() {
    let scenario = r#"
[[sessions]]
play = [{ run = ["sh", "-c", "test -e $HOME/logged-in || touch $HOME/asked-$AI_SDLC_TASK"] }, { fail = "misconfigured", why = "401: not logged in" }]
"#;
    let tasks = (0..8).map(|n| format!("[tasks.t{n}]\nprompt = \"x\"\n")).collect::<Vec<_>>().concat();
    let world = world(scenario, &format!("[concurrency]\nmax = 1\n{tasks}"));
    let ran = world.run(RUN).exits(1);
    assert!(said(&ran).contains("suspended robot is taken out until the run is resumed"), "{ran:?}");
    assert_eq!(of_type(&world, "session-started").len(), 3, "the others do not ask");
    assert!(world.task("t7")["failure"]["message"].as_str().unwrap().contains("401: not logged in"));
    let why = world.run(["run", "why", "t7"]).exits(0).stdout;
    assert!(why.contains("`ai-sdlc run resume"), "{why}");
    let again = world.run(["run", "resume"]).exits(1);
    assert_eq!(of_type(&world, "session-started").len(), 4, "one session tries it: {again:?}");
}

#[test]
fn an_agent_that_crashes_in_a_row_is_taken_out_and_tried_with_one() {
    let scenario = r#"
[[sessions]]
task = "good"
play = []
[[sessions]]
play = [{ fail = "crash" }]
"#;
    let bad = (0..3).map(|n| format!("[tasks.bad{n}]\nprompt = \"x\"\npriority = 5\n")).collect::<Vec<_>>().concat();
    let world = world(scenario, &format!("[concurrency]\nmax = 1\n{bad}[tasks.good]\nprompt = \"x\"\n"));
    let ran = world.run(RUN).exits(1);
    assert!(said(&ran).contains("robot is taken out for"), "{ran:?}");
    assert!(said(&ran).contains("robot is tried with one session"), "{ran:?}");
    assert!(said(&ran).contains("robot works again"), "{ran:?}");
    assert_eq!(world.end_of("good"), "succeeded");
}

#[test]
fn a_service_that_fails_and_a_session_out_of_turns_go_on_where_they_stopped() {
    let scenario = r#"
[[sessions]]
session = 1
play = [{ append = "a.txt", text = "1\n" }, { retrying = "transient", why = "503" }, { fail = "transient", why = "stream cut" }]
[[sessions]]
session = 2
play = [{ append = "a.txt", text = "2\n" }, { fail = "out-of-turns" }]
[[sessions]]
session = 3
play = [{ append = "a.txt", text = "3\n" }]
"#;
    let world = world(scenario, "[merge]\ninto = \"main\"\n[tasks.a]\nprompt = \"x\"\n");
    let ran = world.run(RUN).exits(0);
    assert!(said(&ran).contains("robot does not answer") && said(&ran).contains("ran out of turns"), "{ran:?}");
    assert_eq!(world.read("a.txt"), "1\n2\n3\n");
    let started = of_type(&world, "session-started");
    let rounds: Vec<_> = started.iter().map(|one| (one["attempt"].as_u64(), one["round"].as_u64())).collect();
    assert_eq!(rounds, [(Some(1), Some(1)), (Some(1), Some(1)), (Some(1), Some(2))]);
    assert!(started[2]["prompt"].as_str().unwrap().contains("ran out of turns"), "{:#}", started[2]);
}

#[test]
fn three_sessions_at_once_against_limits_lose_no_attempt_and_the_pace_is_told() {
    let scenario = r#"
[[sessions]]
session = 1
play = [{ run = ["sh", "-c", "touch $HOME/up-$AI_SDLC_TASK; while test $(ls $HOME | grep -c ^up-) -lt 3; do sleep 0.05; done"] }, { fail = "limited", wait = "1s" }]
"#;
    let tasks =
        (0..6).map(|n| format!("[tasks.t{n}]\nprompt = \"x\"\npermissions = \"full\"\n")).collect::<Vec<_>>().concat();
    let world = world(scenario, &format!("[concurrency]\nmax = 3\nauto = true\n{tasks}"));
    let ran = world.run(RUN).exits(0);
    assert!(said(&ran).contains("pace 1 at once from here on: `robot` is limited"), "{ran:?}");
    assert!(of_type(&world, "task-started").iter().all(|one| one["attempt"] == 1), "an attempt was lost");
    assert_eq!(of_type(&world, "round-failed").len(), 0);
    assert_eq!(of_type(&world, "session-started").len(), 12);
    let paces: Vec<u64> = of_type(&world, "pace-changed").iter().map(|one| one["at_once"].as_u64().unwrap()).collect();
    assert!(paces.contains(&1) && paces.iter().all(|pace| (1..=3).contains(pace)), "{paces:?}");
    assert!(fs::read_dir(world.home()).unwrap().count() > 6);
}
