//! The chain of hashes over all events, and the head that tells how far it reached.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::JournalError;
use super::disk::{self, Durable};
use crate::amount::WallTime;

/// Name of the head file.
const HEAD: &str = "head";

/// What the chain begins with.
const MARK: &str = "ai-sdlc journal 1";

/// Hash over an event and all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link([u8; 32]);

impl Link {
    /// What stands before the first event.
    pub(super) fn first() -> Self {
        Self(Sha256::digest(MARK.as_bytes()).into())
    }

    /// The link of the event after this one.
    pub(super) fn next(self, seq: u64, at: WallTime, body: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update(self.0)
            .chain_update(seq.to_be_bytes())
            .chain_update(at.0.to_be_bytes())
            .chain_update(body)
            .finalize();
        Self(hash.into())
    }

    /// Its bytes, as they are stored.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How far the chain reached when it was last told.
///
/// It is written after the events it speaks of are durable, so it may lag behind them (a kill, a power cut) and can
/// never run ahead: fewer events than it says is damage, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    /// So many events, and the link of the last.
    At {
        /// How many.
        seq: u64,
        /// The link, as it is printed.
        link: String,
    },
    /// There is no such file: the journal was never begun.
    None,
}

impl Head {
    /// Reads the newer of the two slots that are whole; the inner error says why there is none.
    pub(super) fn read(dir: &Path) -> Result<Result<Self, String>, JournalError> {
        let path = dir.join(HEAD);
        // A writer may be at work while we read: then the slot it writes is not whole. It cannot be at both, but for
        // a reader that is held up in the middle; that one looks again.
        for _ in 0..3 {
            match fs::read(&path) {
                Ok(bytes) => {
                    if let Some((_, seq, link)) = newest(&bytes) {
                        return Ok(Ok(Self::At { seq, link: link.to_owned() }));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(Self::None)),
                Err(error) => return Err(JournalError::file(&path, error)),
            }
        }
        Ok(Err("its head file is not what was written".to_owned()))
    }
}

/// The head file, open for writing: two slots of one line, written in turns and in place.
///
/// In place, because a file renamed over another for each turn made the next sync half as long again; in turns, so
/// that a write cut off in the middle leaves the other slot. Both lie in one sector of the disk.
#[derive(Debug)]
pub(super) struct HeadFile {
    path: PathBuf,
    file: File,
    slot: usize,
}

impl HeadFile {
    /// Makes the file of an empty journal, durably, and so that no reader ever sees a part of it.
    pub(super) fn create(dir: &Path) -> Result<Self, JournalError> {
        let line = line(0, Link::first());
        disk::write_renamed(&dir.join(HEAD), line.repeat(2).as_bytes(), Durable::Now)?;
        Self::open(dir)
    }

    /// Opens the file of a journal that was verified; makes it where the journal was never begun.
    pub(super) fn open(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(HEAD);
        let open = || -> io::Result<_> {
            let file = OpenOptions::new().write(true).open(&path)?;
            Ok((file, fs::read(&path)?))
        };
        match open() {
            Ok((file, bytes)) => {
                let slot = newest(&bytes).map_or(0, |(slot, ..)| 1 - slot);
                Ok(Self { path, file, slot })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(dir),
            Err(error) => Err(JournalError::file(&path, error)),
        }
    }

    /// Tells how far the chain reaches now. Not synced: a lag is harmless.
    pub(super) fn write(&mut self, seq: u64, link: Link) -> Result<(), JournalError> {
        let line = line(seq, link);
        let at = if self.slot == 0 { 0 } else { LINE };
        self.file.write_all_at(line.as_bytes(), at).map_err(|error| JournalError::file(&self.path, error))?;
        self.slot = 1 - self.slot;
        Ok(())
    }
}

/// Length of a line: number, link, check, and what stands between them.
const LINE: u64 = 20 + 1 + 64 + 1 + 16 + 1;

fn line(seq: u64, link: Link) -> String {
    let told = format!("{seq:020} {link}");
    let check = check(&told);
    format!("{told} {check}\n")
}

/// The slot, number and link of the newer line that is whole.
fn newest(bytes: &[u8]) -> Option<(usize, u64, &str)> {
    let length = usize::try_from(LINE).ok()?;
    let lines = bytes.chunks(length).take(2).enumerate();
    let whole = lines.filter_map(|(slot, line)| {
        let (told, sum) = str::from_utf8(line).ok()?.strip_suffix('\n')?.rsplit_once(' ')?;
        let (seq, link) = told.split_once(' ').filter(|_| sum == check(told))?;
        Some((slot, seq.parse().ok()?, link))
    });
    whole.max_by_key(|(_, seq, _)| *seq)
}

fn check(told: &str) -> String {
    let hash: [u8; 32] = Sha256::new().chain_update(MARK).chain_update(told).finalize().into();
    format!("{:016x}", hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_cut_off_in_the_middle_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = HeadFile::create(dir.path()).unwrap();
        let first = Link::first();
        for seq in 1..=5 {
            let before = Head::read(dir.path()).unwrap().unwrap();
            let at = if file.slot == 0 { 0 } else { LINE };
            for part in [1, 10, 30, 90] {
                file.file.write_all_at(&line(seq, first.next(seq, WallTime(0), b"")).as_bytes()[..part], at).unwrap();
                assert_eq!(Head::read(dir.path()).unwrap().unwrap(), before, "{part} of {seq}");
            }
            file.write(seq, first).unwrap();
            assert_eq!(Head::read(dir.path()).unwrap().unwrap(), Head::At { seq, link: first.to_string() });
            if seq == 3 {
                file = HeadFile::open(dir.path()).unwrap();
            }
        }
    }

    #[test]
    fn a_head_without_a_whole_line_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Head::read(dir.path()).unwrap(), Ok(Head::None));
        fs::write(dir.path().join(HEAD), "").unwrap();
        assert!(Head::read(dir.path()).unwrap().is_err());
    }
}
