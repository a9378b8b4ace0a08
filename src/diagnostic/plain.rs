//! Findings as one line each, and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::diagnostic::{ByteSpan, Finding, LineIndex, Related, Sources};

/// One line a finding: `file:line:col: error[code]: message`.
pub fn short(findings: &[Finding], sources: &Sources) -> String {
    let index = indices(sources);
    let mut text = String::new();
    for finding in findings {
        let at = index_of(&index, finding).position(finding.span.start);
        let Finding { file, code, message, severity, .. } = finding;
        let message = one_line(message);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{file}:{}:{}: {}[{code}]: {message}", at.line, at.column, severity.word());
    }
    text
}

/// All findings as a JSON document.
pub fn json(findings: &[Finding], sources: &Sources) -> Value {
    let index = indices(sources);
    let findings = findings.iter().map(|finding| Told::of(finding, index_of(&index, finding))).collect();
    let document = FindingsDocument { schema: "ai-sdlc/findings/1", findings };
    // Values made of strings and numbers alone can always be written.
    serde_json::to_value(document).unwrap_or_default()
}

/// What `mission validate --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingsDocument<'a> {
    /// Always `ai-sdlc/findings/1`.
    schema: &'static str,
    /// All of them, in the order of the files.
    findings: Vec<Told<'a>>,
}

/// One finding.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
struct Told<'a> {
    /// Stable; the error index has an entry for it.
    code: &'static str,
    /// `error` or `warning`.
    severity: &'static str,
    /// What is wrong.
    message: &'a str,
    /// The file, as it was named.
    file: &'a str,
    /// Where in it.
    #[serde(flatten)]
    at: Lines,
    /// What to do.
    help: Option<&'a str>,
    /// Other places that belong to it.
    related: Vec<Beside<'a>>,
}

/// Another place that belongs to a finding.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Related")]
struct Beside<'a> {
    /// What it has to do with it.
    label: &'a str,
    /// Where, in the same file.
    #[serde(flatten)]
    at: Lines,
}

/// Lines and columns, counted from 1.
#[derive(Debug, Serialize, JsonSchema)]
struct Lines {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

impl Lines {
    fn of(span: ByteSpan, index: &LineIndex<'_>) -> Self {
        let (start, end) = index.range(span);
        Self { line: start.line, column: start.column, end_line: end.line, end_column: end.column }
    }
}

impl<'a> Told<'a> {
    fn of(finding: &'a Finding, index: &LineIndex<'_>) -> Self {
        let beside = |related: &'a Related| Beside { label: &related.label, at: Lines::of(related.span, index) };
        Self {
            code: finding.code.0,
            severity: finding.severity.word(),
            message: &finding.message,
            file: &finding.file,
            at: Lines::of(finding.span, index),
            help: finding.help.as_deref(),
            related: finding.related.iter().map(beside).collect(),
        }
    }
}

const NO_TEXT: &LineIndex<'static> = &LineIndex::EMPTY;

pub(super) fn indices(sources: &Sources) -> BTreeMap<&str, LineIndex<'_>> {
    sources.iter().map(|(file, text)| (file.as_str(), LineIndex::new(text))).collect()
}

pub(super) fn index_of<'i>(index: &'i BTreeMap<&str, LineIndex<'i>>, finding: &Finding) -> &'i LineIndex<'i> {
    index.get(finding.file.as_str()).unwrap_or(NO_TEXT)
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
