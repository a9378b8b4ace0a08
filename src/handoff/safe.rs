//! Makes text of unknown origin safe to store, to show on a terminal and to put into a prompt.

/// What stands for a character that would act on a terminal.
const SHOWN: char = '\u{fffd}';

/// The text without what can command a terminal or hide its order: escape sequences are taken out; other control
/// characters but line feeds and tabs, and the marks that turn the direction of writing, become U+FFFD. Every kind of
/// line end becomes a line feed.
pub fn text(given: &str) -> String {
    let mut safe = String::with_capacity(given.len());
    let mut letters = given.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => {
                letters.next_if_eq(&'\n');
                safe.push('\n');
            }
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => safe.push('\n'),
            '\n' | '\t' => safe.push(letter),
            '\u{1b}' => skip_escape(&mut letters),
            '\u{9b}' => skip_parameters(&mut letters),
            _ if letter.is_control() || turns_direction(letter) => safe.push(SHOWN),
            _ => safe.push(letter),
        }
    }
    safe
}

/// As [`text`](text()), on one line: for what stands inside a sentence of ours.
pub fn line(given: &str) -> String {
    text(given).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As [`line`](line()), at most `most` characters, with `…` where it was cut.
pub fn short(given: &str, most: usize) -> String {
    let whole = line(given);
    match whole.char_indices().nth(most) {
        None => whole,
        Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
    }
}

/// The beginning of a text, at most `most` bytes, never inside a character.
pub fn head(given: &str, most: usize) -> &str {
    let end = (0..=most.min(given.len())).rev().find(|end| given.is_char_boundary(*end));
    end.and_then(|end| given.get(..end)).unwrap_or_default()
}

/// The end of a text, at most `most` bytes, never inside a character.
pub fn tail(given: &str, most: usize) -> &str {
    let start = (given.len().saturating_sub(most)..=given.len()).find(|start| given.is_char_boundary(*start));
    start.and_then(|start| given.get(start..)).unwrap_or_default()
}

fn turns_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Takes the rest of an escape sequence: CSI, a string such as OSC, or one of two characters.
fn skip_escape(chars: &mut Chars<'_>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_parameters(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        Some(' '..='/') => {
            while chars.next_if(|c| (' '..='/').contains(c)).is_some() {}
            chars.next_if(|c| ('0'..='~').contains(c));
        }
        Some('0'..='~') => {
            chars.next();
        }
        Some(_) | None => {}
    }
}

/// Takes a control sequence to its final character. Anything that cannot belong to it ends it and stays.
fn skip_parameters(chars: &mut Chars<'_>) {
    while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
    chars.next_if(|c| ('@'..='~').contains(c));
}

/// Takes a string to its terminator, to the end of the line where that is missing.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        if c == '\u{7}' || c == '\u{9c}' {
            return;
        }
        if c == '\u{1b}' {
            chars.next_if_eq(&'\\');
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_commands_a_terminal_is_left() {
        assert_eq!(text("a\u{1b}[31mb\u{7}\u{9b}1m"), "ab\u{fffd}");
        assert_eq!(text("user\u{202e}nimda"), "user\u{fffd}nimda");
    }

    #[test]
    fn all_line_ends_are_line_feeds() {
        assert_eq!(text("a\r\nb\rc\u{2028}d\u{85}e\n"), "a\nb\nc\nd\ne\n");
    }

    #[test]
    fn short_counts_characters() {
        assert_eq!(short("äöü  ß\nx", 4), "äöü …");
        assert_eq!(short("abc", 3), "abc");
    }
}
