//! The guard: the one process that is the parent of every host and every command of a run.
//!
//! It is this binary, in a session of its own, without a terminal. It outlives the engine by seconds at most:
//! when the engine's end of the socket closes, however that came, everything below the guard is ended. Here is
//! the engine's side ([`Guard`]); the process itself is in `process`.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child as StdChild, Command, ExitStatus, Stdio};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::driver::guard::protocol::Order;

mod child;
mod process;
mod protocol;
mod starting;
mod sweep;

pub use crate::driver::guard::process::main;
pub use crate::driver::guard::protocol::{
    ChildId, ChildKind, GuardReport, ProcessEnd, Spawn, Stop, UNRECORDED_ENDS, UnrecordedEnd,
};

/// What a guard is started with.
#[derive(Debug, Clone)]
pub struct GuardStart {
    /// This binary.
    pub executable: PathBuf,
    /// The clean environment that every child begins with.
    pub env: BTreeMap<String, String>,
    /// Where what the guard itself has to say is appended.
    pub log: PathBuf,
    /// The run's folder: ends that the engine did not record are left there.
    pub run_dir: PathBuf,
    /// Where all children that are confined may write.
    pub writable: Vec<PathBuf>,
}

/// The engine's handle on the guard. Dropping it is leaving.
#[derive(Debug)]
pub struct Guard {
    orders: UnboundedSender<Order>,
    pid: u32,
}

impl Guard {
    /// Starts the guard. Must be called within a tokio runtime.
    pub fn start(start: GuardStart) -> io::Result<(Self, UnboundedReceiver<GuardReport>)> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = spawn_guard(&start, theirs)?;
        let pid = child.id();
        let (read, write) = UnixStream::from_std(ours)?.into_split();
        let (orders, wanted) = unbounded_channel();
        let (told, reports) = unbounded_channel();
        tokio::spawn(send_orders(wanted, write));
        let run = start.run_dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        tokio::spawn(take_reports(read, told, (child, run)));
        let guard = Self { orders, pid };
        guard.order(Order::Begin { run_dir: start.run_dir, writable: start.writable });
        Ok((guard, reports))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Starts a child: `Started` or `NotStarted` follows.
    pub fn spawn(&self, spawn: Spawn) {
        self.order(Order::Spawn(Box::new(spawn)));
    }

    /// Writes a line to a host.
    pub fn tell(&self, child: ChildId, line: String) {
        self.order(Order::Tell { child, line });
    }

    /// Stops a child: `Ended` follows, if it has not been told already.
    pub fn stop(&self, child: ChildId, stop: Stop) {
        self.order(Order::Stop { child, stop });
    }

    /// Says that the journal holds this child's end.
    pub fn recorded(&self, child: ChildId) {
        self.order(Order::Recorded { child });
    }

    /// Ends everything that still runs and lets the guard go: `Gone` follows.
    pub fn leave(&self) {
        self.order(Order::Leave);
    }

    fn order(&self, order: Order) {
        // A guard that is gone takes no orders; `Gone` has been reported then.
        self.orders.send(order).ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "the guard is the one process that the engine itself spawns")]
fn spawn_guard(start: &GuardStart, theirs: StdUnixStream) -> io::Result<StdChild> {
    let log = open_log(&start.log)?;
    Command::new(&start.executable)
        .arg("guard")
        .env_clear()
        .envs(&start.env)
        .current_dir("/")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
}

fn open_log(path: &Path) -> io::Result<Stdio> {
    OpenOptions::new().create(true).append(true).open(path).map(Stdio::from)
}

/// Writes orders, all that wait at once in one write.
async fn send_orders(mut wanted: UnboundedReceiver<Order>, mut write: OwnedWriteHalf) {
    let (mut orders, mut bytes) = (Vec::new(), Vec::new());
    while wanted.recv_many(&mut orders, 256).await > 0 {
        bytes.clear();
        for order in orders.drain(..) {
            if serde_json::to_writer(&mut bytes, &order).is_ok() {
                bytes.push(b'\n');
            }
        }
        if write.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // All handles are gone: closing this half is what tells the guard.
    write.shutdown().await.ok();
}

/// Reads reports until the guard closes its end, then takes its exit.
async fn take_reports(mut read: OwnedReadHalf, told: UnboundedSender<GuardReport>, of: (StdChild, String)) {
    let (mut child, run) = of;
    let mut bytes = Vec::with_capacity(16 << 10);
    let why = loop {
        match read.read_buf(&mut bytes).await {
            Ok(0) => break "the guard closed its socket".to_owned(),
            Ok(_) => {}
            Err(error) => break format!("the guard's socket: {error}"),
        }
        if let Err(error) = tell_lines(&mut bytes, &told) {
            break format!("the guard said something else: {error}");
        }
    };
    drop(read);
    let exit = tokio::task::spawn_blocking(move || {
        let status = child.wait();
        // One that came to its own end has ended everything below it.
        if !status.as_ref().is_ok_and(ExitStatus::success) {
            sweep::after_guard(child.id(), &run);
        }
        status
    });
    let why = match exit.await {
        Ok(Ok(status)) => format!("{why} ({status})"),
        Ok(Err(_)) | Err(_) => why,
    };
    told.send(GuardReport::Gone { why }).ok();
}

/// Takes whole lines off the front of `bytes` and tells them.
fn tell_lines(bytes: &mut Vec<u8>, told: &UnboundedSender<GuardReport>) -> serde_json::Result<()> {
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
    for line in bytes.drain(..=end).as_slice().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        told.send(serde_json::from_slice(line)?).ok();
    }
    Ok(())
}
