//! What the evaluator says, in words for people.

use cel_core::{EvalError, EvalErrorKind};
use serde_json::Value as Json;

use crate::expression::{EvaluationError, Use};

/// Why an evaluation failed.
pub(super) fn explain(error: &EvalError, uses: &[Use], scope: &Json) -> EvaluationError {
    let said = error.message.as_str();
    let named = said.split_once(": ").map_or(said, |(_, name)| name);
    EvaluationError::new(match error.kind {
        EvalErrorKind::UnknownIdentifier => format!("`{named}` is not known here"),
        EvalErrorKind::UnknownFunction => format!("there is no function `{named}` of so many arguments"),
        EvalErrorKind::FieldNotFound | EvalErrorKind::KeyNotFound => missing(named, uses, scope),
        EvalErrorKind::NoMatchingOverload => {
            format!("`{}` cannot be asked of these values", named.trim_matches('_'))
        }
        // A pattern that is none is drawn over several lines, what is wrong with it on the last.
        EvalErrorKind::InvalidArgument => match said.lines().last().and_then(|last| last.strip_prefix("error: ")) {
            Some(why) => format!("this pattern cannot be matched: {why}"),
            None => said.to_owned(),
        },
        EvalErrorKind::DivisionByZero
        | EvalErrorKind::ModuloByZero
        | EvalErrorKind::Overflow
        | EvalErrorKind::RangeError
        | EvalErrorKind::TypeMismatch
        | EvalErrorKind::IndexOutOfBounds
        | EvalErrorKind::InvalidConversion
        | EvalErrorKind::Internal => said.to_owned(),
    })
}

/// Which of the paths an expression uses does not lead to the field.
fn missing(field: &str, uses: &[Use], scope: &Json) -> String {
    let named = field.trim_matches('"');
    uses.iter().find_map(|one| broken(&one.path, named, scope)).unwrap_or_else(|| {
        format!("there is no `{named}` in what was asked for it: it is missing, or the value is null or no object")
    })
}

fn broken(path: &[String], field: &str, scope: &Json) -> Option<String> {
    let mut value = scope;
    for (index, name) in path.iter().enumerate() {
        let Some(child) = value.get(name) else {
            let of = path.get(..index).unwrap_or_default().join(".");
            return (name == field).then(|| match value {
                Json::Null => format!("`{of}` is null and has no `{name}`; ask first: `{of} != null`"),
                Json::Object(_) => format!("`{of}` has no `{name}`; ask first: `has({of}.{name})`"),
                Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                    format!("`{of}` is no object and has no `{name}`")
                }
            });
        };
        value = child;
    }
    None
}
