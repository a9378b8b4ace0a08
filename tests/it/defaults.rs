//! The defaults that the schemas tell are what leaving a key out means.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ai_sdlc::catalog::{Catalog, Places};
use ai_sdlc::cli::schema;
use ai_sdlc::diagnostic::has_errors;
use ai_sdlc::mission::check::Against;
use ai_sdlc::mission::{self, Loaded, config};
use ai_sdlc::plan::scenario;
use serde_json::{Map, Value, json};

fn schema_named(name: &str) -> Value {
    let (_, text) = schema::all().into_iter().find(|(file, _)| *file == format!("{name}.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn target<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let reference = schema.get("$ref").or_else(|| schema.get("allOf")?.get(0)?.get("$ref"));
    reference.map_or(schema, |reference| {
        target(root, root.pointer(reference.as_str().unwrap().trim_start_matches('#')).unwrap())
    })
}

/// Every key with a default that a document could have: pointer, and the default.
fn defaults(root: &Value, schema: &Value, document: &Value, pointer: &str, into: &mut Vec<(String, Value)>) {
    let schema = target(root, schema);
    let entries = document.as_object().into_iter().flatten();
    if let Some(entry) = schema.get("additionalProperties").filter(|entry| entry.is_object()) {
        for (name, inner) in entries {
            defaults(root, entry, inner, &format!("{pointer}/{name}"), into);
        }
    }
    if let (Some(item), Some(list)) = (schema.get("items"), document.as_array()) {
        for (at, inner) in list.iter().enumerate() {
            defaults(root, item, inner, &format!("{pointer}/{at}"), into);
        }
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let pointer = format!("{pointer}/{name}");
        match document.get(name) {
            Some(inner) => defaults(root, property, inner, &pointer, into),
            None => into.extend(property.get("default").map(|default| (pointer, default.clone()))),
        }
    }
}

fn with(document: &Value, pointer: &str, value: &Value) -> String {
    let mut changed = document.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value.clone());
    toml_of(&changed)
}

fn toml_of(value: &Value) -> String {
    toml::to_string(value).unwrap()
}

/// The keys whose default, written out, is not what leaving them out means. Those that no document of these may have
/// (as keys of one kind of task in another) are told apart.
fn differing<T: PartialEq>(
    name: &str,
    documents: &[Value],
    read: impl Fn(&str) -> Option<T>,
) -> (Vec<String>, BTreeSet<String>) {
    let root = schema_named(name);
    let (mut wrong, mut refused, mut agreed) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for document in documents {
        let plain = read(&toml_of(document)).expect("sound as it is");
        let mut all = Vec::new();
        defaults(&root, &root, document, "", &mut all);
        assert!(!all.is_empty());
        for (pointer, default) in all {
            let text = with(document, &pointer, &default);
            match read(&text) {
                Some(read) if read == plain => {
                    agreed.insert(pointer);
                }
                Some(_) => wrong.push(format!("{pointer} = {default}")),
                None => {
                    refused.insert(pointer);
                }
            }
        }
    }
    (wrong, refused.difference(&agreed).cloned().collect())
}

fn load(text: &str, catalog: &Catalog) -> Loaded {
    let against = Against { catalog, agents: &BTreeMap::new(), dir: Path::new("/") };
    mission::load("m.toml", text, &against)
}

#[test]
fn of_missions() {
    let catalog = Catalog::load(&Places::default());
    let whole = |task: Value| {
        json!({
            "mission": { "name": "x" },
            "inputs": { "given": {} },
            "budget": { "usd": 1.0 },
            "concurrency": {},
            "workspace": {},
            "merge": {},
            "defaults": { "retry": { "max": 1 } },
            "roles": { "architect": {} },
            "tasks": { "t": task },
        })
    };
    let documents = [
        whole(json!({ "role": "architect", "prompt": "Do it.", "retry": {}, "for_each": { "n": [1, 2] } })),
        whole(json!({ "run": ["true"], "retry": {}, "cache": { "inputs": ["src/**"] } })),
    ];
    let read = |text: &str| {
        let loaded = load(text, &catalog);
        assert!(loaded.mission.is_some() || has_errors(&loaded.findings));
        loaded.mission
    };
    let (wrong, refused) = differing("mission", &documents, read);
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(refused, BTreeSet::new(), "of no document");
}

#[test]
fn of_configuration() {
    let documents = [json!({ "agents": { "mine": { "backend": "command", "command": ["mine"] } } })];
    let read = |text: &str| {
        config::load("c.toml", text).config.map(|mut config| {
            // That is how `auto` is said where nothing is.
            config.agent = config.agent.filter(|agent| agent.as_str() != "auto");
            config
        })
    };
    let (wrong, refused) = differing("config", &documents, read);
    assert_eq!((wrong, refused), (Vec::new(), BTreeSet::new()));
}

#[test]
fn of_scenarios_and_skills() {
    let documents = [json!({ "sessions": [{ "play": [{ "use": {} }] }] })];
    let (wrong, refused) = differing("scenario", &documents, |text| scenario::load("s.toml", text, None).scenario);
    assert_eq!((wrong, refused), (Vec::new(), BTreeSet::new()));
    let skill = |text: &str| toml::from_str::<ai_sdlc::catalog::skill::SkillManifest>(text).ok();
    let (wrong, refused) = differing("skill", &[Value::Object(Map::new())], skill);
    assert_eq!((wrong, refused), (Vec::new(), BTreeSet::new()));
}
