//! `ai-sdlc doctor [--json]`: whether runs can work here; one line of remedy a finding.
//!
//! Of programs only git is started, and agents that are known or that the person's own configuration names, to ask
//! their version: what a project names is looked for and never run.

mod agents;
mod login;
mod machine;
mod runs;
mod version;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::settings::Settings;
use crate::diagnostic::{Severity, short};
use crate::report::{Look, Tone, plural, safe, width};
use crate::workspace::{Git, GitVersion, PreflightAsk, Repository};

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What `doctor --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DoctorDocument<'a> {
    /// Always `ai-sdlc/doctor/1`.
    schema: &'static str,
    /// Whether runs can work here: nothing is bad.
    able: bool,
    /// All that was looked at.
    findings: &'a [Sign],
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
struct Sign {
    /// What it is about: `git`, `repository`, `config`, `agent`, `sandbox`, `disk`, `machine`, `run`, `lock`, `worktree`, `salvage`.
    of: &'static str,
    /// How it is.
    state: State,
    /// What was found.
    told: String,
    /// What mends it, or what can be done with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// How a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// As it should be.
    Good,
    /// Runs work, but not all that they could.
    Warning,
    /// A part that runs need is missing.
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
    let (mut signs, repository) = git(context, &project);
    let settings = Settings::load(context, &project);
    signs.extend(config(&settings));
    signs.extend(agents::look(context, &project, &settings.unwrap_or_default()));
    signs.extend(machine::look(context, &project));
    signs.extend(runs::look(context, &project, repository.as_ref()));
    let able = signs.iter().all(|sign| sign.state != State::Bad);
    if args.json {
        let document = DoctorDocument { schema: "ai-sdlc/doctor/1", able, findings: &signs };
        // Values made of strings alone can always be written.
        context.terminal.out(&serde_json::to_string_pretty(&document).unwrap_or_default());
    } else {
        let look = context.terminal.out_look;
        context.terminal.out(&text(&signs, look));
    }
    Ok(if able { Exit::Success } else { Exit::Environment })
}

/// For people: what it is about in a column, remedies below what they mend.
fn text(signs: &[Sign], look: Look) -> String {
    let wide = signs.iter().map(|sign| width(sign.of)).max().unwrap_or(0);
    let mut rows = Vec::new();
    let mut before = "";
    for Sign { of, state, told, remedy } in signs {
        let tone = match state {
            State::Good => Tone::Good,
            State::Warning => Tone::Careful,
            State::Bad => Tone::Bad,
        };
        let title = if *of == before { "" } else { of };
        before = of;
        rows.push(format!("{} {title:wide$}  {}", tone.painted(look), safe(told)));
        rows.extend(remedy.iter().map(|remedy| format!("  {:wide$}    {}", "", safe(remedy))));
    }
    let of = |state| signs.iter().filter(|sign| sign.state == state).count();
    rows.push(String::new());
    rows.push(match (of(State::Bad), of(State::Warning)) {
        (0, 0) => "Runs can work here.".to_owned(),
        (0, warnings) => format!("Runs can work here. {} to look at.", plural(warnings, "warning")),
        (bad, _) => format!("Runs cannot work here: {} to mend first.", plural(bad, "thing")),
    });
    rows.join("\n")
}

fn git(context: &Context, project: &Project) -> (Vec<Sign>, Option<Repository>) {
    let oldest = GitVersion::OLDEST;
    let bad = |told: String, remedy: String| (vec![poor("git", State::Bad, told, remedy)], None);
    let Some(program) = context.environment.find_program("git", &project.root) else {
        return bad("there is no `git` on the PATH".to_owned(), format!("install git {oldest} or newer"));
    };
    let git = match Git::new(program, context.environment.all.clone()) {
        Ok(git) => git,
        Err(error) => return bad(error.to_string(), "see to it that `git --version` works".to_owned()),
    };
    if git.version() < oldest {
        return bad(format!("git {} is too old", git.version()), format!("install git {oldest} or newer"));
    }
    let mut signs = vec![good("git", format!("{} at {}", git.version(), git.program().display()))];
    match Repository::discover(&git, &project.directory) {
        // Missions in `directory` mode need none.
        Err(error) if project.common.is_none() => {
            signs.push(poor("repository", State::Warning, error.to_string(), error.remedy()));
            (signs, None)
        }
        Err(error) => {
            signs.push(poor("repository", State::Bad, error.to_string(), error.remedy()));
            (signs, None)
        }
        Ok(repository) => {
            signs.extend(of_repository(&repository));
            (signs, Some(repository))
        }
    }
}

fn of_repository(repository: &Repository) -> Vec<Sign> {
    let found = match repository.preflight(&PreflightAsk::default()) {
        Ok(found) => found,
        Err(refusals) => {
            return refusals.into_iter().map(|no| poor("repository", State::Bad, no.what, no.remedy)).collect();
        }
    };
    let files = plural(found.uncommitted, "uncommitted file");
    let branch = found.branch.as_deref().unwrap_or("a detached HEAD");
    let mut signs = vec![good("repository", format!("on {branch}, at {}, {files}", found.head.short()))];
    let place = repository.checkout().unwrap_or(repository.common_dir());
    match repository.look_into(&found.head, place) {
        Ok(content) => {
            signs.extend(content.refusals.into_iter().map(|no| poor("repository", State::Bad, no.what, no.remedy)));
            signs.extend(content.notes.into_iter().map(|note| good("repository", note)));
        }
        Err(error) => signs.push(poor("repository", State::Bad, error.to_string(), "git fsck")),
    }
    signs.extend(found.notes.into_iter().map(|note| good("repository", note)));
    signs
}

/// Configuration files, where there are any.
fn config(settings: &Result<Settings, Failure>) -> Vec<Sign> {
    match settings {
        Err(failure) => {
            let place = failure.place.as_deref().unwrap_or_default();
            let told = format!("{} ({place})", failure.what);
            vec![poor("config", State::Bad, told, "see to it that your account may read it")]
        }
        Ok(settings) => {
            let wrong = settings.findings.iter().map(|finding| {
                let state = if finding.severity == Severity::Error { State::Bad } else { State::Warning };
                let told = short(std::slice::from_ref(finding), &settings.sources).trim_end().to_owned();
                let remedy = finding.help.clone().unwrap_or_else(|| "ai-sdlc mission validate".to_owned());
                poor("config", state, told, remedy)
            });
            let mut signs: Vec<Sign> = wrong.collect();
            if signs.is_empty() {
                let files: Vec<&str> = settings.layers.iter().map(|layer| layer.file.as_str()).collect();
                signs.extend((!files.is_empty()).then(|| good("config", files.join(", "))));
            }
            signs
        }
    }
}
