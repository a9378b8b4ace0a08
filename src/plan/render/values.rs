//! What templates see.

use serde_json::{Map, Value, json};

use super::{CommandContext, PromptContext, RenderFailure, branch, command};
use crate::catalog::template::Template;
use crate::mission::model::WorkspaceMode;
use crate::name::{SkillName, TaskId};
use crate::plan::names::View;
use crate::plan::{AgentWork, Plan, Task};

/// What an argument of a command sees.
pub(super) fn of_command(plan: &Plan, context: &CommandContext<'_>, template: &Template) -> Value {
    let task = context.task.and_then(|id| Some((id, plan.tasks.get(id)?)));
    let view = View {
        plan,
        scope: task.and_then(|(_, task)| task.scope.as_deref()),
        run: Some(context.run),
        outputs: context.outputs,
        ended: None,
    };
    let mut values = seen(&view, &[template]);
    if let Some(id) = context.task {
        let title = task.map(|(_, task)| task.title.as_str());
        let branch = branch(plan, context.run, id);
        values.insert("task".to_owned(), json!({ "id": id, "title": title, "branch": branch }));
    }
    Value::Object(values)
}

fn seen(view: &View<'_>, templates: &[&Template]) -> Map<String, Value> {
    view.values(templates.iter().flat_map(|template| template.uses()).map(|one| one.path.as_slice()))
}

/// What the prompt of a task sees.
pub(super) fn of_prompt(plan: &Plan, context: &PromptContext<'_>, templates: &[&Template]) -> Value {
    let task = plan.tasks.get(context.task);
    let scope = task.and_then(|task| task.scope.as_deref());
    let view = View { plan, scope, run: Some(context.run), outputs: context.outputs, ended: None };
    let mut values = seen(&view, templates);
    let title = task.map(|task| task.title.as_str());
    values.insert("task".to_owned(), json!({ "id": context.task, "title": title }));
    values.insert("attempt".to_owned(), json!({ "number": context.attempt, "round": context.round }));
    values.insert("workspace".to_owned(), workspace(plan, context));
    Value::Object(values)
}

/// What a role's template sees beside that, once the prompt of the task is text.
pub(super) struct ForRole<'a> {
    pub(super) plan: &'a Plan,
    pub(super) context: &'a PromptContext<'a>,
    pub(super) task: &'a Task,
    pub(super) work: &'a AgentWork,
    /// The prompt, rendered.
    pub(super) prompt: &'a str,
    /// The handoffs, each quoted.
    pub(super) upstream: &'a [(TaskId, String)],
    pub(super) last_failure: Option<&'a str>,
    pub(super) given_back: Option<&'a str>,
}

impl ForRole<'_> {
    pub(super) fn values(&self, templates: &[&Template]) -> Result<Value, RenderFailure> {
        let (plan, context, task, work) = (self.plan, self.context, self.task, self.work);
        let role = plan.roles.get(&work.role);
        let mut values = of_prompt(plan, context, templates);
        let Some(keys) = values.as_object_mut() else { return Ok(values) };
        keys.insert(
            "task".to_owned(),
            json!({
                "id": context.task,
                "title": task.title,
                "prompt": self.prompt,
                "permissions": work.permissions,
                "touches": task.touches.as_ref().or(task.fence.as_ref()),
                "timeout": task.timeout.to_string(),
                "idle_timeout": task.idle_timeout.to_string(),
                "rounds": task.rounds,
                "checks": self.checks()?,
                "outputs": outputs(task),
                "branch": branch(plan, context.run, context.task),
                "model": work.model,
            }),
        );
        keys.insert(
            "attempt".to_owned(),
            json!({
                "number": context.attempt,
                "round": context.round,
                "last_failure": self.last_failure,
                "given_back": self.given_back,
            }),
        );
        let description = role.map(|role| role.description.as_str());
        keys.insert("role".to_owned(), json!({ "name": work.role, "description": description }));
        keys.insert("vars".to_owned(), json!(role.map(|role| &role.vars)));
        let skills: Vec<Value> = work.skills.iter().map(|name| skill(plan, name)).collect();
        keys.insert("skills".to_owned(), Value::Array(skills));
        let upstream = self.upstream.iter().map(|(task, text)| json!({ "task": task, "text": text })).collect();
        keys.insert("upstream".to_owned(), Value::Array(upstream));
        Ok(values)
    }

    /// The checks as a person would type them.
    pub(super) fn checks(&self) -> Result<Vec<String>, RenderFailure> {
        let context =
            CommandContext { run: self.context.run, task: Some(self.context.task), outputs: self.context.outputs };
        self.task.checks.iter().map(|line| Ok(command(self.plan, line, &context)?.to_string())).collect()
    }
}

fn workspace(plan: &Plan, context: &PromptContext<'_>) -> Value {
    json!({ "path": context.workspace.display().to_string(), "mode": plan.workspace.mode })
}

/// Where a session finds a skill: in its worktree; without one the text is in the prompt.
pub fn skill_path(plan: &Plan, name: &SkillName) -> String {
    match plan.workspace.mode {
        WorkspaceMode::Worktree => format!(".agents/skills/ai-sdlc-{name}/SKILL.md"),
        WorkspaceMode::Directory => format!("below, as `{name}`"),
    }
}

fn skill(plan: &Plan, name: &SkillName) -> Value {
    let description = plan.skills.get(name).map(|skill| skill.description.as_str());
    json!({ "name": name, "path": skill_path(plan, name), "description": description })
}

/// Declared outputs, each with its shape in words.
pub(super) fn outputs(task: &Task) -> Map<String, Value> {
    task.outputs.iter().map(|(id, shape)| (id.to_string(), Value::String(shape.describe()))).collect()
}
