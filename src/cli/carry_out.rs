//! Carries a plan out: where, whether it can be, and what is said when it has ended.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::amount::Ceiling;
use crate::cli::Context;
use crate::cli::args::Ui;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::github;
use crate::cli::live::{Live, Seat};
use crate::cli::making::{Making, bytes, free};
use crate::cli::project::Project;
use crate::cli::run_choice::place_of;
use crate::cli::secrets;
use crate::driver::audience::Line;
use crate::driver::clock::wall_now;
use crate::driver::drive::{Driven, Fault};
use crate::driver::launch::{self, LaunchError, NewRun, Resumption, Surroundings};
use crate::journal::lock::{Holder, LockError};
use crate::journal::runs::{RunEntry, Runs};
use crate::journal::{Journal, JournalError};
use crate::kernel::event::{Event, Place, PlaceKind, RunOutcome};
use crate::kernel::fact::Attended;
use crate::mission::model::{BackendKind, WorkspaceMode};
use crate::name::RunId;
use crate::plan::Plan;
use crate::report::{self, Report, Typed};
use crate::workspace::{Git, PreflightAsk, Repository, WorkspaceError};

/// Less free space than this where worktrees lie, in bytes, and nothing is begun.
const LEAST_FREE: u64 = 64 * 1024 * 1024;

/// A run that may begin.
#[derive(Debug)]
pub(super) struct Ready {
    /// Its id.
    pub(super) run: RunId,
    /// Where it will take place.
    pub(super) place: Place,
    /// Its repository.
    repository: Option<Repository>,
    /// What it will make; `None` without git.
    pub(super) making: Option<Making>,
    /// Worth telling before it begins.
    pub(super) notes: Vec<String>,
}

/// Draws the id of a run.
fn draw() -> RunId {
    RunId::from_draws(|below| fastrand::usize(..below))
}

/// Finds git.
pub(super) fn git(context: &Context) -> Result<Git, Failure> {
    let missing = || Failure::new(Exit::Environment, "git::missing", "git was not found on the PATH");
    let program = context
        .environment
        .find_program("git", &context.environment.cwd)
        .ok_or_else(|| missing().help("install git 2.34 or newer"))?;
    Git::new(program, context.environment.all.clone())
        .map_err(|error| Failure::new(Exit::Environment, "git::unusable", "git cannot be used").because(&error))
}

/// Looks whether a run can take place in the project itself.
pub(super) fn in_project(context: &Context, project: &Project, plan: &Plan) -> Result<Ready, Failure> {
    programs(context, plan)?;
    let mut notes = secrets::looked_at(context, plan, PlaceKind::Repository)?;
    let run = draw();
    if plan.workspace.mode == WorkspaceMode::Directory {
        let place = Place { directory: project.root.clone(), base: None, kind: PlaceKind::Repository };
        return Ok(Ready { run, place, repository: None, making: None, notes });
    }
    let repository = discover(context, &project.directory)?;
    let directory = repository.checkout().unwrap_or(repository.common_dir()).to_owned();
    let own_root = plan.workspace.root.as_ref().map(|root| straight(&directory.join(root)));
    let root = own_root.unwrap_or_else(|| worktrees(context, project));
    let into = plan.merge.into.as_deref();
    let looked = repository.preflight(&PreflightAsk { into, root: Some(&root) }).map_err(|refusals| {
        let first = refusals.first().map_or(("the repository cannot be used", ""), |one| (&one.what, &one.remedy));
        let place = directory.display().to_string();
        let mut failure = Failure::new(Exit::Environment, "git::preflight", first.0).at(place).help(first.1);
        failure.causes = refusals.iter().skip(1).map(|one| format!("also: {} ({})", one.what, one.remedy)).collect();
        failure
    })?;
    enough_space(&root)?;
    notes.extend(looked.notes);
    if looked.uncommitted > 0 {
        let files = report::plural(looked.uncommitted, "file");
        notes.push(format!("{files} of yours with changes that are not committed: no task sees them"));
    }
    let revision = plan.workspace.base.clone().unwrap_or_else(|| repository.default_base(into));
    let base = repository.resolve(&revision).map_err(|error| {
        Failure::new(Exit::Usage, "git::no-base", format!("`{revision}` cannot be begun from")).because(&error)
    })?;
    if let Some(into) = into
        && let Ok(tip) = repository.resolve(into)
        && let Ok(ahead @ 1..) = repository.commits_ahead(&tip, &base)
    {
        notes.push(format!("{} of `{revision}` that `{into}` lacks will come along", report::plural(ahead, "commit")));
    }
    let making = Making::of(plan, &run, &root, repository.tree_size(&base).ok());
    if making.lacks_space() {
        return Err(too_little(&root, free(&root)));
    }
    let place = Place { directory, base: Some(base), kind: PlaceKind::Repository };
    Ok(Ready { run, place, repository: Some(repository), making: Some(making), notes })
}

/// Makes a scratch clone for a rehearsal: nothing of the project is touched.
pub(super) fn in_scratch(context: &Context, project: &Project, plan: &Plan) -> Result<Ready, Failure> {
    let run = draw();
    let scratch = state_folder(context, project).join("scratch").join(run.as_str());
    let directory = scratch.join(project.root.file_name().unwrap_or("project".as_ref()));
    fs::create_dir_all(&scratch).map_err(|error| unmakeable(&scratch, &error))?;
    let scripted = plan.agents.values().any(|agent| agent.scenario.is_some());
    let kind = if scripted { PlaceKind::ScratchWithChecks } else { PlaceKind::ScratchWithoutChecks };
    let notes = secrets::looked_at(context, plan, kind)?;
    if plan.workspace.mode == WorkspaceMode::Directory {
        fs::create_dir_all(&directory).map_err(|error| unmakeable(&directory, &error))?;
        let place = Place { directory, base: None, kind };
        return Ok(Ready { run, place, repository: None, making: None, notes });
    }
    let git = git(context)?;
    let failed = |error: WorkspaceError| {
        Failure::new(Exit::Environment, "git::no-scratch", "a scratch clone cannot be made").because(&error)
    };
    let has_commit =
        Repository::discover(&git, &project.directory).ok().filter(|repository| repository.resolve("HEAD").is_ok());
    let repository = match has_commit {
        Some(original) => original.scratch_clone(&directory).map_err(failed)?,
        None => Repository::scratch_empty(&git, &directory, wall_now()).map_err(failed)?,
    };
    let into = plan.merge.into.as_deref();
    let revision = plan.workspace.base.clone().unwrap_or_else(|| repository.default_base(into));
    let base = repository.resolve(&revision).or_else(|_| repository.resolve("HEAD")).map_err(|error| {
        Failure::new(Exit::Usage, "git::no-base", format!("`{revision}` cannot be begun from")).because(&error)
    })?;
    let making = Making::of(plan, &run, &worktrees(context, project), repository.tree_size(&base).ok());
    let place = Place { directory, base: Some(base), kind };
    Ok(Ready { run, place, repository: Some(repository), making: Some(making), notes })
}

fn unmakeable(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Environment, "cli::no-folder", "a folder cannot be made")
        .at(folder.display().to_string())
        .because(error)
}

/// Refuses agents whose program is not there.
fn programs(context: &Context, plan: &Plan) -> Result<(), Failure> {
    for (name, agent) in &plan.agents {
        let program = agent.command.first().filter(|_| agent.backend == BackendKind::Command);
        if let Some(program) = program
            && context.environment.find_program(program, &context.directory()).is_none()
        {
            let what = format!("the program `{program}` of the agent `{name}` was not found");
            return Err(Failure::new(Exit::Environment, "agent::missing-program", what)
                .help("install it, or name another agent with `--agent`; `ai-sdlc doctor` shows what is there"));
        }
    }
    Ok(())
}

fn enough_space(root: &Path) -> Result<(), Failure> {
    let free = free(root);
    if free >= LEAST_FREE { Ok(()) } else { Err(too_little(root, free)) }
}

/// A path without `..`, so that it can be seen whether it lies inside of another.
fn straight(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut straight, part| {
        match part {
            Component::ParentDir => {
                straight.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => straight.push(part),
        }
        straight
    })
}

fn too_little(root: &Path, free: u64) -> Failure {
    let what = format!("too little disk space for the worktrees: {} are free", bytes(free));
    Failure::new(Exit::Environment, "cli::disk-full", what)
        .at(root.display().to_string())
        .help("make room, or set `[workspace] root` to a larger disk")
}

fn discover(context: &Context, directory: &Path) -> Result<Repository, Failure> {
    Repository::discover(&git(context)?, directory)
        .map_err(|error| Failure::new(Exit::Environment, "git::no-repository", error.to_string()).help(error.remedy()))
}

/// The person's state folder; without one the project's own store.
pub(super) fn state_folder(context: &Context, project: &Project) -> PathBuf {
    context.environment.state_folder().unwrap_or_else(|| project.store.clone())
}

fn worktrees(context: &Context, project: &Project) -> PathBuf {
    state_folder(context, project).join("worktrees")
}

/// What is the same for all that is started here.
pub(super) fn surroundings(context: &Context, project: &Project) -> Surroundings {
    Surroundings {
        executable: context.environment.executable.clone(),
        environment: context.environment.pairs(),
        worktrees: worktrees(context, project),
    }
}

/// Begins a run and sees it to its end; the inputs are those that were typed.
pub(super) fn begin(
    context: &mut Context,
    project: &Project,
    what: (Plan, Ready),
    how: (Ui, &[(String, String)]),
) -> Result<(Exit, Report), Failure> {
    let (plan, ready) = what;
    let (ui, inputs) = how;
    let around = surroundings(context, project);
    let run_dir = Runs::at(&project.store).dir(&ready.run);
    let scratch = scratch_of(&ready.place);
    let new =
        NewRun { run: ready.run, plan, place: ready.place, repository: ready.repository, run_dir: run_dir.clone() };
    let report = Report::typed_as(Typed { run_folder: Some(run_dir.clone()), ..context.typed(inputs) });
    let (voice, line) = Line::new();
    let (who, how) = (context.environment.person(), shown_as(&context.globals, ui));
    let mut live = Live::new(&mut context.terminal, how, (report, 0), Seat { voice, who });
    let attended = if scratch.is_some() { Attended::Yes } else { live.attended() };
    let driven = launch::begin(new, &around, line.to(attended, |shown| live.show(shown)));
    let report = live.finish((&driven).into());
    github::tell(context, &project.root, &report);
    let exit = ended(context, driven, &run_dir)?;
    if let Some(scratch) = scratch.filter(|_| exit == Exit::Success) {
        let _cleanup_takes_what_is_left = fs::remove_dir_all(scratch);
    }
    Ok((exit, report))
}

/// Goes on with a run and sees it to its end.
pub(super) fn resume(
    context: &mut Context,
    project: &Project,
    entry: &RunEntry,
    how: (Option<Ceiling>, Ui),
) -> Result<(Exit, Report), Failure> {
    let (ceiling, ui) = how;
    let around = surroundings(context, project);
    let mut earlier = Report::typed_as(Typed { run_folder: Some(entry.dir.clone()), ..context.typed(&[]) });
    let mut seq = 0;
    for record in Journal::read(&entry.dir).map_err(|error| unreadable(&entry.dir, &error))? {
        if let Event::RunStarted { plan, place, .. } = &record.event {
            secrets::looked_at(context, plan, place.kind)?;
        }
        earlier.fold(record.at, &record.event);
        seq = record.seq;
    }
    place_of(&earlier)?;
    let git = git(context)?;
    let resumption = Resumption { run: entry.id.clone(), run_dir: entry.dir.clone(), ceiling };
    let open = |place: &Place| match &place.base {
        None => Ok(None),
        Some(_) => Repository::discover(&git, &place.directory).map(Some).map_err(WorkspaceError::Repository),
    };
    let (voice, line) = Line::new();
    let (who, how) = (context.environment.person(), shown_as(&context.globals, ui));
    let is_rehearsal = earlier.is_rehearsal();
    let mut live = Live::new(&mut context.terminal, how, (earlier, seq), Seat { voice, who });
    let attended = if is_rehearsal { Attended::Yes } else { live.attended() };
    let driven = launch::go_on(&resumption, &around, open, line.to(attended, |shown| live.show(shown)));
    let report = live.finish((&driven).into());
    github::tell(context, &project.root, &report);
    Ok((ended(context, driven, &entry.dir)?, report))
}

fn shown_as(globals: &crate::cli::args::Globals, ui: Ui) -> Ui {
    if globals.quiet && ui == Ui::Auto { Ui::None } else { ui }
}

/// The folder that goes with a scratch clone.
fn scratch_of(place: &Place) -> Option<PathBuf> {
    match place.kind {
        PlaceKind::Repository => None,
        PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks => place.directory.parent().map(Path::to_owned),
    }
}

fn unreadable(dir: &Path, error: &JournalError) -> Failure {
    Failure::new(Exit::Environment, "journal::unreadable", "the journal of this run cannot be read")
        .at(dir.display().to_string())
        .because(error)
        .help(error.help())
}

/// The exit code of what was driven, and what is said of an end that the report does not tell.
fn ended(context: &mut Context, driven: Result<Driven, LaunchError>, dir: &Path) -> Result<Exit, Failure> {
    let driven = driven.map_err(|error| not_launched(&error, dir))?;
    let run = driven.run.id().clone();
    let go_on = format!("`ai-sdlc run resume {run}` goes on where it stopped");
    match driven.fault {
        Some(Fault::Journal(error)) => {
            let exit = if matches!(error, JournalError::DiskFull { .. }) { Exit::Environment } else { Exit::Internal };
            let what = "the run stopped because its journal could not be written";
            Err(Failure::new(exit, "journal::unwritable", what)
                .at(dir.display().to_string())
                .because(&error)
                .help(format!("{}; then {go_on}", error.help())))
        }
        Some(Fault::Committer) => {
            let what = "the run stopped because its journal was no longer written, by a fault of ours";
            Err(Failure::new(Exit::Internal, "driver::fault", what).at(dir.display().to_string()).help(go_on))
        }
        Some(Fault::Guard(why)) => {
            let what = format!("the run stopped because the process that owns its children died: {why}");
            let log = dir.join("guard.log");
            Err(Failure::new(Exit::Internal, "driver::guard-died", what).at(log.display().to_string()).help(go_on))
        }
        None => {
            if driven.killed {
                context.terminal.err(&format!("Everything was killed. {go_on}."));
            }
            let stopped = driven.stopped.map(|cause| RunOutcome::Stopped { cause });
            Ok(driven.run.outcome().or(stopped).map_or(Exit::Interrupted, Exit::from))
        }
    }
}

fn not_launched(error: &LaunchError, dir: &Path) -> Failure {
    match error {
        LaunchError::Held(lock @ LockError::Held { .. }) => held(lock, dir),
        LaunchError::Held(LockError::File(journal)) | LaunchError::Journal(journal) => unreadable(dir, journal),
        LaunchError::Io { .. } => Failure::new(Exit::Environment, "driver::not-begun", error.to_string())
            .at(dir.display().to_string())
            .because(error)
            .help("look at the disk and at the permissions of that folder, then try again"),
        LaunchError::Fold(_) => Failure::new(Exit::Internal, "driver::not-begun", error.to_string())
            .at(dir.display().to_string())
            .because(error),
        LaunchError::Workspace(_) => {
            Failure::new(Exit::Environment, "git::refused", "git did not do what the run needs").because(error)
        }
    }
}

/// Somebody else is at it.
fn held(lock: &LockError, dir: &Path) -> Failure {
    let failure = |what: String| Failure::new(Exit::Locked, "journal::locked", what);
    match lock {
        LockError::Held { what, holder: Some(holder) } => {
            let Holder { run, pid, host, since, .. } = holder.as_ref();
            let who = format!("run {run}, process {pid} on {host}, since {since}");
            let itself = dir.file_name().is_some_and(|name| name == run.as_str());
            let what = if itself { format!("run {run} is being driven already") } else { format!("{what} is in use") };
            failure(what).because_of([format!("it is held by {who}")]).help(format!(
                "wait until `ai-sdlc run show {run}` says that it has ended, or stop it: `ai-sdlc run abort {run}`"
            ))
        }
        LockError::Held { holder: None, .. } | LockError::File(_) => {
            failure(lock.to_string()).help("`ai-sdlc run list` shows which run is live; wait for it, or abort it")
        }
    }
}

/// Writes the report as JUnit XML.
pub(super) fn write_junit(report: &Report, path: &Path) -> Result<(), Failure> {
    fs::write(path, report::end::junit(report)).map_err(|error| no_junit(path).because(&error))
}

/// Refuses, before anything begins, a JUnit report that has nowhere to go.
pub(super) fn junit_can_be(path: &Path) -> Result<(), Failure> {
    let there = path.parent().is_none_or(Path::is_dir) && !path.is_dir();
    if there { Ok(()) } else { Err(no_junit(path).help("name a file in a folder that is there")) }
}

fn no_junit(path: &Path) -> Failure {
    Failure::new(Exit::Environment, "cli::unwritable-file", "the JUnit report cannot be written")
        .at(path.display().to_string())
}
