//! Secrets: who is given them, and that nothing of them reaches the journal.

use std::collections::BTreeMap;
use std::fmt;

use crate::kernel::fact::{CandidateResult, Delivered, DeliveryCandidate, EndKind, Fact, Moved, WorkEnd};
use crate::mask::{Mask, SHORT};
use crate::name::TaskId;
use crate::plan::Plan;

/// Values of secrets by the names of their variables. They are held in memory only.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

/// Tells the names, never the values.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// Those that a plan names, as the engine's environment has them.
    pub fn of(plan: &Plan, environment: &[(String, String)]) -> Self {
        let wanted = environment.iter().filter(|(name, value)| plan.secrets.contains(name) && !value.is_empty());
        Self(wanted.cloned().collect())
    }

    /// What must not be seen, these values among it.
    pub fn mask_with<'a>(&'a self, more: impl IntoIterator<Item = &'a str>) -> Mask {
        Mask::of(self.0.values().map(String::as_str).chain(more))
    }

    /// Those that a task lists.
    pub fn given_to<'a>(&'a self, plan: &'a Plan, task: &TaskId) -> impl Iterator<Item = (String, String)> + 'a {
        let listed = plan.tasks.get(task).map(|task| task.secrets.as_slice()).unwrap_or_default();
        listed.iter().filter_map(|name| Some((name.clone(), self.0.get(name)?.clone())))
    }

    /// Names of those that a mission of this plan has and the environment has not, each with a task that needs it.
    pub fn missing(&self, plan: &Plan) -> Vec<(String, TaskId)> {
        let mut missing: Vec<(String, TaskId)> = Vec::new();
        for (id, task) in &plan.tasks {
            for name in listed(task) {
                if !self.0.contains_key(&name) && !missing.iter().any(|(known, _)| *known == name) {
                    missing.push((name, id.clone()));
                }
            }
        }
        missing
    }

    /// Names of those that are too short to be hidden in every form.
    pub fn short(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, value)| value.len() < SHORT).map(|(name, _)| name.as_str())
    }

    /// The first whose value stands in this text, that would be written to disk.
    pub fn found_in(&self, text: &str) -> Option<&str> {
        let long = self.0.iter().filter(|(_, value)| value.len() >= SHORT);
        long.filter(|(_, value)| Mask::of([value.as_str()]).finds(text.as_bytes()))
            .map(|(name, _)| name.as_str())
            .next()
    }
}

/// The names that a task lists, and that its parts will.
fn listed(task: &crate::plan::Task) -> Vec<String> {
    use crate::plan::TaskKind;
    let mut names = task.secrets.clone();
    match &task.kind {
        TaskKind::Each(each) => names.extend(listed(&each.body)),
        TaskKind::Mission(mission) => names.extend(mission.tasks.values().flat_map(listed)),
        TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) => {}
    }
    names
}

/// Takes what must not be seen out of a fact: all that is remembered comes of facts and of the plan.
#[expect(clippy::too_many_lines, reason = "one arm a fact")]
pub fn masked(mask: &Mask, mut fact: Fact) -> Fact {
    if mask.is_empty() {
        return fact;
    }
    match &mut fact {
        Fact::Progress { text, .. } | Fact::Noted { text } | Fact::DiffShown { diff: text, .. } => mask.hide(text),
        Fact::WorkEnded { end, .. } => hide_in_end(mask, end),
        Fact::SetupEnded { tail, .. } | Fact::MergeCheckEnded { tail, .. } => mask.hide(tail),
        Fact::CheckEnded { tail, changed, .. } => {
            mask.hide(tail);
            hide_all(mask, changed);
        }
        Fact::MergesTried { tried } => tried.iter_mut().for_each(|one| hide_all(mask, &mut one.files)),
        Fact::WorkspaceReady { workspace, .. } => hide_all(mask, &mut workspace.notes),
        Fact::Snapshotted { snapshot, .. } => {
            hide_all(mask, &mut snapshot.notes);
            for file in &mut snapshot.files {
                mask.hide(&mut file.path);
            }
        }
        Fact::Conversation { conversation, .. } => mask.hide(conversation),
        Fact::CandidateMade { candidate: CandidateResult::Conflict { files, .. }, .. }
        | Fact::DeliveryMade { delivery: DeliveryCandidate::Conflict { files } } => hide_all(mask, files),
        Fact::Answered { message, .. } => mask.hide(message),
        Fact::CacheLookedUp { outputs: Some(outputs), .. } => mask.hide(outputs),
        Fact::ArtifactsKept { artifacts, notes, .. } => {
            hide_all(mask, notes);
            for artifact in artifacts {
                mask.hide(&mut artifact.path);
            }
        }
        Fact::WorkspaceFailed { why, .. }
        | Fact::Retrying { why, .. }
        | Fact::SnapshotFailed { why, .. }
        | Fact::EngineFault { why }
        | Fact::CandidateReady { prepared: Err(why), .. }
        | Fact::CandidateMade { candidate: CandidateResult::Failed { why }, .. }
        | Fact::IntegrationMoved { moved: Moved::Failed { why }, .. }
        | Fact::DeliveryMade { delivery: DeliveryCandidate::Failed { why } }
        | Fact::Delivered { delivered: Delivered::Left { why, .. }, .. } => mask.hide(why),
        Fact::Began(_)
        | Fact::WorkStarted { .. }
        | Fact::Used { .. }
        | Fact::SkillUsed { .. }
        | Fact::CandidateMade { .. }
        | Fact::CandidateReady { .. }
        | Fact::IntegrationMoved { .. }
        | Fact::DeliveryMade { .. }
        | Fact::Delivered { .. }
        | Fact::CacheLookedUp { outputs: None, .. }
        | Fact::WorkspaceClosed { .. }
        | Fact::Sandboxed(_)
        | Fact::Tick
        | Fact::Attended(_)
        | Fact::Pause { .. }
        | Fact::Cancel { .. }
        | Fact::Retry { .. }
        | Fact::HandOff { .. }
        | Fact::Stop(_)
        | Fact::Killed(_) => {}
    }
    fact
}

fn hide_all(mask: &Mask, texts: &mut [String]) {
    for text in texts {
        mask.hide(text);
    }
}

fn hide_in_end(mask: &Mask, end: &mut WorkEnd) {
    mask.hide(&mut end.tail);
    hide_all(mask, &mut end.denied);
    if let Some(conversation) = &mut end.conversation {
        mask.hide(conversation);
    }
    for (_, text) in &mut end.handoffs {
        mask.hide(text);
    }
    if let Some(outputs) = &mut end.outputs {
        mask.hide(outputs);
    }
    match &mut end.how {
        EndKind::Refused { why }
        | EndKind::NotStarted { why }
        | EndKind::Lost { why }
        | EndKind::Failed { why, .. } => mask.hide(why),
        EndKind::Completed | EndKind::Exited { .. } | EndKind::Signalled { .. } | EndKind::Stopped { .. } => {}
    }
}
