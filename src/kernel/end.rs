//! Ends: of a task, for those that need it and for its workspace; and of the run, when nothing can move any more.

use crate::kernel::apply::counts_as_ended;
use crate::kernel::effect::Effect;
use crate::kernel::event::{CancelWhy, Event, KeepWorkspace, Outcome, RunOutcome};
use crate::kernel::fact::{Attended, Delivered, StopCause, StopWhy};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::Job;
use crate::kernel::state::Status;
use crate::kernel::step::Turn;
use crate::mission::model::{Keep, TaskWorkspace};

impl Turn<'_> {
    /// A task has ended: those that need it may be ready, or can never be; its workspace is closed.
    pub(crate) fn after_end(&mut self, t: TaskNo) {
        self.close_workspaces(t);
        for dependent in self.run.graph.dependents(t).to_vec() {
            self.need_ended(dependent, t);
        }
        self.part_ended(t);
    }

    /// Removes or keeps the worktrees of a task that ended; those of a chain with its last.
    pub(crate) fn close_workspaces(&mut self, t: TaskNo) {
        let Some(outcome) = self.run.state.task(t).outcome() else { return };
        let succeeded = matches!(outcome, Outcome::Succeeded { .. });
        if succeeded && self.goes_on_in_it(t) {
            return;
        }
        let conflict = matches!(outcome, Outcome::Conflict { .. });
        let keep = match self.run.plan.workspace.keep {
            _ if conflict => KeepWorkspace::Keep,
            _ if self.task(t).workspace == TaskWorkspace::ReadOnly => KeepWorkspace::Remove,
            Keep::Always => KeepWorkspace::Keep,
            Keep::Failed if !succeeded => KeepWorkspace::Keep,
            Keep::Failed | Keep::Never => KeepWorkspace::Remove,
        };
        for link in self.run.graph.chain(t) {
            self.close(link, keep);
            if link == t {
                break;
            }
        }
    }

    /// The worktrees of attempts that failed go before the next begins: their work is a commit.
    pub(crate) fn close_before_next(&mut self, t: TaskNo) {
        let keep = match self.run.plan.workspace.keep {
            Keep::Always => KeepWorkspace::Keep,
            Keep::Failed | Keep::Never => KeepWorkspace::Remove,
        };
        self.close(t, keep);
    }

    fn close(&mut self, t: TaskNo, keep: KeepWorkspace) {
        let open = self.run.state.task(t).past.as_ref().map(|past| past.open.clone()).unwrap_or_default();
        for attempt in open {
            if self.run.inflight.closing.insert((t, attempt)) {
                let task = self.id(t);
                self.ask(Effect::CloseWorkspace { task, attempt, keep });
            }
        }
    }

    /// A person or the system wants the run to stop: nothing new starts, what works is stopped gently.
    pub(crate) fn stop(&mut self, cause: StopCause) {
        if self.is_live() {
            self.emit(Event::RunStopping { cause });
            self.stop_all();
            self.tell_of_clean_up();
        }
    }

    /// A person has everything killed: nothing is waited for, and what was at work is found by the next engine.
    pub(crate) fn killed(&mut self, cause: StopCause) {
        if self.run.state.over.is_some() || self.run.state.live_at.is_none() {
            return;
        }
        if self.run.state.stopping.is_none() {
            self.emit(Event::RunStopping { cause });
        }
        self.end_run();
    }

    /// The engine itself cannot go on.
    pub(crate) fn fault(&mut self, why: String) {
        if self.run.state.fault.is_none() && self.run.state.over.is_none() {
            self.emit(Event::EngineFault { why });
            self.stop_all();
        }
    }

    fn stop_all(&mut self) {
        let jobs = &self.run.inflight.jobs;
        let working = jobs.iter().filter(|(t, job)| **job == Job::Work && !self.is_clean_up(**t)).map(|(t, _)| *t);
        for t in working.collect::<Vec<_>>() {
            self.stop_work(t, StopWhy::Interrupt);
        }
    }

    /// Ends the run when nothing can move. True where that made something move after all.
    pub(crate) fn end_if_still(&mut self) -> bool {
        if self.run.state.over.is_some() || self.run.state.live_at.is_none() {
            return false;
        }
        if !self.is_live() {
            if self.must_be_awaited() {
                return false;
            }
            if self.run.winds_up() && (self.clean_up() || self.start_next_nevertheless() || self.finds_no_money()) {
                return true;
            }
            self.end_run();
            return false;
        }
        let backs_off = !self.run.inflight.backing_off.is_empty();
        let waits = backs_off && !self.run.state.exceeded && !self.run.state.pauses() || self.waits_for_agents();
        if !self.run.inflight.is_still() || waits {
            return false;
        }
        if self.run.state.unfinished == 0 {
            self.end_run();
            return false;
        }
        if self.run.state.pauses() && !self.run.state.exceeded {
            self.end_run();
            return false;
        }
        if self.run.state.exceeded && self.run.winds_up() {
            if self.clean_up() || self.start_next_nevertheless() {
                return true;
            }
            self.end_run();
            return false;
        }
        if self.run.state.exceeded {
            self.cancel_the_rest();
        } else if self.waits_for_budget() {
            self.exceed();
        } else if self.start_next_nevertheless() {
            return true;
        } else if self.only_a_person_can_help() {
            if self.run.inflight.attended == Attended::No {
                self.end_run();
            }
            return false;
        } else if self.end_what_waits_for_cancelled() {
            return true;
        } else {
            self.fault("nothing can move, though tasks are left: please report this".to_owned());
        }
        true
    }

    /// What waits may hang on a worktree that keeps its holds and waits for it in turn.
    fn start_next_nevertheless(&mut self) -> bool {
        self.run.inflight.give_way = true;
        let started = self.start_next();
        self.run.inflight.give_way = false;
        started
    }

    /// What is to run always is cancelled only when it cannot move either. Groups end with their parts.
    fn cancel_the_rest(&mut self) {
        let graph = &self.run.graph;
        let is_left = |t: &TaskNo| match self.run.state.task(*t).status {
            Status::Finished(_) | Status::Expanded { .. } => false,
            Status::Waiting | Status::Ready | Status::Gated(_) | Status::Running(_) | Status::BackingOff { .. } => {
                self.group_is_open(*t)
            }
        };
        let mut left: Vec<TaskNo> = graph.all().filter(is_left).filter(|t| !graph.is_always(*t)).collect();
        if left.is_empty() {
            left = graph.all().filter(is_left).collect();
            let unpaid: Vec<TaskNo> = left.iter().copied().filter(|t| self.run.cannot_be_paid(*t)).collect();
            if !unpaid.is_empty() {
                left = unpaid;
            } else if self.clean_up() || self.start_next_nevertheless() {
                return;
            }
        }
        for t in left {
            self.cancel(t, CancelWhy::Budget);
        }
        self.run.inflight.backing_off.clear();
    }

    /// What was cancelled with the run, and is not tried again by this engine, never moves: what waits for it alone is
    /// cancelled as it was, and what is to run always need not wait for it.
    fn end_what_waits_for_cancelled(&mut self) -> bool {
        let all = self.run.graph.all();
        let waits: Vec<_> = all.filter_map(|t| Some((t, self.waits_for_cancelled(t)?))).collect();
        for (t, why) in &waits {
            if self.run.graph.is_always(*t) {
                self.needs_have_ended(*t);
            } else {
                self.cancel(*t, *why);
            }
        }
        !waits.is_empty()
    }

    /// Why that was cancelled which a task waits for, if it waits for nothing else.
    fn waits_for_cancelled(&self, t: TaskNo) -> Option<CancelWhy> {
        let state = &self.run.state;
        if state.task(t).status != Status::Waiting || !self.group_is_open(t) {
            return None;
        }
        let mut cancelled = None;
        for need in self.run.graph.needs(t) {
            let record = state.task(*need);
            if let Outcome::Cancelled { why, .. } = record.outcome()?
                && !counts_as_ended(record)
            {
                cancelled = Some(*why);
            }
        }
        cancelled
    }

    fn end_run(&mut self) {
        let outcome = self.run_outcome();
        self.emit(Event::RunFinished { outcome });
        self.run.inflight.finished = true;
        self.ask(Effect::Finish);
    }

    /// The first that holds, in the order of exit codes.
    fn run_outcome(&self) -> RunOutcome {
        let state = &self.run.state;
        if state.fault.is_some() {
            return RunOutcome::EngineFault;
        }
        if let Some(cause) = state.stopping {
            return RunOutcome::Stopped { cause };
        }
        // It has not ended: what failed so far is told, and tried again with the rest.
        if state.pausing.is_some() && state.unfinished > 0 && !state.exceeded {
            return RunOutcome::Paused;
        }
        let graph = &self.run.graph;
        let any = |is: fn(&Outcome) -> bool| graph.all().filter_map(|t| state.task(t).outcome()).any(is);
        let counting = |is: fn(&Outcome) -> bool| {
            let counted = graph.all().filter(|t| !graph.is_excused(*t));
            counted.filter_map(|t| state.task(t).outcome()).any(is)
        };
        if counting(|outcome| matches!(outcome, Outcome::Failed { .. })) {
            return RunOutcome::Failed;
        }
        if counting(|outcome| matches!(outcome, Outcome::Cancelled { why: CancelWhy::Aborted, .. })) {
            return RunOutcome::Cancelled;
        }
        let left = state.delivery.last.as_ref().is_some_and(|last| *last != Delivered::Moved);
        if state.delivery.failed || left || counting(|outcome| matches!(outcome, Outcome::Conflict { .. })) {
            return RunOutcome::Conflict;
        }
        let paused = state.exceeded && state.unfinished > 0;
        let cancelled = |outcome: &Outcome| {
            matches!(outcome, Outcome::Cancelled { why: CancelWhy::Stopped | CancelWhy::Budget, .. })
        };
        if paused || any(cancelled) {
            return RunOutcome::OutOfBudget;
        }
        if !state.gated.is_empty() {
            return RunOutcome::Waiting;
        }
        RunOutcome::Succeeded
    }
}
