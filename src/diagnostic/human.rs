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
        let source = sources.get(&finding.file);
        let lines = source.map(|text| &*index.entry(&finding.file).or_insert_with(|| LineIndex::new(text)));
        let shown = Shown { finding, excerpt: lines.map(|lines| Excerpt::new(finding, lines)) };
        if handler.render_report(&mut text, &shown).is_err() {
            text.push_str(&finding.message);
        }
        text.push('\n');
    }
    text
}

fn handler(look: Look) -> GraphicalReportHandler {
    let mut characters = if look.ascii { ThemeCharacters::ascii() } else { ThemeCharacters::unicode() };
    // A symbol alone does not tell an error from a warning to whoever does not know it.
    characters.error += " error:";
    characters.warning += " warning:";
    let styles = if look.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
        .with_width(look.width.clamp(40, 160))
        .with_links(false)
        .with_context_lines(1)
        .without_syntax_highlighting()
}

/// A finding as the drawing crate wants it; without an excerpt where its file has no text.
struct Shown<'a> {
    finding: &'a Finding,
    excerpt: Option<Excerpt<'a>>,
}

/// A text of which only the lines around a place are read: the drawing crate by itself reads from the beginning each
/// time, which ten thousand findings in ten thousand tasks make minutes of.
///
/// That crate draws places in the order of their bytes. A related place above the finding's own would come first, so
/// it is told to be as far below the end of the text as it is below its beginning.
struct Excerpt<'a> {
    name: &'a str,
    lines: &'a LineIndex<'a>,
    labels: Vec<LabeledSpan>,
}

/// How many lines apart two places are at most to be drawn in one snippet.
const TOGETHER: usize = 3;

impl<'a> Excerpt<'a> {
    fn new(finding: &'a Finding, lines: &'a LineIndex<'a>) -> Self {
        let text = lines.text();
        let own = lines.position(finding.span.start).line;
        let mut labels = vec![LabeledSpan::new_primary_with_span(None, range(text, finding.span))];
        for related in &finding.related {
            let place = range(text, related.span);
            let above = own.saturating_sub(lines.position(place.start).line) > TOGETHER;
            let shift = if above { below(text) } else { 0 };
            let place = place.start + shift..place.end + shift;
            labels.push(LabeledSpan::new_with_span(Some(related.label.clone()), place));
        }
        Self { name: &finding.file, lines, labels }
    }
}

/// Where the second telling of a text begins: far enough that no place of the first meets it.
fn below(text: &str) -> usize {
    text.len() + 1
}

impl SourceCode for Excerpt<'_> {
    fn read_span<'s>(
        &'s self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'s> + 's>, MietteError> {
        let below = below(self.lines.text());
        let shift = if span.offset() < below { 0 } else { below };
        let offset = span.offset() - shift;
        if offset.saturating_add(span.len()) >= below {
            return Err(MietteError::OutOfBounds);
        }
        // A line more on either side, so that it sees where those that it shows begin and end.
        let around = ByteSpan { start: offset, end: offset.saturating_add(span.len()) };
        let (line, start, text) = self.lines.around(around, before + 1, after + 1);
        let inside = (offset.saturating_sub(start), span.len()).into();
        let found = text.as_bytes().read_span(&inside, before, after)?;
        let whole = (start + shift + found.span().offset(), found.span().len()).into();
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
        match self.excerpt {
            Some(_) => f.write_str(&self.finding.message),
            None => write!(f, "{}: {}", self.finding.file, self.finding.message),
        }
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
        let excerpt: &dyn SourceCode = self.excerpt.as_ref()?;
        Some(excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = self.excerpt.as_ref()?;
        Some(Box::new(excerpt.labels.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Related, codes};

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
    fn the_place_itself_is_drawn_before_one_far_above_it() {
        let text = format!("first = 1\n{}{TEXT}", "# a line\n".repeat(50));
        let mut late = finding();
        late.span = ByteSpan { start: 470, end: 474 };
        late.related = vec![
            Related { span: ByteSpan { start: 0, end: 5 }, label: "far above".to_owned() },
            Related { span: ByteSpan { start: 460, end: 469 }, label: "in this table".to_owned() },
        ];
        let sources = Sources::from([("m.toml".to_owned(), text)]);
        insta::assert_snapshot!(human(&[late], &sources, Look { color: false, width: 80, ascii: true }));
    }

    #[test]
    fn of_a_file_without_text_its_name_is_said() {
        let look = Look { color: false, width: 80, ascii: false };
        let told = human(&[finding()], &Sources::new(), look);
        assert!(told.contains("× error: m.toml: `nmae` is not a key"), "{told}");
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
