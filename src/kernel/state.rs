//! What a run is at a moment: exactly what its events say, nothing else. Only `apply` changes it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::amount::{Ceiling, Millis, Spent, WallTime};
use crate::handoff::{CheckResult, Narrative, Source, Verdict};
use crate::kernel::collisions::{Clash, Pair};
use crate::kernel::event::{
    CacheFound, Ended, HandOffWhy, Outcome, RoundReason, RunOutcome, SessionKind, WorkspaceFrom,
};
use crate::kernel::fact::{Answer, Delivered, EndKind, Snapshot, StopCause, StopWhy, WorkspaceMade};
use crate::kernel::graph::TaskNo;
use crate::kernel::health::Health;
use crate::kernel::holds::Holds;
use crate::name::{AgentName, Attempt, CommitId, OutputId, RoleName, Round, SessionNo, TaskId};
use crate::plan::GivenHandoff;

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    pub(crate) tasks: Vec<Record>,
    /// Sessions and commands that take a slot.
    pub(crate) slots: u32,
    /// Of each limit of a role or agent, how much is taken.
    pub(crate) limits: Vec<u32>,
    /// Who holds locks, and the files that it may touch.
    pub(crate) holds: Holds,
    pub(crate) ledger: Ledger,
    /// Agents that told use whose cost nobody knows.
    pub(crate) unpriced: BTreeSet<AgentName>,
    /// Gates that wait for a person.
    pub(crate) gated: BTreeSet<TaskNo>,
    /// Accepted work in order of completion.
    pub(crate) queue: VecDeque<TaskNo>,
    /// How many of the queue the next merge takes at most; `None`: as the policy says.
    pub(crate) take: Option<usize>,
    pub(crate) merging: Option<Merging>,
    pub(crate) delivery: Delivery,
    /// What does not merge as things are.
    pub(crate) collisions: BTreeMap<Pair, Clash>,
    /// The commit of the integration branch, as far as events tell.
    pub(crate) tip: Option<CommitId>,
    /// Outputs of tasks that succeeded.
    pub(crate) outputs: BTreeMap<TaskId, BTreeMap<OutputId, Value>>,
    /// Tasks that have not ended.
    pub(crate) unfinished: usize,
    /// Groups whose parts are known and have not all ended.
    pub(crate) groups: usize,
    /// What the parts of a group may use together, where that is limited.
    pub(crate) pots: BTreeMap<TaskNo, Ledger>,
    pub(crate) stopping: Option<StopCause>,
    /// Who pauses it.
    pub(crate) pausing: Option<String>,
    /// Agents of which there is something to remember.
    pub(crate) agents: BTreeMap<AgentName, Health>,
    /// How many tasks work at once for now, where that is not as many as may.
    pub(crate) pace: Option<u32>,
    pub(crate) fault: Option<String>,
    pub(crate) exceeded: bool,
    pub(crate) over: Option<RunOutcome>,
    /// When the last event was, while the run is live.
    pub(crate) live_at: Option<WallTime>,
}

/// What is known of one task.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Record {
    pub(crate) status: Status,
    /// Needs that have not ended.
    pub(crate) pending: u32,
    /// What its attempts left; nothing before the first.
    pub(crate) past: Option<Box<Past>>,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Status {
    /// For what it needs.
    #[default]
    Waiting,
    /// For a slot, locks, touches or budget.
    Ready,
    /// For a person.
    Gated(Box<Gated>),
    /// A group: for its parts, of which so many have not ended.
    Expanded { open: u32 },
    /// An attempt is under way.
    Running(Box<Running>),
    /// Another attempt follows.
    BackingOff { until: WallTime },
    /// It has ended.
    Finished(Outcome),
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gated {
    pub(crate) question: String,
    /// A hash of the question and of what the tasks it needs have made.
    pub(crate) binding: String,
    pub(crate) given: Option<Given>,
}

/// A person's answer, as remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) answer: Answer,
    pub(crate) message: String,
    pub(crate) by: String,
}

/// An attempt under way.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is true or false whatever the others are")]
pub(crate) struct Running {
    pub(crate) attempt: Attempt,
    pub(crate) from: WorkspaceFrom,
    pub(crate) round: Round,
    /// The last process begun.
    pub(crate) session: Option<SessionNo>,
    pub(crate) phase: Phase,
    pub(crate) has_slot: bool,
    pub(crate) workspace: Option<WorkspaceMade>,
    pub(crate) conversation: Option<String>,
    /// Why the round before was not accepted.
    pub(crate) given_back: Option<RoundReason>,
    /// True where the session before was cut off and the next goes on with the same round.
    pub(crate) cut_off: bool,
    /// What is left of what was set aside for the session.
    pub(crate) reserved: Ceiling,
    /// What this session told of its use so far.
    pub(crate) told: Spent,
    /// What the conversation has used so far, this session included.
    pub(crate) counted: Spent,
    /// So often in a row the service failed.
    pub(crate) falters: u32,
    /// It is being handed to a next session.
    pub(crate) handing: Option<Box<Handing>>,
    /// So often in a row it was handed on by itself, and no session changed anything.
    pub(crate) in_vain: u32,
    /// The last session has used up what was set aside for it.
    pub(crate) share_gone: bool,
    pub(crate) end: Option<Box<Ended>>,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) checks: Vec<CheckResult>,
    /// Output of the last failed check.
    pub(crate) check_tail: String,
    /// Running time of this round, sessions that ended.
    pub(crate) round_ran: Millis,
    pub(crate) stopping: Option<StopWhy>,
    /// Who cancels it: it ends as soon as nothing of it is under way.
    pub(crate) cancelled_by: Option<String>,
    /// What the last session was for.
    pub(crate) kind: SessionKind,
    /// The review of this round's work, once it has begun.
    pub(crate) review: Option<Box<Review>>,
    /// What came of looking for its earlier work.
    pub(crate) cache: Option<CacheFound>,
    /// What it made beside code has been copied.
    pub(crate) kept: bool,
}

/// A task on its way from one session to the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Handing {
    pub(crate) why: HandOffWhy,
    /// Who asked for it.
    pub(crate) by: Option<String>,
    /// The role it is yet to be given to.
    pub(crate) to: Option<RoleName>,
    pub(crate) step: HandStep,
}

/// What of that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandStep {
    /// Nothing yet: the session is being stopped.
    Asked,
    /// The document is found, or is to be written.
    Document(Source),
    /// The work is recorded, and what is handed over is told.
    Committed,
}

/// The review of a round's work.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Review {
    pub(crate) conversation: Option<String>,
    /// What its conversation has used so far.
    pub(crate) counted: Spent,
    /// Sessions that ended without a verdict.
    pub(crate) without_verdict: u32,
    /// How the last session ended, until its verdict is remembered.
    pub(crate) end: Option<Box<Ended>>,
    /// How the last session that was judged ended.
    pub(crate) last: Option<EndKind>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) reasons: Vec<String>,
    /// Running time of its sessions.
    pub(crate) ran: Millis,
}

/// What an attempt does next, or is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its workspace is being made.
    Preparing,
    /// This setup command runs.
    SettingUp(usize),
    /// Its session or command is about to start.
    Starting,
    /// Its session or command runs.
    Working,
    /// That ended; it is being recorded and judged.
    Ended,
    /// Its work is a commit; it is being judged, or its first check runs.
    Snapshotted,
    /// This check runs; those before it have ended.
    Checking(usize),
    /// Its checks passed; a reviewer is to read it, or what came of that is judged.
    Reviewing,
    /// Accepted, in the merge queue.
    Queued { at: WallTime },
    /// Being merged.
    Merging { at: WallTime },
    /// The integration branch holds it.
    Merged(CommitId),
    /// To go round again on top of what was merged meanwhile: waits for a slot.
    Reworking,
    /// A session for this is to begin once its agent can be asked: waits for that and for a slot.
    Resting(SessionKind),
}

impl Phase {
    /// What its next session is for: once the work has ended, a reviewer is to read it.
    pub(crate) fn next_session(&self) -> SessionKind {
        match self {
            Self::Ended | Self::Snapshotted | Self::Checking(_) | Self::Reviewing => SessionKind::Review,
            Self::Resting(kind) => *kind,
            Self::Preparing
            | Self::SettingUp(_)
            | Self::Starting
            | Self::Working
            | Self::Queued { .. }
            | Self::Merging { .. }
            | Self::Merged(_)
            | Self::Reworking => SessionKind::Work,
        }
    }
}

/// What the attempts of a task left.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Past {
    /// The last attempt begun.
    pub(crate) attempt: Option<Attempt>,
    /// Attempts that failed and were tried again.
    pub(crate) retries: u32,
    /// The last commit of its work.
    pub(crate) work: Option<Work>,
    pub(crate) last_failure: Option<String>,
    /// All its attempts together.
    pub(crate) spent: Spent,
    /// Running time, all its attempts together.
    pub(crate) ran: Millis,
    /// The commit where its worktree began.
    pub(crate) base: Option<CommitId>,
    /// Worktrees of its own that are still there.
    pub(crate) open: Vec<Attempt>,
    /// What the accepted session told.
    pub(crate) told: Option<Box<Told>>,
    /// What a session handed to the next one of the same task in the middle of the work.
    pub(crate) handed: Option<Box<GivenHandoff>>,
    /// The conversation of the work that was accepted, and what it has used.
    pub(crate) conversation: Option<String>,
    pub(crate) counted: Spent,
    /// Its work was merged, or there was nothing to merge: what follows begins at the integration tip.
    pub(crate) settled: bool,
    /// It was sent back, and has not been accepted since.
    pub(crate) sent_back: Option<Box<SentBack>>,
    /// How often it has sent others back.
    pub(crate) sends: u32,
    /// Why its command ran instead of being taken from the cache.
    pub(crate) not_cached: Option<String>,
}

/// Work that was sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentBack {
    pub(crate) by: TaskId,
    pub(crate) reason: String,
    /// The conversation to go on with; taken by the next attempt. And what it has used.
    pub(crate) conversation: Option<String>,
    pub(crate) counted: Spent,
}

/// A commit of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) attempt: Attempt,
    pub(crate) commit: CommitId,
    pub(crate) base: CommitId,
}

/// What an accepted session told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) narrative: Narrative,
    pub(crate) problems: Vec<String>,
}

/// What was used, and what is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ledger {
    /// What may be used.
    pub(crate) ceiling: Ceiling,
    pub(crate) spent: Spent,
    pub(crate) time: Millis,
    /// Set aside for running sessions.
    pub(crate) reserved_usd: u64,
    pub(crate) reserved_tokens: u64,
    pub(crate) warned: bool,
}

/// A merge under way: of tasks, or (with no task) of new commits of `into`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Merging {
    pub(crate) batch: Vec<TaskNo>,
    /// A task was taken out of the batch: it, not the batch, was at fault.
    pub(crate) shrunk: bool,
    /// Candidate and the integration commit it stands on.
    pub(crate) candidate: Option<(CommitId, CommitId)>,
    /// The next merge check.
    pub(crate) check: usize,
    /// The merge check that did not pass.
    pub(crate) failed: Option<RoundReason>,
    /// Set for a delivery.
    pub(crate) delivers: bool,
    /// Of a delivery: integration holds this commit, `into` is to be moved there.
    pub(crate) deliver: Option<CommitId>,
}

/// How far delivery to `into` is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Delivery {
    /// The integration commit that was delivered, or tried.
    pub(crate) tried: Option<CommitId>,
    /// What came of the last try; a failed one counts as left.
    pub(crate) last: Option<Delivered>,
    /// It cannot be made: not tried again by this engine.
    pub(crate) failed: bool,
    /// Races lost in a row.
    pub(crate) raced: u32,
}

impl State {
    pub(crate) fn task(&self, t: TaskNo) -> &Record {
        self.tasks.get(t.index()).expect("a TaskNo stands for a task of the plan it was made from")
    }

    pub(crate) fn task_mut(&mut self, t: TaskNo) -> &mut Record {
        self.tasks.get_mut(t.index()).expect("a TaskNo stands for a task of the plan it was made from")
    }

    pub(crate) fn running(&self, t: TaskNo) -> Option<&Running> {
        self.task(t).running()
    }

    /// True where nothing but a person, or an agent that can be asked again, moves the run on: that time is not the
    /// run's.
    pub(crate) fn only_waits(&self) -> bool {
        let backs_off = |record: &Record| matches!(record.status, Status::BackingOff { .. });
        let away = self.agents.values().any(|health| health.wait().is_some());
        (away || !self.gated.is_empty())
            && self.slots == 0
            && self.merging.is_none()
            && self.queue.is_empty()
            && !self.tasks.iter().any(backs_off)
    }

    /// True while a person has paused the run: what is under way goes on, nothing begins.
    pub(crate) fn pauses(&self) -> bool {
        self.pausing.is_some() && self.is_live() && !self.exceeded
    }

    /// True while new things may be started.
    pub(crate) fn is_live(&self) -> bool {
        self.stopping.is_none() && self.fault.is_none() && self.over.is_none()
    }
}

impl Record {
    pub(crate) fn running(&self) -> Option<&Running> {
        match &self.status {
            Status::Running(running) => Some(running),
            Status::Waiting
            | Status::Ready
            | Status::Expanded { .. }
            | Status::Gated(_)
            | Status::BackingOff { .. }
            | Status::Finished(_) => None,
        }
    }

    pub(crate) fn gated(&self) -> Option<&Gated> {
        match &self.status {
            Status::Gated(gated) => Some(gated),
            Status::Waiting
            | Status::Ready
            | Status::Expanded { .. }
            | Status::Running(_)
            | Status::BackingOff { .. }
            | Status::Finished(_) => None,
        }
    }

    pub(crate) fn running_mut(&mut self) -> Option<&mut Running> {
        match &mut self.status {
            Status::Running(running) => Some(running),
            Status::Waiting
            | Status::Ready
            | Status::Expanded { .. }
            | Status::Gated(_)
            | Status::BackingOff { .. }
            | Status::Finished(_) => None,
        }
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        match &self.status {
            Status::Finished(outcome) => Some(outcome),
            Status::Waiting
            | Status::Ready
            | Status::Expanded { .. }
            | Status::Gated(_)
            | Status::BackingOff { .. }
            | Status::Running(_) => None,
        }
    }

    pub(crate) fn past_mut(&mut self) -> &mut Past {
        self.past.get_or_insert_default()
    }

    pub(crate) fn attempt(&self) -> Option<Attempt> {
        self.past.as_ref().and_then(|past| past.attempt)
    }
}
