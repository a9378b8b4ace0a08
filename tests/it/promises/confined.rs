//! Promise 12, the other half: what tasks write outside of their workspace is refused where the system can, and told
//! where it cannot.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use walkdir::WalkDir;

use super::theirs::{Belongings, Into};
use super::{AtOnce, Promise, Trial, slice};
use crate::world::World;

pub(super) const CONFINED: Promise = Promise {
    id: "12a",
    what: "writes outside the workspace are refused where the system can (Landlock, or the agent's own sandbox; else said so)",
    faults: "files made, changed, cut, renamed, linked and removed, folders, pipes, settings, hooks and commits, outside \
             of the worktree, by commands and agents",
    whole: 200,
    at_once: AtOnce::Several,
    trial: play,
};

const WAYS: [&str; 18] = [
    "echo x > $HOME/new",
    "echo x >> $HOME/../project/README.md",
    "mkdir $HOME/folder",
    "rm -f $HOME/../project/README.md",
    "mv $HOME/kept $HOME/moved",
    "mv $HOME/kept here",
    "ln -s $HOME link; echo x > link/through; rm link",
    "ln $HOME/kept hard && echo x > hard; rm -f hard",
    "ln README.md $HOME/hard",
    "git config core.fsmonitor evil",
    "git -C $HOME/../project commit -q --allow-empty -m x",
    "git tag mine",
    "echo x > $(git rev-parse --git-common-dir)/hooks/post-checkout",
    "perl -e 'truncate(qq($ENV{HOME}/kept), 0)'",
    "perl -e 'open(F, q(+<), qq($ENV{HOME}/kept)) && print F q(changed)'",
    "perl -MPOSIX -e 'mkfifo(qq($ENV{HOME}/pipe), 0600)'",
    "setsid sh -c 'echo x > $HOME/daemon' & wait",
    "cp README.md $HOME/../project/copied",
];

fn mission(ways: &[&str], draws: &mut fastrand::Rng) -> String {
    let mut text = "[mission]\nname = \"confined\"\n[concurrency]\nmax = 2\n".to_owned();
    for (number, way) in ways.iter().enumerate() {
        let line = |line: String| serde_json::to_string(&line).unwrap();
        if draws.bool() {
            let run = line(format!("{way}; true"));
            text.extend([format!("[tasks.t{number}]\nrun = {run}\ntouches = []\n")]);
        } else {
            let hand_over = r#"echo '{"status": "done", "summary": "s"}' > $AI_SDLC_HANDOFF_OUT"#;
            let run = line(format!("cat > /dev/null; {way}; {hand_over}"));
            text.extend([format!(
                "[agents.a{number}]\nbackend = \"command\"\ncommand = [\"sh\", \"-c\", {run}]\n\
                 [tasks.t{number}]\nrole = \"full-stack-dev\"\nagent = \"a{number}\"\nprompt = \"Go.\"\ntouches = []\n"
            )]);
        }
    }
    text
}

/// What lies in a person's home, but for what is the engine's own.
fn home(world: &World) -> BTreeMap<PathBuf, Vec<u8>> {
    let ours = [world.home().join(".local"), world.home().join(".cache")];
    let entries =
        WalkDir::new(world.root()).into_iter().filter_entry(|entry| !ours.iter().any(|path| entry.path() == path));
    let outside = entries.flatten().filter(|entry| {
        let below = entry.path().strip_prefix(world.root()).unwrap();
        ["home", ""].contains(&below.iter().next().and_then(|first| first.to_str()).unwrap_or_default())
    });
    outside.map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap_or_default())).collect()
}

fn play(trial: &mut Trial) {
    let world = World::new().confined();
    fs::write(world.home().join("kept"), "kept\n").unwrap();
    let most = usize::try_from(trial.wanted.clamp(1, 8)).unwrap();
    let ways: Vec<&str> = (0..most).map(|_| WAYS[trial.draws.usize(..WAYS.len())]).collect();
    world.mission(&mission(&ways, &mut trial.draws));
    for way in &ways {
        trial.fault(way.split(' ').next().unwrap());
    }
    let before = (home(&world), Belongings::of(&world, Into::Not));
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    let told = world.events().into_iter().find(|event| event["type"] == "sandboxed").expect("it is told");
    let state = told["sandbox"]["state"].as_str().unwrap().to_owned();
    if state == "unavailable" {
        println!("not refused here, which is told: {told}");
        return;
    }
    assert_eq!(state, "landlock", "{told}");
    assert!(home(&world) == before.0, "{ways:?}: something outside was changed");
    trial.compare(&before.1, &Belongings::of(&world, Into::Not));
}

#[test]
fn a_slice() {
    slice(&CONFINED);
}
