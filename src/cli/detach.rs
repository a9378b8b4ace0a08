//! `--detach`: the engine goes on in the background, in a session of its own, when all that a person is asked has been
//! answered. What was confirmed is handed over whole, in a file in the run's folder; nothing is worked out anew.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::amount::Ceiling;
use crate::cli::args::{Globals, Ui};
use crate::cli::carry_out::{self, Onward, Ready};
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_choice::{choose, unreadable};
use crate::cli::since;
use crate::cli::terminal::{ColorChoice, Terminal};
use crate::cli::waiting::{Waited, wait_until};
use crate::cli::{Context, tell};
use crate::journal::lock::{InTheWay, driver_of};
use crate::journal::runs::{RunEntry, Runs, Standing};
use crate::journal::{Durable, Journal, Reader, write_renamed};
use crate::kernel::event::{Event, Place};
use crate::kernel::fact::Again;
use crate::name::RunId;
use crate::plan::Plan;

/// The hidden command that is the engine in the background.
pub(super) const ENGINE: &str = "engine";

/// In the run's folder: what that engine is to do, and what it printed.
const ORDER: &str = "engine.json";
const LOG: &str = "engine.log";

/// How long an engine is waited for to be live.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an engine in the background is to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
enum Order {
    /// Begin a run, as it was confirmed.
    Begin {
        run: RunId,
        place: Place,
        plan: Box<Plan>,
        inputs: Vec<(String, String)>,
        junit: Option<PathBuf>,
        /// Who it was confirmed to go on beside.
        #[serde(default)]
        beside: Vec<InTheWay>,
    },
    /// Go on with one.
    Resume { run: RunId, ceiling: Option<Ceiling>, again: Again },
}

/// A run that was confirmed.
pub(super) struct Confirmed<'a> {
    /// What is run.
    pub(super) plan: Plan,
    /// Where.
    pub(super) ready: Ready,
    /// The inputs that were typed.
    pub(super) inputs: &'a [(String, String)],
    /// Where a JUnit report is to go.
    pub(super) junit: Option<PathBuf>,
}

/// Begins a run in the background.
pub(super) fn begin(context: &mut Context, project: &Project, confirmed: Confirmed<'_>) -> Result<Exit, Failure> {
    let Confirmed { plan, ready, inputs, junit } = confirmed;
    let dir = Runs::at(&project.store).dir(&ready.run);
    let run = ready.run.clone();
    let (plan, inputs) = (Box::new(plan), inputs.to_vec());
    let order = Order::Begin { run: ready.run, place: ready.place, plan, inputs, junit, beside: ready.beside };
    let started = launch(context, (&run, &dir), &order);
    if started.is_err() && driver_of(&dir).is_none() && !Growth::of(&dir).has_grown() {
        let _nothing_of_it_stays = fs::remove_dir_all(&dir);
    }
    started
}

/// Goes on with a run in the background.
pub(super) fn resume(context: &mut Context, run: &RunEntry, onward: Onward) -> Result<Exit, Failure> {
    if let Standing::Running(_) = run.standing {
        let what = format!("run {} is being driven already", run.id);
        return Err(Failure::new(Exit::Locked, "journal::locked", what)
            .help(format!("`ai-sdlc run watch {}` shows it", run.id)));
    }
    let project = Project::find(context)?;
    mention(context, &project, run)?;
    let order = Order::Resume { run: run.id.clone(), ceiling: onward.ceiling, again: onward.again };
    launch(context, (&run.id, &run.dir), &order)
}

fn mention(context: &mut Context, project: &Project, run: &RunEntry) -> Result<(), Failure> {
    let first = Journal::read(&run.dir).map_err(|error| unreadable(run, &error))?.into_iter().next();
    if let Some(Event::RunStarted { plan, .. }) = first.map(|record| record.event) {
        since::mention(context, project, (&run.id, &plan));
    }
    Ok(())
}

/// Whether a journal gets longer, which may not be there yet.
#[derive(Debug)]
struct Growth {
    dir: PathBuf,
    reader: Option<Reader>,
}

impl Growth {
    fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), reader: None }
    }

    /// From what there is now.
    fn from_here(dir: &Path) -> Self {
        let mut growth = Self::of(dir);
        growth.has_grown();
        growth
    }

    /// Looks for what was recorded since the last look.
    fn has_grown(&mut self) -> bool {
        if self.reader.is_none() {
            self.reader = Reader::open(&self.dir).ok();
        }
        let new = self.reader.as_mut().and_then(|reader| reader.read_new().ok());
        new.is_some_and(|records| !records.is_empty())
    }
}

/// Starts the engine, and waits until it is live: the lock is held and an event is durable.
fn launch(context: &mut Context, of: (&RunId, &Path), order: &Order) -> Result<Exit, Failure> {
    let (run, dir) = of;
    let mut growth = Growth::from_here(dir);
    let mut log = prepare(dir, order)?;
    let from = log.seek(SeekFrom::End(0)).unwrap_or_default();
    let mut engine = spawn(context, dir, &log)?;
    let (mut ended, mut is_live) = (None, false);
    let waited = wait_until(PATIENCE, || {
        ended = engine.try_wait().ok().flatten();
        let drives = driver_of(dir).is_some_and(|holder| holder.pid == engine.id());
        is_live |= growth.has_grown();
        Ok(ended.is_some() || (drives && is_live))
    })?;
    match (waited, ended) {
        (Waited::Done, Some(status)) if !is_live => {
            let mut said = String::new();
            let _as_far_as_it_goes = log.seek(SeekFrom::Start(from)).and_then(|_| log.read_to_string(&mut said));
            context.terminal.err(said.trim_end());
            Ok(status.code().and_then(Exit::of_code).unwrap_or(Exit::Internal))
        }
        (Waited::Done, ended) => {
            context.terminal.out(run.as_str());
            if ended.is_some() {
                let entry = choose(context, run.as_str())?;
                let how = crate::cli::run_list::standing(&entry.standing);
                context
                    .terminal
                    .err(&format!("Run {run} has ended already: {how}. `ai-sdlc run show {run}` says more."));
            } else {
                context.terminal.err(&in_background(run, engine.id()));
            }
            Ok(Exit::Success)
        }
        (Waited::Left, _) => {
            context.terminal.out(run.as_str());
            context.terminal.err(&in_background(run, engine.id()));
            Ok(Exit::Interrupted)
        }
        (Waited::Late, _) => {
            let what = format!("the engine of run {run} has not begun within {} s", PATIENCE.as_secs());
            Err(Failure::new(Exit::Environment, "driver::not-begun", what)
                .at(dir.join(LOG).display().to_string())
                .help(format!("it may still begin: `ai-sdlc run show {run}`; `kill {}` ends it", engine.id())))
        }
    }
}

fn in_background(run: &RunId, pid: u32) -> String {
    format!(
        "Run {run} goes on in the background (process {pid}).\n  ai-sdlc run watch {run}  shows it\n  ai-sdlc run abort {run}  stops it"
    )
}

fn prepare(dir: &Path, order: &Order) -> Result<File, Failure> {
    let broken = |error: &dyn std::error::Error| {
        Failure::new(Exit::Environment, "driver::not-begun", "an engine in the background cannot be prepared")
            .at(dir.display().to_string())
            .because(error)
            .help("look at the disk and at the permissions of that folder, then try again")
    };
    fs::create_dir_all(dir).map_err(|error| broken(&error))?;
    let text = serde_json::to_vec(order).map_err(|error| broken(&error))?;
    write_renamed(&dir.join(ORDER), &text, Durable::Later).map_err(|error| broken(&error))?;
    let mut how = OpenOptions::new();
    how.read(true).append(true).create(true).mode(0o600);
    how.open(dir.join(LOG)).map_err(|error| broken(&error))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the engine in the background is this program itself, not a child of a run"
)]
fn spawn(context: &Context, dir: &Path, log: &File) -> Result<Child, Failure> {
    let both = log.try_clone().and_then(|out| Ok((out, log.try_clone()?)));
    let started = both.and_then(|(out, err)| {
        Command::new(&context.environment.executable)
            .arg(ENGINE)
            .arg(dir.join(ORDER))
            .current_dir(context.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::from(out))
            .stderr(Stdio::from(err))
            .spawn()
    });
    started.map_err(|error| {
        Failure::new(Exit::Environment, "driver::not-begun", "an engine in the background cannot be started")
            .because(&error)
            .help("try again without `--detach`")
    })
}

/// The engine in the background: the hidden command.
pub(super) fn main(order: &Path) -> ExitCode {
    // One that leads a session already, such as one that a test started, has what it needs.
    let _leads_one_already = rustix::process::setsid();
    let Ok(environment) = Environment::read() else { return Exit::Environment.into() };
    let terminal = Terminal::new(&environment, ColorChoice::Never, false);
    crate::cli::trace::start(&environment, 0, &terminal);
    let mut context = Context { environment, terminal, globals: Globals::default() };
    let ended = drive(&mut context, order);
    ended.unwrap_or_else(|failure| tell(&failure, &mut context.terminal)).into()
}

fn drive(context: &mut Context, path: &Path) -> Result<Exit, Failure> {
    let bad = |error: &dyn std::error::Error| {
        Failure::new(Exit::Usage, "cli::bad-order", "this is nothing that an engine in the background was told to do")
            .at(path.display().to_string())
            .because(error)
            .help("`ai-sdlc mission run MISSION --detach` writes it; do not start the engine by hand")
    };
    let text = fs::read(path).map_err(|error| bad(&error))?;
    let order: Order = serde_json::from_slice(&text).map_err(|error| bad(&error))?;
    // It is done once, whatever becomes of it.
    let _taken = fs::remove_file(path);
    let project = Project::find(context)?;
    match order {
        Order::Begin { run, place, plan, inputs, junit, beside } => {
            let ready = carry_out::ready_again(context, (run, place), beside)?;
            let (exit, report) = carry_out::begin(context, &project, (*plan, ready), (Ui::Plain, &inputs))?;
            if let Some(path) = &junit {
                carry_out::write_junit(&report, path)?;
            }
            Ok(exit)
        }
        Order::Resume { run, ceiling, again } => {
            let entry = choose(context, run.as_str())?;
            let (exit, _) = carry_out::resume(context, &project, &entry, Onward { ceiling, again, ui: Ui::Plain })?;
            Ok(exit)
        }
    }
}
