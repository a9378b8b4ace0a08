//! Files that people write, and CEL in them: read, shown, and held against what the schemas say.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use ai_sdlc::catalog::skill::{SkillFile, SkillManifest};
use ai_sdlc::catalog::{Catalog, Places, role, skill};
use ai_sdlc::diagnostic::{self, Finding, Look, Sources, has_errors};
use ai_sdlc::expression::{Expression, Type};
use ai_sdlc::handoff::parse::{Asked, Expect, parse};
use ai_sdlc::mission;
use ai_sdlc::mission::check::Against;
use ai_sdlc::mission::config::ConfigFile;
use ai_sdlc::mission::field::shape::Shape;
use ai_sdlc::mission::file::MissionFile;
use ai_sdlc::mission::load::load as load_typed;
use ai_sdlc::mission::schema::Explained;
use ai_sdlc::mission::spans::Document;
use ai_sdlc::name::{OutputId, RoleName, SkillName};
use ai_sdlc::plan::scenario::{self, Scenario};
use indexmap::IndexMap;

/// Roles and skills that missions can name.
fn catalog() -> &'static Catalog {
    static ONCE: OnceLock<Catalog> = OnceLock::new();
    ONCE.get_or_init(|| Catalog::load(&Places::default()))
}

/// Every way to show findings takes them, wherever they point.
pub(super) fn shown(file: &str, text: &str, findings: &[Finding]) {
    let sources = Sources::from([(file.to_owned(), text.to_owned())]);
    let look = Look { color: false, width: 80, ascii: true };
    assert!(diagnostic::human(findings, &sources, look).len() >= findings.len());
    assert_eq!(diagnostic::short(findings, &sources).lines().count(), findings.len());
    assert_eq!(diagnostic::github(findings, &sources).lines().count(), findings.len());
    assert_eq!(diagnostic::json(findings, &sources)["findings"].as_array().map(Vec::len), Some(findings.len()));
    let log = diagnostic::sarif(findings, &sources, diagnostic::codes::all());
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(findings.len()));
    for finding in findings {
        assert!(finding.span.start <= finding.span.end && finding.span.end <= text.len(), "{finding:?} is outside");
    }
}

/// What the schema takes and what the types take is the same, or a file could pass in an editor and fail here.
/// Returns whether they take it; `None` where it is no TOML.
fn agree<T: Explained>(text: &str) -> Option<bool> {
    let (document, errors) = Document::parse(text);
    let (value, bad_numbers) = document.to_value();
    if !errors.is_empty() || !bad_numbers.is_empty() {
        return None;
    }
    let by_schema = T::explainer().expect("the schema is sound").validator.is_valid(&value);
    let by_types = load_typed::<T>(&value);
    assert_eq!(by_schema, by_types.is_ok(), "schema and types differ: {:?}\n{text}", by_types.err());
    Some(by_schema)
}

/// A mission's file.
pub fn mission(data: &[u8]) -> Option<bool> {
    let text = match mission::read("m.toml", data.to_vec()) {
        Ok(text) => text,
        Err(finding) => {
            shown("m.toml", "", &[*finding]);
            return None;
        }
    };
    let against = Against { catalog: catalog(), agents: &BTreeMap::new(), dir: Path::new("/nonexistent") };
    let loaded = mission::load("m.toml", &text, &against);
    assert_eq!(loaded.mission.is_some(), !has_errors(&loaded.findings), "{text}");
    shown("m.toml", &text, &loaded.findings);
    let fits = agree::<MissionFile>(&text);
    assert!(fits == Some(true) || loaded.mission.is_none(), "what does not fit the schema is loaded:\n{text}");
    fits
}

/// `config.toml`.
pub fn config(data: &[u8]) -> Option<bool> {
    let text = str::from_utf8(data).ok()?;
    let loaded = mission::config::load("c.toml", text);
    assert_eq!(loaded.config.is_some(), !has_errors(&loaded.findings), "{text}");
    shown("c.toml", text, &loaded.findings);
    agree::<ConfigFile>(text)
}

/// A scenario.
pub fn scenario(data: &[u8]) -> Option<bool> {
    let text = str::from_utf8(data).ok()?;
    let loaded = scenario::load("s.toml", text, None);
    assert_eq!(loaded.scenario.is_some(), !has_errors(&loaded.findings), "{text}");
    shown("s.toml", text, &loaded.findings);
    agree::<Scenario>(text)
}

/// A role's file.
pub fn role(data: &[u8]) -> Option<bool> {
    let text = str::from_utf8(data).ok()?;
    let name = RoleName::parse("fuzzed").expect("a good name");
    let (read, findings) = role::read(&name, "r.md", text);
    assert!(read.is_some() || has_errors(&findings), "{text}");
    shown("r.md", text, &findings);
    Some(read.is_some())
}

/// A skill: `SKILL.md`, then a line of `===`, then `skill.toml`.
pub fn skill(data: &[u8]) -> Option<bool> {
    let text = str::from_utf8(data).ok()?;
    let (about, manifest) = text.split_once("\n===\n").unwrap_or((text, ""));
    let name = SkillName::parse("fuzzed").expect("a good name");
    let file = |path: &str, text: &str| SkillFile::new(path.to_owned(), text.as_bytes().to_vec(), false);
    let (read, findings) = skill::read(&name, "s", vec![file("SKILL.md", about), file("skill.toml", manifest)]);
    assert_eq!(read.is_some(), !has_errors(&findings), "{text}");
    for (path, text) in [("s/SKILL.md", about), ("s/skill.toml", manifest)] {
        let own: Vec<Finding> = findings.iter().filter(|finding| finding.file == path).cloned().collect();
        shown(path, text, &own);
    }
    manifest_agrees(manifest)
}

fn manifest_agrees(text: &str) -> Option<bool> {
    static ONCE: OnceLock<jsonschema::Validator> = OnceLock::new();
    let validator = ONCE.get_or_init(|| {
        let schema = serde_json::from_str(&ai_sdlc::catalog::skill_schema()).expect("it is JSON");
        jsonschema::draft7::new(&schema).expect("the schema is sound")
    });
    let (document, errors) = Document::parse(text);
    let (value, bad_numbers) = document.to_value();
    if !errors.is_empty() || !bad_numbers.is_empty() {
        return None;
    }
    let by_schema = validator.is_valid(&value);
    let by_types = toml::from_str::<SkillManifest>(text);
    assert_eq!(by_schema, by_types.is_ok(), "schema and types differ: {:?}\n{text}", by_types.err());
    Some(by_schema)
}

/// What a session leaves.
pub fn handoff(data: &[u8]) -> Option<bool> {
    let text = str::from_utf8(data).ok()?;
    let outputs = IndexMap::from([(OutputId::parse("parts").expect("a good name"), Shape::Object)]);
    let outcomes = [Asked::No, Asked::Yes].map(|verdict| parse(text, &Expect { outputs: &outputs, verdict }));
    Some(outcomes.iter().all(Result::is_ok))
}

/// CEL, in the scope of a task that needs another: it parses, is checked, and comes to something or says why not.
pub fn expression(data: &[u8]) -> Option<bool> {
    let text = str::from_utf8(data).ok()?;
    let inside = |offset: usize| assert!(text.is_char_boundary(offset), "{offset} is no place in {text}");
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            inside(error.offset);
            return None;
        }
    };
    expression.uses().iter().for_each(|used| inside(used.offset));
    let scope = serde_json::json!({
        "inputs": { "level": "high", "count": 3, "names": ["a", "b"] },
        "tasks": { "plan": { "status": "succeeded", "outputs": { "parts": [{ "name": "a", "risk": 2 }], "done": true } } },
    });
    let part = [("name", Type::text()), ("risk", Type::Int)];
    let outputs = [("parts", Type::list(Type::object(part))), ("done", Type::Bool)];
    let plan = [("status", Type::one_of(["succeeded", "failed"])), ("outputs", Type::object(outputs))];
    let inputs = [("level", Type::text()), ("count", Type::Int), ("names", Type::list(Type::text()))];
    let types =
        Type::object([("inputs", Type::object(inputs)), ("tasks", Type::object([("plan", Type::object(plan))]))]);
    let checked = expression.check(&types);
    for problem in checked.as_ref().err().into_iter().flatten() {
        inside(problem.offset);
        inside(problem.end);
        assert!(problem.offset <= problem.end, "{problem:?} in {text}");
    }
    let first = expression.evaluate(&scope);
    assert_eq!(first.as_ref().ok(), expression.evaluate(&scope).as_ref().ok(), "the same scope, another value: {text}");
    Some(checked.is_ok())
}
