//! Commands that need not run again.

use std::fs;

use crate::world::World;

const MISSION: &str = r#"
[mission]
name = "cached"
[tasks.gen]
run = "cat src/a > out.txt; echo ran >> $HOME/count; echo '{\"n\": 7}' > $AI_SDLC_OUTPUTS"
outputs.n = "integer"
cache = { inputs = ["src/**"], env = ["CI"] }
[tasks.use]
needs = ["gen"]
run = "cat out.txt; test \"$AI_SDLC_OUT_GEN_N\" = 7"
"#;

fn ran(world: &World) -> usize {
    fs::read_to_string(world.home().join("count")).unwrap_or_default().lines().count()
}

fn merged(world: &World, file: &str) -> String {
    let branch = world.report()["integration"].as_str().unwrap().to_owned();
    world.git(["show", &format!("{branch}:{file}")])
}

#[test]
fn a_command_runs_again_only_when_what_it_reads_has_changed() {
    let world = World::new();
    world.write("src/a", "one\n");
    world.mission(MISSION);
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    assert_eq!((ran(&world), merged(&world, "out.txt").as_str()), (1, "one"));
    let first = world.report()["run"].as_str().unwrap().to_owned();

    let again = world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    assert_eq!((ran(&world), merged(&world, "out.txt").as_str()), (1, "one"), "{again:?}");
    assert!(again.stdout.contains(&format!("of run {first}")), "{again:?}");
    assert_eq!(world.task("gen")["cache"]["run"], first.as_str());
    let why = world.run(["run", "why", "gen"]).exits(0);
    assert!(why.stdout.contains("cached"), "{why:?}");

    world.write("src/a", "two\n");
    world.commit("two");
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    assert_eq!((ran(&world), merged(&world, "out.txt").as_str()), (2, "two"));
    let why = world.run(["run", "why", "gen"]).exits(0);
    assert!(why.stdout.contains("; not taken from the cache: src/a changed\n"), "{why:?}");

    let other = world.program().args(["mission", "run", "mission.toml", "-y"]).env("CI", "1").output().unwrap();
    assert!(other.status.success(), "{other:?}");
    assert_eq!(ran(&world), 3);
    assert!(world.run(["run", "why", "gen"]).exits(0).stdout.contains("the variable CI changed"));
}

#[test]
fn without_git_what_a_command_changed_is_found_and_put_back() {
    let world = World::bare();
    world.write("src/a", "one\n");
    world.write("mission.toml", &format!("{MISSION}[workspace]\nmode = \"directory\"\n"));
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    fs::remove_file(world.project().join("out.txt")).unwrap();
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    assert_eq!((ran(&world), world.read("out.txt").as_str()), (1, "one\n"));
}

#[test]
fn a_damaged_cache_costs_time_only() {
    let world = World::new();
    world.write("src/a", "one\n");
    world.mission(MISSION);
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    let cache = world.project().join(".git/ai-sdlc/cache");
    for entry in fs::read_dir(&cache).unwrap().flatten() {
        let content = entry.path().join("0");
        if content.exists() {
            fs::write(content, "something else").unwrap();
        }
    }
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    assert_eq!((ran(&world), merged(&world, "out.txt").as_str()), (2, "one"));
}

#[test]
fn what_the_mission_gives_a_command_is_part_of_what_it_is_made_of() {
    let world = World::new();
    world.write("src/a", "one\n");
    let mission = r#"
[mission]
name = "cached"
[inputs.flavour]
type = "string"
description = "Of what."
default = "plain"
[tasks.before]
run = "echo '{\"n\": \"FOUND\"}' > $AI_SDLC_OUTPUTS"
outputs.n = "string"
[tasks.gen]
needs = ["before"]
run = "echo $MODE $AI_SDLC_INPUT_FLAVOUR $AI_SDLC_OUT_BEFORE_N > out.txt; echo ran >> $HOME/count; echo product > $AI_SDLC_ARTIFACTS/product.txt"
cache = { inputs = ["src/**"] }
env = { MODE = "debug" }
"#;
    world.mission(mission);
    let run = |flavour: &str| {
        world.run(["mission", "run", "mission.toml", "-y", "--input", &format!("flavour={flavour}")]).exits(0);
        (ran(&world), merged(&world, "out.txt"), world.run(["run", "why", "gen"]).exits(0).stdout)
    };
    assert_eq!(run("sweet").1, "debug sweet FOUND");
    assert_eq!(run("sweet").0, 1);
    let artifacts = world.report()["tasks"].as_array().unwrap().iter().find(|task| task["id"] == "gen").cloned();
    assert!(
        artifacts.unwrap()["artifacts"].to_string().contains("product.txt"),
        "what it wrote for people is there, too"
    );
    let (times, made, why) = run("sour");
    assert_eq!((times, made.as_str()), (2, "debug sour FOUND"), "{why}");
    assert!(why.contains("the variable AI_SDLC_INPUT_FLAVOUR changed"), "{why}");
    world.mission(&mission.replace("debug", "release"));
    let (times, made, why) = run("sour");
    assert_eq!((times, made.as_str()), (3, "release sour FOUND"), "{why}");
    world.mission(&mission.replace("debug", "release").replace("FOUND", "OTHER"));
    let (times, made, why) = run("sour");
    assert_eq!((times, made.as_str()), (4, "release sour OTHER"), "{why}");
}
