//! Which skills were used, by skill and role, and which were given in vain.

use crate::name::SkillName;
use crate::report::Report;
use crate::report::look::{Look, Paint, pad, plural, safe, width};
use crate::report::skills::SkillUses;
use crate::report::task::few;

const USED: &str = "Skills that were used:";
const UNUSED: &str = "Skills that sessions were given and were not seen to use:";

/// A row: skill, role, how often, in which tasks.
struct Used {
    skill: String,
    role: String,
    how: String,
    tasks: String,
}

fn used(report: &Report) -> Vec<Used> {
    let of = |((skill, role), uses): ((&SkillName, &str), SkillUses<'_>)| Used {
        skill: skill.to_string(),
        role: safe(role),
        how: how(&uses),
        tasks: named(uses.tasks),
    };
    report.used_skills().into_iter().map(of).collect()
}

/// `run 2 times, read in 1 of 3 sessions`
fn how(uses: &SkillUses<'_>) -> String {
    let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let runs = (uses.runs > 0).then(|| format!("run {}", plural(count(uses.runs), "time")));
    let sessions = plural(count(uses.given), "session");
    let reads = (uses.reads > 0).then(|| format!("read in {} of {sessions}", uses.reads));
    runs.into_iter().chain(reads).collect::<Vec<_>>().join(", ")
}

fn named(tasks: Vec<&str>) -> String {
    few(&tasks.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

/// Skills that were given in vain, each with its tasks. In a rehearsal nobody reads any.
fn unused(report: &Report) -> Vec<(String, String)> {
    if report.is_rehearsal() {
        return Vec::new();
    }
    report.unused_skills().into_iter().map(|(skill, tasks)| (skill.to_string(), named(tasks))).collect()
}

/// Both lists for a terminal.
pub fn skills(report: &Report, look: Look) -> String {
    let (used, unused) = (used(report), unused(report));
    let mut out = Vec::new();
    if !used.is_empty() {
        let wide = |of: fn(&Used) -> &str| used.iter().map(|row| width(of(row))).max().unwrap_or(0);
        let (skill, role) = (wide(|row| &row.skill), wide(|row| &row.role));
        out.extend([String::new(), look.paint(Paint::Bold, USED)]);
        out.extend(used.iter().map(|row| {
            format!("  {}  {}  {} ({})", pad(&row.skill, skill), pad(&row.role, role), row.how, safe(&row.tasks))
        }));
    }
    if !unused.is_empty() {
        out.extend([String::new(), look.paint(Paint::Bold, UNUSED)]);
        out.extend(unused.iter().map(|(skill, tasks)| format!("  {skill} ({})", safe(tasks))));
    }
    if out.is_empty() { String::new() } else { out.join("\n") + "\n" }
}

/// Both lists in Markdown; `cell` makes a text safe there.
pub(super) fn markdown(report: &Report, cell: impl Fn(&str) -> String) -> Vec<String> {
    let (used, unused) = (used(report), unused(report));
    let mut out = Vec::new();
    if !used.is_empty() {
        out.push(format!("\n{USED}\n"));
        out.extend(
            used.iter().map(|Used { skill, role, how, tasks }| {
                format!("- `{skill}`, {}: {how} ({})", cell(role), cell(tasks))
            }),
        );
    }
    if !unused.is_empty() {
        out.push(format!("\n{UNUSED}\n"));
        out.extend(unused.iter().map(|(skill, tasks)| format!("- `{skill}` ({})", cell(tasks))));
    }
    out
}
