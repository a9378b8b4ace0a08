//! Names of branches: rendered but for the run's id, valid for git, no two in each other's way.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::mission::model::{TaskWorkspace, WorkspaceMode, WorkspacePolicy};
use crate::name::TaskId;
use crate::plan::build::{PlanError, render};
use crate::plan::{Plan, Task, TaskKind};

/// What stands for the run's id until there is one.
pub(in crate::plan) const RUN_ID: &str = "{{run.id}}";

/// Gives each task that makes commits its branch; the tasks of a chain share that of the first.
pub(in crate::plan) fn name(
    workspace: &WorkspacePolicy,
    values: &Value,
    tasks: &mut IndexMap<TaskId, Task>,
    errors: &mut Vec<PlanError>,
) {
    if workspace.mode == WorkspaceMode::Directory {
        return;
    }
    let mut owners = Owners::default();
    let firsts: Vec<TaskId> = tasks.keys().map(|id| first(&|id| tasks.get(id), id).clone()).collect();
    for (task, first) in tasks.values_mut().zip(&firsts) {
        if !commits(task) {
            continue;
        }
        match branch(workspace, values, first).and_then(|branch| owners.take(branch, first)) {
            Ok(branch) => task.branch = Some(branch),
            Err(error) => errors.push(error),
        }
    }
    errors.extend(owners.nested());
}

/// As [`name`], for tasks that a run adds to its plan.
pub(in crate::plan) fn of_parts(plan: &Plan, parts: &mut [(TaskId, Task)]) -> Result<(), PlanError> {
    if plan.workspace.mode == WorkspaceMode::Directory {
        return Ok(());
    }
    let firsts: Vec<TaskId> = {
        let new: BTreeMap<&TaskId, &Task> = parts.iter().map(|(id, task)| (id, task)).collect();
        let find = |id: &TaskId| new.get(id).copied().or_else(|| plan.tasks.get(id));
        parts.iter().map(|(id, _)| first(&find, id).clone()).collect()
    };
    let values = json!({
        "inputs": plan.inputs,
        "mission": { "name": plan.mission, "description": plan.description },
    });
    let mut owners = Owners::default();
    for (id, task) in &plan.tasks {
        if let Some(branch) = &task.branch {
            owners.0.insert(branch.clone(), first(&|id| plan.tasks.get(id), id).clone());
        }
    }
    for ((_, task), first) in parts.iter_mut().zip(&firsts) {
        if commits(task) {
            task.branch = Some(owners.take(branch(&plan.workspace, &values, first)?, first)?);
        }
    }
    owners.nested().into_iter().next().map_or(Ok(()), Err)
}

/// Whether a task's work is kept on a branch.
fn commits(task: &Task) -> bool {
    match &task.kind {
        TaskKind::Agent(_) | TaskKind::Command(_) => task.workspace != TaskWorkspace::ReadOnly,
        TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => false,
    }
}

/// The first task of the chain that a task is in: itself where it is in none.
fn first<'a>(find: &dyn Fn(&TaskId) -> Option<&'a Task>, id: &'a TaskId) -> &'a TaskId {
    let mut at = id;
    // A circle of them is found elsewhere: here it only must not go on for ever.
    for _ in 0..LONGEST_CHAIN {
        match find(at).map(|task| &task.workspace) {
            Some(TaskWorkspace::With(before)) => at = before,
            Some(TaskWorkspace::Own | TaskWorkspace::ReadOnly) | None => return at,
        }
    }
    at
}

/// Most tasks in one worktree.
const LONGEST_CHAIN: usize = 100_000;

/// Branches, and the task, or first of a chain, that each is of.
#[derive(Default)]
struct Owners(BTreeMap<String, TaskId>);

impl Owners {
    fn take(&mut self, branch: String, first: &TaskId) -> Result<String, PlanError> {
        let integration = format!("ai-sdlc/{RUN_ID}/integration");
        if in_the_way(&branch, &integration) {
            return Err(PlanError::new(format!(
                "the branch of task `{first}`, `{branch}`, cannot exist beside `{integration}`"
            ))
            .help("leave that name to the integration branch"));
        }
        match self.0.insert(branch.clone(), first.clone()) {
            Some(other) if other != *first => {
                Err(PlanError::new(format!("the tasks `{other}` and `{first}` have the same branch, `{branch}`"))
                    .help("put `{{task.id}}` into `[workspace] branch`"))
            }
            Some(_) | None => Ok(branch),
        }
    }

    /// Git keeps no branch `a` beside a branch `a/b`.
    fn nested(&self) -> Vec<PlanError> {
        let mut errors = Vec::new();
        for (branch, task) in &self.0 {
            for shorter in branch.match_indices('/').filter_map(|(at, _)| branch.get(..at)) {
                if let Some(other) = self.0.get(shorter) {
                    errors.push(PlanError::new(format!(
                        "the branches `{shorter}` (task `{other}`) and `{branch}` (task `{task}`) cannot exist together"
                    )));
                }
            }
        }
        errors
    }
}

/// Whether two names of branches are one, or one is a folder of the other.
fn in_the_way(one: &str, two: &str) -> bool {
    let within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    one == two || within(one, two) || within(two, one)
}

fn branch(workspace: &WorkspacePolicy, values: &Value, task: &TaskId) -> Result<String, PlanError> {
    let mut values = values.clone();
    if let Some(keys) = values.as_object_mut() {
        keys.insert("run".to_owned(), json!({ "id": RUN_ID }));
        keys.insert("task".to_owned(), json!({ "id": task.path_name() }));
    }
    let branch = render("`[workspace] branch`", &workspace.branch, &values)?;
    match refused(&branch.replace(RUN_ID, "run")) {
        None => Ok(branch),
        Some(why) => Err(PlanError::new(format!("`{branch}` (task `{task}`) cannot be a branch: {why}"))),
    }
}

/// Why git refuses this name of a branch; `None` where it takes it.
pub(in crate::plan) fn refused(name: &str) -> Option<&'static str> {
    let bad = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    let bad_part = |part: &str| {
        let ends_in_lock =
            part.get(part.len().saturating_sub(5)..).is_some_and(|ending| ending.eq_ignore_ascii_case(".lock"));
        part.is_empty() || part.starts_with('.') || ends_in_lock
    };
    if name.is_empty() || name == "@" || name == "HEAD" {
        Some("it names no branch")
    } else if name.starts_with('-') {
        Some("it begins with `-`")
    } else if name.contains(bad) {
        Some("it holds a space or one of `~^:?*[\\`")
    } else if name.contains("..") || name.contains("@{") || name.ends_with('.') {
        Some("it holds `..` or `@{`, or ends in `.`")
    } else if name.split('/').any(bad_part) {
        Some("a part between `/` is empty, begins with `.`, or ends in `.lock`")
    } else {
        None
    }
}
