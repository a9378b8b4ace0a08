//! The formats of `mission validate`: for people, for CI, for code scanning.

use std::path::Path;

use serde_json::{Value, json};

use crate::world::World;

const BAD: &str = "version = 1\n[mission]\nname = 'bad'\n[inputs.never]\ndefault = 'x'\n[tasks.a]\nrun = 'true'\nneeds = ['b']\n\
                   colour = 'ö'\n[tasks.b]\nrun = 'true'\nneeds = ['a']\n";

fn project() -> World {
    let world = World::new();
    world.write("missions/bad.toml", BAD);
    world.write("missions/worse.toml", "[mission\n");
    world.write("missions/worse.scenario.toml", "[[sessions]]\ntsk = 'a'\n");
    world.write("roles/broken.md", "---\ndescription: x\npermissions: write\n---\nHello {{missin.name}}.\n");
    world.write("skills/lost/skill.toml", "version = \"1\"\n");
    world
}

fn published_schema() -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sarif/sarif-schema-2.1.0.json");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    // A bracket too many makes this one no regular expression; it is of keys that we do not write.
    for owner in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{owner}/properties/language")).unwrap();
        assert!(language.as_object_mut().unwrap().remove("pattern").is_some());
    }
    jsonschema::draft7::options().should_validate_formats(true).offline().build(&schema).unwrap()
}

fn sarif(world: &World, args: &[&str]) -> Value {
    let ran = world.program().args(["mission", "validate", "--format", "sarif"]).args(args).output().unwrap();
    serde_json::from_slice(&ran.stdout).unwrap()
}

#[test]
fn sarif_fits_its_published_schema() {
    let world = project();
    let schema = published_schema();
    let told = |log: &Value| schema.iter_errors(log).map(|error| error.to_string()).collect::<Vec<_>>();
    for args in [&[][..], &["bad"], &["nosuch"], &["missions/nosuch.toml"]] {
        let log = sarif(&world, args);
        assert_eq!(told(&log), Vec::<String>::new(), "{log:#}");
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for result in run["results"].as_array().unwrap() {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(rule["help"]["markdown"].as_str().is_some_and(|text| text.contains("```")), "{rule:#}");
        }
    }
    let mut wrong = sarif(&world, &["bad"]);
    wrong["runs"][0]["results"][0]["level"] = json!("fatal");
    assert_ne!(told(&wrong), Vec::<String>::new(), "the schema refuses what is wrong");
}

#[test]
fn sarif_names_files_from_the_root_wherever_one_stands() {
    let world = project();
    let uris = |log: &Value| -> Vec<String> {
        let results = log["runs"][0]["results"].as_array().unwrap();
        let uri = |result: &Value| result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].to_string();
        let mut all: Vec<String> = results.iter().map(uri).collect();
        all.sort();
        all
    };
    let from_root = uris(&sarif(&world, &[]));
    assert!(from_root.contains(&"\"missions/bad.toml\"".to_owned()), "{from_root:?}");
    let below = world.run(["-C", "missions", "mission", "validate", "--format", "sarif"]);
    assert_eq!(uris(&serde_json::from_str(&below.stdout).unwrap()), from_root);
}

#[test]
fn everything_of_the_project_is_checked_also_what_no_mission_names() {
    let world = project();
    let told = world.run(["mission", "validate", "--format", "short"]).exits(2).stdout;
    for (file, code) in [
        ("missions/bad.toml:9:1: ", "mission::unknown-key"),
        ("missions/worse.toml:1:9: ", "mission::syntax"),
        ("missions/worse.scenario.toml:2:1: ", "mission::unknown-key"),
        ("roles/broken.md:3:1: ", "catalog::wrong-value"),
        ("roles/broken.md:5:9: ", "catalog::unknown-variable"),
        ("skills/lost:1:1: ", "catalog::wrong-value"),
    ] {
        let found = told.lines().any(|line| line.starts_with(file) && line.contains(code));
        assert!(found, "no {file} {code} in\n{told}");
    }
}

#[test]
fn workflow_commands_name_place_and_code() {
    let world = project();
    let told = world.run(["mission", "validate", "bad", "--format", "github"]).exits(2).stdout;
    // Which keys there are is told elsewhere.
    let told: Vec<&str> = told.lines().filter_map(|line| line.split("%0Ahelp: the keys here").next()).collect();
    let told = told.join("\n");
    insta::assert_snapshot!(told, @r"
    ::warning file=missions/bad.toml,line=4,endLine=4,col=9,endColumn=14,title=mission%3A%3Aunused-input::the input `never` is never used%0Ahelp: use `{{inputs.never}}` in a prompt, or remove it
    ::error file=missions/bad.toml,line=8,endLine=8,col=10,endColumn=13,title=mission%3A%3Acycle::tasks need each other in a circle: `a` → `b` → `a`%0A`b` needs `a` (line 12)%0Ahelp: take one of these out of `needs`
    ::error file=missions/bad.toml,line=9,endLine=9,col=1,endColumn=7,title=mission%3A%3Aunknown-key::unknown key `colour` in `[tasks.a]`
    ::error file=roles/broken.md,line=3,endLine=3,col=1,endColumn=19,title=catalog%3A%3Awrong-value::`permissions`: `write` is none of `read`, `edit`, `full`%0Ahelp: write one of `read`, `edit` and `full`
    ::error file=roles/broken.md,line=5,endLine=5,col=9,endColumn=20,title=catalog%3A%3Aunknown-variable::`missin.name`: a role template sees no `missin`%0Ahelp: did you mean `mission.name`?
    ::error file=skills/lost,line=1,endLine=1,col=1,endColumn=1,title=catalog%3A%3Awrong-value::there is no `SKILL.md` in it%0Ahelp: add `skills/lost/SKILL.md`; `ai-sdlc skill new` makes one to begin with
    ");
}

#[test]
fn what_cannot_be_read_is_a_finding_in_every_format() {
    let world = World::new();
    world.write("missions/good.toml", "[mission]\nname = 'good'\n[tasks.a]\nrun = 'true'\n");
    std::fs::write(world.project().join("latin.toml"), b"name = '\xe9'").unwrap();
    for format in ["human", "short", "json", "github", "sarif"] {
        let told = world.run(["mission", "validate", "good", "latin.toml", "nosuch.toml", "--format", format]).exits(2);
        for words in ["nosuch.toml", "there is no such file", "latin.toml", "not UTF-8"] {
            assert!(told.stdout.contains(words), "{format}: {told:?}");
        }
        for code in ["unreadable-file", "not-text"] {
            assert!(told.stdout.contains(code), "{format}: {told:?}");
        }
    }
}

#[test]
fn human_findings_say_error_or_warning_in_a_word() {
    let world = project();
    let told = world.run(["mission", "validate", "bad"]).exits(2).stdout;
    assert!(told.contains("× error: unknown key `colour`"), "{told}");
    assert!(told.contains("⚠ warning: the input `never`"), "{told}");
    let told = world.run(["mission", "validate", "bad", "--ascii"]).exits(2).stdout;
    assert!(told.contains("x error: unknown key `colour`"), "{told}");
}
