//! `ai-sdlc worktree list | remove`: the worktrees of runs.

use std::fs;
use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::Context;
use crate::cli::documents::{AtWork, ListedWorktree, RunState, WorktreesDocument};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::leftovers::{Field, age, unseen};
use crate::cli::making::bytes;
use crate::cli::run_list::pretty;
use crate::cli::table::table;
use crate::diagnostic::nearest::nearest;
use crate::driver::clock::wall_now;
use crate::report::{plural, safe};
use crate::workspace::cleanup::{Lying, State, lying};
use crate::workspace::{Occupancy, Stays, UnsavedWork, WorktreeOf};

/// Worktrees of runs.
#[derive(Debug, Subcommand)]
pub(super) enum Worktree {
    /// List the worktrees of this repository's runs.
    List(WorktreeList),
    /// Remove a worktree; what is unsaved in it is saved first.
    Remove(WorktreeRemove),
}

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct WorktreeList {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct WorktreeRemove {
    /// The worktree: its path, or the task it is of.
    #[arg(value_name = "PATH|TASK")]
    which: String,
}

/// Carries it out.
pub(super) fn run(worktree: &Worktree, context: &mut Context) -> Result<Exit, Failure> {
    match worktree {
        Worktree::List(args) => list(args, context),
        Worktree::Remove(args) => remove(args, context),
    }
}

fn list(args: &WorktreeList, context: &mut Context) -> Result<Exit, Failure> {
    let field = Field::find(context)?;
    field.needed()?;
    let all = lying(field.ground()).map_err(|error| unseen(&error))?;
    if args.json {
        let worktrees = all.iter().map(as_json).collect();
        let document = WorktreesDocument { schema: "ai-sdlc/worktrees/1", worktrees };
        context.terminal.out(&pretty(&json!(document)));
    } else if all.is_empty() {
        context.terminal.err("There are no worktrees of runs here.");
    } else {
        let head = ["TASK", "RUN", "STATE", "SIZE", "USED", "UNSAVED", "IN USE BY", "PATH"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(all.iter().map(row)).collect();
        context.terminal.out(&table(&rows, context.terminal.table_columns(), context.terminal.out_look));
    }
    Ok(Exit::Success)
}

fn name(of: &WorktreeOf) -> String {
    match of {
        WorktreeOf::Attempt { task, attempt } if attempt.get() > 1 => format!("{task} (attempt {attempt})"),
        WorktreeOf::Attempt { task, .. } => task.to_string(),
        WorktreeOf::Merge => "(merges)".to_owned(),
    }
}

fn row(of: &Lying) -> Vec<String> {
    let unsaved = match &of.unsaved {
        Ok(None) => "-".to_owned(),
        Ok(Some(unsaved)) => unsaved.words(),
        Err(_) => "unknown".to_owned(),
    };
    let by = match of.occupants.as_slice() {
        [] => "-".to_owned(),
        [one] => one.to_string(),
        several => plural(several.len(), "process"),
    };
    let place = of.worktree.path.display().to_string();
    vec![
        name(&of.worktree.of),
        of.worktree.run.to_string(),
        of.state.words(),
        bytes(of.bytes),
        age(of.used),
        unsaved,
        by,
        place,
    ]
}

fn as_json(of: &Lying) -> ListedWorktree {
    let (task, attempt) = match &of.worktree.of {
        WorktreeOf::Attempt { task, attempt } => (Some(task.clone()), Some(*attempt)),
        WorktreeOf::Merge => (None, None),
    };
    let state = match of.state {
        State::Live(_) => RunState::Live,
        State::CanGoOn(_) => RunState::CanGoOn,
        State::Over(_) => RunState::Over,
        State::Gone => RunState::Gone,
    };
    let unsaved = of.unsaved.as_ref().ok();
    let commits = unsaved.and_then(Option::as_ref).map_or(0, |unsaved| unsaved.commits.len());
    ListedWorktree {
        path: of.worktree.path.display().to_string(),
        run: of.worktree.run.to_string(),
        task,
        attempt,
        state,
        standing: of.state.words(),
        bytes: of.bytes,
        used: of.used.to_string(),
        unsaved_files: unsaved.map(|unsaved| unsaved.as_ref().map_or(0, |unsaved| unsaved.files)),
        unsaved_commits: commits,
        unsaved_unknown: of.unsaved.as_ref().err().cloned(),
        processes: of.occupants.iter().map(|by| AtWork { pid: by.pid, name: by.name.clone() }).collect(),
    }
}

fn remove(args: &WorktreeRemove, context: &mut Context) -> Result<Exit, Failure> {
    let field = Field::find(context)?;
    let repository = field.needed()?;
    let all = lying(field.ground()).map_err(|error| unseen(&error))?;
    let one = chosen(&all, &args.which, &context.directory())?;
    let path = one.worktree.path.display().to_string();
    let stays = |why: String, help: String| {
        Failure::new(Exit::Locked, "cli::worktree-stays", format!("the worktree is left: {why}"))
            .at(path.clone())
            .help(help)
    };
    if let State::Live(pid) = one.state {
        let run = &one.worktree.run;
        let help = format!("`ai-sdlc run abort {run}` stops it; then try again");
        return Err(stays(format!("run {run} is live (process {pid})"), help));
    }
    let cleared = match repository.reason_to_stay(&one.worktree, &Occupancy::look(), UnsavedWork::IsSaved) {
        Some(reason) => Err(reason),
        None => repository.clear_worktree(&one.worktree, (&field.identity(), wall_now())),
    };
    let saved = cleared.map_err(|reason| {
        let help = match &reason {
            Stays::Occupied(_) => "leave that folder or end the process, then try again".to_owned(),
            Stays::Locked { .. } => format!("`git worktree unlock {path}`, then try again"),
            Stays::Moved { to } => format!("move {} back, or remove it by hand", to.display()),
            Stays::Unsaved(_) | Stays::Failed { .. } => {
                "mend what is told, then try again: nothing was removed".to_owned()
            }
        };
        stays(reason.to_string(), help)
    })?;
    context.terminal.err(&format!("Removed {}, {}.", safe(&path), bytes(one.bytes)));
    if let Some(saved) = saved {
        let (run, of) = (&one.worktree.run, &saved.reference);
        let number = of.rsplit('/').next().unwrap_or("1");
        let task = match &one.worktree.of {
            WorktreeOf::Attempt { task, .. } => task.to_string(),
            WorktreeOf::Merge => "integration".to_owned(),
        };
        let again = format!("ai-sdlc run recover {run} '{task}/{number}' --to DIR");
        context.terminal.err(&format!("What was unsaved in it is saved: `{again}` gives it back."));
    }
    Ok(Exit::Success)
}

/// The one that is meant.
fn chosen<'a>(all: &'a [Lying], given: &str, here: &Path) -> Result<&'a Lying, Failure> {
    let unknown = |what: String| Failure::new(Exit::Usage, "cli::unknown-worktree", what);
    let path = fs::canonicalize(here.join(given)).unwrap_or_else(|_| here.join(given));
    if let Some(one) = all.iter().find(|one| one.worktree.path == path) {
        return Ok(one);
    }
    let task = |one: &Lying| match &one.worktree.of {
        WorktreeOf::Attempt { task, .. } => task.to_string(),
        WorktreeOf::Merge => "integration".to_owned(),
    };
    let named: Vec<&Lying> = all.iter().filter(|one| task(one) == given).collect();
    match named.as_slice() {
        [one] => Ok(one),
        [] => {
            let tasks: Vec<String> = all.iter().map(task).collect();
            let help = match nearest(given, tasks.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`? `ai-sdlc worktree list` shows all"),
                None => "`ai-sdlc worktree list` shows the worktrees there are".to_owned(),
            };
            Err(unknown(format!("there is no worktree `{given}`")).help(help))
        }
        several => {
            let paths: Vec<String> = several.iter().map(|one| one.worktree.path.display().to_string()).collect();
            Err(unknown(format!("`{given}` has {}", plural(paths.len(), "worktree")))
                .because_of(paths)
                .help("name one by its path"))
        }
    }
}
