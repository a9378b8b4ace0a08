//! What one engine knows beside the events: effects that have not been answered, deadlines on its own clock, and the
//! ready queue sorted by what holds each task. All of it can be worked out anew from the state; none of it is remembered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::amount::{At, Millis};
use crate::kernel::collisions::Foresight;
use crate::kernel::fact::{Attended, GateAnswer};
use crate::kernel::graph::TaskNo;
use crate::kernel::order::ReadyQueue;
use crate::kernel::pace::Tempo;
use crate::name::{AgentName, Attempt, CommitId};

/// What one engine knows beside the events.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    /// The one effect of each task's attempt that has not been answered.
    pub(crate) jobs: BTreeMap<TaskNo, Job>,
    /// Workspaces being closed.
    pub(crate) closing: BTreeSet<(TaskNo, Attempt)>,
    /// The one effect of the merge queue that has not been answered.
    pub(crate) merge: Option<MergeJob>,
    /// The candidate whose last check ended, and which was not moved to before that.
    pub(crate) checked: Option<CommitId>,
    /// The candidate that the merge worktree holds.
    pub(crate) prepared: Option<CommitId>,
    pub(crate) ready: ReadyQueue,
    /// Tasks that just ended: those after them and their workspaces are to be looked at.
    pub(crate) ended: VecDeque<TaskNo>,
    /// Tasks to look at again.
    pub(crate) look: VecDeque<TaskNo>,
    /// Tasks with a slot that wait until a session can be paid for.
    pub(crate) unfunded: BTreeSet<TaskNo>,
    /// Tasks that send work back as soon as nothing of it is under way.
    pub(crate) senders: BTreeSet<TaskNo>,
    /// What work changes, for the reviews that begin now.
    pub(crate) diffs: BTreeMap<TaskNo, String>,
    /// Whether gates are answered while this engine runs.
    pub(crate) attended: Attended,
    /// What was answered before this engine began, for gates that have not asked since.
    pub(crate) answers: BTreeMap<TaskNo, GateAnswer>,
    /// Since when nothing but gates waits.
    pub(crate) paused: Option<Millis>,
    /// Tasks whose session called no tool.
    pub(crate) idle_sessions: BTreeSet<TaskNo>,
    /// Holds kept for the rest of a worktree are let go, since nothing else can move.
    pub(crate) give_way: bool,
    /// Deadlines, the earliest first, and by task.
    pub(crate) deadlines: BTreeSet<(Millis, TaskNo)>,
    pub(crate) deadline_of: BTreeMap<TaskNo, Millis>,
    /// When the session or command of each task began.
    pub(crate) work_since: BTreeMap<TaskNo, Millis>,
    pub(crate) tempo: Tempo,
    /// Agents that are waited for, until then.
    pub(crate) away: BTreeMap<AgentName, Millis>,
    pub(crate) foresight: Foresight,
    /// Tasks that back off until then.
    pub(crate) backing_off: BTreeSet<(Millis, TaskNo)>,
    /// When the run's time is used up, and when to warn.
    pub(crate) time_up: Option<Millis>,
    pub(crate) time_warning: Option<Millis>,
    /// What was last asked of `WakeAt`, until a tick answers it.
    pub(crate) wake: Option<Millis>,
    /// When this engine began, moved on by the time in which only gates waited; and live time before that.
    pub(crate) began: Millis,
    pub(crate) time_before: Millis,
    /// When a fact was last taken in.
    pub(crate) last: Option<At>,
    /// `Finish` was asked for.
    pub(crate) finished: bool,
}

/// An effect of a task that has not been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    Workspace,
    Setup,
    Work,
    Snapshot,
    Check,
    Diff,
    Cache,
    Artifacts,
}

/// An effect of the merge queue that has not been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeJob {
    Candidate,
    Prepare,
    Check,
    Move,
    MakeDelivery,
    Deliver,
}

impl Job {
    pub(crate) fn is_awaited(self) -> bool {
        match self {
            Self::Workspace | Self::Work | Self::Snapshot | Self::Cache | Self::Artifacts => true,
            Self::Setup | Self::Check | Self::Diff => false,
        }
    }
}

impl InFlight {
    /// True where something is under way that a run must not end before: it is quick, or it is work.
    /// Setup commands and checks are left to the guard, which ends them with the engine; a resume runs them again.
    pub(crate) fn must_be_awaited(&self) -> bool {
        let task = self.jobs.values().any(|job| job.is_awaited());
        let merge = self.merge.is_some_and(|job| match job {
            MergeJob::Candidate | MergeJob::Move | MergeJob::MakeDelivery | MergeJob::Deliver => true,
            MergeJob::Prepare | MergeJob::Check => false,
        });
        task || merge || !self.closing.is_empty()
    }

    /// True where nothing at all is under way.
    pub(crate) fn is_still(&self) -> bool {
        self.jobs.is_empty() && self.merge.is_none() && self.closing.is_empty()
    }

    pub(crate) fn set_deadline(&mut self, t: TaskNo, at: Millis) {
        self.clear_deadline(t);
        self.deadlines.insert((at, t));
        self.deadline_of.insert(t, at);
    }

    pub(crate) fn clear_deadline(&mut self, t: TaskNo) {
        if let Some(at) = self.deadline_of.remove(&t) {
            self.deadlines.remove(&(at, t));
        }
    }
}
