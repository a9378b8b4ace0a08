//! The reference of the files that people write: every key with its type, its default and an example, made of the
//! published schemas.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::cli::reference::kind::{Root, properties};

/// How a file writes its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    Toml,
    Yaml,
}

/// A page of the reference.
#[derive(Debug)]
pub(super) struct Page {
    /// Name of the page and of the schema.
    pub(super) name: &'static str,
    pub(super) heading: &'static str,
    pub(super) introduction: &'static str,
    pub(super) notation: Notation,
    pub(super) schema: fn() -> String,
}

impl Page {
    /// The page: a section for each table, a paragraph for each key.
    pub(super) fn text(&self) -> String {
        let schema: Value = serde_json::from_str(&(self.schema)()).unwrap_or_default();
        let Self { name, heading, introduction, .. } = self;
        let mut text = format!(
            "# {heading}\n\n{introduction}\n\nMade of the program's own types; `ai-sdlc schema {name}` prints them as JSON Schema.\n"
        );
        for table in tables(&schema) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n## {}\n", table.heading(self.notation));
            if let Some(about) = table.about() {
                let _ = write!(text, "\n{about}\n");
            }
            for key in table.keys() {
                text.push_str(&key.text(self.notation));
            }
        }
        text
    }
}

/// A table of a file.
#[derive(Debug)]
pub(super) struct Table<'s> {
    /// The keys that lead to it; empty for the file itself.
    pub(super) path: String,
    schema: &'s Map<String, Value>,
    root: Root<'s>,
}

/// A key of a table.
#[derive(Debug)]
pub(super) struct Key<'s> {
    /// The keys that lead to it, itself included.
    pub(super) path: String,
    name: &'s str,
    schema: &'s Map<String, Value>,
    required: bool,
    root: Root<'s>,
}

/// Every table of a file, each once: where two keys take the same, at the first of them.
pub(super) fn tables(schema: &Value) -> Vec<Table<'_>> {
    let root = Root(schema);
    let mut found = Vec::new();
    let mut seen: BTreeSet<*const Map<String, Value>> = BTreeSet::new();
    let mut waiting: VecDeque<(String, &Map<String, Value>)> =
        schema.as_object().map(|whole| (String::new(), whole)).into_iter().collect();
    while let Some((path, schema)) = waiting.pop_front() {
        if !seen.insert(schema) {
            continue;
        }
        for (name, property) in properties(schema) {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            waiting.extend(root.below(&path, property));
        }
        found.push(Table { path, schema, root });
    }
    found
}

impl<'s> Table<'s> {
    fn heading(&self, notation: Notation) -> String {
        match (self.path.as_str(), notation) {
            ("", _) => "Keys".to_owned(),
            (path, Notation::Toml) if path.ends_with("[]") => format!("`[[{}]]`", path.replace("[]", "")),
            (path, Notation::Toml) => format!("`[{}]`", path.replace("[]", "")),
            (path, Notation::Yaml) => format!("`{path}`"),
        }
    }

    fn about(&self) -> Option<&'s str> {
        if self.path.is_empty() { None } else { self.schema.get("description")?.as_str() }
    }

    /// Its keys in the order in which the types have them.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'s>> {
        let required = self.schema.get("required").and_then(Value::as_array);
        let (root, path) = (self.root, self.path.clone());
        properties(self.schema).map(move |(name, schema)| Key {
            path: if path.is_empty() { name.clone() } else { format!("{path}.{name}") },
            name,
            schema,
            required: required.is_some_and(|required| required.iter().any(|key| key == name)),
            root,
        })
    }
}

impl Key<'_> {
    fn text(&self, notation: Notation) -> String {
        let about = self.schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let mut text = format!("\n### `{}`\n\n{about}\n\n- Type: {}\n", self.path, self.root.kind(self.schema));
        for (word, meaning) in self.root.words(self.schema) {
            let _ = writeln!(text, "  - `{word}`: {meaning}");
        }
        let default = match self.default() {
            _ if self.required => "none: it must be given".to_owned(),
            Some(default) => format!("`{}`", written(default, notation)),
            None => "none".to_owned(),
        };
        let _ = writeln!(text, "- Default: {default}");
        if let Some(example) = self.example() {
            let sign = if notation == Notation::Toml { " = " } else { ": " };
            let _ = writeln!(text, "- Example: `{}{sign}{}`", self.name, written(&example, notation));
        }
        text
    }

    /// What leaving it out means.
    pub(super) fn default(&self) -> Option<&Value> {
        self.schema.get("default")
    }

    /// What it can be: as the type says, or one of the words that it takes; none for a table, whose keys have theirs.
    pub(super) fn example(&self) -> Option<Value> {
        self.root.example(self.schema, self.default())
    }
}

/// A value as a file has it.
fn written(value: &Value, notation: Notation) -> String {
    match (value, notation) {
        (Value::Object(map), Notation::Toml) => {
            let pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{key} = {}", written(value, notation))).collect();
            if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
        }
        (Value::Array(list), _) => {
            format!("[{}]", list.iter().map(|value| written(value, notation)).collect::<Vec<_>>().join(", "))
        }
        (Value::String(text), Notation::Yaml) if is_plain(text) => text.clone(),
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_), _) => value.to_string(),
    }
}

/// Whether YAML reads it as text without quotes.
fn is_plain(text: &str) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || " -_/.".contains(letter);
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.chars().all(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::reference::PAGES;

    /// What is wrong with the keys of a page.
    fn wrong(page: &Page) -> Vec<String> {
        let schema: Value = serde_json::from_str(&(page.schema)()).unwrap();
        let mut wrong = Vec::new();
        for table in tables(&schema) {
            for key in table.keys() {
                let mut own = Value::Object(key.schema.clone());
                own["definitions"] = schema.get("definitions").cloned().unwrap_or_else(|| serde_json::json!({}));
                let validator = jsonschema::draft7::new(&own).unwrap();
                let is_table = !key.root.below("", key.schema).is_empty();
                match key.example() {
                    Some(example) if validator.is_valid(&example) => {}
                    Some(example) => wrong.push(format!("{} of {}: {example} does not fit", key.path, page.name)),
                    None if is_table => {}
                    None => wrong.push(format!("{} of {} has no example", key.path, page.name)),
                }
                if key.default().is_some_and(|default| !validator.is_valid(default)) {
                    wrong.push(format!("{} of {}: its default does not fit", key.path, page.name));
                }
                if key.schema.get("description").is_none_or(|about| about == "") {
                    wrong.push(format!("{} of {} is not described", key.path, page.name));
                }
            }
        }
        wrong
    }

    #[test]
    fn every_key_is_described_and_has_an_example_that_fits() {
        let wrong: Vec<String> = PAGES.iter().flat_map(wrong).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
