//! What an expression reads of its scope.

use crate::expression::Expression;
use crate::expression::node::{Node, What};

/// One place where an expression reads its scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The names that lead there, the root first: `tasks`, `plan`, `status`. An index by a literal text is a name; any
    /// other index, a call or a macro ends it.
    pub path: Vec<String>,
    /// Where it begins in the text, in bytes.
    pub offset: usize,
    /// Where it ends.
    pub end: usize,
}

impl Expression {
    /// What it reads of its scope, in the order of the text: names that its own macros bind are not among it, what they
    /// go over is.
    pub fn uses(&self) -> Vec<Use> {
        let mut found = Vec::new();
        walk(&self.root, &mut Vec::new(), &mut found);
        found
    }
}

fn walk<'n>(node: &'n Node, bound: &mut Vec<&'n str>, found: &mut Vec<Use>) {
    if let Some(path) = node.path() {
        if path.first().is_some_and(|root| !bound.contains(root)) {
            let path = path.into_iter().map(str::to_owned).collect();
            found.push(Use { path, offset: node.offset, end: node.end });
        }
        return;
    }
    match &node.what {
        What::Null | What::Bool | What::Int | What::Double | What::Text(_) | What::Foreign | What::Name(_) => {}
        What::Not(of) | What::Minus(of) | What::Field(of, _) | What::Has(of, _) => walk(of, bound, found),
        What::List(items) => items.iter().for_each(|item| walk(item, bound, found)),
        What::Map(entries) => {
            for (key, value) in entries {
                walk(key, bound, found);
                walk(value, bound, found);
            }
        }
        What::Binary(_, left, right) | What::Index(left, right) => {
            walk(left, bound, found);
            walk(right, bound, found);
        }
        What::Choice(condition, this, that) => {
            for part in [condition, this, that] {
                walk(part, bound, found);
            }
        }
        What::Call { on, arguments, .. } => {
            on.as_deref().into_iter().chain(arguments).for_each(|part| walk(part, bound, found));
        }
        What::Loop(each) => {
            walk(&each.over, bound, found);
            bound.push(&each.variable);
            [&each.condition, &each.value].into_iter().flatten().for_each(|part| walk(part, bound, found));
            bound.pop();
        }
    }
}
