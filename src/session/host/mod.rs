//! The host of one agent process: a child process of this binary, below the guard.
//!
//! It starts the agent, turns what it prints into facts, watches for signs of life, stops it when asked, takes its
//! handoff. When the agent has ended, everything below is ended, the result is made durable, and only then told.
//! When its standard input ends, whoever wanted the session is gone: it does the same, within seconds.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use rustix::process::{getpid, set_child_subreaper, setsid};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::agent::{self, SessionSpec};
use crate::amount::{Millis, Usage};
use crate::journal::fail_point::{self, Point};
use crate::kernel::fact::{Activity, EndKind, WorkEnd};
use crate::session::host::offer::Offer;
use crate::session::host::orders::{Heard, Orders};
use crate::session::host::running::{Agent, Outcome};
use crate::session::processes;
use crate::session::protocol::HostLine;
use crate::session::sandbox;
use crate::workspace::Exchange;

mod handoff;
mod life;
mod meter;
mod offer;
mod orders;
mod running;
mod skills;
mod starting;
mod stopping;

/// Passes over what an agent left behind; with their pauses about a second.
const SWEEP_PASSES: u32 = 200;

/// The hidden command `session`.
pub fn main() -> ExitCode {
    // A leader of its group already is one of a session, or was started by hand.
    setsid().ok();
    let ran = set_child_subreaper(Some(getpid())).map_err(io::Error::from).and_then(|()| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        catch_unwind(AssertUnwindSafe(|| runtime.block_on(host()))).unwrap_or(Err(io::Error::other("a fault of ours")))
    });
    // Whatever happened, nothing is left running below.
    processes::end_all_below_me(SWEEP_PASSES);
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(io::stderr(), "session: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn host() -> io::Result<()> {
    // Interrupts of a terminal are the engine's to answer.
    let _deaf = (signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    let mut orders = Orders::on_stdin()?;
    let Heard::Line(first) = orders.next().await else { return Ok(()) };
    let mut spec: SessionSpec = serde_json::from_str(&first)?;
    let (mut offer, without) = Offer::open(&mut spec);
    if let Some(error) = without {
        writeln!(io::stderr(), "session: it has no tools: {error}").ok();
    }
    let backend = agent::backend(spec.agent.backend);
    let began = Instant::now();
    let end = match Agent::start(&spec, backend) {
        Err(why) => {
            offer.close().await;
            not_started(why)
        }
        Ok(mut agent) => {
            let outcome = agent.live(&mut orders, &mut offer).await;
            let left = offer.close().await;
            let outcome = outcome?;
            for called in left {
                agent.called(called);
            }
            let swept = processes::end_all_below_me(SWEEP_PASSES);
            agent.drain().await;
            ended(&spec, agent, outcome, swept)
        }
    };
    let end = WorkEnd { duration: Millis::from(began.elapsed()), ..end };
    fail_point::reach(Point::ResultWrite);
    write_durably(&spec.result, &serde_json::to_vec(&end)?)?;
    fail_point::reach(Point::ResultWritten);
    tell(&HostLine::Ended(Box::new(end)));
    Ok(())
}

fn not_started(why: String) -> WorkEnd {
    WorkEnd {
        how: EndKind::NotStarted { why },
        duration: Millis::ZERO,
        usage: Usage::NONE,
        conversation: None,
        handoffs: Vec::new(),
        outputs: None,
        tail: String::new(),
        denied: Vec::new(),
        activity: Activity::NoTool,
        truncated: false,
        swept: 0,
        model: None,
        version: None,
    }
}

fn ended(spec: &SessionSpec, agent: Agent<'_>, outcome: Outcome, swept: u32) -> WorkEnd {
    let backend = agent.backend();
    let finished = agent.finish(outcome);
    let how = finished.how.clone();
    let mut tail = match how {
        EndKind::Completed | EndKind::Refused { .. } => finished.last_message(),
        EndKind::Exited { .. }
        | EndKind::Signalled { .. }
        | EndKind::Stopped { .. }
        | EndKind::NotStarted { .. }
        | EndKind::Failed { .. }
        | EndKind::Lost { .. } => finished.last_words(),
    };
    let mut denied = finished.stream.denied().to_vec();
    if spec.writable.is_some() && how != EndKind::Completed {
        sandbox::explain(&mut tail);
    }
    if let (true, Some(last)) = (spec.writable.is_some(), denied.last_mut()) {
        sandbox::explain(last);
    }
    WorkEnd {
        how,
        duration: Millis::ZERO,
        usage: finished.untold,
        conversation: finished.conversation,
        handoffs: handoff::found(spec, &finished.stream),
        outputs: handoff::outputs(spec),
        tail,
        denied,
        activity: finished.stream.activity(backend.tools()),
        truncated: finished.truncated,
        swept,
        model: finished.stream.model().map(str::to_owned),
        version: finished.stream.version().map(str::to_owned),
    }
}

/// Prints a line for the engine. That nobody reads it any more is heard on standard input.
fn tell(line: &HostLine) {
    if let Ok(mut text) = serde_json::to_vec(line) {
        text.push(b'\n');
        let mut out = io::stdout().lock();
        out.write_all(&text).and_then(|()| out.flush()).ok();
    }
}

/// The folder that a file of the session's exchange lies in. In its workspace the agent may have put a link anywhere
/// on the way; the session's own folder is the engine's.
pub(in crate::session) fn exchange(spec: &SessionSpec, file: &Path) -> Option<Exchange> {
    let folder = file.parent()?;
    let in_workspace = folder.strip_prefix(&spec.path).ok().filter(|_| !folder.starts_with(&spec.scratch));
    Some(in_workspace.map_or_else(|| Exchange::at(folder, Path::new("")), |below| Exchange::at(&spec.path, below)))
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(dir)?.sync_all()
}
