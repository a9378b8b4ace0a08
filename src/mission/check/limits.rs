//! Tasks that cannot do what they are to do, and `touches` that leave no two tasks side by side.

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::fields::globs_of;
use crate::mission::check::marker::Marker;
use crate::mission::field::glob::is_everything;
use crate::mission::field::late::TouchesText;
use crate::mission::field::place::PlaceText;
use crate::mission::file::TaskFile;
use crate::mission::model::{Permissions, TaskWorkspace, Touches, WorkspaceMode};
use crate::name::LocalTaskId;

impl<'a> Scene<'a> {
    /// What sessions of a task may do: its own word, its role's, the defaults'.
    pub fn permissions_of(&self, task: &'a TaskFile) -> Permissions {
        let role = self.role_of(task);
        let of_role = role.and_then(|role| self.file.roles.get(role)?.permissions);
        let of_template = role.and_then(|role| self.template_of(role)?.permissions);
        let of_defaults = self.file.defaults.as_ref().and_then(|defaults| defaults.permissions);
        task.permissions.or(of_role).or(of_template).or(of_defaults).unwrap_or_default()
    }

    /// True where a task may leave changes.
    pub fn may_change(&self, task: &'a TaskFile) -> bool {
        let touches_nothing = task.touches == Some(TouchesText(Touches::Globs(Vec::new())));
        let thrown_away = matches!(task.workspace, Some(PlaceText(TaskWorkspace::ReadOnly)));
        let reads_only = task.prompt.is_some() && self.permissions_of(task) == Permissions::Read;
        !touches_nothing && !thrown_away && !reads_only
    }
}

/// Checks both.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, task) in &scene.file.tasks {
        let wants = !globs_of(task).is_empty();
        if wants && !scene.may_change(task) {
            let span = marker.value(&format!("/tasks/{id}/touches"));
            let read_only = matches!(task.workspace, Some(PlaceText(TaskWorkspace::ReadOnly)));
            let (why, help) = if read_only {
                ("its workspace is read-only", "give it a workspace of its own, or remove `touches`")
            } else {
                ("its permissions are `read`", "set `permissions = \"edit\"`, or remove `touches`")
            };
            marker.warning(codes::PERMISSIONS, span, format!("task `{id}` is to change files, but {why}")).help(help);
        }
    }
    if side_by_side(scene) {
        instances(scene, marker);
        sequence(scene, marker);
    }
}

/// True where tasks of this mission may run at once at all.
fn side_by_side(scene: &Scene<'_>) -> bool {
    let file = scene.file;
    let one_at_a_time = file.concurrency.as_ref().and_then(|concurrency| concurrency.max).is_some_and(|max| max.0 == 1);
    let directory = file.workspace.as_ref().is_some_and(|workspace| workspace.mode == WorkspaceMode::Directory);
    !one_at_a_time && !directory && scene.graph.is_whole()
}

/// Instances of one task that may all touch the same.
fn instances(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, task) in scene.file.tasks.iter().filter(|(_, task)| task.for_each.is_some()) {
        let globs = globs_of(task);
        let Some(same) = globs.iter().position(|glob| !glob.contains("{{")) else { continue };
        let span = marker.value(&format!("/tasks/{id}/touches/{same}"));
        let variable = task.for_each.iter().flatten().next().map_or("part", |(name, _)| name.as_str());
        marker
            .warning(
                codes::ALL_IN_SEQUENCE,
                span,
                format!("all instances of `{id}` may touch the same files: they never run side by side"),
            )
            .help(format!("make it of a variable, such as `{{{{{variable}}}}}/**`, or leave `touches` out"));
    }
}

/// Two tasks that nothing orders, each of which may touch everything.
fn sequence(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let file = scene.file;
    let everything = |task: &TaskFile| globs_of(task).iter().position(|glob| is_everything(glob));
    let greedy: Vec<(&LocalTaskId, usize)> =
        file.tasks.iter().filter_map(|(id, task)| Some((id, everything(task)?))).take(100).collect();
    let pair = greedy.iter().enumerate().find_map(|(at, one)| {
        let free = |other: &&(&LocalTaskId, usize)| {
            !scene.graph.is_upstream(other.0, one.0) && !scene.graph.is_upstream(one.0, other.0)
        };
        greedy.iter().skip(at + 1).find(free).map(|other| (one, other))
    });
    if let Some(((one, one_at), (other, other_at))) = pair {
        let first = marker.value(&format!("/tasks/{one}/touches/{one_at}"));
        let span = marker.value(&format!("/tasks/{other}/touches/{other_at}"));
        marker
            .warning(
                codes::ALL_IN_SEQUENCE,
                span,
                format!("`{one}` and `{other}` may both touch everything: they never run side by side"),
            )
            .help("narrow `touches`, or leave it out")
            .related(first, format!("`{one}` may touch everything too"));
    }
}
