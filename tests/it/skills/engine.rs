//! Handlers as a session runs them: by the engine's tool, with its parameters, in its sandbox.

use std::fs;

use super::{folder, machine};
use crate::world::World;

const ROLE: &str = "---\nname: dev\ndescription: Works.\nkind: code\n---\n{{task.prompt}}\n";

/// A run whose one task, with these permissions, asks for these skills by a shell script.
fn session(world: &World, skills: &[&str], permissions: &str, script: &str) {
    for skill in skills {
        for entry in fs::read_dir(folder(skill)).unwrap().map(Result::unwrap) {
            world.write(
                &format!("skills/{skill}/{}", entry.file_name().to_str().unwrap()),
                &fs::read_to_string(entry.path()).unwrap(),
            );
        }
    }
    world.write("roles/dev.md", ROLE);
    let tool = "tool() { name=$1; shift; \"$AI_SDLC_BIN\" tool run-skill \"$@\" > $HOME/$name.out 2> $HOME/$name.err; echo $? > $HOME/$name.code; }";
    fs::write(world.home().join("agent.sh"), format!("cat > /dev/null\n{tool}\n{script}")).unwrap();
    let asked = skills.iter().map(|skill| format!("\"{skill}\"")).collect::<Vec<_>>().join(", ");
    world.mission(&format!(
        "[mission]\nname = \"m\"\n[defaults]\nrole = \"dev\"\nagent = \"mine\"\n[agents.mine]\nbackend = \"command\"\n\
         command = [\"sh\", \"-c\", \". $HOME/agent.sh\"]\n[tasks.a]\nprompt = \"x\"\npermissions = \"{permissions}\"\nskills = [{asked}]\n"
    ));
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
}

fn left(world: &World, name: &str) -> String {
    fs::read_to_string(world.home().join(name)).unwrap()
}

const SKILLS: [&str; 2] = ["bisecting", "link-check"];

#[test]
fn a_session_runs_what_it_was_given() {
    let world = machine();
    for number in 1..=6 {
        world.write("state", if number < 4 { "fine\n" } else { "broken\n" });
        world.write("number", &format!("{number}\n"));
        world.commit(&format!("change {number}"));
    }
    world.write("docs.md", "[a](nowhere.md)\n");
    let script = "tool found bisecting --param good=HEAD~5 --param 'run=grep -q fine state'\n\
                  tool links link-check --param most=5\n\
                  tool wrong bisecting --param good=HEAD~5\n\
                  tool many link-check --param most=5000\n";
    session(&world, &SKILLS, "edit", script);
    assert_eq!(left(&world, "found.code"), "0\n", "{}", left(&world, "found.err"));
    assert!(left(&world, "found.out").contains("  change 4\n"), "{}", left(&world, "found.out"));
    assert_eq!(left(&world, "links.code"), "1\n");
    assert!(left(&world, "links.out").contains("docs.md:1: nowhere.md: no such file"), "{}", left(&world, "links.out"));
    for (name, words) in [("wrong", "run"), ("many", "most")] {
        let said = left(&world, &format!("{name}.err"));
        assert!(said.contains("do not fit") && said.contains(words), "{said}");
    }
}

#[test]
fn a_session_that_may_only_read_runs_no_command_of_its_own() {
    let world = machine();
    let script = "tool found bisecting --param good=HEAD~0 --param 'run=touch $HOME/ran'\ntool links link-check\n";
    session(&world, &SKILLS, "read", script);
    assert!(left(&world, "found.err").contains("may only read"), "{}", left(&world, "found.err"));
    assert_eq!(left(&world, "links.code"), "0\n", "{}", left(&world, "links.err"));
    assert!(!world.home().join("ran").exists());
}
