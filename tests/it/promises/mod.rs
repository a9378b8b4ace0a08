//! The promises of `docs/promises.md`, each shown by injecting faults and counting what was survived.
//!
//! A promise is a [`Promise`]: a number of faults and a trial, a function that makes a world, injects some faults, and
//! fails like any test where the promise was not kept. Every trial draws from a seed of its own, so one that failed can be
//! played again alone; its world's folder is kept. `cargo test` plays a twentieth of each promise; [`long_form`] (`just
//! chaos`) plays all of it and prints the rows of the page's table. What both understand, in the environment:
//!
//! - `AI_SDLC_SEED=7`: the seed; else the tests of the suite take [`SEED`], so that they play the same each time, and the long
//!   form draws one and prints it;
//! - `AI_SDLC_TRIAL=12`: this trial alone;
//!
//! and the long form alone:
//!
//! - `AI_SDLC_PROMISES=1,4`: these promises alone (`1` is also `1a`);
//! - `AI_SDLC_SHARE=0.1`: a tenth of the faults;
//! - `AI_SDLC_JOBS=2`: trials at once, where they do not disturb each other;
//! - `UPDATE=1`: write the rows of what was played whole into the page.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

mod canary;
mod confined;
mod corpus;
mod damage;
mod everything;
mod finished_work;
mod flood;
mod full;
mod golden;
mod late;
mod ledger;
mod left_running;
mod one_engine;
mod page;
mod planted;
mod sabotage;
pub(crate) mod site;
pub(crate) mod theirs;
mod uncommitted;

/// Every promise that is played, in the order of the page.
const PROMISES: &[&Promise] = &[
    &finished_work::ONE_RUN,
    &finished_work::TWO_RUNS,
    &finished_work::FOUR_ENGINES,
    &damage::DAMAGE,
    &left_running::PROMISE,
    &uncommitted::PROMISE,
    &one_engine::PROMISE,
    &late::PROMISE,
    &full::FULL,
    &sabotage::PROMISE,
    &flood::FLOOD,
    &planted::PLANTED,
    &confined::CONFINED,
    &canary::CANARY,
    &corpus::CORPUS,
    &ledger::LEDGER,
];

/// What part of a promise's faults the test suite plays.
const SLICE: f64 = 0.05;

/// The seed of the slices: a change that passes once is to pass again, and what others draw is played by the long form.
const SEED: u64 = 20_261_121;

/// A promise, and how it is shown.
pub(crate) struct Promise {
    /// Its number in the page, with a letter where it is played in several ways: `1`, `1a`.
    pub(crate) id: &'static str,
    /// What is promised.
    pub(crate) what: &'static str,
    /// What is injected.
    pub(crate) faults: &'static str,
    /// How many faults the long form injects, at least.
    pub(crate) whole: u64,
    /// Whether several trials may be played at once.
    pub(crate) at_once: AtOnce,
    /// One world, some faults.
    pub(crate) trial: fn(&mut Trial),
}

/// Whether several trials of a promise may be played at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtOnce {
    Several,
    One,
}

/// One trial while it is played.
pub(crate) struct Trial {
    /// Where every choice of this trial comes from.
    pub(crate) draws: fastrand::Rng,
    /// Which trial of the promise this is, from 0: for going through cases in turn.
    pub(crate) number: u64,
    /// How many more faults are wanted when it begins: a trial that can inject any number stops there.
    pub(crate) wanted: u64,
    figures: Figures,
}

/// What faults were injected, and what came of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) injected: u64,
    pub(crate) survived: u64,
    /// How often a person's branches, index, checkout, stash and configuration were compared, and found the same.
    pub(crate) compared: (u64, u64),
    /// How many faults of each kind.
    pub(crate) kinds: BTreeMap<String, u64>,
    /// What failed, with how to repeat it.
    pub(crate) failures: Vec<String>,
}

impl Trial {
    /// A fault is injected.
    pub(crate) fn fault(&mut self, kind: &str) {
        self.faults(kind, 1);
    }

    /// So many faults of one kind are injected.
    pub(crate) fn faults(&mut self, kind: &str, number: u64) {
        self.figures.injected += number;
        *self.figures.kinds.entry(kind.to_owned()).or_default() += number;
    }

    /// The promise was kept under all that was injected until now. A trial that comes to its end says so by that.
    pub(crate) fn held(&mut self) {
        self.figures.survived = self.figures.injected;
    }

    /// How many faults this trial has injected.
    pub(crate) fn injected(&self) -> u64 {
        self.figures.injected
    }

    /// Asserts that what is a person's own is as it was, and counts the comparison.
    pub(crate) fn compare<T: PartialEq + std::fmt::Debug>(&mut self, before: &T, after: &T) {
        self.figures.compared.0 += 1;
        assert_eq!(before, after, "what is a person's own is not as it was");
        self.figures.compared.1 += 1;
    }
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.injected += other.injected;
        self.survived += other.survived;
        self.compared.0 += other.compared.0;
        self.compared.1 += other.compared.1;
        for (kind, number) in other.kinds {
            *self.kinds.entry(kind).or_default() += number;
        }
        self.failures.extend(other.failures);
    }

    fn kept(&self) -> bool {
        self.injected > 0 && self.survived == self.injected && self.failures.is_empty()
    }
}

/// How much is played.
#[derive(Clone, Copy)]
struct Extent {
    seed: u64,
    trial: Option<u64>,
    share: f64,
    jobs: usize,
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}?")))
}

impl Extent {
    fn of_environment(seed: impl FnOnce() -> u64, share: f64, jobs: usize) -> Self {
        let seed = variable("AI_SDLC_SEED").unwrap_or_else(seed);
        Self { seed, trial: variable("AI_SDLC_TRIAL"), share, jobs }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::as_conversions,
        reason = "a share of some thousand faults"
    )]
    fn faults(&self, promise: &Promise) -> u64 {
        ((promise.whole as f64 * self.share).ceil() as u64).max(1)
    }
}

/// Draws of one trial: the same for the same seed, promise and number, whatever is played beside it.
fn draws(seed: u64, promise: &Promise, number: u64) -> fastrand::Rng {
    let name = promise.id.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(257).wrapping_add(byte.into()));
    let mut draws = fastrand::Rng::with_seed(seed ^ name.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    fastrand::Rng::with_seed(draws.u64(..) ^ number.wrapping_mul(0xd134_2543_de82_ef95))
}

/// What a failed assertion said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn play_trial(promise: &Promise, extent: Extent, number: u64, wanted: u64) -> Figures {
    let draws = draws(extent.seed, promise, number);
    let mut trial = Trial { draws, number, wanted, figures: Figures::default() };
    match catch_unwind(AssertUnwindSafe(|| (promise.trial)(&mut trial))) {
        Ok(()) => trial.held(),
        Err(panic) => {
            // A trial that fails before its first fault shows as one that was not survived.
            trial.figures.injected = trial.figures.injected.max(trial.figures.survived + 1);
            let again = format!("AI_SDLC_PROMISES={} AI_SDLC_SEED={} AI_SDLC_TRIAL={number}", promise.id, extent.seed);
            let failure = format!("promise {}, trial {number} ({again}): {}", promise.id, said(panic.as_ref()));
            println!("FAILED {failure}");
            trial.figures.failures.push(failure);
        }
    }
    trial.figures
}

/// How far the trials of a promise have come.
#[derive(Default)]
struct Progress {
    next: u64,
    figures: Figures,
}

/// Plays trials until enough faults were injected; a failed trial does not stop the others.
fn play(promise: &Promise, extent: Extent) -> Figures {
    if let Some(number) = extent.trial {
        return play_trial(promise, extent, number, extent.faults(promise));
    }
    let wanted = extent.faults(promise);
    let progress = Mutex::new(Progress::default());
    let work = || {
        loop {
            let (number, left) = {
                let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
                let left = wanted.saturating_sub(progress.figures.injected);
                if left == 0 || progress.figures.failures.len() > 20 {
                    return;
                }
                progress.next += 1;
                (progress.next - 1, left)
            };
            let figures = play_trial(promise, extent, number, left);
            progress.lock().unwrap_or_else(PoisonError::into_inner).figures.add(figures);
        }
    };
    let jobs = if promise.at_once == AtOnce::One { 1 } else { extent.jobs };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(work);
        }
        work();
    });
    progress.into_inner().unwrap_or_else(PoisonError::into_inner).figures
}

/// Plays a twentieth of a promise: what the test of each file calls.
pub(crate) fn slice(promise: &Promise) {
    let extent = Extent::of_environment(|| SEED, SLICE, 1);
    println!("promise {}: AI_SDLC_SEED={}", promise.id, extent.seed);
    let figures = play(promise, extent);
    println!("{figures:#?}");
    assert!(figures.kept(), "promise {} was not kept with AI_SDLC_SEED={}: {figures:#?}", promise.id, extent.seed);
}

fn chosen(promise: &Promise, wanted: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|one| one == promise.id || one == page::number(promise.id))
}

/// The long form: every promise, all faults. A promise that is not kept does not stop the others.
#[test]
#[ignore = "it takes an hour and both cores: `just chaos`"]
fn long_form() {
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = variable("AI_SDLC_SHARE").unwrap_or(1.0);
    let drawn = || fastrand::u64(..1_000_000_000);
    let extent = Extent::of_environment(drawn, share, variable("AI_SDLC_JOBS").unwrap_or(jobs));
    let wanted: Vec<String> = variable::<String>("AI_SDLC_PROMISES")
        .map(|list| list.split(',').map(|id| id.trim().to_owned()).collect())
        .unwrap_or_default();
    println!("seed: AI_SDLC_SEED={}\n\n{}", extent.seed, page::HEAD);
    let mut whole = Figures::default();
    let mut rows = BTreeMap::new();
    for promise in PROMISES.iter().copied().filter(|promise| chosen(promise, &wanted)) {
        let began = Instant::now();
        let figures = play(promise, extent);
        let row = page::row(promise, &page::Run { seed: extent.seed, share, figures: &figures });
        println!("{row}");
        tell(promise, &figures, began.elapsed());
        if share >= 1.0 && extent.trial.is_none() {
            rows.insert(promise.id.to_owned(), row);
        }
        whole.add(figures);
    }
    if let Some(row) = page::belongings_row(&whole, extent.seed, share) {
        println!("{row}");
        if share >= 1.0 && extent.trial.is_none() && wanted.is_empty() {
            rows.insert("7".to_owned(), row);
        }
    }
    if variable::<u8>("UPDATE").is_some() {
        page::write(&rows);
    }
    assert!(whole.failures.is_empty(), "not kept with AI_SDLC_SEED={}:\n{}", extent.seed, whole.failures.join("\n\n"));
}

/// What the faults were, and how long they took: on stderr, so that stdout is the table.
fn tell(promise: &Promise, figures: &Figures, took: Duration) {
    let kinds: Vec<String> = figures.kinds.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    let mut err = std::io::stderr().lock();
    writeln!(err, "  {} took {} s: {}", promise.id, took.as_secs(), kinds.join(", ")).unwrap();
}
