//! `ai-sdlc role render R`: what a session is told, whole: the prompt of the first session of a task, made as a run
//! makes it. What only a run knows is written as `<…>`.

use std::collections::BTreeMap;
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
use crate::cli::role::{catalog, no_role};
use crate::cli::role_parts::{Whole, plain, stand_in, whole};
use crate::cli::{Context, run_list::pretty};
use crate::handoff::render::for_prompt;
use crate::handoff::{Facts, Narrative, Status};
use crate::mission::model::{Assignee, Permissions, TaskKind};
use crate::mission::nearest::listed;
use crate::name::{Attempt, OutputId, RoleName, Round, RunId, TaskId};
use crate::plan::render::{Outputs, PromptContext, ReviewContext, Upstream, prompt, review_prompt};
use crate::plan::upstream::opening;
use crate::plan::{self, AgentWork, Plan};

/// Stands for the run's id until the prompt is made: an id that is hardly drawn.
const RUN: &str = "zxqvzxqv";

/// Stands for how the attempt before failed.
const FAILED: &str = "<what failed, and its last lines>";

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RoleRender {
    /// The role; left out: the one that does the task.
    #[arg(value_name = "ROLE", required_unless_present_any = ["task", "mission"])]
    role: Option<String>,
    /// The mission whose task it is; without one the task is a sample.
    #[arg(short, long, value_name = "MISSION")]
    mission: Option<String>,
    /// The task: of instances the first is shown, of a mission used as a task `polish/review`; left out: the only one
    /// that the role does, else the only one that it reviews.
    #[arg(short, long, value_name = "TASK", requires = "mission")]
    task: Option<String>,
    /// As the second attempt is told it, after one that failed.
    #[arg(long)]
    after_failure: bool,
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
    let run = RunId::parse(RUN).map_err(|error| Failure::new(Exit::Usage, "cli::no-prompt", error.to_string()))?;
    let mut made = whole(plan(context, &project, &loading, &ask)?.plan, &run);
    let Meant { task, role, as_what, note } = meant(&made, args)?;
    if let Some(note) = note {
        context.terminal.err(&note);
    }
    if let Some(asked) = args.role.as_ref().filter(|asked| **asked != role) {
        give(&mut loading, &task, asked)?;
        made = whole(plan(context, &project, &loading, &ask)?.plan, &run);
        context.terminal.err(&format!("In the mission `{role}` does `{task}`; shown is what `{asked}` would be told."));
    }
    let failed = args.after_failure.then_some(FAILED);
    let told = told(&made, &run, (&task, as_what, failed))?;
    if args.json {
        context.terminal.out(&pretty(&as_json(&made.plan, (&task, as_what), &told)));
    } else {
        context.terminal.out(&told);
    }
    Ok(Exit::Success)
}

/// As what a role is told of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    /// It does it.
    Worker,
    /// It reads the work.
    Reviewer,
}

/// The task that is meant.
struct Meant {
    task: TaskId,
    role: String,
    as_what: As,
    /// What must be said beside it.
    note: Option<String>,
}

/// Gives a task to another role than the mission does.
fn give(loading: &mut Loading, task: &TaskId, asked: &str) -> Result<(), Failure> {
    let Loading { catalog, loaded, .. } = loading;
    let Some(mission) = &mut loaded.mission else { return Ok(()) };
    let role = catalog.roles.keys().chain(mission.roles.keys()).find(|role| role.as_str() == asked).cloned();
    let role = role.ok_or_else(|| no_role(asked, catalog))?;
    let own = plain(task);
    let Some((_, found)) = mission.tasks.iter_mut().find(|(id, _)| id.as_str() == own) else {
        let what = format!("`{task}` is a task of another mission, which says who does it");
        let help = "name that mission's file with `--mission`, or leave the role out";
        return Err(Failure::new(Exit::Usage, "cli::no-prompt", what).help(help));
    };
    if let TaskKind::Agent(work) = &mut found.kind {
        work.assignee = Assignee::Role(role);
    }
    Ok(())
}

/// The task that is meant, and who does it: the one named, or the only one that the role does, or else reads.
fn meant(whole: &Whole, args: &RoleRender) -> Result<Meant, Failure> {
    let tasks = || whole.plan.tasks.iter();
    let mut sessions: Vec<(&TaskId, &RoleName, As)> =
        tasks().filter_map(|(id, task)| Some((id, &work(task)?.role, As::Worker))).collect();
    sessions.extend(tasks().filter_map(|(id, task)| Some((id, &task.review.as_deref()?.role, As::Reviewer))));
    let role = args.role.as_deref();
    let of_task = |id: &TaskId| args.task.as_ref().is_none_or(|name| id.as_str() == name || plain(id) == *name);
    let mut found: Vec<&(&TaskId, &RoleName, As)> = sessions.iter().filter(|(id, _, _)| of_task(id)).collect();
    let of_role = |one: &&(&TaskId, &RoleName, As)| role.is_some_and(|role| one.1.as_str() == role);
    if args.task.is_none() || found.iter().any(of_role) {
        found.retain(of_role);
    }
    if found.iter().any(|(_, _, as_what)| *as_what == As::Worker) {
        found.retain(|(_, _, as_what)| *as_what == As::Worker);
    }
    let Some((task, done_by, as_what)) = found.first() else { return Err(none(whole, args, &sessions)) };
    if found.iter().any(|(other, _, _)| plain(other) != plain(task)) {
        let what = format!("`{done_by}` does more than one task of this mission");
        return Err(refused(what, found.iter().map(|(id, _, _)| plain(id))));
    }
    let note = (plain(task) != task.as_str() && args.task.as_deref() != Some(task.as_str())).then(|| {
        format!("Shown is the first instance that can be foreseen, `{task}`; what only a run knows stands in `<…>`.")
    });
    Ok(Meant { task: (*task).clone(), role: done_by.to_string(), as_what: *as_what, note })
}

fn none(whole: &Whole, args: &RoleRender, sessions: &[(&TaskId, &RoleName, As)]) -> Failure {
    let what = match (&args.task, &args.role) {
        (Some(task), _) => format!("no agent does a task `{task}` of this mission"),
        (None, Some(role)) => format!("`{role}` does no task of this mission"),
        (None, None) => "neither a role nor a task is named".to_owned(),
    };
    let what = whole.failed.as_ref().map_or_else(|| what.clone(), |why| format!("{what}: {why}"));
    refused(what, sessions.iter().map(|(id, _, _)| plain(id)))
}

fn refused(what: String, tasks: impl Iterator<Item = String>) -> Failure {
    let mut names: Vec<String> = Vec::new();
    for name in tasks {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let tasks = listed(names.iter().map(String::as_str));
    Failure::new(Exit::Usage, "cli::no-prompt", what).help(format!("name one with `--task`: agents do {tasks}"))
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
        return Err(no_role(role, &known));
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

/// The prompt of the first session.
fn told(whole: &Whole, run: &RunId, (task, as_what, before): (&TaskId, As, Option<&str>)) -> Result<String, Failure> {
    let Whole { plan, outputs, .. } = whole;
    let failed = |why: &dyn std::error::Error| {
        Failure::new(Exit::Usage, "cli::no-prompt", format!("the prompt of `{task}` cannot be made")).because(why)
    };
    let workspace = PathBuf::from("<workspace>");
    let (facts, narrative) = (no_facts(task), no_narrative());
    let from = plan.tasks.get(task).map(|planned| opening(plan, planned)).unwrap_or_default();
    let handed: Vec<(TaskId, Facts, Narrative)> =
        from.iter().map(|task| (task.clone(), no_facts(task), no_narrative())).collect();
    let upstream: Vec<Upstream<'_>> =
        handed.iter().map(|(task, facts, narrative)| Upstream { task, facts, narrative, problems: &[] }).collect();
    let mut text = if as_what == As::Reviewer {
        let work = Upstream { task, facts: &facts, narrative: &narrative, problems: &[] };
        review_prompt(plan, &review_of((task, run), &workspace, (work, outputs)))
    } else {
        let context = context_of(task, run, &workspace);
        let attempt = before.map_or(context.attempt, |_| context.attempt.next());
        prompt(plan, &PromptContext { upstream: &upstream, outputs, attempt, last_failure: before, ..context })
    }
    .map_err(|error| failed(&error))?;
    for (task, facts, narrative) in handed.iter().chain([&(task.clone(), facts, narrative)]) {
        let document = for_prompt(facts, narrative, &[]);
        text = text.replace(document.trim_end(), &format!("<the handoff of the task {task}>"));
    }
    Ok(text.replace(RUN, "<run>"))
}

fn review_of<'a>(
    (task, run): (&'a TaskId, &'a RunId),
    workspace: &'a Path,
    (work, outputs): (Upstream<'a>, &'a Outputs),
) -> ReviewContext<'a> {
    static NOTHING: BTreeMap<OutputId, Value> = BTreeMap::new();
    ReviewContext {
        run,
        task,
        attempt: Attempt::FIRST,
        round: Round::FIRST,
        workspace,
        work,
        diff: Some("<diff>"),
        made: outputs.get(task).unwrap_or(&NOTHING),
        outputs,
        asked_again: false,
    }
}

fn context_of<'a>(task: &'a TaskId, run: &'a RunId, workspace: &'a Path) -> PromptContext<'a> {
    static NOTHING: Outputs = Outputs::new();
    PromptContext {
        before: None,
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
        notes: BTreeMap::new(),
        outputs: BTreeMap::new(),
        verdict: None,
        reasons: Vec::new(),
        text: String::new(),
    }
}

fn as_json(plan: &Plan, (task, as_what): (&TaskId, As), prompt: &str) -> Value {
    let planned = plan.tasks.get(task);
    let work = planned.and_then(work).filter(|_| as_what == As::Worker);
    let review = planned.and_then(|planned| planned.review.as_deref()).filter(|_| as_what == As::Reviewer);
    json!({
        "schema": "ai-sdlc/prompt/1",
        "mission": plan.mission,
        "task": task,
        "role": work.map(|work| &work.role).or(review.map(|review| &review.role)),
        "agent": work.map(|work| &work.agent).or(review.map(|review| &review.agent)),
        "model": work.and_then(|work| work.model.as_ref()).or(review.and_then(|review| review.model.as_ref())),
        "permissions": work.map_or(Permissions::Read, |work| work.permissions),
        "skills": work.map(|work| &work.skills).or(review.map(|review| &review.skills)),
        "prompt": prompt,
    })
}
