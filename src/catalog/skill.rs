//! Skills: a folder with a `SKILL.md` of the open Agent Skills standard, and beside it what that has no field for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::codes;
use super::front::Front;
use crate::diagnostic::{ByteSpan, Finding, Severity};
use crate::name::SkillName;

/// A skill as its folder says it.
#[derive(Debug, Clone, PartialEq)]
pub struct SkillFolder {
    /// Its name: that of the folder.
    pub name: SkillName,
    /// When to use it.
    pub description: String,
    /// What stands beside it.
    pub manifest: SkillManifest,
    /// All its files.
    pub files: Vec<SkillFile>,
}

/// One file of a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillFile {
    /// Path within the skill's folder, `/` between parts.
    pub path: String,
    /// Its text; a file that is no UTF-8 is refused when the skill is loaded.
    pub text: String,
    /// Whether it may be run.
    #[serde(default)]
    pub executable: bool,
}

/// `skill.toml`: what the standard has no field for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Skill")]
pub struct SkillManifest {
    /// Version of the skill.
    #[schemars(example = &"1.2.0")]
    pub version: String,
    /// What it is about, one word.
    #[schemars(example = &"testing")]
    pub category: String,
    /// Words it is found by.
    #[schemars(example = ["tests", "ci"])]
    pub tags: Vec<String>,
    /// 5 to 10 phrases that call for it.
    #[schemars(example = ["run the tests", "why does this test fail"])]
    pub triggers: Vec<String>,
    /// Skills that come with it.
    #[schemars(example = ["project-detection"])]
    pub requires: Vec<SkillName>,
    /// Skills that cannot be together with it.
    #[schemars(example = ["speed-first"])]
    pub conflicts: Vec<SkillName>,
    /// Skills that go well with it.
    #[schemars(example = ["reading-failures"])]
    pub enhanced_by: Vec<SkillName>,
    /// Whether using it changes anything outside the conversation.
    pub side_effects: bool,
    /// Whether using it twice is as using it once.
    pub idempotent: bool,
    /// Whether a person should be asked before it is used.
    pub requires_confirmation: bool,
    /// The command that runs it; left out: it is only read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handler: Option<Handler>,
    /// JSON Schema of what the handler is given; left out: any object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, Value>>", example = serde_json::json!({ "properties": { "path": { "type": "string" } }, "required": ["path"] }))]
    pub parameters: Option<Value>,
}

/// What runs a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Handler {
    /// Program and arguments. What begins with `./` lies in the skill's folder.
    #[schemars(example = ["sh", "./scripts/run.sh"])]
    pub command: Vec<String>,
    /// How long it may take, in seconds.
    #[serde(default = "ten_minutes")]
    #[schemars(example = 60)]
    pub timeout_s: u32,
}

fn ten_minutes() -> u32 {
    600
}

/// Reads a skill out of its files. `folder` is its path as people see it.
pub fn read(name: &SkillName, folder: &str, files: Vec<SkillFile>) -> (Option<SkillFolder>, Vec<Finding>) {
    let mut findings = Vec::new();
    let text_of = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    let description = if let Some(text) = text_of("SKILL.md") {
        describe(name, &format!("{folder}/SKILL.md"), text, &mut findings)
    } else {
        findings.push(finding(folder, ByteSpan::default(), "there is no `SKILL.md` in it".to_owned()));
        String::new()
    };
    let manifest = match text_of("skill.toml").map(toml::from_str::<SkillManifest>) {
        None => SkillManifest::default(),
        Some(Ok(manifest)) => manifest,
        Some(Err(error)) => {
            let span =
                error.span().map_or_else(ByteSpan::default, |span| ByteSpan { start: span.start, end: span.end });
            let message = error.message().lines().next().unwrap_or("not valid").to_owned();
            findings.push(finding(&format!("{folder}/skill.toml"), span, message));
            SkillManifest::default()
        }
    };
    if let Err(message) = runnable(&manifest, &files) {
        findings.push(finding(&format!("{folder}/skill.toml"), ByteSpan::default(), message));
    }
    let broken = findings.iter().any(|finding| finding.severity == Severity::Error);
    ((!broken).then(|| SkillFolder { name: name.clone(), description, manifest, files }), findings)
}

/// Whether what should run it can be run.
fn runnable(manifest: &SkillManifest, files: &[SkillFile]) -> Result<(), String> {
    if let Some(schema) = &manifest.parameters {
        jsonschema::options()
            .offline()
            .build(schema)
            .map_err(|error| format!("`parameters` is not a valid JSON Schema: {error}"))?;
    }
    let Some(handler) = &manifest.handler else { return Ok(()) };
    if handler.command.first().is_none_or(String::is_empty) {
        return Err("`handler.command` names no program".to_owned());
    }
    if handler.timeout_s == 0 {
        return Err("`handler.timeout_s` is no time at all".to_owned());
    }
    let own = handler.command.iter().filter_map(|part| part.strip_prefix("./"));
    match own.into_iter().find(|path| !files.iter().any(|file| file.path == *path)) {
        Some(path) => Err(format!("`handler.command` names `./{path}`, which is no file of the skill")),
        None => Ok(()),
    }
}

fn describe(name: &SkillName, file: &str, text: &str, findings: &mut Vec<Finding>) -> String {
    let mut front = Front::read(file, text);
    let mut description = String::new();
    if front.findings.is_empty() {
        front.only(&["name", "description", "license", "compatibility", "metadata", "allowed-tools"]);
        description = front.required("description");
        let given = front.required("name");
        if !given.is_empty() && given != name.as_str() {
            let span = front.key_span("name");
            let message = format!("the standard wants the name of the folder, `{name}`, not `{given}`");
            front.note(codes::WRONG_VALUE, Severity::Warning, span, message);
        }
    }
    findings.append(&mut front.findings);
    description
}

pub(super) fn finding(file: &str, span: ByteSpan, message: String) -> Finding {
    Finding {
        code: codes::WRONG_VALUE,
        severity: Severity::Error,
        message,
        file: file.to_owned(),
        span,
        help: None,
        related: Vec::new(),
    }
}
