//! Handing off in the middle: the session is stopped, what it left to hand over is found or written, the work becomes a
//! commit, and a next session goes on in the same attempt, worktree and round, in a conversation of its own. Each step is
//! an event; what follows is decided from the state alone, so that a resume goes on from any of them.

use crate::handoff::{Source, Status, synthesise};
use crate::kernel::Run;
use crate::kernel::event::{
    CancelWhy, Ended, Event, Failure, FailureClass, HandOffWhy, HandoffStep, NoteAbout, SessionKind,
};
use crate::kernel::fact::StopWhy;
use crate::kernel::graph::{Graph, TaskNo};
use crate::kernel::ledger::Grant;
use crate::kernel::state::{HandStep, Phase, Running, Status as Standing};
use crate::kernel::step::Turn;
use crate::mission::model::OnExceeded;
use crate::name::{AgentName, RoleName, TaskId};
use crate::plan::{GivenHandoff, Task, TaskKind};

/// So often in a row a task is handed on by itself though no session changes anything, before its attempt has failed.
const IN_VAIN: u32 = 3;

/// Who does the tasks of a role.
struct Cast<'p> {
    agent: &'p AgentName,
    model: Option<&'p String>,
}

/// Why an attempt under way is not handed on.
enum Stays {
    /// For this.
    Since(String),
    /// Its next session begins in a conversation of its own anyway.
    BeginsAnew,
}

impl Run {
    /// Why a task cannot be handed to a next session now, or not to one in this role; `None` where it can.
    pub fn refuses_handoff(&self, task: &TaskId, to: Option<&RoleName>) -> Option<String> {
        let Some(t) = Graph::find(&self.plan, task) else { return Some(format!("`{task}` is no task of this run")) };
        if let Some(to) = to.filter(|to| self.cast(to).is_none()) {
            let known: Vec<String> = self
                .plan
                .roles
                .keys()
                .filter(|role| self.cast(role).is_some())
                .map(|role| format!("`{role}`"))
                .collect();
            return Some(format!(
                "no task of this run has the role `{to}`; those of its plan are {}",
                known.join(", ")
            ));
        }
        let what = match &self.task(t).1.kind {
            TaskKind::Agent(_) => return self.cannot_hand_off(t, to),
            TaskKind::Command(_) => "a command: it has no sessions",
            TaskKind::Gate(_) => "a gate: it has no sessions",
            TaskKind::Each(_) | TaskKind::Mission(_) => "several tasks: name one of its parts",
        };
        Some(format!("`{task}` is {what}"))
    }

    fn cannot_hand_off(&self, t: TaskNo, to: Option<&RoleName>) -> Option<String> {
        let record = self.state.task(t);
        let id = self.task(t).0;
        let begins_anew =
            || format!("no session of `{id}` works now; the next begins in a conversation of its own anyway");
        match &record.status {
            Standing::Finished(_) => Some(format!("`{id}` has ended")),
            _ if !self.state.is_live() => Some("the run is stopping".to_owned()),
            Standing::Waiting | Standing::Ready => Some(format!("`{id}` has not begun")),
            Standing::Gated(_) | Standing::Expanded { .. } => Some(format!("`{id}` has no sessions")),
            Standing::BackingOff { .. } => to.is_none().then(begins_anew),
            Standing::Running(running) => self.cannot_leave(running, to).map(|why| match why {
                Stays::Since(why) => format!("`{id}` {why}"),
                Stays::BeginsAnew => begins_anew(),
            }),
        }
    }

    /// Why an attempt under way cannot be handed on: in words, or because nothing of it is there to be.
    fn cannot_leave(&self, running: &Running, to: Option<&RoleName>) -> Option<Stays> {
        let told = |why: &str| Some(Stays::Since(why.to_owned()));
        if running.cancelled_by.is_some() {
            return told("is being cancelled");
        }
        if running.handing.is_some() {
            return told("is being handed off already");
        }
        match &running.phase {
            Phase::Working if running.kind == SessionKind::Review => {
                told("is being reviewed: its work is judged first")
            }
            Phase::Working if running.stopping.is_some() => told("is being stopped already"),
            Phase::Working if self.state.exceeded => told("is being stopped, as the budget is used up"),
            Phase::Working => None,
            Phase::Preparing | Phase::SettingUp(_) | Phase::Starting => {
                told("has no session yet: it is about to begin")
            }
            Phase::Ended | Phase::Snapshotted | Phase::Checking(_) | Phase::Reviewing => {
                told("is being judged: its session has ended")
            }
            Phase::Queued { .. } | Phase::Merging { .. } | Phase::Merged(_) => told("is accepted, and is being merged"),
            Phase::Resting(SessionKind::Review) => told("waits for its reviewer: its work is judged first"),
            Phase::Resting(SessionKind::Work) if running.end.is_some() => None,
            Phase::Reworking | Phase::Resting(SessionKind::Work) => to.is_none().then_some(Stays::BeginsAnew),
        }
    }

    /// By whom the tasks of a role are done: the first of the plan says.
    fn cast(&self, role: &RoleName) -> Option<Cast<'_>> {
        let all = || self.plan.tasks.values().flat_map(Task::work);
        let works = all().find_map(|task| match &task.kind {
            TaskKind::Agent(work) if work.role == *role => {
                Some(Cast { agent: &work.agent, model: work.model.as_ref() })
            }
            TaskKind::Agent(_)
            | TaskKind::Command(_)
            | TaskKind::Gate(_)
            | TaskKind::Each(_)
            | TaskKind::Mission(_) => None,
        });
        let reads = || all().filter_map(|task| task.review.as_deref()).find(|review| review.role == *role);
        works.or_else(|| reads().map(|review| Cast { agent: &review.agent, model: review.model.as_ref() }))
    }

    /// Takes a task that is given to another role into the plan.
    pub(crate) fn give(&mut self, event: &Event) {
        let Event::TaskGiven { task, role, agent, model, .. } = event else { return };
        let Some(t) = Graph::find(&self.plan, task) else { return };
        std::sync::Arc::make_mut(&mut self.plan).give(task, (role, agent, model.as_ref()));
        self.graph.set_limits(&self.plan, t);
    }
}

impl Turn<'_> {
    /// A person wants a task to go on in another session, or in another role.
    pub(crate) fn hand_off_on_wish(&mut self, task: &TaskId, to: Option<RoleName>, by: String) {
        let refused = self.run.refuses_handoff(task, to.as_ref());
        let Some(t) = self.find(task).filter(|_| refused.is_none()) else {
            let why = refused.unwrap_or_default();
            let text = format!("`{by}` wanted `{task}` to be handed off, which cannot be now: {why}");
            let about = Some(NoteAbout::HandOffRefused);
            return self.emit(Event::Note { task: self.find(task).map(|t| self.id(t)), text, about });
        };
        let works = self.running(t).filter(|running| match running.phase {
            Phase::Working => true,
            Phase::Resting(_) => running.end.is_some(),
            Phase::Preparing
            | Phase::SettingUp(_)
            | Phase::Starting
            | Phase::Ended
            | Phase::Snapshotted
            | Phase::Checking(_)
            | Phase::Reviewing
            | Phase::Queued { .. }
            | Phase::Merging { .. }
            | Phase::Merged(_)
            | Phase::Reworking => false,
        });
        match (works.map(|running| running.phase == Phase::Working), to) {
            (Some(is_at_work), to) => {
                self.hand_off(t, HandOffWhy::Asked, (Some(by), to));
                if is_at_work {
                    self.stop_work(t, StopWhy::HandOff);
                } else {
                    self.look_at(t);
                }
            }
            (None, Some(role)) => self.give(t, &role, Some(by)),
            (None, None) => {}
        }
    }

    fn hand_off(&mut self, t: TaskNo, why: HandOffWhy, (by, to): (Option<String>, Option<RoleName>)) {
        let Some(attempt) = self.running(t).map(|running| running.attempt) else { return };
        let task = self.id(t);
        self.emit(Event::HandingOff { task, attempt, why, by, to });
    }

    /// The sessions of a task are those of another role from here on. It has no slot: what that counts against changes.
    fn give(&mut self, t: TaskNo, role: &RoleName, by: Option<String>) {
        let cast = self.run.cast(role).map(|cast| (cast.agent.clone(), cast.model.cloned()));
        let Some((agent, model)) = cast else { return };
        self.emit(Event::TaskGiven { task: self.id(t), by, role: role.clone(), agent, model });
        let rank = self.run.graph.rank(t);
        self.run.inflight.ready.forget(rank);
        if self.run.waits_for_slot(t) {
            self.run.inflight.ready.offer(rank);
        }
    }

    /// The budget is used up: a session that is stopped for that hands over to one that follows with a larger one.
    pub(crate) fn hand_off_for_budget(&mut self, t: TaskNo) {
        let stops = self.run.plan.budget.on_exceeded == OnExceeded::Stop && self.is_agent(t);
        let works = |running: &Running| {
            let is_left = running.stopping.is_none() && running.cancelled_by.is_none() && running.handing.is_none();
            is_left && running.phase == Phase::Working && running.kind == SessionKind::Work
        };
        if stops && self.running(t).is_some_and(works) {
            self.hand_off(t, HandOffWhy::Budget, (None, None));
        }
    }

    /// Does the next step of handing a task on, if it is being handed on and that step is ours.
    pub(crate) fn hands_on(&mut self, t: TaskNo) -> bool {
        let Some(running) = self.running(t).filter(|running| running.cancelled_by.is_none()) else { return false };
        let Some(handing) = running.handing.as_deref().cloned().filter(|_| self.lives(t)) else { return false };
        let is_recorded = running.phase == Phase::Snapshotted || !self.is_recorded(t);
        let has_ended = matches!(running.phase, Phase::Ended | Phase::Snapshotted);
        let end = running.end.clone().filter(|_| has_ended);
        let Some(end) = end else { return false };
        match handing.step {
            HandStep::Asked => self.hand_step(t, HandoffStep::Document { source: end.source }),
            HandStep::Document(_) if !is_recorded => return false,
            HandStep::Document(source) => {
                let handoff = Box::new(self.document(t, &end, source));
                self.hand_step(t, HandoffStep::Commit { handoff });
            }
            // It ends with the run, and goes on with it.
            HandStep::Committed if self.ends_for_budget() => self.cancel(t, CancelWhy::Budget),
            HandStep::Committed => {
                if let Some(role) = handing.to {
                    self.give(t, &role, handing.by);
                }
                self.hand_step(t, HandoffStep::Next);
            }
        }
        self.look_at(t);
        true
    }

    fn hand_step(&mut self, t: TaskNo, step: HandoffStep) {
        let Some(attempt) = self.running(t).map(|running| running.attempt) else { return };
        let task = self.id(t);
        self.emit(Event::HandoffStep { task, attempt, step });
    }

    /// Whether what is stopped now, as the budget is used up, ends until a resume.
    pub(crate) fn ends_for_budget(&self) -> bool {
        self.run.state.exceeded && self.run.plan.budget.on_exceeded == OnExceeded::Stop
    }

    /// Ends a task whose session was stopped, or stopped itself, as the budget is used up.
    pub(crate) fn end_for_budget(&mut self, t: TaskNo) {
        if self.is_agent(t) && self.ends_for_budget() {
            self.hand_off(t, HandOffWhy::Budget, (None, None));
            self.look_at(t);
        } else {
            self.cancel(t, CancelWhy::Budget);
        }
    }

    /// What the next session is told of this one. What nobody wrote is written out of what is known, and says so.
    fn document(&self, t: TaskNo, end: &Ended, source: Source) -> GivenHandoff {
        let facts = self.facts(t);
        let narrative = match source {
            Source::Synthesised => {
                let mut written = synthesise(&facts, &end.tail);
                written.status = Status::Partial;
                written
            }
            Source::Structured | Source::File | Source::Message => end.narrative.clone(),
        };
        // That declared outputs are missing is no news in the middle of the work.
        let problems = crate::handoff::verify::contradictions(&narrative, &facts);
        GivenHandoff { facts, narrative, problems }
    }

    /// A session could not go on, and another can: it is handed on, unless that was in vain too often.
    pub(crate) fn hand_on(&mut self, t: TaskNo, (why, class): (HandOffWhy, FailureClass), told: &str, end: &Ended) {
        let message = format!("its agent failed: {told}");
        let in_vain = self.running(t).map_or(0, |running| running.in_vain);
        let can_be_paid = matches!(self.grant(t, SessionKind::Work), Grant::Granted(_) | Grant::Short);
        if !can_be_paid || self.is_clean_up(t) {
            return self.fail(t, Failure { class, message, tail: end.tail.clone() });
        }
        if in_vain >= IN_VAIN {
            let message = format!(
                "handed to a next session {in_vain} times in a row, and none of them changed anything: {message}"
            );
            return self.fail(t, Failure { class: FailureClass::OutOfTurns, message, tail: end.tail.clone() });
        }
        self.hand_off(t, why, (None, None));
        self.look_at(t);
    }

    /// Whether a stop of its work is of a task that is being handed on.
    pub(crate) fn is_handed_on(&self, t: TaskNo) -> bool {
        self.running(t).is_some_and(|running| running.handing.is_some())
    }
}
