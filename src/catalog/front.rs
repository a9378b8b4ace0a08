//! Front matter: YAML between two lines of `---`, read key by key so that each finding has its place.

use serde_json::{Map, Value};

use super::codes;
use crate::diagnostic::{ByteSpan, Code, Finding, Severity};

/// A file with its front matter taken apart, and what was found in it.
#[derive(Debug)]
pub(super) struct Front<'a> {
    file: &'a str,
    text: &'a str,
    keys: Map<String, Value>,
    /// Where the YAML begins and ends, in bytes.
    yaml: ByteSpan,
    /// Where the body begins.
    pub(super) body_at: usize,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Front<'a> {
    /// Takes the front matter off; without one the keys are empty and that is a finding.
    pub(super) fn read(file: &'a str, text: &'a str) -> Self {
        let mut front = Self::plain(file, text);
        let Some((yaml, body_at)) = fences(text) else {
            front.error(codes::FRONT_MATTER, ByteSpan { start: 0, end: 0 }, "there is no front matter".to_owned());
            return front;
        };
        front.yaml = yaml;
        front.body_at = body_at;
        let source = text.get(yaml.start..yaml.end).unwrap_or_default();
        match serde_saphyr::from_str::<Value>(source) {
            Ok(Value::Object(keys)) => front.keys = keys,
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                front.error(codes::FRONT_MATTER, yaml, "the front matter holds no keys".to_owned());
            }
            Err(error) => {
                let line = error.location().and_then(|at| usize::try_from(at.line()).ok()).unwrap_or(1);
                let span = front.line_span(line);
                let words = error.to_string();
                let first = words.lines().next().unwrap_or("not valid");
                // The parser counts lines from the front matter's own first; the span says where.
                let first = first.strip_prefix("error: ").unwrap_or(first);
                let first =
                    first.strip_prefix("line ").and_then(|rest| rest.split_once(": ")).map_or(first, |(_, why)| why);
                front.error(codes::FRONT_MATTER, span, format!("the front matter is no valid YAML: {first}"));
            }
        }
        front
    }

    /// A file without any, such as a partial: only its findings are kept here.
    pub(super) fn plain(file: &'a str, text: &'a str) -> Self {
        let (yaml, findings) = (ByteSpan::default(), Vec::new());
        Self { file, text, keys: Map::new(), yaml, body_at: 0, findings }
    }

    /// The text after the front matter.
    pub(super) fn body(&self) -> &'a str {
        self.text.get(self.body_at..).unwrap_or_default()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    pub(super) fn error(&mut self, code: Code, span: ByteSpan, message: String) {
        self.note(code, Severity::Error, span, message);
    }

    pub(super) fn note(&mut self, code: Code, severity: Severity, span: ByteSpan, message: String) {
        self.findings.push(codes::finding(code, severity, (self.file, span), message));
    }

    /// A text; `None` where the key is left out.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.keys.get(key)? {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.wrong(key, "text");
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, key: &str) -> String {
        if !self.has(key) {
            let at = ByteSpan { start: 0, end: self.text.lines().next().map_or(0, str::len) };
            self.error(codes::MISSING_KEY, at, format!("`{key}` is missing"));
        }
        self.text(key).unwrap_or_default()
    }

    /// A list of texts: a YAML list, or words between commas.
    pub(super) fn list(&mut self, key: &str) -> Option<Vec<String>> {
        let list = match self.keys.get(key)? {
            Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Value::String(text) => {
                Some(text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        };
        if list.is_none() {
            self.wrong(key, "a list of texts");
        }
        list
    }

    /// A value with a grammar of its own.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key)?;
        self.parse(key, &text, &parse)
    }

    /// A list of values with a grammar of their own; those that do not follow it are findings.
    pub(super) fn parsed_list<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let list = self.list(key).unwrap_or_default();
        list.iter().filter_map(|text| self.parse(key, text, &parse)).collect()
    }

    fn parse<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        text: &str,
        parse: &impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let span = self.key_span(key);
                self.error(codes::WRONG_VALUE, span, format!("`{key}`: {error}"));
                None
            }
        }
    }

    /// Warns of each key that is none of these.
    pub(super) fn only(&mut self, known: &[&str]) {
        let others: Vec<String> = self.keys.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
        for key in others {
            let span = self.key_span(&key);
            self.note(codes::UNKNOWN_KEY, Severity::Warning, span, format!("`{key}` has no meaning here"));
        }
    }

    fn wrong(&mut self, key: &str, wanted: &str) {
        let span = self.key_span(key);
        self.error(codes::WRONG_VALUE, span, format!("`{key}` must be {wanted}"));
    }

    /// The line of the front matter on which a key begins.
    pub(super) fn key_span(&self, key: &str) -> ByteSpan {
        let mut at = self.yaml.start;
        for line in self.text.get(self.yaml.start..self.yaml.end).unwrap_or_default().split_inclusive('\n') {
            if line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')) {
                return ByteSpan { start: at, end: at + line.trim_end().len() };
            }
            at += line.len();
        }
        self.yaml
    }

    /// A line of the YAML, from 1.
    fn line_span(&self, line: usize) -> ByteSpan {
        let mut at = self.yaml.start;
        for (index, text) in
            self.text.get(self.yaml.start..self.yaml.end).unwrap_or_default().split_inclusive('\n').enumerate()
        {
            if index + 1 == line {
                return ByteSpan { start: at, end: at + text.trim_end().len() };
            }
            at += text.len();
        }
        ByteSpan { start: self.yaml.end, end: self.yaml.end }
    }
}

/// Where the YAML lies and where the body begins.
fn fences(text: &str) -> Option<(ByteSpan, usize)> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().filter(|line| line.trim_start_matches('\u{feff}').trim_end() == "---")?;
    let mut at = first.len();
    for line in lines {
        if line.trim_end() == "---" {
            return Some((ByteSpan { start: first.len(), end: at }, at + line.len()));
        }
        at += line.len();
    }
    None
}
