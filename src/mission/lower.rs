//! From the literal form to the checked one. Runs only over files without errors, so nothing can fail here.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use indexmap::IndexMap;

use crate::amount::{Ceiling, Millis, Tokens};
use crate::mission::check::Scene;
use crate::mission::check::fields::schema_file;
use crate::mission::check::inputs::schema_of;
use crate::mission::check::instances::MOST;
use crate::mission::field::command::CommandText;
use crate::mission::field::duration::{self, DurationText};
use crate::mission::field::number::{Count, Dollars, Fraction};
use crate::mission::field::shape::Shape;
use crate::mission::field::size;
use crate::mission::file::{
    DefaultsFile, InputFile, MergeFile, MissionFile, NotifyFile, RetryFile, TaskFile, WorkspaceFile,
};
use crate::mission::library::Part;
use crate::mission::limits::{BudgetFile, CeilingFile};
use crate::mission::model::{
    AgentWork, Assignee, Cache, CommandLine, ForEach, Importance, Input, MergePolicy, Mission, MissionWork, Notify,
    NotifyBy, Pace, Retry, RetryFrom, RoleOverride, RunBudget, Task, TaskKind, WorkspacePolicy,
};
use crate::mission::sandbox::SandboxPolicy;
use crate::mission::team::RoleFile;
use crate::name::{LocalTaskId, OutputId, SkillName, TaskId};

const DEFAULT_BRANCH: &str = "ai-sdlc/{{run.id}}/{{task.id}}";
const DEFAULT_WARN: u8 = 80;
const DEFAULT_MAX: u32 = 3;
const DEFAULT_ROUNDS: u32 = 3;
const DEFAULT_TIMEOUT: Millis = Millis::from_mins(30);
const DEFAULT_IDLE: Millis = Millis::from_mins(10);
const DEFAULT_CHECK: Millis = Millis::from_mins(10);
const DEFAULT_BACKOFF: Millis = Millis::from_secs(10);

/// The checked form of a file without errors.
pub fn lower(scene: &Scene<'_>) -> Mission {
    let MissionFile {
        version: _,
        mission,
        inputs,
        budget,
        concurrency,
        agents,
        roles,
        workspace,
        merge,
        secrets,
        notify,
        defaults,
        outputs,
        tasks,
    } = scene.file;
    let defaults = defaults.clone().unwrap_or_default();
    Mission {
        name: mission.name.clone(),
        description: mission.description.clone(),
        inputs: inputs.iter().map(|(id, input)| (id.clone(), lower_input(scene, input))).collect(),
        budget: lower_budget(budget.as_ref()),
        max: count(concurrency.as_ref().and_then(|concurrency| concurrency.max), DEFAULT_MAX),
        pace: if concurrency.as_ref().is_some_and(|concurrency| concurrency.auto) { Pace::Auto } else { Pace::Fixed },
        secrets: secrets.clone(),
        notify: notify.iter().filter_map(lower_notify).collect(),
        skill_ranking: defaults.skill_ranking,
        outputs: outputs.clone(),
        agents: agents.iter().map(|(name, agent)| (name.clone(), agent.table())).collect(),
        roles: roles.iter().map(|(name, role)| (name.clone(), lower_role(role))).collect(),
        workspace: lower_workspace(&workspace.clone().unwrap_or_default()),
        merge: lower_merge(&merge.clone().unwrap_or_default()),
        default_agent: defaults.agent.clone(),
        default_model: defaults.model.clone(),
        default_permissions: defaults.permissions,
        tasks: tasks.iter().map(|(id, task)| (id.into(), lower_task(scene, (id, task), &defaults))).collect(),
    }
}

fn count(given: Option<Count>, default: u32) -> NonZeroU32 {
    given.map_or(NonZeroU32::new(default).unwrap_or(NonZeroU32::MIN), Count::get)
}

fn millis(text: Option<&DurationText>) -> Option<Millis> {
    duration::parse(&text?.0).ok()
}

fn commands(texts: &[CommandText]) -> Vec<CommandLine> {
    texts.iter().map(|text| text.0.clone()).collect()
}

fn lower_input(scene: &Scene<'_>, input: &InputFile) -> Input {
    Input {
        description: input.description.clone(),
        schema: schema_of(scene, input).unwrap_or_default(),
        default: input.default.clone(),
    }
}

fn lower_budget(budget: Option<&BudgetFile>) -> RunBudget {
    let BudgetFile { usd, tokens, time, warn_at, on_exceeded, unknown } = budget.cloned().unwrap_or_default();
    RunBudget {
        ceiling: lower_ceiling(&CeilingFile { usd, tokens, time }),
        warn_percent: warn_at.map_or(DEFAULT_WARN, Fraction::percent),
        on_exceeded,
        unknown,
    }
}

fn lower_ceiling(ceiling: &CeilingFile) -> Ceiling {
    let CeilingFile { usd, tokens, time } = ceiling;
    Ceiling { usd: usd.map(Dollars::usd), tokens: tokens.map(|tokens| Tokens(tokens.0)), time: millis(time.as_ref()) }
}

fn lower_role(role: &RoleFile) -> RoleOverride {
    let RoleFile { template, agent, model, skills, permissions, touches, budget, max, vars } = role;
    RoleOverride {
        template: template.clone(),
        agent: agent.clone(),
        model: model.clone(),
        skills: skills.clone(),
        permissions: *permissions,
        touches: touches.clone(),
        budget: budget.as_ref().map(lower_ceiling),
        max: max.map(Count::get),
        vars: vars.clone(),
    }
}

fn lower_workspace(workspace: &WorkspaceFile) -> WorkspacePolicy {
    let WorkspaceFile {
        mode,
        base,
        branch,
        copy,
        link,
        setup,
        pass,
        keep,
        root,
        sandbox,
        writable,
        max_disk,
        max_worktrees,
        keep_for,
    } = workspace;
    WorkspacePolicy {
        mode: *mode,
        base: base.clone(),
        branch: branch.clone().unwrap_or_else(|| DEFAULT_BRANCH.to_owned()),
        copy: copy.clone(),
        link: link.clone(),
        setup: commands(setup),
        pass: pass.clone(),
        keep: *keep,
        root: root.clone(),
        sandbox: SandboxPolicy { mode: *sandbox, writable: writable.clone() },
        max_disk: max_disk.as_ref().and_then(|text| size::parse(&text.0).ok()),
        max_worktrees: max_worktrees.map(Count::get),
        keep_for: millis(keep_for.as_ref()),
    }
}

fn lower_merge(merge: &MergeFile) -> MergePolicy {
    let MergeFile { into, deliver, strategy, commit, checks, on_conflict } = merge;
    MergePolicy {
        into: into.clone(),
        deliver: *deliver,
        strategy: *strategy,
        commit: *commit,
        checks: commands(checks),
        on_conflict: *on_conflict,
    }
}

fn lower_task(scene: &Scene<'_>, (id, task): (&LocalTaskId, &TaskFile), defaults: &DefaultsFile) -> Task {
    let time = |own: &Option<DurationText>, default: &Option<DurationText>, last| {
        millis(own.as_ref()).or_else(|| millis(default.as_ref())).unwrap_or(last)
    };
    Task {
        title: task.title.clone(),
        kind: lower_work(task, defaults).map_or_else(|| other_kind(scene, id, task), TaskKind::Agent),
        for_each: lower_for_each(task),
        when: task.when.clone(),
        importance: if task.optional { Importance::Optional } else { Importance::Required },
        review: task.review.clone(),
        rework: ids(&task.rework),
        artifacts: task.artifacts.clone(),
        cache: task.cache.as_ref().map(|cache| Cache { inputs: cache.inputs.clone(), env: cache.env.clone() }),
        secrets: task.secrets.clone(),
        needs: ids(&task.needs),
        join: task.join,
        priority: task.priority.map_or(0, |priority| priority.0),
        estimate: millis(task.estimate.as_ref()),
        touches: task.touches.as_ref().map(|touches| touches.0.clone()),
        locks: task.locks.clone(),
        checks: lower_checks(scene, task, defaults),
        rounds: count(task.rounds.or(defaults.rounds), DEFAULT_ROUNDS),
        retry: lower_retry(task.retry.as_ref().or(defaults.retry.as_ref())),
        timeout: time(&task.timeout, &defaults.timeout, DEFAULT_TIMEOUT),
        idle_timeout: time(&task.idle_timeout, &defaults.idle_timeout, DEFAULT_IDLE),
        check_timeout: time(&task.check_timeout, &defaults.check_timeout, DEFAULT_CHECK),
        budget: task.budget.as_ref().map(lower_ceiling),
        outputs: lower_outputs(scene, &task.outputs),
        handoff_from: task.handoff.as_ref().map(|handoff| ids(&handoff.from)),
        workspace: task.workspace.as_ref().map(|place| place.0.clone()).unwrap_or_default(),
        env: defaults.env.clone().into_iter().chain(task.env.clone()).collect::<BTreeMap<_, _>>(),
    }
}

fn lower_for_each(task: &TaskFile) -> Option<ForEach> {
    Some(ForEach {
        variables: task.for_each.as_ref()?.iter().map(|(id, list)| (id.clone(), list.0.clone())).collect(),
        key: task.key.clone(),
        max_instances: count(task.max_instances, MOST),
    })
}

/// What an agent task says of its sessions; `None` for all others.
fn lower_work(task: &TaskFile, defaults: &DefaultsFile) -> Option<AgentWork> {
    let by_capabilities = (task.role.is_none() && !task.capabilities.is_empty())
        .then(|| Assignee::Capabilities(task.capabilities.clone()));
    let by_role = || task.role.as_ref().or(defaults.role.as_ref()).cloned().map(Assignee::Role);
    Some(AgentWork {
        prompt: task.prompt.clone()?,
        assignee: by_capabilities.or_else(by_role)?,
        agent: task.agent.clone(),
        model: task.model.clone(),
        permissions: task.permissions,
        skills: together(&task.skills, &defaults.skills),
    })
}

fn ids(local: &[LocalTaskId]) -> Vec<TaskId> {
    local.iter().map(TaskId::from).collect()
}

fn other_kind(scene: &Scene<'_>, id: &LocalTaskId, task: &TaskFile) -> TaskKind {
    if let Some(work) = scene.parts.get(id).and_then(|part| lower_part(part, task)) {
        return TaskKind::Mission(work);
    }
    task.gate.clone().map_or_else(|| TaskKind::Command(command_of(task)), TaskKind::Gate)
}

fn lower_part(part: &Part, task: &TaskFile) -> Option<MissionWork> {
    Some(MissionWork {
        file: part.file.clone(),
        sha256: part.sha256.clone(),
        mission: Box::new(part.mission.clone()?),
        with: task.with.iter().map(|(id, value)| (id.clone(), value.source())).collect(),
    })
}

fn lower_notify(notify: &NotifyFile) -> Option<Notify> {
    let NotifyFile { on, command, webhook } = notify;
    let by = command.clone().map(NotifyBy::Command).or_else(|| webhook.clone().map(NotifyBy::Webhook))?;
    Some(Notify { on: on.clone(), by })
}

fn command_of(task: &TaskFile) -> CommandLine {
    task.run.as_ref().map_or_else(|| CommandLine::Argv(Vec::new()), |run| run.0.clone())
}

/// A task's skills, then those of `[defaults]` that are not among them.
fn together(own: &[SkillName], defaults: &[SkillName]) -> Vec<SkillName> {
    own.iter().chain(defaults.iter().filter(|skill| !own.contains(skill))).cloned().collect()
}

/// The checks of `[defaults]` are for tasks of agents and commands that may change files.
fn lower_checks(scene: &Scene<'_>, task: &TaskFile, defaults: &DefaultsFile) -> Vec<CommandLine> {
    let works = task.prompt.is_some() || task.run.is_some();
    match &task.checks {
        Some(own) => commands(own),
        None if works && scene.may_change(task) => commands(defaults.checks.as_deref().unwrap_or_default()),
        None => Vec::new(),
    }
}

fn lower_retry(retry: Option<&RetryFile>) -> Retry {
    let RetryFile { max, backoff, clean, model } = retry.cloned().unwrap_or_default();
    Retry {
        max: max.map_or(0, |max| max.0),
        backoff: millis(backoff.as_ref()).unwrap_or(DEFAULT_BACKOFF),
        from: if clean { RetryFrom::Base } else { RetryFrom::LastWork },
        model,
    }
}

fn lower_outputs(
    scene: &Scene<'_>,
    outputs: &IndexMap<OutputId, crate::mission::field::shape::ShapeText>,
) -> IndexMap<OutputId, Shape> {
    let read = |shape| Shape::parse(shape, &|path| schema_file(scene, path)).unwrap_or(Shape::String);
    outputs.iter().map(|(id, shape)| (id.clone(), read(&shape.0))).collect()
}
