//! Ends: of a task, for those that need it and for its workspace; and of the run, when nothing can move any more.

use crate::kernel::effect::Effect;
use crate::kernel::event::{CancelWhy, Event, KeepWorkspace, Outcome, RunOutcome};
use crate::kernel::fact::{Delivered, StopCause, StopWhy};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::Job;
use crate::kernel::state::Status;
use crate::kernel::step::Turn;
use crate::mission::model::{Join, Keep, OnExceeded, TaskWorkspace};
use crate::name::TaskId;

/// What the end of a need means for a task that waits.
enum Verdict {
    Fine,
    Blocks(TaskId),
    Skips(TaskId),
}

impl Turn<'_> {
    /// A task has ended: those that need it may be ready, or can never be; its workspace is closed.
    pub(crate) fn after_end(&mut self, t: TaskNo) {
        self.close_workspaces(t);
        for dependent in self.run.graph.dependents(t).to_vec() {
            self.need_ended(dependent, t);
        }
    }

    fn need_ended(&mut self, t: TaskNo, need: TaskNo) {
        if self.run.state.task(t).status != Status::Waiting {
            return;
        }
        match self.verdict(t, need) {
            Verdict::Blocks(by) => self.finish(t, Outcome::Blocked { by }),
            Verdict::Skips(because) => self.finish(t, Outcome::Skipped { because }),
            Verdict::Fine if self.run.state.task(t).pending == 0 => {
                let task = self.id(t);
                self.emit(Event::TaskReady { task });
            }
            Verdict::Fine => {}
        }
    }

    /// Looks at a waiting task as if all its needs had just ended: when a run begins or goes on.
    pub(crate) fn settle_waiting(&mut self, t: TaskNo) {
        let needs = self.run.graph.needs(t).to_vec();
        if needs.is_empty() {
            let task = self.id(t);
            return self.emit(Event::TaskReady { task });
        }
        for need in needs {
            if self.run.state.task(need).outcome().is_some() {
                self.need_ended(t, need);
            }
        }
    }

    fn finish(&mut self, t: TaskNo, outcome: Outcome) {
        let task = self.id(t);
        self.emit(Event::TaskFinished { task, outcome });
    }

    fn verdict(&self, t: TaskNo, need: TaskNo) -> Verdict {
        let join = self.task(t).join;
        let id = self.id(need);
        match self.run.state.task(need).outcome() {
            Some(Outcome::Failed { .. } | Outcome::Conflict { .. }) if join != Join::AllDone => Verdict::Blocks(id),
            Some(Outcome::Blocked { by }) if join != Join::AllDone => Verdict::Blocks(by.clone()),
            Some(Outcome::Skipped { .. }) if join == Join::AllSuccess => Verdict::Skips(id),
            _ => Verdict::Fine,
        }
    }

    /// Removes or keeps the worktrees of a task that ended; those of a chain with its last.
    pub(crate) fn close_workspaces(&mut self, t: TaskNo) {
        let Some(outcome) = self.run.state.task(t).outcome() else { return };
        let succeeded = matches!(outcome, Outcome::Succeeded { .. });
        if succeeded && self.run.graph.follower(t).is_some() {
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
        }
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
        let working: Vec<TaskNo> = jobs.iter().filter(|(_, job)| **job == Job::Work).map(|(t, _)| *t).collect();
        for t in working {
            self.stop_work(t, StopWhy::Interrupt);
        }
    }

    /// Ends the run when nothing can move. True where that made something move after all.
    pub(crate) fn end_if_still(&mut self) -> bool {
        if self.run.state.over.is_some() || self.run.state.live_at.is_none() {
            return false;
        }
        if !self.is_live() {
            if !self.run.inflight.must_be_awaited() {
                self.end_run();
            }
            return false;
        }
        let waits = !self.run.inflight.backing_off.is_empty() && !self.run.state.exceeded;
        if !self.run.inflight.is_still() || waits {
            return false;
        }
        if self.run.state.unfinished == 0 {
            self.end_run();
            return false;
        }
        if self.run.state.exceeded && self.pauses() {
            self.end_run();
            return false;
        }
        if self.run.state.exceeded {
            self.cancel_the_rest();
        } else if self.waits_for_budget() {
            self.exceed();
        } else if !self.start_next_nevertheless() {
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

    /// Whether a used-up budget leaves everything as it stands.
    fn pauses(&self) -> bool {
        self.run.plan.budget.on_exceeded == OnExceeded::Pause
    }

    fn cancel_the_rest(&mut self) {
        for t in self.run.graph.all() {
            if self.run.state.task(t).outcome().is_none() {
                self.cancel(t, CancelWhy::Budget);
            }
        }
        self.run.inflight.backing_off.clear();
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
        let any = |is: fn(&Outcome) -> bool| state.tasks.iter().filter_map(|record| record.outcome()).any(is);
        if any(|outcome| matches!(outcome, Outcome::Failed { .. })) {
            return RunOutcome::Failed;
        }
        let left = state.delivery.last.as_ref().is_some_and(|last| *last != Delivered::Moved);
        if state.delivery.failed || left || any(|outcome| matches!(outcome, Outcome::Conflict { .. })) {
            return RunOutcome::Conflict;
        }
        let paused = state.exceeded && state.unfinished > 0;
        if paused || any(|outcome| matches!(outcome, Outcome::Cancelled { .. })) {
            return RunOutcome::OutOfBudget;
        }
        RunOutcome::Succeeded
    }
}
