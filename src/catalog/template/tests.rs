use serde_json::json;

use super::*;

fn render(source: &str, values: &Value) -> Result<String, String> {
    Template::parse(source)
        .map_err(|error| format!("{}:{}: {error}", error.line, error.column))?
        .render(values, &BTreeMap::new())
        .map_err(|error| error.message)
}

fn used(source: &str) -> Vec<(String, Position, String)> {
    let template = Template::parse(source).unwrap();
    let text = |one: &VariableUse| source[one.offset..].chars().take(8).collect();
    template.uses().iter().map(|one| (one.path.join("."), one.position, text(one))).collect()
}

#[test]
fn text_without_tags_is_itself() {
    assert_eq!(render("a } b { c <&> \\n", &json!({})).unwrap(), "a } b { c <&> \\n");
}

#[test]
fn nothing_is_escaped() {
    assert_eq!(render("{{inputs.a}}", &json!({"inputs": {"a": "<a & \"b\">"}})).unwrap(), "<a & \"b\">");
}

#[test]
fn a_missing_variable_is_an_error_and_a_null_is_nothing() {
    let values = json!({"tasks": {"plan": {"outputs": {"gone": null}}}});
    assert_eq!(render("[{{tasks.plan.outputs.gone}}]", &values).unwrap(), "[]");
    assert_eq!(render("[{{#each tasks.plan.outputs.gone}}x{{/each}}]", &values).unwrap(), "[]");
    assert_eq!(
        render("{{tasks.plan.outputs.none}}", &values).unwrap_err(),
        "there is no value for `tasks.plan.outputs.none`"
    );
    assert_eq!(render("{{json tasks.none}}", &values).unwrap_err(), "there is no value for `tasks.none`");
}

#[test]
fn objects_and_lists_are_not_printed_bare() {
    let values = json!({"a": {"b": [1, "x"]}});
    assert_eq!(render("{{a}}", &values).unwrap_err(), "`a` is an object: use `{{json a}}`");
    assert_eq!(render("{{a.b}}", &values).unwrap_err(), "`a.b` is a list: use `{{json a.b}}` or `{{join a.b}}`");
    assert_eq!(render("{{json a}} {{join a.b \"; \"}}", &values).unwrap(), r#"{"b":[1,"x"]} 1; x"#);
    assert!(render("{{#each a}}{{this}}{{/each}}", &values).unwrap_err().contains("use `{{json this}}`"));
}

#[test]
fn indent_leaves_empty_lines_alone() {
    let values = json!({"t": "a\n\nb"});
    assert_eq!(render("{{indent t 2}}", &values).unwrap(), "  a\n\n  b");
    assert_eq!(render("{{indent t \"> \"}}", &values).unwrap(), "> a\n\n> b");
}

#[test]
fn all_uses_are_found_with_their_places() {
    let source = "é {{inputs.name}} {{#if (eq inputs.kind \"x\")}}{{json tasks.a.outputs.b}}{{else if inputs.other}}{{ mission.name }}{{/if}}";
    let expected = [
        ("inputs.name", Position::Printed, "inputs.n"),
        ("inputs.kind", Position::Tested, "inputs.k"),
        ("tasks.a.outputs.b", Position::Passed, "tasks.a."),
        ("inputs.other", Position::Tested, "inputs.o"),
        ("mission.name", Position::Printed, "mission."),
    ];
    assert_eq!(used(source), expected.map(|(path, position, at)| (path.to_owned(), position, at.to_owned())));
}

#[test]
fn what_a_block_binds_is_not_a_use() {
    let source = "{{#each tasks.a.outputs.parts as |part|}}{{part.name}} {{inputs.x}} {{../run.id}} {{@index}}{{/each}}\
        {{#with inputs}}{{feature}}{{/with}}{{#each list}}{{name}}{{this}}{{else}}{{inputs.y}}{{/each}}";
    let paths: Vec<String> = used(source).into_iter().map(|(path, _, _)| path).collect();
    assert_eq!(paths, ["tasks.a.outputs.parts", "inputs.x", "run.id", "inputs", "inputs.feature", "list", "inputs.y"]);
}

#[test]
fn the_missions_own_names_work_inside_blocks() {
    let values = json!({"inputs": {"x": "X"}, "list": [{"n": "1"}, {"n": "2"}]});
    assert_eq!(render("{{#each list}}{{n}}{{inputs.x}}{{/each}}", &values).unwrap(), "1X2X");
}

#[test]
fn syntax_errors_have_places() {
    assert_eq!(render("a\n {{#if x}}b", &json!({})).unwrap_err().split(':').take(2).collect::<Vec<_>>(), ["2", "12"]);
    assert!(render("{{#if x}}{{/each}}", &json!({})).unwrap_err().contains("`{{#if}}` is closed by `{{/each}}`"));
    let error = Template::parse("ok\n  {{nope x}}").unwrap_err();
    assert_eq!((error.line, error.column, error.offset), (2, 3, 5));
    assert!(error.message.starts_with("there is no helper `nope`"));
    assert!(Template::parse("{{json}}").unwrap_err().message.contains("needs something"));
    assert!(Template::parse("{{#frob x}}{{/frob}}").unwrap_err().message.starts_with("there is no block `frob`"));
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    for open in ["{{#if a}}", "{{json (", "{{json ["] {
        let source = open.to_owned() + &open.replace("{{json ", "").repeat(100_000);
        assert!(Template::parse(&source).is_err());
    }
}

#[test]
fn partials_are_included_and_never_for_ever() {
    let partials = BTreeMap::from([
        ("rules".to_owned(), "Rule for {{mission.name}}.\n".to_owned()),
        ("a".to_owned(), "{{> b}}".to_owned()),
        ("b".to_owned(), "{{> a}}".to_owned()),
        ("plain".to_owned(), "plain".to_owned()),
    ]);
    let values = json!({"mission": {"name": "m"}});
    let with = |source: &str| Template::parse(source).unwrap().render(&values, &partials);
    assert_eq!(with("{{> rules}}{{> plain}}").unwrap(), "Rule for m.\nplain");
    assert_eq!(with("{{> none}}").unwrap_err().message, "there is no partial `none`");
    assert_eq!(with("{{> a}}").unwrap_err().message, "the partial `a` includes itself: a → b → a");
    let template = Template::parse("x {{> rules}}").unwrap();
    assert_eq!(template.partials(), [PartialUse { name: "rules".to_owned(), offset: 6 }]);
}

proptest::proptest! {
    /// Whatever is written, reading and rendering it tells what is wrong and never panics.
    #[test]
    fn no_template_panics(parts in proptest::collection::vec(proptest::sample::select(vec![
        "{{", "}}", "{{{", "}}}", "{{{{", "}}}}", "#", "/", "if", "each", "with", "else", "{{else}}", "{{^}}", ">", "*", "&", "!", "!--",
        "--", "~", " ", "\n", "a", "a.b", "this", "../", "@root", "@index", "(", ")", "[", "]", "\"", "'", "\\", "=", "|", "as |x|",
        "json", "é", "1", "{{#if a}}", "{{/if}}", "{{#each l}}", "{{/each}}", "{{else if b}}", "{{> p}}", "{{raw}}", "lookup",
    ]), 0..12)) {
        let source: String = parts.concat();
        if let Ok(template) = Template::parse(&source) {
            let values = json!({"a": {"b": 1}, "b": true, "l": [1, {"a": 2}]});
            let partials = BTreeMap::from([("p".to_owned(), "{{a.b}}".to_owned())]);
            let _either = template.render(&values, &partials);
            for found in template.uses() {
                proptest::prop_assert!(source.is_char_boundary(found.offset), "{}", source);
            }
        }
    }
}
