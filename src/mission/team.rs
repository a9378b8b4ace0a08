//! The literal tables of those who do the work: `[agents.<name>]` and `[roles.<name>]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::mission::events::EventRule;
use crate::mission::field::command::ArgumentsText;
use crate::mission::field::number::Count;
use crate::mission::limits::CeilingFile;
use crate::mission::model::{AgentTable, BackendKind, Permissions};
use crate::mission::sandbox::AgentSandbox;
use crate::name::{AgentName, RoleName, SkillName};

/// How sessions of an agent are started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentFile {
    /// Which adapter.
    pub backend: Option<BackendKind>,
    /// The program and its first arguments, when it is not the backend's usual one.
    #[schemars(example = ["claude"])]
    pub command: Option<Vec<String>>,
    /// Model ids.
    pub models: Option<ModelsFile>,
    /// Sessions of this agent at once.
    #[schemars(example = 3)]
    pub max: Option<Count>,
    /// How the prompt reaches the program (backend `command`): `stdin`, `file`, or arguments with `{{prompt}}`.
    #[schemars(example = ["--prompt", "{{prompt}}"])]
    pub prompt: Option<ArgumentsText>,
    /// Arguments that go on with a conversation (backend `command`), with `{{conversation}}`.
    #[schemars(example = ["--resume", "{{conversation}}"])]
    pub resume: Option<Vec<String>>,
    /// What its JSON lines mean (backend `command`). Left out: all that it prints is its message.
    pub events: Option<Vec<EventRule>>,
    /// File of the scenario (backend `rehearsal`), relative to this file.
    #[schemars(example = &"web-app.scenario.toml")]
    pub scenario: Option<PathBuf>,
    /// Who keeps its sessions from writing elsewhere (backend `command`): `engine`, which it is where this is left out, or
    /// `own`: the program's own sandbox.
    #[schemars(example = &"own")]
    pub sandbox: Option<AgentSandbox>,
    /// Folders and files that its sessions may write besides: where the program keeps its state.
    #[schemars(example = ["~/.claude"])]
    pub writable: Option<Vec<String>>,
}

/// Model ids for the words that roles and tasks use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsFile {
    /// The fast one.
    #[schemars(example = &"haiku")]
    pub fast: Option<String>,
    /// The usual one.
    #[schemars(example = &"sonnet")]
    pub balanced: Option<String>,
    /// The strong one.
    #[schemars(example = &"opus")]
    pub strong: Option<String>,
}

impl AgentFile {
    /// Its checked form.
    pub fn table(&self) -> AgentTable {
        let Self { backend, command, models, max, prompt, resume, events, scenario, sandbox, writable } = self;
        let mut ids = BTreeMap::new();
        if let Some(ModelsFile { fast, balanced, strong }) = models {
            for (word, id) in [("fast", fast), ("balanced", balanced), ("strong", strong)] {
                if let Some(id) = id {
                    ids.insert(word.to_owned(), id.clone());
                }
            }
        }
        AgentTable {
            backend: *backend,
            command: command.clone(),
            models: ids,
            max: max.map(Count::get),
            prompt: prompt.as_ref().map(|prompt| prompt.0.clone()),
            resume: resume.clone(),
            events: events.clone(),
            scenario: scenario.clone(),
            sandbox: *sandbox,
            writable: writable.clone(),
        }
    }
}

/// A role of this mission, over the role template of that name.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleFile {
    /// Another role template.
    #[schemars(example = &"full-stack-dev")]
    pub template: Option<RoleName>,
    /// Which agent.
    #[schemars(example = &"claude")]
    pub agent: Option<AgentName>,
    /// Which model: `fast`, `balanced`, `strong`, or an id the agent knows.
    #[schemars(example = &"strong")]
    pub model: Option<String>,
    /// Skills added to the template's.
    #[serde(default)]
    #[schemars(example = ["test-runner"])]
    pub skills: Vec<SkillName>,
    /// What its sessions may do.
    pub permissions: Option<Permissions>,
    /// A fence: globs of the files its tasks may change at most.
    #[schemars(example = ["src/**", "tests/**"])]
    pub touches: Option<Vec<String>>,
    /// Ceiling of each of its tasks.
    pub budget: Option<CeilingFile>,
    /// Sessions of this role at once.
    #[schemars(example = 2)]
    pub max: Option<Count>,
    /// Values that its template sees as `vars`.
    #[serde(default)]
    #[schemars(example = serde_json::json!({ "language": "Rust" }))]
    pub vars: BTreeMap<String, Value>,
}
