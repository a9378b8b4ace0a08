//! Prompts, commands, environments and branches of a plan: pure functions of it and of what upstream handed over.
//!
//! What agents made is data here: quoted and labelled in prompts, one argument each in commands, never part of a
//! shell string.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::catalog::template::Template;
use crate::handoff::{Facts, Narrative};
use crate::mission::model::CommandLine;
use crate::name::{Attempt, OutputId, Round, RunId, TaskId};
use crate::plan::argv::Argv;
use crate::plan::branches::RUN_ID;
use crate::plan::names::View;
use crate::plan::{Plan, Scope, TaskKind};

mod prompt;
mod review;
mod sections;
mod tools;
mod values;
mod verdict;

#[cfg(test)]
mod tests;

pub use prompt::prompt;
pub use review::{ReviewContext, review_prompt};
pub use values::skill_path;

/// Longest value that is put into an environment variable, in bytes: the system refuses little more.
const MAX_VARIABLE: usize = 100_000;

/// What one task handed over.
pub(in crate::plan) type Handed = BTreeMap<OutputId, Value>;

/// The outputs handed over so far, by task.
pub type Outputs = BTreeMap<TaskId, Handed>;

/// Something that cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderFailure {
    /// What is wrong.
    pub message: String,
}

impl RenderFailure {
    pub(in crate::plan) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// What a prompt is made of beside the plan.
#[derive(Debug, Clone)]
pub struct PromptContext<'a> {
    /// Which run.
    pub run: &'a RunId,
    /// Which task.
    pub task: &'a TaskId,
    /// Which attempt.
    pub attempt: Attempt,
    /// Which round of it.
    pub round: Round,
    /// Where the session works.
    pub workspace: &'a Path,
    /// The handoffs that open it.
    pub upstream: &'a [Upstream<'a>],
    /// What the session before handed to this one in the middle of the task.
    pub before: Option<Upstream<'a>>,
    /// The outputs handed over so far.
    pub outputs: &'a Outputs,
    /// How the attempt before this one failed.
    pub last_failure: Option<&'a str>,
    /// Why the round before this one was not accepted.
    pub given_back: Option<&'a str>,
    /// Whether the session goes on with a conversation that already holds the whole prompt.
    pub resumed: bool,
}

/// A handoff of a task that comes first.
#[derive(Debug, Clone, Copy)]
pub struct Upstream<'a> {
    /// Whose.
    pub task: &'a TaskId,
    /// What the engine knows.
    pub facts: &'a Facts,
    /// What the session told.
    pub narrative: &'a Narrative,
    /// Where the two disagree.
    pub problems: &'a [String],
}

/// What a command is made of beside the plan.
#[derive(Debug, Clone, Copy)]
pub struct CommandContext<'a> {
    /// Which run.
    pub run: &'a RunId,
    /// Which task; `None` for commands of the run, such as merge checks.
    pub task: Option<&'a TaskId>,
    /// The outputs handed over so far.
    pub outputs: &'a Outputs,
}

/// Makes a command final. Each element of an argv stays one argument; a shell string is taken as it is.
pub fn command(plan: &Plan, line: &CommandLine, context: &CommandContext<'_>) -> Result<Argv, RenderFailure> {
    let elements = match line {
        CommandLine::Shell(text) => return Ok(Argv::Shell(text.clone())),
        CommandLine::Argv(elements) => elements,
    };
    if elements.is_empty() {
        return Err(RenderFailure::new("the command is empty"));
    }
    elements.iter().map(|element| argument(plan, element, context)).collect::<Result<_, _>>().map(Argv::Exec)
}

/// Makes a command of `[workspace] setup` final: it sees inputs and the run, no task's outputs.
pub fn setup(plan: &Plan, run: &RunId, line: &CommandLine) -> Result<Argv, RenderFailure> {
    command(plan, line, &CommandContext { run, task: None, outputs: &Outputs::new() })
}

fn argument(plan: &Plan, source: &str, context: &CommandContext<'_>) -> Result<String, RenderFailure> {
    if !source.contains("{{") {
        return Ok(source.to_owned());
    }
    let template = parse("an argument of the command", source)?;
    let values = values::of_command(plan, context, &template);
    let text = render("an argument of the command", &template, &values, &BTreeMap::new())?;
    let scope = context.task.and_then(|id| plan.tasks.get(id)).and_then(|task| task.scope.as_deref());
    let from_agents = template.uses().iter().filter_map(|one| one.path.first()).any(|root| is_of_agents(scope, root));
    if from_agents && text.starts_with('-') && !source.starts_with('-') {
        return Err(RenderFailure::new(format!(
            "the argument `{source}` became `{}`: what an agent handed over must not turn into an option",
            text.chars().take(60).collect::<String>()
        )));
    }
    if text.contains('\0') {
        return Err(RenderFailure::new(format!(
            "the argument `{source}` holds a NUL byte, which no program can be given"
        )));
    }
    Ok(text)
}

/// Whether a name may hold what an agent made: outputs, what an instance is of, what a mission used as a task is told.
fn is_of_agents(scope: Option<&Scope>, root: &str) -> bool {
    root == "tasks"
        || scope.is_some_and(|scope| scope.variables.contains_key(root) || (root == "inputs" && scope.inputs.is_some()))
}

/// The question of a gate.
pub fn question(plan: &Plan, run: &RunId, task: &TaskId, outputs: &Outputs) -> Result<String, RenderFailure> {
    let Some(TaskKind::Gate(source)) = plan.tasks.get(task).map(|task| &task.kind) else {
        return Err(RenderFailure::new(format!("task `{task}` is no gate")));
    };
    let what = format!("the question of gate `{task}`");
    let template = parse(&what, source)?;
    let values = values::of_command(plan, &CommandContext { run, task: Some(task), outputs }, &template);
    render(&what, &template, &values, &BTreeMap::new())
}

/// The branch of a task's work; `None` where it makes no commits.
pub fn branch(plan: &Plan, run: &RunId, task: &TaskId) -> Option<String> {
    plan.tasks.get(task)?.branch.as_ref().map(|branch| branch.replace(RUN_ID, run.as_str()))
}

/// The variables of a task: its own, the inputs of its mission, what its instance is of, and the outputs of what is
/// upstream in its mission. A value that is too long for the system, or holds a NUL byte, is left out.
pub fn environment(plan: &Plan, run: &RunId, task: &TaskId, outputs: &Outputs) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([("AI_SDLC_RUN".to_owned(), run.to_string())]);
    let planned = plan.tasks.get(task);
    let scope = planned.and_then(|task| task.scope.as_deref());
    let view = View { plan, scope, run: Some(run), outputs, ended: None };
    for (id, value) in view.inputs() {
        put(&mut env, format!("AI_SDLC_INPUT_{}", id.as_str().to_ascii_uppercase()), value);
    }
    for (id, value) in view.variables() {
        put(&mut env, format!("AI_SDLC_VAR_{}", id.to_ascii_uppercase()), value);
    }
    let before = plan.given.iter().map(|(id, given)| (id, &given.outputs));
    let above = if outputs.values().any(|values| !values.is_empty()) {
        handed_down(plan, task, outputs)
    } else {
        BTreeMap::new()
    };
    for (above, values) in before.chain(above) {
        let Some(above) = view.local(above) else { continue };
        for (id, value) in values {
            put(&mut env, format!("AI_SDLC_OUT_{above}_{id}").to_ascii_uppercase(), value);
        }
    }
    if let Some(task) = planned {
        env.extend(task.env.clone());
    }
    env
}

fn put(env: &mut BTreeMap<String, String>, name: String, value: &Value) {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    if text.len() <= MAX_VARIABLE && !text.contains('\0') {
        env.insert(name, text);
    }
}

/// The outputs of all tasks upstream of one, by task.
fn handed_down<'a>(plan: &Plan, task: &TaskId, outputs: &'a Outputs) -> BTreeMap<&'a TaskId, &'a Handed> {
    let mut seen = vec![false; plan.tasks.len()];
    let mut found = BTreeMap::new();
    let mut open: Vec<usize> = plan.tasks.get_index_of(task).into_iter().collect();
    while let Some((_, next)) = open.pop().and_then(|at| plan.tasks.get_index(at)) {
        for need in &next.needs {
            let Some(at) = plan.tasks.get_index_of(need) else { continue };
            if let Some(seen) = seen.get_mut(at).filter(|seen| !**seen) {
                *seen = true;
                open.push(at);
                found.extend(outputs.get_key_value(need));
            }
        }
    }
    found
}

fn parse(what: &str, source: &str) -> Result<Template, RenderFailure> {
    Template::parse(source)
        .map_err(|error| RenderFailure::new(format!("{what} is no valid template, line {}: {error}", error.line)))
}

fn render(
    what: &str,
    template: &Template,
    values: &Value,
    partials: &BTreeMap<String, String>,
) -> Result<String, RenderFailure> {
    template.render(values, partials).map_err(|error| RenderFailure::new(format!("{what}: {error}")))
}
