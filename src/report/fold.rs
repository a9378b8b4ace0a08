//! The fold: one event after the other into a [`Report`].

use indexmap::IndexMap;

use crate::amount::{Ceiling, Millis, WallTime};
use crate::handoff::Facts;
use crate::kernel::event::{
    CLEAN_UP, CancelWhy, Ended, Event, Failure, Outcome, Place, RoundReason, RunOutcome, SessionKind, WorkspaceFrom,
};
use crate::kernel::fact::{Snapshot, WorkspaceMade};
use crate::mission::model::TaskWorkspace;
use crate::name::{Attempt, CommitId, Round, RunId, TaskId};
use crate::plan::graph::Edges;
use crate::plan::{Plan, Task, TaskKind};
use crate::report::skills;
use crate::report::task::{End, Stage, TaskReport, Worker, is_bad, round_tail};
use crate::report::{CheckLine, Delivery, Engine, Exceeded, Report, SessionUse, Spent, command_text};

impl Report {
    /// Takes in the next event.
    #[expect(clippy::too_many_lines, reason = "one arm an event")]
    pub fn fold(&mut self, at: WallTime, event: &Event) {
        self.meter(event);
        match event {
            Event::RunStarted { run, plan, place } => self.begin(at, run, plan, place),
            Event::RunResumed { retried, freed, ceiling } => self.resume(at, retried, freed, *ceiling),
            Event::TaskRetried { retried, freed, .. } => self.again(retried, freed),
            Event::RunPausing { by } => self.pausing = Some(by.clone()),
            Event::TaskReady { task } => self.stage(task, Stage::Ready),
            Event::TaskStarted { task, attempt, from } => self.start(at, task, *attempt, from),
            Event::WorkspaceReady { task, workspace, .. } => self.workspace(task, workspace),
            Event::SetupFinished { task, tail, .. } => self.with(task, |t| t.tail.clone_from(tail)),
            Event::SessionStarted { task, attempt, round, session, kind, role, agent, model, .. } => {
                self.work(at, task, *round);
                self.with(task, |t| {
                    t.gives_skills(*kind);
                    t.goes_on_in(*attempt, *session);
                });
                self.session_began(SessionUse {
                    task: task.clone(),
                    attempt: *attempt,
                    round: *round,
                    session: *session,
                    kind: *kind,
                    role: role.clone(),
                    agent: agent.clone(),
                    model: model.clone(),
                    version: None,
                    spent: Spent::default(),
                    wasted: None,
                });
            }
            Event::CommandStarted { task, round, .. } => self.work(at, task, *round),
            Event::SkillUsed { task, skill, how, .. } => self.with(task, |t| t.uses_skill(skill, *how)),
            Event::Progress { task, text, .. } => self.with(task, |t| t.doing = Some(text.clone())),
            Event::SessionEnded { task, end, .. } => self.session_ended(task, end),
            Event::Snapshot { task, snapshot, .. } => self.with(task, |t| t.took(snapshot)),
            Event::CheckFinished { task, command, verdict, duration, tail, .. } => {
                let check = CheckLine { command: command.clone(), verdict: *verdict, duration: *duration };
                self.check(task, check, tail);
            }
            Event::RoundFailed { task, round, reason, .. } => self.round_failed(task, *round, reason),
            Event::BackingOff { task, failure, until, .. } => self.backing_off(at, task, failure, *until),
            Event::MergeQueued { task, .. } => self.stage(task, Stage::Queued),
            Event::MergeStarted { batch } => self.stages(batch, &Stage::Merging),
            Event::MergeCheckFinished { command, verdict, tail, .. } => {
                if is_bad(*verdict) {
                    self.merge_check_failed = Some((command.clone(), tail.clone()));
                }
            }
            Event::MergeRequeued { batch, why: _ } => self.stages(batch, &Stage::Queued),
            Event::Merged { batch, commit } => self.merges.push((commit.clone(), batch.clone())),
            Event::TaskFinished { task, outcome } => self.finish_task(at, task, outcome),
            Event::WorkspaceClosed { task, kept, .. } => {
                let kept = kept.as_ref().map(|path| path.display().to_string());
                self.with(task, |t| t.kept = kept);
            }
            Event::BudgetExceeded { .. } => self.exceeded = Exceeded::Yes,
            Event::RunStopping { cause } => self.stopping = Some(*cause),
            Event::EngineFault { why } => self.fault = Some(why.clone()),
            Event::Delivered { into, commit, delivered } => {
                let (into, commit, delivered) = (into.clone(), commit.clone(), delivered.clone());
                self.delivery = Some(Delivery::Made { into, commit, delivered });
            }
            Event::DeliveryFailed { into, why, files } => {
                self.delivery = Some(Delivery::Failed { into: into.clone(), why: why.clone(), files: files.clone() });
            }
            Event::Sandboxed { sandbox } => self.sandbox = Some(sandbox.clone()),
            Event::Note { task, text, about: _ } => self.note(task.as_ref(), text),
            Event::RunFinished { outcome } => self.end(at, *outcome),
            Event::ClockJumped { by } => self.shift_clock(*by),
            Event::Expanded { .. }
            | Event::GateOpened { .. }
            | Event::GateAnswered { .. }
            | Event::SentBack { .. }
            | Event::Reviewed { .. }
            | Event::CacheLookedUp { .. }
            | Event::ArtifactsKept { .. } => self.judge(event),
            Event::Limited { .. }
            | Event::AgentFaltered { .. }
            | Event::AgentReady { .. }
            | Event::AgentSuspended { .. }
            | Event::AgentTried { .. }
            | Event::AgentBack { .. }
            | Event::AgentAwaited { .. }
            | Event::GoesOn { .. }
            | Event::PaceChanged { .. } => self.fold_agent(at, event),
            Event::HandingOff { .. } | Event::HandoffStep { .. } | Event::TaskGiven { .. } => self.fold_handing(event),
            Event::CollisionForeseen { .. } | Event::CollisionGone { .. } => self.foresee(event),
            Event::TouchesKnown { .. }
            | Event::OutputsKnown { .. }
            | Event::ConversationNamed { .. }
            | Event::Stopping { .. }
            | Event::TaskCancelling { .. }
            | Event::Usage { .. }
            | Event::CandidateMade { .. }
            | Event::BudgetWarning { .. }
            | Event::DeliveryStarted { .. } => {}
        }
        self.last = at;
    }

    pub(super) fn with(&mut self, task: &TaskId, change: impl FnOnce(&mut TaskReport)) {
        if let Some(task) = self.tasks.get_mut(task) {
            change(task);
        }
    }

    /// Keeps a note; one that a later attempt repeats is told once.
    pub(super) fn note(&mut self, task: Option<&TaskId>, text: &str) {
        let note = (task.cloned(), text.to_owned());
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub(super) fn stage(&mut self, task: &TaskId, stage: Stage) {
        self.with(task, |t| t.stage = stage);
    }

    fn stages(&mut self, tasks: &[TaskId], stage: &Stage) {
        for task in tasks {
            self.stage(task, stage.clone());
        }
    }

    fn begin(&mut self, at: WallTime, run: &RunId, plan: &Plan, place: &Place) {
        let tasks: IndexMap<TaskId, TaskReport> =
            plan.tasks.iter().map(|(id, task)| (id.clone(), of_plan(task))).collect();
        *self = Self {
            run: Some(run.clone()),
            mission: plan.mission.to_string(),
            file: plan.file.clone(),
            place: Some(place.clone()),
            budget: plan.budget.ceiling,
            max: plan.max.get(),
            into: plan.merge.into.clone(),
            setup: plan.workspace.setup.iter().map(command_text).collect(),
            merge_checks: plan.merge.checks.iter().map(command_text).collect(),
            tasks,
            started: Some(at),
            since: Some(at),
            typed: std::mem::take(&mut self.typed),
            ..Self::default()
        };
        if let Some(ranked) = plan.ranked() {
            self.spent.add(&ranked.usage);
            self.ranking = self.spent;
            self.note(None, &ranked.note);
        }
        for (id, task) in &plan.tasks {
            if let TaskWorkspace::With(other) = &task.workspace {
                self.with(other, |t| t.goes_on = Some(id.clone()));
            }
            for need in &task.needs {
                self.with(need, |t| t.feeds.push(id.clone()));
            }
        }
        self.order = Edges::of(plan).order;
    }

    fn resume(&mut self, at: WallTime, retried: &[TaskId], freed: &[TaskId], ceiling: Ceiling) {
        let last = self.last;
        self.closed = self.live(last);
        self.since = Some(at);
        self.resumed = self.resumed.saturating_add(1);
        self.budget = Ceiling {
            usd: ceiling.usd.or(self.budget.usd),
            tokens: ceiling.tokens.or(self.budget.tokens),
            time: ceiling.time.or(self.budget.time),
        };
        (self.outcome, self.stopping, self.fault, self.exceeded) = (None, None, None, Exceeded::No);
        for task in self.tasks.values_mut() {
            let ran = task.since.is_some();
            task.close(last);
            task.since = ran.then_some(at);
        }
        self.pausing = None;
        self.agents_begin_again();
        self.again(retried, freed);
    }

    fn again(&mut self, retried: &[TaskId], freed: &[TaskId]) {
        for task in retried.iter().chain(freed) {
            self.stage(task, Stage::Waiting);
        }
    }

    /// What is measured from a moment goes with the clock.
    fn shift_clock(&mut self, by: i64) {
        self.since = self.since.map(|since| since.shifted(by));
        for task in self.tasks.values_mut() {
            task.since = task.since.map(|since| since.shifted(by));
        }
    }

    fn start(&mut self, at: WallTime, task: &TaskId, attempt: Attempt, from: &WorkspaceFrom) {
        self.with(task, |t| {
            t.begin(at);
            t.attempt = Some(attempt);
            t.round = Round::FIRST;
            t.doing = None;
            t.check_results.clear();
            // A command that needs no workspace of its own begins with this very event.
            t.stage = match (from, &t.worker) {
                (WorkspaceFrom::Directory, Worker::Command(_)) => Stage::Working,
                _ => Stage::Preparing,
            };
        });
    }

    fn workspace(&mut self, task: &TaskId, made: &WorkspaceMade) {
        self.with(task, |t| {
            t.branch.clone_from(&made.branch);
            t.kept = Some(made.path.display().to_string()).filter(|_| made.base.is_some());
        });
        for note in &made.notes {
            self.note(Some(task), note);
        }
    }

    fn work(&mut self, at: WallTime, task: &TaskId, round: Round) {
        self.with(task, |t| {
            if t.since.is_none() {
                t.begin(at);
            }
            t.round = round;
            t.stage = Stage::Working;
            t.check_results.clear();
        });
    }

    fn session_ended(&mut self, task: &TaskId, end: &Ended) {
        self.with(task, |t| {
            t.stage = Stage::Between;
            t.doing = None;
            t.problems.clone_from(&end.problems);
            t.tail.clone_from(&end.tail);
            t.ends_itself(&end.how);
        });
    }

    fn check(&mut self, task: &TaskId, check: CheckLine, tail: &str) {
        self.with(task, |t| {
            t.stage = Stage::Checking { command: check.command.clone() };
            if is_bad(check.verdict) {
                tail.clone_into(&mut t.tail);
            }
            t.check_results.push(check);
        });
    }

    fn round_failed(&mut self, task: &TaskId, round: Round, reason: &RoundReason) {
        self.with(task, |t| {
            t.stage = Stage::Between;
            t.round = round.next();
            round_tail(reason).clone_into(&mut t.tail);
        });
    }

    fn backing_off(&mut self, at: WallTime, task: &TaskId, failure: &Failure, until: WallTime) {
        self.with(task, |t| {
            t.close(at);
            t.tail.clone_from(&failure.tail);
            t.handing = None;
            t.stage = Stage::BackingOff { until };
        });
    }

    fn finish_task(&mut self, at: WallTime, task: &TaskId, outcome: &Outcome) {
        self.collides_no_more(task);
        let attempt = self.tasks.get(task).and_then(|task| task.attempt);
        if let (Outcome::Failed { .. }, Some(attempt)) = (outcome, attempt) {
            self.waste_attempt(task, attempt);
        }
        self.with(task, |t| {
            t.close(at);
            t.doing = None;
            t.handing.take_if(|_| !matches!(outcome, Outcome::Cancelled { why: CancelWhy::Budget, .. }));
            t.stage = Stage::Ended(match outcome {
                Outcome::Succeeded { facts, merged } => {
                    t.made(facts);
                    End::Succeeded { merged: merged.clone() }
                }
                Outcome::Failed { failure } => {
                    if !failure.tail.is_empty() {
                        t.tail.clone_from(&failure.tail);
                    }
                    End::Failed { failure: failure.clone() }
                }
                Outcome::Skipped { because } => End::Skipped { because: because.clone() },
                Outcome::Blocked { by } => End::Blocked { by: by.clone() },
                Outcome::Cancelled { why, by } => End::Cancelled { why: *why, by: by.clone() },
                Outcome::Conflict { files, branch } => End::Conflict { files: files.clone(), branch: branch.clone() },
            });
        });
    }

    /// Forgets worktrees that were kept and are not there any more.
    pub fn keeps_only(&mut self, is_there: impl Fn(&str) -> bool) {
        for task in self.tasks.values_mut() {
            task.kept.take_if(|path| !is_there(path));
        }
    }

    /// Nobody drives the run any more, and it has not ended.
    pub fn loses_its_engine(&mut self) {
        self.engine = Engine::Gone;
        self.nothing_goes_on();
    }

    fn nothing_goes_on(&mut self) {
        self.notes.retain(|(_, text)| !text.starts_with(CLEAN_UP));
    }

    fn end(&mut self, at: WallTime, outcome: RunOutcome) {
        self.nothing_goes_on();
        self.outcome = Some(outcome);
        self.closed = self.live(at);
        self.since = None;
        for task in self.tasks.values_mut() {
            task.close(at);
        }
    }
}

impl TaskReport {
    fn took(&mut self, snapshot: &Snapshot) {
        self.commit.clone_from(&snapshot.commit);
        self.counted(snapshot.files.iter().map(|file| (file.added, file.removed)));
    }

    fn made(&mut self, facts: &Facts) {
        self.commit = facts.commit.clone().or_else(|| self.commit.take());
        self.branch = facts.branch.clone().or_else(|| self.branch.take());
        self.counted(facts.files.iter().map(|file| (file.added, file.removed)));
        if !facts.checks.is_empty() {
            self.check_results = facts
                .checks
                .iter()
                .map(|check| CheckLine {
                    command: check.command.clone(),
                    verdict: check.verdict,
                    duration: check.duration,
                })
                .collect();
        }
        self.tail.clear();
    }

    fn counted(&mut self, files: impl Iterator<Item = (u32, u32)>) {
        (self.files, self.added, self.removed) = files.fold((0, 0, 0), |(files, added, removed), file| {
            (files + 1, added + u64::from(file.0), removed + u64::from(file.1))
        });
    }
}

pub(super) fn of_plan(task: &Task) -> TaskReport {
    TaskReport {
        title: task.title.clone(),
        worker: match &task.kind {
            TaskKind::Agent(work) => Worker::Agent { role: work.role.to_string(), agent: work.agent.to_string() },
            TaskKind::Command(command) => Worker::Command(command_text(command)),
            TaskKind::Gate(_) => Worker::Person,
            TaskKind::Each(_) | TaskKind::Mission(_) => Worker::Parts,
        },
        needs: task.needs.clone(),
        feeds: Vec::new(),
        estimate: task.estimate,
        rounds: task.rounds.get(),
        attempts: task.retry.max.saturating_add(1),
        importance: task.importance,
        checks: task.checks.iter().map(command_text).collect(),
        stage: Stage::Waiting,
        attempt: None,
        round: Round::FIRST,
        doing: None,
        spent: Spent::default(),
        files: 0,
        added: 0,
        removed: 0,
        commit: None::<CommitId>,
        branch: None,
        kept: None,
        goes_on: None,
        check_results: Vec::new(),
        tail: String::new(),
        problems: Vec::new(),
        gate: None,
        review: None,
        sent_back: None,
        cache: None,
        artifacts: Vec::new(),
        skills: skills::of_task(task),
        session: SessionKind::Work,
        handing: None,
        handoffs: Vec::new(),
        part_of: None,
        parts: Vec::new(),
        busy: Millis::ZERO,
        since: None,
    }
}
