//! What the kernel asks of the world. The driver carries these out and decides nothing.
//!
//! Each variant says how a resume tells whether it happened already; the driver does that check itself, so that
//! asking twice is harmless. *Guarded* effects wait until the events before them are durable.
//!
//! Each is answered once by the fact it names. Of a task's attempt only one is unanswered at a time, `StopWork` beside
//! the work it stops and `CloseWorkspace` of an earlier attempt apart; of the merge queue and delivery together also one.
//! After `Finish` no answer counts any more: a setup command, a check or the preparation of a candidate may then still
//! be under way, and ends with the guard.

#![expect(missing_docs, reason = "the fields of a variant are told by the variant and by their types")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::amount::{At, Ceiling, Usage};
use crate::kernel::collisions::MergeTry;
use crate::kernel::event::{KeepWorkspace, MergeSource, SessionKind, WorkspaceFrom};
use crate::kernel::fact::{StopWhy, WorkKey};
use crate::name::{Attempt, CommitId, OutputId, Round, SessionNo, TaskId};
use crate::plan::argv::Argv;

/// One effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Make and prepare a workspace → `WorkspaceReady` or `WorkspaceFailed`.
    /// Happened if: the worktree is there and carries run, task and attempt (then it is used as it is).
    PrepareWorkspace { task: TaskId, attempt: Attempt, from: WorkspaceFrom },
    /// Run one `setup` command there → `SetupEnded`. Never happened: run again.
    Setup { task: TaskId, attempt: Attempt, index: usize },
    /// *Guarded.* Start an agent session → `WorkStarted`, …, `WorkEnded`. Happened if: its `result.json` is there.
    StartSession(Box<StartSession>),
    /// Start a `run` command → `WorkStarted`, `WorkEnded`. `argv` is final: templates rendered.
    StartCommand { key: WorkKey, command: Argv, path: PathBuf },
    /// Stop a session or command, gently, then hard → `WorkEnded`.
    StopWork { key: WorkKey, why: StopWhy },
    /// Tell what lies between these two commits as a unified diff, bounded → `DiffShown`. Repeatable.
    ShowDiff { task: TaskId, attempt: Attempt, base: CommitId, commit: CommitId },
    /// *Guarded.* Ask a person → `Answered`, if ever. Asking twice shows the question twice.
    AskGate { task: TaskId, question: String, binding: String },
    /// Look for what this command made of the same inputs before, and put it into the workspace → `CacheLookedUp`.
    /// Repeatable.
    LookUpCache { task: TaskId, attempt: Attempt, command: Argv },
    /// Remember what a command made of its inputs. Answered by nothing; a failure only costs the next run time.
    FillCache { task: TaskId, attempt: Attempt, command: Argv, outputs: BTreeMap<OutputId, Value> },
    /// Copy what it made beside code into the run's folder → `ArtifactsKept`. Repeatable.
    KeepArtifacts { task: TaskId, attempt: Attempt },
    /// Record what is in the workspace as a commit on the task's branch → `Snapshotted` or `SnapshotFailed`.
    /// Happened if: the branch holds a snapshot of the same tree (then the same commit is told).
    /// `since`: what the tasks before it in its worktree had made; only what differs from that is its own doing.
    Snapshot { task: TaskId, attempt: Attempt, session: SessionNo, since: Option<CommitId> },
    /// Run one check in the workspace; put back what it changed → `CheckEnded`. Never happened: run again.
    Check { task: TaskId, attempt: Attempt, round: Round, index: usize, command: Argv },
    /// Merge these in memory, in this order, onto the integration tip → `CandidateMade`. Pure but for objects: repeatable.
    MakeCandidate { batch: Vec<MergeSource> },
    /// Check the candidate out into the merge worktree and prepare it → `CandidateReady`.
    PrepareCandidate { candidate: CommitId },
    /// Stop what the engine itself runs for a task: its check or its setup command. What was running ends, and is told as ever.
    StopCommands { task: TaskId },
    /// Run one of `merge.checks` there → `MergeCheckEnded`.
    MergeCheck { candidate: CommitId, index: usize, command: Argv },
    /// *Guarded.* Move the integration branch by compare-and-swap → `IntegrationMoved`. Happened if: the ref holds the candidate.
    MoveIntegration { candidate: CommitId, from: CommitId },
    /// Merge new commits of `into` into integration, in memory → `DeliveryMade`.
    MakeDelivery,
    /// *Guarded.* Move `into` to this commit of integration, fast-forward only → `Delivered`. Happened if: `into` contains it.
    Deliver { commit: CommitId },
    /// *Guarded.* Salvage what is unsaved, then remove or keep the workspace → `WorkspaceClosed`.
    /// Happened if: it is gone.
    CloseWorkspace { task: TaskId, attempt: Attempt, keep: KeepWorkspace },
    /// Try these merges in memory and write nothing → `MergesTried`. One at a time, beside all others. Repeatable; a try
    /// that fails is left out of the answer.
    TryMerges { tries: Vec<MergeTry> },
    /// Send `Fact::Tick` at this moment (the monotonic part counts), replacing any later wish.
    WakeAt(At),
    /// *Guarded.* The run has ended or stands still: tell the person, stop driving.
    Finish,
}

/// All that is needed to start a session.
#[derive(Debug, Clone, PartialEq)]
pub struct StartSession {
    /// Which process of which attempt.
    pub key: WorkKey,
    /// What it is for.
    pub kind: SessionKind,
    /// With which model of its agent; `None`: the agent's own default.
    pub model: Option<String>,
    /// What the session is told, whole.
    pub prompt: String,
    /// The conversation to go on with.
    pub conversation: Option<String>,
    /// What that conversation has used so far.
    pub counted: Usage,
    /// Where it works.
    pub path: PathBuf,
    /// The most it may use, for agents that have a cap of their own.
    pub cap: Ceiling,
}
