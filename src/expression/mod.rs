//! Expressions in CEL, the Common Expression Language: what a mission computes without a command or an agent.
//!
//! Text → [`Expression`] (parsed once, within bounds), which says what it [`uses`](Expression::uses), which
//! [`check`](Expression::check)s against the [`Type`] of its scope before anything runs, and which
//! [`evaluate`](Expression::evaluate)s JSON to JSON. The same scope gives the same value on every machine: there is no
//! clock, no chance and no order but that of the data.
//!
//! The crate that parses and evaluates is named in this module only. Its syntax tree is lowered to a smaller one, which
//! is the language of missions: the standard operators, functions and macros, without messages, optional values,
//! bindings and macros of two variables.

use std::fmt;

mod bounds;
mod check;
mod complaint;
mod evaluate;
mod fault;
mod guard;
mod json;
mod kind;
mod node;
mod schema;
mod syntax;
#[cfg(test)]
mod tests;
mod uses;

pub use check::Problem;
pub use evaluate::EvaluationError;
pub use kind::{Others, Type};
pub use uses::Use;

/// An expression that parses.
#[derive(Clone)]
pub struct Expression {
    text: String,
    root: node::Node,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong, one sentence without a period.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Where in the text, in bytes; its length where something is missing at the end.
    pub offset: usize,
}

impl ExpressionError {
    fn new(message: impl Into<String>, offset: usize) -> Self {
        Self { message: message.into(), help: None, offset }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl Expression {
    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        Ok(Self { text: text.to_owned(), root: syntax::read(text)? })
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Two expressions of the same text are the same.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
