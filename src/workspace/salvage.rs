//! Nothing unsaved is lost: before a worktree goes, what is in it and in no snapshot is kept under a ref of its own.
//!
//! Repositories inside of a worktree are kept whole, files and git folder. What git ignores is not work, nor is what
//! checks, reviewers and merge checks change: that is told and thrown away. Stashes are refs of the repository that all
//! worktrees share, and stay there.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::amount::WallTime;
use crate::kernel::event::KeepWorkspace;
use crate::name::{CommitId, RunId};
use crate::workspace::clear::trash_in;
use crate::workspace::exchange::read_small;
use crate::workspace::git::nul_separated;
use crate::workspace::repository::{Identity, NewCommit, Repository, message};
use crate::workspace::worktree::{Worktree, WorktreeOf, seed_index};
use crate::workspace::{WorkspaceError, files};

/// Where salvaged work is, by run, task and number.
pub(crate) const SALVAGE_REFS: &str = "refs/ai-sdlc/salvage";

/// Name of an inner repository's `.git` in a salvaged tree.
pub(crate) const DOT_GIT_ASIDE: &str = "dot-git.salvaged";

/// In the names of worktrees that were removed and are not deleted yet.
pub(crate) const TRASH: &str = ".trash-";

/// Work that was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvaged {
    /// The ref that holds it.
    pub reference: String,
    /// What it holds.
    pub commit: CommitId,
}

/// What was about to happen to a worktree when its unsaved work was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SalvageWhy {
    /// It goes.
    Removal,
    /// Another session begins in it, after one that was cut off.
    NextSession,
    /// It is put back to what was recorded, after an engine that died.
    PuttingBack,
}

impl SalvageWhy {
    /// For people, after "saved".
    pub fn words(self) -> &'static str {
        match self {
            Self::Removal => "before its worktree was removed",
            Self::NextSession => "before the next session in its worktree",
            Self::PuttingBack => "before its worktree was put back to what was recorded",
        }
    }
}

/// What is in a worktree and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaved {
    /// All its files.
    pub(crate) tree: String,
    /// Commits that no ref holds.
    pub commits: Vec<CommitId>,
    /// Files that differ from what was recorded last.
    pub files: usize,
}

impl Unsaved {
    /// In words: `3 files, 1 commit`.
    pub fn words(&self) -> String {
        let count = |n: usize, what: &str| match n {
            0 => None,
            1 => Some(format!("1 {what}")),
            n => Some(format!("{n} {what}s")),
        };
        let parts = [count(self.files, "file"), count(self.commits.len(), "commit")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "a repository in it".to_owned() } else { parts.join(" and ") }
    }
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
        for trash in folder.parent().map(trash_in).unwrap_or_default() {
            if let Err(error) = delete_trash(&trash) {
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
        self.salvage_before(SalvageWhy::Removal, worktree, (identity, at))
    }

    /// The same, with what was about to happen to the worktree.
    pub fn salvage_before(
        &self,
        why: SalvageWhy,
        worktree: &Worktree,
        by: (&Identity, WallTime),
    ) -> Result<Option<Salvaged>, WorkspaceError> {
        self.mend(worktree)?;
        let Some(unsaved) = self.unsaved(worktree)? else { return Ok(None) };
        let (identity, at) = by;
        let parents: Vec<&CommitId> = std::iter::once(&worktree.base).chain(&unsaved.commits).collect();
        let title = format!("Unsaved work of {}", worktree.describe());
        let (task, attempt) = worktree.of.words();
        let files = unsaved.files.to_string();
        let trailers = [
            ("Ai-Sdlc-Run", worktree.run.as_str()),
            ("Ai-Sdlc-Task", task.as_str()),
            ("Ai-Sdlc-Attempt", attempt.as_str()),
            ("Ai-Sdlc-Saved", why.words()),
            ("Ai-Sdlc-Files", files.as_str()),
        ];
        let trailers: Vec<(&str, &str)> = trailers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let text = message(&title, &trailers);
        let new = NewCommit { tree: &unsaved.tree, parents: &parents, message: &text, identity, at };
        let commit = self.write_commit(&new)?;
        self.keep_salvage(worktree, commit).map(Some)
    }

    /// What is in a worktree and in no snapshot and no salvage yet. Changes nothing in the worktree.
    pub fn unsaved(&self, worktree: &Worktree) -> Result<Option<Unsaved>, WorkspaceError> {
        self.as_in_run(&worktree.run)?.look_for_unsaved(worktree)
    }

    fn look_for_unsaved(&self, worktree: &Worktree) -> Result<Option<Unsaved>, WorkspaceError> {
        if !files::is_real_dir(&worktree.path) || !files::is_real_dir(&worktree.gitdir) {
            return Err(WorkspaceError::Gone { path: worktree.path.clone() });
        }
        let record = worktree.record()?;
        let base = self.tree_of(worktree.base.as_str())?;
        let saved = record.saved.as_deref().unwrap_or(&base);
        let index = worktree.state.join("salvage-index");
        files::remove_file(&worktree.state.join("salvage-index.lock"))?;
        match seed_index(&worktree.index(), &index) {
            Ok(()) => {}
            Err(_) => self.inside(worktree, ["read-tree", saved])?.env("GIT_INDEX_FILE", &index).run()?,
        }
        let taken = self.take(worktree, &index, &record.ours)?.tree;
        let tree = self.with_inner_repositories(worktree, &index, &record.ours)?.unwrap_or(taken);
        files::remove_file(&index)?;
        let commits = self.own_commits(worktree, &[saved, &tree])?;
        if (tree == saved && commits.is_empty()) || self.is_salvaged(worktree, &tree, &commits)? {
            return Ok(None);
        }
        let changed =
            self.shared(["diff-tree", "-r", "-z", "--name-only", "--no-renames"]).arg(saved).arg(&tree).bytes()?;
        let is_inner = |path: &&[u8]| path.windows(DOT_GIT_ASIDE.len()).any(|part| part == DOT_GIT_ASIDE.as_bytes());
        let files = nul_separated(&changed).filter(|path| !is_inner(path)).count();
        Ok(Some(Unsaved { tree, commits, files }))
    }

    /// Commits that the agent made, or was about to lose in the middle of a rebase or merge, that no ref holds and whose
    /// trees are not saved.
    fn own_commits(&self, worktree: &Worktree, known: &[&str]) -> Result<Vec<CommitId>, WorkspaceError> {
        let head = self.inside(worktree, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?.finish()?;
        let head = String::from_utf8_lossy(&head.stdout).into_owned();
        let aside = ["rebase-merge/orig-head", "rebase-apply/orig-head", "MERGE_HEAD", "CHERRY_PICK_HEAD"];
        let aside = aside.iter().filter_map(|name| read_small(&worktree.gitdir.join(name)));
        let mut own: Vec<CommitId> = Vec::new();
        for text in std::iter::once(head).chain(aside) {
            let commit = text.lines().next().and_then(|line| CommitId::parse(line.trim()).ok());
            let Some(commit) = commit.filter(|commit| *commit != worktree.base && !own.contains(commit)) else {
                continue;
            };
            // A name that an agent wrote need not be a commit.
            let Ok(tree) = self.tree_of(commit.as_str()) else { continue };
            if !known.contains(&tree.as_str()) && !self.is_held(&commit)? {
                own.push(commit);
            }
        }
        Ok(own)
    }

    /// Whether some ref leads to a commit.
    pub(crate) fn is_held(&self, commit: &CommitId) -> Result<bool, WorkspaceError> {
        let refs = self.in_turn(|| {
            self.shared(["for-each-ref", "--count=1", "--format=%(refname)", "--contains", commit.as_str()]).text()
        })?;
        Ok(!refs.is_empty())
    }

    /// Whether this was saved before.
    fn is_salvaged(&self, worktree: &Worktree, tree: &str, commits: &[CommitId]) -> Result<bool, WorkspaceError> {
        let below = format!("{}/", salvage_refs(worktree));
        let printed = self.shared(["for-each-ref", "--format=%(tree) %(parent)", &below]).text()?;
        Ok(printed.lines().any(|line| {
            let mut ids = line.split(' ');
            ids.next() == Some(tree) && {
                let parents: Vec<&str> = ids.skip(1).collect();
                commits.iter().all(|commit| parents.contains(&commit.as_str()))
            }
        }))
    }

    fn keep_salvage(&self, worktree: &Worktree, commit: CommitId) -> Result<Salvaged, WorkspaceError> {
        let below = salvage_refs(worktree);
        let mut n: u32 = 1;
        loop {
            let reference = format!("{below}/{n}");
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

    /// Keeps the recorded work of an attempt that another attempt, which does not go on from it, takes the branch of.
    pub(crate) fn keep_replaced(&self, worktree: &Worktree, old: &CommitId) -> Result<(), WorkspaceError> {
        self.keep_salvage(worktree, old.clone()).map(|_| ())
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
        // In the merge worktree nobody works: what merge checks left in it goes.
        let is_work = is_there && worktree.of != WorktreeOf::Merge;
        let salvaged = if is_work { self.salvage(worktree, identity, at)? } else { None };
        let mut trash = None;
        if worktree.path.symlink_metadata().is_ok() {
            let aside = files::free_name(&worktree.path, "trash");
            fs::rename(&worktree.path, &aside).map_err(WorkspaceError::file("rename", &worktree.path))?;
            trash = Some(aside);
        }
        for replaced in files::replaced_git(&worktree.path) {
            fs::rename(&replaced, files::free_name(&worktree.path, "trash"))
                .map_err(WorkspaceError::file("rename", &replaced))?;
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

/// The folder of refs that hold what was salvaged of a worktree.
fn salvage_refs(worktree: &Worktree) -> String {
    let whose = match &worktree.of {
        WorktreeOf::Attempt { task, .. } => task.path_name(),
        WorktreeOf::Merge => "integration".to_owned(),
    };
    format!("{SALVAGE_REFS}/{}/{whose}", worktree.run)
}
