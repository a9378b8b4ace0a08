//! A plan with all parts that it tells itself: what a person is shown before a run.

use std::borrow::Cow;

use crate::amount::Millis;
use crate::name::TaskId;
use crate::plan::build::PlanError;
use crate::plan::instantiate::foreseen;
use crate::plan::render::RenderFailure;
use crate::plan::{Plan, Task};

/// Most tasks that are shown so: a plan that comes to more is shown by its groups.
const MOST: usize = 100_000;

/// The plan with the parts of its groups after the tasks, as a run would add them, and each group waiting for its
/// parts; of those that are known only while a run is under way there are none.
pub fn flat(plan: &Plan) -> Cow<'_, Plan> {
    if !plan.tasks.values().any(Task::is_group) {
        return Cow::Borrowed(plan);
    }
    let mut plan = plan.clone();
    let mut at = 0;
    while let Some((id, _)) = plan.tasks.get_index(at).filter(|_| at < MOST) {
        let id = id.clone();
        if let Some(Ok(parts)) = foreseen(&plan, &id) {
            if let Some(group) = plan.tasks.get_mut(&id) {
                group.estimate = Millis::ZERO;
                group.needs.extend(parts.iter().map(|(part, _)| part.clone()));
            }
            plan.tasks.extend(parts);
        }
        at += 1;
    }
    Cow::Owned(plan)
}

/// The parts of a group in a plan that holds them, in order.
pub fn parts_of<'p>(plan: &'p Plan, group: &TaskId) -> Vec<(&'p TaskId, &'p Task)> {
    plan.tasks.iter().filter(|(id, _)| id.group().as_ref() == Some(group)).collect()
}

/// What is wrong with the parts that the plan tells itself.
pub(super) fn errors(plan: &Plan) -> Vec<PlanError> {
    if !plan.tasks.values().any(Task::is_group) {
        return Vec::new();
    }
    let mut plan = plan.clone();
    let mut errors = Vec::new();
    let mut at = 0;
    while let Some((id, _)) = plan.tasks.get_index(at).filter(|_| at < MOST) {
        let id = id.clone();
        match foreseen(&plan, &id) {
            Some(Ok(parts)) => plan.tasks.extend(parts),
            Some(Err(RenderFailure { message })) => errors.push(PlanError::new(message)),
            None => {}
        }
        at += 1;
    }
    errors
}
