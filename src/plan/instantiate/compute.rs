//! Values and texts that a mission computes.

use serde_json::{Map, Value};

use crate::catalog::template::Template;
use crate::expression::{EvaluationError, Expression};
use crate::plan::names::View;
use crate::plan::render::RenderFailure;

/// The value of CEL. `what` says whose it is.
pub(super) fn value(view: &View<'_>, what: &str, text: &str) -> Result<Value, RenderFailure> {
    evaluate(view, what, text, Expression::evaluate)
}

/// The truth of a condition in CEL.
pub(super) fn condition(view: &View<'_>, what: &str, text: &str) -> Result<bool, RenderFailure> {
    evaluate(view, what, text, Expression::condition)
}

fn evaluate<T>(
    view: &View<'_>,
    what: &str,
    text: &str,
    of: impl FnOnce(&Expression, &Value) -> Result<T, EvaluationError>,
) -> Result<T, RenderFailure> {
    let expression = parse(what, text)?;
    of(&expression, &Value::Object(scope(view, &expression)))
        .map_err(|error| RenderFailure::new(format!("{what}, `{text}`: {error}")))
}

pub(super) fn parse(what: &str, text: &str) -> Result<Expression, RenderFailure> {
    Expression::parse(text).map_err(|error| RenderFailure::new(format!("{what}, `{text}`: {error}")))
}

/// What an expression sees.
pub(super) fn scope(view: &View<'_>, expression: &Expression) -> Map<String, Value> {
    view.values(expression.uses().iter().map(|one| one.path.as_slice()))
}

/// The text of a template. `what` says whose it is.
pub(super) fn text(view: &View<'_>, what: &str, source: &str) -> Result<String, RenderFailure> {
    let template = template(what, source)?;
    let values = view.values(template.uses().iter().map(|one| one.path.as_slice()));
    rendered(what, &template, &Value::Object(values))
}

pub(super) fn template(what: &str, source: &str) -> Result<Template, RenderFailure> {
    Template::parse(source).map_err(|error| RenderFailure::new(format!("{what} is no valid template: {error}")))
}

pub(super) fn rendered(what: &str, template: &Template, values: &Value) -> Result<String, RenderFailure> {
    let none = std::collections::BTreeMap::new();
    template.render(values, &none).map_err(|error| RenderFailure::new(format!("{what}: {error}")))
}

/// A value whose texts are templates.
pub(super) fn texts(view: &View<'_>, what: &str, value: &Value) -> Result<Value, RenderFailure> {
    Ok(match value {
        Value::String(source) if source.contains("{{") => Value::String(text(view, what, source)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| texts(view, what, item)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let pair = |(key, value): (&String, &Value)| Ok((key.clone(), texts(view, what, value)?));
            Value::Object(map.iter().map(pair).collect::<Result<_, RenderFailure>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    })
}

/// Whether CEL reads what only a run knows: how tasks ended, what they handed over, the run itself. What cannot be
/// read waits, so that it is told in its place.
pub(super) fn cel_waits(text: &str) -> bool {
    Expression::parse(text).map_or(true, |expression| expression.uses().iter().any(|one| is_of_run(one.path.first())))
}

/// As [`cel_waits`], of the templates in a value.
pub(super) fn texts_wait(value: &Value) -> bool {
    match value {
        Value::String(source) => template_waits(source),
        Value::Array(items) => items.iter().any(texts_wait),
        Value::Object(map) => map.values().any(texts_wait),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

pub(super) fn template_waits(source: &str) -> bool {
    source.contains("{{")
        && Template::parse(source)
            .map_or(true, |template| template.uses().iter().any(|one| is_of_run(one.path.first())))
}

fn is_of_run(root: Option<&String>) -> bool {
    root.is_none_or(|root| matches!(root.as_str(), "tasks" | "run"))
}
