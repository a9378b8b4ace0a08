//! Points of time that a test must hit exactly: the n-th time a process comes to one, it dies or stops there.
//!
//! `AI_SDLC_FAIL_POINT=journal-append:17=kill` kills an engine before its seventeenth append; `=stop` stops it
//! there, until something continues it. Every process that is given the variable counts for itself. It is here for the
//! tests of `docs/promises.md` alone: a release build knows neither the variable nor the points, and [`reach`] is
//! nothing there. Every other fault is injected from outside.

/// Where a process may be told to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The engine is about to record a turn's events.
    JournalAppend,
    /// They are durable; the head does not know yet.
    JournalAppended,
    /// The head knows; nobody has been told.
    JournalHead,
    /// The guard is about to start a child.
    ChildStart,
    /// It has; nobody has been told.
    ChildStarted,
    /// The guard has seen a child's end; nobody has been told.
    ChildEnded,
    /// A branch is about to be moved.
    RefMove,
    /// It has been moved; nobody has been told.
    RefMoved,
    /// A host is about to write a session's result.
    ResultWrite,
    /// It is durable; the engine has not been told.
    ResultWritten,
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::Point;

    /// What happens where.
    #[derive(Debug)]
    struct Order {
        point: String,
        passes: u64,
        signal: Signal,
        passed: AtomicU64,
    }

    static ORDER: OnceLock<Order> = OnceLock::new();

    fn name(point: Point) -> &'static str {
        match point {
            Point::JournalAppend => "journal-append",
            Point::JournalAppended => "journal-appended",
            Point::JournalHead => "journal-head",
            Point::ChildStart => "child-start",
            Point::ChildStarted => "child-started",
            Point::ChildEnded => "child-ended",
            Point::RefMove => "ref-move",
            Point::RefMoved => "ref-moved",
            Point::ResultWrite => "result-write",
            Point::ResultWritten => "result-written",
        }
    }

    fn read(order: &str) -> Option<Order> {
        let (place, what) = order.split_once('=')?;
        let (point, passes) = place.split_once(':')?;
        let signal = match what {
            "kill" => Signal::KILL,
            "stop" => Signal::STOP,
            _ => return None,
        };
        Some(Order { point: point.to_owned(), passes: passes.parse().ok()?, signal, passed: AtomicU64::new(0) })
    }

    /// Takes an order, such as `journal-append:17=kill`. One that is not understood is none: whoever gave it waits for a
    /// death that does not come.
    pub fn arm(order: &str) {
        if let Some(order) = read(order) {
            ORDER.get_or_init(|| order);
        }
    }

    /// Says that this process has come to this point.
    pub fn reach(point: Point) {
        let Some(order) = ORDER.get().filter(|order| order.point == name(point)) else { return };
        if order.passed.fetch_add(1, Ordering::SeqCst) + 1 == order.passes {
            let _never_fails_for_oneself = kill_process(getpid(), order.signal);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_order_names_a_point_a_number_and_a_signal() {
            let order = read("journal-append:17=kill").unwrap();
            assert_eq!(
                (order.point.as_str(), order.passes, order.signal),
                (name(Point::JournalAppend), 17, Signal::KILL)
            );
            assert_eq!(read("ref-moved:1=stop").unwrap().signal, Signal::STOP);
            for wrong in ["", "journal-append", "journal-append=kill", "journal-append:x=kill", "journal-append:1=wait"]
            {
                assert!(read(wrong).is_none(), "{wrong}");
            }
        }
    }
}

#[cfg(debug_assertions)]
pub use armed::{arm, reach};

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
pub const fn reach(_point: Point) {}
