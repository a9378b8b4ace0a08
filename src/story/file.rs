//! One story: its front matter and its acceptance criteria, or what is wrong with them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use schemars::JsonSchema;

use super::criteria::{self, Criterion};
use crate::catalog::codes::{MISSING_KEY, UNKNOWN_KEY, UNREADABLE, WRONG_VALUE};
use crate::catalog::front::Front;
use crate::diagnostic::codes::NO_CRITERIA;
use crate::diagnostic::nearest::{listed, nearest};
use crate::diagnostic::{ByteSpan, Finding, Severity, has_errors};
use crate::name::StoryId;

/// Largest file of a story, in bytes: all of it is given to sessions and commands.
pub const MAX_BYTES: usize = 64 * 1024;

/// Keys of a story's front matter.
pub const KEYS: [&str; 5] = ["id", "title", "priority", "status", "dependencies"];

/// A story as its file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// Its id.
    pub id: StoryId,
    /// What it is about, in a line.
    pub title: String,
    /// Larger first.
    pub priority: i32,
    /// How far it is.
    pub status: Status,
    /// The stories that must be done before it.
    pub dependencies: Vec<StoryId>,
    /// What must be so when it is done.
    pub criteria: Vec<Criterion>,
    /// The file, as findings show it.
    pub file: String,
    /// The file, from the root of the checkout.
    pub path: String,
    /// All that the file holds.
    pub text: String,
    /// Where its id stands.
    pub(super) id_at: ByteSpan,
    /// Where its dependencies stand.
    pub(super) dependencies_at: Vec<ByteSpan>,
}

/// How far a story is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Being written: it is not run.
    #[default]
    Draft,
    /// To be run once its dependencies are done.
    Ready,
    /// Somebody is at it; it is run only where it is named.
    InProgress,
    /// All its criteria are met.
    Done,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Draft, Self::Ready, Self::InProgress, Self::Done];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Ready => "ready",
            Self::InProgress => "in-progress",
            Self::Done => "done",
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.iter().map(|status| status.as_str());
        let found = Self::ALL.iter().find(|status| status.as_str() == text).copied();
        found.ok_or_else(|| {
            let meant = nearest(text, names()).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            format!("`{text}` is none of {}{meant}", listed(names()))
        })
    }
}

/// Words for priorities.
pub const PRIORITIES: [(&str, i32); 4] = [("low", 0), ("medium", 10), ("high", 20), ("critical", 30)];

/// The priority of a story that does not say one.
pub const USUAL_PRIORITY: i32 = 10;

/// A file that may be a story, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryFile {
    /// As findings show it.
    pub file: String,
    /// From the root of the checkout.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What a file was read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The story; `None` where a finding is an error.
    pub story: Option<Story>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Its text, where it is one.
    pub text: String,
}

/// Reads a file. `None` where it is no story: its front matter has none of the keys that only stories have.
pub fn read(given: &StoryFile) -> Option<Read> {
    let StoryFile { file, path, bytes } = given;
    let whole = |message: String| {
        let finding = Finding::error(UNREADABLE, file, ByteSpan::default(), message);
        let help = format!("save it as UTF-8 text of at most {} KiB", MAX_BYTES >> 10);
        Some(Read { story: None, findings: vec![finding.with_help(help)], text: String::new() })
    };
    let Ok(text) = str::from_utf8(bytes) else {
        let looks_so = is_meant(&String::from_utf8_lossy(bytes));
        return if looks_so { whole("this story is no UTF-8 text".to_owned()) } else { None };
    };
    if !is_meant(text) {
        return None;
    }
    if bytes.len() > MAX_BYTES {
        return whole(format!("this story has {} KiB", bytes.len() >> 10));
    }
    let mut reader = Reader { front: Front::read(file, text), text };
    let story = reader.story(file, path);
    let findings = reader.front.findings;
    Some(Read { story: story.filter(|_| !has_errors(&findings)), findings, text: text.to_owned() })
}

/// Whether it is meant as a story: it begins with front matter that has a key of stories beside `title`.
fn is_meant(text: &str) -> bool {
    let mut lines = text.lines();
    let opens = lines.next().is_some_and(|line| line.trim_start_matches('\u{feff}').trim_end() == "---");
    let is_key = |line: &str| {
        let name = line.split(':').next().unwrap_or_default().trim_matches(['"', '\'', ' ', '{']);
        line.contains(':') && name != "title" && KEYS.contains(&name)
    };
    opens && lines.take_while(|line| line.trim_end() != "---").any(is_key)
}

/// Reads one key after the other, so that each finding has its place.
struct Reader<'a> {
    front: Front<'a>,
    text: &'a str,
}

impl Reader<'_> {
    fn story(&mut self, file: &str, path: &str) -> Option<Story> {
        if !self.front.findings.is_empty() {
            return None;
        }
        self.known_keys();
        let id = self.id();
        let title = self.required("title");
        let priority = self.priority();
        let status = self.status();
        let (dependencies, dependencies_at) = self.dependencies();
        let criteria = self.criteria(status);
        Some(Story {
            id: id?,
            title: title?,
            priority: priority?,
            status: status?,
            dependencies,
            criteria,
            file: file.to_owned(),
            path: path.to_owned(),
            text: self.text.to_owned(),
            id_at: self.front.key_span("id"),
            dependencies_at,
        })
    }

    fn known_keys(&mut self) {
        let others: Vec<String> = self.front.keys().filter(|key| !KEYS.contains(key)).map(str::to_owned).collect();
        for key in others {
            let meant = nearest(&key, KEYS).filter(|meant| !self.front.has(meant));
            let told = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
            let span = self.front.key_span(&key);
            let message = format!("`{key}` has no meaning in a story{told}");
            self.front.note(UNKNOWN_KEY, Severity::Warning, span, message);
        }
    }

    fn wrong(&mut self, key: &str, why: &str) {
        let span = self.front.key_span(key);
        self.front.error(WRONG_VALUE, span, format!("`{key}`: {why}"));
    }

    fn required(&mut self, key: &str) -> Option<String> {
        match self.front.value(key) {
            None | Some(Value::Null) => {
                let first = self.text.lines().next().map_or(0, str::len);
                let message = format!("this story has no `{key}`");
                self.front.error(MISSING_KEY, ByteSpan { start: 0, end: first }, message);
                None
            }
            Some(Value::String(text)) if text.trim().is_empty() || text.trim().contains('\n') => {
                self.wrong(key, "one line of text is wanted");
                None
            }
            Some(Value::String(text)) => Some(text.trim().to_owned()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            Some(Value::Array(_) | Value::Object(_)) => {
                self.wrong(key, "one line of text is wanted");
                None
            }
        }
    }

    fn id(&mut self) -> Option<StoryId> {
        let text = self.required("id")?;
        // YAML reads `007` and `1.10` as numbers, and would print them otherwise.
        let span = self.front.key_span("id");
        let line = self.text.get(span.start..span.end).unwrap_or_default();
        if matches!(self.front.value("id"), Some(Value::Number(_))) && !line.contains(&text) {
            self.wrong("id", "YAML reads it as a number: put it in quotes");
            return None;
        }
        StoryId::parse(&text).map_err(|error| self.wrong("id", &error.to_string())).ok()
    }

    fn priority(&mut self) -> Option<i32> {
        let wanted = || {
            let words: Vec<String> = PRIORITIES.iter().map(|(word, _)| format!("`{word}`")).collect();
            format!("write {}, or a whole number, larger first", words.join(", "))
        };
        match self.front.value("priority") {
            None | Some(Value::Null) => return Some(USUAL_PRIORITY),
            Some(Value::Number(number)) => {
                if let Some(number) = number.as_i64().and_then(|number| i32::try_from(number).ok()) {
                    return Some(number);
                }
            }
            Some(Value::String(text)) => {
                let text = text.trim();
                if let Some((_, number)) = PRIORITIES.iter().find(|(word, _)| *word == text) {
                    return Some(*number);
                }
                let meant = nearest(text, PRIORITIES.iter().map(|(word, _)| *word));
                if let Some(meant) = meant {
                    self.wrong("priority", &format!("`{text}` is none; did you mean `{meant}`?"));
                    return None;
                }
            }
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {}
        }
        self.wrong("priority", &wanted());
        None
    }

    fn status(&mut self) -> Option<Status> {
        let text = match self.front.value("status") {
            None | Some(Value::Null) => return Some(Status::default()),
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => other.to_string(),
        };
        Status::parse(&text).map_err(|why| self.wrong("status", &why)).ok()
    }

    fn dependencies(&mut self) -> (Vec<StoryId>, Vec<ByteSpan>) {
        let word = |value: &Value| match value {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let words: Option<Vec<String>> = match self.front.value("dependencies") {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(word).collect(),
            Some(Value::String(text)) => {
                Some(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
            }
            Some(number @ Value::Number(_)) => Some(vec![number.to_string()]),
            Some(Value::Bool(_) | Value::Object(_)) => None,
        };
        let Some(words) = words else {
            self.wrong("dependencies", "a list of story ids is wanted");
            return (Vec::new(), Vec::new());
        };
        let (mut ids, mut places) = (Vec::new(), Vec::new());
        for word in words {
            let span = self.place_of(&word);
            match StoryId::parse(&word) {
                Ok(id) if ids.contains(&id) => {}
                Ok(id) => {
                    ids.push(id);
                    places.push(span);
                }
                Err(error) => {
                    self.front.error(WRONG_VALUE, span, format!("`dependencies`: {error}"));
                }
            }
        }
        (ids, places)
    }

    /// Where an item of the dependencies stands: the first time it is written after their key.
    fn place_of(&self, word: &str) -> ByteSpan {
        let key = self.front.key_span("dependencies");
        let from = key.start + "dependencies".len();
        let area = self.text.get(from..self.front.yaml().end).unwrap_or_default();
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let alone = |at: &usize| {
            let (before, after) =
                (area.get(..*at).unwrap_or_default(), area.get(at + word.len()..).unwrap_or_default());
            !is_part(before.chars().next_back()) && !is_part(after.chars().next())
        };
        let found = area.match_indices(word).map(|(at, _)| at).find(alone).filter(|_| !word.is_empty());
        found.map_or(key, |at| ByteSpan { start: from + at, end: from + at + word.len() })
    }

    fn criteria(&mut self, status: Option<Status>) -> Vec<Criterion> {
        let found = criteria::read(self.text, self.front.body_at);
        let must_have = matches!(status, Some(Status::Ready | Status::InProgress));
        if found.all.is_empty() && must_have {
            let span = self.front.key_span("status");
            let message = "this story has no acceptance criteria, so nobody could say when it is done";
            let help = "write each as `- [ ] …` below a heading `## Acceptance criteria`, or make it a `draft`";
            self.front.findings.push(Finding::error(NO_CRITERIA, self.front.file(), span, message).with_help(help));
        } else {
            for span in found.without_box {
                let message = "this line has no box, so it is no criterion";
                let help = "write `- [ ] …`, or make it a paragraph";
                let finding = Finding::warning(NO_CRITERIA, self.front.file(), span, message).with_help(help);
                self.front.findings.push(finding);
            }
        }
        found.all
    }
}
