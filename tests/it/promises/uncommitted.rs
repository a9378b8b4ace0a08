//! Promise 4: uncommitted work survives every kill, removal and reuse of a worktree.
//!
//! Work scribbles files of all kinds, one by one, and notes the hash of each that is whole. Whoever dies meanwhile, and
//! however often its worktree is used again, put back or removed: each of them is in a worktree, in a branch or in what
//! was salvaged, byte for byte.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::promises::site::{Engine, Site, kill, kill_engine};
use crate::promises::theirs::{Belongings, Into};
use crate::promises::{AtOnce, Promise, Trial, slice};
use crate::world::{World, wait_for};

pub(super) const PROMISE: Promise = Promise {
    id: "4",
    what: "uncommitted work survives every kill, removal and reuse of a worktree",
    faults: "whoever is at work killed while it writes, retries from the base, another session in the worktree, its removal; trees compared",
    whole: 200,
    at_once: AtOnce::Several,
    trial,
};

const KILLS: u64 = 5;

/// Scribbles, and fails until it is let go.
const SCRIBBLE: &str = r#"
task=$(echo "$AI_SDLC_TASK" | tr -c 'a-z0-9\n' _)
i=0
while [ $i -lt 9 ]; do
  i=$((i + 1))
  name="$task-$$-$(date +%N)-$i"
  case $i in
    1) mkdir -p "deep $$/er"; f="deep $$/er/$name"; head -c 3000 /dev/urandom > "$f" ;;
    2) f="$name.sh"; echo "$name" > "$f"; chmod +x "$f" ;;
    3) git init -q "inner-$$"; f="inner-$$/$name"; echo "$name" > "$f" ;;
    4) f="$name"; printf '\377\000%s' "$name" > "$f"; git add "$f" 2> /dev/null ;;
    5) f="a ü $name"; printf '%s\r\n' "$name" > "$f" ;;
    6) f="$name"; echo "$name" > "$f"; ln -s "$f" "link-$name" ;;
    *) f="$name"; echo "$name" > "$f" ;;
  esac
  echo "$(git hash-object --no-filters "$f") $f" >> "$HOME/made-$AI_SDLC_RUN"
  sleep 0.01
done
test -e "$HOME/go"
"#;

const SCENARIO: &str = r#"
[[sessions]]
play = [{ run = ["sh", "-c", "sh $HOME/scribble.sh || kill -9 $PPID"] }]
"#;

fn mission(clean: bool, into: Into) -> String {
    let into = if into == Into::Asked { "[merge]\ninto = \"main\"\ndeliver = \"each\"\n" } else { "" };
    format!(
        r#"
[mission]
name = "scribble"
[workspace]
pass = ["AI_SDLC_FAIL_POINT"]
[concurrency]
max = 3
[budget]
time = "1h"
[defaults]
retry = {{ max = 9, backoff = "10ms", clean = {clean} }}
{into}
[tasks.command]
run = "sh $HOME/scribble.sh"
[tasks.session]
role = "dev"
prompt = "Scribble."
[tasks.chain]
run = "true"
[tasks.link]
needs = ["chain"]
run = "sh $HOME/scribble.sh"
workspace = {{ with = "chain" }}
"#
    )
}

/// What was made and is nowhere.
fn lost(site: &Site<'_>) -> Vec<String> {
    let Some(run) = &site.run else { return Vec::new() };
    let made = fs::read_to_string(site.world.home().join(format!("made-{run}"))).unwrap_or_default();
    let mut kept = BTreeSet::new();
    for reference in site.git(&["for-each-ref", "--format=%(refname)", "refs/heads/", "refs/ai-sdlc/"]).lines() {
        kept.extend(blobs(site, reference));
    }
    kept.extend(hashes_below(site));
    let whole = made.lines().filter(|line| line.len() > 40);
    whole.filter(|line| !kept.contains(&line[..40])).map(str::to_owned).collect()
}

/// Hashes of all files of a commit.
fn blobs(site: &Site<'_>, reference: &str) -> Vec<String> {
    let tree = site.git(&["ls-tree", "-r", reference]);
    tree.lines().filter_map(|line| line.split([' ', '\t']).nth(2)).map(str::to_owned).collect()
}

/// Hashes of all files in worktrees.
fn hashes_below(site: &Site<'_>) -> Vec<String> {
    hashes_in(site, &site.world.home().join(".local/state/ai-sdlc"))
}

/// A file that a last process takes away meanwhile ends the hashing of all: then it is done again.
fn hashes_in(site: &Site<'_>, folder: &Path) -> Vec<String> {
    let mut hashes = None;
    wait_for("files that stay", || {
        hashes = hashes_of_all(site, folder);
        hashes.is_some()
    });
    hashes.unwrap()
}

fn hashes_of_all(site: &Site<'_>, folder: &Path) -> Option<Vec<String>> {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let paths: Vec<String> = files.map(|entry| format!("{}\n", entry.path().display())).collect();
    let mut command = site.world.command("git");
    command.args(["hash-object", "--no-filters", "--stdin-paths"]).current_dir(&site.dir);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(paths.concat().as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _written = writer.join();
    let hashes = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    output.status.success().then_some(hashes)
}

fn point(draws: &mut fastrand::Rng) -> Option<String> {
    let points = ["ref-move", "ref-moved", "journal-append", "journal-appended", "child-started", "result-write"];
    let point = draws.choice(points).unwrap();
    draws.bool().then(|| format!("{point}:{}=kill", draws.u8(1..6)))
}

fn strike(trial: &mut Trial, site: &mut Site<'_>, engine: &mut Engine) {
    wait_for("the engine to be at work", || engine.is_over() || engine.events() > 0);
    let age = engine.age() + Duration::from_millis(trial.draws.u64(..500));
    wait_for("the moment of the kill", || engine.is_over() || engine.age() >= age);
    site.learn(engine);
    let (guard, hosts) = (engine.guard(), engine.hosts());
    let whom = trial.draws.u8(..6);
    if engine.is_over() {
        trial.fault("died at a point, or a task failed for good");
        return;
    }
    match (whom, guard, hosts.first()) {
        (0, Some(guard), _) => {
            trial.fault("guard killed");
            kill(guard);
        }
        (1, _, Some(host)) => {
            trial.fault("host killed");
            kill(*host);
            let age = engine.age() + Duration::from_millis(200);
            wait_for("the engine to see it", || engine.is_over() || engine.age() >= age);
        }
        (2, Some(guard), _) => {
            trial.fault("engine and guard killed");
            kill_engine(engine);
            kill(guard);
        }
        (..) => trial.fault("engine killed"),
    }
    if !engine.is_over() && whom != 0 {
        kill_engine(engine);
    }
}

fn trial(trial: &mut Trial) {
    let into = if trial.draws.bool() { Into::Asked } else { Into::Not };
    let world = World::new();
    fs::write(world.home().join("scribble.sh"), SCRIBBLE).unwrap();
    world.write("scenario.toml", SCENARIO);
    world.write("roles/dev.md", "---\nname: dev\ndescription: Writes code.\nkind: code\n---\n{{task.prompt}}\n");
    world.mission(&mission(trial.draws.bool(), into));
    let before = Belongings::of(&world, into);
    let begin = "mission run mission.toml --agent rehearsal --scenario scenario.toml --yes --ui json";
    let mut site = Site::of(&world, &begin.split(' ').collect::<Vec<_>>());
    for _ in 0..KILLS {
        let point = point(&mut trial.draws);
        let mut engine = site.start(point.as_deref());
        strike(trial, &mut site, &mut engine);
        let _ended = engine.wait();
        site.learn(&engine);
        if site.run.is_some() {
            wait_for("the end of what it started, or who could end it", || {
                site.processes().is_empty() || site.processes().iter().all(|(_, command)| !command.contains(" guard"))
            });
        }
        assert_eq!(lost(&site), Vec::<String>::new(), "made, and nowhere any more; {}", engine.said());
        trial.held();
    }
    if trial.number % 2 == 1 {
        removed(trial, &site);
        world.is_quiet();
        return trial.compare(&before, &Belongings::of(&world, into));
    }
    fs::write(world.home().join("go"), "").unwrap();
    for _ in 0..4 {
        let mut engine = site.start(None);
        let code = engine.wait();
        site.learn(&engine);
        assert_eq!(lost(&site), Vec::<String>::new(), "made, and nowhere any more; {}", engine.said());
        if code == Some(0) {
            break;
        }
    }
    assert_eq!(world.end_of("link"), "succeeded");
    world.is_quiet();
    trial.compare(&before, &Belongings::of(&world, into));
}

/// All worktrees of the run are removed; what was in them and nowhere else is given back by `run recover`, byte for byte.
fn removed(trial: &mut Trial, site: &Site<'_>) {
    // What outlived its engine and its guard is ended by the next engine, or by that which removes the run.
    let run = site.run.clone().expect("it has begun");
    site.world.processes().iter().for_each(|(pid, _)| kill(u32::try_from(*pid).unwrap()));
    site.is_swept();
    let before: BTreeSet<String> = hashes_below(site).into_iter().collect();
    trial.fault("worktrees removed");
    let _cleaned = site.tell(&["run", "cleanup", &run, "--salvage", "--yes"], 0);
    assert_eq!(lost(site), Vec::<String>::new(), "made, and removed with its worktree");
    let listed: Value = serde_json::from_str(&site.tell(&["run", "recover", &run, "--json"], 0).stdout).unwrap();
    let folder = site.world.home().join(".local/recovered");
    let salvaged = listed["salvaged"].as_array().unwrap();
    for number in 1..=salvaged.len() {
        let to = folder.join(number.to_string()).display().to_string();
        let _given_back = site.tell(&["run", "recover", &run, &number.to_string(), "--to", &to], 0);
        let tree = site.git(&["rev-parse", &format!("{}^{{tree}}", salvaged[number - 1]["ref"].as_str().unwrap())]);
        assert_ne!(tree, "", "{listed:#}");
    }
    let made = fs::read_to_string(site.world.home().join(format!("made-{run}"))).unwrap_or_default();
    let branches = site.git(&["for-each-ref", "--format=%(refname)", "refs/heads/"]);
    let mut back: BTreeSet<String> = hashes_in(site, &folder).into_iter().collect();
    for branch in branches.lines() {
        back.extend(blobs(site, branch));
    }
    // What was in a worktree when it went is back; what an earlier reuse of one salvaged is among it.
    let missing: Vec<&str> = made
        .lines()
        .filter(|line| line.len() > 40 && before.contains(&line[..40]) && !back.contains(&line[..40]))
        .collect();
    assert_eq!(missing, Vec::<&str>::new(), "not given back: {listed:#}");
}

#[test]
fn a_slice() {
    slice(&PROMISE);
}
