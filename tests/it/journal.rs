//! The journal against damage, other writers and readers: what comes out is all events, exactly, or an error.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use ai_sdlc::amount::WallTime;
use ai_sdlc::journal::{Journal, JournalError, Reader, Record};
use ai_sdlc::kernel::event::Event;
use fastrand::Rng;

const FILES: [&str; 3] = ["journal.db", "journal.db-wal", "head"];

fn event(n: u64) -> (WallTime, Event) {
    let at = WallTime(1_700_000_000_000 + i64::try_from(n).unwrap());
    let text = format!("event {n} {}", "x".repeat(usize::try_from(n % 90).unwrap()));
    (at, Event::Note { task: None, text, about: None })
}

fn expected(count: u64) -> Vec<Record> {
    (1..=count)
        .map(|seq| {
            let (at, event) = event(seq);
            Record { seq, at, event }
        })
        .collect()
}

/// Appends up to `count` events in batches.
fn fill(journal: &mut Journal, count: u64, rng: &mut Rng) {
    while journal.len() < count {
        let from = journal.len() + 1;
        let to = count.min(from + rng.u64(1..50));
        journal.append(&(from..=to).map(event).collect::<Vec<_>>()).unwrap();
    }
}

/// Copies what a power cut would leave: shared memory is gone.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in FILES {
        let target = to.join(name);
        drop(fs::remove_file(to.join(format!("{name}-shm"))));
        match fs::read(from.join(name)) {
            Ok(bytes) => fs::write(target, bytes).unwrap(),
            Err(_) => drop(fs::remove_file(target)),
        }
    }
    drop(fs::remove_file(to.join("journal.db-shm")));
}

/// Content of all files; a log that is not there and an empty one say the same.
fn state(dir: &Path) -> Vec<Vec<u8>> {
    FILES.iter().map(|name| fs::read(dir.join(name)).unwrap_or_default()).collect()
}

/// Damages one file and tells how.
fn damage(dir: &Path, rng: &mut Rng) -> String {
    let name = FILES[rng.usize(..FILES.len())];
    let path = dir.join(name);
    let Ok(mut bytes) = fs::read(&path) else { return "nothing to damage".to_owned() };
    let at = rng.usize(..bytes.len());
    let how = match rng.u8(..5) {
        0 => {
            bytes.truncate(at);
            "truncated"
        }
        1 => {
            bytes[at] ^= 1 << rng.u8(..8);
            "bit flipped"
        }
        2 => {
            bytes[at] = rng.u8(..);
            "byte set"
        }
        3 => {
            let end = bytes.len().min(at + rng.usize(1..5_000));
            bytes[at..end].fill(0);
            "zeroed"
        }
        _ => {
            let page = at / 4096 * 4096;
            let other = rng.usize(..bytes.len()) / 4096 * 4096;
            let length = 4096.min(bytes.len() - page.max(other));
            bytes.copy_within(other..other + length, page);
            "page copied over another"
        }
    };
    fs::write(&path, bytes).unwrap();
    format!("{name}, {how} at {at}")
}

fn survives_damage(dir: &Path, count: u64, cases: u64) {
    let scratch = tempfile::tempdir().unwrap();
    let whole = expected(count);
    let (mut told, mut unharmed) = (0, 0);
    for seed in 0..cases {
        let mut rng = Rng::with_seed(seed);
        let place = scratch.path().join("run");
        copy(dir, &place);
        let how = damage(&place, &mut rng);
        let before = state(&place);
        match Journal::open(&place) {
            Ok(opened) => {
                assert_eq!(opened.records.len(), whole.len(), "seed {seed}: {how}");
                assert_eq!(opened.records, whole, "seed {seed}: {how}");
                unharmed += 1;
            }
            Err(error) => {
                assert!(matches!(error, JournalError::Damaged { .. } | JournalError::Store { .. }), "{how}: {error:?}");
                assert!(state(&place) == before, "seed {seed}: {how}: what is left was changed");
                told += 1;
            }
        }
    }
    // Both must happen, or this shows nothing: much of a file is free space, and much is not.
    assert!(told > cases / 4 && unharmed > 0, "{told} told, {unharmed} unharmed");
}

#[test]
fn damage_to_a_closed_journal_is_told() {
    let dir = tempfile::tempdir().unwrap();
    fill(&mut Journal::create(dir.path()).unwrap(), 300, &mut Rng::with_seed(1));
    assert!(!dir.path().join("journal.db-wal").exists());
    survives_damage(dir.path(), 300, 200);
}

#[test]
fn damage_to_a_journal_and_its_log_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path()).unwrap();
    fill(&mut journal, 300, &mut Rng::with_seed(2));
    survives_damage(dir.path(), 300, 300);
    drop(journal);
}

#[test]
fn a_journal_that_lost_its_log_says_where_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(&dir.path().join("a")).unwrap();
    fill(&mut journal, 100, &mut Rng::with_seed(3));
    copy(&dir.path().join("a"), &dir.path().join("b"));
    let log = dir.path().join("b/journal.db-wal");
    let length = fs::metadata(&log).unwrap().len();
    fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length / 2).unwrap();
    let error = Journal::open(&dir.path().join("b")).unwrap_err();
    let JournalError::Damaged { whole, why, .. } = &error else { panic!("{error}") };
    assert!(*whole > 0 && *whole < 100, "{error}");
    assert_eq!(why, "100 events were recorded");
    assert!(error.help().contains("backup"));
}

#[test]
fn a_head_that_lags_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path()).unwrap();
    let first = fs::read(dir.path().join("head")).unwrap();
    fill(&mut journal, 40, &mut Rng::with_seed(4));
    let middle = fs::read(dir.path().join("head")).unwrap();
    fill(&mut journal, 80, &mut Rng::with_seed(4));
    // Killed between the commit and the head; cut off while the head was written.
    for mut head in [first, middle] {
        fs::write(dir.path().join("head"), &head).unwrap();
        assert_eq!(Journal::read(dir.path()).unwrap(), expected(80));
        head[5] ^= 1;
        fs::write(dir.path().join("head"), head).unwrap();
        assert_eq!(Journal::read(dir.path()).unwrap(), expected(80));
    }
    fs::write(dir.path().join("head"), "").unwrap();
    assert!(matches!(Journal::read(dir.path()), Err(JournalError::Damaged { .. })));
    fs::remove_file(dir.path().join("head")).unwrap();
    assert!(matches!(Journal::read(dir.path()), Err(JournalError::Damaged { .. })));
}

#[test]
fn many_events_in_batches_go_on_after_each_opening() {
    let dir = tempfile::tempdir().unwrap();
    let mut rng = Rng::with_seed(5);
    fill(&mut Journal::create(dir.path()).unwrap(), 4_000, &mut rng);
    let opened = Journal::open(dir.path()).unwrap();
    assert_eq!(opened.records, expected(4_000));
    let mut journal = opened.journal;
    fill(&mut journal, 10_000, &mut rng);
    assert_eq!(Journal::read(dir.path()).unwrap(), expected(10_000));
    assert!(matches!(Journal::create(dir.path()), Err(JournalError::Exists { .. })));
}

#[test]
fn the_second_writer_is_refused_and_nothing_of_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Journal::create(dir.path()).unwrap();
    let mut second = Journal::open(dir.path()).unwrap().journal;
    first.append(&[event(1), event(2)]).unwrap();
    let refused = second.append(&[event(7), event(8), event(9)]).unwrap_err();
    assert!(matches!(refused, JournalError::Overtaken { seq: 1 }), "{refused}");
    first.append(&[event(3)]).unwrap();
    assert_eq!(Journal::read(dir.path()).unwrap(), expected(3));
}

#[test]
fn of_writers_at_once_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    fill(&mut Journal::create(dir.path()).unwrap(), 10, &mut Rng::with_seed(6));
    let mut journals: Vec<Journal> = (0..4).map(|_| Journal::open(dir.path()).unwrap().journal).collect();
    let results: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> =
            journals.iter_mut().map(|journal| scope.spawn(|| journal.append(&[event(11), event(12)]))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert!(
        results.iter().all(|result| matches!(result, Ok(()) | Err(JournalError::Overtaken { seq: 11 }))),
        "{results:?}"
    );
    assert_eq!(Journal::read(dir.path()).unwrap(), expected(12));
}

#[test]
fn a_reader_follows_a_writer() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(dir.path()).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reader = Reader::open(dir.path()).unwrap();
            let mut records = Vec::new();
            while records.len() < 2_000 {
                records.extend(reader.read_new().unwrap());
                // A fresh look at the whole sees no less.
                if records.len() % 7 == 0 {
                    assert!(Journal::read(dir.path()).unwrap().len() >= records.len());
                }
            }
            records
        });
        fill(&mut journal, 2_000, &mut Rng::with_seed(7));
        assert_eq!(reader.join().unwrap(), expected(2_000));
    });
}

#[test]
fn where_there_is_no_journal_none_is_made() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Journal::open(dir.path()), Err(JournalError::Missing { .. })));
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}

/// Not a test of its own: the process that the next test kills. Without the marker it does nothing.
#[test]
#[ignore = "started by `what_was_acknowledged_outlives_a_kill`"]
fn writes_until_killed() {
    if Path::new("write-here").exists() {
        let mut rng = Rng::with_seed(8);
        let mut journal = if Path::new("journal.db").exists() {
            Journal::open(Path::new(".")).unwrap().journal
        } else {
            Journal::create(Path::new(".")).unwrap()
        };
        for _ in 0..2_000 {
            let count = journal.len() + rng.u64(1..20);
            fill(&mut journal, count, &mut rng);
            println!("\nacknowledged {}", journal.len());
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a process of its own is what is killed")]
fn what_was_acknowledged_outlives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("write-here"), "").unwrap();
    let mut rng = Rng::with_seed(9);
    for round in 0..15 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "journal::writes_until_killed", "--nocapture"])
            .current_dir(dir.path())
            .env_clear()
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let told = lines.by_ref().filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
        let before = told.take(rng.usize(1..12)).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said between the last line we waited for and its end counts too.
        let said = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok()).last();
        let acknowledged = said.unwrap_or(before);
        let records = Journal::read(dir.path()).unwrap();
        let count = u64::try_from(records.len()).unwrap();
        assert!(count >= acknowledged, "round {round}: {count} of {acknowledged}");
        assert_eq!(records, expected(count), "round {round}");
    }
}
