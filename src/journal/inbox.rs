//! What other processes ask of a live run: rows in a small database of its own, so that asking never stands in the
//! way of the journal's writer. Poking the engine to look is somebody else's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use serde::{Deserialize, Serialize};

use super::JournalError;
use super::lock::Holder;
use crate::kernel::fact::Answer;
use crate::name::{RoleName, TaskId};

const DATABASE: &str = "inbox.db";

const CREATE: &str = "CREATE TABLE IF NOT EXISTS inbox (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT";

/// Something asked of a run. What is not answered by the engine that lives is left for the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Ask {
    /// Stop.
    Abort,
    /// Stop at once.
    AbortNow,
    /// Stop this task alone.
    AbortTask {
        /// Which.
        task: TaskId,
        /// Who asks.
        by: String,
        /// How.
        #[serde(default)]
        pace: Pace,
    },
    /// Begin nothing new, and stand still once what is under way has ended.
    Pause {
        /// Who asks.
        by: String,
    },
    /// Try a task again that failed.
    Retry {
        /// Which.
        task: TaskId,
        /// Who asks.
        by: String,
    },
    /// Let a next session go on with a task.
    HandOff {
        /// Which.
        task: TaskId,
        /// In which role; `None`: the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<RoleName>,
        /// Who asks.
        by: String,
    },
    /// A person answered a gate.
    Answer {
        /// Which.
        task: TaskId,
        /// What.
        answer: Answer,
        /// What was said with it.
        message: String,
        /// Who.
        by: String,
        /// What they were shown; `None`: whatever there is.
        binding: Option<String>,
    },
}

/// How a task is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// It is asked first.
    #[default]
    Gentle,
    /// It is killed.
    AtOnce,
}

/// What was asked, and of which engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// What.
    #[serde(flatten)]
    pub ask: Ask,
    /// Which engine drove the run when it was asked; `None`: none, or a person did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Addressee>,
}

/// One engine: a process that is never taken for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressee {
    pid: u32,
    ticks: u64,
    boot: String,
}

impl From<&Holder> for Addressee {
    fn from(holder: &Holder) -> Self {
        Self { pid: holder.pid, ticks: holder.ticks, boot: holder.boot.clone() }
    }
}

/// Asks something of the run whose folder this is. It stays there until the run takes it.
pub fn post(dir: &Path, ask: &Ask) -> Result<(), JournalError> {
    put(dir, &Posted { ask: ask.clone(), of: None })
}

/// Asks something of the engine that drives the run now.
pub fn post_to(dir: &Path, ask: &Ask, engine: &Holder) -> Result<(), JournalError> {
    put(dir, &Posted { ask: ask.clone(), of: Some(engine.into()) })
}

fn put(dir: &Path, posted: &Posted) -> Result<(), JournalError> {
    let body = serde_json::to_string(posted).map_err(|error| JournalError::file(&path(dir), error.into()))?;
    let insert = || connect(dir)?.execute("INSERT INTO inbox (body) VALUES (?1)", [body]);
    insert().map(drop).map_err(|error| JournalError::store(dir, error))
}

/// All that was asked and not taken yet, oldest first. Takes nothing.
pub fn waiting(dir: &Path) -> Result<Vec<Ask>, JournalError> {
    if !path(dir).exists() {
        return Ok(Vec::new());
    }
    let bodies = connect(dir).and_then(|connection| read(&connection));
    let known = known(&bodies.map_err(|error| JournalError::store(dir, error))?);
    Ok(known.into_iter().map(|posted| posted.ask).collect())
}

/// Takes all that was asked, oldest first; each is given once. What this program does not know is dropped.
pub fn take(dir: &Path) -> Result<Vec<Posted>, JournalError> {
    if !path(dir).exists() {
        return Ok(Vec::new());
    }
    let take = || {
        let mut connection = connect(dir)?;
        // Most often there is nothing: to see that takes no lock.
        if read(&connection)?.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let bodies = read(&transaction)?;
        transaction.execute("DELETE FROM inbox", [])?;
        transaction.commit()?;
        Ok(bodies)
    };
    let bodies = take().map_err(|error| JournalError::store(dir, error))?;
    Ok(known(&bodies))
}

fn read(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut all = connection.prepare("SELECT body FROM inbox ORDER BY id")?;
    all.query_map([], |row| row.get(0))?.collect()
}

fn known(bodies: &[String]) -> Vec<Posted> {
    bodies.iter().filter_map(|body| serde_json::from_str(body).ok()).collect()
}

fn path(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

fn connect(dir: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path(dir), flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch(CREATE)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(posted: &[Posted]) -> Vec<Ask> {
        posted.iter().map(|posted| posted.ask.clone()).collect()
    }

    #[test]
    fn what_is_asked_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(take(dir.path()).unwrap(), []);
        assert!(!path(dir.path()).exists(), "looking makes nothing");
        post(dir.path(), &Ask::Abort).unwrap();
        let pause = Ask::Pause { by: "ada".to_owned() };
        post(dir.path(), &pause).unwrap();
        connect(dir.path()).unwrap().execute("INSERT INTO inbox (body) VALUES ('{\"type\":\"dance\"}')", []).unwrap();
        assert_eq!(waiting(dir.path()).unwrap(), [Ask::Abort, pause.clone()], "looking takes nothing");
        assert_eq!(asks(&take(dir.path()).unwrap()), [Ask::Abort, pause]);
        assert_eq!(take(dir.path()).unwrap(), []);
    }

    #[test]
    fn what_is_asked_of_an_engine_tells_which() {
        let dir = tempfile::tempdir().unwrap();
        let run = crate::name::RunId::parse("bcdfghjk").unwrap();
        let me = Holder::me(&run, crate::amount::WallTime(1));
        let task = TaskId::parse("api").unwrap();
        let ask = Ask::AbortTask { task, by: "ada".to_owned(), pace: Pace::AtOnce };
        post_to(dir.path(), &ask, &me).unwrap();
        let other = Holder { ticks: me.ticks + 1, ..me.clone() };
        let posted = take(dir.path()).unwrap();
        assert_eq!(posted, [Posted { ask, of: Some((&me).into()) }]);
        assert_ne!(posted[0].of, Some((&other).into()), "a pid is used again");
    }

    #[test]
    fn a_run_that_is_not_there_cannot_be_asked() {
        assert!(post(Path::new("/no/such/run"), &Ask::Abort).is_err());
    }
}
