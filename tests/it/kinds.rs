//! Whole missions of the kinds that people write, validated without a warning and run to their end with the rehearsal
//! agent in a real repository.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::{Ran, World};

fn kinds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kinds")
}

/// A repository with the missions of all kinds, and these files.
fn world(files: &[(&str, &str)]) -> World {
    let world = World::new();
    for entry in fs::read_dir(kinds()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        world.write(&format!("missions/{name}"), &fs::read_to_string(&path).unwrap());
    }
    for (path, text) in files {
        world.write(path, text);
    }
    world.commit("missions of all kinds");
    world
}

/// Runs a mission with its scenario, after it was found without fault.
fn run(world: &World, kind: &str) -> Ran {
    let mission = format!("missions/{kind}.toml");
    let checked = world.run(["mission", "validate", &mission, "--deny-warnings", "--format", "short"]);
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), ""), "{checked:?}");
    let scenario = world.project().join(format!("missions/{kind}.scenario.toml"));
    let scenario = scenario.display().to_string();
    if fs::exists(&scenario).unwrap() {
        world.run(["mission", "run", &mission, "--agent", "rehearsal", "--scenario", &scenario, "--yes"])
    } else {
        world.run(["mission", "run", &mission, "--yes"])
    }
}

/// A file of what was merged.
fn merged(world: &World, path: &str) -> String {
    let report = world.report();
    let run = report.get("run").and_then(Value::as_str).unwrap();
    world.git(["show", &format!("ai-sdlc/{run}/integration:{path}")])
}

fn count(world: &World, kind: &str) -> usize {
    world.events().iter().filter(|event| event.get("type").and_then(Value::as_str) == Some(kind)).count()
}

#[test]
fn work_fans_out_over_a_list_found_on_the_way_and_comes_together() {
    let world = world(&[("texts/a.txt", "a\n"), ("texts/b.txt", "b\n"), ("texts/c.txt", "c\n")]);
    run(&world, "fan-out").exits(0);
    for instance in ["read[texts-a.txt]", "read[texts-b.txt]", "read[texts-c.txt]"] {
        assert_eq!(world.end_of(instance), "succeeded");
    }
    let told = world.events();
    let prompt = told
        .iter()
        .find(|event| {
            event.get("type").and_then(Value::as_str) == Some("session-started")
                && event.get("task").and_then(Value::as_str) == Some("report")
        })
        .and_then(|event| event.get("prompt"))
        .and_then(Value::as_str)
        .unwrap();
    assert!(prompt.contains("- Nothing.\n- The second text has no end.\n- Nothing."), "{prompt}");
    assert_eq!(merged(&world, "REPORT.md"), "- The second text has no end.");
}

#[test]
fn a_list_that_is_empty_is_no_failure() {
    let world = world(&[]);
    run(&world, "fan-out").exits(0);
    assert_eq!(world.end_of("read"), "succeeded");
    assert_eq!(count(&world, "expanded"), 1);
}

#[test]
fn a_red_command_sends_work_back_until_it_is_green() {
    let world = world(&[("test.sh", "test \"$(cat answer.txt)\" = 42\n")]);
    run(&world, "fix-until-green").exits(0);
    assert_eq!(count(&world, "sent-back"), 2);
    assert_eq!(merged(&world, "answer.txt"), "42");
}

#[test]
fn a_command_that_stays_red_fails_after_its_rounds() {
    let world = world(&[("test.sh", "exit 1\n")]);
    run(&world, "fix-until-green").exits(1);
    assert_eq!(world.end_of("test"), "failed");
}

#[test]
fn a_reviewer_gives_work_back_until_it_is_good() {
    let world = world(&[]);
    run(&world, "review-loop").exits(0);
    assert_eq!(count(&world, "reviewed"), 2);
    assert!(merged(&world, "divide.sh").contains("none"));
}

#[test]
fn a_person_rejects_a_plan_agrees_to_the_next_and_lets_it_be_shipped() {
    let world = world(&[]);
    let ran = run(&world, "approval").exits(3);
    assert!(ran.stdout.contains("run reject") && ran.stdout.contains("run approve"), "{ran:?}");
    assert_eq!(merged(&world, "PLAN.md"), "Everything at once.");
    let said = world.run(["run", "reject", "@", "agree", "-m", "Smaller steps, please."]).exits(0);
    assert!(said.stdout.contains("run resume") || said.stderr.contains("run resume"), "{said:?}");
    world.run(["run", "resume"]).exits(3);
    assert_eq!(merged(&world, "PLAN.md"), "First count, then print.");
    world.run(["run", "approve", "@", "agree", "-m", "Count first."]).exits(0);
    world.run(["run", "resume"]).exits(3);
    assert_eq!(world.end_of("build"), "succeeded");
    world.run(["run", "approve", "@"]).exits(0);
    world.run(["run", "resume"]).exits(0);
    assert_eq!(merged(&world, "SHIPPED"), "counted");
    assert_eq!(count(&world, "gate-answered"), 3);
}

#[test]
fn every_system_meets_every_database_but_one_pair() {
    let world = world(&[]);
    run(&world, "matrix").exits(0);
    assert_eq!(world.end_of("test[mac-mysql]"), "skipped");
    let lines: Value = serde_json::from_str(&merged(&world, "TESTED.json")).unwrap();
    let lines: Vec<Option<&str>> = lines.as_array().unwrap().iter().map(Value::as_str).collect();
    assert_eq!(
        lines,
        [
            Some("sqlite on linux: ok"),
            Some("postgres on linux: ok"),
            Some("mysql on linux: ok"),
            Some("sqlite on mac: ok"),
            Some("postgres on mac: ok"),
            None,
        ]
    );
}

#[test]
fn a_nightly_run_reports_what_is_red_and_always_cleans_up() {
    let world = world(&[]);
    let log = world.home().join("nightly.log");
    let output = world
        .program()
        .env("AI_SDLC_NIGHTLY_LOG", &log)
        .args(["mission", "run", "missions/nightly.toml", "--yes"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(merged(&world, "CLEAN"), "clean");
    assert_eq!(merged(&world, "RED.md"), "The slow tests are red.");
    let told = fs::read_to_string(log).unwrap();
    assert!(told.contains("failed slow_tests") && told.contains("finished"), "{told}");
}

#[test]
fn two_debuggers_are_sent_back_by_a_judge_and_the_cause_is_mended() {
    let world = world(&[("total.sh", "echo $((2 + 3))\n")]);
    run(&world, "bug-triage").exits(0);
    assert_eq!(count(&world, "sent-back"), 1);
    assert_eq!(merged(&world, "total.sh"), "echo $((1 + 2 + 3))");
}

#[test]
fn a_mission_is_used_twice_with_different_inputs() {
    let world = world(&[]);
    run(&world, "twice").exits(0);
    assert_eq!(world.end_of("english/check"), "succeeded");
    assert_eq!(merged(&world, "LIST"), "greetings/english.txt\ngreetings/french.txt");
    assert_eq!(merged(&world, "greetings/french.txt"), r#"["bon","jour"]"#);
}

#[test]
fn five_features_go_through_four_roles_each_side_by_side() {
    let world = World::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("missions");
    for file in ["feature.toml", "feature-pipeline.toml"] {
        world.write(&format!("missions/{file}"), &fs::read_to_string(root.join(file)).unwrap());
    }
    let names = ["login", "search", "export", "help", "version"];
    let feature = |name: &str| json!({ "name": name, "what": format!("Build {name}."), "criteria": ["It is there."] });
    let features: Vec<Value> = names.map(feature).into();
    let plan = json!({ "hand_over": { "status": "done", "outputs": { "features": features } } });
    let scenario = json!({ "sessions": [{ "task": "plan", "play": [plan] }] });
    world.write("plan.scenario.toml", &toml::to_string(&scenario).unwrap());
    world.commit("the pipeline");
    let mission = "missions/feature-pipeline.toml";
    world.run(["mission", "validate", mission, "--deny-warnings"]).exits(0);
    let scenario = world.project().join("plan.scenario.toml").display().to_string();
    world.run(["mission", "rehearse", mission, "--scenario", &scenario]).exits(0);
    for name in names {
        for task in ["spec", "cases", "code", "docs"] {
            assert_eq!(world.end_of(&format!("build[{name}]/{task}")), "succeeded");
        }
    }
    let merged = |event: &Value| event["type"] == "merged" && event["batch"][0].as_str().unwrap().starts_with("build[");
    assert_eq!(world.events().iter().filter(|event| merged(event)).count(), 5, "each feature is merged once");
}
