//! Small files and lines that the program writes for itself, as damage, another version or another program may have
//! left them. The first line says which, the rest is it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::SystemTime;

use ai_sdlc::amount::WallTime;
use ai_sdlc::driver::guard::{GuardReport, Spawn, UnrecordedEnd};
use ai_sdlc::journal::inbox::{Ask, Posted};
use ai_sdlc::journal::lock::{Holder, RunLock, driver_of};
use ai_sdlc::journal::runs::{RunNote, Runs};
use ai_sdlc::journal::{Journal, Record};
use ai_sdlc::kernel::collisions::Side;
use ai_sdlc::kernel::event::{Artifact, CacheFound, Event};
use ai_sdlc::kernel::fact::{WorkEnd, WorkKey};
use ai_sdlc::name::{RunId, TaskId};
use ai_sdlc::session::processes::Process;
use ai_sdlc::session::protocol::{HostLine, HostOrder, SessionSpec};
use ai_sdlc::workspace::{CacheKey, CacheStore, Git, LookedUp, Repository, WorktreeOf};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::plans::run_id;

/// Small files and lines.
pub fn records(data: &[u8]) -> Option<bool> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let (what, rest) = (str::from_utf8(&data[..end]).ok()?, &data[end + 1..]);
    match what {
        "lines" => Some(str::from_utf8(rest).ok()?.lines().filter(|line| lines(line)).count() > 0),
        "note" => Some(note(rest)),
        "lock" => Some(lock(rest)),
        "head" => Some(damaged("head", rest)),
        "journal" => Some(damaged("journal.db", rest)),
        "worktree" => Some(worktree(rest)),
        "entry" => Some(entry(rest)),
        "stat" => Some(stat(str::from_utf8(rest).ok()?)),
        _ => None,
    }
}

/// A line of JSON as any of what is said in lines, or kept in rows and files: what is read is written as it was.
fn lines(line: &str) -> bool {
    let read = [
        same::<HostLine>(line),
        same::<HostOrder>(line),
        same::<GuardReport>(line),
        same::<Spawn>(line),
        same::<UnrecordedEnd>(line),
        same::<Vec<UnrecordedEnd>>(line),
        same::<SessionSpec>(line),
        same::<WorkEnd>(line),
        same::<WorkKey>(line),
        same::<Ask>(line),
        same::<Posted>(line),
        same::<Holder>(line),
        same::<RunNote>(line),
        same::<Event>(line),
        same::<CacheFound>(line),
        same::<Artifact>(line),
        same::<WorktreeOf>(line),
        same::<Side>(line),
    ];
    read.contains(&true)
}

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(line: &str) -> bool {
    let Ok(value) = serde_json::from_str::<T>(line) else { return false };
    let written = serde_json::to_string(&value).expect("it can be written");
    assert!(!written.contains('\n'), "it is one line");
    let again: T = serde_json::from_str(&written).expect("what is written is read");
    assert_eq!(again, value, "{written}");
    true
}

/// A run's note: in a list the run is there, whatever the note is.
fn note(bytes: &[u8]) -> bool {
    let dir = tempfile::tempdir().expect("a folder");
    let runs = Runs::at(dir.path());
    let run = runs.dir(&run_id());
    fs::create_dir_all(&run).expect("a folder");
    fs::write(run.join("journal.db"), b"").expect("it is written");
    fs::write(run.join("run.json"), bytes).expect("it is written");
    let list = runs.list().expect("a list");
    let [entry] = list.as_slice() else { panic!("{list:?}") };
    assert_eq!(entry.id, run_id());
    if let Some(note) = &entry.note {
        assert_eq!(serde_json::from_slice::<RunNote>(bytes).ok().as_ref(), Some(note));
    }
    assert_eq!(runs.resolve("@").expect("the latest").id, run_id());
    entry.note.is_some()
}

/// A lock's note holds nobody up, and names nobody who is not there.
fn lock(bytes: &[u8]) -> bool {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("lock"), bytes).expect("it is written");
    let driver = driver_of(dir.path());
    let me = Holder::me(&run_id(), WallTime(1));
    assert!(driver.is_none_or(|holder| holder.pid > 0 && holder.boot == me.boot));
    let lock = RunLock::take(dir.path(), &me).expect("nobody holds it");
    let told = lock.taken_over().is_some();
    drop(lock);
    assert_eq!(driver_of(dir.path()), None);
    told
}

/// A journal of a few events; its files as they were, and what they hold.
struct Kept {
    files: Vec<(&'static str, Vec<u8>)>,
    records: Vec<Record>,
}

fn kept() -> &'static Kept {
    static ONCE: OnceLock<Kept> = OnceLock::new();
    ONCE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a folder");
        let mut journal = Journal::create(dir.path()).expect("a journal");
        for n in 0..40 {
            let text = format!("event {n} {}", "x".repeat(n * 7));
            let event = Event::Note { task: TaskId::parse("build").ok(), text, about: None };
            journal.append(&[(WallTime(1_700_000_000_000), event)]).expect("it is recorded");
        }
        drop(journal);
        // Opened and closed, so that all lies in one file.
        drop(Journal::open(dir.path()).expect("it is whole"));
        let records = Journal::read(dir.path()).expect("it is whole");
        let files = ["journal.db", "head"].map(|name| (name, fs::read(dir.path().join(name)).expect("it is there")));
        Kept { files: files.to_vec(), records }
    })
}

/// One file of a journal with other bytes: the head is these bytes, of the database some are changed (three bytes where,
/// one what). All events come out, exactly, or an error; and reading changes nothing.
fn damaged(which: &str, bytes: &[u8]) -> bool {
    let kept = kept();
    let dir = tempfile::tempdir().expect("a folder");
    for (name, content) in &kept.files {
        let mut content = content.clone();
        if *name == which && which == "head" {
            content = bytes.to_vec();
        } else if *name == which {
            for change in bytes.chunks_exact(4) {
                let at = usize::from(change[0]) << 16 | usize::from(change[1]) << 8 | usize::from(change[2]);
                let length = content.len();
                content[at % length] = change[3];
            }
        }
        fs::write(dir.path().join(name), content).expect("it is written");
    }
    match Journal::read(dir.path()) {
        Ok(records) => {
            assert!(records == kept.records, "other events came out");
            true
        }
        Err(_) => false,
    }
}

/// One repository of our own, and a turn at it.
fn repository() -> &'static Mutex<(Repository, tempfile::TempDir)> {
    static ONCE: OnceLock<Mutex<(Repository, tempfile::TempDir)>> = OnceLock::new();
    ONCE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a folder");
        let git = ["/usr/bin/git", "/bin/git", "/usr/local/bin/git", "/opt/homebrew/bin/git"].map(PathBuf::from);
        let program = git.into_iter().find(|path| path.exists()).expect("git");
        let env = BTreeMap::from([("HOME".into(), dir.path().into()), ("PATH".into(), "/usr/bin:/bin".into())]);
        let git = Git::new(program, env).expect("git");
        let made = Repository::scratch_empty(&git, &dir.path().join("r"), WallTime(0)).expect("a repository");
        Mutex::new((made, dir))
    })
}

/// The record of a worktree: what it tells of is that run's, or nothing.
fn worktree(bytes: &[u8]) -> bool {
    let held = repository().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (repository, _) = &*held;
    let state = repository.common_dir().join("ai-sdlc/worktrees/bcdfghjk/build-1");
    fs::create_dir_all(&state).expect("a folder");
    fs::write(state.join("record.json"), bytes).expect("it is written");
    let all = repository.list_worktrees(None);
    assert!(all.len() <= 1);
    assert_eq!(repository.list_worktrees(Some(&run_id())), all);
    let other = RunId::parse("zzzzzzzz").expect("an id");
    assert!(repository.list_worktrees(Some(&other)).is_empty());
    let of = WorktreeOf::attempt(&TaskId::parse("build").expect("an id"), ai_sdlc::name::Attempt::FIRST);
    assert_eq!(repository.find_worktree(&run_id(), &of), all.first().cloned());
    !all.is_empty()
}

/// An entry of the cache: applied or refused, and nothing outside of the workspace changes.
fn entry(bytes: &[u8]) -> bool {
    let dir = tempfile::tempdir().expect("a folder");
    let (root, artifacts) = (dir.path().join("w"), dir.path().join("a"));
    fs::create_dir_all(&root).expect("a folder");
    fs::write(dir.path().join("outside"), "theirs").expect("it is written");
    let key = CacheKey::of(&root, "make", &[], BTreeMap::new()).expect("a key");
    let store = CacheStore::at(dir.path().join("cache"));
    let new = ai_sdlc::workspace::NewEntry {
        key: &key,
        mission: "m",
        run: "bcdfghjk",
        task: "t",
        outputs: "{}",
        root: &root,
        changes: &BTreeMap::new(),
        artifacts: &artifacts,
    };
    store.keep(&new).expect("it is kept");
    let place = fs::read_dir(dir.path().join("cache")).expect("it is there").flatten();
    let place = place.map(|entry| entry.path()).find(|path| path.join("entry.json").exists()).expect("an entry");
    // In a seed `KEY` stands for the key of that command in that folder.
    let written = fs::read_to_string(place.join("entry.json")).expect("it is there");
    let own: serde_json::Value = serde_json::from_str(&written).expect("it is JSON");
    let bytes = String::from_utf8_lossy(bytes).replace("\"KEY\"", &own["key"].to_string());
    fs::write(place.join("entry.json"), &bytes).expect("it is written");
    fs::write(place.join("0"), "made").expect("it is written");
    let found = store.look_up(&key, "m", "t");
    if let LookedUp::Hit(entry) = &found {
        let _applied = store.apply(entry, &root, &artifacts, SystemTime::UNIX_EPOCH);
        store.forget(entry);
    }
    assert_eq!(fs::read_to_string(dir.path().join("outside")).expect("it is there"), "theirs");
    let names = |path: &Path| {
        fs::read_dir(path).expect("it is there").flatten().map(|entry| entry.file_name()).collect::<Vec<_>>()
    };
    assert!(names(dir.path()).iter().all(|name| ["w", "a", "cache", "outside"].iter().any(|known| name == known)));
    matches!(found, LookedUp::Hit(_))
}

/// A line of `/proc/<pid>/stat`, whose name may be anything.
fn stat(name: &str) -> bool {
    let _read = Process::parse(7, name);
    let line = format!("7 ({name}) S 3 7 5 0 -1 4194560 1 2 3 4 11 31 0 0 20 0 1 0 99 100 200");
    let process = Process { pid: 7, parent: 3, group: 7, zombie: false, ticks: 42 };
    assert_eq!(Process::parse(7, &line), Some(process), "{line}");
    true
}
