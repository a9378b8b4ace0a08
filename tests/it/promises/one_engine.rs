//! Promise 5: one engine a run.
//!
//! Whatever is started for a run at the same moment, one of them drives it: never are there two guards, the others
//! say who drives it, and no work is done twice at once.

use std::fs;
use std::time::Duration;

use crate::promises::site::{Engine, Site, kill_engine};
use crate::promises::theirs::{Belongings, Into};
use crate::promises::{AtOnce, Promise, Trial, slice};
use crate::world::{World, wait_for};

pub(super) const PROMISE: Promise = Promise {
    id: "5",
    what: "one engine a run",
    faults: "two to four resumes of a dead or living run at once",
    whole: 200,
    at_once: AtOnce::Several,
    trial,
};

const MISSION: &str = r#"
[mission]
name = "once"
[concurrency]
max = 2
[merge]
into = "main"
[tasks.a]
run = "sh $HOME/work.sh a.txt a"
[tasks.b]
run = "sh $HOME/work.sh b.txt b"
[tasks.hold]
needs = ["a"]
run = "touch $HOME/up-$$; until test -e $HOME/go; do sleep 0.02; done; sh $HOME/work.sh hold.txt hold"
[tasks.last]
needs = ["hold", "b"]
run = "sh $HOME/work.sh last.txt last"
"#;

/// Guards of the run that live.
fn guards(site: &Site<'_>) -> usize {
    site.processes().iter().filter(|(_, command)| command.ends_with(" guard ")).count()
}

/// Waits for all but those that still drive, and tells how they ended.
fn settle(site: &Site<'_>, engines: &mut Vec<Engine>) -> Vec<Option<i32>> {
    let mut ends = Vec::new();
    wait_for("all but one to give up", || {
        assert!(guards(site) <= 1, "two engines drive one run: {:?}", site.processes());
        engines.retain_mut(|engine| {
            let over = engine.is_over();
            if over {
                ends.push(engine.wait());
            }
            !over
        });
        engines.len() <= 1
    });
    ends
}

fn trial(trial: &mut Trial) {
    let world = World::new();
    world.mission(MISSION);
    let before = Belongings::of(&world, Into::Asked);
    let mut site = Site::of(&world, &"mission run mission.toml --yes --ui json".split(' ').collect::<Vec<_>>());
    let mut driver = site.start(None);
    let events = trial.draws.usize(2..10);
    wait_for("its first events", || driver.is_over() || driver.events() >= events);
    site.learn(&driver);
    let mut kills = 0;
    for _ in 0..trial.wanted.min(8) {
        let alive = trial.draws.u8(..4) == 0;
        let number = trial.draws.usize(2..=4);
        let mut engines = Vec::new();
        if alive {
            trial.fault("resumes of a living run");
        } else {
            trial.fault("resumes of a dead run");
            kill_engine(&mut driver);
            kills += 1;
        }
        for _ in 0..number {
            engines.push(site.start(None));
            std::thread::sleep(Duration::from_millis(if trial.draws.bool() { 0 } else { trial.draws.u64(..40) }));
        }
        if alive {
            engines.push(driver);
        }
        let ends = settle(&site, &mut engines);
        assert!(ends.iter().all(|end| *end == Some(6)), "{ends:?}");
        let one = engines.pop();
        assert!(one.is_some(), "nobody drives it: {ends:?}");
        driver = one.unwrap();
        let seen = trial.draws.usize(1..4);
        wait_for("it to go on", || driver.is_over() || driver.events() >= seen);
        trial.held();
    }
    fs::write(world.home().join("go"), "").unwrap();
    let said = driver.said();
    assert_eq!(driver.wait(), Some(0), "{said}");
    for file in ["a", "b", "hold", "last"] {
        assert_eq!(world.read(&format!("{file}.txt")), format!("{file}\n"));
    }
    for (key, (_, ended)) in site.ledger() {
        // What an engine's death cut off between its last line and its end is done again, once for each death.
        assert!((1..=1 + kills).contains(&ended), "{key} was done to its end {ended} times");
    }
    world.is_quiet();
    trial.compare(&before, &Belongings::of(&world, Into::Asked));
}

#[test]
fn a_slice() {
    slice(&PROMISE);
}
