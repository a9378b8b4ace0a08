//! Who will tell what the sessions of a plan cost.

use std::collections::{BTreeMap, BTreeSet};

use crate::mission::model::BackendKind;
use crate::name::AgentName;
use crate::plan::build::agents::model;
use crate::plan::{Agent, Plan, ReportsUse, Task, TaskKind};
use crate::price::Prices;

impl Plan {
    /// Agents of which it is known beforehand that nobody will be able to tell what they cost, each with why.
    pub fn costs_unknown(&self) -> BTreeMap<&AgentName, String> {
        let mut unknown = BTreeMap::new();
        for work in self.tasks.values().flat_map(Task::work) {
            for (name, model) in uses(work, &self.agents) {
                let Some(agent) = self.agents.get(name) else { continue };
                if let Some(why) = without_price(agent, model.as_deref(), &self.prices) {
                    unknown.entry(name).or_insert(why);
                }
            }
        }
        unknown
    }

    /// Agents that are given no model for some of their sessions, and take the one that they are set to.
    pub fn own_models(&self) -> BTreeSet<&AgentName> {
        let chooses = |name: &AgentName| {
            let backend = self.agents.get(name).map(|agent| agent.backend);
            backend.is_some_and(|backend| !matches!(backend, BackendKind::Rehearsal | BackendKind::Command))
        };
        let uses = self.tasks.values().flat_map(Task::work).flat_map(|work| uses(work, &self.agents));
        uses.filter(|(name, model)| model.is_none() && chooses(name)).map(|(name, _)| name).collect()
    }
}

/// An agent with a model that it is given, of its own sessions or those of a review.
pub(in crate::plan) type Use<'p> = (&'p AgentName, Option<String>);

/// Each agent that a task uses, with the models that it is given.
pub(in crate::plan) fn uses<'p>(task: &'p Task, agents: &BTreeMap<AgentName, Agent>) -> Vec<Use<'p>> {
    let mut uses = Vec::new();
    if let TaskKind::Agent(work) = &task.kind {
        uses.push((&work.agent, work.model.clone()));
        if let (Some(agent), Some(asked)) = (agents.get(&work.agent), &task.retry.model) {
            uses.extend(model(agent, Some(asked)).map(|model| (&work.agent, Some(model))));
        }
    }
    uses.extend(task.review.as_ref().map(|review| (&review.agent, review.model.clone())));
    uses
}

/// Why the cost of its sessions will not be known; `None` where it will be, or only they can tell.
pub(in crate::plan) fn without_price(agent: &Agent, model: Option<&str>, prices: &Prices) -> Option<String> {
    if agent.reports == ReportsUse::No {
        return Some("it tells nothing of what it uses".to_owned());
    }
    match (agent.backend, model) {
        (BackendKind::Codex, None) => Some("it tells tokens and no cost, and does not say of which model".to_owned()),
        (BackendKind::Codex | BackendKind::Gemini, Some(model)) if prices.of(model).is_none() => {
            Some(format!("it tells tokens and no cost, and its model `{model}` has no price"))
        }
        (
            BackendKind::Codex
            | BackendKind::Gemini
            | BackendKind::ClaudeCode
            | BackendKind::Opencode
            | BackendKind::Acp
            | BackendKind::Command
            | BackendKind::Rehearsal,
            _,
        ) => None,
    }
}
