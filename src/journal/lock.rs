//! Locks: one engine a run, and one run at a time on what runs deliver to.
//!
//! A lock is `flock` on a file, so it ends with its holder, however that dies. The file tells who holds it, for
//! people; a dead holder's note that is still there is told as taken over. Lock files are never removed: removing
//! one that somebody is just opening would let two hold it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::JournalError;
use crate::amount::WallTime;
use crate::name::RunId;

/// Name of a run's lock file.
const LOCK: &str = "lock";

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its run.
    pub run: RunId,
    /// Its process.
    pub pid: u32,
    /// When that process started, in ticks since boot: a pid alone is used again.
    pub ticks: u64,
    /// The boot in which that counts.
    pub boot: String,
    /// The machine.
    pub host: String,
    /// Since when.
    pub since: WallTime,
}

/// Whether a holder's process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Alive,
    /// It does not.
    Dead,
}

impl Holder {
    /// This process.
    pub fn me(run: &RunId, since: WallTime) -> Self {
        let pid = std::process::id();
        Self {
            run: run.clone(),
            pid,
            ticks: start_ticks(pid).unwrap_or(0),
            boot: system("/proc/sys/kernel/random/boot_id"),
            host: system("/proc/sys/kernel/hostname"),
            since,
        }
    }

    /// Whether that very process still runs here: same boot, same pid, same start.
    pub fn life(&self) -> Life {
        let same_boot = self.boot == system("/proc/sys/kernel/random/boot_id");
        if same_boot && start_ticks(self.pid) == Some(self.ticks) { Life::Alive } else { Life::Dead }
    }
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody holds it.
    #[error("{}", held(.what, .holder.as_deref()))]
    Held {
        /// What is locked, in words.
        what: String,
        /// Who; `None` in the moment before they have written it down.
        holder: Option<Box<Holder>>,
    },
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] JournalError),
}

fn held(what: &str, holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder { run, pid, host, since, .. }) => {
            format!("{what} is in use by run {run} (process {pid} on {host}, since {since})")
        }
        None => format!("{what} is in use by another run"),
    }
}

/// The right to drive a run, as long as this lives.
#[derive(Debug)]
pub struct RunLock {
    held: Held,
}

impl RunLock {
    /// Takes the lock of the run whose folder this is.
    pub fn take(dir: &Path, me: &Holder) -> Result<Self, LockError> {
        Ok(Self { held: Held::take(&dir.join(LOCK), &format!("run {}", me.run), me)? })
    }

    /// The dead holder whose lock this was, for the person to know.
    pub fn taken_over(&self) -> Option<&Holder> {
        self.held.taken_over.as_ref()
    }
}

/// What runs deliver to, and must not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A branch of the repository, the `into` of a mission.
    Branch(String),
    /// The directory in which a mission without git works; absolute.
    Directory(PathBuf),
}

impl Target {
    fn words(&self) -> String {
        match self {
            Self::Branch(branch) => format!("branch {branch}"),
            Self::Directory(path) => format!("directory {}", path.display()),
        }
    }

    /// A branch may hold `/` and a path may be long: the name is a hash.
    fn file_name(&self) -> String {
        let hash: [u8; 32] = Sha256::digest(self.words().as_bytes()).into();
        let number = hash.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
        format!("{number:032x}.lock")
    }
}

/// The right to deliver to a target, as long as this lives.
#[derive(Debug)]
pub struct TargetLock {
    held: Held,
}

impl TargetLock {
    /// Takes the lock of a target; `ai_sdlc` is the folder that holds `runs` and `locks`.
    pub fn take(ai_sdlc: &Path, target: &Target, me: &Holder) -> Result<Self, LockError> {
        let locks = ai_sdlc.join("locks");
        std::fs::create_dir_all(&locks).map_err(|error| JournalError::file(&locks, error))?;
        Ok(Self { held: Held::take(&locks.join(target.file_name()), &target.words(), me)? })
    }

    /// The dead holder whose lock this was, for the person to know.
    pub fn taken_over(&self) -> Option<&Holder> {
        self.held.taken_over.as_ref()
    }
}

/// Who drives the run whose folder this is, if anybody does. Takes no lock: a look must not be in anybody's way.
pub fn driver_of(dir: &Path) -> Option<Holder> {
    let text = std::fs::read_to_string(dir.join(LOCK)).ok()?;
    serde_json::from_str::<Holder>(&text).ok().filter(|holder| holder.life() == Life::Alive)
}

#[derive(Debug)]
struct Held {
    file: File,
    taken_over: Option<Holder>,
}

impl Held {
    fn take(path: &Path, what: &str, me: &Holder) -> Result<Self, LockError> {
        let failed = |error| JournalError::file(path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| JournalError::file(path, error))?;
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        let mut note = String::new();
        let read = file.read_to_string(&mut note);
        let holder = read.ok().and_then(|_| serde_json::from_str::<Holder>(&note).ok());
        match locked {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LockError::Held { what: what.to_owned(), holder: holder.map(Box::new) });
            }
            Err(errno) => return Err(failed(errno.into()).into()),
        }
        let text = serde_json::to_string(me).map_err(|error| failed(error.into()))?;
        let write = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        write.map_err(failed)?;
        Ok(Self { file, taken_over: holder })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A note that stays says that its writer died. If it cannot be cleared, a later take-over is told for nothing.
        drop(self.file.set_len(0));
    }
}

/// Field 22 of `stat`, counted after the name, which may hold anything.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(19)?.parse().ok()
}

fn system(path: &str) -> String {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Holder {
        Holder::me(&RunId::parse("bcdfghjk").unwrap(), WallTime(1_000))
    }

    #[test]
    fn one_engine_a_run() {
        let dir = tempfile::tempdir().unwrap();
        let first = RunLock::take(dir.path(), &me()).unwrap();
        assert_eq!(first.taken_over(), None);
        let refused = RunLock::take(dir.path(), &me()).unwrap_err();
        let LockError::Held { holder, .. } = &refused else { panic!("{refused}") };
        assert_eq!(holder.as_deref(), Some(&me()));
        assert!(refused.to_string().starts_with("run bcdfghjk is in use by run bcdfghjk (process "), "{refused}");
        assert_eq!(driver_of(dir.path()), Some(me()));
        drop(first);
        assert_eq!(driver_of(dir.path()), None);
        assert_eq!(RunLock::take(dir.path(), &me()).unwrap().taken_over(), None);
    }

    #[test]
    fn a_dead_holder_is_taken_over_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let dead = Holder { ticks: 1, ..me() };
        std::fs::write(dir.path().join(LOCK), serde_json::to_string(&dead).unwrap()).unwrap();
        assert_eq!(driver_of(dir.path()), None, "same pid, other start: not that process");
        assert_eq!(RunLock::take(dir.path(), &me()).unwrap().taken_over(), Some(&dead));
    }

    #[test]
    fn a_spoilt_note_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LOCK), b"\xff\xfe nonsense").unwrap();
        assert_eq!(driver_of(dir.path()), None);
        assert_eq!(RunLock::take(dir.path(), &me()).unwrap().taken_over(), None);
    }

    #[test]
    fn targets_are_locked_apart() {
        let dir = tempfile::tempdir().unwrap();
        let branch = |name: &str| TargetLock::take(dir.path(), &Target::Branch(name.to_owned()), &me());
        let main = branch("main").unwrap();
        let refused = branch("main").unwrap_err();
        assert!(refused.to_string().starts_with("branch main is in use by run bcdfghjk"), "{refused}");
        let other = branch("feature/main").unwrap();
        let directory = TargetLock::take(dir.path(), &Target::Directory(PathBuf::from("main")), &me()).unwrap();
        drop((main, other, directory));
        assert!(branch("main").is_ok());
    }

    #[test]
    fn a_process_is_known_by_more_than_its_pid() {
        assert_eq!(me().life(), Life::Alive);
        assert_eq!(Holder { boot: "other".to_owned(), ..me() }.life(), Life::Dead);
        assert_eq!(Holder { ticks: me().ticks + 1, ..me() }.life(), Life::Dead);
    }
}
