//! The worktrees that lie around: for lists, for the limits a mission sets, and for a word at the end of a run.

use crate::amount::WallTime;
use crate::name::RunId;
use crate::workspace::cleanup::gather::SurveyError;
use crate::workspace::cleanup::runs::{Known, State};
use crate::workspace::cleanup::{Ground, Kept, Limits, beyond};
use crate::workspace::worktree::touched;
use crate::workspace::{
    Identity, Occupancy, Occupant, Patience, Repository, Unsaved, UnsavedWork, Worktree, WorktreeOf,
};

/// So many files are looked at to tell what stale worktrees take: the end of a run is no time to wait.
const GLANCE: usize = 20_000;

/// Fewer of them are not worth a word.
const WORTH_A_WORD: usize = 5;

/// A worktree, and all that is to be known of it.
#[derive(Debug)]
pub struct Lying {
    /// Which.
    pub worktree: Worktree,
    /// How its run stands.
    pub state: State,
    /// What it takes.
    pub bytes: u64,
    /// When it was used last.
    pub used: WallTime,
    /// What is saved nowhere; why that cannot be told, where it cannot.
    pub unsaved: Result<Option<Unsaved>, String>,
    /// Who is in it.
    pub occupants: Vec<Occupant>,
}

/// All worktrees of this repository's runs, those of the latest run first.
pub fn lying(ground: Ground<'_>) -> Result<Vec<Lying>, SurveyError> {
    let Some(repository) = ground.repository else { return Ok(Vec::new()) };
    let known = Known::read(ground)?;
    let (occupancy, mut patience) = (Occupancy::look(), Patience::endless());
    let mut worktrees = repository.list_worktrees(None);
    worktrees.sort_by(|a, b| (known.rank(&a.run), &a.run, &a.of).cmp(&(known.rank(&b.run), &b.run, &b.of)));
    let all = worktrees.into_iter().map(|worktree| Lying {
        state: known.state(&worktree.run),
        bytes: patience.disk_usage(&worktree.path),
        used: touched(&worktree.state),
        unsaved: match (&worktree.of, worktree.path.is_dir()) {
            (WorktreeOf::Attempt { .. }, true) => repository.unsaved(&worktree).map_err(|error| error.to_string()),
            (WorktreeOf::Attempt { .. } | WorktreeOf::Merge, _) => Ok(None),
        },
        occupants: occupancy.of(&worktree.path),
        worktree,
    });
    Ok(all.collect())
}

/// Worktrees of ended runs, at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale {
    /// How many.
    pub worktrees: usize,
    /// Of how many runs.
    pub runs: usize,
    /// What they take at least.
    pub bytes: u64,
    /// Whether that is all.
    pub whole: bool,
}

/// What runs other than this one left, if it is worth a word.
pub fn stale(ground: Ground<'_>, but: &RunId) -> Option<Stale> {
    let worktrees = ground.repository?.list_worktrees(None);
    let known = Known::read(ground).ok()?;
    let stale: Vec<&Worktree> = worktrees
        .iter()
        .filter(|worktree| worktree.run != *but && matches!(known.state(&worktree.run), State::Over(_) | State::Gone))
        .collect();
    if stale.len() < WORTH_A_WORD {
        return None;
    }
    let mut patience = Patience::files(GLANCE);
    let bytes = stale.iter().fold(0_u64, |sum, worktree| sum.saturating_add(patience.disk_usage(&worktree.path)));
    let mut runs: Vec<&RunId> = stale.iter().map(|worktree| &worktree.run).collect();
    runs.sort();
    runs.dedup();
    Some(Stale { worktrees: stale.len(), runs: runs.len(), bytes, whole: patience.is_left() })
}

/// Removes the kept worktrees of runs that are over which are beyond the limits, what is unsaved in them saved first.
/// Tells what was done, and what could not be, in words.
pub fn within_limits(ground: Ground<'_>, limits: &Limits, by: (&Identity, WallTime)) -> Vec<String> {
    let Some(repository) = ground.repository.filter(|_| !limits.is_none()) else { return Vec::new() };
    let Ok(known) = Known::read(ground) else { return Vec::new() };
    let worktrees: Vec<Worktree> = repository
        .list_worktrees(None)
        .into_iter()
        .filter(|worktree| !matches!(known.state(&worktree.run), State::Live(_)))
        .collect();
    let occupancy = Occupancy::look();
    let stays = |worktree: &Worktree| repository.reason_to_stay(worktree, &occupancy, UnsavedWork::IsSaved);
    // Sizes are asked for only where they matter: they cost a walk.
    let mut patience = if limits.max_disk.is_some() { Patience::endless() } else { Patience::files(0) };
    let kept: Vec<Kept> = worktrees
        .iter()
        .map(|worktree| Kept {
            used: touched(&worktree.state),
            bytes: patience.disk_usage(&worktree.path),
            may_go: matches!(known.state(&worktree.run), State::Over(_) | State::Gone) && stays(worktree).is_none(),
        })
        .collect();
    let goes: Vec<&Worktree> = beyond(&kept, limits, by.1).into_iter().filter_map(|at| worktrees.get(at)).collect();
    let mut told = Vec::new();
    let mut removed = 0_usize;
    for worktree in &goes {
        match repository.clear_worktree(worktree, by) {
            Ok(saved) => {
                removed += 1;
                told.extend(saved.map(|_| {
                    let (run, describe) = (&worktree.run, worktree.describe());
                    format!(
                        "unsaved work of {describe}, was saved before its worktree went: `ai-sdlc run recover {run}`"
                    )
                }));
            }
            Err(stays) => {
                let place = worktree.path.display();
                told.push(format!("{place} is beyond the limits of `[workspace]` and stays: {stays}"));
            }
        }
    }
    if removed > 0 {
        let what = if removed == 1 { "1 kept worktree".to_owned() } else { format!("{removed} kept worktrees") };
        told.insert(0, format!("{what} of earlier runs went, as `[workspace]` limits them"));
    }
    told.extend(still_beyond(repository, limits, (&worktrees, &kept)));
    told
}

/// What is to be said where more is kept than the limits allow.
fn still_beyond(repository: &Repository, limits: &Limits, before: (&[Worktree], &[Kept])) -> Option<String> {
    let (worktrees, kept) = before;
    let left: Vec<Kept> = repository
        .list_worktrees(None)
        .iter()
        .filter_map(|worktree| Some(*kept.get(worktrees.iter().position(|one| one == worktree)?)?))
        .collect();
    let bytes = left.iter().fold(0_u64, |sum, one| sum.saturating_add(one.bytes));
    let passed =
        limits.max_worktrees.is_some_and(|most| left.len() > most) || limits.max_disk.is_some_and(|most| bytes > most);
    passed.then(|| {
        let count = left.len();
        format!(
            "{count} worktrees are kept, more than `[workspace]` allows: what can be resumed, is in use or locked is \
             not taken; `ai-sdlc worktree list` shows them"
        )
    })
}
