//! How far the wish to stop has come: what is asked gently first is signalled later, and left behind at last. Clean-up
//! is spared, and waited for.

use tokio::time::Instant;

use crate::amount::Millis;
use crate::kernel::fact::StopCause;

/// From a wish to stop until TERM, until KILL, and until the engine leaves whatever is left to the guard.
const LADDER: [Millis; 3] = [Millis(7_000), Millis(9_500), Millis(10_500)];

/// While there is clean-up, it is looked this often whether it is over.
const LOOK_AGAIN: Millis = Millis(1_000);

/// How far a stop has come.
#[derive(Debug, Default)]
pub(super) struct Stopping {
    pub(super) cause: Option<StopCause>,
    /// It was asked for a second time.
    pub(super) killed: bool,
    since: Option<Instant>,
    rung: usize,
    /// When clean-up is looked at again.
    look: Option<Instant>,
}

/// What is due of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rung {
    /// TERM for what is not spared.
    Term,
    /// KILL for what is not spared.
    Kill,
    /// The engine goes, unless there is clean-up.
    Leave,
}

impl Stopping {
    /// A person asks for it. False where that was asked before.
    pub(super) fn begin(&mut self, cause: StopCause) -> bool {
        if self.since.is_some() {
            self.killed = true;
            return false;
        }
        self.since = Some(Instant::now());
        self.cause = Some(cause);
        true
    }

    /// When the next thing is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.look.or_else(|| Some(self.since? + LADDER.get(self.rung)?.to_duration()))
    }

    /// What is due by now.
    pub(super) fn due(&mut self, now: Instant) -> Option<Rung> {
        if self.next()? > now {
            return None;
        }
        let due = match self.rung {
            0 => Rung::Term,
            1 => Rung::Kill,
            _ => return Some(Rung::Leave),
        };
        self.rung += 1;
        Some(due)
    }

    /// Clean-up still runs.
    pub(super) fn look_again(&mut self, now: Instant) {
        self.look = Some(now + LOOK_AGAIN.to_duration());
    }
}

#[cfg(test)]
mod tests {
    use super::{LADDER, LOOK_AGAIN, Rung, Stopping};
    use crate::kernel::fact::StopCause;

    #[test]
    fn clean_up_is_looked_at_again_and_again_before_the_engine_goes() {
        let mut stopping = Stopping::default();
        assert_eq!(stopping.next(), None);
        assert!(stopping.begin(StopCause::Interrupted));
        let since = stopping.since.unwrap();
        let at = |rung: usize| since + LADDER[rung].to_duration();
        assert_eq!((stopping.due(since), stopping.due(at(0)), stopping.due(at(0))), (None, Some(Rung::Term), None));
        assert_eq!((stopping.due(at(1)), stopping.due(at(2))), (Some(Rung::Kill), Some(Rung::Leave)));
        stopping.look_again(at(2));
        assert_eq!(stopping.due(at(2)), None);
        assert_eq!(stopping.due(at(2) + LOOK_AGAIN.to_duration()), Some(Rung::Leave));
        assert!(!stopping.begin(StopCause::Interrupted) && stopping.killed);
    }
}
