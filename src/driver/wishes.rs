//! What other processes ask of the run that this engine drives.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc::UnboundedSender;

use crate::amount::WallTime;
use crate::driver::drive::Ask;
use crate::journal::JournalError;
use crate::journal::inbox::{self, Addressee, Posted};
use crate::journal::lock::Holder;
use crate::kernel::fact::{GateAnswer, StopCause};
use crate::name::RunId;

/// The inbox of a run, as the engine sees it that drives the run.
#[derive(Debug)]
pub(in crate::driver) struct Inbox {
    dir: PathBuf,
    me: Addressee,
}

impl Inbox {
    /// That of the run whose folder this is; this process drives it.
    pub(in crate::driver) fn of(dir: &Path, run: &RunId) -> Self {
        Self { dir: dir.to_owned(), me: (&Holder::me(run, WallTime::default())).into() }
    }

    /// Takes what was asked before this engine looked for the first time: answers, which are given back, and what was
    /// asked of this very engine. What was asked of one that is gone is not asked of this one.
    pub(in crate::driver) fn asked_already(
        &self,
        asking: &UnboundedSender<Ask>,
    ) -> Result<Vec<GateAnswer>, JournalError> {
        let mut answers = Vec::new();
        for Posted { ask, of } in inbox::take(&self.dir)? {
            let ask = wish(ask);
            if let Ask::Answer(given) = ask {
                answers.push(given);
            } else if of.as_ref() == Some(&self.me) {
                let _engine_gone = asking.send(ask);
            }
        }
        Ok(answers)
    }

    /// Hands on what other processes asked meanwhile.
    pub(in crate::driver) fn look_into(&self, asking: &UnboundedSender<Ask>) {
        for Posted { ask, of } in inbox::take(&self.dir).unwrap_or_default() {
            let ask = wish(ask);
            if matches!(ask, Ask::Answer(_)) || of.is_none_or(|of| of == self.me) {
                let _engine_gone = asking.send(ask);
            }
        }
    }
}

fn wish(asked: inbox::Ask) -> Ask {
    match asked {
        inbox::Ask::Abort => Ask::Stop(StopCause::Aborted),
        inbox::Ask::AbortNow => Ask::Kill(StopCause::Aborted),
        inbox::Ask::AbortTask { task, by, pace } => Ask::Cancel { task, by, pace },
        inbox::Ask::Pause { by } => Ask::Pause { by },
        inbox::Ask::Retry { task, by } => Ask::Retry { task, by },
        inbox::Ask::HandOff { task, to, by } => Ask::HandOff { task, to, by },
        inbox::Ask::Answer { task, answer, message, by, binding } => {
            Ask::Answer(GateAnswer { task, answer, message, by, binding })
        }
    }
}
