//! Scratch clones: a repository to rehearse in, from which nothing leads back to the original.

use std::fs;
use std::path::Path;

use crate::amount::WallTime;
use crate::workspace::WorkspaceError;
use crate::workspace::git::{Git, nul_separated};
use crate::workspace::repository::{Identity, NewCommit, RepoError, Repository, message};

/// Settings of the original that a clone needs to behave like it.
const KEPT_SETTINGS: &str = r"^(user|filter|merge|core\.(autocrlf|eol|safecrlf|attributesfile|excludesfile))\.?";

impl Repository {
    /// Clones to `to`, which must not be there yet: all local branches, HEAD where it is here, no remote.
    ///
    /// Objects may be shared as hard links: git never writes to one that is there.
    pub fn scratch_clone(&self, to: &Path) -> Result<Self, WorkspaceError> {
        let head = self.resolve("HEAD").map_err(from_repo)?;
        let branch = self.current_branch()?;
        let git = self.git();
        let clone = git.call(["clone", "--quiet", "--local", "--no-checkout", "--no-tags", "--template="]);
        clone.arg(self.common_dir()).arg(to).run()?;
        let gitdir = to.join(".git");
        let there = |args: &[&str]| git.call(args).git_dir(&gitdir).work_tree(to);
        // A stand-in for HEAD, so that no branch is checked out while all are fetched.
        there(&["update-ref", "--no-deref", "HEAD", head.as_str()]).run()?;
        there(&["fetch", "--quiet", "--no-tags", "origin", "+refs/heads/*:refs/heads/*"]).run()?;
        there(&["remote", "remove", "origin"]).run()?;
        let settings =
            self.here(["config", "--local", "-z", "--get-regexp", KEPT_SETTINGS]).answer()?.unwrap_or_default();
        for setting in nul_separated(&settings).map(String::from_utf8_lossy) {
            if let Some((key, value)) = setting.split_once('\n') {
                there(&["config", "--add", key, value]).run()?;
            }
        }
        if let Some(branch) = branch {
            there(&["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]).run()?;
        }
        there(&["reset", "--quiet", "--hard"]).run()?;
        Self::discover(git, to).map_err(from_repo)
    }

    /// Makes a repository with one empty commit on `main`, for rehearsals where there is nothing to clone.
    pub fn scratch_empty(git: &Git, to: &Path, at: WallTime) -> Result<Self, WorkspaceError> {
        fs::create_dir_all(to).map_err(WorkspaceError::file("make", to))?;
        git.call(["init", "--quiet", "--template=", "--initial-branch=main"]).arg(to).run()?;
        let made = Self::discover(git, to).map_err(from_repo)?;
        let tree = made.shared(["hash-object", "-t", "tree", "-w", "--stdin"]).stdin("").text()?;
        let text = message("Empty beginning of a rehearsal", &[]);
        let identity = Identity::neutral();
        let new = NewCommit { tree: &tree, parents: &[], message: &text, identity: &identity, at };
        let commit = made.write_commit(&new)?;
        made.move_ref("refs/heads/main", &commit, None, "rehearsal")?;
        Ok(made)
    }
}

fn from_repo(error: RepoError) -> WorkspaceError {
    match error {
        RepoError::Git(error) => WorkspaceError::Git(error),
        other @ (RepoError::NotARepository { .. }
        | RepoError::OldGit { .. }
        | RepoError::NotOwned { .. }
        | RepoError::Unsupported { .. }
        | RepoError::NoSuchCommit { .. }) => WorkspaceError::Repository(other),
    }
}
