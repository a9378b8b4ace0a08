use serde_json::{Value as Json, json};

use super::*;

mod random;
mod table;

fn expression(text: &str) -> Expression {
    match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => panic!("{text}: {error:?}"),
    }
}

/// The type of [`scope`].
fn types() -> Type {
    let part = Type::object([
        ("name", Type::text()),
        ("path", Type::text()),
        ("risk", Type::Int.nullable()),
        ("tags", Type::list(Type::text())),
    ]);
    let status = Type::one_of(["succeeded", "failed", "skipped", "blocked", "cancelled", "conflict"]);
    let task = |outputs: Type| Type::object([("status", status.clone()), ("outputs", outputs)]);
    Type::object([
        (
            "inputs",
            Type::object([
                ("n", Type::Int),
                ("ratio", Type::Double),
                ("name", Type::text()),
                ("on", Type::Bool),
                ("level", Type::one_of(["low", "high"])),
                ("free", Type::Any),
                ("words", Type::list(Type::text())),
                ("open", Type::Object { fields: [("a".to_owned(), Type::Int)].into(), others: Others::Possible }),
            ]),
        ),
        (
            "tasks",
            Type::object([
                ("plan", task(Type::object([("parts", Type::list(part.clone()).nullable()), ("score", Type::Double)]))),
                ("skipped", task(Type::object([("parts", Type::list(part.clone()).nullable())]))),
            ]),
        ),
        ("part", part),
    ])
}

fn scope() -> Json {
    let parts = json!([
        { "name": "api", "path": "src/api", "risk": 3, "tags": ["a", "b"] },
        { "name": "ui", "path": "src/ui", "risk": null, "tags": [] },
        { "name": "db", "path": "src/db", "risk": 1, "tags": ["b"] },
    ]);
    json!({
        "inputs": {
            "n": 3, "ratio": 2.5, "name": "web-app", "on": true, "level": "high", "free": { "x": [1, 2] },
            "words": ["one", "two"], "open": { "a": 1, "b": "more" },
        },
        "tasks": {
            "plan": { "status": "succeeded", "outputs": { "parts": parts, "score": 4 } },
            "skipped": { "status": "skipped", "outputs": { "parts": null } },
        },
        "part": { "name": "api", "path": "src/api", "risk": 3, "tags": ["a"] },
    })
}

fn uses(text: &str) -> Vec<String> {
    let shown = |one: Use| format!("{}@{}..{}", one.path.join("."), one.offset, one.end);
    expression(text).uses().into_iter().map(shown).collect()
}

#[test]
fn what_an_expression_uses_is_told_without_what_its_macros_bind() {
    assert_eq!(uses("tasks.plan.outputs.parts"), ["tasks.plan.outputs.parts@0..24"]);
    assert_eq!(uses("a.b[0].c + d['e'].f"), ["a.b@0..3", "d.e.f@11..19"]);
    assert_eq!(uses("xs.filter(x, x.n > limit).map(y, y.name + x)"), ["xs@0..2", "limit@19..24", "x@42..43"]);
    assert_eq!(uses("xs.all(x, x.ys.exists(y, y == x && z))"), ["xs@0..2", "z@35..36"]);
    assert_eq!(
        uses("has(a.b.c) && size(d.e) > 0 && f.g.startsWith(h)"),
        ["a.b.c@0..10", "d.e@19..22", "f.g@31..34", "h@46..47"]
    );
    assert_eq!(uses("{k: [v, 1]}[i] ? !t : -u"), ["k@1..2", "v@5..6", "i@12..13", "t@18..19", "u@23..24"]);
    assert_eq!(uses("xs.map(x, x > 1, x)"), ["xs@0..2"]);
    assert_eq!(uses("'xs' == \"y\" && 1 == 1.5 && null == true"), [""; 0]);
}

#[test]
fn an_expression_keeps_its_text() {
    let text = " inputs.n  > 1 ";
    assert_eq!(expression(text).as_str(), text);
    assert_eq!(expression(text).to_string(), text);
    assert_eq!(expression(text), expression(text));
    assert_ne!(expression(text), expression("inputs.n > 1"));
    assert_eq!(format!("{:?}", expression("a")), "Expression(\"a\")");
}

fn complaint(text: &str) -> String {
    match Expression::parse(text) {
        Ok(_) => panic!("{text} parses"),
        Err(error) => {
            let help = error.help.map(|help| format!(" / {help}")).unwrap_or_default();
            format!("{text:<24} {}: {}{help}", error.offset, error.message)
        }
    }
}

#[test]
fn what_does_not_parse_is_said_in_words_at_its_place() {
    let texts = [
        "",
        "  ",
        "a ==",
        "a = 1",
        "a and b",
        "a or b",
        "not a",
        "a is b",
        "a & b",
        "a | b",
        "'abc",
        "\"\\q\"",
        "(a",
        "a)",
        "[1,",
        "f(,)",
        "a b",
        "{{inputs.n}}",
        "${a}",
        "größe > 1",
        "“a”",
        "99999999999999999999",
        "if a",
        "for",
        "a.1",
        "a..b",
        "a ? b",
        "{'a' 1}",
        ".a",
        "a{b: 1}",
        "a.?b",
        "[?a]",
        "cel.bind(x, 1, x)",
        "has(a)",
        "has(a[0])",
        "xs.filter(x)",
        "xs.map(x.y, 1)",
        "xs.all(string, true)",
        "xs.transformList(i, v, v)",
        "a[0](b)",
        "xs.exists(i, v, true)",
        "a; b",
        "#",
        "a\u{0}",
        "true && é",
    ];
    insta::assert_snapshot!(texts.map(complaint).join("\n"));
}

#[test]
fn what_is_too_large_is_refused_before_it_is_parsed() {
    let deep = |open: &str, close: &str, times: usize| format!("{}a{}", open.repeat(times), close.repeat(times));
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("{'k': ", "}"), ("a[", "]"), ("x.map(y, ", ")")] {
        assert!(Expression::parse(&deep(open, close, 16)).is_ok(), "{open}");
        let error = Expression::parse(&deep(open, close, 17)).expect_err(open);
        assert_eq!(error.message, "this expression is nested too deeply");
    }
    for prefix in ["!", "-", "true ? a : ", "a + ", "a.", "a && "] {
        assert!(Expression::parse(&deep(prefix, "", 100)).is_ok(), "{prefix}");
        assert!(Expression::parse(&deep(prefix, "", 4000 / prefix.len())).is_err(), "{prefix}");
    }
    let error = Expression::parse(&"a".repeat(5000)).expect_err("it is too long");
    assert_eq!(error.message, "this expression has 5000 bytes; the most is 4096");
    // What stands in a text or a comment nests nothing.
    let quoted = "(".repeat(30);
    for text in
        [format!("'{quoted}'"), format!("r'\\' + '''{quoted}'''"), format!("1 // {quoted}"), format!("'\\'{quoted}'")]
    {
        assert!(Expression::parse(&text).is_ok(), "{text}");
    }
}

#[test]
fn schemas_become_types() {
    let of = |schema: Json| Type::of_schema(&schema);
    assert_eq!(of(json!({ "type": "string" })), Type::text());
    assert_eq!(of(json!({ "enum": ["a", "b", null] })), Type::one_of(["a", "b"]).nullable());
    assert_eq!(of(json!({ "const": "a" })), Type::one_of(["a"]));
    assert_eq!(of(json!({ "enum": [1, 2.5] })), Type::Double);
    assert_eq!(of(json!({ "enum": [1, "a"] })), Type::Any);
    assert_eq!(of(json!({ "type": ["integer", "null"] })), Type::Int.nullable());
    assert_eq!(of(json!({ "type": ["integer", "string"] })), Type::Any);
    assert_eq!(of(json!({ "anyOf": [{ "type": "number" }, { "type": "null" }] })), Type::Double.nullable());
    assert_eq!(of(json!({ "type": "array", "items": { "type": "boolean" } })), Type::list(Type::Bool));
    assert_eq!(of(json!({ "type": "array" })), Type::list(Type::Any));
    let fields =
        json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "additionalProperties": false });
    assert_eq!(of(fields), Type::object([("a", Type::Int)]));
    let open = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
    assert_eq!(of(open), Type::Object { fields: [("a".to_owned(), Type::Int)].into(), others: Others::Possible });
    for unsaid in [json!(true), json!({}), json!({ "$ref": "#/$defs/a", "type": "string" }), json!({ "minimum": 1 })] {
        assert_eq!(of(unsaid), Type::Any);
    }
}

#[test]
fn a_failed_evaluation_says_which_value_was_at_fault() {
    let said = |text: &str| expression(text).evaluate(&scope()).expect_err(text).message;
    let all = [
        "tasks.skipped.outputs.parts.size",
        "tasks.plan.outputs.prts",
        "tasks.plan.outputs.parts.map(p, p.nme)",
        "inputs.name.first",
        "nowhere",
        "nothing(1)",
        "inputs.n / 0",
        "9223372036854775807 + 1",
        "tasks.plan.outputs.parts[7]",
        "inputs.n > 'a'",
        "inputs.n + 'a'",
        "timestamp('2026-01-01T00:00:00Z')",
        "duration('1h')",
        "b'abc'",
        "type(1)",
        "{1: 2}",
        "1.0 / 0.0",
        "int('a')",
        "'a'.matches('(')",
    ];
    insta::assert_snapshot!(all.map(|text| format!("{text}: {}", said(text))).join("\n"));
}

#[test]
fn a_condition_is_a_truth_and_a_list_a_list() {
    let scope = scope();
    assert_eq!(expression("inputs.n > 2").condition(&scope), Ok(true));
    let error = expression("inputs.name").condition(&scope).expect_err("it is a text");
    assert_eq!(error.message, "a condition is true or false, and this is a text");
    assert_eq!(expression("inputs.words").list(&scope), Ok(vec![json!("one"), json!("two")]));
    let error = expression("tasks.skipped.outputs.parts").list(&scope).expect_err("it is null");
    assert_eq!(error.message, "a list is needed, and this is null");
}

#[test]
fn numbers_of_json_stay_what_they_are() {
    let numbers = json!({ "a": [1, 1.0, 9_007_199_254_740_993_u64, -3, 0.1] });
    let same = expression("a").evaluate(&numbers).expect("it has a value");
    assert_eq!(same.to_string(), "[1,1.0,9007199254740992.0,-3,0.1]");
    assert_eq!(expression("a[0] == a[1] && a[0] in [1.0] && a[0] + a[4] == 1.1").evaluate(&numbers), Ok(json!(true)));
}

#[test]
fn keys_keep_one_order_whatever_order_they_came_in() {
    let keys = |text: &str| expression("o.map(k, k)").evaluate(&serde_json::from_str(text).expect("it is JSON"));
    assert_eq!(keys(r#"{"o": {"c": 1, "a": 2, "b": 3}}"#), Ok(json!(["a", "b", "c"])));
    assert_eq!(keys(r#"{"o": {"b": 1, "c": 2, "a": 3}}"#), Ok(json!(["a", "b", "c"])));
}

#[test]
fn an_evaluation_ends() {
    let scope = json!({ "xs": (0..2000).collect::<Vec<_>>(), "big": "x".repeat(100_000) });
    let endless = [
        "xs.map(a, xs.map(b, xs.map(c, c)))",
        "xs.exists(a, xs.exists(b, xs.exists(c, c < 0) || true) && false)",
        "xs.map(a, big + big)",
        "xs.filter(a, xs.all(b, b in xs))",
        "xs.filter(a, xs.exists(b, big.matches('y+')))",
        "[big + big].map(a, [a + a + a + a].map(b, [b + b + b + b].map(c, [c + c + c + c].map(d, d + d + d + d))))",
    ];
    for text in endless {
        let error = expression(text).evaluate(&scope).expect_err(text);
        assert!(error.message.starts_with("it takes too long"), "{text}: {}", error.message);
    }
    let long = json!({ "xs": (0..10_000).collect::<Vec<_>>() });
    let ordinary = expression("xs.map(a, a % 2 == 0, a * 2).size()").evaluate(&long);
    assert_eq!(ordinary, Ok(json!(5000)));
}

#[test]
fn names_of_types_can_be_names_of_values() {
    let scope = json!({ "string": "a", "type": { "list": [1] }, "map": [3] });
    assert_eq!(expression("string + string(type.list[0])").evaluate(&scope), Ok(json!("a1")));
    assert_eq!(expression("map.map(x, x + map[0])").evaluate(&scope), Ok(json!([6])));
    assert_eq!(expression("type(1) == int").evaluate(&json!({})), Ok(json!(true)));
}
