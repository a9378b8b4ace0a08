//! Task texts with the skills that somebody would want for them, and how many of those are chosen.

use std::collections::BTreeSet;
use std::path::Path;

use ai_sdlc::catalog::choose::{Chooser, MOST, SHOWN};
use ai_sdlc::name::SkillName;

/// The parts of the labelled texts: those that may be looked at when something is mended, and those that never are.
pub(crate) const PARTS: [&str; 2] = ["tuned", "held-out"];

/// A text with its label.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Task {
    /// As people write it.
    pub(crate) text: String,
    /// What somebody who knows the work would want for it.
    pub(crate) wants: BTreeSet<SkillName>,
}

#[derive(serde::Deserialize)]
struct File {
    task: Vec<Task>,
}

/// What was chosen for a text.
#[derive(Debug)]
pub(crate) struct Answer<'t> {
    pub(crate) text: &'t str,
    pub(crate) wants: usize,
    pub(crate) missed: Vec<&'t SkillName>,
    pub(crate) chosen: Vec<SkillName>,
    /// How many of those wanted are among the first candidates.
    pub(crate) candidates: usize,
}

impl Answer<'_> {
    /// What part of those wanted was chosen.
    pub(crate) fn recall(&self) -> f64 {
        share(self.wants - self.missed.len(), self.wants)
    }
}

/// How good answers are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quality {
    /// What part of those wanted was chosen, the mean over the texts.
    pub(crate) recall: f64,
    /// What part of those chosen was wanted, over all texts.
    pub(crate) precision: f64,
    /// What part of those wanted is among the candidates for a second look, over all texts.
    pub(crate) candidates: f64,
    /// How many are chosen, the mean.
    pub(crate) chosen: f64,
}

/// The texts of a part.
pub(crate) fn read(part: &str) -> Vec<Task> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/skills");
    let text = std::fs::read_to_string(folder.join(part).with_extension("toml")).expect("the texts are there");
    toml::from_str::<File>(&text).expect("they are valid").task
}

/// What is chosen for each text, with no role.
pub(crate) fn answers<'t>(chooser: &Chooser<'_>, tasks: &'t [Task]) -> Vec<Answer<'t>> {
    let answer = |task: &'t Task| {
        let selection = chooser.select(&[], &task.text, None).expect("nothing is asked for");
        let chosen = selection.names();
        assert!(chosen.len() <= MOST, "{chosen:?}");
        let near: Vec<&SkillName> = selection.candidates.iter().take(SHOWN).collect();
        Answer {
            text: &task.text,
            wants: task.wants.len(),
            missed: task.wants.iter().filter(|wanted| !chosen.contains(wanted)).collect(),
            candidates: task.wants.iter().filter(|wanted| near.contains(wanted) || chosen.contains(wanted)).count(),
            chosen,
        }
    };
    tasks.iter().map(answer).collect()
}

/// How good they are together.
pub(crate) fn quality<'a>(answers: impl IntoIterator<Item = &'a Answer<'a>>) -> Quality {
    let (mut texts, mut recall, mut wanted, mut found, mut near, mut chosen) = (0, 0.0, 0, 0, 0, 0);
    for answer in answers {
        texts += 1;
        recall += answer.recall();
        wanted += answer.wants;
        found += answer.wants - answer.missed.len();
        near += answer.candidates;
        chosen += answer.chosen.len();
    }
    Quality {
        recall: recall / number(texts).max(1.0),
        precision: share(found, chosen),
        candidates: share(near, wanted),
        chosen: share(chosen, texts),
    }
}

fn share(part: usize, whole: usize) -> f64 {
    number(part) / number(whole).max(1.0)
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("these are few"))
}
