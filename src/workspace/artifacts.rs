//! Files of a workspace that are kept for people: copied into the run's folder, through no link, within bounds.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::kernel::event::Artifact;
use crate::mask::Mask;
use crate::workspace::prepare::matching;
use crate::workspace::{WorkspaceError, files};

/// The largest file kept, in bytes.
const MAX_FILE: u64 = 256 * 1024 * 1024;
/// All files of a task together.
const MAX_TOTAL: u64 = 1024 * 1024 * 1024;
/// The most files of a task.
const MAX_FILES: usize = 10_000;

/// What was kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptArtifacts {
    /// The files that lie there now; paths are relative to the folder that was named.
    pub files: Vec<Artifact>,
    /// What was not kept, and why.
    pub notes: Vec<String>,
}

/// Copies the files that globs name into a folder, and tells all that lies there: also what sessions wrote themselves.
/// A file that holds a secret is not copied.
pub fn keep_artifacts(
    root: &Path,
    globs: &[String],
    into: &Path,
    mask: &Mask,
) -> Result<KeptArtifacts, WorkspaceError> {
    let mut kept = KeptArtifacts::default();
    let (mut total, mut count) = (0_u64, 0_usize);
    for glob in globs {
        let found = matching(root, glob);
        if found.is_empty() {
            kept.notes.push(format!("no file matches the artifact `{glob}`"));
        }
        for path in found {
            if path.starts_with(".git") || path.starts_with(super::snapshot::SESSION_DIR) {
                continue;
            }
            count += 1;
            match copy(root, &path, into, (MAX_TOTAL.saturating_sub(total), mask)) {
                Ok(bytes) if count <= MAX_FILES => total = total.saturating_add(bytes),
                Ok(_) => {
                    kept.notes.push(format!("more than {MAX_FILES} artifacts: the others are not kept"));
                    return Ok(listed(into, kept));
                }
                Err(why) => kept.notes.push(format!("the artifact `{}` is not kept: {why}", path.display())),
            }
        }
    }
    Ok(listed(into, kept))
}

/// Copies one file, its mode with it; tells its size.
fn copy(root: &Path, path: &Path, into: &Path, bounds: (u64, &Mask)) -> Result<u64, String> {
    let (room, mask) = bounds;
    let mut from = files::open_plain(root, path).ok_or("it is no plain file of the workspace")?;
    let meta = from.metadata().map_err(|error| error.to_string())?;
    if meta.len() > MAX_FILE.min(room) {
        return Err(format!("it is too large ({} bytes)", meta.len()));
    }
    fs::create_dir_all(into).map_err(|error| error.to_string())?;
    let beside = into.join(".copying");
    let copied = copy_without(&mut from, &beside, mask).and_then(|bytes| {
        fs::set_permissions(&beside, Permissions::from_mode(meta.permissions().mode() & 0o755 | 0o600))?;
        Ok(bytes)
    });
    let placed = copied
        .map_err(|error| error.to_string())
        .and_then(|bytes| files::place(into, &beside, path).map_err(|error| error.to_string()).map(|()| bytes));
    if placed.is_err() {
        fs::remove_file(&beside).ok();
    }
    placed
}

fn copy_without(from: &mut File, to: &Path, mask: &Mask) -> io::Result<u64> {
    let mut into = File::create(to)?;
    let (mut buffer, mut window, mut bytes) = (vec![0_u8; 64 << 10], Vec::new(), 0_u64);
    loop {
        let length = from.read(&mut buffer)?;
        let piece = buffer.get(..length).unwrap_or_default();
        if piece.is_empty() {
            return Ok(bytes);
        }
        window.extend_from_slice(piece);
        if mask.finds(&window) {
            return Err(io::Error::other("it holds the value of a secret"));
        }
        let done = window.len().saturating_sub(mask.longest());
        window.drain(..done);
        bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        into.write_all(piece)?;
    }
}

/// The plain files that lie in a folder of artifacts.
pub fn artifacts_in(folder: &Path) -> Vec<Artifact> {
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter().flatten();
    let files = walk.filter(|entry| entry.file_type().is_file() && entry.file_name() != ".copying");
    files
        .take(MAX_FILES)
        .filter_map(|entry| {
            let bytes = entry.metadata().ok()?.len();
            let path: PathBuf = entry.path().strip_prefix(folder).ok()?.to_owned();
            Some(Artifact { path: path.to_string_lossy().into_owned(), bytes })
        })
        .collect()
}

/// How many artifacts the tasks of a run made: files below folders `artifacts` of the run's folder.
pub fn artifacts_below(run_dir: &Path) -> usize {
    let walk = WalkDir::new(run_dir).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    let is_artifact = |path: &Path| path.parent().is_some_and(|parent| parent.iter().any(|name| name == "artifacts"));
    walk.filter(|entry| is_artifact(entry.path().strip_prefix(run_dir).unwrap_or(entry.path()))).count()
}

fn listed(into: &Path, kept: KeptArtifacts) -> KeptArtifacts {
    KeptArtifacts { files: artifacts_in(into), ..kept }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_globs_name_is_copied_and_nothing_from_outside() {
        let dir = tempfile::tempdir().unwrap();
        let (root, into) = (dir.path().join("w"), dir.path().join("kept"));
        fs::create_dir_all(root.join("dist/deep")).unwrap();
        fs::write(dir.path().join("outside"), "outside").unwrap();
        fs::write(root.join("dist/a.txt"), "a").unwrap();
        fs::write(root.join("dist/deep/b.txt"), "bb").unwrap();
        fs::write(root.join("dist/secret.txt"), "x hunter22 y").unwrap();
        symlink(dir.path().join("outside"), root.join("dist/link.txt")).unwrap();
        symlink(dir.path(), root.join("dist/folder")).unwrap();
        let globs = ["dist/**".to_owned(), "../outside".to_owned(), "none/*".to_owned()];
        let kept = keep_artifacts(&root, &globs, &into, &Mask::of(["hunter22"])).unwrap();
        let names: Vec<_> = kept.files.iter().map(|file| (file.path.as_str(), file.bytes)).collect();
        assert_eq!(names, [("dist/a.txt", 1), ("dist/deep/b.txt", 2)]);
        assert_eq!(fs::read_to_string(into.join("dist/deep/b.txt")).unwrap(), "bb");
        let notes = kept.notes.join("\n");
        for word in ["link.txt", "secret.txt", "holds the value of a secret", "`../outside`", "`none/*`"] {
            assert!(notes.contains(word), "{word}: {notes}");
        }
        assert!(!into.join("dist/secret.txt").exists() && !into.join(".copying").exists());
    }
}
