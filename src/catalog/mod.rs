//! Roles, skills and templates as data: find, load, validate, choose.
//!
//! A name is looked up in `roles/` and `skills/` of the mission's folder and of each folder above it up to the root,
//! then in `.ai-sdlc/`, in the user's configuration folder, and among the built-in ones; the nearest wins and hides
//! the others. A broken file is a finding, and hides too: taking another in silence would be worse than none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::diagnostic::Finding;
use crate::name::{RoleName, SkillName};

mod check;
pub mod choose;
pub mod codes;
mod foreign;
pub(crate) mod front;
mod load;
mod manifest;
pub mod parameters;
pub mod role;
pub mod schema;
pub mod skill;
pub mod suit;
pub mod template;
mod yaml;

#[cfg(test)]
mod tests;

/// Where roles and skills are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Folder of the mission file.
    pub mission_dir: Option<PathBuf>,
    /// Root of the repository or project.
    pub root: Option<PathBuf>,
    /// The user's configuration folder of ours.
    pub user: Option<PathBuf>,
}

/// All roles, skills and partials that can be named.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// Role templates.
    pub roles: BTreeMap<RoleName, Found<role::RoleTemplate>>,
    /// Skills.
    pub skills: BTreeMap<SkillName, Found<skill::SkillFolder>>,
    /// Sources of the partials of role templates.
    pub partials: BTreeMap<String, Found<String>>,
    /// Roles whose nearest file is broken.
    pub broken_roles: BTreeMap<RoleName, Broken>,
    /// Skills whose nearest folder is broken.
    pub broken_skills: BTreeMap<SkillName, Broken>,
    /// What is wrong with their files.
    pub findings: Vec<Finding>,
    /// Text of the files that findings speak of, by the path they name.
    pub sources: BTreeMap<String, String>,
}

/// Something found, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<T> {
    /// What.
    pub value: T,
    /// In which of the places.
    pub origin: Origin,
    /// Its path: relative to the root where it is below it, `built-in:…` where it is embedded.
    pub path: String,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
    /// Paths of those of the same name that it hides, the nearest first.
    pub hides: Vec<String>,
}

/// A role or skill that cannot be used, since what is written there is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// In which of the places.
    pub origin: Origin,
    /// Its path, as that of what is found.
    pub path: String,
    /// What is wrong: the first that was found.
    pub finding: Finding,
}

impl Broken {
    /// What is wrong, in one line with the file.
    pub fn words(&self) -> String {
        format!("{}: {}", self.finding.file, self.finding.message)
    }

    /// What to do.
    pub fn remedy(&self) -> String {
        match &self.finding.help {
            Some(help) => {
                format!("{}; `ai-sdlc mission validate` tells all that is wrong with it", help.trim_end_matches('.'))
            }
            None => "`ai-sdlc mission validate` tells all that is wrong with it, and where".to_owned(),
        }
    }
}

/// In which of the places something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Beside the mission, or in a folder above it.
    Mission,
    /// In the project's `.ai-sdlc/`.
    Project,
    /// Where other tools look: in the project's `.claude/agents/`, `.claude/skills/` or `.agents/skills/`.
    OtherTool,
    /// In the user's configuration folder.
    User,
    /// Embedded in the program.
    BuiltIn,
}

impl Origin {
    /// In a word or two.
    pub fn words(self) -> &'static str {
        match self {
            Self::Mission => "mission",
            Self::Project => "project",
            Self::OtherTool => "other tool",
            Self::User => "user",
            Self::BuiltIn => "built-in",
        }
    }
}

impl Catalog {
    /// Finds and reads all there is. What cannot be read is a finding.
    pub fn load(places: &Places) -> Self {
        let mut catalog = load::load(places);
        check::check(&mut catalog);
        catalog
    }

    /// The sources of all partials, as [`template::Template::render`] takes them.
    pub fn partial_sources(&self) -> BTreeMap<String, String> {
        self.partials.iter().map(|(name, found)| (name.clone(), found.value.clone())).collect()
    }
}

/// SHA-256 of bytes, hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The JSON Schema of `skill.toml`.
pub fn skill_schema() -> String {
    schema::of_input::<skill::SkillManifest>("skill")
}

/// The JSON Schema of a role file's front matter.
pub fn role_schema() -> String {
    schema::of_input::<role::RoleFile>("role")
}
