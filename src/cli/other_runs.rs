//! What other runs of the same repository have changed and will change, for the conflicts foreseen before a run. What
//! cannot be found out is left out: nothing depends on it.

use crate::cli::Context;
use crate::cli::carry_out::git;
use crate::cli::loading::{By, Planned};
use crate::cli::project::Project;
use crate::journal::Journal;
use crate::journal::runs::{RunEntry, Runs, Standing};
use crate::kernel::Run;
use crate::kernel::event::RunOutcome;
use crate::mission::model::WorkspaceMode;
use crate::name::CommitId;
use crate::plan::Plan;
use crate::plan::forecast::{Clash, OtherRun, Otherwise, clashes, is_open};
use crate::report::{End, Report, Stage, TaskReport};
use crate::workspace::Repository;

/// So many live runs are looked at.
const MOST_LIVE: usize = 12;
/// So many of the latest that stand still: older ones will hardly go on.
const MOST_INTERRUPTED: usize = 4;
/// So many branches of one.
const MOST_BRANCHES: usize = 50;

/// What may conflict with a run of this plan.
pub(super) fn clashes_of(context: &Context, project: &Project, planned: &Planned) -> Vec<Clash> {
    let plan = &planned.plan;
    // What is played in a scratch clone meets nobody.
    if planned.by == By::Rehearsal || plan.workspace.mode == WorkspaceMode::Directory {
        return clashes(plan, &[], &[]);
    }
    let runs = others(project);
    let alone = clashes(plan, &[], &[]);
    if runs.is_empty() && alone.is_empty() {
        return alone;
    }
    match repository(context, project, plan) {
        None => alone,
        Some((repository, base)) => {
            let files = repository.files_at(&base).unwrap_or_default();
            let known: Vec<OtherRun> =
                runs.iter().filter_map(|(run, state)| known(&repository, &base, (run, *state))).collect();
            clashes(plan, &files, &known)
        }
    }
}

/// Runs that are live or may be gone on with.
fn others(project: &Project) -> Vec<(RunEntry, Otherwise)> {
    let mut runs: Vec<(RunEntry, Otherwise)> = Runs::at(&project.store)
        .list()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|run| match run.standing {
            Standing::Running(_) => Some((run, Otherwise::Live)),
            Standing::Interrupted => Some((run, Otherwise::Interrupted)),
            Standing::Ended(outcome) => may_go_on(outcome).then_some((run, Otherwise::Interrupted)),
        })
        .collect();
    runs.sort_by_key(|(_, state)| *state == Otherwise::Interrupted);
    let live = runs.iter().filter(|(_, state)| *state == Otherwise::Live).count();
    runs.truncate(live.min(MOST_LIVE).saturating_add(MOST_INTERRUPTED));
    runs
}

/// Whether it stands still and will probably be gone on with.
fn may_go_on(outcome: RunOutcome) -> bool {
    match outcome {
        RunOutcome::EngineFault
        | RunOutcome::Stopped { .. }
        | RunOutcome::OutOfBudget
        | RunOutcome::Waiting
        | RunOutcome::Paused => true,
        RunOutcome::Failed | RunOutcome::Cancelled | RunOutcome::Conflict | RunOutcome::Succeeded => false,
    }
}

/// The repository, and the commit that a run of this plan begins at.
fn repository(context: &Context, project: &Project, plan: &Plan) -> Option<(Repository, CommitId)> {
    let repository = Repository::discover(&git(context).ok()?, &project.directory).ok()?;
    let into = plan.merge.into.as_deref();
    let revision = plan.workspace.base.clone().unwrap_or_else(|| repository.default_base(into));
    let base = repository.resolve(&revision).ok()?;
    Some((repository, base))
}

/// What its journal and its branches tell of another run.
fn known(repository: &Repository, base: &CommitId, (entry, state): (&RunEntry, Otherwise)) -> Option<OtherRun> {
    let records = Journal::read(&entry.dir).ok()?;
    let mut report = Report::default();
    for record in &records {
        report.fold(record.at, &record.event);
    }
    if report.is_rehearsal() || report.place.as_ref()?.base.is_none() {
        return None;
    }
    let run = Run::fold(records.into_iter().map(|record| (record.at, record.event))).ok()?;
    let mut commits: Vec<CommitId> = repository.integration_tip(&entry.id).ok().flatten().into_iter().collect();
    let unmerged = report.tasks.values().filter(|task| match &task.stage {
        Stage::Ended(end) => matches!(end, End::Conflict { .. }),
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
        | Stage::Merging => true,
    });
    commits.extend(unmerged.filter_map(|task| task.commit.clone()).take(MOST_BRANCHES));
    let changes = commits.iter().filter_map(|commit| repository.changed_since_parting(commit, base).ok());
    let mut changed: Vec<String> = changes.flatten().collect();
    changed.sort();
    changed.dedup();
    let goes_on = |task: &TaskReport| task.counts() && !matches!(task.stage, Stage::Ended(_));
    let open = report.tasks.iter().filter(|(_, task)| goes_on(task)).filter_map(|(id, _)| {
        let planned = run.plan().tasks.get(id)?;
        let changes = planned.touches.as_ref().map_or_else(|| is_open(planned), |globs| !globs.is_empty());
        changes.then(|| (id.clone(), planned.touches.clone()))
    });
    let open = open.collect();
    Some(OtherRun { run: entry.id.clone(), mission: run.plan().mission.clone(), state, changed, open })
}
