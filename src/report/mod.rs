//! Folds of events for people: plain lines, the panel, the final report, JSON and JUnit.
//!
//! [`Report`] is the fold; everything else here turns it into text and is pure: the time, the zone and the width are
//! arguments, and nothing knows a terminal. A renderer computes no statistics: those are the report's.

mod agents;
mod collisions;
pub mod end;
mod event_json;
mod fold;
mod handing;
mod judged;
mod line;
mod look;
pub mod panel;
mod parts;
mod skills;
mod task;
mod used;
mod words;

use std::path::PathBuf;

use indexmap::IndexMap;

use crate::amount::{Ceiling, Millis, WallTime};
use crate::kernel::event::{Place, PlaceKind, RunOutcome, Sandbox};
use crate::kernel::fact::{Delivered, StopCause};
use crate::mission::model::{CommandLine, Importance};
use crate::name::{AgentName, CommitId, RunId, TaskId};
use crate::plan::argv::Argv;

pub use crate::amount::Spent;
pub use agents::{AgentReport, AgentStanding, PaceReport};
pub use collisions::Collision;
pub use event_json::{event_json, event_schema};
pub use handing::HandoffReport;
pub use judged::{GateAnswered, GateReport, ReviewReport};
pub use line::{Line, Shown, Tone, heartbeat, line};
pub use look::{Look, one_line, plural, safe, safe_lines, shorten, visible_width, width};
pub use panel::coarse;
pub use skills::{SkillReport, SkillUses};
use task::few;
pub use task::{CheckLine, End, Stage, TaskReport, Worker, verdict};
pub use used::{By, SessionUse, Share, Wasted};
pub use words::{SandboxWords, outcome_words, sandbox_words};

/// What a person may want to know of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Its id, once it began.
    pub run: Option<RunId>,
    /// Name of the mission.
    pub mission: String,
    /// The mission's file, as it was named.
    pub file: String,
    /// Where it takes place.
    pub place: Option<Place>,
    /// What keeps what is started from writing elsewhere, since the present engine began.
    pub sandbox: Option<Sandbox>,
    /// What it may use.
    pub budget: Ceiling,
    /// Tasks at once.
    pub max: u32,
    /// The branch to deliver to.
    pub into: Option<String>,
    /// Commands run once in each new worktree.
    pub setup: Vec<String>,
    /// Commands run on the merged tree.
    pub merge_checks: Vec<String>,
    /// Its tasks in file order.
    pub tasks: IndexMap<TaskId, TaskReport>,
    /// What was used.
    pub spent: Spent,
    /// Of that, what asking which skills fit used.
    pub ranking: Spent,
    /// Its sessions, in order, with what each used.
    pub sessions: Vec<SessionUse>,
    /// When it began first.
    pub started: Option<WallTime>,
    /// How often it was resumed.
    pub resumed: u32,
    /// The last merge check that failed, and the last lines of it.
    pub merge_check_failed: Option<(String, String)>,
    /// Commits of integration, in order, with the tasks that each holds.
    pub merges: Vec<(CommitId, Vec<TaskId>)>,
    /// What does not merge as things are.
    pub collisions: Vec<Collision>,
    /// What came of the delivery.
    pub delivery: Option<Delivery>,
    /// What a person should know.
    pub notes: Vec<(Option<TaskId>, String)>,
    /// Why the engine could not go on.
    pub fault: Option<String>,
    /// What earlier runs left lying around, in words, where that is worth a word.
    pub stale: Option<String>,
    /// How the person typed the command that shows this: what the next commands must say too.
    pub typed: Typed,
    /// Why it is stopping.
    pub stopping: Option<StopCause>,
    /// Who pauses it.
    pub pausing: Option<String>,
    /// Agents that did not always fare well.
    pub agents: IndexMap<AgentName, AgentReport>,
    /// How many tasks work at once for now, where that is not as many as may.
    pub pace: Option<PaceReport>,
    /// Whether the budget is used up.
    pub exceeded: Exceeded,
    /// How it ended; `None` while it is live.
    pub outcome: Option<RunOutcome>,
    /// Whether an engine sees to it that it comes to an end.
    pub engine: Engine,
    /// Live time before the present engine.
    closed: Millis,
    /// Since when the present engine is live.
    since: Option<WallTime>,
    /// When the last event was.
    last: WallTime,
    /// Task indices so that each comes after all it needs.
    order: Vec<usize>,
}

/// Whether there is an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// It drives the run.
    #[default]
    Drives,
    /// It was killed, or died: what was at work stands still.
    Gone,
}

/// How the person typed a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Typed {
    /// The directory given with `-C`, if one was.
    pub directory: Option<String>,
    /// Values of inputs.
    pub inputs: Vec<(String, String)>,
    /// The run's folder, below which artifacts lie.
    pub run_folder: Option<PathBuf>,
}

/// What came of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It was made, or left with a command.
    Made {
        /// The branch.
        into: String,
        /// The commit.
        commit: CommitId,
        /// What came of it.
        delivered: Delivered,
    },
    /// It could not be made.
    Failed {
        /// The branch.
        into: String,
        /// Why not.
        why: String,
        /// Files in conflict.
        files: Vec<String>,
    },
}

/// Whether a budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exceeded {
    /// It is not.
    #[default]
    No,
    /// Nothing more starts.
    Yes,
}

/// How many tasks are how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them.
    pub total: usize,
    /// Succeeded.
    pub done: usize,
    /// Being worked on.
    pub running: usize,
    /// Not begun, or between two attempts.
    pub waiting: usize,
    /// Failed, in conflict.
    pub failed: usize,
    /// Blocked, skipped, cancelled.
    pub idle: usize,
}

impl Report {
    /// An empty one, for a command that was typed like this.
    pub fn typed_as(typed: Typed) -> Self {
        Self { typed, ..Self::default() }
    }

    /// How many tasks are how.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for task in self.tasks.values().filter(|task| task.counts()) {
            counts.total += 1;
            match &task.stage {
                Stage::Ended(End::Succeeded { .. }) => counts.done += 1,
                Stage::Ended(End::Failed { .. } | End::Conflict { .. }) => counts.failed += 1,
                Stage::Ended(End::Skipped { .. } | End::Blocked { .. } | End::Cancelled { .. }) => counts.idle += 1,
                Stage::Waiting | Stage::Ready | Stage::Asking | Stage::BackingOff { .. } | Stage::Limited { .. } => {
                    counts.waiting += 1;
                }
                Stage::Preparing
                | Stage::Working
                | Stage::Checking { .. }
                | Stage::Between
                | Stage::Queued
                | Stage::Merging => counts.running += 1,
            }
        }
        counts
    }

    /// How long the run was live, up to now.
    pub fn live(&self, now: WallTime) -> Millis {
        self.closed + self.since.map_or(Millis::ZERO, |since| now.since(since))
    }

    /// How long it was live, up to its last event.
    pub fn live_so_far(&self) -> Millis {
        self.live(self.last)
    }

    /// When the last event was.
    pub fn last(&self) -> WallTime {
        self.last
    }

    /// Looks at a live run from a later moment than that of its last event.
    pub fn look_at(&mut self, now: WallTime) {
        self.last = self.last.max(now);
    }

    /// Whether it has ended, or lost its engine, while this task was at work. A task that stands for its parts is as they
    /// are.
    pub(crate) fn stopped(&self, task: &TaskReport) -> bool {
        (self.outcome.is_some() || self.engine == Engine::Gone) && task.is_running() && task.counts()
    }

    /// Whether its failure does not count for the run: it, or a task that it is a part of, is optional.
    pub(crate) fn is_excused(&self, task: &TaskReport) -> bool {
        let group = || task.part_of.as_ref().and_then(|group| self.tasks.get(group));
        task.importance == Importance::Optional || group().is_some_and(|group| self.is_excused(group))
    }

    /// Whether this happens in a scratch clone.
    pub fn is_rehearsal(&self) -> bool {
        self.place.as_ref().is_some_and(|place| match place.kind {
            PlaceKind::Repository => false,
            PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks => true,
        })
    }

    /// The branch on which everything ends; `None` without git.
    pub fn integration_branch(&self) -> Option<String> {
        let run = self.run.as_ref()?;
        self.place.as_ref()?.base.as_ref()?;
        Some(format!("ai-sdlc/{run}/integration"))
    }

    /// Why a task stands where it stands, in one line.
    pub fn why(&self, id: &TaskId) -> String {
        let Some(task) = self.tasks.get(id) else { return String::new() };
        let needs: Vec<String> = self.unmet(task).map(|(need, _)| need.to_string()).collect();
        match (&task.stage, needs.is_empty()) {
            (Stage::Waiting, false) => format!("waits for {}", few(&needs)),
            (Stage::Waiting, true) => "waits for its turn".to_owned(),
            (Stage::Ended(_), _) => end::became(self, task),
            (Stage::Working, _) if !task.counts() => self.parts_words(task),
            (Stage::Limited { agent }, _) => match self.agent_words(agent, self.last) {
                Some(words) => format!("waits for {agent}: {words}"),
                None => format!("waits for {agent}"),
            },
            (Stage::Asking, _) => match &task.gate {
                Some(gate) => format!("waits for an answer: {}", gate.question),
                None => task.doing_words(),
            },
            (_, _) => task.doing_words(),
        }
    }

    /// What a task needs that has not ended.
    fn unmet<'a>(&'a self, task: &'a TaskReport) -> impl Iterator<Item = (&'a TaskId, &'a TaskReport)> {
        task.needs
            .iter()
            .filter_map(|need| Some((need, self.tasks.get(need)?)))
            .filter(|(_, need)| !matches!(need.stage, Stage::Ended(_)))
    }

    /// Commands that this rehearsal does not run, each with where it belongs.
    pub fn not_run(&self) -> Vec<(String, String)> {
        if self.place.as_ref().is_none_or(|place| place.kind != PlaceKind::ScratchWithoutChecks) {
            return Vec::new();
        }
        let mut found: IndexMap<&str, Vec<&str>> = IndexMap::new();
        for command in &self.setup {
            found.entry(command).or_default().push("setup");
        }
        for (id, task) in &self.tasks {
            for command in &task.checks {
                found.entry(command).or_default().push(id.as_str());
            }
        }
        for command in &self.merge_checks {
            found.entry(command).or_default().push("merge");
        }
        found.into_iter().map(|(command, whose)| (command.to_owned(), whose.join(", "))).collect()
    }

    /// How long it will take still, as the tasks' estimates have it: the longer of the longest path and the work
    /// shared by the slots. `None` where they say nothing any more.
    pub fn left(&self, now: WallTime) -> Option<Millis> {
        let mut ends: IndexMap<&TaskId, u64> = IndexMap::with_capacity(self.order.len());
        let (mut longest, mut work) = (0, 0_u64);
        for (id, task) in self.order.iter().filter_map(|index| self.tasks.get_index(*index)) {
            let ended = matches!(task.stage, Stage::Ended(_));
            let own = if ended || !task.counts() { 0 } else { task.estimate.saturating_sub(task.running_for(now)).0 };
            let before =
                task.needs.iter().chain(&task.parts).filter_map(|need| ends.get(need)).max().copied().unwrap_or(0);
            ends.insert(id, before.saturating_add(own));
            longest = longest.max(before.saturating_add(own));
            work = work.saturating_add(own);
        }
        let left = longest.max(work / u64::from(self.max.max(1)));
        (left > 0 && self.outcome.is_none()).then_some(Millis(left))
    }
}

/// A command as a person would type it.
pub fn command_text(command: &CommandLine) -> String {
    match command {
        CommandLine::Argv(argv) => Argv::Exec(argv.clone()).to_string(),
        CommandLine::Shell(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests;
