//! Carries a plan out: where, and what is said when it has ended.

use std::fs;
use std::path::{Path, PathBuf};

use crate::amount::Ceiling;
use crate::cli::Context;
use crate::cli::args::Ui;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::github;
use crate::cli::live::{Live, Seat};
use crate::cli::locked::{Clock, Force, refused};
use crate::cli::making::Making;
use crate::cli::project::Project;
use crate::cli::run_choice::place_of;
use crate::cli::settings::Settings;
use crate::cli::tidying::Tidying;
use crate::cli::{preflight, sandbox, secrets, since};
use crate::driver::audience::Line;
use crate::driver::clock::wall_now;
use crate::driver::drive::{Driven, Fault};
use crate::driver::launch::{self, LaunchError, NewRun, Resumption, Surroundings};
use crate::journal::lock::{InTheWay, LockError};
use crate::journal::runs::{RunEntry, Runs};
use crate::journal::target::Beside;
use crate::journal::{Journal, JournalError};
use crate::kernel::event::{DISK_FULL, Event, Place, PlaceKind, RunOutcome};
use crate::kernel::fact::{Again, Attended};
use crate::mission::model::WorkspaceMode;
use crate::name::RunId;
use crate::plan::Plan;
use crate::report::{self, Report, Typed};
use crate::workspace::{Git, Repository, WorkspaceError};

/// A run that may begin.
#[derive(Debug)]
pub(super) struct Ready {
    /// Its id.
    pub(super) run: RunId,
    /// Where it will take place.
    pub(super) place: Place,
    /// Its repository.
    pub(super) repository: Option<Repository>,
    /// What it will make; `None` without git.
    pub(super) making: Option<Making>,
    /// Worth telling before it begins.
    pub(super) notes: Vec<String>,
    /// Who is at the same branch or directory, and would be gone on beside.
    pub(super) beside: Vec<InTheWay>,
}

/// Draws the id of a run.
pub(super) fn draw() -> RunId {
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

/// What a run that was looked at and confirmed by another process needs to begin.
pub(super) fn ready_again(
    context: &Context,
    (run, place): (RunId, Place),
    beside: Vec<InTheWay>,
) -> Result<Ready, Failure> {
    let repository = place.base.as_ref().map(|_| preflight::discover(context, &place.directory)).transpose()?;
    Ok(Ready { run, place, repository, beside, making: None, notes: Vec::new() })
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
        return Ok(Ready { run, place, repository: None, making: None, notes, beside: Vec::new() });
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
    Ok(Ready { run, place, repository: Some(repository), making: Some(making), notes, beside: Vec::new() })
}

fn unmakeable(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Environment, "cli::no-folder", "a folder cannot be made")
        .at(folder.display().to_string())
        .because(error)
}

/// The person's state folder; without one the project's own store.
pub(super) fn state_folder(context: &Context, project: &Project) -> PathBuf {
    context.environment.state_folder().unwrap_or_else(|| project.store.clone())
}

pub(super) fn worktrees(context: &Context, project: &Project) -> PathBuf {
    state_folder(context, project).join("worktrees")
}

/// Where runs of this person in different projects see one another.
pub(super) fn locks(context: &Context) -> Option<PathBuf> {
    context.environment.state_folder().map(|folder| folder.join("locks"))
}

/// What is the same for all that is started here.
pub(super) fn surroundings(context: &Context, project: &Project) -> Result<Surroundings, Failure> {
    Ok(Surroundings {
        executable: context.environment.executable.clone(),
        environment: context.environment.pairs(),
        worktrees: worktrees(context, project),
        demands: Settings::load(context, project)?.sound()?.demands(),
        locks: locks(context),
    })
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
    let around = surroundings(context, project)?;
    let run_dir = Runs::at(&project.store).dir(&ready.run);
    let scratch = scratch_of(&ready.place);
    let Ready { run, place, repository, beside, making: _, notes: _ } = ready;
    let beside = if beside.is_empty() { Beside::Nobody } else { Beside::Others };
    let own = repository.clone().filter(|_| scratch.is_none());
    let mut tidying = own.map(|repository| Tidying::of(context, project, repository, &plan.workspace));
    if let Some(tidying) = &mut tidying {
        tidying.apply();
    }
    let id = run.clone();
    let new = NewRun { run, plan, place, repository, run_dir: run_dir.clone(), beside };
    let report = Report::typed_as(Typed { run_folder: Some(run_dir.clone()), ..context.typed(inputs) });
    let (voice, line) = Line::new();
    let (who, how) = (context.environment.person(), shown_as(&context.globals, ui));
    let mut live = Live::new(&mut context.terminal, how, (report, 0), Seat { voice, who });
    let attended = if scratch.is_some() { Attended::Yes } else { live.attended() };
    let driven = launch::begin(new, &around, line.to(attended, |shown| live.show(shown)));
    if let Some((notes, stale)) = tidying.map(|tidying| tidying.finish(&id)) {
        live.tidied(notes, stale);
    }
    let report = live.finish((&driven).into());
    github::tell(context, &project.root, &report);
    let exit = ended(context, driven, (&run_dir, Force::Possible))?;
    if let Some(scratch) = scratch.filter(|_| exit == Exit::Success) {
        let _cleanup_takes_what_is_left = fs::remove_dir_all(scratch);
    }
    Ok((exit, report))
}

/// How a run goes on.
#[derive(Debug, Clone)]
pub(super) struct Onward {
    /// What it may use from now on; `None`: as before.
    pub(super) ceiling: Option<Ceiling>,
    /// What of that which failed is tried again.
    pub(super) again: Again,
    /// How it is shown.
    pub(super) ui: Ui,
}

/// Goes on with a run and sees it to its end.
pub(super) fn resume(
    context: &mut Context,
    project: &Project,
    entry: &RunEntry,
    how: Onward,
) -> Result<(Exit, Report), Failure> {
    let Onward { ceiling, again, ui } = how;
    let around = surroundings(context, project)?;
    let mut earlier = Report::typed_as(Typed { run_folder: Some(entry.dir.clone()), ..context.typed(&[]) });
    let mut seq = 0;
    let mut policy = None;
    for record in Journal::read(&entry.dir).map_err(|error| unreadable(&entry.dir, &error))? {
        if let Event::RunStarted { plan, place, .. } = &record.event {
            secrets::looked_at(context, plan, place.kind)?;
            policy =
                Some(plan.workspace.clone()).filter(|_| place.kind == PlaceKind::Repository && place.base.is_some());
            since::mention(context, project, (&entry.id, plan));
        }
        earlier.fold(record.at, &record.event);
        seq = record.seq;
    }
    place_of(&earlier)?;
    let git = git(context)?;
    let resumption = Resumption { run: entry.id.clone(), run_dir: entry.dir.clone(), ceiling, again };
    let open = |place: &Place| match &place.base {
        None => Ok(None),
        Some(_) => Repository::discover(&git, &place.directory).map(Some).map_err(WorkspaceError::Repository),
    };
    let tidying = policy.and_then(|policy| {
        let repository = Repository::discover(&git, &project.directory).ok()?;
        Some(Tidying::of(context, project, repository, &policy))
    });
    let (voice, line) = Line::new();
    let (who, how) = (context.environment.person(), shown_as(&context.globals, ui));
    let is_rehearsal = earlier.is_rehearsal();
    let mut live = Live::new(&mut context.terminal, how, (earlier, seq), Seat { voice, who });
    let attended = if is_rehearsal { Attended::Yes } else { live.attended() };
    let driven = launch::go_on(&resumption, &around, open, line.to(attended, |shown| live.show(shown)));
    if let Some((notes, stale)) = tidying.map(|tidying| tidying.finish(&entry.id)) {
        live.tidied(notes, stale);
    }
    let report = live.finish((&driven).into());
    github::tell(context, &project.root, &report);
    Ok((ended(context, driven, (&entry.dir, Force::Impossible))?, report))
}

pub(super) fn shown_as(globals: &crate::cli::args::Globals, ui: Ui) -> Ui {
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
fn ended(context: &mut Context, driven: Result<Driven, LaunchError>, of: (&Path, Force)) -> Result<Exit, Failure> {
    let driven = driven.map_err(|error| not_launched(&error, of, context))?;
    let (dir, _) = of;
    let run = driven.run.id().clone();
    let go_on = format!("`ai-sdlc run resume {run}` goes on where it stopped");
    if let Some(full) = disk_full(&driven) {
        return Err(full.at(dir.display().to_string()).help(format!("make room; then {go_on}: nothing is lost")));
    }
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

/// The run stopped where there was no room for what the engine does itself.
fn disk_full(driven: &Driven) -> Option<Failure> {
    let why = driven.run.fault().filter(|_| driven.run.outcome() == Some(RunOutcome::EngineFault))?;
    let why = why.strip_prefix(DISK_FULL)?;
    let what = "the run stopped because a disk is full";
    Some(Failure::new(Exit::Environment, "cli::disk-full", what).because_of([why.to_owned()]))
}

fn not_launched(error: &LaunchError, of: (&Path, Force), context: &Context) -> Failure {
    let (dir, force) = of;
    match error {
        LaunchError::Held(LockError::Held(by)) => {
            let clock = Clock { now: wall_now(), zone: context.terminal.zone().clone() };
            refused(by, &context.directory(), force, &clock)
        }
        LaunchError::Held(LockError::File(error)) => untakeable(error),
        LaunchError::Journal(journal) => unreadable(dir, journal),
        LaunchError::Io { .. } => Failure::new(Exit::Environment, "driver::not-begun", error.to_string())
            .at(dir.display().to_string())
            .because(error)
            .help("look at the disk and at the permissions of that folder, then try again"),
        LaunchError::Fold(_) => Failure::new(Exit::Internal, "driver::not-begun", error.to_string())
            .at(dir.display().to_string())
            .because(error),
        LaunchError::Sandbox(sandbox) => sandbox::refused(sandbox),
        LaunchError::Workspace(_) => {
            Failure::new(Exit::Environment, "git::refused", "git did not do what the run needs").because(error)
        }
    }
}

/// A lock that nobody holds and that cannot be taken: without it nothing is begun.
fn untakeable(error: &JournalError) -> Failure {
    let help = match error {
        JournalError::DiskFull { .. } => "make room, then try again: nothing was begun and nothing recorded is lost",
        JournalError::Missing { .. }
        | JournalError::Exists { .. }
        | JournalError::Damaged { .. }
        | JournalError::Unreadable { .. }
        | JournalError::Overtaken { .. }
        | JournalError::Store { .. }
        | JournalError::File { .. } => {
            "let your account write there (`ls -ld` shows who may), on a disk that is not read-only; nothing was begun"
        }
    };
    Failure::new(Exit::Environment, "journal::no-lock", "the lock of the run cannot be taken").because(error).help(help)
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
