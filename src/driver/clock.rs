//! The only place that reads the clock.

#![expect(clippy::disallowed_methods, reason = "everything else is handed the time from here")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::amount::{At, Millis, WallTime};

/// Both clocks, the monotonic one counted from when this was made.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts counting.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// This moment.
    pub fn now(&self) -> At {
        At { mono: Millis::from(self.started.elapsed()), wall: wall_now() }
    }
}

/// The wall clock, for those that need no deadline.
pub fn wall_now() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
