//! Agents: their tables laid over one another, and the one that a task gets.

use std::collections::BTreeMap;

use super::{Home, PlanError, Request};
use crate::mission::backend::MODEL_WORDS;
pub use crate::mission::backend::{AUTO, REHEARSAL};
use crate::mission::events::EventMeaning;
use crate::mission::model::{AgentTable, BackendKind, PromptVia};
use crate::name::AgentName;
use crate::plan::{Agent, ReportsUse};

/// Lays layers over one another, the later above, on top of the agents that are always there.
pub fn overlay_all<'a>(
    layers: impl IntoIterator<Item = &'a BTreeMap<AgentName, AgentTable>>,
) -> BTreeMap<AgentName, AgentTable> {
    let mut all = BTreeMap::new();
    for (name, table) in built_in() {
        all.insert(name, table);
    }
    for (name, table) in layers.into_iter().flatten() {
        let below = all.remove(name).unwrap_or_default();
        all.insert(name.clone(), table.clone().over(below));
    }
    all
}

/// The agents that need no table.
fn built_in() -> impl Iterator<Item = (AgentName, AgentTable)> {
    BackendKind::ALL.into_iter().filter_map(|backend| {
        let models = MODEL_WORDS.into_iter().zip(backend.models().into_iter().flatten());
        let models = models.map(|(word, id)| (word.to_owned(), id.to_owned())).collect();
        let table = AgentTable { backend: Some(backend), models, ..AgentTable::default() };
        Some((AgentName::parse(backend.built_in()?).ok()?, table))
    })
}

/// All agents, ready or with what keeps them from being used.
pub(super) fn resolved(
    request: &Request<'_>,
    own: &[&BTreeMap<AgentName, AgentTable>],
) -> BTreeMap<AgentName, Result<Agent, PlanError>> {
    let tables = overlay_all([request.config_agents].into_iter().chain(own.iter().copied()));
    tables
        .into_iter()
        .map(|(name, table)| {
            let agent = ready(request, &name, table);
            (name, agent)
        })
        .collect()
}

fn ready(request: &Request<'_>, name: &AgentName, table: AgentTable) -> Result<Agent, PlanError> {
    let AgentTable { backend, command, models, max, prompt, resume, events, scenario, sandbox, writable } = table;
    let backend = backend.ok_or_else(|| {
        PlanError::new(format!("the agent `{name}` has no backend")).help("add `backend = \"command\"` to its table")
    })?;
    let usual = || backend.usual_program().map(str::to_owned).into_iter().collect();
    let command: Vec<String> = command.unwrap_or_else(usual);
    let (reports, played) = match backend {
        BackendKind::Command | BackendKind::Acp if command.is_empty() => {
            return Err(PlanError::new(format!("the agent `{name}` has no command"))
                .help("add `command = [\"program\", \"argument\"]` to its table"));
        }
        BackendKind::Command
        | BackendKind::ClaudeCode
        | BackendKind::Codex
        | BackendKind::Gemini
        | BackendKind::Opencode
        | BackendKind::Acp => (if backend.reports_use() { ReportsUse::Yes } else { ReportsUse::No }, None),
        BackendKind::Rehearsal => {
            let played = request.overrides.scenario.clone().or_else(|| request.scenarios.get(name).cloned());
            if let (None, Some(path)) = (&played, scenario) {
                return Err(PlanError::new(format!("the scenario `{}` of `{name}` was not read", path.display())));
            }
            (ReportsUse::Yes, played)
        }
    };
    let events = events.unwrap_or_default();
    let tells_use = events.iter().any(|rule| rule.means == EventMeaning::Used);
    let reports = if backend == BackendKind::Command && tells_use { ReportsUse::Yes } else { reports };
    let prompt = prompt.unwrap_or(PromptVia::Stdin);
    let (sandbox, writable) = (sandbox.unwrap_or_default(), writable.unwrap_or_default());
    Ok(Agent { backend, command, models, max, prompt, resume, events, scenario: played, reports, sandbox, writable })
}

/// The agent of a task: command line, task, role (the mission's table, then its file), defaults, configuration, `auto`.
pub(super) fn of_task<'h>(
    request: &Request<'_>,
    home: &'h Home<'_>,
    named: [Option<&AgentName>; 3],
) -> Result<(AgentName, &'h Agent), PlanError> {
    let named = [request.overrides.agent.as_ref()]
        .into_iter()
        .chain(named)
        .chain([home.default_agent, request.config_default_agent.as_ref()])
        .flatten()
        .next();
    let name = match named {
        Some(name) if name.as_str() != AUTO => name,
        Some(_) | None => request.auto.as_ref().ok_or_else(|| {
            PlanError::new("no agent program is installed")
                .help("install one and configure it under `[agents.<name>]`, or rehearse: `--agent rehearsal`")
        })?,
    };
    match home.agents.get(name) {
        Some(Ok(agent)) => Ok((name.clone(), agent)),
        Some(Err(error)) => Err(error.clone()),
        None => {
            let known: Vec<&str> = home.agents.keys().map(AgentName::as_str).collect();
            Err(PlanError::new(format!("there is no agent `{name}`"))
                .help(format!("add `[agents.{name}]`, or take one of {}", known.join(", "))))
        }
    }
}

/// The model id that is handed to an agent; an alias it does not know means its own default.
pub fn model(agent: &Agent, asked: Option<&str>) -> Option<String> {
    let asked = asked?;
    match agent.models.get(asked) {
        Some(id) => Some(id.clone()),
        None if MODEL_WORDS.contains(&asked) => None,
        None => Some(asked.to_owned()),
    }
}
