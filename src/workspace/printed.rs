//! What git prints, and what its own small files hold, as plain values. All of it may have been arranged by an agent:
//! names hold any byte but NUL, files hold anything. Nothing here asks anybody; what is not understood is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::handoff::{Change, FileChange};
use crate::name::CommitId;
use crate::workspace::TreeSize;
use crate::workspace::git::{nul_separated, path_of};

/// Mode of an entry that is a repository of its own.
pub(crate) const GITLINK: &str = "160000";

/// Most that is read of git's own small files, in bytes: `packed-refs` is the longest of them.
pub(crate) const LONGEST: u64 = 16 << 20;

/// One entry of a diff, as git tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawChange {
    /// Its path, as bytes.
    pub path: Vec<u8>,
    /// What became of it.
    pub change: Change,
    /// Whether it is a repository of its own now, and was none before.
    pub became_gitlink: bool,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
}

impl RawChange {
    /// Its path as text.
    pub fn path(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    /// As it is told.
    pub fn told(self) -> FileChange {
        FileChange { path: self.path(), change: self.change, added: self.added, removed: self.removed }
    }
}

/// Reads `diff-tree --raw --numstat -z`: first `:modes ids letter NUL path NUL` of each file, then
/// `added TAB removed TAB path NUL`.
pub fn changes(printed: &[u8]) -> Vec<RawChange> {
    let mut changes: Vec<RawChange> = Vec::new();
    let mut parts = nul_separated(printed);
    // Both parts name the files in the same order.
    let mut counted = 0;
    while let Some(part) = parts.next() {
        let text = String::from_utf8_lossy(part);
        if let Some(about) = text.strip_prefix(':') {
            let Some(path) = parts.next() else { break };
            let fields: Vec<&str> = about.split(' ').collect();
            let (old, new) = (fields.first().copied().unwrap_or_default(), fields.get(1).copied().unwrap_or_default());
            let change = match fields.last().copied() {
                Some("A") => Change::Added,
                Some("D") => Change::Deleted,
                _ => Change::Modified,
            };
            let became_gitlink = new == GITLINK && old != GITLINK;
            changes.push(RawChange { path: path.to_vec(), change, became_gitlink, added: 0, removed: 0 });
            continue;
        }
        let mut columns = part.splitn(3, |byte| *byte == b'\t');
        let (Some(added), Some(removed), Some(path)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        if let Some(change) = changes.get_mut(counted).filter(|change| change.path == path) {
            (change.added, change.removed) = (count(added), count(removed));
        }
        counted += 1;
    }
    changes
}

/// `-` stands for a binary file.
fn count(digits: &[u8]) -> u32 {
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Submodules in what `ls-tree -r -z` prints: their paths, and the commits that the tree holds of them.
pub fn gitlinks(printed: &[u8]) -> Vec<(String, String)> {
    let links = nul_separated(printed).filter(|line| line.starts_with(GITLINK.as_bytes())).filter_map(|line| {
        let line = String::from_utf8_lossy(line);
        let (about, path) = line.split_once('\t')?;
        let commit = about.strip_prefix(GITLINK)?.strip_prefix(" commit ")?;
        Some((path.to_owned(), commit.to_owned()))
    });
    links.collect()
}

/// How many files `ls-tree -r -l -z` lists, and their bytes.
pub fn tree_size(printed: &str) -> TreeSize {
    // `<mode> <type> <object> <size>\t<path>`; a submodule has `-` for its size.
    let sizes = printed.split('\0').filter_map(|row| row.split('\t').next()?.split_ascii_whitespace().nth(3));
    sizes.fold(TreeSize { files: 0, bytes: 0 }, |sum, size| TreeSize {
        files: sum.files.saturating_add(1),
        bytes: sum.bytes.saturating_add(size.parse().unwrap_or(0)),
    })
}

/// One checkout in git's list of worktrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Where it is.
    pub path: PathBuf,
    /// What its HEAD is.
    pub head: CheckedOut,
}

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckedOut {
    /// This branch, as a full ref name.
    Branch(Vec<u8>),
    /// A commit, as in the middle of a rebase.
    Detached,
}

/// Reads `worktree list --porcelain`; what has neither branch nor detached HEAD (a bare repository) is left out.
pub fn checkouts(printed: &[u8]) -> Vec<Checkout> {
    let mut found = Vec::new();
    let mut path = PathBuf::new();
    for line in printed.split(|byte| *byte == b'\n') {
        if let Some(place) = line.strip_prefix(b"worktree ") {
            path = path_of(place);
        }
        let head = match line.strip_prefix(b"branch ") {
            Some(branch) => CheckedOut::Branch(branch.to_vec()),
            None if line == b"detached" => CheckedOut::Detached,
            None => continue,
        };
        found.push(Checkout { path: path.clone(), head });
    }
    found
}

/// The settings of each filter by its name, in what `config -z --get-regexp` prints: `key LF value NUL`.
pub fn filters(printed: &[u8]) -> BTreeMap<String, BTreeSet<String>> {
    let mut filters: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for setting in nul_separated(printed).map(String::from_utf8_lossy) {
        let key = setting.split('\n').next().unwrap_or_default();
        if let Some((name, _)) = key.strip_prefix("filter.").and_then(|key| key.rsplit_once('.')) {
            filters.entry(name.to_owned()).or_default().insert(setting.into_owned());
        }
    }
    filters
}

/// Where a `.git` file points, as it is written; what says nothing of a git folder is taken whole.
pub fn git_file(text: &[u8]) -> PathBuf {
    let target = text.strip_prefix(b"gitdir: ").unwrap_or(text);
    path_of(target.strip_suffix(b"\n").unwrap_or(target))
}

/// What a HEAD file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A ref, by its full name.
    Ref(String),
    /// A commit.
    Commit(CommitId),
}

/// Reads a HEAD file, or that of a loose ref.
pub fn head(text: &str) -> Option<Head> {
    let text = text.trim();
    match text.strip_prefix("ref: ") {
        Some(name) => Some(Head::Ref(name.to_owned())),
        None => CommitId::parse(text).ok().map(Head::Commit),
    }
}

/// The commit of a ref in `packed-refs`.
pub fn packed(text: &str, name: &str) -> Option<CommitId> {
    text.lines().find_map(|line| CommitId::parse(line.strip_suffix(name)?.strip_suffix(' ')?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_diff_with_counts_is_read_back() {
        let zero = "0".repeat(40);
        let printed = format!(
            ":100644 100644 {zero} {zero} M\0a b.txt\0:000000 160000 {zero} {zero} A\0sub\0:100644 000000 {zero} {zero} D\0x\0\
             3\t1\ta b.txt\0-\t-\tsub\0"
        );
        let changes = changes(printed.as_bytes());
        let brief: Vec<_> =
            changes.iter().map(|c| (c.path(), c.change, c.became_gitlink, c.added, c.removed)).collect();
        assert_eq!(
            brief,
            [
                ("a b.txt".to_owned(), Change::Modified, false, 3, 1),
                ("sub".to_owned(), Change::Added, true, 0, 0),
                ("x".to_owned(), Change::Deleted, false, 0, 0),
            ]
        );
    }
}
