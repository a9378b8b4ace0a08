//! What runs deliver to or work in, and must not share while they are live: a branch, a directory.
//!
//! Each live run has a file of its own in a folder of locks, locked as long as it lives, with a note of who it is and
//! what it is at. Whoever comes reads all the notes there and sees whether one of them meets their own: directories
//! that lie inside of one another meet, and so do a directory and a checkout of a branch. That is done in turn, so
//! that of two who come at once one sees the other. Only in their turn are files made and removed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustix::event::{Timespec, poll};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::JournalError;
use super::lock::{Held, Holder, InTheWay, LockError, Taking, is_held};

/// How often a turn is asked for, and how long is waited in between: 10 seconds in all. A turn takes milliseconds.
const TRIES: usize = 500;
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// What a run delivers to, or works in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A branch, the `into` of a mission.
    Branch {
        /// Its name.
        name: String,
        /// The git folder of its repository, which all checkouts share.
        repository: PathBuf,
        /// Where it is checked out.
        checkout: Option<PathBuf>,
    },
    /// The directory in which a mission without git works; absolute.
    Directory(PathBuf),
}

impl Target {
    /// A branch; what is no text in a path is told as well as it can be.
    pub fn branch(name: &str, repository: &Path, checkout: Option<&Path>) -> Self {
        Self::Branch { name: name.to_owned(), repository: as_text(repository), checkout: checkout.map(as_text) }
    }

    /// A directory.
    pub fn directory(path: &Path) -> Self {
        Self::Directory(as_text(path))
    }

    /// The folder in which it changes files.
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Branch { checkout, .. } => checkout.as_deref(),
            Self::Directory(path) => Some(path),
        }
    }

    /// What of it another run uses already, in words.
    fn meets(&self, theirs: &Note) -> Option<String> {
        let Note { holder, target, .. } = theirs;
        if let (Self::Branch { name, repository, .. }, Self::Branch { name: other, repository: place, .. }) =
            (self, target)
        {
            return (name == other && repository == place)
                .then(|| format!("branch `{name}` is what run {} delivers to", holder.run));
        }
        let (mine, other) = (self.folder()?, target.folder()?);
        let where_mine = match self {
            Self::Branch { name, .. } => format!("branch `{name}` is checked out in {}", mine.display()),
            Self::Directory(_) => format!("directory {}", mine.display()),
        };
        let what_they_do = match target {
            Self::Branch { name, .. } => format!("where run {} delivers to `{name}`", holder.run),
            Self::Directory(_) => format!("where run {} works", holder.run),
        };
        let verb = if matches!(self, Self::Directory(_)) { " is" } else { "," };
        if mine == other {
            Some(format!("{where_mine}{verb} {what_they_do}"))
        } else if mine.starts_with(other) {
            Some(format!("{where_mine}{verb} inside {}, {what_they_do}", other.display()))
        } else if other.starts_with(mine) {
            Some(format!("{where_mine}{verb} around {}, {what_they_do}", other.display()))
        } else {
            None
        }
    }
}

/// Who is at what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who.
    pub holder: Holder,
    /// At what.
    pub target: Target,
    /// Where its run takes place: there its commands are typed.
    pub directory: PathBuf,
}

/// A note that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// What it says.
    pub note: Note,
    /// Whether its run still holds it, or died without letting go.
    pub hold: Hold,
}

/// Whether a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It is.
    Held,
    /// Its holder died.
    Left,
}

/// Whether it is all right that others are at the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// It is not.
    Nobody,
    /// The person was asked about those who are there, and said so.
    Others,
}

/// The folders in which locks lie: that of the project, which all users of the repository share, and that of the
/// person, in which directories of different projects meet.
#[derive(Debug, Clone)]
pub struct LockFolders {
    own: PathBuf,
    person: Option<PathBuf>,
}

impl LockFolders {
    /// `ai_sdlc` is the project's folder that holds `runs` and `locks`, `person` the folder for locks of theirs.
    pub fn new(ai_sdlc: &Path, person: Option<&Path>) -> Self {
        Self { own: ai_sdlc.join("locks"), person: person.map(Path::to_owned) }
    }

    /// Who is at something that meets this target. Takes nothing and makes nothing.
    pub fn in_the_way(&self, target: &Target) -> Vec<InTheWay> {
        let mut found: Vec<InTheWay> = Vec::new();
        for noted in self.notes().into_iter().filter(|noted| noted.hold == Hold::Held) {
            found.extend(in_the_way(target, noted.note));
        }
        found
    }

    /// All notes, each once.
    pub fn notes(&self) -> Vec<Noted> {
        let mut all: Vec<Noted> = Vec::new();
        for folder in [Some(&self.own), self.person.as_ref()].into_iter().flatten() {
            let turn = turn(folder);
            for (_, noted) in look_through(folder).into_iter().filter_map(|(path, noted)| Some((path, noted?))) {
                if !all.iter().any(|one| one.note.holder.run == noted.note.holder.run) {
                    all.push(noted);
                }
            }
            drop(turn);
        }
        all
    }
}

/// A path that can be noted, without links: the same place has one name.
fn as_text(path: &Path) -> PathBuf {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    PathBuf::from(path.to_string_lossy().into_owned())
}

fn in_the_way(target: &Target, theirs: Note) -> Option<InTheWay> {
    let what = target.meets(&theirs)?;
    Some(InTheWay { what, holder: Some(theirs.holder), directory: Some(theirs.directory) })
}

/// The right to deliver to a target, as long as this lives.
#[derive(Debug)]
pub struct TargetLock {
    held: Vec<OwnFile>,
}

impl TargetLock {
    /// Takes it.
    pub fn take(folders: &LockFolders, me: &Note, beside: Beside) -> Result<Self, LockError> {
        let mut held = vec![take_in(&folders.own, me, beside)?];
        match folders.person.as_deref().map(|folder| take_in(folder, me, beside)) {
            None => {}
            Some(Ok(file)) => held.push(file),
            Some(Err(held @ LockError::Held(_))) => return Err(held),
            // A home that cannot be written keeps nobody from working elsewhere.
            Some(Err(LockError::File(error))) => tracing::debug!(%error, "no lock among the person's own"),
        }
        Ok(Self { held })
    }

    /// The dead holders whose locks were in the way, each once, for the person to know.
    pub fn taken_over(&self) -> Vec<&Note> {
        let mut dead: Vec<&Note> = Vec::new();
        for note in self.held.iter().flat_map(|file| &file.dead) {
            if !dead.iter().any(|one| one.holder.run == note.holder.run) {
                dead.push(note);
            }
        }
        dead
    }
}

/// A file that is locked, and removed in the end.
#[derive(Debug)]
struct OwnFile {
    folder: PathBuf,
    path: PathBuf,
    held: Held<Note>,
    /// Whose files were in the way, and are gone.
    dead: Vec<Note>,
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        // What is not removed in turn is emptied, and removed by the next who has it. An old note is told for nothing.
        match turn(&self.folder) {
            Ok(_turn) => drop(fs::remove_file(&self.path)),
            Err(_) => drop(self.held.file.set_len(0)),
        }
    }
}

fn take_in(folder: &Path, me: &Note, beside: Beside) -> Result<OwnFile, LockError> {
    fs::create_dir_all(folder).map_err(|error| JournalError::file(folder, error))?;
    let _turn = turn(folder)?;
    let path = folder.join(format!("{}.lock", me.holder.run));
    let mut dead = Vec::new();
    for (file, noted) in look_through(folder).into_iter().filter(|(file, _)| *file != path) {
        match noted {
            Some(Noted { note, hold: Hold::Held }) => {
                if let (Some(found), Beside::Nobody) = (in_the_way(&me.target, note), beside) {
                    return Err(LockError::Held(Box::new(found)));
                }
            }
            Some(Noted { note, hold: Hold::Left }) if me.target.meets(&note).is_some() => {
                dead.push((file, note));
            }
            Some(Noted { hold: Hold::Left, .. }) => {}
            None => drop(fs::remove_file(file)),
        }
    }
    let held = match Held::take(&path, me)? {
        Taking::Taken(held) => held,
        Taking::HeldBy(note) => {
            let what = format!("run {} is being driven already", me.holder.run);
            let holder = note.map(|note| note.holder);
            return Err(LockError::Held(Box::new(InTheWay { what, holder, directory: None })));
        }
    };
    // Told once: whoever comes next has us in the way, or nobody.
    for (file, _) in &dead {
        drop(fs::remove_file(file));
    }
    let dead = dead.into_iter().map(|(_, note)| note).collect();
    Ok(OwnFile { folder: folder.to_owned(), path, held, dead })
}

/// All lock files of a folder; `None` for one that says nothing and that nobody holds.
fn look_through(folder: &Path) -> Vec<(PathBuf, Option<Noted>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "lock"));
    let mut found: Vec<(PathBuf, Option<Noted>)> = Vec::new();
    for path in paths {
        let Ok(mut file) = File::open(&path) else { continue };
        let mut text = String::new();
        let read = file.read_to_string(&mut text);
        let note = read.ok().and_then(|_| serde_json::from_str(&text).ok());
        match (note, is_held(&file)) {
            (Some(note), true) => found.push((path, Some(Noted { note, hold: Hold::Held }))),
            (Some(note), false) => found.push((path, Some(Noted { note, hold: Hold::Left }))),
            (None, false) => found.push((path, None)),
            (None, true) => {}
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}

/// Waits for its turn: as long as the returned folder is open, nobody else has it.
fn turn(folder: &Path) -> Result<File, JournalError> {
    let failed = |error| JournalError::file(folder, error);
    let turn = File::open(folder).map_err(failed)?;
    for _ in 0..TRIES {
        match flock(&turn, FlockOperation::NonBlockingLockExclusive) {
            // Some network file systems lock no folders: the files themselves still are.
            Ok(()) | Err(rustix::io::Errno::BADF) => return Ok(turn),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                poll(&mut [], Some(&PAUSE)).ok();
            }
            Err(errno) => return Err(failed(errno.into())),
        }
    }
    Err(failed(io::Error::new(io::ErrorKind::TimedOut, "another process has held it for 10 seconds")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::WallTime;
    use crate::name::RunId;

    fn of(run: &str, target: Target) -> Note {
        let holder = Holder::me(&RunId::parse(run).unwrap(), WallTime(1_000));
        Note { holder, target, directory: PathBuf::from("/project") }
    }

    fn branch(name: &str, checkout: Option<&str>) -> Target {
        let repository = PathBuf::from("/project/.git");
        Target::Branch { name: name.to_owned(), repository, checkout: checkout.map(PathBuf::from) }
    }

    fn directory(path: &str) -> Target {
        Target::Directory(PathBuf::from(path))
    }

    #[test]
    fn what_meets_is_told_in_words() {
        let theirs = [directory("/a/b"), branch("main", Some("/a/b")), branch("main", None)];
        let mine = [
            directory("/a/b"),
            directory("/a"),
            directory("/a/b/c"),
            directory("/a/bc"),
            branch("main", Some("/a/b")),
            branch("main", None),
            branch("Main", Some("/a")),
        ];
        let mut told = Vec::new();
        for mine in &mine {
            for theirs in &theirs {
                let words = mine.meets(&of("bcdfghjk", theirs.clone()));
                told.push(words.unwrap_or_else(|| "-".to_owned()));
            }
        }
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn of_two_at_the_same_one_is_refused_until_the_other_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let folders = LockFolders::new(dir.path(), None);
        let first = TargetLock::take(&folders, &of("bcdfghjk", branch("main", None)), Beside::Nobody).unwrap();
        assert_eq!((first.held.len(), first.taken_over().len()), (1, 0));
        let other = of("ccccgggg", branch("main", None));
        let refused = TargetLock::take(&folders, &other, Beside::Nobody).unwrap_err();
        assert_eq!(refused.to_string(), "branch `main` is what run bcdfghjk delivers to");
        assert_eq!(folders.in_the_way(&other.target).len(), 1);
        let elsewhere = TargetLock::take(&folders, &of("dddddddd", branch("next", None)), Beside::Nobody).unwrap();
        drop(first);
        assert_eq!(folders.in_the_way(&other.target), []);
        let second = TargetLock::take(&folders, &other, Beside::Nobody).unwrap();
        assert_eq!(second.taken_over().len(), 0);
        drop((elsewhere, second));
        assert_eq!(fs::read_dir(dir.path().join("locks")).unwrap().count(), 0);
    }

    #[test]
    fn one_who_may_goes_on_beside_and_is_seen_when_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let folders = LockFolders::new(dir.path(), None);
        let first = TargetLock::take(&folders, &of("bcdfghjk", directory("/a")), Beside::Nobody).unwrap();
        let _second = TargetLock::take(&folders, &of("ccccgggg", directory("/a")), Beside::Others).unwrap();
        drop(first);
        let third = TargetLock::take(&folders, &of("dddddddd", directory("/a/b")), Beside::Nobody).unwrap_err();
        assert_eq!(third.to_string(), "directory /a/b is inside /a, where run ccccgggg works");
    }

    #[test]
    fn directories_of_different_projects_meet_among_the_persons_locks() {
        let dir = tempfile::tempdir().unwrap();
        let person = dir.path().join("person");
        let folders = |of: &str| LockFolders::new(&dir.path().join(of), Some(&person));
        let first = TargetLock::take(&folders("one"), &of("bcdfghjk", directory("/a")), Beside::Nobody).unwrap();
        assert_eq!(first.held.len(), 2);
        let inner = of("ccccgggg", directory("/a/b"));
        assert_eq!(folders("two").in_the_way(&inner.target).len(), 1);
        assert!(TargetLock::take(&folders("two"), &inner, Beside::Nobody).is_err());
        let kept = fs::read_dir(dir.path().join("two/locks")).unwrap().count();
        assert_eq!(kept, 0, "what was taken before the refusal is given back");
    }

    #[test]
    fn who_died_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let folders = LockFolders::new(dir.path(), None);
        let locks = dir.path().join("locks");
        fs::create_dir_all(&locks).unwrap();
        let mut dead = of("bcdfghjk", directory("/a/b"));
        dead.holder.ticks = 1;
        fs::write(locks.join("bcdfghjk.lock"), serde_json::to_string(&dead).unwrap()).unwrap();
        fs::write(locks.join("empty.lock"), "").unwrap();
        assert_eq!(folders.notes(), [Noted { note: dead.clone(), hold: Hold::Left }]);
        assert_eq!(folders.in_the_way(&directory("/a")), []);
        let far = TargetLock::take(&folders, &of("dddddddd", directory("/b")), Beside::Nobody).unwrap();
        assert_eq!(far.taken_over().len(), 0, "it was at something else");
        let lock = TargetLock::take(&folders, &of("ccccgggg", directory("/a")), Beside::Nobody).unwrap();
        assert_eq!(lock.taken_over(), [&dead]);
        drop((lock, far));
        let again = TargetLock::take(&folders, &of("ccccgggg", directory("/a")), Beside::Nobody).unwrap();
        assert_eq!(again.taken_over().len(), 0);
        assert!(!locks.join("empty.lock").exists());
    }

    #[test]
    fn a_dead_run_that_goes_on_takes_its_own_place_again() {
        let dir = tempfile::tempdir().unwrap();
        let folders = LockFolders::new(dir.path(), None);
        let me = of("bcdfghjk", directory("/a"));
        let locks = dir.path().join("locks");
        fs::create_dir_all(&locks).unwrap();
        fs::write(locks.join("bcdfghjk.lock"), serde_json::to_string(&me).unwrap()).unwrap();
        let lock = TargetLock::take(&folders, &me, Beside::Nobody).unwrap();
        assert_eq!(lock.taken_over().len(), 0, "the run's own lock tells that");
        assert!(TargetLock::take(&folders, &me, Beside::Others).is_err(), "one engine a run");
    }
}
