//! Looks for all that runs left behind, and decides what of it goes. Nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::amount::WallTime;
use crate::journal::JournalError;
use crate::name::{CommitId, RunId};
use crate::workspace::cleanup::runs::{Known, State};
use crate::workspace::cleanup::{CleanupAsk, Ground, Item, LastCopies, Scope, Survey, Thing, Verdict, What};
use crate::workspace::worktree::touched;
use crate::workspace::{
    Found, Occupancy, Patience, Repository, Stays, UnsavedWork, WorkspaceError, WorktreeOf, artifacts_below,
};

/// What went wrong while looking.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The runs.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Git.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}

/// Looks for all of it.
pub fn survey(ground: Ground<'_>, ask: CleanupAsk) -> Result<Survey, SurveyError> {
    let known = Known::read(ground)?;
    let mut look =
        Look { ground, ask: &ask, known: &known, occupancy: Occupancy::look(), patience: Patience::endless() };
    let mut items = Vec::new();
    if let Some(repository) = ground.repository {
        items.extend(look.worktrees(repository));
        items.extend(look.strange(repository));
    }
    items.extend(look.scratch());
    if let Some(most) = ask.max_bytes {
        fit(&mut items, most);
    }
    if ask.takes_runs() || matches!(ask.scope, Scope::One(_)) {
        let runs = look.runs(&items);
        let going: BTreeSet<RunId> =
            runs.iter().filter(|item| item.goes()).filter_map(|item| item.run.clone()).collect();
        if let Some(repository) = ground.repository {
            items.extend(look.refs(repository, &going)?);
        }
        items.extend(runs);
    }
    items.sort_by(|a, b| {
        let rank = |item: &Item| item.run.as_ref().map_or(usize::MAX, |run| known.rank(run));
        (rank(a), &a.run, a.what, &a.name).cmp(&(rank(b), &b.run, b.what, &b.name))
    });
    Ok(Survey { items, ask })
}

struct Look<'a> {
    ground: Ground<'a>,
    ask: &'a CleanupAsk,
    known: &'a Known,
    occupancy: Occupancy,
    patience: Patience,
}

impl Look<'_> {
    fn in_scope(&self, run: &RunId) -> bool {
        match &self.ask.scope {
            Scope::One(one) => one == run,
            Scope::Over | Scope::All => true,
        }
    }

    /// Runs whose folder is there.
    fn wanted(&self) -> Vec<RunId> {
        self.known.ids().iter().filter(|run| self.in_scope(run)).cloned().collect()
    }

    /// Why something of a run stays whatever it is, if so.
    fn held(&self, run: &RunId, used: WallTime) -> Option<Verdict> {
        self.known.holds(run, self.ask).or_else(|| {
            let length = self.ask.older_than.filter(|length| self.ask.now.since(used) <= *length)?;
            let since = self.ask.now.since(used);
            Some(Verdict::stays(format!("used {since} ago, less than {length}"), ""))
        })
    }

    /// Worktrees of attempts and of merges.
    fn worktrees(&mut self, repository: &Repository) -> Vec<Item> {
        let worktrees = repository.list_worktrees(None);
        let worktrees: Vec<_> = worktrees.into_iter().filter(|worktree| self.in_scope(&worktree.run)).collect();
        worktrees
            .into_iter()
            .map(|worktree| {
                let used = touched(&worktree.state);
                let verdict = self.held(&worktree.run, used).unwrap_or_else(|| {
                    let unsaved = match worktree.of {
                        WorktreeOf::Attempt { .. } => self.ask.unsaved,
                        // Nobody works there: what merge checks left is no work.
                        WorktreeOf::Merge => UnsavedWork::IsSaved,
                    };
                    match repository.reason_to_stay(&worktree, &self.occupancy, unsaved) {
                        Some(stays) => because(&stays, &worktree.path),
                        None => Verdict::Goes,
                    }
                });
                let what = if worktree.path.is_dir() { What::Worktree } else { What::Remains };
                Item {
                    what,
                    run: Some(worktree.run.clone()),
                    name: worktree.describe(),
                    place: worktree.path.display().to_string(),
                    bytes: self.patience.disk_usage(&worktree.path),
                    used,
                    verdict,
                    thing: Thing::Worktree(Box::new(worktree)),
                }
            })
            .collect()
    }

    /// What is left of worktrees otherwise.
    fn strange(&mut self, repository: &Repository) -> Vec<Item> {
        let mut items = Vec::new();
        for found in repository.left_behind(self.ground.worktrees) {
            let (what, run, path, thing) = match found {
                Found::HalfMade { run, path, state } => (What::Remains, Some(run), path, Thing::Record(state)),
                Found::Trash { run, path } => (What::Trash, run, path.clone(), Thing::Folder(path)),
                Found::Unknown { run, path } => (What::Unknown, run, path, Thing::Nothing),
            };
            let is_wanted =
                run.as_ref().map_or_else(|| !matches!(self.ask.scope, Scope::One(_)), |run| self.in_scope(run));
            if !is_wanted {
                continue;
            }
            let live = run.as_ref().and_then(|run| match self.known.state(run) {
                State::Live(_) => self.known.holds(run, self.ask),
                State::CanGoOn(_) | State::Over(_) | State::Gone => None,
            });
            let occupants = self.occupancy.of(&path);
            let verdict = match (live, what) {
                (Some(live), _) => live,
                (None, What::Unknown) => {
                    let shown = quoted(&path);
                    Verdict::stays(
                        "nothing is known of it, and it may hold work",
                        format!("look into it, then rm -rf {shown}"),
                    )
                }
                (None, _) if !occupants.is_empty() => because(&Stays::Occupied(occupants), &path),
                (None, _) => Verdict::Goes,
            };
            items.push(Item {
                what,
                run,
                name: String::new(),
                place: path.display().to_string(),
                bytes: self.patience.disk_usage(&path),
                used: touched(&path),
                verdict,
                thing,
            });
        }
        items
    }

    /// Scratch clones of rehearsals of this project.
    fn scratch(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        for run in self.wanted() {
            let path = self.ground.scratch.join(run.as_str());
            if !path.is_dir() {
                continue;
            }
            let used = self.known.used(&run).unwrap_or_default();
            let occupants = self.occupancy.of(&path);
            let verdict = match self.held(&run, used) {
                Some(held) => held,
                None if !occupants.is_empty() => because(&Stays::Occupied(occupants), &path),
                None => Verdict::Goes,
            };
            items.push(Item {
                what: What::Scratch,
                run: Some(run.clone()),
                name: "clone of a rehearsal".to_owned(),
                place: path.display().to_string(),
                bytes: self.patience.disk_usage(&path),
                used,
                verdict,
                thing: Thing::Folder(path),
            });
        }
        items
    }

    /// Folders of runs: they go by age or number only, and after everything else of them.
    fn runs(&mut self, items: &[Item]) -> Vec<Item> {
        let mut runs = Vec::new();
        for run in &self.wanted() {
            let dir = crate::journal::runs::Runs::at(self.ground.store).dir(run);
            let used = self.known.used(run).unwrap_or_default();
            let stays = items.iter().find(|item| item.run.as_ref() == Some(run) && !item.goes());
            let artifacts = artifacts_below(&dir);
            let verdict = if let Some(held) = self.held(run, used) {
                held
            } else if let Some(item) = stays {
                Verdict::stays(format!("its {} stays: {}", item.what.word(), item.place), "")
            } else if !self.ask.takes_runs() {
                Verdict::stays(
                    "journal, logs and report of a run go by age or number only",
                    format!("ai-sdlc run cleanup {run} --keep 0"),
                )
            } else if artifacts > 0 && self.ask.last_copies == LastCopies::Stay {
                let free = format!("ai-sdlc run cleanup {run} --keep 0 --last-copies");
                Verdict::stays(format!("holds {artifacts} artifacts that its tasks made"), free)
            } else {
                Verdict::Goes
            };
            runs.push(Item {
                what: What::Run,
                run: Some(run.clone()),
                name: "journal, logs, report".to_owned(),
                place: dir.display().to_string(),
                bytes: self.patience.disk_usage(&dir),
                used,
                verdict,
                thing: Thing::Folder(dir),
            });
        }
        runs
    }

    /// Branches and salvaged work of runs that go, or that are gone.
    fn refs(&self, repository: &Repository, going: &BTreeSet<RunId>) -> Result<Vec<Item>, WorkspaceError> {
        let goes = |run: &RunId| {
            going.contains(run) || (self.known.state(run) == State::Gone && self.in_scope(run) && self.ask.takes_runs())
        };
        let mut items = Vec::new();
        let mut merged: BTreeMap<RunId, BTreeMap<String, CommitId>> = BTreeMap::new();
        for branch in repository.run_branches()? {
            if !goes(&branch.run) {
                continue;
            }
            let of = merged.entry(branch.run.clone()).or_insert_with(|| repository.merges_of(&branch.run));
            let verdict = if let Some(place) = &branch.checked_out {
                Verdict::stays(format!("checked out at {place}"), "")
            } else if self.ask.last_copies == LastCopies::Go || repository.is_elsewhere(&branch, of)? {
                Verdict::Goes
            } else {
                let free = format!("git merge {0}, or git branch -D {0}", branch.name);
                Verdict::stays("its work is on no other branch", free)
            };
            items.push(of_ref(What::Branch, &branch.run, (branch.name.clone(), branch.tip.clone()), verdict));
        }
        for saved in repository.salvaged(None)? {
            if !goes(&saved.run) {
                continue;
            }
            let verdict = match self.ask.last_copies {
                LastCopies::Go => Verdict::Goes,
                LastCopies::Stay => {
                    let free = format!(
                        "ai-sdlc run recover {} {} --to DIR, then git update-ref -d {}",
                        saved.run,
                        saved.name(),
                        saved.reference
                    );
                    Verdict::stays("it is the only copy of unsaved work", free)
                }
            };
            let mut item = of_ref(What::Salvaged, &saved.run, (saved.reference.clone(), saved.commit.clone()), verdict);
            item.used = saved.at;
            items.push(item);
        }
        Ok(items)
    }
}

fn of_ref(what: What, run: &RunId, (name, tip): (String, CommitId), verdict: Verdict) -> Item {
    let full = if what == What::Branch { format!("refs/heads/{name}") } else { name.clone() };
    Item {
        what,
        run: Some(run.clone()),
        name: String::new(),
        place: name,
        bytes: 0,
        used: WallTime::default(),
        verdict,
        thing: Thing::Ref { name: full, tip },
    }
}

/// What would free a worktree that stays.
pub(super) fn because(stays: &Stays, path: &Path) -> Verdict {
    let shown = quoted(path);
    let free = match stays {
        Stays::Occupied(_) => "leave that folder, or end the process, then try again".to_owned(),
        Stays::Locked { .. } => format!("git worktree unlock {shown}"),
        Stays::Moved { to } => format!("mv {} {shown}, then try again", quoted(to)),
        Stays::Unsaved(_) => format!("ai-sdlc worktree remove {shown}   (saves it first)"),
        Stays::Failed { .. } => format!("ai-sdlc worktree remove {shown}   (says what is wrong)"),
    };
    Verdict::stays(stays.to_string(), free)
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    shlex::try_quote(&text).map_or_else(|_| text.clone(), std::borrow::Cow::into_owned)
}

/// Lets the youngest stay as far as they fit; what stays anyhow counts first.
fn fit(items: &mut [Item], most: u64) {
    let held: u64 = items.iter().filter(|item| !item.goes()).fold(0, |sum, item| sum.saturating_add(item.bytes));
    let mut total = items.iter().filter(|item| item.goes()).fold(held, |sum, item| sum.saturating_add(item.bytes));
    let mut oldest: Vec<&mut Item> = items.iter_mut().filter(|item| item.goes()).collect();
    oldest.sort_by_key(|item| (item.what != What::Trash, item.used));
    for item in oldest {
        if total <= most && item.what != What::Trash {
            item.verdict = Verdict::stays("fits into what may be kept", "");
        } else {
            total = total.saturating_sub(item.bytes);
        }
    }
}
