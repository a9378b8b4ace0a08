//! `ai-sdlc run logs [R] [T] [-f] [--failed]`: what sessions and commands printed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use walkdir::WalkDir;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::{Told, meant, wait_a_moment};
use crate::name::TaskId;
use crate::report::{End, Stage};
use crate::session::output;
use crate::session::safe::safe_text;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RunLogs {
    /// The run, or a task of the latest one.
    #[arg(value_name = "RUN", default_value = "@")]
    run: String,
    /// One task; left out: all.
    #[arg(value_name = "TASK")]
    task: Option<String>,
    /// Go on as output comes, until the run is over.
    #[arg(short, long)]
    follow: bool,
    /// Only tasks that failed.
    #[arg(long)]
    failed: bool,
    /// Print the bytes as they were kept, with escape codes and all. Do this into a file, not onto a terminal.
    #[arg(long)]
    raw: bool,
}

/// Prints the output of each session, check and command, under a line that says whose it is. It is made safe to show,
/// unless it is asked for as it was kept.
pub(super) fn run(args: &RunLogs, context: &mut Context) -> Result<Exit, Failure> {
    let (run, task) = meant(context, "logs", (&args.run, args.task.as_deref()))?;
    let mut told = Told::open(context, run)?;
    told.read(|_, _| {})?;
    let task = task.map(|task| told.task(task)).transpose()?;
    let mut shown = Shown::default();
    loop {
        let live = args.follow && told.is_live();
        told.read(|_, _| {})?;
        for folder in folders(&told, task.as_ref(), args.failed) {
            shown.print(&told.run.dir, &folder, (args.raw, context));
        }
        if !live || context.terminal.is_closed() {
            break;
        }
        wait_a_moment();
    }
    if shown.pieces.is_empty() {
        context.terminal.err("Nothing was printed.");
    }
    Ok(Exit::Success)
}

/// How many pieces of each folder were printed, and which folder's came last.
#[derive(Debug, Default)]
struct Shown {
    pieces: BTreeMap<PathBuf, usize>,
    last: Option<PathBuf>,
}

impl Shown {
    fn print(&mut self, run: &Path, folder: &Path, how: (bool, &mut Context)) {
        let (raw, context) = how;
        // A folder that is just being made is read the next time.
        let Ok(pieces) = output::read(folder) else { return };
        let count = self.pieces.entry(folder.to_owned()).or_default();
        let new = pieces.get(*count..).unwrap_or_default();
        *count = pieces.len();
        if new.is_empty() || context.terminal.is_closed() {
            return;
        }
        if self.last.as_deref() != Some(folder) {
            let whose = folder.strip_prefix(run).unwrap_or(folder).display();
            context.terminal.out(&format!("== {whose}"));
            self.last = Some(folder.to_owned());
        }
        // Together, as a character or an escape sequence may begin in one piece and end in the next.
        let bytes: Vec<u8> = new.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
        if raw {
            context.terminal.out_raw(&bytes);
        } else {
            context.terminal.out(&safe_text(&bytes));
        }
    }
}

/// The folders that hold output, `<task>/<attempt>/<n>-…`, in the order of the plan, then of time.
fn folders(told: &Told, task: Option<&TaskId>, failed: bool) -> Vec<PathBuf> {
    let is_failed = |stage: &Stage| matches!(stage, Stage::Ended(End::Failed { .. } | End::Conflict { .. }));
    let tasks = told
        .report
        .tasks
        .iter()
        .filter(|(id, of)| task.is_none_or(|task| is_of(id, task)) && (!failed || is_failed(&of.stage)));
    let mut all = Vec::new();
    for (id, _) in tasks {
        let mut of_task: Vec<(Vec<u64>, bool, PathBuf)> = WalkDir::new(told.run.dir.join(id.path_name()))
            .min_depth(3)
            .max_depth(3)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name() == output::OUTPUT)
            .filter_map(|entry| Some(entry.path().parent()?.to_owned()))
            .map(|folder| (numbers(&folder), is_check(&folder), folder))
            .collect();
        of_task.sort();
        all.extend(of_task.into_iter().map(|(_, _, folder)| folder));
    }
    all
}

/// Whether it is this task or a part of it: an instance, a task of the mission that it stands for.
fn is_of(id: &TaskId, task: &TaskId) -> bool {
    let rest = id.as_str().strip_prefix(task.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '/']))
}

/// Whether it holds what a check printed: that comes after the work it looks at.
fn is_check(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().contains("-check"))
}

/// Attempt and number of a folder `<attempt>/<n>-work`, to sort 10 behind 9.
fn numbers(folder: &Path) -> Vec<u64> {
    let number = |part: &std::ffi::OsStr| {
        part.to_string_lossy().chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
    };
    let mut numbers: Vec<u64> = folder.iter().rev().take(2).map(number).collect();
    numbers.reverse();
    numbers
}
