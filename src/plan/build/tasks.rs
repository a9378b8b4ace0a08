//! One task with everything decided.

use super::{Home, Making, PlanError, groups};
use crate::amount::{Ceiling, Millis};
use crate::mission::model::{self, Retry};
use crate::name::TaskId;
use crate::plan::{Task, TaskKind};

/// What an agent task takes when nobody says.
const AGENT_ESTIMATE: Millis = Millis::from_mins(10);
/// What a command takes when nobody says.
const COMMAND_ESTIMATE: Millis = Millis::from_mins(1);

/// What a task's kind gives it.
struct OfKind {
    kind: TaskKind,
    estimate: Millis,
    budget: Ceiling,
    fence: Option<Vec<String>>,
}

impl OfKind {
    fn plain(kind: TaskKind, estimate: Millis) -> Self {
        Self { kind, estimate, budget: Ceiling::NONE, fence: None }
    }
}

impl Making<'_> {
    pub(super) fn task(&mut self, home: &Home<'_>, id: &TaskId, task: &model::Task) -> Result<Task, Vec<PlanError>> {
        let mut errors = Vec::new();
        let of_kind = self.kind(home, id, task).map_err(|mut more| errors.append(&mut more)).ok();
        let files = self.files(home, id, task.touches.as_ref()).map_err(|error| errors.push(error)).ok();
        let title = task.title.as_deref().unwrap_or_default();
        let review = task.review.as_ref().map(|role| self.review(home, (id, title), role).map(Box::new)).transpose();
        let review = review.map_err(|error| errors.push(error)).ok();
        let (Some(OfKind { kind, estimate, budget, fence }), Some((touches, late_touches)), Some(review)) =
            (of_kind, files, review)
        else {
            return Err(errors);
        };
        let retry = Retry { model: self.retry_model(&kind, &task.retry), ..task.retry.clone() };
        let planned = Task {
            title: task.title.clone().unwrap_or_else(|| id.to_string()),
            kind,
            scope: None,
            when: task.when.clone(),
            importance: task.importance,
            review,
            rework: task.rework.clone(),
            late_touches,
            secrets: task.secrets.clone(),
            artifacts: task.artifacts.clone(),
            cache: task.cache.clone(),
            needs: task.needs.clone(),
            join: task.join,
            priority: task.priority,
            estimate: task.estimate.unwrap_or(estimate),
            touches,
            fence,
            locks: task.locks.clone(),
            checks: task.checks.clone(),
            rounds: task.rounds,
            retry,
            timeout: task.timeout,
            idle_timeout: task.idle_timeout,
            check_timeout: task.check_timeout,
            budget,
            outputs: task.outputs.clone(),
            handoff_from: task.handoff_from.clone().unwrap_or_else(|| task.needs.clone()),
            workspace: task.workspace.clone(),
            branch: None,
            env: task.env.clone(),
        };
        Ok(match &task.for_each {
            None => planned,
            Some(each) => groups::each(planned, each),
        })
    }

    fn kind(&mut self, home: &Home<'_>, id: &TaskId, task: &model::Task) -> Result<OfKind, Vec<PlanError>> {
        let own = task.budget.unwrap_or_default();
        match &task.kind {
            model::TaskKind::Gate(question) => Ok(OfKind::plain(TaskKind::Gate(question.clone()), Millis::ZERO)),
            model::TaskKind::Command(command) => {
                let of_kind = OfKind::plain(TaskKind::Command(command.clone()), COMMAND_ESTIMATE);
                Ok(OfKind { budget: own, ..of_kind })
            }
            model::TaskKind::Mission(work) => {
                let sub = self.mission(home, work)?;
                let (estimate, budget) = (groups::duration(&sub), own.within(&work.mission.budget.ceiling));
                Ok(OfKind { budget, ..OfKind::plain(TaskKind::Mission(Box::new(sub)), estimate) })
            }
            model::TaskKind::Agent(work) => self.agent_task(home, id, (task, work)).map_err(|error| vec![error]),
        }
    }

    fn agent_task(
        &mut self,
        home: &Home<'_>,
        id: &TaskId,
        (task, work): (&model::Task, &model::AgentWork),
    ) -> Result<OfKind, PlanError> {
        let title = task.title.as_deref().unwrap_or_default();
        let kind = TaskKind::Agent(self.agent_work(home, (id, title), work)?);
        let role = self.role_of(home, id, &work.assignee)?;
        let cast = self.cast(home, &role);
        let fence = cast
            .said
            .and_then(|said| said.touches.as_deref())
            .or_else(|| cast.found.and_then(|found| found.touches.as_deref()));
        let fence = self.fence(home, id, fence)?;
        let budget = task.budget.or_else(|| cast.said.and_then(|said| said.budget)).unwrap_or_default();
        Ok(OfKind { kind, estimate: AGENT_ESTIMATE, budget, fence })
    }

    /// The model of new attempts, as the agent of the task knows it.
    fn retry_model(&self, kind: &TaskKind, retry: &Retry) -> Option<String> {
        match kind {
            TaskKind::Agent(work) => self.model_of(&work.agent, retry.model.as_deref()),
            TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => None,
        }
    }
}
