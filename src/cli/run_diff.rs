//! `ai-sdlc run diff [R] [T]`: what a run, or one task of it, changed.

use std::path::Path;

use clap::Args;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_choice::{Told, meant, place_of, told};
use crate::name::CommitId;
use crate::report::{End, Stage};
use crate::workspace::{Git, GitError, Repository};

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RunDiff {
    /// The run, or a task of the latest one.
    #[arg(value_name = "RUN", default_value = "@")]
    run: String,
    /// One task; left out: all that was merged.
    #[arg(value_name = "TASK")]
    task: Option<String>,
}

/// Prints a diff.
pub(super) fn run(args: &RunDiff, context: &mut Context) -> Result<Exit, Failure> {
    let (run, task) = meant(context, "diff", (&args.run, args.task.as_deref()))?;
    let told = told(context, run)?;
    let Some((from, to)) = ends(&told, task)? else {
        context.terminal.err("Nothing was changed.");
        return Ok(Exit::Success);
    };
    let project = Project::find(context)?;
    let place = place_of(&told.report)?.unwrap_or(&project.directory);
    let diff = repository(context, &project, place)?.diff(&from, &to).map_err(|error| unable(&error))?;
    context.terminal.out(&diff);
    Ok(Exit::Success)
}

/// The commits to compare: of a task what it was merged onto and as, else base and tip of the whole.
fn ends(told: &Told, task: Option<&str>) -> Result<Option<(CommitId, CommitId)>, Failure> {
    let Some(base) = told.report.place.as_ref().and_then(|place| place.base.clone()) else { return Ok(None) };
    let merges = &told.report.merges;
    let Some(task) = task else {
        return Ok(merges.last().map(|(tip, _)| (base, tip.clone())));
    };
    let id = told.task(task)?;
    let of = told.report.tasks.get(&id);
    if let Some(Stage::Ended(End::Succeeded { merged: Some(merged) })) = of.map(|of| &of.stage) {
        let at = merges.iter().position(|(commit, _)| commit == merged);
        let before = at.and_then(|at| merges.get(at.checked_sub(1)?)).map_or(base, |(commit, _)| commit.clone());
        return Ok(Some((before, merged.clone())));
    }
    Ok(of.and_then(|of| of.commit.clone()).map(|commit| (base, commit)))
}

fn repository(context: &Context, project: &Project, place: &Path) -> Result<Repository, Failure> {
    let program = context.environment.find_program("git", &project.root).ok_or_else(|| {
        Failure::new(Exit::Environment, "cli::no-git", "there is no `git` on the PATH").help("install git")
    })?;
    let git = Git::new(program, context.environment.all.clone()).map_err(|error| unable(&error))?;
    Repository::discover(&git, place).map_err(|error| {
        let remedy = error.remedy();
        Failure::new(Exit::Environment, "cli::no-repository", "there is no repository here")
            .because(&error)
            .help(remedy)
    })
}

fn unable(error: &GitError) -> Failure {
    Failure::new(Exit::Environment, "cli::git-failed", "git could not tell").because(error)
}
