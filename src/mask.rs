//! Takes the values of secrets out of whatever is kept or shown.
//!
//! A value is looked for as it is, line by line, and in the forms that programs print it in: base64 (wherever it
//! begins in what was encoded, and wrapped over lines), URL-encoded, escaped in JSON. In a stream the end that may be
//! the beginning of one is held back until more comes. The values themselves travel over sockets and pipes only, never on a disk.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
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
    finder: OnceLock<Option<Finder>>,
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
        let found = self.finder().map(|finder| finder.find(text.as_bytes())).unwrap_or_default();
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut masked, mut at) = (String::with_capacity(text.len()), 0);
        for range in found {
            masked.push_str(text.get(at..range.start).unwrap_or_default());
            masked.push_str(MASKED);
            at = range.end;
        }
        masked.push_str(text.get(at..).unwrap_or_default());
        Cow::Owned(masked)
    }

    /// Takes them out of a text.
    pub fn hide(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.text(text) {
            *text = masked;
        }
    }

    /// Whether one of them is in there.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.finder().is_some_and(|finder| !finder.find(bytes).is_empty())
    }

    /// Bytes of the longest form.
    pub fn longest(&self) -> usize {
        self.needles.first().map_or(0, String::len)
    }

    /// For one stream of bytes.
    pub fn stream(&self) -> MaskStream {
        MaskStream { finder: self.finder().cloned(), needles: self.needles.clone(), held: Vec::new() }
    }

    fn finder(&self) -> Option<&Finder> {
        self.finder.get_or_init(|| if self.needles.is_empty() { None } else { Finder::of(&self.needles) }).as_ref()
    }
}

/// Finds all forms in a text.
#[derive(Debug, Clone)]
struct Finder {
    all: AhoCorasick,
    /// Those that a program may have wrapped over lines.
    wrapped: Option<AhoCorasick>,
}

impl Finder {
    fn of(needles: &[String]) -> Option<Self> {
        // A table of all transitions would take megabytes and, for values that repeat themselves, seconds to make; one is
        // made for each child that prints.
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::ContiguousNFA));
        let build = |needles: &[&String]| builder.build(needles).ok();
        let all = build(&needles.iter().collect::<Vec<_>>())?;
        let wrapped: Vec<&String> = needles.iter().filter(|needle| is_wrapped(needle)).collect();
        Some(Self { all, wrapped: if wrapped.is_empty() { None } else { build(&wrapped) } })
    }

    /// Where they are, in order, none meeting another.
    fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = self.all.find_iter(bytes).map(|found| found.range()).collect();
        if let Some(finder) = &self.wrapped {
            let joined = Joined::of(bytes);
            if joined.bytes.len() < bytes.len() {
                found.extend(finder.find_iter(&joined.bytes).map(|found| joined.range(found.range())));
                found.sort_by_key(|range| (range.start, range.end));
                found.dedup_by(|next, last| {
                    let meets = next.start < last.end;
                    last.end = if meets { last.end.max(next.end) } else { last.end };
                    meets
                });
            }
        }
        found
    }
}

/// Whether it is of letters that base64 is made of, and long enough that no other text meets it by chance.
fn is_wrapped(needle: &str) -> bool {
    needle.len() >= SHORT && needle.bytes().all(is_letter)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// What ends a line, also as it stands in JSON.
const BREAKS: [&[u8]; 4] = [b"\\r\\n", b"\\n", b"\r\n", b"\n"];

/// A text without the ends of lines that stand between two letters of base64, or that may come to stand there.
#[derive(Debug)]
struct Joined {
    bytes: Vec<u8>,
    /// Where each byte was.
    from: Vec<usize>,
}

impl Joined {
    fn of(bytes: &[u8]) -> Self {
        let mut joined = Self { bytes: Vec::with_capacity(bytes.len()), from: Vec::with_capacity(bytes.len()) };
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let rest = bytes.get(at..).unwrap_or_default();
            let follows = joined.bytes.last().is_some_and(|last| is_letter(*last));
            let end = BREAKS.iter().find(|end| rest.starts_with(end)).filter(|_| follows);
            let is_cut = follows && BREAKS.iter().any(|end| end.len() > rest.len() && end.starts_with(rest));
            match end {
                Some(end) if rest.get(end.len()).is_none_or(|next| is_letter(*next)) => at += end.len(),
                _ if is_cut => break,
                _ => {
                    joined.bytes.push(*byte);
                    joined.from.push(at);
                    at += 1;
                }
            }
        }
        joined
    }

    fn place(&self, at: usize) -> usize {
        self.from.get(at).copied().unwrap_or_default()
    }

    fn range(&self, range: Range<usize>) -> Range<usize> {
        self.place(range.start)..self.place(range.end.saturating_sub(1)).saturating_add(1)
    }
}

/// Takes secrets out of a stream of bytes that comes in pieces.
#[derive(Debug, Default)]
pub struct MaskStream {
    finder: Option<Finder>,
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
        let plain = last(&self.held, longest.saturating_sub(1));
        let begun = pending(plain, |at| at, &self.needles.iter().collect::<Vec<_>>());
        // As many ends of lines as letters at most: nothing is held back for ever.
        let wide = last(&self.held, longest.saturating_mul(MOST_BREAK));
        let joined = Joined::of(wide);
        if joined.bytes.len() == wide.len() {
            return begun.map_or(0, |at| plain.len() - at);
        }
        let wrapped: Vec<&String> = self.needles.iter().filter(|needle| is_wrapped(needle)).collect();
        let wrapped = pending(&joined.bytes, |at| joined.place(at), &wrapped);
        begun.map_or(0, |at| plain.len() - at).max(wrapped.map_or(0, |at| wide.len() - at))
    }

    /// Gives all but the last `keep` bytes; a secret that reaches into those is taken whole.
    fn give(&mut self, keep: usize) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let until = held.len() - keep.min(held.len());
        let (mut given, mut at) = (Vec::with_capacity(until), 0);
        for found in self.finder.iter().flat_map(|finder| finder.find(&held)) {
            if found.start >= until {
                break;
            }
            given.extend_from_slice(held.get(at..found.start).unwrap_or_default());
            given.extend_from_slice(MASKED.as_bytes());
            at = found.end;
        }
        given.extend_from_slice(held.get(at..until).unwrap_or_default());
        self.held = held.get(at.max(until)..).unwrap_or_default().to_vec();
        given
    }
}

/// Bytes of a letter with the longest end of a line after it.
const MOST_BREAK: usize = 5;

/// The last bytes, so many at most.
fn last(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(most)..).unwrap_or_default()
}

/// Where in the end of a stream one of these may have begun.
fn pending(end: &[u8], place: impl Fn(usize) -> usize, needles: &[&String]) -> Option<usize> {
    let begins = |at: &usize| {
        let rest = end.get(*at..).unwrap_or_default();
        needles.iter().any(|needle| needle.len() > rest.len() && needle.as_bytes().starts_with(rest))
    };
    (0..end.len()).find(begins).map(place)
}

/// The forms in which programs print a value.
fn encoded(value: &str, into: &mut Vec<String>) {
    for shift in 0..3 {
        let core = base64_core(value.as_bytes(), shift);
        into.push(core.replace('+', "-").replace('/', "_"));
        into.push(core);
    }
    for kept in UNENCODED {
        let upper = percent(value, kept);
        let lower = lower_hex(&upper);
        into.extend([upper.replace("%20", "+"), lower.replace("%20", "+"), lower, upper]);
    }
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

/// What programs leave as it is in percent-encoding, beside letters and digits: the standard's unreserved characters, those
/// of `encodeURIComponent`, those of forms, those of paths, and none at all.
const UNENCODED: [&[u8]; 5] = [b"-._~", b"-._~!*'()", b"*-._", b"-._~/", b""];

/// Everything but letters, digits and what is kept as `%XX`.
fn percent(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
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
    fn percent_encoding_is_hidden_whatever_it_leaves_as_it_is() {
        let mask = Mask::of(["top.s3cret-(w~rd)/x*y z"]);
        for shown in [
            "top.s3cret-%28w~rd%29%2Fx%2Ay%20z",
            "top.s3cret-(w~rd)%2Fx*y%20z",
            "top.s3cret-%28w%7Erd%29%2Fx*y+z",
            "top.s3cret-%28w%7erd%29%2fx*y+z",
            "top.s3cret-%28w~rd%29/x%2Ay%20z",
            "top%2Es3cret%2D%28w%7Erd%29%2Fx%2Ay%20z",
        ] {
            assert_eq!(mask.text(&format!("a={shown}&b")), format!("a={MASKED}&b"), "{shown}");
        }
    }

    #[test]
    fn secrets_of_many_lines_are_hidden_line_by_line() {
        let mask = Mask::of(["first-line\n  second-line\n}\n"]);
        assert_eq!(mask.text("x second-line } first-line"), "x *** } ***");
    }

    #[test]
    fn base64_is_hidden_when_it_is_wrapped() {
        let secret = "tops3cret-value/of+many&letters";
        let mask = Mask::of([secret]);
        let whole = base64(format!("a line before it, then {secret}, and one after").as_bytes());
        for (width, end) in [(64, "\n"), (76, "\r\n"), (20, "\n"), (16, "\\n")] {
            let lines: Vec<&str> =
                whole.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
            let text = lines.join(end);
            let hidden = mask.text(&text).replace(end, "");
            let longest =
                (0..3).map(|shift| base64_core(secret.as_bytes(), shift)).find(|core| whole.contains(core)).unwrap();
            assert!(hidden.contains(MASKED) && !hidden.contains(&longest[..8]), "{width}: {text} -> {hidden}");
            let mut stream = mask.stream();
            let mut given = Vec::new();
            for byte in text.as_bytes() {
                given.extend_from_slice(&stream.take(&[*byte]));
            }
            given.extend(stream.rest());
            assert_eq!(String::from_utf8(given).unwrap(), mask.text(&text), "{width}");
        }
        assert_eq!(mask.text("two\nlines"), "two\nlines");
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
            text in "[abc\n]{0,60}",
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
