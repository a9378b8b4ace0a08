//! Files that are made of the program: each must be as the program would make it now. `UPDATE=1` rewrites them.

use std::collections::BTreeSet;
use std::path::Path;

use ai_sdlc::cli::{codes, reference, schema};
use serde_json::Value;

use crate::world::World;

/// Every one of them: path from the repository's root, and text.
pub(crate) fn files() -> Vec<(String, String)> {
    let schemas = schema::all().into_iter().map(|(file, text)| (format!("schema/{file}"), text));
    let pages = [("docs/cli.md", reference::command_line()), ("docs/errors.md", reference::errors())];
    let pages = pages.map(|(path, text)| (path.to_owned(), text));
    let keys = reference::pages().into_iter().map(|(file, text)| (format!("docs/reference/{file}"), text));
    schemas.chain(pages).chain(keys).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn generated_files_are_in_step() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut stale = Vec::new();
    for (path, text) in files() {
        let file = root().join(&path);
        if update {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
        } else if std::fs::read_to_string(&file).unwrap_or_default() != text {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "out of step: {stale:?}; run `UPDATE=1 cargo test --test it generated::`");
}

#[test]
fn the_schema_folder_holds_what_is_generated_and_nothing_else() {
    let there: BTreeSet<String> = std::fs::read_dir(root().join("schema"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(there, schema::all().into_iter().map(|(file, _)| file).collect());
}

/// `"cli::no-git"` and the like, as they stand in the sources.
fn codes_in(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    text.split('"')
        .skip(1)
        .step_by(2)
        .filter(move |quoted| quoted.split_once("::").is_some_and(|(area, name)| is_word(area) && is_word(name)))
}

#[test]
fn the_error_index_has_every_code_that_is_told() {
    let of_commands: Vec<&str> = codes::CODES.iter().map(|entry| entry.code.0).collect();
    let known: BTreeSet<&str> = reference::entries().map(|entry| entry.code.0).collect();
    assert_eq!(known.len(), reference::entries().count(), "one code twice");
    let mut told = BTreeSet::new();
    for entry in walkdir::WalkDir::new(root().join("src/cli")).into_iter().map(Result::unwrap) {
        if entry.file_type().is_file() && entry.file_name() != "codes.rs" {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            told.extend(text.lines().flat_map(codes_in).map(str::to_owned));
        }
    }
    let told: BTreeSet<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(told.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "codes without an entry");
    let of_commands: BTreeSet<&str> = of_commands.into_iter().collect();
    assert_eq!(of_commands.difference(&told).collect::<Vec<_>>(), Vec::<&&str>::new(), "entries that nothing tells");
}

/// Refuses, for the test, every field that a schema does not name.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.contains_key("properties") && !map.contains_key("oneOf") {
                map.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            map.values_mut().for_each(strict);
        }
        Value::Array(list) => list.iter_mut().for_each(strict),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

pub(crate) fn misfits(what: &str, strictly: bool, documents: &[Value]) -> Vec<String> {
    let (_, text) = schema::all().into_iter().find(|(file, _)| *file == format!("{what}.schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    if strictly {
        strict(&mut schema);
    }
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let told = |document: &Value| {
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect::<Vec<_>>()
    };
    documents.iter().flat_map(told).collect()
}

const MISSION: &str = r#"
version = 1
[mission]
name = "mixed"
[workspace]
setup = ["true"]
[tasks.good]
run = "echo 1 > a; echo '{\"name\": \"x\"}' > $AI_SDLC_OUTPUTS"
outputs = { name = "string" }
checks = ["test -e a"]
[tasks.bad]
run = "exit 3"
retry = { max = 1, backoff = "10ms" }
[tasks.below]
needs = ["bad", "good"]
run = ["echo", "{{tasks.good.outputs.name}}"]
[merge]
checks = ["true"]
into = "main"
"#;

#[test]
fn what_a_run_tells_fits_the_published_schemas() {
    let world = World::new();
    world.mission(MISSION);
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let events = world.events();
    assert!(events.len() > 10, "{events:#?}");
    assert_eq!(misfits("event", false, &events), Vec::<String>::new());
    assert_eq!(misfits("report", true, &[world.report()]), Vec::<String>::new());
    let plan = serde_json::from_str(&world.run(["mission", "plan", "mission.toml", "--json"]).exits(0).stdout).unwrap();
    assert_eq!(misfits("plan", false, &[plan]), Vec::<String>::new());
    let wrong = serde_json::json!({ "seq": 1, "at": "x", "run": "y", "type": "task-ready" });
    assert_ne!(misfits("event", false, &[wrong]), Vec::<String>::new(), "an event without its task");
}

#[test]
fn findings_fit_the_published_schema() {
    let world = World::new();
    world.mission("version = 1\nname = 'x'\n[tasks.a]\nrun = 'true'\nneeds = ['b']\n[tasks.b]\nrun = 'true'\nneeds = ['a']\nspeed = 1\n");
    let told = world.run(["mission", "validate", "mission.toml", "--format", "json"]).exits(2).stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert!(told["findings"].as_array().unwrap().len() >= 2, "{told:#}");
    assert_eq!(misfits("findings", true, &[told]), Vec::<String>::new());
}
