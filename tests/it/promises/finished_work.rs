//! Promise 1: no finished task is lost or run again when the engine, the guard or a host dies.
//!
//! The missions have commands, sessions, checks, rounds, retries, an expansion, reviews, a judge that sends work back, a gate,
//! a shared workspace, merge checks and delivery. Engines are killed at random moments, after random events and at points that
//! are hit exactly, again and again, until the run is done. Before each resume it is noted what has finished; in the
//! end none of that was done twice, all of it is there, and so is every file that was ever begun.

use std::time::Duration;

use crate::promises::everything::{INTO, MADE, TASKS, begin, mission, prepare};
use crate::promises::site::{Engine, Ledger, Site, kill, kill_engine};
use crate::promises::theirs::{Belongings, Into};
use crate::promises::{AtOnce, Promise, Trial, slice};
use crate::world::{World, wait_for};

pub(super) const ONE_RUN: Promise = Promise {
    id: "1",
    what: "no finished task (its result is durable) is lost or run again, whoever dies, and no byte of anyone's work is lost",
    faults: "engine, guard and hosts killed (-9) at random moments, after random events and at every journal write, start, end and move of a branch, then resumed",
    whole: 1_000,
    at_once: AtOnce::Several,
    trial: one_run,
};

pub(super) const TWO_RUNS: Promise = Promise {
    id: "1a",
    what: "the same with two runs on one repository at once",
    faults: "the same, in both",
    whole: 200,
    at_once: AtOnce::Several,
    trial: two_runs,
};

pub(super) const FOUR_ENGINES: Promise = Promise {
    id: "1b",
    what: "the same with four engines in four repositories that share one configuration",
    faults: "the same, in all four",
    whole: 200,
    at_once: AtOnce::One,
    trial: four_engines,
};

/// Kills of one run before it is let go to its end.
const KILLS: u64 = 14;

/// Journal writes of a run of the mission below, about: the first kill goes through them in turn.
const WRITES: u64 = 40;

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    Engine,
    Guard,
    Host,
    EngineAndGuard,
}

/// When.
#[derive(Debug, Clone)]
enum When {
    Events(usize),
    Moment(Duration),
    Point(String),
}

/// Points of the engine, and how often a run of the mission comes to them between two deaths, about.
const OF_ENGINE: [(&str, u64); 5] =
    [("journal-append", 9), ("journal-appended", 9), ("journal-head", 9), ("ref-move", 4), ("ref-moved", 4)];
/// Points of the guard and of hosts.
const OF_OTHERS: [(&str, u64); 5] =
    [("child-start", 4), ("child-started", 4), ("child-ended", 4), ("result-write", 1), ("result-written", 1)];

fn drawn(trial: &mut Trial, first: bool) -> (Whom, When) {
    if first {
        let (point, _) = OF_ENGINE[usize::try_from(trial.number % 3).unwrap()];
        let write = (trial.number / 3) % WRITES + 1;
        return (Whom::Engine, When::Point(format!("{point}:{write}=kill")));
    }
    let draws = &mut trial.draws;
    let at = |draws: &mut fastrand::Rng, points: &[(&str, u64)]| {
        let (point, most) = points[draws.usize(..points.len())];
        When::Point(format!("{point}:{}=kill", draws.u64(1..=most)))
    };
    match draws.u8(..12) {
        0..2 => (Whom::Engine, When::Events(draws.usize(1..14))),
        2..4 => (Whom::Engine, When::Moment(Duration::from_millis(draws.u64(..600)))),
        4..7 => (Whom::Engine, at(draws, &OF_ENGINE)),
        7..9 => (Whom::Host, at(draws, &OF_OTHERS)),
        9 => (Whom::Guard, When::Events(draws.usize(1..14))),
        10 => (Whom::Host, When::Events(draws.usize(1..14))),
        _ => (Whom::EngineAndGuard, When::Events(draws.usize(1..14))),
    }
}

/// How an engine came to its end.
enum Came {
    ByFault,
    To(i32),
}

/// A run that is killed again and again, and what it had finished by then.
struct Victim<'a> {
    site: Site<'a>,
    finished: Ledger,
    ended: bool,
    kills: u64,
    seen_lost: usize,
}

impl<'a> Victim<'a> {
    fn new(site: Site<'a>) -> Self {
        Self { site, finished: Ledger::new(), ended: false, kills: 0, seen_lost: 0 }
    }

    /// Starts the engine with a fault in its way.
    fn launch(&mut self, trial: &mut Trial, first: bool) -> (Engine, Whom, When) {
        let (whom, when) = drawn(trial, first);
        let point = if let When::Point(point) = &when { Some(point.as_str()) } else { None };
        (self.site.start(point), whom, when)
    }

    /// Waits for the moment, and kills; or the engine ends before it.
    fn strike(&mut self, trial: &mut Trial, engine: &mut Engine, (whom, when): (Whom, &When)) -> Came {
        wait_for("the moment of the kill", || {
            engine.is_over()
                || match when {
                    When::Events(events) => engine.events() >= *events,
                    When::Moment(age) => engine.age() >= *age,
                    When::Point(_) => false,
                }
        });
        self.site.learn(engine);
        if !engine.is_over() {
            Self::kill(trial, engine, whom);
        }
        let code = engine.wait();
        self.site.learn(engine);
        let point = if let When::Point(point) = when { point.split(':').next().unwrap() } else { "moment" };
        let died = match code {
            None => Some(whom),
            // Only the fault's own process died of it, which its engine survives or tells.
            Some(70) if point.starts_with("child-") => Some(Whom::Guard),
            Some(_) if point.starts_with("result-") && self.lost() > self.seen_lost => Some(Whom::Host),
            Some(_) => None,
        };
        self.seen_lost = self.lost();
        if let Some(whom) = died {
            trial.fault(&format!("{whom:?} at {point}"));
        }
        code.map_or(Came::ByFault, Came::To)
    }

    /// Sessions whose host died.
    fn lost(&self) -> usize {
        self.site.events().iter().filter(|event| event["end"]["how"]["kind"] == "lost").count()
    }

    fn kill(trial: &mut Trial, engine: &mut Engine, whom: Whom) {
        let guard = engine.guard();
        let hosts = engine.hosts();
        match whom {
            Whom::Engine => kill_engine(engine),
            Whom::EngineAndGuard => {
                kill_engine(engine);
                guard.into_iter().for_each(kill);
            }
            Whom::Guard => {
                if let Some(guard) = guard {
                    trial.fault("Guard at moment");
                    kill(guard);
                }
            }
            Whom::Host => {
                if let Some(host) = hosts.first() {
                    trial.fault("Host at moment");
                    kill(*host);
                }
            }
        }
    }

    /// One start of the engine; true once the run is done.
    fn step(&mut self, trial: &mut Trial) {
        let first = self.kills == 0;
        let (mut engine, whom, when) = self.launch(trial, first);
        let came = self.strike(trial, &mut engine, (whom, &when));
        self.site.learn(&engine);
        self.kills += 1;
        self.look(&mut engine, &came, whom);
    }

    fn look(&mut self, engine: &mut Engine, came: &Came, whom: Whom) {
        match came {
            Came::To(0) => self.ended = true,
            Came::To(3) => self.answer(),
            // A task failed for good, or the guard was gone.
            Came::ByFault | Came::To(1 | 5 | 70) => {}
            Came::To(code) => panic!("the engine ended with {code}: {}", engine.said()),
        }
        // Without a guard, the resume sweeps.
        if whom != Whom::EngineAndGuard {
            self.site.is_swept();
        }
        // What is finished is in the ledger already; the other way round it could come to its end between the two looks.
        let finished = self.site.finished();
        let ledger = self.site.ledger();
        for key in finished {
            let count = ledger.get(&key).copied();
            if let Some(count) = count {
                self.finished.entry(key).or_insert(count);
            }
        }
    }

    fn answer(&self) {
        let run = self.site.run.as_deref().unwrap();
        let _answered = self.site.tell(&["run", "approve", run, "ask"], 0);
    }

    /// Goes on without faults until it is done.
    fn finish(&mut self) {
        for _ in 0..8 {
            if self.ended {
                return;
            }
            let mut engine = self.site.start(None);
            let code = engine.wait().expect("nobody kills it");
            self.site.learn(&engine);
            self.look(&mut engine, &Came::To(code), Whom::Engine);
        }
        panic!("the run does not come to its end: {:#?}", self.site.events().iter().rev().take(12).collect::<Vec<_>>());
    }

    /// Every task succeeded, and once; but for those that were sent back, which did so once more.
    fn ends_as_it_should(&self) {
        let events = self.site.events();
        let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
        for task in TASKS {
            let ends: Vec<_> = of("task-finished").filter(|event| event["task"] == task).collect();
            let good = ends.iter().filter(|end| end["outcome"]["kind"] == "succeeded").count();
            let back = of("sent-back").filter(|event| event.to_string().contains(&format!("\"{task}\""))).count();
            // Clean-up is done whenever a run stops, also because its guard is gone.
            assert!(
                task == "tidy" || good == 1 || good > 1 && good <= back + 1,
                "{task} ended {good} times, sent back {back}: {ends:#?}"
            );
            assert_eq!(ends.last().unwrap()["outcome"]["kind"], "succeeded", "{task}");
        }
    }

    fn is_whole(&self, branch: &str) {
        self.site.is_swept();
        let ledger = self.site.ledger();
        for (key, count) in &self.finished {
            assert_eq!(ledger.get(key), Some(count), "`{key}` ran again after its end was durable (began, ended)");
        }
        self.ends_as_it_should();
        let tree = self.site.git(&["ls-tree", "-r", "--name-only", branch]);
        for file in MADE {
            assert!(tree.lines().any(|line| line == file), "no {file} in {branch}:\n{tree}");
        }
        assert_eq!(self.site.git(&["show", &format!("{branch}:rework.txt")]), "right");
        self.site.keeps_every_byte();
    }
}

/// What a repository must be like when its runs are over.
fn is_sound(site: &Site<'_>) {
    assert_eq!(site.git(&["fsck", "--no-dangling"]), "");
    for lock in ["index.lock", "HEAD.lock", "packed-refs.lock", "config.lock"] {
        assert!(!site.dir.join(".git").join(lock).exists(), "{lock} was left");
    }
}

fn one_run(trial: &mut Trial) {
    let into = if trial.draws.bool() { Into::Asked } else { Into::Not };
    let world = World::new();
    let site = Site::of(&world, &begin("mission.toml"));
    prepare(&site, &[("mission.toml", mission("chaos", if into == Into::Asked { INTO } else { "" }))]);
    if into == Into::Not {
        world.write("README.md", "not committed\n");
        world.write("untracked.txt", "mine\n");
    }
    let before = Belongings::of(&world, into);
    let mut victim = Victim::new(site);
    while !victim.ended && victim.kills < KILLS {
        victim.step(trial);
    }
    victim.finish();
    let integration = format!("ai-sdlc/{}/integration", victim.site.run.as_deref().unwrap());
    victim.is_whole(if into == Into::Asked { "main" } else { &integration });
    is_sound(&victim.site);
    trial.compare(&before, &Belongings::of(&world, into));
    if into == Into::Asked {
        assert_eq!(world.git(["status", "--porcelain"]), "");
    }
}

/// All of them at once: each is started, then each is struck.
fn play_together(trial: &mut Trial, victims: &mut [Victim<'_>]) {
    while victims.iter().any(|victim| !victim.ended && victim.kills < KILLS / 2) {
        let mut struck = Vec::new();
        for victim in victims.iter_mut().filter(|victim| !victim.ended && victim.kills < KILLS / 2) {
            let first = victim.kills == 0;
            let launched = victim.launch(trial, first);
            struck.push((victim, launched));
        }
        for (victim, (mut engine, whom, when)) in struck {
            let came = victim.strike(trial, &mut engine, (whom, &when));
            victim.site.learn(&engine);
            victim.kills += 1;
            victim.look(&mut engine, &came, whom);
        }
    }
    for victim in victims {
        victim.finish();
    }
}

fn two_runs(trial: &mut Trial) {
    let world = World::new();
    let into = Into::Not;
    let sites = ["one.toml", "two.toml"].map(|file| Site::of(&world, &begin(file)));
    prepare(&sites[0], &[("one.toml", mission("one", "")), ("two.toml", mission("two", ""))]);
    world.write("README.md", "not committed\n");
    let before = Belongings::of(&world, into);
    let mut victims = sites.map(Victim::new);
    play_together(trial, &mut victims);
    for victim in &victims {
        victim.is_whole(&format!("ai-sdlc/{}/integration", victim.site.run.as_deref().unwrap()));
        is_sound(&victim.site);
    }
    trial.compare(&before, &Belongings::of(&world, into));
}

fn four_engines(trial: &mut Trial) {
    let world = World::new();
    std::fs::create_dir_all(world.home().join(".config/ai-sdlc")).unwrap();
    let shared = world.home().join(".config/ai-sdlc/config.toml");
    let there = std::fs::read_to_string(&shared).unwrap_or_default();
    std::fs::write(shared, format!("agent = \"rehearsal\"\n{there}")).unwrap();
    let mut sites = vec![Site::of(&world, &begin("mission.toml"))];
    for name in ["second", "third", "fourth"] {
        let dir = world.home().with_file_name(name);
        world.git(["clone", "-q", ".", &dir.display().to_string()]);
        let site = Site::at(&world, dir, &begin("mission.toml"));
        site.git(&["config", "user.name", "Ada"]);
        site.git(&["config", "user.email", "ada@example.org"]);
        sites.push(site);
    }
    for site in &sites {
        prepare(site, &[("mission.toml", mission("chaos", INTO))]);
    }
    let before = Belongings::of(&world, Into::Asked);
    let mut victims: Vec<_> = sites.into_iter().map(Victim::new).collect();
    play_together(trial, &mut victims);
    for victim in &victims {
        victim.is_whole("main");
        is_sound(&victim.site);
        assert_eq!(victim.site.git(&["status", "--porcelain"]), "");
    }
    trial.compare(&before, &Belongings::of(&world, Into::Asked));
}

#[test]
fn a_slice_of_one_run() {
    slice(&ONE_RUN);
}

#[test]
fn a_slice_of_two_runs_at_once() {
    slice(&TWO_RUNS);
}

#[test]
fn a_slice_of_four_engines_with_one_configuration() {
    slice(&FOUR_ENGINES);
}
