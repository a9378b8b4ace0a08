//! The walk over a template's syntax tree: which variables and partials it uses, and the changes that make it strict.

use std::cell::Cell;

use handlebars::template::{
    BlockParam, DecoratorTemplate, HelperTemplate, Parameter, Subexpression, Template as Ast, TemplateElement,
};
use handlebars::{Path, PathSeg};

use super::helpers::PRINT;
use super::{PartialUse, Position, TemplateError, VariableUse, error_at};

/// What stands for the whole mission wherever it is said, also inside `each` and `with`, when a part follows.
const ROOTS: [&str; 5] = ["inputs", "tasks", "mission", "run", "vars"];

const BLOCKS: [&str; 4] = ["if", "unless", "each", "with"];
const TESTS: [&str; 9] = ["eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not"];
const MAKERS: [&str; 4] = ["json", "join", "indent", "len"];

/// What the walk found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) uses: Vec<VariableUse>,
    pub(super) partials: Vec<PartialUse>,
}

/// Walks the tree and makes it strict.
pub(super) fn walk(source: &str, ast: &mut Ast) -> Result<Found, TemplateError> {
    let mut walk = Walk { source, lines: Lines::of(source), cursor: 0, scopes: Vec::new(), found: Found::default() };
    walk.template(ast)?;
    Ok(walk.found)
}

/// Where lines begin.
pub(super) struct Lines<'a> {
    source: &'a str,
    starts: Vec<usize>,
    /// The last place asked for (line, column, byte): most are asked for in order, and a line may be long.
    last: Cell<(usize, usize, usize)>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(source: &'a str) -> Self {
        let starts = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { source, starts, last: Cell::new((1, 1, 0)) }
    }

    /// Byte of a line and a column in characters, both from 1.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let (known, from, byte) = self.last.get();
        let (from, start) = if line == known && column >= from {
            (from, byte)
        } else {
            (1, self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.source.len()))
        };
        let text = self.source.get(start..).unwrap_or("");
        let found = start + text.char_indices().nth(column.saturating_sub(from)).map_or(text.len(), |(at, _)| at);
        self.last.set((line, column.max(1), found));
        found
    }
}

/// What `each` or `with` puts in front.
struct Scope {
    /// Path from the root; `None`: an item, or what a helper made.
    base: Option<Vec<String>>,
    /// Its block parameters.
    bound: Vec<String>,
}

/// A path of a template, taken apart.
struct Taken {
    names: Vec<String>,
    ups: usize,
    from_root: bool,
}

fn take(path: &Path) -> Option<Taken> {
    match path {
        Path::Local(_) => None,
        Path::Relative((segments, raw)) => {
            let names: Vec<String> = segments
                .iter()
                .filter_map(|segment| if let PathSeg::Named(name) = segment { Some(name.clone()) } else { None })
                .collect();
            let from_root = raw.contains("@root");
            let ups = (segments.len() - names.len()).saturating_sub(usize::from(from_root));
            Some(Taken { names, ups, from_root })
        }
    }
}

fn raw(path: &Path) -> &str {
    match path {
        Path::Relative((_, raw)) | Path::Local((_, _, raw)) => raw,
    }
}

struct Walk<'a> {
    source: &'a str,
    lines: Lines<'a>,
    /// Everything before it is done; the walk goes in the order of the source.
    cursor: usize,
    scopes: Vec<Scope>,
    found: Found,
}

impl Walk<'_> {
    fn template(&mut self, ast: &mut Ast) -> Result<(), TemplateError> {
        for (index, element) in ast.elements.iter_mut().enumerate() {
            if let Some(place) = ast.mapping.get(index) {
                self.cursor = self.cursor.max(self.lines.offset(place.0, place.1));
            }
            match element {
                TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => {
                    self.expression(helper)?;
                }
                TemplateElement::HelperBlock(block) => self.block(block)?,
                TemplateElement::PartialExpression(partial) => self.partial(partial)?,
                TemplateElement::PartialBlock(_)
                | TemplateElement::DecoratorExpression(_)
                | TemplateElement::DecoratorBlock(_) => {
                    return Err(self.refuse("decorators and partial blocks are not part of our templates"));
                }
                TemplateElement::RawString(_) | TemplateElement::Comment(_) | _ => {}
            }
        }
        Ok(())
    }

    fn refuse(&self, message: impl Into<String>) -> TemplateError {
        let ahead = self.source.get(self.cursor..).and_then(|rest| rest.find("{{")).unwrap_or(0);
        error_at(self.source, self.cursor + ahead, message.into())
    }

    /// `{{x}}` becomes a call of the printing helper, which refuses what has no text.
    fn expression(&mut self, helper: &mut HelperTemplate) -> Result<(), TemplateError> {
        if helper.params.is_empty() && helper.hash.is_empty() {
            if let Some(name) = helper.name.as_name()
                && (MAKERS.contains(&name) || TESTS.contains(&name))
            {
                return Err(self.refuse(format!("the helper `{name}` needs something to work on")));
            }
            let mut printed = std::mem::replace(&mut helper.name, Parameter::Name(PRINT.to_owned()));
            self.parameter(&mut printed, Position::Printed)?;
            helper.params.push(printed);
            return Ok(());
        }
        self.call(helper)
    }

    /// A helper with its parameters, as an expression of its own or within another.
    fn call(&mut self, helper: &mut HelperTemplate) -> Result<(), TemplateError> {
        let name = helper.name.as_name().unwrap_or_default().to_owned();
        let position = if TESTS.contains(&name.as_str()) {
            Position::Tested
        } else if MAKERS.contains(&name.as_str()) {
            Position::Passed
        } else {
            return Err(self.refuse(format!(
                "there is no helper `{name}`; there are {}, {}",
                MAKERS.join(", "),
                TESTS.join(", ")
            )));
        };
        for (index, parameter) in helper.params.iter_mut().enumerate() {
            let printed = name == "indent" && index == 0;
            self.parameter(parameter, if printed { Position::Printed } else { position })?;
        }
        for parameter in helper.hash.values_mut() {
            self.parameter(parameter, Position::Passed)?;
        }
        Ok(())
    }

    fn block(&mut self, block: &mut HelperTemplate) -> Result<(), TemplateError> {
        let name = block.name.as_name().unwrap_or_default().to_owned();
        let position = match name.as_str() {
            "if" | "unless" => Position::Tested,
            "each" => Position::Iterated,
            "with" => Position::Passed,
            _ => return Err(self.refuse(format!("there is no block `{name}`; there are {}", BLOCKS.join(", ")))),
        };
        if block.params.is_empty() {
            return Err(self.refuse(format!("`{{{{#{name}}}}}` needs something to work on")));
        }
        let base = match block.params.first() {
            Some(Parameter::Path(path)) if name == "with" => take(path).and_then(|taken| self.absolute(&taken)),
            _ => None,
        };
        for parameter in &mut block.params {
            self.parameter(parameter, position)?;
        }
        let scoped = matches!(name.as_str(), "each" | "with");
        if scoped {
            self.scopes.push(Scope { base, bound: bound(block.block_param.as_ref()) });
        }
        if let Some(inside) = &mut block.template {
            self.template(inside)?;
        }
        if scoped {
            self.scopes.pop();
        }
        match &mut block.inverse {
            Some(inverse) => self.template(inverse)?,
            // What a skipped task would have handed over is null: nothing to go through, and no error.
            None if scoped => block.inverse = Some(Ast::default()),
            None => {}
        }
        Ok(())
    }

    fn partial(&mut self, partial: &mut DecoratorTemplate) -> Result<(), TemplateError> {
        let Some(name) = partial.name.as_name().map(str::to_owned) else {
            return Err(self.refuse("the name of a partial must be written out"));
        };
        self.advance(&name);
        self.found.partials.push(PartialUse { name: name.clone(), offset: self.cursor });
        self.cursor += name.len();
        for parameter in partial.params.iter_mut().chain(partial.hash.values_mut()) {
            self.parameter(parameter, Position::Passed)?;
        }
        Ok(())
    }

    fn parameter(&mut self, parameter: &mut Parameter, position: Position) -> Result<(), TemplateError> {
        match parameter {
            Parameter::Path(path) => {
                self.variable(path, position);
                Ok(())
            }
            Parameter::Subexpression(inner) => self.subexpression(inner),
            Parameter::Name(_) | Parameter::Literal(_) => Ok(()),
            _ => Err(self.refuse("this kind of parameter is not part of our templates")),
        }
    }

    fn subexpression(&mut self, inner: &mut Subexpression) -> Result<(), TemplateError> {
        if let TemplateElement::Expression(call) = inner.element.as_mut() {
            self.call(call)
        } else {
            Err(self.refuse("this kind of expression is not part of our templates"))
        }
    }

    /// Records a variable, and makes it absolute where it names the mission's own from within a block.
    fn variable(&mut self, path: &mut Path, position: Position) {
        let Some(taken) = take(path) else { return };
        self.advance(raw(path));
        let offset = self.cursor;
        if self.names_root(&taken)
            && let Ok(absolute) = Path::parse(&format!("@root/{}", taken.names.join("/")))
        {
            *path = absolute;
            self.found.uses.push(VariableUse { path: taken.names, offset, position });
        } else if let Some(names) = self.absolute(&taken)
            && !names.is_empty()
        {
            self.found.uses.push(VariableUse { path: names, offset, position });
        }
    }

    /// Whether a path within a block means the mission's own `inputs`, `tasks`, …, though a block stands between.
    fn names_root(&self, taken: &Taken) -> bool {
        !self.scopes.is_empty()
            && taken.ups == 0
            && !taken.from_root
            && taken.names.len() > 1
            && taken.names.first().is_some_and(|first| ROOTS.contains(&first.as_str()) && !self.is_bound(first))
    }

    fn is_bound(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.bound.iter().any(|bound| bound == name))
    }

    /// The path from the root; `None` for what a block binds.
    fn absolute(&self, taken: &Taken) -> Option<Vec<String>> {
        if taken.from_root {
            return Some(taken.names.clone());
        }
        if taken.ups == 0 && taken.names.first().is_some_and(|first| self.is_bound(first)) {
            return None;
        }
        match self.scopes.len().saturating_sub(taken.ups).checked_sub(1).and_then(|index| self.scopes.get(index)) {
            None => Some(taken.names.clone()),
            Some(scope) => {
                let base = scope.base.as_ref()?;
                Some(base.iter().chain(&taken.names).cloned().collect())
            }
        }
    }

    /// Moves the cursor to the next place where this text stands by itself.
    fn advance(&mut self, text: &str) {
        let part_of_a_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let mut from = self.cursor;
        while let Some(at) = self.source.get(from..).and_then(|rest| rest.find(text)).map(|at| from + at) {
            let before = self.source.get(..at).and_then(|s| s.chars().next_back());
            let after = self.source.get(at + text.len()..).and_then(|s| s.chars().next());
            if text.is_empty() || !(before.is_some_and(part_of_a_word) || after.is_some_and(part_of_a_word)) {
                self.cursor = at;
                return;
            }
            from = at + text.len();
        }
    }
}

fn bound(parameter: Option<&BlockParam>) -> Vec<String> {
    let name = |parameter: &Parameter| parameter.as_name().unwrap_or_default().to_owned();
    match parameter {
        Some(BlockParam::Single(one)) => vec![name(one)],
        Some(BlockParam::Pair((one, two))) => vec![name(one), name(two)],
        _ => Vec::new(),
    }
}
