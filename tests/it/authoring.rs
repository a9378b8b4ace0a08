//! Writing missions, roles and skills: what begins them is valid, nothing is overwritten, and what is shown is what
//! sessions get.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::world::World;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn templates() -> Vec<String> {
    let world = World::bare();
    let told = world.run(["mission", "new", "--list", "--json"]).exits(0).stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    told["templates"].as_array().unwrap().iter().map(|of| of["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_template_of_a_mission_is_valid_and_can_be_rehearsed() {
    let world = World::new();
    let names = templates();
    assert!(names.len() >= 12 && names[0] == "minimal", "{names:?}");
    // Those that ship are run to their ends by the tests of the roster.
    let own = |name: &&String| root().join(format!("templates/missions/{name}.toml")).is_file();
    for name in names.iter().filter(own) {
        let mine = format!("my-{name}");
        let made = world.run(["mission", "new", &mine, "--template", name]).exits(0);
        assert!(made.stdout.contains(&format!("made missions/{mine}.toml")), "{made:?}");
        assert!(made.stdout.contains(&format!("\n  ai-sdlc mission rehearse {mine}\n")), "{made:?}");
        world.run(["mission", "validate", &mine, "--deny-warnings"]).exits(0);
        world.run(["mission", "rehearse", &mine]).exits(0);
    }
    world.run(["mission", "validate", "--deny-warnings"]).exits(0);
    assert_eq!(world.processes(), []);
}

#[test]
fn a_mission_that_a_template_uses_is_made_beside_it_and_never_twice() {
    let world = World::new();
    let refused = world.run(["mission", "new", "pipeline", "-t", "features"]).exits(2);
    assert!(refused.stderr.contains("uses a mission `pipeline` as a task"), "{refused:?}");
    let first = world.run(["mission", "new", "first", "-t", "features"]).exits(0);
    assert!(first.stdout.contains("made missions/pipeline.toml, which it uses as a task"), "{first:?}");
    let mine = world.read("missions/pipeline.toml") + "# mine\n";
    world.write("missions/pipeline.toml", &mine);
    let second = world.run(["mission", "new", "second", "-t", "features"]).exits(0);
    assert!(second.stdout.contains("it uses missions/pipeline.toml as a task, which was there"), "{second:?}");
    assert_eq!(world.read("missions/pipeline.toml"), mine);
}

#[test]
fn every_file_of_templates_and_every_mission_that_ships_is_listed() {
    let stems = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    let mut files = stems("templates/missions");
    files.extend(stems("missions"));
    // What plays a scenario is an example, and no beginning.
    let plays: Vec<String> = files.iter().filter_map(|stem| Some(stem.strip_suffix(".scenario")?.to_owned())).collect();
    files.retain(|stem| !stem.ends_with(".scenario") && !plays.contains(stem));
    let listed = templates();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), files);
    let help = World::bare().run(["mission", "new", "--help"]).exits(0).stdout;
    for name in listed {
        assert!(help.contains(&format!("- {name}:")), "{name} is not in the help:\n{help}");
    }
}

#[test]
fn a_new_mission_names_a_schema_that_is_there() {
    let world = World::new();
    world.run(["mission", "new", "first"]).exits(0);
    let text = world.read("missions/first.toml");
    let schema = text.lines().next().unwrap().strip_prefix("#:schema ").unwrap();
    let schema = fs::read_to_string(world.project().join("missions").join(schema)).unwrap();
    assert_eq!(schema, world.run(["schema", "mission"]).exits(0).stdout);
    // Where the project has its own copy, that one is named.
    world.write("schema/mission.schema.json", &schema);
    world.run(["mission", "new", "second"]).exits(0);
    assert!(world.read("missions/second.toml").starts_with("#:schema ../schema/mission.schema.json\n"));
}

#[test]
fn nothing_is_overwritten() {
    let world = World::new();
    for [what, file] in [
        ["mission", "missions/mine.toml"],
        ["role", ".ai-sdlc/roles/mine.md"],
        ["skill", ".ai-sdlc/skills/mine/SKILL.md"],
    ] {
        world.write(file, "what I wrote");
        let ran = world.run([what, "new", "mine"]).exits(2);
        assert!(ran.stderr.contains("error[cli::already-there]") && ran.stderr.contains("mine"), "{ran:?}");
        assert_eq!(world.read(file), "what I wrote");
    }
}

#[test]
fn a_bad_name_is_told_with_a_good_one() {
    let world = World::new();
    for what in ["mission", "role", "skill"] {
        for given in ["Web App", "WebApp", "missions/web_app.toml"] {
            let ran = world.run([what, "new", given]).exits(2);
            assert!(ran.stderr.contains("error[cli::bad-name]"), "{ran:?}");
            assert!(ran.stderr.contains("did you mean `web-app`?"), "{ran:?}");
        }
        let ran = world.run([what, "new", "日本"]).exits(2);
        assert!(ran.stderr.contains("a name such as `web-app` will do"), "{ran:?}");
    }
    assert_eq!(world.git(["status", "--porcelain"]), "");
    let ran = world.run(["mission", "new", "mine", "--template", "featur"]).exits(2);
    assert!(ran.stderr.contains("'feature'"), "{ran:?}");
}

#[test]
fn missions_are_made_in_empty_repositories_and_without_one() {
    let world = World::bare();
    let ran = world.run(["mission", "new", "mine"]).exits(0);
    assert!(ran.stdout.contains("There is no git repository here"), "{ran:?}");
    world.run(["mission", "validate", "mine", "--deny-warnings"]).exits(0);
    world.git(["init", "-q", "-b", "main"]);
    let ran = world.run(["mission", "new", "other"]).exits(0);
    assert!(!ran.stdout.contains("no git repository"), "{ran:?}");
    assert!(ran.stdout.contains("This repository has no commit yet"), "{ran:?}");
    assert!(ran.stdout.contains("`git add -A && git commit -m \"First commit\"`"), "{ran:?}");
    let ran = World::new().run(["mission", "new", "third"]).exits(0);
    assert!(!ran.stdout.contains("repository"), "{ran:?}");
    world.run(["mission", "validate", "--deny-warnings"]).exits(0);
}

#[test]
fn init_says_what_a_run_will_lack() {
    let world = World::bare();
    let ran = world.run(["init"]).exits(0);
    assert!(ran.stdout.contains("There is no git repository here"), "{ran:?}");
    assert!(ran.stdout.contains("\n  ai-sdlc story new "), "{ran:?}");
    world.git(["init", "-q", "-b", "main", "sub"]);
    let ran = world.run(["init", "sub"]).exits(0);
    assert!(ran.stdout.contains("a task sees only what is committed") && ran.stdout.contains("git add -A"), "{ran:?}");
    let ran = World::new().run(["init"]).exits(0);
    assert!(!ran.stdout.contains("commit"), "{ran:?}");
}

#[test]
fn a_copied_mission_names_its_own_file() {
    let world = World::new();
    world.run(["mission", "new", "our-bugs", "-t", "bugfix-sprint"]).exits(0);
    let text = world.read("missions/our-bugs.toml");
    assert!(text.contains("#     ai-sdlc mission run missions/our-bugs.toml --input"), "{text}");
    assert!(!text.contains("bugfix-sprint.toml"), "{text}");
    let part = world.read("missions/bug.toml");
    assert!(part.contains("mission run missions/bug.toml"), "what it uses keeps its name: {part}");
}

#[test]
fn budgets_are_told_as_money() {
    let world = World::new();
    let mission = |one: &str, whole: &str| {
        let task =
            |id: &str| format!("[tasks.{id}]\nrole = \"backend-dev\"\nprompt = \"x\"\nbudget = {{ usd = {one} }}\n");
        let head = format!("[mission]\nname = \"m\"\n[budget]\nusd = {whole}\n");
        world.mission(&format!("{head}{}{}{}", task("a"), task("b"), task("c")));
        world.run(["mission", "validate", "mission.toml"]).exits(0)
    };
    // As floating numbers both sums are a hair more than they come to.
    let ran = mission("1.1", "3");
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("the tasks' budgets together are $3.30, the run's is $3.00"), "{told}");
    let ran = mission("0.1", "0.3");
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("together"), "{ran:?}");
}

#[test]
fn what_runs_a_skill_is_shown() {
    let world = World::new();
    let told = world.run(["skill", "show", "link-check"]).exits(0).stdout;
    for part in
        ["runs", "sh ./links.sh", "timeout", "2m00s", "parameter", "path?", "string", "A Markdown file, or a folder"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("side effects"), "{told}");
    let told = world.run(["skill", "show", "bisecting"]).exits(0).stdout;
    assert!(told.contains("it changes something"), "{told}");
}

#[test]
fn a_new_skill_says_how_it_is_made_to_run() {
    let world = World::new();
    world.run(["skill", "new", "mine"]).exits(0);
    let path = ".ai-sdlc/skills/mine/skill.toml";
    let text = world.read(path);
    let (head, rest) = text.split_once("# [handler]").unwrap();
    let rest = rest.lines().map(|line| line.strip_prefix('#').unwrap_or(line).trim_start());
    world.write(path, &format!("{head}[handler]{}\n", rest.collect::<Vec<_>>().join("\n")));
    world.write(".ai-sdlc/skills/mine/run.sh", "echo ran\n");
    let told = world.run(["skill", "show", "mine"]).exits(0).stdout;
    assert!(told.contains("sh ./run.sh") && told.contains("path"), "{told}");
    assert!(told.contains("string") && told.contains("A path in the workspace."), "{told}");
}

#[test]
fn from_a_subfolder_missions_lie_where_the_project_keeps_them() {
    let world = World::new();
    world.write("parts/ui/a.txt", "a");
    world.run(["-C", "parts/ui", "mission", "new", "whole"]).exits(0);
    assert!(world.project().join("missions/whole.toml").is_file());
    world.write("parts/missions/part.toml", "");
    let ran = world.run(["-C", "parts/ui", "mission", "new", "whole"]).exits(0);
    assert!(world.project().join("parts/missions/whole.toml").is_file());
    assert!(ran.stdout.contains("It hides ") && ran.stdout.contains("missions/whole.toml."), "{ran:?}");
    assert!(ran.stdout.contains("\n  ai-sdlc -C parts/ui mission run whole"), "{ran:?}");
    world.run(["-C", "parts/ui", "mission", "validate", "whole", "--deny-warnings"]).exits(0);
}

#[test]
fn where_nothing_can_be_written_it_is_told_which_folder() {
    let world = World::new();
    world.write("missions", "a file");
    world.write(".ai-sdlc/roles", "a file");
    for [what, path] in [["mission", "missions"], ["role", ".ai-sdlc/roles"]] {
        let ran = world.run([what, "new", "mine"]).exits(5);
        assert!(ran.stderr.contains("error[cli::cannot-write]") && ran.stderr.contains(path), "{ran:?}");
    }
}

#[test]
fn new_roles_and_skills_are_valid_and_say_what_they_hide() {
    let world = World::new();
    let ran = world.run(["role", "new", "releaser", "--description", "Releases: \"all\" of it."]).exits(0);
    assert!(ran.stdout.contains("made .ai-sdlc/roles/releaser.md") && !ran.stdout.contains("hides"), "{ran:?}");
    let shown: Value =
        serde_json::from_str(&world.run(["role", "show", "releaser", "--json"]).exits(0).stdout).unwrap();
    assert_eq!(shown["description"], "Releases: \"all\" of it.");
    let ran = world.run(["role", "new", "producer", "--from", "architect"]).exits(0);
    assert!(ran.stdout.contains("It hides built-in:roles/producer.md."), "{ran:?}");
    assert!(world.read(".ai-sdlc/roles/producer.md").contains("# You are the architect"));
    let ran = world.run(["role", "new", "producer", "--user"]).exits(0);
    assert!(ran.stdout.contains("it is hidden by .ai-sdlc/roles/producer.md"), "{ran:?}");
    let ran = world.run(["skill", "new", "debugging"]).exits(0);
    assert!(ran.stdout.contains("It hides built-in:skills/debugging."), "{ran:?}");
    world.run(["skill", "new", "deploying", "--user", "--description", "Deploy it."]).exits(0);
    world.run(["mission", "validate", "--deny-warnings"]).exits(0);
    let ran = world.run(["role", "new", "x", "--from", "architct"]).exits(2);
    assert!(ran.stderr.contains("did you mean `architect`?"), "{ran:?}");
}

#[test]
fn new_roles_lie_beside_those_of_the_project() {
    let world = World::new();
    world.write("roles/main.yml", "another tool's\n");
    world.run(["role", "new", "one"]).exits(0);
    assert!(world.project().join(".ai-sdlc/roles/one.md").is_file());
    world.write("roles/own.md", "---\ndescription: Ours.\n---\n{{> task-format}}\n");
    world.run(["role", "new", "two"]).exits(0);
    assert!(world.project().join("roles/two.md").is_file());
}

#[test]
fn lists_say_where_each_comes_from_and_what_it_hides() {
    let world = World::new();
    let role = |what: &str| format!("---\ndescription: {what}\n---\n{{{{> task-format}}}}\n");
    world.write("missions/roles/near.md", &role("Near."));
    world.write("roles/near.md", &role("Above."));
    world.write(".ai-sdlc/roles/producer.md", &role("The project's."));
    world.write("../home/.config/ai-sdlc/roles/mine.md", &role("Mine."));
    let all: Value = serde_json::from_str(&world.run(["role", "list", "--json"]).exits(0).stdout).unwrap();
    let of = |name: &str| all["roles"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    let told = |name: &str| (of(name)["origin"].clone(), of(name)["hides"].clone());
    assert_eq!(told("near"), ("mission".into(), vec!["roles/near.md"].into()));
    assert_eq!(told("producer"), ("project".into(), vec!["built-in:roles/producer.md"].into()));
    assert_eq!(told("mine").0, "user");
    assert_eq!(told("architect"), ("built-in".into(), Value::Array(Vec::new())));
    let text = world.run(["role", "list"]).exits(0).stdout;
    assert!(text.contains("missions/roles/near.md (hides roles/near.md)"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("architect ") && line.contains(" built-in ")), "{text}");
    let text = world.run(["role", "show", "producer"]).exits(0).stdout;
    assert!(text.contains("project: .ai-sdlc/roles/producer.md (hides built-in:roles/producer.md)"), "{text}");
    let text = world.run(["skill", "list"]).exits(0).stdout;
    assert!(text.lines().any(|line| line.starts_with("debugging ") && line.contains(" built-in ")), "{text}");
}

const RENDERED: &str = r#"
version = 1
[mission]
name = "rendered"
description = "To see prompts."
[inputs.what]
type = "string"
description = "What."
[defaults]
agent = "rehearsal"
[roles.full-stack-dev]
skills = ["writing-docs"]
[tasks.first]
role = "full-stack-dev"
title = "Review the migration"
prompt = "Write {{inputs.what}} into {{workspace.path}}, run {{run.id}}."
touches = ["a/**"]
checks = [["test", "-n", "{{run.id}}"]]
outputs.name = "string"
[tasks.second]
role = "docs-writer"
needs = ["first"]
prompt = "Describe {{tasks.first.outputs.name}}."
"#;

/// What the first session of a task of the latest run was told, with what only a run knows written as `<…>`.
fn told(world: &World, task: &str) -> String {
    let events = world.events();
    let run = events[0]["run"].as_str().unwrap();
    let of_task = |event: &&Value| event["task"] == task;
    let started = events.iter().filter(of_task).find(|event| event["type"] == "session-started").unwrap();
    let prepared = events.iter().filter(of_task).find_map(|event| event["workspace"]["path"].as_str()).unwrap();
    started["prompt"].as_str().unwrap().replace(prepared, "<workspace>").replace(run, "<run>")
}

#[test]
fn what_is_rendered_is_what_a_session_is_told() {
    let world = World::new();
    world.mission(RENDERED);
    world.run(["mission", "run", "mission.toml", "--yes", "--input", "what=a list"]).exits(0);
    let render = |task: &str| {
        let ran = world.run(["role", "render", "--mission", "mission.toml", "--task", task, "--input", "what=a list"]);
        ran.exits(0).stdout
    };
    assert_eq!(render("first"), told(&world, "first"));
    // What came before is known only when it came.
    let second = render("second");
    assert!(second.contains("Describe <tasks.first.outputs.name>.\n"), "{second}");
    assert!(second.contains("\n<the handoff of the task first>\n"), "{second}");
    assert_eq!(second.lines().next(), told(&world, "second").lines().next());
}

/// Instances of a list that only a run knows, another mission as a task, and a reader.
const GROUPS: &str = r#"
[mission]
name = "groups"
[budget]
time = "1h"
[defaults]
agent = "rehearsal"
[tasks.plan]
role = "producer"
prompt = "Find the parts."
outputs.parts = [{ name = "string" }]
[tasks.build]
role = "backend-dev"
needs = ["plan"]
for_each = { part = "tasks.plan.outputs.parts" }
prompt = "Build {{part.name}}."
review = "tech-lead"
outputs.done = "string"
[tasks.polish]
needs = ["build"]
mission = "polish.toml"
for_each = { place = ["home", "away"] }
with = { place = "{{place}}" }
[tasks.tell]
role = "docs-writer"
needs = ["build", "polish"]
prompt = "Tell of {{join tasks.build.outputs.done \", \"}}."
"#;

#[test]
fn instances_inner_tasks_and_reviewers_are_rendered() {
    let world = World::new();
    world.mission(GROUPS);
    world.write(
        "polish.toml",
        "[mission]\nname = \"polish\"\n[inputs.place]\n[tasks.shine]\nrole = \"ui-dev\"\nprompt = \"Shine at {{inputs.place}}.\"\n",
    );
    let render = |task: &str| world.run(["role", "render", "-m", "mission.toml", "-t", task]);
    let ran = render("build").exits(0);
    assert!(ran.stdout.contains("\nBuild <tasks.plan.outputs.parts>.\n"), "{ran:?}");
    assert!(ran.stdout.contains("<the handoff of the task plan>"), "{ran:?}");
    assert!(ran.stderr.contains("the first instance that can be foreseen, `build["), "{ran:?}");
    let ran = render("polish/shine").exits(0);
    assert!(ran.stdout.contains("\nShine at home.\n"), "{ran:?}");
    let ran = render("polish[away]/shine").exits(0);
    assert!(ran.stdout.contains("\nShine at away.\n") && ran.stderr.is_empty(), "{ran:?}");
    let ran = render("tell").exits(0);
    assert!(ran.stdout.contains("Tell of <tasks.build["), "{ran:?}");
    assert!(ran.stdout.contains("<the handoff of the task polish[away]/shine>"), "{ran:?}");
    // It does nothing itself: what it is told as the reader of the only work that it reads.
    let ran = world.run(["role", "render", "tech-lead", "-m", "mission.toml"]).exits(0);
    assert!(ran.stdout.contains("Judge the work on `build[") && ran.stdout.contains("> <diff>"), "{ran:?}");
    let ran = world.run(["role", "render", "-m", "mission.toml"]).exits(2);
    assert!(ran.stderr.contains("agents do `plan`, `tell`, `build` and `polish/shine`"), "{ran:?}");
    let ran = world.run(["role", "render", "producer", "-m", "mission.toml", "-t", "polish/shine"]).exits(2);
    assert!(ran.stderr.contains("is a task of another mission"), "{ran:?}");
}

#[test]
fn a_role_is_rendered_with_samples_where_no_mission_is_named() {
    let world = World::new();
    world.write("roles/partials/extra.md", "Extra {{inputs.depth}}.\n");
    world.write("roles/own.md", "---\ndescription: Own.\n---\nBe {{vars.tone}}. {{> extra}}\n{{> task-format}}\n");
    let ran = world.run(["role", "render", "own"]).exits(0);
    assert!(ran.stdout.starts_with("Be <vars.tone>. Extra <inputs.depth>.\n"), "{ran:?}");
    assert!(ran.stdout.contains("\n<prompt>\n") && ran.stdout.contains("run `<run>`"), "{ran:?}");
    assert!(!ran.stderr.contains("warning"), "{ran:?}");
    let ran = world.run(["role", "render", "nobody"]).exits(2);
    assert!(ran.stderr.contains("error[cli::unknown-name]"), "{ran:?}");
    world.mission(RENDERED);
    // The role of the mission's only task of it; an input that is required and not given.
    let ran = world.run(["role", "render", "full-stack-dev", "-m", "mission.toml"]).exits(0);
    assert!(ran.stdout.contains("Write <inputs.what> into <workspace>, run <run>."), "{ran:?}");
    let ran = world.run(["role", "render", "own", "-m", "mission.toml", "-t", "first", "--json"]).exits(2);
    assert!(ran.stderr.contains("vars.tone"), "{ran:?}");
    let ran = world.run(["role", "render", "producer", "-m", "mission.toml", "-t", "first", "--json"]).exits(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((json["role"].as_str(), json["task"].as_str()), (Some("producer"), Some("first")));
    assert!(ran.stderr.contains("`full-stack-dev` does `first`"), "{ran:?}");
    for wrong in [["producer", "second_to_none"], ["producer", ""]] {
        let ran = world.run(["role", "render", wrong[0], "-m", "mission.toml", "-t", wrong[1]]).exits(2);
        assert!(ran.stderr.contains("agents do `first` and `second`"), "{ran:?}");
    }
}

#[test]
fn skills_are_selected_as_a_run_selects_them() {
    let world = World::new();
    world.mission(
        r#"
version = 1
[mission]
name = "skilled"
[defaults]
agent = "rehearsal"
[inputs.what]
type = "string"
description = "What."
default = "a database migration that splits a column"
[tasks.a]
role = "tech-lead"
prompt = "Write {{inputs.what}}, {{run.id}}, and fill the new ones."
"#,
    );
    let plan: Value =
        serde_json::from_str(&world.run(["mission", "plan", "mission.toml", "--json"]).exits(0).stdout).unwrap();
    let of_plan = &plan["tasks"]["a"]["kind"]["agent"]["skills"];
    let text = "a Write a database migration that splits a column, and fill the new ones.";
    let ran = world.run(["skill", "select", "--for", text, "--role", "tech-lead", "--json"]).exits(0);
    let selected: Value = serde_json::from_str(&ran.stdout).unwrap();
    let chosen = selected["chosen"].as_array().unwrap();
    let names: Vec<&Value> = chosen.iter().map(|one| &one["skill"]).collect();
    assert_eq!(names, of_plan.as_array().unwrap().iter().collect::<Vec<_>>());
    assert!(names.contains(&&Value::from("database-migration")), "{names:?}");
    let ran = world.run(["skill", "select", "--explain", "--for", text, "--role", "tech-lead"]).exits(0);
    assert!(ran.stdout.contains("\n  its role has it\n"), "{ran:?}");
    assert!(ran.stdout.contains("database-migration\n  the text says"), "{ran:?}");
    assert!(ran.stdout.contains("Near, and not chosen:"), "{ran:?}");
    let ran = world.run(["skill", "select", "--for", "xyzzy"]).exits(0);
    assert!(ran.stderr.contains("the text speaks of none"), "{ran:?}");
}

#[test]
fn a_skill_of_ones_own_that_is_hardly_found_is_told() {
    let world = World::new();
    let skill = |name: &str| {
        world.write(
            &format!("skills/{name}/SKILL.md"),
            &format!("---\nname: {name}\ndescription: Of {name}.\n---\nIt.\n"),
        );
    };
    for name in ["alone", "named", "brought", "tagged"] {
        skill(name);
    }
    world.write("skills/tagged/skill.toml", "tags = [\"tag\"]\nrequires = [\"brought\"]\n");
    world.write("roles/dev.md", "---\ndescription: Dev.\nskills: [named]\n---\n{{> task-format}}\n");
    let ran = world.run(["skill", "list"]).exits(0);
    let hints: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("hint: ")).collect();
    assert!(
        hints.len() == 1 && hints[0].contains("`alone`") && hints[0].contains("skills/alone/skill.toml"),
        "{ran:?}"
    );
    world.run(["mission", "validate", "--deny-warnings"]).exits(0);
}

#[test]
fn skills_that_cannot_be_together_are_told() {
    let world = World::new();
    for name in ["fast", "careful"] {
        world.write(
            &format!("skills/{name}/SKILL.md"),
            &format!("---\nname: {name}\ndescription: Be {name}.\n---\nIt.\n"),
        );
    }
    world.write("skills/fast/skill.toml", "conflicts = [\"careful\"]\n");
    world.write("roles/torn.md", "---\ndescription: Torn.\nskills: [fast, careful]\n---\n{{> task-format}}\n");
    let ran = world.run(["skill", "select", "--for", "x", "--role", "torn"]).exits(2);
    assert!(ran.stderr.contains("error[cli::no-selection]") && ran.stderr.contains("`careful`"), "{ran:?}");
}
