//! Exit codes: what scripts may rely on. Only ever add.

use std::process::ExitCode;

use crate::kernel::event::RunOutcome;
use crate::kernel::fact::StopCause;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All succeeded; or the person said no.
    Success,
    /// The run ended and a task failed.
    Failed,
    /// Usage, invalid file, a prompt needed without a terminal.
    Usage,
    /// Waits for a person.
    Waiting,
    /// A budget is used up; can be resumed.
    OutOfBudget,
    /// The environment: git, agent program, disk.
    Environment,
    /// Another run holds the lock.
    Locked,
    /// Conflicts left to a person.
    Conflict,
    /// Our fault.
    Internal,
    /// Hung up.
    HungUp,
    /// Interrupted, or aborted from elsewhere.
    Interrupted,
    /// Terminated.
    Terminated,
}

impl Exit {
    /// The one with this number.
    pub fn of_code(code: i32) -> Option<Self> {
        let all = [
            Self::Success,
            Self::Failed,
            Self::Usage,
            Self::Waiting,
            Self::OutOfBudget,
            Self::Environment,
            Self::Locked,
            Self::Conflict,
            Self::Internal,
            Self::HungUp,
            Self::Interrupted,
            Self::Terminated,
        ];
        all.into_iter().find(|exit| i32::from(exit.code()) == code)
    }

    /// As a number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Waiting => 3,
            Self::OutOfBudget => 4,
            Self::Environment => 5,
            Self::Locked => 6,
            Self::Conflict => 7,
            Self::Internal => 70,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<RunOutcome> for Exit {
    /// A full disk, which is [`Exit::Environment`], is told apart by the driver.
    fn from(outcome: RunOutcome) -> Self {
        match outcome {
            RunOutcome::EngineFault => Self::Internal,
            RunOutcome::Stopped { cause } => match cause {
                StopCause::Interrupted | StopCause::Aborted => Self::Interrupted,
                StopCause::Terminated => Self::Terminated,
                StopCause::HungUp => Self::HungUp,
            },
            RunOutcome::Failed | RunOutcome::Cancelled => Self::Failed,
            RunOutcome::Conflict => Self::Conflict,
            RunOutcome::OutOfBudget => Self::OutOfBudget,
            RunOutcome::Waiting | RunOutcome::Paused => Self::Waiting,
            RunOutcome::Succeeded => Self::Success,
        }
    }
}
