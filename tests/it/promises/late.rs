//! Promise 6: a late attempt is never merged.
//!
//! The first attempt that comes to its work is held beyond its time and let go about the moment it is given up: by what it
//! waits for, by stopping its host, or by stopping the guard, so that its good end and the wish to stop it pass each other
//! on the way. Whatever comes of it, what is merged is of the attempt of which the journal says that it ended well.
//!
//! The time is every attempt's, and a busy machine may need all of it to begin one: which attempt is held, and how many
//! come after it, is left open.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::promises::site::{Site, kill_engine};
use crate::promises::theirs::{Belongings, Into};
use crate::promises::{AtOnce, Promise, Trial, slice};
use crate::world::{World, wait_for};

pub(super) const PROMISE: Promise = Promise {
    id: "6",
    what: "a late attempt is never merged",
    faults: "an attempt held beyond its time, by itself or with its host or its guard stopped, and let go before, at or after the moment it is given up; its engine killed meanwhile",
    whole: 100,
    at_once: AtOnce::Several,
    trial,
};

const HELD: &str = r#"
! mkdir "$HOME/up" 2> /dev/null || until test -e "$HOME/release"; do sleep 0.01; done
echo "$AI_SDLC_ATTEMPT" > product.txt
"#;

const SCENARIO: &str = "[[sessions]]\nplay = [{ run = [\"sh\", \"-c\", \"sh $HOME/held.sh\"] }]\n";

/// What an attempt has, in milliseconds: many times what one needs that is not held.
const TIME: u64 = 2_000;

/// Starts of the engine until the run has to be done.
const STARTS: usize = 6;

fn mission(session: bool) -> String {
    let work = if session { "role = \"dev\"\nprompt = \"Do it.\"\n" } else { "run = \"sh $HOME/held.sh\"\n" };
    format!(
        "[mission]\nname = \"late\"\n[budget]\ntime = \"1h\"\n[merge]\ninto = \"main\"\n[tasks.held]\n{work}timeout = \"{TIME}ms\"\nretry = {{ max = 20, backoff = \"10ms\", clean = true }}\n"
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Itself,
    Host,
    Guard,
    EngineKilled,
}

const HOLDS: [Hold; 4] = [Hold::Itself, Hold::Guard, Hold::Host, Hold::EngineKilled];

/// What the journal says of the attempts: which ended well, and which was merged.
fn attempts(events: &[Value]) -> (Vec<u64>, Vec<u64>) {
    let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
    let good = of("session-ended").filter(|event| event["end"]["how"]["kind"] == "completed");
    let merged = of("task-finished").filter(|event| event["outcome"]["kind"] == "succeeded");
    (
        good.filter_map(|event| event["attempt"].as_u64()).collect(),
        merged.filter_map(|event| event["outcome"]["facts"]["attempt"].as_u64()).collect(),
    )
}

fn trial(trial: &mut Trial) {
    let hold = HOLDS[usize::try_from(trial.number % 4).unwrap()];
    let session = hold == Hold::Host || trial.draws.bool();
    let world = World::new();
    fs::write(world.home().join("held.sh"), HELD).unwrap();
    world.write("scenario.toml", SCENARIO);
    world.write("roles/dev.md", "---\nname: dev\ndescription: Writes code.\nkind: code\n---\n{{task.prompt}}\n");
    world.mission(&mission(session));
    let before = Belongings::of(&world, Into::Asked);
    let begin = "mission run mission.toml --agent rehearsal --scenario scenario.toml --yes --ui json";
    let mut site = Site::of(&world, &begin.split(' ').collect::<Vec<_>>());
    let mut engine = site.start(None);
    wait_for("an attempt at its work", || world.home().join("up").exists() || engine.is_over());
    site.learn(&engine);
    trial.fault(&format!("{hold:?}"));
    let held = match hold {
        Hold::Itself | Hold::EngineKilled => None,
        Hold::Host => engine.hosts().first().copied(),
        Hold::Guard => engine.guard(),
    };
    if let Some(held) = held {
        // It may have ended this moment: then nothing holds the attempt, which is one case more.
        let pid = rustix::process::Pid::from_raw(i32::try_from(held).unwrap()).unwrap();
        let _gone_already = rustix::process::kill_process(pid, Signal::STOP);
    }
    // Mostly about the end of its time.
    let let_go = engine.age() + Duration::from_millis(trial.draws.u64(TIME - 300..TIME + 300));
    wait_for("the moment", || engine.age() >= let_go || engine.is_over());
    if hold == Hold::EngineKilled {
        kill_engine(&mut engine);
    }
    fs::write(world.home().join("release"), "").unwrap();
    if let Some(held) = held.filter(|pid| std::path::Path::new(&format!("/proc/{pid}")).exists()) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(held).unwrap()).unwrap();
        std::thread::sleep(Duration::from_millis(trial.draws.u64(..300)));
        let _gone_already = rustix::process::kill_process(pid, Signal::CONT);
    }
    let mut code = engine.wait();
    for _ in 1..STARTS {
        if code == Some(0) {
            break;
        }
        engine = site.start(None);
        code = engine.wait();
        site.learn(&engine);
    }
    assert_eq!(code, Some(0), "{}", engine.said());
    let (good, merged) = attempts(&site.events());
    assert_eq!(merged.len(), 1, "merged: {merged:?}");
    assert!(good.contains(&merged[0]), "attempt {} was merged, and {good:?} ended well", merged[0]);
    assert_eq!(world.read("product.txt"), format!("{}\n", merged[0]));
    assert_eq!(world.git(["log", "--format=%s", "--grep=^held$", "main"]).lines().count(), 1);
    world.is_quiet();
    trial.compare(&before, &Belongings::of(&world, Into::Asked));
}

#[test]
fn a_slice() {
    slice(&PROMISE);
}
