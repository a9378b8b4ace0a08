//! One task with everything decided.

use super::{Making, PlanError, agents};
use crate::amount::{Ceiling, Millis};
use crate::catalog::choose::{Refusal, spoken};
use crate::mission::model::{self, RoleOverride};
use crate::name::{SkillName, TaskId};
use crate::plan::touches::TouchSet;
use crate::plan::{AgentWork, Task, TaskKind};

/// What an agent task takes when nobody says.
const AGENT_ESTIMATE: Millis = Millis::from_mins(10);
/// What a command takes when nobody says.
const COMMAND_ESTIMATE: Millis = Millis::from_mins(1);

/// What a role gives its tasks beside the work itself.
struct FromRole {
    fence: Option<Vec<String>>,
    budget: Option<Ceiling>,
}

impl Making<'_> {
    pub(super) fn task(&mut self, id: &TaskId, task: &model::Task) -> Result<Task, Vec<PlanError>> {
        let mut errors = Vec::new();
        let (kind, from_role, estimate) = match &task.kind {
            model::TaskKind::Command(command) => {
                (Some(TaskKind::Command(command.clone())), FromRole { fence: None, budget: None }, COMMAND_ESTIMATE)
            }
            model::TaskKind::Agent(work) => {
                let title = task.title.as_deref().unwrap_or_default();
                let kind = self.work(id, work, title).map_err(|error| errors.push(error)).ok();
                (kind.map(TaskKind::Agent), self.role_terms(work), AGENT_ESTIMATE)
            }
        };
        let touches = self.touches(id, task.touches.as_deref()).map_err(|error| errors.push(error)).ok();
        if let Some(Err(error)) = from_role.fence.as_deref().map(TouchSet::compile) {
            errors.push(PlanError::new(format!("the role of task `{id}`: {error}")));
        }
        match (kind, touches) {
            (Some(kind), Some(touches)) if errors.is_empty() => Ok(Task {
                title: task.title.clone().unwrap_or_else(|| id.to_string()),
                kind,
                needs: task.needs.clone(),
                join: task.join,
                priority: task.priority,
                estimate: task.estimate.unwrap_or(estimate),
                touches,
                fence: from_role.fence,
                locks: task.locks.clone(),
                checks: task.checks.clone(),
                rounds: task.rounds,
                retry: task.retry,
                timeout: task.timeout,
                idle_timeout: task.idle_timeout,
                check_timeout: task.check_timeout,
                budget: task.budget.or(from_role.budget).unwrap_or_default(),
                outputs: task.outputs.clone(),
                handoff_from: task.handoff_from.clone().unwrap_or_else(|| task.needs.clone()),
                workspace: task.workspace.clone(),
                branch: None,
                env: task.env.clone(),
            }),
            _ => Err(errors),
        }
    }

    fn work(&mut self, id: &TaskId, work: &model::AgentWork, title: &str) -> Result<AgentWork, PlanError> {
        self.role(&work.role)?;
        let request = self.request;
        let said = request.mission.roles.get(&work.role);
        let file = said.and_then(|said| said.template.as_ref()).unwrap_or(&work.role);
        let found = request.catalog.roles.get(file).map(|found| &found.value);
        let named = [
            work.agent.as_ref(),
            said.and_then(|said| said.agent.as_ref()),
            found.and_then(|role| role.agent.as_ref()),
        ];
        let agent = agents::of_task(request, &self.agents, named)?;
        let model = work
            .model
            .as_deref()
            .or_else(|| said.and_then(|said| said.model.as_deref()))
            .or_else(|| found.and_then(|role| role.model.as_deref()))
            .or(request.mission.default_model.as_deref());
        let permissions = work
            .permissions
            .or_else(|| said.and_then(|said| said.permissions))
            .or_else(|| found.and_then(|role| role.permissions))
            .or(request.mission.default_permissions)
            .unwrap_or_default();
        let asked = found.map(|role| role.skills.as_slice()).unwrap_or_default();
        let skills =
            self.skills_of(id, [asked, said.map_or(&[], |said| &said.skills), &work.skills], &work.prompt, title)?;
        let model = self.agents.get(&agent).and_then(|agent| agents::model(agent.as_ref().ok()?, model));
        Ok(AgentWork { prompt: work.prompt.clone(), role: work.role.clone(), agent, model, permissions, skills })
    }

    fn skills_of(
        &mut self,
        id: &TaskId,
        asked: [&[SkillName]; 3],
        prompt: &str,
        title: &str,
    ) -> Result<Vec<SkillName>, PlanError> {
        let asked: Vec<SkillName> = asked.concat();
        let skills =
            self.chooser.choose(&asked, &spoken(&format!("{title} {prompt}"), &self.values)).map_err(|refusal| {
                let help = match &refusal {
                    Refusal::Missing(name) => format!("add `skills/{name}/SKILL.md`, or leave it out"),
                    Refusal::Conflict(_, _) => "leave one of them out".to_owned(),
                };
                PlanError::new(format!("task `{id}`: {refusal}")).help(help)
            })?;
        for skill in &skills {
            self.skill(skill);
        }
        Ok(skills)
    }

    fn role_terms(&self, work: &model::AgentWork) -> FromRole {
        let said: Option<&RoleOverride> = self.request.mission.roles.get(&work.role);
        let file = said.and_then(|said| said.template.as_ref()).unwrap_or(&work.role);
        let found = self.request.catalog.roles.get(file);
        FromRole {
            fence: said
                .and_then(|said| said.touches.clone())
                .or_else(|| found.and_then(|found| found.value.touches.clone())),
            budget: said.and_then(|said| said.budget),
        }
    }

    /// Renders the globs of a task.
    fn touches(&self, id: &TaskId, globs: Option<&[String]>) -> Result<Option<Vec<String>>, PlanError> {
        let Some(globs) = globs else { return Ok(None) };
        let what = format!("`touches` of task `{id}`");
        let rendered: Result<Vec<String>, PlanError> = globs.iter().map(|glob| self.render(&what, glob)).collect();
        let rendered = rendered?;
        TouchSet::compile(&rendered).map_err(|error| PlanError::new(format!("task `{id}`: {error}")))?;
        Ok(Some(rendered))
    }
}
