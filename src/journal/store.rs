//! Writes events: many at once, one transaction, one sync; and only where nobody else has.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use super::JournalError;
use super::chain::{HeadFile, Link};
use super::disk;
use super::fail_point::{self, Point};
use super::read::{self, DATABASE, Reader, Record};
use crate::amount::WallTime;
use crate::kernel::event::Event;

const CREATE: &str = "
    CREATE TABLE events (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL, chain BLOB NOT NULL) STRICT;
    PRAGMA user_version = 1;
";

/// A journal that is open for writing.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    connection: Connection,
    head: HeadFile,
    seq: u64,
    link: Link,
}

/// A journal that was opened, and all it held.
#[derive(Debug)]
pub struct Opened {
    /// Open for writing after the last record.
    pub journal: Journal,
    /// Everything recorded, verified.
    pub records: Vec<Record>,
}

impl Journal {
    /// Makes an empty journal, and its folder where it is missing.
    pub fn create(dir: &Path) -> Result<Self, JournalError> {
        fs::create_dir_all(dir).map_err(|error| JournalError::file(dir, error))?;
        let path = dir.join(DATABASE);
        if path.exists() {
            return Err(JournalError::Exists { dir: dir.to_owned() });
        }
        let make = || {
            let flags =
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&path, flags)?;
            durable_writes(&connection)?;
            connection.execute_batch(CREATE)?;
            Ok(connection)
        };
        let connection = make().map_err(|error| JournalError::store(dir, error))?;
        // Syncs the folder too, and so the database's own name.
        let head = HeadFile::create(dir)?;
        if let Some(parent) = dir.parent() {
            disk::sync_folder(parent)?;
        }
        Ok(Self { dir: dir.to_owned(), connection, head, seq: 0, link: Link::first() })
    }

    /// Opens a journal and verifies all of it. Where it is damaged nothing is changed.
    pub fn open(dir: &Path) -> Result<Opened, JournalError> {
        let mut reader = Reader::open(dir)?;
        let records = reader.read_new()?;
        let (connection, seq, link) = reader.into_parts();
        let prepare = || {
            durable_writes(&connection)?;
            // All of it was verified: now the log may be folded in when this is closed.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        };
        prepare().map_err(|error| JournalError::store(dir, error))?;
        let head = HeadFile::open(dir)?;
        Ok(Opened { journal: Self { dir: dir.to_owned(), connection, head, seq, link }, records })
    }

    /// All that is recorded, verified: for those who only look, also at a run that is being driven.
    pub fn read(dir: &Path) -> Result<Vec<Record>, JournalError> {
        Reader::open(dir)?.read_new()
    }

    /// How many events there are.
    pub fn len(&self) -> u64 {
        self.seq
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.seq == 0
    }

    /// Records these events, all or none, and returns when they are durable.
    ///
    /// One transaction and one sync, however many there are. Where another engine has written meanwhile nothing is
    /// recorded, and [`JournalError::Overtaken`] says so.
    pub fn append(&mut self, events: &[(WallTime, Event)]) -> Result<(), JournalError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(events.len());
        let (mut seq, mut link) = (self.seq, self.link);
        for (at, event) in events {
            seq += 1;
            let body = serde_json::to_string(event).map_err(|error| JournalError::Unreadable {
                dir: self.dir.clone(),
                seq,
                why: error.to_string(),
            })?;
            link = link.next(seq, *at, body.as_bytes());
            rows.push((i64::try_from(seq).unwrap_or(i64::MAX), *at, body, link));
        }
        fail_point::reach(Point::JournalAppend);
        self.insert(&rows).map_err(|error| self.refused(error))?;
        fail_point::reach(Point::JournalAppended);
        (self.seq, self.link) = (seq, link);
        // Only now: the head may lag behind what is durable, and must never run ahead of it.
        self.head.write(seq, link)?;
        fail_point::reach(Point::JournalHead);
        Ok(())
    }

    fn insert(&mut self, rows: &[(i64, WallTime, String, Link)]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO events (seq, at, body, chain) VALUES (?1, ?2, ?3, ?4)")?;
            for (seq, at, body, link) in rows {
                insert.execute(params![seq, at.0, body, link.bytes()])?;
            }
        }
        transaction.commit()
    }

    fn refused(&self, error: rusqlite::Error) -> JournalError {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => JournalError::Overtaken { seq: self.seq + 1 },
            Some(_) | None => JournalError::store(&self.dir, error),
        }
    }
}

/// A commit returns when its pages are on the disk.
fn durable_writes(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(read::BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> (WallTime, Event) {
        (WallTime(1), Event::Note { task: None, text: text.to_owned(), about: None })
    }

    #[test]
    fn a_full_disk_is_told_apart_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(dir.path()).unwrap();
        journal.append(&[note("a")]).unwrap();
        let pages: i64 = journal.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        journal.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
        let refused = journal.append(&[note(&"x".repeat(20_000))]).unwrap_err();
        assert!(matches!(refused, JournalError::DiskFull { .. }), "{refused:?}");
        journal.connection.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(())).unwrap();
        journal.append(&[note("b")]).unwrap();
        let records = Journal::read(dir.path()).unwrap();
        assert_eq!(records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_journal_that_is_being_made_is_none_yet_and_not_damaged() {
        let dir = tempfile::tempdir().unwrap();
        // What another process sees in the moment before the table is there.
        let connection = Connection::open(dir.path().join(DATABASE)).unwrap();
        durable_writes(&connection).unwrap();
        assert_eq!(Journal::read(dir.path()).unwrap(), []);
        let mut reader = Reader::open(dir.path()).unwrap();
        assert_eq!(reader.read_new().unwrap(), []);
        connection.execute_batch(CREATE).unwrap();
        assert_eq!(reader.read_new().unwrap(), []);
        HeadFile::create(dir.path()).unwrap();
        Journal::open(dir.path()).unwrap().journal.append(&[note("a")]).unwrap();
        assert_eq!(reader.read_new().unwrap().len(), 1);
        // With a head file something was there once.
        let emptied = tempfile::tempdir().unwrap();
        drop(Journal::create(emptied.path()).unwrap());
        fs::write(emptied.path().join(DATABASE), "").unwrap();
        drop(fs::remove_file(emptied.path().join(format!("{DATABASE}-wal"))));
        let refused = Journal::read(emptied.path()).unwrap_err();
        assert!(matches!(refused, JournalError::Damaged { .. }), "{refused:?}");
    }

    #[test]
    fn an_event_of_a_newer_program_is_not_called_damage() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(dir.path()).unwrap();
        let body = r#"{"type":"teleported"}"#.to_owned();
        let link = journal.link.next(1, WallTime(1), body.as_bytes());
        journal.insert(&[(1, WallTime(1), body, link)]).unwrap();
        let refused = Journal::read(dir.path()).unwrap_err();
        assert!(matches!(refused, JournalError::Unreadable { seq: 1, .. }), "{refused:?}");
    }

    #[test]
    fn commits_wait_for_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        drop(Journal::create(dir.path()).unwrap());
        let journal = Journal::open(dir.path()).unwrap().journal;
        let ask =
            |what: &str| journal.connection.query_row(what, [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        assert_eq!(ask("PRAGMA synchronous"), rusqlite::types::Value::Integer(2));
        assert_eq!(ask("PRAGMA journal_mode"), rusqlite::types::Value::Text("wal".to_owned()));
    }
}
