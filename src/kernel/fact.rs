//! What the world tells the kernel. Every fact of a session or command carries its attempt, so that a late one changes nothing.

#![expect(missing_docs, reason = "the fields of a variant are told by the variant and by their types")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::amount::{Ceiling, Millis, Usage, WallTime};
use crate::handoff::{CheckVerdict, FileChange, Source};
use crate::kernel::collisions::MergeTried;
use crate::kernel::event::{Artifact, CacheFound, Sandbox, SkillUse};
use crate::name::{Attempt, CommitId, RoleName, Round, SessionNo, SkillName, TaskId};

/// Which process of which attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct WorkKey {
    /// The task.
    pub task: TaskId,
    /// Its attempt.
    pub attempt: Attempt,
    /// The round within the attempt.
    pub round: Round,
    /// The process within the attempt.
    pub session: SessionNo,
}

/// One fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// The engine begins to drive a run whose plan was just recorded (`Run::new`), or one that was folded from a journal.
    Began(Began),
    /// A workspace is there, prepared (copies, links, skills), `setup` not yet run.
    WorkspaceReady { task: TaskId, attempt: Attempt, workspace: WorkspaceMade },
    /// It could not be made: fails that attempt only.
    WorkspaceFailed { task: TaskId, attempt: Attempt, why: String },
    /// One `setup` command ended.
    SetupEnded { task: TaskId, attempt: Attempt, index: usize, verdict: CheckVerdict, duration: Millis, tail: String },
    /// A session or command is running.
    WorkStarted { key: WorkKey, pid: u32 },
    /// The agent named its conversation.
    Conversation { key: WorkKey, conversation: String },
    /// The agent says what it is doing, in one line.
    Progress { key: WorkKey, text: String },
    /// Used since the last report.
    Used { key: WorkKey, usage: Usage },
    /// The session used a skill that it was given.
    SkillUsed { key: WorkKey, skill: SkillName, how: SkillUse },
    /// The agent's program tries again by itself, because of this.
    Retrying { key: WorkKey, fault: Fault, why: String },
    /// A session or command ended, its result durable, nothing of it running any more.
    WorkEnded { key: WorkKey, end: Box<WorkEnd> },
    /// The work of an attempt was recorded as a commit.
    Snapshotted { task: TaskId, attempt: Attempt, snapshot: Box<Snapshot> },
    /// It could not be recorded.
    SnapshotFailed { task: TaskId, attempt: Attempt, why: String },
    /// A check of a task's work ended; what it changed was thrown away.
    CheckEnded {
        task: TaskId,
        attempt: Attempt,
        round: Round,
        index: usize,
        verdict: CheckVerdict,
        duration: Millis,
        tail: String,
        changed: Vec<String>,
    },
    /// A candidate was made of a batch and the integration tip; or it was not.
    CandidateMade { batch: Vec<TaskId>, candidate: CandidateResult },
    /// The merge worktree holds the candidate and its `setup` ran.
    CandidateReady { candidate: CommitId, prepared: Result<(), String> },
    /// One merge check ended.
    MergeCheckEnded { candidate: CommitId, index: usize, verdict: CheckVerdict, duration: Millis, tail: String },
    /// The integration branch holds the candidate; or it had moved to something else meanwhile.
    IntegrationMoved { candidate: CommitId, moved: Moved },
    /// New commits of `into` were merged into integration in memory (a candidate as any other); or there were none.
    DeliveryMade { delivery: DeliveryCandidate },
    /// `into` was moved, or left with the command to do so.
    Delivered { commit: CommitId, delivered: Delivered },
    /// A person answered a gate, or a scenario did. `binding`: what they were shown; `None`: what there is now.
    Answered { task: TaskId, answer: Answer, message: String, by: String, binding: Option<String> },
    /// What a task's work changes, as a unified diff for its reviewer; bounded, empty where it cannot be told.
    DiffShown { task: TaskId, attempt: Attempt, diff: String },
    /// A command's earlier work was looked for, and applied where it was found.
    CacheLookedUp { task: TaskId, attempt: Attempt, found: CacheFound, outputs: Option<String> },
    /// What a task made beside code was kept.
    ArtifactsKept { task: TaskId, attempt: Attempt, artifacts: Vec<Artifact>, notes: Vec<String> },
    /// Merges were tried in memory.
    MergesTried { tried: Vec<MergeTried> },
    /// A worktree was removed or kept; for a kept one its path is told.
    WorkspaceClosed { task: TaskId, attempt: Attempt, kept: Option<PathBuf> },
    /// A moment asked for by `Effect::WakeAt` has come, or just time passing.
    Tick,
    /// A person or the system wants the run to stop.
    Stop(StopCause),
    /// A person has everything killed at once.
    Killed(StopCause),
    /// What keeps what this engine starts from writing elsewhere.
    Sandboxed(Sandbox),
    /// A person wants nothing new to begin, and the run to stand still once what is under way has ended.
    Pause { by: String },
    /// A person wants this task alone to be stopped.
    Cancel { task: TaskId, by: String },
    /// A person wants a task that failed to be tried again.
    Retry { task: TaskId, by: String },
    /// A person wants a task to go on in another session, or in another role.
    HandOff { task: TaskId, to: Option<RoleName>, by: String },
    /// Something a person should know that changes nothing.
    Noted { text: String },
    /// From here on gates are answered while this engine runs, or no longer.
    Attended(Attended),
    /// A store or disk problem of the engine itself: nothing new starts, the run ends resumable.
    EngineFault { why: String },
}

/// A person's answer to a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It goes on.
    Approve,
    /// It goes back, or fails.
    Reject,
}

/// An answer to a gate that was recorded while no engine drove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateAnswer {
    /// Which gate.
    pub task: TaskId,
    /// Yes or no.
    pub answer: Answer,
    /// In the person's words.
    pub message: String,
    /// Who.
    pub by: String,
    /// What they were shown; `None`: what there is now.
    pub binding: Option<String>,
}

/// Who can answer a gate while the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Attended {
    /// Nobody: a run that only waits for a person ends, to be resumed.
    #[default]
    No,
    /// Someone at a terminal, or a scenario.
    Yes,
}

/// How driving begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Began {
    /// A new run.
    New {
        /// Whether gates are answered while it runs.
        attended: Attended,
    },
    /// A resumed one.
    Resumed {
        /// Whether gates are answered while it runs.
        attended: Attended,
        /// What was answered while no engine drove.
        answers: Vec<GateAnswer>,
        /// Tasks whose running session or command left a durable result: its `WorkEnded` follows at once, nothing is started for them.
        adopted: BTreeSet<TaskId>,
        /// What the run may use from now on; `None`: as before.
        ceiling: Option<Ceiling>,
        /// What of that which failed is tried again.
        again: Again,
        /// Worktrees that somebody took away while no engine drove: what was under way there begins a new attempt.
        gone: BTreeSet<(TaskId, Attempt)>,
    },
}

/// What of that which failed a resume tries again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Again {
    /// All of it.
    #[default]
    All,
    /// This task, with what keeps it from starting and what it keeps; the rest stays as it ended.
    Only(TaskId),
}

/// A workspace that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceMade {
    /// Where the task works.
    pub path: PathBuf,
    /// Where the attempt began; `None` in `directory` mode.
    pub base: Option<CommitId>,
    /// The branch that will carry its work.
    pub branch: Option<String>,
    /// Told to the person: a copy that was not there, …
    pub notes: Vec<String>,
}

/// How a session or command ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkEnd {
    /// What became of it.
    pub how: EndKind,
    /// Running time.
    pub duration: Millis,
    /// Use not told before by `Used`.
    pub usage: Usage,
    /// The conversation, where the agent has such a thing.
    pub conversation: Option<String>,
    /// Handoff texts found, best first; bounded.
    pub handoffs: Vec<(Source, String)>,
    /// Text of `$AI_SDLC_OUTPUTS`, where a command wrote it; bounded.
    pub outputs: Option<String>,
    /// The last lines of its output or last message, made safe; bounded.
    pub tail: String,
    /// What the agent was denied, in words.
    pub denied: Vec<String>,
    /// Whether it did anything.
    pub activity: Activity,
    /// Output was cut at its limit.
    pub truncated: bool,
    /// How many processes it left behind and the sweep ended.
    pub swept: u32,
    /// The model that answered, as the agent's program names it; `None` where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The version of the agent's program, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What became of a session or command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum EndKind {
    /// It came to its own end: the terminal event of its stream, or exit 0 for what has no stream.
    Completed,
    /// It exited otherwise.
    Exited { code: i32 },
    /// It was ended by a signal that we did not send.
    Signalled { signal: i32 },
    /// It declined the work, in its own words.
    Refused { why: String },
    /// It could not be started.
    NotStarted { why: String },
    /// We stopped it, as asked by `Effect::StopWork`.
    Stopped { why: StopWhy },
    /// Its host or guard died.
    Lost { why: String },
    /// Its own program or the service behind it failed, and said how.
    Failed { fault: Fault, why: String },
}

/// What failed of an agent, as far as its program tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "class")]
pub enum Fault {
    /// The service: an error of its own, a stream that was cut, no connection.
    Transient,
    /// Too much was asked of the service: a rate, a usage limit, a quota.
    Limited { reset: Reset },
    /// Login, model or arguments: trying again changes nothing.
    Misconfigured,
    /// The cap that was handed to the program is used up.
    OutOfBudget,
    /// The most turns, or the longest answer, that the program allows.
    OutOfTurns,
    /// The conversation cannot go on: it is full, or its program does not know it any more.
    OutOfContext,
}

/// When a limit ends, as far as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Reset {
    /// Nobody said.
    Untold,
    /// After this long.
    After { wait: Millis },
    /// At this moment.
    At { wall: WallTime },
}

/// Why work is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StopWhy {
    /// Its running time is used up.
    Timeout,
    /// No sign of life.
    Idle,
    /// Its budget is used up.
    Budget,
    /// The run is stopping.
    Interrupt,
    /// A person cancelled the task.
    Cancelled,
    /// The next session is to go on with the task.
    HandOff,
}

/// Whether a session did anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activity {
    /// It called tools, or there is no telling.
    Acted,
    /// It called no tool.
    NoTool,
}

/// The work of an attempt as a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The commit; `None` where nothing differs from the base (or in `directory` mode).
    pub commit: Option<CommitId>,
    /// Files that differ from the base.
    pub files: Vec<FileChange>,
    /// Nested repositories that git cannot carry, and the like.
    pub notes: Vec<String>,
}

/// What came of making a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CandidateResult {
    /// The merged commit. `tip` is the integration commit it stands on.
    Clean { commit: CommitId, tip: CommitId },
    /// Nothing to merge: the tree is that of the tip.
    Empty { tip: CommitId },
    /// These files of this task conflict.
    Conflict { task: TaskId, files: Vec<String> },
    /// It could not be made.
    Failed { why: String },
}

/// What came of moving a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It holds what it should (now, or already).
    Done,
    /// It holds something else.
    Elsewhere { tip: CommitId },
    /// It could not be moved.
    Failed { why: String },
}

/// What came of preparing a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryCandidate {
    /// `into` has nothing that integration lacks: it can go forward as it is.
    UpToDate { tip: CommitId },
    /// `into` has commits of its own: this candidate holds both and must pass the checks first.
    Merged { commit: CommitId, tip: CommitId },
    /// They conflict.
    Conflict { files: Vec<String> },
    /// It could not be made.
    Failed { why: String },
}

/// What came of moving `into`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Delivered {
    /// It moved (now, or already).
    Moved,
    /// It was left as it was; `command` does what was asked.
    Left { why: String, command: String },
    /// It got new commits meanwhile: prepare again.
    Raced,
}

/// Who or what stops a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StopCause {
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// SIGHUP.
    HungUp,
    /// `run abort`.
    Aborted,
}
