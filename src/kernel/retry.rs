//! What a failed attempt leads to: another one after a wait, or the end of the task.

use crate::amount::Millis;
use crate::kernel::event::{Event, Failure, FailureClass, Outcome};
use crate::kernel::graph::TaskNo;
use crate::kernel::step::Turn;
use crate::name::{Attempt, RunId, TaskId};
use crate::plan::TaskKind;

/// The longest wait before another attempt.
pub(crate) const LONGEST: Millis = Millis::from_mins(5);

/// Whether trying again may help.
fn may_help(class: FailureClass) -> bool {
    match class {
        FailureClass::Exit
        | FailureClass::Crashed
        | FailureClass::TimedOut
        | FailureClass::Stalled
        | FailureClass::Transient
        | FailureClass::Limited
        | FailureClass::OutOfTurns
        | FailureClass::OutOfRounds
        | FailureClass::Workspace
        | FailureClass::MergeCheck
        | FailureClass::Engine => true,
        FailureClass::Refused
        | FailureClass::OutOfBudget
        | FailureClass::Misconfigured
        | FailureClass::Rejected
        | FailureClass::SentBackTooOften
        | FailureClass::Expression
        | FailureClass::Parts => false,
    }
}

/// The wait after the `failed`-th failure: it doubles up to five minutes; a quarter less or more, so that tasks that
/// failed together do not come back together. The same run, task and attempt always wait the same.
pub(crate) fn wait(backoff: Millis, failed: u32, run: &RunId, task: &TaskId, attempt: Attempt) -> Millis {
    jittered(backoff, failed, &[run.as_str(), task.as_str(), &attempt.to_string()]).min(LONGEST)
}

/// A wait after so many before it, a quarter less or more; the same for the same seed.
pub(crate) fn jittered(first: Millis, before: u32, seed: &[&str]) -> Millis {
    let percent = 75 + hash(seed) % 51;
    let jittered = u128::from(doubled(first, before).0) * u128::from(percent) / 100;
    Millis(u64::try_from(jittered).unwrap_or(u64::MAX))
}

/// A wait that doubles each time.
pub(crate) fn doubled(first: Millis, before: u32) -> Millis {
    Millis(first.0.saturating_mul(1_u64.checked_shl(before.min(32)).unwrap_or(u64::MAX)))
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
        let (max, backoff) = (self.task(t).retry.max, self.task(t).retry.backoff);
        let record = self.run.state.task(t);
        let retries = record.past.as_ref().map_or(0, |past| past.retries);
        let Some(attempt) = record.attempt() else { return };
        self.run.inflight.jobs.remove(&t);
        self.run.inflight.clear_deadline(t);
        if self.fails_cancelled(t) {
            return;
        }
        if may_help(failure.class) && retries < max && !self.run.state.exceeded && !self.is_clean_up(t) {
            let wait = wait(backoff, retries, &self.run.id, &task, attempt);
            let until = self.now.wall.plus(wait);
            self.emit(Event::BackingOff { task, attempt, failure, until });
            self.run.inflight.backing_off.insert((self.now.mono + wait, t));
        } else if failure.class == FailureClass::Exit && !self.task(t).rework.is_empty() {
            let reason = self.in_full(t, &failure);
            self.send_back_or(t, &reason, failure);
        } else {
            self.emit(Event::TaskFinished { task, outcome: Outcome::Failed { failure } });
        }
    }

    /// How a command failed, for those that are to mend it.
    fn in_full(&self, t: TaskNo, failure: &Failure) -> String {
        let command = match &self.task(t).kind {
            TaskKind::Command(line) => {
                self.final_command(t, line).map(|argv| format!("`{argv}`: ")).unwrap_or_default()
            }
            TaskKind::Agent(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => String::new(),
        };
        let Failure { message, tail, .. } = failure;
        if tail.is_empty() { format!("{command}{message}") } else { format!("{command}{message}\n{tail}") }
    }

    /// The model of the sessions that do the work: after a failure another, where the author asks for it.
    pub(crate) fn work_model(&self, t: TaskNo) -> Option<String> {
        let task = self.task(t);
        let TaskKind::Agent(work) = &task.kind else { return None };
        let failed = self.run.state.task(t).past.as_ref().is_some_and(|past| past.retries > 0);
        let Some(asked) = task.retry.model.as_ref().filter(|_| failed) else { return work.model.clone() };
        let known = self.run.plan.agents.get(&work.agent).and_then(|agent| agent.models.get(asked)).cloned();
        let is_word = crate::mission::backend::MODEL_WORDS.contains(&asked.as_str());
        known.or_else(|| if is_word { work.model.clone() } else { Some(asked.clone()) })
    }

    /// What is configured cannot work: trying again would change nothing.
    pub(crate) fn misconfigured(&mut self, t: TaskNo, message: String) {
        self.fail(t, Failure { class: FailureClass::Misconfigured, message, tail: String::new() });
    }
}
