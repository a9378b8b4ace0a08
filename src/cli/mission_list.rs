//! `ai-sdlc mission list`, and the missions that the bare command shows.

use std::fs;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::{Named, Project};
use crate::cli::run_list::pretty;
use crate::cli::table::table;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct MissionList {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a list tells of a mission, without checking it.
#[derive(Debug)]
pub(super) struct Glance {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) description: String,
    pub(super) tasks: Option<usize>,
}

/// Lists the missions of this project.
pub(super) fn run(args: &MissionList, context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let glances = glances(&project);
    if args.json {
        let missions: Vec<Value> = glances
            .iter()
            .map(|of| json!({ "name": of.name, "file": of.file, "description": of.description, "tasks": of.tasks }))
            .collect();
        context.terminal.out(&pretty(&json!({ "schema": "ai-sdlc/missions/1", "missions": missions })));
    } else if glances.is_empty() {
        context.terminal.err("There are no missions here. `ai-sdlc init` makes a first one.");
    } else {
        let rows: Vec<Vec<String>> = glances.iter().map(row).collect();
        context.terminal.out(&table(&rows, context.terminal.table_columns(), context.terminal.out_look));
    }
    Ok(Exit::Success)
}

/// A glance at each mission there is.
pub(super) fn glances(project: &Project) -> Vec<Glance> {
    project.missions().iter().map(|named| glance(project, named)).collect()
}

pub(super) fn row(glance: &Glance) -> Vec<String> {
    let tasks = glance.tasks.map(|tasks| crate::report::plural(tasks, "task")).unwrap_or_default();
    vec![glance.name.clone(), tasks, glance.description.clone()]
}

fn glance(project: &Project, named: &Named) -> Glance {
    let file = project.shown(&named.path);
    let parsed = fs::read_to_string(&named.path).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let Some(table) = parsed else {
        let description = format!("cannot be read: ai-sdlc mission validate {file}");
        return Glance { name: named.name.clone(), file, description, tasks: None };
    };
    if table.get("tasks").is_none() {
        let description = format!("has no tasks: ai-sdlc mission validate {file}");
        return Glance { name: named.name.clone(), file, description, tasks: None };
    }
    let description = table.get("mission").and_then(|head| head.get("description")).and_then(toml::Value::as_str);
    let tasks = table.get("tasks").and_then(toml::Value::as_table).map(toml::Table::len);
    Glance { name: named.name.clone(), file, description: description.unwrap_or_default().to_owned(), tasks }
}
