//! The graph as text: for a terminal, for Mermaid, for Graphviz, as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Edges;
use crate::amount::Millis;
use crate::name::TaskId;
use crate::plan::instantiate::foreseen;
use crate::plan::{Plan, SubMission, Task, TaskKind};

/// How many instances are named.
const KEYS: usize = 8;

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
            let _infallible = writeln!(text, "{number:>3}  {id:width$}  {}{}", who(plan, id, task), around(task));
            nested(plan, (id, task), 1, &mut text);
        }
    }
    text
}

/// The tasks of a mission used as a task, indented.
fn nested(plan: &Plan, (id, task): (&TaskId, &Task), depth: usize, text: &mut String) {
    let work = match &task.kind {
        TaskKind::Mission(work) => work,
        TaskKind::Each(each) => return nested(plan, (id, &each.body), depth, text),
        TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) => return,
    };
    let width = work.tasks.keys().map(|id| id.as_str().len()).max().unwrap_or(0).min(32);
    for (local, task) in &work.tasks {
        let (part, before) = (id.child(local), " ".repeat(3 + 4 * depth));
        let _infallible = writeln!(text, "{before}{local:width$}  {}{}", who(plan, &part, task), around(task));
        nested(plan, (&part, task), depth + 1, text);
    }
}

/// What comes before a task, and what it sends back.
fn around(task: &Task) -> String {
    let list = |ids: &[TaskId]| ids.iter().map(TaskId::as_str).collect::<Vec<_>>().join(", ");
    let after = if task.needs.is_empty() { String::new() } else { format!("  <- {}", list(&task.needs)) };
    let back = if task.rework.is_empty() { String::new() } else { format!("  ~> {}", list(&task.rework)) };
    after + &back
}

/// The graph as a Mermaid flow chart; what a mission used as a task holds stands in a box of its own.
pub fn mermaid(plan: &Plan) -> String {
    let mut text = "flowchart LR\n".to_owned();
    let tasks: Vec<(TaskId, &Task)> = plan.tasks.iter().map(|(id, task)| (id.clone(), task)).collect();
    boxes(plan, (&tasks, None), 1, &mut text);
    text
}

/// The tasks of a mission and what is between them, `depth` boxes deep.
fn boxes(plan: &Plan, (tasks, within): (&[(TaskId, &Task)], Option<&TaskId>), depth: usize, text: &mut String) {
    let indent = "    ".repeat(depth);
    // `end` and the like are words of Mermaid: a letter in front makes every id safe.
    let name = |id: &TaskId| format!("t_{}", id.as_str().replace('/', "__"));
    for (id, task) in tasks {
        let label = format!("{}<br/>{}", plain(&task.title), plain(&who(plan, id, task)));
        if let Some(work) = inner(task) {
            let _infallible = writeln!(text, "{indent}subgraph {}[\"{label}\"]", name(id));
            let tasks: Vec<_> = work.tasks.iter().map(|(local, task)| (id.child(local), task)).collect();
            boxes(plan, (&tasks, Some(id)), depth + 1, text);
            let _infallible = writeln!(text, "{indent}end");
            continue;
        }
        let (open, close) = match task.kind {
            TaskKind::Agent(_) => ("(\"", "\")"),
            TaskKind::Command(_) => ("[\"", "\"]"),
            TaskKind::Gate(_) => ("{{\"", "\"}}"),
            TaskKind::Each(_) | TaskKind::Mission(_) => ("[[\"", "\"]]"),
        };
        let _infallible = writeln!(text, "{indent}{}{open}{label}{close}", name(id));
    }
    let whole = |local: &TaskId| within.map_or_else(|| local.clone(), |within| within.child(local));
    for (id, task) in tasks {
        for need in &task.needs {
            let _infallible = writeln!(text, "{indent}{} --> {}", name(&whole(need)), name(id));
        }
        for back in &task.rework {
            let _infallible = writeln!(text, "{indent}{} -. rework .-> {}", name(id), name(&whole(back)));
        }
    }
}

/// The mission that a task, or each of its instances, is.
fn inner(task: &Task) -> Option<&SubMission> {
    match &task.kind {
        TaskKind::Mission(work) => Some(work),
        TaskKind::Each(each) => inner(&each.body),
        TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) => None,
    }
}

/// The graph for Graphviz.
pub fn dot(plan: &Plan) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " "));
    let mut text = format!("digraph {} {{\n    rankdir=LR;\n", quote(plan.mission.as_str()));
    for (id, task) in &plan.tasks {
        let shape = match task.kind {
            TaskKind::Agent(_) => "ellipse",
            TaskKind::Command(_) => "box",
            TaskKind::Gate(_) => "diamond",
            TaskKind::Each(_) | TaskKind::Mission(_) => "box3d",
        };
        let _infallible = writeln!(text, "    {} [label={}, shape={shape}];", quote(id.as_str()), quote(&task.title));
    }
    for (id, task) in &plan.tasks {
        for need in &task.needs {
            let _infallible = writeln!(text, "    {} -> {};", quote(need.as_str()), quote(id.as_str()));
        }
        for back in &task.rework {
            let (id, back) = (quote(id.as_str()), quote(back.as_str()));
            let _infallible = writeln!(text, "    {id} -> {back} [style=dashed, label=rework, constraint=false];");
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
                "kind": kind_word(&task.kind),
                "who": who(plan, id, task),
                "needs": task.needs,
                "rework": task.rework,
                "parts": parts(plan, id, task),
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

/// The kind of a task, as it is written in JSON.
fn kind_word(kind: &TaskKind) -> &'static str {
    match kind {
        TaskKind::Agent(_) => "agent",
        TaskKind::Command(_) => "command",
        TaskKind::Gate(_) => "gate",
        TaskKind::Each(_) => "for-each",
        TaskKind::Mission(_) => "mission",
    }
}

/// The parts of a group as far as they are known before a run: their ids; null where a run finds them out.
fn parts(plan: &Plan, id: &TaskId, task: &Task) -> Value {
    if !task.is_group() {
        return json!([]);
    }
    match foreseen(plan, id) {
        Some(Ok(parts)) => parts.into_iter().map(|(id, _)| Value::String(id.to_string())).collect(),
        Some(Err(_)) | None => Value::Null,
    }
}

/// Who does a task: a role and its agent, or the command; and who reviews it.
fn who(plan: &Plan, id: &TaskId, task: &Task) -> String {
    let review = task.review.as_ref().map(|review| format!(", reviewed by {}", review.role)).unwrap_or_default();
    doer(plan, id, task) + &review
}

fn doer(plan: &Plan, id: &TaskId, task: &Task) -> String {
    match &task.kind {
        TaskKind::Gate(_) => "a person".to_owned(),
        TaskKind::Each(each) => {
            let body = who(plan, id, &each.body);
            if let Some(Ok(parts)) = foreseen(plan, id) {
                let keys: Vec<&str> = parts.iter().take(KEYS).filter_map(|(part, _)| part.key()).collect();
                let more = if parts.len() > KEYS { ", …" } else { "" };
                return format!("{body}, {} times: {}{more}", parts.len(), keys.join(", "));
            }
            let names: Vec<&str> = each.variables.keys().map(crate::name::VarId::as_str).collect();
            format!("{body}, for each {} (at most {})", names.join(" and "), each.max_instances)
        }
        TaskKind::Mission(work) => format!("mission {}", work.name),
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
