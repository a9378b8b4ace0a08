//! A gate at the foot of the terminal: what is asked, what the person types, what that means.

use crate::kernel::fact::Answer;
use crate::report::{Look, Report, shorten};

/// What a typed line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meant {
    /// An answer, with what is said with it.
    Answer(Answer, String),
    /// It is left open.
    Leave,
    /// Not clear; what to type instead.
    Unclear(&'static str),
}

/// Reads a typed line.
pub(super) fn meant(line: &str) -> Meant {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let said = rest.trim().to_owned();
    match word.to_ascii_lowercase().as_str() {
        "a" | "approve" => Meant::Answer(Answer::Approve, said),
        "r" | "reject" if said.is_empty() => {
            Meant::Unclear("type r, a space and the reason: it goes back with the work")
        }
        "r" | "reject" => Meant::Answer(Answer::Reject, said),
        "l" | "leave" => Meant::Leave,
        _ => Meant::Unclear("type a, r and the reason, or l"),
    }
}

/// A line being typed, byte by byte.
#[derive(Debug, Clone, Default)]
pub(super) struct Typing {
    line: Vec<u8>,
    /// Within an escape sequence, such as that of an arrow key.
    escape: bool,
}

impl Typing {
    /// Takes what was typed; gives the lines that were ended.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            match byte {
                _ if self.escape => self.escape = !(byte.is_ascii_alphabetic() || *byte == b'~'),
                0x1b => self.escape = true,
                b'\r' | b'\n' => lines.push(String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned()),
                0x7f | 0x08 => self.erase(),
                0x15 => self.line.clear(),
                0x00..=0x1f => {}
                byte => self.line.push(*byte),
            }
        }
        lines
    }

    /// Takes the last character away, all its bytes.
    fn erase(&mut self) {
        while let Some(byte) = self.line.pop() {
            if byte & 0xc0 != 0x80 {
                break;
            }
        }
    }

    /// What is typed so far.
    pub(super) fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.line).into_owned()
    }
}

/// The rows of the first open gate; none where nothing is asked.
pub(super) fn rows(report: &Report, columns: usize, look: Look) -> Vec<String> {
    let Some((id, task, gate)) = report.open_gates().next() else { return Vec::new() };
    let about = report.about(task);
    let more = report.open_gates().count().saturating_sub(1);
    let more = if more > 0 { format!(" ({more} more after it)") } else { String::new() };
    let mut rows = vec![format!("? {id}{more}: {}", crate::report::safe(&gate.question))];
    rows.extend(about.iter().map(|about| format!("    {about}")));
    rows.push("  a: approve   r REASON: reject   l: leave it open; then Enter".to_owned());
    rows.into_iter().map(|row| shorten(&row, columns, look)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_an_answer_or_is_asked_again() {
        assert_eq!(meant(" a "), Meant::Answer(Answer::Approve, String::new()));
        assert_eq!(meant("approve looks good"), Meant::Answer(Answer::Approve, "looks good".to_owned()));
        assert_eq!(meant("R  not  yet"), Meant::Answer(Answer::Reject, "not  yet".to_owned()));
        assert_eq!(meant("l"), Meant::Leave);
        for unclear in ["", "r", "reject ", "yes", "ar", "all of it"] {
            assert!(matches!(meant(unclear), Meant::Unclear(_)), "{unclear}");
        }
    }

    #[test]
    fn keys_make_lines() {
        let mut typing = Typing::default();
        assert!(typing.take("r n\u{e4}".as_bytes()).is_empty());
        assert!(typing.take(b"\x1b[A\x7f").is_empty());
        assert_eq!(typing.so_far(), "r n");
        assert_eq!(typing.take(b"o\rx\x15a\n"), ["r no", "a"]);
        assert_eq!(typing.so_far(), "");
    }
}
