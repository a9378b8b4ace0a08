//! Locks: one engine a run. What runs deliver to is in [`target`](super::target).
//!
//! A lock is `flock` on a file, so it ends with its holder, however that dies. The file tells who holds it, for
//! people; a dead holder's note that is still there is told as taken over. A run's lock file is never removed:
//! removing one that somebody is just opening would let two hold it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::JournalError;
use crate::amount::WallTime;
use crate::name::{MissionName, RunId};

/// Name of a run's lock file.
const LOCK: &str = "lock";

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its run.
    pub run: RunId,
    /// The mission of that run, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission: Option<MissionName>,
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

/// Whether a holder's process lives, as far as this machine can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Alive,
    /// It does, and is stopped (`SIGSTOP`, Ctrl-Z): it holds what it holds and does not move.
    Stopped,
    /// It does not.
    Dead,
    /// It runs, or ran, on another machine or in another container.
    Unseen,
}

impl Holder {
    /// This process.
    pub fn me(run: &RunId, since: WallTime) -> Self {
        let pid = std::process::id();
        Self {
            run: run.clone(),
            mission: None,
            pid,
            ticks: process(pid).map_or(0, |(ticks, _)| ticks),
            boot: system("/proc/sys/kernel/random/boot_id"),
            host: system("/proc/sys/kernel/hostname"),
            since,
        }
    }

    /// The same, with the mission of its run.
    #[must_use]
    pub fn of(self, mission: &MissionName) -> Self {
        Self { mission: Some(mission.clone()), ..self }
    }

    /// Whether that very process still runs here: same boot, same pid, same start.
    pub fn life(&self) -> Life {
        let same_boot = self.boot == system("/proc/sys/kernel/random/boot_id");
        match process(self.pid).filter(|(ticks, _)| same_boot && *ticks == self.ticks) {
            Some((_, 'T' | 't')) => Life::Stopped,
            // Ended, and not yet noticed by its parent: what it held is free.
            Some((_, 'Z' | 'X')) => Life::Dead,
            Some(_) => Life::Alive,
            None if self.host == system("/proc/sys/kernel/hostname") => Life::Dead,
            None => Life::Unseen,
        }
    }
}

/// Who is in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InTheWay {
    /// What cannot be had, and why, in words.
    pub what: String,
    /// Who; `None` in the moment before they have written it down.
    pub holder: Option<Holder>,
    /// Where their run takes place; `None` where it is the one that was asked for.
    pub directory: Option<PathBuf>,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody holds it.
    #[error("{}", .0.what)]
    Held(Box<InTheWay>),
    /// The file cannot be used.
    #[error("a lock cannot be taken")]
    File(#[from] JournalError),
}

/// The right to drive a run, as long as this lives.
#[derive(Debug)]
pub struct RunLock {
    held: Held,
    /// The folder itself: whoever removes the file takes no lock away.
    _folder: Option<File>,
}

impl RunLock {
    /// Takes the lock of the run whose folder this is.
    pub fn take(dir: &Path, me: &Holder) -> Result<Self, LockError> {
        let driven = |holder: Option<Holder>| {
            let what = format!("run {} is being driven already", me.run);
            Err(LockError::Held(Box::new(InTheWay { what, holder, directory: None })))
        };
        let folder = File::open(dir).ok();
        let locked = folder.as_ref().map(|folder| flock(folder, FlockOperation::NonBlockingLockExclusive));
        if locked == Some(Err(rustix::io::Errno::WOULDBLOCK)) {
            return driven(driver_of(dir));
        }
        match Held::take(&dir.join(LOCK), me)? {
            Taking::Taken(held) => Ok(Self { held, _folder: folder }),
            Taking::HeldBy(holder) => driven(holder),
        }
    }

    /// The dead holder whose lock this was, for the person to know.
    pub fn taken_over(&self) -> Option<&Holder> {
        self.held.before.as_ref()
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // A note that stays says that its writer died. If it cannot be cleared, a later take-over is told for nothing.
        drop(self.held.file.set_len(0));
    }
}

/// Who drives the run whose folder this is, if anybody does. Takes no lock, where processes can be seen: a look must
/// not be in anybody's way.
pub fn driver_of(dir: &Path) -> Option<Holder> {
    let path = dir.join(LOCK);
    let text = std::fs::read_to_string(&path).ok()?;
    let holder = serde_json::from_str::<Holder>(&text).ok()?;
    let lives = match holder.life() {
        Life::Alive | Life::Stopped => true,
        Life::Dead => false,
        Life::Unseen => File::open(&path).is_ok_and(|file| is_held(&file)),
    };
    lives.then_some(holder)
}

/// Whether somebody holds a lock on this file.
pub(super) fn is_held(file: &File) -> bool {
    let free = flock(file, FlockOperation::NonBlockingLockShared);
    // The look itself must hold nobody up: what cannot be let go ends with the file.
    flock(file, FlockOperation::NonBlockingUnlock).ok();
    free == Err(rustix::io::Errno::WOULDBLOCK)
}

/// A lock that is held, and the note of who held it before and did not let go.
#[derive(Debug)]
pub(super) struct Held<N = Holder> {
    pub(super) file: File,
    pub(super) before: Option<N>,
}

/// What came of taking a lock.
pub(super) enum Taking<N> {
    /// It is ours.
    Taken(Held<N>),
    /// It is somebody's; who, where that can be read.
    HeldBy(Option<N>),
}

impl<N: Serialize + for<'a> Deserialize<'a>> Held<N> {
    /// Takes the lock on a file, which is made where it is not there, and leaves a note in it.
    pub(super) fn take(path: &Path, note: &N) -> Result<Taking<N>, JournalError> {
        let failed = |error: io::Error| JournalError::file(path, error);
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let mut file = options.open(path).map_err(failed)?;
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        let mut text = String::new();
        let read = file.read_to_string(&mut text);
        let before = read.ok().and_then(|_| serde_json::from_str::<N>(&text).ok());
        match locked {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(Taking::HeldBy(before)),
            Err(errno) => return Err(failed(errno.into())),
        }
        let text = serde_json::to_string(note).map_err(|error| failed(error.into()))?;
        // Written over the old one and cut behind, so that where there is no room the old one stays.
        let written = file.rewind().and_then(|()| file.write_all(text.as_bytes()));
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        written.and_then(|()| file.set_len(length)).map_err(failed)?;
        Ok(Taking::Taken(Self { file, before }))
    }
}

/// When a process started, in ticks since boot, and its state: fields 22 and 3 of `stat`, counted after the name, which
/// may hold anything.
fn process(pid: u32) -> Option<(u64, char)> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((fields.nth(18)?.parse().ok()?, state))
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
        let LockError::Held(by) = &refused else { panic!("{refused}") };
        assert_eq!(by.holder, Some(me()));
        assert_eq!(refused.to_string(), "run bcdfghjk is being driven already");
        assert_eq!(driver_of(dir.path()), Some(me()));
        drop(first);
        assert_eq!(driver_of(dir.path()), None);
        assert_eq!(RunLock::take(dir.path(), &me()).unwrap().taken_over(), None);
    }

    #[test]
    fn a_lock_file_that_is_removed_lets_nobody_in() {
        let dir = tempfile::tempdir().unwrap();
        let first = RunLock::take(dir.path(), &me()).unwrap();
        std::fs::remove_file(dir.path().join(LOCK)).unwrap();
        let refused = RunLock::take(dir.path(), &me()).unwrap_err();
        assert_eq!(refused.to_string(), "run bcdfghjk is being driven already");
        drop(first);
        assert!(RunLock::take(dir.path(), &me()).is_ok());
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
        std::fs::write(dir.path().join(LOCK), b"\xff\xfe nonsense that is longer than any note would be".repeat(20))
            .unwrap();
        assert_eq!(driver_of(dir.path()), None);
        let lock = RunLock::take(dir.path(), &me()).unwrap();
        assert_eq!(lock.taken_over(), None);
        assert_eq!(driver_of(dir.path()), Some(me()), "nothing of it is left behind the new note");
    }

    #[test]
    fn a_note_of_an_engine_before_missions_were_noted_is_read() {
        let old = r#"{"run":"bcdfghjk","pid":1,"ticks":2,"boot":"b","host":"h","since":3}"#;
        assert_eq!(serde_json::from_str::<Holder>(old).unwrap().mission, None);
    }

    #[test]
    fn a_process_is_known_by_more_than_its_pid() {
        assert_eq!(me().life(), Life::Alive);
        assert_eq!(Holder { boot: "other".to_owned(), ..me() }.life(), Life::Dead);
        assert_eq!(Holder { ticks: me().ticks + 1, ..me() }.life(), Life::Dead);
    }

    #[test]
    fn of_a_process_elsewhere_only_its_lock_tells() {
        let dir = tempfile::tempdir().unwrap();
        let (boot, host) = ("other".to_owned(), "another-host".to_owned());
        let elsewhere = Holder { boot, host, ..me() };
        assert_eq!(elsewhere.life(), Life::Unseen);
        let lock = RunLock::take(dir.path(), &elsewhere).unwrap();
        assert_eq!(driver_of(dir.path()), Some(elsewhere.clone()));
        assert!(RunLock::take(dir.path(), &me()).is_err(), "looking let go of nothing");
        let note = std::fs::read(dir.path().join(LOCK)).unwrap();
        drop(lock);
        std::fs::write(dir.path().join(LOCK), note).unwrap();
        assert_eq!(driver_of(dir.path()), None);
        assert_eq!(RunLock::take(dir.path(), &me()).unwrap().taken_over(), Some(&elsewhere));
    }
}
