//! `ai-sdlc project test` and `ai-sdlc project setup`: what the checks and the setup of missions run in any project.
//!
//! What configuration says is run, else what the project's files say. Where there is nothing to run that is told, and
//! is no failure: a mission must work in a repository that has no test yet.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use clap::{Args, Subcommand};

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::project_files::{self, Step};
use crate::cli::settings::Settings;
use crate::mission::model::CommandLine;

/// What can be done with a project.
#[derive(Debug, Subcommand)]
pub(super) enum ProjectCommand {
    /// Install what the project's lock files name, as a new checkout needs it.
    Setup(Which),
    /// Run the project's own tests; exits 0 where they pass or there are none.
    Test(Which),
}

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only say what would run, and why.
    #[arg(long)]
    dry_run: bool,
}

/// Runs it.
pub(super) fn run(command: &ProjectCommand, context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let settings = Settings::load(context, &project)?.sound()?;
    let said = |of: fn(&crate::mission::config::Config) -> Option<&CommandLine>| {
        let mut layers = settings.layers.iter().rev();
        layers.find_map(|layer| Some(configured(of(&layer.config)?, &layer.file)))
    };
    let root = &project.root;
    let (key, args, steps) = match command {
        ProjectCommand::Setup(args) => {
            let said = said(|config| config.setup.as_ref());
            ("setup", args, said.map_or_else(|| project_files::setup(root), |step| vec![step]))
        }
        ProjectCommand::Test(args) => {
            let said = said(|config| config.test.as_ref());
            ("test", args, said.map_or_else(|| project_files::tests(root), |step| vec![step]))
        }
    };
    if steps.is_empty() {
        context.terminal.err(nothing(key));
    }
    for step in &steps {
        context.terminal.err(&format!("{} (because of {})", shown(step), step.because));
        if !args.dry_run && !succeeds(step, root, context)? {
            return Ok(Exit::Failed);
        }
    }
    Ok(Exit::Success)
}

fn nothing(key: &str) -> &'static str {
    if key == "test" {
        "No tests: nothing here says how this project is tested.\n\
         Say it once for all missions, in `.ai-sdlc/config.toml`: [project] test = \"make test\""
    } else {
        "Nothing to set up: there is no lock file that asks for it."
    }
}

/// What configuration says, as it is started.
fn configured(command: &CommandLine, file: &str) -> Step {
    let argv = match command {
        CommandLine::Argv(argv) => argv.clone(),
        CommandLine::Shell(text) => vec!["sh".to_owned(), "-c".to_owned(), text.clone()],
    };
    Step { folder: PathBuf::new(), because: file.to_owned(), argv, none: None }
}

/// The command as a person would type it.
fn shown(step: &Step) -> String {
    let words = step.argv.join(" ");
    if step.folder.as_os_str().is_empty() { words } else { format!("cd {} && {words}", step.folder.display()) }
}

/// Runs one, with this program's own input and output.
fn succeeds(step: &Step, root: &Path, context: &mut Context) -> Result<bool, Failure> {
    let folder = root.join(&step.folder);
    let program = step.argv.first().map_or("", String::as_str);
    let failed = |what: String| {
        Failure::new(Exit::Environment, "cli::no-project-tool", what)
            .at(step.because.clone())
            .help("install it, or say another command in `.ai-sdlc/config.toml`, under `[project]`")
    };
    let found = context.environment.find_program(program, &folder);
    let found = found.ok_or_else(|| failed(format!("`{}` needs `{program}`, which is not there", shown(step))))?;
    let status = start(&found, (step, &folder), context)
        .map_err(|error| failed(format!("`{}` cannot be started", shown(step))).because(&error))?;
    if status.success() {
        return Ok(true);
    }
    if status.code().is_some() && status.code() == step.none {
        context.terminal.err(&format!("No tests: `{}` found none.", shown(step)));
        return Ok(true);
    }
    context.terminal.err(&format!("failed: `{}`, {status}", shown(step)));
    Ok(false)
}

/// `CI` keeps test runners from watching files and from asking.
#[expect(clippy::disallowed_methods, reason = "this command is what a check starts, and a child of the engine itself")]
fn start(program: &Path, (step, folder): (&Step, &Path), context: &Context) -> io::Result<ExitStatus> {
    let mut command = Command::new(program);
    command.args(step.argv.iter().skip(1)).current_dir(folder);
    if context.environment.get("CI").is_none() {
        command.env("CI", "1");
    }
    command.status()
}
