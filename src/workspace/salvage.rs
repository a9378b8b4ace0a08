//! Nothing unsaved is lost: before a worktree goes, what is in it and in no snapshot is kept under a ref of its own.
//!
//! Nested repositories are kept whole: their `.git` is renamed while git looks, so that it sees plain files.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::amount::WallTime;
use crate::kernel::event::KeepWorkspace;
use crate::name::{CommitId, RunId};
use crate::workspace::repository::{Identity, NewCommit, Repository, message};
use crate::workspace::snapshot::SESSION_DIR;
use crate::workspace::worktree::{Worktree, WorktreeOf, seed_index};
use crate::workspace::{WorkspaceError, files};

/// Name of a nested repository's `.git` in a salvaged tree.
const DOT_GIT_ASIDE: &str = "dot-git.salvaged";

/// In the names of worktrees that were removed and are not deleted yet.
const TRASH: &str = ".trash-";

/// Work that was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvaged {
    /// The ref that holds it.
    pub reference: String,
    /// What it holds.
    pub commit: CommitId,
}

/// A worktree that is no longer used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Unsaved work found in it, now saved.
    pub salvaged: Option<Salvaged>,
    /// Where it still is, if it was to be kept.
    pub kept: Option<PathBuf>,
    /// What is left of it under another name, for [`delete_trash`]: deleting takes long, renaming does not.
    pub trash: Option<PathBuf>,
}

impl Repository {
    /// Deletes what an engine that died had renamed and not deleted yet.
    pub fn delete_left_trash(&self, root: &Path, run: &RunId) {
        let folder = self.worktree_path(root, run, &WorktreeOf::Merge);
        let beside = folder.parent().and_then(|folder| fs::read_dir(folder).ok());
        for entry in beside.into_iter().flatten().flatten() {
            let is_trash = entry.file_name().to_str().is_some_and(|name| name.starts_with('.') && name.contains(TRASH));
            if is_trash && let Err(error) = delete_trash(&entry.path()) {
                tracing::warn!(%error, "a removed worktree could not be deleted");
            }
        }
    }

    /// Saves what is in a worktree and in no snapshot to `refs/ai-sdlc/salvage/<run>/<task>/<n>`; `None` where all is
    /// saved. What git ignores, and what the engine put there, is not work.
    pub fn salvage(
        &self,
        worktree: &Worktree,
        identity: &Identity,
        at: WallTime,
    ) -> Result<Option<Salvaged>, WorkspaceError> {
        self.mend(worktree)?;
        let record = worktree.record()?;
        let base = self.tree_of(worktree.base.as_str())?;
        let saved = record.saved.as_deref().unwrap_or(&base);
        let index = worktree.state.join("salvage-index");
        files::remove_file(&worktree.state.join("salvage-index.lock"))?;
        seed_index(&worktree.index(), &index)?;
        let mut tree = self.take(worktree, &index, &record.ours)?.tree;
        let nested = self.nested_repositories(worktree, &index, &record.ours)?;
        if !nested.is_empty() {
            tree = with_nested_aside(worktree, &nested, || self.add_nested(worktree, &index, &nested))??;
        }
        files::remove_file(&index)?;
        let own = self.own_commit(worktree, &[saved, &tree])?;
        if tree == saved && own.is_none() {
            return Ok(None);
        }
        let parents: Vec<&CommitId> = [Some(&worktree.base), own.as_ref()].into_iter().flatten().collect();
        let title = format!("Unsaved work of {}", worktree.describe());
        let text = message(&title, &[("Ai-Sdlc-Run", worktree.run.as_str())]);
        let new = NewCommit { tree: &tree, parents: &parents, message: &text, identity, at };
        let commit = self.write_commit(&new)?;
        self.keep_salvage(worktree, commit).map(Some)
    }

    /// A commit that the agent made and whose tree is nowhere else.
    fn own_commit(&self, worktree: &Worktree, known: &[&str]) -> Result<Option<CommitId>, WorkspaceError> {
        let head = self.inside(worktree, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?.finish()?;
        let head = CommitId::parse(String::from_utf8_lossy(&head.stdout).trim()).ok();
        let Some(head) = head.filter(|head| *head != worktree.base) else { return Ok(None) };
        Ok((!known.contains(&self.tree_of(head.as_str())?.as_str())).then_some(head))
    }

    fn keep_salvage(&self, worktree: &Worktree, commit: CommitId) -> Result<Salvaged, WorkspaceError> {
        let whose = match &worktree.of {
            WorktreeOf::Attempt { task, .. } => task.path_name(),
            WorktreeOf::Merge => "integration".to_owned(),
        };
        let mut n: u32 = 1;
        loop {
            let reference = format!("refs/ai-sdlc/salvage/{}/{whose}/{n}", worktree.run);
            match self.ref_tip(&reference)? {
                Some(held) if held == commit => return Ok(Salvaged { reference, commit }),
                Some(_) => {}
                None => match self.move_ref(&reference, &commit, None, "salvage") {
                    Ok(()) => return Ok(Salvaged { reference, commit }),
                    Err(WorkspaceError::Raced { .. }) => {}
                    Err(error) => return Err(error),
                },
            }
            n = n.saturating_add(1);
        }
    }

    /// Untracked repositories in a worktree.
    fn nested_repositories(
        &self,
        worktree: &Worktree,
        index: &Path,
        excluded: &[String],
    ) -> Result<Vec<PathBuf>, WorkspaceError> {
        let untracked = self.untracked(worktree, index, excluded)?;
        Ok(untracked
            .into_iter()
            .filter(|path| worktree.path.join(path).join(".git").symlink_metadata().is_ok())
            .collect())
    }

    fn add_nested(&self, worktree: &Worktree, index: &Path, nested: &[PathBuf]) -> Result<String, WorkspaceError> {
        // Forced: ignore rules are for source files, not for what lies in a git folder.
        let mut call = self.inside(worktree, ["add", "--all", "--force", "--"])?.env("GIT_INDEX_FILE", index);
        for path in nested {
            call = call.arg(format!(":(top,literal){}", path.display()));
        }
        call.arg(format!(":(top,exclude,literal){SESSION_DIR}")).run()?;
        Ok(self.inside(worktree, ["write-tree"])?.env("GIT_INDEX_FILE", index).text()?)
    }

    /// Keeps a worktree as it is; or salvages what is unsaved, then takes it away: its files under another name at
    /// once, to be deleted later.
    pub fn close(
        &self,
        worktree: &Worktree,
        keep: KeepWorkspace,
        identity: &Identity,
        at: WallTime,
    ) -> Result<Closed, WorkspaceError> {
        let is_there = files::is_real_dir(&worktree.path);
        if keep == KeepWorkspace::Keep {
            let kept = is_there.then(|| worktree.path.clone());
            return Ok(Closed { salvaged: None, kept, trash: None });
        }
        let salvaged = if is_there { self.salvage(worktree, identity, at)? } else { None };
        let mut trash = None;
        if worktree.path.symlink_metadata().is_ok() {
            let aside = files::free_name(&worktree.path, "trash");
            fs::rename(&worktree.path, &aside).map_err(WorkspaceError::file("rename", &worktree.path))?;
            trash = Some(aside);
        }
        self.remove_git_dir(&worktree.gitdir)?;
        match fs::remove_dir_all(&worktree.state) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(WorkspaceError::file("remove", &worktree.state)(error));
            }
            Ok(()) | Err(_) => {}
        }
        if let Some(run) = worktree.state.parent() {
            // The run's folder goes with its last worktree, and stays (not empty) before that.
            fs::remove_dir(run).ok();
        }
        Ok(Closed { salvaged, kept: None, trash })
    }
}

/// Deletes what [`Repository::close`] renamed, and the folders above that are empty without it. Folders without
/// permission to write (module caches) do not stop it.
pub fn delete_trash(trash: &Path) -> Result<(), WorkspaceError> {
    if fs::remove_dir_all(trash).is_err() && trash.symlink_metadata().is_ok() {
        for entry in WalkDir::new(trash).into_iter().flatten().filter(|entry| entry.file_type().is_dir()) {
            // What cannot be opened up is told by the second try.
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o700)).ok();
        }
        fs::remove_dir_all(trash).map_err(WorkspaceError::file("remove", trash))?;
    }
    // The folders of run and repository go when they are empty.
    for above in trash.ancestors().skip(1).take(2) {
        if fs::remove_dir(above).is_err() {
            break;
        }
    }
    Ok(())
}

/// Runs something while the `.git` of nested repositories has another name.
fn with_nested_aside<T>(
    worktree: &Worktree,
    nested: &[PathBuf],
    doing: impl FnOnce() -> T,
) -> Result<T, WorkspaceError> {
    let places: Vec<(PathBuf, PathBuf)> = nested
        .iter()
        .flat_map(|path| WalkDir::new(worktree.path.join(path)).into_iter().flatten())
        .filter(|entry| entry.file_name() == ".git")
        .map(|entry| (entry.path().to_owned(), entry.path().with_file_name(DOT_GIT_ASIDE)))
        .collect();
    let mut moved = Vec::new();
    let mut outcome = Ok(());
    // The innermost first, so that every path is still true when its turn comes.
    for (from, to) in places.iter().rev() {
        if let Err(error) = fs::rename(from, to) {
            outcome = Err(WorkspaceError::file("rename", from)(error));
            break;
        }
        moved.push((from, to));
    }
    let done = outcome.map(|()| doing());
    for (from, to) in moved.into_iter().rev() {
        fs::rename(to, from).map_err(WorkspaceError::file("rename", to))?;
    }
    done
}
