//! Values: JSON in, JSON out, within bounds.

use cel_core::{Activation as _, Ast, MapActivation, Value};
use serde_json::Value as Json;

use crate::expression::guard::Purse;
use crate::expression::{Expression, Use, fault, guard, json};

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// What is wrong, one sentence without a period.
    pub message: String,
}

impl EvaluationError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl Expression {
    /// Its value in a scope, an object of the names it uses.
    ///
    /// Whole numbers of JSON up to 2^53 are whole numbers, all others fractions; the two compare and compute with each
    /// other. A field of null is an error.
    pub fn evaluate(&self, scope: &Json) -> Result<Json, EvaluationError> {
        json::json(&self.value(scope)?)
    }

    /// The value of a condition.
    pub fn condition(&self, scope: &Json) -> Result<bool, EvaluationError> {
        let value = self.value(scope)?;
        if let Value::Bool(truth) = value {
            return Ok(truth);
        }
        Err(EvaluationError::new(format!("a condition is true or false, and this is {}", json::described(&value))))
    }

    /// The value of a list.
    pub fn list(&self, scope: &Json) -> Result<Vec<Json>, EvaluationError> {
        let value = self.value(scope)?;
        if let Value::List(items) = &value {
            return items.iter().map(json::json).collect();
        }
        Err(EvaluationError::new(format!("a list is needed, and this is {}", json::described(&value))))
    }

    fn value(&self, scope: &Json) -> Result<Value, EvaluationError> {
        let mut tree = cel_core::parse(&self.text).ast.ok_or_else(|| EvaluationError::new("this is no expression"))?;
        let uses = self.uses();
        let roots = roots(&uses, scope);
        guard::guard(&mut tree, &|name: &str| roots.has(name));
        let purse = Purse::new();
        let program = guard::functions(&purse)
            .program(&Ast::new_unchecked(tree, self.as_str()))
            .map_err(|error| EvaluationError::new(error.to_string()))?;
        let value = program.eval(&roots);
        if purse.is_empty() {
            let message = "it takes too long: macros within macros over long lists; let a command compute it";
            return Err(EvaluationError::new(message));
        }
        if let Value::Error(error) = &value {
            return Err(fault::explain(error, &uses, scope));
        }
        Ok(value)
    }
}

/// The names of the scope that an expression uses.
fn roots(uses: &[Use], scope: &Json) -> MapActivation {
    let mut known = MapActivation::new();
    for one in uses {
        let Some((root, value)) = one.path.first().and_then(|root| Some((root, scope.get(root)?))) else { continue };
        if known.has(root) {
            continue;
        }
        let below: Vec<&[String]> = uses
            .iter()
            .filter_map(|other| other.path.split_first().and_then(|(first, rest)| (first == root).then_some(rest)))
            .collect();
        known.insert(root.as_str(), json::picked(value, &below));
    }
    known
}
