//! Which run is meant, and what its journal tells.

use std::io;
use std::path::Path;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::diagnostic::nearest::{listed, nearest};
use crate::journal::inbox::{self, Ask};
use crate::journal::lock::driver_of;
use crate::journal::runs::{RunEntry, Runs, RunsError, Standing};
use crate::journal::{JournalError, Reader, Record};
use crate::name::TaskId;
use crate::plan::scenario::fits;
use crate::report::{GateAnswered, Report, Typed};
use crate::workspace::artifacts_in;

/// Finds the run that is meant.
pub(super) fn choose(context: &Context, given: &str) -> Result<RunEntry, Failure> {
    let project = Project::find(context)?;
    Runs::at(&project.store).resolve(given).map_err(|error| {
        let help = match &error {
            RunsError::None => "`ai-sdlc mission run MISSION` makes one",
            RunsError::NoneBefore | RunsError::Unknown { .. } => "`ai-sdlc run list` shows the runs there are",
            RunsError::Ambiguous { .. } => "give more of its letters",
            RunsError::File(error) => error.help(),
        };
        Failure::new(Exit::Usage, "cli::unknown-run", error.to_string()).at(project.shown(&project.store)).help(help)
    })
}

/// A run, and a task of it, as they were typed.
pub(super) type Words<'a> = (&'a str, Option<&'a str>);

/// Letters of a run's id: no vowel, no digit, no sign.
const LETTERS: &str = "bcdfghjkmnpqrstvwxz";

/// One word that cannot be a run's id is a task of the latest run.
pub(super) fn which((first, second): Words<'_>) -> Words<'_> {
    let is_run = first.starts_with('@') || first.chars().all(|c| LETTERS.contains(c));
    if second.is_none() && !is_run { ("@", Some(first)) } else { (first, second) }
}

/// The same; and a word that could be the beginning of a run's id is a task where no run begins so and the latest one has
/// such a task. Where it could be either, nothing is guessed.
pub(super) fn meant<'a>(context: &Context, command: &str, words: Words<'a>) -> Result<Words<'a>, Failure> {
    let (first, second) = which(words);
    if second.is_some() || first.starts_with('@') {
        return Ok((first, second));
    }
    let runs = Runs::at(&Project::find(context)?.store);
    let found = runs.resolve(first);
    if found.as_ref().is_ok_and(|run| run.id.as_str() == first) {
        return Ok((first, None));
    }
    let is_task = || told(context, "@").is_ok_and(|told| told.report.tasks.keys().any(|id| id.as_str() == first));
    match found {
        Ok(_) | Err(RunsError::Ambiguous { .. }) if is_task() => {
            let what = format!("`{first}` could be a task of the latest run, or the beginning of a run's id");
            Err(Failure::new(Exit::Usage, "cli::unknown-run", what)
                .help(format!("`ai-sdlc run {command} @ {first}` means the task; more letters of its id mean a run")))
        }
        Err(RunsError::Unknown { .. }) if is_task() => Ok(("@", Some(first))),
        Err(RunsError::Unknown { .. }) => {
            let what = format!("there is no run `{first}`, and no task of that name in the latest");
            Err(Failure::new(Exit::Usage, "cli::unknown-run", what).help(format!(
                "`ai-sdlc run list` shows the runs there are; `ai-sdlc run {command} RUN {first}` means a task of another"
            )))
        }
        Ok(_) | Err(_) => Ok((first, None)),
    }
}

/// A journal that could not be read.
pub(super) fn unreadable(run: &RunEntry, error: &JournalError) -> Failure {
    Failure::new(Exit::Environment, "journal::unreadable", format!("the journal of run {} cannot be read", run.id))
        .at(run.dir.display().to_string())
        .because(error)
        .help(error.help())
}

/// A journal being read, and what it told so far.
#[derive(Debug)]
pub(super) struct Told {
    /// Which run.
    pub(super) run: RunEntry,
    /// The fold of all that was read.
    pub(super) report: Report,
    reader: Reader,
}

impl Told {
    /// Opens the journal of the run that is meant, nothing read yet.
    pub(super) fn open(context: &Context, given: &str) -> Result<Self, Failure> {
        let run = choose(context, given)?;
        let reader = Reader::open(&run.dir).map_err(|error| unreadable(&run, &error))?;
        let report = Report::typed_as(Typed { run_folder: Some(run.dir.clone()), ..context.typed(&[]) });
        Ok(Self { run, report, reader })
    }

    /// Reads what is new; `each` is called after the report has taken a record in.
    pub(super) fn read(&mut self, mut each: impl FnMut(&Record, &Report)) -> Result<usize, Failure> {
        let records = self.reader.read_new().map_err(|error| unreadable(&self.run, &error))?;
        for record in &records {
            self.report.fold(record.at, &record.event);
            each(record, &self.report);
        }
        keep_artifacts(&mut self.report, &self.run.dir);
        Ok(records.len())
    }

    /// The run, what its journal told so far, and the reader of what follows.
    pub(super) fn into_parts(self) -> (RunEntry, Report, Reader) {
        (self.run, self.report, self.reader)
    }

    /// Whether a living process still drives it. Looks anew.
    pub(super) fn is_live(&self) -> bool {
        driver_of(&self.run.dir).is_some()
    }

    /// The task that is meant.
    pub(super) fn task(&self, given: &str) -> Result<TaskId, Failure> {
        let found = self.report.tasks.keys().find(|id| id.as_str() == given);
        found.cloned().ok_or_else(|| {
            let names = || self.report.tasks.keys().map(TaskId::as_str);
            let meant = TaskId::parse(given).ok();
            let fitting = |id: &&TaskId| meant.as_ref().is_some_and(|meant| fits(meant, id));
            let parts: Vec<&TaskId> = self.report.tasks.keys().filter(fitting).collect();
            let help = match (parts.as_slice(), nearest(given, names())) {
                ([only], _) => format!("did you mean `{only}`?"),
                (several @ [_, ..], _) => format!("did you mean {}?", listed(several.iter().map(|id| id.as_str()))),
                ([], Some(name)) => format!("did you mean `{name}`?"),
                ([], None) => format!("its tasks are {}", listed(names())),
            };
            Failure::new(Exit::Usage, "cli::unknown-task", format!("run {} has no task `{given}`", self.run.id))
                .help(help)
        })
    }
}

/// Lists what sessions and commands wrote into their folders for artifacts themselves.
pub(super) fn keep_artifacts(report: &mut Report, run_dir: &Path) {
    for (id, task) in &mut report.tasks {
        let below = Path::new(&id.path_name()).join("artifacts");
        if task.artifacts.is_empty() && task.attempt.is_some() {
            task.artifacts = artifacts_in(&run_dir.join(&below));
            for artifact in &mut task.artifacts {
                artifact.path = below.join(&artifact.path).display().to_string();
            }
        }
    }
}

/// The folder in which a run took place, if it is still there: the scratch clone of a rehearsal that succeeded is not.
pub(super) fn place_of(report: &Report) -> Result<Option<&Path>, Failure> {
    let Some(place) = &report.place else { return Ok(None) };
    if place.directory.is_dir() {
        return Ok(Some(&place.directory));
    }
    let run = report.run.as_ref().map(ToString::to_string).unwrap_or_default();
    let (what, help) = if report.is_rehearsal() {
        (format!("the scratch clone of rehearsal {run} is gone"), format!("`ai-sdlc run show {run}` has its report"))
    } else {
        (format!("the directory of run {run} is gone"), "put it back where it was".to_owned())
    };
    Err(Failure::new(Exit::Environment, "cli::no-place", what).at(place.directory.display().to_string()).help(help))
}

/// The whole of a run as it stands.
pub(super) fn told(context: &Context, given: &str) -> Result<Told, Failure> {
    let mut told = Told::open(context, given)?;
    told.read(|_, _| {})?;
    if told.run.standing == Standing::Interrupted {
        told.report.loses_its_engine();
    }
    told.report.keeps_only(|path| Path::new(path).exists());
    for ask in inbox::waiting(&told.run.dir).unwrap_or_default() {
        if let Ask::Answer { task, answer, message, by, binding } = ask {
            told.report.lies_ready(&task, binding.as_deref(), GateAnswered { answer, message, by });
        }
    }
    Ok(told)
}

/// Waits a moment for something new; less where the reader of stdout has gone.
pub(super) fn wait_a_moment() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = io::stdout();
    let moment = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    // Asked for nothing, poll tells only that the other end is gone; any other end of it is as good as time passing.
    poll(&mut [PollFd::new(&stdout, PollFlags::empty())], Some(&moment)).ok();
}
