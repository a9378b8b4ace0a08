//! What a plan says about order and limits, worked out once: indexes instead of names, so that a step costs the
//! same with ten thousand tasks as with ten. Derived from the plan and from the events that add to it alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::amount::Millis;
use crate::kernel::numbers::Numbers;
pub(crate) use crate::kernel::numbers::{Limit, LimitNo, LockNo};
use crate::mission::model::{Importance, Join, Permissions, TaskWorkspace, WorkspaceMode};
use crate::name::TaskId;
use crate::plan::graph::{Edges, bottom_levels};
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

/// The place of a task among all if all were ready, the smallest first: priority, then longest remaining path, then
/// file order. It does not change when other tasks are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    priority: Reverse<i64>,
    level: Reverse<Millis>,
    /// Whose it is.
    pub(crate) task: TaskNo,
}

/// What is fixed about one task.
#[derive(Debug)]
struct Node {
    dependents: Vec<TaskNo>,
    needs: Vec<TaskNo>,
    priority: i64,
    level: Millis,
    touches: Option<TouchSet>,
    locks: Vec<LockNo>,
    limits: Vec<LimitNo>,
    root: TaskNo,
    follower: Option<TaskNo>,
    group: Option<TaskNo>,
    lean: bool,
    always: bool,
    excused: bool,
}

/// The parts of a group.
#[derive(Debug, Default)]
struct Parts {
    all: Vec<TaskNo>,
    /// Parts of an earlier time that are none any more.
    dropped: Vec<TaskNo>,
}

/// The whole plan, by index.
#[derive(Debug)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    numbers: Numbers,
    groups: BTreeMap<TaskNo, Parts>,
    /// Tasks that run also after a stop.
    always: Vec<TaskNo>,
    looks_back: bool,
}

impl Graph {
    /// Works it out.
    pub(crate) fn of(plan: &Plan) -> Self {
        let numbers = Numbers::of(plan);
        let mut graph =
            Self { nodes: Vec::new(), numbers, groups: BTreeMap::new(), always: Vec::new(), looks_back: false };
        graph.append(plan, 0..plan.tasks.len(), None);
        for (node, level) in graph.nodes.iter_mut().zip(bottom_levels(plan)) {
            node.level = level;
        }
        graph
    }

    /// Takes in the parts of a group. Those whose ids the plan had before are known by the same numbers.
    pub(crate) fn expand(&mut self, plan: &Plan, group: TaskNo, parts: Vec<TaskNo>) {
        let new = self.nodes.len()..plan.tasks.len();
        for part in parts.iter().filter(|part| part.index() < new.start) {
            self.renew(plan, *part);
        }
        self.append(plan, new.clone(), Some(group));
        self.set_levels(plan, group, new);
        let before = self.groups.remove(&group).unwrap_or_default();
        let named: BTreeSet<TaskNo> = parts.iter().copied().collect();
        let gone = before.all.into_iter().chain(before.dropped).filter(|part| !named.contains(part));
        self.groups.insert(group, Parts { dropped: gone.collect(), all: parts });
    }

    fn append(&mut self, plan: &Plan, new: Range<usize>, group: Option<TaskNo>) {
        let read = read_by_others(plan, new.clone());
        for (index, (id, task)) in new.clone().zip(plan.tasks.iter().skip(new.start)) {
            let mut node = self.node_of(plan, index, task, group);
            node.lean = is_lean(plan, task) && !read.contains(id) && !self.is_limited(plan, group);
            if node.always {
                self.always.push(number(index));
            }
            self.looks_back |= task.when.is_some()
                || task.late_touches.is_some()
                || !matches!(task.kind, TaskKind::Agent(_) | TaskKind::Command(_));
            self.nodes.push(node);
        }
        self.connect(plan, new);
    }

    /// Whether the use of a group's parts is limited: then it is counted.
    fn is_limited(&self, plan: &Plan, group: Option<TaskNo>) -> bool {
        let limited =
            |group: &TaskNo| plan.tasks.get_index(group.index()).is_some_and(|(_, task)| !task.budget.is_none());
        std::iter::successors(group, |group| self.group(*group)).any(|group| limited(&group))
    }

    fn node_of(&mut self, plan: &Plan, index: usize, task: &Task, group: Option<TaskNo>) -> Node {
        let mut locks: Vec<LockNo> = task.locks.iter().map(|name| self.numbers.lock(name)).collect();
        if plan.workspace.mode == WorkspaceMode::Directory && writes(task) {
            locks.push(0);
        }
        locks.sort_unstable();
        locks.dedup();
        Node {
            dependents: Vec::new(),
            needs: task.needs.iter().filter_map(|id| Self::find(plan, id)).collect(),
            priority: task.priority,
            level: Millis::ZERO,
            touches: compiled(task),
            locks,
            limits: self.numbers.limits_of(task),
            root: number(index),
            follower: None,
            group,
            lean: false,
            always: task.join == Join::Always || group.is_some_and(|group| self.is_always(group)),
            excused: task.importance == Importance::Optional || group.is_some_and(|group| self.is_excused(group)),
        }
    }

    /// A part that is known already, as the plan now has it.
    fn renew(&mut self, plan: &Plan, part: TaskNo) {
        let Some((_, task)) = plan.tasks.get_index(part.index()) else { return };
        let mut locks: Vec<LockNo> = task.locks.iter().map(|name| self.numbers.lock(name)).collect();
        let (touches, limits) = (compiled(task), self.numbers.limits_of(task));
        if let Some(node) = self.nodes.get_mut(part.index()) {
            locks.extend(node.locks.iter().filter(|lock| **lock == 0));
            locks.sort_unstable();
            locks.dedup();
            (node.locks, node.touches, node.limits) = (locks, touches, limits);
            node.priority = task.priority;
        }
        self.bind(self.root(part));
    }

    fn connect(&mut self, plan: &Plan, new: Range<usize>) {
        let mut chained = Vec::new();
        for (index, task) in new.clone().zip(plan.tasks.values().skip(new.start)) {
            let this = number(index);
            for need in self.needs(this).to_vec() {
                if let Some(node) = self.nodes.get_mut(need.index()) {
                    node.dependents.push(this);
                }
            }
            if let Some(first) = goes_on_from(plan, task)
                && let Some(node) = self.nodes.get_mut(first.index())
            {
                node.follower.get_or_insert(this);
                chained.push(this);
            }
        }
        let new_links: BTreeSet<TaskNo> = chained.iter().copied().collect();
        let before = |t: TaskNo| plan.tasks.get_index(t.index()).and_then(|(_, task)| goes_on_from(plan, task));
        let firsts: BTreeSet<TaskNo> = chained
            .into_iter()
            .filter_map(before)
            .filter(|first| !new_links.contains(first))
            .map(|first| self.root(first))
            .collect();
        for first in firsts {
            self.bind(first);
        }
    }

    /// A worktree is merged once, after its last task: each of them holds what those before it held.
    fn bind(&mut self, first: TaskNo) {
        if self.follower(first).is_none() {
            return;
        }
        let (mut locks, mut touches): (Vec<LockNo>, Option<TouchSet>) = (Vec::new(), None);
        let mut next = Some(first);
        while let Some(node) = next.and_then(|link| self.nodes.get_mut(link.index())) {
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
            next = node.follower;
        }
    }

    /// Remaining paths of new parts: among themselves, then on through what waits for their group.
    fn set_levels(&mut self, plan: &Plan, group: TaskNo, new: Range<usize>) {
        let own = plan.tasks.get_index(group.index()).map_or(Millis::ZERO, |(_, task)| task.estimate);
        let after = self.node(group).level.saturating_sub(own);
        let among = |t: &TaskNo| t.index().checked_sub(new.start);
        let needs = new.clone().map(|index| self.needs(number(index)).iter().filter_map(among).collect()).collect();
        let edges = Edges::from_needs(needs);
        let mut levels: Vec<Millis> = plan.tasks.values().skip(new.start).map(|task| task.estimate + after).collect();
        for task in edges.order.iter().rev() {
            let below = edges.dependents.get(*task).into_iter().flatten().filter_map(|next| levels.get(*next)).max();
            let estimate = plan.tasks.get_index(new.start + *task).map_or(Millis::ZERO, |(_, task)| task.estimate);
            if let (Some(below), Some(own)) = (below.copied(), levels.get_mut(*task)) {
                *own = below + estimate;
            }
        }
        for (node, level) in self.nodes.iter_mut().skip(new.start).zip(levels) {
            node.level = level;
        }
    }

    /// What a task may change is known from here on.
    pub(crate) fn set_touches(&mut self, t: TaskNo, globs: &[String]) {
        if let Some(node) = self.nodes.get_mut(t.index()) {
            node.touches = Some(TouchSet::compile(globs).unwrap_or_default());
        }
        self.bind(self.root(t));
    }

    /// A task is done by others from here on.
    pub(crate) fn set_limits(&mut self, plan: &Plan, t: TaskNo) {
        let limits = plan.tasks.get_index(t.index()).map(|(_, task)| self.numbers.limits_of(task));
        if let (Some(limits), Some(node)) = (limits, self.nodes.get_mut(t.index())) {
            node.limits = limits;
        }
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

    /// Its place in the order.
    pub(crate) fn rank(&self, t: TaskNo) -> Rank {
        let node = self.node(t);
        Rank { priority: Reverse(node.priority), level: Reverse(node.level), task: t }
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
        self.numbers.lock_name(lock)
    }

    /// Limits of role and agent that it counts against.
    pub(crate) fn task_limits(&self, t: TaskNo) -> &[LimitNo] {
        &self.node(t).limits
    }

    /// All limits.
    pub(crate) fn limits(&self) -> &[Limit] {
        self.numbers.limits()
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

    /// The group that it is a part of.
    pub(crate) fn group(&self, t: TaskNo) -> Option<TaskNo> {
        self.node(t).group
    }

    /// The groups that it is a part of, the innermost first.
    pub(crate) fn groups(&self, t: TaskNo) -> impl Iterator<Item = TaskNo> {
        std::iter::successors(self.group(t), |group| self.group(*group))
    }

    /// The parts of a group, once they are known.
    pub(crate) fn parts(&self, group: TaskNo) -> Option<&[TaskNo]> {
        self.groups.get(&group).map(|parts| parts.all.as_slice())
    }

    /// What were parts of a group before it was expanded again, and are none now.
    pub(crate) fn dropped(&self, group: TaskNo) -> &[TaskNo] {
        self.groups.get(&group).map_or(&[], |parts| parts.dropped.as_slice())
    }

    /// Whether it runs also after a stop, or is a part of what does.
    pub(crate) fn is_always(&self, t: TaskNo) -> bool {
        self.node(t).always
    }

    /// All that do.
    pub(crate) fn always(&self) -> &[TaskNo] {
        &self.always
    }

    /// Whether its failure does not count for the run.
    pub(crate) fn is_excused(&self, t: TaskNo) -> bool {
        self.node(t).excused
    }

    /// Whether anything in the plan looks at how tasks ended.
    pub(crate) fn looks_back(&self) -> bool {
        self.looks_back
    }
}

fn number(index: usize) -> TaskNo {
    TaskNo(u32::try_from(index).unwrap_or(u32::MAX))
}

fn compiled(task: &Task) -> Option<TouchSet> {
    task.touches.as_ref().map(|globs| TouchSet::compile(globs).unwrap_or_default())
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
        TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => false,
    };
    may && task.workspace != TaskWorkspace::ReadOnly && task.touches.as_ref().is_none_or(|globs| !globs.is_empty())
}

/// Tasks whose handoffs those of a range read; a group reads what its parts will read of what comes before it.
fn read_by_others(plan: &Plan, range: Range<usize>) -> BTreeSet<&TaskId> {
    plan.tasks.values().skip(range.start).take(range.len()).flat_map(|task| &task.handoff_from).collect()
}

fn is_lean(plan: &Plan, task: &Task) -> bool {
    plan.workspace.mode == WorkspaceMode::Directory
        && matches!(task.kind, TaskKind::Command(_))
        && task.checks.is_empty()
        && task.review.is_none()
        && task.artifacts.is_empty()
        && task.cache.is_none()
        && task.outputs.is_empty()
        && plan.workspace.setup.is_empty()
}
