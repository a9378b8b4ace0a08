//! Begins a run, or goes on with one: lock, journal, guard, signals, then the loop.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::amount::Ceiling;
use crate::driver::audience::{Audience, Shown};
use crate::driver::children::Children;
use crate::driver::clock::{Clock, wall_now};
use crate::driver::drive::{Ask, Driven, Fault, Reins, drive};
use crate::driver::guard::{Guard, GuardStart};
use crate::driver::secrets::Secrets;
use crate::driver::setting::{PresentPlan, Setting};
use crate::driver::{adopt, environment, survivors};
use crate::journal::lock::{Holder, LockError, RunLock, Target, TargetLock};
use crate::journal::runs::RunNote;
use crate::journal::{Journal, JournalError, Record, inbox};
use crate::kernel::event::{Event, KeepWorkspace, Place, PlaceKind, RunOutcome};
use crate::kernel::fact::{Began, GateAnswer, StopCause};
use crate::kernel::{FoldError, Run};
use crate::mission::model::Keep;
use crate::name::{RunId, TaskId};
use crate::plan::Plan;
use crate::workspace::{Identity, Repository, WorkspaceError, WorktreeOf, delete_trash};

/// At most this much of one child's output is kept.
const OUTPUT_LIMIT: u64 = 64 * 1024 * 1024;

/// How often the one who shows is woken while nothing happens.
const SHOW_EVERY: std::time::Duration = std::time::Duration::from_millis(500);

/// Where things of this machine and person are; the same for every run.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// This program.
    pub executable: PathBuf,
    /// The engine's own environment.
    pub environment: Vec<(String, String)>,
    /// Where worktrees lie by default.
    pub worktrees: PathBuf,
}

/// A run that is to begin.
#[derive(Debug)]
pub struct NewRun {
    /// Its id.
    pub run: RunId,
    /// What it carries out.
    pub plan: Plan,
    /// Where it takes place.
    pub place: Place,
    /// Its repository; `None` in `directory` mode.
    pub repository: Option<Repository>,
    /// The run's folder, which does not exist yet.
    pub run_dir: PathBuf,
}

/// A run that is to go on.
#[derive(Debug)]
pub struct Resumption {
    /// Its id.
    pub run: RunId,
    /// The run's folder.
    pub run_dir: PathBuf,
    /// What it may use from now on; `None`: as before.
    pub ceiling: Option<Ceiling>,
}

/// Why a run could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A file or process of the engine itself.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The journal.
    #[error("the journal of this run cannot be used")]
    Journal(#[from] JournalError),
    /// The journal's events do not fit together.
    #[error("the journal of this run does not add up")]
    Fold(#[from] FoldError),
    /// Another engine drives this run.
    #[error(transparent)]
    Held(#[from] LockError),
    /// Git.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}

fn io(what: &str) -> impl FnOnce(std::io::Error) -> LaunchError {
    let what = what.to_owned();
    move |source| LaunchError::Io { what, source }
}

/// Drives a new run to its end. Where it cannot begin, nothing of it stays.
pub fn begin(new: NewRun, around: &Surroundings, audience: Audience<impl FnMut(Shown)>) -> Result<Driven, LaunchError> {
    let (run, run_dir) = (new.run.clone(), new.run_dir.clone());
    let integration = new.repository.clone().zip(new.place.base.clone());
    let driven = begin_in(new, around, audience);
    // A failure is one before the first event.
    if driven.is_err() {
        fs::remove_dir_all(&run_dir).ok();
        if let Some((repository, base)) = integration {
            repository.remove_integration(&run, &base).ok();
        }
    }
    driven
}

fn begin_in(new: NewRun, around: &Surroundings, audience: Audience<impl FnMut(Shown)>) -> Result<Driven, LaunchError> {
    let NewRun { run, plan, place, repository, run_dir } = new;
    let me = Holder::me(&run, wall_now());
    let _target = target_lock(&run_dir, &plan, &place, &me)?;
    fs::create_dir_all(&run_dir).map_err(io("the run's folder cannot be made"))?;
    let lock = RunLock::take(&run_dir, &me)?;
    let journal = Journal::create(&run_dir)?;
    let mut note = RunNote {
        run: run.clone(),
        mission: plan.mission.clone(),
        file: plan.file.clone(),
        started: wall_now(),
        ended: None,
    };
    note.write(&run_dir)?;
    let setting = setting(Of { run: &run, plan: &plan, place: &place, run_dir: &run_dir }, repository, around)?;
    if let (Some(repository), Some(base)) = (&setting.repository, &place.base) {
        repository.create_integration(&run, base)?;
    }
    let run = Run::new(run, plan, place);
    let mut driven = run_loop(conduct(run, BeginAs::New, setting.clone(), journal, audience))?;
    if Journal::read(&run_dir).is_ok_and(|records| records.is_empty())
        && let Some(Fault::Journal(error)) = driven.fault.take_if(|fault| matches!(fault, Fault::Journal(_)))
    {
        return Err(error.into());
    }
    tidy(&setting, &driven);
    end_note(&mut note, &driven, &run_dir);
    drop(lock);
    Ok(driven)
}

/// The merge worktree goes with a run that succeeded; one that can go on may need it again.
fn tidy(setting: &Setting, driven: &Driven) {
    let succeeded = driven.run.outcome() == Some(RunOutcome::Succeeded);
    let Some(repository) = setting.repository.as_deref().filter(|_| succeeded) else { return };
    if setting.plan().workspace.keep == Keep::Always {
        return;
    }
    let Some(worktree) = repository.find_worktree(&setting.run, &WorktreeOf::Merge) else { return };
    let closed = repository.close(&worktree, KeepWorkspace::Remove, &setting.identity, wall_now());
    let gone = closed.and_then(|closed| closed.trash.map_or(Ok(()), |trash| delete_trash(&trash)));
    if let Err(error) = gone {
        tracing::warn!(%error, "the merge worktree could not be removed");
    }
}

/// What a run delivers to, or works in, is its own while it is live; scratch clones meet nobody.
fn target_lock(run_dir: &Path, plan: &Plan, place: &Place, me: &Holder) -> Result<Option<TargetLock>, LaunchError> {
    let target = match (place.kind, &plan.merge.into, &place.base) {
        (PlaceKind::Repository, _, None) => Target::Directory(place.directory.clone()),
        (PlaceKind::Repository, Some(into), Some(_)) => Target::Branch(into.clone()),
        (PlaceKind::Repository, None, Some(_))
        | (PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks, ..) => {
            return Ok(None);
        }
    };
    let store = run_dir.parent().and_then(Path::parent).unwrap_or(run_dir);
    Ok(Some(TargetLock::take(store, &target, me)?))
}

/// The note is for lists; the journal knows the end, too.
fn end_note(note: &mut RunNote, driven: &Driven, run_dir: &Path) {
    note.ended = driven.run.outcome().map(|outcome| (wall_now(), outcome));
    if driven.fault.is_none()
        && let Err(error) = note.write(run_dir)
    {
        tracing::warn!(%error, "the note of how the run ended could not be written");
    }
}

/// Goes on with a run that was interrupted, or that ended with failures.
pub fn go_on(
    resumption: &Resumption,
    around: &Surroundings,
    open: impl FnOnce(&Place) -> Result<Option<Repository>, WorkspaceError>,
    audience: Audience<impl FnMut(Shown)>,
) -> Result<Driven, LaunchError> {
    let Resumption { run: id, run_dir, ceiling } = resumption;
    let me = Holder::me(id, wall_now());
    let lock = RunLock::take(run_dir, &me)?;
    let opened = Journal::open(run_dir)?;
    let started = opened.records.first().map_or(me.since, |record| record.at);
    let asked = asked_before(&opened.records);
    let run = Run::fold(opened.records.into_iter().map(|record| (record.at, record.event)))?;
    let _target = target_lock(run_dir, run.plan(), run.place(), &me)?;
    let (mission, file) = (run.plan().mission.clone(), run.plan().file.clone());
    let mut note = RunNote { run: id.clone(), mission, file, started, ended: None };
    note.write(run_dir)?;
    let repository = open(run.place())?;
    let of = Of { run: run.id(), plan: run.plan(), place: run.place(), run_dir };
    let setting = setting(of, repository, around)?;
    let begin = BeginAs::Resumed { ceiling: *ceiling, asked };
    let driven = run_loop(conduct(run, begin, setting.clone(), opened.journal, audience))?;
    tidy(&setting, &driven);
    end_note(&mut note, &driven, run_dir);
    drop(lock);
    Ok(driven)
}

/// How often each gate has asked.
fn asked_before(records: &[Record]) -> BTreeMap<TaskId, u32> {
    let mut asked = BTreeMap::new();
    for record in records {
        if let Event::GateOpened { task, .. } = &record.event {
            *asked.entry(task.clone()).or_insert(0) += 1;
        }
    }
    asked
}

/// Which run a setting is of.
#[derive(Clone, Copy)]
struct Of<'a> {
    run: &'a RunId,
    plan: &'a Plan,
    place: &'a Place,
    run_dir: &'a Path,
}

fn setting(of: Of<'_>, repository: Option<Repository>, around: &Surroundings) -> Result<Setting, LaunchError> {
    let Of { run, plan, place, run_dir } = of;
    let usual = || match (place.kind, place.directory.parent()) {
        // What is made for a scratch clone lies beside it and goes with it.
        (PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks, Some(scratch)) => scratch.join("worktrees"),
        (PlaceKind::Repository, _) | (_, None) => around.worktrees.clone(),
    };
    let root = plan.workspace.root.as_ref().map_or_else(usual, |root| place.directory.join(root));
    let identity = match &repository {
        Some(repository) => repository.identity().map_err(WorkspaceError::Git)?,
        None => Identity::neutral(),
    };
    let secrets = Secrets::of(plan, &around.environment);
    // A secret is nobody's but of the tasks that list it, whatever else lets its variable through.
    let others = around.environment.iter().filter(|(name, _)| !plan.secrets.contains(name)).cloned();
    Ok(Setting {
        run: run.clone(),
        plan: PresentPlan::new(plan.clone()),
        place: place.clone(),
        run_dir: run_dir.to_owned(),
        worktrees: root,
        repository: repository.map(|repository| Arc::new(repository.of_run(run))),
        identity,
        executable: around.executable.clone(),
        base_env: environment::base(others, &plan.workspace.pass),
        output_limit: OUTPUT_LIMIT,
        mask: secrets.mask(),
        secrets,
    })
}

/// Runs the engine's event loop. Threads that still wait for a git that hangs are left behind: the process ends, and
/// the guard has ended what they wait for.
fn run_loop(work: impl Future<Output = Result<Driven, LaunchError>>) -> Result<Driven, LaunchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(16)
        .build()
        .map_err(io("the engine's event loop cannot start"))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

/// Whether driving begins anew.
#[derive(Debug, Clone)]
enum BeginAs {
    New,
    Resumed { ceiling: Option<Ceiling>, asked: BTreeMap<TaskId, u32> },
}

async fn conduct(
    run: Run,
    begin: BeginAs,
    setting: Setting,
    journal: Journal,
    audience: Audience<impl FnMut(Shown)>,
) -> Result<Driven, LaunchError> {
    let Audience { mut show, mut typed, asking, asks, attended } = audience;
    listen(&asking)?;
    let inbox = setting.run_dir.clone();
    // A stop that was asked of an engine that is gone is not asked of this one; answers are kept for it.
    let answers = inbox::take(&inbox)?.into_iter().filter_map(answer).collect();
    let (began, adopted, opened) = match begin {
        BeginAs::New => (Began::New { attended }, adopt::Adopted::default(), BTreeMap::new()),
        BeginAs::Resumed { ceiling, asked } => {
            let swept = survivors::sweep(run.id(), survivors::Patience::ForItsGuard).await;
            if swept > 0 {
                tracing::warn!(swept, "processes of the engine before this one were still running and have been ended");
            }
            if let Some(repository) = &setting.repository {
                repository.delete_left_trash(&setting.worktrees, run.id());
            }
            let adopted = adopt::find(&run, &setting);
            let tasks: BTreeSet<_> = adopted.ends.iter().map(|(key, _)| key.task.clone()).collect();
            (Began::Resumed { attended, answers, adopted: tasks, ceiling }, adopted, asked)
        }
    };
    let (guard, reports) = Guard::start(GuardStart {
        executable: setting.executable.clone(),
        env: setting.base_env.clone(),
        log: setting.run_dir.join("guard.log"),
        run_dir: setting.run_dir.clone(),
    })
    .map_err(io("the guard of the run cannot be started"))?;
    let (watcher, mut seen) = unbounded_channel();
    let children = Children::new(guard);
    let reins = Reins { setting, clock: Clock::start(), journal, children, reports, asks, watcher, adopted, opened };
    let local = LocalSet::new();
    local
        .run_until(async move {
            let mut driving = std::pin::pin!(drive(run, began, reins));
            let mut every = tokio::time::interval(SHOW_EVERY);
            let driven = loop {
                tokio::select! {
                    biased;
                    Some(batch) = seen.recv() => show(Shown::Events(batch)),
                    driven = &mut driving => break driven,
                    Some(bytes) = typed.recv() => show(Shown::Typed(bytes)),
                    _ = every.tick() => {
                        look_into(&inbox, &asking);
                        show(Shown::Tick(wall_now()));
                    }
                }
            };
            while let Ok(batch) = seen.try_recv() {
                show(Shown::Events(batch));
            }
            driven.map_err(io("the engine cannot start its committer"))
        })
        .await
}

/// Turns what other processes asked of this run into wishes to stop.
fn look_into(inbox: &Path, asking: &UnboundedSender<Ask>) {
    for asked in inbox::take(inbox).unwrap_or_default() {
        let ask = match asked {
            inbox::Ask::Abort => Some(Ask::Stop(StopCause::Aborted)),
            inbox::Ask::Answer { .. } => answer(asked).map(Ask::Answer),
        };
        if let Some(ask) = ask {
            let _engine_gone = asking.send(ask);
        }
    }
}

fn answer(asked: inbox::Ask) -> Option<GateAnswer> {
    match asked {
        inbox::Ask::Answer { task, answer, message, by, binding } => {
            Some(GateAnswer { task, answer, message, by, binding })
        }
        inbox::Ask::Abort => None,
    }
}

/// Turns signals into wishes to stop.
fn listen(asking: &UnboundedSender<Ask>) -> Result<(), LaunchError> {
    let causes = [
        (SignalKind::interrupt(), StopCause::Interrupted),
        (SignalKind::terminate(), StopCause::Terminated),
        (SignalKind::hangup(), StopCause::HungUp),
    ];
    for (kind, cause) in causes {
        let mut stream = signal(kind).map_err(io("the engine cannot listen to signals"))?;
        let asking = asking.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if asking.send(Ask::Stop(cause)).is_err() {
                    break;
                }
            }
        });
    }
    Ok(())
}
