//! Worktrees of attempts, and the one that merges are checked in: made, found again, listed.
//!
//! HEAD is always detached: branches are moved by compare-and-swap and never checked out here, so that no worktree
//! shows staged deletions. What the engine must know of a worktree is kept in a [`Record`] under the common git
//! folder, where neither `git worktree remove` nor `git clean` finds it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::amount::WallTime;
use crate::name::{Attempt, CommitId, RunId, TaskId};
use crate::workspace::clear::OUR_LOCK;
use crate::workspace::exchange::read_small;
use crate::workspace::git::{Call, GitError, path_of};
use crate::workspace::printed::{self, Head, LONGEST};
use crate::workspace::repository::Repository;
use crate::workspace::{WorkspaceError, files, read_bounded};

/// Longest path of a worktree, in bytes: what lies in it must fit into the system's 4096.
const MAX_PATH: usize = 1_024;

/// What a worktree is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorktreeOf {
    /// An attempt of a task.
    Attempt {
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: Attempt,
    },
    /// The run's one merge worktree.
    Merge,
}

impl WorktreeOf {
    /// Of an attempt.
    pub fn attempt(task: &TaskId, attempt: Attempt) -> Self {
        Self::Attempt { task: task.clone(), attempt }
    }

    /// Task and attempt, in words; empty where there is none.
    pub(crate) fn words(&self) -> (String, String) {
        match self {
            Self::Attempt { task, attempt } => (task.to_string(), attempt.to_string()),
            Self::Merge => (String::new(), String::new()),
        }
    }

    /// Its folder's name, one level whatever the task is a part of. What follows the last `-` is the attempt, so none
    /// can be taken for another's or for the merge worktree; no instance key has a `+`.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Attempt { task, attempt } => format!("{}-{attempt}", task.path_name().replace('/', "++")),
            Self::Merge => "integration".to_owned(),
        }
    }
}

/// A worktree to be made.
#[derive(Debug, Clone)]
pub struct WorktreeAsk<'a> {
    /// Where, mostly by [`Repository::worktree_path`].
    pub path: PathBuf,
    /// What it begins from.
    pub start: &'a CommitId,
    /// Of which run.
    pub run: &'a RunId,
    /// What for.
    pub of: WorktreeOf,
}

/// A worktree that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktree {
    /// Where it is.
    pub path: PathBuf,
    /// Its private git folder, as recorded when it was made.
    pub gitdir: PathBuf,
    /// The commit its work began from.
    pub base: CommitId,
    /// Of which run.
    pub run: RunId,
    /// What for.
    pub of: WorktreeOf,
    /// Where the engine keeps its record and its index.
    pub(crate) state: PathBuf,
}

/// What is remembered of a worktree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) path: PathBuf,
    /// `None` until it is whole: what has none is made again.
    pub(crate) gitdir: Option<PathBuf>,
    pub(crate) base: CommitId,
    pub(crate) run: RunId,
    pub(crate) of: WorktreeOf,
    /// Paths that the engine put there: never committed.
    pub(crate) ours: Vec<String>,
    /// Submodules of the base, and the commits it holds of them.
    pub(crate) submodules: Vec<(String, String)>,
    /// The tree of the last snapshot, or what was put back since: the engine's index holds it. `None` before the first.
    pub(crate) saved: Option<String>,
    /// What it was made ready with, once that came to its end.
    #[serde(default)]
    pub(crate) prepared: Option<String>,
}

impl Record {
    pub(crate) fn read(state: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(state.join("record.json")).ok()?).ok()
    }

    /// Written beside and renamed, so that it is always whole.
    pub(crate) fn write(&self, state: &Path) -> Result<(), WorkspaceError> {
        let path = state.join("record.json");
        let beside = state.join("record.json.new");
        let written = serde_json::to_vec(self).map_err(io::Error::from).and_then(|text| fs::write(&beside, text));
        written.and_then(|()| fs::rename(&beside, &path)).map_err(WorkspaceError::file("write", path))
    }

    /// Said before the engine's index changes: should this end halfway, nobody takes it for what it was.
    pub(crate) fn begin_indexing(&mut self, state: &Path) -> Result<(), WorkspaceError> {
        if self.saved.take().is_some() { self.write(state) } else { Ok(()) }
    }

    fn worktree(self, state: PathBuf) -> Option<Worktree> {
        let Self { path, gitdir, base, run, of, .. } = self;
        Some(Worktree { path, gitdir: gitdir?, base, run, of, state })
    }
}

impl Worktree {
    pub(crate) fn record(&self) -> Result<Record, WorkspaceError> {
        Record::read(&self.state).ok_or_else(|| WorkspaceError::Gone { path: self.path.clone() })
    }

    /// The engine's own index of it: the agent's is the agent's.
    pub(crate) fn index(&self) -> PathBuf {
        self.state.join("index")
    }

    /// Whether it was made ready with this, and that came to its end.
    pub fn is_prepared(&self, with: &str) -> bool {
        Record::read(&self.state).is_some_and(|record| record.prepared.as_deref() == Some(with))
    }

    /// Remembers that it was made ready with this.
    pub fn set_prepared(&self, with: &str) -> Result<(), WorkspaceError> {
        let mut record = self.record()?;
        record.prepared = Some(with.to_owned());
        record.write(&self.state)
    }

    /// The branch-safe words for messages: `task plan, attempt 2`.
    pub fn describe(&self) -> String {
        match &self.of {
            WorktreeOf::Attempt { task, attempt } => format!("task {task}, attempt {attempt}"),
            WorktreeOf::Merge => "merges".to_owned(),
        }
    }
}

impl Repository {
    /// Makes a worktree with a detached HEAD at `start`; finds it again where it is there and whole.
    pub fn add_worktree(&self, ask: &WorktreeAsk<'_>) -> Result<Worktree, WorkspaceError> {
        if ask.path.as_os_str().len() > MAX_PATH {
            return Err(WorkspaceError::TooLong { path: ask.path.clone() });
        }
        let path = settled(&ask.path)?;
        let state = self.state_dir(ask.run, &ask.of);
        if let Some(record) = Record::read(&state) {
            // Also where it would lie elsewhere today: work may be in it.
            if record.gitdir.is_some() && files::is_real_dir(&record.path) {
                return record.worktree(state).ok_or(WorkspaceError::Gone { path });
            }
            self.remove_half_made(&record, &state)?;
        }
        if path.symlink_metadata().is_ok() {
            return Err(WorkspaceError::Taken { path });
        }
        let record = Record {
            path,
            gitdir: None,
            base: ask.start.clone(),
            run: ask.run.clone(),
            of: ask.of.clone(),
            ours: Vec::new(),
            submodules: self.gitlinks(ask.start)?,
            saved: None,
            prepared: None,
        };
        self.make_worktree(record.clone(), &state).inspect_err(|_| {
            // Best effort: what stays is known as half made, and goes when it is asked for again.
            self.remove_half_made(&record, &state).ok();
        })
    }

    fn make_worktree(&self, mut record: Record, state: &Path) -> Result<Worktree, WorkspaceError> {
        fs::create_dir_all(state).map_err(WorkspaceError::file("make", state))?;
        record.write(state)?;
        let reason = format!("{OUR_LOCK} {}", record.run);
        // Registered first, filled afterwards: many can be filled at the same time.
        self.in_turn(|| {
            let add = ["worktree", "add", "--quiet", "--no-checkout", "--detach", "--lock", "--reason", &reason];
            self.here(add).arg(&record.path).arg(record.base.as_str()).run()
        })?;
        let gitdir = git_file_target(&record.path)?;
        let fill = self.git().call(["reset", "--quiet", "--hard", "--no-recurse-submodules"]);
        let fill = fill.git_dir(&gitdir).work_tree(&record.path);
        self.with_known_filters(&gitdir, fill)?.run()?;
        seed_index(&gitdir.join("index"), &state.join("index"))?;
        record.gitdir = Some(gitdir);
        record.write(state)?;
        let path = record.path.clone();
        record.worktree(state.to_owned()).ok_or(WorkspaceError::Gone { path })
    }

    /// The worktree of an attempt, or the merge worktree, if it was made.
    pub fn find_worktree(&self, run: &RunId, of: &WorktreeOf) -> Option<Worktree> {
        let state = self.state_dir(run, of);
        Record::read(&state)?.worktree(state)
    }

    /// All worktrees of a run, or of all runs, in order of run and task.
    pub fn list_worktrees(&self, run: Option<&RunId>) -> Vec<Worktree> {
        let states = match run {
            Some(run) => subfolders(&self.states().join(run.as_str())),
            None => self.all_states(),
        };
        states.into_iter().filter_map(|state| Record::read(&state)?.worktree(state)).collect()
    }

    /// Where all that is remembered of worktrees lies, also of such as were never whole.
    pub(crate) fn all_states(&self) -> Vec<PathBuf> {
        subfolders(&self.states()).iter().flat_map(|run| subfolders(run)).collect()
    }

    fn states(&self) -> PathBuf {
        self.common_dir().join("ai-sdlc").join("worktrees")
    }

    fn state_dir(&self, run: &RunId, of: &WorktreeOf) -> PathBuf {
        self.states().join(run.as_str()).join(of.label())
    }

    /// Removes what a `worktree add` left that did not come to its end, or whose folder somebody deleted.
    pub(crate) fn remove_half_made(&self, record: &Record, state: &Path) -> Result<(), WorkspaceError> {
        if record.path.symlink_metadata().is_ok() {
            fs::remove_dir_all(&record.path).map_err(WorkspaceError::file("remove", &record.path))?;
        }
        for gitdir in self.private_git_dirs(&record.path) {
            self.remove_git_dir(&gitdir)?;
        }
        fs::remove_dir_all(state).map_err(WorkspaceError::file("remove", state))
    }

    /// The private git folders that say they belong to a worktree at this path.
    pub(crate) fn private_git_dirs(&self, path: &Path) -> Vec<PathBuf> {
        let wanted = path.join(".git");
        let claims = |dir: &PathBuf| {
            let text = read_bounded(&dir.join("gitdir"), LONGEST);
            text.is_some_and(|text| path_of(text.strip_suffix(b"\n").unwrap_or(&text)) == wanted)
        };
        subfolders(&self.common_dir().join("worktrees")).into_iter().filter(claims).collect()
    }

    /// Removes a worktree's private git folder: what `git worktree remove` does once the files are gone.
    pub(crate) fn remove_git_dir(&self, gitdir: &Path) -> Result<(), WorkspaceError> {
        let worktrees = self.common_dir().join("worktrees");
        let Some(name) = gitdir.file_name().filter(|_| gitdir.parent() == Some(&worktrees)) else {
            return Err(WorkspaceError::Unsafe { path: gitdir.display().to_string() });
        };
        // Out of the list in one step, so that no git sees a half of it.
        let aside = files::free_name(&self.common_dir().join("ai-sdlc").join(name), "removed");
        let turn = self.turn()?;
        match fs::rename(gitdir, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(WorkspaceError::file("remove", gitdir)(error)),
            Ok(()) => {
                // As git does: the folder goes with its last worktree, and stays (not empty) before that.
                fs::remove_dir(&worktrees).ok();
                drop(turn);
                fs::remove_dir_all(&aside).map_err(WorkspaceError::file("remove", &aside))
            }
        }
    }

    /// Begins a call on a worktree's files, with the engine's index, whatever the worktree says of itself.
    pub(crate) fn inside<const N: usize>(&self, worktree: &Worktree, args: [&str; N]) -> Result<Call<'_>, GitError> {
        let call = self.git().call(args).git_dir(&worktree.gitdir).work_tree(&worktree.path);
        let call = call.env("GIT_COMMON_DIR", self.common_dir()).env("GIT_INDEX_FILE", worktree.index());
        self.with_known_filters(&worktree.gitdir, call)
    }

    /// Mends what an agent may have broken: the private git folder, its HEAD, the `.git` file, our stale lock.
    pub(crate) fn mend(&self, worktree: &Worktree) -> Result<Vec<String>, WorkspaceError> {
        if !files::is_real_dir(&worktree.path) {
            return Err(WorkspaceError::Gone { path: worktree.path.clone() });
        }
        let mut notes = Vec::new();
        let Worktree { gitdir, base, .. } = worktree;
        let write = |name: &str, text: String| {
            fs::write(gitdir.join(name), text).map_err(WorkspaceError::file("write", gitdir.join(name)))
        };
        if !files::is_real_dir(gitdir) {
            fs::create_dir_all(gitdir).map_err(WorkspaceError::file("make", gitdir))?;
            write("commondir", "../..\n".to_owned())?;
            write("gitdir", format!("{}\n", worktree.path.join(".git").display()))?;
            write("locked", format!("{OUR_LOCK} {}\n", worktree.run))?;
            notes.push("the worktree's git folder had been removed; it was made again".to_owned());
        }
        let head = read_small(&gitdir.join("HEAD")).and_then(|head| printed::head(&head));
        let is_good = head.is_some_and(|head| match head {
            Head::Ref(name) => name.starts_with("refs/"),
            Head::Commit(_) => true,
        });
        if !is_good {
            files::remove_file(&gitdir.join("HEAD"))?;
            write("HEAD", format!("{base}\n"))?;
        }
        if git_file_target(&worktree.path).ok().as_ref() != Some(gitdir) {
            files::replace_git_file(worktree)?;
            notes.push("the worktree's `.git` had been changed; it was put back".to_owned());
        }
        files::remove_file(&worktree.state.join("index.lock"))?;
        if !worktree.index().is_file() {
            self.inside(worktree, ["read-tree", base.as_str()])?.run()?;
        }
        Ok(notes)
    }

    /// The tree of a commit.
    pub(crate) fn tree_of(&self, commit: &str) -> Result<String, GitError> {
        self.shared(["rev-parse", "--verify"]).arg(format!("{commit}^{{tree}}")).text()
    }
}

/// When a worktree was last recorded, by what the engine keeps of it; when any other folder was changed. That somebody
/// looks at it changes nothing.
pub(crate) fn touched(folder: &Path) -> WallTime {
    let kept = ["record.json", "index"].map(|name| folder.join(name));
    let modified = |path: &PathBuf| fs::symlink_metadata(path).ok()?.modified().ok();
    let last = kept.iter().filter_map(modified).max().or_else(|| modified(&folder.to_owned()));
    let since = last.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    WallTime(since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0))
}

/// The path with its parent made, and without symbolic links in it: as git will record it.
fn settled(path: &Path) -> Result<PathBuf, WorkspaceError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(WorkspaceError::Unsafe { path: path.display().to_string() });
    };
    fs::create_dir_all(parent).map_err(WorkspaceError::file("make", parent))?;
    Ok(parent.canonicalize().map_err(WorkspaceError::file("find", parent))?.join(name))
}

/// Where a worktree's `.git` file points.
fn git_file_target(path: &Path) -> Result<PathBuf, WorkspaceError> {
    let file = path.join(".git");
    let meta = file.symlink_metadata().map_err(WorkspaceError::file("read", &file))?;
    if !meta.is_file() {
        return Err(WorkspaceError::Unsafe { path: file.display().to_string() });
    }
    let unread = || WorkspaceError::Unsafe { path: file.display().to_string() };
    let target = path.join(printed::git_file(&read_bounded(&file, LONGEST).ok_or_else(unread)?));
    target.canonicalize().map_err(WorkspaceError::file("read", target))
}

/// Copies an index with its time, which git compares with those of the files.
pub(crate) fn seed_index(from: &Path, to: &Path) -> Result<(), WorkspaceError> {
    let copy = || -> io::Result<()> {
        fs::copy(from, to)?;
        let written = fs::metadata(from)?.modified()?;
        fs::File::options().write(true).open(to)?.set_modified(written)
    };
    copy().map_err(WorkspaceError::file("copy", from))
}

pub(crate) fn subfolders(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| files::is_real_dir(path)).collect();
    found.sort();
    found
}
