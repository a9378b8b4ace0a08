//! `concurrency.auto`: how many tasks at once, between 1 and the plan's `max`. Halved when sessions break down or run into
//! a limit while others run beside them, one more for each round of work that goes well. Each change is an event. It begins
//! at `max` with each engine: a resume is a new chance.

use crate::amount::Millis;
use crate::kernel::event::{Event, FailureClass, Outcome};
use crate::kernel::graph::TaskNo;
use crate::kernel::step::Turn;
use crate::mission::model::Pace;

/// What has been learnt since the last change.
#[derive(Debug, Default)]
pub(crate) struct Tempo {
    /// Good ends since then.
    good: u32,
    /// When it was last made less: what had begun until then says nothing new.
    since: Option<Millis>,
}

/// How work ended, as far as its pace goes.
pub(crate) enum Mood {
    /// It went well.
    Good,
    /// It broke down, and more at once may be why.
    Bad(FailureClass),
}

impl Tempo {
    /// Work went well while so many worked at once: how many do from now on.
    fn speed_up(&mut self, at_once: u32, max: u32) -> u32 {
        self.good = self.good.saturating_add(1);
        if self.good < at_once || at_once >= max {
            return at_once;
        }
        self.good = 0;
        at_once.saturating_add(1)
    }

    /// Work that began then broke down.
    fn slow_down(&mut self, at_once: u32, began: Millis, now: Millis) -> u32 {
        if self.since.is_some_and(|since| began <= since) {
            return at_once;
        }
        self.good = 0;
        self.since = Some(now);
        (at_once / 2).max(1)
    }
}

/// Whether more at once may be what broke it.
fn is_of_load(class: FailureClass) -> bool {
    match class {
        FailureClass::Crashed
        | FailureClass::Stalled
        | FailureClass::Transient
        | FailureClass::Limited
        | FailureClass::Engine => true,
        FailureClass::Exit
        | FailureClass::TimedOut
        | FailureClass::OutOfTurns
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

/// What an event says of the pace.
pub(crate) fn mood(event: &Event) -> Option<Mood> {
    if let Event::BackingOff { failure, .. } | Event::TaskFinished { outcome: Outcome::Failed { failure }, .. } = event
    {
        return Some(Mood::Bad(failure.class)).filter(|_| is_of_load(failure.class));
    }
    matches!(event, Event::TaskFinished { outcome: Outcome::Succeeded { .. }, .. }).then_some(Mood::Good)
}

impl Turn<'_> {
    /// How many tasks may run at once now.
    pub(crate) fn at_once(&self) -> u32 {
        self.run.at_once()
    }

    /// Learns from how work ended.
    pub(crate) fn keep_pace(&mut self, t: TaskNo, mood: &Mood) {
        if self.run.plan.pace == Pace::Fixed || self.is_group(t) {
            return;
        }
        match mood {
            Mood::Good => {
                let (before, max) = (self.at_once(), self.run.plan.max.get());
                let next = self.run.inflight.tempo.speed_up(before, max);
                self.change_pace(next, "work went well");
            }
            Mood::Bad(class) => {
                let why = format!("`{}` broke down ({})", self.id(t), word(*class));
                self.slow_down_for(t, 1, &why);
            }
        }
    }

    /// Work of this task broke down, beside so many others that may be why.
    pub(crate) fn slow_down_for(&mut self, t: TaskNo, others: usize, why: &str) {
        if self.run.plan.pace == Pace::Fixed || others == 0 {
            return;
        }
        let now = self.now.mono;
        let began = self.run.inflight.work_since.get(&t).copied().unwrap_or(now);
        let next = self.run.at_once();
        let next = self.run.inflight.tempo.slow_down(next, began, now);
        self.change_pace(next, why);
    }

    fn change_pace(&mut self, at_once: u32, why: &str) {
        if at_once != self.at_once() && self.run.state.over.is_none() {
            self.emit(Event::PaceChanged { at_once, why: why.to_owned() });
        }
    }
}

fn word(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Crashed => "crashed",
        FailureClass::Stalled => "stalled",
        FailureClass::Transient => "its service failed",
        FailureClass::Limited => "limited",
        FailureClass::Engine
        | FailureClass::Exit
        | FailureClass::TimedOut
        | FailureClass::OutOfTurns
        | FailureClass::Refused
        | FailureClass::OutOfRounds
        | FailureClass::OutOfBudget
        | FailureClass::Misconfigured
        | FailureClass::Workspace
        | FailureClass::MergeCheck
        | FailureClass::Rejected
        | FailureClass::SentBackTooOften
        | FailureClass::Expression
        | FailureClass::Parts => "it was lost",
    }
}

impl crate::kernel::Run {
    /// How many tasks may run at once now.
    pub(crate) fn at_once(&self) -> u32 {
        let max = self.plan.max.get();
        match self.plan.pace {
            Pace::Fixed => max,
            Pace::Auto => self.state.pace.unwrap_or(max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breakdowns_halve_and_good_rounds_add_one() {
        let mut tempo = Tempo::default();
        assert_eq!(tempo.slow_down(8, Millis(0), Millis(10)), 4);
        assert_eq!(tempo.slow_down(4, Millis(5), Millis(20)), 4, "it had begun before");
        assert_eq!(tempo.slow_down(4, Millis(11), Millis(30)), 2);
        assert_eq!(tempo.slow_down(2, Millis(31), Millis(40)), 1);
        assert_eq!(tempo.slow_down(1, Millis(41), Millis(50)), 1, "never less than one");
        assert_eq!(tempo.speed_up(1, 8), 2);
        assert_eq!(tempo.speed_up(2, 8), 2, "two more must end well");
        assert_eq!(tempo.speed_up(2, 8), 3);
        assert_eq!(tempo.speed_up(8, 8), 8, "never more than `max`");
    }
}
