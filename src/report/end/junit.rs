//! The final report as JUnit XML: one test case a task.

use crate::amount::Millis;
use crate::report::Report;
use crate::report::end::became;
use crate::report::look::safe;
use crate::report::task::{CheckLine, End, Stage, TaskReport, brief, class_word, verdict};

/// The report as JUnit XML.
pub fn junit(report: &Report) -> String {
    let counts = report.counts();
    let skipped = counts.total.saturating_sub(counts.done).saturating_sub(counts.failed);
    let run = report.run.as_ref().map(ToString::to_string).unwrap_or_default();
    let mission = attribute(&report.mission);
    let suite = format!(
        "<testsuite name=\"{mission}\" id=\"{run}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{skipped}\" \
         time=\"{}\"{}>",
        counts.total,
        counts.failed,
        seconds(report.live_so_far()),
        report.started.map(|at| format!(" timestamp=\"{at}\"")).unwrap_or_default(),
    );
    let mut out = vec!["<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned(), "<testsuites>".to_owned(), suite];
    for (id, task) in report.tasks.iter().filter(|(_, task)| task.counts()) {
        let time = seconds(task.worked(report.last()));
        out.push(format!("<testcase classname=\"{mission}\" name=\"{id}\" time=\"{time}\">"));
        out.extend(inside(report, task));
        out.push("</testcase>".to_owned());
    }
    out.extend(["</testsuite>".to_owned(), "</testsuites>".to_owned(), String::new()]);
    out.join("\n")
}

fn inside(report: &Report, task: &TaskReport) -> Vec<String> {
    let words = attribute(&became(report, task));
    let mut out = Vec::new();
    match &task.stage {
        Stage::Ended(End::Succeeded { .. }) => {}
        Stage::Ended(End::Failed { failure }) => {
            let kind = class_word(failure.class);
            out.push(format!("<failure type=\"{kind}\" message=\"{words}\">{}</failure>", element(&task.tail)));
        }
        Stage::Ended(End::Conflict { files, .. }) => {
            let files = element(&files.join("\n"));
            out.push(format!("<failure type=\"conflict\" message=\"{words}\">{files}</failure>"));
        }
        Stage::Waiting
        | Stage::Ready
        | Stage::Preparing
        | Stage::Working
        | Stage::Asking
        | Stage::Checking { .. }
        | Stage::Between
        | Stage::BackingOff { .. }
        | Stage::Limited { .. }
        | Stage::Queued
        | Stage::Merging
        | Stage::Ended(End::Skipped { .. } | End::Blocked { .. } | End::Cancelled { .. }) => {
            out.push(format!("<skipped message=\"{words}\"/>"));
        }
    }
    if !task.check_results.is_empty() {
        let checks: Vec<String> = task.check_results.iter().map(check).collect();
        out.push(format!("<system-out>{}</system-out>", element(&checks.join("\n"))));
    }
    out
}

fn check(check: &CheckLine) -> String {
    format!("check {} {} in {}", brief(&check.command), verdict(check.verdict), check.duration)
}

fn seconds(length: Millis) -> String {
    format!("{}.{:03}", length.0 / 1_000, length.0 % 1_000)
}

/// The text of an element: line by line safe, markup escaped.
fn element(text: &str) -> String {
    text.lines().map(attribute).collect::<Vec<_>>().join("\n")
}

/// One line for an attribute; what XML 1.0 cannot hold is already gone from safe text but for two code points.
fn attribute(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in safe(text).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => shown.push('\u{fffd}'),
            c => shown.push(c),
        }
    }
    shown
}
