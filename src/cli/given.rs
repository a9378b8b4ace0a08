//! Some tasks of a mission alone: which, and what those before them handed over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_choice::unreadable;
use crate::journal::Journal;
use crate::journal::runs::{RunEntry, Runs};
use crate::kernel::Run;
use crate::name::{OutputId, RunId, TaskId};
use crate::plan::build::PlanError;
use crate::plan::choose::{Choice, chosen, left_out, only, read_of};
use crate::plan::foreseen::parts_of;
use crate::plan::{Given, Plan};

/// Values as typed.
pub(super) type Typed = Vec<(String, String)>;

/// Tells inputs of the mission from outputs of tasks (`tasks.plan.outputs=@file.json`).
pub(super) fn split(inputs: &[(String, String)]) -> (Typed, Typed) {
    inputs.iter().cloned().partition(|(name, _)| !name.starts_with("tasks."))
}

/// The plan with the chosen tasks alone.
pub(super) fn narrowed(
    context: &Context,
    project: &Project,
    plan: Plan,
    (choice, typed): (&Choice, &Typed),
) -> Result<Plan, Failure> {
    if choice.is_all() {
        return match typed.first() {
            None => Ok(plan),
            Some((name, _)) => Err(refused(&format!("`{name}` is given, and all tasks are run"))
                .help("outputs of tasks are given together with `--task` or `--from`")),
        };
    }
    let chosen = chosen(&plan, choice).map_err(|error| no_plan(&plan, &error))?;
    let mut given = typed_outputs(context, &plan, typed)?;
    let before = left_out(&plan, &chosen);
    let latest = latest(project, &plan)?;
    for id in &before {
        take(&plan, id, &mut given, latest.as_ref());
    }
    let missing = missing(&plan, &chosen, &before, &given);
    if let Some((task, output)) = missing.first() {
        return Err(unavailable(&missing, (task, output), latest.as_ref()));
    }
    only(plan.clone(), &chosen, given).map_err(|error| no_plan(&plan, &error))
}

/// Takes what a task handed over in the latest run, below what was typed.
fn take(plan: &Plan, id: &TaskId, given: &mut BTreeMap<TaskId, Given>, latest: Option<&Latest>) {
    let Some(found) = latest.and_then(|latest| latest.run.given(id)) else { return };
    let declared = plan.tasks.get(id).map(crate::plan::Task::hands_over).unwrap_or_default();
    let own = given.entry(id.clone()).or_default();
    own.handoff = own.handoff.take().or(found.handoff);
    for (output, value) in found.outputs.into_iter().filter(|(output, _)| declared.contains(output)) {
        own.outputs.entry(output).or_insert(value);
    }
    let parts = latest.into_iter().flat_map(|latest| parts_of(latest.run.plan(), id).into_iter().map(|(part, _)| part));
    for part in parts {
        if let Some(found) = latest.and_then(|latest| latest.run.given(part)) {
            given.insert(part.clone(), found);
        }
    }
}

/// What the chosen tasks read and nobody gives.
fn missing(
    plan: &Plan,
    chosen: &BTreeSet<TaskId>,
    before: &BTreeSet<TaskId>,
    given: &BTreeMap<TaskId, Given>,
) -> Vec<(TaskId, OutputId)> {
    let is_given = |task: &TaskId, output: &OutputId| {
        given.get(task).is_some_and(|given| given.outputs.contains_key(output))
            || plan.given.get(task).is_some_and(|given| given.outputs.contains_key(output))
    };
    before
        .iter()
        .flat_map(|task| read_of(plan, chosen, task).into_iter().map(move |output| (task.clone(), output)))
        .filter(|(task, output)| !is_given(task, output))
        .collect()
}

fn unavailable(missing: &[(TaskId, OutputId)], first: (&TaskId, &OutputId), latest: Option<&Latest>) -> Failure {
    let (task, output) = first;
    let why = match latest {
        None => "there is no run of this mission yet that has it".to_owned(),
        Some(latest) => format!("`{task}` did not hand it over in run {}, the latest of this mission", latest.id),
    };
    let others = missing.iter().skip(1).map(|(task, output)| format!("also: `tasks.{task}.outputs.{output}`"));
    Failure::new(Exit::Usage, "cli::no-outputs", format!("`tasks.{task}.outputs.{output}` is wanted, and not known"))
        .because_of([why].into_iter().chain(others))
        .help(format!(
            "give it: `--input tasks.{task}.outputs=@FILE`, a JSON object with `{output}`; or run that task too: `--task {task}`"
        ))
}

fn refused(what: &str) -> Failure {
    Failure::new(Exit::Usage, "cli::bad-outputs", what)
}

fn no_plan(plan: &Plan, error: &PlanError) -> Failure {
    let failure = Failure::new(Exit::Usage, "cli::no-plan", error.message.clone()).at(plan.file.clone());
    error.help.iter().fold(failure, |failure, help| failure.help(help.clone()))
}

/// Outputs as typed: `tasks.<id>.outputs` is an object of them, `tasks.<id>.outputs.<id>` one.
fn typed_outputs(context: &Context, plan: &Plan, typed: &Typed) -> Result<BTreeMap<TaskId, Given>, Failure> {
    let mut all: BTreeMap<TaskId, Given> = BTreeMap::new();
    for (name, text) in typed {
        let written = || {
            refused(&format!("`{name}` names no outputs of a task"))
                .help("write it like `tasks.plan.outputs=@FILE` or `tasks.plan.outputs.parts=[\"a\"]`")
        };
        let rest = name.strip_prefix("tasks.").and_then(|rest| rest.split_once(".outputs"));
        let (task, output) = rest.ok_or_else(written)?;
        let task = plan.tasks.keys().find(|id| id.as_str() == task).cloned().ok_or_else(|| {
            refused(&format!("`{name}` is given, and the mission has no task `{task}`"))
                .help("`ai-sdlc mission show` shows its tasks")
        })?;
        let value = value(context, name, text)?;
        let given = all.entry(task).or_default();
        match (output.strip_prefix('.').map(OutputId::parse), value) {
            (Some(Ok(output)), value) => {
                given.outputs.insert(output, value);
            }
            (None, Value::Object(values)) if output.is_empty() => {
                for (output, value) in values {
                    given.outputs.insert(OutputId::parse(&output).map_err(|error| refused(&error.to_string()))?, value);
                }
            }
            (None, _) if output.is_empty() => {
                return Err(refused(&format!("`{name}` must be a JSON object: each output with its value"))
                    .help(format!("one output alone is `{name}.<id>=…`")));
            }
            (Some(Err(_)) | None, _) => return Err(written()),
        }
    }
    Ok(all)
}

/// A value as typed: `@FILE` is what is in the file, as JSON; what is no JSON is text.
fn value(context: &Context, name: &str, text: &str) -> Result<Value, Failure> {
    let Some(file) = text.strip_prefix('@') else {
        return Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())));
    };
    let failed = |what: String| refused(&what).at(file.to_owned());
    let text = fs::read_to_string(context.directory().join(file))
        .map_err(|error| failed(format!("what is given for `{name}` cannot be read")).because(&error))?;
    serde_json::from_str(&text)
        .map_err(|error| failed(format!("what is given for `{name}` is not JSON")).because(&error))
}

/// The latest run of the same mission.
struct Latest {
    id: RunId,
    run: Run,
}

fn latest(project: &Project, plan: &Plan) -> Result<Option<Latest>, Failure> {
    let entries = Runs::at(&project.store).list().unwrap_or_default();
    let is_same = |entry: &RunEntry| entry.note.as_ref().is_some_and(|note| note.mission == plan.mission);
    let Some(entry) = entries.into_iter().find(is_same) else { return Ok(None) };
    let records = Journal::read(&entry.dir).map_err(|error| unreadable(&entry, &error))?;
    let folded = Run::fold(records.into_iter().map(|record| (record.at, record.event)));
    Ok(folded.ok().map(|run| Latest { id: entry.id, run }))
}
