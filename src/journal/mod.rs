//! The journal: one SQLite database a run, the only truth; its locks and its inbox.
//!
//! In the folder of a run lie `journal.db` (the events), `head` (how far they reached), `run.json` (a note for
//! lists, no truth), `lock` and `inbox.db`. SQLite alone reads a damaged page or a cut write-ahead log back without
//! a word, as fewer or other rows: so every event carries a hash over itself and all before it, and `head` tells
//! how many there were. What comes out of here is all events, exactly, or an error.
//!
//! Nothing here decides, and nothing here knows what events mean, but for the end of a run in a list.

mod chain;
mod disk;
pub mod fail_point;
pub mod inbox;
pub mod lock;
pub mod network;
mod read;
pub mod runs;
mod store;
pub mod target;

use std::io;
use std::path::{Path, PathBuf};

pub use disk::{Durable, write_renamed};
pub use read::{Reader, Record};
pub use store::{Journal, Opened};

/// What goes wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is none.
    #[error("there is no journal in {dir}", dir = dir.display())]
    Missing {
        /// Where it should be.
        dir: PathBuf,
    },
    /// There is one already.
    #[error("there is already a journal in {dir}", dir = dir.display())]
    Exists {
        /// Where.
        dir: PathBuf,
    },
    /// It is not what was written.
    #[error("the journal in {dir} is damaged after event {whole}: {why}", dir = dir.display())]
    Damaged {
        /// Where.
        dir: PathBuf,
        /// How many events from the first on are whole.
        whole: u64,
        /// What is wrong.
        why: String,
    },
    /// It is whole, and this program does not know what it says.
    #[error("event {seq} of the journal in {dir} cannot be read: {why}", dir = dir.display())]
    Unreadable {
        /// Where.
        dir: PathBuf,
        /// Which event.
        seq: u64,
        /// Why not.
        why: String,
    },
    /// Another engine wrote to it.
    #[error("another engine has written event {seq} of this run")]
    Overtaken {
        /// The event we would have written.
        seq: u64,
    },
    /// There is no room.
    #[error("no space is left on the disk that holds {dir}", dir = dir.display())]
    DiskFull {
        /// What was being written to.
        dir: PathBuf,
    },
    /// The store failed otherwise.
    #[error("the journal in {dir} cannot be used", dir = dir.display())]
    Store {
        /// Where.
        dir: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// A file beside it failed.
    #[error("{path} cannot be used", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl JournalError {
    /// What a person can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "`ai-sdlc run list` shows the runs there are",
            Self::Exists { .. } => "take another run id",
            Self::Damaged { .. } => {
                "nothing was changed; put the run's folder back from a backup, or start a new run: branches `ai-sdlc/<run>/…` hold the finished work"
            }
            Self::Unreadable { .. } => "a newer ai-sdlc wrote it: use that one",
            Self::Overtaken { .. } => "one engine drives a run: let the other one end",
            Self::DiskFull { .. } => "make room, then `ai-sdlc run resume`: nothing recorded is lost",
            Self::Store { .. } | Self::File { .. } => "look at the permissions and the disk of that folder",
        }
    }

    fn file(path: &Path, source: io::Error) -> Self {
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::DiskFull { dir: path.to_owned() }
        } else {
            Self::File { path: path.to_owned(), source }
        }
    }

    fn store(dir: &Path, source: rusqlite::Error) -> Self {
        let full = source.sqlite_error().is_some_and(|error| {
            error.code == rusqlite::ErrorCode::DiskFull || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
        });
        if full { Self::DiskFull { dir: dir.to_owned() } } else { Self::Store { dir: dir.to_owned(), source } }
    }
}
