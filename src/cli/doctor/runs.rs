//! What runs left: those that stand still, locks of the dead, worktrees that stayed, work that was saved.

use std::collections::BTreeSet;
use std::path::Path;

use crate::cli::Context;
use crate::cli::carry_out::locks;
use crate::cli::doctor::{Sign, State, good, poor};
use crate::cli::locked::{Clock, quoted, who};
use crate::cli::project::Project;
use crate::driver::clock::wall_now;
use crate::journal::lock::Life;
use crate::journal::runs::{RunEntry, Runs, Standing};
use crate::journal::target::{Hold, LockFolders};
use crate::report::plural;
use crate::workspace::Repository;

/// Looks at them.
pub(super) fn look(context: &Context, project: &Project, repository: Option<&Repository>) -> Vec<Sign> {
    let clock = Clock { now: wall_now(), zone: context.terminal.zone().clone() };
    let runs = match Runs::at(&project.store).list() {
        Ok(runs) => runs,
        Err(error) => return vec![poor("run", State::Bad, error.to_string(), error.help())],
    };
    let mut signs: Vec<Sign> = runs.iter().filter_map(|run| standing(run, &clock)).collect();
    signs.extend(locks_of_the_dead(context, project, &runs, &clock));
    if let Some(repository) = repository {
        signs.extend(worktrees(repository, &runs));
        let saved = repository.salvaged(None).map_or(0, |saved| saved.len());
        let told = || format!("work was saved {} before a worktree went or was used again", times(saved));
        let remedy = Some("ai-sdlc run recover".to_owned());
        signs.extend((saved > 0).then(|| Sign { remedy, ..good("salvage", told()) }));
    }
    signs
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// A run that does not move.
fn standing(run: &RunEntry, clock: &Clock) -> Option<Sign> {
    let id = &run.id;
    match &run.standing {
        Standing::Interrupted => {
            let mission = run.note.as_ref().map(|note| format!(" of {}", note.mission)).unwrap_or_default();
            let told = format!("run {id}{mission} was interrupted and can go on");
            Some(poor("run", State::Warning, told, format!("ai-sdlc run resume {id}")))
        }
        Standing::Running(holder) => match holder.life() {
            Life::Stopped => {
                let told = format!("{} is stopped and does not move", who(holder, clock));
                Some(poor("run", State::Warning, told, format!("kill -CONT {}", holder.pid)))
            }
            Life::Alive | Life::Dead | Life::Unseen => {
                let remedy = Some(format!("ai-sdlc run show {id}"));
                Some(Sign { remedy, ..good("run", format!("{} is live", who(holder, clock))) })
            }
        },
        Standing::Ended(_) => None,
    }
}

/// Of runs of other projects, too: those of this one are told as runs.
fn locks_of_the_dead(context: &Context, project: &Project, runs: &[RunEntry], clock: &Clock) -> Vec<Sign> {
    let folders = LockFolders::new(&project.store, locks(context).as_deref());
    let dead = folders.notes().into_iter().filter(|noted| noted.hold == Hold::Left).map(|noted| noted.note);
    let of_others = dead.filter(|note| !runs.iter().any(|run| run.id == note.holder.run));
    of_others
        .map(|note| {
            let told = format!("{} died and left its lock", who(&note.holder, clock));
            let place = quoted(&note.directory);
            poor("lock", State::Warning, told, format!("ai-sdlc -C {place} run resume {}", note.holder.run))
        })
        .collect()
}

/// Worktrees of runs that ended.
fn worktrees(repository: &Repository, runs: &[RunEntry]) -> Option<Sign> {
    let goes_on = |run: &RunEntry| matches!(run.standing, Standing::Running(_) | Standing::Interrupted);
    let live: BTreeSet<&str> = runs.iter().filter(|run| goes_on(run)).map(|run| run.id.as_str()).collect();
    let kept = repository.list_worktrees(None).into_iter();
    let kept: Vec<_> = kept.filter(|one| !live.contains(one.run.as_str()) && Path::new(&one.path).is_dir()).collect();
    let of: BTreeSet<&str> = kept.iter().map(|one| one.run.as_str()).collect();
    let told = format!("{} of {} that ended", plural(kept.len(), "worktree"), plural(of.len(), "run"));
    let remedy = Some("ai-sdlc run cleanup --dry-run".to_owned());
    (!kept.is_empty()).then(|| Sign { remedy, ..good("worktree", told) })
}
