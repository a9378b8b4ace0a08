//! Writes into worktrees that an agent may have filled with traps: every folder on the way is opened without
//! following symbolic links, so nothing lands outside.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::workspace::WorkspaceError;
use crate::workspace::worktree::Worktree;

/// In the names of repositories that were moved out of the way.
const REPLACED: &str = "replaced-git";

/// Whether a folder is there, and is not a symbolic link to one.
pub(crate) fn is_real_dir(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_dir())
}

/// Removes a file or symbolic link, if there is one.
pub(crate) fn remove_file(path: &Path) -> Result<(), WorkspaceError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(WorkspaceError::file("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A name beside a path that nothing has.
pub(crate) fn free_name(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut n: u32 = 1;
    loop {
        let candidate = path.with_file_name(format!(".{name}.{what}-{n}"));
        if candidate.symlink_metadata().is_err() {
            return candidate;
        }
        n = n.saturating_add(1);
    }
}

/// Repositories that an agent had put in the place of a worktree's own git file, moved beside the worktree.
pub(crate) fn replaced_git(worktree: &Path) -> Vec<PathBuf> {
    let name = worktree.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let start = format!(".{name}.{REPLACED}-");
    let beside = worktree.parent().and_then(|parent| fs::read_dir(parent).ok());
    let mut found: Vec<PathBuf> = beside
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
        .map(|entry| entry.path())
        .filter(|path| is_real_dir(path))
        .collect();
    found.sort();
    found
}

/// Points a worktree's `.git` back at its git folder. A repository that was put there instead is moved beside the worktree.
pub(crate) fn replace_git_file(worktree: &Worktree) -> Result<(), WorkspaceError> {
    let file = worktree.path.join(".git");
    if is_real_dir(&file) {
        let aside = free_name(&worktree.path, REPLACED);
        fs::rename(&file, aside).map_err(WorkspaceError::file("move away", &file))?;
    }
    remove_file(&file)?;
    let text = format!("gitdir: {}\n", worktree.gitdir.display());
    write(&worktree.path, Path::new(".git"), &NewFile { bytes: text.as_bytes(), mode: 0o644 })
}

/// A file to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewFile<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) mode: u32,
}

/// Writes a file under `root`, in place of whatever file or link is there.
pub(crate) fn write(root: &Path, path: &Path, new: &NewFile<'_>) -> Result<(), WorkspaceError> {
    let (parent, name) = open_parent(root, path)?;
    unlink(&parent, &name).map_err(|errno| refused(path, errno))?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file =
        rustix::fs::openat(&parent, &name, flags, Mode::from_raw_mode(0o600)).map_err(|errno| refused(path, errno))?;
    let mut file = File::from(file);
    let written = file.write_all(new.bytes).and_then(|()| file.set_permissions(fs::Permissions::from_mode(new.mode)));
    written.map_err(WorkspaceError::file("write", root.join(path)))
}

/// Moves a file of the same file system to a place under `root`, in place of whatever file or link is there.
pub(crate) fn place(root: &Path, file: &Path, path: &Path) -> Result<(), WorkspaceError> {
    let (parent, name) = open_parent(root, path)?;
    unlink(&parent, &name).map_err(|errno| refused(path, errno))?;
    rustix::fs::renameat(CWD, file, &parent, &name).map_err(|errno| refused(path, errno))
}

/// Makes a symbolic link under `root`, in place of whatever file or link is there.
pub(crate) fn link(root: &Path, path: &Path, target: &Path) -> Result<(), WorkspaceError> {
    let (parent, name) = open_parent(root, path)?;
    unlink(&parent, &name).map_err(|errno| refused(path, errno))?;
    rustix::fs::symlinkat(target, &parent, &name).map_err(|errno| refused(path, errno))
}

/// Removes a file or link under `root`, and the folders that are empty without it.
pub(crate) fn remove(root: &Path, path: &Path) -> Result<(), WorkspaceError> {
    let (parent, name) = open_parent(root, path)?;
    unlink(&parent, &name).map_err(|errno| refused(path, errno))?;
    let mut above = path.parent();
    while let Some(dir) = above.filter(|dir| !dir.as_os_str().is_empty()) {
        let (parent, name) = open_parent(root, dir)?;
        if rustix::fs::unlinkat(&parent, &name, AtFlags::REMOVEDIR).is_err() {
            break;
        }
        above = dir.parent();
    }
    Ok(())
}

/// Makes a folder under `root`. A file or link in the place of its last part is replaced.
pub(crate) fn make_dir(root: &Path, path: &Path) -> Result<(), WorkspaceError> {
    let (parent, name) = open_parent(root, path)?;
    // A folder is not unlinked by this; what else lies there goes.
    match unlink(&parent, &name) {
        Ok(()) | Err(Errno::ISDIR | Errno::PERM) => {}
        Err(errno) => return Err(refused(path, errno)),
    }
    match rustix::fs::mkdirat(&parent, &name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(refused(path, errno)),
    }
}

/// Removes a file or link under `root`, if there is one.
pub(crate) fn unlink_only(root: &Path, path: &Path) -> Result<(), WorkspaceError> {
    let (parent, name) = open_parent(root, path)?;
    unlink(&parent, &name).map_err(|errno| refused(path, errno))
}

/// Opens a plain file under `root` for reading: through no link, and without waiting for the writer of a pipe.
pub(crate) fn open_plain(root: &Path, path: &Path) -> Option<File> {
    let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut names = path.components().peekable();
    let mut at = rustix::fs::openat(CWD, root, folder, Mode::empty()).ok()?;
    while let Some(Component::Normal(name)) = names.next() {
        let flags = if names.peek().is_some() { folder } else { file };
        at = rustix::fs::openat(&at, name, flags, Mode::empty()).ok()?;
    }
    let opened = File::from(at);
    (names.next().is_none() && opened.metadata().ok()?.is_file()).then_some(opened)
}

fn unlink(parent: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// Opens the folder that holds `path`, making folders on the way; no component may be `..` or a symbolic link.
fn open_parent(root: &Path, path: &Path) -> Result<(OwnedFd, OsString), WorkspaceError> {
    let mut names: Vec<&OsStr> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return Err(unsafe_path(path)),
        }
    }
    let Some(last) = names.pop() else { return Err(unsafe_path(path)) };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = |at: rustix::fd::BorrowedFd<'_>, name: &Path| rustix::fs::openat(at, name, flags, Mode::empty());
    let mut dir = open(CWD, root).map_err(|errno| refused(root, errno))?;
    for name in names {
        match rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(refused(path, errno)),
        }
        dir = open(rustix::fd::AsFd::as_fd(&dir), Path::new(name)).map_err(|errno| refused(path, errno))?;
    }
    Ok((dir, last.to_owned()))
}

fn unsafe_path(path: &Path) -> WorkspaceError {
    WorkspaceError::Unsafe { path: path.display().to_string() }
}

fn refused(path: &Path, errno: Errno) -> WorkspaceError {
    match errno {
        Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::EXIST => unsafe_path(path),
        other => WorkspaceError::file("write", PathBuf::from(path))(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_written_through_a_planted_link() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (root, outside) = (dir.path().join("in"), dir.path().join("out"));
        fs::create_dir_all(&root).expect("made");
        fs::create_dir_all(&outside).expect("made");
        symlink(&outside, root.join("a")).expect("linked");
        let new = NewFile { bytes: b"x", mode: 0o644 };
        for path in ["a/b", "a/b/c", "../out/b", "/etc/x", "", "."] {
            let refused = write(&root, Path::new(path), &new);
            assert!(matches!(refused, Err(WorkspaceError::Unsafe { .. })), "{path}: {refused:?}");
        }
        assert_eq!(fs::read_dir(&outside).expect("there").count(), 0);
        // The last part is replaced, not followed.
        fs::write(outside.join("kept"), "kept").expect("written");
        symlink(outside.join("kept"), root.join("last")).expect("linked");
        write(&root, Path::new("last"), &new).expect("written");
        assert_eq!(fs::read_to_string(outside.join("kept")).expect("there"), "kept");
        assert_eq!(fs::read_to_string(root.join("last")).expect("there"), "x");
    }

    #[test]
    fn folders_left_empty_go_with_their_last_file() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let new = NewFile { bytes: b"x", mode: 0o755 };
        write(dir.path(), Path::new("a/b/c"), &new).expect("written");
        write(dir.path(), Path::new("a/d"), &new).expect("written");
        remove(dir.path(), Path::new("a/b/c")).expect("removed");
        assert!(!dir.path().join("a/b").exists());
        assert!(dir.path().join("a/d").exists());
    }
}
