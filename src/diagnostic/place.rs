//! Bytes to lines and columns.

use crate::diagnostic::ByteSpan;

/// A place in a text as people count: from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Where the lines of a text begin, so that many places can be looked up in it.
#[derive(Debug)]
pub struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    /// Of a text that is not known: everything is at its beginning.
    pub(super) const EMPTY: LineIndex<'static> = LineIndex { text: "", starts: Vec::new() };

    /// Reads the text once.
    pub fn new(text: &'a str) -> Self {
        let after_newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// The text.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The position of a byte; one beyond the end is taken as the end.
    pub fn position(&self, byte: usize) -> Position {
        let byte = floor_char(self.text, byte);
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..byte).map_or(0, |before| before.chars().count()) + 1;
        Position { line: line.max(1), column }
    }

    /// The lines of a span and so many before and after it: the number of the first, from 0, the byte where it begins,
    /// and the text.
    pub(super) fn around(&self, span: ByteSpan, before: usize, after: usize) -> (usize, usize, &'a str) {
        let line = |byte: usize| self.starts.partition_point(|start| *start <= byte).saturating_sub(1);
        let first = line(span.start).saturating_sub(before);
        let start = self.starts.get(first).copied().unwrap_or(0);
        let end = self.starts.get(line(span.end.max(span.start)) + after + 1).copied().unwrap_or(self.text.len());
        (first, start, self.text.get(start..end).unwrap_or_default())
    }

    /// First position of a span, and the first after it.
    pub fn range(&self, span: ByteSpan) -> (Position, Position) {
        (self.position(span.start), self.position(span.end.max(span.start)))
    }
}

/// The last character boundary at or before `byte`.
pub(super) fn floor_char(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_anything_beyond_the_end_is_the_end() {
        let index = LineIndex::new("ä = 1\nöx = 2\n");
        assert_eq!(index.position(0), Position { line: 1, column: 1 });
        assert_eq!(index.position(3), Position { line: 1, column: 3 });
        assert_eq!(index.position(9), Position { line: 2, column: 2 });
        assert_eq!(index.position(1), Position { line: 1, column: 1 }, "inside a character");
        assert_eq!(index.position(999), Position { line: 3, column: 1 });
        assert_eq!(LineIndex::new("").position(0), Position { line: 1, column: 1 });
    }
}
