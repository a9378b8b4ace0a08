//! What each session used: by task, role, agent, model and round, and which of it came to nothing.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::Serialize;

use crate::amount::{Spent, Usage};
use crate::kernel::event::{Ended, Event, SessionKind};
use crate::kernel::fact::EndKind;
use crate::name::{AgentName, Attempt, RoleName, Round, SessionNo, TaskId};
use crate::report::Report;
use crate::report::task::Worker;

/// A session, and what it used.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionUse {
    /// Of which task.
    pub task: TaskId,
    /// Of which attempt.
    pub attempt: Attempt,
    /// Of which round.
    pub round: Round,
    /// Which one of the attempt.
    pub session: SessionNo,
    /// What for.
    pub kind: SessionKind,
    /// In which role; `None` where that was not recorded.
    pub role: Option<RoleName>,
    /// By which agent; `None` where that was not recorded.
    pub agent: Option<AgentName>,
    /// The model that answered, else the one that was asked for; `None`: the agent's own, which it does not name.
    pub model: Option<String>,
    /// The version of the agent's program, where it said so.
    pub version: Option<String>,
    /// What it used.
    pub spent: Spent,
    /// Why it came to nothing, where it did.
    pub wasted: Option<Wasted>,
}

/// Why what a session used came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wasted {
    /// It was cut off, or died, before it was done.
    CutOff,
    /// Its round was not accepted.
    Round,
    /// Its attempt failed.
    Attempt,
}

impl Wasted {
    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::CutOff => "sessions cut off",
            Self::Round => "rounds given back",
            Self::Attempt => "failed attempts",
        }
    }
}

/// By what use is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The task.
    Task,
    /// The role.
    Role,
    /// The agent.
    Agent,
    /// The model.
    Model,
    /// The round.
    Round,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Task, Self::Role, Self::Agent, Self::Model, Self::Round];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Role => "role",
            Self::Agent => "agent",
            Self::Model => "model",
            Self::Round => "round",
        }
    }

    fn name(self, of: &SessionUse) -> Option<String> {
        match self {
            Self::Task => Some(of.task.to_string()),
            Self::Role => of.role.as_ref().map(ToString::to_string),
            Self::Agent => of.agent.as_ref().map(ToString::to_string),
            Self::Model => of.model.clone(),
            Self::Round => Some(of.round.to_string()),
        }
    }
}

/// What some sessions used together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Share {
    /// How many they are.
    pub sessions: usize,
    /// What they used.
    pub spent: Spent,
}

impl Share {
    fn take(&mut self, of: &SessionUse) {
        self.sessions += 1;
        self.spent.include(&of.spent);
    }
}

impl Report {
    /// What sessions used, by one of these, the most expensive first. `None` where it was not told.
    pub fn used_by(&self, by: By) -> Vec<(Option<String>, Share)> {
        let mut all: IndexMap<Option<String>, Share> = IndexMap::new();
        for session in &self.sessions {
            all.entry(by.name(session)).or_default().take(session);
        }
        let mut all: Vec<_> = all.into_iter().collect();
        if by == By::Round {
            all.sort_by_key(|(round, _)| round.as_ref().and_then(|round| round.parse::<u32>().ok()));
        } else {
            all.sort_by_key(|(_, share)| std::cmp::Reverse((share.spent.usd(), share.spent.tokens.billed())));
        }
        all
    }

    /// What came to nothing, by why.
    pub fn wasted(&self) -> Vec<(Wasted, Share)> {
        let of = |why: Wasted| {
            let mut share = Share::default();
            for session in self.sessions.iter().filter(|session| session.wasted == Some(why)) {
                share.take(session);
            }
            (why, share)
        };
        let all = [Wasted::Attempt, Wasted::Round, Wasted::CutOff].map(of);
        all.into_iter().filter(|(_, share)| share.sessions > 0).collect()
    }

    /// Notes a session that begins.
    pub(super) fn session_began(&mut self, begun: SessionUse) {
        let worker = self.tasks.get(&begun.task).map(|task| &task.worker);
        let (role, agent) = recorded(worker, begun.kind).unzip();
        self.sessions.push(SessionUse { role: begun.role.or(role), agent: begun.agent.or(agent), ..begun });
    }

    /// Notes what an event says of what sessions used, and of what it was good for.
    pub(super) fn meter(&mut self, event: &Event) {
        if let Event::Usage { task, attempt, session, usage } = event {
            self.used(task, (*attempt, *session), usage);
        } else if let Event::SessionEnded { task, attempt, session, end, .. } = event {
            self.used(task, (*attempt, *session), &end.usage);
            self.session(task, (*attempt, *session), |of| of.ended(end));
        } else if let Event::RoundFailed { task, attempt, round, .. } = event {
            self.waste(Wasted::Round, |of| (&of.task, of.attempt, of.round) == (task, *attempt, *round));
        } else if let Event::BackingOff { task, attempt, .. } = event {
            self.waste_attempt(task, *attempt);
        } else if let Event::SentBack { tasks, .. } = event {
            for task in tasks {
                let attempt = self.tasks.get(task).and_then(|task| task.attempt);
                self.waste(Wasted::Round, |of| of.task == *task && Some(of.attempt) == attempt);
            }
        }
    }

    /// The last attempt of a task failed.
    pub(super) fn waste_attempt(&mut self, task: &TaskId, attempt: Attempt) {
        self.waste(Wasted::Attempt, |of| of.task == *task && of.attempt == attempt);
    }

    /// What came to nothing before did so for the reason that was told first.
    fn waste(&mut self, why: Wasted, of: impl Fn(&SessionUse) -> bool) {
        for session in self.sessions.iter_mut().filter(|session| of(session)) {
            session.wasted.get_or_insert(why);
        }
    }

    fn session(&mut self, task: &TaskId, of: (Attempt, SessionNo), change: impl FnOnce(&mut SessionUse)) {
        let is = |session: &&mut SessionUse| session.task == *task && (session.attempt, session.session) == of;
        if let Some(session) = self.sessions.iter_mut().rev().find(is) {
            change(session);
        }
    }

    /// Whatever became of a command, it asked nobody for money: only sessions use anything.
    fn used(&mut self, task: &TaskId, of: (Attempt, SessionNo), usage: &Usage) {
        let mut before = None;
        self.session(task, of, |session| {
            before = Some(session.spent);
            session.spent.take(usage);
        });
        if let Some(before) = before {
            self.spent.add_within(&before, usage);
            self.with(task, |t| t.spent.add_within(&before, usage));
        }
    }
}

impl Report {
    /// The programs that sessions ran, as they named their versions: each once, with its agent.
    pub fn programs(&self) -> BTreeSet<(&AgentName, &str)> {
        self.sessions
            .iter()
            .filter_map(|session| Some((session.agent.as_ref()?, session.version.as_deref()?)))
            .collect()
    }
}

impl SessionUse {
    fn ended(&mut self, end: &Ended) {
        if end.model.is_some() {
            self.model.clone_from(&end.model);
        }
        if end.version.is_some() {
            self.version.clone_from(&end.version);
        }
        let cut_off = matches!(end.how, EndKind::Stopped { .. } | EndKind::Lost { .. });
        self.wasted = cut_off.then_some(Wasted::CutOff);
    }
}

/// Who works at a task, where the session itself does not say.
fn recorded(worker: Option<&Worker>, kind: SessionKind) -> Option<(RoleName, AgentName)> {
    match (worker?, kind) {
        (Worker::Agent { role, agent }, SessionKind::Work) => {
            Some((RoleName::parse(role).ok()?, AgentName::parse(agent).ok()?))
        }
        (Worker::Agent { .. }, SessionKind::Review) | (Worker::Command(_) | Worker::Person | Worker::Parts, _) => None,
    }
}
