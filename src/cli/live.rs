//! A run while it is live: the panel, plain lines, events as JSON lines, or nothing.

use crate::amount::{Millis, WallTime};
use crate::cli::args::Ui;
use crate::cli::painter::Painter;
use crate::cli::terminal::{Stream, Terminal};
use crate::driver::launch::Shown;
use crate::kernel::event::Event;
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
}

impl<'a> Live<'a> {
    /// Begins to show a run; `report` and `seq` are what earlier engines left of it.
    pub(super) fn new(terminal: &'a mut Terminal, ui: Ui, report: Report, seq: u64) -> Self {
        let mode = match (ui, terminal.err_stream) {
            (Ui::Auto | Ui::Panel, Stream::Terminal) => Mode::Panel,
            (Ui::Auto | Ui::Panel, Stream::Plain) | (Ui::Plain, _) => Mode::Plain,
            (Ui::Json, _) => Mode::Json,
            (Ui::None, _) => Mode::Nothing,
        };
        let (painter, painted, said) = (Painter::default(), WallTime::default(), WallTime::default());
        Self { terminal, mode, painter, painted, log: Vec::new(), report, seq, said }
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
                self.paint(last);
            }
            Shown::Tick(now) => self.tick(now),
        }
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
            let rows = panel::frame(&self.report, now, size.columns, self.terminal.err_look);
            let text = self.painter.paint(size, &std::mem::take(&mut self.log), &rows);
            self.terminal.err_raw(&text);
        }
    }

    /// Takes the panel away, prints the report of what was driven and gives it back.
    pub(super) fn finish(mut self, ending: Ending) -> Report {
        let text = self.painter.clear(self.terminal.size(), &self.log);
        self.terminal.err_raw(&text);
        if ending == Ending::Driven && self.mode != Mode::Json {
            let report = report::end::text(&self.report, self.terminal.out_look);
            self.terminal.out(&report);
        }
        self.report
    }
}
