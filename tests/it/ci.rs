//! What `docs/ci` offers works: the hook refuses what is broken, and every command in it is one that there is.

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::world::{Ran, World};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

const GOOD: &str = "version = 1\n[mission]\nname = 'm'\n[tasks.a]\nrun = 'true'\n";

/// A repository with the hook, and our program on its PATH.
fn hooked() -> World {
    let world = World::new();
    world.install("ai-sdlc", Path::new(env!("CARGO_BIN_EXE_ai-sdlc")));
    world.install("mktemp", Path::new("/usr/bin/mktemp"));
    std::fs::copy(root().join("docs/ci/pre-commit"), world.project().join(".git/hooks/pre-commit")).unwrap();
    world
}

impl World {
    fn install(&self, name: &str, program: &Path) {
        symlink(program, self.project().join("../bin").join(name)).unwrap();
    }

    fn try_commit(&self) -> Ran {
        Ran::of(&self.command("git").args(["commit", "-q", "-m", "more"]).output().unwrap())
    }
}

#[test]
fn the_hook_refuses_what_is_broken_in_the_index_and_nothing_else() {
    let world = hooked();
    world.write("missions/m.toml", &GOOD.replace("run", "rum"));
    world.git(["add", "-A"]);
    let ran = world.try_commit().exits(1);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("did you mean `run`") && told.contains("missions/m.toml:5:1"), "{ran:?}");
    assert!(told.contains("The commit is refused"), "{ran:?}");

    world.write("missions/m.toml", GOOD);
    world.git(["add", "-A"]);
    world.write("missions/m.toml", "broken, but not in this commit");
    world.try_commit().exits(0);

    world.write("notes.txt", "Nothing of a mission.\n");
    world.git(["add", "notes.txt"]);
    let quiet = world.try_commit().exits(0);
    assert_eq!(quiet.stderr, "", "it does not even look");
    assert_eq!(world.git(["log", "--oneline"]).lines().count(), 3);
}

/// The words of a command line of ours, up to a pipe or a redirection.
fn our_words(line: &str) -> Option<Vec<&str>> {
    let (_, rest) = line.split_once("ai-sdlc mission ")?;
    Some(rest.split_whitespace().take_while(|word| !matches!(*word, ">" | "|" | "||" | ";")).collect())
}

fn is_known(world: &World, line: &str) {
    let words = our_words(line).unwrap_or_else(|| panic!("none of ours: {line}"));
    let ran = Ran::of(&world.program().arg("mission").args(words).output().unwrap());
    assert!(ran.code == Some(0), "{line}: {ran:?}");
}

#[test]
fn the_workflow_is_yaml_and_its_commands_work() {
    let workflow = yaml("docs/ci/validate-missions.yml");
    let jobs = workflow["jobs"].as_object().unwrap();
    assert_eq!(jobs.keys().collect::<Vec<_>>(), ["validate", "code-scanning"]);
    let world = World::new();
    world.write("missions/m.toml", GOOD);
    let mut ours = 0;
    for job in jobs.values() {
        assert!(job["runs-on"].is_string());
        for step in job["steps"].as_array().unwrap() {
            assert!(step["uses"].is_string() || step["run"].is_string(), "{step}");
            if let Some(line) = step["run"].as_str().filter(|line| line.starts_with("ai-sdlc")) {
                is_known(&world, line);
                ours += 1;
            }
        }
    }
    assert_eq!(ours, 2);
}

#[test]
fn the_hook_of_pre_commit_names_a_command_that_works() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let [hook] = hooks.as_array().unwrap().as_slice() else { panic!("{hooks}") };
    for key in ["id", "name", "entry", "language"] {
        assert!(hook[key].is_string(), "{hook}");
    }
    let world = World::new();
    world.write("missions/m.toml", GOOD);
    is_known(&world, hook["entry"].as_str().unwrap());
}
