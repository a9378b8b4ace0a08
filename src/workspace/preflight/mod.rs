//! What is looked at before a run begins: everything that would make it fail later is refused now, with a remedy.

mod content;

use std::path::{Path, PathBuf};

pub use content::Content;

use crate::name::CommitId;
use crate::workspace::WorkspaceError;
use crate::workspace::git::{GitError, GitVersion, nul_separated};
use crate::workspace::repository::{Identity, Repository};

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
    pub(in crate::workspace) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
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

/// The path as the file system has it, as far as it exists: a `..` or a link in it may lead elsewhere.
fn really(path: &Path) -> PathBuf {
    let found = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = found else { return path.to_owned() };
    path.strip_prefix(above).map_or_else(|_| path.to_owned(), |rest| real.join(rest))
}

impl Repository {
    /// Looks at everything and tells all that is wrong at once.
    pub fn preflight(&self, ask: &PreflightAsk<'_>) -> Result<Preflight, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut notes = Vec::new();
        let mut uncommitted = 0;
        let head = self.resolve("HEAD").map_err(|_| refusals.push(self.without_commit())).ok();
        if let Err(refusal) = self.openable(head.as_ref(), &mut notes) {
            refusals.push(refusal);
        }
        notes.extend(self.nameless());
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
            && really(root).starts_with(really(checkout))
        {
            refusals.push(Refusal::new(
                format!("`[workspace] root` is `{}`, inside the checkout", root.display()),
                "name a folder outside of the repository, or leave it out",
            ));
        }
        let branch = self.current_branch().map_err(|error| vec![error.into()])?;
        match head {
            Some(head) if refusals.is_empty() => Ok(Preflight { head, branch, uncommitted, notes }),
            _ => Err(refusals),
        }
    }

    /// Commits need a name; where git knows none, that of the person is not made up.
    fn nameless(&self) -> Option<String> {
        let Identity { name, email } = self.identity().ok()?;
        let neutral = Identity::neutral();
        let lacks = match (name == neutral.name, email == neutral.email) {
            (false, false) => return None,
            (true, _) => "git config user.name \"Your Name\"; git config user.email you@example.org",
            (false, true) => "git config user.email you@example.org",
        };
        Some(format!("git does not know who you are here: commits are made by {name} <{email}> (`{lacks}` sets it)"))
    }

    fn without_commit(&self) -> Refusal {
        let place = self.checkout().unwrap_or(self.common_dir()).display();
        let others = self.shared(["for-each-ref", "--count=1", "--format=%(refname:short)", "refs/heads/"]).text();
        if let (Some(other), Some(_)) = (others.ok().filter(|name| !name.is_empty()), self.checkout()) {
            return Refusal::new(
                "the branch that is checked out has no commit yet",
                format!("make one, or stand on another: `git -C {place} switch {other}`"),
            );
        }
        let remedy = match (self.checkout(), self.uncommitted()) {
            (Some(_), Ok(0)) => format!("make one: `git -C {place} commit --allow-empty -m \"First commit\"`"),
            // An empty commit would do for git, and every task would then stand in an empty folder.
            (Some(_), Ok(_) | Err(_)) => format!(
                "commit what is there, as a task sees only what is committed: \
                 `git -C {place} add -A && git -C {place} commit -m \"First commit\"`"
            ),
            (None, _) => format!("it is bare: push a branch to {place}, or name a checkout with `-C`"),
        };
        Refusal::new("the repository has no commit yet, so there is nothing that a worktree could begin from", remedy)
    }

    /// Extensions and clone kinds: told or refused.
    fn openable(&self, head: Option<&CommitId>, notes: &mut Vec<String>) -> Result<(), Refusal> {
        if self.git_dir().join("shallow").is_file() || self.common_dir().join("shallow").is_file() {
            notes.push("this is a shallow clone: history before its boundary is not there to be merged".to_owned());
        }
        let extensions = self.shared(["config", "--get-regexp", r"^extensions\."]).answer()?.unwrap_or_default();
        let extensions = String::from_utf8_lossy(&extensions);
        if extensions.lines().any(|line| line.to_ascii_lowercase().starts_with("extensions.partialclone ")) {
            notes.push("this is a partial clone: making worktrees may fetch files from its remote".to_owned());
        }
        let (Err(why), Some(head)) = (git2::Repository::open_bare(self.common_dir()), head) else { return Ok(()) };
        // What merges there is tried, not looked up: versions are called what their makers like.
        let merge_base = format!("--merge-base={head}");
        let merged = self.shared(["merge-tree", "--write-tree", &merge_base, head.as_str(), head.as_str()]).finish()?;
        if merged.code == Some(0) {
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
        if let Some(name) = into.strip_prefix("refs/heads/").or_else(|| into.strip_prefix("heads/"))
            && self.ref_tip(&format!("refs/heads/{name}"))?.is_some()
        {
            let remedy = format!("write `into = \"{name}\"`");
            return Err(Refusal::new(format!("`{into}` is not how a branch is called in `[merge] into`"), remedy));
        }
        if let Some(other) = self.shared(["symbolic-ref", "--quiet", &reference]).answer()? {
            let other = String::from_utf8_lossy(&other).trim().to_owned();
            let other = other.strip_prefix("refs/heads/").unwrap_or(&other).to_owned();
            let remedy = format!("write `into = \"{other}\"`");
            return Err(Refusal::new(format!("the branch `{into}` is another name of `{other}`"), remedy));
        }
        if self.ref_tip(&reference)?.is_none() {
            let remedy = format!("make it: `git branch {into}`; or name another in `[merge] into`");
            return Err(Refusal::new(format!("there is no branch `{into}` to deliver to"), remedy));
        }
        let Some(place) = self.checked_out_at(&reference)? else { return Ok(()) };
        if !place.path.is_dir() {
            let what = format!("`{into}` is checked out at `{}`, which is gone", place.path.display());
            return Err(Refusal::new(what, "let git forget that checkout: `git worktree prune`"));
        }
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
