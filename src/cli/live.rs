//! A run while it is live: the panel, plain lines, events as JSON lines, or nothing.

use crate::amount::{Millis, WallTime};
use crate::cli::args::Ui;
use crate::cli::gate_prompt::{self, Meant, Typing};
use crate::cli::keyboard::{Echo, Keyboard};
use crate::cli::locked::{Clock, Own, taken_over};
use crate::cli::painter::Painter;
use crate::cli::run_choice::keep_artifacts;
use crate::cli::terminal::{Answers, Stream, Terminal};
use crate::driver::audience::{Shown, Voice};
use crate::driver::clock::wall_now;
use crate::driver::drive::Ask;
use crate::kernel::event::Event;
use crate::kernel::fact::{Attended, GateAnswer};
use crate::report::{self, Report, event_json, panel};

/// How often a plain display says that it is alive.
const HEARTBEAT: Millis = Millis::from_mins(1);

/// At most this long the panel over many tasks is left as it is, in milliseconds: less than a tick.
const LONGEST_PAUSE: u64 = 250;

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Panel,
    Plain,
    Json,
    Nothing,
}

/// Whether there is anything to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The run was driven, to whatever end.
    Driven,
    /// It could not be begun or gone on with.
    Refused,
}

impl<T, E> From<&Result<T, E>> for Ending {
    fn from(driven: &Result<T, E>) -> Self {
        if driven.is_ok() { Self::Driven } else { Self::Refused }
    }
}

/// Where the person sits who looks on.
#[derive(Debug)]
pub(super) struct Seat {
    /// What they speak through.
    pub(super) voice: Voice,
    /// What they are called.
    pub(super) who: String,
}

/// Where the person stands with gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// They can be asked.
    Can,
    /// There is nobody to ask, or they left it.
    Cannot,
}

/// A live run on its way to a person.
#[derive(Debug)]
pub(super) struct Live<'a> {
    terminal: &'a mut Terminal,
    mode: Mode,
    painter: Painter,
    /// When the panel was painted last, and lines that wait to stand above it.
    painted: WallTime,
    log: Vec<String>,
    report: Report,
    seq: u64,
    said: WallTime,
    seat: Seat,
    asked: Asked,
    keyboard: Option<Keyboard>,
    typing: Typing,
    /// What a person who typed something else is told.
    hint: Option<&'static str>,
}

impl<'a> Live<'a> {
    /// Begins to show a run; `report` and `seq` are what earlier engines left of it.
    pub(super) fn new(terminal: &'a mut Terminal, ui: Ui, earlier: (Report, u64), seat: Seat) -> Self {
        let (report, seq) = earlier;
        let mode = match (ui, terminal.err_stream) {
            (Ui::Auto | Ui::Panel, Stream::Terminal) => Mode::Panel,
            (Ui::Auto | Ui::Panel, Stream::Plain) | (Ui::Plain, _) => Mode::Plain,
            (Ui::Json, _) => Mode::Json,
            (Ui::None, _) => Mode::Nothing,
        };
        let (painter, painted, said) = (Painter::default(), WallTime::default(), WallTime::default());
        let asked = match (mode, terminal.answers) {
            (Mode::Panel | Mode::Plain, Answers::Possible) => Asked::Can,
            (Mode::Panel | Mode::Plain | Mode::Json | Mode::Nothing, _) => Asked::Cannot,
        };
        let (log, keyboard, typing, hint) = (Vec::new(), None, Typing::default(), None);
        Self { terminal, mode, painter, painted, log, report, seq, said, seat, asked, keyboard, typing, hint }
    }

    /// Whether the person can answer gates.
    pub(super) fn attended(&self) -> Attended {
        match self.asked {
            Asked::Can => Attended::Yes,
            Asked::Cannot => Attended::No,
        }
    }

    /// Takes in what happened.
    pub(super) fn show(&mut self, shown: Shown) {
        match shown {
            Shown::Events(batch) => {
                let mut last = self.said;
                for (at, event) in batch {
                    let line = self.take(at, &event);
                    self.log.extend(line);
                    last = at;
                }
                self.ask();
                self.paint(last);
            }
            Shown::Tick(now) => self.tick(now),
            Shown::Typed(bytes) => self.typed(&bytes),
            Shown::TakenOver(dead) => {
                let clock = Clock { now: wall_now(), zone: self.terminal.zone().clone() };
                let own = if self.report.run.as_ref() == Some(&dead.run) { Own::Yes } else { Own::No };
                self.terminal.err(&report::safe_lines(&taken_over(&dead, own, &clock), usize::MAX).join("\n"));
            }
        }
    }

    /// Begins to listen where something is asked, and ends that where nothing is.
    fn ask(&mut self) {
        let asks = self.asked == Asked::Can && !self.report.is_rehearsal() && self.report.open_gates().next().is_some();
        if !asks {
            self.keyboard = None;
        } else if self.keyboard.is_none() {
            let echo = if self.mode == Mode::Panel { Echo::Ours } else { Echo::Terminal };
            self.typing = Typing::default();
            self.keyboard = Keyboard::read(echo, self.seat.voice.typed.clone()).ok();
            if self.mode == Mode::Plain {
                let rows = gate_prompt::rows(&self.report, usize::MAX, self.terminal.err_look);
                self.terminal.err(&rows.join("\n"));
            }
        }
    }

    fn typed(&mut self, bytes: &[u8]) {
        for line in self.typing.take(bytes) {
            self.hint = None;
            let Some((task, _, gate)) = self.report.open_gates().next() else { continue };
            match gate_prompt::meant(&line) {
                Meant::Answer(answer, message) => {
                    let (task, binding) = (task.clone(), Some(gate.binding.clone()));
                    let given = GateAnswer { task, answer, message, by: self.seat.who.clone(), binding };
                    let _engine_gone = self.seat.voice.asking.send(Ask::Answer(given));
                }
                Meant::Leave => {
                    self.asked = Asked::Cannot;
                    let _engine_gone = self.seat.voice.asking.send(Ask::Attend(Attended::No));
                }
                Meant::Unclear(hint) => {
                    self.hint = Some(hint);
                    if self.mode == Mode::Plain {
                        self.terminal.err(hint);
                    }
                }
            }
        }
        self.ask();
        self.painted = WallTime::default();
        self.paint(self.report.last());
    }

    /// What is asked, at the foot of the panel.
    fn question(&self, columns: usize) -> Vec<String> {
        if self.keyboard.is_none() {
            return Vec::new();
        }
        let look = self.terminal.err_look;
        let mut rows = gate_prompt::rows(&self.report, columns, look);
        rows.extend(self.hint.map(|hint| report::shorten(&format!("  {hint}"), columns, look)));
        rows.push(report::shorten(&format!("> {}", report::safe(&self.typing.so_far())), columns, look));
        rows
    }

    fn take(&mut self, at: WallTime, event: &Event) -> Option<String> {
        self.seq += 1;
        self.report.fold(at, event);
        match self.mode {
            Mode::Nothing => None,
            Mode::Json => {
                if let Some(run) = &self.report.run {
                    let line = event_json(self.seq, at, run, event).to_string();
                    self.terminal.out(&line);
                }
                None
            }
            Mode::Plain => {
                let line = report::line(at, event, &self.report)?;
                self.said = at;
                self.terminal.err(&line.plain());
                None
            }
            Mode::Panel => {
                let line = report::line(at, event, &self.report)?;
                (line.shown == report::Shown::Always).then(|| line.pretty(self.terminal.zone(), self.terminal.err_look))
            }
        }
    }

    fn tick(&mut self, now: WallTime) {
        if self.report.run.is_none() {
            return;
        }
        match self.mode {
            Mode::Panel => self.paint(now),
            Mode::Plain if self.said == WallTime::default() => self.said = now,
            Mode::Plain if now.since(self.said) >= HEARTBEAT => {
                self.said = now;
                self.terminal.err(&report::heartbeat(&self.report, now).plain());
            }
            Mode::Plain | Mode::Json | Mode::Nothing => {}
        }
    }

    /// A panel over thousands of tasks is work: it is not painted at each of their ends, but some times a second.
    fn paint(&mut self, now: WallTime) {
        let tasks = u64::try_from(self.report.tasks.len()).unwrap_or(u64::MAX);
        let pause = Millis((tasks / 50).min(LONGEST_PAUSE));
        let is_due = now < self.painted || now >= self.painted.plus(pause);
        if self.mode == Mode::Panel && is_due {
            self.painted = now;
            let size = self.terminal.size();
            let mut rows = panel::frame(&self.report, now, size.columns, self.terminal.err_look);
            rows.extend(self.question(size.columns));
            let text = self.painter.paint(size, &std::mem::take(&mut self.log), &rows);
            self.terminal.err_raw(&text);
        }
    }

    /// What was tidied up around the run, and what could be.
    pub(super) fn tidied(&mut self, notes: Vec<String>, stale: Option<String>) {
        self.report.notes.extend(notes.into_iter().map(|note| (None, note)));
        self.report.stale = stale;
    }

    /// What has been shown so far, as one.
    pub(super) fn report(&self) -> &Report {
        &self.report
    }

    /// Takes the panel away and prints nothing more.
    pub(super) fn leave(mut self) {
        self.keyboard = None;
        let text = self.painter.clear(self.terminal.size(), &self.log);
        self.terminal.err_raw(&text);
    }

    /// Takes the panel away, prints the report of what was driven and gives it back.
    pub(super) fn finish(mut self, ending: Ending) -> Report {
        self.keyboard = None;
        if let Some(folder) = self.report.typed.run_folder.clone() {
            keep_artifacts(&mut self.report, &folder);
        }
        if self.report.outcome.is_none() {
            self.report.loses_its_engine();
        }
        let text = self.painter.clear(self.terminal.size(), &self.log);
        self.terminal.err_raw(&text);
        if ending == Ending::Driven && self.mode != Mode::Json {
            let report = report::end::text(&self.report, self.terminal.out_look);
            self.terminal.out(&report);
        }
        self.report
    }
}
