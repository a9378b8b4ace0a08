//! Small files, written whole or not at all.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use super::JournalError;

/// Whether a write must survive a power cut at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// It is synced, and so is its folder.
    Now,
    /// The system writes it when it likes.
    Later,
}

/// Writes a file under another name and renames it: readers see the old content or the new, never a part.
pub fn write_renamed(path: &Path, content: &[u8], durable: Durable) -> Result<(), JournalError> {
    // The name carries the process, so that two writers never share one half-written file.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(content)?;
        if durable == Durable::Now { file.sync_all() } else { Ok(()) }
    });
    let renamed = written.and_then(|()| fs::rename(&new, path));
    if let Err(error) = renamed {
        // What is half-written is of no use; failing to remove it changes nothing.
        drop(fs::remove_file(&new));
        return Err(JournalError::file(path, error));
    }
    match (durable, path.parent()) {
        (Durable::Now, Some(folder)) => sync_folder(folder),
        (Durable::Now | Durable::Later, _) => Ok(()),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), JournalError> {
    // The folder of a bare name is the one we are in.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| JournalError::file(folder, error))
}
