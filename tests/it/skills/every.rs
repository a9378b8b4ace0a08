//! What holds for each handler that ships.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{folder, handle, machine, manifest};
use crate::world::Ran;

/// Skills that have one.
fn runnable() -> Vec<String> {
    let all = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("skills")).unwrap();
    let mut names: Vec<String> = all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| manifest(name).contains_key("handler"));
    names.sort();
    names
}

fn scripts(skill: &str, ending: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder(skill)).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|own| own == ending)).collect()
}

#[test]
fn each_says_what_it_takes_and_how_long() {
    let names = runnable();
    assert!(names.len() >= 11, "{names:?}");
    for name in names {
        let manifest = manifest(&name);
        let seconds = manifest["handler"]["timeout_s"].as_integer().unwrap();
        assert!((10..=3600).contains(&seconds), "{name}: {seconds}");
        let parameters = &manifest["parameters"];
        assert_eq!(parameters["additionalProperties"].as_bool(), Some(false), "{name}");
        let properties = parameters["properties"].as_table().unwrap();
        for (parameter, schema) in properties {
            assert!(schema["description"].as_str().is_some_and(|text| text.len() > 20), "{name}: {parameter}");
            let bounded = match schema["type"].as_str().unwrap() {
                "string" => schema.get("enum").is_some() || schema.get("maxLength").is_some(),
                "integer" => schema.get("minimum").is_some() && schema.get("maximum").is_some(),
                other => panic!("{name}: {parameter}: a shell reads no {other}"),
            };
            assert!(bounded, "{name}: {parameter} has no bounds");
        }
        let read = fs::read_to_string(folder(&name).join("SKILL.md")).unwrap();
        assert!(read.contains("run_skill"), "{name}: its text does not say how it is run");
        let told: BTreeSet<&String> = properties.keys().filter(|key| read.contains(&format!("`{key}`"))).collect();
        assert_eq!(told.len(), properties.len(), "{name}: of its parameters its text tells only {told:?}");
        // A command that a session hands in may do anything.
        if properties.contains_key("run") {
            assert_eq!(manifest["side_effects"].as_bool(), Some(true), "{name}");
        }
    }
}

#[test]
fn each_is_a_script_for_any_shell_and_awk() {
    let world = machine();
    for name in runnable() {
        for path in scripts(&name, "sh") {
            let ran = Ran::of(&world.command(world.root().join("bin/sh")).arg("-n").arg(&path).output().unwrap());
            ran.exits(0);
            let text = fs::read_to_string(&path).unwrap();
            for only_bash in [
                "[[ ",
                "local ",
                "declare ",
                "<<<",
                "function ",
                "source ",
                "echo -e",
                "sed -i",
                "readlink",
                "realpath",
            ] {
                let said = text.lines().find(|line| !line.trim_start().starts_with('#') && line.contains(only_bash));
                assert_eq!(said, None, "{}: {only_bash}", path.display());
            }
        }
        for path in scripts(&name, "awk") {
            let text = fs::read_to_string(&path).unwrap();
            for only_gnu in
                ["gensub(", "strftime(", "systime(", "asort(", "PROCINFO", "tolower(substr($0, 0", "length(count)"]
            {
                assert!(!text.contains(only_gnu), "{}: {only_gnu}", path.display());
            }
        }
    }
}

#[test]
fn each_refuses_to_work_outside_of_what_it_knows() {
    let world = machine();
    let outside = ["bisecting", "secret-scan", "changelog"];
    fs::remove_dir_all(world.project().join(".git")).unwrap();
    for name in outside {
        let ran =
            handle(&world, name, &[("good", "a"), ("run", "true")][..if name == "bisecting" { 2 } else { 0 }]).exits(2);
        assert!(ran.stderr.contains("in no git repository") && ran.stderr.lines().count() == 1, "{name}: {ran:?}");
    }
}
