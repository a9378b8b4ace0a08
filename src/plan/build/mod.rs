//! A plan out of a mission, the catalog and inputs: everything is decided here, and nothing afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::amount::{Ceiling, Millis};
use crate::catalog::Catalog;
use crate::catalog::choose::Chooser;
use crate::catalog::skill::SkillManifest;
use crate::catalog::template::Template;
use crate::mission::model::{AgentTable, MergePolicy, Mission, RunBudget, UnknownUse, WorkspacePolicy};
use crate::mission::prices::PriceList;
use crate::mission::sandbox::SandboxPolicy;
use crate::name::{AgentName, InputId, RoleName, SkillName, TaskId};
use crate::plan::branches;
use crate::plan::foreseen;
use crate::plan::ranking::{Orders, Unranked};
use crate::plan::scenario::Scenario;
use crate::plan::{Agent, Plan, ReportsUse, Role, Skill, SkillHandler, SourceFile, Task};

pub mod agents;
mod cast;
mod chains;
mod files;
mod groups;
pub mod inputs;
mod prices;
mod skills;
mod tasks;

#[cfg(test)]
pub(crate) mod tests;

/// All that a plan is made of.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The mission.
    pub mission: &'a Mission,
    /// Roles and skills.
    pub catalog: &'a Catalog,
    /// What models cost.
    pub prices: &'a PriceList,
    /// The mission file, as given on the command line.
    pub file: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// Agents of the user's and the project's configuration, already laid over one another ([`agents::overlay_all`]).
    pub config_agents: &'a BTreeMap<AgentName, AgentTable>,
    /// Agent of configuration for tasks that name none.
    pub config_default_agent: Option<AgentName>,
    /// What configuration says of the sandbox.
    pub config_sandbox: SandboxPolicy,
    /// What `auto` comes to: the first agent whose program is installed.
    pub auto: Option<AgentName>,
    /// The scenarios that agents' tables name, read.
    pub scenarios: BTreeMap<AgentName, Scenario>,
    /// Inputs given, by the name that was typed.
    pub inputs: BTreeMap<String, inputs::GivenInput>,
    /// What the command line says otherwise.
    pub overrides: Overrides,
}

/// What the command line says otherwise.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Tasks at once.
    pub max: Option<NonZeroU32>,
    /// One agent for all tasks.
    pub agent: Option<AgentName>,
    /// Parts of the run's ceiling.
    pub budget: Ceiling,
    /// What every rehearsal agent plays.
    pub scenario: Option<Scenario>,
    /// How an agent ranked skills; `None`: it was not asked.
    pub orders: Option<Orders>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlanError {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl PlanError {
    pub(in crate::plan) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub(in crate::plan) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Makes the plan, or tells all that is in its way.
pub fn build(request: &Request<'_>) -> Result<Plan, Vec<PlanError>> {
    let inputs = inputs::typed(&request.mission.inputs, &request.inputs)?;
    let mut errors = Vec::new();
    let mut making = Making {
        request,
        chooser: Chooser::new(request.catalog),
        agents: BTreeMap::new(),
        roles: BTreeMap::new(),
        skills: BTreeMap::new(),
        used: Vec::new(),
        sessions: BTreeSet::new(),
        unranked: Vec::new(),
        present: None,
        values: root_values(request.mission, &inputs),
    };
    let mission = request.mission;
    let home = Home::of_run(request);
    let workspace = making.workspace(&mut errors);
    let merge = making.merge(&mut errors);
    let mut tasks = making.tasks(&home, &mut errors);
    let budget = budget(mission, &request.overrides.budget);
    let prices = prices::carried(request.prices, &making.agents, &tasks);
    if errors.is_empty() {
        branches::name(&workspace, &making.values, &mut tasks, &mut errors);
        unenforced(&budget, &tasks, &making.agents, &mut errors);
        prices::unpriced(&budget, &tasks, (&making.agents, &prices), &mut errors);
    }
    let partials = if making.roles.is_empty() { BTreeMap::new() } else { request.catalog.partial_sources() };
    let mut plan = Plan {
        mission: mission.name.clone(),
        description: mission.description.clone(),
        file: request.file.clone(),
        inputs,
        budget,
        max: request.overrides.max.unwrap_or(mission.max),
        pace: mission.pace,
        secrets: mission.secrets.clone(),
        notify: mission.notify.clone(),
        partials,
        ranking: making.ranking(),
        sources: making.sources(),
        agents: making.agents,
        roles: making.roles,
        skills: making.skills,
        prices,
        workspace,
        merge,
        tasks,
        given: BTreeMap::new(),
    };
    if errors.is_empty() {
        files::settle(&mut plan, &mut errors);
        errors.extend(foreseen::errors(&plan));
    }
    if errors.is_empty() {
        return Ok(plan);
    }
    // One agent that is missing is one mistake, however many tasks name it.
    let mut told = BTreeSet::new();
    errors.retain(|error| told.insert(error.message.clone()));
    Err(errors)
}

/// What templates see that are rendered once, when the plan is made.
fn root_values(mission: &Mission, inputs: &BTreeMap<InputId, Value>) -> Value {
    json!({ "inputs": inputs, "mission": { "name": mission.name, "description": mission.description } })
}

/// A plan being made.
struct Making<'a> {
    request: &'a Request<'a>,
    chooser: Chooser<'a>,
    agents: BTreeMap<AgentName, Agent>,
    roles: BTreeMap<RoleName, Role>,
    skills: BTreeMap<SkillName, Skill>,
    /// Files of the missions that are used as tasks.
    used: Vec<SourceFile>,
    /// Names of sessions that were given in a ranking.
    sessions: BTreeSet<String>,
    unranked: Vec<Unranked>,
    /// The task of the mission that is run which is being planned.
    present: Option<TaskId>,
    values: Value,
}

/// A mission whose tasks are planned: the one that is run, or one that it uses as a task.
struct Home<'a> {
    mission: &'a Mission,
    agents: BTreeMap<AgentName, Result<Agent, PlanError>>,
    /// Agent for tasks whose role names none.
    default_agent: Option<&'a AgentName>,
    place: Place,
}

/// Where a mission stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the one that is run: its inputs are known.
    Run,
    /// It is used as a task: it is told its inputs later.
    Task,
}

impl<'a> Home<'a> {
    fn of_run(request: &Request<'a>) -> Self {
        Self {
            mission: request.mission,
            agents: agents::resolved(request, &[&request.mission.agents]),
            default_agent: request.mission.default_agent.as_ref(),
            place: Place::Run,
        }
    }

    /// A mission that this one uses as a task. Its agents are those of this one, with its own above.
    fn of_task(&self, request: &Request<'a>, mission: &'a Mission) -> Self {
        Self {
            mission,
            agents: agents::resolved(request, &[&request.mission.agents, &self.mission.agents, &mission.agents]),
            default_agent: mission.default_agent.as_ref().or(self.default_agent),
            place: Place::Task,
        }
    }
}

impl Making<'_> {
    fn render(&self, what: &str, source: &str) -> Result<String, PlanError> {
        render(what, source, &self.values)
    }

    fn workspace(&self, errors: &mut Vec<PlanError>) -> WorkspacePolicy {
        let mut policy = self.request.mission.workspace.clone();
        policy.sandbox = policy.sandbox.over(&self.request.config_sandbox);
        policy.base = self.revision("`[workspace] base`", policy.base.as_deref(), errors);
        policy
    }

    fn merge(&self, errors: &mut Vec<PlanError>) -> MergePolicy {
        let mut policy = self.request.mission.merge.clone();
        // A template that comes to nothing is how an input leaves it out.
        let is_nothing = |into: &String| {
            into.contains("{{") && self.render("`[merge] into`", into).is_ok_and(|text| text.trim().is_empty())
        };
        if policy.into.as_ref().is_some_and(is_nothing) {
            policy.into = None;
        }
        policy.into = self.revision("`[merge] into`", policy.into.as_deref(), errors);
        if let Some(into) = &policy.into
            && let Some(why) = branches::refused(into)
        {
            errors.push(PlanError::new(format!("`[merge] into` is `{into}`, which cannot be a branch: {why}")));
        }
        policy
    }

    fn revision(&self, what: &str, source: Option<&str>, errors: &mut Vec<PlanError>) -> Option<String> {
        match self.render(what, source?) {
            Ok(text) if text.trim().is_empty() || text.starts_with('-') => {
                errors.push(PlanError::new(format!("{what} is `{text}`, which names no revision")));
                None
            }
            Ok(text) => Some(text),
            Err(error) => {
                errors.push(error);
                None
            }
        }
    }

    /// Takes a skill into the plan, once.
    fn skill(&mut self, name: &SkillName) {
        if let Some(found) = self.request.catalog.skills.get(name) {
            self.skills.entry(name.clone()).or_insert_with(|| Skill {
                description: found.value.description.clone(),
                files: found.value.files.clone(),
                handler: handler(&found.value.manifest),
                origin: found.path.clone(),
            });
        }
    }

    /// The files that all this came from.
    fn sources(&self) -> Vec<SourceFile> {
        let catalog = self.request.catalog;
        let source = |path: &str, sha256: &str| SourceFile { path: path.to_owned(), sha256: sha256.to_owned() };
        let roles = catalog.roles.values().filter(|found| self.roles.values().any(|role| role.origin == found.path));
        let partials = catalog.partials.values().filter(|_| !self.roles.is_empty());
        let skills = catalog.skills.iter().filter(|(name, _)| self.skills.contains_key(*name));
        std::iter::once(source(&self.request.file, &self.request.sha256))
            .chain(self.used.iter().cloned())
            .chain(roles.map(|found| source(&found.path, &found.sha256)))
            .chain(partials.map(|found| source(&found.path, &found.sha256)))
            .chain(skills.map(|(_, found)| source(&found.path, &found.sha256)))
            .collect()
    }
}

/// What runs a skill.
fn handler(manifest: &SkillManifest) -> Option<SkillHandler> {
    let SkillManifest { side_effects, requires_confirmation, .. } = *manifest;
    manifest.handler.as_ref().map(|handler| SkillHandler {
        command: handler.command.clone(),
        timeout: Millis::from_secs(handler.timeout_s.into()),
        parameters: manifest.parameters.clone(),
        side_effects,
        requires_confirmation,
    })
}

/// Renders a template of the mission; the error says which it was.
pub(in crate::plan) fn render(what: &str, source: &str, values: &Value) -> Result<String, PlanError> {
    let template =
        Template::parse(source).map_err(|error| PlanError::new(format!("{what} is no valid template: {error}")))?;
    template.render(values, &BTreeMap::new()).map_err(|error| PlanError::new(format!("{what}: {error}")))
}

fn budget(mission: &Mission, over: &Ceiling) -> RunBudget {
    let below = &mission.budget;
    RunBudget {
        ceiling: Ceiling {
            usd: over.usd.or(below.ceiling.usd),
            tokens: over.tokens.or(below.ceiling.tokens),
            time: over.time.or(below.ceiling.time),
        },
        ..below.clone()
    }
}

/// A ceiling of money or tokens over an agent that tells neither would be a promise that nobody can keep.
fn unenforced(
    budget: &RunBudget,
    tasks: &IndexMap<TaskId, Task>,
    agents: &BTreeMap<AgentName, Agent>,
    errors: &mut Vec<PlanError>,
) {
    if budget.unknown == UnknownUse::Allow {
        return;
    }
    let binds = |ceiling: &Ceiling| ceiling.usd.is_some() || ceiling.tokens.is_some();
    let is_silent = |agent: &AgentName| matches!(agents.get(agent), Some(Agent { reports: ReportsUse::No, .. }));
    let mut silent: BTreeMap<&AgentName, &TaskId> = BTreeMap::new();
    for (id, task) in tasks {
        for work in task.work() {
            if binds(&budget.ceiling) || binds(&task.budget) || binds(&work.budget) {
                for agent in work.agents().filter(|agent| is_silent(agent)) {
                    silent.entry(agent).or_insert(id);
                }
            }
        }
    }
    errors.extend(silent.into_iter().map(|(agent, task)| {
        PlanError::new(format!(
            "the budget limits money or tokens, and the agent `{agent}` (task `{task}`) does not report what it uses"
        ))
        .help("limit `time` instead, or accept it with `[budget] unknown = \"allow\"`")
    }));
}
