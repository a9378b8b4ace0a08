//! Files that pass between the engine and what it starts, in folders where an agent may plant links, pipes or
//! anything else: nothing is written, removed or read outside of the root, and reading never waits.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::workspace::WorkspaceError;
use crate::workspace::files::{self, NewFile};
use crate::workspace::printed::LONGEST;

/// A folder of exchange below a root that is the engine's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    root: PathBuf,
    folder: PathBuf,
}

impl Exchange {
    /// The folder of this path below `root`. Whatever lies in the place of its last part and is no folder goes:
    /// the place is the engine's own.
    pub fn make(root: &Path, folder: &Path) -> Result<Self, WorkspaceError> {
        let made = Self { root: root.to_owned(), folder: folder.to_owned() };
        files::make_dir(root, folder)?;
        Ok(made)
    }

    /// A folder that was made before.
    pub fn at(root: &Path, folder: &Path) -> Self {
        Self { root: root.to_owned(), folder: folder.to_owned() }
    }

    /// Where a file of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(&self.folder).join(name)
    }

    /// Writes a file, in place of whatever file or link is there.
    pub fn write(&self, name: &str, text: &str) -> Result<(), WorkspaceError> {
        files::write(&self.root, &self.folder.join(name), &NewFile { bytes: text.as_bytes(), mode: 0o644 })
    }

    /// Removes a file or link, if there is one.
    pub fn remove(&self, name: &str) -> Result<(), WorkspaceError> {
        files::unlink_only(&self.root, &self.folder.join(name))
    }

    /// Reads at most so many bytes of a plain file; `None` where there is none, or where a link leads to it.
    pub fn read(&self, name: &str, limit: u64) -> Option<Vec<u8>> {
        read_plain(files::open_plain(&self.root, &self.folder.join(name))?, limit)
    }
}

/// Reads at most so many bytes of a plain file; never through a link in its last part, never waiting.
pub fn read_bounded(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let (parent, name) = (path.parent()?, path.file_name()?);
    read_plain(files::open_plain(parent, Path::new(name))?, limit)
}

/// Reads one of git's own small files, or what an agent may have put in its place: a plain one only, so that reading never
/// waits, and not without end.
pub(crate) fn read_small(path: &Path) -> Option<String> {
    String::from_utf8(read_bounded(path, LONGEST)?).ok()
}

fn read_plain(file: File, limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_planted_link_is_replaced_and_never_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("in"), dir.path().join("out"));
        fs::create_dir_all(root.join("a")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("note"), "theirs").unwrap();
        symlink(&outside, root.join("a/b")).unwrap();
        let exchange = Exchange::make(&root, Path::new("a/b")).unwrap();
        exchange.write("note", "ours").unwrap();
        exchange.remove("note").unwrap();
        assert_eq!(fs::read_to_string(outside.join("note")).unwrap(), "theirs");
        assert!(files::is_real_dir(&root.join("a/b")));
        // In a folder above it is refused.
        fs::remove_dir_all(root.join("a")).unwrap();
        symlink(&outside, root.join("a")).unwrap();
        assert!(matches!(Exchange::make(&root, Path::new("a/b")), Err(WorkspaceError::Unsafe { .. })));
        let planted = Exchange::at(&root, Path::new("a"));
        assert_eq!(planted.read("note", 10), None);
        assert!(planted.write("note", "ours").is_err());
        assert!(planted.remove("note").is_err());
        assert_eq!(fs::read_to_string(outside.join("note")).unwrap(), "theirs");
    }

    #[test]
    fn what_is_read_is_a_plain_file_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let exchange = Exchange::make(dir.path(), Path::new("x")).unwrap();
        exchange.write("long", "0123456789").unwrap();
        assert_eq!(exchange.read("long", 4).as_deref(), Some(b"0123".as_slice()));
        assert_eq!(read_bounded(&exchange.path("long"), 3).as_deref(), Some(b"012".as_slice()));
        mknodat(CWD, exchange.path("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        symlink(exchange.path("long"), exchange.path("link")).unwrap();
        fs::create_dir(exchange.path("folder")).unwrap();
        for name in ["pipe", "link", "folder", "none"] {
            assert_eq!(exchange.read(name, 4), None, "{name}");
            assert_eq!(read_bounded(&exchange.path(name), 4), None, "{name}");
        }
    }
}
