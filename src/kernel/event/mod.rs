//! What is remembered. Every change of a task's state is exactly one event, and the fold of any prefix of the journal
//! is the state of that moment. Names of types and fields are part of the published formats: only ever add.

#![expect(missing_docs, reason = "the fields of a variant are told by the variant and by their types")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::amount::{Ceiling, Millis, Usage, WallTime};
use crate::handoff::{CheckVerdict, Narrative, Source, Verdict};
use crate::kernel::collisions::Side;
use crate::kernel::fact::{Answer, Delivered, EndKind, Snapshot, StopCause, StopWhy, WorkspaceMade};
use crate::name::{AgentName, Attempt, CommitId, OutputId, RoleName, Round, RunId, SessionNo, SkillName, TaskId};
use crate::plan::{Plan, Task};

mod handing;
mod outcome;

pub use handing::{HandOffWhy, HandoffStep};
pub use outcome::{CancelWhy, Failure, FailureClass, Outcome};

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Event {
    /// The first event of every run: the plan, whole.
    #[schemars(skip)]
    RunStarted { run: RunId, plan: Box<Plan>, place: Place },
    /// A later engine goes on. Failed tasks named here get a new attempt, blocked ones are freed, a raised ceiling counts from now.
    RunResumed { retried: Vec<TaskId>, freed: Vec<TaskId>, ceiling: Ceiling },
    /// What keeps what this engine starts from writing elsewhere.
    Sandboxed { sandbox: Sandbox },
    /// A person tries a failed task again while the run is live: `retried` get a new attempt, what they blocked is freed.
    TaskRetried { task: TaskId, by: String, retried: Vec<TaskId>, freed: Vec<TaskId> },
    /// A person cancels a task that is under way: it is being stopped.
    TaskCancelling { task: TaskId, by: String },
    /// A person pauses the run: nothing new begins, what is under way goes to its end, then the run stands still.
    RunPausing { by: String },
    /// All it needs is there.
    TaskReady { task: TaskId },
    /// The instances of a task, or the tasks of a mission used as one, are known: they are part of the plan from here on.
    Expanded { task: TaskId, tasks: Vec<Instance> },
    /// What a task may change is known, now that what it needs has ended.
    TouchesKnown { task: TaskId, touches: Vec<String> },
    /// What a group hands over, now that its parts have ended.
    OutputsKnown { task: TaskId, outputs: BTreeMap<OutputId, Value> },
    /// A person is asked. `binding`: a hash of the question and of what the tasks it needs have made.
    GateOpened { task: TaskId, question: String, binding: String },
    /// A person answered, or a scenario did.
    GateAnswered { task: TaskId, answer: Answer, message: String, by: String },
    /// Work is sent back: `tasks` go round again in their conversations with this reason, those in `again` start anew.
    SentBack { by: TaskId, time: u32, tasks: Vec<TaskId>, again: Vec<TaskId>, reason: String },
    /// A reviewer judged a round's work.
    Reviewed { task: TaskId, attempt: Attempt, round: Round, verdict: Option<Verdict>, reasons: Vec<String> },
    /// Whether a command's earlier work can be used instead of running it.
    CacheLookedUp { task: TaskId, attempt: Attempt, found: CacheFound },
    /// What a task made beside code was kept.
    ArtifactsKept { task: TaskId, attempt: Attempt, artifacts: Vec<Artifact>, notes: Vec<String> },
    /// An attempt began: slot, locks and touches are taken; its workspace is being prepared
    /// (or, where there is nothing to prepare, its command runs).
    TaskStarted { task: TaskId, attempt: Attempt, from: WorkspaceFrom },
    /// Its workspace is there.
    WorkspaceReady { task: TaskId, attempt: Attempt, workspace: WorkspaceMade },
    /// One setup command ended.
    SetupFinished {
        task: TaskId,
        attempt: Attempt,
        index: usize,
        verdict: CheckVerdict,
        duration: Millis,
        tail: String,
    },
    /// An agent session begins; what it is told is stored here.
    SessionStarted {
        task: TaskId,
        attempt: Attempt,
        round: Round,
        session: SessionNo,
        prompt: String,
        conversation: Option<String>,
        reserved: Ceiling,
        #[serde(default, skip_serializing_if = "SessionKind::is_work")]
        kind: SessionKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<RoleName>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentName>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// A command begins, where that is not said by `task-started` alone.
    CommandStarted { task: TaskId, attempt: Attempt, round: Round, session: SessionNo },
    /// The agent named its conversation.
    ConversationNamed { task: TaskId, attempt: Attempt, conversation: String },
    /// What the agent says it is doing.
    Progress { task: TaskId, attempt: Attempt, text: String },
    /// The session used a skill that it was given. A skill that is read is told once a session.
    SkillUsed { task: TaskId, attempt: Attempt, session: SessionNo, skill: SkillName, how: SkillUse },
    /// Used since the last report: settled in the ledger.
    Usage { task: TaskId, attempt: Attempt, session: SessionNo, usage: Usage },
    /// Work is being stopped.
    Stopping { task: TaskId, attempt: Attempt, why: StopWhy },
    /// A session or command ended. `problems`: what of its handoff and outputs was missing, wrong or at odds with the facts.
    SessionEnded { task: TaskId, attempt: Attempt, round: Round, session: SessionNo, end: Box<Ended> },
    /// Its work is a commit.
    Snapshot { task: TaskId, attempt: Attempt, snapshot: Snapshot },
    /// A check ended.
    CheckFinished {
        task: TaskId,
        attempt: Attempt,
        round: Round,
        index: usize,
        command: String,
        verdict: CheckVerdict,
        duration: Millis,
        tail: String,
        changed: Vec<String>,
    },
    /// The round's work was not accepted; the next round begins with this reason in the same conversation.
    RoundFailed { task: TaskId, attempt: Attempt, round: Round, reason: RoundReason },
    /// The attempt failed and another follows at `until`.
    BackingOff { task: TaskId, attempt: Attempt, failure: Failure, until: WallTime },
    /// Accepted work waits for the merge queue.
    MergeQueued { task: TaskId, attempt: Attempt },
    /// These are being merged together.
    MergeStarted { batch: Vec<TaskId> },
    /// Their candidate.
    CandidateMade { batch: Vec<TaskId>, candidate: CommitId, tip: CommitId },
    /// One merge check ended.
    MergeCheckFinished {
        candidate: CommitId,
        index: usize,
        command: String,
        verdict: CheckVerdict,
        duration: Millis,
        tail: String,
    },
    /// A batch failed its checks and is halved, or the integration branch had moved: its tasks queue again.
    MergeRequeued { batch: Vec<TaskId>, why: String },
    /// The integration branch holds it.
    Merged { batch: Vec<TaskId>, commit: CommitId },
    /// The task has ended. For a success: what it made.
    TaskFinished { task: TaskId, outcome: Outcome },
    /// A workspace was removed, or kept.
    WorkspaceClosed { task: TaskId, attempt: Attempt, kept: Option<PathBuf> },
    /// A part of the budget is used.
    BudgetWarning { percent: u8, settled: Settled },
    /// The budget is used up: nothing more starts.
    BudgetExceeded { settled: Settled },
    /// The run is stopping.
    RunStopping { cause: StopCause },
    /// The engine itself cannot go on.
    EngineFault { why: String },
    /// A delivery to `into` is being made.
    DeliveryStarted { tip: CommitId },
    /// What came of it.
    Delivered { into: String, commit: CommitId, delivered: Delivered },
    /// It could not be made.
    DeliveryFailed { into: String, why: String, files: Vec<String> },
    /// As things are, these two do not merge: told once, and again when the files change. It is also gone when a task of
    /// it ends.
    CollisionForeseen {
        one: Side,
        two: Side,
        files: Vec<String>,
        #[serde(default, skip_serializing_if = "is_zero")]
        more: usize,
    },
    /// They merge now, or one of them has nothing to merge any more.
    CollisionGone { one: Side, two: Side },
    /// Something a person should know that changes nothing.
    Note {
        task: Option<TaskId>,
        text: String,
        /// What it answers, where somebody waits for that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<NoteAbout>,
    },
    /// The run ended, or stands still until resumed.
    RunFinished { outcome: RunOutcome },
    /// The wall clock was set, or the machine slept: the clock went on by so many milliseconds more than time did, or
    /// less.
    ClockJumped { by: i64 },
    /// Too much was asked of the service behind an agent: none of its sessions begins before `until`. It costs no
    /// attempt. `times`: so many limits in a row; `by`: whether the service named the moment or a length of time, or
    /// nothing, and it is a back-off.
    Limited { agent: AgentName, task: TaskId, attempt: Attempt, until: WallTime, why: String, times: u32, by: LimitBy },
    /// The service behind an agent failed: none of its sessions begins before `until`. It costs no attempt.
    AgentFaltered { agent: AgentName, task: TaskId, attempt: Attempt, until: WallTime, why: String, times: u32 },
    /// The wait after a limit or a failure of its service is over: its sessions go on.
    AgentReady { agent: AgentName },
    /// So many sessions of an agent failed in a row, for reasons of its own: it is taken out until then; with no
    /// `until`, as trying again changes nothing, until a person tries it again.
    AgentSuspended { agent: AgentName, until: Option<WallTime>, why: String, failures: u32 },
    /// An agent that was taken out is tried again with one session.
    AgentTried { agent: AgentName },
    /// It works again: all its sessions go on.
    AgentBack { agent: AgentName },
    /// A task waits for its agent: it has given its slot back, and goes on in the same attempt and conversation.
    AgentAwaited { task: TaskId, attempt: Attempt, agent: AgentName },
    /// A task that waited for its agent has a slot again.
    GoesOn { task: TaskId, attempt: Attempt },
    /// A task is handed to a next session in the same attempt, worktree and round: the present one is stopped, where it
    /// has not ended by itself. `to`: the role that goes on with it, where that is another.
    HandingOff { task: TaskId, attempt: Attempt, why: HandOffWhy, by: Option<String>, to: Option<RoleName> },
    /// A step of that is done.
    HandoffStep { task: TaskId, attempt: Attempt, step: HandoffStep },
    /// The sessions of a task are from here on those of this role.
    TaskGiven { task: TaskId, by: Option<String>, role: RoleName, agent: AgentName, model: Option<String> },
    /// From here on so many tasks work at once (`concurrency.auto`).
    PaceChanged { at_once: u32, why: String },
}

/// Who says when a limit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimitBy {
    /// The service named the moment.
    Moment,
    /// It said how long.
    Wait,
    /// It said nothing: each limit in a row is waited for longer.
    BackOff,
}

/// What a note answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoteAbout {
    /// A task that a person wanted to be tried again cannot be now.
    RetryRefused,
    /// A task that a person wanted to be handed to a next session is not.
    HandOffRefused,
}

/// How the note begins that tells what still runs after a stop: it is true until the run ends.
pub const CLEAN_UP: &str = "clean-up goes on: ";

/// How an engine fault begins that is a full disk: the environment's, not ours.
pub const DISK_FULL: &str = "the disk is full: ";

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A task that a run adds to its plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// Its id in the run.
    pub id: TaskId,
    /// The task, whole, as in the schema of plans.
    #[schemars(with = "BTreeMap<String, Value>")]
    pub task: Task,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionKind {
    /// To do the task.
    #[default]
    Work,
    /// To read what was done.
    Review,
}

/// How a skill is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SkillUse {
    /// Its handler is run.
    Run,
    /// Its text, or another file of it, is read.
    Read,
}

impl SessionKind {
    /// True for the usual kind.
    pub fn is_work(&self) -> bool {
        *self == Self::Work
    }
}

/// What came of looking for a command's earlier work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum CacheFound {
    /// It was found and its changes were applied.
    Hit { run: String, task: TaskId },
    /// It runs; `why` says what differs.
    Miss { why: String },
}

/// A file kept for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// Its path below the run's folder.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Where a run takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The directory of the project (the main worktree; of a scratch clone: the clone).
    pub directory: PathBuf,
    /// Where integration began; `None` in `directory` mode.
    pub base: Option<CommitId>,
    /// The person's repository or a throw-away copy of it.
    pub kind: PlaceKind,
}

/// The person's repository or a throw-away copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceKind {
    /// The repository itself.
    Repository,
    /// A scratch clone, in which `checks`, `merge.checks` and `setup` run.
    ScratchWithChecks,
    /// A scratch clone without a scenario: they are not run, and the report lists them.
    ScratchWithoutChecks,
}

/// What a workspace is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum WorkspaceFrom {
    /// The project's directory itself.
    Directory,
    /// The integration tip.
    Integration,
    /// The integration tip, with the work of an earlier attempt put on top.
    LastWork { attempt: Attempt, commit: CommitId, base: CommitId },
    /// The integration tip, thrown away afterwards.
    ReadOnly,
    /// The worktree of another task's attempt, as it was left.
    With { task: TaskId, attempt: Attempt },
}

/// Work to merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergeSource {
    /// Whose (of a chain in one worktree: its last task).
    pub task: TaskId,
    /// Which attempt.
    pub attempt: Attempt,
    /// The commit where the attempt began.
    pub base: CommitId,
    /// Its work.
    pub commit: CommitId,
    /// First line of the commit made of it.
    pub title: String,
    /// Date of the commit made of it: the moment it was queued, so that a repeated merge makes the same commit.
    pub at: WallTime,
}

/// Whether a workspace stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeepWorkspace {
    /// It stays.
    Keep,
    /// It goes, unsaved work salvaged first.
    Remove,
}

/// How a session or command ended, as remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// What became of it.
    pub how: EndKind,
    /// Running time.
    pub duration: Millis,
    /// Use not settled before.
    pub usage: Usage,
    /// What it told.
    pub narrative: Narrative,
    /// Where that came from.
    pub source: Source,
    /// Outputs that have the declared shape.
    pub outputs: BTreeMap<OutputId, Value>,
    /// What was missing, wrong or at odds with the facts.
    pub problems: Vec<String>,
    /// The last lines of its output, made safe.
    pub tail: String,
    /// What it was denied.
    pub denied: Vec<String>,
    /// Output was cut at its limit.
    pub truncated: bool,
    /// Processes it left behind, ended by the sweep.
    pub swept: u32,
    /// The model that answered, as the agent's program names it; `None` where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The version of the agent's program, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Why a round's work was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum RoundReason {
    /// A check failed.
    Check { command: String, verdict: CheckVerdict, tail: String },
    /// Declared outputs are missing or wrong, in words.
    Outputs { problems: Vec<String> },
    /// Files outside `touches` were changed.
    Touches { files: Vec<String> },
    /// The agent was denied what it needed.
    Denied { what: Vec<String> },
    /// Its work conflicts with what was merged meanwhile (`on_conflict = "rework"`).
    Conflict { files: Vec<String> },
    /// A merge check failed on the merged tree.
    MergeCheck { command: String, verdict: CheckVerdict, tail: String },
    /// The session says that it is not done (`partial`, `stuck`).
    NotDone { summary: String },
    /// Its reviewer gave it back.
    Review { role: RoleName, reasons: Vec<String> },
    /// A task downstream sent it back: a gate that was rejected, a judge, a command that failed.
    SentBack { by: TaskId, reason: String },
    /// The session ran out of turns, or out of room, before it was done.
    OutOfTurns { why: String },
}

/// What keeps what is started from writing elsewhere than to its workspace, temporary and cache folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Sandbox {
    /// The kernel. `abi`: the version of its interface. `writable`: what was named besides. `own`: agents that are not
    /// confined so, as they bring a sandbox of their own. `exposed`: a git folder that lies in the workspace itself.
    Landlock {
        abi: u32,
        writable: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        own: Vec<AgentName>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exposed: Option<PathBuf>,
    },
    /// Nothing: it was asked for so.
    Off,
    /// Nothing: the system cannot.
    Unavailable { why: String },
}

/// What the ledger has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Settled {
    /// Money and tokens.
    pub usage: Usage,
    /// Time the run was live.
    pub time: Millis,
    /// Whether some of the use is unknown.
    pub some_unknown: bool,
}

/// How a run ended, or why it stands still. Ordered as exit codes win: the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum RunOutcome {
    /// The engine could not go on (70; a full disk: 5).
    EngineFault,
    /// It was stopped (130, 143, 129).
    Stopped { cause: StopCause },
    /// A person paused it, whatever failed before (3).
    Paused,
    /// A task failed (1).
    Failed,
    /// A person cancelled a task, and none failed (1).
    Cancelled,
    /// Conflicts, or a delivery, are left to a person (7).
    Conflict,
    /// The budget is used up (4).
    OutOfBudget,
    /// It waits for a person (3).
    Waiting,
    /// All that should happen happened (0).
    Succeeded,
}
