//! Promise 15: a budget is not passed by more than one reported step of each running session. The kernel's part is
//! played in virtual time; here are real engines and sessions, killed between use and record.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::{AtOnce, Promise, Trial, slice};
use crate::world::{World, finish};

pub(super) const LEDGER: Promise = Promise {
    id: "15",
    what: "a budget is never passed by more than one reported step of each running session",
    faults: "engines killed between the use of money and its record, late reports, a last report at the end",
    whole: 60,
    at_once: AtOnce::Several,
    trial: play,
};

/// One step, in cents; and what all may cost.
const STEP: u64 = 10;
const CEILING: u64 = 120;

/// Sessions at once.
const SLOTS: u64 = 2;

/// Sessions that write into a book what they use before they tell it; some tell several steps late, and at once.
fn scenario(trial: &mut Trial) -> String {
    let mut sessions = String::new();
    for task in 0..5 {
        let mut play = Vec::new();
        let mut owed = 0;
        for _ in 0..trial.draws.u64(3..9) {
            play.push(format!(r#"{{ run = ["sh", "-c", "echo {STEP} >> $HOME/book"] }}, {{ sleep = "120ms" }}"#));
            owed += STEP;
            if trial.draws.u8(..4) > 0 || owed >= 2 * STEP {
                play.push(format!("{{ use = {{ usd = 0.{owed:02} }} }}, {{ sleep = \"20ms\" }}"));
                owed = 0;
            }
        }
        if owed > 0 {
            play.push(format!("{{ use = {{ usd = 0.{owed:02} }} }}"));
        }
        sessions.extend([format!("[[sessions]]\ntask = \"t{task}\"\nplay = [{}]\n", play.join(", "))]);
    }
    sessions
}

fn mission() -> String {
    let tasks = (0..5).map(|n| format!("[tasks.t{n}]\nrole = \"full-stack-dev\"\nprompt = \"Go.\"\ntouches = []\n"));
    format!(
        "[mission]\nname = \"spend\"\n[budget]\nusd = {}.{:02}\n[concurrency]\nmax = {SLOTS}\n[workspace]\nmode = \"directory\"\n{}",
        CEILING / 100,
        CEILING % 100,
        tasks.collect::<String>()
    )
}

/// What the sessions have used, by their own book.
fn used(world: &World) -> u64 {
    let book = std::fs::read_to_string(world.home().join("book")).unwrap_or_default();
    book.lines().filter_map(|line| line.parse::<u64>().ok()).sum()
}

/// What the journal knows of.
fn settled(events: &[Value]) -> u64 {
    let cost = |usage: &Value| usage["cost"]["usd"].as_u64().unwrap_or(0) / 10_000;
    let told = events.iter().filter(|event| event["type"] == "usage").map(|event| cost(&event["usage"]));
    let last = events.iter().filter(|event| event["type"] == "session-ended").map(|event| cost(&event["end"]["usage"]));
    told.chain(last).sum()
}

fn play(trial: &mut Trial) {
    let world = World::new();
    let scenario = scenario(trial);
    world.write("s.toml", &scenario);
    world.mission(&mission());
    let begin =
        ["mission", "run", "mission.toml", "-y", "--agent", "rehearsal", "--scenario", "s.toml", "--ui", "json"];
    let resume = ["run", "resume", "--ui", "json"];
    let mut args: &[&str] = &begin;
    let mut kills = 0;
    for _ in 0..trial.draws.u64(1..4) {
        let mut command = world.program();
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // Up to some report of use: the kill falls near one.
        let wanted = trial.draws.usize(1..7);
        let uses = lines.by_ref().filter(|line| line.contains("\"usage\"")).take(wanted).count();
        child.kill().unwrap();
        let _read = lines.count();
        let ended = finish(child).code.is_some();
        world.is_quiet();
        if ended || uses < wanted {
            break;
        }
        kills += 1;
        trial.fault("engine killed between use and record");
        args = &resume;
    }
    // It has ended, by itself or for want of money; what is left of a killed one goes on.
    let ended = world.events().last().is_some_and(|event| event["type"] == "run-finished");
    if !ended {
        let ran = world.run(["run", "resume"]);
        assert!(matches!(ran.code, Some(0 | 4)), "{ran:?}");
    }
    let events = world.events();
    let (used, settled) = (used(&world), settled(&events));
    println!("{kills} kills: {used} used, {settled} told, of {CEILING}");
    // A report may hold two steps: that is the step that is reported.
    assert!(settled <= CEILING + 2 * STEP * SLOTS, "{settled} settled");
    // What a killed engine never heard of: at most what each session had not told yet, and the step it was in.
    assert!(used <= settled + 3 * STEP * SLOTS * (kills + 1), "{used} used, {settled} told, {kills} kills");
    let exceeded = events.iter().position(|event| event["type"] == "budget-exceeded");
    if let Some(at) = exceeded {
        let after = &events[at..];
        let resumed = after.iter().any(|event| event["type"] == "run-resumed");
        assert!(
            resumed || !after.iter().any(|event| event["type"] == "session-started"),
            "a session begins: {after:#?}"
        );
    }
    trial.fault("reports that come late");
    world.is_quiet();
}

#[test]
fn a_slice() {
    slice(&LEDGER);
}
