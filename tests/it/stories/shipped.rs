//! The mission of one story that ships, in a project that has none of its own.

use crate::stories::{ended, judged, merged, run, session, story};
use crate::world::World;

fn world() -> World {
    let world = World::new();
    world.write("stories/a.md", &story("A-1", 2, ""));
    world.commit("a story");
    world
}

const PLANNED: &str = "{ hand_over = { status = \"done\", summary = \"Planned.\", outputs = { approach = \"a\", steps = [\"s\"], data = \"\", ui = \"\", tests = [\"t\"] } } }";

#[test]
fn it_goes_to_its_end_also_where_nothing_is_stored_and_nothing_is_seen() {
    let world = world();
    let sessions = [session("plan", "", PLANNED), judged("judge", "", &[true, true])];
    run(&world, &sessions, &[]).exits(0);
    assert_eq!(
        [world.end_of("a_1/data"), world.end_of("a_1/ui"), world.end_of("a_1")],
        ["skipped", "skipped", "succeeded"]
    );
    let text = merged(&world, "stories/a.md");
    assert!(text.contains("status: done") && !text.contains("[ ]"), "{text}");
    let commits = world.git(["log", "--format=%s", &format!("main..{}", crate::stories::integration(&world))]);
    assert_eq!(commits.lines().count(), 1, "a story is one commit: {commits}");
}

#[test]
fn one_that_is_judged_unfinished_is_finished_and_judged_again() {
    let world = world();
    let back = "{ hand_over = { status = \"done\", summary = \"Judged.\", verdict = \"rework\", reasons = [\"Two is missing.\"], outputs = { criteria = [{ number = 1, met = true, evidence = \"e\" }, { number = 2, met = false, evidence = \"e\" }] } } }";
    let sessions =
        [session("plan", "", PLANNED), session("judge", "attempt = 1", back), judged("judge", "", &[true, true])];
    run(&world, &sessions, &[]).exits(0);
    let count = |part: &str| ended(&world, part).len();
    assert_eq!([count("build"), count("finish"), count("self_review"), count("judge"), count("mark")], [1, 2, 2, 1, 1]);
}

#[test]
fn without_an_agent_program_it_is_rehearsed_to_its_end() {
    let world = world();
    let refs = world.git(["for-each-ref"]);
    let ran = world.run(["story", "run", "-y"]).exits(0);
    assert!(ran.stderr.starts_with("No agent program is installed"), "{ran:?}");
    assert!(ran.stdout.contains("ai-sdlc story run A-1"), "{ran:?}");
    assert_eq!(world.git(["for-each-ref"]), refs);
    assert_eq!(world.git(["status", "--porcelain", "--ignored"]), "");
    assert!(!world.run(["story", "list"]).exits(0).stdout.contains("not merged"));
}

#[test]
fn it_says_that_it_is_the_embedded_one_and_a_resume_knows_it() {
    let world = world();
    let ran = run(&world, &[session("plan", "", PLANNED), judged("judge", "", &[true, false])], &[]).exits(1);
    assert!(ran.stdout.contains("2. Criterion 2 of A-1."), "{ran:?}");
    let resumed = world.run(["run", "resume"]);
    assert!(!resumed.stderr.contains("not there any more"), "{resumed:?}");
}
