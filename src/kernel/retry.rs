//! What a failed attempt leads to: another one after a wait, or the end of the task.

use crate::amount::Millis;
use crate::kernel::event::{Event, Failure, FailureClass, Outcome};
use crate::kernel::graph::TaskNo;
use crate::kernel::step::Turn;
use crate::name::{Attempt, RunId, TaskId};

/// The longest wait before another attempt.
const LONGEST: Millis = Millis::from_mins(5);

/// Whether trying again may help.
fn may_help(class: FailureClass) -> bool {
    match class {
        FailureClass::Exit
        | FailureClass::Crashed
        | FailureClass::TimedOut
        | FailureClass::Stalled
        | FailureClass::OutOfRounds
        | FailureClass::Workspace
        | FailureClass::MergeCheck
        | FailureClass::Engine => true,
        FailureClass::Refused | FailureClass::OutOfBudget | FailureClass::Misconfigured => false,
    }
}

/// The wait after the `failed`-th failure: it doubles up to five minutes; a quarter less or more, so that tasks that
/// failed together do not come back together. The same run, task and attempt always wait the same.
pub(crate) fn wait(backoff: Millis, failed: u32, run: &RunId, task: &TaskId, attempt: Attempt) -> Millis {
    let doubled = backoff.0.saturating_mul(1_u64.checked_shl(failed.min(32)).unwrap_or(u64::MAX));
    let percent = 75 + hash(&[run.as_str(), task.as_str(), &attempt.to_string()]) % 51;
    let jittered = u128::from(doubled) * u128::from(percent) / 100;
    Millis(u64::try_from(jittered).unwrap_or(u64::MAX)).min(LONGEST)
}

/// FNV-1a: small, and the same on every machine.
fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Turn<'_> {
    /// An attempt failed.
    pub(crate) fn fail(&mut self, t: TaskNo, failure: Failure) {
        let task = self.id(t);
        let retry = self.task(t).retry;
        let record = self.run.state.task(t);
        let retries = record.past.as_ref().map_or(0, |past| past.retries);
        let Some(attempt) = record.attempt() else { return };
        self.run.inflight.jobs.remove(&t);
        self.run.inflight.clear_deadline(t);
        if may_help(failure.class) && retries < retry.max && !self.run.state.exceeded {
            let wait = wait(retry.backoff, retries, &self.run.id, &task, attempt);
            let until = self.now.wall.plus(wait);
            self.emit(Event::BackingOff { task, attempt, failure, until });
            self.run.inflight.backing_off.insert((self.now.mono + wait, t));
        } else {
            self.emit(Event::TaskFinished { task, outcome: Outcome::Failed { failure } });
        }
    }

    /// What is configured cannot work: trying again would change nothing.
    pub(crate) fn misconfigured(&mut self, t: TaskNo, message: String) {
        self.fail(t, Failure { class: FailureClass::Misconfigured, message, tail: String::new() });
    }
}
