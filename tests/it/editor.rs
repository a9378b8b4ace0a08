//! What a TOML language server sees: `taplo` lints our missions against the published schema.
//!
//! It comes from the npm registry, so these are ignored unless they are asked for; `.ci/run` asks where there is npm.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

const TAPLO: &str = "@taplo/cli@0.7.0";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program, installed once into a folder below `target`. It is npm's own business where that has its cache and how
/// it reaches its registry, so this one child has our environment.
fn taplo() -> &'static Path {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    ONCE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("taplo");
        let program = folder.join("node_modules/.bin/taplo");
        if !program.exists() {
            std::fs::create_dir_all(&folder).unwrap();
            let installed = Command::new("npm")
                .args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
                .arg(&folder)
                .arg(TAPLO)
                .output()
                .unwrap_or_else(|error| panic!("npm cannot be started: {error}"));
            assert!(installed.status.success(), "{TAPLO}: {}", String::from_utf8_lossy(&installed.stderr));
        }
        program
    })
}

fn lint(schema: Option<&str>, file: &Path) -> Output {
    let mut command = Command::new(taplo());
    command.arg("lint").current_dir(root());
    if let Some(name) = schema {
        command.arg("--schema").arg(format!("file://{}/schema/{name}.schema.json", root().display()));
    }
    command.arg(file).output().unwrap()
}

fn accepted(output: &Output) -> bool {
    output.status.success()
}

fn missions() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(root().join("missions")).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    all.sort();
    all
}

fn schema_of(path: &Path) -> &'static str {
    if path.to_string_lossy().ends_with(".scenario.toml") { "scenario" } else { "mission" }
}

#[test]
fn every_shipped_mission_names_its_schema_in_its_first_line() {
    for path in missions() {
        let text = std::fs::read_to_string(&path).unwrap();
        let first = format!("#:schema ../schema/{}.schema.json", schema_of(&path));
        assert_eq!(text.lines().next(), Some(first.as_str()), "{}", path.display());
    }
}

#[test]
#[ignore = "needs npm and its registry; `cargo test --test it -- --ignored editor::` where they are"]
fn taplo_accepts_our_missions_and_refuses_a_seeded_mistake() {
    let scratch = tempfile::tempdir().unwrap();
    let mut seeded_for = BTreeSet::new();
    for path in missions() {
        // By the first line of the file alone, as in an editor.
        let output = lint(None, &path);
        assert!(accepted(&output), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
        let schema = schema_of(&path);
        // Each start of the program takes seconds: one file of each schema shows that mistakes are seen.
        if !seeded_for.insert(schema) {
            continue;
        }
        let output = lint(Some(schema), &path);
        assert!(accepted(&output), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
        let text = std::fs::read_to_string(&path).unwrap();
        let seeds = [
            ("an unknown key", text.replacen("version = 1\n", "version = 1\nvresion = 1\n", 1)),
            ("a wrong type", text.replacen("version = 1\n", "version = \"one\"\n", 1)),
        ];
        for (mistake, seeded) in seeds {
            assert_ne!(seeded, text);
            let file = scratch.path().join("seeded.toml");
            std::fs::write(&file, seeded).unwrap();
            assert!(!accepted(&lint(Some(schema), &file)), "{}: {mistake} is not seen", path.display());
        }
    }
}
