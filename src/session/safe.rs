//! Bytes that an agent or command printed, made safe to show: no escape codes, no control characters.

use crate::handoff::safe;

/// Text that is safe to print: lossy UTF-8, as [`safe::text`] makes it.
pub fn safe_text(bytes: &[u8]) -> String {
    safe::text(&String::from_utf8_lossy(bytes))
}

/// The last lines of what was printed, at most 20 of them and 4 KiB, made safe.
pub fn tail(bytes: &[u8]) -> String {
    const LINES: usize = 20;
    const BYTES: usize = 4 << 10;
    let from = bytes.len().saturating_sub(2 * BYTES);
    let safe = safe_text(bytes.get(from..).unwrap_or_default());
    let text = safe.trim_end();
    let start = text.rmatch_indices('\n').nth(LINES - 1).map_or(0, |(at, _)| at + 1);
    let last = text.get(start..).unwrap_or_default();
    safe::tail(last, BYTES).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{safe_text, tail};

    #[test]
    fn takes_out_what_acts_on_a_terminal() {
        assert_eq!(safe_text(b"\x1b[31mred\x1b[0m \x1b]0;title\x07on\x1b]8;;u\x1b\\e"), "red one");
        assert_eq!(safe_text("\u{9b}2Jclean\u{202e}ing".as_bytes()), "clean\u{fffd}ing");
        assert_eq!(safe_text(b"a\x08b\x00c\xff"), "a\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(safe_text(b"10%\r20%\r\nend\t."), "10%\n20%\nend\t.");
        assert_eq!(safe_text(b"\x1b]never ended\nnext \x1b(Bline \x1b"), "\nnext line ");
    }

    #[test]
    fn a_tail_is_short() {
        let many = (1..=50).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
        let last = tail(many.as_bytes());
        assert_eq!(last.lines().count(), 20);
        assert!(last.starts_with("line 31\n") && last.ends_with("line 50"), "{last}");
        let long = tail("ä".repeat(100_000).as_bytes());
        assert!(long.len() <= 4096 && long.len() > 4000 && long.chars().all(|c| c == 'ä'), "{}", long.len());
        assert_eq!(tail(b""), "");
    }
}
