//! What is shown before a run: tasks in order, who does them, what they may use, which may meet.

use std::collections::BTreeSet;

use crate::amount::Ceiling;
use crate::mission::model::{CommandLine, Deliver, Permissions, Strategy, TaskWorkspace, WorkspaceMode};
use crate::name::TaskId;
use crate::plan::forecast::{conflicts, schedule};
use crate::plan::graph::Edges;
use crate::plan::{AgentWork, Plan, Task, TaskKind};
use crate::report::{Look, coarse, command_text, one_line, plural, safe, shorten};

/// How many tasks are shown.
const MOST_TASKS: usize = 60;
/// Of how many tasks it is looked up whether they may meet.
const MOST_OPEN: usize = 100;
/// Columns that a command may take.
const COMMAND_COLUMNS: usize = 90;
/// How many pairs of tasks that wait for each other are shown.
const MOST_MEETINGS: usize = 8;

/// The plan for people.
pub fn text(plan: &Plan, look: Look) -> String {
    let what_for = if plan.description.is_empty() { String::new() } else { format!(": {}", safe(&plan.description)) };
    let mut out = vec![format!("Mission {}{what_for}", plan.mission)];
    out.push(format!("  file       {}", safe(&plan.file)));
    for (id, value) in &plan.inputs {
        out.push(format!("  input      {id} = {}", shorten(&safe(&value.to_string()), 90, look)));
    }
    out.push(format!("  may use    {}; {} at once", ceiling(&plan.budget.ceiling), plural_max(plan)));
    out.push(format!("  work       {}", workspace(plan, look)));
    out.push(format!("  merging    {}", merging(plan, look)));
    out.push(String::new());
    out.push(format!("{} in this order, as soon as what they need is there:", plural(plan.tasks.len(), "task")));
    let order = Edges::of(plan).order;
    for (number, index) in order.iter().take(MOST_TASKS).enumerate() {
        if let Some((id, task)) = plan.tasks.get_index(*index) {
            out.push(format!("{:>3} {id}{}", number + 1, after(task)));
            out.extend(details(task, look).into_iter().map(|row| format!("      {row}")));
        }
    }
    if let Some(more @ 1..) = plan.tasks.len().checked_sub(MOST_TASKS) {
        out.push(format!("    and {}", plural(more, "more task")));
    }
    out.push(String::new());
    out.extend(foreseen(plan, look));
    out.push(String::new());
    out.join("\n")
}

/// How long it takes by the estimates, what it costs at worst, and which tasks keep each other waiting.
fn foreseen(plan: &Plan, look: Look) -> Vec<String> {
    let forecast = schedule(plan);
    let path: Vec<String> = forecast.critical_path.iter().map(ToString::to_string).collect();
    let path = shorten(&path.join(look.or(" → ", " > ")), 100, look);
    let mut rows =
        vec![format!("By the estimates it takes {}; the longest path is {path}.", coarse(forecast.makespan))];
    let worst = forecast.worst;
    let worst = Ceiling {
        usd: worst.usd.filter(|usd| usd.0 > 0),
        tokens: worst.tokens.filter(|tokens| tokens.0 > 0),
        time: worst.time,
    };
    if !worst.is_none() {
        rows.push(format!("At worst it uses {}.", ceiling(&worst).trim_start_matches("at most ")));
    }
    rows.extend(unforeseen(plan));
    let meetings = conflicts(plan);
    rows.extend(meetings.iter().take(MOST_MEETINGS).map(|meeting| {
        format!("{} and {} may change the same files: one waits for the other.", meeting.one, meeting.two)
    }));
    if let Some(more @ 1..) = meetings.len().checked_sub(MOST_MEETINGS) {
        rows.push(format!("So may {} more.", plural(more, "pair")));
    }
    rows
}

/// What cannot be foreseen: tasks of which nobody knows what they change.
fn unforeseen(plan: &Plan) -> Option<String> {
    let side_by_side = plan.max.get() > 1 && plan.workspace.mode == WorkspaceMode::Worktree;
    let open: Vec<&TaskId> = plan.tasks.iter().filter(|(_, task)| is_open(task)).map(|(id, _)| id).collect();
    let above: Vec<BTreeSet<&TaskId>> = open.iter().take(MOST_OPEN).map(|id| ancestors(plan, id)).collect();
    let free = |one: usize, two: usize| match (above.get(one), above.get(two), open.get(one), open.get(two)) {
        (Some(of_one), Some(of_two), Some(one), Some(two)) => !of_one.contains(two) && !of_two.contains(one),
        _ => false,
    };
    let meets = |one: &usize| (0..above.len()).any(|two| two != *one && free(*one, two));
    match (0..above.len()).filter(meets).count() {
        0 => None,
        count if side_by_side => Some(format!(
            "{count} tasks do not say what they change (`touches`), so conflicts between them are not foreseen."
        )),
        _ => None,
    }
}

/// Whether it may change whatever it likes, in a worktree whose changes are merged.
fn is_open(task: &Task) -> bool {
    let reads = match &task.kind {
        TaskKind::Agent(work) => work.permissions == Permissions::Read,
        TaskKind::Command(_) => false,
    };
    task.touches.is_none() && task.workspace == TaskWorkspace::Own && !reads
}

/// All that comes before a task.
fn ancestors<'a>(plan: &'a Plan, task: &TaskId) -> BTreeSet<&'a TaskId> {
    let needs = |id: &TaskId| plan.tasks.get(id).map(|task| task.needs.iter()).unwrap_or_default();
    let mut found = BTreeSet::new();
    let mut open: Vec<&TaskId> = needs(task).collect();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(needs(next));
        }
    }
    found
}

fn plural_max(plan: &Plan) -> String {
    plural(usize::try_from(plan.max.get()).unwrap_or(usize::MAX), "task")
}

fn ceiling(ceiling: &Ceiling) -> String {
    let parts: Vec<String> = [
        ceiling.usd.map(|usd| usd.to_string()),
        ceiling.tokens.map(|tokens| format!("{tokens} tokens")),
        ceiling.time.map(coarse),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { "without a ceiling".to_owned() } else { format!("at most {}", parts.join(", ")) }
}

fn workspace(plan: &Plan, look: Look) -> String {
    match plan.workspace.mode {
        WorkspaceMode::Directory => "in this directory itself, one task that writes at a time".to_owned(),
        WorkspaceMode::Worktree => {
            let base = plan.workspace.base.as_deref().or(plan.merge.into.as_deref()).unwrap_or("HEAD");
            let setup: Vec<String> = commands(&plan.workspace.setup, look);
            let setup = if setup.is_empty() { String::new() } else { format!(", each after `{}`", setup.join("`, `")) };
            safe(&format!("a git worktree and a branch a task, from {base}{setup}"))
        }
    }
}

fn merging(plan: &Plan, look: Look) -> String {
    if plan.workspace.mode == WorkspaceMode::Directory {
        return "none".to_owned();
    }
    let how = match plan.merge.strategy {
        Strategy::Squash => "one commit a task",
        Strategy::Merge => "one merge commit a task",
    };
    let checks: Vec<String> = commands(&plan.merge.checks, look);
    let checks = if checks.is_empty() { String::new() } else { format!(", once `{}` passes", checks.join("`, `")) };
    let target = match (&plan.merge.into, plan.merge.deliver) {
        (None, _) => "a branch of its own; none of yours is moved".to_owned(),
        (Some(into), Deliver::End) => format!("{into}, once all tasks are done"),
        (Some(into), Deliver::Each) => format!("{into}, after each task"),
    };
    safe(&format!("{how}{checks}, into {target}"))
}

fn after(task: &Task) -> String {
    let needs: Vec<String> = task.needs.iter().map(ToString::to_string).collect();
    if needs.is_empty() { String::new() } else { format!("  after {}", needs.join(", ")) }
}

fn details(task: &Task, look: Look) -> Vec<String> {
    let mut rows = match &task.kind {
        TaskKind::Command(command) => {
            vec![format!("runs `{}`", one_line(&command_text(command), COMMAND_COLUMNS, look))]
        }
        TaskKind::Agent(work) => agent(work),
    };
    let checks: Vec<String> = commands(&task.checks, look);
    if !checks.is_empty() {
        let rounds = plural(usize::try_from(task.rounds.get()).unwrap_or(usize::MAX), "round");
        rows.push(format!("accepted when `{}` passes, in at most {rounds}", checks.join("`, `")));
    }
    let mut limits = vec![format!("{} a round", coarse(task.timeout))];
    if !task.budget.is_none() {
        limits.insert(0, ceiling(&task.budget));
    }
    if task.retry.max > 0 {
        limits.push(format!("{} more after a failure", plural_u32(task.retry.max, "attempt")));
    }
    limits.extend(task.touches.as_ref().map(|globs| touches(globs)));
    limits.extend(match &task.workspace {
        TaskWorkspace::Own => None,
        TaskWorkspace::ReadOnly => Some("in a worktree that is thrown away".to_owned()),
        TaskWorkspace::With(other) => Some(format!("in the worktree of {other}")),
    });
    if !task.locks.is_empty() {
        limits.push(format!("alone with {}", task.locks.join(", ")));
    }
    rows.push(limits.join("; "));
    rows.into_iter().map(|row| shorten(&safe(&row), 150, look)).collect()
}

fn commands(lines: &[CommandLine], look: Look) -> Vec<String> {
    lines.iter().map(|line| one_line(&command_text(line), COMMAND_COLUMNS, look)).collect()
}

fn plural_u32(count: u32, one: &str) -> String {
    plural(usize::try_from(count).unwrap_or(usize::MAX), one)
}

fn touches(globs: &[String]) -> String {
    if globs.is_empty() { "changes nothing".to_owned() } else { format!("may change {}", globs.join(", ")) }
}

fn agent(work: &AgentWork) -> Vec<String> {
    let model = work.model.as_ref().map(|model| format!(" ({model})")).unwrap_or_default();
    let permissions = match work.permissions {
        Permissions::Read => ", may only read",
        Permissions::Edit => "",
        Permissions::Full => ", may do everything",
    };
    let mut rows = vec![format!("{} by {}{model}{permissions}", work.role, work.agent)];
    if !work.skills.is_empty() {
        let skills: Vec<&str> = work.skills.iter().map(crate::name::SkillName::as_str).collect();
        rows.push(format!("skills: {}", skills.join(", ")));
    }
    rows
}
