//! One child of the guard: its pipes, its deadline, what is left to read and write.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, pidfd_open, waitpid};

use crate::amount::Millis;
use crate::driver::guard::protocol::{ChildId, ChildKind, MAX_LINE, ProcessEnd, Spawn, Stop};
use crate::driver::guard::sweep::{COMMAND, HOST};
use crate::session::output::{OutputWriter, Stream};
use crate::session::processes::{self, STAMP};

/// Between TERM and KILL of a command whose time is used up.
const TIMEOUT_GRACE: Duration = Duration::from_secs(2);
/// Between TERM and KILL of a command that is stopped.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// Between TERM and KILL of a host: it stops its agent gently first.
const HOST_GRACE: Duration = Duration::from_secs(12);
/// How long an ended process's pipes are read.
const DRAIN: Duration = Duration::from_secs(1);

/// A child that was started and whose end has not been told.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) id: ChildId,
    pub(crate) kind: ChildKind,
    pub(crate) label: String,
    pub(crate) pid: i32,
    pub(crate) swept: u32,
    pidfd: OwnedFd,
    stdin: Option<ChildStdin>,
    unwritten: Vec<u8>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    line: Vec<u8>,
    output: OutputWriter,
    started: Instant,
    deadline: Option<Instant>,
    kill_at: Option<Instant>,
    ending: Ending,
    exit: Option<(WaitStatus, Instant)>,
}

/// Whether we are ending it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Not,
    TimedOut,
    Stopped,
}

/// Something of a child that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Exit,
    In,
    Out,
    Err,
}

/// How a child ended, with what is left to tell.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) how: ProcessEnd,
    pub(crate) ran: Millis,
    pub(crate) tail: String,
    pub(crate) truncated: bool,
}

impl Child {
    /// Starts it. A command gets a process group of its own; a host makes itself a session.
    #[expect(clippy::disallowed_methods, reason = "the guard is where children are spawned")]
    pub(crate) fn start(spawn: Spawn, now: Instant) -> io::Result<Self> {
        let mut command = Command::new(&spawn.program);
        command.args(&spawn.args).current_dir(&spawn.cwd).envs(&spawn.env);
        command.env(STAMP, stamp(spawn.child, spawn.kind)).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (talks, mut unwritten) = (spawn.kind == ChildKind::Host || spawn.stdin.is_some(), Vec::new());
        command.stdin(if talks { Stdio::piped() } else { Stdio::null() });
        if spawn.kind == ChildKind::Command {
            command.process_group(0);
        }
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        if let Some(stdin) = &child.stdin {
            rustix::io::ioctl_fionbio(stdin, true)?;
            unwritten.extend_from_slice(spawn.stdin.unwrap_or_default().as_bytes());
            if spawn.kind == ChildKind::Host {
                unwritten.push(b'\n');
            }
        }
        Ok(Self {
            id: spawn.child,
            kind: spawn.kind,
            label: spawn.label,
            pid: pid.as_raw_pid(),
            swept: 0,
            pidfd: pidfd_open(pid, PidfdFlags::empty())?,
            stdin: child.stdin.take(),
            unwritten,
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            line: Vec::new(),
            output: OutputWriter::new(spawn.output_dir, spawn.output_limit).masked(&spawn.mask),
            started: now,
            deadline: spawn.timeout.and_then(|timeout| now.checked_add(timeout.to_duration())),
            kill_at: None,
            ending: Ending::Not,
            exit: None,
        })
    }

    /// Its stamp.
    pub(crate) fn stamp(&self) -> String {
        stamp(self.id, self.kind)
    }

    /// What to wait for.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Part, BorrowedFd<'_>, PollFlags)> {
        let exit = self.exit.is_none().then(|| (Part::Exit, self.pidfd.as_fd(), PollFlags::IN));
        let write = self.stdin.as_ref().filter(|_| !self.unwritten.is_empty() || self.closes_input());
        let write = write.map(|fd| (Part::In, fd.as_fd(), PollFlags::OUT));
        let out = self.stdout.as_ref().map(|fd| (Part::Out, fd.as_fd(), PollFlags::IN));
        let err = self.stderr.as_ref().map(|fd| (Part::Err, fd.as_fd(), PollFlags::IN));
        // Output before the exit: what was printed before the end is mostly read before the end is seen.
        [out, err, write, exit].into_iter().flatten()
    }

    /// When something must be done about it whatever comes.
    pub(crate) fn wakes(&self) -> Option<Instant> {
        match self.exit {
            Some((_, at)) => Some(at + DRAIN),
            None => [self.deadline.filter(|_| self.ending == Ending::Not), self.kill_at].into_iter().flatten().min(),
        }
    }

    /// Queues a line for its standard input.
    pub(crate) fn tell(&mut self, line: &str) {
        if self.stdin.is_some() {
            self.unwritten.extend_from_slice(line.as_bytes());
            self.unwritten.push(b'\n');
        }
    }

    /// Writes what its input takes.
    pub(crate) fn write(&mut self) {
        let Some(stdin) = &mut self.stdin else { return };
        match stdin.write(&self.unwritten) {
            Ok(written) => {
                self.unwritten.drain(..written);
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => {
                self.unwritten.clear();
                self.stdin = None;
            }
        }
        if self.unwritten.is_empty() && self.closes_input() {
            self.stdin = None;
        }
    }

    /// A command reads what it was given and then end-of-file; a host's input is its control.
    fn closes_input(&self) -> bool {
        self.kind == ChildKind::Command
    }

    /// Reads once what it printed. Gives the whole lines of a host.
    pub(crate) fn read(&mut self, part: Part, buffer: &mut [u8], now: Instant) -> Vec<String> {
        let read = match part {
            Part::Out => self.stdout.as_mut().map(|fd| fd.read(buffer)),
            Part::Err => self.stderr.as_mut().map(|fd| fd.read(buffer)),
            Part::Exit | Part::In => None,
        };
        let bytes = match read {
            Some(Ok(length)) if length > 0 => buffer.get(..length).unwrap_or_default(),
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => return Vec::new(),
            Some(_) => {
                self.close(part);
                return Vec::new();
            }
            None => return Vec::new(),
        };
        match (self.kind, part) {
            (ChildKind::Host, Part::Out) => self.take_lines(bytes),
            (ChildKind::Command, Part::Out) => {
                self.output.write(Stream::Out, Millis::from(now - self.started), bytes);
                Vec::new()
            }
            (ChildKind::Host | ChildKind::Command, Part::Exit | Part::In | Part::Err) => {
                self.output.write(Stream::Err, Millis::from(now - self.started), bytes);
                Vec::new()
            }
        }
    }

    fn close(&mut self, part: Part) {
        match part {
            Part::Out => self.stdout = None,
            Part::Err => self.stderr = None,
            Part::Exit | Part::In => {}
        }
    }

    fn take_lines(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + piece.len() <= MAX_LINE {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                lines.push(String::from_utf8_lossy(&self.line).trim_end().to_owned());
                self.line.clear();
            }
        }
        lines
    }

    /// Does what is due: TERM at its time-out, KILL after the grace.
    pub(crate) fn wake(&mut self, now: Instant) {
        if self.exit.is_some() {
            return;
        }
        if self.ending == Ending::Not && self.deadline.is_some_and(|deadline| deadline <= now) {
            self.ending = Ending::TimedOut;
            self.term(now, TIMEOUT_GRACE);
        }
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill();
            self.kill_at = now.checked_add(TIMEOUT_GRACE);
        }
    }

    /// Stops it, as asked.
    pub(crate) fn stop(&mut self, stop: Stop, now: Instant) {
        if self.exit.is_some() {
            return;
        }
        if self.ending == Ending::Not {
            self.ending = Ending::Stopped;
        }
        match stop {
            Stop::Term => self.term(now, STOP_GRACE),
            Stop::Kill => self.kill(),
        }
    }

    /// The engine is gone: a command is ended, a host sees end-of-file and ends its agent itself.
    pub(crate) fn forsake(&mut self, now: Instant) {
        match self.kind {
            ChildKind::Command => self.stop(Stop::Term, now),
            ChildKind::Host => {
                self.stdin = None;
                if self.ending == Ending::Not {
                    self.ending = Ending::Stopped;
                }
                // One that was stopped by a signal sees no end-of-file.
                processes::signal(self.pid, Signal::CONT);
            }
        }
    }

    fn term(&mut self, now: Instant, grace: Duration) {
        let grace = match self.kind {
            ChildKind::Command => {
                processes::signal_group(self.pid, Signal::TERM);
                processes::signal_group(self.pid, Signal::CONT);
                grace
            }
            ChildKind::Host => {
                processes::signal(self.pid, Signal::TERM);
                processes::signal(self.pid, Signal::CONT);
                HOST_GRACE
            }
        };
        self.kill_at = now.checked_add(grace);
    }

    /// Ends it and all below it. It is stopped first, so that nothing below it changes its parent meanwhile.
    fn kill(&self) {
        processes::signal(self.pid, Signal::STOP);
        for process in processes::below(&[self.pid], &processes::all()) {
            process.kill();
        }
        processes::signal(self.pid, Signal::KILL);
        if self.kind == ChildKind::Command {
            processes::signal_group(self.pid, Signal::KILL);
        }
    }

    /// Takes its exit, unless it was taken before. Its group is ended while its number is still its own.
    pub(crate) fn take_exit(&mut self, now: Instant) {
        if self.exit.is_some() {
            return;
        }
        processes::signal_group(self.pid, Signal::KILL);
        if let Ok(Some((_, status))) = waitpid(Pid::from_raw(self.pid), WaitOptions::NOHANG) {
            self.exited(status, now);
        }
    }

    /// Someone else's wait brought its exit.
    pub(crate) fn exited(&mut self, status: WaitStatus, now: Instant) {
        self.exit = Some((status, now));
        self.stdin = None;
    }

    /// Whether it still runs.
    pub(crate) fn runs(&self) -> bool {
        self.exit.is_none()
    }

    /// Its end, once it has exited and its pipes are read or their time is over.
    pub(crate) fn end(&mut self, now: Instant) -> Option<End> {
        let (status, at) = self.exit?;
        if (self.stdout.is_some() || self.stderr.is_some()) && now < at + DRAIN {
            return None;
        }
        let kept = self.output.finish();
        let signal = status.terminating_signal();
        let end = match self.ending {
            Ending::TimedOut => ProcessEnd::TimedOut,
            Ending::Stopped => ProcessEnd::Stopped,
            Ending::Not => match signal {
                Some(signal) => ProcessEnd::Signalled(signal),
                None => ProcessEnd::Exited(status.exit_status().unwrap_or(-1)),
            },
        };
        Some(End { how: end, ran: Millis::from(at - self.started), tail: kept.tail, truncated: kept.truncated })
    }
}

/// What marks a child and all that comes of it: which guard, which child, which kind.
fn stamp(child: ChildId, kind: ChildKind) -> String {
    let kind = match kind {
        ChildKind::Host => HOST,
        ChildKind::Command => COMMAND,
    };
    format!("{}.{child}{kind}", processes::me())
}
