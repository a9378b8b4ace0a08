//! Numbers in place of the names of locks, roles and agents. A name keeps its number while a run adds tasks to its plan.

use std::collections::BTreeMap;

use crate::name::{AgentName, RoleName};
use crate::plan::{Plan, Task, TaskKind};

/// A lock by number. 0 is the right to write in the project's directory.
pub(crate) type LockNo = u32;

/// A limit of a role or an agent by number.
pub(crate) type LimitNo = usize;

/// How many sessions of a role or an agent may run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit {
    /// For people: ``role `reviewer` ``.
    pub(crate) what: String,
    /// At once.
    pub(crate) max: u32,
}

/// All numbers handed out so far.
#[derive(Debug)]
pub(crate) struct Numbers {
    lock_names: Vec<String>,
    locks: BTreeMap<String, LockNo>,
    limits: Vec<Limit>,
    roles: BTreeMap<RoleName, LimitNo>,
    agents: BTreeMap<AgentName, LimitNo>,
}

impl Numbers {
    /// Those of the plan's roles and agents; locks follow as tasks name them.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut limits = Vec::new();
        let mut roles = BTreeMap::new();
        for (name, role) in &plan.roles {
            if let Some(max) = role.max {
                roles.insert(name.clone(), limits.len());
                limits.push(Limit { what: format!("role `{name}`"), max: max.get() });
            }
        }
        let mut agents = BTreeMap::new();
        for (name, agent) in &plan.agents {
            if let Some(max) = agent.max {
                agents.insert(name.clone(), limits.len());
                limits.push(Limit { what: format!("agent `{name}`"), max: max.get() });
            }
        }
        let lock_names = vec!["the right to write in the project's directory".to_owned()];
        Self { lock_names, locks: BTreeMap::new(), limits, roles, agents }
    }

    /// The lock of that name.
    pub(crate) fn lock(&mut self, name: &str) -> LockNo {
        if let Some(number) = self.locks.get(name) {
            return *number;
        }
        let number = LockNo::try_from(self.lock_names.len()).unwrap_or(LockNo::MAX);
        self.lock_names.push(format!("lock `{name}`"));
        self.locks.insert(name.to_owned(), number);
        number
    }

    /// A lock, for people.
    pub(crate) fn lock_name(&self, lock: LockNo) -> &str {
        usize::try_from(lock).ok().and_then(|i| self.lock_names.get(i)).map_or("?", String::as_str)
    }

    /// All limits.
    pub(crate) fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The limits that a task counts against.
    pub(crate) fn limits_of(&self, task: &Task) -> Vec<LimitNo> {
        let of = |role, agent| self.roles.get(role).into_iter().chain(self.agents.get(agent)).copied();
        let mut limits: Vec<LimitNo> = match &task.kind {
            TaskKind::Agent(work) => of(&work.role, &work.agent).collect(),
            TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => Vec::new(),
        };
        // Its reviewer works in its slot.
        limits.extend(task.review.iter().flat_map(|review| of(&review.role, &review.agent)));
        limits.sort_unstable();
        limits.dedup();
        limits
    }
}
