//! The runs whose leftovers are looked at, and how they stand.

use std::collections::BTreeMap;

use crate::amount::WallTime;
use crate::journal::JournalError;
use crate::journal::runs::{Runs, Standing};
use crate::kernel::event::RunOutcome;
use crate::name::RunId;
use crate::workspace::cleanup::{CleanupAsk, Ground, Scope, Verdict};

/// How a run stands, for those who clean up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A process drives it.
    Live(u32),
    /// It can go on.
    CanGoOn(&'static str),
    /// It is over.
    Over(&'static str),
    /// Its folder is gone.
    Gone,
}

impl State {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Live(pid) => format!("live (process {pid})"),
            Self::CanGoOn(words) | Self::Over(words) => (*words).to_owned(),
            Self::Gone => "its folder is gone".to_owned(),
        }
    }

    pub(super) fn of(standing: &Standing) -> Self {
        match standing {
            Standing::Running(holder) => Self::Live(holder.pid),
            Standing::Interrupted => Self::CanGoOn("interrupted"),
            Standing::Ended(RunOutcome::Succeeded) => Self::Over("succeeded"),
            Standing::Ended(RunOutcome::Failed) => Self::Over("failed"),
            Standing::Ended(RunOutcome::Conflict) => Self::Over("ended with conflicts"),
            Standing::Ended(RunOutcome::Cancelled) => Self::Over("ended, with a task cancelled"),
            Standing::Ended(RunOutcome::Paused) => Self::CanGoOn("paused"),
            Standing::Ended(RunOutcome::Stopped { .. }) => Self::CanGoOn("stopped"),
            Standing::Ended(RunOutcome::OutOfBudget) => Self::CanGoOn("stopped: out of budget"),
            Standing::Ended(RunOutcome::Waiting) => Self::CanGoOn("waits for a person"),
            Standing::Ended(RunOutcome::EngineFault) => Self::CanGoOn("stopped: the engine could not go on"),
        }
    }
}

/// All runs that something is left of.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    of: BTreeMap<RunId, (State, WallTime)>,
    /// The latest first.
    order: Vec<RunId>,
}

impl Known {
    pub(super) fn read(ground: Ground<'_>) -> Result<Self, JournalError> {
        let mut known = Self::default();
        for entry in Runs::at(ground.store).list()? {
            let ended = entry.note.as_ref().and_then(|note| note.ended).map(|(at, _)| at);
            known.order.push(entry.id.clone());
            known.of.insert(entry.id, (State::of(&entry.standing), ended.unwrap_or(entry.started)));
        }
        Ok(known)
    }

    pub(super) fn state(&self, run: &RunId) -> State {
        self.of.get(run).map_or(State::Gone, |(state, _)| state.clone())
    }

    pub(super) fn used(&self, run: &RunId) -> Option<WallTime> {
        self.of.get(run).map(|(_, used)| *used)
    }

    /// Those whose folder is there, the latest first.
    pub(super) fn ids(&self) -> &[RunId] {
        &self.order
    }

    /// Its place among all, the latest first; those without a folder come last.
    pub(super) fn rank(&self, run: &RunId) -> usize {
        self.order.iter().position(|id| id == run).unwrap_or(usize::MAX)
    }

    /// Why nothing of this run goes, if so.
    pub(super) fn holds(&self, run: &RunId, ask: &CleanupAsk) -> Option<Verdict> {
        match (self.state(run), &ask.scope) {
            (State::Live(pid), _) => {
                let why = format!("run {run} is live (process {pid})");
                return Some(Verdict::stays(why, format!("ai-sdlc run abort {run}")));
            }
            (State::CanGoOn(words), Scope::Over) => {
                let why = format!("run {run} can go on ({words})");
                return Some(Verdict::stays(why, format!("ai-sdlc run resume {run}, or ai-sdlc run cleanup {run}")));
            }
            (State::CanGoOn(_) | State::Over(_) | State::Gone, _) => {}
        }
        let latest = ask.keep.filter(|keep| self.rank(run) < *keep)?;
        Some(Verdict::stays(format!("run {run} is one of the {latest} latest"), ""))
    }
}
