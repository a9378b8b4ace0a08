//! Findings with their places: the pen of all checks.

use crate::diagnostic::{ByteSpan, Code, Finding, Related, codes};
use crate::mission::field::duration;
use crate::mission::field::number::Signed;
use crate::mission::field::size;
use crate::mission::spans::Document;

/// Makes findings about one file.
#[derive(Debug)]
pub struct Marker<'a> {
    file: &'a str,
    document: &'a Document<'a>,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Marker<'a> {
    /// About this file.
    pub fn new(file: &'a str, document: &'a Document<'a>, findings: &'a mut Vec<Finding>) -> Self {
        Self { file, document, findings }
    }

    /// Where the key of a pointer stands.
    pub fn key(&self, pointer: &str) -> ByteSpan {
        self.document.spot(pointer).name()
    }

    /// Where the value of a pointer stands.
    pub fn value(&self, pointer: &str) -> ByteSpan {
        self.document.spot(pointer).value
    }

    /// Where a part of the text that a string says stands: `offset` and `len` count in what it says, not in how it is written.
    pub fn inside(&self, pointer: &str, offset: usize, len: usize) -> ByteSpan {
        let span = self.value(pointer);
        let written = self.document.text().get(span.start..span.end).unwrap_or_default();
        match (written_at(written, offset), written_at(written, offset.saturating_add(len))) {
            (Some(start), Some(end)) => ByteSpan { start: span.start + start, end: span.start + end },
            (None, _) | (_, None) => span,
        }
    }

    /// Notes an error; what it returns can be given help and related places.
    pub fn error(&mut self, code: Code, span: ByteSpan, message: impl Into<String>) -> Note<'_> {
        self.note(Finding::error(code, self.file, span, message))
    }

    /// Notes a warning.
    pub fn warning(&mut self, code: Code, span: ByteSpan, message: impl Into<String>) -> Note<'_> {
        self.note(Finding::warning(code, self.file, span, message))
    }

    fn note(&mut self, finding: Finding) -> Note<'_> {
        let at = self.findings.len();
        self.findings.push(finding);
        Note(self.findings.get_mut(at))
    }

    /// Checks a length of time.
    pub fn duration(&mut self, pointer: &str, text: &str) {
        if let Err(message) = duration::parse(text) {
            let span = self.value(pointer);
            self.error(codes::BAD_DURATION, span, message).help(duration::HINT);
        }
    }

    /// Checks an amount of disk space.
    pub fn size(&mut self, pointer: &str, text: &str) {
        if let Err(message) = size::parse(text) {
            let span = self.value(pointer);
            self.error(codes::BAD_SIZE, span, message).help(size::HINT);
        }
    }

    /// Checks the version of a file: there is one so far.
    pub fn version(&mut self, version: Option<Signed>) {
        if let Some(Signed(other)) = version.filter(|version| *version != Signed(1)) {
            let span = self.value("/version");
            self.error(codes::UNKNOWN_VERSION, span, format!("version {other} of this language is not known"))
                .help("the versions known are: 1");
        }
    }
}

/// A finding just noted.
#[derive(Debug)]
pub struct Note<'f>(Option<&'f mut Finding>);

impl Note<'_> {
    /// Says what to do.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        if let Some(finding) = &mut self.0 {
            finding.help = Some(help.into());
        }
        self
    }

    /// Shows another place that belongs to it.
    pub fn related(&mut self, span: ByteSpan, label: impl Into<String>) -> &mut Self {
        if let Some(finding) = &mut self.0 {
            finding.related.push(Related { span, label: label.into() });
        }
        self
    }
}

/// Where in a written TOML string the byte `offset` of what it says stands.
fn written_at(written: &str, offset: usize) -> Option<usize> {
    let (body, escapes) = body_of(written)?;
    let mut rest = written.get(body..)?;
    let mut said = 0;
    while said < offset {
        let (takes, says) = if escapes && rest.starts_with('\\') { escape(rest)? } else { plain(rest)? };
        rest = rest.get(takes..)?;
        said += says;
    }
    Some(written.len() - rest.len())
}

/// Where what a string says begins in how it is written, and whether it has escapes.
fn body_of(written: &str) -> Option<(usize, bool)> {
    let (quote, escapes) = match written.chars().next()? {
        '"' => ("\"\"\"", true),
        '\'' => ("'''", false),
        _ => return None,
    };
    let Some(after) = written.strip_prefix(quote) else { return Some((1, escapes)) };
    let newline = if after.starts_with("\r\n") { 2 } else { usize::from(after.starts_with('\n')) };
    Some((3 + newline, escapes))
}

fn plain(rest: &str) -> Option<(usize, usize)> {
    if rest.starts_with("\r\n") {
        return Some((2, 1));
    }
    rest.chars().next().map(|c| (c.len_utf8(), c.len_utf8()))
}

/// How many bytes an escape is written with, and how many it says.
fn escape(rest: &str) -> Option<(usize, usize)> {
    let kind = rest.chars().nth(1)?;
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        ' ' | '\t' | '\n' | '\r' => {
            let after = rest.get(1..)?;
            return Some((1 + after.len() - after.trim_start().len(), 0));
        }
        _ => return Some((1 + kind.len_utf8(), 1)),
    };
    let code = u32::from_str_radix(rest.get(2..2 + digits)?, 16).ok()?;
    Some((2 + digits, char::from_u32(code)?.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_inside_strings_however_they_are_written() {
        for (written, said) in [
            ("\"say {{x}}\"", "say {{x}}"),
            ("'say {{x}}'", "say {{x}}"),
            ("\"\"\"\nsay\n {{x}}\"\"\"", "say\n {{x}}"),
            ("'''say {{x}}'''", "say {{x}}"),
            ("\"\\\"\\u00e4\\t{{x}}\"", "\"ä\t{{x}}"),
            ("\"\"\"a \\\n   {{x}}\"\"\"", "a {{x}}"),
        ] {
            let offset = said.find("{{").unwrap();
            let at = written_at(written, offset).unwrap();
            assert!(
                written[at..].starts_with("{{x}}")
                    || written[at..].trim_start_matches(['\\', '\n', ' ']).starts_with("{{x}}"),
                "{written} {at}"
            );
        }
        assert_eq!(written_at("12", 0), None);
        assert_eq!(written_at("\"a\"", 99), None);
    }
}
