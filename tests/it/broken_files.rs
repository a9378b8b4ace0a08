//! Roles and skills whose files are broken: they are listed and shown as such, and never told to be missing.

use serde_json::Value;

use crate::world::World;

const MISSION: &str =
    "[mission]\nname = \"words\"\n[tasks.look]\nrole = \"word-smith\"\nskills = [\"text-edges\"]\nprompt = \"Look.\"\n";

fn world() -> World {
    let world = World::new();
    world.write("roles/word-smith.md", "---\ndescription: Writes.\npermissions: write\n---\nYou.\n");
    world.write("skills/text-edges/SKILL.md", "---\nname: text-edges\ndescription: About edges.\n---\nText.\n");
    world.write("skills/text-edges/skill.toml", "categroy = \"text\"\n");
    world.write(".claude/agents/helper.md", "You help.\n");
    world.mission(MISSION);
    world
}

#[test]
fn lists_show_them_with_what_was_found_first() {
    let world = world();
    let roles = world.run(["role", "list"]).exits(0).stdout;
    let line = |told: &str, name: &str| told.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    let found = line(&roles, "word-smith");
    assert!(found.contains("roles/word-smith.md") && found.contains("broken: `permissions`"), "{roles}");
    let found = line(&roles, "helper");
    assert!(found.contains("other tool") && found.contains("broken: there is no front matter"), "{roles}");
    let skills = world.run(["skill", "list"]).exits(0).stdout;
    assert!(line(&skills, "text-edges").contains("broken: unknown key `categroy`"), "{skills}");
    let told: Value = serde_json::from_str(&world.run(["skill", "list", "--json"]).exits(0).stdout).unwrap();
    assert_eq!(told["broken"][0]["name"], "text-edges");
    assert_eq!(told["broken"][0]["finding"]["help"], "did you mean `category`?");
    let told: Value = serde_json::from_str(&world.run(["role", "list", "--json"]).exits(0).stdout).unwrap();
    assert_eq!(told["broken"].as_array().unwrap().len(), 2);
}

#[test]
fn who_asks_for_one_is_told_what_is_wrong_with_it() {
    let world = world();
    for ran in [
        world.run(["role", "show", "word-smith"]),
        world.run(["role", "render", "word-smith"]),
        world.run(["role", "new", "mine", "--from", "word-smith"]),
        world.run(["skill", "select", "--role", "word-smith", "--for", "edges"]),
    ] {
        let told = ran.exits(2).stderr;
        for said in ["the role `word-smith` is broken", "roles/word-smith.md:3", "none of `read`, `edit`, `full`"] {
            assert!(told.contains(said), "{said}: {told}");
        }
        assert!(!told.contains("there is no role"), "{told}");
    }
    let told = world.run(["skill", "show", "text-edges"]).exits(2).stderr;
    assert!(told.contains("skills/text-edges/skill.toml:1") && told.contains("did you mean `category`?"), "{told}");
    world.write("roles/user.md", "---\ndescription: Uses.\nskills: [text-edges]\n---\nYou.\n");
    let told = world.run(["skill", "select", "--role", "user", "--for", "edges"]).exits(2).stderr;
    assert!(told.contains("the skill `text-edges` is broken"), "{told}");
}

#[test]
fn a_mission_that_names_them_has_no_second_mistake() {
    let world = world();
    let told = world.run(["mission", "validate", "mission.toml", "--format", "short"]).exits(2).stdout;
    let errors: Vec<&str> = told.lines().filter(|line| line.contains(": error[")).collect();
    assert_eq!(errors.len(), 2, "{told}");
    assert!(errors.iter().all(|line| line.contains("error[catalog::wrong-value]")), "{told}");
    // What another tool wrote badly is a warning; who names it has an error, and it is that of its file.
    world.mission(&MISSION.replace("word-smith", "helper").replace("\"text-edges\"", ""));
    let told = world.run(["mission", "validate", "mission.toml", "--format", "short"]).exits(2).stdout;
    let said = "error[mission::unknown-role]: the role `helper` cannot be used: .claude/agents/helper.md: there is no";
    assert!(told.contains(said), "{told}");
}

#[test]
fn what_a_role_may_do_is_always_shown() {
    let world = World::new();
    world.write(".claude/agents/planner.md", "---\nname: planner\ndescription: Plans.\ntools: Read, Grep\n---\nYou.\n");
    world.write("roles/silent.md", "---\ndescription: Says nothing.\n---\nYou.\n");
    let row = |name: &str, key: &str| {
        let told = world.run(["role", "show", name]).exits(0).stdout;
        let line = told.lines().find_map(|line| line.strip_prefix(key)).map(|rest| rest.trim().to_owned());
        line.unwrap_or_else(|| panic!("{key}: {told}"))
    };
    assert_eq!(row("planner", "permissions"), "read");
    assert_eq!(row("planner", "body"), "text made for another tool, taken as it is: no template");
    assert_eq!(row("backend-dev", "permissions"), "edit");
    assert_eq!(row("silent", "permissions"), "edit, where the mission says nothing else");
}
