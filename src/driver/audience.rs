//! Who looks on while a run is driven: what they are shown, and what they say.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::amount::WallTime;
use crate::driver::commit::Batch;
use crate::driver::drive::Ask;
use crate::journal::lock::Holder;
use crate::kernel::fact::Attended;

/// What is shown to a person while a run is driven.
#[derive(Debug)]
pub enum Shown {
    /// These events are durable.
    Events(Batch),
    /// Time passed.
    Tick(WallTime),
    /// They typed something.
    Typed(Vec<u8>),
    /// An engine that died held what this one has now.
    TakenOver(Holder),
}

/// The one who looks on.
#[derive(Debug)]
pub struct Audience<S> {
    /// Is shown everything.
    pub(in crate::driver) show: S,
    /// What was typed.
    pub(in crate::driver) typed: UnboundedReceiver<Vec<u8>>,
    /// For the engine's own wishes: those of signals and of other processes.
    pub(in crate::driver) asking: UnboundedSender<Ask>,
    /// What is wished, by whomever.
    pub(in crate::driver) asks: UnboundedReceiver<Ask>,
    /// Whether they answer gates.
    pub(in crate::driver) attended: Attended,
}

/// What the one who looks on speaks through.
#[derive(Debug, Clone)]
pub struct Voice {
    /// What was typed, to be shown to them in turn with all else.
    pub typed: UnboundedSender<Vec<u8>>,
    /// What they wish.
    pub asking: UnboundedSender<Ask>,
}

/// What is between the one who looks on and the engine.
#[derive(Debug)]
pub struct Line {
    typed: UnboundedReceiver<Vec<u8>>,
    asking: UnboundedSender<Ask>,
    asks: UnboundedReceiver<Ask>,
}

/// What the one who looks on says, where no engine is at the other end.
#[derive(Debug)]
pub struct Heard {
    /// What they typed.
    pub typed: UnboundedReceiver<Vec<u8>>,
    /// What they wish.
    pub asks: UnboundedReceiver<Ask>,
}

impl Line {
    /// Ends at one who only listens.
    pub fn heard(self) -> Heard {
        let Self { typed, asking: _, asks } = self;
        Heard { typed, asks }
    }

    /// Both ends of it.
    pub fn new() -> (Voice, Self) {
        let (type_in, typed) = unbounded_channel();
        let (asking, asks) = unbounded_channel();
        (Voice { typed: type_in, asking: asking.clone() }, Self { typed, asking, asks })
    }

    /// Ends at this one.
    pub fn to<S>(self, attended: Attended, show: S) -> Audience<S> {
        let Self { typed, asking, asks } = self;
        Audience { show, typed, asking, asks, attended }
    }
}
