//! A full disk is no failure of the task that met it: it is told as the engine's, which stops; a resume goes on once
//! there is room.

use crate::handoff::CheckVerdict;
use crate::kernel::event::DISK_FULL;
use crate::kernel::fact::{CandidateResult, Delivered, DeliveryCandidate, Fact, Moved};

/// What the system and git say of a full disk. Git is asked to speak English.
const SAYINGS: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// The fault that goes before a fact, where room is what was missing.
pub(super) fn fault_before(fact: &Fact) -> Option<Fact> {
    let why = want_of_room(fact)?;
    Some(Fact::EngineFault { why: format!("{DISK_FULL}{why}") })
}

fn is_of_room(why: &str) -> bool {
    SAYINGS.iter().any(|saying| why.contains(saying))
}

/// Why the engine's own work failed, if for want of room.
fn want_of_room(fact: &Fact) -> Option<&String> {
    let why = match fact {
        Fact::WorkspaceFailed { why, .. }
        | Fact::SnapshotFailed { why, .. }
        | Fact::CandidateMade { candidate: CandidateResult::Failed { why }, .. }
        | Fact::CandidateReady { prepared: Err(why), .. }
        | Fact::IntegrationMoved { moved: Moved::Failed { why }, .. }
        | Fact::DeliveryMade { delivery: DeliveryCandidate::Failed { why } }
        | Fact::Delivered { delivered: Delivered::Left { why, .. }, .. }
        | Fact::SetupEnded { verdict: CheckVerdict::NotStarted, tail: why, .. }
        | Fact::CheckEnded { verdict: CheckVerdict::NotStarted, tail: why, .. }
        | Fact::MergeCheckEnded { verdict: CheckVerdict::NotStarted, tail: why, .. } => why,
        Fact::ArtifactsKept { notes, .. } => return notes.iter().find(|note| is_of_room(note)),
        Fact::Began(_)
        | Fact::WorkspaceReady { .. }
        | Fact::SetupEnded { .. }
        | Fact::WorkStarted { .. }
        | Fact::Conversation { .. }
        | Fact::Progress { .. }
        | Fact::Used { .. }
        | Fact::Retrying { .. }
        | Fact::SkillUsed { .. }
        | Fact::WorkEnded { .. }
        | Fact::Snapshotted { .. }
        | Fact::CheckEnded { .. }
        | Fact::CandidateMade { .. }
        | Fact::CandidateReady { .. }
        | Fact::MergeCheckEnded { .. }
        | Fact::IntegrationMoved { .. }
        | Fact::DeliveryMade { .. }
        | Fact::Delivered { .. }
        | Fact::Answered { .. }
        | Fact::DiffShown { .. }
        | Fact::CacheLookedUp { .. }
        | Fact::MergesTried { .. }
        | Fact::WorkspaceClosed { .. }
        | Fact::Sandboxed(_)
        | Fact::Pause { .. }
        | Fact::Cancel { .. }
        | Fact::Retry { .. }
        | Fact::Tick
        | Fact::Stop(_)
        | Fact::Killed(_)
        | Fact::Noted { .. }
        | Fact::Attended(_)
        | Fact::HandOff { .. }
        | Fact::EngineFault { .. } => return None,
    };
    Some(why).filter(|why| is_of_room(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Attempt, TaskId};

    #[test]
    fn only_missing_room_is_the_engines() {
        let failed = |why: &str| Fact::WorkspaceFailed {
            task: TaskId::parse("a").unwrap(),
            attempt: Attempt::FIRST,
            why: why.to_owned(),
        };
        let told = fault_before(&failed("cannot write `/x`: No space left on device (os error 28)"));
        assert!(matches!(told, Some(Fact::EngineFault { why }) if why.starts_with("the disk is full: cannot write")));
        assert_eq!(fault_before(&failed("the branch is gone")), None);
    }
}
