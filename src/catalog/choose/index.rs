//! A ranked text index of skills: BM25 over weighted fields. The same skills and the same text always give the same
//! numbers: words are summed up in their order, and nothing depends on how a map is walked.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{all_words, common};
use crate::catalog::skill::SkillFolder;

/// How soon the same word said again counts little.
const SATURATION: f64 = 1.2;
/// How much a long document is held against it.
const LENGTH: f64 = 0.3;

/// What each part of a skill weighs. Descriptions are prose: half of their words are there by chance.
const NAME: f64 = 3.0;
const FOUND_BY: f64 = 2.0;
const DESCRIPTION: f64 = 0.5;
const CATEGORY: f64 = 0.5;

/// What of its weight a word has that stands in any task.
const COMMON: f64 = 0.5;

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
        document.add(&manifest.category, CATEGORY);
        for text in manifest.tags.iter().chain(&manifest.words).chain(&manifest.triggers) {
            document.add(text, FOUND_BY);
        }
        document.add(&skill.description, DESCRIPTION);
        document
    }

    fn add(&mut self, text: &str, weight: f64) {
        for (word, _) in all_words(text) {
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
        let common = common();
        let share = |word: &String| if common.contains(word) { COMMON } else { 1.0 };
        let weights = said_by.into_iter().map(|(word, said)| (word.clone(), weigh(said) * share(&word))).collect();
        let mean_length = documents.iter().map(|document| document.length).sum::<f64>() / count.max(1.0);
        Self { documents, weights, mean_length }
    }

    /// How much words speak of the skill at this place.
    pub(super) fn score<'w>(&self, at: usize, said: impl IntoIterator<Item = &'w String>) -> f64 {
        let Some(document) = self.documents.get(at) else { return 0.0 };
        let length = 1.0 - LENGTH + LENGTH * document.length / self.mean_length.max(1.0);
        let mut score = 0.0;
        for word in said {
            if let (Some(often), Some(weight)) = (document.words.get(word), self.weights.get(word)) {
                score += weight * often * (SATURATION + 1.0) / (often + SATURATION * length);
            }
        }
        score
    }

    /// What words weigh together: the fewer skills say them, the more.
    pub(super) fn weight(&self, words: &BTreeSet<String>) -> f64 {
        words.iter().filter_map(|word| self.weights.get(word)).sum()
    }
}
