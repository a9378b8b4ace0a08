//! Delivery: the person's branch moves to what was merged, fast-forward only, never forced. New commits of it are
//! merged into integration first, under the same checks.

use crate::kernel::effect::Effect;
use crate::kernel::event::{CancelWhy, Event, Outcome};
use crate::kernel::fact::{Delivered, DeliveryCandidate};
use crate::kernel::inflight::MergeJob;
use crate::kernel::step::Turn;
use crate::mission::model::Deliver;
use crate::name::CommitId;

/// How many races with a busy branch are lost before a person is asked.
const RACES: u32 = 5;

impl Turn<'_> {
    /// Begins a delivery if one is due.
    pub(crate) fn start_delivery(&mut self) -> bool {
        let Some(tip) = self.due() else { return false };
        if self.run.state.delivery.raced >= RACES {
            self.delivery_failed(format!("it got new commits {RACES} times while they were being merged"), Vec::new());
        } else {
            self.emit(Event::DeliveryStarted { tip });
        }
        true
    }

    /// The integration commit that is to be delivered now.
    fn due(&self) -> Option<CommitId> {
        let state = &self.run.state;
        self.run.plan.merge.into.as_ref()?;
        let tip = state.tip.as_ref()?;
        let made_something = Some(tip) != self.run.place.base.as_ref();
        let open = !state.delivery.failed && state.delivery.tried.as_ref() != Some(tip);
        let now = match self.run.plan.merge.deliver {
            Deliver::Each => true,
            Deliver::End => state.unfinished == 0 && self.all_good(),
        };
        (made_something && open && now).then(|| tip.clone())
    }

    /// True where every task succeeded or was skipped; what is optional may also have failed.
    fn all_good(&self) -> bool {
        let graph = &self.run.graph;
        graph.all().all(|t| match self.run.state.task(t).outcome() {
            Some(Outcome::Succeeded { .. } | Outcome::Skipped { .. }) => true,
            Some(
                Outcome::Failed { .. }
                | Outcome::Conflict { .. }
                | Outcome::Blocked { .. }
                | Outcome::Cancelled { why: CancelWhy::Aborted, .. },
            ) => graph.is_excused(t),
            Some(Outcome::Cancelled { .. }) | None => false,
        })
    }

    fn target(&self) -> String {
        self.run.plan.merge.into.clone().unwrap_or_default()
    }

    pub(crate) fn delivery_made(&mut self, delivery: DeliveryCandidate) {
        let failed = matches!(delivery, DeliveryCandidate::Failed { .. });
        if !self.merge_answered(MergeJob::MakeDelivery) || (failed && self.run.state.fault.is_some()) {
            return;
        }
        match delivery {
            DeliveryCandidate::UpToDate { tip } => {
                self.merge_job(MergeJob::Deliver, Effect::Deliver { commit: tip });
            }
            DeliveryCandidate::Merged { commit, tip } => {
                self.emit(Event::CandidateMade { batch: Vec::new(), candidate: commit, tip });
            }
            DeliveryCandidate::Conflict { files } => {
                let why = format!("its new commits conflict with the merged work in {}", files.join(", "));
                self.delivery_failed(why, files);
            }
            DeliveryCandidate::Failed { why } => self.delivery_failed(why, Vec::new()),
        }
    }

    pub(crate) fn delivery_failed(&mut self, why: String, files: Vec<String>) {
        let into = self.target();
        self.emit(Event::DeliveryFailed { into, why, files });
    }

    pub(crate) fn delivered(&mut self, commit: CommitId, delivered: Delivered) {
        let left = matches!(delivered, Delivered::Left { .. });
        if self.merge_answered(MergeJob::Deliver) && !(left && self.run.state.fault.is_some()) {
            let into = self.target();
            self.emit(Event::Delivered { into, commit, delivered });
        }
    }
}
