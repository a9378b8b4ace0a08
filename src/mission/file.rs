//! The literal form of a mission file: what a person wrote, after its keys and types are checked and nothing more.
//!
//! The doc comments here are the descriptions in `schema/mission.schema.json`. Lengths of time, globs, shapes and
//! templates are still text. No `flatten`, no untagged or internally tagged enums: they lose spans and do not
//! combine with `deny_unknown_fields`. The tables of roles and agents are in [`team`](crate::mission::team), those of
//! ceilings in [`limits`](crate::mission::limits).

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::catalog::role::Capability;
use crate::mission::field::command::CommandText;
use crate::mission::field::duration::DurationText;
use crate::mission::field::late::{ListText, TouchesText, WithText};
use crate::mission::field::number::{Count, More, Signed};
use crate::mission::field::place::PlaceText;
use crate::mission::field::shape::ShapeText;
use crate::mission::field::size::SizeText;
use crate::mission::limits::{BudgetFile, CeilingFile, ConcurrencyFile};
use crate::mission::model::{
    Deliver, Join, Keep, MergeCommit, Occasion, OnConflict, Permissions, SkillRanking, Strategy, WorkspaceMode,
};
use crate::mission::sandbox::SandboxMode;
use crate::mission::team::{AgentFile, RoleFile};
use crate::name::{AgentName, InputId, LocalTaskId, MissionName, OutputId, RoleName, SkillName, VarId};

/// A mission: tasks for AI coding agents and commands, as a graph.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ai-sdlc mission")]
pub struct MissionFile {
    /// Version of this language: 1.
    #[schemars(example = 1, extend("default" = 1))]
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
    /// Names of environment variables that tasks may be given by name; masked everywhere, never written to disk.
    #[serde(default)]
    #[schemars(example = ["NPM_TOKEN"])]
    pub secrets: Vec<String>,
    /// Who is told of what.
    #[serde(default)]
    pub notify: Vec<NotifyFile>,
    /// Values for task keys that are left out.
    pub defaults: Option<DefaultsFile>,
    /// What this mission hands over when another uses it as a task: CEL over its tasks.
    #[serde(default)]
    #[schemars(with = "BTreeMap<OutputId, String>", example = json!({ "parts": "tasks.plan.outputs.parts" }))]
    pub outputs: IndexMap<OutputId, String>,
    /// The tasks.
    #[schemars(with = "BTreeMap<LocalTaskId, TaskFile>")]
    pub tasks: IndexMap<LocalTaskId, TaskFile>,
}

/// What this mission is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Its name.
    #[schemars(example = &"web-app")]
    pub name: MissionName,
    /// What it is for, for people.
    #[serde(default)]
    #[schemars(example = &"Build one feature of a web application, end to end.")]
    pub description: String,
}

/// One input. Without `default` it must be given.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Type of the value; `string` where neither this nor `schema` is given.
    #[serde(rename = "type")]
    #[schemars(example = &"integer", extend("default" = "string"))]
    pub kind: Option<InputType>,
    /// What it is, for people.
    #[serde(default)]
    #[schemars(example = &"What to build, in a sentence or two.")]
    pub description: String,
    /// Taken when none is given.
    #[schemars(example = &"A page that lists the releases.")]
    pub default: Option<Value>,
    /// The values it may have.
    #[serde(rename = "enum")]
    #[schemars(example = ["small", "large"])]
    pub options: Option<Vec<Value>>,
    /// A regular expression that text must match.
    #[schemars(example = &"^[a-z-]+$")]
    pub pattern: Option<String>,
    /// Smallest number.
    #[schemars(example = 1)]
    pub minimum: Option<f64>,
    /// Largest number.
    #[schemars(example = 10)]
    pub maximum: Option<f64>,
    /// A JSON Schema for the value: a table, or the path of a file; instead of the keys above.
    #[schemars(example = json!({ "type": "array", "items": { "type": "string" } }))]
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

/// Where tasks work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceFile {
    /// A git worktree an attempt, or one directory without git.
    #[serde(default)]
    pub mode: WorkspaceMode,
    /// Where the run begins: a revision, a template over inputs; left out, `into` where that is set, else HEAD.
    #[schemars(example = &"main")]
    pub base: Option<String>,
    /// Name of a task's branch: a template over `run`, `task`, `mission` and `inputs`.
    #[schemars(example = &"work/{{run.id}}/{{task.id}}", extend("default" = "ai-sdlc/{{run.id}}/{{task.id}}"))]
    pub branch: Option<String>,
    /// Files copied from the main checkout.
    #[serde(default)]
    #[schemars(example = [".env"])]
    pub copy: Vec<String>,
    /// Folders linked from the main checkout, which nobody writes.
    #[serde(default)]
    #[schemars(example = ["node_modules"])]
    pub link: Vec<String>,
    /// Commands run once in each new worktree.
    #[serde(default)]
    #[schemars(example = [["npm", "ci"]])]
    pub setup: Vec<CommandText>,
    /// Environment variables let through, beside the usual ones; `*` at the end of a name is allowed.
    #[serde(default)]
    #[schemars(example = ["AWS_*"])]
    pub pass: Vec<String>,
    /// Which worktrees stay after their task.
    #[serde(default)]
    pub keep: Keep,
    /// Where worktrees lie; left out, in your state folder.
    #[schemars(example = &"../worktrees")]
    pub root: Option<PathBuf>,
    /// Whether what is started may write only to its workspace, temporary and cache folders: `auto`, where the system can see
    /// to that; `off`, it may write everywhere; `required`, nothing is begun where it cannot. Left out, what configuration says,
    /// else `auto`.
    #[schemars(example = &"required")]
    pub sandbox: Option<SandboxMode>,
    /// Folders and files that may be written besides: absolute, or below `~`.
    #[serde(default)]
    #[schemars(example = ["~/.rustup"])]
    pub writable: Vec<String>,
    /// How much the kept worktrees of this repository's runs may take in all: the oldest of runs that are over go
    /// first, what is unsaved in them saved.
    #[schemars(example = &"20 GB")]
    pub max_disk: Option<SizeText>,
    /// How many kept worktrees there may be, in the same way.
    #[schemars(example = 50)]
    pub max_worktrees: Option<Count>,
    /// How long a kept worktree stays that nobody uses, in the same way.
    #[schemars(example = &"14d")]
    pub keep_for: Option<DurationText>,
}

/// How finished work comes together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeFile {
    /// Your branch to move: a template over inputs; left out, everything ends on the integration branch.
    #[schemars(example = &"main")]
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
    #[schemars(example = [["npm", "test"]])]
    pub checks: Vec<CommandText>,
    /// What a conflict leads to.
    #[serde(default)]
    pub on_conflict: OnConflict,
}

/// Something that happens outside when something happens here. A failure of it never harms the run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifyFile {
    /// What it is about.
    #[schemars(example = ["failed", "gate"])]
    pub on: Vec<Occasion>,
    /// A program and its arguments, with the facts in `AI_SDLC_*`.
    #[schemars(example = ["notify-send", "ai-sdlc"])]
    pub command: Option<Vec<String>>,
    /// An address that the facts are posted to, as JSON.
    #[schemars(example = &"https://example.org/hook")]
    pub webhook: Option<String>,
}

/// Values for task keys that are left out.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultsFile {
    /// Role of agent tasks.
    #[schemars(example = &"full-stack-dev")]
    pub role: Option<RoleName>,
    /// Agent of tasks whose role names none.
    #[schemars(example = &"claude")]
    pub agent: Option<AgentName>,
    /// Model of tasks whose role names none: `fast`, `balanced`, `strong`, or an id the agent knows.
    #[schemars(example = &"balanced")]
    pub model: Option<String>,
    /// Running time of a round.
    #[schemars(example = &"45m", extend("default" = "30m"))]
    pub timeout: Option<DurationText>,
    /// Time without a sign of life.
    #[schemars(example = &"5m", extend("default" = "10m"))]
    pub idle_timeout: Option<DurationText>,
    /// Running time of one check.
    #[schemars(example = &"2m", extend("default" = "10m"))]
    pub check_timeout: Option<DurationText>,
    /// New attempts after failures.
    pub retry: Option<RetryFile>,
    /// How often an attempt may go round.
    #[schemars(example = 2, extend("default" = 3))]
    pub rounds: Option<Count>,
    /// Commands that accept the work of tasks that may change files.
    #[schemars(example = [["npm", "test"]])]
    pub checks: Option<Vec<CommandText>>,
    /// What sessions of tasks may do whose role does not say.
    pub permissions: Option<Permissions>,
    /// Skills of every agent task.
    #[serde(default)]
    #[schemars(example = ["test-runner"])]
    pub skills: Vec<SkillName>,
    /// Environment variables of every task.
    #[serde(default)]
    #[schemars(example = json!({ "CI": "1" }))]
    pub env: BTreeMap<String, String>,
    /// How skills are ranked where many could help: by the text index, or by one cheap call of the agent.
    #[serde(default)]
    pub skill_ranking: SkillRanking,
}

/// One task: of an agent (`prompt`), a command (`run`), a person (`gate`) or another mission (`mission`).
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskFile {
    /// What an agent is to do: a template. Makes this a task of an agent.
    #[schemars(example = &"Build this and nothing else: {{inputs.feature}}")]
    pub prompt: Option<String>,
    /// A command. Makes this a command task.
    #[schemars(example = ["npm", "test"])]
    pub run: Option<CommandText>,
    /// A question to a person: a template. Makes this a gate.
    #[schemars(example = &"Merge {{inputs.feature}}?")]
    pub gate: Option<String>,
    /// Another mission file, relative to this one, whose tasks are run as this task. Makes this a mission task.
    #[schemars(example = &"polish.toml")]
    pub mission: Option<PathBuf>,
    /// Inputs of that mission: values, whose texts are templates, or `{ cel = "…" }`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<InputId, WithText>", example = json!({ "feature": "{{inputs.feature}}", "parts": { "cel": "tasks.plan.outputs.parts" } }))]
    pub with: IndexMap<InputId, WithText>,
    /// One line for people.
    #[schemars(example = &"Build the feature")]
    pub title: Option<String>,
    /// Tasks that come first.
    #[serde(default)]
    #[schemars(example = ["plan"])]
    pub needs: Vec<LocalTaskId>,
    /// When it may start.
    #[serde(default)]
    pub join: Join,
    /// Whether its failure neither fails the run nor holds delivery back.
    #[serde(default)]
    pub optional: bool,
    /// A condition in CEL; where it is false the task is skipped.
    #[schemars(example = &"tasks.plan.outputs.parts.size() > 0")]
    pub when: Option<String>,
    /// One instance for each value: lists, or CEL for a list; several variables make the cross product.
    #[schemars(with = "Option<BTreeMap<VarId, ListText>>", example = json!({ "part": "tasks.plan.outputs.parts" }))]
    pub for_each: Option<IndexMap<VarId, ListText>>,
    /// CEL for the name of an instance, as in `build[auth]`.
    #[schemars(example = &"part.name")]
    pub key: Option<String>,
    /// The most instances; 50 where left out.
    #[schemars(example = 8, extend("default" = 50))]
    pub max_instances: Option<Count>,
    /// Larger first among the ready.
    #[schemars(example = 10, extend("default" = 0))]
    pub priority: Option<Signed>,
    /// Expected duration.
    #[schemars(example = &"20m")]
    pub estimate: Option<DurationText>,
    /// Globs of files it may change, or CEL for such a list; an empty list: none.
    #[schemars(example = ["src/**"])]
    pub touches: Option<TouchesText>,
    /// Names of things only one task may hold at a time.
    #[serde(default)]
    #[schemars(example = ["port-3000"])]
    pub locks: Vec<String>,
    /// Who does it.
    #[schemars(example = &"full-stack-dev")]
    pub role: Option<RoleName>,
    /// What its role must be able to do, where no role is named: that of the mission which covers them best is taken.
    #[serde(default)]
    #[schemars(example = ["writes-code", "database"])]
    pub capabilities: Vec<Capability>,
    /// Which agent, over the role's.
    #[schemars(example = &"claude")]
    pub agent: Option<AgentName>,
    /// Which model, over the role's: `fast`, `balanced`, `strong`, or an id the agent knows.
    #[schemars(example = &"strong")]
    pub model: Option<String>,
    /// What sessions may do, over the role's.
    pub permissions: Option<Permissions>,
    /// Skills added to the role's.
    #[serde(default)]
    #[schemars(example = ["test-runner"])]
    pub skills: Vec<SkillName>,
    /// Commands the engine runs after the session; all must exit 0.
    #[schemars(example = [["npm", "test"]])]
    pub checks: Option<Vec<CommandText>>,
    /// A role that reads the work after the checks and accepts it or gives it back.
    #[schemars(example = &"tech-lead")]
    pub review: Option<RoleName>,
    /// How often an attempt may go round, the first included; of a gate or a command: how often its `rework` sends back; 3 where left out.
    #[schemars(example = 5, extend("default" = 3))]
    pub rounds: Option<Count>,
    /// Tasks that go round again when this gate is rejected, this agent's verdict is `rework`, or this command fails.
    #[serde(default)]
    #[schemars(example = ["build"])]
    pub rework: Vec<LocalTaskId>,
    /// New attempts after failures.
    pub retry: Option<RetryFile>,
    /// Running time of a round; 30 minutes where left out.
    #[schemars(example = &"1h", extend("default" = "30m"))]
    pub timeout: Option<DurationText>,
    /// Time without a sign of life; 10 minutes where left out.
    #[schemars(example = &"5m", extend("default" = "10m"))]
    pub idle_timeout: Option<DurationText>,
    /// Running time of one check; 10 minutes where left out.
    #[schemars(example = &"2m", extend("default" = "10m"))]
    pub check_timeout: Option<DurationText>,
    /// Ceiling of this task, all its attempts together.
    pub budget: Option<CeilingFile>,
    /// What it must hand over.
    #[serde(default)]
    #[schemars(with = "BTreeMap<OutputId, ShapeText>", example = json!({ "parts": ["string"] }))]
    pub outputs: IndexMap<OutputId, ShapeText>,
    /// Whose handoff documents open its sessions; left out, those of all it needs.
    pub handoff: Option<HandoffFile>,
    /// Where it works.
    #[schemars(example = &"read-only", extend("default" = "own"))]
    pub workspace: Option<PlaceText>,
    /// Globs of files that are copied out of the workspace into the run's folder.
    #[serde(default)]
    #[schemars(example = ["report/**"])]
    pub artifacts: Vec<String>,
    /// When a command need not run again.
    pub cache: Option<CacheFile>,
    /// Environment variables.
    #[serde(default)]
    #[schemars(example = json!({ "CI": "1" }))]
    pub env: BTreeMap<String, String>,
    /// Names of the mission's `secrets` that it is given.
    #[serde(default)]
    #[schemars(example = ["NPM_TOKEN"])]
    pub secrets: Vec<String>,
}

/// When a command need not run again: these files and variables, and the command itself, are as when it last succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CacheFile {
    /// Globs of the files it reads.
    #[schemars(example = ["src/**"])]
    pub inputs: Vec<String>,
    /// Environment variables it reads.
    #[serde(default)]
    #[schemars(example = ["CI"])]
    pub env: Vec<String>,
}

/// New attempts after crashes, time-outs and used-up rounds; for a command after any exit but 0.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryFile {
    /// How many more attempts; 0 where left out.
    #[schemars(example = 2, extend("default" = 0))]
    pub max: Option<More>,
    /// Wait before the second attempt, doubled each time; 10 seconds where left out.
    #[schemars(example = &"1m", extend("default" = "10s"))]
    pub backoff: Option<DurationText>,
    /// Whether a new attempt starts from the base instead of the last attempt's work.
    #[serde(default)]
    pub clean: bool,
    /// Another model for the new attempts: `fast`, `balanced`, `strong`, or an id the agent knows.
    #[schemars(example = &"strong")]
    pub model: Option<String>,
}

/// Whose handoff documents open a session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandoffFile {
    /// Tasks upstream.
    #[schemars(example = ["plan"])]
    pub from: Vec<LocalTaskId>,
}
