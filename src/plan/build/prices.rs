//! Which prices a plan carries: those that its sessions may need, and no more, since a resume reads no files again.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::PlanError;
use crate::amount::Ceiling;
use crate::mission::model::{BackendKind, RunBudget, UnknownUse};
use crate::mission::prices::{Listed, PriceList, Ships};
use crate::name::{AgentName, TaskId};
use crate::plan::costs::{uses, without_price};
use crate::plan::{Agent, ReportsUse, Task};
use crate::price::Prices;

/// Whose models an agent may turn out to use that tells its model itself.
enum Makers {
    /// Nobody's: it uses the one that it was given, or does not say which.
    None,
    /// This one's.
    One(&'static str),
    /// Anybody's.
    All,
}

fn makers(backend: BackendKind) -> Makers {
    match backend {
        BackendKind::ClaudeCode => Makers::One("anthropic"),
        BackendKind::Gemini => Makers::One("google"),
        BackendKind::Opencode | BackendKind::Acp => Makers::All,
        BackendKind::Codex | BackendKind::Command | BackendKind::Rehearsal => Makers::None,
    }
}

/// What of these prices the sessions of a plan may need.
pub(super) fn carried(list: &PriceList, agents: &BTreeMap<AgentName, Agent>, tasks: &IndexMap<TaskId, Task>) -> Prices {
    let all = list.prices(|_| true);
    let mut carried = Prices::default();
    let mut makers_of = Vec::new();
    for work in tasks.values().flat_map(Task::work) {
        for (name, model) in uses(work, agents) {
            let Some(agent) = agents.get(name).filter(|agent| agent.reports == ReportsUse::Yes) else { continue };
            let known = model.as_deref().and_then(|model| all.named(model));
            if let Some((name, price)) = known.and_then(|name| all.0.get_key_value(name)) {
                carried.0.insert(name.clone(), *price);
            }
            makers_of.push(makers(agent.backend));
        }
    }
    let written_here = |listed: &Listed| listed.ships == Ships::No;
    let needed = |listed: &Listed| {
        makers_of.iter().any(|makers| match makers {
            Makers::None => false,
            Makers::One(vendor) => written_here(listed) || listed.vendor.as_deref() == Some(vendor),
            Makers::All => true,
        })
    };
    carried.0.extend(list.prices(needed).0);
    carried
}

/// A ceiling of money alone over sessions that tell tokens, of a model that nobody knows the price of, would be a promise
/// that nobody can keep.
pub(super) fn unpriced(
    budget: &RunBudget,
    tasks: &IndexMap<TaskId, Task>,
    (agents, prices): (&BTreeMap<AgentName, Agent>, &Prices),
    errors: &mut Vec<PlanError>,
) {
    if budget.unknown == UnknownUse::Allow {
        return;
    }
    for (id, task) in tasks {
        for work in task.work().into_iter().filter(|work| only_money([&budget.ceiling, &task.budget, &work.budget])) {
            for (name, model) in uses(work, agents) {
                let Some(agent) = agents.get(name).filter(|agent| agent.reports == ReportsUse::Yes) else { continue };
                if let Some(why) = without_price(agent, model.as_deref(), prices) {
                    let what = format!(
                        "only money is limited, and nobody can tell what the agent `{name}` costs (task `{id}`): {why}"
                    );
                    errors.push(PlanError::new(what).help(
                        "limit `tokens` too, name a model with a price (`ai-sdlc config show` lists them; `.ai-sdlc/prices.toml` \
                         adds to them), or accept it with `[budget] unknown = \"allow\"`",
                    ));
                }
            }
        }
    }
}

fn only_money(ceilings: [&Ceiling; 3]) -> bool {
    ceilings.iter().any(|ceiling| ceiling.usd.is_some()) && !ceilings.iter().any(|ceiling| ceiling.tokens.is_some())
}
