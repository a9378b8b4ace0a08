//! The runs there are, and which one a person means. Cheap: a small note a run, no fold of events.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::disk::{self, Durable};
use super::lock::{self, Holder};
use super::{JournalError, read};
use crate::amount::WallTime;
use crate::kernel::event::{Event, RunOutcome};
use crate::name::{MissionName, RunId};

const NOTE: &str = "run.json";

/// What a list shows of a run without opening its journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunNote {
    /// Which run.
    pub run: RunId,
    /// Of which mission.
    pub mission: MissionName,
    /// The mission's file, as it was given.
    pub file: String,
    /// When it began.
    pub started: WallTime,
    /// How it ended and when; `None` while it has not, and again while it is resumed.
    pub ended: Option<(WallTime, RunOutcome)>,
}

impl RunNote {
    /// Writes the note into the run's folder.
    pub fn write(&self, dir: &Path) -> Result<(), JournalError> {
        let path = dir.join(NOTE);
        let text = serde_json::to_string_pretty(self).map_err(|error| JournalError::file(&path, error.into()))?;
        disk::write_renamed(&path, text.as_bytes(), Durable::Later)
    }

    fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(dir.join(NOTE)).ok()?).ok()
    }
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// A living process drives it.
    Running(Box<Holder>),
    /// Nobody drives it, and it has not ended.
    Interrupted,
    /// It ended.
    Ended(RunOutcome),
}

/// One run of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEntry {
    /// Which run.
    pub id: RunId,
    /// Its folder.
    pub dir: PathBuf,
    /// What is noted of it; `None` where the note is missing or spoilt (the journal still holds it all).
    pub note: Option<RunNote>,
    /// When it began, as far as can be told.
    pub started: WallTime,
    /// How it stands.
    pub standing: Standing,
}

/// Why no run is meant.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// There is none.
    #[error("there are no runs yet")]
    None,
    /// There are fewer.
    #[error("there is no run before the latest")]
    NoneBefore,
    /// No run is called so.
    #[error("there is no run `{given}`")]
    Unknown {
        /// What was given.
        given: String,
    },
    /// Several begin so.
    #[error("`{given}` could be {}", matches.iter().map(RunId::as_str).collect::<Vec<_>>().join(", "))]
    Ambiguous {
        /// What was given.
        given: String,
        /// Which begin so, the latest first.
        matches: Vec<RunId>,
    },
    /// The folder cannot be read.
    #[error(transparent)]
    File(#[from] JournalError),
}

/// The runs of one repository or project.
#[derive(Debug, Clone)]
pub struct Runs {
    root: PathBuf,
}

impl Runs {
    /// Those below this folder: `ai-sdlc` in the common git folder, or `.ai-sdlc` without git.
    pub fn at(ai_sdlc: &Path) -> Self {
        Self { root: ai_sdlc.join("runs") }
    }

    /// The folder of a run, whether it is there or not.
    pub fn dir(&self, run: &RunId) -> PathBuf {
        self.root.join(run.as_str())
    }

    /// All runs, the latest first.
    pub fn list(&self) -> Result<Vec<RunEntry>, JournalError> {
        let mut entries: Vec<RunEntry> = self.ids()?.into_iter().map(|(id, started)| self.entry(id, started)).collect();
        entries.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
        Ok(entries)
    }

    /// The run that is meant by an id, a unique beginning of one, `@` (the latest) or `@-` (the one before).
    pub fn resolve(&self, given: &str) -> Result<RunEntry, RunsError> {
        let mut ids = self.ids()?;
        ids.sort_by(|(a, began), (b, later)| (later, b).cmp(&(began, a)));
        if ids.is_empty() {
            return Err(RunsError::None);
        }
        let found = match given {
            "@" => ids.into_iter().next().ok_or(RunsError::None)?,
            "@-" => ids.into_iter().nth(1).ok_or(RunsError::NoneBefore)?,
            prefix => one(ids.into_iter().filter(|(id, _)| id.as_str().starts_with(prefix)).collect(), prefix)?,
        };
        Ok(self.entry(found.0, found.1))
    }

    /// Ids and starts of all folders that are runs.
    fn ids(&self) -> Result<Vec<(RunId, WallTime)>, JournalError> {
        let folder = match fs::read_dir(&self.root) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(JournalError::file(&self.root, error)),
        };
        let names = folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let ids = names.filter_map(|name| RunId::parse(&name).ok());
        // A folder whose journal was never made is the rest of a start that failed.
        let begun = ids.filter(|id| self.dir(id).join(read::DATABASE).exists());
        Ok(begun
            .map(|id| {
                let started = self.started(&id);
                (id, started)
            })
            .collect())
    }

    fn started(&self, id: &RunId) -> WallTime {
        let dir = self.dir(id);
        RunNote::read(&dir).map_or_else(|| made(&dir), |note| note.started)
    }

    fn entry(&self, id: RunId, started: WallTime) -> RunEntry {
        let dir = self.dir(&id);
        let note = RunNote::read(&dir);
        let standing = match (lock::driver_of(&dir), note.as_ref().and_then(|note| note.ended)) {
            (Some(holder), _) => Standing::Running(Box::new(holder)),
            (None, Some((_, outcome))) => Standing::Ended(outcome),
            (None, None) => last_standing(&dir),
        };
        RunEntry { id, dir, note, started, standing }
    }
}

fn one(mut matches: Vec<(RunId, WallTime)>, given: &str) -> Result<(RunId, WallTime), RunsError> {
    match (matches.pop(), matches.is_empty()) {
        (Some(found), true) => Ok(found),
        (Some(last), false) => {
            let matches = matches.into_iter().chain([last]).map(|(id, _)| id).collect();
            Err(RunsError::Ambiguous { given: given.to_owned(), matches })
        }
        (None, _) => Err(RunsError::Unknown { given: given.to_owned() }),
    }
}

/// An engine killed between its last event and its note has ended all the same: the journal's end tells.
fn last_standing(dir: &Path) -> Standing {
    let last = read::peek_last(dir, 20).unwrap_or_default();
    for event in last {
        if let Event::RunFinished { outcome } = event {
            return Standing::Ended(outcome);
        }
        if matches!(event, Event::RunStarted { .. } | Event::RunResumed { .. }) {
            break;
        }
    }
    Standing::Interrupted
}

/// When a folder was last changed: names come and go in it only as a run begins and ends.
fn made(dir: &Path) -> WallTime {
    let since = fs::metadata(dir)
        .and_then(|meta| meta.modified())
        .ok()
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    WallTime(since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;
    use crate::journal::lock::RunLock;

    fn begin(runs: &Runs, id: &str, started: i64) -> RunNote {
        let note = RunNote {
            run: RunId::parse(id).unwrap(),
            mission: MissionName::parse("web-app").unwrap(),
            file: "missions/web-app.toml".to_owned(),
            started: WallTime(started),
            ended: None,
        };
        let dir = runs.dir(&note.run);
        drop(Journal::create(&dir).unwrap());
        note.write(&dir).unwrap();
        note
    }

    fn three() -> (tempfile::TempDir, Runs, [RunNote; 3]) {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::at(dir.path());
        let notes = [begin(&runs, "bcdfghjk", 10), begin(&runs, "bcdkkkkk", 30), begin(&runs, "zzzzzzzz", 20)];
        (dir, runs, notes)
    }

    #[test]
    fn the_latest_comes_first() {
        let (_dir, runs, notes) = three();
        fs::create_dir(runs.root.join("mmmmmmmm")).unwrap();
        let list = runs.list().unwrap();
        assert_eq!(list.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["bcdkkkkk", "zzzzzzzz", "bcdfghjk"]);
        assert_eq!(list[0].note.as_ref(), Some(&notes[1]));
        assert_eq!(list[0].standing, Standing::Interrupted);
    }

    #[test]
    fn a_run_is_named_by_sign_prefix_or_id() {
        let (_dir, runs, _) = three();
        let id = |given: &str| runs.resolve(given).map(|run| run.id.to_string());
        assert_eq!(id("@").unwrap(), "bcdkkkkk");
        assert_eq!(id("@-").unwrap(), "zzzzzzzz");
        assert_eq!(id("z").unwrap(), "zzzzzzzz");
        assert_eq!(id("bcdfghjk").unwrap(), "bcdfghjk");
        assert_eq!(id("bc").unwrap_err().to_string(), "`bc` could be bcdkkkkk, bcdfghjk");
        assert_eq!(id("q").unwrap_err().to_string(), "there is no run `q`");
    }

    #[test]
    fn no_runs_are_no_fault() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::at(dir.path());
        assert_eq!(runs.list().unwrap(), []);
        assert_eq!(runs.resolve("@").unwrap_err().to_string(), "there are no runs yet");
        begin(&runs, "bcdfghjk", 10);
        assert_eq!(runs.resolve("@-").unwrap_err().to_string(), "there is no run before the latest");
    }

    #[test]
    fn a_run_stands_as_its_lock_and_its_note_say() {
        let (_dir, runs, [note, ..]) = three();
        let dir = runs.dir(&note.run);
        let me = Holder::me(&note.run, WallTime(5));
        let lock = RunLock::take(&dir, &me).unwrap();
        assert_eq!(runs.resolve("bcdf").unwrap().standing, Standing::Running(Box::new(me)));
        drop(lock);
        RunNote { ended: Some((WallTime(9), RunOutcome::Failed)), ..note }.write(&dir).unwrap();
        assert_eq!(runs.resolve("bcdf").unwrap().standing, Standing::Ended(RunOutcome::Failed));
    }

    #[test]
    fn the_journal_tells_an_end_that_the_note_missed() {
        let (_dir, runs, [note, ..]) = three();
        let dir = runs.dir(&note.run);
        let mut journal = Journal::open(&dir).unwrap().journal;
        journal.append(&[(WallTime(1), Event::RunFinished { outcome: RunOutcome::OutOfBudget })]).unwrap();
        fs::remove_file(dir.join(NOTE)).unwrap();
        let entry = runs.resolve("bcdf").unwrap();
        assert_eq!((entry.note, entry.standing), (None, Standing::Ended(RunOutcome::OutOfBudget)));
    }
}
