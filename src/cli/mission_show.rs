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
use crate::mission::model::{Input, Mission, Task, TaskKind};
use crate::report::{Look, command_text};

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
        context.terminal.out(&text(mission, &loading.text.file));
    }
    Ok(Exit::Success)
}

fn text(mission: &Mission, file: &str) -> String {
    let head = format!("{} ({file})\n{}\n", mission.name, mission.description);
    let inputs: Vec<Vec<String>> = mission.inputs.iter().map(|(id, of)| input(id.as_str(), of)).collect();
    let tasks: Vec<Vec<String>> = mission.tasks.iter().map(|(id, of)| task(id.as_str(), of)).collect();
    let part = |title: &str, rows: &[Vec<String>]| {
        if rows.is_empty() {
            String::new()
        } else {
            format!("\n{title}:\n{}", table(rows, usize::MAX, Look::default()))
        }
    };
    format!("{head}{}{}", part("Inputs", &inputs), part("Tasks", &tasks))
}

fn input(id: &str, input: &Input) -> Vec<String> {
    let default = match &input.default {
        Some(value) => format!("else {value}"),
        None => "required".to_owned(),
    };
    vec![format!("  {id}"), default, input.description.clone()]
}

fn task(id: &str, task: &Task) -> Vec<String> {
    let who = match &task.kind {
        TaskKind::Agent(work) => work.role.to_string(),
        TaskKind::Command(command) => format!("`{}`", command_text(command)),
    };
    let needs: Vec<String> = task.needs.iter().map(ToString::to_string).collect();
    let after = if needs.is_empty() { String::new() } else { format!("after {}", needs.join(", ")) };
    vec![format!("  {id}"), who, after]
}
