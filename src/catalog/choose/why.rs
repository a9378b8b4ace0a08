//! Why a skill was chosen, and why one that was near was not.

use std::fmt;

use serde::Serialize;

use crate::name::SkillName;

/// Skills of a session, in order, and the reasons.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Selection {
    /// Those it is given, in order.
    pub chosen: Vec<Chosen>,
    /// Those that its text speaks of and that it is not given, the nearest first.
    pub passed_over: Vec<PassedOver>,
    /// All that its text speaks of beside those asked for, the nearest first.
    pub candidates: Vec<SkillName>,
}

/// A skill that was chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chosen {
    /// Which.
    pub skill: SkillName,
    /// All that speaks for it, the strongest first.
    pub why: Vec<Why>,
}

/// A skill that was near.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassedOver {
    /// Which.
    pub skill: SkillName,
    /// Its place among the candidates, from 1.
    pub place: usize,
    /// How much the text speaks of it.
    pub score: f64,
    /// Why it was not chosen.
    pub why: WhyNot,
}

/// Who asks for a skill by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The role's file.
    Role,
    /// The mission's table of the role.
    Mission,
    /// The task.
    Task,
}

/// What speaks for a skill.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Why {
    /// It is asked for by name.
    Asked {
        /// By whom.
        by: By,
    },
    /// Another one that was chosen requires it.
    Required {
        /// Which.
        by: SkillName,
    },
    /// It was put at this place by who ranked the candidates.
    Ranked {
        /// From 1.
        place: usize,
    },
    /// The text says one of its triggers.
    Trigger {
        /// As its manifest writes it.
        phrase: String,
    },
    /// The text says words of its name, category and tags.
    Words {
        /// Which.
        words: Vec<String>,
    },
    /// One that was chosen goes well with it, and the text speaks of it too.
    GoesWith {
        /// Which.
        with: SkillName,
    },
    /// Its place in the text index.
    Text {
        /// From 1.
        place: usize,
        /// How much the text speaks of it.
        score: f64,
    },
    /// Too few were chosen otherwise, and it was the next.
    Fills,
}

/// What speaks against a skill that was near.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum WhyNot {
    /// It cannot be together with one that was chosen.
    Conflict {
        /// Which.
        with: SkillName,
    },
    /// What it requires does not exist.
    Missing {
        /// Which.
        skill: SkillName,
    },
    /// With it and what it requires there would be too many.
    Full,
    /// Too little speaks for it beside what speaks for the best, and there are enough.
    Faint,
    /// Who ranked the candidates left it out.
    Unranked,
}

/// An order of candidates that somebody else gave, the best first; who is left out is not chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking(pub Vec<SkillName>);

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

impl Selection {
    /// The skills, in order.
    pub fn names(&self) -> Vec<SkillName> {
        self.chosen.iter().map(|chosen| chosen.skill.clone()).collect()
    }

    /// The nearest of the candidates, for a second look to rank them, where there are so many that an index alone is a
    /// poor judge.
    pub fn to_be_ranked(&self) -> Option<&[SkillName]> {
        let nearest = self.candidates.get(..super::SHOWN).unwrap_or(&self.candidates);
        (self.candidates.len() > super::MANY).then_some(nearest)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { by: By::Role } => f.write_str("its role has it"),
            Self::Asked { by: By::Mission } => f.write_str("the mission gives it to the role"),
            Self::Asked { by: By::Task } => f.write_str("the task asks for it"),
            Self::Required { by } => write!(f, "`{by}` requires it"),
            Self::Ranked { place } => write!(f, "ranked {place}"),
            Self::Trigger { phrase } => write!(f, "the text says its trigger \"{phrase}\""),
            Self::Words { words } => write!(f, "the text says {}", words.join(", ")),
            Self::GoesWith { with } => write!(f, "it goes well with `{with}`"),
            Self::Text { place, score } => write!(f, "text rank {place} (score {score:.2})"),
            Self::Fills => write!(f, "fewer than {} were chosen otherwise", super::FEWEST),
        }
    }
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { with } => write!(f, "it conflicts with `{with}`"),
            Self::Missing { skill } => write!(f, "it requires `{skill}`, which does not exist"),
            Self::Full => write!(f, "with it there would be more than {}", super::MOST),
            Self::Faint => f.write_str("too little speaks for it beside the best"),
            Self::Unranked => f.write_str("the ranking left it out"),
        }
    }
}
