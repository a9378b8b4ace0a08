//! One task of a mission, valid by construction. Part of the [model](crate::mission::model).

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::amount::{Ceiling, Millis};
use crate::catalog::role::{Capability, Permissions};
use crate::mission::field::shape::Shape;
use crate::mission::model::{CommandLine, Mission};
use crate::name::{AgentName, InputId, OutputId, RoleName, SkillName, TaskId, VarId};

/// The values that a variable of `for_each` takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ListSource {
    /// These.
    Values(Vec<Value>),
    /// CEL for a list.
    Cel(String),
}

/// The files a task may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Touches {
    /// Globs, each a template.
    Globs(Vec<String>),
    /// CEL for a list of globs.
    Cel(String),
}

/// An input of a mission task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum With {
    /// A value; the texts in it are templates.
    Value(Value),
    /// CEL for one.
    Cel(String),
}

/// The instances of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForEach {
    /// What its variables take; several make the cross product, the last one fastest.
    pub variables: IndexMap<VarId, ListSource>,
    /// CEL for the name of an instance.
    pub key: Option<String>,
    /// The most instances.
    pub max_instances: NonZeroU32,
}

/// Another mission, used as a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissionWork {
    /// Its file, as found.
    pub file: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// The mission.
    pub mission: Box<Mission>,
    /// What it is told.
    pub with: IndexMap<InputId, With>,
}

/// Whether a task's failure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Importance {
    /// It fails the run.
    #[default]
    Required,
    /// It neither fails the run nor holds delivery back; what needs it is skipped.
    Optional,
}

/// When a command need not run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cache {
    /// Globs of the files it reads.
    pub inputs: Vec<String>,
    /// Environment variables it reads.
    pub env: Vec<String>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// One line for people.
    pub title: Option<String>,
    /// Agent, command, gate or mission.
    pub kind: TaskKind,
    /// Its instances; `None`: it is one.
    pub for_each: Option<ForEach>,
    /// A condition in CEL.
    pub when: Option<String>,
    /// Whether its failure counts.
    pub importance: Importance,
    /// A role that reads the work after the checks.
    pub review: Option<RoleName>,
    /// Tasks that go round again when this one says so.
    pub rework: Vec<TaskId>,
    /// Globs of files copied into the run's folder.
    pub artifacts: Vec<String>,
    /// When it need not run again.
    pub cache: Option<Cache>,
    /// Names of secrets it is given.
    pub secrets: Vec<String>,
    /// Tasks that come first.
    pub needs: Vec<TaskId>,
    /// When it may start.
    pub join: Join,
    /// Larger first among the ready.
    pub priority: i64,
    /// Expected duration.
    pub estimate: Option<Millis>,
    /// Files it may change; `None`: not known.
    pub touches: Option<Touches>,
    /// Names only one task may hold at a time.
    pub locks: Vec<String>,
    /// Commands that accept its work.
    pub checks: Vec<CommandLine>,
    /// How often an attempt may go round, the first included.
    pub rounds: NonZeroU32,
    /// New attempts after failures.
    pub retry: Retry,
    /// Running time of a round.
    pub timeout: Millis,
    /// Time without a sign of life (agents only).
    pub idle_timeout: Millis,
    /// Running time of one check.
    pub check_timeout: Millis,
    /// Ceiling of all its attempts together.
    pub budget: Option<Ceiling>,
    /// What it must hand over.
    pub outputs: IndexMap<OutputId, Shape>,
    /// Whose handoff documents open its sessions; `None`: all of `needs`.
    pub handoff_from: Option<Vec<TaskId>>,
    /// Where it works.
    pub workspace: TaskWorkspace,
    /// Plain variables.
    pub env: BTreeMap<String, String>,
}

/// The kinds of task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Sessions of a role's agent.
    Agent(AgentWork),
    /// A command.
    Command(CommandLine),
    /// A question to a person, a template.
    Gate(String),
    /// Another mission.
    Mission(MissionWork),
}

/// What an agent task says of its sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentWork {
    /// What to do, a template.
    pub prompt: String,
    /// Who does it.
    pub assignee: Assignee,
    /// Which agent, over the role's.
    pub agent: Option<AgentName>,
    /// Which model, over the role's.
    pub model: Option<String>,
    /// What it may do, over the role's.
    pub permissions: Option<Permissions>,
    /// Skills added to the role's.
    pub skills: Vec<SkillName>,
}

/// Who does a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assignee {
    /// This role.
    Role(RoleName),
    /// That role of the mission which covers these best.
    Capabilities(Vec<Capability>),
}

/// When a task may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Join {
    /// All it needs succeeded.
    #[default]
    AllSuccess,
    /// None of what it needs failed; skipped ones are fine.
    NoneFailed,
    /// All it needs ended, however; not after an abort or a budget stop.
    AllDone,
    /// All it needs ended, however, also after an abort or a budget stop; without `needs`, all other tasks.
    Always,
}

/// New attempts after crashes, time-outs and used-up rounds; for a command after any exit but 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retry {
    /// How many more attempts.
    pub max: u32,
    /// Wait before the second attempt; it doubles, up to 5 minutes, with jitter.
    pub backoff: Millis,
    /// What the next attempt starts from.
    pub from: RetryFrom,
    /// Another model for the new attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What a new attempt starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RetryFrom {
    /// The work of the last attempt.
    #[default]
    LastWork,
    /// The base, as if nothing had been done (`clean = true`).
    Base,
}

/// Where a task works.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskWorkspace {
    /// A worktree of its own.
    #[default]
    Own,
    /// The merged state so far, in a worktree thrown away.
    ReadOnly,
    /// That task's worktree, where it left off.
    With(TaskId),
}
