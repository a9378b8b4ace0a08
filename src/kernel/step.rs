//! One step: a fact is taken in, events go through one door, and everything that can move is moved.

use crate::amount::{At, Millis};
use crate::handoff::CheckVerdict;
use crate::kernel::effect::Effect;
use crate::kernel::event::Event;
use crate::kernel::fact::{Began, Fact, GateAnswer, WorkKey};
use crate::kernel::graph::{Graph, TaskNo};
use crate::kernel::inflight::{Job, MergeJob};
use crate::kernel::pace::mood;
use crate::kernel::state::{Phase, Running, Status};
use crate::kernel::{Run, Step};
use crate::name::{Attempt, TaskId};
use crate::plan::Task;

/// A step under way. Each policy adds its part as methods.
pub(crate) struct Turn<'r> {
    pub(crate) run: &'r mut Run,
    pub(crate) now: At,
    step: Step,
}

impl<'r> Turn<'r> {
    pub(crate) fn of(run: &'r mut Run, now: At) -> Self {
        Self { run, now, step: Step::default() }
    }

    /// Takes the fact, then moves all that can move.
    pub(crate) fn take(mut self, fact: Fact) -> Step {
        if !self.run.inflight.finished {
            self.notice_jump();
            self.stretch_pause();
            self.fact(fact);
            self.advance();
            self.foresee();
            self.begin_or_end_pause();
            self.ask_to_wake();
            self.run.inflight.last = Some(self.now);
        }
        self.step
    }

    /// The one door for events: what is remembered is also applied, at once.
    pub(crate) fn emit(&mut self, event: Event) {
        self.run.apply(&event, self.now.wall);
        self.stir(&event);
        let mut paced = None;
        if let Event::TaskReady { task } | Event::TaskFinished { task, .. } | Event::BackingOff { task, .. } = &event
            && let Some(t) = self.find(task)
        {
            self.noticed(t);
            paced = mood(&event).map(|mood| (t, mood));
        }
        self.step.events.push(event);
        if let Some((t, mood)) = paced {
            self.keep_pace(t, &mood);
        }
    }

    pub(crate) fn ask(&mut self, effect: Effect) {
        self.step.effects.push(effect);
    }

    pub(crate) fn note(&mut self, t: TaskNo, text: String) {
        let task = Some(self.id(t));
        self.emit(Event::Note { task, text, about: None });
    }

    pub(crate) fn find(&self, id: &TaskId) -> Option<TaskNo> {
        Graph::find(&self.run.plan, id)
    }

    pub(crate) fn id(&self, t: TaskNo) -> TaskId {
        self.run.task(t).0.clone()
    }

    pub(crate) fn task(&self, t: TaskNo) -> &Task {
        self.run.task(t).1
    }

    pub(crate) fn running(&self, t: TaskNo) -> Option<&Running> {
        self.run.state.running(t)
    }

    pub(crate) fn is_live(&self) -> bool {
        self.run.state.is_live()
    }

    /// True while sessions and commands may be started.
    pub(crate) fn may_work(&self) -> bool {
        self.is_live() && !self.run.state.exceeded
    }

    pub(crate) fn begin_job(&mut self, t: TaskNo, job: Job) {
        self.run.inflight.jobs.insert(t, job);
    }

    /// The task is looked at again before this step ends.
    pub(crate) fn look_at(&mut self, t: TaskNo) {
        self.run.inflight.look.push_back(t);
    }

    /// The attempt under way, if it is this one; the facts of any other are late and change nothing.
    pub(crate) fn current(&self, task: &TaskId, attempt: Attempt) -> Option<(TaskNo, &Running)> {
        let t = self.find(task)?;
        let running = self.running(t)?;
        (running.attempt == attempt).then_some((t, running))
    }

    /// The same for one process of it.
    pub(crate) fn current_work(&self, key: &WorkKey) -> Option<TaskNo> {
        let (t, running) = self.current(&key.task, key.attempt)?;
        let same =
            running.phase == Phase::Working && running.round == key.round && running.session == Some(key.session);
        same.then_some(t)
    }

    /// Keeps what is in flight in step with what was just remembered.
    fn noticed(&mut self, t: TaskNo) {
        match &self.run.state.task(t).status {
            Status::Ready if self.is_gate(t) => self.look_at(t),
            Status::Ready => {
                let rank = self.run.graph.rank(t);
                self.run.inflight.ready.offer(rank);
            }
            Status::Finished(_) => {
                self.run.inflight.jobs.remove(&t);
                self.run.inflight.clear_deadline(t);
                self.run.inflight.unfunded.remove(&t);
                self.run.inflight.ended.push_back(t);
                // What was cancelled while it waited for its agent keeps the run waiting no longer.
                if !self.run.state.agents.is_empty() {
                    let rank = self.run.graph.rank(t);
                    self.run.inflight.ready.forget(rank);
                }
            }
            Status::Waiting
            | Status::Expanded { .. }
            | Status::Gated(_)
            | Status::Running(_)
            | Status::BackingOff { .. } => {}
        }
    }

    /// An answer that was waited for: the job is done.
    pub(crate) fn answered(&mut self, task: &TaskId, attempt: Attempt, job: Job) -> Option<TaskNo> {
        let (t, _) = self.current(task, attempt)?;
        if self.run.inflight.jobs.get(&t) != Some(&job) {
            return None;
        }
        self.run.inflight.jobs.remove(&t);
        self.look_at(t);
        Some(t)
    }

    pub(crate) fn merge_answered(&mut self, job: MergeJob) -> bool {
        let expected = self.run.inflight.merge == Some(job);
        if expected {
            self.run.inflight.merge = None;
        }
        expected
    }

    #[expect(clippy::too_many_lines, reason = "one arm a fact")]
    fn fact(&mut self, fact: Fact) {
        match fact {
            Fact::Began(Began::New { attended }) => self.begin(attended),
            Fact::Began(Began::Resumed { attended, answers, adopted, ceiling, again, gone }) => {
                self.resume((attended, &again), (&adopted, &gone), ceiling, answers);
            }
            Fact::Tick => self.tick(),
            Fact::Stop(cause) => self.stop(cause),
            Fact::Killed(cause) => self.killed(cause),
            Fact::Sandboxed(sandbox) => {
                // A run that was over at once has started nothing.
                if self.run.outcome().is_none() {
                    self.emit(Event::Sandboxed { sandbox });
                }
            }
            Fact::Pause { by } => self.pause(by),
            Fact::Cancel { task, by } => self.cancel_on_wish(&task, &by),
            Fact::Retry { task, by } => self.retry_on_wish(&task, by),
            Fact::HandOff { task, to, by } => self.hand_off_on_wish(&task, to, by),
            Fact::Noted { text } => self.emit(Event::Note { task: None, text, about: None }),
            Fact::EngineFault { why } => self.fault(why),
            Fact::WorkspaceReady { task, attempt, workspace } => self.workspace_ready(task, attempt, workspace),
            Fact::WorkspaceFailed { task, attempt, why } => self.workspace_failed(&task, attempt, &why),
            Fact::SetupEnded { task, attempt, index, verdict, duration, tail } => {
                let ended = CommandEnded { index, verdict, duration, tail, changed: Vec::new() };
                self.setup_ended(task, attempt, ended);
            }
            Fact::WorkStarted { .. } => {}
            Fact::Conversation { key, conversation } => self.conversation(&key, conversation),
            Fact::Retrying { key, fault, why } => self.retrying(&key, fault, why),
            Fact::SkillUsed { key, skill, how } => self.skill_used(&key, skill, how),
            Fact::Progress { key, text } => self.progress(&key, text),
            Fact::Used { key, usage } => self.used(&key, usage),
            Fact::WorkEnded { key, end } => self.work_ended(&key, *end),
            Fact::Snapshotted { task, attempt, snapshot } => self.snapshotted(task, attempt, *snapshot),
            Fact::SnapshotFailed { task, attempt, why } => self.snapshot_failed(&task, attempt, &why),
            Fact::CheckEnded { task, attempt, round, index, verdict, duration, tail, changed } => {
                let ended = CommandEnded { index, verdict, duration, tail, changed };
                self.check_ended(task, attempt, round, ended);
            }
            Fact::Answered { task, answer, message, by, binding } => {
                self.gate_answered(GateAnswer { task, answer, message, by, binding });
            }
            Fact::Attended(attended) => self.run.inflight.attended = attended,
            Fact::DiffShown { task, attempt, diff } => self.diff_shown(&task, attempt, diff),
            Fact::CacheLookedUp { task, attempt, found, outputs } => {
                self.cache_looked_up((task, attempt), found, outputs);
            }
            Fact::ArtifactsKept { task, attempt, artifacts, notes } => {
                self.artifacts_kept((task, attempt), artifacts, notes);
            }
            Fact::MergesTried { tried } => self.merges_tried(tried),
            Fact::WorkspaceClosed { task, attempt, kept } => self.workspace_closed(task, attempt, kept),
            Fact::CandidateMade { batch, candidate } => self.candidate_made(&batch, candidate),
            Fact::CandidateReady { candidate, prepared } => self.candidate_ready(candidate, prepared),
            Fact::MergeCheckEnded { candidate, index, verdict, duration, tail } => {
                let ended = CommandEnded { index, verdict, duration, tail, changed: Vec::new() };
                self.merge_check_ended(&candidate, ended);
            }
            Fact::IntegrationMoved { candidate, moved } => self.integration_moved(candidate, moved),
            Fact::DeliveryMade { delivery } => self.delivery_made(delivery),
            Fact::Delivered { commit, delivered } => self.delivered(commit, delivered),
        }
    }

    /// Moves all that can move: attempts first, so that they give back what the others wait for.
    fn advance(&mut self) {
        loop {
            if self.settle_agents() {
                continue;
            }
            if let Some(t) = self.run.inflight.ended.pop_front() {
                self.after_end(t);
            } else if let Some(t) = self.run.inflight.look.pop_front() {
                self.go_on(t);
            } else if !self.send_back_next()
                && !self.fund_next()
                && !self.merge_on()
                && !self.start_next()
                && !self.end_if_still()
            {
                break;
            }
        }
    }
}

/// How a setup command or a check ended.
pub(crate) struct CommandEnded {
    pub(crate) index: usize,
    pub(crate) verdict: CheckVerdict,
    pub(crate) duration: Millis,
    pub(crate) tail: String,
    pub(crate) changed: Vec<String>,
}
