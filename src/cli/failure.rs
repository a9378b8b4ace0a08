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

    /// What to do; a line for each way.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Several at once, as one: each is told with what to do. `None` where there is none.
    pub fn together(mut all: Vec<Self>, code: &'static str, what: impl FnOnce(usize) -> String) -> Option<Self> {
        // Of several exit codes the first of this order holds.
        let first = all.iter().map(|one| one.exit).min_by_key(|exit| match exit {
            Exit::Internal => 0,
            Exit::Environment => 1,
            Exit::Usage => 2,
            Exit::Locked => 3,
            Exit::Success
            | Exit::Failed
            | Exit::Waiting
            | Exit::OutOfBudget
            | Exit::Conflict
            | Exit::HungUp
            | Exit::Interrupted
            | Exit::Terminated => 4,
        })?;
        if all.len() == 1 {
            return all.pop();
        }
        let causes = all.iter().map(|one| {
            let place = one.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
            let help = one.help.iter().map(|help| format!("help: {help}"));
            let rest: Vec<String> = one.causes.iter().cloned().chain(help).collect();
            format!("{}{place}\n{}", one.what, rest.join("\n"))
        });
        Some(Self::new(first, code, what(all.len())).because_of(causes))
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
        if let Some(help) = &self.help {
            let mut lines = help.lines().map(safe);
            rows.extend(lines.next().map(|first| format!("  help: {first}")));
            rows.extend(lines.map(|line| format!("        {line}")));
        }
        rows.push(String::new());
        rows.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_are_told_as_one_each_with_what_to_do() {
        let together = |all| Failure::together(all, "cli::preflight", |count| format!("{count} things"));
        assert_eq!(together(Vec::new()), None);
        let locked = Failure::new(Exit::Locked, "journal::locked", "it is held").help("wait\nor stop it");
        assert_eq!(together(vec![locked.clone()]), Some(locked.clone()));
        let why = ["no room".to_owned()];
        let full = Failure::new(Exit::Environment, "cli::disk-full", "it is full").at("/disk").because_of(why);
        let both = together(vec![locked, full]).unwrap();
        assert_eq!(both.exit, Exit::Environment, "the environment comes before a lock");
        let told = "error[cli::preflight]: 2 things\n  why: it is held\n       help: wait\n       or stop it\n  why: it is full (/disk)\n       no room\n";
        assert_eq!(both.text(Look::default()), told);
    }
}
