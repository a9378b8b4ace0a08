//! Takes the values of secrets out of whatever is kept or shown.
//!
//! A value is looked for as it is, line by line, and in the forms that programs print it in: base64 (wherever it
//! begins in what was encoded), URL-encoded, escaped in JSON. In a stream the end that may be the beginning of one
//! is held back until more comes. The values themselves travel over sockets and pipes only, never on a disk.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};
use serde::{Deserialize, Serialize};

/// What stands in a secret's place.
pub const MASKED: &str = "***";

/// Shorter values are looked for only as they are: their encodings would be found everywhere.
pub const SHORT: usize = 6;

/// All that must not be seen.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mask {
    needles: Vec<String>,
    /// Made when first asked.
    #[serde(skip)]
    finder: OnceLock<Option<AhoCorasick>>,
}

impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        self.needles == other.needles
    }
}

impl Eq for Mask {}

/// Tells how many forms there are, never which.
impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} forms)", self.needles.len())
    }
}

impl Mask {
    /// Of these values.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut needles = Vec::new();
        for value in values.into_iter().filter(|value| !value.is_empty()) {
            needles.push(value.to_owned());
            if value.len() < SHORT {
                continue;
            }
            encoded(value, &mut needles);
            for line in value.lines().map(str::trim).filter(|line| line.len() >= SHORT) {
                needles.push(line.to_owned());
                encoded(line, &mut needles);
            }
        }
        needles.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        needles.dedup();
        Self { needles, finder: OnceLock::new() }
    }

    /// True where there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// A text without them.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.finder() {
            Some(finder) if finder.is_match(text) => {
                Cow::Owned(finder.replace_all(text, &vec![MASKED; self.needles.len()]))
            }
            Some(_) | None => Cow::Borrowed(text),
        }
    }

    /// Takes them out of a text.
    pub fn hide(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.text(text) {
            *text = masked;
        }
    }

    /// Whether one of them is in there.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.finder().is_some_and(|finder| finder.is_match(bytes))
    }

    /// Bytes of the longest form.
    pub fn longest(&self) -> usize {
        self.needles.first().map_or(0, String::len)
    }

    /// For one stream of bytes.
    pub fn stream(&self) -> MaskStream {
        MaskStream { finder: self.finder().cloned(), needles: self.needles.clone(), held: Vec::new() }
    }

    fn finder(&self) -> Option<&AhoCorasick> {
        let make = || AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&self.needles).ok();
        self.finder.get_or_init(|| if self.needles.is_empty() { None } else { make() }).as_ref()
    }
}

/// Takes secrets out of a stream of bytes that comes in pieces.
#[derive(Debug, Default)]
pub struct MaskStream {
    finder: Option<AhoCorasick>,
    needles: Vec<String>,
    held: Vec<u8>,
}

impl MaskStream {
    /// Takes a piece; gives what can be told of it and of what was held back before.
    pub fn take<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        if self.finder.is_none() {
            return Cow::Borrowed(bytes);
        }
        self.held.extend_from_slice(bytes);
        let keep = self.begun();
        Cow::Owned(self.give(keep))
    }

    /// What was held back to the end.
    pub fn rest(&mut self) -> Vec<u8> {
        self.give(0)
    }

    /// How many bytes at the end may be the beginning of a secret.
    fn begun(&self) -> usize {
        let longest = self.needles.first().map_or(0, String::len);
        let from = self.held.len().saturating_sub(longest.saturating_sub(1));
        let end = self.held.get(from..).unwrap_or_default();
        let begins = |at: &usize| {
            let rest = end.get(*at..).unwrap_or_default();
            self.needles.iter().any(|needle| needle.len() > rest.len() && needle.as_bytes().starts_with(rest))
        };
        (0..end.len()).find(begins).map_or(0, |at| end.len() - at)
    }

    /// Gives all but the last `keep` bytes; a secret that reaches into those is taken whole.
    fn give(&mut self, keep: usize) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let until = held.len() - keep.min(held.len());
        let (mut given, mut at) = (Vec::with_capacity(until), 0);
        for found in self.finder.iter().flat_map(|finder| finder.find_iter(&held)) {
            if found.start() >= until {
                break;
            }
            given.extend_from_slice(held.get(at..found.start()).unwrap_or_default());
            given.extend_from_slice(MASKED.as_bytes());
            at = found.end();
        }
        given.extend_from_slice(held.get(at..until).unwrap_or_default());
        self.held = held.get(at.max(until)..).unwrap_or_default().to_vec();
        given
    }
}

/// The forms in which programs print a value.
fn encoded(value: &str, into: &mut Vec<String>) {
    for shift in 0..3 {
        let core = base64_core(value.as_bytes(), shift);
        into.push(core.replace('+', "-").replace('/', "_"));
        into.push(core);
    }
    let upper = percent(value);
    into.push(upper.replace("%20", "+"));
    into.push(lower_hex(&upper));
    into.push(upper);
    if let Ok(json) = serde_json::to_string(value) {
        into.push(json.trim_matches('"').to_owned());
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Of the base64 of `shift` unknown bytes followed by these: the characters that these alone decide.
fn base64_core(bytes: &[u8], shift: usize) -> String {
    let bit = |at: usize| {
        let byte = bytes.get(at / 8).copied().unwrap_or(0);
        usize::from((byte >> (7 - at % 8)) & 1)
    };
    // The first character that begins at or after the first bit of ours.
    let first = (6 - (shift * 8) % 6) % 6;
    let whole = (bytes.len() * 8 - first) / 6;
    let index = |character: usize| (0..6).fold(0, |index, at| index * 2 + bit(first + character * 6 + at));
    let letters = (0..whole).filter_map(|character| BASE64.get(index(character)));
    letters.map(|letter| char::from(*letter)).collect()
}

/// Everything but letters, digits and `-._~` as `%XX`.
fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase();
            encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    encoded
}

/// The same with the hexadecimal digits small.
fn lower_hex(percent: &str) -> String {
    let mut digits = 0_u8;
    let small = |c: char| {
        let is_digit = digits > 0;
        digits = if c == '%' { 2 } else { digits.saturating_sub(1) };
        if is_digit { c.to_ascii_lowercase() } else { c }
    };
    percent.chars().map(small).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MASKED, Mask, base64_core};

    /// Base64 as programs print it.
    fn base64(bytes: &[u8]) -> String {
        let mut text = base64_core(bytes, 0);
        let rest = bytes.len() % 3;
        if rest > 0 {
            let mut padded = bytes.to_vec();
            padded.extend(vec![0; 3 - rest]);
            text = base64_core(&padded, 0);
            text.truncate(text.len() - (3 - rest));
            text.push_str(&"=".repeat(3 - rest));
        }
        text
    }

    #[test]
    fn base64_is_what_others_make_of_it() {
        assert_eq!(base64(b"hunter2 and more"), "aHVudGVyMiBhbmQgbW9yZQ==");
        assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
    }

    #[test]
    fn every_form_is_hidden() {
        let mask = Mask::of(["p&ss wörd/9+\"x"]);
        for shown in [
            "p&ss wörd/9+\"x".to_owned(),
            "p%26ss%20w%C3%B6rd%2F9%2B%22x".to_owned(),
            "p%26ss%20w%c3%b6rd%2f9%2b%22x".to_owned(),
            "p%26ss+w%C3%B6rd%2F9%2B%22x".to_owned(),
            serde_json::to_string("p&ss wörd/9+\"x").unwrap(),
        ] {
            let text = format!("a {shown} b");
            let hidden = mask.text(&text);
            assert!(hidden.contains(MASKED) && !hidden.contains("ss"), "{shown} -> {hidden}");
        }
        assert!(!format!("{mask:?}").contains("ss w"));
    }

    #[test]
    fn secrets_of_many_lines_are_hidden_line_by_line() {
        let mask = Mask::of(["first-line\n  second-line\n}\n"]);
        assert_eq!(mask.text("x second-line } first-line"), "x *** } ***");
    }

    #[test]
    fn short_ones_are_hidden_as_they_are() {
        let mask = Mask::of(["ab1", ""]);
        assert_eq!(mask.text("ab1 YWIx ab"), "*** YWIx ab");
        assert!(Mask::of([""]).is_empty());
    }

    #[test]
    fn a_stream_gives_what_can_be_no_secret_at_once() {
        let mask = Mask::of(["hunter22"]);
        let mut stream = mask.stream();
        assert_eq!(&*stream.take(b"a hunt"), b"a ");
        assert_eq!(&*stream.take(b"er2"), b"");
        assert_eq!(&*stream.take(b"2!"), b"***!");
        assert_eq!(&*stream.take(b"hunter"), b"");
        assert_eq!(stream.rest(), b"hunter");
    }

    proptest! {
        #[test]
        fn however_it_is_cut_a_stream_is_masked_as_the_whole(
            text in "[abc]{0,60}",
            cuts in prop::collection::vec(0_usize..60, 0..8),
        ) {
            let mask = Mask::of(["abcabc", "abcabcabc", "bbbbbb", "ccab"]);
            let mut stream = mask.stream();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut given = Vec::new();
            for pair in cuts.windows(2) {
                given.extend_from_slice(&stream.take(&text.as_bytes()[pair[0]..pair[1]]));
            }
            given.extend(stream.rest());
            prop_assert_eq!(String::from_utf8(given).unwrap(), mask.text(&text).into_owned());
        }

        #[test]
        fn base64_is_hidden_wherever_it_begins(before in prop::collection::vec(any::<u8>(), 0..7), after in "[a-z]{0,7}") {
            let secret = "tops3cret-value";
            let whole = [before.as_slice(), secret.as_bytes(), after.as_bytes()].concat();
            let text = base64(&whole);
            let hidden = Mask::of([secret]).text(&text).into_owned();
            prop_assert!(hidden.contains(MASKED), "{} -> {}", text, hidden);
        }
    }
}
