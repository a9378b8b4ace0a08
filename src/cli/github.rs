//! A run within GitHub Actions: failures beside the mission's lines, the report in the step's summary.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::cli::Context;
use crate::diagnostic::{command_data, command_property};
use crate::name::TaskId;
use crate::report::{End, Report, Stage, end, safe_lines};

/// How many of the last lines of a failure are shown.
const TAIL_LINES: usize = 200;

/// Tells GitHub how a run ended; nothing where this is not one of its jobs.
pub(super) fn tell(context: &mut Context, root: &Path, report: &Report) {
    if context.environment.text("GITHUB_ACTIONS") != Some("true") {
        return;
    }
    let mission = std::fs::read_to_string(root.join(&report.file)).unwrap_or_default();
    context.terminal.err(&commands(report, &mission));
    let Some(summary) = context.environment.get("GITHUB_STEP_SUMMARY").map(Path::new) else { return };
    let opened = OpenOptions::new().create(true).append(true).open(summary);
    if let Err(error) = opened.and_then(|mut file| file.write_all(end::markdown(report).as_bytes())) {
        tracing::warn!(%error, "the summary of the step could not be written");
    }
}

/// The last lines of each failure in a group, then an annotation.
fn commands(report: &Report, mission: &str) -> String {
    let mut text = String::new();
    for (id, task) in &report.tasks {
        let Stage::Ended(End::Failed { .. } | End::Conflict { .. }) = &task.stage else { continue };
        let lines = safe_lines(&task.tail, TAIL_LINES);
        // Writing to a string cannot fail.
        if !lines.is_empty() {
            let _ = write!(text, "::group::{}\n{}\n::endgroup::\n", command_data(id.as_str()), guarded(&lines));
        }
        let (file, line) = (command_property(&report.file), line_of(mission, id));
        let (title, why) = (command_property(&format!("task {id}")), command_data(&report.why(id)));
        let _ = writeln!(text, "::error file={file},line={line},title={title}::{why}");
    }
    text
}

/// Lines of others cannot be taken for commands.
fn guarded(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("  {}", line.replace("::", ": :"))).collect();
    lines.join("\n")
}

/// The line on which a task is declared in the mission: of a part, that of the whole.
fn line_of(mission: &str, task: &TaskId) -> usize {
    let first = task.as_str().split(['/', '[']).next().unwrap_or_default();
    let head = format!("[tasks.{first}]");
    mission.lines().position(|line| line.trim_start().starts_with(&head)).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::{guarded, line_of};
    use crate::name::TaskId;

    #[test]
    fn a_task_is_found_by_its_table() {
        let mission = "[mission]\nname = \"m\"\n[tasks.build]\nrun = \"x\"\n  [tasks.ship]\n";
        let line = |id: &str| line_of(mission, &TaskId::parse(id).unwrap());
        assert_eq!([line("build"), line("ship"), line("build[a]/b"), line("other")], [3, 5, 3, 1]);
    }

    #[test]
    fn printed_lines_are_no_commands() {
        assert_eq!(guarded(&["::error::x".to_owned()]), "  : :error: :x");
    }
}
