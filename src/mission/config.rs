//! `.ai-sdlc/config.toml`, and the person's own of the same form: agents and which of them is taken.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{Finding, has_errors, sort};
use crate::mission::check::agents::check_agents;
use crate::mission::check::marker::Marker;
use crate::mission::check::workspace::check_writable;
use crate::mission::explain::read;
use crate::mission::field::command::CommandText;
use crate::mission::field::number::Signed;
use crate::mission::model::{AgentTable, CommandLine};
use crate::mission::sandbox::{SandboxMode, SandboxPolicy};
use crate::mission::spans::Document;
use crate::mission::team::AgentFile;
use crate::name::AgentName;

/// Configuration of a project or a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ai-sdlc configuration")]
pub struct ConfigFile {
    /// Version of this format: 1.
    #[schemars(example = 1, extend("default" = 1))]
    pub version: Option<Signed>,
    /// The agent of tasks that name none: the name of one, or `auto`.
    #[schemars(example = &"claude", extend("default" = "auto"))]
    pub agent: Option<AgentName>,
    /// How sessions of an agent are started.
    #[serde(default)]
    #[schemars(with = "BTreeMap<AgentName, AgentFile>")]
    pub agents: IndexMap<AgentName, AgentFile>,
    /// What holds for the workspaces of all missions.
    pub workspace: Option<ConfigWorkspace>,
    /// How the project itself is prepared and tested, where that cannot be told from its files.
    pub project: Option<ConfigProject>,
}

/// What `ai-sdlc project setup` and `ai-sdlc project test` run, instead of what they find.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigProject {
    /// What a new checkout needs before it can be built or tested.
    #[schemars(example = ["npm", "ci"])]
    pub setup: Option<CommandText>,
    /// The tests; it exits 0 where they pass.
    #[schemars(example = &"cd server && npm test")]
    pub test: Option<CommandText>,
}

/// What holds for the workspaces of all missions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigWorkspace {
    /// Whether what is started may write only to its workspace, temporary and cache folders. In your own configuration it is
    /// the least that holds: no project and no mission can take it back.
    #[schemars(example = &"required")]
    pub sandbox: Option<SandboxMode>,
    /// Folders and files that may be written besides: absolute, or below `~`.
    #[serde(default)]
    #[schemars(example = ["~/.rustup"])]
    pub writable: Vec<String>,
}

/// What configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// The agent of tasks that name none.
    pub agent: Option<AgentName>,
    /// Agents by name.
    pub agents: BTreeMap<AgentName, AgentTable>,
    /// How what is started is kept from writing elsewhere.
    pub sandbox: SandboxPolicy,
    /// What prepares a checkout of the project.
    pub setup: Option<CommandLine>,
    /// What tests the project.
    pub test: Option<CommandLine>,
}

impl Config {
    /// This one over a layer below, key by key.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let mut agents = below.agents;
        for (name, table) in self.agents {
            let under = agents.remove(&name).unwrap_or_default();
            agents.insert(name, table.over(under));
        }
        Self {
            agent: self.agent.or(below.agent),
            agents,
            sandbox: self.sandbox.over(&below.sandbox),
            setup: self.setup.or(below.setup),
            test: self.test.or(below.test),
        }
    }
}

/// A configuration file as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadedConfig {
    /// What it says; `None` where a finding is an error.
    pub config: Option<Config>,
    /// Everything found, by place.
    pub findings: Vec<Finding>,
}

/// Reads a configuration file. `file` is its name as findings show it.
pub fn load(file: &str, text: &str) -> LoadedConfig {
    let (mut document, errors) = Document::parse(text);
    let mut findings = Vec::new();
    let read = read::<ConfigFile>(file, &mut document, &errors, &mut findings);
    let config = read.map(|read| {
        let ConfigFile { version, agent, agents, workspace, project } = &read.file;
        let mut marker = Marker::new(file, &document, &mut findings);
        marker.version(*version);
        check_agents(&mut marker, agents);
        let sandbox = workspace
            .as_ref()
            .map(|workspace| SandboxPolicy { mode: workspace.sandbox, writable: workspace.writable.clone() });
        let sandbox = sandbox.unwrap_or_default();
        check_writable(&mut marker, "/workspace/writable", &sandbox.writable);
        let tables = agents.iter().map(|(name, table)| (name.clone(), table.table())).collect();
        let ConfigProject { setup, test } = project.clone().unwrap_or_default();
        let [setup, test] = [setup, test].map(|command| command.map(|CommandText(line)| line));
        Config { agent: agent.clone(), agents: tables, sandbox, setup, test }
    });
    sort(&mut findings);
    LoadedConfig { config: config.filter(|_| !has_errors(&findings)), findings }
}
