//! `ai-sdlc role render R`: what a session is told, whole: the prompt of the first session of a task, made as a run
//! makes it. What only a run knows is written as `<…>`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::amount::{Millis, Usage};
use crate::catalog::Catalog;
use crate::catalog::role::Body;
use crate::catalog::template::Template;
use crate::cli::args::Inputs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{Ask, Loading, plan};
use crate::cli::project::{MissionText, Project};
use crate::cli::role::{catalog, unknown};
use crate::cli::{Context, run_list::pretty};
use crate::handoff::render::for_prompt;
use crate::handoff::{Facts, Narrative, Status};
use crate::mission::model::{Input, Mission, TaskKind};
use crate::mission::nearest::listed;
use crate::name::{Attempt, RoleName, Round, RunId, TaskId};
use crate::plan::render::{Outputs, PromptContext, Upstream, prompt};
use crate::plan::{self, AgentWork, Plan};

/// Stands for the run's id until the prompt is made: an id that is hardly drawn.
const RUN: &str = "zxqvzxqv";

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RoleRender {
    /// The role; left out: the one that does the task.
    #[arg(value_name = "ROLE", required_unless_present = "task")]
    role: Option<String>,
    /// The mission whose task it is; without one the task is a sample.
    #[arg(short, long, value_name = "MISSION")]
    mission: Option<String>,
    /// The task; left out: the only one of the mission that the role does.
    #[arg(short, long, value_name = "TASK", requires = "mission")]
    task: Option<String>,
    #[command(flatten)]
    inputs: Inputs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub(super) fn run(args: &RoleRender, context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let mut loading = match (&args.mission, &args.role) {
        (Some(mission), _) => Loading::read(context, &project, mission)?,
        (None, role) => sample(role.as_deref().unwrap_or_default(), context, &project)?,
    };
    loading.sound(context)?;
    let given: Vec<&str> = args.inputs.inputs.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(mission) = &mut loading.loaded.mission {
        stand_in(mission, &given);
    }
    let ask = Ask { inputs: args.inputs.inputs.clone(), ..Ask::default() };
    let mut made = plan(context, &project, &loading, &ask)?.plan;
    let (task, role) = task(&made, args)?;
    if let Some(asked) = args.role.as_ref().filter(|asked| **asked != role) {
        give(&mut loading, &task, asked)?;
        made = plan(context, &project, &loading, &ask)?.plan;
        context.terminal.err(&format!("In the mission `{role}` does `{task}`; shown is what `{asked}` would be told."));
    }
    let told = told(&made, &task)?;
    if args.json {
        context.terminal.out(&pretty(&as_json(&made, &task, &told)));
    } else {
        context.terminal.out(&told);
    }
    Ok(Exit::Success)
}

/// Gives a task to another role than the mission does.
fn give(loading: &mut Loading, task: &TaskId, asked: &str) -> Result<(), Failure> {
    let Loading { catalog, loaded, .. } = loading;
    let Some(mission) = &mut loaded.mission else { return Ok(()) };
    let role = catalog.roles.keys().chain(mission.roles.keys()).find(|role| role.as_str() == asked).cloned();
    let role = role.ok_or_else(|| unknown("role", asked, catalog.roles.keys().map(RoleName::as_str)))?;
    if let Some(TaskKind::Agent(work)) = mission.tasks.get_mut(task).map(|task| &mut task.kind) {
        work.role = role;
    }
    Ok(())
}

/// The task that is meant, and who does it: the one named, or the only one that the role does.
fn task(plan: &Plan, args: &RoleRender) -> Result<(TaskId, String), Failure> {
    let agents: Vec<(&TaskId, &RoleName)> =
        plan.tasks.iter().filter_map(|(id, task)| Some((id, &work(task)?.role))).collect();
    let refused = |what: String| {
        let tasks = listed(agents.iter().map(|(id, _)| id.as_str()));
        Failure::new(Exit::Usage, "cli::no-prompt", what).help(format!("name one with `--task`: agents do {tasks}"))
    };
    if let Some(name) = &args.task {
        let found = agents.iter().find(|(id, _)| id.as_str() == name);
        let (id, role) = found.ok_or_else(|| refused(format!("no agent does a task `{name}` of this mission")))?;
        return Ok(((*id).clone(), role.to_string()));
    }
    let role = args.role.as_deref().unwrap_or_default();
    let mut of_role = agents.iter().filter(|(_, done_by)| done_by.as_str() == role);
    match (of_role.next(), of_role.next()) {
        (Some((id, _)), None) => Ok(((*id).clone(), role.to_owned())),
        (Some(_), Some(_)) => Err(refused(format!("`{role}` does more than one task of this mission"))),
        (None, _) => Err(refused(format!("`{role}` does no task of this mission"))),
    }
}

/// What its sessions are, if an agent does it.
fn work(task: &plan::Task) -> Option<&AgentWork> {
    let plan::TaskKind::Agent(work) = &task.kind else { return None };
    Some(work)
}

/// A mission with one task, which says in `<…>` what another would say.
fn sample(role: &str, context: &Context, project: &Project) -> Result<Loading, Failure> {
    let known = catalog(context)?;
    if !known.roles.keys().any(|name| name.as_str() == role) {
        return Err(unknown("role", role, known.roles.keys().map(RoleName::as_str)));
    }
    let mut mission = json!({
        "version": 1,
        "mission": { "name": "sample", "description": "<description>" },
        "tasks": { "sample": { "title": "<title>", "role": role, "prompt": "<prompt>" } },
    });
    for (root, name) in named_by(role, &known) {
        let value = format!("<{root}.{name}>");
        if root == "vars" {
            put(&mut mission, &["roles", role, "vars", &name], json!(value));
        } else {
            put(&mut mission, &["inputs", &name], json!({ "type": "string", "default": value }));
        }
    }
    let text = toml::to_string(&mission).unwrap_or_default();
    let path = project.root.join("missions").join("sample.toml");
    Loading::of(context, project, MissionText { file: "<sample>".to_owned(), path, text })
}

/// The variables and inputs that a role's template and its partials name, without what stands before the first dot.
fn named_by(role: &str, catalog: &Catalog) -> Vec<(&'static str, String)> {
    let body = catalog.roles.iter().find(|(name, _)| name.as_str() == role).map(|(_, found)| &found.value.body);
    let Some(Body::Template(body)) = body else { return Vec::new() };
    let mut named = Vec::new();
    let mut open = vec![body.clone()];
    let mut seen: Vec<String> = Vec::new();
    while let Some(source) = open.pop() {
        let Ok(template) = Template::parse(&source) else { continue };
        for used in template.uses() {
            let root = ["vars", "inputs"].into_iter().find(|root| used.path.first().is_some_and(|first| first == root));
            if let (Some(root), Some(name)) = (root, used.path.get(1)) {
                named.push((root, name.clone()));
            }
        }
        for partial in template.partials() {
            if let (false, Some(found)) = (seen.contains(&partial.name), catalog.partials.get(&partial.name)) {
                seen.push(partial.name.clone());
                open.push(found.value.clone());
            }
        }
    }
    named
}

/// Puts a value into objects in objects, which are made where they are not there.
fn put(into: &mut Value, path: &[&str], value: Value) {
    let (Some(object), Some((first, rest))) = (into.as_object_mut(), path.split_first()) else { return };
    if rest.is_empty() {
        object.insert((*first).to_owned(), value);
    } else {
        put(object.entry(*first).or_insert_with(|| json!({})), rest, value);
    }
}

/// Gives inputs that are required and not given a value that shows where they stand.
fn stand_in(mission: &mut Mission, given: &[&str]) {
    for (id, input) in &mut mission.inputs {
        if input.default.is_none() && !given.contains(&id.as_str()) {
            input.default = Some(value_of(id.as_str(), input));
        }
    }
}

fn value_of(id: &str, input: &Input) -> Value {
    let placeholder = json!(format!("<inputs.{id}>"));
    if let Some(first) = input.schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    match input.schema.get("type").and_then(Value::as_str) {
        Some("integer" | "number") => input.schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("array") => json!([placeholder]),
        Some("object") => json!({}),
        Some(_) | None => placeholder,
    }
}

/// The prompt of the task's first session.
fn told(plan: &Plan, task: &TaskId) -> Result<String, Failure> {
    let failed = |why: &dyn std::error::Error| {
        Failure::new(Exit::Usage, "cli::no-prompt", format!("the prompt of `{task}` cannot be made")).because(why)
    };
    let run = RunId::parse(RUN).map_err(|error| failed(&error))?;
    let workspace = PathBuf::from("<workspace>");
    let from = plan.tasks.get(task).map(|task| task.handoff_from.as_slice()).unwrap_or_default();
    let handed: Vec<(TaskId, Facts, Narrative)> =
        from.iter().map(|task| (task.clone(), no_facts(task), no_narrative())).collect();
    let upstream: Vec<Upstream<'_>> =
        handed.iter().map(|(task, facts, narrative)| Upstream { task, facts, narrative, problems: &[] }).collect();
    let context = context_of(task, &run, &workspace);
    let outputs = outputs(plan);
    let context = PromptContext { upstream: &upstream, outputs: &outputs, ..context };
    let mut text = prompt(plan, &context).map_err(|error| failed(&error))?;
    for (task, facts, narrative) in &handed {
        let document = for_prompt(facts, narrative, &[]);
        text = text.replace(document.trim_end(), &format!("<the handoff of the task {task}>"));
    }
    Ok(text.replace(RUN, "<run>"))
}

fn context_of<'a>(task: &'a TaskId, run: &'a RunId, workspace: &'a Path) -> PromptContext<'a> {
    static NOTHING: Outputs = Outputs::new();
    PromptContext {
        run,
        task,
        attempt: Attempt::FIRST,
        round: Round::FIRST,
        workspace,
        upstream: &[],
        outputs: &NOTHING,
        last_failure: None,
        given_back: None,
        resumed: false,
    }
}

/// Values of the declared shapes that say where they stand.
fn outputs(plan: &Plan) -> Outputs {
    let of_task = |(id, task): (&TaskId, &plan::Task)| {
        let values = task.outputs.iter();
        let named = |output: &crate::name::OutputId| format!("<tasks.{id}.outputs.{output}>");
        (id.clone(), values.map(|(output, shape)| (output.clone(), shape.sample(&named(output)))).collect())
    };
    plan.tasks.iter().map(of_task).collect()
}

fn no_facts(task: &TaskId) -> Facts {
    Facts {
        task: task.clone(),
        attempt: Attempt::FIRST,
        branch: None,
        commit: None,
        files: Vec::new(),
        checks: Vec::new(),
        usage: Usage::default(),
        duration: Millis(0),
    }
}

fn no_narrative() -> Narrative {
    Narrative {
        status: Status::Done,
        summary: "<summary>".to_owned(),
        decisions: Vec::new(),
        remaining: Vec::new(),
        questions: Vec::new(),
        notes: std::collections::BTreeMap::new(),
        outputs: std::collections::BTreeMap::new(),
        verdict: None,
        reasons: Vec::new(),
        text: String::new(),
    }
}

fn as_json(plan: &Plan, task: &TaskId, prompt: &str) -> Value {
    let work = plan.tasks.get(task).and_then(work);
    json!({
        "schema": "ai-sdlc/prompt/1",
        "mission": plan.mission,
        "task": task,
        "role": work.map(|work| &work.role),
        "agent": work.map(|work| &work.agent),
        "model": work.and_then(|work| work.model.as_ref()),
        "permissions": work.map(|work| work.permissions),
        "skills": work.map(|work| &work.skills),
        "prompt": prompt,
    })
}
