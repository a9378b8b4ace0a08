//! Front matter: YAML between two lines of `---`, read key by key so that each finding has its place.

use serde_json::{Map, Value};

use super::{codes, yaml};
use crate::diagnostic::nearest::{listed, nearest};
use crate::diagnostic::{ByteSpan, Code, Finding, Severity};

/// A file with its front matter taken apart, and what was found in it.
#[derive(Debug)]
pub(crate) struct Front<'a> {
    file: &'a str,
    text: &'a str,
    keys: Map<String, Value>,
    /// Where the YAML begins and ends, in bytes.
    yaml: ByteSpan,
    /// Where the body begins.
    pub(crate) body_at: usize,
    pub(crate) findings: Vec<Finding>,
}

impl<'a> Front<'a> {
    /// Takes the front matter off; without one the keys are empty and that is a finding.
    pub(crate) fn read(file: &'a str, text: &'a str) -> Self {
        let mut front = Self::plain(file, text);
        let Some((yaml, body_at)) = fences(text) else {
            let first = text.lines().next().unwrap_or_default();
            if is_fence(first) {
                let help = "add a line `---` below its last key";
                let span = ByteSpan { start: 0, end: first.len() };
                front.error(codes::FRONT_MATTER, span, "the front matter is never closed".to_owned()).help(help);
            } else {
                front.error(codes::FRONT_MATTER, ByteSpan::default(), "there is no front matter".to_owned());
            }
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
                let help = yaml::remedy(text.get(span.start..span.end).unwrap_or_default());
                let message = format!("the front matter is no valid YAML: {first}");
                front.error(codes::FRONT_MATTER, span, message).help(help);
            }
        }
        front
    }

    /// The keys of a front matter that is no valid YAML, as tools read it that are not strict: what stands behind the first
    /// colon of a line, with the indented lines below it.
    pub(super) fn by_lines(&self) -> Map<String, Value> {
        let mut keys: Vec<(String, String)> = Vec::new();
        for line in self.text.get(self.yaml.start..self.yaml.end).unwrap_or_default().lines() {
            let key = line.split_once(':').filter(|(key, _)| {
                !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            });
            match (key, keys.last_mut()) {
                (Some((key, value)), _) => keys.push((key.to_owned(), value.trim().to_owned())),
                (None, Some((_, value))) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (None, None) => {}
            }
        }
        let bare = |value: String| Value::String(value.trim().trim_matches(['"', '\'']).to_owned());
        keys.into_iter().map(|(key, value)| (key, bare(value))).collect()
    }

    /// Takes keys that were read otherwise in place of the YAML; what was wrong with that is a warning.
    pub(super) fn take(&mut self, keys: Map<String, Value>) {
        self.keys = keys;
        for finding in &mut self.findings {
            finding.severity = Severity::Warning;
            finding.message.push_str("; its lines were taken as they are");
        }
    }

    /// Whether there is a mistake, and not mere warnings.
    pub(super) fn is_broken(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// A file without any, such as a partial: only its findings are kept here.
    pub(crate) fn plain(file: &'a str, text: &'a str) -> Self {
        let (yaml, findings) = (ByteSpan::default(), Vec::new());
        Self { file, text, keys: Map::new(), yaml, body_at: 0, findings }
    }

    /// The file, as findings show it.
    pub(crate) fn file(&self) -> &'a str {
        self.file
    }

    /// Where the YAML begins and ends, in bytes.
    pub(crate) fn yaml(&self) -> ByteSpan {
        self.yaml
    }

    /// The text after the front matter.
    pub(crate) fn body(&self) -> &'a str {
        self.text.get(self.body_at..).unwrap_or_default()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    pub(crate) fn error(&mut self, code: Code, span: ByteSpan, message: String) -> Noted<'_> {
        self.note(code, Severity::Error, span, message)
    }

    pub(crate) fn note(&mut self, code: Code, severity: Severity, span: ByteSpan, message: String) -> Noted<'_> {
        let at = self.findings.len();
        self.findings.push(codes::finding(code, severity, (self.file, span), message));
        Noted(self.findings.get_mut(at))
    }

    /// What stands at a key; `None` where it is left out.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.keys.get(key)
    }

    /// The keys there are.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// A text; `None` where the key is left out.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        match self.keys.get(key)? {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.wrong(key, "text");
                None
            }
        }
    }

    /// A text that must be there; `example` is one that could be.
    pub(crate) fn required(&mut self, key: &str, example: &str) -> String {
        if !self.has(key) {
            let at = ByteSpan { start: 0, end: self.text.lines().next().map_or(0, str::len) };
            let help = format!("write `{key}: {example}` between the lines of `---`");
            self.error(codes::MISSING_KEY, at, format!("`{key}` is missing")).help(help);
        }
        self.text(key).unwrap_or_default()
    }

    /// A list of texts: a YAML list, or words between commas.
    pub(crate) fn list(&mut self, key: &str) -> Option<Vec<String>> {
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
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key)?;
        let span = self.key_span(key);
        self.parse(key, (&text, span), &parse)
    }

    /// A list of values with a grammar of their own; those that do not follow it are findings.
    pub(crate) fn parsed_list<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let list = self.list(key).unwrap_or_default();
        list.iter().filter_map(|text| self.parse(key, (text, self.item_span(key, text)), &parse)).collect()
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let span = self.key_span(key);
        self.chosen(key, (&text, span), words)
    }

    /// A list of a few words; those that are none of them are findings.
    pub(crate) fn choices<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Vec<T> {
        let list = self.list(key).unwrap_or_default();
        list.iter().filter_map(|text| self.chosen(key, (text, self.item_span(key, text)), words)).collect()
    }

    fn chosen<T: Copy>(&mut self, key: &str, (text, span): (&str, ByteSpan), words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known = || words.iter().map(|(word, _)| *word);
            let help = match nearest(text, known()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("write one of {}", listed(known())),
            };
            let all: Vec<String> = known().map(|word| format!("`{word}`")).collect();
            let message = format!("`{key}`: `{text}` is none of {}", all.join(", "));
            self.error(codes::WRONG_VALUE, span, message).help(help);
        }
        found
    }

    fn parse<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        (text, span): (&str, ByteSpan),
        parse: &impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(codes::WRONG_VALUE, span, format!("`{key}`: {error}"));
                None
            }
        }
    }

    /// Warns of each key that is none of these.
    pub(crate) fn only(&mut self, known: &[&str]) {
        let others: Vec<String> = self.keys.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
        for key in others {
            let span = self.key_span(&key);
            let free = known.iter().copied().filter(|known| !self.has(known));
            let meant = nearest(&key, free).map(|meant| format!("did you mean `{meant}`?"));
            self.note(codes::UNKNOWN_KEY, Severity::Warning, span, format!("`{key}` has no meaning here")).maybe(meant);
        }
    }

    fn wrong(&mut self, key: &str, wanted: &str) {
        let span = self.key_span(key);
        self.error(codes::WRONG_VALUE, span, format!("`{key}` must be {wanted}"));
    }

    /// The line of the front matter on which a key begins.
    pub(crate) fn key_span(&self, key: &str) -> ByteSpan {
        let mut at = self.yaml.start;
        for line in self.text.get(self.yaml.start..self.yaml.end).unwrap_or_default().split_inclusive('\n') {
            if line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')) {
                return ByteSpan { start: at, end: at + line.trim_end().len() };
            }
            at += line.len();
        }
        self.yaml
    }

    /// Where a text of a list stands; the line of its key where it is not found.
    fn item_span(&self, key: &str, item: &str) -> ByteSpan {
        let line = self.key_span(key);
        let from = (line.start + key.len()).min(self.yaml.end);
        let rest = self.text.get(from..self.yaml.end).unwrap_or_default();
        let within = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        let whole = |at: &usize| {
            let before = rest.get(..*at).and_then(|text| text.chars().next_back());
            let after = rest.get(at + item.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(within) && !after.is_some_and(within)
        };
        let found = rest.match_indices(item).map(|(at, _)| at).find(whole);
        found.map_or(line, |at| ByteSpan { start: from + at, end: from + at + item.len() })
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

/// A finding just made, to say what to do in place of what its code says.
#[derive(Debug)]
pub(crate) struct Noted<'f>(Option<&'f mut Finding>);

impl Noted<'_> {
    /// What to do.
    pub(crate) fn help(self, help: impl Into<String>) {
        self.maybe(Some(help));
    }

    /// What to do, where that is known.
    pub(crate) fn maybe(self, help: Option<impl Into<String>>) {
        if let (Some(finding), Some(help)) = (self.0, help) {
            finding.help = Some(help.into());
        }
    }
}

fn is_fence(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').trim_end() == "---"
}

/// Where the YAML lies and where the body begins.
fn fences(text: &str) -> Option<(ByteSpan, usize)> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().filter(|line| is_fence(line))?;
    let mut at = first.len();
    for line in lines {
        if line.trim_end() == "---" {
            return Some((ByteSpan { start: first.len(), end: at }, at + line.len()));
        }
        at += line.len();
    }
    None
}
