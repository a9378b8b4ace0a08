//! Functions: which there are, and what they take and give.

use crate::diagnostic::nearest::nearest;
use crate::expression::check::Checker;
use crate::expression::node::{Node, What};
use crate::expression::{Expression, Type};

/// Functions that ask a text.
const OF_TEXT: [&str; 4] = ["contains", "endsWith", "matches", "startsWith"];

/// Functions that make a value of another type.
const CONVERSIONS: [&str; 10] =
    ["bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"];

/// Functions that ask a point in time or a duration.
const OF_TIME: [&str; 10] = [
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
];

/// Macros, for "did you mean".
const MACROS: [&str; 6] = ["all", "exists", "exists_one", "filter", "has", "map"];

/// What other languages call them.
const ELSEWHERE: [(&str, &str); 12] = [
    ("any", "list.exists(one, …)"),
    ("count", "size(list)"),
    ("every", "list.all(one, …)"),
    ("find", "list.filter(one, …)[0]"),
    ("float", "double(value)"),
    ("includes", "value in list"),
    ("len", "size(list)"),
    ("length", "size(list)"),
    ("match", "text.matches(\"pattern\")"),
    ("some", "list.exists(one, …)"),
    ("str", "string(value)"),
    ("toString", "string(value)"),
];

/// Whether there is such a function, called on a value or not.
fn is_known(name: &str, is_method: bool) -> bool {
    name == "size" || OF_TEXT.contains(&name) || OF_TIME.contains(&name) || (CONVERSIONS.contains(&name) && !is_method)
}

impl<'e> Checker<'e> {
    pub(super) fn call(&mut self, node: &Node, name: &str, on: Option<&'e Node>, arguments: &'e [Node]) -> Type {
        if !is_known(name, on.is_some()) {
            return self.unknown_function(node, name, on.is_some());
        }
        let taken: Vec<(&'e Node, Type)> =
            on.into_iter().chain(arguments).map(|part| (part, self.infer(part))).collect();
        let form = match on {
            Some(_) => format!("value.{name}"),
            None => name.to_owned(),
        };
        match name {
            "size" => match taken.as_slice() {
                [(of, kind)] => self.size(of, kind),
                _ => self.miscounted(node, &form, "size(value)"),
            },
            _ if OF_TEXT.contains(&name) => match taken.as_slice() {
                [whole, part] => self.of_text(name, whole, part),
                _ => self.miscounted(node, &form, &format!("text.{name}(\"…\")")),
            },
            _ if CONVERSIONS.contains(&name) => match taken.as_slice() {
                [(of, kind)] => self.conversion(name, of, kind),
                _ => self.miscounted(node, &form, &format!("{name}(value)")),
            },
            _ => match taken.as_slice() {
                [(of, kind)] | [(of, kind), _] => self.of_time(name, of, kind),
                _ => self.miscounted(node, &form, &format!("timestamp(\"…\").{name}()")),
            },
        }
    }

    fn miscounted(&mut self, node: &Node, form: &str, usage: &str) -> Type {
        self.report(
            node,
            format!("`{form}` is called with the wrong number of arguments"),
            Some(format!("write `{usage}`")),
        )
    }

    fn unknown_function(&mut self, node: &Node, name: &str, is_method: bool) -> Type {
        if CONVERSIONS.contains(&name) && is_method {
            return self.report(node, format!("`{name}` is called on nothing"), Some(format!("write `{name}(value)`")));
        }
        let known = MACROS.iter().chain(&OF_TEXT).chain(&CONVERSIONS).chain(&OF_TIME).chain(&["size"]).copied();
        let help = match ELSEWHERE.iter().find(|(other, _)| *other == name) {
            Some((_, ours)) => format!("write `{ours}`"),
            None if MACROS.contains(&name) => format!("it is called on a list: `list.{name}(one, …)`"),
            None => match nearest(name, known) {
                Some(close) => format!("did you mean `{close}`?"),
                None => "let a command compute it and hand it over".to_owned(),
            },
        };
        self.report(node, format!("there is no function `{name}`"), Some(help))
    }

    fn size(&mut self, of: &Node, kind: &Type) -> Type {
        let kind = kind.present();
        if matches!(kind, Type::Null | Type::Bool | Type::Int | Type::Double) {
            let message = format!("{} is {} and has no size", self.shown(of), kind.described());
            self.report(of, message, None);
        }
        Type::Int
    }

    fn of_text(&mut self, name: &str, whole: &(&Node, Type), part: &(&Node, Type)) -> Type {
        for (side, kind) in [whole, part] {
            let kind = kind.present();
            if !matches!(kind, Type::Any | Type::Text { .. }) {
                let shown = |node| self.shown(node).replace('`', "");
                let help = match kind {
                    Type::List(_) if name == "contains" => format!("write `{} in {}`", shown(part.0), shown(whole.0)),
                    Type::List(_) => format!("ask its elements: `{}.exists(one, one.{name}(…))`", shown(side)),
                    Type::Object { .. } | Type::Null | Type::Nullable(_) => "ask one of its texts".to_owned(),
                    Type::Any | Type::Bool | Type::Int | Type::Double | Type::Text { .. } => {
                        format!("make it a text: `string({})`", shown(side))
                    }
                };
                let message = format!("`{name}` asks a text, and {} is {}", self.shown(side), kind.described());
                self.report(side, message, Some(help));
                return Type::Bool;
            }
        }
        if let ("matches", What::Text(pattern)) = (name, &part.0.what) {
            self.pattern(part.0, pattern);
        }
        Type::Bool
    }

    /// A pattern that is known can be tried.
    fn pattern(&mut self, node: &Node, pattern: &str) {
        let tried = Expression::parse("\"\".matches(pattern)")
            .map(|matching| matching.evaluate(&serde_json::json!({ "pattern": pattern })));
        if let Ok(Err(error)) = tried {
            self.report(
                node,
                error.message,
                Some("patterns are regular expressions; write them as `r\"…\"`".to_owned()),
            );
        }
    }

    fn conversion(&mut self, name: &str, of: &Node, kind: &Type) -> Type {
        let kind = kind.present();
        let compound = matches!(kind, Type::List(_) | Type::Object { .. } | Type::Null);
        let (becomes, refused) = match name {
            "int" => (Type::Int, compound || *kind == Type::Bool),
            "double" => (Type::Double, compound || *kind == Type::Bool),
            "string" => (Type::text(), compound),
            "bool" => (Type::Bool, compound || kind.is_number()),
            _ => (Type::Any, false),
        };
        if refused {
            let message = format!("`{name}` cannot take {}: it is {}", self.shown(of), kind.described());
            return self.report(of, message, None);
        }
        becomes
    }

    fn of_time(&mut self, name: &str, of: &Node, kind: &Type) -> Type {
        let kind = kind.present();
        if *kind != Type::Any {
            let message = format!("`{name}` asks a point in time, and {} is {}", self.shown(of), kind.described());
            let text = matches!(kind, Type::Text { .. });
            let help = text.then(|| format!("write `timestamp({}).{name}()`", self.shown(of).replace('`', "")));
            self.report(of, message, help);
        }
        Type::Int
    }
}
