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
use crate::driver::sandbox::{Confines, Demands, SandboxError};
use crate::driver::secrets::Secrets;
use crate::driver::setting::{PresentPlan, Setting};
use crate::driver::target::{Aim, Untaken};
use crate::driver::wishes::Inbox;
use crate::driver::{adopt, environment, sandbox, survivors};
use crate::journal::lock::{Holder, LockError, RunLock};
use crate::journal::runs::RunNote;
use crate::journal::target::{Beside, TargetLock};
use crate::journal::{Journal, JournalError, Record};
use crate::kernel::event::{Event, KeepWorkspace, Place, PlaceKind, RunOutcome};
use crate::kernel::fact::{Again, Began, StopCause};
use crate::kernel::{FoldError, Run};
use crate::mask::Mask;
use crate::mission::model::Keep;
use crate::name::{AgentName, Attempt, RunId, TaskId};
use crate::plan::{Agent, Plan};
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
    /// What the person's own configuration asks of the sandbox.
    pub demands: Demands,
    /// Where runs of this person in different projects see one another; `None` where they have no state folder.
    pub locks: Option<PathBuf>,
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
    /// The run's folder, in which there is no journal yet.
    pub run_dir: PathBuf,
    /// Whether it may go on beside others at the same branch or directory.
    pub beside: Beside,
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
    /// What of that which failed is tried again.
    pub again: Again,
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
    /// The sandbox that is asked for.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl From<Untaken> for LaunchError {
    fn from(untaken: Untaken) -> Self {
        match untaken {
            Untaken::Lock(error) => Self::Held(error),
            Untaken::Workspace(error) => Self::Workspace(error),
        }
    }
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

fn begin_in(
    new: NewRun,
    around: &Surroundings,
    mut audience: Audience<impl FnMut(Shown)>,
) -> Result<Driven, LaunchError> {
    let NewRun { run, plan, place, repository, run_dir, beside } = new;
    let me = Holder::me(&run, wall_now()).of(&plan.mission);
    let aim = Aim { plan: &plan, place: &place, repository: repository.as_ref(), store: store_of(&run_dir) };
    let target = aim.take(around, &me, beside)?;
    tell_of_the_dead(target.as_ref(), &run, &mut audience.show);
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
    drop((lock, target));
    Ok(driven)
}

/// The merge worktree goes with a run that succeeded; one that can go on may need it again.
fn tidy(setting: &Setting, driven: &Driven) {
    setting.confines.clear();
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

/// The folder that holds `runs` and `locks`.
fn store_of(run_dir: &Path) -> &Path {
    run_dir.parent().and_then(Path::parent).unwrap_or(run_dir)
}

/// Who died and left a lock that is ours now; that an engine of this very run died is told with its own lock.
fn tell_of_the_dead(target: Option<&TargetLock>, run: &RunId, show: &mut impl FnMut(Shown)) {
    let dead = target.map(TargetLock::taken_over).unwrap_or_default();
    for note in dead.into_iter().filter(|note| note.holder.run != *run) {
        show(Shown::TakenOver(note.holder.clone()));
    }
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
    mut audience: Audience<impl FnMut(Shown)>,
) -> Result<Driven, LaunchError> {
    let Resumption { run: id, run_dir, ceiling, again } = resumption;
    let me = Holder::me(id, wall_now());
    let lock = RunLock::take(run_dir, &me)?;
    if let Some(dead) = lock.taken_over() {
        (audience.show)(Shown::TakenOver(dead.clone()));
    }
    let opened = Journal::open(run_dir)?;
    let started = opened.records.first().map_or(me.since, |record| record.at);
    let asked = asked_before(&opened.records);
    let run = Run::fold(opened.records.into_iter().map(|record| (record.at, record.event)))?;
    let repository = open(run.place())?;
    let (plan, place) = (run.plan(), run.place());
    let aim = Aim { plan, place, repository: repository.as_ref(), store: store_of(run_dir) };
    let target = aim.take(around, &me.of(&plan.mission), Beside::Nobody)?;
    tell_of_the_dead(target.as_ref(), id, &mut audience.show);
    let (mission, file) = (run.plan().mission.clone(), run.plan().file.clone());
    let mut note = RunNote { run: id.clone(), mission, file, started, ended: None };
    note.write(run_dir)?;
    let of = Of { run: run.id(), plan: run.plan(), place: run.place(), run_dir };
    let setting = setting(of, repository, around)?;
    let begin = BeginAs::Resumed { ceiling: *ceiling, asked, again: again.clone() };
    let driven = run_loop(conduct(run, begin, setting.clone(), opened.journal, audience))?;
    tidy(&setting, &driven);
    end_note(&mut note, &driven, run_dir);
    drop((lock, target));
    Ok(driven)
}

/// Worktrees of the run that are not there any more.
fn taken_away(run: &Run, setting: &Setting) -> BTreeSet<(TaskId, Attempt)> {
    let Some(repository) = &setting.repository else { return BTreeSet::new() };
    let is_gone = |(task, attempt): &(TaskId, Attempt)| {
        let found = repository.find_worktree(&setting.run, &WorktreeOf::attempt(task, *attempt));
        !found.is_some_and(|worktree| worktree.path.is_dir())
    };
    run.open_worktrees().into_iter().filter(is_gone).collect()
}

fn swept_words(swept: usize) -> String {
    let (what, were) = if swept == 1 { ("one process", "was") } else { ("processes", "were") };
    let count = if swept == 1 { String::new() } else { format!("{swept} ") };
    format!("{count}{what} of the engine before this one {were} still running, and {were} ended first")
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
    let root = worktrees(around, plan, place);
    let confines = confines(around, plan, place, (run_dir, repository.as_ref()))?;
    confines.make().map_err(io("the run's temporary folder cannot be made"))?;
    let identity = match &repository {
        Some(repository) => repository.identity().map_err(WorkspaceError::Git)?,
        None => Identity::neutral(),
    };
    let repository = repository.map(|repository| repository.for_run_in(run, run_dir)).transpose()?.map(Arc::new);
    let secrets = Secrets::of(plan, &around.environment);
    let mut base_env = base_env(around, plan);
    base_env.extend(confines.env());
    base_env.insert(environment::BIN.to_owned(), around.executable.display().to_string());
    Ok(Setting {
        run: run.clone(),
        plan: PresentPlan::new(plan.clone()),
        place: place.clone(),
        run_dir: run_dir.to_owned(),
        worktrees: root,
        repository,
        identity,
        executable: around.executable.clone(),
        base_env,
        confines,
        output_limit: OUTPUT_LIMIT,
        mask: unseen(around, plan),
        agent_env: agent_env(around, plan),
        secrets,
    })
}

/// Where worktrees of a run lie.
fn worktrees(around: &Surroundings, plan: &Plan, place: &Place) -> PathBuf {
    let usual = || match (place.kind, place.directory.parent()) {
        // What is made for a scratch clone lies beside it and goes with it.
        (PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks, Some(scratch)) => scratch.join("worktrees"),
        (PlaceKind::Repository, _) | (_, None) => around.worktrees.clone(),
    };
    plan.workspace.root.as_ref().map_or_else(usual, |root| place.directory.join(root))
}

/// The environment that children start from. A secret is nobody's but of the tasks that list it, whatever else lets its
/// variable through.
fn base_env(around: &Surroundings, plan: &Plan) -> BTreeMap<String, String> {
    let others = around.environment.iter().filter(|(name, _)| !plan.secrets.contains(name)).cloned();
    environment::base(others, &plan.workspace.pass)
}

/// What sessions of each agent are given besides.
fn agent_env(around: &Surroundings, plan: &Plan) -> BTreeMap<AgentName, BTreeMap<String, String>> {
    let others = || around.environment.iter().filter(|(name, _)| !plan.secrets.contains(name)).cloned();
    let of = |agent: &Agent| environment::passed(others(), crate::agent::backend(agent.backend).passes(agent));
    plan.agents.iter().map(|(name, agent)| (name.clone(), of(agent))).collect()
}

/// What must not be seen: secrets, and the logins that agents are given.
pub fn unseen(around: &Surroundings, plan: &Plan) -> Mask {
    let given = agent_env(around, plan);
    let logins =
        given.values().flatten().filter(|(name, _)| environment::is_key(name)).map(|(_, value)| value.as_str());
    Secrets::of(plan, &around.environment).mask_with(logins)
}

/// Where the children of a run may write.
pub fn confines(
    around: &Surroundings,
    plan: &Plan,
    place: &Place,
    at: (&Path, Option<&Repository>),
) -> Result<Confines, SandboxError> {
    let (run_dir, repository) = at;
    Confines::find(&sandbox::Ask {
        plan,
        place,
        git: repository.map(Repository::common_dir),
        run_dir,
        worktrees: &worktrees(around, plan, place),
        env: &base_env(around, plan),
        agent_env: &agent_env(around, plan),
        demands: &around.demands,
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
    Resumed { ceiling: Option<Ceiling>, asked: BTreeMap<TaskId, u32>, again: Again },
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
    let inbox = Inbox::of(&setting.run_dir, run.id());
    let answers = inbox.asked_already(&asking)?;
    let mut notes = Vec::new();
    let (began, adopted, opened) = match begin {
        BeginAs::New => (Began::New { attended }, adopt::Adopted::default(), BTreeMap::new()),
        BeginAs::Resumed { ceiling, asked, again } => {
            let swept = survivors::sweep(run.id(), survivors::Patience::ForItsGuard).await;
            if swept > 0 {
                tracing::warn!(swept, "processes of the engine before this one were still running and have been ended");
                notes.push(swept_words(swept));
            }
            if let Some(repository) = &setting.repository {
                repository.delete_left_trash(&setting.worktrees, run.id());
            }
            let gone = taken_away(&run, &setting);
            let adopted = adopt::find(&run, &setting);
            let tasks: BTreeSet<_> = adopted.ends.iter().map(|(key, _)| key.task.clone()).collect();
            (Began::Resumed { attended, answers, adopted: tasks, ceiling, again, gone }, adopted, asked)
        }
    };
    let (guard, reports) = Guard::start(GuardStart {
        executable: setting.executable.clone(),
        env: setting.base_env.clone(),
        log: setting.run_dir.join("guard.log"),
        run_dir: setting.run_dir.clone(),
        writable: setting.confines.base(),
    })
    .map_err(io("the guard of the run cannot be started"))?;
    let (watcher, mut seen) = unbounded_channel();
    let children = Children::new(guard);
    let reins =
        Reins { setting, clock: Clock::start(), journal, children, reports, asks, watcher, adopted, opened, notes };
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
                        inbox.look_into(&asking);
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
