//! Signs of life: something printed, processor time used below the host, or a tool call that goes on.

use std::time::Duration;

use tokio::time::Instant;

use crate::session::processes;

/// Watches for signs of life.
#[derive(Debug)]
pub(super) struct Life {
    limit: Duration,
    last: Instant,
    look: Instant,
    ticks: u64,
}

/// What an agent is known to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// A tool call goes on.
    Tool,
    /// It only tries again what failed.
    Retrying,
    /// It did not say.
    Untold,
}

/// What a look showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Alive,
    Idle,
}

impl Life {
    pub(super) fn new(limit: Duration, now: Instant) -> Self {
        Self { limit, last: now, look: now + step(limit), ticks: 0 }
    }

    /// When to look next.
    pub(super) fn next_look(&self) -> Instant {
        self.look
    }

    /// A sign was seen.
    pub(super) fn sign(&mut self, now: Instant) {
        self.last = now;
    }

    /// Looks for the signs that do not tell themselves.
    pub(super) fn look(&mut self, doing: Doing, now: Instant) -> Look {
        let ticks = ticks_below_me();
        let alive = match doing {
            Doing::Tool => true,
            Doing::Retrying => false,
            Doing::Untold => ticks != self.ticks,
        };
        if alive {
            self.last = now;
        }
        self.ticks = ticks;
        self.look = now + step(self.limit);
        if now.duration_since(self.last) >= self.limit { Look::Idle } else { Look::Alive }
    }
}

/// Seldom: reading all of `/proc` is what costs most here.
fn step(limit: Duration) -> Duration {
    (limit / 4).max(Duration::from_millis(20))
}

/// Processor time of everything below. It also changes when a process ends, which is a sign as well.
fn ticks_below_me() -> u64 {
    let below = processes::below(&[processes::me()], &processes::all());
    below.iter().fold(0, |sum, process| sum.wrapping_add(process.ticks))
}
