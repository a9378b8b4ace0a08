//! Configuration: the person's file, over it the project's.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::diagnostic::{Finding, Sources, has_errors, short};
use crate::driver::sandbox::Demands;
use crate::mission::config::{self, Config};
use crate::mission::model::AgentTable;
use crate::mission::sandbox::{AgentSandbox, SandboxPolicy};
use crate::name::AgentName;
use crate::plan::build::agents::overlay_all;

/// What configuration says, and where.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The layers that are there, the later wins.
    pub layers: Vec<Layer>,
    /// What is wrong with their files.
    pub findings: Vec<Finding>,
    /// Their texts, for findings.
    pub sources: Sources,
}

/// One configuration file.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The file, as people see it.
    pub file: String,
    /// Its path.
    pub path: PathBuf,
    /// What it says.
    pub config: Config,
    /// Who wrote it.
    pub whose: Whose,
}

/// Who wrote a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The person at this machine.
    Person,
    /// Whoever the project's files are from.
    Project,
}

fn demands(layer: &Layer) -> Demands {
    let agents = layer.config.agents.iter();
    let own = agents.clone().filter(|(_, table)| table.sandbox == Some(AgentSandbox::Own));
    let of_agents = agents.flat_map(|(_, table)| table.writable.iter().flatten());
    Demands {
        mode: layer.config.sandbox.mode,
        writable: layer.config.sandbox.writable.iter().chain(of_agents).cloned().collect(),
        own: own.map(|(name, table)| (name.clone(), table.command.clone().unwrap_or_default())).collect(),
    }
}

impl Settings {
    /// Reads the person's and the project's files, as far as they are there.
    pub fn load(context: &Context, project: &Project) -> Result<Self, Failure> {
        let mut settings = Self::default();
        let persons = context.environment.config_file().map(|path| (path, Whose::Person));
        for (path, whose) in persons.into_iter().chain([(project.config_file(), Whose::Project)]) {
            let file = project.shown(&path);
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    let what = "a configuration file cannot be read";
                    return Err(Failure::new(Exit::Usage, "cli::unreadable-file", what).at(file).because(&error));
                }
            };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let loaded = config::load(&file, &text);
            settings.findings.extend(loaded.findings);
            settings.sources.insert(file.clone(), text);
            if let Some(config) = loaded.config {
                settings.layers.push(Layer { file, path, config, whose });
            }
        }
        Ok(settings)
    }

    /// Refuses to go on where a file is wrong.
    pub fn sound(self) -> Result<Self, Failure> {
        if !has_errors(&self.findings) {
            return Ok(self);
        }
        let list = short(&self.findings, &self.sources);
        Err(Failure::new(Exit::Usage, "cli::bad-config", "the configuration cannot be used")
            .because_of(list.lines().map(str::to_owned))
            .help("`ai-sdlc mission validate` shows each place"))
    }

    /// All agents, the embedded one included.
    pub fn agents(&self) -> BTreeMap<AgentName, AgentTable> {
        overlay_all(self.layers.iter().map(|layer| &layer.config.agents))
    }

    /// What they say of the sandbox together.
    pub fn sandbox(&self) -> SandboxPolicy {
        let none = SandboxPolicy::default();
        self.layers.iter().fold(none, |below, layer| layer.config.sandbox.over(&below))
    }

    /// What the person's own file says of it, which no other can take back.
    pub fn demands(&self) -> Demands {
        self.layers.iter().find(|layer| layer.whose == Whose::Person).map(demands).unwrap_or_default()
    }

    /// The agent of tasks that name none.
    pub fn default_agent(&self) -> Option<AgentName> {
        self.layers.iter().rev().find_map(|layer| layer.config.agent.clone())
    }
}
