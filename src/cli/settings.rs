//! Configuration and prices: the person's files, over them the project's.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::diagnostic::{Finding, Sources, has_errors, short};
use crate::driver::sandbox::Demands;
use crate::mission::config::{self, Config};
use crate::mission::model::AgentTable;
use crate::mission::prices::{self, PriceList};
use crate::mission::sandbox::{AgentSandbox, SandboxPolicy};
use crate::name::AgentName;
use crate::plan::build::agents::overlay_all;

/// What configuration says, and where.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The layers that are there, the later wins.
    pub layers: Vec<Layer>,
    /// Files of prices that are there, the later wins, model by model.
    pub prices: Vec<(String, PriceList)>,
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

/// What stands in a file of configuration; `None` where there is none.
fn text_of(path: &Path, file: &str) -> Result<Option<String>, Failure> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let what = "a configuration file cannot be read";
            Err(Failure::new(Exit::Usage, "cli::unreadable-file", what).at(file).because(&error))
        }
    }
}

impl Settings {
    /// Reads the person's and the project's files, as far as they are there.
    pub fn load(context: &Context, project: &Project) -> Result<Self, Failure> {
        let mut settings = Self::default();
        let persons = context.environment.config_file();
        let own = persons.iter().map(|path| (path.clone(), Whose::Person));
        for (path, whose) in own.chain([(project.config_file(), Whose::Project)]) {
            let file = project.shown(&path);
            let Some(text) = text_of(&path, &file)? else { continue };
            let loaded = config::load(&file, &text);
            settings.findings.extend(loaded.findings);
            settings.sources.insert(file.clone(), text);
            if let Some(config) = loaded.config {
                settings.layers.push(Layer { file, path, config, whose });
            }
        }
        let own = persons.iter().map(|path| path.with_file_name("prices.toml"));
        for path in own.chain([project.prices_file()]) {
            let file = project.shown(&path);
            let Some(text) = text_of(&path, &file)? else { continue };
            let loaded = prices::load(&file, &text);
            settings.findings.extend(loaded.findings);
            settings.sources.insert(file.clone(), text);
            settings.prices.extend(loaded.list.map(|list| (file, list)));
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

    /// What models cost: what ships, the person's, the project's.
    pub fn price_list(&self) -> PriceList {
        self.prices.iter().fold(PriceList::shipped(), |below, (_, list)| list.clone().over(below))
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
