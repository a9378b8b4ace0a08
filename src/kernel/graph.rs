//! What a plan says about order and limits, worked out once: indexes instead of names, so that a step costs the
//! same with ten thousand tasks as with ten. Derived from the plan alone; it never changes during a run.

use std::collections::{BTreeMap, BTreeSet};

use crate::amount::Millis;
use crate::mission::model::{Permissions, TaskWorkspace, WorkspaceMode};
use crate::name::{AgentName, RoleName, TaskId};
use crate::plan::graph::bottom_levels;
use crate::plan::touches::TouchSet;
use crate::plan::{Plan, Task, TaskKind};

/// A task by its place in the plan. Only [`Graph`] makes them, so each stands for a task that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskNo(u32);

impl TaskNo {
    pub(crate) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

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

/// What is fixed about one task.
#[derive(Debug)]
struct Node {
    dependents: Vec<TaskNo>,
    needs: Vec<TaskNo>,
    rank: u32,
    touches: Option<TouchSet>,
    locks: Vec<LockNo>,
    limits: Vec<LimitNo>,
    root: TaskNo,
    follower: Option<TaskNo>,
    lean: bool,
}

/// The whole plan, by index.
#[derive(Debug)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    by_rank: Vec<TaskNo>,
    lock_names: Vec<String>,
    limits: Vec<Limit>,
}

impl Graph {
    /// Works it out.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut build = Build::new(plan);
        let nodes: Vec<Node> = plan.tasks.values().enumerate().map(|(i, task)| build.node(i, task)).collect();
        let mut graph = Self { nodes, by_rank: Vec::new(), lock_names: build.lock_names, limits: build.limits };
        graph.connect(plan);
        graph.put_in_order(plan);
        graph
    }

    /// All tasks in file order.
    pub(crate) fn all(&self) -> impl Iterator<Item = TaskNo> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(TaskNo)
    }

    /// The task of that name.
    pub(crate) fn find(plan: &Plan, id: &TaskId) -> Option<TaskNo> {
        plan.tasks.get_index_of(id).map(number)
    }

    fn node(&self, t: TaskNo) -> &Node {
        self.nodes.get(t.index()).expect("a TaskNo stands for a task of the plan it was made from")
    }

    /// Tasks that need this one.
    pub(crate) fn dependents(&self, t: TaskNo) -> &[TaskNo] {
        &self.node(t).dependents
    }

    /// Tasks this one needs.
    pub(crate) fn needs(&self, t: TaskNo) -> &[TaskNo] {
        &self.node(t).needs
    }

    /// Place among all tasks if all were ready: priority, then longest remaining path, then file order.
    pub(crate) fn rank(&self, t: TaskNo) -> u32 {
        self.node(t).rank
    }

    /// The task of a rank.
    pub(crate) fn ranked(&self, rank: u32) -> Option<TaskNo> {
        usize::try_from(rank).ok().and_then(|i| self.by_rank.get(i)).copied()
    }

    /// Files it may change, where it says so; with those of the tasks before it in its worktree, which are merged with it.
    pub(crate) fn touches(&self, t: TaskNo) -> Option<&TouchSet> {
        self.node(t).touches.as_ref()
    }

    /// Locks it needs, with those of the tasks before it in its worktree.
    pub(crate) fn locks(&self, t: TaskNo) -> &[LockNo] {
        &self.node(t).locks
    }

    /// A lock, for people.
    pub(crate) fn lock_name(&self, lock: LockNo) -> &str {
        usize::try_from(lock).ok().and_then(|i| self.lock_names.get(i)).map_or("?", String::as_str)
    }

    /// Limits of role and agent that it counts against.
    pub(crate) fn task_limits(&self, t: TaskNo) -> &[LimitNo] {
        &self.node(t).limits
    }

    /// All limits.
    pub(crate) fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The first task of the worktree that it works in; itself where it shares none.
    pub(crate) fn root(&self, t: TaskNo) -> TaskNo {
        self.node(t).root
    }

    /// The task that goes on in its worktree.
    pub(crate) fn follower(&self, t: TaskNo) -> Option<TaskNo> {
        self.node(t).follower
    }

    /// All that share its worktree, the first first.
    pub(crate) fn chain(&self, t: TaskNo) -> Vec<TaskNo> {
        let mut chain = vec![self.root(t)];
        while let Some(next) = chain.last().and_then(|last| self.follower(*last)) {
            chain.push(next);
        }
        chain
    }

    /// True for a command in the project's directory about which nothing is to be prepared, checked or handed on:
    /// `task-started` and `task-finished` say all there is to say.
    pub(crate) fn lean(&self, t: TaskNo) -> bool {
        self.node(t).lean
    }

    fn connect(&mut self, plan: &Plan) {
        for (i, task) in plan.tasks.values().enumerate() {
            let this = number(i);
            for need in task.needs.iter().filter_map(|id| Self::find(plan, id)) {
                if let Some(node) = self.nodes.get_mut(need.index()) {
                    node.dependents.push(this);
                }
            }
            if let Some(first) = goes_on_from(plan, task)
                && let Some(node) = self.nodes.get_mut(first.index())
            {
                node.follower.get_or_insert(this);
            }
        }
        let followers: BTreeSet<TaskNo> = self.all().filter_map(|t| self.follower(t)).collect();
        let goes_on = |t: &TaskNo| self.follower(*t).is_some() && !followers.contains(t);
        let firsts: Vec<TaskNo> = self.all().filter(goes_on).collect();
        for first in firsts {
            self.bind(first);
        }
    }

    /// A worktree is merged once, after its last task: each of them holds what those before it held.
    fn bind(&mut self, first: TaskNo) {
        let (mut locks, mut touches): (Vec<LockNo>, Option<TouchSet>) = (Vec::new(), None);
        for link in self.chain(first) {
            let Some(node) = self.nodes.get_mut(link.index()) else { continue };
            node.root = first;
            locks.append(&mut node.locks);
            locks.sort_unstable();
            locks.dedup();
            node.locks.clone_from(&locks);
            touches = match (touches, &node.touches) {
                (Some(before), Some(own)) => Some(before.joined(own)),
                (before, own) => before.or_else(|| own.clone()),
            };
            node.touches.clone_from(&touches);
        }
    }

    fn put_in_order(&mut self, plan: &Plan) {
        let levels = bottom_levels(plan);
        let mut order: Vec<(i64, Millis, TaskNo)> = plan
            .tasks
            .values()
            .zip(levels)
            .enumerate()
            .map(|(i, (task, level))| (task.priority, level, number(i)))
            .collect();
        order.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
        self.by_rank = order.into_iter().map(|(_, _, t)| t).collect();
        for (rank, t) in (0_u32..).zip(&self.by_rank) {
            if let Some(node) = self.nodes.get_mut(t.index()) {
                node.rank = rank;
            }
        }
    }
}

fn number(index: usize) -> TaskNo {
    TaskNo(u32::try_from(index).unwrap_or(u32::MAX))
}

fn goes_on_from(plan: &Plan, task: &Task) -> Option<TaskNo> {
    match &task.workspace {
        TaskWorkspace::With(id) => Graph::find(plan, id),
        TaskWorkspace::Own | TaskWorkspace::ReadOnly => None,
    }
}

/// Whether it may change files at all, as far as its author says.
pub(crate) fn writes(task: &Task) -> bool {
    let may = match &task.kind {
        TaskKind::Agent(work) => work.permissions != Permissions::Read,
        TaskKind::Command(_) => true,
    };
    may && task.workspace != TaskWorkspace::ReadOnly && task.touches.as_ref().is_none_or(|globs| !globs.is_empty())
}

/// Numbers handed out while the graph is made.
struct Build<'p> {
    plan: &'p Plan,
    lock_names: Vec<String>,
    lock_numbers: BTreeMap<&'p str, LockNo>,
    limits: Vec<Limit>,
    roles: BTreeMap<&'p RoleName, LimitNo>,
    agents: BTreeMap<&'p AgentName, LimitNo>,
    read_by_agents: BTreeSet<&'p TaskId>,
}

impl<'p> Build<'p> {
    fn new(plan: &'p Plan) -> Self {
        let mut limits = Vec::new();
        let mut roles = BTreeMap::new();
        for (name, role) in &plan.roles {
            if let Some(max) = role.max {
                roles.insert(name, limits.len());
                limits.push(Limit { what: format!("role `{name}`"), max: max.get() });
            }
        }
        let mut agents = BTreeMap::new();
        for (name, agent) in &plan.agents {
            if let Some(max) = agent.max {
                agents.insert(name, limits.len());
                limits.push(Limit { what: format!("agent `{name}`"), max: max.get() });
            }
        }
        let read_by_agents = plan.tasks.values().flat_map(|task| &task.handoff_from).collect();
        let lock_names = vec!["the right to write in the project's directory".to_owned()];
        Self { plan, lock_names, lock_numbers: BTreeMap::new(), limits, roles, agents, read_by_agents }
    }

    fn node(&mut self, index: usize, task: &'p Task) -> Node {
        let directory = self.plan.workspace.mode == WorkspaceMode::Directory;
        let mut locks: Vec<LockNo> = task.locks.iter().map(|name| self.lock(name)).collect();
        if directory && writes(task) {
            locks.push(0);
        }
        locks.sort_unstable();
        locks.dedup();
        let limits = match &task.kind {
            TaskKind::Agent(work) => {
                self.roles.get(&work.role).into_iter().chain(self.agents.get(&work.agent)).copied().collect()
            }
            TaskKind::Command(_) => Vec::new(),
        };
        Node {
            dependents: Vec::new(),
            needs: task.needs.iter().filter_map(|id| Graph::find(self.plan, id)).collect(),
            rank: 0,
            touches: task.touches.as_ref().map(|globs| TouchSet::compile(globs).unwrap_or_default()),
            locks,
            limits,
            root: number(index),
            follower: None,
            lean: directory && self.lean(index, task),
        }
    }

    fn lean(&self, index: usize, task: &Task) -> bool {
        let read = self.plan.tasks.get_index(index).is_some_and(|(id, _)| self.read_by_agents.contains(id));
        matches!(task.kind, TaskKind::Command(_))
            && task.checks.is_empty()
            && task.outputs.is_empty()
            && self.plan.workspace.setup.is_empty()
            && !read
    }

    fn lock(&mut self, name: &'p str) -> LockNo {
        if let Some(number) = self.lock_numbers.get(name) {
            return *number;
        }
        let number = LockNo::try_from(self.lock_names.len()).unwrap_or(LockNo::MAX);
        self.lock_names.push(format!("lock `{name}`"));
        self.lock_numbers.insert(name, number);
        number
    }
}
