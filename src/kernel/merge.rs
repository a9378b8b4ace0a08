//! The merge queue: accepted work in order of completion, one merge at a time, outside the slots. The candidate is made
//! in memory and checked; only then the integration branch moves, by compare-and-swap.

use crate::amount::Millis;
use crate::handoff::CheckVerdict;
use crate::kernel::effect::Effect;
use crate::kernel::event::{Event, Failure, FailureClass, MergeSource, Outcome, RoundReason};
use crate::kernel::fact::{CandidateResult, Moved};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::MergeJob;
use crate::kernel::state::{Merging, Phase};
use crate::kernel::step::{CommandEnded, Turn};
use crate::mission::model::{MergeCommit, OnConflict, TaskWorkspace, WorkspaceMode};
use crate::name::{CommitId, TaskId};

impl Turn<'_> {
    /// Does what comes next in the merge queue or for a delivery; false where nothing does.
    pub(crate) fn merge_on(&mut self) -> bool {
        if self.run.inflight.merge.is_some() || !self.is_live() {
            return false;
        }
        match self.run.state.merging.clone() {
            None => self.start_delivery() || self.start_merge(),
            Some(merging) if self.leaves_merge(&merging) => true,
            Some(merging) if merging.failed.is_some() => {
                self.merge_failed(&merging);
                true
            }
            Some(Merging { deliver: Some(commit), .. }) => {
                self.merge_job(MergeJob::Deliver, Effect::Deliver { commit });
                true
            }
            Some(Merging { candidate: Some((candidate, tip)), check, .. }) => {
                self.check_candidate(candidate, tip, check);
                true
            }
            Some(Merging { delivers: true, .. }) => {
                self.merge_job(MergeJob::MakeDelivery, Effect::MakeDelivery);
                true
            }
            Some(merging) => {
                let batch = merging.batch.iter().filter_map(|t| self.source(*t)).collect();
                self.merge_job(MergeJob::Candidate, Effect::MakeCandidate { batch });
                true
            }
        }
    }

    pub(crate) fn merge_job(&mut self, job: MergeJob, effect: Effect) {
        self.run.inflight.merge = Some(job);
        self.ask(effect);
    }

    fn start_merge(&mut self) -> bool {
        let most = match (self.run.state.take, self.run.plan.merge.commit) {
            (Some(most), _) => most,
            (None, MergeCommit::Task) => 1,
            (None, MergeCommit::Batch) => usize::MAX,
        };
        let batch: Vec<TaskId> = self.run.state.queue.iter().take(most).map(|t| self.id(*t)).collect();
        let any = !batch.is_empty();
        if any {
            self.emit(Event::MergeStarted { batch });
        }
        any
    }

    fn check_candidate(&mut self, candidate: CommitId, tip: CommitId, index: usize) {
        let Some(line) = self.run.plan.merge.checks.get(index).cloned() else {
            return self.merge_job(MergeJob::Move, Effect::MoveIntegration { candidate, from: tip });
        };
        let command = match self.merge_command(&line) {
            Ok(command) => command,
            Err(why) => return self.candidate_unfit(&why),
        };
        if !self.checks_are_run() {
            let (verdict, duration, tail) = (CheckVerdict::NotRun, Millis::ZERO, String::new());
            let command = command.to_string();
            return self.emit(Event::MergeCheckFinished { candidate, index, command, verdict, duration, tail });
        }
        if self.run.inflight.prepared.as_ref() == Some(&candidate) {
            self.merge_job(MergeJob::Check, Effect::MergeCheck { candidate, index, command });
        } else {
            self.merge_job(MergeJob::Prepare, Effect::PrepareCandidate { candidate });
        }
    }

    /// What is merged of a task: its commit, and where its worktree began. `None`: nothing.
    pub(crate) fn merge_commit(&self, t: TaskNo) -> Option<(CommitId, CommitId)> {
        let git = self.run.plan.workspace.mode == WorkspaceMode::Worktree;
        if !git || self.task(t).workspace == TaskWorkspace::ReadOnly {
            return None;
        }
        let base = self.run.state.task(t).past.as_ref()?.base.clone()?;
        let commit = self.running(t)?.snapshot.as_ref()?.commit.clone()?;
        Some((base, commit))
    }

    fn source(&self, t: TaskNo) -> Option<MergeSource> {
        let (base, commit) = self.merge_commit(t)?;
        let running = self.running(t)?;
        let Phase::Merging { at } = running.phase else { return None };
        let title = self.task(t).title.clone();
        Some(MergeSource { task: self.id(t), attempt: running.attempt, base, commit, title, at })
    }

    fn batch(&self) -> Vec<TaskNo> {
        self.run.state.merging.as_ref().map(|merging| merging.batch.clone()).unwrap_or_default()
    }

    fn ids(&self, batch: &[TaskNo]) -> Vec<TaskId> {
        batch.iter().map(|t| self.id(*t)).collect()
    }

    pub(crate) fn candidate_made(&mut self, told: &[TaskId], candidate: CandidateResult) {
        let batch = self.batch();
        if self.ids(&batch) != told || !self.merge_answered(MergeJob::Candidate) {
            return;
        }
        let ids = told.to_vec();
        match candidate {
            CandidateResult::Clean { commit, tip } => {
                self.emit(Event::CandidateMade { batch: ids, candidate: commit, tip });
            }
            CandidateResult::Empty { tip } => self.merged(tip),
            CandidateResult::Conflict { task, files } => self.conflict(&task, files),
            CandidateResult::Failed { why } => self.candidate_unfit(&why),
        }
    }

    fn conflict(&mut self, task: &TaskId, files: Vec<String>) {
        let Some(t) = self.find(task).filter(|t| self.batch().contains(t)) else {
            return self.candidate_unfit("the conflict is of a task that is not being merged");
        };
        match self.run.plan.merge.on_conflict {
            OnConflict::Rework => self.give_back(t, RoundReason::Conflict { files }),
            OnConflict::Escalate => self.end_in_conflict(t, files),
        }
        let others = self.batch();
        if !others.is_empty() {
            let why = format!("`{task}` conflicts with what was merged and was taken out");
            let batch = self.ids(&others);
            self.emit(Event::MergeRequeued { batch, why });
        }
    }

    pub(crate) fn end_in_conflict(&mut self, t: TaskNo, files: Vec<String>) {
        let made = self.running(t).and_then(|running| running.workspace.as_ref());
        let branch = made.and_then(|made| made.branch.clone());
        let task = self.id(t);
        self.emit(Event::TaskFinished { task, outcome: Outcome::Conflict { files, branch } });
    }

    /// The candidate could not be made, prepared or moved: several are tried in halves, one has failed.
    fn candidate_unfit(&mut self, why: &str) {
        if self.run.state.fault.is_some() {
            // Nothing is wrong with the work: a resume merges it.
            return;
        }
        let batch = self.batch();
        if self.run.state.merging.as_ref().is_some_and(|merging| merging.delivers) {
            return self.delivery_failed(why.to_owned(), Vec::new());
        }
        if batch.len() > 1 {
            let batch = self.ids(&batch);
            return self.emit(Event::MergeRequeued { batch, why: why.to_owned() });
        }
        for t in batch {
            let message = format!("its work could not be merged: {why}");
            self.fail(t, Failure { class: FailureClass::MergeCheck, message, tail: String::new() });
        }
    }

    /// A merge check did not pass.
    fn merge_failed(&mut self, merging: &Merging) {
        let Some(reason) = merging.failed.clone() else { return };
        let (why, _) = crate::kernel::texts::reason(&reason);
        match merging.batch.as_slice() {
            [] => self.delivery_failed(why, Vec::new()),
            [one] => self.give_back(*one, reason),
            several => {
                let batch = self.ids(several);
                self.emit(Event::MergeRequeued { batch, why });
            }
        }
    }

    pub(crate) fn candidate_ready(&mut self, candidate: CommitId, prepared: Result<(), String>) {
        if self.is_candidate(&candidate) && self.merge_answered(MergeJob::Prepare) {
            match prepared {
                Ok(()) => self.run.inflight.prepared = Some(candidate),
                Err(why) => self.candidate_unfit(&format!("the merged tree could not be prepared: {why}")),
            }
        }
    }

    fn is_candidate(&self, commit: &CommitId) -> bool {
        let candidate = self.run.state.merging.as_ref().and_then(|merging| merging.candidate.as_ref());
        candidate.is_some_and(|(candidate, _)| candidate == commit)
    }

    pub(crate) fn merge_check_ended(&mut self, candidate: &CommitId, ended: CommandEnded) {
        let expected = self.run.state.merging.as_ref().map(|merging| merging.check);
        if !self.is_candidate(candidate) || expected != Some(ended.index) || !self.merge_answered(MergeJob::Check) {
            return;
        }
        self.run.inflight.checked = Some(candidate.clone());
        let CommandEnded { index, verdict, duration, tail, .. } = ended;
        let line = self.run.plan.merge.checks.get(index).cloned();
        let command = line.and_then(|line| self.merge_command(&line).ok()).map(|argv| argv.to_string());
        self.emit(Event::MergeCheckFinished {
            candidate: candidate.clone(),
            index,
            command: command.unwrap_or_default(),
            verdict,
            duration,
            tail,
        });
    }

    pub(crate) fn integration_moved(&mut self, candidate: CommitId, moved: Moved) {
        if !self.is_candidate(&candidate) || !self.merge_answered(MergeJob::Move) {
            return;
        }
        match moved {
            Moved::Done => self.merged(candidate),
            Moved::Elsewhere { tip } => {
                let batch = self.ids(&self.batch());
                let why = format!("the integration branch had moved to {}", tip.short());
                self.emit(Event::MergeRequeued { batch, why });
            }
            Moved::Failed { why } => self.candidate_unfit(&format!("the integration branch could not be moved: {why}")),
        }
    }

    fn merged(&mut self, commit: CommitId) {
        let tasks = self.batch();
        let batch = self.ids(&tasks);
        self.emit(Event::Merged { batch, commit });
        for t in tasks {
            self.look_at(t);
        }
    }
}
