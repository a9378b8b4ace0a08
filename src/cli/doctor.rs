//! `ai-sdlc doctor [--json]`: whether runs can work here; one line of remedy a finding.
//!
//! Of programs only git is started, to ask its version; an agent that a project names is looked for and never run.

use std::path::Path;

use clap::Args;
use rustix::fs::statvfs;
use serde::Serialize;
use serde_json::json;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_list::pretty;
use crate::cli::settings::Settings;
use crate::journal::network;
use crate::journal::runs::{Runs, Standing};
use crate::mission::model::BackendKind;
use crate::report::{Tone, plural};
use crate::workspace::{Git, GitVersion, PreflightAsk, Repository};

/// Less than this free is worth a warning.
const LITTLE_DISK: u64 = 2 << 30;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Sign {
    of: &'static str,
    state: State,
    told: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Good,
    Warning,
    Bad,
}

fn good(of: &'static str, told: impl Into<String>) -> Sign {
    Sign { of, state: State::Good, told: told.into(), remedy: None }
}

fn poor(of: &'static str, state: State, told: impl Into<String>, remedy: impl Into<String>) -> Sign {
    Sign { of, state, told: told.into(), remedy: Some(remedy.into()) }
}

/// Looks, and tells; 5 if runs cannot work here.
pub(super) fn run(args: &Doctor, context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let mut signs = git(context, &project);
    signs.extend(agents(context, &project)?);
    signs.push(disk(&project.store));
    signs.extend(context.environment.state_folder().map(|folder| disk(&folder)));
    signs.extend(network::note(&project.store).map(|note| poor("disk", State::Warning, note, "use a local disk")));
    signs.extend(runs(&project));
    if args.json {
        context.terminal.out(&pretty(&json!({ "schema": "ai-sdlc/doctor/1", "findings": signs })));
    } else {
        let look = context.terminal.out_look;
        let mut rows = Vec::new();
        for sign in &signs {
            let tone = match sign.state {
                State::Good => Tone::Good,
                State::Warning => Tone::Careful,
                State::Bad => Tone::Bad,
            };
            rows.push(format!("{} {}: {}", tone.painted(look), sign.of, crate::report::safe(&sign.told)));
            rows.extend(sign.remedy.iter().map(|remedy| format!("    {remedy}")));
        }
        context.terminal.out(&rows.join("\n"));
    }
    Ok(if signs.iter().any(|sign| sign.state == State::Bad) { Exit::Environment } else { Exit::Success })
}

fn git(context: &Context, project: &Project) -> Vec<Sign> {
    let oldest = GitVersion::OLDEST;
    let Some(program) = context.environment.find_program("git", &project.root) else {
        let remedy = format!("install git {oldest} or newer");
        return vec![poor("git", State::Bad, "there is no `git` on the PATH", remedy)];
    };
    let git = match Git::new(program, context.environment.all.clone()) {
        Ok(git) => git,
        Err(error) => return vec![poor("git", State::Bad, error.to_string(), "see to it that `git --version` works")],
    };
    if git.version() < oldest {
        let told = format!("git {} is too old", git.version());
        return vec![poor("git", State::Bad, told, format!("install git {oldest} or newer"))];
    }
    let mut signs = vec![good("git", format!("{} at {}", git.version(), git.program().display()))];
    match Repository::discover(&git, &project.directory) {
        Err(error) => signs.push(poor("repository", State::Warning, error.to_string(), error.remedy())),
        Ok(repository) => match repository.preflight(&PreflightAsk::default()) {
            Ok(found) => {
                let files = plural(found.uncommitted, "uncommitted file");
                let branch = found.branch.as_deref().unwrap_or("a detached HEAD");
                signs.push(good("repository", format!("on {branch}, at {}, {files}", found.head.short())));
                signs.extend(found.notes.into_iter().map(|note| good("repository", note)));
            }
            Err(refusals) => {
                let poorly = refusals.into_iter().map(|no| poor("repository", State::Warning, no.what, no.remedy));
                signs.extend(poorly);
            }
        },
    }
    signs
}

fn agents(context: &Context, project: &Project) -> Result<Vec<Sign>, Failure> {
    let settings = Settings::load(context, project)?.sound()?;
    let mut signs = Vec::new();
    let mut able = 0;
    for (name, table) in settings.agents() {
        if table.backend == Some(BackendKind::Rehearsal) {
            signs.push(good("agent", format!("{name}: embedded, plays scenarios")));
            continue;
        }
        let program = table.command.as_ref().and_then(|command| command.first()).cloned().unwrap_or_default();
        if let Some(path) = context.environment.find_program(&program, &project.root) {
            able += 1;
            signs.push(good("agent", format!("{name}: {}", path.display())));
        } else {
            let remedy = format!("install `{program}`, or change `[agents.{name}] command`");
            signs.push(poor("agent", State::Warning, format!("{name}: there is no `{program}`"), remedy));
        }
    }
    if able == 0 {
        let remedy = "name one under `[agents.<name>]` in .ai-sdlc/config.toml; until then missions are rehearsed";
        signs.push(poor("agent", State::Warning, "no agent program is configured and installed", remedy));
    }
    Ok(signs)
}

fn disk(folder: &Path) -> Sign {
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(folder);
    match statvfs(there) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let told = format!("{} MiB free for {}", free >> 20, folder.display());
            if free < LITTLE_DISK {
                poor("disk", State::Warning, told, "make room, or choose another `[workspace] root`")
            } else {
                good("disk", told)
            }
        }
        Err(error) => {
            poor("disk", State::Warning, format!("{}: {error}", there.display()), "see to it that it can be read")
        }
    }
}

/// Runs that nobody drives and that have not ended.
fn runs(project: &Project) -> Vec<Sign> {
    let all = Runs::at(&project.store).list().unwrap_or_default();
    let stale = all.into_iter().filter(|run| run.standing == Standing::Interrupted);
    stale
        .map(|run| {
            let told = format!("run {} was interrupted", run.id);
            poor("run", State::Warning, told, format!("ai-sdlc run resume {}", run.id))
        })
        .collect()
}
