//! What is left of a dead engine: found by the stamp that every child of a run carries in its environment, and ended
//! before the run goes on.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, kill_process};

use crate::name::{RUN_STAMP, RunId, TaskId};

/// How long the guard of a dead engine has to end what it owns by itself.
const GUARD_NEEDS: Duration = Duration::from_secs(6);
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
        if stamped(run).is_empty() {
            return 0;
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
    let mut ended = 0;
    loop {
        let left = stamped(run);
        if left.is_empty() {
            return ended;
        }
        for pid in left {
            if kill_process(pid, Signal::KILL).is_ok() {
                ended += 1;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Sends a signal to everything that carries this run's stamp: also to the engine's own git, and its filters.
/// `is_spared` is told the task that a process works for, where it works for one.
pub fn signal_all(run: &RunId, signal: Signal, is_spared: impl Fn(Option<&TaskId>) -> bool) {
    for pid in stamped(run).into_iter().filter(|pid| !is_spared(task_of(*pid).as_ref())) {
        // One that is gone already is fine.
        kill_process(pid, signal).ok();
    }
}

/// Live processes that carry this run's stamp, but for this one.
fn stamped(run: &RunId) -> Vec<Pid> {
    let stamp = format!("{RUN_STAMP}={run}");
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(Pid::from_raw)
        .filter(|pid| *pid != getpid() && carries(*pid, stamp.as_bytes()))
        .collect()
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
