//! What git answers where merges are made, tried and delivered.

use super::super::plans::commit;
use super::World;
use crate::amount::Millis;
use crate::kernel::collisions::{MergeTried, MergeTry};
use crate::kernel::effect::Effect;
use crate::kernel::fact::{CandidateResult, Delivered, DeliveryCandidate, Fact, Moved};
use crate::name::TaskId;

impl World {
    pub(super) fn tried(&mut self, merge: &MergeTry) -> Option<MergeTried> {
        let (one, two) = (merge.one.side(), merge.two.side());
        assert_ne!(one, two);
        let files = match self.rng.u32(0..4) {
            0 => return None,
            1 => vec!["a.txt".to_owned()],
            2 => vec!["a.txt".to_owned(), "b.txt".to_owned()],
            _ => Vec::new(),
        };
        Some(MergeTried { one, two, files, more: 0 })
    }

    pub(super) fn answer_merge(&mut self, effect: Effect, soon: u64) {
        let number = self.rng.u64(1..u64::MAX);
        let fact = match effect {
            Effect::MakeCandidate { batch } => {
                assert!(!batch.is_empty());
                let tasks: Vec<TaskId> = batch.iter().map(|source| source.task.clone()).collect();
                let tip = commit(1);
                let candidate = match (self.goes_wrong(), self.rng.u32(0..10)) {
                    (true, 0) => CandidateResult::Failed { why: "no room".to_owned() },
                    (true, _) => {
                        let task = tasks[self.rng.usize(0..tasks.len())].clone();
                        CandidateResult::Conflict { task, files: vec!["a.txt".to_owned()] }
                    }
                    (false, 0) => CandidateResult::Empty { tip },
                    (false, _) => CandidateResult::Clean { commit: commit(number), tip },
                };
                Fact::CandidateMade { batch: tasks, candidate }
            }
            Effect::PrepareCandidate { candidate } => {
                let prepared = if self.rng.u32(0..300) < self.trouble { Err("setup".to_owned()) } else { Ok(()) };
                Fact::CandidateReady { candidate, prepared }
            }
            Effect::MergeCheck { candidate, index, .. } => {
                let verdict = self.some_verdict();
                Fact::MergeCheckEnded { candidate, index, verdict, duration: Millis(soon), tail: String::new() }
            }
            Effect::MoveIntegration { candidate, .. } => {
                let moved = match (self.goes_wrong(), self.rng.u32(0..5)) {
                    (true, 0) => Moved::Failed { why: "locked".to_owned() },
                    (true, _) => Moved::Elsewhere { tip: commit(number) },
                    (false, _) => Moved::Done,
                };
                Fact::IntegrationMoved { candidate, moved }
            }
            Effect::MakeDelivery => {
                let delivery = match (self.goes_wrong(), self.rng.u32(0..3)) {
                    (true, 0) => DeliveryCandidate::Conflict { files: vec!["a.txt".to_owned()] },
                    (true, _) => DeliveryCandidate::Failed { why: "no room".to_owned() },
                    (false, 0) => DeliveryCandidate::Merged { commit: commit(number), tip: commit(1) },
                    (false, _) => DeliveryCandidate::UpToDate { tip: commit(number) },
                };
                Fact::DeliveryMade { delivery }
            }
            Effect::Deliver { commit } => {
                let delivered = match (self.goes_wrong(), self.rng.bool()) {
                    (true, true) => Delivered::Left { why: "dirty".to_owned(), command: "git".to_owned() },
                    (true, false) => Delivered::Raced,
                    (false, _) => Delivered::Moved,
                };
                Fact::Delivered { commit, delivered }
            }
            other => panic!("{other:?} is no effect of the merge queue"),
        };
        self.later(soon, fact);
    }
}
