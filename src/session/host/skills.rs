//! Which skills a session uses, as far as it can be seen: those it runs, and those whose files its tool calls name.

use std::collections::BTreeSet;

use crate::agent::Said;
use crate::agent::tools::Toolbox;
use crate::kernel::event::SkillUse;
use crate::name::SkillName;
use crate::session::host::tell;
use crate::session::protocol::HostLine;

/// Told once each, where they are read.
#[derive(Debug, Default)]
pub(super) struct Skills {
    toolbox: Toolbox,
    read: BTreeSet<SkillName>,
}

impl Skills {
    pub(super) fn of(toolbox: &Toolbox) -> Self {
        let skills =
            toolbox.skills.iter().cloned().map(|skill| crate::agent::tools::SkillTool { files: Vec::new(), ..skill });
        Self { toolbox: Toolbox { skills: skills.collect(), ..Toolbox::default() }, read: BTreeSet::new() }
    }

    /// Looks at what one line of the stream means: a tool call that begins, and what it is about.
    pub(super) fn note(&mut self, said: &[Said]) {
        if !said.iter().any(|said| matches!(said, Said::ToolBegan)) {
            return;
        }
        for said in said {
            let Said::Progress(call) = said else { continue };
            for skill in self.toolbox.named_in(call) {
                if self.read.insert(skill.clone()) {
                    tell(&HostLine::SkillUsed { skill: skill.clone(), how: SkillUse::Read });
                }
            }
        }
    }
}

/// A skill is run.
pub(super) fn runs(skill: SkillName) {
    tell(&HostLine::SkillUsed { skill, how: SkillUse::Run });
}
