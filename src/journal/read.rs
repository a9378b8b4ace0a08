//! Reads events back and believes nothing: every row is held against the chain, and their number against the head.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use super::JournalError;
use super::chain::{Head, Link};
use crate::amount::WallTime;
use crate::kernel::event::Event;

/// Name of the database.
pub(super) const DATABASE: &str = "journal.db";

/// How long to wait for a lock of SQLite: writers hold it for one sync.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// One event as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was recorded.
    pub at: WallTime,
    /// What happened.
    pub event: Event,
}

/// A reader of a journal, also of a run that is being driven by another process.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    connection: Connection,
    seq: u64,
    link: Link,
}

impl Reader {
    /// Opens a journal for reading from its first event on.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let connection = connect(dir)?;
        Ok(Self { dir: dir.to_owned(), connection, seq: 0, link: Link::first() })
    }

    /// How many events were read.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The events recorded since the last call, all verified.
    pub fn read_new(&mut self) -> Result<Vec<Record>, JournalError> {
        let (mut head, mut rows) = self.look()?;
        // A journal that was being made at the first look has had its head file since before its first event.
        if matches!(head, Head::None) && !rows.is_empty() {
            (head, rows) = self.look()?;
        }
        if matches!(&head, Head::At { seq: 0, link } if *link != Link::first().to_string()) {
            return Err(self.damaged("its head file is not what was written".to_owned()));
        }
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            let seq = self.seq + 1;
            let link = self.link.next(seq, row.at, &row.body);
            if row.seq != i64::try_from(seq).unwrap_or(i64::MAX) {
                return Err(self.damaged(format!("event {seq} is missing")));
            }
            if row.chain != link.bytes() {
                return Err(self.damaged(format!("event {seq} is not what was written")));
            }
            // Where the head stands, it must have seen the same event.
            if let Head::At { seq: told, link: seen } = &head
                && *told == seq
                && *seen != link.to_string()
            {
                return Err(self.damaged(format!("event {seq} is not the one that its head file tells of")));
            }
            records.push(Record { seq, at: row.at, event: self.event(seq, &row.body)? });
            (self.seq, self.link) = (seq, link);
        }
        match head {
            Head::At { seq, .. } if seq > self.seq => Err(self.damaged(format!("{seq} events were recorded"))),
            Head::None if self.seq > 0 => Err(self.damaged("its head file is missing".to_owned())),
            Head::At { .. } | Head::None => Ok(records),
        }
    }

    /// The parts of a reader that has read all, for a writer to go on with.
    pub(super) fn into_parts(self) -> (Connection, u64, Link) {
        (self.connection, self.seq, self.link)
    }

    /// The head first: what it speaks of is durable, so the rows read after it hold at least that.
    fn look(&self) -> Result<(Head, Vec<Raw>), JournalError> {
        let head = Head::read(&self.dir)?.map_err(|why| self.damaged(why))?;
        if matches!(head, Head::None) && self.seq == 0 && self.is_being_made() {
            return Ok((head, Vec::new()));
        }
        Ok((head, self.rows()?))
    }

    /// Whether another process has made the database, and nothing in it yet: the head file comes after its table.
    fn is_being_made(&self) -> bool {
        let tables = self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
        tables.is_ok_and(|tables| tables == 0)
    }

    fn rows(&self) -> Result<Vec<Raw>, JournalError> {
        let select = || {
            let mut all = self
                .connection
                .prepare_cached("SELECT seq, at, body, chain FROM events WHERE seq > ?1 ORDER BY seq")?;
            let after = i64::try_from(self.seq).unwrap_or(i64::MAX);
            all.query_map([after], Raw::of)?.collect::<Result<Vec<_>, _>>()
        };
        select().map_err(|error| self.unreadable(error))
    }

    fn event(&self, seq: u64, body: &[u8]) -> Result<Event, JournalError> {
        serde_json::from_slice(body).map_err(|error| JournalError::Unreadable {
            dir: self.dir.clone(),
            seq,
            why: error.to_string(),
        })
    }

    fn damaged(&self, why: String) -> JournalError {
        JournalError::Damaged { dir: self.dir.clone(), whole: self.seq, why }
    }

    /// What SQLite does not understand is damage; what it cannot do now is not.
    fn unreadable(&self, error: rusqlite::Error) -> JournalError {
        use rusqlite::ErrorCode;
        match error.sqlite_error().map(|error| error.code) {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::OutOfMemory
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen,
            ) => JournalError::store(&self.dir, error),
            Some(_) | None => self.damaged(error.to_string()),
        }
    }
}

/// A row as it stands in the table.
struct Raw {
    seq: i64,
    at: WallTime,
    body: Vec<u8>,
    chain: Vec<u8>,
}

impl Raw {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { seq: row.get(0)?, at: WallTime(row.get(1)?), body: bytes(row, 2)?, chain: bytes(row, 3)? })
    }
}

/// Text or bytes, as bytes: a damaged text need not be UTF-8, and a damaged row need not hold what it should.
fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => Vec::new(),
    })
}

/// Opens the database that is there, and leaves its write-ahead log alone.
pub(super) fn connect(dir: &Path) -> Result<Connection, JournalError> {
    let path = dir.join(DATABASE);
    if !path.is_file() {
        return Err(JournalError::Missing { dir: dir.to_owned() });
    }
    let open = || {
        let connection =
            Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        // Closing would else fold the log into the database and delete it: of a damaged log that destroys the rest.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.busy_timeout(BUSY)?;
        Ok(connection)
    };
    open().map_err(|error| JournalError::store(dir, error))
}

/// The last events, newest first, without a look at the chain: for lists, where nothing is decided by it.
pub(super) fn peek_last(dir: &Path, most: u32) -> Result<Vec<Event>, JournalError> {
    let connection = connect(dir)?;
    let select = || {
        let mut last = connection.prepare("SELECT body FROM events ORDER BY seq DESC LIMIT ?1")?;
        last.query_map([most], |row| bytes(row, 0))?.collect::<Result<Vec<_>, _>>()
    };
    let bodies = select().map_err(|error| JournalError::store(dir, error))?;
    Ok(bodies.iter().filter_map(|body| serde_json::from_slice(body).ok()).collect())
}
