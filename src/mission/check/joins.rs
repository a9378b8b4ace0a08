//! When tasks start, and what is skipped or delivered without a word.

use std::collections::BTreeSet;

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::kinds::Kind;
use crate::mission::check::marker::Marker;
use crate::mission::file::TaskFile;
use crate::mission::model::{Deliver, Join};
use crate::name::LocalTaskId;

/// Checks joins, skips and deliveries.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, task) in &scene.file.tasks {
        let unsure = scene.is_unsure(&format!("/tasks/{id}/needs"));
        if task.needs.is_empty() && matches!(task.join, Join::NoneFailed | Join::AllDone) && !unsure {
            let span = marker.key(&format!("/tasks/{id}/join"));
            marker
                .error(codes::LONE_KEY, span, "`join` has no meaning without `needs`")
                .help("add `needs`, remove `join`, or set it to `always`: then the task comes after all others");
        }
        skipped(scene, id, task, marker);
    }
    last(scene, marker);
    delivered(scene, marker);
}

/// A task that is skipped whenever one that it needs is.
fn skipped(scene: &Scene<'_>, id: &LocalTaskId, task: &TaskFile, marker: &mut Marker<'_>) {
    if task.join != Join::AllSuccess || task.when.is_some() || scene.left_out.contains(&format!("/tasks/{id}/join")) {
        return;
    }
    let of = |need: &LocalTaskId| scene.file.tasks.get(need).filter(|need| need.when.is_some() && !varies(need));
    let Some((at, need)) = task.needs.iter().enumerate().find(|(_, need)| of(need).is_some()) else { return };
    let span = marker.value(&format!("/tasks/{id}/needs/{at}"));
    let there = marker.key(&format!("/tasks/{need}/when"));
    marker
        .warning(codes::SKIPPED_TOO, span, format!("task `{id}` is skipped whenever `{need}` is"))
        .help("set `join = \"none-failed\"` if it is to run all the same, or give it the same `when`")
        .related(there, format!("`{need}` has a condition"));
}

/// True where a condition is about instances: then they are skipped and not the whole.
fn varies(task: &TaskFile) -> bool {
    let Some(lists) = &task.for_each else { return false };
    let when = task.when.as_deref().unwrap_or_default();
    crate::expression::Expression::parse(when).is_ok_and(|when| {
        when.uses().iter().any(|found| found.path.first().is_some_and(|root| lists.contains_key(root.as_str())))
    })
}

/// What comes after everything else cannot come before something.
fn last(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, task) in &scene.file.tasks {
        for (at, need) in task.needs.iter().enumerate() {
            let Some(other) = scene.file.tasks.get(need) else { continue };
            let is_last = other.join == Join::Always && other.needs.is_empty();
            if is_last && !scene.is_unsure(&format!("/tasks/{need}/needs")) {
                let span = marker.value(&format!("/tasks/{id}/needs/{at}"));
                let there = marker.value(&format!("/tasks/{need}/join"));
                marker
                    .error(codes::CYCLE, span, format!("task `{id}` needs `{need}`, which comes after all other tasks"))
                    .help(format!("give `{need}` the `needs` it has, or take it out here"))
                    .related(there, "without `needs`, this means after everything else");
            }
        }
    }
}

/// With `deliver = "each"`, work is in `into` before a gate behind it is answered.
fn delivered(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let Some(merge) = scene.file.merge.as_ref().filter(|merge| merge.deliver == Deliver::Each && merge.into.is_some())
    else {
        return;
    };
    let tasks = &scene.file.tasks;
    let mut open: Vec<&LocalTaskId> = tasks.iter().filter(|(_, task)| task.gate.is_some()).map(|(id, _)| id).collect();
    let mut seen: BTreeSet<&LocalTaskId> = BTreeSet::new();
    while let Some(id) = open.pop() {
        let Some(task) = tasks.get(id).filter(|_| seen.insert(id)) else { continue };
        let is_work = matches!(Kind::of(task), Some(Kind::Agent | Kind::Command | Kind::Mission));
        if is_work && scene.may_change(task) {
            let into = merge.into.as_deref().unwrap_or_default();
            let span = marker.value("/merge/deliver");
            marker
                .warning(
                    codes::DELIVERED_EARLY,
                    span,
                    format!("what `{id}` makes is in `{into}` before the gate behind it is answered"),
                )
                .help("set `deliver = \"end\"`");
            return;
        }
        open.extend(&task.needs);
    }
}
