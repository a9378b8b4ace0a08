//! What a run's state tells those who carry its effects out: where attempts work, what their children are told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::handoff::render;
use crate::kernel::Run;
use crate::kernel::effect::Effect;
use crate::kernel::event::Outcome;
use crate::kernel::fact::WorkKey;
use crate::kernel::graph::Graph;
use crate::kernel::state::{Phase, Running};
use crate::name::{Attempt, CommitId, OutputId, TaskId};
use crate::plan::upstream::opening;
use crate::plan::{Given, GivenHandoff, TaskKind};

/// Where an attempt under way works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceOfWork {
    /// Whose.
    pub task: TaskId,
    /// Which attempt.
    pub attempt: Attempt,
    /// Where.
    pub path: PathBuf,
    /// The last commit of its work.
    pub saved: Option<CommitId>,
}

impl Run {
    /// Worktrees that are there, as far as events tell.
    pub fn open_worktrees(&self) -> Vec<(TaskId, Attempt)> {
        let open = |t| self.state.task(t).past.as_ref().map(|past| past.open.clone()).unwrap_or_default();
        let of = |t| open(t).into_iter().map(move |attempt| (self.task(t).0.clone(), attempt));
        self.graph.all().flat_map(of).collect()
    }

    /// The sessions and commands that the state says are running.
    pub fn working(&self) -> Vec<WorkKey> {
        self.under_way()
            .filter(|(_, running)| running.phase == Phase::Working)
            .filter_map(|(task, running)| {
                let session = running.session?;
                Some(WorkKey { task: task.clone(), attempt: running.attempt, round: running.round, session })
            })
            .collect()
    }

    /// Where the attempts under way work.
    pub fn places(&self) -> Vec<PlaceOfWork> {
        self.under_way()
            .filter_map(|(task, running)| {
                Some(PlaceOfWork {
                    task: task.clone(),
                    attempt: running.attempt,
                    path: running.workspace.as_ref()?.path.clone(),
                    saved: running.snapshot.as_ref().and_then(|snapshot| snapshot.commit.clone()),
                })
            })
            .collect()
    }

    fn under_way(&self) -> impl Iterator<Item = (&TaskId, &Running)> {
        let records = self.plan().tasks.keys().zip(&self.state().tasks);
        records.filter_map(|(task, record)| Some((task, record.running()?)))
    }

    /// What tasks that succeeded handed over.
    pub fn outputs(&self) -> &BTreeMap<TaskId, BTreeMap<OutputId, Value>> {
        &self.state().outputs
    }

    /// Whether a task is handed anything that a session told; what is written for commands says nothing new.
    pub fn reads_of_agents(&self, task: &TaskId) -> bool {
        let (tasks, given) = (&self.plan().tasks, &self.plan().given);
        let is_agent = |from: &TaskId| tasks.get(from).is_some_and(|from| matches!(from.kind, TaskKind::Agent(_)));
        let planned = tasks.get(task);
        planned.is_some_and(|planned| {
            opening(self.plan(), planned).iter().any(|from| is_agent(from) || given.contains_key(from))
        })
    }

    /// The handoff documents that open a task's sessions, each with the task it is of: first what a session before handed
    /// on in the middle of the task itself.
    pub fn handoff_documents(&self, task: &TaskId) -> Vec<(TaskId, String)> {
        let upstream = self.plan().tasks.get(task).map(|planned| opening(self.plan(), planned)).unwrap_or_default();
        let document = |from: &TaskId| self.given_document(from).or_else(|| self.handoff_document(from));
        let of_others = upstream.into_iter().filter_map(|from| document(&from).map(|text| (from, text)));
        self.handed_on(task).map(|text| (task.clone(), text)).into_iter().chain(of_others).collect()
    }

    fn handed_on(&self, task: &TaskId) -> Option<String> {
        let record = self.state().task(Graph::find(self.plan(), task)?);
        let GivenHandoff { facts, narrative, problems } = record.past.as_ref()?.handed.as_deref()?;
        Some(render::document(facts, narrative, problems))
    }

    /// That of a task that was done before the run.
    fn given_document(&self, task: &TaskId) -> Option<String> {
        let GivenHandoff { facts, narrative, problems } = self.plan().given.get(task)?.handoff.as_ref()?;
        Some(render::document(facts, narrative, problems))
    }

    /// What a task that succeeded handed over, for a run of others of its mission; `None` where it did not.
    pub fn given(&self, task: &TaskId) -> Option<Given> {
        if let Some(before) = self.plan().given.get(task) {
            return Some(before.clone());
        }
        let record = self.state().task(Graph::find(self.plan(), task)?);
        let Outcome::Succeeded { facts, .. } = record.outcome()? else { return None };
        let told = record.past.as_ref().and_then(|past| past.told.as_ref());
        let handoff = told.map(|told| GivenHandoff {
            facts: facts.as_ref().clone(),
            narrative: told.narrative.clone(),
            problems: told.problems.clone(),
        });
        Some(Given { outputs: self.outputs().get(task).cloned().unwrap_or_default(), handoff })
    }

    fn handoff_document(&self, task: &TaskId) -> Option<String> {
        let record = self.state().task(Graph::find(self.plan(), task)?);
        let Outcome::Succeeded { facts, .. } = record.outcome()? else { return None };
        let told = record.past.as_ref()?.told.as_ref()?;
        Some(render::document(facts, &told.narrative, &told.problems))
    }
}

impl Effect {
    /// Whether it must wait until the events before it are durable: it changes what cannot be taken back.
    pub fn is_guarded(&self) -> bool {
        match self {
            Self::StartSession(_)
            | Self::AskGate { .. }
            | Self::MoveIntegration { .. }
            | Self::Deliver { .. }
            | Self::CloseWorkspace { .. }
            | Self::Finish => true,
            Self::PrepareWorkspace { .. }
            | Self::Setup { .. }
            | Self::StartCommand { .. }
            | Self::StopWork { .. }
            | Self::StopCommands { .. }
            | Self::Snapshot { .. }
            | Self::ShowDiff { .. }
            | Self::LookUpCache { .. }
            | Self::FillCache { .. }
            | Self::KeepArtifacts { .. }
            | Self::Check { .. }
            | Self::MakeCandidate { .. }
            | Self::PrepareCandidate { .. }
            | Self::MergeCheck { .. }
            | Self::MakeDelivery
            | Self::TryMerges { .. }
            | Self::WakeAt(_) => false,
        }
    }
}
