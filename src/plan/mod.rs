//! A plan: a mission with everything decided. A closed value, stored whole with the run.
//!
//! `build` makes one of a mission, the catalog and inputs; `render` makes prompts and commands of it later, as a
//! pure function of the plan and what upstream handed over; `graph` and `forecast` show it. Nothing here reads
//! files, the clock or the environment: a resume takes nothing from mission, role or skill files again.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use indexmap::IndexMap;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::amount::{Ceiling, Millis};
use crate::catalog::schema::{of_input, schema_text};
pub use crate::catalog::skill::SkillFile;
use crate::handoff::{Facts, Narrative};
use crate::mission::events::EventRule;
use crate::mission::field::shape::Shape;
use crate::mission::model::{
    BackendKind, Cache, CommandLine, Importance, Input, Join, ListSource, MergePolicy, Notify, Pace, Permissions,
    PromptVia, Retry, RunBudget, TaskWorkspace, Touches, With, WorkspacePolicy,
};
use crate::mission::sandbox::AgentSandbox;
use crate::name::{AgentName, InputId, MissionName, OutputId, RoleName, SkillName, TaskId, VarId};
use crate::plan::ranking::SkillsRanked;
use crate::plan::scenario::Scenario;
use crate::price::Prices;

pub mod argv;
mod branches;
pub mod build;
pub mod choose;
pub mod compare;
pub mod costs;
pub mod forecast;
pub mod foreseen;
pub mod graph;
pub mod instantiate;
mod names;
pub mod ranking;
pub mod render;
pub mod scenario;
pub mod sound;
pub mod touches;
pub mod upstream;

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
    /// Whether the engine stays at `max` or moves below it.
    #[serde(default)]
    pub pace: Pace,
    /// Environment variables that tasks are given by name; their values are in no plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Who is told of what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Notify>,
    /// The agents that tasks use.
    pub agents: BTreeMap<AgentName, Agent>,
    /// The roles that tasks use.
    pub roles: BTreeMap<RoleName, Role>,
    /// Sources of the partials that role templates may include, by name.
    pub partials: BTreeMap<String, String>,
    /// The skills that sessions are given.
    pub skills: BTreeMap<SkillName, Skill>,
    /// What the models may cost that its agents use, where they do not say so themselves.
    #[serde(default, skip_serializing_if = "Prices::is_empty")]
    pub prices: Prices,
    /// Where tasks work; its templates are rendered, but for `branch`.
    pub workspace: WorkspacePolicy,
    /// How finished work comes together; its templates are rendered, its checks but for argv templates.
    pub merge: MergePolicy,
    /// Tasks in file order; those that a run adds (instances, tasks of missions used as tasks) follow.
    #[schemars(with = "BTreeMap<TaskId, Task>")]
    pub tasks: IndexMap<TaskId, Task>,
    /// What tasks handed over that are not in the plan, as only some of the mission's tasks are run: their work was done before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<TaskId, Given>,
    /// Whether an agent is asked, or was, which skills its sessions are given; `None`: the index chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<SkillsRanked>,
    /// Where all this came from, to say later what has changed.
    pub sources: Vec<SourceFile>,
}

impl Plan {
    /// The sessions of a task are those of another role from here on. What they may do, and the skills in its workspace,
    /// stay the task's own.
    pub fn give(&mut self, task: &TaskId, (role, agent, model): (&RoleName, &AgentName, Option<&String>)) {
        if let Some(Task { kind: TaskKind::Agent(work), .. }) = self.tasks.get_mut(task) {
            role.clone_into(&mut work.role);
            agent.clone_into(&mut work.agent);
            work.model = model.cloned();
        }
    }
}

/// What a task handed over before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Given {
    /// Its outputs.
    pub outputs: BTreeMap<OutputId, Value>,
    /// Its handoff; `None` where its outputs were given by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff: Option<GivenHandoff>,
}

/// The handoff of a task that was done before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GivenHandoff {
    /// What the engine knows.
    pub facts: Facts,
    /// What the session told.
    pub narrative: Narrative,
    /// Where the two disagree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// The JSON Schema of a plan, draft-07.
pub fn plan_schema() -> String {
    let mut generator = SchemaSettings::draft07().into_generator();
    let mut clashes = generator.subschema_for::<Vec<forecast::Clash>>();
    let what =
        "What may conflict as things are now, the most severe first. Told by `mission plan --json`; no part of a plan.";
    clashes.insert("description".to_owned(), what.into());
    let mut schema = generator.into_root_schema_for::<Plan>();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("conflicts".to_owned(), clashes.to_value());
    }
    schema_text(schema, "plan")
}

/// The JSON Schema of a scenario, draft-07.
pub fn scenario_schema() -> String {
    of_input::<Scenario>("scenario")
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
    /// What its JSON lines mean; empty: all that it prints is its message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventRule>,
    /// What the rehearsal agent plays; `None`: its default play.
    pub scenario: Option<Scenario>,
    /// Whether it tells what it used.
    pub reports: ReportsUse,
    /// Who confines its sessions.
    #[serde(default, skip_serializing_if = "AgentSandbox::is_engine")]
    pub sandbox: AgentSandbox,
    /// What its sessions may write beside what all may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<String>,
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
    /// What runs it, where something does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<SkillHandler>,
    /// Where it was found; for people.
    pub origin: String,
}

/// What runs a skill, and under which conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SkillHandler {
    /// Program and arguments; what begins with `./` lies in the skill's folder.
    pub command: Vec<String>,
    /// How long it may take.
    pub timeout: Millis,
    /// JSON Schema of its parameters; `None`: any object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// Whether it changes anything.
    pub side_effects: bool,
    /// Whether a person should be asked first.
    pub requires_confirmation: bool,
}

/// One task with everything decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// One line for people: its title, else its id.
    pub title: String,
    /// Agent, command, gate, or what becomes several tasks.
    pub kind: TaskKind,
    /// Where its names are looked up; `None`: in the mission itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Box<Scope>>,
    /// A condition in CEL, looked at when it could start; where it is false the task is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether its failure counts.
    #[serde(default, skip_serializing_if = "is_required")]
    pub importance: Importance,
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
    /// The same, where it is known only once what it needs has ended: `touches` is `None` until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_touches: Option<Touches>,
    /// A role's fence: files it may change at most; does not order tasks.
    pub fence: Option<Vec<String>>,
    /// Names only one task may hold at a time.
    pub locks: Vec<String>,
    /// Commands that accept its work.
    pub checks: Vec<CommandLine>,
    /// Who reads the work after the checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Box<Review>>,
    /// Tasks upstream that go round again when this gate is rejected, this agent's verdict is `rework`, or this command fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rework: Vec<TaskId>,
    /// How often an attempt may go round, the first included; with `rework`: how often it sends back.
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
    /// Names of the secrets it is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Globs of files that are copied out of the workspace into the run's folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// When it need not run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
}

impl Task {
    /// Names of what it hands over.
    pub fn hands_over(&self) -> Vec<OutputId> {
        match &self.kind {
            TaskKind::Agent(_) | TaskKind::Command(_) => self.outputs.keys().cloned().collect(),
            TaskKind::Gate(_) => OutputId::parse(GATE_OUTPUT).into_iter().collect(),
            TaskKind::Each(each) => each.body.hands_over(),
            TaskKind::Mission(work) => work.outputs.keys().cloned().collect(),
        }
    }
}

impl Task {
    /// What it comes to in the end: itself, or what the tasks are of which it is made, once each.
    pub fn work(&self) -> Vec<&Self> {
        match &self.kind {
            TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) => vec![self],
            TaskKind::Each(each) => each.body.work(),
            TaskKind::Mission(work) => work.tasks.values().flat_map(Self::work).collect(),
        }
    }

    /// The agents of its own sessions and of its reviewer's.
    pub fn agents(&self) -> impl Iterator<Item = &AgentName> {
        let own = match &self.kind {
            TaskKind::Agent(work) => Some(&work.agent),
            TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => None,
        };
        own.into_iter().chain(self.review.as_ref().map(|review| &review.agent))
    }

    /// Whether it runs nothing itself.
    pub fn is_group(&self) -> bool {
        matches!(self.kind, TaskKind::Each(_) | TaskKind::Mission(_))
    }
}

/// The output of a gate: what the person said.
pub const GATE_OUTPUT: &str = "message";

/// Where the names in a task's texts are looked up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// The task whose mission it belongs to: `tasks.review` means that task's `polish/review`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<TaskId>,
    /// What that mission was told; `None`: the inputs of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<BTreeMap<InputId, Value>>,
    /// The variables of its instance.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<VarId, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_required(importance: &Importance) -> bool {
    *importance == Importance::Required
}

/// The kinds of task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Sessions of a role's agent.
    Agent(AgentWork),
    /// A command.
    Command(CommandLine),
    /// A question to a person, a template.
    Gate(String),
    /// Several tasks of one kind: its instances are added to the plan once their values are known.
    Each(Box<Each>),
    /// The tasks of another mission: they are added to the plan once its inputs are known.
    Mission(Box<SubMission>),
}

/// A task of which there is an instance for each value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Each {
    /// What its variables take; several make the cross product, the last one fastest.
    #[schemars(with = "BTreeMap<VarId, ListSource>")]
    pub variables: IndexMap<VarId, ListSource>,
    /// CEL for the name of an instance.
    pub key: Option<String>,
    /// The most instances.
    pub max_instances: NonZeroU32,
    /// What each instance is, its id and variables apart.
    pub body: Task,
}

/// Another mission as a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubMission {
    /// Its name.
    pub name: MissionName,
    /// What it is for.
    pub description: String,
    /// What it is told by this task; texts are templates.
    #[schemars(with = "BTreeMap<InputId, With>")]
    pub with: IndexMap<InputId, With>,
    /// What it may be told.
    #[schemars(with = "BTreeMap<InputId, Input>")]
    pub inputs: IndexMap<InputId, Input>,
    /// Its tasks, by their ids within it, in file order.
    #[schemars(with = "BTreeMap<TaskId, Task>")]
    pub tasks: IndexMap<TaskId, Task>,
    /// What it hands over: CEL over its tasks.
    #[schemars(with = "BTreeMap<OutputId, String>")]
    pub outputs: IndexMap<OutputId, String>,
}

/// Who reads a task's work after the checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// In which role.
    pub role: RoleName,
    /// Which agent.
    pub agent: AgentName,
    /// The model id handed to the agent; `None`: its own default.
    pub model: Option<String>,
    /// The skills its sessions are given.
    pub skills: Vec<SkillName>,
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
