//! The guard's own process: one loop over the engine's socket and its children. No thread a child, no polling.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Timespec;
use rustix::process::{WaitOptions, getpid, set_child_subreaper, setsid, wait};

use crate::driver::guard::child::{Child, Part};
use crate::driver::guard::protocol::{
    ChildId, ChildKind, GuardReport, Order, ProcessEnd, UNRECORDED_ENDS, UnrecordedEnd,
};
use crate::driver::guard::starting::{Later, Starting};
use crate::driver::guard::sweep::{self, Company, Orphans};
use crate::journal::fail_point::{self, Point};
use crate::session::{mark, processes};

/// Reports that wait for a busy engine, in bytes; beyond this nothing more is read from children.
const MAX_UNSENT: usize = 16 << 20;
/// How often ends of orphans are taken while nothing else happens.
const REAP: Duration = Duration::from_secs(5);
/// How long the start of a command may wait to be told: a short one's end is told with it then, in one piece.
const STARTED_WAITS: Duration = Duration::from_millis(5);
/// How long hosts have, once the engine is gone, to stop their agents and write their results.
const FAREWELL: Duration = Duration::from_millis(2_800);
/// How long a git of the engine has, from then, to finish what it began.
const GIT_FINISHES: Duration = Duration::from_millis(1_500);
/// Passes over what is left then; with their pauses about a second.
const LAST_PASSES: u32 = 120;

/// The hidden command `guard`. Its standard input is the engine's socket.
pub fn main() -> ExitCode {
    let ran = catch_unwind(AssertUnwindSafe(run));
    // Also after a fault of our own nothing may be left running.
    processes::end_all_below_me(LAST_PASSES);
    match ran {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            writeln!(io::stderr(), "guard: {error}").ok();
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::FAILURE,
    }
}

fn run() -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    // It is no group's leader, unless someone starts it by hand: then it stays in that session.
    setsid().ok();
    set_child_subreaper(Some(getpid()))?;
    // Handlers that do nothing, not SIG_IGN: children start with the default again.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    let mut guard = Watch::new(socket)?;
    while guard.engine == Engine::There {
        guard.turn(None)?;
    }
    guard.farewell()
}

/// Whether the engine is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    There,
    Gone,
}

struct Watch {
    socket: UnixStream,
    engine: Engine,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    /// Until when what is to be told may wait for more.
    hold: Option<Instant>,
    starting: Starting,
    orphans: Orphans,
    children: BTreeMap<ChildId, Child>,
    unrecorded: BTreeMap<ChildId, UnrecordedEnd>,
    run_dir: Option<PathBuf>,
    buffer: Vec<u8>,
    reaped: Instant,
}

/// What became ready.
#[derive(Debug, Clone, Copy)]
enum Ready {
    Socket,
    Started,
    Child(ChildId, Part),
}

impl Watch {
    fn new(socket: UnixStream) -> io::Result<Self> {
        Ok(Self {
            socket,
            engine: Engine::There,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            hold: None,
            starting: Starting::new(now)?,
            orphans: Orphans::open(),
            children: BTreeMap::new(),
            unrecorded: BTreeMap::new(),
            run_dir: None,
            buffer: vec![0; 64 << 10],
            reaped: now(),
        })
    }

    /// Waits for something and does it.
    fn turn(&mut self, until: Option<Instant>) -> io::Result<()> {
        let ready = self.wait(until)?;
        let at = now();
        let mut asked = false;
        for what in ready {
            match what {
                Ready::Socket => asked = true,
                Ready::Started => self.take_started(),
                Ready::Child(id, part) => self.serve(id, part, at),
            }
        }
        // Ends first: the engine can go on while the next child is started.
        self.settle(now());
        self.send();
        if asked {
            self.take_orders();
            self.settle(now());
            self.send();
        }
        Ok(())
    }

    fn wait(&self, until: Option<Instant>) -> io::Result<Vec<Ready>> {
        let (mut fds, mut what) = (Vec::new(), Vec::new());
        if self.engine == Engine::There {
            let nothing_to_send = self.outgoing.is_empty() || self.hold.is_some();
            let flags = if nothing_to_send { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
            fds.push(PollFd::new(&self.socket, flags));
            what.push(Ready::Socket);
        }
        if !self.starting.is_empty() {
            fds.push(PollFd::from_borrowed_fd(self.starting.wakes(), PollFlags::IN));
            what.push(Ready::Started);
        }
        let full = self.outgoing.len() > MAX_UNSENT;
        for child in self.children.values() {
            for (part, fd, flags) in child.parts().filter(|(part, ..)| !full || *part != Part::Out) {
                fds.push(PollFd::from_borrowed_fd(fd, flags));
                what.push(Ready::Child(child.id, part));
            }
        }
        let timeout = self.timeout(until);
        match poll(&mut fds, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            polled => polled?,
        };
        Ok(fds.iter().zip(what).filter(|(fd, _)| !fd.revents().is_empty()).map(|(_, what)| what).collect())
    }

    /// How long nothing needs to be done; `None`: for ever.
    fn timeout(&self, until: Option<Instant>) -> Option<Timespec> {
        let reap = (!self.children.is_empty()).then(|| self.reaped + REAP);
        let next = self.children.values().filter_map(Child::wakes).chain(until).chain(reap).chain(self.hold).min()?;
        // A millisecond more than to the moment, lest it wakes just before it.
        let length = next.saturating_duration_since(now()) + Duration::from_millis(1);
        Timespec::try_from(length).ok()
    }

    fn serve(&mut self, id: ChildId, part: Part, at: Instant) {
        let Some(child) = self.children.get_mut(&id) else { return };
        match part {
            Part::In => child.write(),
            Part::Out | Part::Err => {
                for line in child.read(part, &mut self.buffer, at) {
                    report(&mut self.outgoing, &GuardReport::Line { child: id, line });
                    self.hold = None;
                }
            }
            Part::Exit => {
                // Before its exit is taken: until then its number, and its group's, is nobody else's.
                self.sweep(id);
                if let Some(child) = self.children.get_mut(&id) {
                    child.take_exit(at);
                }
            }
        }
    }

    /// Ends what a child left behind.
    fn sweep(&mut self, id: ChildId) {
        let Some(child) = self.children.get(&id) else { return };
        let others = self.children.values().filter(|other| other.id != id && other.runs());
        let live: BTreeSet<i32> = others.map(|other| other.pid).collect();
        let company = if live.is_empty() && self.starting.is_empty() { Company::None } else { Company::Others };
        let swept = sweep::left_behind(&self.orphans, (child.pid, &child.stamp()), &live, company);
        if let Some(child) = self.children.get_mut(&id) {
            child.swept += swept;
        }
        if swept > 0 {
            self.reap();
        }
    }

    /// Takes the ends of orphans. The end of a child of ours that it meets is kept for it.
    fn reap(&mut self) {
        let at = now();
        self.reaped = at;
        if !self.starting.is_empty() {
            // The end of a child whose number is not known yet must not be taken for an orphan's.
            return;
        }
        let mut met = Vec::new();
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let mut children = self.children.values_mut();
            if let Some(child) = children.find(|child| child.runs() && child.pid == pid.as_raw_pid()) {
                child.exited(status, at);
                met.push(child.id);
            }
        }
        for id in met {
            self.sweep(id);
        }
    }

    /// Does what is due and tells ends.
    fn settle(&mut self, at: Instant) {
        if at.saturating_duration_since(self.reaped) >= REAP {
            self.reap();
        }
        let mut over = Vec::new();
        for child in self.children.values_mut() {
            child.wake(at);
            if let Some(end) = child.end(at) {
                over.push((child.id, end));
            }
        }
        for (id, end) in over {
            let Some(child) = self.children.remove(&id) else { continue };
            fail_point::reach(Point::ChildEnded);
            let unrecorded = UnrecordedEnd {
                label: child.label,
                end: end.how,
                ran: end.ran,
                tail: end.tail,
                truncated: end.truncated,
                swept: child.swept,
            };
            report(&mut self.outgoing, &ended(id, unrecorded.clone()));
            self.hold = None;
            self.unrecorded.insert(id, unrecorded);
        }
    }

    fn take_orders(&mut self) {
        loop {
            match self.socket.read(&mut self.buffer) {
                Ok(0) => {
                    self.engine = Engine::Gone;
                    break;
                }
                Ok(length) => {
                    self.incoming.extend_from_slice(self.buffer.get(..length).unwrap_or_default());
                    if length < self.buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.engine = Engine::Gone;
                    break;
                }
            }
        }
        let Some(end) = self.incoming.iter().rposition(|byte| *byte == b'\n') else { return };
        let lines: Vec<u8> = self.incoming.drain(..=end).collect();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(order) => self.obey(order),
                Err(error) => {
                    writeln!(io::stderr(), "guard: an order it does not know: {error}").ok();
                }
            }
        }
    }

    fn obey(&mut self, order: Order) {
        // Orders that came with the end-of-file are those of an engine that is gone.
        if self.engine == Engine::Gone && matches!(order, Order::Spawn(_)) {
            return;
        }
        match order {
            Order::Begin { run_dir, writable } => {
                if let Some(run) = run_dir.file_name().and_then(OsStr::to_str) {
                    mark::put_on_me(run);
                }
                self.run_dir = Some(run_dir);
                self.starting.let_all(writable);
            }
            Order::Spawn(spawn) => self.starting.start(*spawn),
            Order::Tell { child, line } => match self.children.get_mut(&child) {
                Some(child) => child.tell(&line),
                None => self.starting.later(child, Later::Tell(line)),
            },
            Order::Stop { child, stop } => match self.children.get_mut(&child) {
                Some(child) => child.stop(stop, now()),
                None => self.starting.later(child, Later::Stop(stop)),
            },
            Order::Recorded { child } => {
                self.unrecorded.remove(&child);
            }
            Order::Leave => self.engine = Engine::Gone,
        }
    }

    /// Takes children whose start is done, and does what was ordered for them meanwhile.
    fn take_started(&mut self) {
        self.starting.hear();
        while let Some(((id, started), orders)) = self.starting.take() {
            let mut child = match started {
                Ok(child) => child,
                Err(error) => {
                    report(&mut self.outgoing, &GuardReport::NotStarted { child: id, why: error.to_string() });
                    self.hold = None;
                    continue;
                }
            };
            let pid = u32::try_from(child.pid).unwrap_or(0);
            if child.kind == ChildKind::Command && self.outgoing.is_empty() {
                self.hold = now().checked_add(STARTED_WAITS);
            } else if child.kind == ChildKind::Host {
                self.hold = None;
            }
            report(&mut self.outgoing, &GuardReport::Started { child: id, pid });
            for order in orders {
                match order {
                    Later::Tell(line) => child.tell(&line),
                    Later::Stop(stop) => child.stop(stop, now()),
                }
            }
            if self.engine == Engine::Gone {
                child.forsake(now());
            }
            self.children.insert(id, child);
        }
    }

    /// Sends what the socket takes.
    fn send(&mut self) {
        if self.hold.is_some_and(|until| until > now()) {
            return;
        }
        self.hold = None;
        while self.engine == Engine::There && !self.outgoing.is_empty() {
            match self.socket.write(&self.outgoing) {
                Ok(sent) => {
                    self.outgoing.drain(..sent);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.engine = Engine::Gone,
            }
        }
    }

    /// The engine is gone: everything ends, and what ended by itself is left for the next engine.
    fn farewell(&mut self) -> io::Result<()> {
        let (began, until) = (now(), now() + FAREWELL);
        for child in self.children.values_mut() {
            child.forsake(began);
        }
        self.settle(now());
        while !(self.children.is_empty() && self.starting.is_empty()) && now() < until {
            self.turn(Some(until))?;
        }
        processes::end_all_below_me(LAST_PASSES);
        let Some(dir) = self.run_dir.clone() else { return Ok(()) };
        let left = self.leave_ends(&dir.join(UNRECORDED_ENDS));
        if let Some(run) = dir.file_name().and_then(OsStr::to_str) {
            sweep::of_engine(run, GIT_FINISHES.saturating_sub(now() - began), now);
        }
        left
    }

    /// Leaves the ends that no journal holds for the next engine, beside those that an earlier guard left.
    fn leave_ends(&self, path: &Path) -> io::Result<()> {
        let mut ends: Vec<_> = self.unrecorded.values().filter(|end| end.end != ProcessEnd::Stopped).cloned().collect();
        ends.retain(|end| !end.label.is_empty());
        if ends.is_empty() {
            return Ok(());
        }
        let earlier: Vec<UnrecordedEnd> =
            fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let fresh: BTreeSet<String> = ends.iter().map(|end| end.label.clone()).collect();
        ends.extend(earlier.into_iter().filter(|end| !fresh.contains(&end.label)));
        write_durably(path, &serde_json::to_vec(&ends)?)
    }
}

fn ended(child: ChildId, end: UnrecordedEnd) -> GuardReport {
    let UnrecordedEnd { label: _, end, ran, tail, truncated, swept } = end;
    GuardReport::Ended { child, end, ran, tail, truncated, swept }
}

fn report(outgoing: &mut Vec<u8>, report: &GuardReport) {
    if serde_json::to_writer(&mut *outgoing, report).is_ok() {
        outgoing.push(b'\n');
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

#[expect(clippy::disallowed_methods, reason = "the guard is a process of its own, with deadlines of its own")]
fn now() -> Instant {
    Instant::now()
}
