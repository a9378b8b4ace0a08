//! Plans in files: written once, read back whole, and what has changed since in the files they came from.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::catalog::{Catalog, sha256};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{By, Planned};
use crate::cli::project::{Project, has_toml};
use crate::cli::run_list::pretty;
use crate::cli::templates::shipped;
use crate::plan::compare::{FileChange, FileState, files};
use crate::plan::{Plan, SourceFile, sound};
use crate::report::safe;
use crate::story::compose::COMMAND;

/// What every file with a plan begins with.
const SCHEMA: &str = "ai-sdlc/plan/1";

/// Whether a file that is there may be written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overwrite {
    /// It may.
    Yes,
    /// It stays as it is.
    No,
}

/// A plan as a document.
pub(super) fn document(planned: &Planned) -> Value {
    let mut all = serde_json::Map::from_iter([("schema".to_owned(), json!(SCHEMA))]);
    if planned.by == By::Rehearsal {
        // Without this a run of it would take the embedded agent for the one that was meant.
        all.insert("stand_in".to_owned(), json!(true));
    }
    if let Value::Object(plan) = json!(planned.plan) {
        all.extend(plan);
    }
    Value::Object(all)
}

/// Writes a plan.
pub(super) fn save(path: &Path, planned: &Planned, overwrite: Overwrite) -> Result<(), Failure> {
    let text = pretty(&document(planned)) + "\n";
    let mut how = OpenOptions::new();
    match overwrite {
        Overwrite::Yes => how.write(true).create(true).truncate(true),
        Overwrite::No => how.write(true).create_new(true),
    };
    let written = how.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let at = path.display().to_string();
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::new(Exit::Usage, "cli::plan-there", "there is such a file already")
                .at(at)
                .help("take another name, or give `--force`")
        } else {
            let help = "name a file in a folder that is there and that you may write in";
            Failure::new(Exit::Environment, "cli::cannot-write", "the plan cannot be written")
                .at(at)
                .because(&error)
                .help(help)
        }
    })
}

/// Reads a plan back.
pub(super) fn open(project: &Project, path: &Path) -> Result<Planned, Failure> {
    let at = project.shown(path);
    let bad = |what: &str, causes: Vec<String>| {
        Failure::new(Exit::Usage, "cli::bad-plan", what)
            .at(at.clone())
            .because_of(causes)
            .help("`ai-sdlc mission plan MISSION --out FILE` writes one")
    };
    let text = fs::read_to_string(path).map_err(|error| bad("the plan cannot be read", vec![error.to_string()]))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| bad("this is no plan: it is not JSON", vec![error.to_string()]))?;
    match value.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) => return Err(bad(&format!("this is `{}`, not `{SCHEMA}`", safe(other)), Vec::new())),
        None => return Err(bad(&format!("this is no plan: it does not say `\"schema\": \"{SCHEMA}\"`"), Vec::new())),
    }
    let by = if value.get("stand_in") == Some(&json!(true)) { By::Rehearsal } else { By::Agents };
    let plan: Plan = serde_json::from_value(value)
        .map_err(|error| bad("the plan is not written as it should be", vec![error.to_string()]))?;
    match sound::faults(&plan) {
        // What was not ranked when it was saved is as the index chose it: exactly that is run.
        faults if faults.is_empty() => Ok(Planned { plan: plan.as_the_index_chose(), by }),
        faults => Err(bad("the plan cannot be run as it is", faults)),
    }
}

/// What has changed in the files that a plan came from.
pub(super) fn changed(project: &Project, plan: &Plan) -> Vec<FileChange> {
    files(&plan.sources, &present(project, plan))
}

/// Those of a plan's files that there are now.
fn present(project: &Project, plan: &Plan) -> Vec<SourceFile> {
    let mission_dir = mission_file(project, plan).parent().map(Path::to_owned);
    let catalog = Catalog::load(&project.places(mission_dir));
    let known = |path: &str| {
        let roles = catalog.roles.values().map(|found| (&found.path, &found.sha256));
        let partials = catalog.partials.values().map(|found| (&found.path, &found.sha256));
        let skills = catalog.skills.values().map(|found| (&found.path, &found.sha256));
        let mut all = roles.chain(partials).chain(skills);
        all.find(|(known, _)| *known == path).map(|(_, sha256)| sha256.clone())
    };
    plan.sources
        .iter()
        .filter_map(|source| {
            // One that was composed lies nowhere.
            if source.path.starts_with(COMMAND) {
                return Some(source.clone());
            }
            let sha256 = known(&source.path).or_else(|| {
                if let Some(name) = source.path.strip_prefix("built-in:missions/") {
                    return shipped(name.strip_suffix(".toml")?).map(|text| sha256(text.as_bytes()));
                }
                let path = at(project, &source.path);
                // What is no role or skill any more is none of the plan's files, whatever lies there.
                let is_mission = has_toml(&path);
                Some(sha256(project.read(&path).ok().filter(|_| is_mission)?.text.as_bytes()))
            })?;
            Some(SourceFile { path: source.path.clone(), sha256 })
        })
        .collect()
}

/// The mission file of a plan, as it is found from here.
pub(super) fn mission_file(project: &Project, plan: &Plan) -> std::path::PathBuf {
    at(project, &plan.file)
}

fn at(project: &Project, path: &str) -> std::path::PathBuf {
    let here = project.directory.join(path);
    if here.exists() { here } else { project.root.join(path) }
}

/// What has changed, in one line a file.
pub(super) fn told(changes: &[FileChange]) -> Vec<String> {
    changes
        .iter()
        .map(|change| {
            let path = safe(&change.path);
            match change.state {
                FileState::Changed => format!("{path} has changed"),
                FileState::Gone => format!("{path} is not there any more"),
            }
        })
        .collect()
}
