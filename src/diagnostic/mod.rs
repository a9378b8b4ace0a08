//! Findings about files: what, where, why, what to do.
//!
//! The passes that find something make a [`Finding`]; this module only knows how to place one in a text and how to
//! show it: [`human`] with carets, [`short`] one line each, [`json`] for programs, [`github`] and [`sarif`] for code
//! review. It opens no file and knows no terminal: texts and width are given. The only module that names the crate that
//! draws the carets.

use std::collections::BTreeMap;

use serde::Serialize;

pub mod codes;
pub(crate) mod entry;
mod github;
mod human;
pub mod nearest;
mod place;
mod plain;
mod sarif;

pub use entry::{Entry, Example, Snippet};
pub use github::{command_data, command_property, github};
pub use human::{Look, human};
pub use place::{LineIndex, Position};
pub use plain::{FindingsDocument, json, short};
pub use sarif::sarif;

/// Texts of the files that findings are about, by the name the findings use.
pub type Sources = BTreeMap<String, String>;

/// One finding about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its code, with an entry in the error index: `mission::unknown-role`.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, one sentence without a period.
    pub message: String,
    /// The file, as the person named it.
    pub file: String,
    /// Where in it, in bytes.
    pub span: ByteSpan,
    /// What to do.
    pub help: Option<String>,
    /// Other places that belong to it, with a label each.
    pub related: Vec<Related>,
}

impl Finding {
    /// An error at a place, without help or related places.
    pub fn error(code: Code, file: &str, span: ByteSpan, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            file: file.to_owned(),
            span,
            help: None,
            related: Vec::new(),
        }
    }

    /// A warning at a place, without help or related places.
    pub fn warning(code: Code, file: &str, span: ByteSpan, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, file, span, message) }
    }

    /// The same with something to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with another place that belongs to it.
    #[must_use]
    pub fn with_related(mut self, span: ByteSpan, label: impl Into<String>) -> Self {
        self.related.push(Related { span, label: label.into() });
        self
    }
}

/// Sorts findings by file, place, severity and code, and drops what is said twice.
pub fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (&a.file, a.span.start, a.severity, a.code, &a.message).cmp(&(
            &b.file,
            b.span.start,
            b.severity,
            b.code,
            &b.message,
        ))
    });
    findings.dedup();
}

/// True where one of them is an error.
pub fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// Another place that belongs to a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Where, in the same file, in bytes.
    pub span: ByteSpan,
    /// What it is.
    pub label: String,
}

/// A range of bytes in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ByteSpan {
    /// First byte.
    pub start: usize,
    /// First byte after it.
    pub end: usize,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing can be run.
    Error,
    /// It can be run, and is probably not meant so.
    Warning,
}

impl Severity {
    /// In one word: `error`, `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Code of a finding: stable, unique, with an entry in the error index. One constant each, in [`codes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code(pub &'static str);

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.0)
    }
}
