//! `ai-sdlc mission diff PLAN`: what has changed since a plan was saved, in the files it came from and in what they mean.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{Ask, Loading, plan};
use crate::cli::project::Project;
use crate::cli::run_list::pretty;
use crate::cli::saved_plan::{changed, mission_file, open, told};
use crate::name::TaskId;
use crate::plan::Plan;
use crate::plan::choose::only;
use crate::plan::compare::{Change, FileChange, Part, What, changes};
use crate::report::{Look, safe, shorten};

/// Columns that a value may take.
const COLUMNS: usize = 100;
/// Lines of a text that are shown on either side.
const MOST_LINES: usize = 40;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct MissionDiff {
    /// The file of the plan, as `mission plan --out` wrote it.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Shows it. Exits 0 where a plan made now would be the same, 1 where it would not.
pub(super) fn run(args: &MissionDiff, context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let saved = open(&project, &context.directory().join(&args.plan))?.plan;
    let files = changed(&project, &saved);
    let now = made_anew(context, &project, &saved)?;
    let changes = changes(&saved, &now);
    if args.json {
        let all = json!({
            "schema": "ai-sdlc/plan-diff/1",
            "plan": args.plan.display().to_string(),
            "mission": saved.mission,
            "same": changes.is_empty(),
            "files": files,
            "changes": changes,
        });
        context.terminal.out(&pretty(&all));
    } else {
        context.terminal.out(&text(&files, &changes, context.terminal.out_look));
    }
    Ok(if changes.is_empty() { Exit::Success } else { Exit::Failed })
}

/// The plan of the same mission with the same inputs, made of the files as they are.
fn made_anew(context: &mut Context, project: &Project, saved: &Plan) -> Result<Plan, Failure> {
    let loading = Loading::of(context, project, project.read(&mission_file(project, saved))?)?;
    let mission = loading.sound(context)?;
    let is_known = |(id, _): &(&crate::name::InputId, &Value)| mission.inputs.contains_key(*id);
    let values = saved.inputs.iter().filter(is_known).map(|(id, value)| (id.to_string(), value.clone())).collect();
    let planned = plan(context, project, &loading, &Ask { values, ..Ask::default() })?;
    if saved.given.is_empty() {
        return Ok(planned.plan);
    }
    // Only some tasks: those are compared.
    let chosen = saved.tasks.keys().filter(|id| planned.plan.tasks.contains_key(*id)).cloned().collect();
    let file = saved.file.clone();
    let given = saved.given.iter().map(|(id, given): (&TaskId, _)| (id.clone(), given.clone())).collect();
    only(planned.plan, &chosen, given)
        .map_err(|error| Failure::new(Exit::Usage, "cli::no-plan", error.message).at(file))
}

fn text(files: &[FileChange], changes: &[Change], look: Look) -> String {
    let mut out = Vec::new();
    if changes.is_empty() {
        out.push("Nothing that matters has changed: a plan made now would be the same.".to_owned());
    }
    let mut last: Option<(Part, &str)> = None;
    for change in changes {
        let head = head(change);
        match &change.what {
            What::Added => out.push(format!("{head} is new")),
            What::Removed => out.push(format!("{head} is gone")),
            What::Changed { key, before, after } => {
                if last != Some((change.part, change.name.as_str())) {
                    out.push(head);
                }
                out.extend(difference(key, before, after, look).into_iter().map(|row| format!("  {row}")));
            }
        }
        last = Some((change.part, change.name.as_str()));
    }
    if !files.is_empty() {
        out.push(String::new());
        out.push("Of the files it came from:".to_owned());
        out.extend(told(files).into_iter().map(|line| format!("  {line}")));
    }
    out.join("\n") + "\n"
}

fn head(change: &Change) -> String {
    let what = match change.part {
        Part::Mission => return "The mission itself".to_owned(),
        Part::Input => "Input",
        Part::Task => "Task",
        Part::Role => "Role",
        Part::Agent => "Agent",
        Part::Skill => "Skill",
        Part::Partial => "Partial",
    };
    format!("{what} {}", safe(&change.name))
}

/// One key: in one line, or both texts below one another without the lines they begin and end with alike.
fn difference(key: &str, before: &Value, after: &Value, look: Look) -> Vec<String> {
    let arrow = look.or("→", "->");
    match (before, after) {
        (Value::String(one), Value::String(two)) if one.contains('\n') || two.contains('\n') => {
            let mut rows = vec![safe(key)];
            let (gone, new) = without_common(one, two);
            rows.extend(gone.iter().take(MOST_LINES).map(|line| format!("- {}", safe(line))));
            rows.extend(new.iter().take(MOST_LINES).map(|line| format!("+ {}", safe(line))));
            rows
        }
        (Value::Null, after) => vec![format!("{}: {}", safe(key), value(after, look))],
        (before, Value::Null) => vec![format!("{}: no longer {}", safe(key), value(before, look))],
        (before, after) => vec![format!("{}: {} {arrow} {}", safe(key), value(before, look), value(after, look))],
    }
}

fn value(value: &Value, look: Look) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    shorten(&safe(&text), COLUMNS, look)
}

fn without_common<'t>(one: &'t str, two: &'t str) -> (Vec<&'t str>, Vec<&'t str>) {
    let (mut gone, mut new): (Vec<&str>, Vec<&str>) = (one.lines().collect(), two.lines().collect());
    while gone.last().is_some() && gone.last() == new.last() {
        gone.pop();
        new.pop();
    }
    let alike = gone.iter().zip(&new).take_while(|(one, two)| one == two).count();
    (gone.split_off(alike), new.split_off(alike))
}
