//! Names of branches: rendered but for the run's id, valid for git, no two in each other's way.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{PlanError, chains, render};
use crate::mission::model::{TaskWorkspace, WorkspaceMode, WorkspacePolicy};
use crate::name::TaskId;
use crate::plan::Task;

/// What stands for the run's id until there is one.
pub(in crate::plan) const RUN_ID: &str = "{{run.id}}";

/// Gives each task that makes commits its branch; the tasks of a chain share that of the first.
pub(super) fn name(
    workspace: &WorkspacePolicy,
    values: &Value,
    tasks: &mut IndexMap<TaskId, Task>,
    errors: &mut Vec<PlanError>,
) {
    if workspace.mode == WorkspaceMode::Directory {
        return;
    }
    let mut owners: BTreeMap<String, TaskId> = BTreeMap::new();
    let firsts: Vec<TaskId> = tasks.keys().map(|id| chains::first(tasks, id).clone()).collect();
    let integration = format!("ai-sdlc/{RUN_ID}/integration");
    for (index, first) in firsts.iter().enumerate() {
        let Some((id, task)) = tasks.get_index_mut(index) else { continue };
        if task.workspace == TaskWorkspace::ReadOnly {
            continue;
        }
        match branch(workspace, values, first) {
            Ok(branch) if in_the_way(&branch, &integration) => {
                errors.push(
                    PlanError::new(format!(
                        "the branch of task `{id}`, `{branch}`, cannot exist beside `{integration}`"
                    ))
                    .help("leave that name to the integration branch"),
                );
            }
            Ok(branch) => {
                if let Some(other) = owners.get(&branch)
                    && other != first
                {
                    errors.push(
                        PlanError::new(format!("the tasks `{other}` and `{first}` have the same branch, `{branch}`"))
                            .help("put `{{task.id}}` into `[workspace] branch`"),
                    );
                }
                owners.insert(branch.clone(), first.clone());
                task.branch = Some(branch);
            }
            Err(error) => errors.push(error),
        }
    }
    nested(&owners, errors);
}

/// Whether two names of branches are one, or one is a folder of the other.
fn in_the_way(one: &str, two: &str) -> bool {
    let within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    one == two || within(one, two) || within(two, one)
}

/// Git keeps no branch `a` beside a branch `a/b`.
fn nested(owners: &BTreeMap<String, TaskId>, errors: &mut Vec<PlanError>) {
    for (branch, task) in owners {
        let above = branch.match_indices('/').filter_map(|(at, _)| branch.get(..at));
        for shorter in above {
            if let Some(other) = owners.get(shorter) {
                errors.push(PlanError::new(format!(
                    "the branches `{shorter}` (task `{other}`) and `{branch}` (task `{task}`) cannot exist together"
                )));
            }
        }
    }
}

fn branch(workspace: &WorkspacePolicy, values: &Value, task: &TaskId) -> Result<String, PlanError> {
    let mut values = values.clone();
    if let Some(keys) = values.as_object_mut() {
        keys.insert("run".to_owned(), json!({ "id": RUN_ID }));
        keys.insert("task".to_owned(), json!({ "id": task }));
    }
    let branch = render("`[workspace] branch`", &workspace.branch, &values)?;
    match refused(&branch.replace(RUN_ID, "run")) {
        None => Ok(branch),
        Some(why) => Err(PlanError::new(format!("`{branch}` (task `{task}`) cannot be a branch: {why}"))),
    }
}

/// Why git refuses this name of a branch; `None` where it takes it.
pub(super) fn refused(name: &str) -> Option<&'static str> {
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
