//! The literal form of a mission file: what a person wrote, after its keys and types are checked and nothing more.
//!
//! The doc comments here are the descriptions in `schema/mission.schema.json`. Lengths of time, globs, shapes and
//! templates are still text. No `flatten`, no untagged or internally tagged enums: they lose spans and do not
//! combine with `deny_unknown_fields`. The tables of roles and agents are in [`team`](crate::mission::team).

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::mission::field::command::CommandText;
use crate::mission::field::duration::DurationText;
use crate::mission::field::number::{Count, Dollars, Fraction, Large, More, Signed};
use crate::mission::field::place::PlaceText;
use crate::mission::field::shape::ShapeText;
use crate::mission::model::{
    Deliver, Join, Keep, MergeCommit, OnConflict, OnExceeded, Permissions, Strategy, UnknownUse, WorkspaceMode,
};
use crate::mission::team::{AgentFile, RoleFile};
use crate::name::{AgentName, InputId, MissionName, OutputId, RoleName, SkillName, TaskId};

/// A mission: tasks for AI coding agents and commands, as a graph.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ai-sdlc mission")]
pub struct MissionFile {
    /// Version of this language: 1.
    pub version: Option<Signed>,
    /// What this mission is.
    pub mission: Head,
    /// What it is told by `--input name=value`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<InputId, InputFile>")]
    pub inputs: IndexMap<InputId, InputFile>,
    /// Ceiling of the whole run: retries, rounds and later resumes included.
    pub budget: Option<BudgetFile>,
    /// How much runs at once.
    pub concurrency: Option<ConcurrencyFile>,
    /// How sessions of an agent are started; usually in configuration instead.
    #[serde(default)]
    #[schemars(with = "BTreeMap<AgentName, AgentFile>")]
    pub agents: IndexMap<AgentName, AgentFile>,
    /// Roles of this mission, over the role templates of those names.
    #[serde(default)]
    #[schemars(with = "BTreeMap<RoleName, RoleFile>")]
    pub roles: IndexMap<RoleName, RoleFile>,
    /// Where tasks work.
    pub workspace: Option<WorkspaceFile>,
    /// How finished work comes together.
    pub merge: Option<MergeFile>,
    /// Values for task keys that are left out.
    pub defaults: Option<DefaultsFile>,
    /// The tasks.
    #[schemars(with = "BTreeMap<TaskId, TaskFile>")]
    pub tasks: IndexMap<TaskId, TaskFile>,
}

/// What this mission is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Its name.
    pub name: MissionName,
    /// What it is for, for people.
    #[serde(default)]
    pub description: String,
}

/// One input. Without `default` it must be given.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Type of the value; `string` where neither this nor `schema` is given.
    #[serde(rename = "type")]
    pub kind: Option<InputType>,
    /// What it is, for people.
    #[serde(default)]
    pub description: String,
    /// Taken when none is given.
    pub default: Option<Value>,
    /// The values it may have.
    #[serde(rename = "enum")]
    pub options: Option<Vec<Value>>,
    /// A regular expression that text must match.
    pub pattern: Option<String>,
    /// Smallest number.
    pub minimum: Option<f64>,
    /// Largest number.
    pub maximum: Option<f64>,
    /// A JSON Schema for the value: a table, or the path of a file; instead of the keys above.
    pub schema: Option<SchemaText>,
}

/// A JSON Schema: a table, or the path of a file relative to the mission.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SchemaText(pub Value);

/// Type of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InputType {
    /// Text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    Array,
    /// A table.
    Object,
}

/// Ceiling of the whole run.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetFile {
    /// US dollars.
    pub usd: Option<Dollars>,
    /// Tokens: input, output, reasoning and cache writes.
    pub tokens: Option<Large>,
    /// Time while the run is live.
    pub time: Option<DurationText>,
    /// At which part of a ceiling to warn; 0.8 where left out.
    pub warn_at: Option<Fraction>,
    /// What happens when it is used up.
    #[serde(default)]
    pub on_exceeded: OnExceeded,
    /// What happens with agents that report no use.
    #[serde(default)]
    pub unknown: UnknownUse,
}

/// A ceiling of one task, all its attempts together.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CeilingFile {
    /// US dollars.
    pub usd: Option<Dollars>,
    /// Tokens: input, output, reasoning and cache writes.
    pub tokens: Option<Large>,
    /// Running time.
    pub time: Option<DurationText>,
}

/// How much runs at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConcurrencyFile {
    /// Tasks at once; 3 where left out.
    pub max: Option<Count>,
}

/// Where tasks work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceFile {
    /// A git worktree an attempt, or one directory without git.
    #[serde(default)]
    pub mode: WorkspaceMode,
    /// Where the run begins: a revision, a template over inputs; left out, `into` where that is set, else HEAD.
    pub base: Option<String>,
    /// Name of a task's branch: a template over `run`, `task`, `mission` and `inputs`.
    pub branch: Option<String>,
    /// Files copied from the main checkout.
    #[serde(default)]
    pub copy: Vec<String>,
    /// Folders linked from the main checkout, which nobody writes.
    #[serde(default)]
    pub link: Vec<String>,
    /// Commands run once in each new worktree.
    #[serde(default)]
    pub setup: Vec<CommandText>,
    /// Environment variables let through, beside the usual ones; `*` at the end of a name is allowed.
    #[serde(default)]
    pub pass: Vec<String>,
    /// Which worktrees stay after their task.
    #[serde(default)]
    pub keep: Keep,
    /// Where worktrees lie; left out, in your state folder.
    pub root: Option<PathBuf>,
}

/// How finished work comes together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeFile {
    /// Your branch to move: a template over inputs; left out, everything ends on the integration branch.
    pub into: Option<String>,
    /// When `into` moves.
    #[serde(default)]
    pub deliver: Deliver,
    /// What a merge looks like in history.
    #[serde(default)]
    pub strategy: Strategy,
    /// How many tasks a merge takes.
    #[serde(default)]
    pub commit: MergeCommit,
    /// Commands run on the merged tree, before a branch moves.
    #[serde(default)]
    pub checks: Vec<CommandText>,
    /// What a conflict leads to.
    #[serde(default)]
    pub on_conflict: OnConflict,
}

/// Values for task keys that are left out.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultsFile {
    /// Role of agent tasks.
    pub role: Option<RoleName>,
    /// Agent of tasks whose role names none.
    pub agent: Option<AgentName>,
    /// Model of tasks whose role names none: `fast`, `balanced`, `strong`, or an id the agent knows.
    pub model: Option<String>,
    /// Running time of a round.
    pub timeout: Option<DurationText>,
    /// Time without a sign of life.
    pub idle_timeout: Option<DurationText>,
    /// Running time of one check.
    pub check_timeout: Option<DurationText>,
    /// New attempts after failures.
    pub retry: Option<RetryFile>,
    /// How often an attempt may go round.
    pub rounds: Option<Count>,
    /// Commands that accept the work of tasks that may change files.
    pub checks: Option<Vec<CommandText>>,
    /// What sessions of tasks may do whose role does not say.
    pub permissions: Option<Permissions>,
    /// Skills of every agent task.
    #[serde(default)]
    pub skills: Vec<SkillName>,
    /// Environment variables of every task.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// One task: of an agent (`prompt`) or a command (`run`).
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskFile {
    /// What an agent is to do: a template. Makes this a task of an agent.
    pub prompt: Option<String>,
    /// A command. Makes this a command task.
    pub run: Option<CommandText>,
    /// One line for people.
    pub title: Option<String>,
    /// Tasks that come first.
    #[serde(default)]
    pub needs: Vec<TaskId>,
    /// When it may start.
    #[serde(default)]
    pub join: Join,
    /// Larger first among the ready.
    pub priority: Option<Signed>,
    /// Expected duration.
    pub estimate: Option<DurationText>,
    /// Globs of files it may change; an empty list: none.
    pub touches: Option<Vec<String>>,
    /// Names of things only one task may hold at a time.
    #[serde(default)]
    pub locks: Vec<String>,
    /// Who does it.
    pub role: Option<RoleName>,
    /// Which agent, over the role's.
    pub agent: Option<AgentName>,
    /// Which model, over the role's: `fast`, `balanced`, `strong`, or an id the agent knows.
    pub model: Option<String>,
    /// What sessions may do, over the role's.
    pub permissions: Option<Permissions>,
    /// Skills added to the role's.
    #[serde(default)]
    pub skills: Vec<SkillName>,
    /// Commands the engine runs after the session; all must exit 0.
    pub checks: Option<Vec<CommandText>>,
    /// How often an attempt may go round, the first included; 3 where left out.
    pub rounds: Option<Count>,
    /// New attempts after failures.
    pub retry: Option<RetryFile>,
    /// Running time of a round; 30 minutes where left out.
    pub timeout: Option<DurationText>,
    /// Time without a sign of life; 10 minutes where left out.
    pub idle_timeout: Option<DurationText>,
    /// Running time of one check; 10 minutes where left out.
    pub check_timeout: Option<DurationText>,
    /// Ceiling of this task, all its attempts together.
    pub budget: Option<CeilingFile>,
    /// What it must hand over.
    #[serde(default)]
    #[schemars(with = "BTreeMap<OutputId, ShapeText>")]
    pub outputs: IndexMap<OutputId, ShapeText>,
    /// Whose handoff documents open its sessions; left out, those of all it needs.
    pub handoff: Option<HandoffFile>,
    /// Where it works.
    pub workspace: Option<PlaceText>,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// New attempts after crashes, time-outs and used-up rounds; for a command after any exit but 0.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryFile {
    /// How many more attempts; 0 where left out.
    pub max: Option<More>,
    /// Wait before the second attempt, doubled each time; 10 seconds where left out.
    pub backoff: Option<DurationText>,
    /// Whether a new attempt starts from the base instead of the last attempt's work.
    #[serde(default)]
    pub clean: bool,
}

/// Whose handoff documents open a session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandoffFile {
    /// Tasks upstream.
    pub from: Vec<TaskId>,
}
