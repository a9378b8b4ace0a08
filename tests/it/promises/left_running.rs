//! Promise 3: nothing runs on after abort, time-out, exit or death of the engine or the guard.
//!
//! Work starts whatever is hard to end, each with a mark in its arguments that no other process has; then the run comes
//! to its end in one of many ways, and processes with the mark are counted, whoever their parent is by then.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::promises::site::{Engine, Site, kill, kill_engine};
use crate::promises::theirs::{Belongings, Into};
use crate::promises::{AtOnce, Promise, Trial, slice};
use crate::world::{World, send, wait_for};

pub(super) const PROMISE: Promise = Promise {
    id: "3",
    what: "nothing runs on after abort, time-out, exit or death of the engine (12 s after an abort, 5 s after a death)",
    faults: "work that double-forks, calls `setsid`, ignores TERM, stops itself, closes its streams or starts again with an empty environment, then any of these ends",
    whole: 200,
    at_once: AtOnce::Several,
    trial,
};

const AFTER_ABORT: Duration = Duration::from_secs(12);
const AFTER_DEATH: Duration = Duration::from_secs(5);

/// What work has that is to run out of time: enough to begin it, and to end it when it is let go.
const TIME: &str = "3s";

/// What is hard to end: `MARK` is the length of a sleep that nothing else has.
const NASTY: [(&str, &str); 8] = [
    ("double fork", "( ( sleep MARK & ) & )"),
    ("setsid", "setsid sleep MARK &"),
    ("ignores TERM", "sh -c 'trap \"\" TERM INT HUP; sleep MARK; sleep MARK; :' &"),
    ("stopped", "sh -c 'kill -STOP $$; :' MARK &"),
    ("closed streams", "sh -c 'exec sleep MARK' <&- >&- 2>&- &"),
    ("empty environment", "env -i /bin/sh -c 'trap \"\" TERM; /bin/sleep MARK; :' &"),
    (
        "daemon with an empty environment",
        "perl -MPOSIX -e '%ENV = (); fork and exit; setsid(); $SIG{TERM} = $SIG{HUP} = q(IGNORE); fork and exit; close STDIN; close STDOUT; close STDERR; exec q(/bin/sleep), q(MARK)'",
    ),
    ("stopped daemon", "perl -MPOSIX -e 'fork and exit; setsid(); fork and exit; kill q(STOP), $$; sleep 1' MARK"),
];

/// How a run is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Exit,
    Interrupt,
    EngineKilled,
    Timeout,
    GuardKilled,
    Abort,
    BothKilled,
    Terminate,
    HangUp,
}

const ENDINGS: [Ending; 9] = [
    Ending::Exit,
    Ending::EngineKilled,
    Ending::Interrupt,
    Ending::GuardKilled,
    Ending::Timeout,
    Ending::EngineKilled,
    Ending::Abort,
    Ending::BothKilled,
    Ending::Terminate,
];

/// Where the work is that will not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Command,
    Session,
    Check,
}

const PLACES: [Place; 3] = [Place::Command, Place::Session, Place::Check];

fn mission(place: Place, ending: Ending) -> String {
    let timeout = if ending == Ending::Timeout { format!("timeout = \"{TIME}\"\n") } else { String::new() };
    let nasty = "sh $HOME/nasty.sh";
    let task = match place {
        Place::Command => format!("run = \"{nasty}\"\n{timeout}"),
        Place::Session => format!("role = \"dev\"\nprompt = \"Do it.\"\n{timeout}"),
        Place::Check if timeout.is_empty() => format!("run = \"true\"\nchecks = [\"{nasty}\"]\n"),
        Place::Check => format!("run = \"true\"\nchecks = [\"{nasty}\"]\ncheck_timeout = \"{TIME}\"\n"),
    };
    format!("[mission]\nname = \"nasty\"\n[tasks.nasty]\n{task}")
}

const SCENARIO: &str = r#"
[[sessions]]
play = [{ ignore_term = true }, { run = ["sh", "-c", "sh $HOME/nasty.sh"] }]
"#;

/// Live processes with the mark in their arguments.
fn marked(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let commands = processes.filter_map(|entry| {
        let command = fs::read(entry.path().join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        command.contains(mark).then(|| format!("{} {command}", entry.file_name().display()))
    });
    commands.collect()
}

/// Waits until nothing with the mark is there.
fn is_gone(mark: &str, since: Instant, limit: Duration, ending: Ending) {
    loop {
        let left = marked(mark);
        if left.is_empty() {
            return;
        }
        assert!(since.elapsed() < limit, "{:?} after {ending:?}: {left:#?}", since.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends what a trial that failed has left.
struct Mark(String);

impl Drop for Mark {
    fn drop(&mut self) {
        for process in marked(&self.0) {
            if let Some(pid) = process.split(' ').next().and_then(|pid| pid.parse().ok()) {
                kill(pid);
            }
        }
    }
}

fn end(engine: &mut Engine, site: &Site<'_>, ending: Ending) -> Option<i32> {
    match ending {
        Ending::Exit | Ending::Timeout => {}
        Ending::Interrupt => send(engine.child.id(), Signal::INT),
        Ending::Terminate => send(engine.child.id(), Signal::TERM),
        Ending::HangUp => send(engine.child.id(), Signal::HUP),
        Ending::Abort => drop(site.tell(&["run", "abort", site.run.as_deref().unwrap()], 0)),
        Ending::EngineKilled => kill_engine(engine),
        Ending::GuardKilled => kill(engine.guard().expect("there is a guard")),
        Ending::BothKilled => {
            let guard = engine.guard().expect("there is a guard");
            send(engine.child.id(), Signal::STOP);
            kill(guard);
            kill_engine(engine);
        }
    }
    engine.wait()
}

fn trial(trial: &mut Trial) {
    let ending = ENDINGS[usize::try_from(trial.number % 9).unwrap()];
    let ending = if ending == Ending::Terminate && trial.draws.bool() { Ending::HangUp } else { ending };
    let place = PLACES[usize::try_from(trial.number / 9 % 3).unwrap()];
    let mark = Mark(format!("6{:03}.{:09}", trial.draws.u16(..1000), trial.draws.u32(..1_000_000_000)));
    let mut kinds: Vec<&(&str, &str)> = NASTY.iter().collect();
    trial.draws.shuffle(&mut kinds);
    kinds.truncate(trial.draws.usize(1..=NASTY.len()));
    let world = World::new();
    let began: String = kinds.iter().map(|(_, script)| script.replace("MARK", &mark.0) + "\n").collect();
    let after = if ending == Ending::Exit {
        "touch $HOME/up; exit 0".to_owned()
    } else {
        format!("trap '' TERM INT HUP; touch $HOME/up; while :; do sleep {}; done", mark.0)
    };
    let nasty = format!("test ! -e $HOME/go || exit 0\n{began}{after}\n");
    fs::write(world.home().join("nasty.sh"), nasty).unwrap();
    world.write("scenario.toml", SCENARIO);
    world.write("roles/dev.md", "---\nname: dev\ndescription: Writes code.\nkind: code\n---\n{{task.prompt}}\n");
    world.mission(&mission(place, ending));
    let before = Belongings::of(&world, Into::Not);
    let begin = "mission run mission.toml --agent rehearsal --scenario scenario.toml --yes --ui json";
    let mut site = Site::of(&world, &begin.split(' ').collect::<Vec<_>>());
    let mut engine = site.start(None);
    wait_for("the work to be there", || world.home().join("up").exists() || engine.is_over());
    site.learn(&engine);
    trial.fault(&format!("{ending:?} of {place:?}"));
    let since = Instant::now();
    let code = end(&mut engine, &site, ending);
    let limit = match ending {
        // After the engine has said that all is done, nothing is left.
        Ending::Exit | Ending::Timeout => since.elapsed() + Duration::from_millis(200),
        Ending::Interrupt | Ending::Terminate | Ending::HangUp | Ending::Abort => AFTER_ABORT,
        Ending::EngineKilled | Ending::GuardKilled => AFTER_DEATH,
        Ending::BothKilled => Duration::MAX,
    };
    let what: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
    println!("{ending:?} of {place:?} over {what:?}: {code:?} after {:?}", since.elapsed());
    if ending != Ending::BothKilled {
        is_gone(&mark.0, since, limit, ending);
    }
    goes_on(&world, &mut site, ending);
    is_gone(&mark.0, Instant::now(), Duration::from_millis(200), ending);
    assert_eq!(world.processes(), []);
    trial.compare(&before, &Belongings::of(&world, Into::Not));
}

/// The run comes to its end once nothing holds it. Work with a time limit may need more than one try on a busy machine.
fn goes_on(world: &World, site: &mut Site<'_>, ending: Ending) {
    fs::write(world.home().join("go"), "").unwrap();
    if ending == Ending::Exit {
        return;
    }
    let mut again = || site.start(None).wait();
    let done = (0..if ending == Ending::Timeout { 4 } else { 1 }).any(|_| again() == Some(0));
    assert!(done, "it does not come to its end after {ending:?}");
}

#[test]
fn a_slice() {
    slice(&PROMISE);
}
