//! Waiting for what another process does, with a person who may leave at any time.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// How the waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// What was waited for is there.
    Done,
    /// It took too long.
    Late,
    /// The person left: Ctrl-C, or their terminal was closed.
    Left,
}

/// Looks this often.
const EVERY: Duration = Duration::from_millis(100);

/// Looks again and again until something is there. A signal ends the waiting, and nothing else.
pub(super) fn wait_until(limit: Duration, mut look: impl FnMut() -> Result<bool, Failure>) -> Result<Waited, Failure> {
    run(async {
        let mut leaving = Leaving::new()?;
        let until = Instant::now() + limit;
        let mut every = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                biased;
                () = leaving.comes() => return Ok(Waited::Left),
                _ = every.tick() => {}
            }
            if look()? {
                return Ok(Waited::Done);
            }
            if Instant::now() >= until {
                return Ok(Waited::Late);
            }
        }
    })
}

/// Runs an event loop of its own.
pub(super) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| broken(&error))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

fn broken(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Environment, "driver::not-begun", "the system gives no event loop")
        .because(error)
        .help("look at the limits of this process (`ulimit -a`), then try again")
}

/// The wish of a person to leave.
#[derive(Debug)]
pub(super) struct Leaving {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Leaving {
    /// From here on signals are that wish.
    pub(super) fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| broken(&error));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for it.
    pub(super) async fn comes(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
