//! The files a task may change, made of values: what an agent or a list gave is a name of a file, never a glob.

use serde_json::Value;

use super::compute;
use crate::mission::field::shape::type_of;
use crate::mission::model::Touches;
use crate::name::TaskId;
use crate::plan::Task;
use crate::plan::names::View;
use crate::plan::render::RenderFailure;
use crate::plan::touches::TouchSet;

/// Works out a new part's files where its own values are enough for it.
pub(super) fn settle(view: &View<'_>, id: &TaskId, task: &mut Task) -> Result<(), RenderFailure> {
    let Some(late) = &task.late_touches else { return Ok(()) };
    let waits = match late {
        Touches::Globs(globs) => globs.iter().any(|glob| compute::template_waits(glob)),
        Touches::Cel(text) => compute::cel_waits(text),
    };
    if !waits {
        task.touches = Some(globs(&View { scope: task.scope.as_deref(), ..*view }, id, late)?);
        task.late_touches = None;
    }
    Ok(())
}

/// The globs, each checked.
pub(super) fn globs(view: &View<'_>, id: &TaskId, touches: &Touches) -> Result<Vec<String>, RenderFailure> {
    let what = format!("`touches` of task `{id}`");
    let globs = match touches {
        Touches::Globs(sources) => {
            sources.iter().map(|source| from_template(view, &what, source)).collect::<Result<Vec<_>, _>>()?
        }
        Touches::Cel(text) => from_cel(view, &what, text)?,
    };
    TouchSet::compile(&globs).map_err(|error| RenderFailure::new(format!("{what}: {error}")))?;
    match globs.iter().find(|glob| glob.contains("//")) {
        Some(glob) => Err(RenderFailure::new(format!("{what}: `{glob}` has a folder without a name"))),
        None => Ok(globs),
    }
}

fn from_template(view: &View<'_>, what: &str, source: &str) -> Result<String, RenderFailure> {
    let template = compute::template(what, source)?;
    let values = view.values(template.uses().iter().map(|one| one.path.as_slice()));
    let values = Value::Object(values);
    for one in template.uses() {
        let found = one.path.iter().try_fold(&values, |value, part| value.get(part));
        if matches!(found, Some(Value::Null))
            || found.and_then(Value::as_str).is_some_and(|text| text.trim().is_empty())
        {
            let name = one.path.join(".");
            return Err(RenderFailure::new(format!("{what}, `{source}`: `{name}` is empty")));
        }
    }
    compute::rendered(what, &template, &literal(values))
}

fn from_cel(view: &View<'_>, what: &str, text: &str) -> Result<Vec<String>, RenderFailure> {
    let expression = compute::parse(what, text)?;
    let scope = literal(Value::Object(compute::scope(view, &expression)));
    let value =
        expression.evaluate(&scope).map_err(|error| RenderFailure::new(format!("{what}, `{text}`: {error}")))?;
    let Value::Array(items) = value else {
        return Err(RenderFailure::new(format!(
            "{what}, `{text}`, is {}; it must be a list of globs",
            type_of(&value)
        )));
    };
    let glob = |item: &Value| {
        item.as_str().map(str::to_owned).ok_or_else(|| {
            RenderFailure::new(format!("{what}, `{text}`, holds {}; it must be a list of globs", type_of(item)))
        })
    };
    items.iter().map(glob).collect()
}

/// A value whose texts mean themselves in a glob.
fn literal(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(literal).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, literal(value))).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn escaped(text: &str) -> String {
    let mut glob = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | ',' | '\\') {
            glob.push('\\');
        }
        glob.push(c);
    }
    glob
}
