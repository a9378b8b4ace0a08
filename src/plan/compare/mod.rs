//! What differs between two plans of one mission, by meaning: tasks, prompts, roles, skills, limits.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::plan::{Plan, SourceFile};

#[cfg(test)]
mod tests;

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Of what.
    pub part: Part,
    /// Its name; empty for the mission itself.
    pub name: String,
    /// What became of it.
    #[serde(flatten)]
    pub what: What,
}

/// What a difference is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The mission itself: its limits, its workspace, how it merges.
    Mission,
    /// An input.
    Input,
    /// A task.
    Task,
    /// A role.
    Role,
    /// An agent.
    Agent,
    /// A skill.
    Skill,
    /// A partial of role templates.
    Partial,
}

/// What became of something.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum What {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// One of its keys has another value; null where it had or has none.
    Changed {
        /// Which, with dots: `work.prompt`.
        key: String,
        /// Its value in the first plan.
        before: Value,
        /// Its value in the second.
        after: Value,
    },
}

/// A file that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path, or `built-in:roles/…`.
    pub path: String,
    /// How it is now.
    pub state: FileState,
}

/// How a file is that a plan was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// Its content differs.
    Changed,
    /// It is not there, or no longer looked at.
    Gone,
}

/// What of the first plan's files is not as it was, given those that there are now.
pub fn files(before: &[SourceFile], now: &[SourceFile]) -> Vec<FileChange> {
    before
        .iter()
        .filter_map(|file| {
            let state = match now.iter().find(|other| other.path == file.path) {
                None => FileState::Gone,
                Some(other) if other.sha256 == file.sha256 => return None,
                Some(_) => FileState::Changed,
            };
            Some(FileChange { path: file.path.clone(), state })
        })
        .collect()
}

/// What differs from the first plan to the second, in the order of the parts. Where it came from does not count.
pub fn changes(before: &Plan, after: &Plan) -> Vec<Change> {
    let (before, after) = (parted(before), parted(after));
    let mut changes = Vec::new();
    for ((part, one), (_, two)) in before.iter().zip(&after) {
        let known: BTreeSet<&String> = one.keys().collect();
        let names = one.keys().chain(two.keys().filter(|name| !known.contains(name)));
        for name in names {
            let change = |what: What| Change { part: *part, name: name.clone(), what };
            match (one.get(name), two.get(name)) {
                (Some(one), Some(two)) => {
                    let mut found = Vec::new();
                    compare("", one, two, &mut found);
                    changes.extend(found.into_iter().map(change));
                }
                (None, _) => changes.push(change(What::Added)),
                (_, None) => changes.push(change(What::Removed)),
            }
        }
    }
    changes
}

/// A plan in parts, each by name.
fn parted(plan: &Plan) -> [(Part, Map<String, Value>); 7] {
    let named = |value: Value| match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    let mission = json!({
        "name": plan.mission,
        "description": plan.description,
        "budget": plan.budget,
        "max": plan.max,
        "pace": plan.pace,
        "secrets": plan.secrets,
        "notify": plan.notify,
        "workspace": plan.workspace,
        "merge": plan.merge,
    });
    let tasks = plan.tasks.iter().map(|(id, task)| (id.to_string(), plain_task(json!(task)))).collect();
    let roles = without_origin(named(json!(plan.roles)));
    let skills = without_origin(named(json!(plan.skills)));
    let skills = skills.into_iter().map(|(name, skill)| (name, by_path(skill))).collect();
    [
        (Part::Mission, Map::from_iter([(String::new(), mission)])),
        (
            Part::Input,
            named(json!(plan.inputs)).into_iter().map(|(id, value)| (id, json!({ "value": value }))).collect(),
        ),
        (Part::Task, tasks),
        (Part::Role, roles),
        (Part::Agent, named(json!(plan.agents))),
        (Part::Skill, skills),
        (
            Part::Partial,
            named(json!(plan.partials)).into_iter().map(|(id, text)| (id, json!({ "text": text }))).collect(),
        ),
    ]
}

/// A task whose kind does not stand in the way of its keys: `kind.agent.prompt` is `work.prompt`, the kind `agent`.
fn plain_task(mut task: Value) -> Value {
    if let Some(keys) = task.as_object_mut()
        && let Some(Value::Object(kind)) = keys.remove("kind")
        && let Some((kind, mut work)) = kind.into_iter().next()
    {
        if let Some(body) = work.as_object_mut().and_then(|work| work.remove("body")) {
            keys.insert("instance".to_owned(), plain_task(body));
        }
        if let Some(Value::Object(tasks)) = work.as_object_mut().and_then(|work| work.remove("tasks")) {
            let tasks = tasks.into_iter().map(|(id, task)| (id, plain_task(task))).collect();
            keys.insert("tasks".to_owned(), Value::Object(tasks));
        }
        keys.insert("kind".to_owned(), Value::String(kind));
        keys.insert("work".to_owned(), work);
    }
    task
}

fn without_origin(mut things: Map<String, Value>) -> Map<String, Value> {
    for thing in things.values_mut() {
        if let Some(keys) = thing.as_object_mut() {
            keys.remove("origin");
        }
    }
    things
}

/// A skill's files by their paths, so that each is compared with itself.
fn by_path(mut skill: Value) -> Value {
    let Some(keys) = skill.as_object_mut() else { return skill };
    if let Some(Value::Array(files)) = keys.remove("files") {
        let entry = |mut file: Value| {
            let path = file.get("path").and_then(Value::as_str)?.to_owned();
            file.as_object_mut()?.remove("path");
            Some((path, file))
        };
        keys.insert("files".to_owned(), Value::Object(files.into_iter().filter_map(entry).collect()));
    }
    skill
}

fn compare(key: &str, one: &Value, two: &Value, found: &mut Vec<What>) {
    match (one, two) {
        (Value::Object(one), Value::Object(two)) => {
            let names = one.keys().chain(two.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                let value = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                compare(&key, &value(one), &value(two), found);
            }
        }
        (one, two) if one == two => {}
        (one, two) => found.push(What::Changed { key: key.to_owned(), before: one.clone(), after: two.clone() }),
    }
}
