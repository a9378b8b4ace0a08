//! `story list`: what files say, what runs say, and that the JSON is what its schema says.

use serde_json::Value;

use crate::stories::{judged, run, story, world};

#[test]
fn each_state_is_told() {
    let world = world(&[
        ("a.md", story("a", 2, "priority: high\n").replace("ready", "done").replace("[ ]", "[x]")),
        ("b.md", story("b", 2, "dependencies: [a]\n")),
        ("c.md", story("c", 1, "dependencies: [b, e]\npriority: 7\n")),
        ("d.md", story("d", 0, "").replace("ready", "draft")),
        ("e.md", story("e", 2, "").replace("ready", "in-progress").replacen("[ ]", "[X]", 1)),
        ("README.md", "# Stories of ours\n".to_owned()),
    ]);
    let listed = world.run(["story", "list"]).exits(0);
    insta::assert_snapshot!(listed.stdout, @r"
    a  done         high    2/2  Story a
    b  ready        medium  0/2  Story b
    d  draft        medium  0/0  Story d
    e  in-progress  medium  1/2  Story e
    c  ready        7       0/1  Story c  waits for b (ready), e (in-progress)
    ");
    insta::assert_snapshot!(listed.stderr, @"1 other Markdown file there: front matter with an `id` makes a story.");
    let document: Value = serde_json::from_str(&world.run(["story", "list", "--json"]).exits(0).stdout).unwrap();
    let schema = serde_json::from_str(&world.run(["schema", "stories"]).exits(0).stdout).unwrap();
    assert!(jsonschema::is_valid(&schema, &document), "{document:#}");
    assert_eq!(document["stories"][4]["waits_for"], serde_json::json!(["b", "e"]), "{document:#}");
    assert_eq!(document["stories"][1]["run"], Value::Null);
}

#[test]
fn done_on_a_runs_branch_is_told_until_it_is_merged() {
    let world = world(&[("a.md", story("a", 1, ""))]);
    run(&world, &[judged("judge", "", &[true])], &[]).exits(0);
    let said = || {
        let document: Value = serde_json::from_str(&world.run(["story", "list", "--json"]).exits(0).stdout).unwrap();
        document["stories"][0]["run"].clone()
    };
    assert_eq!(said()["state"], "undelivered");
    let branch = crate::stories::integration(&world);
    assert_eq!(said()["words"], format!("done on {branch}, not merged: `git merge {branch}`"));
    world.git(["merge", "-q", &branch]);
    assert_eq!(said(), Value::Null);
    // Who opens it again is not told that it is done.
    let text = world.read("stories/a.md").replace("status: done", "status: ready");
    world.write("stories/a.md", &text);
    assert_eq!(said(), Value::Null);
}
