//! Operators: what can be compared, ordered and computed with what.

use crate::diagnostic::nearest::{listed, nearest};
use crate::expression::Type;
use crate::expression::check::Checker;
use crate::expression::node::{Node, Operator, What};

impl<'e> Checker<'e> {
    pub(super) fn minus(&mut self, of: &'e Node) -> Type {
        match self.infer(of).present() {
            Type::Int => Type::Int,
            Type::Double => Type::Double,
            Type::Any => Type::Any,
            other @ (Type::Null
            | Type::Bool
            | Type::Text { .. }
            | Type::List(_)
            | Type::Object { .. }
            | Type::Nullable(_)) => {
                let message = format!("{} is {}, not a number", self.shown(of), other.described());
                self.report(of, message, None)
            }
        }
    }

    pub(super) fn binary(&mut self, operator: Operator, node: &Node, left: &'e Node, right: &'e Node) -> Type {
        match operator {
            Operator::And | Operator::Or => {
                let why = format!("both sides of `{}` are conditions", operator.as_str());
                self.expect_bool(left, &why);
                self.expect_bool(right, &why);
                Type::Bool
            }
            Operator::Equal | Operator::Unequal => {
                let (one, other) = (self.infer(left), self.infer(right));
                self.equal(operator, node, (left, &one), (right, &other));
                Type::Bool
            }
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let (one, other) = (self.infer(left), self.infer(right));
                self.order(operator, node, (left, &one), (right, &other));
                Type::Bool
            }
            Operator::In => {
                let (one, other) = (self.infer(left), self.infer(right));
                self.within(node, (left, &one), (right, &other));
                Type::Bool
            }
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
                let (one, other) = (self.infer(left), self.infer(right));
                self.compute(operator, node, (left, &one), (right, &other))
            }
        }
    }

    fn equal(&mut self, operator: Operator, node: &Node, left: (&Node, &Type), right: (&Node, &Type)) {
        let always = if operator == Operator::Equal { "they are never equal" } else { "they always differ" };
        if !may_be_equal(left.1, right.1) {
            let message = format!(
                "{} is {} and {} is {}: {always}",
                self.shown(left.0),
                left.1.present().described(),
                self.shown(right.0),
                right.1.present().described(),
            );
            let help = quoted_number(left, right).or_else(|| quoted_number(right, left));
            self.report(node, message, help);
            return;
        }
        self.option(left, right.0);
        self.option(right, left.0);
    }

    /// A literal text that is none of those the other side can be.
    fn option(&mut self, of: (&Node, &Type), literal: &Node) {
        let (What::Text(text), Type::Text { options: Some(options) }) = (&literal.what, of.1.present()) else { return };
        if matches!(of.0.what, What::Text(_)) || options.contains(text) {
            return;
        }
        let all = listed(options.iter().map(String::as_str));
        let help = match nearest(text, options.iter().map(String::as_str)) {
            Some(close) => format!("did you mean `{close}`? It is one of {all}"),
            None => format!("it is one of {all}"),
        };
        self.report(literal, format!("{} is never `{text}`", self.shown(of.0)), Some(help));
    }

    fn order(&mut self, operator: Operator, node: &Node, left: (&Node, &Type), right: (&Node, &Type)) {
        let sign = operator.as_str();
        for (side, of) in [left, right] {
            let of = of.present();
            if matches!(of, Type::Null | Type::Bool | Type::List(_) | Type::Object { .. }) {
                let message =
                    format!("`{sign}` orders numbers and texts, and {} is {}", self.shown(side), of.described());
                let help = matches!(of, Type::List(_)).then(|| format!("compare its size: `size(…) {sign} …`"));
                self.report(side, message, help);
                return;
            }
        }
        if !may_be_equal(left.1, right.1) {
            let message = format!(
                "`{sign}` cannot order {} and {}: one is {}, the other {}",
                self.shown(left.0),
                self.shown(right.0),
                left.1.present().described(),
                right.1.present().described(),
            );
            let help = quoted_number(left, right).or_else(|| quoted_number(right, left));
            self.report(node, message, help);
        }
    }

    fn within(&mut self, node: &Node, element: (&Node, &Type), list: (&Node, &Type)) {
        match list.1.present() {
            Type::Any => {}
            Type::List(of) if may_be_equal(element.1, of) => {
                if let What::List(items) = &list.0.what {
                    for item in items {
                        self.option(element, item);
                    }
                }
                self.option((list.0, of), element.0);
            }
            Type::List(of) => {
                let message = format!(
                    "{} is {} and {} holds {}: it is never in it",
                    self.shown(element.0),
                    element.1.present().described(),
                    self.shown(list.0),
                    of.present().described(),
                );
                self.report(node, message, None);
            }
            Type::Object { .. } => {
                let key = element.1.present();
                if !matches!(key, Type::Any | Type::Text { .. }) {
                    let message = format!(
                        "the keys of an object are texts, and {} is {}",
                        self.shown(element.0),
                        key.described()
                    );
                    self.report(element.0, message, None);
                }
            }
            plain @ (Type::Null | Type::Bool | Type::Int | Type::Double | Type::Text { .. } | Type::Nullable(_)) => {
                let help = matches!(plain, Type::Text { .. }).then(|| {
                    let (part, whole) = (self.shown(element.0), self.shown(list.0));
                    format!("ask the text: `{}.contains({})`", whole.replace('`', ""), part.replace('`', ""))
                });
                let message =
                    format!("`in` asks a list or an object, and {} is {}", self.shown(list.0), plain.described());
                self.report(list.0, message, help);
            }
        }
    }

    fn compute(&mut self, operator: Operator, node: &Node, left: (&Node, &Type), right: (&Node, &Type)) -> Type {
        match (operator, left.1.present(), right.1.present()) {
            (_, Type::Any, _) | (_, _, Type::Any) => Type::Any,
            (_, Type::Int, Type::Int) => Type::Int,
            (_, one, other) if one.is_number() && other.is_number() => Type::Double,
            (Operator::Add, Type::Text { .. }, Type::Text { .. }) => Type::text(),
            (Operator::Add, Type::List(one), Type::List(other)) => Type::list((**one).clone().or((**other).clone())),
            (Operator::Add, Type::Object { .. }, Type::Object { .. }) => Type::Any,
            (_, one, other) => {
                let message = format!(
                    "`{}` cannot take {} and {}: one is {}, the other {}",
                    operator.as_str(),
                    self.shown(left.0),
                    self.shown(right.0),
                    one.described(),
                    other.described(),
                );
                let help = match (operator, one, other) {
                    (Operator::Add, Type::Text { .. }, other) if is_plain(other) => Some(right.0),
                    (Operator::Add, one, Type::Text { .. }) if is_plain(one) => Some(left.0),
                    _ => None,
                };
                let help = help.map(|side| format!("make it a text: `string({})`", self.shown(side).replace('`', "")));
                self.report(node, message, help)
            }
        }
    }
}

fn is_plain(of: &Type) -> bool {
    matches!(of, Type::Int | Type::Double | Type::Bool)
}

/// Whether there are values of both types that are equal. Null is compared with anything: it asks whether there is a
/// value at all.
fn may_be_equal(one: &Type, other: &Type) -> bool {
    let (one, other) = (one.present(), other.present());
    match (one, other) {
        (Type::Any | Type::Null, _) | (_, Type::Any | Type::Null) => true,
        (one, other) if one.is_number() && other.is_number() => true,
        (Type::List(_), Type::List(_))
        | (Type::Object { .. }, Type::Object { .. })
        | (Type::Text { .. }, Type::Text { .. })
        | (Type::Bool, Type::Bool) => true,
        _ => false,
    }
}

/// A number, or a truth, that was written as a text.
fn quoted_number(literal: (&Node, &Type), other: (&Node, &Type)) -> Option<String> {
    let What::Text(text) = &literal.0.what else { return None };
    let fits = match other.1.present() {
        Type::Int | Type::Double => text.parse::<f64>().is_ok(),
        Type::Bool => matches!(text.as_str(), "true" | "false"),
        Type::Any | Type::Null | Type::Text { .. } | Type::List(_) | Type::Object { .. } | Type::Nullable(_) => false,
    };
    fits.then(|| format!("write it without quotes: `{text}`"))
}
