//! The fold of a task that is handed from one session to the next.

use super::{EndKind, Fold, Phase, Running, TaskId};
use crate::amount::Spent;
use crate::kernel::event::{Event, HandOffWhy, HandoffStep, SessionKind};
use crate::kernel::state::{HandStep, Handing};

impl Fold<'_> {
    /// Events of that.
    pub(super) fn handing_event(&mut self, event: &Event) {
        if let Event::HandingOff { task, why, by, to, .. } = event {
            let Some(running) = self.running(task) else { return };
            if matches!(why, HandOffWhy::Context | HandOffWhy::Share) {
                running.in_vain = running.in_vain.saturating_add(1);
            }
            // What waited to go on is recorded first.
            if matches!(running.phase, Phase::Resting(_)) {
                running.phase = Phase::Ended;
            }
            let handing = Handing { why: *why, by: by.clone(), to: to.clone(), step: HandStep::Asked };
            running.handing = Some(Box::new(handing));
        } else if let Event::HandoffStep { task, step, .. } = event {
            self.handoff_step(task, step);
        } else if let Event::TaskGiven { task, role, .. } = event {
            self.given(task);
            let handing = self.running(task).and_then(|running| running.handing.as_mut());
            if let Some(handing) = handing.filter(|handing| handing.to.as_ref() == Some(role)) {
                handing.to = None;
            }
        }
    }

    fn handoff_step(&mut self, task: &TaskId, step: &HandoffStep) {
        let Some(t) = self.find(task) else { return };
        match step {
            HandoffStep::Document { source } => self.handing_is(task, HandStep::Document(*source)),
            HandoffStep::Commit { handoff } => {
                self.handing_is(task, HandStep::Committed);
                // The limits of another role are others: it waits for a slot like any other.
                let handing = self.running(task).and_then(|running| running.handing.as_ref());
                if handing.is_some_and(|handing| handing.to.is_some()) {
                    self.give_back_slot(t);
                }
                self.state.task_mut(t).past_mut().handed = Some(handoff.clone());
            }
            HandoffStep::Next => {
                let Some(running) = self.state.task_mut(t).running_mut() else { return };
                running.handing = None;
                running.conversation = None;
                running.counted = Spent::default();
                running.end = None;
                running.checks.clear();
                running.share_gone = false;
                let has_slot = running.has_slot;
                running.phase = if has_slot { Phase::Starting } else { Phase::Resting(SessionKind::Work) };
            }
        }
    }

    fn handing_is(&mut self, task: &TaskId, step: HandStep) {
        if let Some(handing) = self.running(task).and_then(|running| running.handing.as_mut()) {
            handing.step = step;
        }
    }

    /// Another agent knows nothing of the conversations of the one before.
    fn given(&mut self, task: &TaskId) {
        let Some(record) = self.record(task) else { return };
        if let Some(running) = record.running_mut() {
            running.conversation = None;
            running.counted = Spent::default();
        }
        if let Some(past) = &mut record.past {
            past.conversation = None;
            past.counted = Spent::default();
            if let Some(sent) = &mut past.sent_back {
                sent.conversation = None;
            }
        }
    }
}

/// Whether a session that ended so is followed by the next: one that did what it was asked, or declined it, has nothing
/// to hand on.
pub(super) fn is_followed(running: &Running, how: &EndKind) -> bool {
    let ended_itself = matches!(how, EndKind::Completed | EndKind::Refused { .. } | EndKind::NotStarted { .. });
    running.handing.is_some() && !ended_itself && running.kind == SessionKind::Work
}
