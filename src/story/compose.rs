//! The mission that carries stories out: a task for each, which stands for the tasks of `story.toml`.
//!
//! It is text as a person would write it, so that it is checked, planned, run and resumed as any other. What a story
//! says is never part of that text: it comes as the value of an input.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroU32;

use serde_json::{Value, json};

use super::board::task_id;
use super::file::Story;
use crate::mission::field::duration;
use crate::name::LocalTaskId;

/// What the file of a composed mission is called, before the ids: the command that makes it again.
pub const COMMAND: &str = "story run";

/// The name of composed missions.
pub const NAME: &str = "stories";

/// The mission of one story, as the composed one names it.
pub const PART: &str = "story.toml";

/// Tables of the story's mission that only count in the mission that is run, and so are carried over.
const CARRIED: [&str; 4] = ["concurrency", "workspace", "merge", "notify"];

/// One step of priorities: the tasks of a story that was begun come before those of the next of the same priority.
const STEP: i64 = 100;

/// The longest ceiling of time there is, in seconds.
const YEAR: u64 = 365 * 24 * 3_600;

/// What is to be composed.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The stories, in the order in which they are run.
    pub stories: &'a [&'a Story],
    /// The text of the mission of one story.
    pub part: &'a str,
    /// What was typed after [`COMMAND`] beside the ids.
    pub options: &'a str,
    /// Tasks at once; `None`: as the story's mission says.
    pub max: Option<NonZeroU32>,
    /// The branch to deliver to, once a person agrees.
    pub into: Option<&'a str>,
}

/// A composed mission.
#[derive(Debug, Clone, PartialEq)]
pub struct Composed {
    /// What its file is called.
    pub file: String,
    /// The mission.
    pub text: String,
    /// The values of its inputs.
    pub values: BTreeMap<String, Value>,
}

/// Composes it.
pub fn compose(order: &Order<'_>) -> Composed {
    let stories: Vec<(&Story, LocalTaskId)> =
        order.stories.iter().filter_map(|story| Some((*story, task_id(&story.id)?))).collect();
    let part: toml::Table = order.part.parse().unwrap_or_default();
    let mut text = String::from("version = 1\n");
    text.push_str(&carried(&part, "secrets"));
    let ids: Vec<&str> = stories.iter().map(|(story, _)| story.id.as_str()).collect();
    let _ = writeln!(
        text,
        "\n[mission]\nname = {}\ndescription = {}",
        quoted(NAME),
        quoted(&format!("The stories {}.", ids.join(", ")))
    );
    text.push_str(&budget(&part, stories.len()));
    text.push_str(&tables(&part, order));
    let mut values = BTreeMap::new();
    for (story, task) in &stories {
        let _ = writeln!(text, "\n[inputs.{task}]\ntype = \"object\"\ndescription = \"The story.\"");
        values.insert(task.to_string(), value(story));
    }
    for (story, task) in &stories {
        let needs: Vec<String> = story
            .dependencies
            .iter()
            .filter_map(|id| stories.iter().find(|(other, _)| other.id == *id))
            .map(|(_, task)| quoted(task.as_str()))
            .collect();
        let _ = writeln!(
            text,
            "\n[tasks.{task}]\ntitle = {}\nmission = {}\nwith = {{ story = {{ cel = \"inputs.{task}\" }} }}\nneeds = [{}]\npriority = {}",
            quoted(&story.title),
            quoted(PART),
            needs.join(", "),
            i64::from(story.priority) * STEP,
        );
    }
    text.push_str(&gate(&part, order, &stories));
    Composed { file: format!("{COMMAND} {}{}", order.options, ids.join(" ")), text, values }
}

/// A story as sessions and commands are given it.
fn value(story: &Story) -> Value {
    let criteria: Vec<Value> =
        story.criteria.iter().map(|criterion| json!({ "number": criterion.number, "text": criterion.text })).collect();
    json!({ "id": story.id, "title": story.title, "file": story.path, "text": story.text, "criteria": criteria })
}

/// The ceiling of as many stories as there are.
fn budget(part: &toml::Table, stories: usize) -> String {
    let Some(table) = part.get("budget").and_then(toml::Value::as_table) else { return String::new() };
    let mut table = table.clone();
    let times = i64::try_from(stories).unwrap_or(i64::MAX);
    for (key, value) in &mut table {
        let more = match (key.as_str(), &*value) {
            ("usd" | "tokens", toml::Value::Integer(one)) => Some(toml::Value::Integer(one.saturating_mul(times))),
            ("usd", toml::Value::Float(one)) => Some(toml::Value::Float((0..stories).map(|_| *one).sum())),
            ("time", toml::Value::String(one)) => duration::parse(one).ok().map(|one| {
                let stories = u64::try_from(stories).unwrap_or(u64::MAX);
                toml::Value::String(format!("{}s", (one.0 / 1_000).saturating_mul(stories).min(YEAR)))
            }),
            _ => None,
        };
        if let Some(more) = more {
            *value = more;
        }
    }
    written("budget", toml::Value::Table(table))
}

/// The tables that are carried over, with what the command line says otherwise.
fn tables(part: &toml::Table, order: &Order<'_>) -> String {
    let mut part = part.clone();
    if let Some(max) = order.max {
        let concurrency = part.entry("concurrency").or_insert_with(|| toml::Table::new().into());
        if let Some(table) = concurrency.as_table_mut() {
            table.insert("max".to_owned(), toml::Value::Integer(max.get().into()));
        }
    }
    let merge = part.entry("merge").or_insert_with(|| toml::Table::new().into());
    if let Some(table) = merge.as_table_mut() {
        // What speaks of inputs speaks of those of one story.
        if table.get("into").and_then(toml::Value::as_str).is_some_and(|into| into.contains("{{")) {
            table.remove("into");
        }
        if let Some(into) = order.into {
            table.insert("into".to_owned(), into.into());
        }
    }
    CARRIED.iter().map(|key| carried(&part, key)).collect()
}

/// Asks before anything goes into a branch of the person.
fn gate(part: &toml::Table, order: &Order<'_>, stories: &[(&Story, LocalTaskId)]) -> String {
    let own = part.get("merge").and_then(|merge| merge.get("into")).and_then(toml::Value::as_str);
    let Some(into) = order.into.or(own.filter(|into| !into.contains("{{"))) else { return String::new() };
    let mut id = "deliver".to_owned();
    while stories.iter().any(|(_, task)| task.as_str() == id) {
        id.push('_');
    }
    let needs: Vec<String> = stories.iter().map(|(_, task)| quoted(task.as_str())).collect();
    let ids: Vec<&str> = stories.iter().map(|(story, _)| story.id.as_str()).collect();
    let question = quoted(&format!("Deliver {} into {into}?", ids.join(", ")));
    format!("\n[tasks.{id}]\ntitle = \"Agree to the delivery\"\nneeds = [{}]\ngate = {question}\n", needs.join(", "))
}

fn carried(part: &toml::Table, key: &str) -> String {
    part.get(key).map_or_else(String::new, |value| written(key, value.clone()))
}

fn written(key: &str, value: toml::Value) -> String {
    let table = toml::Table::from_iter([(key.to_owned(), value)]);
    toml::to_string(&table).map_or_else(|_| String::new(), |text| format!("\n{text}"))
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
