//! `skill.toml` read key by key, so that each mistake is told, at its place and with what to write instead.

use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::codes;
use super::skill::{SkillFile, SkillManifest};
use crate::diagnostic::nearest::{listed, nearest};
use crate::diagnostic::{ByteSpan, Finding};
use crate::name::SkillName;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    Texts,
    Skills,
    Flag,
    Seconds,
    Table,
}

/// The keys of the file, with what each takes.
const KEYS: [(&str, Shape); 13] = [
    ("version", Shape::Text),
    ("category", Shape::Text),
    ("tags", Shape::Texts),
    ("words", Shape::Texts),
    ("triggers", Shape::Texts),
    ("requires", Shape::Skills),
    ("conflicts", Shape::Skills),
    ("enhanced_by", Shape::Skills),
    ("side_effects", Shape::Flag),
    ("idempotent", Shape::Flag),
    ("requires_confirmation", Shape::Flag),
    ("handler", Shape::Table),
    ("parameters", Shape::Table),
];

/// Those of `[handler]`.
const HANDLER: [(&str, Shape); 2] = [("command", Shape::Texts), ("timeout_s", Shape::Seconds)];

/// The types that a JSON Schema knows.
const TYPES: [&str; 7] = ["string", "integer", "number", "boolean", "array", "object", "null"];

/// Reads the text of `skill.toml`, a file of this folder beside these files.
pub(super) fn read(folder: &str, text: &str, files: &[SkillFile]) -> (SkillManifest, Vec<Finding>) {
    let mut reader = Reader { file: format!("{folder}/skill.toml"), text, findings: Vec::new() };
    let manifest = match DeTable::parse(text) {
        Ok(table) => {
            reader.keys(table.get_ref(), &KEYS, "");
            if let Some(DeValue::Table(handler)) = table.get_ref().get("handler").map(Spanned::get_ref) {
                reader.keys(handler, &HANDLER, "handler.");
                if handler.get("command").is_none() {
                    let at = place(table.get_ref(), ["handler"]);
                    reader.tell(
                        at,
                        "`handler` has no `command`",
                        Some("add `command = [\"sh\", \"./run.sh\"]`".to_owned()),
                    );
                }
            }
            reader.whole(folder, table.get_ref(), files)
        }
        Err(error) => {
            reader.refused(&error);
            None
        }
    };
    (manifest.unwrap_or_default(), reader.findings)
}

struct Reader<'t> {
    file: String,
    text: &'t str,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn tell(&mut self, span: ByteSpan, message: impl Into<String>, help: Option<String>) {
        let mut finding = Finding::error(codes::WRONG_VALUE, &self.file, span, message);
        finding.help = help;
        self.findings.push(finding);
    }

    fn refused(&mut self, error: &toml::de::Error) {
        let span = error.span().as_ref().map_or_else(ByteSpan::default, bytes);
        self.tell(span, error.message().lines().next().unwrap_or("not valid"), None);
    }

    /// Each key of a table is known, and holds what it takes.
    fn keys(&mut self, table: &DeTable<'_>, known: &[(&str, Shape)], above: &str) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name = key.get_ref().as_ref();
            match known.iter().find(|(known, _)| *known == name) {
                Some((_, Shape::Skills)) if fits(value, Shape::Skills) => self.skills(name, value),
                Some((_, shape)) if !fits(value, *shape) => self.misfit(&format!("{above}{name}"), value, *shape),
                Some(_) => {}
                None => {
                    let names = || known.iter().map(|(name, _)| *name);
                    let help = if above.is_empty() && HANDLER.iter().any(|(inner, _)| *inner == name) {
                        format!("`{name}` stands below `[handler]`")
                    } else if let Some(meant) = nearest(name, names()) {
                        format!("did you mean `{meant}`?")
                    } else {
                        let names: Vec<String> = names().map(|name| format!("`{name}`")).collect();
                        format!("the keys here are {}", names.join(", "))
                    };
                    self.tell(bytes(&key.span()), format!("unknown key `{above}{name}`"), Some(help));
                }
            }
        }
    }

    fn misfit(&mut self, path: &str, value: &Spanned<DeValue<'_>>, shape: Shape) {
        let key = path.rsplit('.').next().unwrap_or(path);
        let span = bytes(&value.span());
        let written = self.text.get(span.start..span.end).unwrap_or_default();
        let said = match value.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let (wanted, example) = match (shape, said) {
            (Shape::Text, _) if matches!(value.get_ref(), DeValue::Array(_) | DeValue::Table(_)) => {
                ("a text", "\"…\"".to_owned())
            }
            (Shape::Text, _) => ("a text", format!("\"{written}\"")),
            (Shape::Texts, Some(text)) if key == "command" => {
                let parts: Vec<String> = text.split_whitespace().map(|part| format!("{part:?}")).collect();
                ("a list: the program and its arguments", format!("[{}]", parts.join(", ")))
            }
            (Shape::Texts | Shape::Skills, Some(_)) => ("a list of texts", format!("[{written}]")),
            (Shape::Texts | Shape::Skills, None) => ("a list of texts", "[\"…\", \"…\"]".to_owned()),
            (Shape::Flag, _) => ("`true` or `false`", "true".to_owned()),
            (Shape::Seconds, said) => ("a whole number of seconds", said.and_then(seconds).unwrap_or(60).to_string()),
            (Shape::Table, _) => {
                self.tell(
                    span,
                    format!("`{path}` must be a table"),
                    Some(format!("write `[{path}]`, and its keys below it")),
                );
                return;
            }
        };
        self.tell(span, format!("`{path}` must be {wanted}"), Some(format!("write `{key} = {example}`")));
    }

    fn skills(&mut self, key: &str, value: &Spanned<DeValue<'_>>) {
        let DeValue::Array(list) = value.get_ref() else { return };
        for item in list {
            if let DeValue::String(name) = item.get_ref()
                && let Err(bad) = SkillName::parse(name)
            {
                self.tell(bytes(&item.span()), format!("`{key}`: {bad}"), None);
            }
        }
    }

    /// The manifest as it is used, where each key is right by itself.
    fn whole(&mut self, folder: &str, table: &DeTable<'_>, files: &[SkillFile]) -> Option<SkillManifest> {
        if !self.findings.is_empty() {
            return None;
        }
        let manifest: SkillManifest = match toml::from_str(self.text) {
            Ok(manifest) => manifest,
            Err(error) => {
                self.refused(&error);
                return None;
            }
        };
        if let Some(schema) = &manifest.parameters {
            self.schema(table, schema);
        }
        let Some(handler) = &manifest.handler else { return Some(manifest) };
        let at = place(table, ["handler", "command"]);
        if handler.command.first().is_none_or(String::is_empty) {
            self.tell(
                at,
                "`handler.command` names no program",
                Some("write `command = [\"sh\", \"./run.sh\"]`".to_owned()),
            );
        }
        if handler.timeout_s == 0 {
            let at = place(table, ["handler", "timeout_s"]);
            self.tell(
                at,
                "`handler.timeout_s` is no time at all",
                Some("write `timeout_s = 60`, or leave it out".to_owned()),
            );
        }
        for path in handler.command.iter().filter_map(|part| part.strip_prefix("./")) {
            if !files.iter().any(|file| file.path == path) {
                let message = format!("`handler.command` names `./{path}`, which is no file of the skill");
                self.tell(at, message, Some(format!("add `{folder}/{path}`, or mend `command`")));
            }
        }
        Some(manifest)
    }

    /// The parameters are a JSON Schema that something can fit.
    fn schema(&mut self, table: &DeTable<'_>, schema: &Value) {
        if let Err(error) = jsonschema::options().offline().build(schema) {
            let pointer = error.instance_path().to_string();
            let parts: Vec<&str> = pointer.split('/').filter(|part| !part.is_empty()).collect();
            let at = place(table, ["parameters"].into_iter().chain(parts.iter().copied()));
            let path = [&["parameters"], parts.as_slice()].concat().join(".");
            let given = schema.pointer(&pointer).and_then(Value::as_str);
            if let Some(given) = given.filter(|_| parts.last() == Some(&"type")) {
                let meant = TYPES.into_iter().find(|known| known.starts_with(given)).or_else(|| nearest(given, TYPES));
                let help = meant.map(|meant| format!("did you mean `{meant}`?"));
                self.tell(at, format!("`{path}`: `{given}` is none of {}", listed(TYPES)), help);
            } else {
                self.tell(at, format!("`{path}` is not valid in a JSON Schema: {error}"), None);
            }
            return;
        }
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) || schema.get("patternProperties").is_some()
        {
            return;
        }
        let has = |name: &str| schema.get("properties").and_then(|properties| properties.get(name)).is_some();
        for (index, name) in schema.get("required").and_then(Value::as_array).into_iter().flatten().enumerate() {
            if let Some(name) = name.as_str().filter(|name| !has(name)) {
                let at = place(table, ["parameters", "required", index.to_string().as_str()]);
                let message = format!("`parameters`: `{name}` is required and may not be given, so nothing fits");
                let help = format!("add `{name}` to `properties`, or take it out of `required`");
                self.tell(at, message, Some(help));
            }
        }
    }
}

fn fits(value: &Spanned<DeValue<'_>>, shape: Shape) -> bool {
    let text = |value: &DeValue<'_>| matches!(value, DeValue::String(_));
    match (shape, value.get_ref()) {
        (Shape::Texts | Shape::Skills, DeValue::Array(list)) => list.iter().all(|item| text(item.get_ref())),
        (Shape::Seconds, DeValue::Integer(number)) => u32::from_str_radix(number.as_str(), number.radix()).is_ok(),
        (Shape::Seconds, DeValue::Float(number)) => number
            .as_str()
            .parse::<f64>()
            .is_ok_and(|number| number >= 0.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX)),
        (Shape::Text, value) => text(value),
        (Shape::Flag, value) => matches!(value, DeValue::Boolean(_)),
        (Shape::Table, value) => matches!(value, DeValue::Table(_)),
        (Shape::Texts | Shape::Skills | Shape::Seconds, _) => false,
    }
}

/// The seconds that somebody meant with `10s`, `2m` or `1h`.
fn seconds(text: &str) -> Option<u32> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let times = match unit.trim() {
        "" | "s" | "sec" | "seconds" => 1,
        "m" | "min" | "minutes" => 60,
        "h" | "hours" => 3600,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(times)
}

/// Where the value of these keys stands, or else that of the last of them that there is.
fn place<'k>(table: &DeTable<'_>, keys: impl IntoIterator<Item = &'k str>) -> ByteSpan {
    let mut keys = keys.into_iter();
    let Some(mut found) = keys.next().and_then(|key| table.get(key)) else { return ByteSpan::default() };
    for key in keys {
        let next = match found.get_ref() {
            DeValue::Table(table) => table.get(key),
            DeValue::Array(list) => key.parse::<usize>().ok().and_then(|at| list.get(at)),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => None,
        };
        let Some(next) = next else { break };
        found = next;
    }
    bytes(&found.span())
}

fn bytes(range: &Range<usize>) -> ByteSpan {
    ByteSpan { start: range.start, end: range.end }
}
