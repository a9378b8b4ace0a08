//! Greedy list scheduling: whenever something frees, the best ready task that fits every limit starts. Never waves.
//!
//! A ready task that does not fit lies aside with the one thing that holds it, and is looked at again only when that
//! thing is free. So a step costs the logarithm of the number of tasks, not the number.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::Run;
use crate::kernel::agents::AgentNo;
use crate::kernel::event::{Event, Outcome, WorkspaceFrom};
use crate::kernel::graph::{LimitNo, LockNo, Rank, TaskNo};
use crate::kernel::inflight::Job;
use crate::kernel::limits::Fit;
use crate::kernel::state::{Phase, Status, Work};
use crate::kernel::step::Turn;
use crate::mission::model::{RetryFrom, TaskWorkspace, WorkspaceMode};
use crate::name::Attempt;
use crate::plan::TaskKind;

/// Ready tasks by what holds them, each kept by its rank.
#[derive(Debug, Default)]
pub(crate) struct ReadyQueue {
    aside: BTreeMap<Hold, BTreeSet<Rank>>,
    /// The first task that fits everything but locks or touches: nothing that meets it is started before it.
    pub(crate) next: Option<TaskNo>,
}

/// The one thing that holds a ready task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hold {
    /// Nothing that is known: to be looked at.
    Nothing,
    /// A limit of its role or agent.
    Limit(LimitNo),
    /// A lock that another holds, or that the next in line waits for.
    Lock(LockNo),
    /// A lock that this task, which has ended, keeps for the rest of its worktree.
    Kept(LockNo, TaskNo),
    /// Files that this task may change.
    Touches(TaskNo),
    /// No session can be paid for now.
    Budget,
    /// No session can be paid for by this group now.
    Pot(TaskNo),
    /// Its agent is limited, or taken out.
    Agent(AgentNo),
    /// The run is paused.
    Pause,
    /// The run is stopping, or its budget is used up.
    Stop,
}

impl ReadyQueue {
    pub(crate) fn offer(&mut self, rank: Rank) {
        self.aside.entry(Hold::Nothing).or_default().insert(rank);
    }

    pub(crate) fn holds(&self, hold: Hold) -> bool {
        self.aside.contains_key(&hold)
    }

    pub(crate) fn any_held(&self, is: impl Fn(Hold) -> bool) -> bool {
        self.aside.keys().any(|hold| is(*hold))
    }

    fn put_aside(&mut self, rank: Rank, hold: Hold) {
        self.aside.entry(hold).or_default().insert(rank);
    }

    fn take(&mut self, rank: Rank, hold: Hold) {
        if let Some(ranks) = self.aside.get_mut(&hold) {
            ranks.remove(&rank);
            if ranks.is_empty() {
                self.aside.remove(&hold);
            }
        }
    }

    /// The best task of those whose hold is gone.
    fn best(&self, is_free: impl Fn(Hold) -> bool) -> Option<(Rank, Hold)> {
        self.aside
            .iter()
            .filter(|(hold, _)| is_free(**hold))
            .filter_map(|(hold, ranks)| ranks.first().map(|rank| (*rank, *hold)))
            .min()
    }

    /// Forgets a task that is no longer ready.
    pub(crate) fn forget(&mut self, rank: Rank) {
        self.aside.retain(|_, ranks| {
            ranks.remove(&rank);
            !ranks.is_empty()
        });
    }
}

impl Run {
    pub(crate) fn waits_for_slot(&self, t: TaskNo) -> bool {
        match &self.state.task(t).status {
            Status::Ready => true,
            Status::Running(running) => matches!(running.phase, Phase::Reworking | Phase::Resting(_)),
            Status::Waiting
            | Status::Expanded { .. }
            | Status::Gated(_)
            | Status::BackingOff { .. }
            | Status::Finished(_) => false,
        }
    }
}

impl Turn<'_> {
    /// Starts the best ready task that fits; false where none does.
    pub(crate) fn start_next(&mut self) -> bool {
        if !self.has_free_slot() {
            return false;
        }
        self.drop_next_if_over();
        if let Some(next) = self.run.inflight.ready.next {
            let rank = self.run.graph.rank(next);
            match self.run.fits(next) {
                Fit::Fits => {
                    self.run.inflight.ready.forget(rank);
                    self.start(next);
                    return true;
                }
                // Something else holds it now: others need not wait for it meanwhile.
                Fit::Held { by, reserve: false } => {
                    self.run.inflight.ready.forget(rank);
                    self.run.inflight.ready.put_aside(rank, by);
                    self.run.inflight.ready.next = None;
                }
                Fit::Held { reserve: true, .. } => {}
            }
        }
        while let Some((rank, hold)) = self.run.inflight.ready.best(|hold| self.run.is_free(hold)) {
            self.run.inflight.ready.take(rank, hold);
            let t = rank.task;
            if !self.waits_for_slot(t) {
                continue;
            }
            if !self.may_work_on(t) {
                self.run.inflight.ready.put_aside(rank, Hold::Stop);
                continue;
            }
            if self.is_kept_from_beginning(t) {
                self.run.inflight.ready.put_aside(rank, Hold::Pause);
                continue;
            }
            if self.gives_up_hope(t) {
                return true;
            }
            match self.run.fits(t) {
                Fit::Fits => {
                    self.start(t);
                    return true;
                }
                Fit::Held { by, reserve } => {
                    if reserve {
                        self.run.inflight.ready.next.get_or_insert(t);
                    }
                    self.run.inflight.ready.put_aside(rank, by);
                }
            }
        }
        false
    }

    /// What may not start any more is in nobody's way.
    fn drop_next_if_over(&mut self) {
        let Some(next) = self.run.inflight.ready.next else { return };
        let paused = self.is_kept_from_beginning(next);
        if self.waits_for_slot(next) && self.may_work_on(next) && !paused {
            return;
        }
        self.run.inflight.ready.next = None;
        let rank = self.run.graph.rank(next);
        self.run.inflight.ready.forget(rank);
        if self.waits_for_slot(next) {
            self.run.inflight.ready.put_aside(rank, if paused { Hold::Pause } else { Hold::Stop });
        }
    }

    fn has_free_slot(&self) -> bool {
        if !self.run.winds_up() {
            return self.run.state.slots < self.at_once();
        }
        // What is suspended keeps its slot, and needs none before a resume.
        let (graph, jobs) = (&self.run.graph, &self.run.inflight.jobs);
        let counts = |(t, job): &(&TaskNo, &Job)| job.is_awaited() || graph.is_always(**t);
        let max = usize::try_from(self.run.plan.max.get()).unwrap_or(usize::MAX);
        !graph.always().is_empty() && jobs.iter().filter(counts).count() < max
    }

    fn waits_for_slot(&self, t: TaskNo) -> bool {
        self.run.waits_for_slot(t)
    }

    /// Begins an attempt: the first, one after a failure, or one on top of what was merged meanwhile.
    fn start(&mut self, t: TaskNo) {
        if self.run.inflight.ready.next == Some(t) {
            self.run.inflight.ready.next = None;
        }
        if let Some(running) = self.running(t).filter(|running| matches!(running.phase, Phase::Resting(_))) {
            let (task, attempt) = (self.id(t), running.attempt);
            self.emit(Event::GoesOn { task, attempt });
            return self.look_at(t);
        }
        let attempt = self.run.state.task(t).attempt().map_or(Attempt::FIRST, Attempt::next);
        let from = self.workspace_from(t);
        let task = self.id(t);
        self.close_before_next(t);
        self.emit(Event::TaskStarted { task, attempt, from });
        if self.run.graph.lean(t) {
            self.start_lean(t);
        } else {
            self.look_at(t);
        }
    }

    fn start_lean(&mut self, t: TaskNo) {
        self.begin_job(t, Job::Work);
        self.set_round_deadline(t);
        match self.command_effect(t) {
            Ok(effect) => self.ask(effect),
            Err(why) => self.misconfigured(t, why),
        }
    }

    fn workspace_from(&self, t: TaskNo) -> WorkspaceFrom {
        let task = self.task(t);
        if self.run.plan.workspace.mode == WorkspaceMode::Directory {
            return WorkspaceFrom::Directory;
        }
        let record = self.run.state.task(t);
        let past = record.past.as_deref();
        let reworks = record.running().is_some() || past.is_some_and(|past| past.sent_back.is_some());
        let work = past.filter(|past| !past.settled).and_then(|past| past.work.clone());
        let handed = past.is_some_and(|past| past.handed.is_some());
        match (&task.workspace, work) {
            (TaskWorkspace::ReadOnly, _) => WorkspaceFrom::ReadOnly,
            (_, Some(work)) if reworks || handed || task.retry.from == RetryFrom::LastWork => {
                WorkspaceFrom::LastWork { attempt: work.attempt, commit: work.commit, base: work.base }
            }
            (TaskWorkspace::Own, _) => WorkspaceFrom::Integration,
            (TaskWorkspace::With(_), tried) => self.on_top_of_before(t, tried.is_some()),
        }
    }

    /// The worktree of the tasks before in the chain; where it is gone, or a retry is to begin clean, their work.
    fn on_top_of_before(&self, t: TaskNo, tried: bool) -> WorkspaceFrom {
        let open = |before: &TaskNo| {
            let past = self.run.state.task(*before).past.as_ref().filter(|past| !past.settled)?;
            let attempt = past.open.last().copied()?;
            Some(WorkspaceFrom::With { task: self.id(*before), attempt })
        };
        let there = self.before(t).iter().rev().find_map(open).filter(|_| !tried);
        let work = || {
            let Work { attempt, commit, base } = self.work_before(t)?.clone();
            Some(WorkspaceFrom::LastWork { attempt, commit, base })
        };
        there.or_else(work).unwrap_or(WorkspaceFrom::Integration)
    }

    /// Whether another task goes on in its worktree. One that was sent back may come after what did.
    pub(crate) fn goes_on_in_it(&self, t: TaskNo) -> bool {
        let succeeded = |after| matches!(self.run.state.task(after).outcome(), Some(Outcome::Succeeded { .. }));
        self.run.graph.follower(t).is_some_and(|after| !succeeded(after))
    }

    /// What the tasks before it in its worktree made.
    pub(crate) fn work_before(&self, t: TaskNo) -> Option<&Work> {
        let work = |before: &TaskNo| {
            let past = self.run.state.task(*before).past.as_ref().filter(|past| !past.settled)?;
            past.work.as_ref()
        };
        self.before(t).iter().rev().find_map(work)
    }

    /// The tasks before it in its worktree, the first first.
    fn before(&self, t: TaskNo) -> Vec<TaskNo> {
        if self.run.graph.root(t) == t {
            return Vec::new();
        }
        self.run.graph.chain(t).into_iter().take_while(|link| *link != t).collect()
    }

    /// True for the sessions of agents.
    pub(crate) fn is_agent(&self, t: TaskNo) -> bool {
        matches!(self.task(t).kind, TaskKind::Agent(_))
    }
}
