//! Children that are being started. Starting one blocks until the kernel has loaded its program; two threads do
//! that, so that the next child need not wait for it, and the loop goes on meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::driver::guard::child::Child;
use crate::driver::guard::protocol::{ChildId, Spawn, Stop};

/// Children started at once.
const THREADS: usize = 2;

/// What came of a start: the child, or why there is none.
type Started = (ChildId, io::Result<Child>);

/// Children that are being started, with what was ordered for them meanwhile.
#[derive(Debug)]
pub(crate) struct Starting {
    wanted: Arc<Wanted>,
    started: Receiver<Started>,
    wake: UnixStream,
    waiting: BTreeMap<ChildId, Vec<Later>>,
}

/// Children to start. One that comes wakes one thread, and no other.
#[derive(Debug, Default)]
struct Wanted {
    list: Mutex<VecDeque<Spawn>>,
    some: Condvar,
}

impl Wanted {
    fn add(&self, spawn: Spawn) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push_back(spawn);
        self.some.notify_one();
    }

    fn next(&self) -> Spawn {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(spawn) = list.pop_front() {
                return spawn;
            }
            list = self.some.wait(list).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// An order for a child that is being started.
#[derive(Debug)]
pub(crate) enum Later {
    Tell(String),
    Stop(Stop),
}

impl Starting {
    /// Starts the threads; they end with the process.
    pub(crate) fn new(now: fn() -> Instant) -> io::Result<Self> {
        let wanted = Arc::new(Wanted::default());
        let (done, started) = channel();
        let (wake, poke) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        for _ in 0..THREADS {
            let (wanted, done, mut poke) = (Arc::clone(&wanted), done.clone(), poke.try_clone()?);
            let work = move || {
                loop {
                    let spawn = wanted.next();
                    let id = spawn.child;
                    if done.send((id, Child::start(spawn, now()))).is_err() || poke.write_all(&[0]).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().name("start".to_owned()).stack_size(256 << 10).spawn(work)?;
        }
        Ok(Self { wanted, started, wake, waiting: BTreeMap::new() })
    }

    /// Whether none is being started.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Ready to be read when a start is done.
    pub(crate) fn wakes(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Starts this child.
    pub(crate) fn start(&mut self, spawn: Spawn) {
        self.waiting.insert(spawn.child, Vec::new());
        self.wanted.add(spawn);
    }

    /// Keeps an order for a child that is being started; of no other.
    pub(crate) fn later(&mut self, child: ChildId, order: Later) {
        if let Some(orders) = self.waiting.get_mut(&child) {
            orders.push(order);
        }
    }

    /// The next start that is done, with the orders for that child.
    pub(crate) fn take(&mut self) -> Option<(Started, Vec<Later>)> {
        let started = self.started.try_recv().ok()?;
        let orders = self.waiting.remove(&started.0).unwrap_or_default();
        Some((started, orders))
    }

    /// Hears that starts are done.
    pub(crate) fn hear(&mut self) {
        let mut pokes = [0; 64];
        while self.wake.read(&mut pokes).is_ok_and(|read| read == pokes.len()) {}
    }
}
