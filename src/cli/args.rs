//! What can be typed: flags of every command, and the arguments of those that run something.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Span, SpanRelativeTo};

use crate::amount::{Ceiling, Millis, Tokens, Usd};
use crate::cli::terminal::ColorChoice;
use crate::mission::field::size;

/// Flags that every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Globals {
    /// Work as if started in this directory.
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR", help_heading = "Everywhere")]
    pub directory: Option<PathBuf>,
    /// Print less: no progress, only results and errors.
    #[arg(short, long, global = true, help_heading = "Everywhere", conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more; twice: still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    pub verbose: u8,
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Everywhere")]
    pub color: ColorChoice,
    /// Print nothing of our own beyond ASCII.
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub ascii: bool,
}

/// How a run is shown while it is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Ui {
    /// A panel on a terminal, else plain lines.
    #[default]
    Auto,
    /// The panel.
    Panel,
    /// One line a change.
    Plain,
    /// Events as JSON lines on stdout.
    Json,
    /// Nothing but the report at the end.
    None,
}

/// Values of a mission's inputs.
#[derive(Debug, Clone, Default, Args)]
pub struct Inputs {
    /// Gives an input of the mission a value; what is no text is written as JSON.
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = name_value)]
    pub inputs: Vec<(String, String)>,
}

/// `ai-sdlc mission run`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are on or off")]
pub struct MissionRun {
    /// The mission: its name under `missions/`, or the path of its file.
    #[arg(value_name = "MISSION", required_unless_present = "plan")]
    pub mission: Option<String>,
    /// Values of its inputs; with `--task` or `--from` also `tasks.<id>.outputs=@FILE`, what a task before them handed over.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Run exactly this plan, which `mission plan --out` wrote.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mission", "max", "agent", "budget_usd", "scenario"])]
    pub plan: Option<PathBuf>,
    /// Run this task and no other; what those before it handed over is taken from the latest run. Can be given several times.
    #[arg(long, value_name = "TASK")]
    pub task: Vec<String>,
    /// Run this task and all that comes after it.
    #[arg(long, value_name = "TASK")]
    pub from: Option<String>,
    /// Tasks at once, at most.
    #[arg(short = 'c', long = "concurrent", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max: Option<u32>,
    /// The agent of all tasks that do not name one themselves.
    #[arg(long, value_name = "AGENT")]
    pub agent: Option<String>,
    /// What the run may cost at most, in US dollars.
    #[arg(long, value_name = "X", value_parser = usd)]
    pub budget_usd: Option<Usd>,
    /// Begin without asking.
    #[arg(short, long)]
    pub yes: bool,
    /// Show the plan and stop there.
    #[arg(long)]
    pub dry_run: bool,
    /// What the rehearsal agent plays.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// How the run is shown.
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub ui: Ui,
    /// Go on in the background once it is confirmed; `run watch` shows it.
    #[arg(long, conflicts_with = "dry_run")]
    pub detach: bool,
    /// Write the report as JUnit XML to this file too.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Run even inside of another run.
    #[arg(long)]
    pub nested: bool,
    /// Go on beside another run that delivers to the same branch or works in the same directory; asks first.
    #[arg(long)]
    pub force: bool,
}

/// `ai-sdlc mission rehearse`.
#[derive(Debug, Clone, Args)]
pub struct MissionRehearse {
    /// The mission: its name under `missions/`, or the path of its file.
    #[arg(value_name = "MISSION")]
    pub mission: String,
    /// Values of its inputs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// What the rehearsal agent plays. Without one, it plays by default and no check is run.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// How the run is shown.
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub ui: Ui,
}

/// `ai-sdlc run resume`.
#[derive(Debug, Clone, Args)]
pub struct RunResume {
    /// The run: its id, the beginning of it, `@` (the latest) or `@-` (the one before).
    #[arg(value_name = "RUN", default_value = "@")]
    pub run: String,
    /// How it goes on.
    #[command(flatten)]
    pub onward: Onwards,
}

/// `ai-sdlc run retry`.
#[derive(Debug, Clone, Args)]
pub struct RunRetry {
    /// The run, or a task of the latest one.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The task that failed; what it blocks is freed.
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// How it goes on, where no engine drives it.
    #[command(flatten)]
    pub onward: Onwards,
}

/// `ai-sdlc run handoff`.
#[derive(Debug, Clone, Args)]
pub struct RunHandoff {
    /// The run, or a task of the latest one.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The task that a next session is to go on with.
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// The role that goes on with it, by the agent and the model that the run's plan has for that; left out: the same.
    #[arg(long, value_name = "ROLE")]
    pub to: Option<String>,
}

/// How a run goes on.
#[derive(Debug, Clone, Default, Args)]
pub struct Onwards {
    /// What the run may cost at most in all, in US dollars.
    #[arg(long, value_name = "X", value_parser = usd)]
    pub budget_usd: Option<Usd>,
    /// How many tokens it may use at most in all.
    #[arg(long, value_name = "N")]
    pub budget_tokens: Option<u64>,
    /// How long it may be live at most in all, such as 4h.
    #[arg(long, value_name = "D", value_parser = duration)]
    pub budget_time: Option<Millis>,
    /// How the run is shown.
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub ui: Ui,
    /// Go on in the background; `run watch` shows it.
    #[arg(long)]
    pub detach: bool,
}

impl Onwards {
    /// The ceiling, where parts of it are raised.
    pub fn ceiling(&self) -> Option<Ceiling> {
        let raised = Ceiling { usd: self.budget_usd, tokens: self.budget_tokens.map(Tokens), time: self.budget_time };
        Some(raised).filter(|ceiling| !ceiling.is_none())
    }
}

/// `ai-sdlc run abort`.
#[derive(Debug, Clone, Args)]
pub struct RunAbort {
    /// The run, or a task of the latest one.
    #[arg(value_name = "RUN", default_value = "@")]
    pub run: String,
    /// Stop this task alone; the run goes on.
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Remove the run's worktrees too, once it has stopped; unsaved work is salvaged first.
    #[arg(long, conflicts_with = "task")]
    pub cleanup: bool,
    /// Stop at once, without asking sessions first.
    #[arg(long)]
    pub now: bool,
}

/// `ai-sdlc run watch`.
#[derive(Debug, Clone, Args)]
pub struct RunWatch {
    /// The run: its id, the beginning of it, `@` (the latest) or `@-` (the one before).
    #[arg(value_name = "RUN", default_value = "@")]
    pub run: String,
    /// How the run is shown.
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub ui: Ui,
    /// End with the exit code of the run.
    #[arg(long)]
    pub exit_status: bool,
}

/// `ai-sdlc run approve` and `ai-sdlc run reject`.
#[derive(Debug, Clone, Args)]
pub struct RunAnswer {
    /// The run, or a gate of the latest one.
    #[arg(value_name = "RUN", default_value = "@")]
    pub run: String,
    /// The gate; may be left out where only one is open.
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// What is said with it; a rejection needs it: it goes back with the work.
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
}

/// Which run: `R`.
#[derive(Debug, Clone, Args)]
pub struct WhichRun {
    /// The run: its id, the beginning of it, `@` (the latest) or `@-` (the one before).
    #[arg(value_name = "RUN", default_value = "@")]
    pub run: String,
}

fn name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it like name=value".to_owned()),
    }
}

pub(super) fn usd(text: &str) -> Result<Usd, String> {
    let dollars: f64 = text.trim_start_matches('$').parse().map_err(|_| "write it like 20 or 0.50".to_owned())?;
    Usd::from_dollars(dollars).ok_or_else(|| "write it like 20 or 0.50".to_owned())
}

/// A length of time: a day is 24 hours.
pub(super) fn duration(text: &str) -> Result<Millis, String> {
    let length: SignedDuration = if let Ok(length) = text.parse() {
        length
    } else {
        let span: Span = text.parse().map_err(|_| "write it like 45s, 1h30m or 14d".to_owned())?;
        span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| "it has no fixed length".to_owned())?
    };
    u64::try_from(length.as_millis()).map(Millis).map_err(|_| "it cannot be negative".to_owned())
}

/// Bytes: `5GB`, `500 MiB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    size::parse(text).map_err(|why| format!("{why}: {}", size::HINT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(usd("20"), Ok(Usd(20_000_000)));
        assert_eq!(usd("$0.50"), Ok(Usd(500_000)));
        assert!(usd("-1").is_err() && usd("NaN").is_err() && usd("much").is_err());
        assert_eq!(duration("1h30m"), Ok(Millis::from_mins(90)));
        assert!(duration("-1h").is_err() && duration("4").is_err());
        assert_eq!(name_value("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(name_value("=c").is_err() && name_value("a").is_err());
    }
}
