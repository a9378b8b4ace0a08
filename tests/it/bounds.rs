//! Every number that a file can have, at the bounds of its key and of the types that hold it: the schema takes it
//! exactly where the program does.

use ai_sdlc::cli::schema;
use serde_json::{Map, Value, json};

use crate::bodies;

/// Numbers at which types end, or change their form.
fn limits() -> Vec<Value> {
    let whole = [
        0,
        1,
        -1,
        i64::from(i8::MAX) + 1,
        i64::from(u16::MAX),
        i64::from(u16::MAX) + 1,
        i64::from(i32::MAX),
        i64::from(i32::MAX) + 1,
        i64::from(i32::MIN) - 1,
        i64::from(u32::MAX),
        i64::from(u32::MAX) + 1,
        (1 << 53) - 1,
        (1 << 53) + 1,
        i64::MAX,
        i64::MIN,
    ];
    let broken = [
        0.0,
        -0.0,
        1.0,
        3.0,
        2.5,
        0.005,
        1e3,
        1e9,
        1e15,
        1e18,
        1e300,
        -1e300,
        4_294_967_296.0,
        9_223_372_036_854_775_808.0,
    ];
    whole.map(Value::from).into_iter().chain(broken.map(Value::from)).collect()
}

/// A number as the schema names it: where it stands, with `*` for any name and for any place in a list, and its bounds.
struct Number {
    path: Vec<String>,
    bounds: Vec<Value>,
}

fn numbers(root: &Value, node: &Value, path: &[String], into: &mut Vec<Number>) {
    if path.len() > 12 {
        return;
    }
    if let Some(name) = node.get("$ref").and_then(Value::as_str) {
        return numbers(root, root.pointer(name.trim_start_matches('#')).unwrap(), path, into);
    }
    let kinds = node.get("type").map(|kind| kind.as_array().cloned().unwrap_or_else(|| vec![kind.clone()]));
    if kinds.unwrap_or_default().iter().any(|kind| *kind == "integer" || *kind == "number") {
        let bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
        let bounds = bounds.iter().filter_map(|key| node.get(*key).cloned()).collect();
        into.push(Number { path: path.to_vec(), bounds });
    }
    let below = |key: &str| [path, &[key.to_owned()]].concat();
    for (key, inner) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
        numbers(root, inner, &below(key), into);
    }
    for key in ["additionalProperties", "items"] {
        if let Some(inner) = node.get(key).filter(|inner| inner.is_object()) {
            numbers(root, inner, &below("*"), into);
        }
    }
    for inner in ["anyOf", "allOf", "oneOf"].iter().filter_map(|key| node.get(*key)?.as_array()).flatten() {
        numbers(root, inner, path, into);
    }
}

/// The bounds and what lies right beside them.
fn around(bound: &Value) -> Vec<Value> {
    let mut values = vec![bound.clone()];
    if let Some(whole) = bound.as_i64() {
        values.extend([whole - 1, whole + 1].map(Value::from));
    }
    let broken = bound.as_f64().unwrap();
    values.extend([broken, broken - 0.001, broken + 0.001, broken - 1.0, broken + 1.0].map(Value::from));
    values
}

/// Puts a value into a file, with the tables and lists that lead to it.
fn put(into: &mut Value, path: &[String], value: &Value) {
    let Some((first, rest)) = path.split_first() else {
        *into = value.clone();
        return;
    };
    if first == "*" && into.is_array() {
        if into.as_array().unwrap().is_empty() {
            into.as_array_mut().unwrap().push(Value::Null);
        }
        return put(&mut into[0], rest, value);
    }
    if !into.is_object() {
        *into = json!({});
    }
    let name = if first == "*" { "one" } else { first };
    put(into.as_object_mut().unwrap().entry(name).or_insert(Value::Null), rest, value);
}

/// A file of each kind with what is required, lists of tables with one table.
fn base(kind: &str) -> Value {
    match kind {
        "mission" => json!({ "mission": { "name": "m" }, "tasks": { "one": { "run": ["true"] } } }),
        "scenario" => json!({ "sessions": [{ "play": [{}] }], "gates": [{}] }),
        _ => Value::Object(Map::new()),
    }
}

#[test]
fn every_number_is_bounded_alike_in_schema_and_program() {
    type Body = fn(&[u8]) -> Option<bool>;
    let kinds: [(&str, Body); 3] =
        [("mission", bodies::mission), ("config", bodies::config), ("scenario", bodies::scenario)];
    let schemas = schema::all();
    for (kind, body) in kinds {
        let (_, text) = schemas.iter().find(|(file, _)| file.starts_with(kind)).unwrap();
        let root: Value = serde_json::from_str(text).unwrap();
        let mut found = Vec::new();
        numbers(&root, &root, &[], &mut found);
        assert!(!found.is_empty(), "{kind} has numbers");
        for Number { path, bounds } in found {
            let values: Vec<Value> = limits().into_iter().chain(bounds.iter().flat_map(around)).collect();
            let takes = |value: &Value| {
                let mut file = base(kind);
                put(&mut file, &path, value);
                body(toml::to_string(&file).unwrap().as_bytes()).unwrap()
            };
            assert!(values.iter().any(takes), "{kind} {path:?} takes no number at all: nothing is compared");
            assert!(!takes(&json!("x")), "{kind} {path:?} takes a text");
        }
    }
}
