//! `ai-sdlc mission show M`: what a mission wants and what it may use, before it has values for its inputs.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::Loading;
use crate::cli::project::Project;
use crate::cli::run_list::pretty;
use crate::cli::table::table;
use crate::mission::model::{Assignee, Importance, Input, Mission, Task, TaskKind};
use crate::report::{Look, command_text, one_line};

/// Columns that a command or a value may take: what follows it is to be seen.
const COMMAND_COLUMNS: usize = 60;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct MissionShow {
    /// The mission: its name under `missions/`, or the path of its file.
    #[arg(value_name = "MISSION")]
    mission: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub(super) fn run(args: &MissionShow, context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let loading = Loading::read(context, &project, &args.mission)?;
    let mission = loading.sound(context)?;
    if args.json {
        let mut all = json!(mission);
        if let Value::Object(all) = &mut all {
            all.insert("schema".to_owned(), json!("ai-sdlc/mission/1"));
            all.insert("file".to_owned(), json!(loading.text.file));
        }
        context.terminal.out(&pretty(&all));
    } else {
        context.terminal.out(&text(mission, &loading.text.file, context.terminal.out_look));
    }
    Ok(Exit::Success)
}

fn text(mission: &Mission, file: &str, look: Look) -> String {
    let head = format!("{} ({file})\n{}\n", mission.name, mission.description);
    let inputs: Vec<Vec<String>> = mission.inputs.iter().map(|(id, of)| input(id.as_str(), of, look)).collect();
    let tasks: Vec<Vec<String>> = mission.tasks.iter().map(|(id, of)| task(id.as_str(), of, look)).collect();
    let part = |title: &str, rows: &[Vec<String>]| {
        if rows.is_empty() { String::new() } else { format!("\n{title}:\n{}", table(rows, usize::MAX, look)) }
    };
    let outputs: Vec<Vec<String>> =
        mission.outputs.iter().map(|(id, text)| vec![format!("  {id}"), text.trim().to_owned()]).collect();
    format!("{head}{}{}{}", part("Inputs", &inputs), part("Tasks", &tasks), part("Outputs", &outputs))
}

fn input(id: &str, input: &Input, look: Look) -> Vec<String> {
    let default = match &input.default {
        Some(value) => format!("else {}", one_line(&value.to_string(), COMMAND_COLUMNS, look)),
        None => "required".to_owned(),
    };
    vec![format!("  {id}"), default, input.description.clone()]
}

fn task(id: &str, task: &Task, look: Look) -> Vec<String> {
    let who = match &task.kind {
        TaskKind::Agent(work) => assignee(&work.assignee),
        TaskKind::Command(command) => format!("`{}`", one_line(&command_text(command), COMMAND_COLUMNS, look)),
        TaskKind::Gate(_) => "a person".to_owned(),
        TaskKind::Mission(work) => format!("mission {}", work.mission.name),
    };
    let needs: Vec<String> = task.needs.iter().map(ToString::to_string).collect();
    let mut said = Vec::new();
    if !needs.is_empty() {
        said.push(format!("after {}", needs.join(", ")));
    }
    if let Some(each) = &task.for_each {
        let variables: Vec<&str> = each.variables.keys().map(crate::name::VarId::as_str).collect();
        said.push(format!("for each {} (at most {})", variables.join(" and "), each.max_instances));
    }
    said.extend(task.when.as_ref().map(|when| format!("only if {}", when.trim())));
    said.extend(task.review.as_ref().map(|role| format!("reviewed by {role}")));
    if !task.rework.is_empty() {
        let back: Vec<&str> = task.rework.iter().map(crate::name::TaskId::as_str).collect();
        said.push(format!("may send back {}", back.join(", ")));
    }
    if task.importance == Importance::Optional {
        said.push("optional".to_owned());
    }
    if !task.outputs.is_empty() {
        let outputs: Vec<String> =
            task.outputs.iter().map(|(id, shape)| format!("{id}: {}", shape.describe())).collect();
        said.push(format!("hands over {}", outputs.join(", ")));
    }
    vec![format!("  {id}"), who, said.join("; ")]
}

fn assignee(assignee: &Assignee) -> String {
    match assignee {
        Assignee::Role(role) => role.to_string(),
        Assignee::Capabilities(capabilities) => {
            capabilities.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(" + ")
        }
    }
}
