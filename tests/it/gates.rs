//! Gates: a person is asked, on a terminal, from elsewhere, or while no engine lives.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::world::{LIMIT, World, finish, wait_for};

const SHIP: &str = r#"
[mission]
name = "ship-it"
[merge]
into = "main"
[tasks.build]
run = "echo built >> built.txt"
[tasks.ship]
needs = ["build"]
gate = "Ship it?"
[tasks.after]
needs = ["ship"]
run = "echo \"$AI_SDLC_OUT_SHIP_MESSAGE\" > after.txt"
"#;

fn waiting(text: &str) -> World {
    let world = World::new();
    world.mission(text);
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(3);
    assert!(ran.stdout.contains("ship waits for an answer: Ship it?"), "{ran:?}");
    assert!(ran.stdout.contains("run approve") && ran.stdout.contains("run reject"), "{ran:?}");
    world
}

#[test]
fn a_run_that_only_waits_for_a_person_ends_and_goes_on_with_the_answer() {
    let world = waiting(SHIP);
    assert_eq!(world.end_of("ship"), "asking");
    let resumed = world.run(["run", "resume"]).exits(3);
    assert!(resumed.stdout.contains("Ship it?"), "{resumed:?}");
    let told = world.run(["run", "approve", "-m", "go on"]).exits(0);
    assert!(told.stderr.contains("Approved ship") && told.stderr.contains("ai-sdlc run resume"), "{told:?}");
    let again = [world.run(["run", "approve", "ship"]), world.run(["run", "approve"])];
    for again in again {
        let again = again.exits(2);
        assert!(again.stderr.contains("has been answered already"), "{again:?}");
    }
    let why = world.run(["run", "why", "ship"]).exits(0);
    assert!(why.stdout.contains("go on; `ai-sdlc run resume") && !why.stdout.contains("waits"), "{why:?}");
    let shown = world.run(["run", "show"]).exits(0);
    assert!(shown.stdout.contains("go on; the run has yet to go on"), "{shown:?}");
    assert!(shown.stdout.contains("goes on with the answer") && !shown.stdout.contains("run approve"), "{shown:?}");
    world.run(["run", "resume"]).exits(0);
    assert_eq!(world.read("after.txt"), "go on\n");
    let ship = world.task("ship");
    assert_eq!((&ship["state"], &ship["gate"]["answer"]), (&"succeeded".into(), &"approve".into()), "{ship:#}");
}

#[test]
fn gates_of_parts_are_told_apart_and_their_commands_can_be_copied() {
    let world = World::new();
    world.write(
        "part.toml",
        "[mission]\nname = \"part\"\n[inputs.what]\n[tasks.make]\nrun = \"true\"\n[tasks.agree]\nneeds = [\"make\"]\ngate = \"Take {{inputs.what}}?\"\nrework = [\"make\"]\nrounds = 1\n",
    );
    world.mission(
        "[mission]\nname = \"parts\"\n[tasks.feature]\nfor_each = { f = [\"a\", \"b\"] }\nmission = \"part.toml\"\nwith = { what = \"{{f}}\" }\n",
    );
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(3);
    assert!(ran.stderr.contains(" 'feature[a]/agree', or reject"), "{ran:?}");
    assert!(ran.stdout.contains(" 'feature[b]/agree' -m WHY"), "{ran:?}");
    assert!(ran.stdout.contains("0 of 2 parts done") && !ran.stdout.contains("stopped before"), "{ran:?}");
    let unknown = world.run(["run", "approve", "agree"]).exits(2);
    assert!(unknown.stderr.contains("did you mean `feature[a]/agree` and `feature[b]/agree`?"), "{unknown:?}");
    world.run(["run", "approve", "feature[a]/agree"]).exits(0);
    // One is left, so it need not be named.
    world.run(["run", "reject", "-m", "not b"]).exits(0);
    world.run(["run", "resume"]).exits(3);
    world.run(["run", "reject", "-m", "never b"]).exits(0);
    let ran = world.run(["run", "resume"]).exits(1);
    assert!(ran.stdout.contains("sent work back once, as often as it may"), "{ran:?}");
    assert!(!ran.stdout.contains("run logs"), "neither a gate nor a task of parts prints anything: {ran:?}");
}

#[test]
fn a_gate_that_is_rejected_fails_without_rework() {
    let world = waiting(SHIP);
    let told = world.run(["run", "reject", "@", "ship"]).exits(2);
    assert!(told.stderr.contains("needs its reason"), "{told:?}");
    world.run(["run", "reject", "@", "ship", "-m", "too early"]).exits(0);
    let ran = world.run(["run", "resume"]).exits(1);
    assert!(ran.stdout.contains("too early"), "{ran:?}");
    assert_eq!(world.end_of("after"), "blocked");
}

#[test]
fn a_rejection_sends_work_back_with_its_reason() {
    let world = waiting(&SHIP.replace("gate = ", "rework = [\"build\"]\ngate = "));
    world.run(["run", "reject", "-m", "once more"]).exits(0);
    world.run(["run", "resume"]).exits(3);
    assert_eq!(world.task("build")["sent_back"]["reason"], "once more");
    world.run(["run", "approve"]).exits(0);
    world.run(["run", "resume"]).exits(0);
    assert_eq!(world.end_of("ship"), "succeeded");
}

#[test]
fn a_live_engine_takes_the_answer_at_once() {
    let world = World::new();
    let other = format!("{SHIP}[tasks.other]\nrun = \"until test -e ../go; do sleep 0.05; done\"\n");
    world.mission(&other);
    let engine = world.start(["mission", "run", "mission.toml", "-y"]);
    wait_for("the gate to ask", || world.run(["run", "why", "ship"]).stdout.contains("Ship it?"));
    let told = world.run(["run", "approve", "ship"]).exits(0);
    assert!(told.stderr.contains("goes on"), "{told:?}");
    wait_for("the answer to be taken", || {
        world.run(["run", "report", "--format", "json"]).stdout.contains("\"approve\"")
    });
    std::fs::write(world.project().join("../go"), "").unwrap();
    // Worktrees lie elsewhere: the file is beside each of them, too.
    for worktree in
        world.git(["worktree", "list", "--porcelain"]).lines().filter_map(|line| line.strip_prefix("worktree "))
    {
        std::fs::write(std::path::Path::new(worktree).join("../go"), "").unwrap();
    }
    finish(engine).exits(0);
}

#[test]
fn what_is_no_open_gate_is_not_answered() {
    let world = waiting(SHIP);
    for (task, words) in [("build", "is no gate"), ("nope", "has no task"), ("after", "is no gate")] {
        let ran = world.run(["run", "approve", "@", task]).exits(2);
        assert!(ran.stderr.contains(words), "{ran:?}");
    }
    let inside = world.program().args(["run", "approve"]).env("AI_SDLC_RUN", "bcdfghjk").output().unwrap();
    assert_eq!(inside.status.code(), Some(2), "a session does not answer its own gate");
    world.run(["run", "approve"]).exits(0);
    world.run(["run", "resume"]).exits(0);
    let ran = world.run(["run", "approve"]).exits(2);
    assert!(ran.stderr.contains("no gate of run"), "{ran:?}");
}

#[test]
fn a_rehearsal_answers_by_its_scenario() {
    let world = World::new();
    let agent = SHIP.replace("run = \"echo built >> built.txt\"", "role = \"full-stack-dev\"\nprompt = \"Build.\"");
    world.mission(&agent.replace("gate = ", "rework = [\"build\"]\ngate = "));
    world.write("s.toml", "gates = [{ task = \"ship\", time = 1, answer = \"reject\", message = \"Smaller.\" }]\n");
    let ran = world.run(["mission", "rehearse", "mission.toml", "--scenario", "s.toml"]).exits(0);
    assert!(ran.stdout.contains("approved by the rehearsal"), "{ran:?}");
    assert!(ran.stderr.contains("rejected by the scenario: Smaller."), "{ran:?}");
    assert!(world.read("README.md").contains("hello"));
}

/// Runs the mission on a terminal, types `keys` once it asks, and gives the exit code and what was shown.
fn on_a_terminal(flags: &[&str], keys: &str) -> (World, Option<i32>, String) {
    let world = World::new();
    world.mission(SHIP);
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
    let mut child = world
        .command(world.home().join("../bin/setsid"))
        .args(["-c", "-w", env!("CARGO_BIN_EXE_ai-sdlc"), "mission", "run", "mission.toml", "-y"])
        .args(flags)
        .stdin(slave())
        .stdout(slave())
        .stderr(slave())
        .spawn()
        .unwrap();
    let mut terminal = File::from(master);
    let (tell, told) = channel();
    let mut reading = terminal.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let mut bytes = [0_u8; 4096];
        // Reading a terminal whose other side is closed is an error.
        while let Ok(length @ 1..) = reading.read(&mut bytes) {
            if tell.send(String::from_utf8_lossy(&bytes[..length]).into_owned()).is_err() {
                break;
            }
        }
    });
    let mut shown = String::new();
    while !(shown.contains("Ship it?") && shown.contains("l: leave it open")) {
        shown.push_str(&told.recv_timeout(LIMIT).unwrap_or_else(|error| panic!("{error}: {shown}")));
    }
    terminal.write_all(keys.as_bytes()).unwrap();
    let code = child.wait().unwrap().code();
    drop(terminal);
    // It ends with the last that holds the terminal.
    while let Ok(more) = told.recv_timeout(LIMIT) {
        shown.push_str(&more);
    }
    reader.join().unwrap();
    (world, code, shown)
}

#[test]
fn a_person_on_a_terminal_is_asked() {
    for flags in [&[][..], &["--ui", "plain"]] {
        let (world, code, shown) = on_a_terminal(flags, "maybe\ra looks fine\r");
        assert_eq!(code, Some(0), "{shown}");
        // The panel shows it until the next line, which comes at once here.
        assert!(flags.is_empty() || shown.contains("type a, r and the reason, or l"), "{shown}");
        assert_eq!(world.read("after.txt"), "looks fine\n");
    }
}

#[test]
fn a_person_on_a_terminal_rejects_or_leaves_it() {
    let (_, code, shown) = on_a_terminal(&[], "r too early\r");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("too early"), "{shown}");
    let (world, code, shown) = on_a_terminal(&[], "l\r");
    assert_eq!(code, Some(3), "{shown}");
    assert_eq!(world.end_of("ship"), "asking");
}
