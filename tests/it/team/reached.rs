//! No skill that ships lies there for nothing.

use std::collections::BTreeSet;

use ai_sdlc::catalog::choose::Chooser;
use ai_sdlc::catalog::{Catalog, Places};

use super::labelled::{PARTS, Task, answers, read};
use super::missions;

/// All that stands in lists named `skills`.
fn named(value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                if let (true, Some(list)) = (key == "skills", value.as_array()) {
                    found.extend(list.iter().filter_map(|name| name.as_str().map(str::to_owned)));
                } else {
                    named(value, found);
                }
            }
        }
        toml::Value::Array(list) => list.iter().for_each(|value| named(value, found)),
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => {}
    }
}

#[test]
fn every_skill_that_ships_is_named_or_called_for() {
    let catalog = Catalog::load(&Places::default());
    let mut reached = BTreeSet::new();
    for role in catalog.roles.values() {
        reached.extend(role.value.skills.iter().map(ToString::to_string));
    }
    for (_, mission) in missions() {
        named(&toml::Value::Table(mission), &mut reached);
    }
    let texts: Vec<Task> = PARTS.iter().flat_map(|part| read(part)).collect();
    let by_texts: BTreeSet<String> = answers(&Chooser::new(&catalog), &texts)
        .iter()
        .zip(&texts)
        .flat_map(|(answer, task)| answer.chosen.iter().filter(|chosen| task.wants.contains(*chosen)))
        .map(ToString::to_string)
        .collect();
    reached.extend(by_texts);
    let mut before = 0;
    while before != reached.len() {
        before = reached.len();
        let required = catalog.skills.iter().filter(|(name, _)| reached.contains(name.as_str()));
        let required: Vec<_> = required.flat_map(|(_, found)| &found.value.manifest.requires).collect();
        reached.extend(required.into_iter().map(ToString::to_string));
    }
    let orphans: Vec<_> = catalog.skills.keys().filter(|name| !reached.contains(name.as_str())).collect();
    assert!(orphans.is_empty(), "nothing names {orphans:?}, and no text that wants them is given them");
}
