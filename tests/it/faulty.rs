//! Faulty missions, one a kind of mistake: one finding at the right place, whose help mends it when it is followed.
//!
//! Each is `tests/fixtures/mission/faulty/<name>.toml`, beside it what one gets by following the help,
//! `<name>.mended.toml`; `parts/` holds the missions that they use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ai_sdlc::catalog::{Catalog, Origin, Places};
use ai_sdlc::diagnostic::{self, Look, Sources};
use ai_sdlc::mission::check::Against;
use ai_sdlc::mission::{self, Loaded};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mission/faulty")
}

/// The roles and skills of the fixtures, and none of those that ship.
fn catalog() -> Catalog {
    let root = folder().join("..");
    let mut catalog = Catalog::load(&Places { mission_dir: None, root: Some(root), user: None });
    catalog.roles.retain(|_, found| found.origin != Origin::BuiltIn);
    catalog.skills.retain(|_, found| found.origin != Origin::BuiltIn);
    catalog.partials.retain(|_, found| found.origin != Origin::BuiltIn);
    catalog
}

fn load(catalog: &Catalog, file: &str, text: &str) -> Loaded {
    let (agents, dir) = (BTreeMap::new(), folder());
    mission::load(file, text, &Against { catalog, agents: &agents, dir: &dir })
}

fn shown(loaded: &Loaded, file: &str, text: &str) -> String {
    let mut sources: Sources = loaded.sources.clone();
    sources.insert(file.to_owned(), text.to_owned());
    let look = Look { color: false, width: 100, ascii: false };
    diagnostic::human(&loaded.findings, &sources, look) + "\n" + &diagnostic::short(&loaded.findings, &sources)
}

fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries
        .filter_map(|name| name.strip_suffix(".toml").filter(|name| !name.ends_with(".mended")).map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// The codes that the faulty missions get.
pub(crate) fn codes() -> BTreeSet<&'static str> {
    let catalog = catalog();
    let findings = names().into_iter().flat_map(|name| {
        let file = format!("{name}.toml");
        let text = fs::read_to_string(folder().join(&file)).unwrap();
        load(&catalog, &file, &text).findings
    });
    findings.map(|finding| finding.code.0).collect()
}

#[test]
fn each_faulty_mission_has_one_finding_whose_help_mends_it() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/faulty");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _guard = settings.bind_to_scope();
    let catalog = catalog();
    let mut wrong = Vec::new();
    for name in names() {
        let file = format!("{name}.toml");
        let text = fs::read_to_string(folder().join(&file)).unwrap();
        let loaded = load(&catalog, &file, &text);
        let told = shown(&loaded, &file, &text);
        match loaded.findings.as_slice() {
            [only] if only.help.is_some() => {}
            [_] => wrong.push(format!("{name}: no help\n{told}")),
            others => wrong.push(format!("{name}: {} findings\n{told}", others.len())),
        }
        insta::assert_snapshot!(name.clone(), told);
        let mended = fs::read_to_string(folder().join(format!("{name}.mended.toml"))).unwrap();
        // Under the name of the faulty one: what refers to it by its name still does.
        let loaded = load(&catalog, &file, &mended);
        if !loaded.findings.is_empty() || loaded.mission.is_none() {
            wrong.push(format!("{name}, mended:\n{}", shown(&loaded, &file, &mended)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn there_are_many_kinds_of_mistake() {
    assert!(names().len() >= 100, "{}", names().len());
    let mended = fs::read_dir(folder())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".mended.toml"));
    assert_eq!(mended.count(), names().len(), "one each, and none without its faulty one");
}
