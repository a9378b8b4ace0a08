//! A plan: a mission with everything decided. A closed value, stored whole with the run.
//!
//! `build` makes one of a mission, the catalog and inputs; `render` makes prompts and commands of it later, as a
//! pure function of the plan and what upstream handed over; `graph` and `forecast` show it. Nothing here reads
//! files, the clock or the environment: a resume takes nothing from mission, role or skill files again.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::amount::{Ceiling, Millis};
use crate::catalog::schema_of;
pub use crate::catalog::skill::SkillFile;
use crate::mission::field::shape::Shape;
use crate::mission::model::{
    BackendKind, CommandLine, Join, MergePolicy, Permissions, PromptVia, Retry, RunBudget, TaskWorkspace,
    WorkspacePolicy,
};
use crate::name::{AgentName, InputId, MissionName, OutputId, RoleName, SkillName, TaskId};
use crate::plan::scenario::Scenario;

pub mod argv;
pub mod build;
pub mod forecast;
pub mod graph;
pub mod render;
pub mod scenario;
pub mod touches;

/// A mission with everything decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Name of the mission.
    pub mission: MissionName,
    /// What it is for.
    pub description: String,
    /// The mission file, as given on the command line; for people.
    pub file: String,
    /// Values of all inputs, defaults filled in.
    pub inputs: BTreeMap<InputId, Value>,
    /// What the run may use.
    pub budget: RunBudget,
    /// Tasks at once.
    pub max: NonZeroU32,
    /// The agents that tasks use.
    pub agents: BTreeMap<AgentName, Agent>,
    /// The roles that tasks use.
    pub roles: BTreeMap<RoleName, Role>,
    /// Sources of the partials that role templates may include, by name.
    pub partials: BTreeMap<String, String>,
    /// The skills that sessions are given.
    pub skills: BTreeMap<SkillName, Skill>,
    /// Where tasks work; its templates are rendered, but for `branch`.
    pub workspace: WorkspacePolicy,
    /// How finished work comes together; its templates are rendered, its checks but for argv templates.
    pub merge: MergePolicy,
    /// Tasks in file order.
    #[schemars(with = "BTreeMap<TaskId, Task>")]
    pub tasks: IndexMap<TaskId, Task>,
    /// Where all this came from, to say later what has changed.
    pub sources: Vec<SourceFile>,
}

/// The JSON Schema of a plan, draft-07.
pub fn plan_schema() -> String {
    schema_of::<Plan>("plan")
}

/// The JSON Schema of a scenario, draft-07.
pub fn scenario_schema() -> String {
    schema_of::<Scenario>("scenario")
}

/// How sessions of an agent are started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agent {
    /// Which adapter.
    pub backend: BackendKind,
    /// Program and first arguments; empty for an embedded one.
    pub command: Vec<String>,
    /// Model ids for `fast`, `balanced`, `strong`.
    pub models: BTreeMap<String, String>,
    /// Sessions of it at once.
    pub max: Option<NonZeroU32>,
    /// How the prompt reaches the program.
    pub prompt: PromptVia,
    /// Arguments that go on with a conversation.
    pub resume: Option<Vec<String>>,
    /// What the rehearsal agent plays; `None`: its default play.
    pub scenario: Option<Scenario>,
    /// Whether it tells what it used.
    pub reports: ReportsUse,
}

/// Whether an agent tells what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportsUse {
    /// It does.
    Yes,
    /// It does not: budgets of money and tokens cannot bind.
    No,
}

/// A role as its tasks use it: template and mission's table together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Role {
    /// One line for people.
    pub description: String,
    /// Its body.
    pub body: RoleBody,
    /// Values its template sees as `vars`.
    pub vars: BTreeMap<String, Value>,
    /// Sessions of it at once.
    pub max: Option<NonZeroU32>,
    /// Where it was found; for people.
    pub origin: String,
}

/// The body of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleBody {
    /// A Handlebars template of ours.
    Template(String),
    /// Text made for another tool, taken as it is.
    Text(String),
}

/// A skill as sessions are given it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Skill {
    /// When to use it, from its manifest.
    pub description: String,
    /// All its files, paths relative to its folder.
    pub files: Vec<SkillFile>,
    /// Where it was found; for people.
    pub origin: String,
}

/// One task with everything decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// One line for people: its title, else its id.
    pub title: String,
    /// Agent or command.
    pub kind: TaskKind,
    /// Tasks that come first, all upstream. A task that needs a link of a shared worktree also waits for the chain's last.
    pub needs: Vec<TaskId>,
    /// When it may start.
    pub join: Join,
    /// Larger first among the ready.
    pub priority: i64,
    /// Expected duration, for the order and the forecast.
    pub estimate: Millis,
    /// Files it may change: compiled globs can be made of these; `None`: not known.
    pub touches: Option<Vec<String>>,
    /// A role's fence: files it may change at most; does not order tasks.
    pub fence: Option<Vec<String>>,
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
    pub budget: Ceiling,
    /// What it must hand over.
    #[schemars(with = "BTreeMap<OutputId, Value>")]
    pub outputs: IndexMap<OutputId, Shape>,
    /// Whose handoffs open its sessions.
    pub handoff_from: Vec<TaskId>,
    /// Where it works.
    pub workspace: TaskWorkspace,
    /// The branch that carries its work; `None` in `directory` mode and `read-only`. `{{run.id}}` is still a template.
    pub branch: Option<String>,
    /// Plain variables.
    pub env: BTreeMap<String, String>,
}

/// The kinds of task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Sessions of a role's agent.
    Agent(AgentWork),
    /// A command.
    Command(CommandLine),
}

/// What an agent task's sessions are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentWork {
    /// What to do, a template.
    pub prompt: String,
    /// Who does it.
    pub role: RoleName,
    /// Which agent.
    pub agent: AgentName,
    /// The model id handed to the agent; `None`: its own default.
    pub model: Option<String>,
    /// What it may do.
    pub permissions: Permissions,
    /// The skills it is given, what they require included.
    pub skills: Vec<SkillName>,
}

/// A file the plan was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceFile {
    /// Its path, or `built-in:roles/…`.
    pub path: String,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
}
