//! How text looks: colour or none, ASCII or not, safe to show, of a known width.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::handoff;

/// How text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// Escape codes for colour may be used.
    pub color: bool,
    /// Nothing beyond ASCII may be used.
    pub ascii: bool,
}

/// The colours there are. Colour never carries meaning alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Good,
    Bad,
    Careful,
    Busy,
    Dim,
    Bold,
}

impl Look {
    /// Text in a colour, or as it is.
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Careful => "33",
            Paint::Busy => "36",
            Paint::Dim => "2",
            Paint::Bold => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// One of two spellings.
    pub(crate) fn or(self, fine: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { fine }
    }

    /// Between two facts of one line.
    pub(crate) fn dot(self) -> &'static str {
        self.or(" · ", " | ")
    }

    /// Lines added and removed: `+118 −12`.
    pub(crate) fn lines(self, added: u64, removed: u64) -> String {
        format!("+{added} {}{removed}", self.or("−", "-"))
    }
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Columns that a text takes, escape sequences for colour not counted.
pub fn visible_width(text: &str) -> usize {
    safe(text).width()
}

/// Text cut to at most `columns`, with an ellipsis where something was cut.
pub fn shorten(text: &str, columns: usize, look: Look) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mark = look.or("…", "~");
    let room = columns.saturating_sub(1);
    let mut taken = 0;
    let mut cut: String = text
        .chars()
        .take_while(|c| {
            taken += c.width().unwrap_or(0);
            taken <= room
        })
        .collect();
    if columns > 0 {
        cut.push_str(mark);
    }
    cut
}

/// A command or message in one line, safe to show: runs of white space become one space, and what is too long is cut in
/// the middle, as the end often says what became of it.
pub fn one_line(text: &str, columns: usize, look: Look) -> String {
    let line = safe(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    if line.width() <= columns {
        return line;
    }
    let mark = look.or(" … ", " ~ ");
    let room = columns.saturating_sub(mark.width());
    let end = take_columns(line.chars().rev(), room / 3).chars().rev().collect::<String>();
    let begin = take_columns(line.chars(), room.saturating_sub(end.width()));
    format!("{}{mark}{}", begin.trim_end(), end.trim_start())
}

/// The first characters that fit into `columns`.
fn take_columns(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut taken = 0;
    chars
        .take_while(|c| {
            taken += c.width().unwrap_or(0);
            taken <= columns
        })
        .collect()
}

/// Text padded with spaces to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// One line that is safe to show: no escape sequence, no control character, nothing that turns the direction of text;
/// line breaks and tabs become spaces.
pub fn safe(text: &str) -> String {
    handoff::safe::text(text).replace(['\n', '\t'], " ")
}

/// The last `most` lines of a text, each safe to show.
pub fn safe_lines(text: &str, most: usize) -> Vec<String> {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines.iter().skip(lines.len().saturating_sub(most)).map(|line| safe(line)).collect()
}

/// `1 task`, `2 tasks`: the one place that makes plurals.
pub fn plural(count: usize, one: &str) -> String {
    let ending = if one.ends_with('s') { "es" } else { "s" };
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}{ending}") }
}
