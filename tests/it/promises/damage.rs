//! Promise 2: what was told as recorded outlives a kill, and a journal that was damaged is told, never misread.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use ai_sdlc::journal::{Journal, JournalError, Record};
use ai_sdlc::kernel::event::{Event, RunOutcome};
use fastrand::Rng;
use serde_json::Value;
use tempfile::TempDir;

use super::{AtOnce, Promise, Trial, slice};
use crate::world::World;

pub(super) const DAMAGE: Promise = Promise {
    id: "2",
    what: "a recorded event is durable; a torn or damaged journal is found and told, never misread",
    faults: "journal, write-ahead log and head file cut, overwritten, deleted, mixed up, put back from older copies; \
             engines killed after they had told of events",
    whole: 2_000,
    at_once: AtOnce::Several,
    trial: play,
};

const FILES: [&str; 3] = ["journal.db", "journal.db-wal", "head"];

/// Faults of one journal.
const FAULTS: u64 = 100;

/// Of so many faults, one is also looked at through the program itself.
const LOOKED_AT: u64 = 10;

fn mission() -> String {
    let tasks: Vec<String> = (0..14).map(|n| format!("[tasks.t{n}]\nrun = \"echo {n}\"\ntouches = []\n")).collect();
    let head = "[mission]\nname = \"many\"\n[workspace]\nmode = \"directory\"\n[concurrency]\nmax = 2\n";
    format!("{head}{}", tasks.concat())
}

fn run_folder(world: &World) -> PathBuf {
    let runs = world.project().join(".git/ai-sdlc/runs");
    fs::read_dir(runs).unwrap().next().unwrap().unwrap().path()
}

/// Starts an engine and kills it after some of its events: all it told of must be there.
fn kill_and_look(trial: &mut Trial, world: &World, args: &[&str]) {
    let mut child = world.program().args(args).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let most = trial.draws.usize(3..30);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut told: Vec<String> = lines.by_ref().take(most).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    told.extend(lines);
    trial.fault("engine killed after it had told of events");
    world.is_quiet();
    // A line that the kill cut off was not told.
    let told: Vec<Value> = told.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let there = world.events();
    for event in &told {
        assert!(there.contains(event), "told, and not there: {event}");
    }
    assert!(!told.is_empty(), "nothing was told");
    trial.held();
}

/// Copies what a power cut would leave: shared memory is gone.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    drop(fs::remove_file(to.join("journal.db-shm")));
    for name in FILES {
        let target = to.join(name);
        match fs::read(from.join(name)) {
            Ok(bytes) => fs::write(target, bytes).unwrap(),
            Err(_) => drop(fs::remove_file(target)),
        }
    }
}

/// Content of all files; a log that is not there and an empty one say the same.
fn state(dir: &Path) -> Vec<Vec<u8>> {
    FILES.iter().map(|name| fs::read(dir.join(name)).unwrap_or_default()).collect()
}

/// Damages one file, or mixes two up, and tells how.
fn damage(dir: &Path, older: &Path, draws: &mut Rng) -> String {
    let there: Vec<&str> = FILES.into_iter().filter(|name| dir.join(name).exists()).collect();
    let name = there[draws.usize(..there.len())];
    let path = dir.join(name);
    let mut bytes = fs::read(&path).unwrap();
    if bytes.is_empty() {
        bytes.push(0);
    }
    let at = draws.usize(..bytes.len());
    let upto = bytes.len().min(at + draws.usize(1..9_000));
    let how = match draws.u8(..12) {
        0 => {
            bytes.truncate(at);
            "cut"
        }
        1 => {
            bytes[at] ^= 1 << draws.u8(..8);
            "bit flipped"
        }
        2 => {
            bytes[at] = draws.u8(..);
            "byte set"
        }
        3 => {
            bytes[at..upto].fill(0);
            "zeroed"
        }
        4 => {
            bytes[at..upto].fill_with(|| draws.u8(..));
            "scribbled over"
        }
        5 => {
            let page = at / 4096 * 4096;
            let other = draws.usize(..bytes.len()) / 4096 * 4096;
            let length = 4096.min(bytes.len() - page.max(other));
            bytes.copy_within(other..other + length, page);
            "page copied over another"
        }
        6 => {
            bytes.extend(std::iter::repeat_with(|| draws.u8(..)).take(1 + at % 5_000));
            "grown"
        }
        7 => {
            drop(bytes.drain(at..upto));
            "a piece taken out"
        }
        8 => {
            fs::remove_file(&path).unwrap();
            return format!("{name} deleted");
        }
        9 => {
            let other = FILES[draws.usize(..FILES.len())];
            bytes = fs::read(dir.join(other)).unwrap_or_default();
            "replaced by another of the files"
        }
        // All of them together are an older state of the run, which nothing can tell from a younger one that was lost.
        10 => {
            bytes = fs::read(older.join(name)).unwrap_or_default();
            "replaced by an older copy"
        }
        _ => {
            for name in ["journal.db", "journal.db-wal"] {
                fs::write(dir.join(name), fs::read(older.join(name)).unwrap_or_default()).unwrap();
            }
            return "database and log replaced by older copies".to_owned();
        }
    };
    fs::write(&path, bytes).unwrap();
    format!("{name} {how} at {at}")
}

/// A damaged journal holds all that was recorded, or says that it does not; and is left as it is.
fn read(dir: &Path, whole: &[Record], how: &str) -> bool {
    let before = state(dir);
    let harmed = match Journal::read(dir) {
        Ok(records) => {
            assert_eq!(records.len(), whole.len(), "{how}");
            assert!(records == whole, "{how}: misread");
            false
        }
        Err(error) => {
            let told = matches!(
                error,
                JournalError::Damaged { .. } | JournalError::Store { .. } | JournalError::Missing { .. }
            );
            assert!(told, "{how}: {error:?}");
            if let JournalError::Damaged { whole: number, .. } = &error {
                assert!(usize::try_from(*number).unwrap() <= whole.len(), "{how}: {error}");
            }
            true
        }
    };
    assert!(state(dir) == before, "{how}: what is left was changed");
    harmed
}

/// What the program says of a run whose journal is harmed, and that it leaves it alone.
fn shown(world: &World, (dir, whole): (&Path, &[Record]), harmed: bool, how: &str) {
    let succeeded =
        matches!(whole.last().map(|last| &last.event), Some(Event::RunFinished { outcome: RunOutcome::Succeeded }));
    let before = state(dir);
    let id = dir.file_name().unwrap().to_str().unwrap().to_owned();
    let is_gone = !dir.join("journal.db").exists();
    world.run(["run", "list"]).exits(0);
    let commands: [&[&str]; 6] =
        [&["show"], &["events"], &["why"], &["report"], &["logs"], &["resume", "--ui", "plain"]];
    for command in commands.into_iter().filter(|command| harmed || command[0] != "resume") {
        let args = [&["run", command[0], &id], &command[1..]].concat();
        let ran = crate::world::Ran::of(&world.program().args(&args).output().unwrap());
        assert!(!ran.stderr.contains("panicked"), "{how}: {args:?}: {ran:?}");
        // A run's end is also noted beside its journal. Of one that succeeded there is nothing to go on with, whatever
        // became of its journal since: that is true and starts nothing, so its journal is not read for it. All that shows
        // anything of the run reads it.
        let is_excused = command[0] == "resume" && ran.stderr.contains("succeeded; there is nothing to go on with");
        assert!(succeeded || !is_excused, "{how}: it did not succeed: {ran:?}");
        if harmed && !is_excused {
            // Where not even a journal is left, there is no such run.
            assert_eq!(ran.code, Some(if is_gone { 2 } else { 5 }), "{how}: {args:?}: {ran:?}");
            assert!(ran.stderr.contains("help:"), "{how}: {args:?}: {ran:?}");
        } else {
            assert_eq!(ran.code, Some(0), "{how}: {args:?}: {ran:?}");
        }
    }
    let swept = world.run(["run", "cleanup", "--all", "--dry-run"]);
    assert!(matches!(swept.code, Some(0 | 5)) && !swept.stderr.contains("panicked"), "{how}: {swept:?}");
    assert!(state(dir) == before, "{how}: the program changed what is left");
}

fn play(trial: &mut Trial) {
    let world = World::new();
    world.mission(&mission());
    kill_and_look(trial, &world, &["mission", "run", "mission.toml", "-y", "--ui", "json"]);
    let dir = run_folder(&world);
    let (older, younger, place) = (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    copy(&dir, older.path());
    if trial.draws.bool() {
        kill_and_look(trial, &world, &["run", "resume", "--ui", "json"]);
    } else {
        world.run(["run", "resume"]).exits(0);
    }
    copy(&dir, younger.path());
    let whole = Journal::read(&dir).unwrap();
    let mut harm = 0;
    let faults = trial.wanted.saturating_sub(trial.injected()).clamp(1, FAULTS);
    for number in 0..faults {
        copy(younger.path(), place.path());
        let how = damage(place.path(), older.path(), &mut trial.draws);
        trial.fault(how.split(" at ").next().unwrap());
        let harmed = read(place.path(), &whole, &how);
        harm += u64::from(harmed);
        if number % LOOKED_AT == 0 {
            copy(place.path(), &dir);
            shown(&world, (&dir, &whole), harmed, &how);
        }
        trial.held();
    }
    // Much of a database is free space; but if nothing is ever harmed, nothing is shown.
    assert!(harm * 5 > faults, "{harm} of {faults} did harm");
    copy(younger.path(), &dir);
    assert_eq!(world.events().len(), whole.len());
    let resumed = world.run(["run", "resume"]);
    assert_eq!(resumed.code, Some(0), "put back from a copy, the run does not go on");
}

#[test]
fn a_slice() {
    slice(&DAMAGE);
}
