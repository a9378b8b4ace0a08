//! `ai-sdlc run list`.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::table::table;
use crate::journal::inbox;
use crate::journal::runs::{RunEntry, Runs, Standing};
use crate::kernel::event::RunOutcome;
use crate::report::outcome_words;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RunList {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Lists the runs of this repository, the latest first.
pub(super) fn run(args: &RunList, context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let runs = Runs::at(&project.store).list().map_err(|error| {
        Failure::new(Exit::Environment, "journal::unreadable", "the runs cannot be listed")
            .at(project.shown(&project.store))
            .because(&error)
            .help(error.help())
    })?;
    if args.json {
        let runs: Vec<Value> = runs.iter().map(as_json).collect();
        context.terminal.out(&pretty(&json!({ "schema": "ai-sdlc/runs/1", "runs": runs })));
    } else if runs.is_empty() {
        context.terminal.err("There are no runs yet. `ai-sdlc mission list` shows what can be run.");
    } else {
        let rows = runs.iter().map(|run| row(run, context)).collect::<Vec<_>>();
        context.terminal.out(&table(&rows, context.terminal.table_columns(), context.terminal.out_look));
    }
    Ok(Exit::Success)
}

pub(super) fn row(run: &RunEntry, context: &Context) -> Vec<String> {
    let started = jiff::Timestamp::from_millisecond(run.started.0).map_or_else(
        |_| run.started.to_string(),
        |at| at.to_zoned(context.terminal.zone().clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    );
    let mission = run.note.as_ref().map_or_else(|| "?".to_owned(), |note| note.mission.to_string());
    vec![run.id.to_string(), started, mission, stands(run)]
}

/// How a run of a list stands: of one that waits for a person also that they have answered.
fn stands(run: &RunEntry) -> String {
    let answered = run.standing == Standing::Ended(RunOutcome::Waiting)
        && inbox::waiting(&run.dir).is_ok_and(|asked| asked.iter().any(|ask| matches!(ask, inbox::Ask::Answer { .. })));
    if answered { format!("answered; `ai-sdlc run resume {}` goes on", run.id) } else { standing(&run.standing) }
}

/// How a run stands, in words.
pub(super) fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Running(holder) => format!("runs (process {})", holder.pid),
        Standing::Interrupted => "interrupted; can be resumed".to_owned(),
        Standing::Ended(outcome) => outcome_words(*outcome).to_owned(),
    }
}

fn as_json(run: &RunEntry) -> Value {
    let (state, outcome) = match &run.standing {
        Standing::Running(_) => ("running", Value::Null),
        Standing::Interrupted => ("interrupted", Value::Null),
        Standing::Ended(outcome) => ("ended", json!(outcome)),
    };
    json!({
        "run": run.id,
        "mission": run.note.as_ref().map(|note| &note.mission),
        "file": run.note.as_ref().map(|note| &note.file),
        "started": run.started.to_string(),
        "state": state,
        "outcome": outcome,
        "folder": run.dir,
    })
}

/// JSON for people who look at it too.
pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
