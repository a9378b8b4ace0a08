//! What git leaves in a checkout when the disk fills up while it writes there: files it had begun, which are untracked and
//! stand in the way of the next try. They are taken away again, and nothing else ever: only what was not there before, and
//! holds nothing but the beginning of what git was to write.

use std::io::Read as _;
use std::path::PathBuf;

use crate::name::CommitId;
use crate::workspace::deliver::Place;
use crate::workspace::git::{nul_separated, path_of};
use crate::workspace::repository::Repository;
use crate::workspace::{WorkspaceError, files};

/// Files that a commit adds and that were not in a checkout, before git was to write them there.
#[derive(Debug)]
pub(crate) struct Absent(Vec<PathBuf>);

impl Repository {
    /// Looks what of that which a commit adds is not there yet; links are looked at themselves.
    pub(crate) fn absent_in(
        &self,
        place: &Place,
        tip: Option<&CommitId>,
        commit: &CommitId,
    ) -> Result<Absent, WorkspaceError> {
        let Some(tip) = tip else { return Ok(Absent(Vec::new())) };
        let options = ["diff-tree", "-r", "-z", "--no-renames", "--name-only", "--diff-filter=A"];
        let printed = self.shared(options).arg(tip.as_str()).arg(commit.as_str()).bytes()?;
        let added = nul_separated(&printed).map(path_of);
        Ok(Absent(added.filter(|path| place.path.join(path).symlink_metadata().is_err()).collect()))
    }

    /// Takes away what git had begun to write of a commit before it failed. What is tracked by now, is no plain file, or
    /// holds anything else stays.
    pub(crate) fn take_back(&self, place: &Place, commit: &CommitId, absent: &Absent) -> Result<(), WorkspaceError> {
        let begun: Vec<&PathBuf> =
            absent.0.iter().filter(|path| place.path.join(path).symlink_metadata().is_ok()).collect();
        if begun.is_empty() {
            return Ok(());
        }
        let printed = self.git().call(["ls-files", "-z"]).git_dir(&place.gitdir).work_tree(&place.path).bytes()?;
        let tracked: Vec<PathBuf> = nul_separated(&printed).map(path_of).collect();
        for path in begun.into_iter().filter(|path| !tracked.contains(path)) {
            let mut holds = Vec::new();
            let read = files::open_plain(&place.path, path).and_then(|mut file| file.read_to_end(&mut holds).ok());
            let mut blob = std::ffi::OsString::from(format!("{commit}:"));
            blob.push(path);
            if read.is_some() && self.shared(["cat-file", "blob"]).arg(blob).bytes()?.starts_with(&holds) {
                files::unlink_only(&place.path, path)?;
            }
        }
        Ok(())
    }
}
