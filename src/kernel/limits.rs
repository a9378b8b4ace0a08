//! Whether a ready task fits: slots, limits of role and agent, locks and touches are taken together or not at all.

use crate::kernel::Run;
use crate::kernel::event::SessionKind;
use crate::kernel::graph::{LockNo, TaskNo};
use crate::kernel::order::Hold;
use crate::name::{AgentName, RoleName};
use crate::plan::{ReportsUse, Task, TaskKind};

/// Whether a task may start now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It may.
    Fits,
    /// This holds it. `reserve`: only a lock or touches do, so that it may become the next in line for them.
    Held { by: Hold, reserve: bool },
}

impl Run {
    /// Whether it may start now, but for the slot.
    pub(crate) fn fits(&self, t: TaskNo) -> Fit {
        if let Some(limit) = self.graph.task_limits(t).iter().find(|limit| !self.is_free(Hold::Limit(**limit))) {
            return Fit::Held { by: Hold::Limit(*limit), reserve: false };
        }
        if let Some(agent) = self.away(t) {
            return Fit::Held { by: Hold::Agent(agent), reserve: false };
        }
        if self.reports(t, SessionKind::Work) && !self.state.ledger.is_open() {
            return Fit::Held { by: Hold::Budget, reserve: false };
        }
        if let Some(group) = self.short_pot(t).filter(|_| self.reports(t, SessionKind::Work)) {
            return Fit::Held { by: Hold::Pot(group), reserve: false };
        }
        match self.in_the_way(t) {
            Some(by) => Fit::Held { by, reserve: true },
            None => Fit::Fits,
        }
    }

    /// The lock or the task that keeps it from locks and files that it needs.
    pub(crate) fn in_the_way(&self, t: TaskNo) -> Option<Hold> {
        let (graph, state) = (&self.graph, &self.state);
        if state.holds.has(t) {
            return None;
        }
        let goes_on = self.goes_on_with_holds(t);
        let next = self.inflight.ready.next.filter(|next| *next != t && !goes_on);
        let in_way = |other: TaskNo| graph.root(other) != graph.root(t) && !self.gives_way(other);
        let held = |lock: &LockNo| {
            let mut holders = state.holds.of(*lock).filter(|holder| in_way(*holder)).peekable();
            let first = holders.peek().copied();
            let reserved = next.is_some_and(|next| graph.locks(next).contains(lock));
            let held = reserved || holders.any(|holder| !self.only_keeps(holder));
            if held { Some(Hold::Lock(*lock)) } else { first.map(|keeper| Hold::Kept(*lock, keeper)) }
        };
        if let Some(by) = graph.locks(t).iter().find_map(held) {
            return Some(by);
        }
        let own = graph.touches(t)?;
        let others = state.holds.all().filter(|other| in_way(*other)).chain(next);
        others
            .into_iter()
            .find(|other| graph.touches(*other).is_some_and(|theirs| own.may_meet(theirs)))
            .map(Hold::Touches)
    }

    /// Whether it goes on in a worktree whose holds are kept for it: who waits for those waits for it.
    fn goes_on_with_holds(&self, t: TaskNo) -> bool {
        let same = |other| self.graph.root(other) == self.graph.root(t);
        self.graph.root(t) != t && self.state.holds.all().any(same)
    }

    /// Whether it has ended, and keeps what it held for the rest of its worktree.
    fn only_keeps(&self, holder: TaskNo) -> bool {
        self.state.task(holder).outcome().is_some()
    }

    /// Whether holds kept for the rest of a worktree are let go: only when nothing else can move, since the rest may
    /// need the very task that waits for them.
    /// What a stop has suspended, or what waits for a merge or for money then, stands in nobody's way until a resume.
    fn gives_way(&self, holder: TaskNo) -> bool {
        let suspended = self.winds_up() && self.is_suspended(holder);
        (self.inflight.give_way && self.only_keeps(holder)) || suspended
    }

    /// True where what held tasks aside holds them no longer.
    pub(crate) fn is_free(&self, hold: Hold) -> bool {
        let (graph, state) = (&self.graph, &self.state);
        let next = self.inflight.ready.next;
        match hold {
            Hold::Nothing => true,
            Hold::Limit(limit) => {
                let max = graph.limits().get(limit).map_or(u32::MAX, |limit| limit.max);
                let max = if self.winds_up() { u32::MAX } else { max };
                state.limits.get(limit).copied().unwrap_or_default() < max
            }
            Hold::Lock(lock) => {
                state.holds.of(lock).all(|holder| self.only_keeps(holder) || self.gives_way(holder))
                    && !next.is_some_and(|next| graph.locks(next).contains(&lock))
            }
            Hold::Kept(lock, other) => !state.holds.of(lock).any(|holder| holder == other) || self.gives_way(other),
            Hold::Touches(other) => (!state.holds.has(other) || self.gives_way(other)) && next != Some(other),
            Hold::Agent(agent) => self.is_back(agent),
            Hold::Budget => self.state.ledger.is_open(),
            Hold::Pot(group) => self.pot_is_free(group),
            Hold::Pause => !state.pauses(),
            Hold::Stop => false,
        }
    }

    /// Whether the agent of a task, or of its review, tells what it uses: a budget cannot bind another.
    pub(crate) fn reports(&self, t: TaskNo, kind: SessionKind) -> bool {
        let agent = self.who(t, kind).map(|(_, agent)| agent);
        agent.and_then(|agent| self.plan.agents.get(agent)).is_some_and(|agent| agent.reports == ReportsUse::Yes)
    }

    /// In which role, and by which agent, a task is done, or what was done is read.
    pub(crate) fn who(&self, t: TaskNo, kind: SessionKind) -> Option<(&RoleName, &AgentName)> {
        who(self.task(t).1, kind)
    }

    /// Whether its next session could be paid for, as far as the run's budget goes.
    pub(crate) fn could_fund(&self, t: TaskNo) -> bool {
        !self.reports(t, self.next_session(t)) || (self.state.ledger.is_open() && self.short_pot(t).is_none())
    }
}

/// In which role, and by which agent, a task is done, or what was done is read.
pub(crate) fn who(task: &Task, kind: SessionKind) -> Option<(&RoleName, &AgentName)> {
    match (kind, &task.kind) {
        (SessionKind::Review, _) => task.review.as_ref().map(|review| (&review.role, &review.agent)),
        (SessionKind::Work, TaskKind::Agent(work)) => Some((&work.role, &work.agent)),
        (SessionKind::Work, TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_)) => {
            None
        }
    }
}
