//! Which skills sessions were given, and which of them they used.

use std::collections::BTreeMap;

use crate::kernel::event::{SessionKind, SkillUse};
use crate::name::SkillName;
use crate::plan::{Task, TaskKind};
use crate::report::Report;
use crate::report::task::TaskReport;

/// A skill of one task and role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillReport {
    /// Which.
    pub skill: SkillName,
    /// Whose sessions are given it.
    pub role: String,
    /// What those sessions are for.
    pub kind: SessionKind,
    /// Sessions that were given it.
    pub given: u32,
    /// How often it was run.
    pub runs: u32,
    /// Sessions that read it, as far as their agents tell.
    pub reads: u32,
}

/// A skill that was used, by all sessions of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkillUses<'a> {
    /// The tasks in which it was.
    pub tasks: Vec<&'a str>,
    /// Sessions of the role that were given it.
    pub given: u32,
    /// How often it was run.
    pub runs: u32,
    /// Sessions that read it, as far as their agents tell.
    pub reads: u32,
}

/// The skills that a task's sessions will be given.
pub(super) fn of_task(task: &Task) -> Vec<SkillReport> {
    let own = match &task.kind {
        TaskKind::Agent(work) => Some((SessionKind::Work, &work.role, &work.skills)),
        TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => None,
    };
    let review = task.review.as_ref().map(|review| (SessionKind::Review, &review.role, &review.skills));
    let both = own.into_iter().chain(review);
    both.flat_map(|(kind, role, skills)| {
        let of = move |skill: &SkillName| SkillReport {
            skill: skill.clone(),
            role: role.to_string(),
            kind,
            given: 0,
            runs: 0,
            reads: 0,
        };
        skills.iter().map(of)
    })
    .collect()
}

impl TaskReport {
    /// A session of this kind begins.
    pub(super) fn gives_skills(&mut self, kind: SessionKind) {
        self.session = kind;
        for skill in self.skills.iter_mut().filter(|skill| skill.kind == kind) {
            skill.given = skill.given.saturating_add(1);
        }
    }

    /// The session that runs uses a skill.
    pub(super) fn uses_skill(&mut self, name: &SkillName, how: SkillUse) {
        let kind = self.session;
        for skill in self.skills.iter_mut().filter(|skill| skill.kind == kind && skill.skill == *name) {
            let count = match how {
                SkillUse::Run => &mut skill.runs,
                SkillUse::Read => &mut skill.reads,
            };
            *count = count.saturating_add(1);
        }
    }
}

impl Report {
    /// Skills that were used, by skill and role.
    pub fn used_skills(&self) -> BTreeMap<(&SkillName, &str), SkillUses<'_>> {
        let mut all: BTreeMap<(&SkillName, &str), SkillUses<'_>> = BTreeMap::new();
        for (id, task) in &self.tasks {
            for skill in &task.skills {
                let uses = all.entry((&skill.skill, &skill.role)).or_default();
                uses.given = uses.given.saturating_add(skill.given);
                uses.runs = uses.runs.saturating_add(skill.runs);
                uses.reads = uses.reads.saturating_add(skill.reads);
                if skill.runs + skill.reads > 0 && uses.tasks.last() != Some(&id.as_str()) {
                    uses.tasks.push(id.as_str());
                }
            }
        }
        all.retain(|_, uses| !uses.tasks.is_empty());
        all
    }

    /// Skills that sessions were given and none was seen to use, with the tasks of those sessions.
    pub fn unused_skills(&self) -> BTreeMap<&SkillName, Vec<&str>> {
        let mut given: BTreeMap<&SkillName, (Vec<&str>, bool)> = BTreeMap::new();
        for (id, task) in &self.tasks {
            for skill in task.skills.iter().filter(|skill| skill.given > 0) {
                let (tasks, used) = given.entry(&skill.skill).or_default();
                if tasks.last() != Some(&id.as_str()) {
                    tasks.push(id.as_str());
                }
                *used |= skill.runs + skill.reads > 0;
            }
        }
        given.into_iter().filter(|(_, (_, used))| !used).map(|(skill, (tasks, _))| (skill, tasks)).collect()
    }
}
