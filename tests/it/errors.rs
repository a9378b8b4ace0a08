//! The error index keeps its word: each example gets its code and nothing else, and mended it gets nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use ai_sdlc::cli::reference;
use ai_sdlc::diagnostic::{Entry, Example, Snippet};
use serde_json::Value;

/// What `mission validate` finds in a project of these files.
fn found(snippets: &[Snippet]) -> Result<Vec<String>, String> {
    let project = tempfile::tempdir().unwrap();
    std::fs::create_dir(project.path().join(".ai-sdlc")).unwrap();
    for snippet in snippets {
        let path = project.path().join(snippet.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, snippet.whole()).unwrap();
    }
    let ran = Command::new(env!("CARGO_BIN_EXE_ai-sdlc"))
        .args(["mission", "validate", "--format", "json"])
        .current_dir(project.path())
        .env_clear()
        .env("HOME", project.path())
        .env("PATH", Path::new("/nonexistent"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    let document: Value = serde_json::from_str(&told)
        .map_err(|error| format!("{error}: {told}{}", String::from_utf8_lossy(&ran.stderr)))?;
    let told = |finding: &Value| format!("{} ({})", finding["code"].as_str().unwrap(), finding["message"]);
    Ok(document["findings"].as_array().unwrap().iter().map(told).collect())
}

/// What is wrong with an entry.
fn broken(entry: &Entry) -> Vec<String> {
    let Example::Project { faulty, mended } = entry.example else { return Vec::new() };
    let mut wrong = Vec::new();
    match found(faulty) {
        Ok(found) if matches!(found.as_slice(), [only] if only.starts_with(&format!("{} ", entry.code))) => {}
        other => wrong.push(format!("{}: the example gets {other:#?}", entry.code)),
    }
    match found(mended) {
        Ok(found) if found.is_empty() => {}
        other => wrong.push(format!("{}: the mended example gets {other:#?}", entry.code)),
    }
    wrong
}

#[test]
fn each_example_gets_its_code_alone_and_mended_it_gets_none() {
    let waiting = Mutex::new(reference::entries());
    let wrong = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some(entry) = next else { break };
                    wrong.lock().unwrap().extend(broken(entry));
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_entry_is_empty_and_every_command_is_one_of_ours() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for Entry { code, meaning, help, example } in reference::entries() {
        assert!(code.0.split_once("::").is_some_and(|(area, name)| !area.is_empty() && !name.is_empty()), "{code}");
        assert!(meaning.ends_with('.') && help.ends_with('.'), "{code}: sentences end with a period");
        match example {
            Example::Command(command) => assert!(command.contains("ai-sdlc "), "{code}: {command}"),
            Example::Project { faulty, mended } => assert_ne!(faulty, mended, "{code}"),
        }
        *counts.entry(code.0.split("::").next().unwrap()).or_default() += 1;
    }
    assert!(counts.len() > 4, "{counts:?}");
}
