//! Promise 8: a disk that is full is told, harms nothing, and once there is room the run goes on.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::theirs::{Belongings, Into};
use super::{AtOnce, Promise, Trial, slice};
use crate::world::{Ran, World, finish};

pub(super) const FULL: Promise = Promise {
    id: "8",
    what: "disk full: told, nothing corrupted, resume works once there is room",
    faults: "a small file system with journal, worktrees, logs, handoffs, cache and artifacts on it, filled up after \
             some event of a run but for a few pages, or none",
    whole: 100,
    at_once: AtOnce::Several,
    trial: play,
};

/// More than the engine wants free before it begins or goes on, with all that a run leaves beside it.
const SIZE: &str = "size=112m,mode=700";

/// A small file system of its own.
struct Disk {
    at: TempDir,
}

impl Disk {
    /// `None` where mounting is not allowed.
    fn mount() -> Option<Self> {
        let at = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "tmpfs"])
            .arg(at.path())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then_some(Self { at })
    }

    fn free(&self) -> u64 {
        let told = rustix::fs::statvfs(self.at.path()).unwrap();
        told.f_bavail * told.f_frsize
    }

    fn ballast(&self) -> PathBuf {
        self.at.path().join("ballast")
    }

    /// Leaves no more room than so many bytes, whoever writes at the same time.
    fn fill(&self, leave: u64) {
        let mut file = File::create(self.ballast()).unwrap();
        let block = vec![0; 64 << 10];
        while self.free() > leave {
            let next = usize::try_from(self.free().saturating_sub(leave)).unwrap().min(block.len());
            if file.write_all(&block[..next]).is_err() {
                return;
            }
        }
    }

    fn make_room(&self) {
        drop(fs::remove_file(self.ballast()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _mounted_no_more = Command::new("umount").arg("--lazy").arg(self.at.path()).status();
    }
}

const MISSION: &str = r#"
[mission]
name = "full"
[concurrency]
max = 2
[merge]
into = "main"
deliver = "each"
checks = ["true"]
[tasks.build]
run = "seq 1 30000; seq 1 5000 > build.txt; head -c 300000 /dev/zero > \"$AI_SDLC_ARTIFACTS/big\"; mkdir -p out; echo x > out/small"
artifacts = ["out/**"]
cache = { inputs = ["README.md"] }
[tasks.write]
role = "full-stack-dev"
prompt = "Write."
outputs.part = "string"
[tasks.use]
needs = ["build", "write"]
run = "echo $AI_SDLC_OUT_WRITE_PART > use.txt; seq 1 20000"
checks = ["grep -q engine use.txt"]
[tasks.again]
role = "full-stack-dev"
needs = ["write"]
prompt = "Again."
review = "tech-lead"
[tasks.last]
needs = ["use", "again"]
run = "cat use.txt > last.txt"
retry = { max = 1, backoff = "10ms" }
"#;

const SCENARIO: &str = r#"
[[sessions]]
task = "write"
play = [{ write = "write.txt", text = "w\n" }, { run = ["seq", "1", "9000"] }, { hand_over = { status = "done", summary = "Wrote it.", outputs = { part = "engine" } } }]
[[sessions]]
kind = "work"
task = "again"
play = [{ append = "again.txt", text = "a\n" }, { say = "again" }]
"#;

const BEGIN: [&str; 9] =
    ["mission", "run", "mission.toml", "-y", "--agent", "rehearsal", "--scenario", "s.toml", "--ui=json"];

/// How a run on a full disk may end, and what is said of it.
fn judge(ran: &Ran, world: &World) {
    let both = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!both.contains("panicked"), "{ran:?}");
    match ran.code {
        Some(0) => {}
        Some(5) => {
            let words = ["space", "disk", "full"];
            assert!(words.iter().any(|word| ran.stderr.contains(word)), "not told why: {ran:?}");
            assert!(ran.stderr.contains("help:"), "not told what to do: {ran:?}");
        }
        // What a task itself could not write fails the task, which the report tells with its words.
        Some(1) => {
            let told = world.run(["run", "report"]);
            assert!(format!("{both}{told:?}").contains("No space left"), "{ran:?}\n{told:?}");
        }
        Some(_) | None => panic!("{ran:?}"),
    }
}

fn prepared(disk: &Path) -> World {
    let world = World::on(disk);
    world.write("s.toml", SCENARIO);
    world.mission(MISSION);
    world.git(["branch", "mine"]);
    world
}

fn play(trial: &mut Trial) {
    let disk =
        Disk::mount().expect("a file system can be mounted: `unshare --user --map-root-user --mount just chaos`");
    let world = prepared(disk.at.path());
    let theirs = Belongings::of(&world, Into::Asked);
    let leave = [0, 0, 4, 8, 16, 40, 100, 300][trial.draws.usize(..8)] << 10;
    let after = trial.draws.usize(0..60);
    let mut child = world.program().args(BEGIN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let seen = lines.by_ref().take(after).count();
    disk.fill(leave);
    trial.fault(if leave == 0 { "full to the last page" } else { "full but for some pages" });
    // It is read on, or the engine would wait for us.
    let _read = lines.count();
    let ran = finish(child);
    world.is_quiet();
    println!("{seen} events, {leave} bytes left: exit {:?}", ran.code);
    let looked = world.run(["run", "show"]);
    assert!(matches!(looked.code, Some(0 | 2 | 5)), "{looked:?}");
    disk.make_room();
    judge(&ran, &world);
    let mut again = ran.code;
    for _ in 0..4 {
        if again == Some(0) {
            break;
        }
        let resumed = world.run(["run", "resume"]);
        // One that never began has left nothing to go on with.
        let resumed = if resumed.stderr.contains("there are no runs yet") { world.run(BEGIN) } else { resumed };
        again = resumed.code;
        assert!(matches!(again, Some(0 | 1)), "with room again: {resumed:?}");
    }
    assert_eq!(again, Some(0), "{}", world.run(["run", "report"]).stdout);
    for (file, text) in [("use.txt", "engine\n"), ("last.txt", "engine\n"), ("write.txt", "w\n")] {
        assert_eq!(world.read(file), text, "{file}");
    }
    assert_eq!(world.read("build.txt").lines().count(), 5_000);
    assert_eq!(world.git(["status", "--porcelain"]), "");
    assert_eq!(world.git(["fsck", "--no-dangling"]), "");
    trial.compare(&theirs, &Belongings::of(&world, Into::Asked));
    let kept = world.task("build")["artifacts"].to_string();
    assert!(kept.contains("big") && kept.contains("small"), "artifacts: {kept}");
    trial.held();
}

#[test]
fn a_slice() {
    if Disk::mount().is_some() {
        return slice(&FULL);
    }
    // Somebody who is not root may mount in a name space of their own, where that is allowed.
    let mut inside = Command::new("unshare");
    inside.args(["--user", "--map-root-user", "--mount"]).arg(std::env::current_exe().unwrap());
    inside.args(["--exact", "promises::full::a_slice", "--nocapture"]);
    if std::env::var_os("AI_SDLC_UNSHARED").is_none() {
        match inside.env("AI_SDLC_UNSHARED", "1").output().map(|output| Ran::of(&output)) {
            Ok(ran) if ran.stdout.contains("promise 8") => {
                return println!("{}", ran.exits(0).stdout);
            }
            Ok(_) | Err(_) => {}
        }
    }
    println!("skipped: no file system can be mounted here");
}
