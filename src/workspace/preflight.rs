//! What is looked at before a run begins: everything that would make it fail later is refused now, with a remedy.

use std::path::Path;

use crate::name::CommitId;
use crate::workspace::WorkspaceError;
use crate::workspace::git::{GitError, GitVersion, nul_separated};
use crate::workspace::repository::Repository;

/// What a run will need of the repository.
#[derive(Debug, Clone, Copy, Default)]
pub struct PreflightAsk<'a> {
    /// The branch that will be moved, if any.
    pub into: Option<&'a str>,
    /// Where worktrees will lie.
    pub root: Option<&'a Path>,
}

/// What was found, where nothing speaks against a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The commit the person stands on.
    pub head: CommitId,
    /// The branch the person stands on; `None` with a detached HEAD.
    pub branch: Option<String>,
    /// How many changed or untracked files of the person are in no commit, and so in no task's worktree.
    pub uncommitted: usize,
    /// Worth telling.
    pub notes: Vec<String>,
}

/// Why a run cannot begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Refusal {
    fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

impl From<GitError> for Refusal {
    fn from(error: GitError) -> Self {
        Self::new(error.to_string(), "run the command by hand to see more")
    }
}

impl From<WorkspaceError> for Refusal {
    fn from(error: WorkspaceError) -> Self {
        Self::new(error.to_string(), "put that right, then try again")
    }
}

impl Repository {
    /// Looks at everything and tells all that is wrong at once.
    pub fn preflight(&self, ask: &PreflightAsk<'_>) -> Result<Preflight, Vec<Refusal>> {
        let head = self.resolve("HEAD").map_err(|_| vec![self.without_commit()])?;
        let mut refusals = Vec::new();
        let mut notes = Vec::new();
        let mut uncommitted = 0;
        if let Err(refusal) = self.openable(&mut notes) {
            refusals.push(refusal);
        }
        match self.uncommitted() {
            Ok(count) => uncommitted = count,
            Err(error) => refusals.push(error.into()),
        }
        if let Some(into) = ask.into
            && let Err(refusal) = self.deliverable(into)
        {
            refusals.push(refusal);
        }
        if let (Some(root), Some(checkout)) = (ask.root, self.checkout())
            && root.starts_with(checkout)
        {
            refusals.push(Refusal::new(
                format!("`[workspace] root` is `{}`, inside the checkout", root.display()),
                "name a folder outside of the repository, or leave it out",
            ));
        }
        let branch = self.current_branch().map_err(|error| vec![error.into()])?;
        if refusals.is_empty() { Ok(Preflight { head, branch, uncommitted, notes }) } else { Err(refusals) }
    }

    fn without_commit(&self) -> Refusal {
        let place = self.checkout().unwrap_or(self.common_dir()).display();
        let remedy = match self.checkout() {
            Some(_) => format!("make one: `git -C {place} commit --allow-empty -m \"First commit\"`"),
            None => format!("it is bare: push a branch to {place}, or name a checkout with `-C`"),
        };
        Refusal::new("the repository has no commit yet, so there is nothing that a worktree could begin from", remedy)
    }

    /// Extensions and clone kinds: told or refused.
    fn openable(&self, notes: &mut Vec<String>) -> Result<(), Refusal> {
        if self.git_dir().join("shallow").is_file() || self.common_dir().join("shallow").is_file() {
            notes.push("this is a shallow clone: history before its boundary is not there to be merged".to_owned());
        }
        let extensions = self.shared(["config", "--get-regexp", r"^extensions\."]).answer()?.unwrap_or_default();
        let extensions = String::from_utf8_lossy(&extensions);
        if extensions.lines().any(|line| line.to_ascii_lowercase().starts_with("extensions.partialclone ")) {
            notes.push("this is a partial clone: making worktrees may fetch files from its remote".to_owned());
        }
        let Err(why) = git2::Repository::open_bare(self.common_dir()) else { return Ok(()) };
        if self.git().version() >= GitVersion::MERGE_TREE {
            return Ok(());
        }
        Err(Refusal::new(
            format!("this kind of repository needs git {} or newer ({})", GitVersion::MERGE_TREE, why.message()),
            format!("install a newer git (this is {})", self.git().version()),
        ))
    }

    /// How many files of the person's checkout differ from HEAD or are untracked.
    fn uncommitted(&self) -> Result<usize, GitError> {
        let Some(checkout) = self.checkout() else { return Ok(0) };
        let status = self.here(["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"]);
        let printed = self
            .with_known_filters(self.git_dir(), status.work_tree(checkout).arg("--ignore-submodules=dirty"))?
            .bytes()?;
        Ok(nul_separated(&printed).count())
    }

    /// `into` must be there; where it is checked out, nothing tracked may be changed: git could not move it.
    fn deliverable(&self, into: &str) -> Result<(), Refusal> {
        let reference = format!("refs/heads/{into}");
        if self.ref_tip(&reference)?.is_none() {
            let remedy = format!("make it: `git branch {into}`; or name another in `[merge] into`");
            return Err(Refusal::new(format!("there is no branch `{into}` to deliver to"), remedy));
        }
        let Some(place) = self.checked_out_at(&reference)? else { return Ok(()) };
        if let Some(doing) = place.busy() {
            let remedy = format!("finish or abort that first: `git -C {} status`", place.path.display());
            return Err(Refusal::new(format!("`{into}` is checked out in the middle of a {doing}"), remedy));
        }
        let changed = self.local_changes(&place)?;
        if changed > 0 {
            let (files, place) = (if changed == 1 { "file" } else { "files" }, place.path.display());
            return Err(Refusal::new(
                format!("`{into}` is checked out at `{place}` with {changed} changed {files}, and could not be moved"),
                format!("commit or stash them (`git -C {place} stash`), or leave out `[merge] into`"),
            ));
        }
        Ok(())
    }
}
