//! The live panel at the foot of a terminal: rows of text made of the report, the time and the width, nothing else.

use crate::amount::{Millis, Tokens, WallTime};
use crate::name::TaskId;
use crate::report::Report;
use crate::report::line::Tone;
use crate::report::look::{Look, Paint, pad, safe, shorten, width};
use crate::report::task::{Stage, TaskReport};

/// Rows of running tasks, at most.
const RUNNING_ROWS: usize = 12;
/// Rows of waiting tasks, at most.
const WAITING_ROWS: usize = 3;

/// The rows of the panel, none wider than `columns`.
pub fn frame(report: &Report, now: WallTime, columns: usize, look: Look) -> Vec<String> {
    let columns = columns.max(10);
    let mut rows = vec![look.paint(Paint::Dim, &look.or("─", "-").repeat(columns))];
    let running: Vec<_> = report.tasks.iter().filter(|(_, task)| task.is_running() && task.counts()).collect();
    let soon: Vec<_> = report.tasks.iter().filter(|(_, task)| is_soon(task, report)).take(WAITING_ROWS).collect();
    let shown = running.iter().take(RUNNING_ROWS);
    let names = shown.clone().chain(&soon).map(|(id, _)| id.as_str().len()).max().unwrap_or(0).clamp(14, 24);
    for (id, task) in shown {
        rows.push(running_row(report, (id, task), now, &Grid { columns, names: names.min(columns / 3), look }));
    }
    if let Some(more @ 1..) = running.len().checked_sub(RUNNING_ROWS) {
        rows.push(shorten(&format!("  and {more} more running"), columns, look));
    }
    for (id, _) in soon {
        rows.push(waiting_row(id, report, &Grid { columns, names: names.min(columns / 3), look }));
    }
    for (agent, words) in report.agent_rows(now) {
        let text = format!("{agent}: {words}");
        rows.push(format!(
            "{} {}",
            Tone::Careful.painted(look),
            shorten(&safe(&text), columns.saturating_sub(2), look)
        ));
    }
    rows.push(summary(report, now, columns, look));
    rows
}

struct Grid {
    columns: usize,
    names: usize,
    look: Look,
}

/// Whether it is among the next: ready, between attempts, or all it waits for has begun.
fn is_soon(task: &TaskReport, report: &Report) -> bool {
    match task.stage {
        Stage::Ready | Stage::Asking | Stage::BackingOff { .. } | Stage::Limited { .. } => true,
        Stage::Waiting => report.unmet(task).all(|(_, need)| need.is_running()),
        Stage::Preparing
        | Stage::Working
        | Stage::Checking { .. }
        | Stage::Between
        | Stage::Queued
        | Stage::Merging
        | Stage::Ended(_) => false,
    }
}

fn running_row(report: &Report, (id, task): (&TaskId, &TaskReport), now: WallTime, grid: &Grid) -> String {
    let again = match (task.attempt, task.round) {
        (Some(attempt), _) if attempt.get() > 1 => format!("attempt {attempt}: "),
        (_, round) if round.get() > 1 && !matches!(task.stage, Stage::Between) => format!("round {round}: "),
        _ => String::new(),
    };
    let facts = format!("{:>8} {:>8}", task.worked(now).to_string(), task.spent.to_string());
    let collides = report.collides_words(id, grid.look);
    let tone = if collides.is_empty() { Tone::Busy } else { Tone::Careful };
    row(tone, id, &format!("{collides}{again}{}", task.doing_words()), &facts, grid)
}

fn waiting_row(id: &TaskId, report: &Report, grid: &Grid) -> String {
    row(Tone::Idle, id, &report.why(id), "", grid)
}

/// Mark, name, what it does, and on the right its facts. What it does gives way first, then the facts.
fn row(tone: Tone, id: &TaskId, words: &str, facts: &str, grid: &Grid) -> String {
    let Grid { columns, names, look } = *grid;
    let name = pad(&shorten(id.as_str(), names, look), names);
    let before = 2 + width(&name) + 1;
    let facts = if before + width(facts) + 8 > columns { "" } else { facts };
    let room = columns.saturating_sub(before + width(facts));
    let words = shorten(&safe(words), room, look);
    let words = if facts.is_empty() { words } else { pad(&words, room) };
    format!("{} {name} {words}{}", tone.painted(look), look.paint(Paint::Dim, facts))
}

/// `7/12 done · 2 running · 3 waiting · $4.12 of $20.00 · 12m of 4h · ~9m left`; parts that do not fit are left out
/// from the end.
fn summary(report: &Report, now: WallTime, columns: usize, look: Look) -> String {
    let counts = report.counts();
    let mut parts = vec![format!("{}/{} done", counts.done, counts.total)];
    parts.extend((counts.failed > 0).then(|| format!("{} failed", counts.failed)));
    parts.push(format!("{} running", counts.running));
    parts.extend(report.pace.as_ref().map(|pace| format!("{} at once", pace.at_once)));
    parts.extend((counts.waiting > 0).then(|| format!("{} waiting", counts.waiting)));
    parts.push(cost(report));
    let live = coarse(report.live(now));
    parts.push(report.budget.time.map_or_else(|| live.clone(), |most| format!("{live} of {}", coarse(most))));
    if report.stopping.is_some() {
        parts.push("stopping".to_owned());
    } else if report.pausing.is_some() {
        parts.push("pausing".to_owned());
    } else {
        parts.extend(report.left(now).map(|left| format!("~{} left", coarse(left))));
    }
    let mut line = String::new();
    for part in parts {
        let next = if line.is_empty() { part } else { format!("{line}{}{part}", look.dot()) };
        if width(&next) > columns && !line.is_empty() {
            break;
        }
        line = next;
    }
    shorten(&line, columns, look)
}

/// What was used of what there is: of money, else of tokens.
fn cost(report: &Report) -> String {
    match (report.budget.usd, report.budget.tokens) {
        (Some(usd), _) => format!("{} of {usd}", report.spent),
        (None, Some(Tokens(most))) => {
            format!("{} of {} tokens", report.spent.tokens.billed(), Tokens(most))
        }
        (None, None) => report.spent.to_string(),
    }
}

/// A length of time for a glance: `45s`, `12m`, `1h05m`, `4h`.
pub fn coarse(length: Millis) -> String {
    let secs = length.0 / 1_000;
    match (secs / 3_600, secs % 3_600 / 60) {
        (0, 0) => format!("{secs}s"),
        (0, mins) => format!("{mins}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, mins) => format!("{hours}h{mins:02}m"),
    }
}
