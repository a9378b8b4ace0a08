//! The fold of gates, of work that is sent back, and of what is kept beside the work.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Fold, Status, TaskId, TaskNo};
use crate::handoff::Verdict;
use crate::kernel::event::{CacheFound, Event, Outcome};
use crate::kernel::state::{Gated, Given, SentBack, Told};
use crate::kernel::texts;
use crate::kernel::work::next_session;
use crate::name::OutputId;

impl Fold<'_> {
    /// Events of gates, and of work that is sent back.
    pub(super) fn gate(&mut self, event: &Event) {
        if let Event::GateOpened { task, question, binding } = event {
            self.gate_opened(task, question, binding);
        } else if let Event::GateAnswered { task, answer, message, by } = event {
            self.gate_answered(task, Given { answer: *answer, message: message.clone(), by: by.clone() });
        } else if let Event::SentBack { by, time, tasks, again, reason } = event {
            self.sent_back(by, tasks, again, reason);
            self.count_sends(by, *time);
        }
    }

    fn gate_opened(&mut self, task: &TaskId, question: &str, binding: &str) {
        let Some(t) = self.find(task) else { return };
        let gated = Gated { question: question.to_owned(), binding: binding.to_owned(), given: None };
        self.state.task_mut(t).status = Status::Gated(Box::new(gated));
        self.state.gated.insert(t);
    }

    fn gate_answered(&mut self, task: &TaskId, given: Given) {
        let Some(t) = self.find(task) else { return };
        if let Status::Gated(gated) = &mut self.state.task_mut(t).status {
            gated.given = Some(given);
            self.state.gated.remove(&t);
        }
    }

    /// What an approved gate hands over: the person's words.
    pub(super) fn remember_answer(&mut self, t: TaskNo, task: &TaskId) {
        let Some(Given { message, by, .. }) = self.state.task(t).gated().and_then(|gated| gated.given.clone()) else {
            return;
        };
        let words = if message.is_empty() { format!("`{by}` approved it.") } else { message.clone() };
        let told = Told { narrative: texts::no_words(&words), problems: Vec::new() };
        self.state.task_mut(t).past_mut().told = Some(Box::new(told));
        if let Ok(id) = OutputId::parse("message") {
            self.state.outputs.insert(task.clone(), BTreeMap::from([(id, Value::String(message))]));
        }
    }

    /// Work is sent back: what it is about, and what lies between, has not ended any more.
    fn sent_back(&mut self, by: &TaskId, tasks: &[TaskId], again: &[TaskId], reason: &str) {
        let (tasks, again) = (self.numbers(tasks), self.numbers(again));
        let all: BTreeSet<TaskNo> = tasks.iter().chain(&again).copied().collect();
        for t in &all {
            self.forget_work_after(*t);
        }
        for t in &again {
            self.begin_again(*t);
            if let Some(past) = &mut self.state.task_mut(*t).past {
                past.work = None;
                past.sends = 0;
            }
        }
        for t in tasks {
            self.goes_round(t, by, reason);
        }
        let open: BTreeSet<TaskNo> =
            all.iter().flat_map(|t| self.known.graph.groups(*t)).chain(all.iter().copied()).collect();
        for group in open {
            self.open_for_parts(group, &all);
        }
        self.recount();
    }

    fn goes_round(&mut self, t: TaskNo, by: &TaskId, reason: &str) {
        let running = self.state.task_mut(t).running_mut();
        let talking = running.and_then(|running| Some((running.conversation.take()?, running.counted)));
        self.begin_again(t);
        let past = self.state.task_mut(t).past_mut();
        let before = past.conversation.take().map(|conversation| (conversation, past.counted));
        let (conversation, counted) = talking.or(before).unzip();
        let counted = counted.unwrap_or_default();
        past.sent_back = Some(Box::new(match past.sent_back.take() {
            None => SentBack { by: by.clone(), reason: reason.to_owned(), conversation, counted },
            // It was already to go round again: it hears both.
            Some(before) => SentBack {
                reason: format!("{}\n`{by}` sent it back too: {reason}", before.reason),
                counted: if before.conversation.is_some() { before.counted } else { counted },
                conversation: before.conversation.or(conversation),
                by: before.by,
            },
        }));
    }

    /// A group waits for the parts that have begun again; where what it needs has, it is expanded anew.
    fn open_for_parts(&mut self, t: TaskNo, all: &BTreeSet<TaskNo>) {
        let graph = self.known.graph;
        let anew = graph.needs(t).iter().any(|need| all.contains(need));
        let waits = match self.state.task(t).status {
            Status::Waiting => all.contains(&t) && !anew,
            Status::Expanded { .. } => true,
            Status::Ready | Status::Gated(_) | Status::Running(_) | Status::BackingOff { .. } | Status::Finished(_) => {
                false
            }
        };
        if waits && graph.parts(t).is_some() {
            self.open_group(t);
        }
    }

    /// Those that go on in its worktree and have not ended stand on work that is about to change.
    fn forget_work_after(&mut self, t: TaskNo) {
        for link in self.known.graph.chain(t).into_iter().skip_while(|link| *link != t).skip(1) {
            let record = self.state.task_mut(link);
            if record.outcome().is_none()
                && let Some(past) = &mut record.past
            {
                past.work = None;
            }
        }
    }

    /// How often a task has sent others back.
    fn count_sends(&mut self, by: &TaskId, time: u32) {
        if let Some(record) = self.record(by) {
            record.past_mut().sends = time;
        }
    }

    /// A success: what comes after its worktree's work begins at the integration tip.
    pub(super) fn settle_work(&mut self, t: TaskNo) {
        let goes_on = self.known.graph.follower(t);
        if goes_on.is_some_and(|f| !matches!(self.state.task(f).outcome(), Some(Outcome::Succeeded { .. }))) {
            return;
        }
        for link in self.known.graph.chain(t) {
            if let Some(past) = &mut self.state.task_mut(link).past {
                past.settled = true;
            }
            if link == t {
                break;
            }
        }
    }

    pub(super) fn cache_looked_up(&mut self, task: &TaskId, found: &CacheFound) {
        let Some(record) = self.record(task) else { return };
        if let Some(running) = record.running_mut() {
            running.cache = Some(found.clone());
            if matches!(found, CacheFound::Hit { .. }) {
                // What is found stands for the process that need not run.
                running.session = Some(next_session(running));
            }
        }
        record.past_mut().not_cached = match found {
            CacheFound::Hit { .. } => None,
            CacheFound::Miss { why } => Some(why.clone()),
        };
    }

    pub(super) fn artifacts_kept(&mut self, task: &TaskId) {
        if let Some(running) = self.running(task) {
            running.kept = true;
        }
    }

    pub(super) fn reviewed(&mut self, task: &TaskId, verdict: Option<Verdict>, reasons: &[String]) {
        let Some(running) = self.running(task) else { return };
        let review = running.review.get_or_insert_default();
        review.last = review.end.take().map(|end| end.how);
        review.verdict = verdict;
        review.reasons = reasons.to_vec();
        review.without_verdict = review.without_verdict.saturating_add(u32::from(verdict.is_none()));
    }
}
