//! A run played by hand: what git and the disk would answer is answered at once, what agents, commands and people do is
//! told by the test.

use std::collections::BTreeSet;

use super::plans::{commit, id, place, run_id};
use crate::amount::{At, Ceiling, Millis, Usage, WallTime};
use crate::handoff::{Change, FileChange, Source};
use crate::kernel::Run;
use crate::kernel::effect::{Effect, StartSession};
use crate::kernel::event::{Event, Outcome};
use crate::kernel::fact::{
    Activity, Again, Answer, Attended, Began, CandidateResult, EndKind, Fact, GateAnswer, Moved, Snapshot, WorkEnd,
    WorkKey, WorkspaceMade,
};
use crate::plan::Plan;

pub(super) struct Play {
    pub(super) run: Run,
    pub(super) events: Vec<(WallTime, Event)>,
    pub(super) now: At,
    /// What waits for the test.
    pub(super) open: Vec<Effect>,
    /// What every task changes, instead of a file of its own.
    pub(super) changes: Option<String>,
    /// What a session that is stopped leaves to hand over.
    pub(super) leaves: Option<String>,
    commits: u64,
}

impl Play {
    pub(super) fn of(plan: Plan, attended: Attended) -> Self {
        let place = place(plan.workspace.mode);
        let now = At { mono: Millis(0), wall: WallTime(0) };
        let run = Run::new(run_id(), plan, place);
        let mut play =
            Self { run, events: Vec::new(), now, open: Vec::new(), changes: None, leaves: None, commits: 100 };
        play.tell(Fact::Began(Began::New { attended }));
        play
    }

    /// A later engine goes on with what the journal says.
    pub(super) fn resume(&mut self, attended: Attended, answers: Vec<GateAnswer>) {
        self.run = Run::fold(self.events.clone()).unwrap();
        self.open.clear();
        let adopted = BTreeSet::new();
        self.tell(Fact::Began(Began::Resumed {
            attended,
            answers,
            adopted,
            ceiling: None,
            again: Again::All,
            gone: BTreeSet::new(),
        }));
    }

    /// A later engine goes on with more to spend.
    pub(super) fn resume_with(&mut self, ceiling: Ceiling) {
        self.run = Run::fold(self.events.clone()).unwrap();
        self.open.clear();
        self.tell(Fact::Began(Began::Resumed {
            attended: Attended::No,
            answers: Vec::new(),
            adopted: BTreeSet::new(),
            ceiling: Some(ceiling),
            again: Again::All,
            gone: BTreeSet::new(),
        }));
    }

    /// A later engine goes on, and tries one task again.
    pub(super) fn resume_only(&mut self, task: &str) {
        self.run = Run::fold(self.events.clone()).unwrap();
        self.open.clear();
        let (answers, adopted) = (Vec::new(), BTreeSet::new());
        let again = Again::Only(id(task));
        self.tell(Fact::Began(Began::Resumed {
            attended: Attended::No,
            answers,
            adopted,
            ceiling: None,
            again,
            gone: BTreeSet::new(),
        }));
    }

    /// The first event of this kind and all after it never became durable.
    pub(super) fn lose_from(&mut self, is: impl Fn(&Event) -> bool) {
        let at = self.events.iter().position(|(_, event)| is(event)).unwrap();
        self.events.truncate(at);
    }

    pub(super) fn tell(&mut self, fact: Fact) {
        let step = self.run.step(fact, self.now);
        self.events.extend(step.events.into_iter().map(|event| (self.now.wall, event)));
        for effect in step.effects {
            if let Some(fact) = self.at_once(&effect) {
                self.tell(fact);
            } else {
                self.open.push(effect);
            }
        }
    }

    fn at_once(&mut self, effect: &Effect) -> Option<Fact> {
        self.commits += 1;
        let made = commit(self.commits);
        Some(match effect.clone() {
            Effect::PrepareWorkspace { task, attempt, .. } => {
                let path = format!("/w/{task}/{attempt}").into();
                let base = self.run.place().base.clone();
                let workspace = WorkspaceMade { path, base, branch: Some("b".to_owned()), notes: Vec::new() };
                Fact::WorkspaceReady { task, attempt, workspace }
            }
            Effect::Snapshot { task, attempt, .. } => {
                let path = self.changes.clone().unwrap_or_else(|| format!("{task}.txt"));
                let writes = self.run.plan().tasks[&task].touches.is_none();
                let file = writes.then_some(FileChange { path, change: Change::Added, added: 1, removed: 0 });
                let (commit, files) = (writes.then_some(made), file.into_iter().collect());
                let snapshot = Box::new(Snapshot { commit, files, notes: Vec::new() });
                Fact::Snapshotted { task, attempt, snapshot }
            }
            Effect::ShowDiff { task, attempt, .. } => Fact::DiffShown { task, attempt, diff: "+a new line".to_owned() },
            Effect::MakeCandidate { batch } => {
                let candidate = CandidateResult::Clean { commit: made, tip: commit(0) };
                Fact::CandidateMade { batch: batch.into_iter().map(|source| source.task).collect(), candidate }
            }
            Effect::MoveIntegration { candidate, .. } => Fact::IntegrationMoved { candidate, moved: Moved::Done },
            Effect::CloseWorkspace { task, attempt, .. } => Fact::WorkspaceClosed { task, attempt, kept: None },
            Effect::StopWork { key, why } => {
                let left: Vec<&str> = self.leaves.iter().map(String::as_str).collect();
                Fact::WorkEnded { end: end(EndKind::Stopped { why }, &left, ""), key }
            }
            _ => return None,
        })
    }

    /// What was last asked of this kind, taken away.
    pub(super) fn take<T>(&mut self, pick: impl Fn(&Effect) -> Option<T>) -> T {
        let at = self.open.iter().rposition(|effect| pick(effect).is_some());
        let at = at.unwrap_or_else(|| panic!("nothing of that kind is asked: {:#?}", self.open));
        pick(&self.open.remove(at)).unwrap()
    }

    /// The session of a task that has been started and has not ended.
    pub(super) fn session(&mut self, task: &str) -> StartSession {
        self.take(|effect| match effect {
            Effect::StartSession(start) if start.key.task.as_str() == task => Some(start.as_ref().clone()),
            _ => None,
        })
    }

    /// Ends a session with this handoff; what it was started with.
    pub(super) fn hand_over(&mut self, task: &str, handoff: &str) -> StartSession {
        let start = self.session(task);
        let (key, conversation) = (start.key.clone(), format!("talk of {task}, {:?}", start.kind));
        self.tell(Fact::Conversation { key, conversation });
        self.end_session(&start, EndKind::Completed, &[handoff]);
        start
    }

    pub(super) fn end_session(&mut self, start: &StartSession, how: EndKind, handoffs: &[&str]) {
        self.tell(Fact::WorkEnded { key: start.key.clone(), end: end(how, handoffs, "the last lines") });
    }

    pub(super) fn done(&mut self, task: &str) -> StartSession {
        self.hand_over(task, r#"{"status": "done", "summary": "made it"}"#)
    }

    /// Ends a session with a verdict.
    pub(super) fn judge(&mut self, task: &str, verdict: &str) -> StartSession {
        let handoff = format!(
            r#"{{"status": "done", "summary": "read it", "verdict": "{verdict}", "reasons": ["no tests for {task}"]}}"#
        );
        self.hand_over(task, &handoff)
    }

    /// Ends a command.
    pub(super) fn exit(&mut self, task: &str, code: i32) {
        let key: WorkKey = self.take(|effect| match effect {
            Effect::StartCommand { key, .. } if key.task.as_str() == task => Some(key.clone()),
            _ => None,
        });
        let how = if code == 0 { EndKind::Completed } else { EndKind::Exited { code } };
        self.tell(Fact::WorkEnded { key, end: end(how, &[], "the last lines") });
    }

    /// What a gate asks: its question and what an answer is bound to.
    pub(super) fn asked(&mut self, gate: &str) -> (String, String) {
        self.take(|effect| match effect {
            Effect::AskGate { task, question, binding } if task.as_str() == gate => {
                Some((question.clone(), binding.clone()))
            }
            _ => None,
        })
    }

    pub(super) fn answer(&mut self, gate: &str, answer: Answer, message: &str) {
        let (_, binding) = self.asked(gate);
        let GateAnswer { task, answer, message, by, binding } = an_answer(gate, answer, message, Some(binding));
        self.tell(Fact::Answered { task, answer, message, by, binding });
    }

    pub(super) fn wait(&mut self, time: Millis) {
        self.now = At { mono: self.now.mono + time, wall: self.now.wall.plus(time) };
        self.tell(Fact::Tick);
    }

    pub(super) fn outcome(&self, task: &str) -> &Outcome {
        self.run.task_outcome(&id(task)).unwrap_or_else(|| panic!("{task}: {}", self.run.why(&id(task), self.now)))
    }

    pub(super) fn succeeded(&self, task: &str) -> bool {
        matches!(self.run.task_outcome(&id(task)), Some(Outcome::Succeeded { .. }))
    }

    /// The events of a kind, last first.
    pub(super) fn last<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Option<T> {
        self.events.iter().rev().find_map(|(_, event)| pick(event))
    }

    pub(super) fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| is(event)).count()
    }

    pub(super) fn why(&self, task: &str) -> String {
        self.run.why(&id(task), self.now)
    }
}

pub(super) fn an_answer(gate: &str, answer: Answer, message: &str, binding: Option<String>) -> GateAnswer {
    GateAnswer { task: id(gate), answer, message: message.to_owned(), by: "ann".to_owned(), binding }
}

fn end(how: EndKind, handoffs: &[&str], tail: &str) -> Box<WorkEnd> {
    Box::new(WorkEnd {
        how,
        duration: Millis(10),
        usage: Usage::default(),
        conversation: None,
        handoffs: handoffs.iter().map(|text| (Source::File, (*text).to_owned())).collect(),
        outputs: None,
        tail: tail.to_owned(),
        denied: Vec::new(),
        activity: Activity::Acted,
        truncated: false,
        swept: 0,
        model: None,
        version: None,
    })
}
