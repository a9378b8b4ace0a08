//! Clean-up: what is to run always runs also after a stop or when the budget is used up. It starts when what it needs
//! has ended or can go no further; the run ends after it. A second wish to stop is the driver's: it ends everything.

use std::collections::BTreeSet;

use crate::kernel::Run;
use crate::kernel::event::{CLEAN_UP, Event};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::{InFlight, Job};
use crate::kernel::state::{Phase, Status};
use crate::kernel::step::Turn;
use crate::mission::model::{Join, OnExceeded};
use crate::name::TaskId;

impl Run {
    /// True where the tasks under way are left as they are until a resume, and only clean-up still runs.
    pub(crate) fn winds_up(&self) -> bool {
        let state = &self.state;
        let pauses = state.exceeded && self.plan.budget.on_exceeded == OnExceeded::Pause;
        state.fault.is_none() && state.over.is_none() && (state.stopping.is_some() || pauses)
    }

    /// Whether what a task holds is kept for a later engine while the run winds up.
    pub(crate) fn is_suspended(&self, t: TaskNo) -> bool {
        let job = self.inflight.jobs.get(&t);
        if !self.graph.is_always(t) {
            return job.is_none_or(|job| !job.is_awaited());
        }
        let goes_no_further = self.state.running(t).is_some_and(|running| match running.phase {
            Phase::Queued { .. } | Phase::Merging { .. } | Phase::Merged(_) | Phase::Reworking => true,
            Phase::Preparing
            | Phase::SettingUp(_)
            | Phase::Starting
            | Phase::Working
            | Phase::Ended
            | Phase::Snapshotted
            | Phase::Checking(_)
            | Phase::Reviewing
            | Phase::Resting(_) => false,
        });
        job.is_none() && (goes_no_further || self.cannot_be_paid(t))
    }

    /// Whether there is no money for a session of clean-up that waits for nothing else.
    pub(crate) fn cannot_be_paid(&self, t: TaskNo) -> bool {
        self.state.exceeded && self.waits_for_money(t)
    }

    fn waits_for_money(&self, t: TaskNo) -> bool {
        let waits = match &self.state.task(t).status {
            Status::Ready => true,
            Status::Running(_) => !self.inflight.jobs.contains_key(&t),
            Status::Waiting
            | Status::Gated(_)
            | Status::Expanded { .. }
            | Status::BackingOff { .. }
            | Status::Finished(_) => false,
        };
        waits && !self.could_fund(t)
    }

    /// Whether a stop leaves this task alone: it is to run always. A second wish to stop ends it too.
    pub fn outlives_stop(&self, task: &TaskId) -> bool {
        let t = crate::kernel::graph::Graph::find(&self.plan, task);
        t.is_some_and(|t| self.graph.is_always(t))
    }

    /// True while a run that was stopped has clean-up under way, or about to start: it takes as long as its own
    /// `timeout` says, and nothing else is working any more.
    pub fn cleans_up(&self) -> bool {
        let InFlight { jobs, closing, .. } = &self.inflight;
        let is_left = |(t, job): (&TaskNo, &Job)| self.graph.is_always(*t) || !job.is_awaited();
        let mut busy = jobs.keys().chain(closing.iter().map(|(t, _)| t));
        self.winds_up() && jobs.iter().all(is_left) && busy.any(|t| self.graph.is_always(*t))
    }
}

impl Turn<'_> {
    /// True while this task's attempt may go on.
    pub(crate) fn lives(&self, t: TaskNo) -> bool {
        self.is_live() || (self.run.winds_up() && self.run.graph.is_always(t))
    }

    /// True while sessions and commands of this task may be started.
    pub(crate) fn may_work_on(&self, t: TaskNo) -> bool {
        self.may_work() || (self.lives(t) && self.run.graph.is_always(t))
    }

    /// True for clean-up after a stop: it gets one attempt.
    pub(crate) fn is_clean_up(&self, t: TaskNo) -> bool {
        self.run.winds_up() && self.run.graph.is_always(t)
    }

    /// What runs always is left alone by a stop: says so.
    pub(crate) fn tell_of_clean_up(&mut self) {
        let open = |t: &&TaskNo| self.run.state.task(**t).outcome().is_none();
        let left: Vec<TaskNo> = self.run.graph.always().iter().filter(open).copied().collect();
        let groups = |t: &TaskNo| self.run.graph.group(*t).is_none_or(|group| !self.run.graph.is_always(group));
        let names: Vec<String> = left.iter().filter(|t| groups(t)).map(|t| format!("`{}`", self.id(*t))).collect();
        if !names.is_empty() {
            let text = format!("{CLEAN_UP}{}; stopping a second time ends it too", names.join(", "));
            self.emit(Event::Note { task: None, text, about: None });
        }
    }

    /// Lets clean-up start whose needs have ended or go no further. True where that made something move.
    pub(crate) fn clean_up(&mut self) -> bool {
        let mut moved = false;
        for t in self.run.graph.always().to_vec() {
            let waits = match self.run.state.task(t).status {
                Status::Waiting => self.may_be_cleaned_up(t),
                Status::BackingOff { .. } => {
                    self.run.inflight.backing_off.retain(|(_, other)| *other != t);
                    let task = self.id(t);
                    self.emit(Event::TaskReady { task });
                    moved = true;
                    false
                }
                Status::Ready
                | Status::Expanded { .. }
                | Status::Gated(_)
                | Status::Running(_)
                | Status::Finished(_) => false,
            };
            if waits {
                self.needs_have_ended(t);
                moved = true;
            }
        }
        moved
    }

    fn may_be_cleaned_up(&self, t: TaskNo) -> bool {
        let (graph, state) = (&self.run.graph, &self.run.state);
        let waits = |need: &TaskNo| match self.task(t).join {
            Join::Always => !self.goes_no_further(*need),
            Join::AllSuccess | Join::NoneFailed | Join::AllDone => state.task(*need).outcome().is_none(),
        };
        self.group_is_open(t) && !graph.needs(t).iter().any(waits)
    }

    /// Whether a task has ended, or does nothing more before a resume.
    fn goes_no_further(&self, t: TaskNo) -> bool {
        let record = self.run.state.task(t);
        let waits_for_merge = record.running().is_some_and(|running| {
            matches!(running.phase, Phase::Queued { .. } | Phase::Merging { .. } | Phase::Merged(_) | Phase::Reworking)
        });
        if let Status::Expanded { .. } = record.status {
            let parts = self.run.graph.parts(t).unwrap_or_default();
            return parts.iter().all(|part| self.goes_no_further(*part));
        }
        record.outcome().is_some() || !self.run.graph.is_always(t) || waits_for_merge || self.run.cannot_be_paid(t)
    }

    /// Clean-up that nothing is left to wait for, and no money, is told: what waits for it need not. True where that is news.
    pub(crate) fn finds_no_money(&mut self) -> bool {
        let is_short = self.run.graph.always().iter().any(|t| self.run.waits_for_money(*t));
        let is_news = is_short && !self.run.state.exceeded;
        if is_news {
            self.exceed();
        }
        is_news
    }

    /// True where something is under way that the end of a stopped run waits for.
    pub(crate) fn must_be_awaited(&self) -> bool {
        let inflight = &self.run.inflight;
        let of_clean_up = |(t, _): (&TaskNo, &Job)| self.run.graph.is_always(*t);
        inflight.must_be_awaited() || (self.run.winds_up() && inflight.jobs.iter().any(of_clean_up))
    }

    /// Tasks that ended as clean-up while what they clean up after had not, and those that were under way then: they
    /// begin anew with a resume, but for those that a person cancels. `again`: what a resume begins again.
    pub(crate) fn to_clean_up_again(&self, again: &[TaskNo]) -> Vec<TaskNo> {
        let (graph, state) = (&self.run.graph, &self.run.state);
        if graph.always().is_empty() {
            return Vec::new();
        }
        let again: BTreeSet<TaskNo> = again.iter().copied().collect();
        let moves = |t: TaskNo| state.task(t).outcome().is_none() || again.contains(&t);
        let stopped = state.stopping.is_some() || state.exceeded;
        let mut chosen: BTreeSet<TaskNo> = BTreeSet::new();
        // Those that a resume begins again anyway: with them, all their parts.
        let mut renewed: BTreeSet<TaskNo> = BTreeSet::new();
        loop {
            let before = chosen.len().saturating_add(renewed.len());
            for t in graph.always() {
                let comes_after = graph.needs(*t).iter().any(|need| moves(*need) || chosen.contains(need));
                let is_begun_anew = |group| chosen.contains(&group) || renewed.contains(&group);
                let with_group = graph.group(*t).is_some_and(is_begun_anew);
                if again.contains(t) && (comes_after || with_group) {
                    renewed.insert(*t);
                }
                let was_cut_off = stopped && state.task(*t).running().is_some();
                let has_begun = state.task(*t).status != Status::Waiting;
                let is_cancelled = state.running(*t).is_some_and(|running| running.cancelled_by.is_some());
                if has_begun && !is_cancelled && !again.contains(t) && (comes_after || with_group || was_cut_off) {
                    chosen.insert(*t);
                }
            }
            if chosen.len().saturating_add(renewed.len()) == before {
                break;
            }
        }
        chosen.into_iter().collect()
    }
}
