//! Ten thousand changes of every file there is an example of: nothing panics, and what a schema takes is what loads.
//!
//! `MUTATIONS_SEED=n` tries others.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ai_sdlc::mission::spans::{Document, escape};
use serde_json::{Map, Value, json};

use crate::bodies::{ALL, Body};

const CHANGES: usize = 10_000;

/// What comes from outside, and examples of it.
struct Kind {
    name: &'static str,
    body: Body,
    seeds: Vec<Vec<u8>>,
    /// How many of a hundred changes are of it.
    share: usize,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder whose path ends so, and none of those that end otherwise.
fn files(folder: &str, ending: &str, but: &str) -> Vec<PathBuf> {
    let all = walkdir::WalkDir::new(root().join(folder))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path());
    let ends = |path: &PathBuf, ending: &str| path.to_string_lossy().ends_with(ending);
    all.filter(|path| path.is_file() && ends(path, ending) && (but.is_empty() || !ends(path, but))).collect()
}

fn read(paths: &[PathBuf]) -> Vec<Vec<u8>> {
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Of a hundred changes, how many are of this.
fn share(name: &str) -> usize {
    match name {
        "mission" => 37,
        "scenario" => 10,
        "skill" => 8,
        "config" | "role" | "handoff" => 6,
        "words" => 5,
        "expression" | "plan" | "story" => 4,
        "journal" | "git" => 3,
        "streams" => 2,
        "records" | "tools" => 1,
        other => panic!("{other} has no share"),
    }
}

/// Examples of the language in fixtures and in what ships.
fn shipped(name: &str) -> Vec<Vec<u8>> {
    let skill = |about: &PathBuf| {
        let manifest = std::fs::read(about.with_file_name("skill.toml")).unwrap_or_default();
        [std::fs::read(about).unwrap(), manifest].join(&b"\n===\n"[..])
    };
    match name {
        "mission" => read(
            &[files("tests/fixtures", ".toml", "skill.toml"), files("missions", ".toml", ".scenario.toml")].concat(),
        ),
        "scenario" => read(&files("missions", ".scenario.toml", "")),
        "role" => read(&[files("roles", ".md", ""), files("tests/fixtures", ".md", "SKILL.md")].concat()),
        "skill" => [files("skills", "SKILL.md", ""), files("tests/fixtures", "SKILL.md", "")]
            .concat()
            .iter()
            .map(skill)
            .collect(),
        "story" => read(&[files("docs/examples/stories", ".md", ""), files("templates", "story.md", "")].concat()),
        _ => Vec::new(),
    }
}

/// Everything that a body reads, with its examples: of the corpus, which holds what once was found, and of what ships.
fn kinds() -> Vec<Kind> {
    let kind = |(name, body): (&'static str, Body)| {
        let corpus = read(&files(&format!("fuzz/corpus/{name}"), "", ""));
        let seeds = [corpus, shipped(name)].concat();
        assert!(seeds.len() > 1, "{name}: {} examples", seeds.len());
        Kind { name, body, seeds, share: share(name) }
    };
    ALL.into_iter().map(kind).collect()
}

#[test]
fn the_examples_themselves_are_no_trouble() {
    let mut failed = Vec::new();
    for kind in kinds() {
        let mut fit = 0;
        for (number, seed) in kind.seeds.iter().enumerate() {
            match std::panic::catch_unwind(|| (kind.body)(seed)) {
                Ok(read) => fit += usize::from(read == Some(true)),
                Err(_) => {
                    failed.push(format!("example {number} of {}: {:?}", kind.name, String::from_utf8_lossy(seed)));
                }
            }
        }
        assert!(fit > 0, "{}: none of {} examples is one", kind.name, kind.seeds.len());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What is not told to `cargo fuzz` is never run by it.
#[test]
fn every_body_is_a_target_and_has_a_small_corpus() {
    let manifest: toml::Table = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap().parse().unwrap();
    let mut names = ALL.map(|(name, _)| name);
    let targets = manifest["bin"].as_array().unwrap();
    let told: Vec<&str> = targets.iter().map(|target| target["name"].as_str().unwrap()).collect();
    assert_eq!(told, names, "in fuzz/Cargo.toml");
    names.sort_unstable();
    let stems = |folder: &str, ending: &str| -> Vec<String> {
        let paths = files(folder, ending, "");
        paths.iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(stems("fuzz/fuzz_targets", ".rs"), names);
    for name in names {
        let target = std::fs::read_to_string(root().join(format!("fuzz/fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("ai_sdlc_fuzz::{name}(data)")), "{name} runs another body");
        let corpus = files(&format!("fuzz/corpus/{name}"), "", "");
        let bytes: u64 = corpus.iter().map(|path| path.metadata().unwrap().len()).sum();
        assert!(corpus.len() <= 120 && bytes <= 200_000, "{name}: {} files, {bytes} bytes", corpus.len());
    }
}

#[test]
fn ten_thousand_changes_panic_nowhere_and_schema_and_types_agree() {
    let seed: u64 = std::env::var("MUTATIONS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
    println!("MUTATIONS_SEED={seed}");
    let kinds = kinds();
    let (next, fits, misfits) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= CHANGES {
                break;
            }
            let mut random =
                fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(u64::try_from(at).unwrap()));
            let kind = of_share(&kinds, at % 100);
            let changed = change(random.choice(&kind.seeds).unwrap(), &mut random);
            match std::panic::catch_unwind(|| (kind.body)(&changed)) {
                Ok(Some(true)) => drop(fits.fetch_add(1, Ordering::Relaxed)),
                Ok(Some(false)) => drop(misfits.fetch_add(1, Ordering::Relaxed)),
                Ok(None) => {}
                Err(_) => {
                    let text = String::from_utf8_lossy(&changed).into_owned();
                    failed.lock().unwrap().push(format!("change {at} of a {}:\n{text}", kind.name));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "MUTATIONS_SEED={seed}: {} failed, such as {}", failed.len(), failed[0]);
    let (fits, misfits) = (fits.into_inner(), misfits.into_inner());
    println!("{fits} fit, {misfits} did not, {} were no such file at all", CHANGES - fits - misfits);
    assert!(fits > CHANGES / 10 && misfits > CHANGES / 10, "too one-sided to say anything: {fits} fit, {misfits} not");
}

fn of_share(kinds: &[Kind], mut at: usize) -> &Kind {
    for kind in kinds {
        match at.checked_sub(kind.share) {
            Some(left) => at = left,
            None => return kind,
        }
    }
    panic!("the shares make a hundred")
}

/// Changes the bytes, or what they say: keys, types and values.
fn change(bytes: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let (front, toml) = match text.split_once("\n===\n") {
        Some((front, toml)) => (format!("{front}\n===\n"), toml),
        None => (String::new(), text.as_ref()),
    };
    let (document, errors) = Document::parse(toml);
    if !errors.is_empty() || toml.is_empty() || random.u8(..4) == 0 {
        return change_bytes(bytes, random);
    }
    let (mut value, _) = document.to_value();
    for _ in 0..=random.usize(..3) {
        change_value(&mut value, random);
    }
    match toml::to_string(&value) {
        Ok(text) => (front + &text).into_bytes(),
        Err(_) => change_bytes(bytes, random),
    }
}

fn change_bytes(bytes: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.usize(..5) {
        let at = random.usize(..=bytes.len());
        let end = (at + random.usize(..40)).min(bytes.len());
        match random.u8(..6) {
            0 => drop(bytes.drain(at..end)),
            1 => bytes.insert(at, *random.choice(b"\"'[]{}=.\\\n#\xc3\xa4a0-_,:\t\r").unwrap()),
            2 => drop(bytes.splice(at..at, *b"{{#if inputs.x}}")),
            3 if at < bytes.len() => bytes[at] = random.u8(..),
            4 => drop(bytes.splice(at..at, *b"---\n")),
            _ => {
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, copy));
            }
        }
    }
    bytes
}

/// A value that a key may or may not take.
fn odd(random: &mut fastrand::Rng) -> Value {
    let texts =
        ["x", "", "read", "Build-It", "1h", "own", "a b", "{{inputs.x}}", "string?", "../x", "always", "rehearsal"];
    let numbers = [json!(5), json!(-1), json!(0), json!(3.0), json!(2.5), json!(1e18), json!(i64::MAX), json!(-0.0)];
    match random.u8(..8) {
        0 | 1 => random.choice(texts).unwrap().into(),
        2 | 3 => random.choice(numbers).unwrap(),
        4 => random.bool().into(),
        5 => random.choice([json!([]), json!(["a"]), json!(["a", 5]), json!([["a"]]), json!([1])]).unwrap(),
        6 => random.choice([json!({}), json!({ "max": 1 }), json!({ "with": "a" }), json!({ "cel": "1" })]).unwrap(),
        _ => "x".repeat(70).into(),
    }
}

/// The keys that there are, of all tables, and some that there are not.
fn some_key(random: &mut fastrand::Rng) -> String {
    static KEYS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    let all = KEYS.get_or_init(|| {
        let schemas = ai_sdlc::cli::schema::all();
        let written = |file: &str| ["mission", "config", "scenario", "skill"].iter().any(|name| file.starts_with(name));
        let mut keys: Vec<String> = ["in", "Bad-Name", "extra", "x-y", "new_one"].map(str::to_owned).to_vec();
        for (_, text) in schemas.iter().filter(|(file, _)| written(file)) {
            properties(&serde_json::from_str(text).unwrap(), &mut keys);
        }
        keys
    });
    random.choice(all).unwrap().clone()
}

fn properties(schema: &Value, into: &mut Vec<String>) {
    if let Value::Object(map) = schema {
        into.extend(map.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned());
        map.values().for_each(|inner| properties(inner, into));
    }
}

/// Changes a key, a type or a value; deletes, adds, doubles, nests.
fn change_value(value: &mut Value, random: &mut fastrand::Rng) {
    let mut pointers = Vec::new();
    collect(value, String::new(), &mut pointers);
    let target = value.pointer_mut(&random.choice(pointers).unwrap()).unwrap();
    let a_key =
        |map: &Map<String, Value>, random: &mut fastrand::Rng| random.choice(map.keys().cloned().collect::<Vec<_>>());
    match (random.u8(..8), target) {
        (0, Value::Object(map)) => drop(a_key(map, random).and_then(|key| map.shift_remove(&key))),
        (1, Value::Object(map)) => {
            if let Some(inner) = a_key(map, random).and_then(|key| map.shift_remove(&key)) {
                map.insert(some_key(random), inner);
            }
        }
        (2, Value::Object(map)) => drop(map.insert(some_key(random), odd(random))),
        (3, Value::Object(map)) => {
            if let Some(inner) = a_key(map, random).map(|key| map[&key].clone()) {
                map.insert(some_key(random), inner);
            }
        }
        (4, target @ Value::Object(_)) => *target = target.as_object().unwrap().values().cloned().collect(),
        (0, Value::Array(list)) if !list.is_empty() => drop(list.swap_remove(random.usize(..list.len()))),
        (1, Value::Array(list)) if !list.is_empty() => list.push(list[random.usize(..list.len())].clone()),
        (2, Value::Array(list)) => list.push(odd(random)),
        (5, target) => *target = json!([target.clone()]),
        (6, target) => *target = json!({ some_key(random): target.clone() }),
        (_, target) => *target = odd(random),
    }
}

fn collect(value: &Value, pointer: String, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| collect(inner, format!("{pointer}/{}", escape(key)), into));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, inner)| collect(inner, format!("{pointer}/{at}"), into));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    into.push(pointer);
}
