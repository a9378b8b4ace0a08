//! A mission, valid by construction: every name resolved to its kind, every duration, glob and shape read.
//!
//! What is still text here is text on purpose: templates, rendered when a plan or a prompt is made.
//! Nothing here knows files, the catalog or the environment.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::amount::{Ceiling, Millis};
pub use crate::catalog::role::{Capability, Permissions};
pub use crate::mission::backend::BackendKind;
use crate::mission::events::EventRule;
use crate::mission::sandbox::{AgentSandbox, SandboxPolicy};
pub use crate::mission::task::{
    AgentWork, Assignee, Cache, ForEach, Importance, Join, ListSource, MissionWork, Retry, RetryFrom, Task, TaskKind,
    TaskWorkspace, Touches, With,
};
use crate::name::{AgentName, InputId, MissionName, OutputId, RoleName, SkillName, TaskId};

/// A mission after all checks that need no catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mission {
    /// Its name.
    pub name: MissionName,
    /// What it is for.
    pub description: String,
    /// What it is told, in file order.
    pub inputs: IndexMap<InputId, Input>,
    /// What the run may use.
    pub budget: RunBudget,
    /// Tasks at once.
    pub max: NonZeroU32,
    /// Whether the engine stays at `max` or moves below it.
    pub pace: Pace,
    /// Environment variables that tasks may be given by name.
    pub secrets: Vec<String>,
    /// Who is told of what.
    pub notify: Vec<Notify>,
    /// How skills are ranked.
    pub skill_ranking: SkillRanking,
    /// What it hands over when another mission uses it as a task: CEL over its tasks.
    pub outputs: IndexMap<OutputId, String>,
    /// Agents of its own, over those of configuration.
    pub agents: BTreeMap<AgentName, AgentTable>,
    /// Roles of its own, over the role templates of those names.
    pub roles: BTreeMap<RoleName, RoleOverride>,
    /// Where tasks work.
    pub workspace: WorkspacePolicy,
    /// How finished work comes together.
    pub merge: MergePolicy,
    /// Agent for tasks whose role names none.
    pub default_agent: Option<AgentName>,
    /// Model for tasks whose role names none.
    pub default_model: Option<String>,
    /// Permissions for tasks whose role names none.
    pub default_permissions: Option<Permissions>,
    /// The DAG, in file order, `[defaults]` filled in where they do not depend on a role.
    pub tasks: IndexMap<TaskId, Task>,
}

/// One declared input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Input {
    /// For people.
    pub description: String,
    /// What a value must look like: a JSON Schema made of `type`, `enum`, `pattern`, `minimum`, `maximum` or given as `schema`.
    pub schema: Value,
    /// Taken when none is given; without it the input is required.
    pub default: Option<Value>,
}

/// The run's ceiling and what happens at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunBudget {
    /// At most this, retries, rounds and later resumes included.
    pub ceiling: Ceiling,
    /// At which part of the ceiling to warn, in percent (1 to 100).
    pub warn_percent: u8,
    /// What happens when it is used up.
    pub on_exceeded: OnExceeded,
    /// What happens with agents that report no use.
    pub unknown: UnknownUse,
}

/// What happens when a budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnExceeded {
    /// Running sessions hand off, nothing more starts.
    #[default]
    Stop,
    /// As `stop`, and the run waits to be resumed with more.
    Pause,
}

/// What happens with agents that report no use under a ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownUse {
    /// The run is refused.
    #[default]
    Refuse,
    /// They run, and the report says that their use is unknown.
    Allow,
}

/// How sessions of an agent are started. Left-out keys come from the layer below (see *Agents* in the book).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentTable {
    /// Which adapter.
    pub backend: Option<BackendKind>,
    /// The program and its first arguments, when it is not the backend's usual one.
    pub command: Option<Vec<String>>,
    /// Model ids for `fast`, `balanced`, `strong`.
    pub models: BTreeMap<String, String>,
    /// Sessions of this agent at once.
    pub max: Option<NonZeroU32>,
    /// How the prompt reaches the program (`command` only).
    pub prompt: Option<PromptVia>,
    /// Arguments that go on with a conversation (`command` only); templates over `conversation`.
    pub resume: Option<Vec<String>>,
    /// What its JSON lines mean (`command` only).
    pub events: Option<Vec<EventRule>>,
    /// File of the scenario (`rehearsal` only), relative to the file that says so.
    pub scenario: Option<PathBuf>,
    /// Who confines its sessions (`command` only).
    pub sandbox: Option<AgentSandbox>,
    /// What its sessions may write beside what all may: where its program keeps its state.
    pub writable: Option<Vec<String>>,
}

impl AgentTable {
    /// The program that is started: its own, or its backend's usual one.
    pub fn program(&self) -> Option<&str> {
        match &self.command {
            Some(command) => command.first().map(String::as_str),
            None => self.backend.and_then(BackendKind::usual_program),
        }
    }

    /// This one over a layer below, key by key.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let mut models = below.models;
        models.extend(self.models);
        Self {
            backend: self.backend.or(below.backend),
            command: self.command.or(below.command),
            models,
            max: self.max.or(below.max),
            prompt: self.prompt.or(below.prompt),
            resume: self.resume.or(below.resume),
            events: self.events.or(below.events),
            scenario: self.scenario.or(below.scenario),
            sandbox: self.sandbox.or(below.sandbox),
            writable: self.writable.or(below.writable),
        }
    }
}

/// How a prompt reaches a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PromptVia {
    /// On standard input.
    Stdin,
    /// In a file whose path is in `AI_SDLC_PROMPT`.
    File,
    /// In these arguments, templates over `prompt`, `prompt_file`, `model`, `conversation`.
    Arguments(Vec<String>),
}

/// What a mission says of a role, over its template.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleOverride {
    /// Another role template.
    pub template: Option<RoleName>,
    /// Which agent.
    pub agent: Option<AgentName>,
    /// Which model.
    pub model: Option<String>,
    /// Skills added.
    pub skills: Vec<SkillName>,
    /// What sessions may do.
    pub permissions: Option<Permissions>,
    /// A fence: what its tasks may change at most.
    pub touches: Option<Vec<String>>,
    /// Ceiling of each of its tasks.
    pub budget: Option<Ceiling>,
    /// Sessions of this role at once.
    pub max: Option<NonZeroU32>,
    /// Values its template sees as `vars`.
    pub vars: BTreeMap<String, Value>,
}

/// Where tasks work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspacePolicy {
    /// Worktrees or one directory.
    pub mode: WorkspaceMode,
    /// Where the run begins: a revision, a template over inputs. `None`: `into` where set, else HEAD.
    pub base: Option<String>,
    /// Name of a task's branch, a template over `run`, `task`, `inputs`.
    pub branch: String,
    /// Files copied from the main checkout.
    pub copy: Vec<String>,
    /// Folders linked from the main checkout, which nobody writes.
    pub link: Vec<String>,
    /// Commands run once in each new worktree.
    pub setup: Vec<CommandLine>,
    /// Environment variables let through, `*` at the end allowed.
    pub pass: Vec<String>,
    /// Which worktrees stay after their task.
    pub keep: Keep,
    /// Where worktrees lie. `None`: the person's state folder.
    pub root: Option<PathBuf>,
    /// How what is started is kept from writing elsewhere; in a plan with what configuration says.
    #[serde(default, skip_serializing_if = "SandboxPolicy::is_none")]
    pub sandbox: SandboxPolicy,
    /// How many bytes the kept worktrees may take in all.
    #[serde(default)]
    pub max_disk: Option<u64>,
    /// How many of them there may be.
    #[serde(default)]
    pub max_worktrees: Option<NonZeroU32>,
    /// How long one stays that nobody uses.
    #[serde(default)]
    pub keep_for: Option<Millis>,
}

/// Worktrees or one directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkspaceMode {
    /// A git worktree an attempt.
    #[default]
    Worktree,
    /// No git: all tasks work in the project's directory, one that writes at a time.
    Directory,
}

/// Which worktrees stay after their task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// None; unsaved work is salvaged first.
    Never,
    /// Those of tasks that did not succeed.
    #[default]
    Failed,
    /// All.
    Always,
}

/// How finished work comes together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MergePolicy {
    /// The person's branch to move; a template over inputs. `None`: all ends on the integration branch.
    pub into: Option<String>,
    /// When `into` moves.
    pub deliver: Deliver,
    /// Squash or merge commits.
    pub strategy: Strategy,
    /// One merge a task, or all that wait at once.
    pub commit: MergeCommit,
    /// Commands that must pass on the merged tree before a branch moves.
    pub checks: Vec<CommandLine>,
    /// What a conflict leads to.
    pub on_conflict: OnConflict,
}

/// When `into` moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deliver {
    /// Once, when every task succeeded or was skipped.
    #[default]
    End,
    /// After every merged task.
    Each,
}

/// What a merge looks like in history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// One commit with one parent.
    #[default]
    Squash,
    /// A merge commit with the task's branch as second parent.
    Merge,
}

/// How many tasks a merge takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MergeCommit {
    /// One.
    #[default]
    Task,
    /// All that wait when the queue is free, halved when it fails.
    Batch,
}

/// What a conflict leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    /// Branch and worktree are kept, the person is told.
    #[default]
    Escalate,
    /// The conversation is asked again on top of the merged state, at most `rounds` times.
    Rework,
}

/// A command as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CommandLine {
    /// Program and arguments; each element is a template and stays one argument.
    Argv(Vec<String>),
    /// Text for the shell, taken as it is.
    Shell(String),
}

/// How many tasks at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// `max`, always.
    #[default]
    Fixed,
    /// Between 1 and `max`, as failures show.
    Auto,
}

/// How skills are ranked where many could help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SkillRanking {
    /// By a text index.
    #[default]
    Index,
    /// By one cheap call of the agent.
    Agent,
}

/// Something that happens outside when something happens here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notify {
    /// What it is about.
    pub on: Vec<Occasion>,
    /// What happens.
    pub by: NotifyBy,
}

/// How someone is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotifyBy {
    /// A program and its arguments.
    Command(Vec<String>),
    /// An address that the facts are posted to, as JSON.
    Webhook(String),
}

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// A task failed.
    Failed,
    /// A gate waits for an answer.
    Gate,
    /// A budget is nearly or wholly used up.
    Budget,
    /// `into` was moved.
    Delivered,
    /// The run ended, or stands still.
    Finished,
}
