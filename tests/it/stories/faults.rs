//! What can be wrong, and that each is told with its place and what to do.

use std::collections::BTreeSet;

use ai_sdlc::story::Board;
use ai_sdlc::story::file::StoryFile;

use crate::stories::{STORY, story, world};
use crate::world::World;

/// What a list tells of these files.
fn told(files: &[(&str, &str)]) -> String {
    let world = World::new();
    for (file, text) in files {
        world.write(&format!("stories/{file}"), text);
    }
    world.run(["story", "list"]).exits(0).stderr
}

/// The codes that only stories have, each found in one of these.
pub(crate) fn codes() -> BTreeSet<&'static str> {
    let boards = [
        ["---\nid: a\ntitle: A\ndependencies: [b]\n---\n", "---\nid: b\ntitle: B\ndependencies: [a]\n---\n"],
        ["---\nid: a\ntitle: A\n---\n", "---\nid: b\ntitle: B\ndependencies: [nosuch]\n---\n"],
        ["---\nid: c\ntitle: C\n---\n", "---\nid: c\ntitle: D\n---\n"],
        ["---\nid: a\ntitle: A\nstatus: ready\n---\n", "---\nid: b\ntitle: B\n---\n"],
    ];
    let found = boards.iter().flat_map(|texts| {
        let files = texts.iter().enumerate().map(|(at, text)| StoryFile {
            file: format!("{at}.md"),
            path: format!("stories/{at}.md"),
            bytes: text.as_bytes().to_vec(),
        });
        Board::read(&files.collect::<Vec<_>>()).findings
    });
    found.map(|finding| finding.code.0).collect()
}

#[test]
fn faults_of_one_file() {
    let one = |text: &str| told(&[("a.md", text)]);
    insta::assert_snapshot!("no_id", one("---\ntitle: No id\nstatus: draft\n---\n"));
    insta::assert_snapshot!("number_as_id", one("---\nid: 007\ntitle: Bond\n---\n"));
    insta::assert_snapshot!("bad_id", one("---\nid: a b\ntitle: Two words\n---\n"));
    insta::assert_snapshot!("unknown_status", one("---\nid: a\ntitle: A\nstatus: redy\n---\n"));
    insta::assert_snapshot!("unknown_priority", one("---\nid: a\ntitle: A\npriority: hgih\n---\n"));
    insta::assert_snapshot!("odd_priority", one("---\nid: a\ntitle: A\npriority: [1]\n---\n"));
    insta::assert_snapshot!("broken_yaml", one("---\nid: a\ntitle: \"A\nstatus: ready\n---\n"));
    insta::assert_snapshot!("unknown_key", one("---\nid: a\ntitle: A\ndependancies: [b]\nowner: Ada\n---\n"));
    insta::assert_snapshot!(
        "no_criteria",
        one("---\nid: a\ntitle: A\nstatus: ready\n---\n\n## Acceptance criteria\n\n- It works.\n")
    );
    insta::assert_snapshot!(
        "no_box",
        one("---\nid: a\ntitle: A\nstatus: ready\n---\n\n## Acceptance criteria\n\n- [ ] It works.\n- It is fast.\n")
    );
    insta::assert_snapshot!("bad_dependencies", one("---\nid: a\ntitle: A\ndependencies:\n  - {b: c}\n---\n"));
    insta::assert_snapshot!("itself", one("---\nid: a\ntitle: A\ndependencies: [a]\n---\n"));
}

#[test]
fn faults_of_several_files() {
    let (a, b, c) = (
        "---\nid: sign-in\ntitle: A\ndependencies:\n  - search\n---\n",
        "---\nid: search\ntitle: B\ndependencies: [report]\n---\n",
        "---\nid: report\ntitle: C\ndependencies: sign-in\n---\n",
    );
    insta::assert_snapshot!("cycle", told(&[("a.md", a), ("b.md", b), ("c.md", c)]));
    insta::assert_snapshot!(
        "duplicate",
        told(&[("a.md", "---\nid: S-1\ntitle: A\n---\n"), ("b.md", "---\nid: S-1\ntitle: B\n---\n")])
    );
    insta::assert_snapshot!(
        "too_like",
        told(&[("a.md", "---\nid: S-1\ntitle: A\n---\n"), ("b.md", "---\nid: s.1\ntitle: B\n---\n")])
    );
    insta::assert_snapshot!("unknown_dependency", told(&[("a.md", a), ("b.md", "---\nid: serach\ntitle: B\n---\n")]));
}

#[test]
fn a_file_that_is_no_text_or_has_no_end_is_told() {
    let world = World::new();
    let path = world.project().join("stories/a.md");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"---\nid: caf\xe9\n---\n").unwrap();
    assert!(world.run(["story", "list"]).exits(0).stderr.contains("catalog::unreadable"));
    std::fs::write(&path, story("a", 1, "") + &"x".repeat(70_000)).unwrap();
    let told = world.run(["story", "list"]).exits(0).stderr;
    assert!(told.contains("catalog::unreadable") && told.contains("at most 64 KiB"), "{told}");
    world.run(["mission", "validate"]).exits(2);
}

#[test]
fn stories_with_errors_are_not_run() {
    let world = world(&[("a.md", story("a", 1, "")), ("b.md", story("b", 1, "dependencies: [nosuch]\n"))]);
    let ran = world.run(["story", "run", "a", "-y", "--agent", "rehearsal"]).exits(2);
    assert!(ran.stderr.contains("story::unknown-dependency") && ran.stderr.contains("cli::invalid-story"), "{ran:?}");
    assert_eq!(world.run(["run", "list"]).exits(0).stdout, "");
}

#[test]
fn why_nothing_is_run_is_told() {
    let world = world(&[
        ("a.md", story("a", 1, "").replace("ready", "draft")),
        ("b.md", story("b", 1, "dependencies: [a]\n")),
        ("c.md", story("c", 1, "dependencies: [b]\n")),
        ("d.md", story("d", 1, "").replace("ready", "in-progress")),
        ("e.md", story("e", 1, "").replace("ready", "done")),
    ]);
    insta::assert_snapshot!("nothing_ready", world.run(["story", "run", "-y"]).exits(2).stderr);
    insta::assert_snapshot!("named_not_ready", world.run(["story", "run", "-y", "a", "c", "e"]).exits(2).stderr);
    insta::assert_snapshot!("unknown_story", world.run(["story", "run", "-y", "bb"]).exits(2).stderr);
    let none = World::new();
    insta::assert_snapshot!("no_stories", none.run(["story", "run", "-y"]).exits(2).stderr);
}

#[test]
fn what_is_not_committed_is_told_before_anything_begins() {
    let world = world(&[("a.md", story("a", 1, "")), ("b.md", story("b", 1, ""))]);
    world.write("stories/a.md", &story("a", 2, ""));
    world.write("stories/sub/c.md", &story("c", 1, ""));
    let ran = world.run(["story", "run", "-y", "--agent", "rehearsal"]).exits(2);
    insta::assert_snapshot!("not_committed", ran.stderr);
    assert_eq!(world.run(["run", "list"]).exits(0).stdout, "");
    // One that is as it was committed can be run; so can all, by the command that was told.
    let ran = world.run(["story", "run", "b", "--dry-run", "--agent", "rehearsal"]).exits(0);
    assert!(ran.stdout.contains("story run b"), "{ran:?}");
    world.git(["add", "-A"]);
    world.git(["commit", "-qm", "Write stories", "--", "stories/a.md", "stories/sub/c.md"]);
    world.run(["story", "run", "--dry-run", "--agent", "rehearsal"]).exits(0);
}

#[test]
fn without_a_repository_or_a_commit_nothing_is_run() {
    let bare = World::bare();
    bare.write("stories/a.md", &story("a", 1, ""));
    let ran = bare.run(["story", "run", "-y"]).exits(5);
    assert!(ran.stderr.contains("git::no-repository"), "{ran:?}");
    assert!(bare.run(["story", "list"]).exits(0).stdout.starts_with("a  ready"));
    bare.git(["init", "-q", "-b", "main"]);
    bare.write("missions/story.toml", STORY);
    let ran = bare.run(["story", "run", "-y"]).exits(2);
    assert!(ran.stderr.contains("cli::not-committed"), "{ran:?}");
    let ran = bare.run(["story", "run", "-y", "--agent", "rehearsal"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("commit"), "{ran:?}");
}
