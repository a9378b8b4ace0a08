//! `ai-sdlc run recover [R] [T|N]`: lists what was salvaged, and gives it back. Never overwrites anything.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::Context;
use crate::cli::documents::{Kept, RecoverDocument, Salvaged};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::leftovers::{Field, age, refused, unseen};
use crate::cli::run_choice::which;
use crate::cli::run_list::pretty;
use crate::cli::table::table;
use crate::journal::runs::Runs;
use crate::name::RunId;
use crate::report::{plural, safe};
use crate::workspace::cleanup::{Lying, lying};
use crate::workspace::{Repository, SalvagedWork, Unsaved, WorkspaceError};

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RunRecover {
    /// The run, or a task of the latest one.
    #[arg(value_name = "RUN", default_value = "@")]
    run: String,
    /// Which: a task, `task/n`, or the number in the list.
    #[arg(value_name = "TASK|N")]
    which: Option<String>,
    /// List that of all runs, also of those whose folder is gone.
    #[arg(long, conflicts_with_all = ["which", "to", "branch"])]
    all: bool,
    /// Write the files into this folder, which is not there yet or empty.
    #[arg(long, value_name = "DIR", conflicts_with = "branch")]
    to: Option<PathBuf>,
    /// Make a branch of this name at it.
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Lists, or gives one back.
pub(super) fn run(args: &RunRecover, context: &mut Context) -> Result<Exit, Failure> {
    let field = Field::find(context)?;
    let repository = field.needed()?;
    let (of, task) = which((&args.run, args.which.as_deref()));
    let all = repository.salvaged(None).map_err(|error| refused(&error))?;
    let run = if args.all { None } else { Some(meant(&field, &all, of)?) };
    let found: Vec<SalvagedWork> =
        all.into_iter().filter(|work| run.as_ref().is_none_or(|run| work.run == *run)).collect();
    let wants_one = task.is_some() || args.to.is_some() || args.branch.is_some();
    if !wants_one {
        let kept = lying(field.ground()).map_err(|error| unseen(&error))?;
        let holds = |kept: &Lying| {
            !matches!(kept.unsaved, Ok(None)) && run.as_ref().is_none_or(|run| kept.worktree.run == *run)
        };
        let kept: Vec<Lying> = kept.into_iter().filter(holds).collect();
        list(args, context, run.as_ref(), (&found, &kept));
        return Ok(Exit::Success);
    }
    let one = chosen(&found, task, run.as_ref())?;
    match (&args.to, &args.branch) {
        (Some(to), _) => write(context, repository, one, to),
        (None, Some(branch)) => make_branch(context, repository, one, branch),
        (None, None) => {
            list(args, context, run.as_ref(), (std::slice::from_ref(one), &[]));
            Ok(Exit::Success)
        }
    }
}

/// A run by its folder, or by what was salvaged of it where that is gone.
fn meant(field: &Field, all: &[SalvagedWork], given: &str) -> Result<RunId, Failure> {
    let known = Runs::at(&field.project.store).resolve(given);
    let error = match known {
        Ok(entry) => return Ok(entry.id),
        Err(error) => error,
    };
    let mut runs: Vec<&RunId> =
        all.iter().map(|work| &work.run).filter(|run| run.as_str().starts_with(given)).collect();
    runs.sort();
    runs.dedup();
    match runs.as_slice() {
        [run] => Ok((*run).clone()),
        [] | [_, _, ..] => Err(Failure::new(Exit::Usage, "cli::unknown-run", error.to_string())
            .help("`ai-sdlc run recover --all` shows what was salvaged of all runs, also of those that are gone")),
    }
}

fn chosen<'a>(
    found: &'a [SalvagedWork],
    given: Option<&str>,
    run: Option<&RunId>,
) -> Result<&'a SalvagedWork, Failure> {
    let run = run.map(ToString::to_string).unwrap_or_default();
    let fits = |at: usize, work: &SalvagedWork| match given {
        None => true,
        Some(given) => work.name() == given || work.task == given || given == (at + 1).to_string(),
    };
    let fitting: Vec<&SalvagedWork> =
        found.iter().enumerate().filter(|(at, work)| fits(*at, work)).map(|(_, work)| work).collect();
    match fitting.as_slice() {
        [one] => Ok(one),
        [] => {
            let of = given.map(|given| format!(" of `{given}`")).unwrap_or_default();
            Err(Failure::new(Exit::Usage, "cli::nothing-salvaged", format!("nothing{of} was salvaged in run {run}"))
                .help("`ai-sdlc run recover --all` shows what there is; recorded work is on the branches `ai-sdlc/<run>/…`"))
        }
        several => {
            let names: Vec<String> = several.iter().map(|work| format!("`{}`", work.name())).collect();
            Err(Failure::new(Exit::Usage, "cli::nothing-salvaged", format!("there are {} of it", several.len()))
                .because_of([format!("it could be {}", names.join(", "))])
                .help(format!(
                    "name one: `ai-sdlc run recover {run} {}`",
                    quoted(&several.first().map(|work| work.name()).unwrap_or_default())
                )))
        }
    }
}

fn write(context: &mut Context, repository: &Repository, one: &SalvagedWork, to: &PathBuf) -> Result<Exit, Failure> {
    let folder = context.environment.cwd.join(to);
    let done = repository.recover_to(one, &folder).map_err(|error| {
        let taken = Failure::new(Exit::Usage, "cli::not-empty", "there is something in that folder already")
            .at(folder.display().to_string())
            .help("name a folder that is not there yet, or empty: nothing is overwritten");
        if is_taken(&error) { taken } else { refused(&error) }
    })?;
    let files = plural(done.files, "file");
    context.terminal.err(&format!("Wrote {files} of {} to {}.", one.name(), folder.display()));
    for inner in &done.repositories {
        context.terminal.err(&format!("A repository of its own, as it was: {}", folder.join(inner).display()));
    }
    context.terminal.out(&folder.display().to_string());
    Ok(Exit::Success)
}

/// Whether somebody has what was asked for: a folder that is not empty, a branch of that name.
fn is_taken(error: &WorkspaceError) -> bool {
    matches!(error, WorkspaceError::Taken { .. } | WorkspaceError::Raced { .. })
}

fn make_branch(
    context: &mut Context,
    repository: &Repository,
    one: &SalvagedWork,
    branch: &str,
) -> Result<Exit, Failure> {
    repository.recover_branch(&one.commit, branch).map_err(|error| {
        let taken = Failure::new(Exit::Usage, "cli::not-empty", format!("there is a branch `{branch}` already"))
            .help("take another name: nothing is overwritten");
        if is_taken(&error) { taken } else { refused(&error).help("take another name for the branch") }
    })?;
    context.terminal.err(&format!("Branch {branch} is at {}: `git switch {branch}`", one.commit.short()));
    context.terminal.out(branch);
    Ok(Exit::Success)
}

fn list(args: &RunRecover, context: &mut Context, run: Option<&RunId>, what: (&[SalvagedWork], &[Lying])) {
    let (found, kept) = what;
    if args.json {
        let document = RecoverDocument {
            schema: "ai-sdlc/recover/1",
            run: run.map(ToString::to_string),
            salvaged: found.iter().map(as_json).collect(),
            unsaved: kept.iter().map(kept_json).collect(),
        };
        return context.terminal.out(&pretty(&json!(document)));
    }
    let of = run.map_or_else(|| "of all runs".to_owned(), |run| format!("of run {run}"));
    if found.is_empty() && kept.is_empty() {
        let more = if run.is_some() { " `ai-sdlc run recover --all` looks at all runs." } else { "" };
        return context.terminal.err(&format!("Nothing {of} had to be salvaged.{more}"));
    }
    let mut rows = Vec::new();
    if !found.is_empty() {
        let cells: Vec<Vec<String>> = found.iter().enumerate().map(|(at, work)| row(at, work)).collect();
        let laid_out = table(&cells, context.terminal.table_columns().saturating_sub(2), context.terminal.out_look);
        rows.push(format!("Salvaged work {of}:"));
        rows.extend(laid_out.lines().map(|row| format!("  {row}")));
        rows.extend([String::new(), "To have it back, in a new folder or as a branch (--branch NAME):".to_owned()]);
        rows.extend(found.iter().take(COMMANDS).map(|work| format!("  {}", command(work))));
    }
    if !kept.is_empty() {
        if !rows.is_empty() {
            rows.push(String::new());
        }
        rows.push("Kept worktrees with work that is saved nowhere else:".to_owned());
        rows.extend(kept.iter().map(kept_row));
    }
    context.terminal.out(&rows.join("\n"));
}

/// So many commands are shown: the others are like them.
const COMMANDS: usize = 10;

fn command(work: &SalvagedWork) -> String {
    format!("ai-sdlc run recover {} {} --to DIR", work.run, quoted(&work.name()))
}

fn kept_row(kept: &Lying) -> String {
    let words = match &kept.unsaved {
        Ok(unsaved) => unsaved.as_ref().map(Unsaved::words).unwrap_or_default(),
        Err(why) => why.clone(),
    };
    let (run, path) = (&kept.worktree.run, kept.worktree.path.display());
    safe(&format!("  {run}  {}: {words}, in {path}", kept.worktree.describe()))
}

fn row(at: usize, work: &SalvagedWork) -> Vec<String> {
    let files = work.files.map_or_else(|| "-".to_owned(), |files| plural(files, "file"));
    let attempt = work.attempt.map(|attempt| format!("attempt {attempt}")).unwrap_or_default();
    vec![
        (at + 1).to_string(),
        work.run.to_string(),
        work.name(),
        attempt,
        files,
        format!("{} ago", age(work.at)),
        work.commit.short().to_owned(),
        work.why.clone(),
    ]
}

fn as_json(work: &SalvagedWork) -> Salvaged {
    Salvaged {
        run: work.run.to_string(),
        task: work.task.clone(),
        number: work.number,
        name: work.name(),
        attempt: work.attempt,
        at: work.at.to_string(),
        why: work.why.clone(),
        files: work.files,
        commit: work.commit.clone(),
        reference: work.reference.clone(),
        command: command(work),
    }
}

fn kept_json(kept: &Lying) -> Kept {
    let unsaved = kept.unsaved.as_ref().ok().and_then(Option::as_ref);
    Kept {
        run: kept.worktree.run.to_string(),
        of: kept.worktree.describe(),
        path: kept.worktree.path.display().to_string(),
        files: unsaved.map(|unsaved| unsaved.files),
        commits: unsaved.map(|unsaved| unsaved.commits.len()),
        unknown: kept.unsaved.as_ref().err().cloned(),
    }
}

fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}
