//! A mark that every process of a run carries, whatever it does to its environment, its parents and its session.
//!
//! Whoever survives its engine and its guard is found by the run's name in its environment; but a program may be started
//! with an empty one, by a daemon that has no parent any more. What all of them inherit and nobody takes off by
//! accident is a limit: the time that a process of real-time class may compute without a pause. The guard sets its own to
//! a number made of the run's name, more than a hundred thousand years: it limits nothing, and `/proc` shows it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sha2::{Digest as _, Sha256};

/// Every mark is at least this many microseconds, and less than twice as many.
const LEAST: u64 = 1 << 62;

/// What `/proc/<pid>/limits` calls the limit.
const LINE: &str = "Max realtime timeout";

fn of(run: &str) -> u64 {
    let hash: [u8; 32] = Sha256::digest(run.as_bytes()).into();
    let number = hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    LEAST | (number >> 2)
}

/// Marks this process, and all that it starts from now on. Where the system has set a limit already there is no mark.
pub fn put_on_me(run: &str) {
    let limit = Rlimit { current: Some(of(run)), ..getrlimit(Resource::Rttime) };
    if limit.maximum.is_none() {
        // Without it, what has emptied its environment is found only while its guard lives.
        setrlimit(Resource::Rttime, limit).ok();
    }
}

/// Whether a process carries the mark of this run, by the text of its `/proc/<pid>/limits`.
fn is_in(limits: &str, run: &str) -> bool {
    let line = limits.lines().find_map(|line| line.strip_prefix(LINE));
    let soft = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    soft == Some(of(run))
}

/// Whether a process carries the mark of this run.
pub fn is_on(pid: i32, run: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/limits")).is_ok_and(|limits| is_in(&limits, run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_run_and_limits_nothing() {
        assert_ne!(of("aaaaaaaa"), of("aaaaaaab"));
        assert!(of("x") >= LEAST && of("x") < 2 * LEAST);
        let limits =
            |soft: &str| format!("Limit  Soft Limit  Hard Limit  Units\n{LINE}      {soft}   unlimited   us\n");
        assert!(is_in(&limits(&of("x").to_string()), "x"));
        assert!(!is_in(&limits(&of("y").to_string()), "x") && !is_in(&limits("unlimited"), "x") && !is_in("", "x"));
    }
}
