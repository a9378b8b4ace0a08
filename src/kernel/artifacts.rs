//! Artifacts: what a task made beside code is copied before its workspace goes. A copy that fails is told, and harms
//! nothing.

use crate::kernel::effect::Effect;
use crate::kernel::event::{Artifact, Event};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::Job;
use crate::kernel::step::Turn;
use crate::name::{Attempt, TaskId};

impl Turn<'_> {
    /// Has artifacts kept that are not yet; false where there is nothing to keep.
    pub(crate) fn keeps_artifacts(&mut self, t: TaskNo) -> bool {
        let Some(running) = self.running(t) else { return false };
        let attempt = running.attempt;
        if running.kept || self.task(t).artifacts.is_empty() {
            return false;
        }
        let task = self.id(t);
        self.begin_job(t, Job::Artifacts);
        self.ask(Effect::KeepArtifacts { task, attempt });
        true
    }

    pub(crate) fn artifacts_kept(&mut self, of: (TaskId, Attempt), artifacts: Vec<Artifact>, notes: Vec<String>) {
        let (task, attempt) = of;
        let Some(t) = self.answered(&task, attempt, Job::Artifacts) else { return };
        if !notes.is_empty() && self.waits_for_resume(t) {
            return;
        }
        self.emit(Event::ArtifactsKept { task, attempt, artifacts, notes: notes.clone() });
        for text in notes {
            self.note(t, text);
        }
    }
}
