//! Choosing the skills of a session, in two stages: those asked for with what they require; then, out of what its text
//! speaks of, the best first: those for which nearly half as much speaks as for the best, and with less those that a
//! trigger or words of theirs call for or that go well with one that is there. Where very many are left, somebody else
//! may rank them ([`Ranking`]) in place of the index.

use std::collections::BTreeSet;

use super::Catalog;
use crate::name::SkillName;

mod index;
mod why;
mod words;

use index::Index;
pub use why::{By, Chosen, PassedOver, Ranking, Refusal, Selection, Why, WhyNot};
use words::{Said, trigger, words};
pub use words::{likeness, spoken};

/// Most skills that a session is given; what is asked for by name is given whole.
pub const MOST: usize = 8;

/// With fewer than these the nearest are given too, as far as the text speaks of any.
pub const FEWEST: usize = 3;

/// More candidates than these are worth a second look.
pub const MANY: usize = 10;

/// Most candidates that a second look is shown, the nearest.
pub const SHOWN: usize = 30;

/// Words of its name, category and tags that call for a skill without one of its triggers.
const CALLING: usize = 2;

/// What of the best one's score is enough for one that nothing else speaks for.
const CLEAR: f64 = 0.4;

/// And how much that must be at least: what one rare word counts that it is found by. Where the best has less, the text
/// says little, and the nearest fill up what is missing.
const ENOUGH: f64 = 4.0;

/// The same where a trigger or words of its own call for it.
const CALLED: f64 = 0.3;

/// The same where it goes well with one that was chosen.
const BESIDE: f64 = 0.2;

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
                triggers: manifest.triggers.iter().map(|text| (text.as_str(), trigger(text))).collect(),
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
        let best = candidates.first().map_or(0.0, |candidate| candidate.score);
        let mut choosing = Choosing { chooser: self, chosen, passed: Vec::new() };
        match ranking {
            None => {
                for candidate in &candidates {
                    match choosing.speaks(candidate, best) {
                        Ok(why) => choosing.try_one(candidate, why),
                        Err(why) => choosing.pass(candidate, why),
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
        let said = Said::of(text);
        let mut found: Vec<Candidate<'a>> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if chosen.iter().any(|chosen| chosen.skill == *entry.name) {
                continue;
            }
            let candidate = self.candidate(at, entry, &said);
            if candidate.is_called() || candidate.score >= FAINT {
                found.push(candidate);
            }
        }
        found.sort_by(|one, two| two.score.total_cmp(&one.score).then_with(|| one.name.cmp(two.name)));
        let numbered = found.into_iter().enumerate();
        numbered.map(|(at, candidate)| Candidate { place: at + 1, ..candidate }).collect()
    }

    /// What a text says of one skill. Its score is that of the index and what the words of its best trigger weigh, to
    /// two digits: more than that nobody reads, and two that differ by less are ordered by their names.
    fn candidate(&self, at: usize, entry: &Entry<'a>, said: &Said) -> Candidate<'a> {
        let mut triggers = Vec::new();
        let mut score: f64 = 0.0;
        for (phrase, words) in &entry.triggers {
            if said.says(words) {
                triggers.push(*phrase);
                score = score.max(self.index.weight(words));
            }
        }
        let score = ((score + self.index.score(at, said.words.keys())) * 100.0).round() / 100.0;
        let own = said.words.iter().filter(|(word, _)| entry.words.contains(*word));
        let words = own.map(|(_, written)| written.clone()).collect();
        Candidate { name: entry.name, triggers, words, score, place: 0 }
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
    /// Whether enough speaks for a candidate, beside what speaks for the best; what that is where its own text and
    /// triggers do not tell.
    fn speaks(&self, candidate: &Candidate<'_>, best: f64) -> Result<Option<Why>, WhyNot> {
        let reaches = |share: f64| candidate.score >= best * share;
        if (reaches(CLEAR) && candidate.score >= ENOUGH) || (candidate.is_called() && reaches(CALLED)) {
            return Ok(None);
        }
        if let Some(with) = self.goes_with(candidate).filter(|_| reaches(BESIDE) && best >= ENOUGH) {
            return Ok(Some(Why::GoesWith { with }));
        }
        if self.chosen.len() < FEWEST { Ok(Some(Why::Fills)) } else { Err(WhyNot::Faint) }
    }

    /// Takes a candidate with what it requires, unless something speaks against it.
    fn try_one(&mut self, candidate: &Candidate<'_>, first: Option<Why>) {
        let before = self.chosen.len();
        let (most, too_many) = match first {
            Some(Why::Fills) => (FEWEST, WhyNot::Faint),
            Some(_) | None => (MOST, WhyNot::Full),
        };
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
                None => (with.len() > most && with.len() > before).then_some(too_many),
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
