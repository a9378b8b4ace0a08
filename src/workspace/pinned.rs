//! Filters (LFS, git-crypt) are programs that git runs on files, named by settings that an agent can write: the
//! configuration file is shared by all worktrees. Only those that were there when the repository was opened are run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::journal::{Durable, write_renamed};
use crate::workspace::WorkspaceError;
use crate::workspace::git::{Call, Git, GitError};
use crate::workspace::printed::filters;

/// Where the filters of a run's beginning are noted, in its folder.
const NOTE: &str = "filters.json";

const FILTERS: &str = r"^filter\..*\.(clean|smudge|process|required)$";

/// Inode, size and time of change: the last cannot be set at will.
type Look = Option<(u64, u64, i64, i64)>;

/// The filters of a repository, as they were.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PinnedFilters {
    /// The settings of each filter, by its name.
    filters: BTreeMap<String, BTreeSet<String>>,
    /// The configuration files of the repository, and how they looked.
    files: Vec<(PathBuf, Look)>,
}

impl PinnedFilters {
    pub(crate) fn read(git: &Git, common: &Path) -> Result<Self, GitError> {
        let files = ["config", "config.worktree"].map(|name| common.join(name));
        // Looked at before they are read: what changes in between is seen as changed.
        let files = files.into_iter().map(|path| (path.clone(), look(&path))).collect();
        Ok(Self { filters: configured(git, common)?, files })
    }

    /// Those that there were when a run began: an engine that goes on with it opens the repository after agents were in
    /// it. Noted in the run's folder by the first.
    pub(crate) fn held_to_note_in(self, dir: &Path) -> Result<Self, WorkspaceError> {
        let note = dir.join(NOTE);
        let filters: BTreeMap<String, BTreeSet<String>> = match fs::read(&note) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| WorkspaceError::file("read", &note)(std::io::Error::other(error)))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let text = serde_json::to_vec(&self.filters).unwrap_or_default();
                let written = write_renamed(&note, &text, Durable::Now);
                written.map_err(|error| WorkspaceError::file("write", &note)(std::io::Error::other(error)))?;
                return Ok(self);
            }
            Err(error) => return Err(WorkspaceError::file("read", &note)(error)),
        };
        if filters == self.filters {
            return Ok(self);
        }
        // No file looks as it did then.
        let files = self.files.into_iter().map(|(path, _)| (path, Some((0, 0, 0, 0)))).collect();
        Ok(Self { filters, files })
    }

    /// Whether it was noted which there were.
    pub(crate) fn are_noted_in(dir: &Path) -> bool {
        dir.join(NOTE).is_file()
    }

    /// Switches off, for one call on a worktree, the filters that came since. A filter that was changed is an error:
    /// with the wrong program files would be stored in the wrong form.
    pub(crate) fn hold<'a>(&self, git: &Git, gitdir: &Path, mut call: Call<'a>) -> Result<Call<'a>, GitError> {
        let own = gitdir.join("config.worktree");
        let known_own = self.files.iter().any(|(path, _)| *path == own) || look(&own).is_none();
        if known_own && self.files.iter().all(|(path, before)| look(path) == *before) {
            return Ok(call);
        }
        let now = configured(git, gitdir)?;
        let mut off = Vec::new();
        for (name, settings) in &now {
            match self.filters.get(name) {
                Some(before) if before == settings => {}
                Some(_) => return Err(GitError::FilterChanged { filter: name.clone() }),
                None => off.extend(["clean=", "smudge=", "process=", "required=false"].map(|part| (name, part))),
            }
        }
        for (n, (name, part)) in off.iter().enumerate() {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            call = call.env(&format!("GIT_CONFIG_KEY_{n}"), format!("filter.{name}.{key}"));
            call = call.env(&format!("GIT_CONFIG_VALUE_{n}"), value);
        }
        Ok(call.env("GIT_CONFIG_COUNT", off.len().to_string()))
    }
}

/// The settings of each filter: `filter.<name>.<key>\n<value>`.
pub(crate) fn configured(git: &Git, gitdir: &Path) -> Result<BTreeMap<String, BTreeSet<String>>, GitError> {
    let printed = git.call(["config", "-z", "--get-regexp", FILTERS]).git_dir(gitdir).answer()?.unwrap_or_default();
    Ok(filters(&printed))
}

fn look(path: &Path) -> Look {
    fs::metadata(path).ok().map(|meta| (meta.ino(), meta.size(), meta.ctime(), meta.ctime_nsec()))
}
