//! Acceptance criteria: the items of task lists below a heading that says so.

use serde::Serialize;

use crate::diagnostic::ByteSpan;

/// One acceptance criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// Its place among them, from 1.
    pub number: usize,
    /// What must be so, on one line.
    pub text: String,
    /// Whether its box is ticked.
    pub met: bool,
    /// Where the character in its box stands.
    #[serde(skip)]
    pub mark: ByteSpan,
}

/// What stands below the headings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Criteria {
    /// Those with a box, in the order of the file.
    pub all: Vec<Criterion>,
    /// Items of lists that have none.
    pub without_box: Vec<ByteSpan>,
}

/// Reads the criteria out of a text that begins at `from`: what stands in a fenced block or a comment is none.
pub fn read(text: &str, from: usize) -> Criteria {
    let mut reader = Reader::default();
    let mut at = from;
    for line in text.get(from..).unwrap_or_default().split_inclusive('\n') {
        reader.line(line.trim_end(), at);
        at += line.len();
    }
    reader.found
}

#[derive(Debug, Default)]
struct Reader {
    /// The fence that is open: its character, and how many of it.
    fence: Option<(char, usize)>,
    in_comment: bool,
    /// How deep the heading is below which the present line stands.
    section: Option<usize>,
    /// Whether the line before belongs to a criterion.
    goes_on: bool,
    found: Criteria,
}

impl Reader {
    fn line(&mut self, line: &str, at: usize) {
        if self.is_set_apart(line.trim_start()) {
            return;
        }
        if let Some((level, title)) = heading(line) {
            if self.section.is_some_and(|section| level <= section) {
                self.section = None;
            }
            if self.section.is_none() && is_meant(title) {
                self.section = Some(level);
            }
            self.goes_on = false;
        } else if self.section.is_some() {
            self.item(line, at);
        }
    }

    /// Whether a line belongs to a fenced block or a comment.
    fn is_set_apart(&mut self, line: &str) -> bool {
        let marker = line.chars().next().filter(|c| matches!(c, '`' | '~'));
        let length = marker.map_or(0, |marker| line.chars().take_while(|c| *c == marker).count());
        if let Some((open, long)) = self.fence {
            if marker == Some(open) && length >= long && line.chars().all(|c| c == open) {
                self.fence = None;
            }
            return true;
        }
        if let Some(marker) = marker.filter(|_| length >= 3) {
            self.fence = Some((marker, length));
            return true;
        }
        let begins = !self.in_comment && line.starts_with("<!--");
        if begins || self.in_comment {
            self.in_comment = !line.contains("-->");
            return true;
        }
        false
    }

    fn item(&mut self, line: &str, at: usize) {
        let inner = line.trim_start();
        let indent = line.len() - inner.len();
        let Some(after) = bullet(inner) else {
            match self.found.all.last_mut().filter(|_| self.goes_on && indent > 0 && !inner.is_empty()) {
                Some(criterion) => {
                    criterion.text.push(' ');
                    criterion.text.push_str(inner);
                }
                None => self.goes_on = self.goes_on && inner.is_empty(),
            }
            return;
        };
        match boxed(inner.get(after..).unwrap_or_default()) {
            Some((met, text)) => {
                let mark = at + indent + after + 1;
                let number = self.found.all.len() + 1;
                let mark = ByteSpan { start: mark, end: mark + 1 };
                self.found.all.push(Criterion { number, text: text.to_owned(), met, mark });
                self.goes_on = true;
            }
            // A list within a criterion tells more of it.
            None if self.goes_on && indent > 0 => {
                if let Some(criterion) = self.found.all.last_mut() {
                    criterion.text.push_str("; ");
                    criterion.text.push_str(inner.get(after..).unwrap_or_default().trim());
                }
            }
            None => {
                self.goes_on = false;
                self.found.without_box.push(ByteSpan { start: at + indent, end: at + line.len() });
            }
        }
    }
}

/// Level and title of a heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let inner = line.trim_start_matches(' ');
    let level = inner.bytes().take_while(|b| *b == b'#').count();
    let title = inner.get(level..)?;
    let is_one = (1..=6).contains(&level) && line.len() - inner.len() < 4;
    (is_one && (title.is_empty() || title.starts_with([' ', '\t'])))
        .then(|| (level, title.trim_end_matches('#').trim()))
}

/// Whether criteria stand below a heading of this title.
fn is_meant(title: &str) -> bool {
    let title = title.to_lowercase();
    title.contains("acceptance criteria") || matches!(title.trim_end_matches(':'), "criteria" | "acceptance")
}

/// How many bytes the mark of a list's item takes, with the white space after it.
fn bullet(line: &str) -> Option<usize> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let mark = match line.as_bytes().get(digits)? {
        b'-' | b'*' | b'+' if digits == 0 => 1,
        b'.' | b')' if (1..=9).contains(&digits) => digits + 1,
        _ => return None,
    };
    let rest = line.get(mark..)?;
    let space = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    (space > 0).then_some(mark + space)
}

/// What an item with a box says, and whether it is ticked.
fn boxed(item: &str) -> Option<(bool, &str)> {
    let rest = item.strip_prefix('[')?;
    let met = match rest.as_bytes().first()? {
        b' ' => false,
        b'x' | b'X' => true,
        _ => return None,
    };
    let text = rest.get(1..)?.strip_prefix(']')?;
    (text.starts_with([' ', '\t']) && !text.trim().is_empty()).then(|| (met, text.trim()))
}
