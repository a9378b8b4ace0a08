//! Random texts, and random expressions that are right by construction.

use proptest::prelude::*;

use super::*;

/// Everything that can be done with a text.
fn exercise(text: &str) {
    match Expression::parse(text) {
        Err(error) => {
            assert!(error.offset <= text.len(), "{text:?}: {error:?}");
            assert!(text.is_char_boundary(error.offset), "{text:?}: {error:?}");
        }
        Ok(expression) => {
            let checked = expression.check(&types());
            for problem in checked.err().into_iter().flatten() {
                assert!(text.get(problem.offset..problem.end).is_some(), "{text:?}: {problem:?}");
            }
            for one in expression.uses() {
                assert!(text.get(one.offset..one.end).is_some(), "{text:?}: {one:?}");
            }
            expression.evaluate(&scope()).ok();
        }
    }
}

const GOOD: [&str; 7] = [
    "tasks.plan.outputs.parts.filter(p, p.risk != null && p.risk > 2).map(p, {'a': p.path + '/**'})",
    "tasks.plan.status == 'succeeded' && (inputs.n > 1.5 || !has(part.risk))",
    "inputs.on ? [1, -2, inputs.n] : r'\\d' + \"a\\\"\" + '''b'c'''",
    "size(inputs.words) % 2 == 0 && inputs.name.matches('^[a-z]+$') // why",
    "'one' in inputs.words && inputs['free'].x[0] + 1 < 2.5e3",
    "tasks.plan.outputs.parts.exists_one(p, p.tags.all(t, t in ['a', 'b']))",
    "timestamp('2026-02-03T00:00:00Z').getFullYear() + int('3') + 0x1F",
];

const PIECES: [&str; 40] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "'''",
    "r'",
    "\\",
    "//",
    "\n",
    ".",
    ",",
    ":",
    "?",
    "!",
    "-",
    "&&",
    "||",
    "==",
    "=",
    "<",
    " in ",
    "+",
    "*",
    "1",
    "2.5",
    "9999999999999999999",
    "null",
    "true",
    "inputs",
    "part",
    "x",
    ".map(x, ",
    "has(",
    "é",
    "\u{0}",
    "if",
];

/// An expression of this type, right by construction.
fn of_int() -> BoxedStrategy<String> {
    let leaf = prop_oneof![Just("inputs.n".to_owned()), (-9_i64..99).prop_map(|number| format!("({number})"))];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} + {other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} * {other})")),
            inner.clone().prop_map(|one| format!("[{one}, 2][0]")),
            inner.clone().prop_map(|one| format!("size([{one}])")),
            inner.clone().prop_map(|one| format!("int(string({one}))")),
            inner.prop_map(|one| format!("[{one}].map(x, x + inputs.n)[0]")),
        ]
    })
    .boxed()
}

fn of_number() -> BoxedStrategy<String> {
    prop_oneof![
        of_int(),
        Just("inputs.ratio".to_owned()),
        Just("tasks.plan.outputs.score".to_owned()),
        (of_int(), of_int()).prop_map(|(one, other)| format!("({one} - 0.5 * {other})")),
        of_int().prop_map(|one| format!("double({one})")),
    ]
    .boxed()
}

fn of_text() -> BoxedStrategy<String> {
    prop_oneof![
        Just("inputs.name".to_owned()),
        Just("inputs.words[0]".to_owned()),
        Just("tasks.plan.outputs.parts[1].name".to_owned()),
        Just("tasks.plan.status".to_owned()),
        "'[a-z]{0,3}'",
        of_number().prop_map(|number| format!("string({number})")),
    ]
    .boxed()
}

fn of_bool() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("inputs.on".to_owned()),
        Just("has(part.risk)".to_owned()),
        Just("tasks.skipped.outputs.parts == null".to_owned()),
        (of_number(), "==|!=|<|<=|>|>=", of_number()).prop_map(|(one, sign, other)| format!("{one} {sign} {other}")),
        (of_text(), of_text()).prop_map(|(one, other)| format!("{one} + '' == {other} + ''")),
        (of_text(), of_text()).prop_map(|(one, other)| format!("{one} < {other}")),
        (of_text(), of_text()).prop_map(|(one, other)| format!("{one}.contains({other})")),
        of_number().prop_map(|one| format!("{one} in [1, 2.5, {one}]")),
        of_text().prop_map(|one| format!("{one} + 'x' in inputs.words")),
        of_number().prop_map(|one| format!("inputs.free.x.exists(x, x > {one})")),
    ];
    leaf.prop_recursive(3, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} && {other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} || {other})")),
            inner.clone().prop_map(|one| format!("!({one})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("(({a}) ? ({b}) : ({c}))")),
            inner.prop_map(|one| format!("tasks.plan.outputs.parts.all(p, ({one}) || p.name != '')")),
        ]
    })
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        exercise(&text);
    }

    #[test]
    fn no_text_of_pieces_panics(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..24)) {
        exercise(&pieces.concat());
    }

    #[test]
    fn no_mutation_panics(
        good in proptest::sample::select(&GOOD[..]),
        edits in proptest::collection::vec((0..100_usize, 0..4_usize, proptest::sample::select(&PIECES[..])), 1..4),
    ) {
        let mut letters: Vec<String> = good.chars().map(String::from).collect();
        for (at, taken, put) in edits {
            let at = at.min(letters.len());
            letters.splice(at..(at + taken).min(letters.len()), [put.to_owned()]);
        }
        exercise(&letters.concat());
    }

    #[test]
    fn no_nesting_overflows(open in proptest::sample::select(&["(", "[", "!", "-", "f(", "{1: ", "a[", "1 + ", "a ? b : ", "a && ", "x.map(x, ", "a.", "[1].map(x, 1 + "][..]), times in 0..2000_usize) {
        let close = match open.trim_end().chars().last() {
            _ if open.contains(".map(") => ")",
            Some('(') => ")",
            Some('[') => "]",
            _ if open.starts_with('{') => "}",
            _ => "",
        };
        exercise(&format!("{}inputs.n{}", open.repeat(times), close.repeat(times)));
        exercise(&open.repeat(times));
        exercise(&format!("{}inputs.n{}", open.repeat(times % 17), close.repeat(times % 17)));
    }

    #[test]
    fn what_is_right_by_construction_is_never_refused(condition in of_bool(), number in of_number(), text in of_text()) {
        type Fits = fn(&Json) -> bool;
        let all: [(&str, Fits); 3] = [(&condition, Json::is_boolean), (&number, Json::is_number), (&text, Json::is_string)];
        for (source, fits) in all {
            // Large ones are refused for their size alone.
            let Ok(expression) = Expression::parse(source) else { continue };
            let Ok(value) = expression.evaluate(&scope()) else { continue };
            let of = expression.check(&types());
            prop_assert!(of.is_ok(), "{source}: {of:?}");
            prop_assert!(fits(&value), "{source}: {value}");
        }
    }
}
