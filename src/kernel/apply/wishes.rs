//! The fold of what a person wishes of a live run.

use super::{Fold, TaskId};

impl Fold<'_> {
    /// It ends as soon as nothing of it is under way.
    pub(super) fn cancelling(&mut self, task: &TaskId, by: &str) {
        if let Some(running) = self.running(task) {
            running.cancelled_by = Some(by.to_owned());
        }
    }
}
