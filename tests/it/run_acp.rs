//! A program that speaks the Agent Client Protocol, from the first message to the last: a small one that is scripted.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::world::{World, finish, send, wait_for};

const ROLE: &str = "---\nname: dev\ndescription: Works.\nkind: code\n---\n{{task.prompt}}\n";

/// A mission whose tasks are done by that program.
fn small(tasks: &str) -> World {
    let world = World::new();
    world.write("roles/dev.md", ROLE);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agents/small-acp.sh");
    let head = "[mission]\nname = \"m\"\n[merge]\ninto = \"main\"\n[defaults]\nrole = \"dev\"\nagent = \"small\"\nretry = { max = 0 }\n";
    let agent = format!("[agents.small]\nbackend = \"acp\"\ncommand = [\"sh\", \"{}\"]\n", program.display());
    world.mission(&format!("{head}{agent}{tasks}"));
    world
}

fn heard(world: &World, task: &str) -> Vec<Value> {
    let text = fs::read_to_string(world.home().join(format!("heard-{task}"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn methods(world: &World, task: &str) -> Vec<String> {
    heard(world, task).iter().filter_map(|heard| Some(heard["method"].as_str()?.to_owned())).collect()
}

fn of<'e>(events: &'e [Value], kind: &str, task: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["type"] == kind && event["task"] == task).collect()
}

#[test]
fn it_works_asks_goes_on_and_is_not_waited_for() {
    let world = small(
        "[tasks.write]\nprompt = \"Write.\"\nrounds = 2\nchecks = [\"test $(wc -l < work.txt) -ge 2\"]\n\
         [tasks.lingering]\nprompt = \"Stay.\"\n",
    );
    let began = Instant::now();
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
    assert_eq!(world.read("work.txt"), "work\nwork\n");
    assert_eq!(world.read("lingering.txt"), "lingered\n", "one that does not exit has done its work all the same");
    let turn = ["initialize", "session/new", "session/prompt", "initialize", "session/load", "session/prompt"];
    assert_eq!(methods(&world, "write"), turn, "a second round goes on in the same conversation");
    let load = heard(&world, "write").into_iter().find(|heard| heard["method"] == "session/load").unwrap();
    assert_eq!(load["params"]["sessionId"], "s-1");
    assert_eq!(load["params"]["mcpServers"][0]["name"], "aisdlc");
    let events = world.events();
    let ended = of(&events, "session-ended", "write");
    assert!(ended.iter().all(|event| event.to_string().contains("1.2.3")), "{ended:?}");
    let used = world.report().to_string();
    assert!(used.contains("\"input\":100") || used.contains("\"input\":200"), "{used}");
    assert_eq!(world.processes(), []);
}

#[test]
fn what_it_may_not_do_and_what_fails_is_told() {
    let world = small(
        "[tasks.look]\nprompt = \"Look.\"\npermissions = \"read\"\nrounds = 1\n[tasks.faulty]\nprompt = \"Fail.\"\n\
         [tasks.mute]\nprompt = \"Say nothing.\"\nidle_timeout = \"1s\"\n",
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    let events = world.events();
    let failure = |task: &str| {
        let ended = of(&events, "task-finished", task);
        ended.first().unwrap_or_else(|| panic!("{task}: {events:?}"))["outcome"]["failure"].clone()
    };
    let faulty = failure("faulty");
    assert_eq!(faulty["class"], "misconfigured", "{faulty}");
    assert!(faulty["message"].as_str().unwrap().contains("out of cheese"), "{faulty}");
    assert_eq!(failure("mute")["class"], "stalled");
    let rejected = heard(&world, "look").into_iter().find(|heard| heard["id"] == 70).unwrap();
    assert_eq!(rejected["result"]["outcome"]["optionId"], "no");
    let look: Vec<&Value> = events.iter().filter(|event| event["task"] == "look").collect();
    assert!(look.iter().any(|event| event.to_string().contains("Write work.txt")), "{look:?}");
    assert!(!world.project().join("work.txt").exists());
    assert_eq!(world.processes(), []);
}

#[test]
fn its_turn_is_cancelled_when_the_person_stops_it() {
    let world = small("[tasks.stuck]\nprompt = \"Wait.\"\n");
    let child = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the agent at work", || world.home().join("up").exists());
    send(child.id(), Signal::INT);
    finish(child).exits(130);
    assert!(world.home().join("cancelled").exists());
    assert_eq!(methods(&world, "stuck").last().map(String::as_str), Some("session/cancel"));
    assert_eq!(world.processes(), []);
}
