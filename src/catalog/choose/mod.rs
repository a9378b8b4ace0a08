//! Choosing the skills of a session, in two stages: those asked for with what they require; then, out of what its text
//! speaks of, those that are called for by a trigger or by words of theirs or go well with one that is there, best
//! first. Where very many are left,
//! somebody else may rank them ([`Ranking`]) in place of the index.

use std::collections::BTreeSet;

use super::Catalog;
use crate::name::SkillName;

mod index;
mod why;

use index::{Index, words};
pub use index::{likeness, spoken};
pub use why::{By, Chosen, PassedOver, Ranking, Refusal, Selection, Why, WhyNot};

/// Most skills that a session is given; what is asked for by name is given whole.
pub const MOST: usize = 8;

/// With fewer than these the nearest are given too, as far as the text speaks of any.
pub const FEWEST: usize = 3;

/// More candidates than these are worth a second look.
pub const MANY: usize = 10;

/// Words of its name, category and tags that call for a skill without one of its triggers.
const CALLING: usize = 2;

/// What a trigger is worth, in points of the index.
const TRIGGER: f64 = 4.0;

/// Below this a text does not speak of a skill: it shares a word that many skills have.
const FAINT: f64 = 1.0;

/// Skills made ready for choosing.
#[derive(Debug)]
pub struct Chooser<'a> {
    catalog: &'a Catalog,
    index: Index,
    entries: Vec<Entry<'a>>,
}

#[derive(Debug)]
struct Entry<'a> {
    name: &'a SkillName,
    /// Each trigger, and its words.
    triggers: Vec<(&'a str, BTreeSet<String>)>,
    /// Words of name, category and tags.
    words: BTreeSet<String>,
}

/// A skill that the text speaks of.
struct Candidate<'a> {
    name: &'a SkillName,
    triggers: Vec<&'a str>,
    words: Vec<String>,
    score: f64,
    /// Its place in the index, from 1.
    place: usize,
}

impl Candidate<'_> {
    fn is_called(&self) -> bool {
        !self.triggers.is_empty() || self.words.len() >= CALLING
    }

    fn why(&self, first: Option<Why>) -> Vec<Why> {
        let mut why: Vec<Why> = first.into_iter().collect();
        why.extend(self.triggers.iter().map(|phrase| Why::Trigger { phrase: (*phrase).to_owned() }));
        if !self.words.is_empty() {
            why.push(Why::Words { words: self.words.clone() });
        }
        why.push(Why::Text { place: self.place, score: self.score });
        why
    }
}

impl<'a> Chooser<'a> {
    /// Makes the skills of a catalog ready.
    pub fn new(catalog: &'a Catalog) -> Self {
        let entry = |(name, found): (&'a SkillName, &'a super::Found<super::skill::SkillFolder>)| {
            let manifest = &found.value.manifest;
            let tags = manifest.tags.iter().chain([&manifest.category]).flat_map(|text| words(text));
            Entry {
                name,
                triggers: manifest.triggers.iter().map(|text| (text.as_str(), words(text))).collect(),
                words: words(name.as_str()).into_iter().chain(tags).collect(),
            }
        };
        let index = Index::new(catalog.skills.values().map(|found| &found.value));
        Self { catalog, index, entries: catalog.skills.iter().map(entry).collect() }
    }

    /// The skills of a session, in order: those asked for, what they require, then those its text calls for.
    pub fn choose(&self, asked: &[SkillName], text: &str) -> Result<Vec<SkillName>, Refusal> {
        let asked: Vec<(By, &SkillName)> = asked.iter().map(|skill| (By::Task, skill)).collect();
        Ok(self.select(&asked, text, None)?.names())
    }

    /// The same with reasons. A ranking takes the place of the index among the candidates.
    pub fn select(
        &self,
        asked: &[(By, &SkillName)],
        text: &str,
        ranking: Option<&Ranking>,
    ) -> Result<Selection, Refusal> {
        let mut chosen = Vec::new();
        for (by, skill) in asked {
            self.add(skill, vec![Why::Asked { by: *by }], &mut chosen)?;
        }
        if let Some((one, two)) = self.conflict(&chosen) {
            return Err(Refusal::Conflict(one, two));
        }
        let candidates = self.candidates(text, &chosen);
        let names = candidates.iter().map(|candidate| candidate.name.clone()).collect();
        let mut choosing = Choosing { chooser: self, chosen, passed: Vec::new() };
        match ranking {
            None => {
                let (called, faint): (Vec<_>, Vec<_>) = candidates.into_iter().partition(Candidate::is_called);
                for candidate in &called {
                    choosing.try_one(candidate, None);
                }
                for candidate in &faint {
                    if let Some(with) = choosing.goes_with(candidate) {
                        choosing.try_one(candidate, Some(Why::GoesWith { with }));
                    } else if choosing.chosen.len() < FEWEST {
                        choosing.try_one(candidate, Some(Why::Fills));
                    } else {
                        choosing.pass(candidate, WhyNot::Faint);
                    }
                }
            }
            Some(Ranking(order)) => {
                let mut left = candidates;
                for (at, name) in order.iter().enumerate() {
                    if let Some(found) = left.iter().position(|candidate| candidate.name == name) {
                        choosing.try_one(&left.remove(found), Some(Why::Ranked { place: at + 1 }));
                    }
                }
                for candidate in &left {
                    choosing.pass(candidate, WhyNot::Unranked);
                }
            }
        }
        let Choosing { chosen, mut passed, .. } = choosing;
        // One that was left out may have come along afterwards, because another requires it.
        passed.retain(|left: &PassedOver| chosen.iter().all(|chosen| chosen.skill != left.skill));
        passed.sort_by_key(|left| left.place);
        Ok(Selection { chosen, passed_over: passed, candidates: names })
    }

    /// What a text speaks of and is not chosen yet, the nearest first.
    fn candidates(&self, text: &str, chosen: &[Chosen]) -> Vec<Candidate<'a>> {
        let said = words(text);
        let mut found: Vec<(f64, Candidate<'a>)> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if chosen.iter().any(|chosen| chosen.skill == *entry.name) {
                continue;
            }
            let is_said = |trigger: &&(&str, BTreeSet<String>)| !trigger.1.is_empty() && trigger.1.is_subset(&said);
            let triggers: Vec<&'a str> = entry.triggers.iter().filter(is_said).map(|(phrase, _)| *phrase).collect();
            let words = entry.words.intersection(&said).cloned().collect();
            let score = self.index.score(at, &said);
            let called = f64::from(u32::try_from(triggers.len()).unwrap_or(u32::MAX));
            let candidate = Candidate { name: entry.name, triggers, words, score, place: 0 };
            if candidate.is_called() || score >= FAINT {
                found.push((TRIGGER.mul_add(called, score), candidate));
            }
        }
        found.sort_by(|one, two| two.0.total_cmp(&one.0).then_with(|| one.1.name.cmp(two.1.name)));
        let numbered = found.into_iter().enumerate();
        numbered.map(|(at, (_, candidate))| Candidate { place: at + 1, ..candidate }).collect()
    }

    /// Adds a skill and all that it requires.
    fn add(&self, skill: &SkillName, why: Vec<Why>, chosen: &mut Vec<Chosen>) -> Result<(), Refusal> {
        let mut open = vec![(skill.clone(), why)];
        while let Some((next, mut why)) = open.pop() {
            if let Some(already) = chosen.iter_mut().find(|chosen| chosen.skill == next) {
                already.why.append(&mut why);
                continue;
            }
            let found = self.catalog.skills.get(&next).ok_or_else(|| Refusal::Missing(next.clone()))?;
            let required = found.value.manifest.requires.iter().rev();
            open.extend(required.map(|name| (name.clone(), vec![Why::Required { by: next.clone() }])));
            chosen.push(Chosen { skill: next, why });
        }
        Ok(())
    }

    fn conflict(&self, chosen: &[Chosen]) -> Option<(SkillName, SkillName)> {
        chosen.iter().find_map(|one| {
            let against = &self.catalog.skills.get(&one.skill)?.value.manifest.conflicts;
            let other = against.iter().find(|other| chosen.iter().any(|chosen| chosen.skill == **other))?;
            Some((one.skill.clone(), other.clone()))
        })
    }
}

/// A selection being made.
struct Choosing<'c, 'a> {
    chooser: &'c Chooser<'a>,
    chosen: Vec<Chosen>,
    passed: Vec<PassedOver>,
}

impl Choosing<'_, '_> {
    /// Takes a candidate with what it requires, unless something speaks against it.
    fn try_one(&mut self, candidate: &Candidate<'_>, first: Option<Why>) {
        let before = self.chosen.len();
        let mut with = self.chosen.clone();
        let added = self.chooser.add(candidate.name, candidate.why(first), &mut with);
        let against = match added {
            Err(Refusal::Missing(skill)) => Some(WhyNot::Missing { skill }),
            Err(Refusal::Conflict(_, with)) => Some(WhyNot::Conflict { with }),
            Ok(()) => match self.chooser.conflict(&with) {
                Some((one, two)) => {
                    let was_there = |name: &SkillName| with.iter().take(before).any(|chosen| chosen.skill == *name);
                    Some(WhyNot::Conflict { with: if was_there(&one) { one } else { two } })
                }
                None => (with.len() > MOST && with.len() > before).then_some(WhyNot::Full),
            },
        };
        match against {
            None => self.chosen = with,
            Some(why) => self.pass(candidate, why),
        }
    }

    /// A chosen skill that says that it goes well with this one.
    fn goes_with(&self, candidate: &Candidate<'_>) -> Option<SkillName> {
        let says_so = |chosen: &&Chosen| {
            let found = self.chooser.catalog.skills.get(&chosen.skill);
            found.is_some_and(|found| found.value.manifest.enhanced_by.contains(candidate.name))
        };
        self.chosen.iter().find(says_so).map(|chosen| chosen.skill.clone())
    }

    fn pass(&mut self, candidate: &Candidate<'_>, why: WhyNot) {
        let Candidate { name, place, score, .. } = candidate;
        self.passed.push(PassedOver { skill: (*name).clone(), place: *place, score: *score, why });
    }
}
