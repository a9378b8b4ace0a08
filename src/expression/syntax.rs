//! Text to tree: the crate's parser, and what a mission cannot use of its language.

use cel_core::parser::{ParseOptions, parse_with_options};
use cel_core::{BinaryOp, Expr, ListElement, MapEntry, Span, SpannedExpr, UnaryOp};

use crate::expression::node::{Loop, LoopKind, Node, Operator, What};
use crate::expression::{ExpressionError, bounds, complaint};

/// Names that mean a type wherever they stand, so that no variable of a macro may have them.
pub(super) const TYPES: [&str; 11] =
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "optional_type", "string", "type", "uint"];

type Read<T> = Result<T, ExpressionError>;

/// Reads a text.
pub(super) fn read(text: &str) -> Read<Node> {
    bounds::hold(text)?;
    let parsed = parse_with_options(text, ParseOptions::without_macros());
    if let Some(error) = parsed.errors.first() {
        return Err(complaint::explain(text, error));
    }
    match parsed.ast {
        Some(tree) => lower(&tree, 0),
        None => Err(complaint::empty()),
    }
}

fn lower(tree: &SpannedExpr, depth: usize) -> Read<Node> {
    let span = &tree.span;
    if depth > bounds::DEPTH {
        return Err(bounds::too_deep(span.start));
    }
    let one = |part: &SpannedExpr| lower(part, depth + 1).map(Box::new);
    let what = match &tree.node {
        Expr::Null => What::Null,
        Expr::Bool(_) => What::Bool,
        Expr::Int(_) => What::Int,
        Expr::Float(_) => What::Double,
        Expr::UInt(_) | Expr::Bytes(_) => What::Foreign,
        Expr::String(text) => What::Text(text.clone()),
        Expr::Ident(name) => What::Name(name.clone()),
        Expr::List(items) => What::List(list(items, span, depth)?),
        Expr::Map(entries) => What::Map(map(entries, span, depth)?),
        Expr::Unary { op: UnaryOp::Not, expr } => What::Not(one(expr)?),
        Expr::Unary { op: UnaryOp::Neg, expr } => What::Minus(one(expr)?),
        Expr::Binary { op, left, right } => What::Binary(operator(*op), one(left)?, one(right)?),
        Expr::Ternary { cond, then_expr, else_expr } => What::Choice(one(cond)?, one(then_expr)?, one(else_expr)?),
        Expr::Member { optional: true, .. } | Expr::Index { optional: true, .. } => return Err(no_optional(span)),
        Expr::Member { expr, field, optional: false } => What::Field(one(expr)?, field.clone()),
        Expr::Index { expr, index, optional: false } => What::Index(one(expr)?, one(index)?),
        Expr::Call { expr, args } => return call(expr, args, span, depth),
        Expr::RootIdent(_) => return Err(ExpressionError::new("a name does not begin with a dot", span.start)),
        Expr::Struct { type_name, .. } => {
            let error = ExpressionError::new("a mission knows no types of messages", type_name.span.start);
            return Err(error.help("an object is written as `{\"key\": value}`"));
        }
        Expr::Comprehension(_) | Expr::MemberTestOnly { .. } | Expr::Bind { .. } | Expr::Error => {
            return Err(ExpressionError::new("this is no expression", span.start));
        }
    };
    Ok(at(what, span))
}

fn list(items: &[ListElement], span: &Span, depth: usize) -> Read<Vec<Node>> {
    let each = |item: &ListElement| {
        if item.optional {
            return Err(no_optional(span));
        }
        lower(&item.expr, depth + 1)
    };
    items.iter().map(each).collect()
}

fn map(entries: &[MapEntry], span: &Span, depth: usize) -> Read<Vec<(Node, Node)>> {
    let each = |entry: &MapEntry| {
        if entry.optional {
            return Err(no_optional(span));
        }
        Ok((lower(&entry.key, depth + 1)?, lower(&entry.value, depth + 1)?))
    };
    entries.iter().map(each).collect()
}

fn at(what: What, span: &Span) -> Node {
    Node { what, offset: span.start, end: span.end }
}

fn no_optional(span: &Span) -> ExpressionError {
    ExpressionError::new("optional values (`a.?b`, `a[?b]`) are not part of a mission's CEL", span.start)
        .help("ask first: `has(a.b) ? a.b : null`")
}

fn operator(op: BinaryOp) -> Operator {
    match op {
        BinaryOp::And => Operator::And,
        BinaryOp::Or => Operator::Or,
        BinaryOp::Eq => Operator::Equal,
        BinaryOp::Ne => Operator::Unequal,
        BinaryOp::Lt => Operator::Less,
        BinaryOp::Le => Operator::LessOrEqual,
        BinaryOp::Gt => Operator::Greater,
        BinaryOp::Ge => Operator::GreaterOrEqual,
        BinaryOp::In => Operator::In,
        BinaryOp::Add => Operator::Add,
        BinaryOp::Sub => Operator::Subtract,
        BinaryOp::Mul => Operator::Multiply,
        BinaryOp::Div => Operator::Divide,
        BinaryOp::Mod => Operator::Remainder,
    }
}

fn call(callee: &SpannedExpr, arguments: &[SpannedExpr], span: &Span, depth: usize) -> Read<Node> {
    let lowered = || arguments.iter().map(|one| lower(one, depth + 1)).collect::<Read<Vec<_>>>();
    let what = if let Expr::Ident(name) = &callee.node {
        if name == "has" {
            has(arguments, span, depth)?
        } else {
            What::Call { name: name.clone(), on: None, arguments: lowered()? }
        }
    } else if let Expr::Member { expr, field, optional: false } = &callee.node {
        if let Some(of_loop) = loop_over(expr, field, arguments, span, depth) {
            What::Loop(of_loop?)
        } else {
            refuse_other_macros(expr, field, span)?;
            let on = Some(Box::new(lower(expr, depth + 1)?));
            What::Call { name: field.clone(), on, arguments: lowered()? }
        }
    } else {
        return Err(ExpressionError::new("only a function can be called", callee.span.start));
    };
    Ok(at(what, span))
}

fn has(arguments: &[SpannedExpr], span: &Span, depth: usize) -> Read<What> {
    match arguments {
        [SpannedExpr { node: Expr::Member { expr, field, optional: false }, .. }] => {
            Ok(What::Has(Box::new(lower(expr, depth + 1)?), field.clone()))
        }
        _ => Err(ExpressionError::new("`has` asks for one field of an object", span.start)
            .help("write the field with a dot: `has(part.risk)`")),
    }
}

/// A macro that goes over a list; nothing where `name` is none.
fn loop_over(
    over: &SpannedExpr,
    name: &str,
    arguments: &[SpannedExpr],
    span: &Span,
    depth: usize,
) -> Option<Read<Loop>> {
    let kind = match name {
        "all" | "exists" | "exists_one" | "existsOne" => LoopKind::Question,
        "filter" => LoopKind::Filter,
        "map" => LoopKind::Map,
        _ => return None,
    };
    Some((|| {
        let one = |part: &SpannedExpr| lower(part, depth + 1).map(Box::new);
        let (variable, condition, value) = match (kind, arguments) {
            (LoopKind::Map, [variable, value]) => (variable, None, Some(one(value)?)),
            (LoopKind::Map, [variable, condition, value]) => (variable, Some(one(condition)?), Some(one(value)?)),
            (LoopKind::Question | LoopKind::Filter, [variable, condition]) => (variable, Some(one(condition)?), None),
            (LoopKind::Map, _) => return Err(misused(name, "a name and a value", "map(part, part.name)", span)),
            (LoopKind::Question | LoopKind::Filter, _) => {
                let example = format!("{name}(part, part.risk == \"high\")");
                return Err(misused(name, "a name and a condition", &example, span));
            }
        };
        Ok(Loop { kind, over: one(over)?, variable: named(variable, name)?, condition, value })
    })())
}

fn misused(name: &str, takes: &str, example: &str, span: &Span) -> ExpressionError {
    ExpressionError::new(format!("`{name}` takes {takes}"), span.start).help(format!("for example `parts.{example}`"))
}

/// The name that a macro gives an element.
fn named(variable: &SpannedExpr, by: &str) -> Read<String> {
    let place = variable.span.start;
    let Expr::Ident(name) = &variable.node else {
        return Err(ExpressionError::new(format!("`{by}` first takes a name for the element"), place)
            .help(format!("for example `parts.{by}(part, …)`")));
    };
    if TYPES.contains(&name.as_str()) || name.starts_with("__") {
        let message = format!("`{name}` has a meaning of its own and cannot name an element");
        return Err(ExpressionError::new(message, place).help("choose another name"));
    }
    Ok(name.clone())
}

/// Macros that the crate knows and a mission does not.
fn refuse_other_macros(on: &SpannedExpr, name: &str, span: &Span) -> Read<()> {
    let bind = name == "bind" && matches!(&on.node, Expr::Ident(root) if root == "cel");
    if bind || matches!(name, "transformList" | "transformMap") {
        let shown = if bind { "cel.bind" } else { name };
        let message = format!("`{shown}` is not part of a mission's CEL");
        return Err(ExpressionError::new(message, span.start).help("use `map` and `filter`"));
    }
    Ok(())
}
