//! A world in virtual time: it answers effects by chance, forgets what was not durable, and stops or kills engines.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::plans::{place, run_id};
use super::rules::Rules;
use crate::amount::{At, Ceiling, Millis, WallTime};
use crate::kernel::event::{Event, PlaceKind};
use crate::kernel::fact::{Answer, Attended, Began, Fact, GateAnswer, StopCause, WorkKey};
use crate::kernel::{Run, Step};
use crate::name::TaskId;
use crate::plan::{Plan, TaskKind};

mod answers;
mod merging;

/// The largest report of use, in micro-dollars.
pub(super) const STEP: u64 = 50_000;

/// The most tokens of one report.
pub(super) const TOKENS: u64 = 5_000;

pub(super) struct World {
    pub(super) run: Run,
    /// The same run, folded from events alone.
    shadow: Option<Run>,
    pub(super) records: Vec<(WallTime, Event)>,
    pub(super) rules: Rules,
    pub(super) now: At,
    pub(super) rng: Rng,
    /// Answers to come, by when and order of asking.
    pub(super) answers: BTreeMap<(Millis, u64), Fact>,
    asked: u64,
    wake: Option<Millis>,
    /// Of a hundred things, how many go wrong.
    pub(super) trouble: u32,
    /// Facts that were told already.
    told: Vec<Fact>,
    /// The work of this task fails.
    pub(super) fails: Option<TaskId>,
    /// Whose report of use is being taken in.
    reporting: Option<WorkKey>,
    /// Whether gates are answered while an engine drives.
    pub(super) attended: Attended,
    /// Services name moments on the clock at which their limits end.
    pub(super) names_moments: bool,
    /// Merges are being tried.
    trying: bool,
    /// What gates ask.
    asked_of: BTreeMap<TaskId, String>,
    /// Where the wall clock jumps, and how often it did.
    pub(super) jumps: Option<Rng>,
    pub(super) jumped: u64,
    /// When each record was made, on the clock of its engine.
    pub(super) moments: Vec<Millis>,
    /// The largest report of use.
    pub(super) step: u64,
    /// How often the fold of the events was held against the state.
    pub(super) compared: u64,
    /// Reports of use, and those of them that never became durable.
    pub(super) reports: u64,
    pub(super) lost_reports: u64,
    /// Tasks whose work was asked to stop and whose end is not recorded: also when a later engine is still to take over the
    /// end of what ended with its own.
    stopping: BTreeSet<TaskId>,
}

impl World {
    pub(super) fn new(plan: Plan, trouble: u32, mut rng: Rng) -> Self {
        let mut place = place(plan.workspace.mode);
        if rng.u32(0..5) == 0 {
            place.kind = PlaceKind::ScratchWithoutChecks;
        }
        Self {
            run: Run::new(run_id(), plan, place),
            shadow: None,
            records: Vec::new(),
            rules: Rules::default(),
            now: At { mono: Millis(5), wall: WallTime(1_700_000_000_000) },
            rng,
            answers: BTreeMap::new(),
            asked: 0,
            wake: None,
            trouble,
            told: Vec::new(),
            fails: None,
            reporting: None,
            attended: Attended::No,
            names_moments: true,
            trying: false,
            asked_of: BTreeMap::new(),
            jumps: None,
            jumped: 0,
            moments: Vec::new(),
            step: STEP,
            compared: 0,
            reports: 0,
            lost_reports: 0,
            stopping: BTreeSet::new(),
        }
    }

    /// Takes a fact in, and holds the rules against what follows.
    pub(super) fn tell(&mut self, fact: Fact) -> Step {
        self.reporting = match &fact {
            Fact::Used { key, .. } => Some(key.clone()),
            _ => None,
        };
        self.trying &= !matches!(fact, Fact::MergesTried { .. });
        let step = self.run.step(fact, self.now);
        for event in &step.events {
            self.see(self.now.wall, event);
            self.watch(event);
            self.records.push((self.now.wall, event.clone()));
            self.moments.push(self.now.mono);
        }
        let spends = |event: &Event| {
            matches!(event, Event::BudgetExceeded { .. } | Event::Usage { .. } | Event::SessionEnded { .. })
        };
        if step.events.iter().any(spends) {
            let mut left = self.rules.beyond_the_budget(self.run.plan());
            let on = left.find(|task| self.is_session(task) && !self.stopping.contains(*task));
            assert_eq!(on, None, "a session is not stopped though the budget is used up");
        }
        self.rules.groups_have_ended();
        if let Some(shadow) = &self.shadow {
            assert_eq!(shadow.plan, self.run.plan, "the fold does not add the same tasks");
            assert_eq!(shadow.state(), self.run.state(), "the fold of the events is not the state");
            self.compared += 1;
        }
        for effect in &step.effects {
            self.answer(effect.clone());
        }
        step
    }

    /// Holds the rules against an event, with the plan as it was then: a task may be given to another role later.
    fn see(&mut self, at: WallTime, event: &Event) {
        let shadow = match self.shadow.take() {
            Some(mut shadow) => {
                shadow.apply(event, at);
                shadow
            }
            None => Run::fold([(at, event.clone())]).unwrap(),
        };
        self.rules.see(shadow.plan(), event, self.step);
        self.shadow = Some(shadow);
    }

    fn watch(&mut self, event: &Event) {
        match event {
            Event::Usage { .. } => self.reports += 1,
            Event::Stopping { task, .. } => drop(self.stopping.insert(task.clone())),
            Event::SessionStarted { task, .. } | Event::SessionEnded { task, .. } => {
                self.stopping.remove(task);
            }
            _ => {}
        }
    }

    fn is_session(&self, task: &TaskId) -> bool {
        matches!(self.run.plan().tasks[task].kind, TaskKind::Agent(_))
    }

    /// Sets the wall clock, by hours in either direction, where it is one that jumps.
    fn jump(&mut self) {
        let Some(jumps) = &mut self.jumps else { return };
        if jumps.u32(0..6) > 0 {
            return;
        }
        let by = jumps.i64(1_000..40_000_000) * if jumps.bool() { 1 } else { -1 };
        self.now.wall = self.now.wall.shifted(by);
        self.jumped += 1;
    }

    /// Forgets the last events, as many as are told beside the jumps of a clock, which nothing follows from.
    fn lose(&mut self, mut events: usize) {
        let is_jump = |event: &Event| matches!(event, Event::ClockJumped { .. });
        while events > 0 || self.records.last().is_some_and(|(_, event)| is_jump(event)) {
            let Some((_, event)) = self.records.pop() else { return };
            self.moments.pop();
            match event {
                // What nobody remembers was put right before the next engine began.
                Event::ClockJumped { by } => self.now.wall = self.now.wall.shifted(by.saturating_neg()),
                Event::Usage { .. } => self.lost_reports += 1,
                _ => {}
            }
            events -= usize::from(!is_jump(&event));
        }
    }

    /// Lets time pass until the next thing happens; false where nothing will.
    pub(super) fn pass(&mut self) -> bool {
        let next = self.answers.keys().next().copied();
        let due = match (next, self.wake) {
            (Some((at, _)), Some(wake)) if wake < at => wake,
            (Some((at, _)), _) => at,
            (None, Some(wake)) => wake,
            (None, None) => return false,
        };
        let due = due.max(self.now.mono);
        self.now = At { mono: due, wall: self.now.wall.plus(due.saturating_sub(self.now.mono)) };
        self.jump();
        if self.wake.is_some_and(|wake| wake <= due) {
            self.wake = None;
            self.tell(Fact::Tick);
            return true;
        }
        if let Some(fact) = next.and_then(|key| self.answers.remove(&key)) {
            self.tell(fact.clone());
            self.told.push(fact);
        }
        true
    }

    /// Until the run stands still.
    pub(super) fn play_out(&mut self) {
        for _ in 0..20_000 {
            if self.run.is_over() {
                return;
            }
            self.repeat_something();
            assert!(self.pass(), "nothing will happen any more, and the run is not over: {:?}", self.run);
        }
        panic!("the run does not end: {:?}", self.records.iter().rev().take(40).collect::<Vec<_>>());
    }

    /// What was told once changes nothing when it is told again.
    fn repeat_something(&mut self) {
        if self.told.is_empty() || self.rng.u32(0..10) > 0 {
            return;
        }
        let fact = self.told[self.rng.usize(0..self.told.len())].clone();
        let again = match &fact {
            Fact::WorkEnded { .. } | Fact::CheckEnded { .. } => true,
            Fact::WorkspaceReady { task, attempt, .. }
            | Fact::SetupEnded { task, attempt, .. }
            | Fact::Snapshotted { task, attempt, .. } => {
                let t = crate::kernel::graph::Graph::find(&self.run.plan, task).unwrap();
                self.run.state().task(t).attempt().is_some_and(|now| *attempt < now)
            }
            Fact::Used { key, .. } | Fact::Conversation { key, .. } => !self.is_current(key),
            _ => false,
        };
        if again {
            let step = self.run.step(fact.clone(), self.now);
            assert_eq!(step, Step::default(), "{fact:?} told again");
        }
    }

    fn is_current(&self, key: &WorkKey) -> bool {
        self.records.iter().rev().any(|(_, event)| {
            matches!(event, Event::SessionStarted { task, attempt, session, .. }
                if *task == key.task && *attempt == key.attempt && *session == key.session)
        }) && !self.records.iter().any(|(_, event)| {
            matches!(event, Event::SessionEnded { task, attempt, session, .. }
                if *task == key.task && *attempt == key.attempt && *session == key.session)
        })
    }

    /// The engine dies: what was in flight is forgotten, the last events too; a later engine goes on.
    pub(super) fn die_and_resume(&mut self, ceiling: Option<Ceiling>) {
        let told = self.records.iter().filter(|(_, event)| !matches!(event, Event::ClockJumped { .. })).count();
        let lost = match (self.run.is_over(), self.rng.u32(0..4)) {
            (true, _) => 0,
            (false, 0) => self.rng.usize(0..told),
            (false, _) => self.rng.usize(0..4).min(told - 1),
        };
        self.lose(lost);
        let reports = self.reports;
        self.stopping.clear();
        for (_, event) in self.records.clone() {
            self.watch(&event);
        }
        self.reports = reports;
        self.run = Run::fold(self.records.clone()).unwrap();
        self.shadow = None;
        self.rules = Rules::default();
        for (at, event) in self.records.clone() {
            self.see(at, &event);
        }
        self.now = At { mono: Millis(7), wall: self.now.wall.plus(Millis(self.rng.u64(0..100_000))) };
        self.resume(ceiling);
    }

    /// A later engine goes on; gates may have been answered meanwhile.
    pub(super) fn resume(&mut self, ceiling: Option<Ceiling>) {
        let again = self.again();
        if self.run.is_over() {
            self.run = Run::fold(self.records.clone()).unwrap();
        }
        self.wake = None;
        self.trying = false;
        self.told.clear();
        let ends = std::mem::take(&mut self.answers).into_values().filter_map(|fact| match fact {
            Fact::WorkEnded { key, end } => Some((key, end)),
            _ => None,
        });
        let mut adopted = BTreeSet::new();
        for (key, end) in ends.collect::<Vec<_>>() {
            let works = crate::kernel::graph::Graph::find(&self.run.plan, &key.task).and_then(|t| {
                let running = self.run.state().running(t)?;
                (running.phase == crate::kernel::state::Phase::Working
                    && running.attempt == key.attempt
                    && running.session == Some(key.session))
                .then_some(())
            });
            if works.is_some() && self.rng.bool() {
                adopted.insert(key.task.clone());
                self.later(1, Fact::WorkEnded { key, end });
            }
        }
        let asked: Vec<TaskId> = self.asked_of.keys().cloned().collect();
        let answers = asked.into_iter().map(|task| self.person(task)).collect();
        let (attended, gone) = (self.attended, self.taken_away());
        self.tell(Fact::Began(Began::Resumed { attended, answers, adopted, ceiling, again, gone }));
    }

    /// A person answers what they were last asked, or something older.
    fn person(&mut self, task: TaskId) -> GateAnswer {
        let shown = self.asked_of.get(&task).cloned();
        let binding = if self.rng.u32(0..5) == 0 { Some("what there was before".to_owned()) } else { shown };
        let answer = if self.rng.u32(0..3) == 0 { Answer::Reject } else { Answer::Approve };
        GateAnswer { task, answer, message: "as I see it".to_owned(), by: "me".to_owned(), binding }
    }

    pub(super) fn stop(&mut self) {
        self.tell(Fact::Stop(StopCause::Interrupted));
    }

    pub(super) fn later(&mut self, after: u64, fact: Fact) {
        self.asked += 1;
        self.answers.insert((self.now.mono + Millis(after), self.asked), fact);
    }
}
