//! What all missions that ship have in common.

use std::collections::BTreeSet;
use std::fs;

use super::{MISSIONS, folder, is_code, table, tasks};
use crate::world::World;

fn roles(name: &str) -> BTreeSet<String> {
    let all = tasks(name);
    let named = |key: &'static str| all.values().filter_map(move |task| Some(task.get(key)?.as_str()?.to_owned()));
    named("role").chain(named("review")).collect()
}

/// Dollars for a team of so many roles.
fn dollars(roles: usize) -> f64 {
    match roles {
        6 => 10.0,
        7 => 12.0,
        8 => 15.0,
        9 => 17.0,
        10 => 20.0,
        11 => 23.0,
        12 => 26.0,
        13 => 30.0,
        other => panic!("a team of {other}"),
    }
}

#[test]
fn no_mission_is_forgotten_here() {
    let is_part = |name: &str| ["bug", "feature"].contains(&name);
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".toml").unwrap().to_owned();
        // The one plays a scenario, the other takes written stories and has tests of its own.
        let is_other = name.starts_with("quickstart") || name == "story";
        if !is_other && !is_part(&name) {
            found.insert(name);
        }
    }
    assert_eq!(found, MISSIONS.map(str::to_owned).into());
}

#[test]
fn each_has_who_plans_who_looks_again_and_who_judges() {
    for name in MISSIONS {
        let roles = roles(name);
        for wanted in ["producer", "tech-lead", "self-reviewer"] {
            assert!(roles.contains(wanted), "{name} has no {wanted}");
        }
        let code = roles.iter().filter(|role| is_code(role)).count();
        assert!(code >= 2, "{name}: only {code} code roles");
    }
}

#[test]
fn budgets_grow_with_the_team_and_hold_those_of_its_roles() {
    for name in MISSIONS {
        let (file, roles) = (table(name), roles(name));
        let whole = file["budget"]["usd"].as_float().unwrap();
        assert!((whole - dollars(roles.len())).abs() < 0.01, "{name}: {} roles and {whole} dollars", roles.len());
        assert!(file["budget"].get("time").is_some(), "{name}: nothing binds an agent that tells no cost");
        let of_roles = file["roles"].as_table().unwrap();
        let mut sum = 0.0;
        for (id, task) in file["tasks"].as_table().unwrap() {
            if let Some(role) = task.get("role").and_then(toml::Value::as_str) {
                let budget = of_roles.get(role).unwrap_or_else(|| panic!("{name}: {role} of {id} has no budget"));
                sum += budget["budget"]["usd"].as_float().unwrap();
            }
        }
        assert!(sum <= whole, "{name}: {sum} of {whole}");
    }
}

#[test]
fn at_most_four_at_once_and_a_person_has_the_last_word() {
    for name in MISSIONS {
        let file = table(name);
        assert!(file["concurrency"]["max"].as_integer().unwrap() <= 4, "{name}");
        let all = file["tasks"].as_table().unwrap();
        let needed: BTreeSet<&str> = all
            .values()
            .filter_map(|task| task.get("needs")?.as_array())
            .flatten()
            .filter_map(|id| id.as_str())
            .collect();
        let last: Vec<&String> = all.keys().filter(|id| !needed.contains(id.as_str())).collect();
        assert_eq!(last, ["accept"], "{name}: this is done after the person was asked, or beside it");
        assert!(all["accept"].get("gate").is_some() && all["accept"].get("rework").is_some(), "{name}");
        assert_eq!(file["merge"]["into"].as_str(), Some("{{inputs.into}}"), "{name}");
        assert!(file["merge"].get("deliver").is_none(), "{name}");
    }
}

#[test]
fn every_input_has_a_default_and_every_list_its_limit() {
    for name in MISSIONS {
        let file = table(name);
        for (id, input) in file["inputs"].as_table().unwrap() {
            assert!(input.get("default").is_some() && input.get("description").is_some(), "{name}: {id}");
        }
        let lists: Vec<_> = tasks(name).into_iter().filter(|(_, task)| task.contains_key("for_each")).collect();
        assert!(!lists.is_empty(), "{name} divides nothing");
        for (id, task) in lists {
            assert!(task.contains_key("max_instances") && task.contains_key("key"), "{name}: {id}");
            let is_apart = ["touches", "locks", "mission"].iter().any(|key| task.contains_key(*key));
            let is_thrown_away = task.get("workspace").and_then(toml::Value::as_str) == Some("read-only");
            assert!(is_apart || is_thrown_away, "{name}: instances of {id} can meet");
        }
    }
}

#[test]
fn the_first_lines_say_what_it_is_for_how_it_is_run_and_what_follows_what() {
    for name in MISSIONS {
        let text = fs::read_to_string(folder().join(format!("{name}.toml"))).unwrap();
        let head: Vec<&str> = text.lines().skip(1).take_while(|line| line.starts_with('#')).collect();
        let has = |wanted: &str| head.iter().any(|line| line.contains(wanted));
        assert!(head[0].ends_with('.') && head[0].len() < 122, "{name}: {}", head[0]);
        assert!(has(&format!("ai-sdlc mission run missions/{name}.toml")), "{name}");
        // Every task of its own stands in the picture.
        for id in table(name)["tasks"].as_table().unwrap().keys() {
            let words = head.iter().filter(|line| line.starts_with("#     "));
            let mut words = words.flat_map(|line| line.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()));
            assert!(words.any(|word| word == id), "{name}: {id} is not in the picture");
        }
    }
}

#[test]
fn each_is_made_by_its_name_and_found_without_fault() {
    let world = World::new();
    for name in MISSIONS {
        let unknown = world.run(["mission", "plan", name]).exits(2);
        let offered = format!("ai-sdlc mission new {name} --template {name}");
        assert!(unknown.stderr.contains(&offered), "{unknown:?}");
        world.run(["mission", "new", name, "--template", name]).exits(0);
    }
    let ran = world.run(["mission", "validate", "--deny-warnings"]).exits(0);
    assert!(ran.stderr.contains("13 missions checked"), "{ran:?}");
}
