//! What a session's host offers its agent beside files: the skills and handoffs it may be asked for, closed when the
//! session begins.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::name::{SkillName, TaskId};
use crate::plan::{SkillFile, SkillHandler};

/// The operations, by the names that the command gives them.
pub const OPERATIONS: [&str; 5] = ["discover-skills", "run-skill", "report-progress", "write-handoff", "read-handoff"];

/// All that the tools of a session work on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Toolbox {
    /// The skills that the session was given, the likeliest first.
    #[serde(default)]
    pub skills: Vec<SkillTool>,
    /// What tasks before it handed over, as documents.
    #[serde(default)]
    pub handoffs: Vec<(TaskId, String)>,
    /// All that a skill's handler may write to; `None`: nothing confines it.
    #[serde(default)]
    pub writable: Option<Vec<PathBuf>>,
}

/// A skill as a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SkillTool {
    /// Its name.
    pub name: SkillName,
    /// When to use it.
    pub description: String,
    /// Words it is found by beside these.
    #[serde(default)]
    pub about: String,
    /// Where its text is, for the session.
    pub path: String,
    /// What runs it, where something does.
    #[serde(default)]
    pub handler: Option<SkillHandler>,
    /// Its files, where something runs it.
    #[serde(default)]
    pub files: Vec<SkillFile>,
}

impl Toolbox {
    /// The skill of this name.
    pub fn skill(&self, name: &str) -> Option<&SkillTool> {
        self.skills.iter().find(|skill| skill.name.as_str() == name)
    }

    /// Skills that the name of a tool call tells: a path to one of their files, or the name under which they lie there.
    pub fn named_in(&self, call: &str) -> Vec<&SkillName> {
        let whole = |name: &str| {
            let wanted = format!("ai-sdlc-{name}");
            call.match_indices(&wanted).any(|(at, _)| {
                let after = call.get(at + wanted.len()..).unwrap_or_default();
                !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
            })
        };
        self.skills.iter().map(|skill| &skill.name).filter(|name| whole(name.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_the_skills_whose_files_it_reads() {
        let skill = |name: &str| SkillTool {
            name: SkillName::parse(name).unwrap(),
            description: String::new(),
            about: String::new(),
            path: String::new(),
            handler: None,
            files: Vec::new(),
        };
        let toolbox = Toolbox { skills: vec![skill("api"), skill("api-design")], ..Toolbox::default() };
        let named = |call: &str| toolbox.named_in(call).iter().map(|name| name.as_str()).collect::<Vec<_>>();
        assert_eq!(named("Read .claude/skills/ai-sdlc-api-design/SKILL.md"), ["api-design"]);
        assert_eq!(
            named("cat .agents/skills/ai-sdlc-api/SKILL.md .agents/skills/ai-sdlc-api-design/x"),
            ["api", "api-design"]
        );
        assert_eq!(named("Skill ai-sdlc-api"), ["api"]);
        assert_eq!(named("Read api-design/SKILL.md, ai-sdlc-api2, ai-sdlc"), [""; 0]);
    }
}
