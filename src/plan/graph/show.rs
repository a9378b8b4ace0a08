//! The graph as text: for a terminal, for Mermaid, for Graphviz, as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Edges;
use crate::amount::Millis;
use crate::plan::{Plan, Task, TaskKind};

/// The graph for a terminal: tasks by depth, each with what it needs and who does it.
pub fn ascii(plan: &Plan) -> String {
    let edges = Edges::of(plan);
    let depths = depths(&edges);
    let mut layers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for task in &edges.order {
        layers.entry(depths.get(*task).copied().unwrap_or(0)).or_default().push(*task);
    }
    let width = plan.tasks.keys().map(|id| id.as_str().len()).max().unwrap_or(0).min(32);
    let mut text = String::new();
    for (depth, tasks) in layers {
        let mut tasks = tasks;
        tasks.sort_unstable();
        for (index, (id, task)) in tasks.iter().filter_map(|at| plan.tasks.get_index(*at)).enumerate() {
            let number = if index == 0 { (depth + 1).to_string() } else { String::new() };
            let needs: Vec<&str> = task.needs.iter().map(crate::name::TaskId::as_str).collect();
            let after = if needs.is_empty() { String::new() } else { format!("  <- {}", needs.join(", ")) };
            let _infallible = writeln!(text, "{number:>3}  {id:width$}  {}{after}", who(task));
        }
    }
    text
}

/// The graph as a Mermaid flow chart.
pub fn mermaid(plan: &Plan) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (id, task) in &plan.tasks {
        let label = format!("{}<br/>{}", plain(&task.title), plain(&who(task)));
        let (open, close) = match task.kind {
            TaskKind::Agent(_) => ("(\"", "\")"),
            TaskKind::Command(_) => ("[\"", "\"]"),
        };
        // `end` and the like are words of Mermaid: a letter in front makes every id safe.
        let _infallible = writeln!(text, "    t_{id}{open}{label}{close}");
    }
    for (id, task) in &plan.tasks {
        for need in &task.needs {
            let _infallible = writeln!(text, "    t_{need} --> t_{id}");
        }
    }
    text
}

/// The graph for Graphviz.
pub fn dot(plan: &Plan) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " "));
    let mut text = format!("digraph {} {{\n    rankdir=LR;\n", quote(plan.mission.as_str()));
    for (id, task) in &plan.tasks {
        let shape = match task.kind {
            TaskKind::Agent(_) => "ellipse",
            TaskKind::Command(_) => "box",
        };
        let _infallible = writeln!(text, "    {} [label={}, shape={shape}];", quote(id.as_str()), quote(&task.title));
    }
    for (id, task) in &plan.tasks {
        for need in &task.needs {
            let _infallible = writeln!(text, "    {} -> {};", quote(need.as_str()), quote(id.as_str()));
        }
    }
    text.push_str("}\n");
    text
}

/// The graph as JSON: tasks with their depth and longest remaining path, and edges.
pub fn json(plan: &Plan) -> Value {
    let edges = Edges::of(plan);
    let (depths, levels) = (depths(&edges), super::levels(plan, &edges));
    let tasks: Vec<Value> = plan
        .tasks
        .iter()
        .enumerate()
        .map(|(index, (id, task))| {
            json!({
                "id": id,
                "title": task.title,
                "kind": match task.kind { TaskKind::Agent(_) => "agent", TaskKind::Command(_) => "command" },
                "who": who(task),
                "needs": task.needs,
                "depth": depths.get(index),
                "estimate_ms": task.estimate,
                "remaining_ms": levels.get(index).copied().unwrap_or(Millis::ZERO),
            })
        })
        .collect();
    let pairs: Vec<Value> = plan
        .tasks
        .iter()
        .flat_map(|(id, task)| task.needs.iter().map(move |need| json!({ "from": need, "to": id })))
        .collect();
    json!({ "schema": "ai-sdlc/graph/1", "mission": plan.mission, "tasks": tasks, "edges": pairs })
}

/// How many tasks stand one behind the other before each.
fn depths(edges: &Edges) -> Vec<usize> {
    let mut depths = vec![0_usize; edges.needs.len()];
    for task in &edges.order {
        let above = edges.needs.get(*task).into_iter().flatten().filter_map(|need| depths.get(*need)).max();
        let depth = above.map_or(0, |above| above + 1);
        if let Some(own) = depths.get_mut(*task) {
            *own = depth;
        }
    }
    depths
}

/// Who does a task: a role and its agent, or the command.
fn who(task: &Task) -> String {
    match &task.kind {
        TaskKind::Agent(work) => format!("{} ({})", work.role, work.agent),
        TaskKind::Command(line) => {
            let text = match line {
                crate::mission::model::CommandLine::Argv(argv) => argv.join(" "),
                crate::mission::model::CommandLine::Shell(text) => text.clone(),
            };
            let first = text.trim().lines().next().unwrap_or_default();
            let short: String = first.chars().take(48).collect();
            if short.len() < text.trim().len() { format!("{short} …") } else { short }
        }
    }
}

/// Text inside a quoted label of Mermaid.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => "#quot;".to_owned(),
            '#' => "#35;".to_owned(),
            '<' => "#lt;".to_owned(),
            '>' => "#gt;".to_owned(),
            '\n' | '\r' => " ".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
