//! The only place that prints, and that knows whether it is to a terminal.
//!
//! stdout is the result; progress, prompts and diagnostics go to stderr. Once the reader of a stream has gone
//! (`| head`), what would be printed there is dropped without a word.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use clap::ValueEnum;
use jiff::tz::TimeZone;
use rustix::termios::tcgetwinsize;

use crate::cli::environment::Environment;
use crate::report::Look;

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal that can, unless the environment says otherwise.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Never.
    Never,
}

/// Whether a stream is a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// It is: it may be repainted.
    Terminal,
    /// It is a file, a pipe, or a terminal that can do nothing (`TERM=dumb`).
    Plain,
}

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

/// What takes output and gives answers.
#[derive(Debug, Clone)]
pub struct Terminal {
    /// How stdout is to look.
    pub out_look: Look,
    /// How stderr is to look.
    pub err_look: Look,
    /// Whether stdout is a terminal.
    pub out_stream: Stream,
    /// Whether stderr is a terminal.
    pub err_stream: Stream,
    /// Whether a person can answer: stdin and stderr are both terminals.
    pub answers: Answers,
    /// `COLUMNS`, which wins over what the terminal says.
    columns: Option<usize>,
    /// The zone in which the person's clock runs.
    zone: TimeZone,
    out_closed: bool,
    err_closed: bool,
    /// Why stdout could not be written, where it was not that its reader had gone.
    out_trouble: Option<String>,
}

/// Whether a person can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Yes.
    Possible,
    /// Nobody is there to ask.
    Impossible,
}

impl Terminal {
    /// Looks at the three streams and at what the environment and the flags want.
    pub fn new(environment: &Environment, color: ColorChoice, ascii: bool) -> Self {
        let dumb = environment.text("TERM") == Some("dumb");
        let stream = |is_terminal: bool| if is_terminal && !dumb { Stream::Terminal } else { Stream::Plain };
        let (out_stream, err_stream) = (stream(io::stdout().is_terminal()), stream(io::stderr().is_terminal()));
        let answers = if io::stdin().is_terminal() && io::stderr().is_terminal() {
            Answers::Possible
        } else {
            Answers::Impossible
        };
        let look = |stream| Look { color: wants_color(environment, color, stream), ascii };
        Self {
            out_look: look(out_stream),
            err_look: look(err_stream),
            out_stream,
            err_stream,
            answers,
            columns: environment.text("COLUMNS").and_then(|text| text.parse().ok()).filter(|columns| *columns > 0),
            zone: zone(environment),
            out_closed: false,
            err_closed: false,
            out_trouble: None,
        }
    }

    /// The present size of the terminal; 80 × 24 where there is none.
    pub fn size(&self) -> Size {
        let told = tcgetwinsize(io::stderr()).or_else(|_| tcgetwinsize(io::stdout())).ok();
        let columns = told.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
        let rows = told.map(|size| usize::from(size.ws_row)).filter(|rows| *rows > 0);
        Size { columns: self.columns.or(columns).unwrap_or(80), rows: rows.unwrap_or(24) }
    }

    /// The zone in which the person's clock runs.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Prints a part of the result. A missing line break at the end is added.
    pub fn out(&mut self, text: &str) {
        if !self.out_closed {
            let mut stdout = io::stdout().lock();
            let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            let written = write!(stdout, "{text}{newline}").and_then(|()| stdout.flush());
            drop(stdout);
            self.wrote(written);
        }
    }

    /// Writes bytes to stdout as they are.
    pub fn out_raw(&mut self, bytes: &[u8]) {
        if !self.out_closed {
            let mut stdout = io::stdout().lock();
            let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
            drop(stdout);
            self.wrote(written);
        }
    }

    fn wrote(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.out_closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.out_trouble = Some(error.to_string());
            }
        }
    }

    /// Why the result could not be printed. That its reader has gone is no trouble.
    pub fn out_trouble(&self) -> Option<&str> {
        self.out_trouble.as_deref()
    }

    /// Columns for a table on stdout: a file or a pipe takes lines of any length, unless `COLUMNS` says otherwise.
    pub fn table_columns(&self) -> usize {
        match self.out_stream {
            Stream::Terminal => self.size().columns,
            Stream::Plain => self.columns.unwrap_or(usize::MAX),
        }
    }

    /// Prints progress or a diagnostic. A missing line break at the end is added.
    pub fn err(&mut self, text: &str) {
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        self.err_raw(&format!("{text}{newline}"));
    }

    /// Writes to stderr as it is, in one piece: what the painter made.
    pub fn err_raw(&mut self, text: &str) {
        if !self.err_closed {
            let mut stderr = io::stderr().lock();
            self.err_closed = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()).is_err();
        }
    }

    /// Whether nobody reads stdout any more.
    pub fn is_closed(&self) -> bool {
        self.out_closed
    }

    /// Reads one line that the person types; `None` when they end the input.
    pub(super) fn read_line() -> Option<String> {
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line),
        }
    }
}

/// The order of what decides: the flag, `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR=0`, the stream.
fn wants_color(environment: &Environment, choice: ColorChoice, stream: Stream) -> bool {
    let forced = environment.text("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if environment.get("NO_COLOR").is_some() => false,
        ColorChoice::Auto if forced => true,
        ColorChoice::Auto if environment.text("CLICOLOR") == Some("0") => false,
        ColorChoice::Auto => stream == Stream::Terminal,
    }
}

fn zone(environment: &Environment) -> TimeZone {
    match environment.text("TZ") {
        None => TimeZone::try_system().unwrap_or(TimeZone::UTC),
        Some(name) if Path::new(name).is_absolute() => TimeZone::try_system().unwrap_or(TimeZone::UTC),
        Some(name) => TimeZone::get(name).or_else(|_| TimeZone::posix(name)).unwrap_or(TimeZone::UTC),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    type Row = (&'static [(&'static str, &'static str)], ColorChoice, Stream, bool);

    #[test]
    fn colour_is_decided_in_one_order() {
        let env = |pairs: &[(&str, &str)]| Environment {
            all: pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect(),
            ..Environment::default()
        };
        let table: &[Row] = &[
            (&[], ColorChoice::Auto, Stream::Terminal, true),
            (&[], ColorChoice::Auto, Stream::Plain, false),
            (&[("NO_COLOR", "1")], ColorChoice::Auto, Stream::Terminal, false),
            (&[("NO_COLOR", "")], ColorChoice::Auto, Stream::Terminal, true),
            (&[("NO_COLOR", "1")], ColorChoice::Always, Stream::Plain, true),
            (&[("CLICOLOR", "0")], ColorChoice::Auto, Stream::Terminal, false),
            (&[("CLICOLOR_FORCE", "1")], ColorChoice::Auto, Stream::Plain, true),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], ColorChoice::Auto, Stream::Plain, false),
            (&[("CLICOLOR_FORCE", "1")], ColorChoice::Never, Stream::Terminal, false),
        ];
        for (pairs, choice, stream, expected) in table {
            assert_eq!(wants_color(&env(pairs), *choice, *stream), *expected, "{pairs:?} {choice:?} {stream:?}");
        }
    }
}
