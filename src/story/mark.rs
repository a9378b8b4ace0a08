//! Writing back what a review said of a story: boxes and status, and nothing else of its file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::file::{self, Status, Story, StoryFile};
use crate::catalog::front::Front;
use crate::diagnostic::ByteSpan;
use crate::name::StoryId;

/// What a review says of one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Verdict {
    /// Which, from 1.
    pub number: usize,
    /// Whether it is met.
    pub met: bool,
    /// What shows that it is, or is not.
    #[serde(default)]
    pub evidence: String,
}

/// The story as the session was given it: what it is judged by must not have changed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Given {
    /// Its id.
    pub id: StoryId,
    /// Its file, from the root of the checkout; empty where there is none to write to.
    pub file: String,
    /// Its criteria.
    #[serde(default)]
    pub criteria: Vec<GivenCriterion>,
}

/// A criterion as the session was given it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GivenCriterion {
    /// Its place, from 1.
    pub number: usize,
    /// What must be so.
    pub text: String,
}

/// A story's file with what was said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The whole file.
    pub text: String,
    /// How far the story is by that.
    pub status: Status,
    /// How many criteria it has.
    pub criteria: usize,
    /// Those that are not met, with why.
    pub open: Vec<Open>,
}

/// A criterion that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Which, from 1.
    pub number: usize,
    /// What must be so.
    pub text: String,
    /// Why it is not.
    pub why: String,
}

/// Why nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// It is no story any more, or not this one.
    #[error("{0}")]
    NoStory(String),
    /// What it is judged by is not what it was begun with.
    #[error("the acceptance criteria in the file are not those that the work was begun with: {0}")]
    Changed(String),
    /// A review spoke of what there is not.
    #[error("the review speaks of criterion {number}, and the story has {count}")]
    NoCriterion {
        /// The number it gave.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// The front matter is written in a way in which its status cannot be replaced.
    #[error("`status` cannot be written into this front matter; put each key on a line of its own")]
    Unwritable,
}

/// Marks a story: each criterion as the verdicts say, and the status by whether all are met. What no verdict speaks of
/// is not met.
pub fn marked(text: &str, given: &Given, verdicts: &[Verdict]) -> Result<Marked, MarkError> {
    let story = read(text)?;
    if story.id != given.id {
        return Err(MarkError::NoStory(format!("the file is the story `{}`, not `{}`", story.id, given.id)));
    }
    unchanged(&story, given)?;
    let count = story.criteria.len();
    if let Some(verdict) = verdicts.iter().find(|verdict| !(1..=count).contains(&verdict.number)) {
        return Err(MarkError::NoCriterion { number: verdict.number, count });
    }
    // Of two that disagree the worse counts.
    let mut said: BTreeMap<usize, &Verdict> = BTreeMap::new();
    for verdict in verdicts {
        let worse = said.get(&verdict.number).is_none_or(|before| before.met);
        if worse {
            said.insert(verdict.number, verdict);
        }
    }
    let is_met = |number: usize| said.get(&number).is_some_and(|verdict| verdict.met);
    let open: Vec<Open> = story
        .criteria
        .iter()
        .filter(|criterion| !is_met(criterion.number))
        .map(|criterion| {
            let why = said.get(&criterion.number).map(|verdict| verdict.evidence.trim().to_owned());
            let why = why.unwrap_or_else(|| "the review says nothing of it".to_owned());
            Open { number: criterion.number, text: criterion.text.clone(), why }
        })
        .collect();
    let status = if open.is_empty() && count > 0 { Status::Done } else { Status::InProgress };
    let boxes = story.criteria.iter().filter(|criterion| criterion.met != is_met(criterion.number));
    let mut edits: Vec<(ByteSpan, String)> =
        boxes.map(|criterion| (criterion.mark, if is_met(criterion.number) { "x" } else { " " }.to_owned())).collect();
    if story.status != status {
        edits.push(status_edit(text, status));
    }
    let new = edited(text, edits);
    let after = read(&new).ok().filter(|after| {
        let boxes = after.criteria.iter().all(|criterion| criterion.met == is_met(criterion.number));
        let kept = (&after.id, &after.title, after.priority, &after.dependencies, after.criteria.len());
        let before = (&story.id, &story.title, story.priority, &story.dependencies, count);
        boxes && after.status == status && kept == before
    });
    after.ok_or(MarkError::Unwritable)?;
    Ok(Marked { text: new, status, criteria: count, open })
}

/// The story that a text is.
fn read(text: &str) -> Result<Story, MarkError> {
    let given = StoryFile { file: String::new(), path: String::new(), bytes: text.as_bytes().to_vec() };
    let no_story = || MarkError::NoStory("the file is no story".to_owned());
    let read = file::read(&given).ok_or_else(no_story)?;
    let why = read.findings.first().map_or_else(String::new, |finding| format!(": {}", finding.message));
    read.story.ok_or_else(|| MarkError::NoStory(format!("the file is no story that can be read{why}")))
}

fn unchanged(story: &Story, given: &Given) -> Result<(), MarkError> {
    let (now, then) = (story.criteria.len(), given.criteria.len());
    if now != then {
        return Err(MarkError::Changed(format!("there were {then}, there are {now}")));
    }
    let differs = |(criterion, given): &(&super::Criterion, &GivenCriterion)| {
        criterion.number != given.number || criterion.text != given.text
    };
    match story.criteria.iter().zip(&given.criteria).find(differs) {
        Some((criterion, given)) => {
            let message = format!("{} was \"{}\" and is \"{}\"", criterion.number, given.text, criterion.text);
            Err(MarkError::Changed(message))
        }
        None => Ok(()),
    }
}

/// Where the status stands, and what is to stand there.
fn status_edit(text: &str, status: Status) -> (ByteSpan, String) {
    let front = Front::read("", text);
    let yaml = front.yaml();
    if !front.has("status") {
        // The lines end as the line before does.
        let before = text.get(..yaml.end).unwrap_or_default();
        let end = if before.ends_with("\r\n") { "\r\n" } else { "\n" };
        return (ByteSpan { start: yaml.end, end: yaml.end }, format!("status: {}{end}", status.as_str()));
    }
    let line = front.key_span("status");
    let inner = text.get(line.start..line.end).unwrap_or_default();
    let colon = inner.find(':').map_or(0, |at| at + 1);
    let value = inner.get(colon..).unwrap_or_default();
    let start = colon + (value.len() - value.trim_start().len());
    let value = value.trim_start();
    let quoted = value.chars().next().filter(|c| matches!(c, '"' | '\'')).and_then(|quote| {
        let inside = value.get(1..)?;
        inside.find(quote).map(|end| end + 2)
    });
    let plain =
        || value.find(" #").map_or(value.len(), |comment| value.get(..comment).map_or(0, |v| v.trim_end().len()));
    let length = quoted.unwrap_or_else(plain);
    let span = ByteSpan { start: line.start + start, end: line.start + start + length };
    let space = if inner.get(colon..start).is_some_and(str::is_empty) { " " } else { "" };
    (span, format!("{space}{}", status.as_str()))
}

/// A text with some of its parts replaced.
fn edited(text: &str, mut edits: Vec<(ByteSpan, String)>) -> String {
    edits.sort_by_key(|(span, _)| span.start);
    let mut new = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for (span, word) in edits {
        new.push_str(text.get(at..span.start).unwrap_or_default());
        new.push_str(&word);
        at = span.end;
    }
    new.push_str(text.get(at..).unwrap_or_default());
    new
}
