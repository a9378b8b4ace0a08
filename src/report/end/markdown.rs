//! The final report as Markdown, for pull requests and step summaries.

use crate::report::end::{REHEARSAL, artifacts, became, headline, kept, next, programs, skills, tone, used};
use crate::report::line::Tone;
use crate::report::look::{Look, safe, safe_lines};
use crate::report::task::{End, Stage, brief};
use crate::report::{Report, sandbox_words};

const TAIL_LINES: usize = 40;

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut out = Vec::new();
    if report.is_rehearsal() {
        out.push(format!("> {REHEARSAL}\n"));
    }
    out.push(format!("## {}\n", cell(&headline(report))));
    out.push("| | task | time | cost | lines | |\n|---|---|---|---|---|---|".to_owned());
    let look = Look::default();
    for (id, task, depth) in report.listed() {
        let lines = if task.files > 0 { look.lines(task.added, task.removed) } else { String::new() };
        let (time, cost) = match task.attempt {
            Some(_) => (task.worked(report.last()).to_string(), task.spent.to_string()),
            None => (String::new(), String::new()),
        };
        let mark = match tone(report, task) {
            Tone::Good => "✅",
            Tone::Bad => "❌",
            Tone::Careful | Tone::Busy => "⏳",
            Tone::Idle => "⚪",
        };
        let inset = "&emsp;".repeat(depth);
        out.push(format!("| {mark} | {inset}`{id}` | {time} | {cost} | {lines} | {} |", cell(&became(report, task))));
    }
    out.extend(used::markdown(report, cell));
    for (id, task) in &report.tasks {
        let lines = safe_lines(&task.tail, TAIL_LINES);
        if let (Stage::Ended(End::Failed { .. }), false) = (&task.stage, lines.is_empty()) {
            out.push(format!("\n<details><summary>{id}: the last lines</summary>\n\n{}\n\n</details>", fenced(&lines)));
        }
    }
    for (id, task, gate) in report.open_gates() {
        out.push(format!("\n`{id}` waits for an answer: {}\n", cell(&gate.question)));
        out.extend(report.about(task).iter().map(|about| format!("- {}", cell(about))));
    }
    out.extend(sandbox(report));
    out.extend(lists(report));
    let kept = kept(report);
    if !kept.is_empty() {
        out.push("\nKept:\n".to_owned());
        out.extend(kept.iter().map(|(id, places)| format!("- `{id}`: {}", cell(places))));
    }
    let steps = next(report);
    if !steps.is_empty() {
        out.push("\nNext:\n".to_owned());
        out.extend(steps.iter().map(|step| format!("- {}: {}", code(&step.command), cell(&step.why))));
    }
    out.push(String::new());
    out.join("\n")
}

/// What is told as lists of their own.
fn lists(report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    let collisions = report.collision_rows();
    if !collisions.is_empty() {
        out.push("\nCollisions foreseen:\n".to_owned());
        out.extend(collisions.iter().map(|row| format!("- {}", cell(row))));
    }
    let artifacts = artifacts(report);
    if !artifacts.is_empty() {
        out.push("\nArtifacts:\n".to_owned());
        out.extend(artifacts.iter().map(|(id, path, bytes)| format!("- `{id}`: {} ({bytes} bytes)", code(path))));
    }
    out.extend(programs(report).map(|programs| format!("\n{}\n", cell(&programs))));
    out.extend(skills::markdown(report, cell));
    let not_run = report.not_run();
    if !not_run.is_empty() {
        out.push("\nNot run in this rehearsal, as it had no scenario:\n".to_owned());
        out.extend(not_run.iter().map(|(command, whose)| format!("- {} ({whose})", code(&brief(command)))));
    }
    out
}

/// What a person should mind of the sandbox.
fn sandbox(report: &Report) -> Option<String> {
    let careful = sandbox_words(report.sandbox.as_ref()?).careful?;
    Some(format!("\nSandbox: {}\n", cell(&careful)))
}

/// Text that cannot leave its table cell, nor become markup.
fn cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in safe(text).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '|' | '\\' | '*' | '_' | '[' | ']' => {
                shown.push('\\');
                shown.push(c);
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Inline code with more backquotes around it than within.
fn code(text: &str) -> String {
    let text = safe(text);
    let marks = "`".repeat(longest_run(&text) + 1);
    if marks.len() == 1 { format!("`{text}`") } else { format!("{marks} {text} {marks}") }
}

fn fenced(lines: &[String]) -> String {
    let marks = "`".repeat(lines.iter().map(|line| longest_run(line)).max().unwrap_or(0).max(2) + 1);
    format!("{marks}text\n{}\n{marks}", lines.join("\n"))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
