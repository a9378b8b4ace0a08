//! The agent while it runs: its streams, its signs of life, its stop.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use std::os::unix::process::ExitStatusExt as _;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::agent::{Backend, Exit, Reader, Said, SessionSpec, Stream, last};
use crate::amount::{Millis, Usage};
use crate::kernel::fact::{EndKind, StopWhy};
use crate::mask::{Mask, MaskStream};
use crate::session::host::life::{Doing, Life, Look};
use crate::session::host::meter::Meter;
use crate::session::host::offer::Offer;
use crate::session::host::orders::{Heard, Orders};
use crate::session::host::skills::{self, Skills};
use crate::session::host::starting::{feed, prepare, spawn};
use crate::session::host::stopping::{Pace, Stopping};
use crate::session::host::tell;
use crate::session::lines::Lines;
use crate::session::output::{self, OutputWriter};
use crate::session::processes;
use crate::session::protocol::{HostLine, HostOrder};
use crate::session::safe;
use crate::session::tools::desk::{Called, Running};

/// How much of an agent's output is kept.
const OUTPUT_LIMIT: u64 = 16 << 20;
/// How long the pipes of an ended agent are read.
const DRAIN: Duration = Duration::from_secs(1);
/// Progress is told at most this often: it is for people.
const PROGRESS: Duration = Duration::from_millis(200);
/// Where a progress text is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// The agent's stream: what it does just now.
    Stream,
    /// The agent itself, which wants it told.
    Agent,
}

/// Longest progress text told.
const MAX_PROGRESS: usize = 400;
/// How long what a program was told before it is stopped may take to work.
const FAREWELL: Duration = Duration::from_secs(3);
/// How long a program may go on that has said how it ended: some never exit by themselves.
const LINGER: Duration = Duration::from_secs(8);

/// How the agent's life ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Exited(Exit),
    Stopped(StopWhy),
}

/// A running agent.
pub(super) struct Agent<'a> {
    backend: &'a dyn Backend,
    reader: Box<dyn Reader>,
    child: Child,
    input: Option<UnboundedSender<String>>,
    group: i32,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    buffers: (Vec<u8>, Vec<u8>),
    lines: Lines,
    error_lines: Lines,
    stream: Stream,
    output: OutputWriter,
    errors: Vec<u8>,
    masked_errors: MaskStream,
    mask: Mask,
    meter: Meter,
    conversation: Option<String>,
    progress: Option<(Of, String)>,
    told: Instant,
    life: Life,
    stopping: Option<Stopping>,
    /// Until when it may go on, once it has said how it ended.
    lingers: Option<Instant>,
    began: Instant,
    skills: Skills,
    runs_skill: Running,
}

/// What is left of an agent that ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) how: EndKind,
    pub(super) stream: Stream,
    pub(super) conversation: Option<String>,
    /// What is not told yet of its use.
    pub(super) untold: Usage,
    pub(super) truncated: bool,
    errors: Vec<u8>,
    printed: String,
}

impl Finished {
    /// The end of its last message.
    pub(super) fn last_message(&self) -> String {
        safe::tail(self.stream.message().as_bytes())
    }

    /// What it said when it failed: on standard error, else its last message, else whatever it printed.
    pub(super) fn last_words(&self) -> String {
        let words = [safe::tail(&self.errors), self.last_message(), self.printed.clone()];
        words.into_iter().find(|words| !words.is_empty()).unwrap_or_default()
    }
}

impl<'a> Agent<'a> {
    /// Starts it. Why it could not be started is for people.
    pub(super) fn start(spec: &SessionSpec, backend: &'a dyn Backend) -> Result<Self, String> {
        let invocation = backend.start(spec).map_err(|error| error.to_string())?;
        prepare(spec, &invocation).map_err(|error| format!("the session's files: {error}"))?;
        let mut child = spawn(spec, &invocation)
            .map_err(|error| format!("`{}` could not be started: {error}", invocation.program.display()))?;
        let pid = child.id().unwrap_or(0);
        tell(&HostLine::Started { pid });
        let input = feed(&mut child, invocation.stdin);
        let now = Instant::now();
        let mut agent = Self {
            backend,
            reader: backend.reader(spec),
            input,
            group: i32::try_from(pid).unwrap_or(0),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
            buffers: (Vec::new(), Vec::new()),
            lines: Lines::default(),
            error_lines: Lines::default(),
            stream: Stream::default(),
            output: OutputWriter::new(spec.output_dir.clone(), OUTPUT_LIMIT).masked(&spec.mask),
            errors: Vec::new(),
            masked_errors: spec.mask.stream(),
            mask: spec.mask.clone(),
            meter: Meter::new(spec),
            conversation: None,
            progress: None,
            told: now.checked_sub(PROGRESS).unwrap_or(now),
            life: Life::new(spec.idle_timeout.to_duration(), now),
            stopping: None,
            lingers: None,
            began: now,
            skills: Skills::of(&spec.tools),
            runs_skill: Running::default(),
        };
        if let Some(conversation) = invocation.conversation {
            agent.name_conversation(conversation);
        }
        Ok(agent)
    }

    pub(super) fn backend(&self) -> &'a dyn Backend {
        self.backend
    }

    /// Until its process has ended.
    pub(super) async fn live(&mut self, orders: &mut Orders, offer: &mut Offer) -> io::Result<Outcome> {
        self.runs_skill = offer.running.clone();
        let mut term = signal(SignalKind::terminate())?;
        let mut listens = true;
        loop {
            let wake = self.wakes();
            tokio::select! {
                read = read(&mut self.stdout, &mut self.buffers.0) => self.take_out(read),
                read = read(&mut self.stderr, &mut self.buffers.1) => self.take_err(read),
                status = self.child.wait() => return Ok(self.outcome(status?)),
                heard = orders.next(), if listens => listens = self.hear(heard),
                called = offer.next() => self.called(called),
                _ = term.recv() => self.stop(StopWhy::Interrupt, Pace::Gentle),
                () = sleep_until(wake) => self.wake(),
            }
        }
    }

    fn outcome(&self, status: ExitStatus) -> Outcome {
        // Its group goes while the number is most likely still its own.
        processes::signal_group(self.group, rustix::process::Signal::KILL);
        match (self.stopping.as_ref().map(Stopping::why), status.code(), status.signal()) {
            (Some(Some(why)), ..) => Outcome::Stopped(why),
            // How it ended it has said itself.
            (Some(None), ..) => Outcome::Exited(Exit::Code(0)),
            (None, Some(code), _) => Outcome::Exited(Exit::Code(code)),
            (None, None, signal) => Outcome::Exited(Exit::Signal(signal.unwrap_or(0))),
        }
    }

    /// Reads what is left in the pipes, for a second at most: someone may hold them for ever.
    pub(super) async fn drain(&mut self) {
        let until = Instant::now() + DRAIN;
        while self.stdout.is_some() || self.stderr.is_some() {
            let read = async {
                tokio::select! {
                    read = read(&mut self.stdout, &mut self.buffers.0) => (true, read),
                    read = read(&mut self.stderr, &mut self.buffers.1) => (false, read),
                }
            };
            match timeout_at(until, read).await {
                Ok((true, read)) => self.take_out(read),
                Ok((false, read)) => self.take_err(read),
                Err(_) => break,
            }
        }
        if let Some(line) = self.error_lines.rest() {
            let said = self.reader.error_line(&line);
            self.take_said(said);
        }
        if let Some(line) = self.lines.rest() {
            self.take_line(&line);
        }
        self.tell_progress();
    }

    pub(super) fn finish(mut self, outcome: Outcome) -> Finished {
        let kept = self.output.finish();
        self.errors.extend(self.masked_errors.rest());
        let how = match outcome {
            Outcome::Exited(exit) => self.reader.ended(&self.stream, exit, &safe::tail(&self.errors)),
            Outcome::Stopped(why) => self.stopped(why),
        };
        Finished {
            untold: self.meter.rest(&how),
            how,
            stream: self.stream,
            conversation: self.conversation,
            truncated: kept.truncated,
            errors: self.errors,
            printed: kept.tail,
        }
    }

    /// One that only tried again until it was stopped for it failed by what it tried again for.
    fn stopped(&self, why: StopWhy) -> EndKind {
        match self.stream.retrying() {
            Some((fault, told)) if why == StopWhy::Idle => EndKind::Failed { fault: *fault, why: told.clone() },
            Some(_) | None => EndKind::Stopped { why },
        }
    }

    fn wakes(&self) -> Instant {
        let progress = self.progress.as_ref().map(|_| self.told + PROGRESS);
        let other = match &self.stopping {
            Some(stopping) => stopping.next(),
            None => self.lingers.into_iter().fold(self.life.next_look(), Instant::min),
        };
        progress.into_iter().fold(other, Instant::min)
    }

    fn wake(&mut self) {
        let (now, doing) = (Instant::now(), self.doing());
        if self.progress.is_some() && now >= self.told + PROGRESS {
            self.tell_progress();
        }
        match &mut self.stopping {
            Some(stopping) if now >= stopping.next() => stopping.step(self.group, now),
            None if self.lingers.is_some_and(|until| now >= until) => {
                self.stopping = Some(Stopping::new(None, Pace::Farewell, self.backend, now));
            }
            None if now >= self.life.next_look() && self.life.look(doing, now) == Look::Idle => {
                self.stop(StopWhy::Idle, Pace::Gentle);
            }
            Some(_) | None => {}
        }
    }

    /// What it is known to do.
    fn doing(&self) -> Doing {
        if self.runs_skill.any() {
            return Doing::Tool;
        }
        match (self.stream.retrying(), self.stream.in_tool()) {
            (Some(_), _) => Doing::Retrying,
            (None, true) => Doing::Tool,
            (None, false) => Doing::Untold,
        }
    }

    fn stop(&mut self, why: StopWhy, pace: Pace) {
        let now = Instant::now();
        if let Some(stopping) = &mut self.stopping {
            return stopping.hasten(pace, self.backend, now);
        }
        let stopping = Stopping::new(Some(why), pace, self.backend, now);
        let farewell = self.reader.farewell().filter(|_| self.input.is_some());
        self.stopping = Some(match (farewell, pace) {
            (None, _) | (_, Pace::AtOnce) => stopping,
            (Some(farewell), Pace::Gentle | Pace::Farewell) => {
                self.send(farewell);
                stopping.after(if pace == Pace::Gentle { FAREWELL } else { FAREWELL / 3 })
            }
        });
    }

    /// Tells whether there is anyone left to listen to.
    fn hear(&mut self, heard: Heard) -> bool {
        let Heard::Line(line) = heard else {
            self.stop(StopWhy::Interrupt, Pace::Farewell);
            return false;
        };
        match serde_json::from_str(&line) {
            Ok(HostOrder::Stop { why }) => self.stop(why, Pace::Gentle),
            // An order that nobody knows is not one to go on under.
            Ok(HostOrder::Kill) | Err(_) => self.stop(StopWhy::Interrupt, Pace::AtOnce),
        }
        true
    }

    fn take_out(&mut self, read: usize) {
        if read == 0 {
            self.stdout = None;
            return;
        }
        let bytes = std::mem::take(&mut self.buffers.0);
        self.came(output::Stream::Out, &bytes);
        for line in self.lines.take(&bytes) {
            self.take_line(&line);
        }
        self.buffers.0 = bytes;
    }

    fn take_err(&mut self, read: usize) {
        if read == 0 {
            self.stderr = None;
            return;
        }
        let bytes = std::mem::take(&mut self.buffers.1);
        self.came(output::Stream::Err, &bytes);
        let clean = self.masked_errors.take(&bytes);
        self.errors.extend_from_slice(&clean);
        let surplus = self.errors.len().saturating_sub(16 << 10);
        self.errors.drain(..surplus);
        for line in self.error_lines.take(&bytes) {
            let said = self.reader.error_line(&line);
            self.take_said(said);
        }
        self.buffers.1 = bytes;
    }

    fn came(&mut self, stream: output::Stream, bytes: &[u8]) {
        let now = Instant::now();
        if self.stream.retrying().is_none() {
            self.life.sign(now);
        }
        self.output.write(stream, Millis::from(now - self.began), bytes);
    }

    fn take_line(&mut self, line: &str) {
        let said = self.reader.line(line);
        self.take_said(said);
    }

    /// Takes what the agent asked its host for: a sign of life in any case.
    pub(super) fn called(&mut self, called: Called) {
        self.life.sign(Instant::now());
        match called {
            Called::Progress(text) => {
                let text = self.mask.text(&text).into_owned();
                self.note_progress(Of::Agent, &text);
            }
            Called::Runs(skill) => skills::runs(skill),
            Called::Asked => {}
        }
    }

    fn take_said(&mut self, said: Vec<Said>) {
        self.skills.note(&said);
        for said in said {
            let said = said.masked(&self.mask);
            self.stream.note(&said);
            match said {
                Said::Conversation(conversation) => self.name_conversation(conversation),
                Said::Progress(text) => self.note_progress(Of::Stream, &text),
                Said::Used(usage) => tell(&HostLine::Used { usage: self.meter.read(usage) }),
                Said::Retrying(fault, why) => tell(&HostLine::Retrying { fault, why }),
                Said::Send(line) => self.send(line),
                Said::Model(model) => self.meter.answers(model),
                Said::Terminal(_) => {
                    self.input = None;
                    self.lingers = Some(Instant::now() + LINGER);
                }
                Said::Message(_)
                | Said::MessageLine(_)
                | Said::ToolBegan
                | Said::ToolEnded
                | Said::Denied(_)
                | Said::Version(_)
                | Said::StructuredHandoff(_) => {}
            }
        }
    }

    /// That nobody reads it any more is seen by the end of the program.
    fn send(&mut self, mut line: String) {
        line.push('\n');
        if let Some(input) = &self.input {
            input.send(line).ok();
        }
    }

    fn name_conversation(&mut self, conversation: String) {
        if self.conversation.as_ref() != Some(&conversation) {
            tell(&HostLine::Conversation { conversation: conversation.clone() });
            self.conversation = Some(conversation);
        }
    }

    /// One line, safe to show. What comes too soon after the last replaces what waits, but not what the agent wants told.
    fn note_progress(&mut self, of: Of, text: &str) {
        if of == Of::Stream && matches!(self.progress, Some((Of::Agent, _))) {
            return;
        }
        let safe =
            safe::safe_text(last(text, 4 * MAX_PROGRESS).as_bytes()).split_whitespace().collect::<Vec<_>>().join(" ");
        self.progress = Some((of, crate::agent::bounded(&safe, MAX_PROGRESS).to_owned()));
        if Instant::now() >= self.told + PROGRESS {
            self.tell_progress();
        }
    }

    fn tell_progress(&mut self) {
        if let Some((_, text)) = self.progress.take() {
            self.told = Instant::now();
            tell(&HostLine::Progress { text });
        }
    }
}

/// Reads once and tells how much, 0 at the end; for ever, where there is nothing to read from any more. Giving it
/// up while it waits loses nothing.
async fn read(from: &mut Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> usize {
    match from {
        Some(from) => {
            into.clear();
            into.reserve(64 << 10);
            from.read_buf(into).await.unwrap_or(0)
        }
        None => std::future::pending().await,
    }
}
