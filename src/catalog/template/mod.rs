//! Templates: strict Handlebars whose variables are known before anything is rendered.
//!
//! What Handlebars itself lets pass in silence is an error here: an unknown variable, an object or a list printed
//! bare, a helper that does not exist, partials that include one another for ever. Nothing is HTML-escaped.
//! Helpers: `json`, `join`, `indent`, and the comparisons `eq`, `ne`, `gt`, `gte`, `lt`, `lte`, `and`, `or`, `not`,
//! `len`. Blocks: `if`, `unless`, `each`, `with`.

use std::collections::BTreeMap;

use handlebars::template::Template as Ast;
use handlebars::{Context, Handlebars, RenderContext, RenderErrorReason, Renderable as _, TemplateErrorReason};
use serde_json::Value;

mod helpers;
mod walk;

#[cfg(test)]
mod tests;

/// Deepest nesting of blocks, brackets and parentheses that is read.
const MAX_DEPTH: usize = 64;

/// Most tags of one template.
const MAX_TAGS: usize = 2_000;

/// A template, read.
#[derive(Debug, Clone)]
pub struct Template {
    source: String,
    /// `None`: plain text without a single tag.
    ast: Option<Box<Ast>>,
    uses: Vec<VariableUse>,
    partials: Vec<PartialUse>,
}

/// A variable that a template uses, seen from the root: `tasks.plan.outputs.parts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableUse {
    /// Its parts.
    pub path: Vec<String>,
    /// Where it stands in the source, in bytes.
    pub offset: usize,
    /// What is done with it.
    pub position: Position,
}

/// What a template does with a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Printed: it must be text, a number or a boolean.
    Printed,
    /// Looked at: whether it is there, or what it equals.
    Tested,
    /// Gone through, by `each`.
    Iterated,
    /// Handed to a helper, a partial or `with`.
    Passed,
}

/// A partial that a template includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialUse {
    /// Its name.
    pub name: String,
    /// Where it stands in the source, in bytes.
    pub offset: usize,
}

/// A template that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A template that could be read and not rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    /// What is wrong.
    pub message: String,
}

impl Template {
    /// Reads a template.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        if !source.contains("{{") {
            return Ok(Self { source: source.to_owned(), ast: None, uses: Vec::new(), partials: Vec::new() });
        }
        check_bounds(source)?;
        let mut ast = Ast::compile(source).map_err(|error| syntax_error(source, &error))?;
        let found = walk::walk(source, &mut ast)?;
        Ok(Self { source: source.to_owned(), ast: Some(Box::new(ast)), uses: found.uses, partials: found.partials })
    }

    /// The text it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// All variables it uses, in order; what `each` and block parameters bind is not among them.
    pub fn uses(&self) -> &[VariableUse] {
        &self.uses
    }

    /// The partials it includes, in order.
    pub fn partials(&self) -> &[PartialUse] {
        &self.partials
    }

    /// Renders it. A null is printed as nothing; a variable that is not there at all is an error.
    pub fn render(&self, values: &Value, partials: &BTreeMap<String, String>) -> Result<String, RenderError> {
        let Some(ast) = &self.ast else {
            return Ok(self.source.clone());
        };
        if self.partials.is_empty() {
            return render(ast, &helpers::REGISTRY, values);
        }
        let mut registry = helpers::REGISTRY.clone();
        let mut open = Vec::new();
        for partial in &self.partials {
            register(&mut registry, partials, &partial.name, &mut open)?;
        }
        render(ast, &registry, values)
    }
}

/// Registers a partial and all that it includes; partials that include one another would be rendered for ever.
fn register(
    registry: &mut Handlebars<'static>,
    partials: &BTreeMap<String, String>,
    name: &str,
    open: &mut Vec<String>,
) -> Result<(), RenderError> {
    if open.iter().any(|above| above == name) {
        return Err(RenderError {
            message: format!("the partial `{name}` includes itself: {} → {name}", open.join(" → ")),
        });
    }
    if registry.has_template(name) {
        return Ok(());
    }
    let source = partials.get(name).ok_or_else(|| RenderError { message: format!("there is no partial `{name}`") })?;
    let partial = Template::parse(source)
        .map_err(|error| RenderError { message: format!("the partial `{name}`, line {}: {error}", error.line) })?;
    open.push(name.to_owned());
    for below in &partial.partials {
        register(registry, partials, &below.name, open)?;
    }
    open.pop();
    let ast = match partial.ast {
        Some(ast) => *ast,
        None => Ast::compile(source).map_err(|error| RenderError { message: error.to_string() })?,
    };
    registry.register_template(name, ast);
    Ok(())
}

fn render(ast: &Ast, registry: &Handlebars<'static>, values: &Value) -> Result<String, RenderError> {
    let context = Context::from(values.clone());
    ast.renders(registry, &context, &mut RenderContext::new(None))
        .map_err(|error| RenderError { message: words(&error) })
}

/// What went wrong, in our words and with the line.
fn words(error: &handlebars::RenderError) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's and non-exhaustive")]
    let what = match error.reason() {
        RenderErrorReason::MissingVariable(Some(path)) => format!("there is no value for `{path}`"),
        RenderErrorReason::PartialNotFound(name) => format!("there is no partial `{name}`"),
        other => other.to_string(),
    };
    match (&error.template_name, error.line_no) {
        (Some(partial), Some(line)) => format!("the partial `{partial}`, line {line}: {what}"),
        (None, Some(line)) if line > 1 => format!("line {line}: {what}"),
        _ => what,
    }
}

fn syntax_error(source: &str, error: &handlebars::TemplateError) -> TemplateError {
    let (line, column) = error.pos().unwrap_or((1, 1));
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's and non-exhaustive")]
    let message = match error.reason() {
        TemplateErrorReason::MismatchingClosedHelper(open, close)
        | TemplateErrorReason::MismatchingClosedDecorator(open, close) => {
            format!("`{{{{#{open}}}}}` is closed by `{{{{/{close}}}}}`")
        }
        TemplateErrorReason::InvalidSyntax(_) => "this is not valid in a Handlebars template".to_owned(),
        other => other.to_string(),
    };
    TemplateError { message, offset: walk::Lines::of(source).offset(line, column), line, column }
}

fn error_at(source: &str, offset: usize, message: String) -> TemplateError {
    let before = source.get(..offset).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    TemplateError {
        message,
        offset,
        line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
        column: before.get(line_start..).unwrap_or("").chars().count() + 1,
    }
}

/// The grammar is read by recursion: what is nested too deeply would overflow the stack. And for each tag the text before
/// it is gone through: too many would take for ever.
fn check_bounds(source: &str) -> Result<(), TemplateError> {
    let (mut blocks, mut brackets, mut tags, mut in_tag) = (0_usize, 0_usize, 0_usize, false);
    let mut bytes = source.bytes().enumerate().peekable();
    while let Some((offset, byte)) = bytes.next() {
        let next = bytes.peek().map(|(_, next)| *next);
        match (byte, next) {
            (b'{', Some(b'{')) => {
                in_tag = true;
                brackets = 0;
                tags += 1;
                let whole = source.get(offset..).unwrap_or("");
                let tag = whole.trim_start_matches(['{', '~', ' ', '\t', '\n', '\r']);
                if tag.starts_with('#') {
                    blocks += 1;
                } else if tag.starts_with('/') {
                    blocks = blocks.saturating_sub(1);
                }
                let begins = offset + whole.len() - tag.len();
                while bytes.next_if(|(at, _)| *at < begins).is_some() {}
            }
            (b'}', Some(b'}')) => in_tag = false,
            (b'(' | b'[' | b'{', _) if in_tag => brackets += 1,
            (b')' | b']', _) if in_tag => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        if blocks > MAX_DEPTH || brackets > MAX_DEPTH {
            return Err(error_at(source, offset, format!("this is nested more than {MAX_DEPTH} deep")));
        }
        if tags > MAX_TAGS {
            return Err(error_at(source, offset, format!("a template has at most {MAX_TAGS} tags")));
        }
    }
    Ok(())
}
