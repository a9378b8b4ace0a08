//! What missions do where something is not as it should be: it is found, and it alone is left out.

use std::collections::BTreeSet;

use serde_json::json;

use super::layout::{library, service, web_application};
use super::runs::shown_and_mended;
use super::{hands_over, in_order, run};
use crate::world::World;

fn made(world: World, name: &str) -> World {
    world.run(["mission", "new", name, "--template", name]).exits(0);
    world.commit("the mission");
    world
}

#[test]
fn a_bug_that_cannot_be_shown_is_left_out_and_the_others_are_mended() {
    let world = made(service(), "bugfix-sprint");
    let bug = |name: &str| json!({ "name": name, "bug": "It fails." });
    let names = ["crash", "typo"];
    let mut scripted = vec![
        hands_over("triage", vec![], &json!({ "bugs": (["crash", "ghost", "typo"].map(bug)) })),
        // This test is green from the beginning.
        hands_over("fix[ghost]/reproduce", vec![], &json!({ "cause": "none", "command": "true" })),
    ];
    scripted.extend(names.iter().flat_map(|name| shown_and_mended("fix", name)));
    let finished = run(&world, "bugfix-sprint", &scripted, &["into=main"]);
    in_order("bugfix-sprint", &finished.merged);
    let merged: Vec<&String> = finished.subjects.iter().filter(|subject| subject.contains('(')).collect();
    assert_eq!(merged.len(), 2, "{:?}", finished.subjects);
    assert!(!merged.iter().any(|subject| subject.contains("ghost")), "{merged:?}");
    assert_eq!(world.end_of("fix[ghost]/red"), "failed");
    let ratio = finished.ratio();
    assert!((1.4..=3.2).contains(&ratio), "{ratio}: {:?}", finished.sessions);
    // The tests that showed them lie beside the mends, and are green.
    assert!(world.command("make").arg("test").status().unwrap().success());
}

#[test]
fn an_upgrade_that_breaks_the_tests_is_thrown_out_alone() {
    let world = made(library(), "dependency-upgrade");
    let upgrade = |name: &str| json!({ "name": name, "what": "1 to 2", "risk": "None known." });
    let plan = json!({ "upgrades": (["parser", "logger", "breaks", "client"].map(upgrade)) });
    let broken = json!({ "task": "upgrade[breaks]", "play": [{ "write": "src/BROKEN", "text": "\n" }] });
    let finished = run(&world, "dependency-upgrade", &[hands_over("plan", vec![], &plan), broken], &["into=main"]);
    in_order("dependency-upgrade", &finished.merged);
    let ones: Vec<&String> = finished.subjects.iter().filter(|subject| subject.contains('(')).collect();
    assert_eq!(ones.len(), 3, "{:?}", finished.subjects);
    assert_eq!(world.end_of("upgrade[breaks]"), "failed");
    assert!(!world.project().join("src/BROKEN").exists());
    // One after the other, since all of them change the lock file.
    let events = world.events();
    let mut open = BTreeSet::new();
    for event in &events {
        let Some(task) = event["task"].as_str().filter(|task| task.starts_with("upgrade[")) else { continue };
        match event["type"].as_str() {
            Some("session-started") => drop(open.insert(task)),
            Some("task-finished") => drop(open.remove(task)),
            _ => {}
        }
        assert!(open.len() <= 1, "two at once: {open:?}");
    }
    let ratio = finished.ratio();
    assert!((1.4..=3.0).contains(&ratio), "{ratio}: {:?}", finished.sessions);
}

#[test]
fn tests_that_are_red_to_begin_with_end_it_before_anybody_is_asked() {
    let world = made(web_application(), "web-app");
    world.write("server/BROKEN", "\n");
    world.commit("broken");
    let ran = world.run(["mission", "run", "web-app", "--agent", "rehearsal", "--yes"]).exits(1);
    assert!(ran.stdout.contains("blocked by baseline"), "{ran:?}");
    let started = world.events().into_iter().filter(|event| event["type"] == "session-started").count();
    assert_eq!(started, 0);
}

#[test]
fn a_part_that_breaks_the_tests_goes_round_until_they_are_green() {
    let world = made(library(), "library");
    let part = |name: &str| json!({ "name": name, "what": "A part.", "files": [format!("src/{name}")] });
    let plan = json!({ "goal": "G", "criteria": ["C"], "parts": (["parse", "print"].map(part)) });
    let write = json!({ "write": "src/print/BROKEN", "text": "\n" });
    let mend = json!({ "delete": "src/print/BROKEN" });
    let done = json!({ "write": "src/print/print.sh", "text": "echo\n" });
    let scripted = [
        hands_over("plan", vec![], &plan),
        json!({ "task": "build[print]", "round": 1, "play": [write] }),
        json!({ "task": "build[print]", "round": 2, "play": [mend, done] }),
    ];
    run(&world, "library", &scripted, &["into=main"]);
    let events = world.events();
    let back = events.iter().find(|event| event["type"] == "round-failed").unwrap();
    assert_eq!(back["task"], "build[print]");
    assert!(back.to_string().contains("project test"), "{back}");
    assert_eq!(world.read("src/print/print.sh"), "echo\n");
}

#[test]
fn what_a_person_rejects_goes_back_and_they_are_asked_again() {
    let world = made(service(), "release");
    world.run(["mission", "run", "release", "--agent", "rehearsal", "--yes"]).exits(3);
    world.run(["run", "reject", "@", "accept", "-m", "The notes do not tell of the new port."]).exits(0);
    world.run(["run", "resume"]).exits(3);
    let events = world.events();
    let told = events.iter().filter(|event| event["type"] == "session-started" && event["task"] == "polish");
    let prompts: Vec<&str> = told.filter_map(|event| event["prompt"].as_str()).collect();
    assert_eq!(prompts.len(), 2);
    assert!(prompts[1].contains("The notes do not tell of the new port."), "{}", prompts[1]);
    world.run(["run", "approve", "@", "accept"]).exits(0);
    world.run(["run", "resume"]).exits(0);
}
