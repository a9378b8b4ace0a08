//! A world in virtual time: it answers effects by chance, forgets what was not durable, and stops or kills engines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use fastrand::Rng;

use super::plans::{commit, place, run_id};
use super::rules::Rules;
use crate::amount::{At, Ceiling, Cost, Millis, TokenUse, Usage, Usd, WallTime};
use crate::handoff::{Change, CheckVerdict, FileChange, Source};
use crate::kernel::effect::{Effect, StartSession};
use crate::kernel::event::{CacheFound, Event, PlaceKind, SessionKind};
use crate::kernel::fact::{
    Activity, Answer, Attended, Began, CandidateResult, Delivered, DeliveryCandidate, EndKind, Fact, GateAnswer, Moved,
    Snapshot, StopCause, WorkEnd, WorkKey, WorkspaceMade,
};
use crate::kernel::{Run, Step};
use crate::name::{OutputId, TaskId};
use crate::plan::{Plan, TaskKind};

/// The largest report of use, in micro-dollars.
pub(super) const STEP: u64 = 50_000;

pub(super) struct World {
    pub(super) run: Run,
    /// The same run, folded from events alone.
    shadow: Option<Run>,
    pub(super) records: Vec<(WallTime, Event)>,
    pub(super) rules: Rules,
    pub(super) now: At,
    rng: Rng,
    /// Answers to come, by when and order of asking.
    answers: BTreeMap<(Millis, u64), Fact>,
    asked: u64,
    wake: Option<Millis>,
    /// Of a hundred things, how many go wrong.
    trouble: u32,
    /// Facts that were told already.
    told: Vec<Fact>,
    /// The work of this task fails.
    pub(super) fails: Option<TaskId>,
    /// Whose report of use is being taken in.
    reporting: Option<WorkKey>,
    /// Whether gates are answered while an engine drives.
    pub(super) attended: Attended,
    /// What gates ask.
    asked_of: BTreeMap<TaskId, String>,
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
            asked_of: BTreeMap::new(),
        }
    }

    /// Takes a fact in, and holds the rules against what follows.
    pub(super) fn tell(&mut self, fact: Fact) -> Step {
        self.reporting = match &fact {
            Fact::Used { key, .. } => Some(key.clone()),
            _ => None,
        };
        let step = self.run.step(fact, self.now);
        for event in &step.events {
            self.rules.see(self.run.plan(), event, STEP);
            match &mut self.shadow {
                Some(shadow) => shadow.apply(event, self.now.wall),
                None => self.shadow = Some(Run::fold([(self.now.wall, event.clone())]).unwrap()),
            }
            self.records.push((self.now.wall, event.clone()));
        }
        self.rules.groups_have_ended();
        if let Some(shadow) = &self.shadow {
            assert_eq!(shadow.plan, self.run.plan, "the fold does not add the same tasks");
            assert_eq!(shadow.state(), self.run.state(), "the fold of the events is not the state");
        }
        for effect in &step.effects {
            self.answer(effect.clone());
        }
        step
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
        let lost = match (self.run.is_over(), self.rng.u32(0..4)) {
            (true, _) => 0,
            (false, 0) => self.rng.usize(0..self.records.len()),
            (false, _) => self.rng.usize(0..4).min(self.records.len() - 1),
        };
        self.records.truncate(self.records.len() - lost);
        self.run = Run::fold(self.records.clone()).unwrap();
        self.shadow = Some(Run::fold(self.records.clone()).unwrap());
        self.rules = Rules::default();
        for (_, event) in &self.records {
            self.rules.see(self.run.plan(), event, STEP);
        }
        self.now = At { mono: Millis(7), wall: self.now.wall.plus(Millis(self.rng.u64(0..100_000))) };
        self.resume(ceiling);
    }

    /// A later engine goes on; gates may have been answered meanwhile.
    pub(super) fn resume(&mut self, ceiling: Option<Ceiling>) {
        if self.run.is_over() {
            self.run = Run::fold(self.records.clone()).unwrap();
        }
        self.wake = None;
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
        self.tell(Fact::Began(Began::Resumed { attended: self.attended, answers, adopted, ceiling }));
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

    fn later(&mut self, after: u64, fact: Fact) {
        self.asked += 1;
        self.answers.insert((self.now.mono + Millis(after), self.asked), fact);
    }

    fn goes_wrong(&mut self) -> bool {
        self.rng.u32(0..100) < self.trouble
    }

    fn some_verdict(&mut self) -> CheckVerdict {
        if !self.goes_wrong() {
            return CheckVerdict::Passed;
        }
        [CheckVerdict::Exited(1), CheckVerdict::Signalled(9), CheckVerdict::TimedOut, CheckVerdict::NotStarted]
            [self.rng.usize(0..4)]
    }

    fn answer(&mut self, effect: Effect) {
        let soon = self.rng.u64(0..500);
        let long = self.rng.u64(500..120_000);
        match effect {
            Effect::PrepareWorkspace { task, attempt, .. } => {
                let fact = if self.goes_wrong() {
                    Fact::WorkspaceFailed { task, attempt, why: "no room".to_owned() }
                } else {
                    let base = self.run.place().base.clone();
                    let path = PathBuf::from(format!("/w/{task}/{attempt}"));
                    let workspace = WorkspaceMade { path, base, branch: Some("b".to_owned()), notes: Vec::new() };
                    Fact::WorkspaceReady { task, attempt, workspace }
                };
                self.later(soon, fact);
            }
            Effect::Setup { task, attempt, index } => {
                assert_ne!(self.run.place().kind, PlaceKind::ScratchWithoutChecks);
                let verdict = self.some_verdict();
                let (duration, tail) = (Millis(soon), String::new());
                self.later(soon, Fact::SetupEnded { task, attempt, index, verdict, duration, tail });
            }
            Effect::StartSession(start) => self.session(&start, long),
            Effect::StartCommand { key, .. } => {
                let end = self.work_end(&key, long);
                self.later(long, Fact::WorkEnded { key, end: Box::new(end) });
            }
            Effect::StopWork { key, why } => {
                let pending: Vec<_> = self
                    .answers
                    .iter()
                    .filter(|(_, fact)| match fact {
                        Fact::WorkEnded { key: k, .. } | Fact::Used { key: k, .. } => *k == key,
                        _ => false,
                    })
                    .map(|(at, _)| *at)
                    .collect();
                for at in pending {
                    self.answers.remove(&at);
                }
                let mut end = self.work_end(&key, soon);
                end.how = EndKind::Stopped { why };
                if self.reporting.as_ref() == Some(&key) {
                    // It is stopped at the border of the step that it has just told.
                    end.usage = Usage::NONE;
                }
                self.later(soon, Fact::WorkEnded { key, end: Box::new(end) });
            }
            Effect::Snapshot { task, attempt, .. } => {
                let fact = if self.rng.u32(0..300) < self.trouble {
                    Fact::SnapshotFailed { task, attempt, why: "no room".to_owned() }
                } else {
                    let snapshot = Box::new(self.snapshot(&task));
                    Fact::Snapshotted { task, attempt, snapshot }
                };
                self.later(soon, fact);
            }
            Effect::Check { task, attempt, round, index, .. } => {
                let verdict = self.some_verdict();
                let (duration, tail, changed) = (Millis(soon), String::new(), Vec::new());
                self.later(soon, Fact::CheckEnded { task, attempt, round, index, verdict, duration, tail, changed });
            }
            Effect::CloseWorkspace { task, attempt, .. } => {
                self.later(soon, Fact::WorkspaceClosed { task, attempt, kept: None });
            }
            Effect::AskGate { task, binding, .. } => {
                self.asked_of.insert(task.clone(), binding);
                if self.attended == Attended::Yes {
                    let GateAnswer { task, answer, message, by, binding } = self.person(task);
                    self.later(long, Fact::Answered { task, answer, message, by, binding });
                }
            }
            Effect::ShowDiff { task, attempt, .. } => {
                self.later(soon, Fact::DiffShown { task, attempt, diff: "+1".to_owned() });
            }
            Effect::LookUpCache { task, attempt, .. } => {
                let (found, outputs) = if self.rng.bool() {
                    (CacheFound::Hit { run: "r".to_owned(), task: task.clone() }, Some(self.outputs_of(&task)))
                } else {
                    (CacheFound::Miss { why: "an input differs".to_owned() }, None)
                };
                self.later(soon, Fact::CacheLookedUp { task, attempt, found, outputs });
            }
            Effect::KeepArtifacts { task, attempt } => {
                let notes = if self.goes_wrong() { vec!["no room".to_owned()] } else { Vec::new() };
                self.later(soon, Fact::ArtifactsKept { task, attempt, artifacts: Vec::new(), notes });
            }
            Effect::WakeAt(at) => self.wake = Some(at.mono),
            Effect::FillCache { .. } | Effect::Finish => {}
            other => self.answer_merge(other, soon),
        }
    }

    fn answer_merge(&mut self, effect: Effect, soon: u64) {
        let number = self.rng.u64(1..u64::MAX);
        let fact = match effect {
            Effect::MakeCandidate { batch } => {
                assert!(!batch.is_empty());
                let tasks: Vec<TaskId> = batch.iter().map(|source| source.task.clone()).collect();
                let tip = commit(1);
                let candidate = match (self.goes_wrong(), self.rng.u32(0..10)) {
                    (true, 0) => CandidateResult::Failed { why: "no room".to_owned() },
                    (true, _) => {
                        let task = tasks[self.rng.usize(0..tasks.len())].clone();
                        CandidateResult::Conflict { task, files: vec!["a.txt".to_owned()] }
                    }
                    (false, 0) => CandidateResult::Empty { tip },
                    (false, _) => CandidateResult::Clean { commit: commit(number), tip },
                };
                Fact::CandidateMade { batch: tasks, candidate }
            }
            Effect::PrepareCandidate { candidate } => {
                let prepared = if self.rng.u32(0..300) < self.trouble { Err("setup".to_owned()) } else { Ok(()) };
                Fact::CandidateReady { candidate, prepared }
            }
            Effect::MergeCheck { candidate, index, .. } => {
                let verdict = self.some_verdict();
                Fact::MergeCheckEnded { candidate, index, verdict, duration: Millis(soon), tail: String::new() }
            }
            Effect::MoveIntegration { candidate, .. } => {
                let moved = match (self.goes_wrong(), self.rng.u32(0..5)) {
                    (true, 0) => Moved::Failed { why: "locked".to_owned() },
                    (true, _) => Moved::Elsewhere { tip: commit(number) },
                    (false, _) => Moved::Done,
                };
                Fact::IntegrationMoved { candidate, moved }
            }
            Effect::MakeDelivery => {
                let delivery = match (self.goes_wrong(), self.rng.u32(0..3)) {
                    (true, 0) => DeliveryCandidate::Conflict { files: vec!["a.txt".to_owned()] },
                    (true, _) => DeliveryCandidate::Failed { why: "no room".to_owned() },
                    (false, 0) => DeliveryCandidate::Merged { commit: commit(number), tip: commit(1) },
                    (false, _) => DeliveryCandidate::UpToDate { tip: commit(number) },
                };
                Fact::DeliveryMade { delivery }
            }
            Effect::Deliver { commit } => {
                let delivered = match (self.goes_wrong(), self.rng.bool()) {
                    (true, true) => Delivered::Left { why: "dirty".to_owned(), command: "git".to_owned() },
                    (true, false) => Delivered::Raced,
                    (false, _) => Delivered::Moved,
                };
                Fact::Delivered { commit, delivered }
            }
            other => panic!("{other:?} is no effect of the merge queue"),
        };
        self.later(soon, fact);
    }

    fn session(&mut self, start: &StartSession, long: u64) {
        let key = &start.key;
        for _ in 0..self.rng.u32(0..4) {
            let at = self.rng.u64(0..long);
            let usage = self.usage();
            self.later(at, Fact::Used { key: key.clone(), usage });
        }
        self.later(0, Fact::Conversation { key: key.clone(), conversation: "talk".to_owned() });
        let mut end = self.work_end(key, long);
        if start.kind == SessionKind::Review {
            let handoff = format!("{{\"status\": \"done\", \"summary\": \"s\"{}}}", self.verdict());
            end.handoffs = vec![(Source::File, handoff)];
            end.usage = self.usage();
        }
        self.later(long, Fact::WorkEnded { key: key.clone(), end: Box::new(end) });
    }

    fn verdict(&mut self) -> String {
        if self.goes_wrong() {
            return String::new();
        }
        let verdict = if self.rng.u32(0..4) == 0 { "rework" } else { "approve" };
        format!(", \"verdict\": \"{verdict}\", \"reasons\": [\"r\"]")
    }

    fn outputs_of(&mut self, task: &TaskId) -> String {
        let list = ["[]", "[\"p\"]", "[\"p\", \"q\"]", "[\"q\", \"r\", \"s\"]", "[\"p\", \"p\"]"];
        let value = |id: &str, rng: &mut Rng| if id == "list" { list[rng.usize(0..5)] } else { "\"x\"" };
        let ids: Vec<OutputId> = self.run.plan().tasks[task].outputs.keys().cloned().collect();
        let named = ids.iter().map(|id| format!("\"{id}\": {}", value(id.as_str(), &mut self.rng)));
        format!("{{{}}}", named.collect::<Vec<_>>().join(", "))
    }

    fn usage(&mut self) -> Usage {
        let input = self.rng.u64(0..5_000);
        let tokens = Some(TokenUse { input, ..TokenUse::default() });
        Usage { tokens, cost: Cost::Reported(Usd(self.rng.u64(0..=STEP))) }
    }

    fn work_end(&mut self, key: &WorkKey, ran: u64) -> WorkEnd {
        let task = self.run.plan().tasks[&key.task].clone();
        let is_agent = matches!(task.kind, TaskKind::Agent(_));
        let judges = !task.rework.is_empty();
        let outputs = self.outputs_of(&key.task);
        let how = if self.fails.as_ref() == Some(&key.task) {
            EndKind::Exited { code: 1 }
        } else if self.goes_wrong() {
            [
                EndKind::Exited { code: 3 },
                EndKind::Signalled { signal: 11 },
                EndKind::Refused { why: "no".to_owned() },
                EndKind::Lost { why: "gone".to_owned() },
            ][self.rng.usize(0..4)]
            .clone()
        } else {
            EndKind::Completed
        };
        let done = if self.goes_wrong() { "partial" } else { "done" };
        let verdict = if judges { self.verdict() } else { String::new() };
        let handoff = format!("{{\"status\": \"{done}\", \"summary\": \"s\", \"outputs\": {outputs}{verdict}}}");
        WorkEnd {
            how,
            duration: Millis(ran),
            usage: if is_agent { self.usage() } else { Usage::default() },
            conversation: None,
            handoffs: if self.goes_wrong() { Vec::new() } else { vec![(Source::File, handoff)] },
            outputs: (!is_agent && !self.goes_wrong()).then_some(outputs),
            tail: "the end".to_owned(),
            denied: if self.goes_wrong() { vec!["rm".to_owned()] } else { Vec::new() },
            activity: if self.rng.bool() { Activity::Acted } else { Activity::NoTool },
            truncated: false,
            swept: 0,
        }
    }

    fn snapshot(&mut self, task: &TaskId) -> Snapshot {
        let touches = self.run.plan().tasks[task].touches.clone();
        let inside = touches.as_deref().unwrap_or(&[]).first().map(|glob| glob.replace("**", "f.txt"));
        let path = if self.goes_wrong() { Some("elsewhere.txt".to_owned()) } else { inside };
        let path = if touches.is_none() { Some("any.txt".to_owned()) } else { path };
        let file = |path| FileChange { path, change: Change::Added, added: 1, removed: 0 };
        let changed = path.filter(|_| self.rng.u32(0..5) > 0);
        let number = self.rng.u64(1..u64::MAX);
        let made = changed.is_some().then(|| commit(number));
        Snapshot { commit: made, files: changed.map(file).into_iter().collect(), notes: Vec::new() }
    }
}
