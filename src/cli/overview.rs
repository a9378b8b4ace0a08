//! The bare command: the missions of this project, its last run, and what to do next.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::mission_list::{glances, row};
use crate::cli::project::Project;
use crate::cli::run_list::standing;
use crate::cli::table::table;
use crate::journal::runs::{Runs, Standing};
use crate::kernel::event::RunOutcome;

/// Shows it.
pub(super) fn run(context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let glances = glances(&project);
    let last = Runs::at(&project.store).list().ok().and_then(|runs| runs.into_iter().next());
    let mut out = Vec::new();
    let mut next = Vec::new();
    if let Some(first) = glances.first() {
        let rows: Vec<Vec<String>> = glances.iter().map(row).collect();
        let columns = context.terminal.size().columns.saturating_sub(2).max(20);
        let rows = table(&rows, columns, context.terminal.out_look);
        out.push("Missions:".to_owned());
        out.extend(rows.lines().map(|row| format!("  {row}")));
        next.push(format!("ai-sdlc mission rehearse {}", first.name));
        next.push(format!("ai-sdlc mission run {}", first.name));
    } else {
        out.push("There are no missions here.".to_owned());
        next.push("ai-sdlc init".to_owned());
    }
    if let Some(run) = last {
        let mission = run.note.as_ref().map(|note| format!(" of {}", note.mission)).unwrap_or_default();
        out.push(format!("\nLast run: {}{mission}, {}.", run.id, standing(&run.standing)));
        next.insert(0, format!("ai-sdlc run show {}", run.id));
        match &run.standing {
            Standing::Running(_) | Standing::Ended(RunOutcome::Succeeded) => {}
            Standing::Interrupted | Standing::Ended(_) => next.insert(0, format!("ai-sdlc run resume {}", run.id)),
        }
    }
    out.push("\nNext:".to_owned());
    out.extend(next.iter().map(|command| format!("  {command}")));
    out.push("  ai-sdlc help".to_owned());
    context.terminal.out(&out.join("\n"));
    Ok(Exit::Success)
}
