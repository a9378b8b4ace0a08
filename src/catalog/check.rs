//! What can be said only of the catalog as a whole: partials and skills that are named and are not there.

use super::role::Body;
use super::template::Template;
use super::{Catalog, codes};
use crate::diagnostic::nearest::{listed, nearest};
use crate::diagnostic::{ByteSpan, Code, Finding, Severity};
use crate::name::SkillName;

pub(super) fn check(catalog: &mut Catalog) {
    let mut findings = Vec::new();
    for found in catalog.roles.values() {
        if let Body::Template(body) = &found.value.body {
            partials(catalog, &found.path, body, &mut findings);
        }
        for skill in &found.value.skills {
            if !catalog.skills.contains_key(skill) && !matches!(found.value.body, Body::Text(_)) {
                let message = format!("there is no skill `{skill}`");
                absent(catalog, skill, (&found.path, Severity::Error, message), &mut findings);
            }
        }
    }
    for found in catalog.partials.values() {
        partials(catalog, &found.path, &found.value, &mut findings);
    }
    for found in catalog.skills.values() {
        let file = format!("{}/skill.toml", found.path);
        let manifest = &found.value.manifest;
        for skill in manifest.requires.iter().filter(|skill| !catalog.skills.contains_key(*skill)) {
            let message = format!("it requires the skill `{skill}`, which does not exist");
            absent(catalog, skill, (&file, Severity::Error, message), &mut findings);
        }
        for (key, skills) in [("enhanced_by", &manifest.enhanced_by), ("conflicts", &manifest.conflicts)] {
            for skill in skills.iter().filter(|skill| !catalog.skills.contains_key(*skill)) {
                // It may be one that other projects have: without it this one works as well.
                let message = format!("`{key}` names the skill `{skill}`, which does not exist");
                absent(catalog, skill, (&file, Severity::Warning, message), &mut findings);
            }
        }
    }
    catalog.findings.append(&mut findings);
}

/// Tells of a skill that is named in a file and is not there. Where its own files are broken that is told of them: here
/// only where it was no error, since they are another tool's.
fn absent(
    catalog: &Catalog,
    skill: &SkillName,
    (file, severity, message): (&str, Severity, String),
    findings: &mut Vec<Finding>,
) {
    let span = place(catalog, file, skill.as_str());
    let Some(broken) = catalog.broken_skills.get(skill) else {
        let mut told = codes::finding(codes::UNKNOWN_SKILL, severity, (file, span), message);
        if let Some(meant) = nearest(skill.as_str(), catalog.skills.keys().map(SkillName::as_str)) {
            told.help = Some(format!("did you mean `{meant}`?"));
        } else {
            told.help = Some(format!("add `skills/{skill}/SKILL.md`, or take `{skill}` out"));
        }
        findings.push(told);
        return;
    };
    if broken.finding.severity == Severity::Warning && severity == Severity::Error {
        let message = format!("the skill `{skill}` cannot be used: {}", broken.words());
        findings.push(finding(codes::UNKNOWN_SKILL, file, span, message).with_help(broken.remedy()));
    }
}

/// Each partial that a template includes exists.
fn partials(catalog: &Catalog, file: &str, body: &str, findings: &mut Vec<Finding>) {
    let Ok(template) = Template::parse(body) else { return };
    let body_at = catalog.sources.get(file).map_or(0, |text| text.len().saturating_sub(body.len()));
    for partial in template.partials() {
        if !catalog.partials.contains_key(&partial.name) {
            let start = body_at + partial.offset;
            let span = ByteSpan { start, end: start + partial.name.len() };
            let message = format!("there is no partial `{}`", partial.name);
            let known = || catalog.partials.keys().map(String::as_str);
            let help = match nearest(&partial.name, known()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    format!(
                        "the partials are {}; a new one is a file `roles/partials/{}.md`",
                        listed(known()),
                        partial.name
                    )
                }
            };
            findings.push(finding(codes::UNKNOWN_PARTIAL, file, span, message).with_help(help));
        }
    }
}

/// Where a word first stands in a file.
fn place(catalog: &Catalog, file: &str, word: &str) -> ByteSpan {
    let start = catalog.sources.get(file).and_then(|text| text.find(word)).unwrap_or(0);
    ByteSpan { start, end: start + word.len() }
}

fn finding(code: Code, file: &str, span: ByteSpan, message: String) -> Finding {
    codes::finding(code, Severity::Error, (file, span), message)
}
