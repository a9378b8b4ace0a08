//! Collisions foreseen: whenever work is committed, merges with what else is not merged yet are tried in memory, so
//! that a person hears of two tasks that will collide while there is still something to do about it. Nothing but what
//! is told follows from it, and it is never waited for.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::handoff::FileChange;
use crate::kernel::Run;
use crate::kernel::effect::Effect;
use crate::kernel::event::{Event, Outcome, WorkspaceFrom};
use crate::kernel::fact::Snapshot;
use crate::kernel::graph::{Graph, TaskNo};
use crate::kernel::state::{Phase, Running, Status};
use crate::kernel::step::Turn;
use crate::mission::model::{OnConflict, RetryFrom};
use crate::name::{CommitId, TaskId};
use crate::plan::Plan;

/// Of so much unmerged work at a time it is looked up whether it collides; what waits behind it has its turn later.
const MOST_WORKS: usize = 64;

/// So many merges are tried for one answer: the more, the longer a run that ends waits for its last thread.
const MOST_TRIES: usize = 32;

/// Of the collisions of a task, so many are told by `why`; of the files of one, so many.
const TOLD: usize = 3;

/// One side of a collision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Side {
    /// What a task has committed and nobody has merged yet.
    Task {
        /// Which.
        task: TaskId,
    },
    /// What was merged in this run.
    Integration,
    /// New commits of the branch that is delivered to.
    Into {
        /// Its name.
        branch: String,
    },
}

/// A merge to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeTry {
    /// What is merged.
    pub one: Merged,
    /// With what.
    pub two: Merged,
}

/// One side of a merge to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// The work of a task, and the commit of integration that it began at.
    Task {
        /// Which.
        task: TaskId,
        /// Where it began.
        base: CommitId,
        /// What it made.
        commit: CommitId,
    },
    /// The integration branch at this commit.
    Integration {
        /// Which.
        commit: CommitId,
    },
    /// The branch that is delivered to, as it is then.
    Into {
        /// Its name.
        branch: String,
    },
}

impl Merged {
    /// Whose it is.
    pub fn side(&self) -> Side {
        match self {
            Self::Task { task, .. } => Side::Task { task: task.clone() },
            Self::Integration { .. } => Side::Integration,
            Self::Into { branch } => Side::Into { branch: branch.clone() },
        }
    }
}

/// What came of trying a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeTried {
    /// What was merged.
    pub one: Side,
    /// With what.
    pub two: Side,
    /// Files in conflict, the first of them; none: it is clean.
    pub files: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

/// Whether two sets of changed paths have a file in common, or one has a file where the other has a folder. Otherwise
/// nothing of them can be in conflict, renames included: a rename changes both of its paths.
pub fn meet(one: &BTreeSet<String>, two: &BTreeSet<String>) -> bool {
    let below = |path: &String, others: &BTreeSet<String>| {
        path.match_indices('/').filter_map(|(at, _)| path.get(..at)).any(|folder| others.contains(folder))
    };
    !one.is_disjoint(two) || one.iter().any(|path| below(path, two)) || two.iter().any(|path| below(path, one))
}

/// A side, by number. Of two, the lesser stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Party {
    Task(TaskNo),
    Integration,
    Into,
}

impl Party {
    pub(crate) fn of(plan: &Plan, side: &Side) -> Option<Self> {
        match side {
            Side::Task { task } => Graph::find(plan, task).map(Self::Task),
            Side::Integration => Some(Self::Integration),
            Side::Into { .. } => Some(Self::Into),
        }
    }
}

/// Two sides.
pub(crate) type Pair = (Party, Party);

/// The commits that two sides are at; `None` for a branch that is not the run's.
type Commits = (Option<CommitId>, Option<CommitId>);

/// Where two sides collide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clash {
    pub(crate) files: Vec<String>,
    pub(crate) more: usize,
}

/// Whether something may have changed since merges were tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stirred {
    #[default]
    No,
    Yes,
}

/// What one engine knows of merges it had tried. None of it is remembered: a later engine tries them again.
#[derive(Debug, Default)]
pub(crate) struct Foresight {
    /// Tasks that may have work that is not merged.
    works: BTreeSet<TaskNo>,
    /// With which commits two sides were last tried.
    tried: BTreeMap<Pair, Commits>,
    /// What is being tried now.
    asked: Option<BTreeMap<Pair, Commits>>,
    stirred: Stirred,
}

/// Work that is not merged yet.
struct Work<'r> {
    t: TaskNo,
    base: CommitId,
    commit: CommitId,
    /// All that it changes; `None` where that is not known.
    files: Option<&'r [FileChange]>,
    /// It is being merged: that tells more than trying.
    merging: bool,
}

impl Turn<'_> {
    /// Notices events after which other merges collide than before.
    pub(crate) fn stir(&mut self, event: &Event) {
        if let Event::Snapshot { task, snapshot, .. } = event {
            let Some(t) = self.find(task) else { return };
            let new = snapshot.commit.is_some() && self.run.inflight.foresight.works.insert(t);
            if new || self.run.inflight.foresight.works.contains(&t) {
                self.run.inflight.foresight.stirred = Stirred::Yes;
            }
        } else if let Event::TaskFinished { task, outcome } = event {
            if self.run.inflight.foresight.works.is_empty() {
                return;
            }
            let Some(t) = self.find(task) else { return };
            let goes_on = self.run.graph.follower(t).filter(|_| matches!(outcome, Outcome::Succeeded { .. }));
            let foresight = &mut self.run.inflight.foresight;
            if foresight.works.remove(&t) {
                foresight.tried.retain(|(one, two), _| ![*one, *two].contains(&Party::Task(t)));
                foresight.works.extend(goes_on);
                foresight.stirred = Stirred::Yes;
            }
        } else if let Event::Merged { .. } = event {
            // With `into` what was merged is looked at itself.
            let foresight = &mut self.run.inflight.foresight;
            if !foresight.works.is_empty() || self.run.plan.merge.into.is_some() {
                foresight.stirred = Stirred::Yes;
            }
        } else if let Event::RunResumed { .. } = event {
            let works: BTreeSet<TaskNo> = self.run.graph.all().filter(|t| self.unmerged(*t).is_some()).collect();
            let stirred = if works.is_empty() { Stirred::No } else { Stirred::Yes };
            self.run.inflight.foresight = Foresight { works, stirred, ..Foresight::default() };
        }
    }

    /// Asks for merges to be tried, where one of their sides is new.
    pub(crate) fn foresee(&mut self) {
        let foresight = &mut self.run.inflight.foresight;
        if foresight.stirred == Stirred::No || foresight.asked.is_some() || !self.run.state.is_live() {
            return;
        }
        foresight.stirred = Stirred::No;
        self.forget_what_is_gone();
        let (mut asked, mut tries, mut clean) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (pair, commits) in self.worth_trying() {
            if self.is_plainly_clean(pair) {
                clean.push((pair, commits));
            } else if tries.len() == MOST_TRIES {
                self.run.inflight.foresight.stirred = Stirred::Yes;
            } else if let (Some(one), Some(two)) = (self.merged_side(pair.0), self.merged_side(pair.1)) {
                tries.push(MergeTry { one, two });
                asked.insert(pair, commits);
            }
        }
        for (pair, commits) in clean {
            self.run.inflight.foresight.tried.insert(pair, commits);
            self.now_collides(pair, None);
        }
        if !tries.is_empty() {
            let foresight = &mut self.run.inflight.foresight;
            foresight.tried.extend(asked.iter().map(|(pair, commits)| (*pair, commits.clone())));
            foresight.asked = Some(asked);
            self.ask(Effect::TryMerges { tries });
        }
    }

    /// Merges were tried. What is not told of could not be tried, and is not known.
    pub(crate) fn merges_tried(&mut self, tried: Vec<MergeTried>) {
        let Some(asked) = self.run.inflight.foresight.asked.take() else { return };
        for MergeTried { one, two, files, more } in tried {
            let plan = &self.run.plan;
            let (Some(one), Some(two)) = (Party::of(plan, &one), Party::of(plan, &two)) else { continue };
            let now = self.commits((one, two));
            if now.is_some() && asked.get(&(one, two)) == now.as_ref() {
                self.now_collides((one, two), (!files.is_empty()).then_some(Clash { files, more }));
            }
        }
    }

    /// Remembers how two sides are, if that is new.
    fn now_collides(&mut self, pair: Pair, clash: Option<Clash>) {
        if self.run.state.collisions.get(&pair) == clash.as_ref() {
            return;
        }
        let (Some(one), Some(two)) = (self.side(pair.0), self.side(pair.1)) else { return };
        self.emit(match clash {
            Some(Clash { files, more }) => Event::CollisionForeseen { one, two, files, more },
            None => Event::CollisionGone { one, two },
        });
    }

    /// Work that was taken back collides with nothing any more, and what begins at the tip not with what it holds.
    fn forget_what_is_gone(&mut self) {
        let tip = self.run.state.tip.clone();
        let is_gone = |pair: &Pair| match *pair {
            (Party::Task(t), Party::Integration) => {
                self.unmerged(t).is_none_or(|work| Some(&work.base) == tip.as_ref())
            }
            pair => self.commits(pair).is_none(),
        };
        let gone: Vec<Pair> = self.run.state.collisions.keys().filter(|pair| is_gone(pair)).copied().collect();
        for pair in gone {
            self.now_collides(pair, None);
        }
    }

    /// Pairs that were not tried as they are now.
    fn worth_trying(&self) -> Vec<(Pair, Commits)> {
        let works: Vec<Work<'_>> =
            self.run.inflight.foresight.works.iter().filter_map(|t| self.unmerged(*t)).take(MOST_WORKS).collect();
        let state = &self.run.state;
        let tip = state.tip.as_ref();
        let to_into = self.run.plan.merge.into.is_some()
            && !state.merging.as_ref().is_some_and(|merging| merging.delivers || merging.deliver.is_some());
        let mut pairs = Vec::new();
        for (at, one) in works.iter().enumerate() {
            let root = self.run.graph.root(one.t);
            let others = works.iter().skip(at.saturating_add(1));
            let others = others.filter(|two| self.run.graph.root(two.t) != root);
            pairs.extend(others.map(|two| (Party::Task(one.t), Party::Task(two.t))));
            if !one.merging {
                pairs.extend((tip != Some(&one.base)).then_some((Party::Task(one.t), Party::Integration)));
                pairs.extend(to_into.then_some((Party::Task(one.t), Party::Into)));
            }
        }
        if to_into && tip != self.run.place.base.as_ref() {
            pairs.push((Party::Integration, Party::Into));
        }
        let is_new = |pair: Pair| {
            let commits = self.commits(pair)?;
            // That branch is not the run's: it may have moved.
            let known = pair.1 != Party::Into && self.run.inflight.foresight.tried.get(&pair) == Some(&commits);
            (!known).then_some((pair, commits))
        };
        pairs.into_iter().filter_map(is_new).collect()
    }

    /// Whether two tasks changed no file in common, and none has a file where the other has a folder.
    fn is_plainly_clean(&self, pair: Pair) -> bool {
        let (Party::Task(one), Party::Task(two)) = pair else { return false };
        let (Some(one), Some(two)) = (self.unmerged(one), self.unmerged(two)) else { return false };
        let (Some(one), Some(two)) = (one.files, two.files) else { return false };
        let paths = |files: &[FileChange]| files.iter().map(|file| file.path.clone()).collect();
        !meet(&paths(one), &paths(two))
    }

    /// The commits that two sides are at; `None` where one has nothing to merge.
    fn commits(&self, pair: Pair) -> Option<Commits> {
        let commit = |party: Party| match party {
            Party::Task(t) => self.unmerged(t).map(|work| Some(work.commit)),
            Party::Integration => Some(self.run.state.tip.clone()),
            Party::Into => Some(None),
        };
        Some((commit(pair.0)?, commit(pair.1)?))
    }

    fn side(&self, party: Party) -> Option<Side> {
        Some(match party {
            Party::Task(t) => Side::Task { task: self.id(t) },
            Party::Integration => Side::Integration,
            Party::Into => Side::Into { branch: self.run.plan.merge.into.clone()? },
        })
    }

    fn merged_side(&self, party: Party) -> Option<Merged> {
        Some(match party {
            Party::Task(t) => {
                let Work { base, commit, .. } = self.unmerged(t)?;
                Merged::Task { task: self.id(t), base, commit }
            }
            Party::Integration => Merged::Integration { commit: self.run.state.tip.clone()? },
            Party::Into => Merged::Into { branch: self.run.plan.merge.into.clone()? },
        })
    }

    /// What a task has committed that is not merged: of this attempt, else what its next one begins with.
    fn unmerged(&self, t: TaskNo) -> Option<Work<'_>> {
        let record = self.run.state.task(t);
        let past = record.past.as_deref();
        let kept = || past.filter(|past| !past.settled)?.work.as_ref();
        let before = || self.work_before(t);
        let work = match &record.status {
            Status::Finished(_) | Status::Gated(_) | Status::Expanded { .. } => None,
            Status::Waiting | Status::Ready => before(),
            Status::BackingOff { .. } if self.task(t).retry.from == RetryFrom::Base => before(),
            Status::BackingOff { .. } => kept().or_else(before),
            Status::Running(running) => match (&running.snapshot, &running.from) {
                (Some(snapshot), _) => return self.recorded(t, running, snapshot),
                (None, WorkspaceFrom::LastWork { .. }) => kept(),
                (None, WorkspaceFrom::With { .. }) => before(),
                (None, WorkspaceFrom::Directory | WorkspaceFrom::Integration | WorkspaceFrom::ReadOnly) => None,
            },
        }?;
        let (base, commit) = (work.base.clone(), work.commit.clone());
        Some(Work { t, base, commit, files: None, merging: false })
    }

    /// What the attempt under way has committed, until it is merged.
    fn recorded<'a>(&'a self, t: TaskNo, running: &Running, snapshot: &'a Snapshot) -> Option<Work<'a>> {
        if matches!(running.phase, Phase::Merged(_)) {
            return None;
        }
        let base = self.run.state.task(t).past.as_ref()?.base.clone()?;
        let commit = snapshot.commit.clone()?;
        // What is told of a later task of one worktree is only its own doing.
        let files = (self.run.graph.root(t) == t).then_some(snapshot.files.as_slice());
        Some(Work { t, base, commit, files, merging: matches!(running.phase, Phase::Merging { .. }) })
    }
}

impl Run {
    /// With what the work of a task will collide, to be added to why it is where it is.
    pub(crate) fn why_collides(&self, t: TaskNo) -> String {
        let mut words = Vec::new();
        let mut with_task = false;
        for ((one, two), clash) in &self.state.collisions {
            let other = match (*one, *two) {
                (Party::Task(one), other) if one == t => other,
                (other, Party::Task(two)) if two == t => other,
                _ => continue,
            };
            let files = named(clash);
            words.push(match other {
                Party::Task(other) => {
                    with_task = true;
                    format!("will collide with `{}` in {files}", self.task(other).0)
                }
                Party::Integration => format!("does not merge with what was merged meanwhile, in {files}"),
                Party::Into => {
                    let into = self.plan.merge.into.as_deref().unwrap_or_default();
                    format!("does not merge with new commits of `{into}`, in {files}")
                }
            });
        }
        if words.is_empty() {
            return String::new();
        }
        let more = words.len().saturating_sub(TOLD);
        words.truncate(TOLD);
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        let advice = match self.plan.merge.on_conflict {
            OnConflict::Escalate if with_task => ": whichever is merged second is left to you",
            OnConflict::Rework if with_task => ": whichever is merged second goes another round on top of the first",
            OnConflict::Escalate | OnConflict::Rework => "",
        };
        format!("; {}{more}{advice}", words.join("; "))
    }
}

/// The files of a collision, the first of them.
fn named(clash: &Clash) -> String {
    let files: Vec<&str> = clash.files.iter().take(TOLD).map(String::as_str).collect();
    let more = clash.files.len().saturating_sub(TOLD).saturating_add(clash.more);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", files.join(", "))
}
