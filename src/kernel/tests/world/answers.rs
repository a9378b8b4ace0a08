//! What the world answers: by chance, and sometimes badly.

use std::path::PathBuf;

use fastrand::Rng;

use super::super::plans::commit;
use super::{STEP, TOKENS, World};
use crate::amount::{Cost, Millis, TokenUse, Usage, Usd};
use crate::handoff::{Change, CheckVerdict, FileChange, Source};
use crate::kernel::effect::{Effect, StartSession};
use crate::kernel::event::{CacheFound, PlaceKind, SessionKind};
use crate::kernel::fact::{
    Activity, Attended, EndKind, Fact, Fault, GateAnswer, Reset, Snapshot, WorkEnd, WorkKey, WorkspaceMade,
};
use crate::kernel::graph::{Graph, TaskNo};
use crate::name::{OutputId, TaskId};
use crate::plan::TaskKind;

impl World {
    pub(super) fn goes_wrong(&mut self) -> bool {
        self.rng.u32(0..100) < self.trouble
    }

    pub(super) fn some_verdict(&mut self) -> CheckVerdict {
        if !self.goes_wrong() {
            return CheckVerdict::Passed;
        }
        [CheckVerdict::Exited(1), CheckVerdict::Signalled(9), CheckVerdict::TimedOut, CheckVerdict::NotStarted]
            [self.rng.usize(0..4)]
    }

    pub(super) fn answer(&mut self, effect: Effect) {
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
                        Fact::WorkEnded { key: k, .. } | Fact::Used { key: k, .. } | Fact::Retrying { key: k, .. } => {
                            *k == key
                        }
                        _ => false,
                    })
                    .map(|(at, _)| *at)
                    .collect();
                let mut told = None;
                for at in pending {
                    if let Some(Fact::WorkEnded { end, .. }) = self.answers.remove(&at) {
                        told = matches!(end.how, EndKind::Stopped { .. }).then_some(end.usage);
                    }
                }
                let mut end = self.work_end(&key, soon);
                end.how = EndKind::Stopped { why };
                if let Some(told) = told {
                    // That it is stopped for a second reason makes it use no more.
                    end.usage = told;
                } else if self.reporting.as_ref() == Some(&key) {
                    // It is stopped at the border of the step that it has just told.
                    end.usage = Usage::NONE;
                }
                self.later(soon, Fact::WorkEnded { key, end: Box::new(end) });
            }
            Effect::StopCommands { task } => self.stop_commands(&task, soon),
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
            Effect::TryMerges { tries } => {
                assert!(!std::mem::replace(&mut self.trying, true), "merges are tried twice at once");
                assert!(!tries.is_empty());
                let tried = tries.iter().filter_map(|one| self.tried(one)).collect();
                self.later(soon, Fact::MergesTried { tried });
            }
            Effect::WakeAt(at) => self.wake = Some(at.mono),
            Effect::FillCache { .. } | Effect::Finish => {}
            other => self.answer_merge(other, soon),
        }
    }

    fn session(&mut self, start: &StartSession, long: u64) {
        let key = &start.key;
        for _ in 0..self.rng.u32(0..4) {
            let at = self.rng.u64(0..long);
            let usage = self.usage();
            self.later(at, Fact::Used { key: key.clone(), usage });
        }
        if self.goes_wrong() {
            let at = self.rng.u64(0..long);
            let fault = Fault::Limited { reset: Reset::After { wait: Millis(self.rng.u64(0..60_000)) } };
            self.later(at, Fact::Retrying { key: key.clone(), fault, why: "429".to_owned() });
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
        let input = self.rng.u64(0..TOKENS);
        let tokens = Some(TokenUse { input, ..TokenUse::default() });
        let most = self.step;
        // Those that say nothing for long and then all at once are the ones to fear.
        let told = if most == STEP || self.rng.u32(0..4) == 0 { self.rng.u64(0..=most) } else { 0 };
        // Some say what they cost, of some it is computed, of some nobody knows it.
        let cost = match self.rng.u32(0..8) {
            0..=4 => Cost::Reported(Usd(told)),
            5..=6 => Cost::Computed(Usd(told)),
            _ => Cost::Unknown,
        };
        Usage { tokens, cost }
    }

    fn work_end(&mut self, key: &WorkKey, ran: u64) -> WorkEnd {
        let task = self.run.plan().tasks[&key.task].clone();
        let is_agent = matches!(task.kind, TaskKind::Agent(_));
        let reviews = self.run.state().running(self.number(&key.task)).is_some_and(|running| !running.kind.is_work());
        let is_session = is_agent || reviews;
        let judges = !task.rework.is_empty();
        let outputs = self.outputs_of(&key.task);
        let how = if self.fails.as_ref() == Some(&key.task) {
            EndKind::Exited { code: 1 }
        } else if is_session && self.goes_wrong() {
            self.failed_agent()
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
            model: None,
            version: None,
        }
    }

    fn number(&self, task: &TaskId) -> TaskNo {
        Graph::find(&self.run.plan, task).unwrap()
    }

    /// An end that is of the agent's making.
    fn failed_agent(&mut self) -> EndKind {
        let reset = match self.rng.u32(0..4) {
            0 => Reset::Untold,
            1 if self.names_moments => Reset::At { wall: self.now.wall.plus(Millis(self.rng.u64(0..400_000))) },
            2 => Reset::After { wait: Millis(0) },
            _ => Reset::After { wait: Millis(self.rng.u64(0..900_000)) },
        };
        let fault = [
            Fault::Limited { reset },
            Fault::Limited { reset },
            Fault::Transient,
            Fault::Transient,
            Fault::Misconfigured,
            Fault::OutOfBudget,
            Fault::OutOfTurns,
            Fault::OutOfContext,
            Fault::OutOfContext,
        ][self.rng.usize(0..9)];
        EndKind::Failed { fault, why: "the service says so".to_owned() }
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
