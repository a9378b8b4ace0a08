//! What an agent or command printed, kept raw and bounded, with an index of time and stream.
//!
//! Nothing is made on disk before something is printed: most commands print nothing. The file `output` holds the
//! first bytes up to a limit; where more came, a mark and the last 64 KiB. `output.idx` says, a line a piece,
//! at which byte a piece begins, when it came and on which stream. Writing it never fails the work: a disk that is
//! full costs output, and the end says so.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::amount::Millis;
use crate::mask::{Mask, MaskStream};
use crate::session::safe;

/// The raw output's file name.
pub const OUTPUT: &str = "output";
/// The index's file name.
pub const INDEX: &str = "output.idx";

/// How much of the end is kept of what goes beyond the limit.
const RECENT: usize = 64 << 10;
/// Pieces in one index: more than a person reads; the rest is told with the last piece.
const MAX_PIECES: u32 = 50_000;
/// Bytes of one stream that come within this time are one piece.
const PIECE: Millis = Millis(250);

/// Which stream bytes came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// Neither: this many bytes were thrown away here.
    Cut(u64),
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Since the start of the process.
    pub at: Millis,
    /// Where it came from.
    pub stream: Stream,
    /// Its bytes, raw.
    pub bytes: Vec<u8>,
}

/// Takes output as it comes.
#[derive(Debug)]
pub struct OutputWriter {
    dir: PathBuf,
    limit: u64,
    total: u64,
    files: Files,
    piece: Option<(Stream, Millis)>,
    pieces: u32,
    recent: Vec<u8>,
    /// What is written and kept never holds a secret; each stream may be cut within one.
    masks: (MaskStream, MaskStream),
    last: Millis,
}

/// The files, made when something comes.
#[derive(Debug)]
enum Files {
    NotYet,
    Open { output: File, index: File },
    Failed,
}

/// What a writer is left with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The last lines, made safe.
    pub tail: String,
    /// Whether bytes are missing from the file.
    pub truncated: bool,
}

impl OutputWriter {
    /// A writer into this folder, which it makes when something comes.
    pub fn new(dir: PathBuf, limit: u64) -> Self {
        Self {
            dir,
            limit,
            total: 0,
            files: Files::NotYet,
            piece: None,
            pieces: 0,
            recent: Vec::new(),
            masks: (MaskStream::default(), MaskStream::default()),
            last: Millis::ZERO,
        }
    }

    /// Takes secrets out of what comes.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        self.masks = (mask.stream(), mask.stream());
        self
    }

    /// Takes some bytes of a stream, `at` after the start.
    pub fn write(&mut self, stream: Stream, at: Millis, bytes: &[u8]) {
        let mask = match stream {
            Stream::Out => &mut self.masks.0,
            Stream::Err | Stream::Cut(_) => &mut self.masks.1,
        };
        self.last = at;
        let clean = mask.take(bytes);
        self.write_clean(stream, at, &clean);
    }

    fn write_clean(&mut self, stream: Stream, at: Millis, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let room = usize::try_from(self.limit.saturating_sub(self.total)).unwrap_or(usize::MAX);
        let head = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        if !head.is_empty() && self.keep(stream, at, head).is_err() {
            self.files = Files::Failed;
        }
        self.total = self.total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.remember(bytes);
    }

    /// Whether anything came.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Writes the mark and the end where something was cut.
    pub fn finish(&mut self) -> Kept {
        for (stream, rest) in [(Stream::Out, self.masks.0.rest()), (Stream::Err, self.masks.1.rest())] {
            self.write_clean(stream, self.last, &rest);
        }
        let beyond = self.total.saturating_sub(self.limit);
        let kept = usize::try_from(beyond).unwrap_or(usize::MAX).min(RECENT).min(self.recent.len());
        let cut = beyond.saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX));
        if beyond > 0 && self.append_end(cut, kept).is_err() {
            self.files = Files::Failed;
        }
        Kept { tail: safe::tail(&self.recent), truncated: cut > 0 || matches!(self.files, Files::Failed) }
    }

    fn keep(&mut self, stream: Stream, at: Millis, bytes: &[u8]) -> io::Result<()> {
        let offset = self.total;
        let new_piece = self.begins_piece(stream, at);
        let Some((output, index)) = self.open()? else { return Ok(()) };
        if new_piece {
            index.write_all(row(offset, at, stream).as_bytes())?;
        }
        output.write_all(bytes)
    }

    fn begins_piece(&mut self, stream: Stream, at: Millis) -> bool {
        let goes_on = self.piece.is_some_and(|(last, since)| last == stream && at.saturating_sub(since) < PIECE);
        if goes_on || self.pieces >= MAX_PIECES {
            return false;
        }
        self.piece = Some((stream, at));
        self.pieces += 1;
        true
    }

    fn append_end(&mut self, cut: u64, kept: usize) -> io::Result<()> {
        let at = self.piece.map_or(Millis::ZERO, |(_, at)| at);
        let stream = self.piece.map_or(Stream::Out, |(stream, _)| stream);
        let end = self.recent.split_off(self.recent.len().saturating_sub(kept));
        let mark = if cut > 0 { format!("\n[{cut} bytes cut here]\n") } else { String::new() };
        let limit = self.limit;
        let written = self.open().and_then(|files| {
            let Some((output, index)) = files else { return Ok(()) };
            if cut > 0 {
                let after = limit.saturating_add(u64::try_from(mark.len()).unwrap_or(0));
                index.write_all(row(limit, at, Stream::Cut(cut)).as_bytes())?;
                index.write_all(row(after, at, stream).as_bytes())?;
            }
            output.write_all(mark.as_bytes())?;
            output.write_all(&end)
        });
        self.recent.extend_from_slice(&end);
        written
    }

    fn open(&mut self) -> io::Result<Option<(&mut File, &mut File)>> {
        if matches!(self.files, Files::NotYet) {
            fs::create_dir_all(&self.dir)?;
            self.files = Files::Open {
                output: File::create(self.dir.join(OUTPUT))?,
                index: File::create(self.dir.join(INDEX))?,
            };
        }
        Ok(match &mut self.files {
            Files::Open { output, index } => Some((output, index)),
            Files::NotYet | Files::Failed => None,
        })
    }

    /// Keeps the last bytes, in memory twice their number at most.
    fn remember(&mut self, bytes: &[u8]) {
        let last = bytes.get(bytes.len().saturating_sub(RECENT)..).unwrap_or_default();
        if self.recent.len() + last.len() > 2 * RECENT {
            let keep = RECENT.saturating_sub(last.len());
            self.recent.drain(..self.recent.len().saturating_sub(keep));
        }
        self.recent.extend_from_slice(last);
    }
}

fn row(offset: u64, at: Millis, stream: Stream) -> String {
    match stream {
        Stream::Out => format!("{offset} {} out\n", at.0),
        Stream::Err => format!("{offset} {} err\n", at.0),
        Stream::Cut(bytes) => format!("{offset} {} cut {bytes}\n", at.0),
    }
}

/// Reads what was kept in this folder; nothing, where nothing was printed.
pub fn read(dir: &Path) -> io::Result<Vec<Piece>> {
    let bytes = match fs::read(dir.join(OUTPUT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    let index = fs::read_to_string(dir.join(INDEX)).unwrap_or_default();
    // An index that was lost or damaged costs times, not output: every byte is in one piece.
    let mut reached = 0;
    let mut rows: Vec<_> = index.lines().filter_map(parse_row).collect();
    rows.retain(|(offset, ..)| {
        let follows = (reached..=bytes.len()).contains(offset);
        reached = if follows { *offset } else { reached };
        follows
    });
    if rows.first().is_none_or(|(offset, ..)| *offset > 0) {
        rows.insert(0, (0, Millis::ZERO, Stream::Out));
    }
    let ends = rows.iter().skip(1).map(|(offset, ..)| *offset).chain([bytes.len()]);
    let piece = |((start, at, stream), end): (&(usize, Millis, Stream), usize)| {
        Some(Piece { at: *at, stream: *stream, bytes: bytes.get(*start..end)?.to_vec() })
    };
    Ok(rows.iter().zip(ends).filter_map(piece).collect())
}

fn parse_row(line: &str) -> Option<(usize, Millis, Stream)> {
    let mut parts = line.split(' ');
    let offset = parts.next()?.parse().ok()?;
    let at = Millis(parts.next()?.parse().ok()?);
    let stream = match parts.next()? {
        "out" => Stream::Out,
        "err" => Stream::Err,
        "cut" => Stream::Cut(parts.next()?.parse().ok()?),
        _ => return None,
    };
    Some((offset, at, stream))
}

#[cfg(test)]
mod tests {
    use super::{INDEX, Kept, OUTPUT, OutputWriter, Piece, Stream, read};
    use crate::amount::Millis;
    use crate::mask::Mask;

    #[test]
    fn nothing_printed_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let into = dir.path().join("a/b");
        let mut writer = OutputWriter::new(into.clone(), 100);
        writer.write(Stream::Out, Millis(1), b"");
        assert_eq!(writer.finish(), Kept { tail: String::new(), truncated: false });
        assert!(!into.exists() && !dir.path().join("a").exists());
        assert_eq!(read(&into).unwrap(), []);
    }

    #[test]
    fn pieces_come_back_as_they_came() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = OutputWriter::new(dir.path().join("o"), 1000);
        writer.write(Stream::Out, Millis(1), b"one\n");
        writer.write(Stream::Out, Millis(2), b"two\n");
        writer.write(Stream::Err, Millis(3), b"three \xff\n");
        writer.write(Stream::Err, Millis(900), b"four\n");
        assert_eq!(writer.finish(), Kept { tail: "one\ntwo\nthree \u{fffd}\nfour".to_owned(), truncated: false });
        let piece = |at, stream, bytes: &[u8]| Piece { at: Millis(at), stream, bytes: bytes.to_vec() };
        assert_eq!(
            read(&dir.path().join("o")).unwrap(),
            [
                piece(1, Stream::Out, b"one\ntwo\n"),
                piece(3, Stream::Err, b"three \xff\n"),
                piece(900, Stream::Err, b"four\n")
            ]
        );
    }

    #[test]
    fn secrets_are_masked_in_the_file_and_in_the_tail() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = OutputWriter::new(dir.path().to_owned(), 1000).masked(&Mask::of(["hunter22"]));
        writer.write(Stream::Out, Millis(1), b"one hunt");
        writer.write(Stream::Err, Millis(2), b"er22 err hunter22\n");
        writer.write(Stream::Out, Millis(3), b"er22 two\nhunter");
        let kept = writer.finish();
        assert_eq!(kept.tail, "one er22 err ***\n*** two\nhunter");
        assert_eq!(std::fs::read(dir.path().join(OUTPUT)).unwrap(), b"one er22 err ***\n*** two\nhunter");
    }

    #[test]
    fn a_flood_is_cut_in_the_middle_and_marked() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = OutputWriter::new(dir.path().to_owned(), 1000);
        writer.write(Stream::Out, Millis(1), b"begin");
        for _ in 0..100 {
            writer.write(Stream::Out, Millis(2), &[b'x'; 10_000]);
        }
        writer.write(Stream::Out, Millis(3), b"the end");
        assert!(writer.recent.len() <= 2 * super::RECENT);
        let kept = writer.finish();
        assert!(kept.truncated && kept.tail.ends_with("xthe end"), "{kept:?}");
        let pieces = read(dir.path()).unwrap();
        let cut = 5 + 100 * 10_000 + 7 - 1000 - (64 << 10);
        assert_eq!(pieces.iter().map(|p| p.stream).collect::<Vec<_>>(), [Stream::Out, Stream::Cut(cut), Stream::Out]);
        assert_eq!(pieces[0].bytes.len(), 1000);
        assert_eq!(pieces[1].bytes, format!("\n[{cut} bytes cut here]\n").into_bytes());
        assert_eq!(pieces[2].bytes.len(), 64 << 10);
        assert!(std::fs::metadata(dir.path().join(OUTPUT)).unwrap().len() < 70_000);
    }

    #[test]
    fn a_little_over_the_limit_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = OutputWriter::new(dir.path().to_owned(), 4);
        writer.write(Stream::Out, Millis(1), b"12345");
        writer.write(Stream::Err, Millis(1), b"678");
        assert_eq!(writer.finish(), Kept { tail: "12345678".to_owned(), truncated: false });
        assert_eq!(std::fs::read(dir.path().join(OUTPUT)).unwrap(), b"12345678");
    }

    #[test]
    fn a_damaged_index_costs_no_output() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(OUTPUT), b"0123456789").unwrap();
        for index in ["", "nonsense", "4 1 out\n", "0 1 out\n99 2 err\n", "0 1 out\n8 2 err\n3 3 out\n8 4 out\n"] {
            std::fs::write(dir.path().join(INDEX), index).unwrap();
            let all: Vec<u8> = read(dir.path()).unwrap().into_iter().flat_map(|piece| piece.bytes).collect();
            assert_eq!(all, b"0123456789", "{index:?}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_costs_output_only() {
        let mut writer = OutputWriter::new("/proc/nowhere".into(), 100);
        writer.write(Stream::Out, Millis(1), b"text");
        writer.write(Stream::Out, Millis(1), b" more");
        assert_eq!(writer.finish(), Kept { tail: "text more".to_owned(), truncated: true });
    }
}
