//! What a schema refuses, in words for people: the validator's errors, one for each mistake.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kinds of errors are another crate's; those that our schemas cannot raise share one answer"
)]

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::{Value, json};

use crate::diagnostic::nearest::{listed, nearest};
use crate::diagnostic::{Code, Finding, codes};
use crate::mission::field::shape::type_of;
use crate::mission::schema::Explainer;
use crate::mission::spans::{Document, escape, unescape};

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Misfit {
    /// Of what does not fit, or of the table that lacks something.
    pub pointer: String,
    /// How the rest can be read in spite of it.
    pub cure: Cure,
    /// The key that is missing, where that is what does not fit.
    missing: Option<String>,
    code: Code,
    message: String,
    help: Option<String>,
    at: At,
}

/// Which part of a value the caret goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Key,
    Value,
}

/// How the rest of a file can be read in spite of a misfit.
#[derive(Debug, Clone, PartialEq)]
pub enum Cure {
    /// Without it.
    LeaveOut,
    /// A misspelt key, as if it were this one.
    TakeAs(String),
    /// A missing key, as if it were this value.
    Supply(String, Value),
}

impl Misfit {
    /// As a finding.
    pub fn finding(&self, file: &str, document: &Document<'_>) -> Finding {
        let spot = document.spot(&self.pointer);
        let span = match self.at {
            At::Key => spot.name(),
            At::Value => spot.value,
        };
        let finding = Finding::error(self.code, file, span, self.message.clone());
        match &self.help {
            Some(help) => finding.with_help(help.clone()),
            None => finding,
        }
    }
}

/// Everything that does not fit, one for each place.
pub fn misfits(explainer: &Explainer, value: &Value) -> Vec<Misfit> {
    let mut found = Vec::new();
    for error in explainer.validator.iter_errors(value) {
        explain(explainer, &error, value, &mut found);
    }
    one_a_place(found)
}

/// A missing key that is there misspelt is one mistake; so are two errors about the same value.
fn one_a_place(found: Vec<Misfit>) -> Vec<Misfit> {
    let meant: BTreeSet<String> = found
        .iter()
        .filter_map(|misfit| match &misfit.cure {
            Cure::TakeAs(key) => misfit.pointer.rsplit_once('/').map(|(parent, _)| format!("{parent}/{key}")),
            Cure::LeaveOut | Cure::Supply(..) => None,
        })
        .collect();
    let mut places = BTreeMap::new();
    for misfit in found {
        let place = match &misfit.missing {
            Some(key) => format!("{}/{}", misfit.pointer, escape(key)),
            None => misfit.pointer.clone(),
        };
        if misfit.missing.is_none() || !meant.contains(&place) {
            places.entry(place).or_insert(misfit);
        }
    }
    places.into_values().collect()
}

fn explain(explainer: &Explainer, error: &ValidationError<'_>, root: &Value, found: &mut Vec<Misfit>) {
    let pointer = error.instance_path().to_string();
    let schema = schema_around(explainer, error);
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            let present = root.pointer(&pointer);
            found.extend(unexpected.iter().map(|key| unknown_key(&pointer, key, schema, present)));
        }
        Kind::Required { property } => {
            found.push(missing_key(&pointer, property.as_str().unwrap_or_default()));
        }
        Kind::PropertyNames { error } => {
            let key = error.instance().as_str().unwrap_or_default();
            let pointer = format!("{pointer}/{}", escape(key));
            // The error may name the keyword, or the one inside it that refused.
            let hint = hint(schema).or_else(|| hint(schema?.get("propertyNames")));
            found.push(refused(pointer, codes::BAD_NAME, format!("`{key}` is no valid name here"), hint, At::Key));
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } | Kind::OneOfMultipleValid { context } => {
            branches(explainer, error, context, root, found);
        }
        kind => found.push(plain(kind, error.instance(), pointer, schema)),
    }
}

/// The schema object that holds the keyword which refused.
fn schema_around<'e>(explainer: &'e Explainer, error: &ValidationError<'_>) -> Option<&'e Value> {
    let path = error.schema_path().to_string();
    let (around, _) = path.rsplit_once('/')?;
    explainer.schema.pointer(around)
}

fn hint(schema: Option<&Value>) -> Option<String> {
    schema?.get("x-hint")?.as_str().map(str::to_owned)
}

fn unknown_key(pointer: &str, key: &str, schema: Option<&Value>, present: Option<&Value>) -> Misfit {
    let known: Vec<&str> = schema
        .and_then(|schema| schema.get("properties")?.as_object())
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let close = nearest(key, known.iter().copied());
    let is_there = |name: &str| present.is_some_and(|table| table.get(name).is_some());
    let message = match place_name(pointer) {
        Some(place) => format!("unknown key `{key}` in {place}"),
        None => format!("unknown key `{key}`"),
    };
    let help = match close {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the keys here are {}", listed(known.iter().copied())),
    };
    Misfit {
        pointer: format!("{pointer}/{}", escape(key)),
        cure: close.filter(|name| !is_there(name)).map_or(Cure::LeaveOut, |name| Cure::TakeAs(name.to_owned())),
        missing: None,
        code: codes::UNKNOWN_KEY,
        message,
        help: Some(help),
        at: At::Key,
    }
}

fn missing_key(pointer: &str, key: &str) -> Misfit {
    let supplied = match key {
        "mission" => json!({ "name": "unnamed" }),
        "name" => json!("unnamed"),
        "tasks" => json!({}),
        "from" | "inputs" => json!([]),
        "on" => json!(["finished"]),
        _ => Value::Null,
    };
    let message = match place_name(pointer) {
        Some(place) => format!("{place} lacks `{key}`"),
        None => format!("`{key}` is missing"),
    };
    let help = match key {
        "mission" => "add `[mission]` with `name = \"…\"`".to_owned(),
        "tasks" => "add at least one `[tasks.<id>]`".to_owned(),
        _ => format!("add `{key} = …`"),
    };
    let cure = if supplied.is_null() { Cure::LeaveOut } else { Cure::Supply(key.to_owned(), supplied) };
    Misfit {
        pointer: pointer.to_owned(),
        cure,
        missing: Some(key.to_owned()),
        code: codes::MISSING_KEY,
        message,
        help: Some(help),
        at: At::Key,
    }
}

fn refused(pointer: String, code: Code, message: String, help: Option<String>, at: At) -> Misfit {
    Misfit { pointer, cure: Cure::LeaveOut, missing: None, code, message, help, at }
}

/// A choice of schemas: words to choose from, or the branch that is of the value's own type.
fn branches(
    explainer: &Explainer,
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
    root: &Value,
    found: &mut Vec<Misfit>,
) {
    let pointer = error.instance_path().to_string();
    let hint = hint(schema_around(explainer, error));
    let own_type = context.iter().find(|branch| {
        !branch.is_empty()
            && branch.iter().all(|inner| !is_about_type(inner) || inner.instance_path() != error.instance_path())
            && branch.iter().any(|inner| !matches!(inner.kind(), Kind::Constant { .. } | Kind::Enum { .. }))
    });
    if let Some(branch) = own_type {
        for inner in branch {
            explain(explainer, inner, root, found);
        }
        return;
    }
    let options: Vec<String> = context.iter().flatten().flat_map(options_of).collect();
    found.push(choice(pointer, error.instance(), &options, hint));
}

fn is_about_type(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), Kind::Type { .. })
}

fn options_of(error: &ValidationError<'_>) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match error.kind() {
        Kind::Constant { expected_value } => text(expected_value).into_iter().collect(),
        Kind::Enum { options } => options.as_array().into_iter().flatten().filter_map(text).collect(),
        _ => Vec::new(),
    }
}

fn choice(pointer: String, given: &Value, options: &[String], hint: Option<String>) -> Misfit {
    let name = value_name(&pointer);
    let all = || listed(options.iter().map(String::as_str));
    let Some(word) = given.as_str() else {
        let message = match &hint {
            Some(_) => format!("{name} cannot be {}", type_of(given)),
            None => format!("{name} must be one of {}, not {}", all(), type_of(given)),
        };
        return refused(pointer, codes::WRONG_TYPE, message, hint, At::Value);
    };
    let message = format!("{name} cannot be `{word}`");
    let help = match nearest(word, options.iter().map(String::as_str)) {
        Some(close) => format!("did you mean `{close}`?"),
        None => hint.unwrap_or_else(|| format!("it can be one of {}", all())),
    };
    refused(pointer, codes::WRONG_VALUE, message, Some(help), At::Value)
}

fn plain(kind: &Kind, given: &Value, pointer: String, schema: Option<&Value>) -> Misfit {
    let name = value_name(&pointer);
    let hint = hint(schema).or_else(|| how(kind, schema));
    let value = |code, message: String| refused(pointer.clone(), code, message, hint.clone(), At::Value);
    match kind {
        Kind::Type { .. } => {
            let wanted = schema.and_then(|schema| schema.get("type")).map_or_else(String::new, wanted_type);
            value(codes::WRONG_TYPE, format!("{name} must be {wanted}, not {}", type_of(given)))
        }
        Kind::Pattern { .. } | Kind::MaxLength { .. } => {
            value(codes::BAD_NAME, format!("{name} cannot be {}", shown(given)))
        }
        Kind::Minimum { limit } => {
            value(codes::OUT_OF_RANGE, format!("{name} must be at least {}, not {given}", plain_number(limit)))
        }
        Kind::Maximum { limit } => {
            value(codes::OUT_OF_RANGE, format!("{name} must be at most {}, not {given}", plain_number(limit)))
        }
        Kind::Enum { options } => {
            let options: Vec<String> =
                options.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect();
            choice(pointer, given, &options, hint)
        }
        Kind::Constant { expected_value } => {
            let options: Vec<String> = expected_value.as_str().map(str::to_owned).into_iter().collect();
            choice(pointer, given, &options, hint)
        }
        _ => value(codes::WRONG_VALUE, format!("{name} cannot be {}", shown(given))),
    }
}

/// What to write instead, where the schema has no words of its own.
fn how(kind: &Kind, schema: Option<&Value>) -> Option<String> {
    match kind {
        Kind::Type { .. } => Some(format!("write {}", wanted_type(schema?.get("type")?))),
        Kind::Minimum { limit } => Some(format!("write {} or more", plain_number(limit))),
        Kind::Maximum { limit } => Some(format!("write {} or less", plain_number(limit))),
        _ => None,
    }
}

/// A limit as people write it: `0`, not `0.0`.
fn plain_number(limit: &Value) -> String {
    limit.as_f64().map_or_else(|| limit.to_string(), |number| number.to_string())
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", text.chars().take(60).collect::<String>()),
        Value::Null | Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::Array(_) | Value::Object(_) => type_of(value).to_owned(),
    }
}

fn wanted_type(kind: &Value) -> String {
    let one = |name: &str| match name {
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        "object" => "a table",
        _ => "a string",
    };
    match kind {
        Value::Array(names) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).map(one).collect();
            names.join(" or ")
        }
        Value::String(name) => one(name).to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "something else".to_owned(),
    }
}

/// The table of a pointer as people write it: `[tasks.build]`; `None` for the whole file.
fn place_name(pointer: &str) -> Option<String> {
    let keys: Vec<String> = pointer.split('/').skip(1).map(unescape).collect();
    match keys.as_slice() {
        [] => None,
        [tables @ .., at] if at.parse::<usize>().is_ok() => Some(format!("`[[{}]]`", tables.join("."))),
        keys => Some(format!("`[{}]`", keys.join("."))),
    }
}

/// A value as people call it: its key, or `element 2 of` it.
fn value_name(pointer: &str) -> String {
    let mut position = None;
    for part in pointer.rsplit('/') {
        if let Ok(at) = part.parse::<usize>() {
            position = position.or(Some(at + 1));
            continue;
        }
        let key = unescape(part);
        return position.map_or_else(|| format!("`{key}`"), |at| format!("element {at} of `{key}`"));
    }
    "the file".to_owned()
}
