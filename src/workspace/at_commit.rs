//! One file as a commit has it, compared with what the person has.

use std::path::Path;

use super::git::GitError;
use super::repository::Repository;
use crate::name::CommitId;

/// A file of the person's checkout, beside a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// The commit has it as it is.
    Same,
    /// The commit has it otherwise.
    Changed,
    /// The commit does not have it.
    Missing,
}

impl Repository {
    /// What a commit has at a path from the root; `None` where that is no file.
    pub fn file_at(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let finished = self.shared(["cat-file", "blob"]).arg(format!("{commit}:{path}")).finish()?;
        match finished.code {
            Some(0) => Ok(Some(finished.stdout)),
            Some(128) => Ok(None),
            _ => Err(finished.failed()),
        }
    }

    /// Whether a file of the person's checkout is in a commit as it is there, line ends and filters considered.
    pub fn beside(&self, commit: &CommitId, path: &str) -> Result<Beside, GitError> {
        let Some(theirs) = self.file_at(commit, path)? else { return Ok(Beside::Missing) };
        let Some(checkout) = self.checkout() else { return Ok(Beside::Same) };
        if std::fs::read(checkout.join(Path::new(path))).is_ok_and(|ours| ours == theirs) {
            return Ok(Beside::Same);
        }
        let call = self.here(["diff", "--quiet", "--no-ext-diff", "--no-textconv", commit.as_str(), "--"]);
        let call = call.work_tree(checkout).arg(format!(":(top,literal){path}"));
        let same = self.with_known_filters(self.git_dir(), call)?.answer()?.is_some();
        Ok(if same { Beside::Same } else { Beside::Changed })
    }
}
