//! Tasks handed from one session to the next in the middle: asked from another terminal, to another role, over deaths of
//! the engine, and refused where that cannot be.

use rustix::process::Signal;
use serde_json::Value;

use crate::world::{World, finish, send, wait_for};

/// `half` works until it is stopped; its next session ends it. `read` is in another role.
const SCENARIO: &str = r#"
[[sessions]]
task = "half"
session = 1
play = [
  { write = "half.txt", text = "half\n" },
  { hand_over = { status = "partial", summary = "Half of it.", remaining = ["the other half"] } },
  { run = ["sh", "-c", "touch $HOME/up"] },
  { hang = true },
]
[[sessions]]
task = "half"
play = [{ write = "whole.txt", text = "whole\n" }]
[[sessions]]
task = "full"
session = 1
play = [{ write = "full.txt", text = "full\n" }, { fail = "out-of-context", why = "prompt is too long" }]
[[sessions]]
task = "vain"
play = [{ fail = "out-of-context" }]
"#;

const HALF: &str = "[tasks.half]\nrole = \"dev\"\nprompt = \"Do it.\"\n[tasks.read]\nrole = \"expert\"\nneeds = [\"half\"]\nprompt = \"Read it.\"\n";

fn world(tasks: &str) -> World {
    let world = World::new();
    world.write("scenario.toml", SCENARIO);
    for role in ["dev", "expert"] {
        let text = format!(
            "---\nname: {role}\ndescription: Writes code.\nkind: code\n---\nYou are {role}.\n{{{{task.prompt}}}}\n"
        );
        world.write(&format!("roles/{role}.md"), &text);
    }
    world.mission(&format!("[mission]\nname = \"handing\"\n[merge]\ninto = \"main\"\n{tasks}"));
    world
}

const BEGIN: [&str; 7] = ["mission", "run", "mission.toml", "--agent", "rehearsal", "--scenario", "scenario.toml"];

fn begin(world: &World) -> std::process::Child {
    let mut command = world.program();
    command.args(BEGIN).arg("--yes");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
}

fn at_work(world: &World) -> std::process::Child {
    let child = begin(world);
    wait_for("the session", || world.home().join("up").exists());
    child
}

fn sessions(world: &World, task: &str) -> Vec<Value> {
    let is_of = |event: &Value| event["type"] == "session-started" && event["task"] == task;
    world.events().into_iter().filter(is_of).collect()
}

/// The last session was told what the first one left, and used no attempt and no round.
fn went_on(world: &World, sessions: &[Value]) {
    let last = sessions.last().unwrap();
    assert!(sessions.len() >= 2, "{sessions:?}");
    assert_eq!((&last["attempt"], &last["round"]), (&Value::from(1), &Value::from(1)));
    let prompts: Vec<&str> = sessions.iter().skip(1).filter_map(|session| session["prompt"].as_str()).collect();
    let told = prompts
        .iter()
        .any(|prompt| prompt.contains("What was done so far on your own task") && prompt.contains("half.txt"));
    assert!(told, "{prompts:?}");
    assert_eq!((world.read("half.txt").as_str(), world.read("whole.txt").as_str()), ("half\n", "whole\n"));
}

#[test]
fn a_session_is_handed_off_from_another_terminal() {
    let world = world(HALF);
    let child = at_work(&world);
    let asked = world.run(["run", "handoff", "half"]).exits(0);
    for step in ["stop", "document", "commit", "next session"] {
        assert!(asked.stderr.contains(&format!("half: handing off: {step}\n")), "{step}: {asked:?}");
    }
    assert!(asked.stderr.contains("session 2 goes on with it, as dev"), "{asked:?}");
    let ran = finish(child).exits(0);
    assert!(ran.stderr.contains("handing-off") && ran.stderr.contains("document: left by its session"), "{ran:?}");
    let sessions = sessions(&world, "half");
    went_on(&world, &sessions);
    assert!(sessions[1]["conversation"].is_null(), "a conversation of its own");
    assert!(sessions[1]["prompt"].as_str().unwrap().contains("> - the other half"));
    let handoffs = world.task("half")["handoffs"].clone();
    assert_eq!((&handoffs[0]["why"], &handoffs[0]["source"]), (&"asked".into(), &"file".into()), "{handoffs}");
    assert!(handoffs[0]["by"].is_string() && handoffs[0]["session"] == 2, "{handoffs}");
}

#[test]
fn another_role_goes_on_with_it() {
    let world = world(HALF);
    let child = at_work(&world);
    let unknown = world.run(["run", "handoff", "half", "--to", "nobody"]).exits(2);
    assert!(unknown.stderr.contains("those of its plan are `dev`, `expert`"), "{unknown:?}");
    let asked = world.run(["run", "handoff", "half", "--to", "expert"]).exits(0);
    assert!(asked.stderr.contains("as expert"), "{asked:?}");
    let _ran = finish(child).exits(0);
    let sessions = sessions(&world, "half");
    went_on(&world, &sessions);
    assert_eq!((&sessions[0]["role"], &sessions[1]["role"]), (&"dev".into(), &"expert".into()));
    assert!(sessions[1]["prompt"].as_str().unwrap().contains("You are expert."));
    assert_eq!(world.task("half")["worker"]["role"], "expert");
}

#[test]
fn an_engine_killed_at_any_step_is_followed_by_one_that_goes_on() {
    let is_at = |event: &Value, step: &str| event["type"] == step || event["step"]["name"] == step;
    for step in ["handing-off", "document", "commit", "next", "the next session"] {
        let world = world(HALF);
        let child = at_work(&world);
        let mut asking = world.start(["run", "handoff", "half", "--to", "expert"]);
        wait_for(step, || {
            let events = world.events();
            let begun = events.iter().filter(|event| event["type"] == "session-started").count();
            begun > 1 || events.iter().any(|event| is_at(event, step))
        });
        send(child.id(), Signal::KILL);
        let _killed = finish(child);
        wait_for("no process left", || {
            world.processes().iter().all(|(_, command)| !command.contains(" guard") && !command.contains(" session"))
        });
        asking.kill().unwrap();
        let _left = finish(asking);
        let _done = world.run(["run", "resume"]).exits(0);
        let sessions = sessions(&world, "half");
        went_on(&world, &sessions);
        assert_eq!(sessions.last().unwrap()["role"], "expert", "{step}");
    }
}

#[test]
fn a_full_conversation_is_handed_on_by_itself_and_not_for_ever() {
    let task = |id: &str| format!("[tasks.{id}]\nrole = \"dev\"\nprompt = \"Do it.\"\n");
    let world = world(&["full", "vain"].map(task).concat());
    let ran = finish(begin(&world)).exits(1);
    assert!(ran.stderr.contains("its conversation cannot go on"), "{ran:?}");
    assert_eq!((world.end_of("full").as_str(), sessions(&world, "full").len()), ("succeeded", 2));
    let vain = world.task("vain");
    assert_eq!(
        (vain["failure"]["class"].as_str(), vain["attempt"].as_u64()),
        (Some("out-of-turns"), Some(1)),
        "{vain}"
    );
    assert_eq!(sessions(&world, "vain").len(), 4, "three times in a row");
}

#[test]
fn what_cannot_be_handed_off_is_refused() {
    let more = "[tasks.plain]\nrun = \"until test -e $HOME/go; do sleep 0.05; done\"\n[tasks.later]\nneeds = [\"plain\"]\nrole = \"dev\"\nprompt = \"x\"\n";
    let world = world(&format!("{HALF}{more}"));
    let child = at_work(&world);
    for (args, words) in [
        (["run", "handoff", "plain"], "`plain` is a command: it has no sessions"),
        (["run", "handoff", "later"], "`later` has not begun"),
        (["run", "handoff", "hlaf"], "did you mean `half`"),
        (["run", "handoff", "@"], "which task"),
    ] {
        let refused = world.run(args).exits(2);
        assert!(refused.stderr.contains(words), "{args:?}: {refused:?}");
    }
    std::fs::write(world.home().join("go"), "").unwrap();
    world.run(["run", "handoff", "half"]).exits(0);
    let _ran = finish(child).exits(0);
    let ended = world.run(["run", "handoff", "half"]).exits(2);
    assert!(ended.stderr.contains("is not live"), "{ended:?}");
}
