//! What keeps an evaluation within bounds, and numbers of JSON together.
//!
//! CEL always ends, but macros within macros over long lists may take longer than anyone waits. So the tree is changed
//! before it runs: what goes over lists, compares or computes passes through a function of ours that pays for it from
//! one purse. The same functions let whole numbers and fractions be added and multiplied, which JSON does not keep
//! apart and CEL does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel_core::{
    Ast, BinaryOp, CelType, Env, EvalError, Expr, FunctionDecl, MapActivation, OverloadDecl, Spanned, SpannedExpr,
    Value,
};

use crate::expression::syntax;

/// What one evaluation may cost: an element gone over costs 1, a text 1 for each [`LETTERS`].
const PURSE: u64 = 1_000_000;

/// How many bytes of a text cost as much as an element.
const LETTERS: usize = 64;

/// How many elements that are compared cost as much as one gone over.
const COMPARED: usize = 8;

/// How many elements that are copied do. `map` and `filter` copy what they have so far at each step.
const COPIED: usize = 64;

/// A pattern is compiled each time it is matched, which costs as much as going over so many elements.
const PATTERN: u64 = 200;

// No name of these can be written in an expression.
const EACH: &str = "@each";
const WEIGH: &str = "@weigh";
const MATCH: &str = "@match";
const COMPUTE: [(BinaryOp, &str); 4] =
    [(BinaryOp::Add, "@add"), (BinaryOp::Sub, "@subtract"), (BinaryOp::Mul, "@multiply"), (BinaryOp::Div, "@divide")];

/// What is left to spend.
#[derive(Debug, Clone)]
pub(super) struct Purse(Arc<AtomicU64>);

impl Purse {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(PURSE)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// The value, if it can be paid for.
    fn pay(&self, cost: u64, value: Value) -> Value {
        let left = self.0.load(Ordering::Relaxed).saturating_sub(cost);
        self.0.store(left, Ordering::Relaxed);
        if left == 0 { Value::error(EvalError::internal("it takes too long")) } else { value }
    }
}

/// The functions that a guarded tree calls.
pub(super) fn functions(purse: &Purse) -> Env {
    let mut env = Env::new();
    for (name, elements, extra) in [(EACH, 1, 0), (WEIGH, COMPARED, 0), (MATCH, COMPARED, PATTERN)] {
        let purse = purse.clone();
        let pay = move |given: &[Value]| match given {
            [value] => purse.pay(weight(value, elements).saturating_add(extra), value.clone()),
            _ => Value::error(EvalError::internal(name)),
        };
        add(&mut env, name, 1, pay);
    }
    for (operator, name) in COMPUTE {
        let purse = purse.clone();
        let program = env.program(&Ast::new_unchecked(computation(operator), ""));
        let compute = move |given: &[Value]| match (given, &program) {
            ([one, other], Ok(program)) => {
                let mut sides = MapActivation::new();
                sides.insert("one", like(one, other));
                sides.insert("other", like(other, one));
                let result = program.eval(&sides);
                purse.pay(weight(&result, COPIED), result)
            }
            _ => Value::error(EvalError::internal(name)),
        };
        add(&mut env, name, 2, compute);
    }
    env
}

fn add(env: &mut Env, name: &str, arity: usize, implementation: impl Fn(&[Value]) -> Value + Send + Sync + 'static) {
    let overload = OverloadDecl::function(name, vec![CelType::Dyn; arity], CelType::Dyn).with_impl(implementation);
    env.add_function(FunctionDecl::new(name).with_overload(overload));
}

fn computation(op: BinaryOp) -> SpannedExpr {
    let side = |id, name: &str| Box::new(Spanned::new(id, Expr::Ident(name.to_owned()), 0..0));
    Spanned::new(3, Expr::Binary { op, left: side(1, "one"), right: side(2, "other") }, 0..0)
}

/// A whole number beside a fraction is a fraction.
fn like(value: &Value, other: &Value) -> Value {
    match (value, other) {
        (Value::Int(whole), Value::Double(_)) => Value::Double(fraction(*whole)),
        _ => value.clone(),
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
fn fraction(whole: i64) -> f64 {
    whole as f64
}

/// What it costs to handle a value once, where so many of its elements cost 1.
fn weight(value: &Value, elements: usize) -> u64 {
    let units = match value {
        Value::String(text) => text.len() / LETTERS,
        Value::Bytes(bytes) => bytes.len() / LETTERS,
        Value::List(items) => items.len() / elements,
        Value::Map(entries) => entries.len() / elements,
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Double(_)
        | Value::Timestamp(_)
        | Value::Duration(_)
        | Value::Type(_)
        | Value::Optional(_)
        | Value::Message(_)
        | Value::Enum(_)
        | Value::Error(_) => 0,
    };
    u64::try_from(units).unwrap_or(u64::MAX).saturating_add(1)
}

/// Changes a tree so that it pays. `is_root` tells the names of the scope.
pub(super) fn guard(tree: &mut SpannedExpr, is_root: &impl Fn(&str) -> bool) {
    match &mut tree.node {
        Expr::List(items) => items.iter_mut().for_each(|item| guard(&mut item.expr, is_root)),
        Expr::Map(entries) => {
            for entry in entries {
                guard(&mut entry.key, is_root);
                guard(&mut entry.value, is_root);
            }
        }
        Expr::Unary { expr, .. } | Expr::Member { expr, .. } | Expr::MemberTestOnly { expr, .. } => {
            guard(expr, is_root);
        }
        Expr::Binary { left, right, .. } | Expr::Index { expr: left, index: right, .. } => {
            guard(left, is_root);
            guard(right, is_root);
        }
        Expr::Ternary { cond, then_expr, else_expr } => {
            for part in [cond, then_expr, else_expr] {
                guard(part, is_root);
            }
        }
        Expr::Call { expr, args } => {
            guard(expr, is_root);
            for one in args {
                guard(one, is_root);
            }
        }
        Expr::Comprehension(each) => {
            let parts = [
                &mut each.iter_range,
                &mut each.accu_init,
                &mut each.loop_condition,
                &mut each.loop_step,
                &mut each.result,
            ];
            for part in parts {
                guard(part, is_root);
            }
        }
        Expr::Null
        | Expr::Bool(_)
        | Expr::Int(_)
        | Expr::UInt(_)
        | Expr::Float(_)
        | Expr::String(_)
        | Expr::Bytes(_)
        | Expr::Ident(_)
        | Expr::RootIdent(_)
        | Expr::Struct { .. }
        | Expr::Bind { .. }
        | Expr::Error => {}
    }
    pass(tree, is_root);
}

/// Changes one node whose parts are changed already.
fn pass(tree: &mut SpannedExpr, is_root: &impl Fn(&str) -> bool) {
    match &mut tree.node {
        // The evaluator takes the name of a type for the type, whatever the scope says.
        Expr::Ident(name) if syntax::TYPES.contains(&name.as_str()) && is_root(name) => {
            tree.node = Expr::RootIdent(std::mem::take(name));
        }
        Expr::Binary { op: BinaryOp::Eq | BinaryOp::Ne, left, .. } => through(WEIGH, left),
        Expr::Binary { op: BinaryOp::In, right, .. } => through(EACH, right),
        Expr::Binary { op, left, right } => {
            if let Some((_, name)) = COMPUTE.iter().find(|(computed, _)| computed == op) {
                let nothing = || Spanned::new(0, Expr::Null, 0..0);
                let sides = [left, right].map(|side| std::mem::replace(&mut **side, nothing()));
                tree.node = called(name, sides.into());
            }
        }
        Expr::Comprehension(each) => through(EACH, &mut each.iter_range),
        Expr::Call { expr, .. } => {
            if let Expr::Member { expr, field, .. } = &mut expr.node {
                through(if field == "matches" { MATCH } else { WEIGH }, expr);
            }
        }
        Expr::Null
        | Expr::Bool(_)
        | Expr::Int(_)
        | Expr::UInt(_)
        | Expr::Float(_)
        | Expr::String(_)
        | Expr::Bytes(_)
        | Expr::Ident(_)
        | Expr::RootIdent(_)
        | Expr::List(_)
        | Expr::Map(_)
        | Expr::Unary { .. }
        | Expr::Ternary { .. }
        | Expr::Member { .. }
        | Expr::Index { .. }
        | Expr::MemberTestOnly { .. }
        | Expr::Struct { .. }
        | Expr::Bind { .. }
        | Expr::Error => {}
    }
}

fn through(name: &str, tree: &mut SpannedExpr) {
    let (id, span) = (tree.id, tree.span.clone());
    let inner = std::mem::replace(tree, Spanned::new(id, Expr::Null, span));
    tree.node = called(name, vec![inner]);
}

fn called(name: &str, args: Vec<SpannedExpr>) -> Expr {
    Expr::Call { expr: Box::new(Spanned::new(0, Expr::Ident(name.to_owned()), 0..0)), args }
}
