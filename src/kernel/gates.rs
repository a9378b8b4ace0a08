//! Gates: questions to a person. An open gate takes no slot and no worktree, and its time is not the run's. An answer
//! counts for what was shown: the question and what the tasks it needs have made, never the tip of the branch.

use serde_json::{Value, json};

use crate::catalog::sha256;
use crate::kernel::effect::Effect;
use crate::kernel::event::{Event, Failure, FailureClass, Outcome};
use crate::kernel::fact::{Answer, GateAnswer};
use crate::kernel::graph::TaskNo;
use crate::kernel::state::{Given, Status};
use crate::kernel::step::Turn;
use crate::plan::TaskKind;

impl Turn<'_> {
    pub(crate) fn is_gate(&self, t: TaskNo) -> bool {
        matches!(self.task(t).kind, TaskKind::Gate(_))
    }

    /// Does what comes next for a gate.
    pub(crate) fn gate_on(&mut self, t: TaskNo) {
        match &self.run.state.task(t).status {
            Status::Ready if self.may_work() && !self.run.state.pauses() => self.open_gate(t),
            Status::Gated(gated) if self.is_live() => {
                if let Some(given) = gated.given.clone() {
                    self.decide(t, given);
                }
            }
            Status::Waiting
            | Status::Ready
            | Status::Expanded { .. }
            | Status::Gated(_)
            | Status::Running(_)
            | Status::BackingOff { .. }
            | Status::Finished(_) => {}
        }
    }

    fn open_gate(&mut self, t: TaskNo) {
        let task = self.id(t);
        match self.question(t) {
            Ok(question) => {
                let binding = self.binding(t, &question);
                self.emit(Event::GateOpened {
                    task: task.clone(),
                    question: question.clone(),
                    binding: binding.clone(),
                });
                match self.run.inflight.answers.remove(&t) {
                    Some(answer) => self.gate_answered(answer),
                    None => self.ask(Effect::AskGate { task, question, binding }),
                }
            }
            Err(message) => {
                let failure = Failure { class: FailureClass::Misconfigured, message, tail: String::new() };
                self.emit(Event::TaskFinished { task, outcome: Outcome::Failed { failure } });
            }
        }
    }

    /// An engine goes on: a question that nobody answered is asked again, anew where what it showed has changed.
    pub(crate) fn ask_again(&mut self, t: TaskNo) {
        let Some(gated) = self.run.state.task(t).gated().cloned() else { return };
        if gated.given.is_some() {
            return self.look_at(t);
        }
        if self.question(t).is_ok_and(|question| self.binding(t, &question) != gated.binding) {
            return self.open_gate(t);
        }
        if let Some(answer) = self.run.inflight.answers.remove(&t) {
            return self.gate_answered(answer);
        }
        let task = self.id(t);
        self.ask(Effect::AskGate { task, question: gated.question, binding: gated.binding });
    }

    /// A hash of what the person is shown.
    fn binding(&self, t: TaskNo, question: &str) -> String {
        let made: Vec<Value> = self.run.graph.needs(t).iter().map(|need| self.made(*need)).collect();
        sha256(json!({ "question": question, "made": made }).to_string().as_bytes())
    }

    fn made(&self, t: TaskNo) -> Value {
        let record = self.run.state.task(t);
        let id = self.id(t);
        let commit =
            if let Some(Outcome::Succeeded { facts, .. }) = record.outcome() { facts.commit.clone() } else { None };
        let parts = self.run.graph.parts(t).unwrap_or_default();
        let parts: Vec<Value> = parts.iter().map(|part| self.made(*part)).collect();
        let told = record.past.as_ref().and_then(|past| past.told.as_ref()).map(|told| &told.narrative);
        json!({
            "ended": record.outcome().map(Outcome::word),
            "commit": commit,
            "told": told,
            "outputs": self.run.state.outputs.get(&id),
            "parts": parts,
            "task": id,
        })
    }

    /// What was answered while no engine drove counts when the gate is open: at once, or once what it needs was tried
    /// again and made the same.
    pub(crate) fn keep_answers(&mut self, answers: Vec<GateAnswer>) {
        for answer in answers {
            if let Some(t) = self.find(&answer.task).filter(|t| self.run.state.task(*t).outcome().is_none()) {
                self.run.inflight.answers.insert(t, answer);
            }
        }
    }

    /// A person answered, or a scenario did.
    pub(crate) fn gate_answered(&mut self, given: GateAnswer) {
        let GateAnswer { task, answer, message, by, binding } = given;
        let Some(t) = self.find(&task) else { return };
        let waits = self.run.state.task(t).gated().filter(|gated| gated.given.is_none()).cloned();
        let Some(gated) = waits else {
            return self.note(t, "an answer came, but it waits for none".to_owned());
        };
        if binding.is_some_and(|shown| shown != gated.binding) {
            self.note(t, "what it showed has changed since that answer; it is asked again".to_owned());
            return self.ask(Effect::AskGate { task, question: gated.question, binding: gated.binding });
        }
        self.emit(Event::GateAnswered { task, answer, message, by });
        self.look_at(t);
    }

    /// What an answer leads to.
    fn decide(&mut self, t: TaskNo, given: Given) {
        let Given { answer, message, by } = given;
        match answer {
            Answer::Approve => self.succeed(t),
            Answer::Reject => {
                let words = if message.is_empty() { "without a reason".to_owned() } else { message };
                let failure = Failure {
                    class: FailureClass::Rejected,
                    message: format!("rejected by `{by}`: {words}"),
                    tail: String::new(),
                };
                self.send_back_or(t, &words, failure);
            }
        }
    }

    /// True where a person who is not there is all that the run waits for.
    pub(crate) fn only_a_person_can_help(&self) -> bool {
        !self.run.state.gated.is_empty()
    }
}
