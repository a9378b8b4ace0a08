//! The name of an instance: what `key` says, or what its values are called.

use serde_json::{Map, Value};

use super::compute;
use super::each::Chosen;
use crate::mission::field::shape::type_of;
use crate::name::{InstanceKey, MAX_KEY_LEN, TaskId};
use crate::plan::names::View;
use crate::plan::render::RenderFailure;
use crate::plan::{Each, Scope};

/// The name of the instance of these values.
pub(super) fn of(
    view: &View<'_>,
    group: &TaskId,
    each: &Each,
    chosen: &[Chosen<'_>],
) -> Result<InstanceKey, RenderFailure> {
    match &each.key {
        Some(text) => computed(view, group, text, chosen),
        None => Ok(plain(chosen)),
    }
}

fn computed(view: &View<'_>, group: &TaskId, text: &str, chosen: &[Chosen<'_>]) -> Result<InstanceKey, RenderFailure> {
    let variables = chosen.iter().map(|(id, _, value)| ((*id).clone(), (*value).clone())).collect();
    let scope = Scope { variables, ..view.scope.cloned().unwrap_or_default() };
    let what = format!("`key` of task `{group}`");
    let value = compute::value(&View { scope: Some(&scope), ..*view }, &what, text)?;
    let name = match &value {
        Value::String(name) => name.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            let given = type_of(&value);
            return Err(RenderFailure::new(format!("{what}, `{text}`, is {given}; it must be a short text")));
        }
    };
    InstanceKey::parse(&safe(&name)).map_err(|_| {
        let shown: String = name.chars().take(80).collect();
        RenderFailure::new(format!(
            "{what}, `{text}`, is `{shown}`: it needs a letter or a digit, and at most {MAX_KEY_LEN} of them"
        ))
    })
}

/// What the values are called, joined with `-`; their places in their lists where that is too long.
fn plain(chosen: &[Chosen<'_>]) -> InstanceKey {
    let named: Vec<String> =
        chosen.iter().map(|(_, at, value)| called(value).unwrap_or_else(|| at.to_string())).collect();
    let places = || chosen.iter().map(|(_, at, _)| at.to_string()).collect::<Vec<_>>().join("-");
    InstanceKey::parse(&named.join("-"))
        .or_else(|_| InstanceKey::parse(&places()))
        .unwrap_or_else(|_| unreachable!("numbers joined with `-` are a key"))
}

/// A short text, or an object's `name` or `id`.
fn called(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => name_of(map)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
    };
    let safe = safe(&text);
    InstanceKey::parse(&safe).is_ok().then_some(safe)
}

fn name_of(map: &Map<String, Value>) -> Option<String> {
    ["name", "id"].into_iter().find_map(|key| match map.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

/// A text with what cannot be in a key, in paths or in refs made `-`.
fn safe(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
        let again = matches!(c, '-' | '.') && key.ends_with(c);
        if !again {
            key.push(c);
        }
    }
    let key = key.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).trim_end_matches(['-', '.']);
    match key.get(key.len().saturating_sub(5)..) {
        Some(end) if end.eq_ignore_ascii_case(".lock") => {
            format!("{}-lock", &key.strip_suffix(end).unwrap_or_default())
        }
        Some(_) | None => key.to_owned(),
    }
}
