//! `story mark`: what it takes, what it refuses, and that a session cannot lead it astray.

use std::os::unix::fs::symlink;

use serde_json::json;

use crate::stories::{story, world};
use crate::world::{Ran, World};

fn mark(world: &World, file: &str, criteria: usize, verdicts: &serde_json::Value) -> Ran {
    let all: Vec<_> = (1..=criteria).map(|n| json!({ "number": n, "text": format!("Criterion {n} of a.") })).collect();
    let given = json!({ "id": "a", "title": "x", "text": "", "file": file, "criteria": all }).to_string();
    world.run(["story", "mark", "--story", &given, "--criteria", &verdicts.to_string()])
}

fn verdict(number: usize, met: bool) -> serde_json::Value {
    json!({ "number": number, "met": met, "evidence": "seen" })
}

#[test]
fn what_no_verdict_speaks_of_is_not_met() {
    let world = world(&[("a.md", story("a", 3, ""))]);
    let ran = mark(&world, "stories/a.md", 3, &json!([verdict(2, true), verdict(3, true), verdict(3, false)])).exits(1);
    insta::assert_snapshot!(ran.stdout, @r"
    a: not done, 1 of 3 acceptance criteria are met. Not met:
    1. Criterion 1 of a.
       the review says nothing of it
    3. Criterion 3 of a.
       seen
    ");
    let text = world.read("stories/a.md");
    assert!(text.contains("status: in-progress\n") && text.contains("- [x] Criterion 2"), "{text}");
    assert_eq!(text.matches("[x]").count(), 1, "{text}");
    let all = json!([verdict(1, true), verdict(2, true), verdict(3, true)]);
    let ran = mark(&world, "stories/a.md", 3, &all).exits(0);
    assert_eq!(ran.stdout, "a: done, 3 of 3 acceptance criteria are met.\n");
    assert_eq!(world.read("stories/a.md"), story("a", 3, "").replace("[ ]", "[x]").replace("ready", "done"));
    assert_eq!(std::fs::read_dir(world.project().join("stories")).unwrap().count(), 1, "something was left lying");
}

#[test]
fn criteria_that_were_changed_meanwhile_are_no_criteria_to_be_judged_by() {
    let world = world(&[("a.md", story("a", 2, ""))]);
    let easier = world.read("stories/a.md").replace("Criterion 2 of a.", "Anything.");
    world.write("stories/a.md", &easier);
    let ran = mark(&world, "stories/a.md", 2, &json!([verdict(1, true), verdict(2, true)])).exits(2);
    assert!(ran.stderr.contains("2 was \"Criterion 2 of a.\" and is \"Anything.\""), "{ran:?}");
    assert_eq!(world.read("stories/a.md"), easier);
}

#[test]
fn nothing_is_written_outside_of_the_checkout() {
    let world = world(&[("a.md", story("a", 1, ""))]);
    let outside = world.home().join("a.md");
    std::fs::copy(world.project().join("stories/a.md"), &outside).unwrap();
    let before = std::fs::read_to_string(&outside).unwrap();
    symlink(&outside, world.project().join("stories/link.md")).unwrap();
    symlink(world.home(), world.project().join("linked")).unwrap();
    let absolute = outside.display().to_string();
    for file in ["stories/link.md", "linked/a.md", "../home/a.md", &absolute, "stories/nosuch/a.md"] {
        let ran = mark(&world, file, 1, &json!([verdict(1, true)])).exits(2);
        assert!(ran.stderr.contains("cli::cannot-mark"), "{file}: {ran:?}");
    }
    mark(&world, "stories/nosuch.md", 1, &json!([verdict(1, true)])).exits(5);
    assert_eq!(std::fs::read_to_string(outside).unwrap(), before);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let world = world(&[("a.md", story("a", 1, ""))]);
    let before = world.read("stories/a.md");
    for verdicts in [json!([verdict(2, true)]), json!([verdict(0, true)]), json!({ "met": true }), json!("yes")] {
        mark(&world, "stories/a.md", 1, &verdicts).exits(2);
    }
    assert_eq!(world.read("stories/a.md"), before);
    let ran = mark(&world, "", 1, &json!([])).exits(0);
    assert!(ran.stdout.contains("nothing is written back"), "{ran:?}");
}
