//! What `run recover`, `run cleanup`, `worktree list` and `story list` print with `--json`, as it is published.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::story_runs::How;
use crate::name::{Attempt, CommitId, StoryId, TaskId};
use crate::story::Status;

/// What `run recover --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RecoverDocument {
    /// Always `ai-sdlc/recover/1`.
    pub(super) schema: &'static str,
    /// Of which run; `null`: of all.
    pub(super) run: Option<String>,
    /// Work that was saved before its worktree was used again or removed, the latest first.
    pub(super) salvaged: Vec<Salvaged>,
    /// Kept worktrees with work that is saved nowhere else.
    pub(super) unsaved: Vec<Kept>,
}

/// Work that was saved.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Salvaged {
    /// Of which run.
    pub(super) run: String,
    /// Of which task; empty for the worktree of merges.
    pub(super) task: String,
    /// Its number among those of the task.
    pub(super) number: u32,
    /// What it is called on the command line.
    pub(super) name: String,
    /// Of which attempt, where it is known.
    pub(super) attempt: Option<u32>,
    /// When it was saved.
    pub(super) at: String,
    /// What was about to happen, in words.
    pub(super) why: String,
    /// How many files were unsaved; `null` for work that had been recorded and was replaced.
    pub(super) files: Option<usize>,
    /// The commit that holds it.
    pub(super) commit: CommitId,
    /// The ref that holds it.
    #[serde(rename = "ref")]
    pub(super) reference: String,
    /// What gives it back.
    pub(super) command: String,
}

/// A kept worktree.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Kept {
    /// Of which run.
    pub(super) run: String,
    /// Of what, in words.
    pub(super) of: String,
    /// Where it is.
    pub(super) path: String,
    /// How many files are unsaved.
    pub(super) files: Option<usize>,
    /// How many commits no ref holds.
    pub(super) commits: Option<usize>,
    /// Why that cannot be told.
    pub(super) unknown: Option<String>,
}

/// What `run cleanup --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CleanupDocument {
    /// Always `ai-sdlc/cleanup/1`.
    pub(super) schema: &'static str,
    /// Whether nothing was to be removed.
    pub(super) dry_run: bool,
    /// All that was looked at.
    pub(super) items: Vec<CleanupItem>,
}

/// Something that a run left behind.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CleanupItem {
    /// What it is, in a word.
    pub(super) what: &'static str,
    /// Of which run.
    pub(super) run: Option<String>,
    /// Its name.
    pub(super) name: String,
    /// Where it is.
    pub(super) place: String,
    /// How much room it takes.
    pub(super) bytes: u64,
    /// When somebody used it last.
    pub(super) used: String,
    /// Whether it goes.
    pub(super) goes: bool,
    /// Why it stays.
    pub(super) why: Option<String>,
    /// What would free it.
    pub(super) free: Option<String>,
    /// Whether it is gone; `null`: it was not to be removed.
    pub(super) gone: Option<bool>,
    /// What holds the work that was unsaved in it.
    pub(super) salvaged: Option<String>,
    /// Why it could not be removed.
    pub(super) failed: Option<String>,
}

/// What `worktree list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WorktreesDocument {
    /// Always `ai-sdlc/worktrees/1`.
    pub(super) schema: &'static str,
    /// All worktrees of runs in this repository.
    pub(super) worktrees: Vec<ListedWorktree>,
}

/// One worktree.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ListedWorktree {
    /// Where it is.
    pub(super) path: String,
    /// Of which run.
    pub(super) run: String,
    /// Of which task; `null` for the worktree of merges.
    pub(super) task: Option<TaskId>,
    /// Of which attempt.
    pub(super) attempt: Option<Attempt>,
    /// How its run stands.
    pub(super) state: RunState,
    /// The same in words.
    pub(super) standing: String,
    /// How much room it takes.
    pub(super) bytes: u64,
    /// When somebody used it last.
    pub(super) used: String,
    /// How many files are unsaved; `null` where that cannot be told.
    pub(super) unsaved_files: Option<usize>,
    /// How many commits no ref holds.
    pub(super) unsaved_commits: usize,
    /// Why that cannot be told.
    pub(super) unsaved_unknown: Option<String>,
    /// Who works in it.
    pub(super) processes: Vec<AtWork>,
}

/// How the run of a worktree stands.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RunState {
    /// An engine drives it.
    Live,
    /// It can be gone on with.
    CanGoOn,
    /// It is over.
    Over,
    /// Its folder is gone.
    Gone,
}

/// A process in a worktree.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AtWork {
    /// Its id.
    pub(super) pid: u32,
    /// Its name.
    pub(super) name: String,
}

/// What `story list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StoriesDocument {
    /// Always `ai-sdlc/stories/1`.
    pub(super) schema: &'static str,
    /// Whether no file has an error; where one has, its story may be missing here.
    pub(super) sound: bool,
    /// The stories, in the order in which they would be run.
    pub(super) stories: Vec<ListedStory>,
}

/// One story.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ListedStory {
    /// Its id.
    pub(super) id: StoryId,
    /// What it is about.
    pub(super) title: String,
    /// Its file.
    pub(super) file: String,
    /// How far it is, by its file.
    pub(super) status: Status,
    /// Larger first.
    pub(super) priority: i32,
    /// The stories that must be done before it.
    pub(super) dependencies: Vec<StoryId>,
    /// Of these, the ones that are not done.
    pub(super) waits_for: Vec<StoryId>,
    /// What must be so when it is done.
    pub(super) criteria: Vec<ListedCriterion>,
    /// What the latest run that has something to say of it says; `null`: none has.
    pub(super) run: Option<StoryRunSays>,
}

/// One acceptance criterion.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ListedCriterion {
    /// Its place among them, from 1.
    pub(super) number: usize,
    /// What must be so.
    pub(super) text: String,
    /// Whether its box is ticked.
    pub(super) met: bool,
}

/// What a run says of a story.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StoryRunSays {
    /// Which run.
    pub(super) run: String,
    /// How the story stands in it.
    pub(super) state: How,
    /// The same in words, with what to do.
    pub(super) words: String,
}
