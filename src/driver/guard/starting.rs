//! Children that are being started. Starting one blocks until the kernel has loaded its program; threads do that, so
//! that the next child need not wait for it, and the loop goes on meanwhile.
//!
//! A child that may write to some folders only is started by a thread that may itself: a crew of threads for each set
//! of folders, hired when there is something to do and let go when other sets have been asked for more lately.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::driver::guard::child::Child;
use crate::driver::guard::protocol::{ChildId, Spawn, Stop};
use crate::journal::fail_point::{self, Point};
use crate::session::sandbox;

/// Children of one crew that are started at once.
const THREADS: usize = 2;
/// Crews that are kept for the next child of theirs.
const CREWS: usize = 12;

/// What came of a start: the child, or why there is none.
type Started = (ChildId, io::Result<Child>);

/// Where a crew's children may write; `None`: everywhere.
type Confines = Option<Vec<PathBuf>>;

/// Children that are being started, with what was ordered for them meanwhile.
#[derive(Debug)]
pub(crate) struct Starting {
    now: fn() -> Instant,
    crews: BTreeMap<Confines, Crew>,
    /// Where all that are confined may write.
    base: Vec<PathBuf>,
    /// Counts the starts: a crew's last one tells how lately it was of use.
    starts: u64,
    done: Done,
    started: Receiver<Started>,
    wake: UnixStream,
    waiting: BTreeMap<ChildId, Vec<Later>>,
}

/// Threads that start children of one kind.
#[derive(Debug)]
struct Crew {
    wanted: Arc<Wanted>,
    threads: usize,
    last: u64,
}

/// Its threads end once they have done what is left.
impl Drop for Crew {
    fn drop(&mut self) {
        self.wanted.close();
    }
}

/// Where a thread tells what came of a start.
#[derive(Debug)]
struct Done {
    tell: Sender<Started>,
    poke: UnixStream,
}

impl Done {
    fn again(&self) -> io::Result<Self> {
        Ok(Self { tell: self.tell.clone(), poke: self.poke.try_clone()? })
    }

    fn tell(&mut self, started: Started) -> io::Result<()> {
        self.tell.send(started).map_err(io::Error::other)?;
        self.poke.write_all(&[0])
    }
}

/// Children to start. One that comes wakes one thread, and no other.
#[derive(Debug, Default)]
struct Wanted {
    list: Mutex<List>,
    some: Condvar,
}

#[derive(Debug, Default)]
struct List {
    spawns: VecDeque<Spawn>,
    /// Threads that have nothing to do.
    idle: usize,
    closed: bool,
}

impl Wanted {
    /// Adds one; tells whether there is a thread for it.
    fn add(&self, spawn: Spawn) -> bool {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.spawns.push_back(spawn);
        self.some.notify_one();
        list.idle >= list.spawns.len()
    }

    /// The next one; `None`: there will be none any more.
    fn next(&self) -> Option<Spawn> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(spawn) = list.spawns.pop_front() {
                return Some(spawn);
            }
            if list.closed {
                return None;
            }
            list.idle += 1;
            list = self.some.wait(list).unwrap_or_else(PoisonError::into_inner);
            list.idle = list.idle.saturating_sub(1);
        }
    }

    fn close(&self) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.some.notify_all();
    }
}

/// An order for a child that is being started.
#[derive(Debug)]
pub(crate) enum Later {
    Tell(String),
    Stop(Stop),
}

impl Starting {
    /// Nothing yet. Threads are made as they are needed, and end with the process at the latest.
    pub(crate) fn new(now: fn() -> Instant) -> io::Result<Self> {
        let (tell, started) = channel();
        let (wake, poke) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        Ok(Self {
            now,
            crews: BTreeMap::new(),
            base: Vec::new(),
            starts: 0,
            done: Done { tell, poke },
            started,
            wake,
            waiting: BTreeMap::new(),
        })
    }

    /// Says where all that are confined may write.
    pub(crate) fn let_all(&mut self, base: Vec<PathBuf>) {
        self.base = base;
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
    pub(crate) fn start(&mut self, mut spawn: Spawn) {
        let id = spawn.child;
        self.waiting.insert(id, Vec::new());
        let confines = spawn.writable.take();
        self.starts = self.starts.saturating_add(1);
        if !self.crews.contains_key(&confines) {
            self.let_one_go();
        }
        let crew =
            self.crews.entry(confines.clone()).or_insert_with(|| Crew { wanted: Arc::default(), threads: 0, last: 0 });
        crew.last = self.starts;
        let is_taken = crew.wanted.add(spawn);
        if is_taken || crew.threads >= THREADS {
            return;
        }
        match hire(confines, &self.base, (Arc::clone(&crew.wanted), &self.done), self.now) {
            Ok(()) => crew.threads += 1,
            // Those that are there take it in their turn.
            Err(_) if crew.threads > 0 => {}
            Err(error) => {
                if crew.wanted.next().is_some() {
                    let _the_loop_reads_it = self.done.tell((id, Err(error)));
                }
            }
        }
    }

    /// Makes room for one crew more. The one of children that may write everywhere stays.
    fn let_one_go(&mut self) {
        if self.crews.len() < CREWS {
            return;
        }
        let confined = self.crews.iter().filter(|(confines, _)| confines.is_some());
        if let Some(oldest) = confined.min_by_key(|(_, crew)| crew.last).map(|(confines, _)| confines.clone()) {
            self.crews.remove(&oldest);
        }
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

/// One thread more for a crew.
fn hire(confines: Confines, base: &[PathBuf], of: (Arc<Wanted>, &Done), now: fn() -> Instant) -> io::Result<()> {
    let (wanted, done) = of;
    let mut done = done.again()?;
    let writable = confines.map(|own| own.into_iter().chain(base.iter().cloned()).collect::<Vec<_>>());
    let work = move || {
        let confined = writable.map_or(Ok(()), |writable| sandbox::confine(&writable));
        let unconfined = confined.err().map(|error| format!("the sandbox could not be made: {error}"));
        while let Some(spawn) = wanted.next() {
            let id = spawn.child;
            fail_point::reach(Point::ChildStart);
            let started = match &unconfined {
                None => Child::start(spawn, now()),
                Some(why) => Err(io::Error::other(why.clone())),
            };
            fail_point::reach(Point::ChildStarted);
            if done.tell((id, started)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("start".to_owned()).stack_size(256 << 10).spawn(work).map(drop)
}
