//! Findings as workflow commands, which a CI shows beside the lines of a change.

use std::fmt::Write as _;

use crate::diagnostic::plain::{index_of, indices};
use crate::diagnostic::{Finding, LineIndex, Sources};

/// One command a finding: `::error file=…,line=…,title=…::message`.
pub fn github(findings: &[Finding], sources: &Sources) -> String {
    let index = indices(sources);
    findings.iter().map(|finding| command(finding, index_of(&index, finding))).collect()
}

fn command(finding: &Finding, lines: &LineIndex<'_>) -> String {
    let (start, end) = lines.range(finding.span);
    let mut properties = format!("file={},line={},endLine={}", command_property(&finding.file), start.line, end.line);
    // Columns of a place over several lines are refused.
    if start.line == end.line {
        // Writing to a string cannot fail.
        let _ = write!(properties, ",col={},endColumn={}", start.column, end.column);
    }
    let mut message = finding.message.clone();
    for related in &finding.related {
        let _ = write!(message, "\n{} (line {})", related.label, lines.position(related.span.start).line);
    }
    if let Some(help) = &finding.help {
        let _ = write!(message, "\nhelp: {help}");
    }
    let (word, title) = (finding.severity.word(), command_property(finding.code.0));
    format!("::{word} {properties},title={title}::{}\n", command_data(&message))
}

/// Text after the second `::`.
pub fn command_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, which a comma or a colon would end.
pub fn command_property(text: &str) -> String {
    command_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{ByteSpan, codes};

    #[test]
    fn nothing_in_a_text_can_end_a_command_early() {
        let text = "a = 1\nöb = [\n2]\n".to_owned();
        let finding = Finding::error(codes::WRONG_TYPE, "a,b:c.toml", ByteSpan { start: 6, end: 9 }, "50 %\nno: ::x")
            .with_help("write\r\nit")
            .with_related(ByteSpan { start: 0, end: 1 }, "here");
        let sources = Sources::from([("a,b:c.toml".to_owned(), text)]);
        insta::assert_snapshot!(github(&[finding], &sources), @"::error file=a%2Cb%3Ac.toml,line=2,endLine=2,col=1,endColumn=3,title=mission%3A%3Awrong-type::50 %25%0Ano: ::x%0Ahere (line 1)%0Ahelp: write%0D%0Ait");
    }

    #[test]
    fn a_place_over_several_lines_has_no_columns() {
        let text = "a = 1\nb = [\n2]\n".to_owned();
        let finding = Finding::warning(codes::WRONG_TYPE, "m.toml", ByteSpan { start: 10, end: 14 }, "no list");
        let told = github(&[finding], &Sources::from([("m.toml".to_owned(), text)]));
        assert_eq!(told, "::warning file=m.toml,line=2,endLine=3,title=mission%3A%3Awrong-type::no list\n");
    }
}
