//! `concurrency.auto`: how many tasks at once, between 1 and the plan's `max`. Halved when sessions break down, one more
//! for each round of work that goes well. It begins at `max` with each engine: a resume is a new chance.

use crate::amount::Millis;
use crate::kernel::event::{Event, FailureClass, Outcome};
use crate::kernel::graph::TaskNo;
use crate::kernel::step::Turn;
use crate::mission::model::Pace;

/// How many tasks at once for now.
#[derive(Debug, Default)]
pub(crate) struct Tempo {
    /// Taken away from `max`.
    fewer: u32,
    /// Good ends since the last change.
    good: u32,
    /// When it was last made less: what had begun before says nothing new.
    since: Option<Millis>,
}

impl Tempo {
    pub(crate) fn at_once(&self, max: u32) -> u32 {
        max.saturating_sub(self.fewer).max(1)
    }

    /// Work went well.
    fn speed_up(&mut self, max: u32) {
        self.good = self.good.saturating_add(1);
        if self.good >= self.at_once(max) {
            self.good = 0;
            self.fewer = self.fewer.saturating_sub(1);
        }
    }

    /// Work that began then broke down.
    fn slow_down(&mut self, max: u32, began: Millis, now: Millis) {
        if self.since.is_some_and(|since| began < since) {
            return;
        }
        let next = (self.at_once(max) / 2).max(1);
        self.fewer = max.saturating_sub(next);
        self.good = 0;
        self.since = Some(now);
    }
}

/// Whether more at once may be what broke it.
fn is_of_load(class: FailureClass) -> bool {
    match class {
        FailureClass::Crashed | FailureClass::Stalled | FailureClass::Engine => true,
        FailureClass::Exit
        | FailureClass::TimedOut
        | FailureClass::Refused
        | FailureClass::OutOfRounds
        | FailureClass::OutOfBudget
        | FailureClass::Misconfigured
        | FailureClass::Workspace
        | FailureClass::MergeCheck
        | FailureClass::Rejected
        | FailureClass::SentBackTooOften
        | FailureClass::Expression
        | FailureClass::Parts => false,
    }
}

impl Turn<'_> {
    /// How many tasks may run at once now.
    pub(crate) fn at_once(&self) -> u32 {
        self.run.at_once()
    }

    /// Learns from how work ended.
    pub(crate) fn keep_pace(&mut self, t: TaskNo, event: &Event) {
        if self.run.plan.pace == Pace::Fixed || self.is_group(t) {
            return;
        }
        let max = self.run.plan.max.get();
        let class = if let Event::BackingOff { failure, .. }
        | Event::TaskFinished { outcome: Outcome::Failed { failure }, .. } = event
        {
            Some(failure.class)
        } else {
            None
        };
        let now = self.now.mono;
        let inflight = &mut self.run.inflight;
        if matches!(event, Event::TaskFinished { outcome: Outcome::Succeeded { .. }, .. }) {
            inflight.tempo.speed_up(max);
        } else if class.is_some_and(is_of_load) {
            let began = inflight.work_since.get(&t).copied().unwrap_or(now);
            inflight.tempo.slow_down(max, began, now);
        }
    }
}

impl crate::kernel::Run {
    /// How many tasks may run at once now.
    pub(crate) fn at_once(&self) -> u32 {
        let max = self.plan.max.get();
        match self.plan.pace {
            Pace::Fixed => max,
            Pace::Auto => self.inflight.tempo.at_once(max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breakdowns_halve_and_good_rounds_add_one() {
        let mut tempo = Tempo::default();
        assert_eq!(tempo.at_once(8), 8);
        tempo.slow_down(8, Millis(0), Millis(10));
        assert_eq!(tempo.at_once(8), 4);
        tempo.slow_down(8, Millis(5), Millis(20));
        assert_eq!(tempo.at_once(8), 4, "it had begun before");
        tempo.slow_down(8, Millis(10), Millis(30));
        tempo.slow_down(8, Millis(30), Millis(40));
        tempo.slow_down(8, Millis(40), Millis(50));
        assert_eq!(tempo.at_once(8), 1, "never less than one");
        tempo.speed_up(8);
        assert_eq!(tempo.at_once(8), 2);
        tempo.speed_up(8);
        assert_eq!(tempo.at_once(8), 2, "two more must end well");
        tempo.speed_up(8);
        assert_eq!(tempo.at_once(8), 3);
        for _ in 0..100 {
            tempo.speed_up(8);
        }
        assert_eq!(tempo.at_once(8), 8, "never more than `max`");
    }
}
