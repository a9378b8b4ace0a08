//! Findings with the lines they are about, and carets under the place.

use std::collections::BTreeMap;
use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use crate::diagnostic::place::floor_char;
use crate::diagnostic::{ByteSpan, Finding, LineIndex, Severity, Sources};

/// How a text for people may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether colour may be used.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether only ASCII characters may be used.
    pub ascii: bool,
}

/// Every finding with its line and a caret, in the order given.
pub fn human(findings: &[Finding], sources: &Sources, look: Look) -> String {
    let handler = handler(look);
    let mut index: BTreeMap<&str, LineIndex<'_>> = BTreeMap::new();
    let mut text = String::new();
    for finding in findings {
        let source = sources.get(&finding.file).map_or("", String::as_str);
        let lines = index.entry(&finding.file).or_insert_with(|| LineIndex::new(source));
        let shown = Shown::new(finding, source, lines);
        if handler.render_report(&mut text, &shown).is_err() {
            text.push_str(&finding.message);
        }
        text.push('\n');
    }
    text
}

fn handler(look: Look) -> GraphicalReportHandler {
    let characters = if look.ascii { ThemeCharacters::ascii() } else { ThemeCharacters::unicode() };
    let styles = if look.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
        .with_width(look.width.clamp(40, 160))
        .with_links(false)
        .with_context_lines(1)
        .without_syntax_highlighting()
}

/// A finding as the drawing crate wants it.
struct Shown<'a> {
    finding: &'a Finding,
    source: Excerpt<'a>,
    labels: Vec<LabeledSpan>,
}

impl<'a> Shown<'a> {
    fn new(finding: &'a Finding, text: &'a str, lines: &'a LineIndex<'a>) -> Self {
        let mut labels = vec![LabeledSpan::new_primary_with_span(None, range(text, finding.span))];
        for related in &finding.related {
            labels.push(LabeledSpan::new_with_span(Some(related.label.clone()), range(text, related.span)));
        }
        Self { finding, source: Excerpt { name: &finding.file, lines }, labels }
    }
}

/// A text of which only the lines around a place are read: the drawing crate by itself reads from the beginning each
/// time, which ten thousand findings in ten thousand tasks make minutes of.
struct Excerpt<'a> {
    name: &'a str,
    lines: &'a LineIndex<'a>,
}

impl SourceCode for Excerpt<'_> {
    fn read_span<'s>(
        &'s self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'s> + 's>, MietteError> {
        // A line more on either side, so that it sees where those that it shows begin and end.
        let around = ByteSpan { start: span.offset(), end: span.offset().saturating_add(span.len()) };
        let (line, start, text) = self.lines.around(around, before + 1, after + 1);
        let inside = (span.offset().saturating_sub(start), span.len()).into();
        let found = text.as_bytes().read_span(&inside, before, after)?;
        let whole = (start + found.span().offset(), found.span().len()).into();
        let name = self.name.to_owned();
        let shown = MietteSpanContents::new_named(
            name,
            found.data(),
            whole,
            line + found.line(),
            found.column(),
            found.line_count(),
        );
        Ok(Box::new(shown))
    }
}

/// A span that is surely inside the text and ends in the line where it begins: a caret under a whole table helps nobody.
fn range(text: &str, span: ByteSpan) -> std::ops::Range<usize> {
    let start = floor_char(text, span.start);
    let end = floor_char(text, span.end).max(start);
    let line_end = text.get(start..end).and_then(|inside| inside.find('\n')).map_or(end, |newline| start + newline);
    start..line_end
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.finding.fmt(f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.finding.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.finding.help.as_deref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::codes;

    const TEXT: &str = "[mission]\nnmae = \"x\"\n";

    fn finding() -> Finding {
        Finding::error(
            codes::UNKNOWN_KEY,
            "m.toml",
            ByteSpan { start: 10, end: 14 },
            "`nmae` is not a key of `mission`",
        )
        .with_help("did you mean `name`?")
        .with_related(ByteSpan { start: 0, end: 9 }, "in this table")
    }

    fn shown(look: Look) -> String {
        human(&[finding()], &Sources::from([("m.toml".to_owned(), TEXT.to_owned())]), look)
    }

    #[test]
    fn a_caret_stands_under_the_key() {
        insta::assert_snapshot!(shown(Look { color: false, width: 80, ascii: true }));
    }

    #[test]
    fn colour_only_when_asked_for() {
        assert!(!shown(Look { color: false, width: 80, ascii: false }).contains('\u{1b}'));
        assert!(shown(Look { color: true, width: 80, ascii: false }).contains('\u{1b}'));
    }

    #[test]
    fn a_span_outside_the_text_or_an_unknown_file_is_no_panic() {
        let mut far = finding();
        far.span = ByteSpan { start: 500, end: 900 };
        far.related[0].span = ByteSpan { start: 7, end: 3 };
        let look = Look { color: false, width: 0, ascii: true };
        assert!(human(std::slice::from_ref(&far), &Sources::new(), look).contains("nmae"));
        assert!(human(&[far], &Sources::from([("m.toml".to_owned(), TEXT.to_owned())]), look).contains("nmae"));
    }

    #[test]
    fn far_down_a_long_text_the_line_is_shown_with_its_number() {
        let text = "# a line\n".repeat(5_000) + TEXT + &"# a line\n".repeat(5_000);
        let mut far = finding();
        far.span = ByteSpan { start: 45_010, end: 45_014 };
        far.related.clear();
        let look = Look { color: false, width: 80, ascii: true };
        let shown = human(&[far], &Sources::from([("m.toml".to_owned(), text)]), look);
        assert!(shown.contains("m.toml:5002:1") && shown.contains("5002 | nmae = \"x\""), "{shown}");
        assert!(shown.contains("5001 | [mission]") && shown.contains("5003 | # a line"), "{shown}");
        assert!(!shown.contains("5000") && !shown.contains("5004"), "{shown}");
    }
}
