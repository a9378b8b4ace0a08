//! Deadlines. Within one engine they are on its own clock, so that no jump of the wall clock moves them; only what must
//! survive a restart is wall time.

use crate::amount::{At, Millis};
use crate::kernel::effect::Effect;
use crate::kernel::event::{Event, SessionKind};
use crate::kernel::fact::StopWhy;
use crate::kernel::graph::TaskNo;
use crate::kernel::state::Status;
use crate::kernel::step::Turn;

/// A wall clock that goes on by this many milliseconds more than time does, or less, was set, or the machine slept.
const JUMP: u64 = 1_000;

impl Turn<'_> {
    /// Tells a jump of the wall clock, so that no length of time is measured across it.
    pub(crate) fn notice_jump(&mut self) {
        let Some(last) = self.run.inflight.last.filter(|_| self.run.state.live_at.is_some()) else { return };
        let passed = i64::try_from(self.now.mono.saturating_sub(last.mono).0).unwrap_or(i64::MAX);
        let by = self.now.wall.0.saturating_sub(last.wall.0).saturating_sub(passed);
        if by.unsigned_abs() >= JUMP {
            self.emit(Event::ClockJumped { by });
        }
    }

    /// Time passed: what is due happens.
    pub(crate) fn tick(&mut self) {
        let now = self.now.mono;
        self.run.inflight.wake = None;
        while let Some((_, t)) = self.run.inflight.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            self.run.inflight.clear_deadline(t);
            self.time_out(t);
        }
        while let Some((at, t)) = self.run.inflight.backing_off.first().copied().filter(|(at, _)| *at <= now) {
            self.run.inflight.backing_off.remove(&(at, t));
            self.try_again(t);
        }
        self.agents_due();
        if self.run.inflight.time_warning.is_some_and(|at| at <= now) {
            self.run.inflight.time_warning = None;
            self.watch_budget();
        }
        if self.run.inflight.time_up.is_some_and(|at| at <= now) {
            self.run.inflight.time_up = None;
            self.watch_budget();
        }
    }

    /// A round's running time is used up; or the task's own, which is its budget.
    fn time_out(&mut self, t: TaskNo) {
        if self.is_group(t) {
            for part in self.working_parts(t) {
                self.stop_work(part, StopWhy::Budget);
            }
            return;
        }
        let own = self.task(t).budget.time;
        let ran = self.run.state.task(t).past.as_ref().map_or(Millis::ZERO, |past| past.ran);
        let left_of_round = self.round_left(t);
        let by_budget = own.is_some_and(|most| most.saturating_sub(ran) < left_of_round);
        self.stop_work(t, if by_budget { StopWhy::Budget } else { StopWhy::Timeout });
    }

    fn round_left(&self, t: TaskNo) -> Millis {
        let ran = self.running(t).map_or(Millis::ZERO, |running| match running.kind {
            SessionKind::Work => running.round_ran,
            SessionKind::Review => running.review.as_ref().map_or(Millis::ZERO, |review| review.ran),
        });
        self.task(t).timeout.saturating_sub(ran)
    }

    /// The session or command that starts now has until then.
    pub(crate) fn set_round_deadline(&mut self, t: TaskNo) {
        let ran = self.run.state.task(t).past.as_ref().map_or(Millis::ZERO, |past| past.ran);
        let own = self.task(t).budget.time.map(|most| most.saturating_sub(ran));
        let left = self.round_left(t);
        let left = own.map_or(left, |own| own.min(left));
        self.run.inflight.set_deadline(t, self.now.mono + left);
        self.run.inflight.work_since.insert(t, self.now.mono);
        self.set_group_deadlines(t);
    }

    /// The wait after a failed attempt is over.
    fn try_again(&mut self, t: TaskNo) {
        let waits = matches!(self.run.state.task(t).status, Status::BackingOff { .. });
        if waits && self.is_live() {
            let task = self.id(t);
            self.emit(Event::TaskReady { task });
        }
    }

    /// Time in which only gates wait is not the run's: its clock stands still meanwhile.
    pub(crate) fn stretch_pause(&mut self) {
        if let Some(since) = self.run.inflight.paused {
            let inflight = &mut self.run.inflight;
            inflight.began = inflight.began + self.now.mono.saturating_sub(since);
            inflight.paused = Some(self.now.mono);
        }
    }

    /// Whether only gates wait after this step.
    pub(crate) fn begin_or_end_pause(&mut self) {
        let pauses = self.is_live() && self.run.state.only_waits();
        if pauses && self.run.inflight.paused.is_none() {
            self.run.inflight.paused = Some(self.now.mono);
            self.run.inflight.time_up = None;
            self.run.inflight.time_warning = None;
        } else if !pauses && self.run.inflight.paused.take().is_some() {
            self.set_run_deadlines();
        }
    }

    /// When the run's time will be used up, and when to warn.
    pub(crate) fn set_run_deadlines(&mut self) {
        let Some(most) = self.run.state.ledger.ceiling.time else { return };
        let before = self.settled().time;
        let in_time = |part: Millis| self.now.mono + part.saturating_sub(before);
        let warn = Millis(most.0.saturating_mul(u64::from(self.run.plan.budget.warn_percent)).div_ceil(100));
        let (up, warning) = (in_time(most), in_time(warn));
        self.run.inflight.time_up = Some(up);
        self.run.inflight.time_warning = Some(warning);
    }

    /// Asks to be woken at the earliest deadline. A wish that stands and is not later is left: waking too early is
    /// harmless, since what came too early is asked for again.
    pub(crate) fn ask_to_wake(&mut self) {
        let inflight = &self.run.inflight;
        let first = |set: &std::collections::BTreeSet<(Millis, TaskNo)>| set.first().map(|(at, _)| *at);
        let earliest =
            [first(&inflight.deadlines), first(&inflight.backing_off), inflight.time_warning, inflight.time_up];
        let earliest = earliest.into_iter().chain([self.agents_wake()]);
        let Some(earliest) = earliest.flatten().min() else { return };
        let stands = inflight.wake.is_some_and(|asked| asked >= self.now.mono && asked <= earliest);
        if stands || self.run.state.over.is_some() {
            return;
        }
        self.run.inflight.wake = Some(earliest);
        let wall = self.now.wall.plus(earliest.saturating_sub(self.now.mono));
        self.ask(Effect::WakeAt(At { mono: earliest, wall }));
    }
}
