//! Why a command could not do what was asked, in four parts: what, where, why, what to do; and a code.

use crate::cli::exit::Exit;
use crate::report::{Look, safe};

/// Why a command could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the program ends.
    pub exit: Exit,
    /// Stable, with an entry in the error index: `cli::unknown-mission`.
    pub code: &'static str,
    /// What is wrong, one sentence without a period.
    pub what: String,
    /// Where: a file, a folder, a task.
    pub place: Option<String>,
    /// The chain of causes, nearest first.
    pub causes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Failure {
    /// Without place, causes and help.
    pub fn new(exit: Exit, code: &'static str, what: impl Into<String>) -> Self {
        Self { exit, code, what: what.into(), place: None, causes: Vec::new(), help: None }
    }

    /// Where it is.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Why it is: an error and all that is behind it.
    #[must_use]
    pub fn because(mut self, error: &dyn std::error::Error) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            cause = error.source();
        }
        self
    }

    /// Why it is, in words.
    #[must_use]
    pub fn because_of(mut self, causes: impl IntoIterator<Item = String>) -> Self {
        self.causes.extend(causes);
        self
    }

    /// What to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As a person is told it.
    pub fn text(&self, look: Look) -> String {
        let (bold, red, end) = if look.color { ("\u{1b}[1m", "\u{1b}[31m", "\u{1b}[0m") } else { ("", "", "") };
        let mut rows = vec![format!("{red}error[{}]{end}: {bold}{}{end}", self.code, safe(&self.what))];
        rows.extend(self.place.iter().map(|place| format!("  where: {}", safe(place))));
        for cause in &self.causes {
            let mut lines = cause.lines().map(safe);
            rows.extend(lines.next().map(|first| format!("  why: {first}")));
            rows.extend(lines.map(|line| format!("       {line}")));
        }
        rows.extend(self.help.iter().map(|help| format!("  help: {}", safe(help))));
        rows.push(String::new());
        rows.join("\n")
    }
}
