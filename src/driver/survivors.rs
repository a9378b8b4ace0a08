//! What is left of a dead engine: found by the stamp that every child of a run carries in its environment, or by the mark
//! that also those carry who have emptied it, and ended before the run goes on.

use std::fs;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, kill_process};

use crate::name::{RUN_STAMP, RunId, TaskId};
use crate::session::mark;
use crate::session::processes::{Process, STAMP};

/// How long the guard of a dead engine has to end what it owns by itself.
const GUARD_NEEDS: Duration = Duration::from_secs(6);
const GIT_FINISHES: Duration = Duration::from_millis(1_500);
const GIT_CLEANS_UP: Duration = Duration::from_millis(400);
const PAUSE: Duration = Duration::from_millis(25);

/// How long what is left may end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Not at all: its guard is known to be gone.
    None,
    /// As long as a guard takes that is ending it.
    ForItsGuard,
}

/// Waits for everything that carries this run's stamp to be gone, then ends what is left.
/// Returns how many processes had to be ended.
pub async fn sweep(run: &RunId, patience: Patience) -> usize {
    let mut waited = Duration::ZERO;
    while patience == Patience::ForItsGuard && waited < GUARD_NEEDS {
        if survivors(run).is_empty() {
            return 0;
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
    let mut ended = 0;
    let mut not_ours = Vec::new();
    let mut sweeping = Duration::ZERO;
    loop {
        let left: Vec<_> = survivors(run).into_iter().filter(|pid| !not_ours.contains(pid)).collect();
        if left.is_empty() {
            return ended;
        }
        for pid in left {
            let Some(signal) = due(is_of_engine(pid), sweeping) else { continue };
            match kill_process(pid, signal) {
                Ok(()) if signal == Signal::KILL => ended += 1,
                // It has become another person's.
                Err(Errno::PERM) => not_ours.push(pid),
                Ok(()) | Err(_) => {}
            }
        }
        tokio::time::sleep(PAUSE).await;
        sweeping += PAUSE;
    }
}

/// What a survivor is sent by now. Git that the engine itself has started may be moving a person's branch and checkout: it
/// has a moment to come to its end, and another to take its lock files away.
fn due(of_engine: bool, sweeping: Duration) -> Option<Signal> {
    if !of_engine || sweeping >= GIT_FINISHES + GIT_CLEANS_UP {
        return Some(Signal::KILL);
    }
    (sweeping >= GIT_FINISHES).then_some(Signal::TERM)
}

/// Whether the engine has started it, and no guard.
fn is_of_engine(pid: Pid) -> bool {
    let environ = environ(pid);
    let has = |name: &str| environ.split(|byte| *byte == 0).any(|variable| variable.starts_with(name.as_bytes()));
    has(&format!("{RUN_STAMP}=")) && !has(&format!("{STAMP}="))
}

/// Sends a signal to everything that carries this run's stamp: also to the engine's own git, and its filters.
/// `is_spared` is told the task that a process works for, where it works for one.
pub fn signal_all(run: &RunId, signal: Signal, is_spared: impl Fn(Option<&TaskId>) -> bool) {
    for pid in stamped(run).into_iter().filter(|pid| !is_spared(task_of(*pid).as_ref())) {
        // One that is gone already is fine.
        kill_process(pid, signal).ok();
    }
}

/// Live processes that carry this run's stamp, or its mark, but for this one.
fn survivors(run: &RunId) -> Vec<Pid> {
    let stamp = format!("{RUN_STAMP}={run}");
    others().filter(|pid| carries(*pid, stamp.as_bytes()) || is_marked(*pid, run)).collect()
}

fn is_marked(pid: Pid, run: &RunId) -> bool {
    let pid = pid.as_raw_pid();
    // What has ended and waits to be taken shows its limits still.
    mark::is_on(pid, run.as_str()) && Process::of(pid).is_some_and(|process| !process.zombie)
}

/// Live processes that carry this run's stamp, but for this one.
fn stamped(run: &RunId) -> Vec<Pid> {
    let stamp = format!("{RUN_STAMP}={run}");
    others().filter(|pid| carries(*pid, stamp.as_bytes())).collect()
}

fn others() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(Pid::from_raw)
        .filter(|pid| *pid != getpid())
}

fn carries(pid: Pid, stamp: &[u8]) -> bool {
    environ(pid).split(|byte| *byte == 0).any(|variable| variable == stamp)
}

fn task_of(pid: Pid) -> Option<TaskId> {
    let environ = environ(pid);
    let name = environ.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(b"AI_SDLC_TASK="))?;
    TaskId::parse(std::str::from_utf8(name).ok()?).ok()
}

fn environ(pid: Pid) -> Vec<u8> {
    fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_of_the_engine_may_finish_and_take_its_locks_away() {
        let at = |of_engine, millis| due(of_engine, Duration::from_millis(millis));
        assert_eq!((at(false, 0), at(true, 0), at(true, 1_400)), (Some(Signal::KILL), None, None));
        assert_eq!(
            (at(true, 1_500), at(true, 1_875), at(true, 1_900)),
            (Some(Signal::TERM), Some(Signal::TERM), Some(Signal::KILL))
        );
    }
}
