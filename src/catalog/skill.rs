//! Skills: a folder with a `SKILL.md` of the open Agent Skills standard, and beside it what that has no field for.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::front::Front;
use super::{codes, hexadecimal, manifest};
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
    /// Its text; of a file that is none, such as a picture, its bytes as hexadecimal digits.
    pub text: String,
    /// Whether it may be run.
    #[serde(default)]
    pub executable: bool,
    /// Whether it is no text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub binary: bool,
}

impl SkillFile {
    /// A file with this content.
    pub fn new(path: String, bytes: Vec<u8>, executable: bool) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self { path, text, executable, binary: false },
            Err(error) => Self { path, text: hexadecimal(error.as_bytes()), executable, binary: true },
        }
    }

    /// Its content.
    pub fn bytes(&self) -> Vec<u8> {
        if !self.binary {
            return self.text.clone().into_bytes();
        }
        let digits = self.text.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
        digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
    }
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
    /// Words it is found by; two of them, or of its name and category, call for it.
    #[schemars(example = ["tests", "ci"])]
    pub tags: Vec<String>,
    /// More words that texts say for which it serves, single ones: it is found by them too, but they do not call for it.
    #[schemars(example = ["suite", "green", "red"])]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
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
    #[serde(default = "ten_minutes", deserialize_with = "whole")]
    #[schemars(example = 60)]
    pub timeout_s: u32,
}

fn ten_minutes() -> u32 {
    600
}

/// A number without a fraction counts as whole, `3.0` too, as JSON Schema has it.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&number) {
        return Err(D::Error::custom(format!("{number} is no whole number of seconds")));
    }
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and in range"
    )]
    Ok(number as u32)
}

/// Reads a skill out of its files. `folder` is its path as people see it.
pub fn read(name: &SkillName, folder: &str, files: Vec<SkillFile>) -> (Option<SkillFolder>, Vec<Finding>) {
    let mut findings = Vec::new();
    let text_of = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    let description = if let Some(text) = text_of("SKILL.md") {
        describe(name, &format!("{folder}/SKILL.md"), text, &mut findings)
    } else {
        findings.push(missing(folder, &files));
        String::new()
    };
    let (manifest, mut mistakes) = match text_of("skill.toml") {
        Some(text) => manifest::read(folder, text, &files),
        None => (SkillManifest::default(), Vec::new()),
    };
    findings.append(&mut mistakes);
    let broken = findings.iter().any(|finding| finding.severity == Severity::Error);
    ((!broken).then(|| SkillFolder { name: name.clone(), description, manifest, files }), findings)
}

/// That there is no `SKILL.md`: it may be called otherwise.
fn missing(folder: &str, files: &[SkillFile]) -> Finding {
    let other = files.iter().find(|file| file.path.eq_ignore_ascii_case("SKILL.md"));
    let (message, help) = match other {
        Some(file) => (
            format!("there is `{folder}/{}`: it must be called `SKILL.md`", file.path),
            format!("rename it: `mv {folder}/{} {folder}/SKILL.md`", file.path),
        ),
        None => (
            "there is no `SKILL.md` in it".to_owned(),
            format!("add `{folder}/SKILL.md`; `ai-sdlc skill new` makes one to begin with"),
        ),
    };
    Finding::error(codes::WRONG_VALUE, folder, ByteSpan::default(), message).with_help(help)
}

fn describe(name: &SkillName, file: &str, text: &str, findings: &mut Vec<Finding>) -> String {
    let mut front = Front::read(file, text);
    let mut description = String::new();
    if front.is_broken() {
        // Other tools write and read descriptions that are no YAML, such as `Use this when: …`.
        let keys = front.by_lines();
        if keys.contains_key("name") && keys.contains_key("description") {
            front.take(keys);
        }
    }
    if !front.is_broken() {
        front.only(&["name", "description", "license", "compatibility", "metadata", "allowed-tools"]);
        description = front.required("description", "what it teaches. Use when …");
        let given = front.required("name", name.as_str());
        if !given.is_empty() && given != name.as_str() {
            let span = front.key_span("name");
            let message = format!("the standard wants the name of the folder, `{name}`, not `{given}`");
            let help = format!("write `name: {name}`, or rename the folder");
            front.note(codes::WRONG_VALUE, Severity::Warning, span, message).help(help);
        }
    }
    findings.append(&mut front.findings);
    description
}
