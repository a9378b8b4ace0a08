//! What runs say of stories: who is at one, where one failed, what is done and not merged yet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::Context;
use crate::cli::carry_out::git;
use crate::cli::project::Project;
use crate::journal::Journal;
use crate::journal::runs::{RunEntry, Runs, Standing};
use crate::name::{CommitId, RunId, StoryId, TaskId};
use crate::report::{End, Report, Stage, TaskReport};
use crate::story::board::task_id;
use crate::story::compose::{COMMAND, NAME};
use crate::story::file::{self, StoryFile};
use crate::story::{Board, Status, Story};
use crate::workspace::Repository;

/// So many of the latest runs of stories are looked at.
const MOST_RUNS: usize = 24;

/// What the latest run that has something to say of a story says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Which run.
    pub(super) run: RunId,
    /// How the story stands in it.
    pub(super) how: How,
    /// The same in words, with what to do.
    pub(super) words: String,
}

/// How a story stands in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum How {
    /// It is worked on, or will be.
    Live,
    /// Nobody works on it, and the run can be gone on with.
    Interrupted,
    /// It is done on the run's branch, and not merged into the branch of the person.
    Undelivered,
    /// It failed, or could not be begun as another did.
    Failed,
}

impl How {
    /// Whether somebody would do again what is done or being done.
    pub(super) fn is_taken(self) -> bool {
        match self {
            Self::Live | Self::Undelivered => true,
            Self::Interrupted | Self::Failed => false,
        }
    }
}

/// What runs say of the stories that are not done. What cannot be found out is left out.
pub(super) fn said(context: &Context, project: &Project, board: &Board) -> BTreeMap<StoryId, Said> {
    let mut all = BTreeMap::new();
    let mut settled: Vec<&StoryId> =
        board.stories.iter().filter(|story| story.status == Status::Done).map(|story| &story.id).collect();
    let is_ours = |run: &RunEntry| run.note.as_ref().is_some_and(|note| note.mission.as_str() == NAME);
    let runs = Runs::at(&project.store).list().unwrap_or_default();
    let mut place = None;
    for run in runs.iter().filter(|run| is_ours(run)).take(MOST_RUNS) {
        let named: Vec<&Story> = board.stories.iter().filter(|story| names(run, &story.id)).collect();
        let new: Vec<&Story> = named.into_iter().filter(|story| !settled.contains(&&story.id)).collect();
        if new.is_empty() {
            continue;
        }
        let Some(report) = report(run) else { continue };
        let place = place.get_or_insert_with(|| Place::find(context, project)).as_ref();
        for story in new {
            settled.push(&story.id);
            if let Some(said) = of_run(run, &report, (story, place)) {
                all.insert(story.id.clone(), said);
            }
        }
    }
    all
}

/// Whether a run carries a story out: its file is the command that composed it.
fn names(run: &RunEntry, id: &StoryId) -> bool {
    let file = run.note.as_ref().and_then(|note| note.file.strip_prefix(COMMAND));
    file.is_some_and(|rest| rest.split_whitespace().any(|word| word == id.as_str()))
}

/// What its journal tells; `None` of a rehearsal, which touched nothing.
fn report(run: &RunEntry) -> Option<Report> {
    let mut report = Report::default();
    for record in Journal::read(&run.dir).ok()? {
        report.fold(record.at, &record.event);
    }
    (!report.is_rehearsal()).then_some(report)
}

/// The repository, and the commit the person stands at.
struct Place {
    repository: Repository,
    head: CommitId,
}

impl Place {
    fn find(context: &Context, project: &Project) -> Option<Self> {
        let repository = Repository::discover(&git(context).ok()?, &project.directory).ok()?;
        let head = repository.resolve("HEAD").ok()?;
        Some(Self { repository, head })
    }

    /// Whether a run's branch holds the story as done, and the person's does not hold that branch.
    fn is_undelivered(&self, run: &RunId, story: &Story) -> bool {
        let Ok(Some(tip)) = self.repository.integration_tip(run) else { return false };
        let merged = self.repository.contains(&self.head, &tip).unwrap_or(true);
        let there = || self.repository.file_at(&tip, &story.path).ok().flatten();
        !merged && there().is_some_and(|bytes| status(bytes) == Some(Status::Done))
    }
}

fn status(bytes: Vec<u8>) -> Option<Status> {
    let read = file::read(&StoryFile { file: String::new(), path: String::new(), bytes })?;
    read.story.map(|story| story.status)
}

fn of_run(entry: &RunEntry, report: &Report, (story, place): (&Story, Option<&Place>)) -> Option<Said> {
    let run = &entry.id;
    let task = TaskId::from(&task_id(&story.id)?);
    let whole = report.tasks.get(&task)?;
    let (how, words) = match &whole.stage {
        Stage::Ended(End::Succeeded { .. }) => {
            let branch = format!("ai-sdlc/{run}/integration");
            let live = matches!(entry.standing, Standing::Running(_));
            place.filter(|place| place.is_undelivered(run, story))?;
            let next = if live { format!("run {run} goes on") } else { format!("`git merge {branch}`") };
            (How::Undelivered, format!("done on {branch}, not merged: {next}"))
        }
        Stage::Ended(End::Blocked { by }) => {
            (How::Failed, format!("not begun in run {run}, as {by} failed: `ai-sdlc run why {run}`"))
        }
        Stage::Ended(_) => {
            let at = failed_part(report, whole).map(|part| format!(" at {part}")).unwrap_or_default();
            (How::Failed, format!("failed in run {run}{at}: `ai-sdlc run why {run} {task}`"))
        }
        Stage::Waiting
        | Stage::Ready
        | Stage::Preparing
        | Stage::Working
        | Stage::Asking
        | Stage::Checking { .. }
        | Stage::Between
        | Stage::BackingOff { .. }
        | Stage::Limited { .. }
        | Stage::Queued
        | Stage::Merging => match entry.standing {
            Standing::Running(_) => (How::Live, format!("run {run} is at it{}", at_work(report, whole))),
            Standing::Interrupted | Standing::Ended(_) => {
                (How::Interrupted, format!("begun in run {run}: `ai-sdlc run resume {run}` goes on"))
            }
        },
    };
    Some(Said { run: run.clone(), how, words })
}

/// The part of a story at which it failed.
fn failed_part(report: &Report, whole: &TaskReport) -> Option<String> {
    let failed = |part: &&TaskId| {
        let stage = report.tasks.get(*part).map(|task| &task.stage);
        matches!(stage, Some(Stage::Ended(End::Failed { .. } | End::Conflict { .. } | End::Cancelled { .. })))
    };
    whole.parts.iter().find(failed).map(|part| part.local().to_owned())
}

/// What of a story is worked on.
fn at_work(report: &Report, whole: &TaskReport) -> String {
    let busy = |part: &&TaskId| match report.tasks.get(*part).map(|task| &task.stage) {
        None | Some(Stage::Waiting | Stage::Ended(_)) => false,
        Some(
            Stage::Ready
            | Stage::Preparing
            | Stage::Working
            | Stage::Asking
            | Stage::Checking { .. }
            | Stage::Between
            | Stage::BackingOff { .. }
            | Stage::Limited { .. }
            | Stage::Queued
            | Stage::Merging,
        ) => true,
    };
    let part = whole.parts.iter().find(busy).map(|part| part.local().to_owned());
    part.map(|part| format!(": {part}")).unwrap_or_default()
}
