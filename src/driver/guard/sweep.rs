//! What is left behind: by a child when it ended, whose processes are the guard's children then, since it is a
//! subreaper; and by a guard that was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::name::RUN_STAMP;
use crate::session::mark;
use crate::session::processes::{Process, all, below, me, pause, signal};

/// How stamps of commands end, and of what commands started.
pub(crate) const COMMAND: &str = ".command";
/// How stamps of hosts end, and of all below them.
pub(crate) const HOST: &str = ".host";

/// Ids this near to one another are looked at one by one; else all of `/proc` is read.
const NEAR: i32 = 64;
/// Passes until what is left is taken for something that cannot be ended.
const PASSES: u32 = 200;

/// Whether anything else runs, or is being started, that an orphan could have come of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    Others,
    None,
}

/// The children of this process's first thread, where the system tells them: those that other threads started are not
/// among them, those that were left to this process as a subreaper are.
#[derive(Debug)]
pub(crate) struct Orphans(Option<File>);

impl Orphans {
    pub(crate) fn open() -> Self {
        let me = me();
        Self(File::open(format!("/proc/{me}/task/{me}/children")).ok())
    }

    fn list(&self) -> Option<Vec<i32>> {
        let mut bytes = [0; 4096];
        let length = self.0.as_ref()?.read_at(&mut bytes, 0).ok()?;
        // Of more than fit here some would be missed.
        let whole = bytes.get(..length).filter(|_| length < bytes.len() / 2)?;
        str::from_utf8(whole).ok()?.split_ascii_whitespace().map(|pid| pid.parse().ok()).collect()
    }
}

/// Ends what the child `pid` with this stamp left behind, and tells how many processes that were. `live` are the
/// other children that still run.
///
/// Must be called on the first thread, and children be started on others: then orphans are the only children of the
/// first, and mostly there are none.
pub(crate) fn left_behind(
    orphans_of_all: &Orphans,
    (pid, stamp): (i32, &str),
    live: &BTreeSet<i32>,
    company: Company,
) -> u32 {
    let left: Vec<_> = match orphans_of_all.list() {
        Some(children) => children.into_iter().filter_map(Process::of).collect(),
        None => near(pid, live),
    };
    if orphans(pid, stamp, live, company, &left).is_empty() {
        return 0;
    }
    end_all(pid, stamp, live, company)
}

/// Processes among which the orphans of a child are, where the system does not tell children. What a child started
/// has a higher number than its own, and the kernel tells the highest one given out: where only a few were given out
/// since, it is enough to look at those.
fn near(pid: i32, live: &BTreeSet<i32>) -> Vec<Process> {
    let last = newest_pid().unwrap_or(0);
    match last.saturating_sub(pid) {
        0..=NEAR => (pid + 1..=last).filter(|other| !live.contains(other)).filter_map(Process::of).collect(),
        _ => all(),
    }
}

fn end_all(pid: i32, stamp: &str, live: &BTreeSet<i32>, company: Company) -> u32 {
    let mut ended = BTreeSet::new();
    for pass in 0..PASSES {
        let all = all();
        let orphans = orphans(pid, stamp, live, company, &all);
        if orphans.is_empty() {
            break;
        }
        let roots: Vec<_> = orphans.iter().map(|orphan| orphan.pid).collect();
        for process in below(&roots, &all).iter().chain(&orphans) {
            process.kill();
            ended.insert(process.pid);
        }
        pause(Duration::from_millis(if pass < 5 { 1 } else { 10 }));
    }
    u32::try_from(ended.len()).unwrap_or(u32::MAX)
}

/// Running processes whose parent is the guard and that came of this child: by group or stamp, or because nothing
/// else runs that they could have come of.
fn orphans(pid: i32, stamp: &str, live: &BTreeSet<i32>, company: Company, among: &[Process]) -> Vec<Process> {
    let me = me();
    let is_orphan = |process: &&Process| process.parent == me && !process.zombie && !live.contains(&process.pid);
    let came_of_it = |process: &&Process| {
        process.group == pid || company == Company::None || process.stamp().is_some_and(|theirs| theirs == stamp)
    };
    among.iter().filter(is_orphan).filter(came_of_it).copied().collect()
}

/// Ends what a guard that was killed left running. Commands are ended at once; hosts have seen end-of-file and are
/// given time to end their agents and to write their results.
pub(crate) fn after_guard(guard: u32, run: &str) {
    const HOSTS_HAVE: u32 = 300;
    let prefix = format!("{guard}.");
    for pass in 0..HOSTS_HAVE + PASSES {
        let all: Vec<_> = all().into_iter().filter(|process| !process.zombie && process.pid != me()).collect();
        let stamped: BTreeMap<i32, String> = all
            .iter()
            .filter_map(|process| Some((process.pid, process.stamp().filter(|stamp| stamp.starts_with(&prefix))?)))
            .collect();
        let hosts: Vec<i32> =
            stamped.iter().filter(|(_, stamp)| !stamp.ends_with(COMMAND)).map(|(pid, _)| *pid).collect();
        let theirs: BTreeSet<i32> = below(&hosts, &all).iter().map(|process| process.pid).chain(hosts).collect();
        // The mark is on those too that have emptied their environment.
        let is_left = |process: &&Process| stamped.contains_key(&process.pid) || mark::is_on(process.pid, run);
        let left: Vec<_> = all.iter().filter(is_left).collect();
        if left.is_empty() {
            return;
        }
        for process in left {
            if pass >= HOSTS_HAVE || !theirs.contains(&process.pid) {
                process.kill();
            }
        }
        pause(Duration::from_millis(10));
    }
}

/// Ends what the engine itself had started for this run: git, which has `grace` to finish what it began, and then a
/// moment to take its lock files away.
pub(crate) fn of_engine(run: &str, grace: Duration, now: fn() -> Instant) {
    const STEP: Duration = Duration::from_millis(10);
    const CLEANS_UP: Duration = Duration::from_millis(400);
    const GIVES_UP: Duration = Duration::from_secs(1);
    let began = now();
    let mut asked = false;
    loop {
        // A pass takes long where there are many processes.
        let waited = now().saturating_duration_since(began);
        let stamped = all().into_iter().filter(|process| !process.zombie && process.pid != me());
        let left: Vec<_> = stamped.filter(|process| process.carries(RUN_STAMP, run)).collect();
        if left.is_empty() || waited > grace + GIVES_UP {
            return;
        }
        for process in left.iter().filter(|_| waited >= grace) {
            if !asked {
                signal(process.pid, Signal::TERM);
            } else if waited >= grace + CLEANS_UP {
                process.kill();
            }
        }
        asked = waited >= grace;
        pause(STEP);
    }
}

/// The process number given out last.
fn newest_pid() -> Option<i32> {
    fs::read_to_string("/proc/loadavg").ok()?.rsplit(' ').next()?.trim().parse().ok()
}
