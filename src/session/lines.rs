//! Bytes to lines, bounded: of a line that is too long its beginning is kept.

/// Longest line that a backend is shown.
pub const MAX_LINE: usize = 1 << 20;

/// Puts lines together.
#[derive(Debug, Default)]
pub struct Lines {
    line: Vec<u8>,
}

impl Lines {
    /// Takes some bytes; gives the lines that they end.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut whole = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE.saturating_sub(self.line.len()).min(piece.len());
            self.line.extend_from_slice(piece.get(..room).unwrap_or_default());
            if piece.ends_with(b"\n") {
                whole.extend(self.rest());
            }
        }
        whole
    }

    /// A last line that has no end.
    pub fn rest(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        (!line.is_empty()).then(|| String::from_utf8_lossy(text.strip_suffix(b"\r").unwrap_or(text)).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, MAX_LINE};

    #[test]
    fn puts_lines_together() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"on"), [""; 0]);
        assert_eq!(lines.take(b"e\r\n\ntwo\nthr"), ["one", "", "two"]);
        assert_eq!(lines.rest().as_deref(), Some("thr"));
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            assert_eq!(lines.take(&vec![b'x'; 1 << 18]), [""; 0]);
        }
        assert!(lines.line.capacity() <= 2 * MAX_LINE);
        assert_eq!(lines.take(b"\nnext\n").iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE, 4]);
    }
}
