//! The life of an attempt: workspace, setup, session or command, snapshot. Facts only say what came of the last effect;
//! what follows is decided by [`Turn::go_on`] from the state alone, so that a resume goes on in the same way.

use std::path::PathBuf;

use crate::amount::{Ceiling, Cost, Spent, Usage};
use crate::handoff::CheckVerdict;
use crate::kernel::effect::{Effect, StartSession};
use crate::kernel::event::{Event, Failure, FailureClass, NoteAbout, SessionKind, SkillUse};
use crate::kernel::fact::{Activity, Snapshot, WorkEnd, WorkKey, WorkspaceMade};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::Job;
use crate::kernel::ledger::Grant;
use crate::kernel::state::{Phase, Running};
use crate::kernel::step::{CommandEnded, Turn};
use crate::kernel::texts;
use crate::mission::model::{TaskWorkspace, WorkspaceMode};
use crate::name::{Attempt, Round, SessionNo, SkillName, TaskId};
use crate::plan::TaskKind;

impl Turn<'_> {
    /// Does what comes next for a task's attempt, if nothing of it is under way.
    pub(crate) fn go_on(&mut self, t: TaskNo) {
        if self.run.inflight.jobs.contains_key(&t) {
            return;
        }
        if self.is_gate(t) {
            return self.gate_on(t);
        }
        if self.ends_cancelled(t) || self.hands_on(t) {
            return;
        }
        let Some(running) = self.running(t) else { return };
        let (attempt, from) = (running.attempt, running.from.clone());
        match running.phase {
            Phase::Preparing if self.may_work_on(t) => {
                let task = self.id(t);
                self.begin_job(t, Job::Workspace);
                self.ask(Effect::PrepareWorkspace { task, attempt, from });
            }
            Phase::SettingUp(index) if self.may_work_on(t) => self.set_up(t, attempt, index),
            Phase::Starting if self.may_work_on(t) => self.start_work(t),
            Phase::Ended if self.lives(t) && self.is_recorded(t) => {
                let (task, session) = (self.id(t), running_session(self.running(t)));
                let since = self.work_before(t).map(|work| work.commit.clone());
                self.begin_job(t, Job::Snapshot);
                self.ask(Effect::Snapshot { task, attempt, session, since });
            }
            Phase::Ended | Phase::Snapshotted if self.lives(t) => self.judge(t),
            Phase::Checking(index) if self.lives(t) => self.go_on_checking(t, index),
            Phase::Reviewing if self.lives(t) => self.review_on(t),
            Phase::Merged(_) => self.succeed(t),
            Phase::Reworking | Phase::Resting(_) => {
                let rank = self.run.graph.rank(t);
                self.run.inflight.ready.offer(rank);
            }
            Phase::Preparing
            | Phase::SettingUp(_)
            | Phase::Starting
            | Phase::Working
            | Phase::Ended
            | Phase::Snapshotted
            | Phase::Checking(_)
            | Phase::Reviewing
            | Phase::Queued { .. }
            | Phase::Merging { .. } => {}
        }
    }

    /// Whether its work is made a commit: not in a workspace that is thrown away, and not without git.
    pub(crate) fn is_recorded(&self, t: TaskNo) -> bool {
        self.run.plan.workspace.mode == WorkspaceMode::Worktree && self.task(t).workspace != TaskWorkspace::ReadOnly
    }

    pub(crate) fn workspace_ready(&mut self, task: TaskId, attempt: Attempt, workspace: WorkspaceMade) {
        let Some(t) = self.answered(&task, attempt, Job::Workspace) else { return };
        let notes = workspace.notes.clone();
        self.emit(Event::WorkspaceReady { task, attempt, workspace });
        for text in notes {
            self.note(t, text);
        }
    }

    /// True where the engine itself could not go on: what failed with it is no failure of the task, and is done again.
    pub(crate) fn waits_for_resume(&self, t: TaskNo) -> bool {
        self.run.state.fault.is_some() && !self.lives(t)
    }

    pub(crate) fn workspace_failed(&mut self, task: &TaskId, attempt: Attempt, why: &str) {
        let Some(t) = self.answered(task, attempt, Job::Workspace) else { return };
        if self.waits_for_resume(t) {
            return;
        }
        let message = format!("its workspace could not be made: {why}");
        self.fail(t, Failure { class: FailureClass::Workspace, message, tail: String::new() });
    }

    fn set_up(&mut self, t: TaskNo, attempt: Attempt, index: usize) {
        let task = self.id(t);
        if index >= self.run.plan.workspace.setup.len() || self.goes_on_in_worktree(t) {
            return self.start_work(t);
        }
        if self.checks_are_run() {
            self.begin_job(t, Job::Setup);
            self.ask(Effect::Setup { task, attempt, index });
        } else {
            let (verdict, duration) = (CheckVerdict::NotRun, crate::amount::Millis::ZERO);
            self.emit(Event::SetupFinished { task, attempt, index, verdict, duration, tail: String::new() });
            self.look_at(t);
        }
    }

    /// A worktree taken over from the task before was set up for that one.
    fn goes_on_in_worktree(&self, t: TaskNo) -> bool {
        self.running(t).is_some_and(|running| matches!(running.from, crate::kernel::event::WorkspaceFrom::With { .. }))
    }

    pub(crate) fn setup_ended(&mut self, task: TaskId, attempt: Attempt, ended: CommandEnded) {
        let expected = self.current(&task, attempt).map(|(_, running)| running.phase.clone());
        if expected != Some(Phase::SettingUp(ended.index)) {
            return;
        }
        let Some(t) = self.answered(&task, attempt, Job::Setup) else { return };
        let CommandEnded { index, verdict, duration, tail, .. } = ended;
        self.emit(Event::SetupFinished { task, attempt, index, verdict, duration, tail: tail.clone() });
        if !texts::passes(verdict) {
            let command = self.run.plan.workspace.setup.get(index).map(texts::command_line).unwrap_or_default();
            let message = format!("setup `{command}` {}", texts::verdict(verdict));
            self.fail(t, Failure { class: FailureClass::Workspace, message, tail });
        }
    }

    /// Starts the session or the command of the present round.
    fn start_work(&mut self, t: TaskNo) {
        if self.looks_up(t) || self.rests(t, SessionKind::Work) {
            return;
        }
        let grant = match self.run.spent_pot(t).filter(|_| !self.is_agent(t)) {
            Some(group) if self.run.is_out_of_time(group) => Grant::GroupSpent(group),
            Some(_) | None if !self.is_agent(t) => Grant::Granted(Ceiling::NONE),
            Some(_) | None => self.grant(t, SessionKind::Work),
        };
        let cap = match grant {
            Grant::Granted(cap) => cap,
            Grant::Unbound => {
                let message = self.run.why_unbound(t, SessionKind::Work);
                return self.fail(t, Failure { class: FailureClass::OutOfBudget, message, tail: String::new() });
            }
            Grant::TaskSpent => {
                let message = "its own budget is used up".to_owned();
                return self.fail(t, Failure { class: FailureClass::OutOfBudget, message, tail: String::new() });
            }
            Grant::GroupSpent(group) => {
                let message = format!("the budget of `{}` is used up", self.id(group));
                return self.fail(t, Failure { class: FailureClass::OutOfBudget, message, tail: String::new() });
            }
            Grant::Short => {
                self.run.inflight.unfunded.insert(t);
                return;
            }
        };
        self.run.inflight.unfunded.remove(&t);
        if self.is_agent(t) { self.start_session(t, cap) } else { self.start_command(t) }
    }

    /// Lets one task that waited for money try again.
    pub(crate) fn fund_next(&mut self) -> bool {
        let may = |t: &&TaskNo| self.may_work_on(**t) && self.run.could_fund(**t);
        let Some(t) = self.run.inflight.unfunded.iter().find(may).copied() else { return false };
        self.run.inflight.unfunded.remove(&t);
        self.look_at(t);
        true
    }

    fn start_session(&mut self, t: TaskNo, reserved: Ceiling) {
        let prompt = match self.prompt(t) {
            Ok(prompt) => prompt,
            Err(why) => return self.misconfigured(t, why),
        };
        let Some(running) = self.running(t) else { return };
        let (attempt, round, session) = (running.attempt, running.round, next_session(running));
        let conversation = running.conversation.clone();
        let counted = counted(&running.counted);
        let path = self.work_path(t);
        let model = self.work_model(t);
        let (role, agent) =
            self.run.who(t, SessionKind::Work).map(|(role, agent)| (role.clone(), agent.clone())).unzip();
        let task = self.id(t);
        let key = WorkKey { task: task.clone(), attempt, round, session };
        self.emit(Event::SessionStarted {
            task,
            attempt,
            round,
            session,
            prompt: prompt.clone(),
            conversation: conversation.clone(),
            reserved,
            kind: SessionKind::Work,
            role,
            agent,
            model: model.clone(),
        });
        self.begin_job(t, Job::Work);
        self.set_round_deadline(t);
        self.ask(Effect::StartSession(Box::new(StartSession {
            key,
            kind: SessionKind::Work,
            model,
            prompt,
            conversation,
            counted,
            path,
            cap: reserved,
        })));
    }

    fn start_command(&mut self, t: TaskNo) {
        let Some(running) = self.running(t) else { return };
        let (attempt, round, session) = (running.attempt, running.round, next_session(running));
        let task = self.id(t);
        self.emit(Event::CommandStarted { task, attempt, round, session });
        self.begin_job(t, Job::Work);
        self.set_round_deadline(t);
        match self.command_effect(t) {
            Ok(effect) => self.ask(effect),
            Err(why) => self.misconfigured(t, why),
        }
    }

    /// What starts the command of the present round.
    pub(crate) fn command_effect(&self, t: TaskNo) -> Result<Effect, String> {
        let TaskKind::Command(line) = &self.task(t).kind else { return Err("it is no command".to_owned()) };
        let key = self.work_key(t).ok_or_else(|| "it is not running".to_owned())?;
        let command = self.final_command(t, line)?;
        Ok(Effect::StartCommand { key, command, path: self.work_path(t) })
    }

    pub(crate) fn work_path(&self, t: TaskNo) -> PathBuf {
        let made = self.running(t).and_then(|running| running.workspace.as_ref());
        made.map_or_else(|| self.run.place.directory.clone(), |made| made.path.clone())
    }

    /// Which process of a task is the last one begun.
    pub(crate) fn work_key(&self, t: TaskNo) -> Option<WorkKey> {
        let running = self.running(t)?;
        let session = running.session?;
        Some(WorkKey { task: self.id(t), attempt: running.attempt, round: running.round, session })
    }

    pub(crate) fn conversation(&mut self, key: &WorkKey, conversation: String) {
        let Some(t) = self.current_work(key) else { return };
        let known = self.running(t).and_then(|running| match running.kind {
            SessionKind::Work => running.conversation.as_ref(),
            SessionKind::Review => running.review.as_ref()?.conversation.as_ref(),
        });
        if known != Some(&conversation) {
            let (task, attempt) = (key.task.clone(), key.attempt);
            self.emit(Event::ConversationNamed { task, attempt, conversation });
        }
    }

    pub(crate) fn progress(&mut self, key: &WorkKey, text: String) {
        if self.current_work(key).is_some() {
            self.emit(Event::Progress { task: key.task.clone(), attempt: key.attempt, text });
        }
    }

    pub(crate) fn skill_used(&mut self, key: &WorkKey, skill: SkillName, how: SkillUse) {
        if self.current_work(key).is_some() {
            let (task, attempt, session) = (key.task.clone(), key.attempt, key.session);
            self.emit(Event::SkillUsed { task, attempt, session, skill, how });
        }
    }

    pub(crate) fn work_ended(&mut self, key: &WorkKey, mut end: WorkEnd) {
        let Some(t) = self.current_work(key) else { return };
        self.run.inflight.jobs.remove(&t);
        self.run.inflight.clear_deadline(t);
        if let Some(conversation) = end.conversation.take() {
            self.conversation(key, conversation);
        }
        if end.activity == Activity::NoTool && !self.is_reviewing(t) {
            self.run.inflight.idle_sessions.insert(t);
        }
        if self.ends_leanly(t, &end) {
            return self.succeed_leanly(t, &end);
        }
        let ended = self.read_end(t, end);
        let was_handed_on = self.is_handed_on(t);
        let WorkKey { task, attempt, round, session } = key.clone();
        self.emit(Event::SessionEnded { task, attempt, round, session, end: Box::new(ended) });
        if was_handed_on && !self.is_handed_on(t) {
            let text = "it came to its own end before it was stopped: it is not handed off".to_owned();
            let about = Some(NoteAbout::HandOffRefused);
            self.emit(Event::Note { task: Some(self.id(t)), text, about });
        }
        self.set_group_deadlines(t);
        if self.is_session(t) {
            self.watch_pots(t);
            self.watch_budget();
        }
        self.look_at(t);
    }

    pub(crate) fn snapshotted(&mut self, task: TaskId, attempt: Attempt, snapshot: Snapshot) {
        let Some(t) = self.answered(&task, attempt, Job::Snapshot) else { return };
        let unchanged = snapshot.files.is_empty();
        let notes = snapshot.notes.clone();
        self.emit(Event::Snapshot { task, attempt, snapshot });
        for text in notes {
            self.note(t, text);
        }
        let idle = self.run.inflight.idle_sessions.remove(&t);
        if idle && unchanged && self.is_agent(t) && crate::kernel::graph::writes(self.task(t)) {
            self.note(t, "the session changed nothing and called no tool, though it may edit".to_owned());
        }
    }

    pub(crate) fn snapshot_failed(&mut self, task: &TaskId, attempt: Attempt, why: &str) {
        let Some(t) = self.answered(task, attempt, Job::Snapshot) else { return };
        if self.waits_for_resume(t) {
            return;
        }
        let message = format!("its work could not be recorded as a commit: {why}");
        self.fail(t, Failure { class: FailureClass::Engine, message, tail: String::new() });
    }

    pub(crate) fn workspace_closed(&mut self, task: TaskId, attempt: Attempt, kept: Option<PathBuf>) {
        let Some(t) = self.find(&task) else { return };
        if self.run.inflight.closing.remove(&(t, attempt)) {
            self.emit(Event::WorkspaceClosed { task, attempt, kept });
        }
    }
}

/// What a conversation has used so far, as it is told to those who count on from there.
pub(crate) fn counted(used: &Spent) -> Usage {
    Usage { tokens: Some(used.tokens), cost: Cost::Reported(used.usd()) }
}

/// The number of the process that starts next within the attempt.
pub(crate) fn next_session(running: &Running) -> SessionNo {
    running.session.map_or(SessionNo::FIRST, SessionNo::next)
}

pub(crate) fn running_session(running: Option<&Running>) -> SessionNo {
    running.and_then(|running| running.session).unwrap_or(SessionNo::FIRST)
}

/// The round after this one, where the task has one left.
pub(crate) fn round_after(round: Round, most: std::num::NonZeroU32) -> Option<Round> {
    (round.get() < most.get()).then(|| round.next())
}
