//! How an agent is stopped: gently its own way, then TERM, then KILL.

use std::collections::VecDeque;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::agent::{Backend, StopSignal};
use crate::kernel::fact::StopWhy;
use crate::session::processes;

/// How much time there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pace {
    /// As much as the backend wants.
    Gentle,
    /// Two seconds: the engine is gone.
    Farewell,
    /// None.
    AtOnce,
}

/// A stop under way.
#[derive(Debug)]
pub(super) struct Stopping {
    /// `None`: nobody stopped it, it only would not end.
    why: Option<StopWhy>,
    pace: Pace,
    steps: VecDeque<(Signal, Duration)>,
    next: Instant,
}

impl Stopping {
    pub(super) fn new(why: Option<StopWhy>, pace: Pace, backend: &dyn Backend, now: Instant) -> Self {
        let gentle = backend.stop().iter().map(|(signal, wait)| (of(*signal), wait.to_duration()));
        let second = Duration::from_secs(1);
        let steps = match pace {
            Pace::Gentle => gentle.chain([(Signal::TERM, Duration::from_secs(3))]).collect(),
            Pace::Farewell => {
                gentle.take(1).map(|(signal, _)| (signal, second)).chain([(Signal::TERM, second)]).collect()
            }
            Pace::AtOnce => VecDeque::new(),
        };
        Self { why, pace, steps, next: now }
    }

    /// The same, once what it was told has had this time.
    pub(super) fn after(self, wait: Duration) -> Self {
        Self { next: self.next + wait, ..self }
    }

    pub(super) fn why(&self) -> Option<StopWhy> {
        self.why
    }

    /// Why it began stays; a faster pace takes over.
    pub(super) fn hasten(&mut self, pace: Pace, backend: &dyn Backend, now: Instant) {
        if pace > self.pace {
            *self = Self::new(self.why, pace, backend, now);
        }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Takes the next step against the agent's group; the last one is KILL, to all below, until it is gone.
    pub(super) fn step(&mut self, group: i32, now: Instant) {
        let wait = if let Some((signal, wait)) = self.steps.pop_front() {
            processes::signal_group(group, signal);
            // One that is stopped takes no signal but KILL.
            processes::signal_group(group, Signal::CONT);
            wait
        } else {
            processes::signal_group(group, Signal::KILL);
            for process in processes::below(&[processes::me()], &processes::all()) {
                process.kill();
            }
            Duration::from_millis(200)
        };
        self.next = now + wait;
    }
}

fn of(signal: StopSignal) -> Signal {
    match signal {
        StopSignal::Interrupt => Signal::INT,
        StopSignal::Terminate => Signal::TERM,
    }
}
