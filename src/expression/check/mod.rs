//! Types before values: finds what cannot come out right, whatever the values will be.
//!
//! Where in doubt there is no problem: an unknown type fits everywhere, and what may be null counts as present.

use std::collections::BTreeMap;

use crate::diagnostic::nearest::{listed, nearest};
use crate::expression::node::{Loop, LoopKind, Node, What};
use crate::expression::{Expression, Others, Type, syntax};

mod call;
mod operator;

/// Something in an expression that cannot come out right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, one sentence without a period.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Where it begins in the text, in bytes.
    pub offset: usize,
    /// Where it ends.
    pub end: usize,
}

impl Expression {
    /// The type of its value in a scope, an object of the names it may use; or everything that is wrong with it.
    pub fn check(&self, scope: &Type) -> Result<Type, Vec<Problem>> {
        let mut checker = Checker { text: &self.text, scope, bound: Vec::new(), problems: Vec::new() };
        let of = checker.infer(&self.root);
        if checker.problems.is_empty() {
            return Ok(of);
        }
        checker.problems.sort_by_key(|problem| (problem.offset, problem.end));
        Err(checker.problems)
    }
}

/// One walk through an expression.
struct Checker<'e> {
    text: &'e str,
    scope: &'e Type,
    /// What macros have bound, the innermost last.
    bound: Vec<(&'e str, Type)>,
    problems: Vec<Problem>,
}

impl<'e> Checker<'e> {
    /// The type of a value; what is wrong is any type, so that it is said once.
    fn infer(&mut self, node: &'e Node) -> Type {
        match &node.what {
            What::Null => Type::Null,
            What::Bool => Type::Bool,
            What::Int => Type::Int,
            What::Double => Type::Double,
            What::Text(text) => Type::one_of([text.as_str()]),
            What::Foreign => Type::Any,
            What::Name(name) => self.name(node, name),
            What::List(items) => {
                let of = items.iter().map(|item| self.infer(item)).reduce(Type::or);
                Type::list(of.unwrap_or(Type::Any))
            }
            What::Map(entries) => self.map(entries),
            What::Not(of) => {
                self.expect_bool(of, "`!` turns true and false round");
                Type::Bool
            }
            What::Minus(of) => self.minus(of),
            What::Binary(operator, left, right) => self.binary(*operator, node, left, right),
            What::Choice(condition, this, that) => {
                self.expect_bool(condition, "what stands before `?` is a condition");
                self.infer(this).or(self.infer(that))
            }
            What::Field(of, name) => {
                let object = self.infer(of);
                self.field(node, of, &object, name)
            }
            What::Index(of, at) => self.index(node, of, at),
            What::Has(of, name) => {
                let object = self.infer(of);
                self.asked(node, &object, name);
                Type::Bool
            }
            What::Call { name, on, arguments } => self.call(node, name, on.as_deref(), arguments),
            What::Loop(each) => self.each(each),
        }
    }

    fn report(&mut self, node: &Node, message: String, help: Option<String>) -> Type {
        self.problems.push(Problem { message, help, offset: node.offset, end: node.end });
        Type::Any
    }

    /// An expression as a message shows it.
    fn shown(&self, node: &Node) -> String {
        const MOST: usize = 48;
        let text = self.text.get(node.offset..node.end).unwrap_or_default();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= MOST {
            return format!("`{line}`");
        }
        format!("`{}…`", line.chars().take(MOST).collect::<String>())
    }

    fn name(&mut self, node: &Node, name: &str) -> Type {
        if let Some((_, of)) = self.bound.iter().rev().find(|(bound, _)| *bound == name) {
            return of.clone();
        }
        let Type::Object { fields, others } = self.scope else { return Type::Any };
        if let Some(of) = fields.get(name) {
            return of.clone();
        }
        if *others == Others::Possible || syntax::TYPES.contains(&name) {
            return Type::Any;
        }
        let known: Vec<&str> =
            fields.keys().map(String::as_str).chain(self.bound.iter().map(|(name, _)| *name)).collect();
        let help = match nearest(name, known.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None if known.is_empty() => format!("a text is written in quotes: `\"{name}\"`"),
            None => format!("known here: {}; a text is written in quotes: `\"{name}\"`", listed(known)),
        };
        self.report(node, format!("`{name}` is not known here"), Some(help))
    }

    fn map(&mut self, entries: &'e [(Node, Node)]) -> Type {
        let (mut fields, mut others) = (BTreeMap::new(), Others::None);
        for (key, value) in entries {
            self.infer(key);
            let of = self.infer(value);
            if let What::Text(key) = &key.what {
                fields.insert(key.clone(), of);
            } else {
                others = Others::Possible;
            }
        }
        Type::Object { fields, others }
    }

    fn field(&mut self, node: &Node, of: &Node, object: &Type, name: &str) -> Type {
        match object.present() {
            Type::Any => Type::Any,
            Type::Object { fields, others } => match fields.get(name) {
                Some(of) => of.clone(),
                None if *others == Others::Possible => Type::Any,
                None => {
                    let help = match nearest(name, fields.keys().map(String::as_str)) {
                        Some(close) => format!("did you mean `{close}`?"),
                        None if fields.is_empty() => "it has no fields".to_owned(),
                        None => format!("it has {}", listed(fields.keys().map(String::as_str))),
                    };
                    self.report(node, format!("{} has no `{name}`", self.shown(of)), Some(help))
                }
            },
            Type::List(_) => {
                let list = self.shown(of).replace('`', "");
                let help =
                    format!("take one element, `{list}[0].{name}`, or all of them, `{list}.map(one, one.{name})`");
                self.report(node, format!("`{list}` is a list and has no fields"), Some(help))
            }
            plain @ (Type::Null | Type::Bool | Type::Int | Type::Double | Type::Text { .. } | Type::Nullable(_)) => {
                let message = format!("{} is {} and has no fields", self.shown(of), plain.described());
                self.report(node, message, None)
            }
        }
    }

    /// `has` of a field that a closed type does not have is false for ever; only a near miss is surely a mistake.
    fn asked(&mut self, node: &Node, object: &Type, name: &str) {
        if let Type::Object { fields, others: Others::None } = object.present() {
            let near = nearest(name, fields.keys().map(String::as_str));
            if let (false, Some(close)) = (fields.contains_key(name), near) {
                let message = format!("there is never a `{name}`");
                self.report(node, message, Some(format!("did you mean `{close}`?")));
            }
        }
    }

    fn index(&mut self, node: &Node, of: &'e Node, at: &'e Node) -> Type {
        let (object, index) = (self.infer(of), self.infer(at));
        match (object.present(), index.present()) {
            (Type::List(of), index) if index.is_number() || *index == Type::Any => (**of).clone(),
            (Type::List(_), index) => {
                let message = format!("a list is indexed by a number, and {} is {}", self.shown(at), index.described());
                self.report(at, message, Some("the first element is `[0]`".to_owned()))
            }
            (Type::Object { .. }, Type::Text { .. }) => {
                let What::Text(name) = &at.what else { return Type::Any };
                self.field(node, of, &object, name)
            }
            (Type::Text { .. }, Type::Int) => Type::text(),
            (plain @ (Type::Bool | Type::Null | Type::Int | Type::Double), _) => {
                let message = format!("{} is {} and has no elements", self.shown(of), plain.described());
                self.report(node, message, None)
            }
            _ => Type::Any,
        }
    }

    fn each(&mut self, each: &'e Loop) -> Type {
        let over = self.infer(&each.over);
        let element = match over.present() {
            Type::List(of) => (**of).clone(),
            Type::Object { .. } => Type::text(),
            Type::Any => Type::Any,
            plain @ (Type::Null | Type::Bool | Type::Int | Type::Double | Type::Text { .. } | Type::Nullable(_)) => {
                let message = format!("{} is {}, not a list to go over", self.shown(&each.over), plain.described());
                self.report(&each.over, message, None)
            }
        };
        self.bound.push((&each.variable, element.clone()));
        if let Some(condition) = &each.condition {
            self.expect_bool(condition, "this is asked of each element");
        }
        let value = each.value.as_deref().map(|value| self.infer(value));
        self.bound.pop();
        match each.kind {
            LoopKind::Question => Type::Bool,
            LoopKind::Filter => Type::list(element),
            LoopKind::Map => Type::list(value.unwrap_or(Type::Any)),
        }
    }

    fn expect_bool(&mut self, node: &'e Node, why: &str) {
        let of = self.infer(node);
        let help = match of.present() {
            Type::Any | Type::Bool => return,
            Type::Text { .. } => format!("compare it: `{} != \"\"`", self.shown(node).replace('`', "")),
            Type::Int | Type::Double => format!("compare it: `{} > 0`", self.shown(node).replace('`', "")),
            Type::List(_) | Type::Object { .. } => {
                format!("ask its size: `size({}) > 0`", self.shown(node).replace('`', ""))
            }
            Type::Null | Type::Nullable(_) => "compare with null: `… != null`".to_owned(),
        };
        let message = format!("{why}, and {} is {}", self.shown(node), of.present().described());
        self.report(node, message, Some(help));
    }
}
