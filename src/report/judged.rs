//! Gates, reviews, and work that was sent back.

use crate::handoff::Verdict;
use crate::kernel::event::Event;
use crate::kernel::fact::Answer;
use crate::name::TaskId;
use crate::report::task::{Stage, TaskReport};
use crate::report::{Report, safe};

/// A gate that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateReport {
    /// What is asked.
    pub question: String,
    /// What stands for what is asked about.
    pub binding: String,
    /// How often it has asked.
    pub time: u32,
    /// The answer, once there is one.
    pub answer: Option<GateAnswered>,
}

/// An answer to a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateAnswered {
    /// What.
    pub answer: Answer,
    /// What was said with it.
    pub message: String,
    /// Who.
    pub by: String,
}

impl GateAnswered {
    /// In a few words: `approved by ada: fine`.
    pub fn words(&self) -> String {
        let Self { answer, message, by } = self;
        let what = match answer {
            Answer::Approve => "approved",
            Answer::Reject => "rejected",
        };
        let said = if message.is_empty() { String::new() } else { format!(": {message}") };
        format!("{what} by {by}{said}")
    }
}

/// What a reviewer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewReport {
    /// Its verdict; `None`: it gave none.
    pub verdict: Option<Verdict>,
    /// Its reasons.
    pub reasons: Vec<String>,
}

impl ReviewReport {
    /// In a few words.
    pub fn words(&self) -> String {
        let what = match self.verdict {
            Some(Verdict::Approve) => "approved",
            Some(Verdict::Rework) => "given back",
            None => "the reviewer gave no verdict",
        };
        if self.reasons.is_empty() { what.to_owned() } else { format!("{what}: {}", self.reasons.join("; ")) }
    }
}

impl Report {
    /// Gates that wait for an answer.
    pub fn open_gates(&self) -> impl Iterator<Item = (&TaskId, &TaskReport, &GateReport)> {
        self.tasks.iter().filter(|(_, task)| matches!(task.stage, Stage::Asking)).filter_map(|(id, task)| {
            let gate = task.gate.as_ref()?;
            gate.answer.is_none().then_some((id, task, gate))
        })
    }

    /// Takes in an answer that lies ready for the run and that it has not heard yet.
    pub fn lies_ready(&mut self, gate: &TaskId, binding: Option<&str>, given: GateAnswered) {
        self.with(gate, |t| {
            let asks = matches!(t.stage, Stage::Asking);
            if let Some(gate) = t.gate.as_mut().filter(|gate| asks && binding.is_none_or(|bound| bound == gate.binding))
            {
                gate.answer = Some(given);
            }
        });
    }

    /// What a gate is about: what became of each task it needs.
    pub fn about(&self, gate: &TaskReport) -> Vec<String> {
        let needs = gate.needs.iter().filter_map(|id| Some((id, self.tasks.get(id)?)));
        needs.map(|(id, task)| format!("{id}: {}", safe(&crate::report::end::became(self, task)))).collect()
    }

    /// Takes in parts, gates, reviews, and what need not run again.
    pub(super) fn judge(&mut self, event: &Event) {
        if let Event::Expanded { task, tasks } = event {
            self.expand(task, tasks);
        } else if let Event::GateOpened { task, question, binding } = event {
            self.asks(task, question, binding);
        } else if let Event::GateAnswered { task, answer, message, by } = event {
            let (message, by) = (message.clone(), by.clone());
            self.answered(task, GateAnswered { answer: *answer, message, by });
        } else if let Event::SentBack { by, tasks, again, reason, .. } = event {
            self.sent_back(by, (tasks, again), reason);
        } else if let Event::Reviewed { task, verdict, reasons, .. } = event {
            self.reviewed(task, ReviewReport { verdict: *verdict, reasons: reasons.clone() });
        } else if let Event::CacheLookedUp { task, found, .. } = event {
            self.with(task, |t| t.cache = Some(found.clone()));
        } else if let Event::ArtifactsKept { task, artifacts, notes, .. } = event {
            self.with(task, |t| t.artifacts.clone_from(artifacts));
            for note in notes {
                self.note(Some(task), note);
            }
        }
    }

    fn asks(&mut self, gate: &TaskId, question: &str, binding: &str) {
        self.with(gate, |t| {
            let time = t.gate.as_ref().map_or(0, |gate| gate.time).saturating_add(1);
            let (question, binding) = (question.to_owned(), binding.to_owned());
            t.gate = Some(GateReport { question, binding, time, answer: None });
            t.stage = Stage::Asking;
        });
    }

    fn answered(&mut self, gate: &TaskId, given: GateAnswered) {
        self.with(gate, |t| {
            if let Some(gate) = &mut t.gate {
                gate.answer = Some(given);
            }
            t.stage = Stage::Between;
        });
    }

    fn sent_back(&mut self, by: &TaskId, whom: (&[TaskId], &[TaskId]), reason: &str) {
        let (tasks, again) = whom;
        for task in tasks {
            self.with(task, |t| t.sent_back = Some((by.clone(), reason.to_owned())));
        }
        for task in tasks.iter().chain(again).chain([by]) {
            self.stage(task, Stage::Waiting);
        }
    }

    fn reviewed(&mut self, task: &TaskId, review: ReviewReport) {
        self.with(task, |t| {
            t.review = Some(review);
            t.stage = Stage::Between;
        });
    }
}
