//! A ranked text index of skills: BM25 over weighted fields. The same skills and the same text always give the same
//! numbers: words are summed up in their order, and nothing depends on how a map is walked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::catalog::skill::SkillFolder;

/// How soon the same word said again counts little.
const SATURATION: f64 = 1.2;
/// How much a long document is held against it.
const LENGTH: f64 = 0.75;

/// What each part of a skill weighs.
const NAME: f64 = 3.0;
const FOUND_BY: f64 = 2.0;
const DESCRIPTION: f64 = 1.0;

/// Words that say nothing of what a text is about.
const EMPTY: [&str; 24] = [
    "all", "and", "any", "are", "before", "but", "each", "for", "from", "has", "into", "it", "its", "not", "one",
    "out", "so", "that", "the", "thi", "use", "when", "with", "you",
];

/// Skills as bags of words.
#[derive(Debug)]
pub(super) struct Index {
    documents: Vec<Document>,
    /// What a word weighs: the fewer skills say it, the more.
    weights: BTreeMap<String, f64>,
    mean_length: f64,
}

#[derive(Debug, Default)]
struct Document {
    words: BTreeMap<String, f64>,
    length: f64,
}

impl Document {
    fn of(skill: &SkillFolder) -> Self {
        let manifest = &skill.manifest;
        let mut document = Self::default();
        document.add(skill.name.as_str(), NAME);
        document.add(&manifest.category, FOUND_BY);
        for text in manifest.tags.iter().chain(&manifest.triggers) {
            document.add(text, FOUND_BY);
        }
        document.add(&skill.description, DESCRIPTION);
        document
    }

    fn add(&mut self, text: &str, weight: f64) {
        for word in all_words(text) {
            *self.words.entry(word).or_default() += weight;
            self.length += weight;
        }
    }
}

impl Index {
    pub(super) fn new<'a>(skills: impl IntoIterator<Item = &'a SkillFolder>) -> Self {
        let documents: Vec<Document> = skills.into_iter().map(Document::of).collect();
        let mut said_by: BTreeMap<String, u32> = BTreeMap::new();
        for word in documents.iter().flat_map(|document| document.words.keys()) {
            *said_by.entry(word.clone()).or_default() += 1;
        }
        let count = f64::from(u32::try_from(documents.len()).unwrap_or(u32::MAX));
        let weigh = |said: u32| ((count - f64::from(said) + 0.5) / (f64::from(said) + 0.5)).ln_1p();
        let weights = said_by.into_iter().map(|(word, said)| (word, weigh(said))).collect();
        let mean_length = documents.iter().map(|document| document.length).sum::<f64>() / count.max(1.0);
        Self { documents, weights, mean_length }
    }

    /// How much a text speaks of the skill at this place, to two digits: more than that nobody reads, and two that
    /// differ by less are ordered by their names.
    pub(super) fn score(&self, at: usize, said: &BTreeSet<String>) -> f64 {
        let Some(document) = self.documents.get(at) else { return 0.0 };
        let length = 1.0 - LENGTH + LENGTH * document.length / self.mean_length.max(1.0);
        let mut score = 0.0;
        for word in said {
            if let (Some(often), Some(weight)) = (document.words.get(word), self.weights.get(word)) {
                score += weight * often * (SATURATION + 1.0) / (often + SATURATION * length);
            }
        }
        (score * 100.0).round() / 100.0
    }
}

/// The words of a text that mean something, in lower case, plural and singular alike. What a template fills in is no
/// word: its tags name variables.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    all_words(&spoken(text, &Value::Null)).collect()
}

/// How many words two texts have in common.
pub fn likeness(one: &str, two: &str) -> usize {
    words(one).intersection(&words(two)).count()
}

/// A template as far as it can be read before a run: each tag that names a value is that value, every other is left out.
pub fn spoken(text: &str, values: &Value) -> String {
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (tag, behind) = after.split_once("}}").unwrap_or_default();
        let path = tag.split_whitespace().next_back().unwrap_or_default().trim_matches(['{', '}', '~', '#', '/']);
        said.push_str(before);
        said.push(' ');
        match path.split('.').try_fold(values, |value, part| value.get(part)) {
            Some(Value::String(text)) => said.push_str(text),
            Some(value @ (Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_))) => {
                said.push_str(&value.to_string());
            }
            Some(Value::Null) | None => {}
        }
        rest = behind;
    }
    said.push_str(rest);
    said
}

fn all_words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .map(|word| word.to_lowercase().trim_end_matches('s').to_owned())
        .filter(|word| word.len() > 2 && !EMPTY.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_that_mean_something() {
        let said = words("Run the tests of {{inputs.migration}}, and the API's test!");
        assert_eq!(said.into_iter().collect::<Vec<_>>(), ["api", "run", "test"]);
        assert_eq!(words("open {{ to the end").into_iter().collect::<Vec<_>>(), ["open"]);
    }

    #[test]
    fn a_template_is_read_with_the_values_that_are_known() {
        let values = serde_json::json!({ "inputs": { "what": "a migration", "parts": ["ui"], "none": null } });
        let text = "Do {{inputs.what}}: {{{json inputs.parts}}}{{inputs.none}}{{tasks.a.outputs.b}}.";
        assert_eq!(
            spoken(text, &values).split_whitespace().collect::<Vec<_>>().join(" "),
            "Do a migration: [\"ui\"]} ."
        );
    }
}
