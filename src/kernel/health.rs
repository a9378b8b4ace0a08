//! How agents fare, as far as their sessions tell: which are limited, which falter, which are taken out for a while.
//!
//! What is known of an agent is shared by all its sessions. A limit, and a service that fails for a moment, cost no
//! attempt: its sessions wait. An agent whose sessions fail in a row for reasons of its own is taken out, and is tried
//! again with one session.

use crate::amount::{Millis, WallTime};
use crate::kernel::event::LimitBy;
use crate::kernel::fact::{EndKind, Fault, Reset, StopWhy};
use crate::kernel::graph::TaskNo;
use crate::name::{Attempt, TaskId};

/// So many failures in a row take an agent out.
pub(crate) const TOO_MANY: u32 = 3;

/// So often in a row a session goes on after a failure of the service, before its attempt has failed.
pub(crate) const FALTERS: u32 = 3;

/// How an agent fares. One that fares well, and of which nothing is to be remembered, has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Health {
    pub(crate) standing: Standing,
    /// Why it stands so.
    pub(crate) why: String,
    /// Limits in a row.
    pub(crate) limits: u32,
    /// Failures of its service in a row.
    pub(crate) falters: u32,
    /// Failures in a row for its own reasons.
    pub(crate) failures: u32,
    /// Those of them, the last ones, after which trying again changes nothing.
    pub(crate) misconfigured: u32,
    /// How often in a row it was taken out.
    pub(crate) suspensions: u32,
    /// What a session's end told, and nothing was made of yet.
    pub(crate) open: Option<Told>,
}

/// Where an agent stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Standing {
    /// Its sessions may begin.
    #[default]
    Well,
    /// None begins until then.
    Waits(Wait),
    /// It is taken out until then.
    Suspended(Wait),
    /// It is taken out until somebody tries again.
    Out,
    /// One session may: this task's, once one was chosen.
    Tried { by: Option<TaskNo> },
}

/// A wait that lasts over restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) until: WallTime,
    /// How long it was when it was told: a clock that is set back makes no wait longer.
    pub(crate) length: Millis,
    pub(crate) by: LimitBy,
}

/// What the end of a session told of its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) task: TaskId,
    pub(crate) attempt: Attempt,
    pub(crate) at: WallTime,
    pub(crate) what: What,
    pub(crate) why: String,
}

/// What that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It works.
    Works,
    /// Its limit is reached.
    Limited(Reset),
    /// Its service failed.
    Faltered,
    /// It failed otherwise, for reasons of its own.
    Failed,
    /// As things are it cannot work.
    Misconfigured,
}

/// What an end says of the agent; nothing where it was stopped, or lost with its host.
pub(crate) fn told_by(how: &EndKind) -> Option<(What, String)> {
    let failed = |why: String| Some((What::Failed, why));
    match how {
        EndKind::Completed | EndKind::Refused { .. } | EndKind::Stopped { why: StopWhy::Timeout } => {
            Some((What::Works, String::new()))
        }
        EndKind::Exited { code } => failed(format!("its program exited with {code}")),
        EndKind::Signalled { signal } => failed(format!("its program was ended by signal {signal}")),
        EndKind::Stopped { why: StopWhy::Idle } => failed("it gave no sign of life".to_owned()),
        EndKind::NotStarted { why } => Some((What::Misconfigured, format!("it could not be started: {why}"))),
        EndKind::Failed { fault, why } => Some(match fault {
            Fault::Transient => (What::Faltered, why.clone()),
            Fault::Limited { reset } => (What::Limited(*reset), why.clone()),
            Fault::Misconfigured => (What::Misconfigured, why.clone()),
            Fault::OutOfBudget | Fault::OutOfTurns | Fault::OutOfContext => (What::Works, String::new()),
        }),
        EndKind::Stopped { why: StopWhy::Interrupt | StopWhy::Cancelled | StopWhy::Budget | StopWhy::HandOff }
        | EndKind::Lost { .. } => None,
    }
}

impl Health {
    /// Takes in what a session's end told.
    pub(crate) fn hear(&mut self, told: Told) {
        let taken_out = matches!(self.standing, Standing::Suspended(_) | Standing::Out);
        match told.what {
            What::Works => {
                let waits = matches!(self.standing, Standing::Waits(_));
                let (limits, falters) = if waits { (self.limits, self.falters) } else { (0, 0) };
                (self.failures, self.misconfigured) = (0, 0);
                (self.limits, self.falters) = (limits, falters);
                match self.standing {
                    Standing::Suspended(_) | Standing::Out | Standing::Tried { .. } => self.open = Some(told),
                    Standing::Well | Standing::Waits(_) => self.suspensions = 0,
                }
            }
            What::Limited(_) => self.open = Some(told),
            What::Faltered => {
                self.failures = self.failures.saturating_add(1);
                self.misconfigured = 0;
                self.open = Some(told).filter(|_| !taken_out);
            }
            What::Failed | What::Misconfigured => {
                self.failures = self.failures.saturating_add(1);
                let more = self.misconfigured.saturating_add(1);
                self.misconfigured = if told.what == What::Misconfigured { more } else { 0 };
                let too_many = self.failures >= TOO_MANY && !taken_out;
                self.open = Some(told).filter(|_| too_many);
            }
        }
    }

    /// True where nothing is to be remembered of it.
    pub(crate) fn is_nothing(&self) -> bool {
        let Self { standing, why: _, limits, falters, failures, misconfigured, suspensions, open } = self;
        *standing == Standing::Well
            && [limits, falters, failures, misconfigured, suspensions].iter().all(|count| **count == 0)
            && open.is_none()
    }

    /// The wait that it is in.
    pub(crate) fn wait(&self) -> Option<&Wait> {
        match &self.standing {
            Standing::Waits(wait) | Standing::Suspended(wait) => Some(wait),
            Standing::Well | Standing::Out | Standing::Tried { .. } => None,
        }
    }

    /// Whether a session of this task may begin.
    pub(crate) fn lets(&self, t: TaskNo) -> bool {
        match &self.standing {
            Standing::Well => true,
            Standing::Tried { by } => by.is_none_or(|by| by == t),
            Standing::Waits(_) | Standing::Suspended(_) | Standing::Out => false,
        }
    }

    /// Moments go with the clock.
    pub(crate) fn shift_clock(&mut self, by: i64) {
        match &mut self.standing {
            Standing::Waits(wait) | Standing::Suspended(wait) => *wait = wait.shifted(by),
            Standing::Well | Standing::Out | Standing::Tried { .. } => {}
        }
        if let Some(told) = &mut self.open {
            told.at = told.at.shifted(by);
        }
    }

    /// Somebody tries again what was taken out.
    pub(crate) fn try_again(&mut self) {
        if matches!(self.standing, Standing::Suspended(_) | Standing::Out) {
            self.standing = Standing::Tried { by: None };
        }
    }
}

impl Wait {
    /// The same wait on a clock that was set. A moment that the service named stays where it is.
    pub(crate) fn shifted(self, by: i64) -> Self {
        match self.by {
            LimitBy::Wait | LimitBy::BackOff => Self { until: self.until.shifted(by), ..self },
            LimitBy::Moment => self,
        }
    }

    /// What is left of it.
    pub(crate) fn left(&self, now: WallTime) -> Millis {
        self.until.since(now).min(self.length)
    }
}
