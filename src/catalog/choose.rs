//! Choosing the skills of a session: those asked for with what they require, then what its task's text calls for.

use std::collections::BTreeSet;

use super::Catalog;
use crate::name::SkillName;

/// Most skills that a session is given; what is asked for by name is given whole.
pub const MOST: usize = 8;

/// Least points that make a skill worth giving without being asked for.
const WORTH: usize = 3;

/// Skills made ready for choosing.
#[derive(Debug)]
pub struct Chooser<'a> {
    catalog: &'a Catalog,
    candidates: Vec<Candidate<'a>>,
}

#[derive(Debug)]
struct Candidate<'a> {
    name: &'a SkillName,
    /// Words of each trigger.
    triggers: Vec<BTreeSet<String>>,
    /// Words of name, category and tags.
    tags: BTreeSet<String>,
}

/// Skills that cannot be given as asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One is named that there is not.
    #[error("there is no skill `{0}`")]
    Missing(SkillName),
    /// Two of them exclude each other.
    #[error("the skills `{0}` and `{1}` cannot be used together")]
    Conflict(SkillName, SkillName),
}

impl<'a> Chooser<'a> {
    /// Makes the skills of a catalog ready.
    pub fn new(catalog: &'a Catalog) -> Self {
        let candidates = catalog
            .skills
            .iter()
            .map(|(name, found)| {
                let manifest = &found.value.manifest;
                let tags = manifest.tags.iter().chain([&manifest.category]).flat_map(|text| words(text));
                Candidate {
                    name,
                    triggers: manifest.triggers.iter().map(|text| words(text)).collect(),
                    tags: words(name.as_str()).into_iter().chain(tags).collect(),
                }
            })
            .collect();
        Self { catalog, candidates }
    }

    /// The skills of a session, in order: those asked for, what they require, then those its text calls for.
    pub fn choose(&self, asked: &[SkillName], text: &str) -> Result<Vec<SkillName>, Refusal> {
        let mut chosen = Vec::new();
        for skill in asked {
            self.add(skill, &mut chosen)?;
        }
        if let Some((one, two)) = self.conflict(&chosen) {
            return Err(Refusal::Conflict(one, two));
        }
        let said = words(text);
        let mut ranked: Vec<(usize, &SkillName)> = self
            .candidates
            .iter()
            .map(|candidate| (candidate.points(&said), candidate.name))
            .filter(|(points, _)| *points >= WORTH)
            .collect();
        ranked.sort_by(|one, two| two.0.cmp(&one.0).then_with(|| one.1.cmp(two.1)));
        for (_, skill) in ranked {
            let mut with = chosen.clone();
            if self.add(skill, &mut with).is_ok() && with.len() <= MOST && self.conflict(&with).is_none() {
                chosen = with;
            }
        }
        Ok(chosen)
    }

    /// Adds a skill and all that it requires.
    fn add(&self, skill: &SkillName, chosen: &mut Vec<SkillName>) -> Result<(), Refusal> {
        let mut open = vec![skill.clone()];
        while let Some(next) = open.pop() {
            if chosen.contains(&next) {
                continue;
            }
            let found = self.catalog.skills.get(&next).ok_or_else(|| Refusal::Missing(next.clone()))?;
            open.extend(found.value.manifest.requires.iter().rev().cloned());
            chosen.push(next);
        }
        Ok(())
    }

    fn conflict(&self, chosen: &[SkillName]) -> Option<(SkillName, SkillName)> {
        chosen.iter().find_map(|skill| {
            let against = &self.catalog.skills.get(skill)?.value.manifest.conflicts;
            against.iter().find(|other| chosen.contains(other)).map(|other| (skill.clone(), other.clone()))
        })
    }
}

impl Candidate<'_> {
    fn points(&self, said: &BTreeSet<String>) -> usize {
        let triggers = self.triggers.iter().filter(|words| !words.is_empty() && words.is_subset(said)).count();
        3 * triggers + self.tags.intersection(said).count()
    }
}

/// The words of a text that mean something, in lower case, plural and singular alike.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .map(|word| word.to_lowercase().trim_end_matches('s').to_owned())
        .filter(|word| {
            word.len() > 2 && !["the", "and", "for", "with", "that", "thi", "out", "are"].contains(&word.as_str())
        })
        .collect()
}
