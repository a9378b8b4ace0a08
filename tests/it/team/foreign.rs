//! Agents and skills that were made for another tool work as roles and skills, taken as they are.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use super::root;
use crate::world::World;

const MISSION: &str = r#"
[mission]
name = "borrowed"
[defaults]
agent = "mine"
[agents.mine]
backend = "command"
command = ["sh", "-c", ". $HOME/agent.sh"]
[tasks.look]
role = "payments-reviewer"
prompt = "Look at the refunds."
touches = []
[tasks.fill]
role = "test-writer"
title = "Test the tax form"
prompt = "Write a test for the PDF form of the tax declaration."
touches = ["tests/**"]
"#;

/// What it is told, and what lies where agents look for skills; the skill's script is run as its text says.
const AGENT: &str = r"
cat > $HOME/prompt-$AI_SDLC_TASK
case $AI_SDLC_TASK in
fill)
  cp -r .agents/skills/ai-sdlc-pdf-forms $HOME/agents-skill
  cp -r .claude/skills/ai-sdlc-pdf-forms $HOME/claude-skill
  mkdir -p tests
  (cd .agents/skills/ai-sdlc-pdf-forms && sh scripts/fields.sh form.pdf) > tests/fields.txt
  ;;
esac
";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A project that has the files where the other tool has them, or where ours are.
fn world(agents: &str, skills: &str) -> World {
    let world = World::new();
    let foreign = root().join("tests/fixtures/foreign");
    copy(&foreign.join("agents"), &world.project().join(agents));
    copy(&foreign.join("skills"), &world.project().join(skills));
    fs::write(world.home().join("agent.sh"), AGENT).unwrap();
    world.mission(MISSION);
    world
}

fn left(world: &World, name: &str) -> Vec<u8> {
    fs::read(world.home().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn they_are_validated_planned_rehearsed_and_run() {
    for (agents, skills) in
        [(".claude/agents", ".claude/skills"), ("roles", "skills"), (".claude/agents", ".agents/skills")]
    {
        let world = world(agents, skills);
        let ran = world.run(["mission", "validate"]).exits(0);
        let warned: Vec<&str> =
            ran.stderr.lines().chain(ran.stdout.lines()).filter(|line| line.contains("warning")).collect();
        // Both descriptions hold a colon that YAML gives a meaning; nothing else is to be said.
        for warning in &warned {
            assert!(warning.contains("no valid YAML") || warning.contains("2 warnings"), "{ran:?}");
        }
        assert!(ran.stdout.contains("payments-reviewer.md") || ran.stderr.contains("payments-reviewer.md"), "{ran:?}");

        let plan: Value =
            serde_json::from_str(&world.run(["mission", "plan", "mission.toml", "--json"]).exits(0).stdout).unwrap();
        let work = |task: &str| plan["tasks"][task]["kind"]["agent"].clone();
        assert_eq!((&work("look")["permissions"], &work("fill")["permissions"]), (&"edit".into(), &"edit".into()));
        assert!(work("fill")["skills"].as_array().unwrap().contains(&"pdf-forms".into()), "{}", work("fill"));
        world.run(["mission", "rehearse", "mission.toml"]).exits(0);

        let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
        let told = String::from_utf8(left(&world, "prompt-look")).unwrap();
        for said in [
            "You are a senior engineer who has run payment systems",
            "Templates of the mails use {{amount}} and `${CURRENCY}`",
            "Look at the refunds.",
            "AI_SDLC_HANDOFF_OUT",
        ] {
            assert!(told.contains(said), "{said}\n{told}");
        }
        let told = String::from_utf8(left(&world, "prompt-fill")).unwrap();
        assert!(told.contains("(.agents/skills/ai-sdlc-pdf-forms/SKILL.md): Fill in PDF forms"), "{told}");

        let own = root().join("tests/fixtures/foreign/skills/pdf-forms");
        for place in ["agents-skill", "claude-skill"] {
            for file in ["SKILL.md", "references/fields.md", "scripts/fields.sh", "assets/stamp.png"] {
                assert_eq!(
                    left(&world, &format!("{place}/{file}")),
                    fs::read(own.join(file)).unwrap(),
                    "{file}: {ran:?}"
                );
            }
            let script = world.home().join(place).join("scripts/fields.sh");
            assert_eq!(fs::metadata(script).unwrap().permissions().mode() & 0o111, 0o111);
        }
        let tip = world.git(["for-each-ref", "--format=%(refname:short)", "refs/heads/ai-sdlc"]);
        let branch = tip.lines().next().unwrap_or_else(|| panic!("{ran:?}"));
        assert_eq!(world.git(["show", &format!("{branch}:tests/fields.txt")]), "fields of form.pdf");
        let kept = world.git(["ls-tree", "-r", "--name-only", branch]);
        assert!(!kept.contains("ai-sdlc-pdf-forms"), "what a session is given is not committed: {kept}");
        assert_eq!(world.processes(), []);
    }
}

#[test]
fn it_is_told_where_they_come_from() {
    let world = world(".claude/agents", ".claude/skills");
    world.write(".claude/skills/ai-sdlc-debugging/SKILL.md", "---\nname: debugging\ndescription: A copy.\n---\nIt.\n");
    let roles: Value = serde_json::from_str(&world.run(["role", "list", "--json"]).exits(0).stdout).unwrap();
    let skills: Value = serde_json::from_str(&world.run(["skill", "list", "--json"]).exits(0).stdout).unwrap();
    let find = |all: &Value, name: &str| all.as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
    let role = find(&roles["roles"], "payments-reviewer").unwrap();
    assert_eq!((role["origin"].as_str(), role["model"].as_str()), (Some("other-tool"), Some("balanced")));
    assert!(role["description"].as_str().unwrap().starts_with("Use this agent when code that moves money"), "{role}");
    let skill = find(&skills["skills"], "pdf-forms").unwrap();
    assert_eq!(skill["origin"], "other-tool");
    assert!(
        skill["description"].as_str().unwrap().ends_with("forms: invoices, applications, declarations."),
        "{skill}"
    );
    // What sessions were given lies there too, and is no skill of the project's.
    assert_eq!(find(&skills["skills"], "ai-sdlc-debugging"), None);
}
