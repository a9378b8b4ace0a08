//! From a mission's name to its plan: file, configuration, catalog, findings, agents that are installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::catalog::{Catalog, sha256};
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::{MissionText, Project};
use crate::cli::settings::Settings;
use crate::diagnostic::codes::TABLE_OF_RUN;
use crate::diagnostic::{self, Finding, Sources, has_errors};
use crate::mission::check::Against;
use crate::mission::library::Known;
use crate::mission::model::{AgentTable, BackendKind, Mission};
use crate::mission::{self, Loaded};
use crate::name::AgentName;
use crate::plan::Plan;
use crate::plan::build::agents::{REHEARSAL, overlay_all};
use crate::plan::build::inputs::GivenInput;
use crate::plan::build::{Overrides, PlanError, Request, build};
use crate::plan::scenario::{Scenario, load as load_scenario};

/// A mission file and all it was checked against.
#[derive(Debug)]
pub struct Loading {
    /// The file.
    pub text: MissionText,
    /// Roles and skills that it can name.
    pub catalog: Catalog,
    /// Configuration.
    pub settings: Settings,
    /// The mission, and what was found.
    pub loaded: Loaded,
}

impl Loading {
    /// Reads the mission that was named, and checks it.
    pub fn read(context: &Context, project: &Project, given: &str) -> Result<Self, Failure> {
        Self::of(context, project, project.mission(given)?)
    }

    /// Checks a mission's file.
    pub fn of(context: &Context, project: &Project, text: MissionText) -> Result<Self, Failure> {
        let settings = Settings::load(context, project)?;
        let dir = text.path.parent().unwrap_or(&project.root).to_owned();
        let catalog = Catalog::load(&project.places(Some(dir.clone())));
        let agents = settings.agents();
        let against = Against { catalog: &catalog, agents: &agents, dir: &dir };
        let loaded = mission::load(&text.file, &text.text, &against);
        Ok(Self { text, catalog, settings, loaded })
    }

    /// Checks a mission that was composed and uses another by this name; `text` lies, or would, beside that.
    pub(super) fn composed(
        context: &Context,
        project: &Project,
        text: MissionText,
        part: (&str, Known),
    ) -> Result<Self, Failure> {
        let settings = Settings::load(context, project)?;
        let dir = text.path.parent().unwrap_or(&project.root).to_owned();
        let catalog = Catalog::load(&project.places(Some(dir.clone())));
        let agents = settings.agents();
        let against = Against { catalog: &catalog, agents: &agents, dir: &dir };
        let of_part = part.1.file.clone();
        let mut loaded = mission::load_composed(&text.file, &text.text, &against, part);
        // Whoever composes it carries these tables over.
        loaded.findings.retain(|finding| finding.code != TABLE_OF_RUN || finding.file != of_part);
        Ok(Self { text, catalog, settings, loaded })
    }

    /// All agents that there are for this mission: of configuration and its own.
    pub fn agents(&self) -> BTreeMap<AgentName, AgentTable> {
        let configured = self.settings.agents();
        match &self.loaded.mission {
            Some(mission) => overlay_all([&configured, &mission.agents]),
            None => configured,
        }
    }

    /// Everything found: in the mission, in roles and skills, in configuration.
    pub fn findings(&self) -> Vec<Finding> {
        let all = [&self.loaded.findings, &self.catalog.findings, &self.settings.findings];
        let mut all: Vec<Finding> = all.into_iter().flatten().cloned().collect();
        diagnostic::sort(&mut all);
        all
    }

    /// Texts of all files that findings may be about.
    pub fn sources(&self) -> Sources {
        let mut all = self.settings.sources.clone();
        all.extend(self.catalog.sources.clone());
        all.extend(self.loaded.sources.clone());
        all.insert(self.text.file.clone(), self.text.text.clone());
        all
    }

    /// The mission, if it can be run. What was found goes to stderr.
    pub fn sound(&self, context: &mut Context) -> Result<&Mission, Failure> {
        let findings = self.findings();
        if !findings.is_empty() {
            let look = finding_look(context.terminal.err_look, context);
            context.terminal.err(&diagnostic::human(&findings, &self.sources(), look));
        }
        match &self.loaded.mission {
            Some(mission) if !has_errors(&findings) => Ok(mission),
            Some(_) | None => {
                let what = format!("`{}` cannot be run as it is", self.text.file);
                Err(Failure::new(Exit::Usage, "cli::invalid-mission", what).help("mend what is told above"))
            }
        }
    }
}

/// How findings are drawn.
pub(super) fn finding_look(look: crate::report::Look, context: &Context) -> diagnostic::Look {
    diagnostic::Look { color: look.color, width: context.terminal.size().columns, ascii: look.ascii }
}

/// How a plan is asked for.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Values of inputs, as typed.
    pub inputs: Vec<(String, String)>,
    /// Values of inputs that are known as such.
    pub values: BTreeMap<String, Value>,
    /// What the command line says otherwise.
    pub overrides: Overrides,
}

/// A plan, and who carries it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Whether it had to fall back.
    pub by: By,
}

/// Whether a plan had to fall back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The agents it names, or those that are installed.
    Agents,
    /// The embedded agent in a scratch clone, as no agent program is installed.
    Rehearsal,
}

/// Makes the plan of a sound mission, or tells all that is in its way. Where a task's agent is `auto` and none is
/// installed, it is a rehearsal.
pub fn plan(context: &Context, project: &Project, loading: &Loading, ask: &Ask) -> Result<Planned, Failure> {
    let Some(mission) = &loading.loaded.mission else {
        return Err(Failure::new(Exit::Usage, "cli::invalid-mission", "the mission has errors"));
    };
    let config_agents = loading.settings.agents();
    let agents = overlay_all([&config_agents, &mission.agents]);
    let auto = auto(context, project, &agents);
    let prices = loading.settings.price_list();
    let mut request = Request {
        mission,
        prices: &prices,
        catalog: &loading.catalog,
        file: loading.text.file.clone(),
        sha256: sha256(loading.text.text.as_bytes()),
        config_agents: &config_agents,
        config_default_agent: loading.settings.default_agent(),
        config_sandbox: loading.settings.sandbox(),
        scenarios: scenarios(project, loading, &agents)?,
        inputs: given(ask),
        overrides: ask.overrides.clone(),
        auto,
    };
    let errors = match build(&request) {
        Ok(plan) => return Ok(Planned { plan, by: By::Agents }),
        Err(errors) => errors,
    };
    if request.auto.is_none() {
        request.auto = AgentName::parse(REHEARSAL).ok();
        if let Ok(plan) = build(&request) {
            return Ok(Planned { plan, by: By::Rehearsal });
        }
    }
    Err(unplanned(&loading.text.file, &errors))
}

fn given(ask: &Ask) -> BTreeMap<String, GivenInput> {
    let typed = ask.inputs.iter().map(|(name, text)| (name.clone(), GivenInput::Text(text.clone())));
    let values = ask.values.iter().map(|(name, value)| (name.clone(), GivenInput::Value(value.clone())));
    values.chain(typed).collect()
}

/// What `auto` comes to: the first agent whose program is installed. Nothing is started to find out.
pub fn auto(context: &Context, project: &Project, agents: &BTreeMap<AgentName, AgentTable>) -> Option<AgentName> {
    let installed = |table: &AgentTable| {
        let program = table.program();
        program.is_some_and(|program| context.environment.find_program(program, &project.root).is_some())
    };
    let mut able = agents.iter().filter(|(_, table)| table.backend != Some(BackendKind::Rehearsal) && installed(table));
    able.next().map(|(name, _)| name.clone())
}

/// Reads a scenario.
pub fn scenario(project: &Project, path: &Path) -> Result<Scenario, Failure> {
    let file = project.shown(path);
    let failed = |what: &str| Failure::new(Exit::Usage, "cli::bad-scenario", what).at(file.clone());
    let text = fs::read_to_string(path).map_err(|error| {
        failed("the scenario cannot be read").because(&error).help("name a file that is there and that you may read")
    })?;
    let loaded = load_scenario(&file, &text, None);
    loaded.scenario.ok_or_else(|| {
        let list = diagnostic::short(&loaded.findings, &Sources::from([(file.clone(), text)]));
        failed("the scenario is not written as it should be")
            .because_of(list.lines().map(str::to_owned))
            .help("`ai-sdlc schema scenario` tells what may stand in it")
    })
}

/// The scenarios that agents' tables name: paths are from the file that says so.
fn scenarios(
    project: &Project,
    loading: &Loading,
    agents: &BTreeMap<AgentName, AgentTable>,
) -> Result<BTreeMap<AgentName, Scenario>, Failure> {
    let mut all = BTreeMap::new();
    for (name, table) in agents {
        let Some(named) = &table.scenario else { continue };
        let said_by =
            loading.settings.layers.iter().rfind(|layer| {
                layer.config.agents.get(name).is_some_and(|table| table.scenario.as_ref() == Some(named))
            });
        let by_mission = loading.loaded.mission.as_ref().and_then(|mission| mission.agents.get(name));
        let file = match (by_mission.and_then(|table| table.scenario.as_ref()), said_by) {
            (None, Some(layer)) => &layer.path,
            (_, _) => &loading.text.path,
        };
        let folder = file.parent().unwrap_or(&project.root);
        all.insert(name.clone(), scenario(project, &folder.join(named))?);
    }
    Ok(all)
}

fn unplanned(file: &str, errors: &[PlanError]) -> Failure {
    let what = "there is no plan for this mission as it was asked for";
    let told = errors.iter().map(|error| match &error.help {
        Some(help) => format!("{} ({help})", error.message),
        None => error.message.clone(),
    });
    Failure::new(Exit::Usage, "cli::no-plan", what).at(file).because_of(told)
}
