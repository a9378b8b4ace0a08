//! What is shown before a run: tasks in order, who does them, what they may use, which may meet.

use crate::amount::{Ceiling, often};
use crate::catalog::choose::MOST;
use crate::mission::model::{
    CommandLine, Deliver, Importance, ListSource, Permissions, Strategy, TaskWorkspace, Touches, WorkspaceMode,
};
use crate::mission::sandbox::SandboxMode;
use crate::name::{AgentName, TaskId};
use crate::plan::forecast::{Clash, ClashKind, Other, Otherwise, schedule};
use crate::plan::foreseen::flat;
use crate::plan::graph::Edges;
use crate::plan::instantiate::foreseen;
use crate::plan::ranking::Unranked;
use crate::plan::{AgentWork, Each, Plan, ReportsUse, SubMission, Task, TaskKind};
use crate::report::{Look, coarse, command_text, one_line, plural, safe, shorten};

/// How many tasks are shown.
const MOST_TASKS: usize = 60;
/// Columns that a command may take.
const COMMAND_COLUMNS: usize = 90;
/// How many of the conflicts foreseen are shown.
const MOST_CLASHES: usize = 12;
/// Of the tasks and files of one, so many are named.
const NAMED: usize = 3;

/// The plan for people, with what may conflict.
pub fn text(plan: &Plan, clashes: &[Clash], look: Look) -> String {
    let what_for = if plan.description.is_empty() { String::new() } else { format!(": {}", safe(&plan.description)) };
    let mut out = vec![format!("Mission {}{what_for}", plan.mission)];
    out.push(format!("  file       {}", safe(&plan.file)));
    for (id, value) in &plan.inputs {
        out.push(format!("  input      {id} = {}", shorten(&safe(&value.to_string()), 90, look)));
    }
    out.push(format!("  may use    {}; {} at once", ceiling(&plan.budget.ceiling), plural_max(plan)));
    out.push(format!("  work       {}", workspace(plan, look)));
    out.push(format!("  sandbox    {}", sandbox(plan)));
    out.push(format!("  merging    {}", merging(plan, look)));
    out.push(String::new());
    out.push(format!("{} in this order, as soon as what they need is there:", plural(plan.tasks.len(), "task")));
    let flat = flat(plan);
    let order = Edges::of(plan).order;
    for (number, index) in order.iter().take(MOST_TASKS).enumerate() {
        if let Some((id, task)) = plan.tasks.get_index(*index) {
            out.push(format!("{:>3} {id}{}", number + 1, after(task)));
            out.extend(details(&flat, (id, task), look).into_iter().map(|row| format!("      {row}")));
        }
    }
    if let Some(more @ 1..) = plan.tasks.len().checked_sub(MOST_TASKS) {
        out.push(format!("    and {}", plural(more, "more task")));
    }
    out.push(String::new());
    out.extend(outlook(plan, look));
    out.extend(foreseen_conflicts(clashes, look));
    out.push(String::new());
    out.join("\n")
}

/// How long it takes by the estimates, and what it costs at worst.
fn outlook(plan: &Plan, look: Look) -> Vec<String> {
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
    let silent = |name: &AgentName| plan.agents.get(name).is_some_and(|agent| agent.reports == ReportsUse::No);
    let on_top = |name: &AgentName| worst.usd.is_some() || (worst.tokens.is_some() && silent(name));
    let unknown = plan.costs_unknown().into_iter().filter(|(agent, _)| on_top(agent));
    rows.extend(unknown.map(|(agent, why)| format!("What `{agent}` costs comes on top: {}.", safe(&why))));
    let own = plan.own_models().into_iter();
    rows.extend(own.map(|agent| {
        format!(
            "Where no model is named, `{agent}` takes the one that it is set to: `[agents.{agent}] models` names some."
        )
    }));
    let unranked: Vec<&str> = plan.unranked().iter().map(|one| one.session.as_str()).collect();
    if !unranked.is_empty() {
        let of = shorten(&safe(&unranked.join(", ")), 100, look);
        rows.push(format!("When it runs, an agent is asked first which skills fit for {of}."));
    }
    rows
}

/// What may conflict, for those who are not shown the plan.
pub fn conflicts(clashes: &[Clash], look: Look) -> String {
    let rows = foreseen_conflicts(clashes, look);
    if rows.is_empty() { String::new() } else { rows.join("\n") + "\n" }
}

/// What may conflict, the most severe first.
fn foreseen_conflicts(clashes: &[Clash], look: Look) -> Vec<String> {
    if clashes.is_empty() {
        return Vec::new();
    }
    let mut rows = vec![String::new(), "Conflicts foreseen:".to_owned()];
    let row =
        |clash: &Clash| format!("  {:<6}  {}", clash.severity.word(), shorten(&safe(&in_words(clash)), 150, look));
    rows.extend(clashes.iter().take(MOST_CLASHES).map(row));
    if let Some(more @ 1..) = clashes.len().checked_sub(MOST_CLASHES) {
        rows.push(format!("  and {more} more"));
    }
    rows
}

fn in_words(clash: &Clash) -> String {
    let files = named(&clash.files, clash.more);
    let tasks = named_tasks(&clash.tasks);
    match (&clash.other, clash.kind) {
        (None, ClashKind::Waits) => format!("{tasks} may change the same files ({files}): one waits for the other."),
        (None, ClashKind::Unsaid | ClashKind::Changed | ClashKind::Planned) => format!(
            "{} do not say what they change (`touches`), so conflicts between them are not foreseen.",
            plural(clash.tasks.len(), "task")
        ),
        (Some(other), ClashKind::Planned) if clash.files.is_empty() => {
            let silent =
                if other.tasks.len() == 1 { "does not say what it changes" } else { "do not say what they change" };
            format!("{} {silent}; {}.", named_tasks(&other.tasks), run_in_words(other))
        }
        (Some(other), ClashKind::Planned) => {
            format!("{tasks} and {} may change {files}; {}.", named_tasks(&other.tasks), run_in_words(other))
        }
        (Some(other), ClashKind::Changed | ClashKind::Waits | ClashKind::Unsaid) => {
            format!("{tasks} may change {files}, which {} has changed.", run_in_words(other))
        }
    }
}

fn run_in_words(other: &Other) -> String {
    let state = match other.state {
        Otherwise::Live => "live",
        Otherwise::Interrupted => "interrupted",
    };
    format!("run {} of {} ({state})", other.run, other.mission)
}

fn named_tasks(tasks: &[TaskId]) -> String {
    let names: Vec<String> = tasks.iter().map(ToString::to_string).collect();
    named(&names, 0)
}

/// The first few, and how many more.
fn named(names: &[String], more: usize) -> String {
    let more = names.len().saturating_sub(NAMED).saturating_add(more);
    let shown: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    match (shown.as_slice(), more) {
        ([one, two], 0) => format!("{one} and {two}"),
        (shown, 0) => shown.join(", "),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
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

/// What tasks may write, as the plan has it: whether the system sees to that is told when they begin.
fn sandbox(plan: &Plan) -> String {
    let policy = &plan.workspace.sandbox;
    let mode = policy.mode.unwrap_or_default();
    let named: Vec<&str> = policy.writable.iter().map(String::as_str).collect();
    let named = if named.is_empty() { String::new() } else { format!(", and {}", named.join(", ")) };
    let open = match mode {
        SandboxMode::Off => return "off: tasks may write wherever you may".to_owned(),
        SandboxMode::Auto => "where the system can, tasks write only to",
        SandboxMode::Required => "tasks write only to",
    };
    let mut words = vec![format!("{open} their workspace, temporary and cache folders{named}")];
    for (name, agent) in &plan.agents {
        if !agent.writable.is_empty() {
            words.push(format!("sessions of {name} to {}", agent.writable.join(", ")));
        }
        if !agent.sandbox.is_engine() {
            words.push(format!("{name} brings a sandbox of its own"));
        }
    }
    safe(&words.join("; "))
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

/// What is still open about the skills of a task.
fn skills_of<'a>(plan: &'a Plan, task: &TaskId) -> Option<&'a Unranked> {
    plan.unranked().iter().find(|one| one.session == task.as_str())
}

/// What a task is, in rows; of a group what it comes to. `flat` holds the parts that are known before a run.
fn details(flat: &Plan, (id, task): (&TaskId, &Task), look: Look) -> Vec<String> {
    let mut rows: Vec<String> =
        task.when.iter().map(|when| format!("only if {}", one_line(when, COMMAND_COLUMNS, look))).collect();
    match &task.kind {
        TaskKind::Command(command) => {
            rows.push(format!("runs `{}`", one_line(&command_text(command), COMMAND_COLUMNS, look)));
        }
        TaskKind::Agent(work) => rows.extend(agent(work, skills_of(flat, id))),
        TaskKind::Gate(question) => {
            rows.push(format!("asks a person: {}", one_line(question, COMMAND_COLUMNS, look)));
        }
        TaskKind::Each(each) => {
            rows.push(instances(flat, id, each, look));
            rows.extend(details(flat, (id, &each.body), look).into_iter().map(|row| format!("  {row}")));
        }
        TaskKind::Mission(work) => rows.extend(mission(flat, (id, work), look)),
    }
    if !task.is_group() {
        rows.extend(terms(task, look));
    } else if !task.budget.is_none() {
        rows.push(format!("{} in all", ceiling(&task.budget)));
    }
    rows.into_iter().map(|row| shorten(&safe(&row), 150, look)).collect()
}

/// The instances of a task: by name where they are known, else what makes them.
fn instances(flat: &Plan, id: &TaskId, each: &Each, look: Look) -> String {
    if let Some(Ok(parts)) = foreseen(flat, id) {
        let keys: Vec<&str> = parts.iter().map(|(part, _)| part.key().unwrap_or_default()).collect();
        return match keys.as_slice() {
            [] => "no instance: its list is empty".to_owned(),
            keys => {
                let times = look.or("×", "x");
                format!("{times}{}: {}", keys.len(), shorten(&keys.join(", "), COMMAND_COLUMNS, look))
            }
        };
    }
    let lists: Vec<String> = each
        .variables
        .iter()
        .map(|(variable, list)| match list {
            ListSource::Cel(text) => format!("{variable} in {}", one_line(text, COMMAND_COLUMNS, look)),
            ListSource::Values(values) => format!("{variable} in {}", plural(values.len(), "value")),
        })
        .collect();
    format!("one for each {} (at most {})", lists.join(" and "), each.max_instances)
}

/// The tasks of a mission used as a task, indented.
fn mission(flat: &Plan, (id, work): (&TaskId, &SubMission), look: Look) -> Vec<String> {
    let mut rows = vec![format!("the {} of mission {}:", plural(work.tasks.len(), "task"), work.name)];
    for (local, task) in work.tasks.iter().take(MOST_TASKS) {
        rows.push(format!("  {local}{}", after(task)));
        let part = id.child(local);
        rows.extend(details(flat, (&part, task), look).into_iter().map(|row| format!("    {row}")));
    }
    rows
}

/// How a task is accepted, and what it may take.
fn terms(task: &Task, look: Look) -> Vec<String> {
    let mut rows = Vec::new();
    let rounds = plural_u32(task.rounds.get(), "round");
    let checks: Vec<String> = commands(&task.checks, look);
    if !checks.is_empty() {
        rows.push(format!("accepted when `{}` passes, in at most {rounds}", checks.join("`, `")));
    }
    if let Some(review) = &task.review {
        let model = review.model.as_ref().map(|model| format!(" ({model})")).unwrap_or_default();
        rows.push(format!("reviewed by {} ({}{model}), in at most {rounds}", review.role, review.agent));
    }
    if !task.rework.is_empty() {
        let back: Vec<&str> = task.rework.iter().map(TaskId::as_str).collect();
        rows.push(format!("may send back {}, at most {}", back.join(", "), often(task.rounds.get())));
    }
    if task.importance == Importance::Optional {
        rows.push("its failure does not count".to_owned());
    }
    if matches!(task.kind, TaskKind::Gate(_)) {
        return rows;
    }
    let mut limits = vec![format!("{} a round", coarse(task.timeout))];
    if !task.budget.is_none() {
        limits.insert(0, ceiling(&task.budget));
    }
    if task.retry.max > 0 {
        limits.push(format!("{} more after a failure", plural_u32(task.retry.max, "attempt")));
    }
    limits.extend(task.touches.as_ref().map(|globs| touches(globs)));
    limits.extend(task.late_touches.as_ref().map(late_touches));
    limits.extend(match &task.workspace {
        TaskWorkspace::Own => None,
        TaskWorkspace::ReadOnly => Some("in a worktree that is thrown away".to_owned()),
        TaskWorkspace::With(other) => Some(format!("in the worktree of {other}")),
    });
    if !task.locks.is_empty() {
        limits.push(format!("alone with {}", task.locks.join(", ")));
    }
    rows.push(limits.join("; "));
    rows
}

fn late_touches(touches: &Touches) -> String {
    match touches {
        Touches::Globs(globs) => format!("may change {}", globs.join(", ")),
        Touches::Cel(text) => format!("may change what `{text}` says"),
    }
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

fn agent(work: &AgentWork, unranked: Option<&Unranked>) -> Vec<String> {
    let model = work.model.as_ref().map(|model| format!(" ({model})")).unwrap_or_default();
    let permissions = match work.permissions {
        Permissions::Read => ", may only read",
        Permissions::Edit => "",
        Permissions::Full => ", may do everything",
    };
    let mut rows = vec![format!("{} by {}{model}{permissions}", work.role, work.agent)];
    if let Some(Unranked { given, candidates, .. }) = unranked {
        let all = given.len().saturating_add(candidates.len());
        rows.push(format!("skills: up to {} of {all}, ranked by the agent when it runs", MOST.max(given.len())));
    } else if !work.skills.is_empty() {
        let skills: Vec<&str> = work.skills.iter().map(crate::name::SkillName::as_str).collect();
        rows.push(format!("skills: {}", skills.join(", ")));
    }
    rows
}
