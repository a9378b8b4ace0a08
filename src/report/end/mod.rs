//! The report at the end: what became of each task, the last lines of what failed, and the next commands to type.

mod json;
mod junit;
mod markdown;
mod next;
mod schema;
mod skills;
mod used;

pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use next::{Next, next};
pub use schema::report_schema;
pub use skills::skills;
pub use used::used;

use crate::amount::Basis;
use crate::kernel::event::{CacheFound, RunOutcome};
use crate::kernel::fact::Delivered;
use crate::name::TaskId;
use crate::report::judged::GateAnswered;
use crate::report::line::Tone;
use crate::report::look::{Look, Paint, one_line, pad, plural, safe, safe_lines, width};
use crate::report::task::{End, Stage, TaskReport, Worker, brief, few, message};
use crate::report::words::{cancel_words, outcome_words, sandbox_words};
use crate::report::{Delivery, Engine, Report};

/// How many of the last lines of what failed are shown.
const TAIL_LINES: usize = 12;

/// Columns that a command may take in a list of commands.
const COMMAND_COLUMNS: usize = 100;

/// What the first line of everything says of a rehearsal.
pub const REHEARSAL: &str =
    "This was a rehearsal in a scratch clone: no model was asked, and nothing of yours was touched.";

/// The final report for people.
pub fn text(report: &Report, look: Look) -> String {
    let mut out: Vec<String> = Vec::new();
    if report.is_rehearsal() {
        out.push(look.paint(Paint::Bold, REHEARSAL));
    }
    out.push(headline(report));
    out.push(String::new());
    out.extend(task_rows(report, look));
    section(&mut out, failures(report, look));
    section(&mut out, conflicts(report));
    section(&mut out, foreseen(report));
    section(&mut out, questions(report));
    section(&mut out, kept_rows(report));
    section(&mut out, artifact_rows(report));
    section(&mut out, programs(report).into_iter().collect());
    section(&mut out, delivery(report));
    section(&mut out, not_run(report, look));
    section(&mut out, report.agents_in_the_end());
    section(&mut out, notes(report));
    section(&mut out, next_rows(report, look));
    let mut text = out.join("\n");
    text.push('\n');
    text
}

fn section(out: &mut Vec<String>, rows: Vec<String>) {
    if !rows.is_empty() {
        out.push(String::new());
        out.extend(rows);
    }
}

/// `Mission web-app, run bcdfghjk: succeeded after 12m04s, $4.12 of $20.00, 1.2M tokens.`
pub(crate) fn headline(report: &Report) -> String {
    let run = report.run.as_ref().map(ToString::to_string).unwrap_or_default();
    let how = match report.outcome {
        None if report.engine == Engine::Gone => "interrupted",
        None => "not over",
        Some(outcome) => outcome_words(outcome),
    };
    let paused = match (&report.pausing, report.outcome) {
        (Some(by), Some(RunOutcome::Paused)) => format!(" by {by}"),
        (Some(by), None) => format!(", pausing for {by}"),
        (Some(_), Some(_)) | (None, _) => String::new(),
    };
    let cost = match report.spent.basis() {
        Basis::Unknown => "cost unknown".to_owned(),
        Basis::Reported | Basis::Computed | Basis::PartlyUnknown => {
            let budget = report.budget.usd.map(|usd| format!(" of {usd}")).unwrap_or_default();
            format!("{}{budget}", report.spent)
        }
    };
    let tokens = match report.spent.tokens.billed() {
        none if none.0 == 0 => String::new(),
        some => format!(", {some} tokens"),
    };
    let resumed = match report.resumed {
        0 => String::new(),
        times => format!(", resumed {}", plural(usize::try_from(times).unwrap_or(usize::MAX), "time")),
    };
    let time = report.live_so_far();
    let mission = safe(&report.mission);
    format!("Mission {mission}, run {run}: {how}{paused} after {time}, {cost}{tokens}{resumed}.")
}

/// Its mark.
pub(crate) fn tone(report: &Report, task: &TaskReport) -> Tone {
    if report.stopped(task) {
        return Tone::Careful;
    }
    match &task.stage {
        Stage::Ended(End::Succeeded { .. }) => Tone::Good,
        Stage::Ended(End::Failed { .. } | End::Conflict { .. }) => Tone::Bad,
        Stage::Waiting | Stage::Ready | Stage::Ended(_) => Tone::Idle,
        Stage::Preparing
        | Stage::Working
        | Stage::Checking { .. }
        | Stage::Between
        | Stage::BackingOff { .. }
        | Stage::Limited { .. }
        | Stage::Queued
        | Stage::Merging => Tone::Busy,
        Stage::Asking => Tone::Careful,
    }
}

/// What became of a task, in a few words: merged as which commit, or why not.
pub(crate) fn became(report: &Report, task: &TaskReport) -> String {
    if report.stopped(task) {
        return "stopped before it was done".to_owned();
    }
    match &task.stage {
        Stage::Ended(End::Succeeded { .. }) if matches!(task.worker, Worker::Parts) => report.parts_words(task),
        Stage::Ended(End::Succeeded { .. }) if task.gate.is_some() => {
            task.gate.as_ref().and_then(|gate| gate.answer.as_ref()).map_or_else(String::new, GateAnswered::words)
        }
        Stage::Ended(End::Succeeded { merged }) if matches!(task.cache, Some(CacheFound::Hit { .. })) => {
            let merged = merged.as_ref().map(|commit| format!(", merged as {}", commit.short())).unwrap_or_default();
            format!("{}{merged}", task.cache.as_ref().map(cache_words).unwrap_or_default())
        }
        Stage::Ended(End::Succeeded { merged: Some(commit) }) => format!("merged as {}", commit.short()),
        Stage::Ended(End::Succeeded { merged: None }) if task.files > 0 => match &task.goes_on {
            Some(next) => format!("done, {next} goes on with it"),
            None => "done, not merged".to_owned(),
        },
        Stage::Ended(End::Succeeded { merged: None }) => "done, nothing to merge".to_owned(),
        Stage::Ended(End::Failed { failure }) => format!("failed: {}{}", message(failure), excuse(report, task)),
        Stage::Ended(End::Skipped { because: Some(because) }) => format!("skipped, because {because} was"),
        Stage::Ended(End::Skipped { because: None }) => "skipped, its `when` is false".to_owned(),
        Stage::Ended(End::Blocked { by }) => format!("blocked by {by}"),
        Stage::Ended(End::Cancelled { why, by }) => cancel_words(*why, by.as_deref()) + excuse(report, task),
        Stage::Ended(End::Conflict { files, .. }) => format!("conflict in {}{}", few(files), excuse(report, task)),
        Stage::Waiting => not_begun(task),
        Stage::Ready if report.outcome.is_some() => not_begun(task),
        Stage::Working if !task.counts() => report.parts_words(task),
        Stage::Asking => match task.gate.as_ref().and_then(|gate| gate.answer.as_ref()) {
            Some(given) => format!("{}; the run has yet to go on", given.words()),
            None => task.doing_words(),
        },
        Stage::Ready
        | Stage::Preparing
        | Stage::Working
        | Stage::Checking { .. }
        | Stage::Between
        | Stage::BackingOff { .. }
        | Stage::Limited { .. }
        | Stage::Queued
        | Stage::Merging => task.doing_words(),
    }
}

/// What a failure means that does not count.
fn excuse(report: &Report, task: &TaskReport) -> &'static str {
    if report.is_excused(task) { "; optional: it does not count" } else { "" }
}

/// What was sent back, or is tried again, has begun before.
fn not_begun(task: &TaskReport) -> String {
    let again = task.attempt.is_some() || task.gate.is_some();
    if again { "to be done again".to_owned() } else { "not begun".to_owned() }
}

/// What came of looking for earlier work, in a few words.
pub fn cache_words(found: &CacheFound) -> String {
    match found {
        CacheFound::Hit { run, task } => format!("cached, as {task} of run {run} made it"),
        CacheFound::Miss { why } => format!("not cached: {why}"),
    }
}

/// One row a task: mark, name, time, cost, lines, what became of it.
pub(crate) fn task_rows(report: &Report, look: Look) -> Vec<String> {
    let listed = report.listed();
    let rows: Vec<[String; 5]> = listed.iter().map(|row| cells(report, *row, look)).collect();
    let columns: Vec<usize> = (0..4)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0))
        .collect();
    rows.iter()
        .zip(&listed)
        .map(|(row, (_, task, _))| {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(column, cell)| (cell, columns.get(column).copied().unwrap_or(usize::MAX)))
                .filter(|(_, columns)| *columns > 0)
                .map(|(cell, columns)| if columns == usize::MAX { cell.clone() } else { pad(cell, columns) })
                .collect();
            format!("{} {}", tone(report, task).painted(look), cells.join("  ").trim_end())
        })
        .collect()
}

fn cells(report: &Report, row: (&TaskId, &TaskReport, usize), look: Look) -> [String; 5] {
    let (id, task, depth) = row;
    let began = task.attempt.is_some();
    let again = match task.attempt {
        Some(attempt) if attempt.get() > 1 => format!(" (attempt {attempt})"),
        Some(_) if task.round.get() > 1 => format!(" (round {})", task.round),
        Some(_) | None => String::new(),
    };
    [
        format!("{}{id}", "  ".repeat(depth)),
        if began { task.worked(report.last()).to_string() } else { String::new() },
        if began { task.spent.to_string() } else { String::new() },
        if task.files > 0 { look.lines(task.added, task.removed) } else { String::new() },
        safe(&format!("{}{again}", became(report, task))),
    ]
}

/// What waits for an answer, and what it is about.
fn questions(report: &Report) -> Vec<String> {
    let mut rows = Vec::new();
    for (id, task, gate) in report.open_gates() {
        rows.push(format!("{id} waits for an answer: {}", safe(&gate.question)));
        rows.extend(report.about(task).into_iter().map(|about| format!("  {about}")));
    }
    rows
}

/// Artifacts, each as a path that can be opened.
pub(crate) fn artifacts(report: &Report) -> Vec<(&TaskId, String, u64)> {
    let whole = |path: &str| match &report.typed.run_folder {
        Some(folder) => folder.join(path).display().to_string(),
        None => path.to_owned(),
    };
    let of = |id, task: &TaskReport| -> Vec<(&TaskId, String, u64)> {
        task.artifacts.iter().map(|artifact| (id, whole(&artifact.path), artifact.bytes)).collect()
    };
    report.tasks.iter().flat_map(|(id, task)| of(id, task)).collect()
}

/// Which programs worked, in one line.
pub(crate) fn programs(report: &Report) -> Option<String> {
    let named: Vec<String> =
        report.programs().iter().map(|(agent, version)| format!("{agent} {}", safe(version))).collect();
    (!named.is_empty()).then(|| format!("Agents: {}", named.join(", ")))
}

fn artifact_rows(report: &Report) -> Vec<String> {
    const SHOWN: usize = 20;
    let all = artifacts(report);
    if all.is_empty() {
        return Vec::new();
    }
    let mut rows = vec!["Artifacts:".to_owned()];
    rows.extend(all.iter().take(SHOWN).map(|(id, path, bytes)| format!("  {id}: {} ({bytes} bytes)", safe(path))));
    rows.extend(all.len().checked_sub(SHOWN).filter(|more| *more > 0).map(|more| format!("  and {more} more")));
    rows
}

/// The last lines of what failed.
fn failures(report: &Report, look: Look) -> Vec<String> {
    let mut rows = Vec::new();
    let bar = look.or("│", "|");
    let mut show = |title: String, tail: &str| {
        let lines = safe_lines(tail, TAIL_LINES);
        if !lines.is_empty() {
            rows.push(look.paint(Paint::Bold, &safe(&title)));
            rows.extend(lines.into_iter().map(|line| format!("  {bar} {line}")));
        }
    };
    for (id, task) in &report.tasks {
        if let Stage::Ended(End::Failed { failure }) = &task.stage {
            let problems = task.problems.join("\n");
            let tail = if task.tail.trim().is_empty() { &problems } else { &task.tail };
            show(format!("{id}: {}", message(failure)), tail);
        }
    }
    if let (Some((command, tail)), false) = (&report.merge_check_failed, succeeded(report)) {
        show(format!("merge check `{}`:", brief(command)), tail);
    }
    if let Some(why) = &report.fault {
        rows.push(format!("The engine could not go on: {}", safe(why)));
    }
    rows
}

fn succeeded(report: &Report) -> bool {
    report.outcome == Some(RunOutcome::Succeeded)
}

/// What does not merge as things are, while there is something to do about it.
fn foreseen(report: &Report) -> Vec<String> {
    let rows = report.collision_rows();
    if rows.is_empty() {
        return Vec::new();
    }
    let head = "Collisions foreseen:".to_owned();
    std::iter::once(head).chain(rows.into_iter().map(|row| format!("  {row}"))).collect()
}

/// Files in conflict, branches and worktrees that hold the work.
fn conflicts(report: &Report) -> Vec<String> {
    let mut rows = Vec::new();
    for (id, task) in &report.tasks {
        if let Stage::Ended(End::Conflict { files, branch }) = &task.stage {
            rows.push(format!("{id} conflicts with what was merged before it, in:"));
            rows.extend(files.iter().map(|file| format!("  {}", safe(file))));
            rows.extend(branch.iter().map(|branch| format!("  its work is on the branch {}", safe(branch))));
            rows.extend(task.kept.iter().map(|path| format!("  and in the worktree {}", safe(path))));
        }
    }
    rows
}

/// Where the work lies of tasks that failed or were stopped: the worktree, and the branch once something is on it.
pub(crate) fn kept(report: &Report) -> Vec<(&TaskId, String)> {
    let lost = |task: &TaskReport| {
        report.stopped(task) || matches!(task.stage, Stage::Ended(End::Failed { .. } | End::Cancelled { .. }))
    };
    report
        .tasks
        .iter()
        .filter(|(_, task)| lost(task))
        .filter_map(|(id, task)| {
            let worktree = task.kept.as_ref().map(|path| format!("worktree {path}"));
            let branch = task.branch.as_ref().filter(|_| task.commit.is_some());
            let branch = branch.map(|branch| format!("branch {branch}"));
            let places: Vec<String> = worktree.into_iter().chain(branch).collect();
            (!places.is_empty()).then(|| (id, places.join(", ")))
        })
        .collect()
}

fn kept_rows(report: &Report) -> Vec<String> {
    let kept = kept(report);
    if kept.is_empty() {
        return Vec::new();
    }
    let columns = kept.iter().map(|(id, _)| width(id.as_str())).max().unwrap_or(0);
    let mut rows = vec!["What these tasks did is kept:".to_owned()];
    rows.extend(kept.iter().map(|(id, places)| format!("  {}  {}", pad(id.as_str(), columns), safe(places))));
    rows
}

fn delivery(report: &Report) -> Vec<String> {
    match &report.delivery {
        Some(Delivery::Made { into, commit, delivered }) => match delivered {
            Delivered::Moved => vec![format!("Delivered: {} is at {}.", safe(into), commit.short())],
            Delivered::Left { why, .. } => {
                vec![format!("Not delivered: {} was left as it was, as {}.", safe(into), safe(why))]
            }
            Delivered::Raced => vec![format!("Not delivered: {} got new commits meanwhile.", safe(into))],
        },
        Some(Delivery::Failed { into, why, files }) => {
            let mut rows = vec![format!("Not delivered: {} was left as it was: {}.", safe(into), safe(why))];
            rows.extend(files.iter().map(|file| format!("  {}", safe(file))));
            rows
        }
        None => match (report.integration_branch(), &report.into, report.merges.last()) {
            (Some(branch), None, Some((commit, _))) if !report.is_rehearsal() => {
                vec![format!("All that was merged is on the branch {branch}, at {}.", commit.short())]
            }
            _ => Vec::new(),
        },
    }
}

fn not_run(report: &Report, look: Look) -> Vec<String> {
    let commands = report.not_run();
    if commands.is_empty() {
        return Vec::new();
    }
    let mut rows = vec!["Not run in this rehearsal, as it had no scenario:".to_owned()];
    for (command, whose) in &commands {
        rows.push(format!("  {}", one_line(command, COMMAND_COLUMNS, look)));
        rows.push(look.paint(Paint::Dim, &format!("      of {}", safe(whose))));
    }
    rows
}

fn notes(report: &Report) -> Vec<String> {
    let row = |task: &Option<TaskId>, text: &str| match task {
        Some(task) => format!("Note on {task}: {}", safe(text)),
        None => format!("Note: {}", safe(text)),
    };
    let careful = report.sandbox.as_ref().and_then(|sandbox| sandbox_words(sandbox).careful);
    let careful = careful.map(|words| format!("Sandbox: {words}"));
    careful.into_iter().chain(report.notes.iter().map(|(task, text)| row(task, text))).collect()
}

fn next_rows(report: &Report, look: Look) -> Vec<String> {
    let next = next(report);
    if next.is_empty() {
        return Vec::new();
    }
    let is_short = |command: &str| width(command) <= COMMAND_COLUMNS / 2;
    let short = next.iter().map(|next| next.command.as_str()).filter(|command| is_short(command));
    let columns = short.map(width).max().unwrap_or(0);
    let mut rows = vec!["Next:".to_owned()];
    for step in &next {
        let (command, why) = (safe(&step.command), look.paint(Paint::Dim, &format!("# {}", safe(&step.why))));
        if is_short(&command) {
            rows.push(format!("  {}  {why}", pad(&command, columns)));
        } else {
            rows.extend([format!("  {why}"), format!("  {command}")]);
        }
    }
    rows
}
