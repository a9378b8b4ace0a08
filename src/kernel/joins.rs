//! When a task that waits may start: how what it needs has ended, its condition, and what is known only then.

use crate::kernel::event::{CancelWhy, Event, Failure, FailureClass, Outcome};
use crate::kernel::graph::TaskNo;
use crate::kernel::state::Status;
use crate::kernel::step::Turn;
use crate::mission::model::{Importance, Join};
use crate::name::TaskId;
use crate::plan::instantiate;
use crate::plan::touches::TouchSet;

/// What the end of a need means for a task that waits.
pub(crate) enum Verdict {
    Fine,
    Blocks(TaskId),
    Skips(TaskId),
}

impl Turn<'_> {
    /// What a task needs has ended.
    pub(crate) fn need_ended(&mut self, t: TaskNo, need: TaskNo) {
        if !self.is_settled_now(t) {
            return;
        }
        match self.verdict(t, need) {
            Verdict::Blocks(by) => self.finish(t, Outcome::Blocked { by }),
            Verdict::Skips(because) => self.finish(t, Outcome::Skipped { because: Some(because) }),
            Verdict::Fine if self.run.state.task(t).pending == 0 => self.needs_have_ended(t),
            Verdict::Fine => {}
        }
    }

    /// The last need has ended. Others may have ended in this very step and not been looked at yet.
    pub(crate) fn needs_have_ended(&mut self, t: TaskNo) {
        let verdicts = self.run.graph.needs(t).iter().map(|need| self.verdict(t, *need));
        match verdicts.into_iter().find(|verdict| !matches!(verdict, Verdict::Fine)) {
            Some(Verdict::Blocks(by)) => self.finish(t, Outcome::Blocked { by }),
            Some(Verdict::Skips(because)) => self.finish(t, Outcome::Skipped { because: Some(because) }),
            Some(Verdict::Fine) | None => self.become_ready(t),
        }
    }

    /// Looks at a waiting task as if all its needs had just ended: when a run begins or goes on, and when a part is new.
    pub(crate) fn settle_waiting(&mut self, t: TaskNo) {
        if !self.is_settled_now(t) {
            return;
        }
        let needs = self.run.graph.needs(t).to_vec();
        if needs.is_empty() {
            return self.become_ready(t);
        }
        let ended = || needs.iter().filter(|need| self.run.state.task(**need).outcome().is_some());
        let worst =
            ended().find(|need| !matches!(self.verdict(t, **need), Verdict::Fine)).or_else(|| ended().next_back());
        if let Some(need) = worst {
            self.need_ended(t, *need);
        }
    }

    /// Whether it waits for its needs and nothing else: not for its group, and not for a resume.
    fn is_settled_now(&self, t: TaskNo) -> bool {
        self.run.state.task(t).status == Status::Waiting
            && self.group_is_open(t)
            && (self.is_live() || self.run.graph.is_always(t))
    }

    /// False for a part whose group has yet to become its parts, perhaps once more: it waits for that, and ends with it.
    pub(crate) fn group_is_open(&self, t: TaskNo) -> bool {
        let is_open = |group| matches!(self.run.state.task(group).status, Status::Expanded { .. });
        self.run.graph.group(t).is_none_or(is_open)
    }

    pub(crate) fn verdict(&self, t: TaskNo, need: TaskNo) -> Verdict {
        let join = self.task(t).join;
        if matches!(join, Join::AllDone | Join::Always) {
            return Verdict::Fine;
        }
        let skips = || if join == Join::AllSuccess { Verdict::Skips(self.id(need)) } else { Verdict::Fine };
        match self.run.state.task(need).outcome() {
            Some(
                Outcome::Failed { .. } | Outcome::Conflict { .. } | Outcome::Cancelled { why: CancelWhy::Aborted, .. },
            ) => match self.task(need).importance {
                Importance::Optional => skips(),
                Importance::Required => Verdict::Blocks(self.id(need)),
            },
            Some(Outcome::Blocked { by }) => Verdict::Blocks(by.clone()),
            Some(Outcome::Skipped { .. }) => skips(),
            // Nobody else starts anything after that.
            Some(Outcome::Cancelled { .. }) if self.run.graph.is_always(t) => Verdict::Blocks(self.id(need)),
            Some(Outcome::Succeeded { .. } | Outcome::Cancelled { .. }) | None => Verdict::Fine,
        }
    }

    /// All it needs is there: it is ready if its condition holds, and a group becomes its parts.
    pub(crate) fn become_ready(&mut self, t: TaskNo) {
        match self.condition(t) {
            Ok(true) => {}
            Ok(false) => return self.finish(t, Outcome::Skipped { because: None }),
            Err(why) => return self.cannot_be_worked_out(t, why),
        }
        if self.is_group(t) {
            return self.expand(t);
        }
        if let Err(why) = self.learn_touches(t) {
            return self.cannot_be_worked_out(t, why);
        }
        let task = self.id(t);
        self.emit(Event::TaskReady { task });
    }

    fn condition(&self, t: TaskNo) -> Result<bool, String> {
        if self.task(t).when.is_none() {
            return Ok(true);
        }
        let holds = self.seeing(|seen| instantiate::condition(&self.run.plan, &self.id(t), seen));
        holds.map_err(|failure| failure.message)
    }

    /// What it may change, where that is made of what came before it.
    fn learn_touches(&mut self, t: TaskNo) -> Result<(), String> {
        if self.task(t).late_touches.is_none() {
            return Ok(());
        }
        let task = self.id(t);
        let globs = self.seeing(|seen| instantiate::touches(&self.run.plan, &task, seen));
        let touches = globs.map_err(|failure| failure.message)?;
        TouchSet::compile(&touches).map_err(|bad| bad.to_string())?;
        if self.task(t).touches.as_ref() != Some(&touches) {
            self.emit(Event::TouchesKnown { task, touches });
        }
        Ok(())
    }

    pub(crate) fn cannot_be_worked_out(&mut self, t: TaskNo, message: String) {
        let failure = Failure { class: FailureClass::Expression, message, tail: String::new() };
        self.finish(t, Outcome::Failed { failure });
    }

    pub(crate) fn finish(&mut self, t: TaskNo, outcome: Outcome) {
        let task = self.id(t);
        self.emit(Event::TaskFinished { task, outcome });
    }
}
