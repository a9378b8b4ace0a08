//! Agents: which are configured, which are installed, and in which version.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::Context;
use crate::cli::doctor::login::{self, Login};
use crate::cli::doctor::{Sign, State, good, poor, version};
use crate::cli::project::Project;
use crate::cli::settings::Settings;
use crate::mission::model::BackendKind;
use crate::name::AgentName;

/// Told of an agent whose table names no models for the words that roles use.
const OWN_MODEL: &str = ", takes the model it is set to";

/// Looks for the programs of all agents, and for those that could be agents.
pub(super) fn look(context: &Context, project: &Project, settings: &Settings) -> Vec<Sign> {
    let search = Search { context, project, own: own_programs(context, settings) };
    let mut rows: Vec<(String, Result<PathBuf, String>)> = Vec::new();
    let (mut signs, mut unnamed) = (Vec::new(), Vec::new());
    for (name, table) in settings.agents() {
        if table.backend == Some(BackendKind::Rehearsal) {
            signs.push(good("agent", format!("{name}: embedded, plays scenarios")));
            continue;
        }
        if table.models.is_empty() && table.backend != Some(BackendKind::Command) {
            unnamed.push(name.to_string());
        }
        let program = table.program().unwrap_or_default().to_owned();
        let found = search.find(&program).ok_or(program);
        // One that nobody configured and that is not there is not missed.
        if found.is_ok() || is_configured(settings, &name) {
            rows.push((name.to_string(), found));
        }
    }
    let configured: Vec<PathBuf> = rows.iter().filter_map(|(_, found)| found.clone().ok()).collect();
    let versions =
        version::of_all(configured.iter().filter(|path| search.may_be_asked(path)).cloned().collect(), context);
    let of = |path: &Path| versions.get(path).map(|version| format!(", {version}")).unwrap_or_default();
    let of_model = |name: &str| if unnamed.iter().any(|one| one == name) { OWN_MODEL } else { "" };
    for (name, found) in &rows {
        signs.push(match found {
            Ok(path) => {
                let told = format!("{name}: {}{}{}", path.display(), of(path), of_model(name));
                logged_in(told, path, context)
            }
            Err(program) => {
                let remedy = format!("install `{program}`, or change `[agents.{name}] command`");
                poor("agent", State::Warning, format!("{name}: there is no `{program}`"), remedy)
            }
        });
    }
    if configured.is_empty() {
        let remedy = "install one of claude, codex, gemini, opencode, or name another under `[agents.<name>]` in \
                      .ai-sdlc/config.toml; until then missions are rehearsed";
        signs.push(poor("agent", State::Warning, "no agent program is installed", remedy));
    }
    signs
}

/// An agent that is there, and whether its program seems to be logged in.
fn logged_in(told: String, path: &Path, context: &Context) -> Sign {
    match login::look(path, &context.environment) {
        Login::Seems(by) => good("agent", format!("{told}, seems logged in ({by})")),
        Login::None(remedy) => poor("agent", State::Warning, format!("{told}, no login found"), remedy),
        Login::Untold => good("agent", told),
    }
}

/// Whether some file of configuration has a table of it.
fn is_configured(settings: &Settings, name: &AgentName) -> bool {
    settings.layers.iter().any(|layer| layer.config.agents.contains_key(name))
}

/// Programs that the person's own file names.
fn own_programs(context: &Context, settings: &Settings) -> Vec<String> {
    let file = context.environment.config_file();
    let own = settings.layers.iter().filter(|layer| Some(&layer.path) == file.as_ref());
    own.flat_map(|layer| layer.config.agents.values())
        .filter_map(|table| table.command.as_ref()?.first().cloned())
        .collect()
}

struct Search<'a> {
    context: &'a Context,
    project: &'a Project,
    own: Vec<String>,
}

impl Search<'_> {
    fn find(&self, program: &str) -> Option<PathBuf> {
        self.context.environment.find_program(program, &self.project.root)
    }

    /// Whether a program may be started to ask its version: one that is known or that the person themselves named, and
    /// that is not the project's, wherever it was found.
    fn may_be_asked(&self, path: &Path) -> bool {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let of_project = [path, &real].iter().any(|path| path.starts_with(&self.project.root));
        let mut known = BackendKind::ALL.into_iter().filter_map(BackendKind::usual_program);
        let is_known = known.any(|name| self.find(name).as_deref() == Some(path));
        let is_own = self.own.iter().any(|name| self.find(name).as_deref() == Some(path));
        !of_project && (is_known || is_own)
    }
}

/// Versions, by the path of the program.
pub(super) type Versions = BTreeMap<PathBuf, String>;
