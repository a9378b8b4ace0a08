//! Expressions, what is known of them before they run, and what comes of them.

use super::*;

/// The type an expression has in [`types`], or what is wrong with it.
fn checked(text: &str) -> String {
    match expression(text).check(&types()) {
        Ok(Type::List(of)) => format!("a list of {}", of.described()),
        Ok(of) => of.described(),
        Err(problems) => problems
            .into_iter()
            .map(|problem| {
                let at = &text[problem.offset..problem.end];
                let help = problem.help.map(|help| format!("\n    help: {help}")).unwrap_or_default();
                format!("\n  [{at}] {}{help}", problem.message)
            })
            .collect::<Vec<_>>()
            .concat(),
    }
}

/// Expressions that are right: their type, and their value in [`scope`].
const RIGHT: [(&str, &str, &str); 66] = [
    ("true", "true or false", "true"),
    ("null", "null", "null"),
    ("1", "a whole number", "1"),
    ("-1.5", "a number", "-1.5"),
    ("'a\\n'", "text", "\"a\\n\""),
    ("[1, 2.5]", "a list of a number", "[1,2.5]"),
    ("[]", "a list of any value", "[]"),
    ("{'a': 1, 'b': ['c']}", "an object", "{\"a\":1,\"b\":[\"c\"]}"),
    ("inputs.n", "a whole number", "3"),
    ("inputs['n']", "a whole number", "3"),
    ("inputs.n > 1", "true or false", "true"),
    ("inputs.n > 1.5", "true or false", "true"),
    ("inputs.ratio > 2", "true or false", "true"),
    ("inputs.ratio == 2.5", "true or false", "true"),
    ("inputs.n == 3.0", "true or false", "true"),
    ("tasks.plan.outputs.score == 4", "true or false", "true"),
    ("inputs.n + 1", "a whole number", "4"),
    ("inputs.n + inputs.ratio", "a number", "5.5"),
    ("inputs.ratio * 2", "a number", "5.0"),
    ("inputs.n / 2", "a whole number", "1"),
    ("inputs.n % 2", "a whole number", "1"),
    ("-inputs.n", "a whole number", "-3"),
    ("inputs.name + '/' + string(inputs.n)", "text", "\"web-app/3\""),
    ("inputs.name == 'web-app' && inputs.on", "true or false", "true"),
    ("!inputs.on || inputs.n < 1", "true or false", "false"),
    ("inputs.on ? 'yes' : 'no'", "text", "\"yes\""),
    ("inputs.on ? 1 : null", "a whole number or null", "1"),
    ("inputs.level == 'high'", "true or false", "true"),
    ("inputs.level in ['low', 'high']", "true or false", "true"),
    ("'one' in inputs.words", "true or false", "true"),
    ("'a' in inputs.open", "true or false", "true"),
    ("inputs.open.b", "any value", "\"more\""),
    ("inputs.free.x[0] + 1", "any value", "2"),
    ("inputs.words + ['three']", "a list of text", "[\"one\",\"two\",\"three\"]"),
    ("inputs.words[0]", "text", "\"one\""),
    ("inputs.words[1].startsWith('t')", "true or false", "true"),
    ("inputs.name.contains('app')", "true or false", "true"),
    ("inputs.name.endsWith('app')", "true or false", "true"),
    ("inputs.name.matches('^[a-z-]+$')", "true or false", "true"),
    ("size(inputs.words) == 2", "true or false", "true"),
    ("inputs.name.size()", "a whole number", "7"),
    ("size('größe')", "a whole number", "5"),
    ("int('3') + int(2.9)", "a whole number", "5"),
    ("double(inputs.n)", "a number", "3.0"),
    ("bool('true')", "true or false", "true"),
    ("dyn(1) == dyn('1')", "true or false", "false"),
    ("type(inputs.n) == int", "true or false", "true"),
    ("string(true)", "text", "\"true\""),
    ("tasks.plan.status == 'succeeded'", "true or false", "true"),
    ("tasks.skipped.status != 'failed'", "true or false", "true"),
    ("tasks.skipped.outputs.parts == null", "true or false", "true"),
    ("tasks.plan.outputs.parts != null && size(tasks.plan.outputs.parts) > 2", "true or false", "true"),
    ("tasks.plan.outputs.parts.map(p, p.name)", "a list of text", "[\"api\",\"ui\",\"db\"]"),
    (
        "tasks.plan.outputs.parts.filter(p, p.risk != null && p.risk > 2).map(p, p.path)",
        "a list of text",
        "[\"src/api\"]",
    ),
    ("tasks.plan.outputs.parts.map(p, p.risk == null, p.name)", "a list of text", "[\"ui\"]"),
    ("tasks.plan.outputs.parts.all(p, p.name != '')", "true or false", "true"),
    ("tasks.plan.outputs.parts.exists(p, 'b' in p.tags)", "true or false", "true"),
    ("tasks.plan.outputs.parts.exists_one(p, p.risk == 1)", "true or false", "true"),
    (
        "tasks.plan.outputs.parts.map(p, p.tags.map(t, p.name + t))",
        "a list of a list",
        "[[\"apia\",\"apib\"],[],[\"dbb\"]]",
    ),
    ("tasks.plan.outputs.parts.map(p, {'os': 'linux', 'part': p.name})[0].part", "text", "\"api\""),
    ("inputs.open.map(k, k)", "a list of text", "[\"a\",\"b\"]"),
    ("has(part.risk) && has(inputs.open.zzz)", "true or false", "false"),
    ("has(tasks.skipped.outputs.parts)", "true or false", "true"),
    ("part.risk > 2", "true or false", "true"),
    ("[part.path + '/**']", "a list of text", "[\"src/api/**\"]"),
    ("timestamp('2026-02-03T00:00:00Z').getFullYear()", "a whole number", "2026"),
];

#[test]
fn what_is_right_has_its_type_and_its_value() {
    for (text, of, value) in RIGHT {
        assert_eq!(checked(text), of, "{text}");
        let result = expression(text).evaluate(&scope()).map(|value| value.to_string());
        assert_eq!(result, Ok(value.to_owned()), "{text}");
    }
}

#[test]
fn what_may_be_anything_is_never_wrong() {
    let anything = Type::object(["inputs", "tasks", "part"].map(|root| (root, Type::Any)));
    for (text, _, _) in RIGHT {
        for scope in [&anything, &Type::Any] {
            assert!(expression(text).check(scope).is_ok(), "{text}");
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let wrong = [
        "inptus.n",
        "succeeded",
        "inputs.nmae",
        "inputs.zzzzzz",
        "tasks.pln.status == 'succeeded'",
        "inputs.n == '3'",
        "inputs.n != '3'",
        "inputs.on == 'true'",
        "inputs.name == 3",
        "tasks.plan.status == 'suceeded'",
        "'done' != tasks.plan.status",
        "inputs.level in ['low', 'hihg']",
        "inputs.n in inputs.words",
        "'web' in inputs.name",
        "1 in inputs.open",
        "inputs.on < true",
        "inputs.words > 1",
        "inputs.n < 'a'",
        "inputs.n < '5'",
        "inputs.name && inputs.on",
        "inputs.on || inputs.n",
        "!inputs.words",
        "inputs.name ? 1 : 2",
        "inputs.name + inputs.n",
        "inputs.n - inputs.name",
        "-inputs.name",
        "inputs.words.name",
        "inputs.name.length",
        "inputs.n[0]",
        "inputs.words['a']",
        "tasks.plan.outputs.parts.name",
        "tasks.plan.outputs.parts[0].nme",
        "tasks.plan.outputs.parts.filter(p, p.name)",
        "tasks.plan.outputs.parts.map(p, p.naem)",
        "inputs.name.filter(c, true)",
        "has(part.rsk)",
        "len(inputs.words)",
        "inputs.words.contains('one')",
        "inputs.name.startswith('a')",
        "inputs.words.any(w, w == '')",
        "inputs.name.contains()",
        "size(inputs.n)",
        "string(inputs.words)",
        "inputs.n.string()",
        "inputs.n.contains('3')",
        "frobnicate(1)",
        "inputs.name.matches('(a')",
        "inputs.nmae == 1 && inputs.on == 'x'",
    ];
    insta::assert_snapshot!(wrong.map(|text| format!("{text}{}", checked(text))).join("\n"));
}
