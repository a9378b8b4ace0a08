//! What can be said only of the catalog as a whole: partials and skills that are named and are not there.

use super::role::Body;
use super::template::Template;
use super::{Catalog, codes};
use crate::diagnostic::{ByteSpan, Code, Finding, Severity};

pub(super) fn check(catalog: &mut Catalog) {
    let mut findings = Vec::new();
    for found in catalog.roles.values() {
        if let Body::Template(body) = &found.value.body {
            partials(catalog, &found.path, body, &mut findings);
        }
        for skill in &found.value.skills {
            if !catalog.skills.contains_key(skill) && !matches!(found.value.body, Body::Text(_)) {
                let span = place(catalog, &found.path, skill.as_str());
                findings.push(finding(codes::UNKNOWN_SKILL, &found.path, span, format!("there is no skill `{skill}`")));
            }
        }
    }
    for found in catalog.partials.values() {
        partials(catalog, &found.path, &found.value, &mut findings);
    }
    for found in catalog.skills.values() {
        let file = format!("{}/skill.toml", found.path);
        for skill in &found.value.manifest.requires {
            if !catalog.skills.contains_key(skill) {
                let span = place(catalog, &file, skill.as_str());
                let message = format!("it requires the skill `{skill}`, which does not exist");
                findings.push(finding(codes::UNKNOWN_SKILL, &file, span, message));
            }
        }
    }
    catalog.findings.append(&mut findings);
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
            findings.push(finding(codes::UNKNOWN_PARTIAL, file, span, message));
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
