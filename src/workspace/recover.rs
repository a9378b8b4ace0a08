//! Salvaged work, found again: without the run's folder, as each commit says of itself whose it is.

use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::amount::WallTime;
use crate::name::{CommitId, RunId};
use crate::workspace::repository::Repository;
use crate::workspace::salvage::{DOT_GIT_ASIDE, SALVAGE_REFS};
use crate::workspace::{WorkspaceError, files};

/// Work that was saved, as it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalvagedWork {
    /// The ref that holds it.
    pub reference: String,
    /// The commit.
    pub commit: CommitId,
    /// Of which run.
    pub run: RunId,
    /// Of which task, as its path name where it does not say; empty for the merge worktree.
    pub task: String,
    /// Its number among those of the task.
    pub number: u32,
    /// Of which attempt, where it is known.
    pub attempt: Option<u32>,
    /// When it was saved.
    pub at: WallTime,
    /// What was about to happen, in words.
    pub why: String,
    /// How many files were unsaved; `None` for work that had been recorded and was replaced.
    pub files: Option<usize>,
}

impl SalvagedWork {
    /// Reads what git prints of one ref: name, commit, time and message, each ended by NUL. The message may be anybody's.
    pub fn parse(row: &str) -> Option<Self> {
        let mut fields = row.split('\0');
        let (reference, commit, at, message) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let path = reference.strip_prefix(SALVAGE_REFS)?.strip_prefix('/')?;
        let (run, rest) = path.split_once('/')?;
        let (task, number) = rest.rsplit_once('/')?;
        let said = |key: &str| {
            let start = format!("{key}: ");
            message.lines().rev().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
        };
        let saved = said("Ai-Sdlc-Saved");
        Some(Self {
            reference: reference.to_owned(),
            commit: CommitId::parse(commit).ok()?,
            run: RunId::parse(run).ok()?,
            task: said("Ai-Sdlc-Task").unwrap_or_else(|| task.to_owned()),
            number: number.parse().ok()?,
            attempt: said("Ai-Sdlc-Attempt").and_then(|attempt| attempt.parse().ok()),
            at: WallTime(at.parse::<i64>().ok()?.saturating_mul(1_000)),
            files: said("Ai-Sdlc-Files").and_then(|files| files.parse().ok()),
            why: saved.unwrap_or_else(|| "before another attempt took its branch".to_owned()),
        })
    }

    /// What it is called on the command line: its task, or its number among those of the task where there are several.
    pub fn name(&self) -> String {
        format!("{}/{}", if self.task.is_empty() { "integration" } else { &self.task }, self.number)
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Files.
    pub files: usize,
    /// Repositories that are whole again, from the folder's root.
    pub repositories: Vec<PathBuf>,
}

impl Repository {
    /// All that was salvaged of a run, or of all runs: the latest first.
    pub fn salvaged(&self, run: Option<&RunId>) -> Result<Vec<SalvagedWork>, WorkspaceError> {
        let below = run.map_or_else(|| format!("{SALVAGE_REFS}/"), |run| format!("{SALVAGE_REFS}/{run}/"));
        let format = "--format=%(refname)%00%(objectname)%00%(committerdate:unix)%00%(contents)%00%01";
        let printed = self.in_turn(|| self.shared(["for-each-ref", format, &below]).bytes())?;
        let text = String::from_utf8_lossy(&printed);
        let mut found: Vec<SalvagedWork> =
            text.split("\0\u{1}").filter_map(|row| SalvagedWork::parse(row.trim_start())).collect();
        found.sort_by(|a, b| (b.at, &a.run, &a.task, b.number).cmp(&(a.at, &b.run, &b.task, a.number)));
        Ok(found)
    }

    /// Writes salvaged work into a folder that is not there yet, or empty. Repositories in it are whole again.
    pub fn recover_to(&self, work: &SalvagedWork, folder: &Path) -> Result<Recovered, WorkspaceError> {
        if fs::read_dir(folder).map_or_else(|_| folder.symlink_metadata().is_ok(), |mut inside| inside.next().is_some())
        {
            return Err(WorkspaceError::Taken { path: folder.to_owned() });
        }
        fs::create_dir_all(folder).map_err(WorkspaceError::file("make", folder))?;
        // What was saved may name filters that came since: only those of the run's begin are run.
        let known = self.as_in_run(&work.run)?;
        let folder = folder.canonicalize().map_err(WorkspaceError::file("find", folder))?;
        let ours = self.common_dir().join("ai-sdlc");
        fs::create_dir_all(&ours).map_err(WorkspaceError::file("make", &ours))?;
        let index = files::free_name(&ours.join("recover"), "index");
        let call = |args: &[&str]| {
            let call =
                self.git().call(args).git_dir(self.common_dir()).work_tree(&folder).env("GIT_INDEX_FILE", &index);
            known.with_known_filters(self.common_dir(), call)?.run()
        };
        let done =
            call(&["read-tree", work.commit.as_str()]).and_then(|()| call(&["checkout-index", "--all", "--force"]));
        files::remove_file(&index)?;
        done?;
        self.made_whole(&folder)
    }

    /// Makes a branch at salvaged work; [`WorkspaceError::Raced`] where one of that name is there.
    pub fn recover_branch(&self, commit: &CommitId, branch: &str) -> Result<(), WorkspaceError> {
        self.shared(["check-ref-format", "--branch", branch]).run()?;
        self.move_ref(&format!("refs/heads/{branch}"), commit, None, "recover")
    }

    /// Gives git folders their name back; what git does not keep of them (empty folders) is made again.
    fn made_whole(&self, folder: &Path) -> Result<Recovered, WorkspaceError> {
        let (mut files, mut repositories) = (0, Vec::new());
        for entry in WalkDir::new(folder).sort_by_file_name().contents_first(true).into_iter().flatten() {
            let is_git = entry.file_name() == DOT_GIT_ASIDE && entry.file_type().is_dir();
            let in_git = entry.path().iter().any(|name| name == DOT_GIT_ASIDE);
            if !is_git {
                files += usize::from(!entry.file_type().is_dir() && !in_git);
                continue;
            }
            for needed in ["objects", "refs"] {
                let needed = entry.path().join(needed);
                fs::create_dir_all(&needed).map_err(WorkspaceError::file("make", needed))?;
            }
            // Of a submodule: it names the worktree that is gone.
            let config = entry.path().join("config");
            let unset = self.git().call(["config", "--unset", "core.worktree", "--file"]).arg(&config);
            unset.finish()?;
            let whole = entry.path().with_file_name(".git");
            fs::rename(entry.path(), &whole).map_err(WorkspaceError::file("rename", entry.path()))?;
            let place = whole.parent().and_then(|place| place.strip_prefix(folder).ok()).unwrap_or(folder);
            repositories.push(place.to_owned());
        }
        repositories.sort();
        Ok(Recovered { files, repositories })
    }
}
