//! Stories that are run: order, write-back, failures, what is sent back, interruptions, delivery.

use rustix::process::Signal;

use crate::stories::{STORY, ended, integration, judged, merged, run, session, story, world};
use crate::world::{finish, send, wait_for};

#[test]
fn the_most_urgent_is_first_and_what_it_needs_before_it() {
    let world = world(&[
        ("a.md", story("a-low", 1, "priority: low\n")),
        ("b.md", story("b-late", 1, "priority: critical\ndependencies: [c-first]\n")),
        ("c.md", story("c-first", 1, "")),
        ("d.md", story("d-high", 1, "priority: high\n")),
        ("e.md", story("e-draft", 1, "").replace("status: ready", "status: draft")),
    ]);
    let all = judged("judge", "", &[true]);
    let ran = run(&world, &[all], &["--concurrent", "1"]).exits(0);
    let events = world.events();
    let begun: Vec<&str> = events
        .iter()
        .filter(|event| event["type"] == "task-started")
        .filter_map(|event| event["task"].as_str())
        .filter(|task| task.contains('/'))
        .collect();
    // One that was begun is finished before the next begins. While one is merged, what it frees is not free yet.
    let first = ["d_high/build", "d_high/judge", "d_high/mark", "c_first/build", "c_first/judge", "c_first/mark"];
    assert_eq!(begun[..6], first, "{begun:?}");
    assert_eq!(ended(&world, "mark").len(), 4);
    assert!(ran.stderr.contains("e-draft: it is a draft"), "{ran:?}");
    assert_eq!(world.git(["status", "--porcelain"]), "", "the checkout was touched");
    assert_eq!(world.git(["log", "--format=%s", "main"]).lines().count(), 2, "main was moved");
}

#[test]
fn as_many_as_asked_for_are_worked_on_at_once() {
    let world = world(&[("a.md", story("a", 1, "")), ("b.md", story("b", 1, ""))]);
    let up = world.home().join("up");
    let up = up.display();
    // Each waits for the other: one after the other they would wait for ever.
    let build = |own: &str, other: &str| {
        let wait = format!("touch {up}-{own}; until test -e {up}-{other}; do sleep 0.02; done");
        session(&format!("{own}/build"), "", &format!("{{ run = [\"sh\", \"-c\", \"{wait}\"] }}"))
    };
    run(&world, &[build("a", "b"), build("b", "a"), judged("judge", "", &[true])], &["-c", "2"]).exits(0);
    assert!(merged(&world, "stories/a.md").contains("status: done"));
    assert!(merged(&world, "stories/b.md").contains("status: done"));
}

#[test]
fn what_is_met_is_written_into_the_file_and_nothing_else_of_it_changes() {
    let before = "---\r\nid: \"7\"   # ours\r\ntitle:  'It''s  here'\r\nowner: Ada\r\nstatus: \"ready\"  # soon\r\n---  \r\n\r\nText with trailing space.  \r\n- [ ] no criterion\r\n\r\n### Acceptance Criteria\r\n\r\n* [ ] One thing,\r\n  on two lines.   \r\n* [x] Another\r\n\r\n```md\r\n- [ ] none either\r\n```\r\n### Notes\r\n- [ ] nor this\r\nno newline at the end";
    let world = world(&[("deep/er/seven.md", before.to_owned())]);
    let wrote = session("build", "", "{ write = \"seven.txt\", text = \"7\\n\" }");
    run(&world, &[wrote, judged("judge", "", &[true, true])], &["7"]).exits(0);
    let after = before.replace("\"ready\"  # soon", "done  # soon").replace("* [ ] One", "* [x] One");
    assert_eq!(merged(&world, "stories/deep/er/seven.md"), after);
    // The status came with the work, in one commit.
    let files = world.git(["show", "--format=", "--name-only", &integration(&world)]);
    assert_eq!(files, "seven.txt\nstories/deep/er/seven.md");
    assert_eq!(world.read("stories/deep/er/seven.md"), before, "the person's own checkout was touched");
}

#[test]
fn one_that_fails_leaves_the_others_going_and_nothing_of_it_is_merged() {
    let world = world(&[
        ("a.md", story("a", 2, "")),
        ("b.md", story("b", 1, "dependencies: [a]\n")),
        ("c.md", story("c", 1, "")),
    ]);
    let write =
        |task: &str| session(&format!("{task}/build"), "", &format!("{{ write = \"{task}.txt\", text = \"x\\n\" }}"));
    let sessions = [write("a"), write("c"), judged("a/judge", "", &[true, false]), judged("judge", "", &[true])];
    let ran = run(&world, &sessions, &[]).exits(1);
    assert!(ran.stdout.contains("a: not done, 1 of 2 acceptance criteria are met"), "{ran:?}");
    assert!(ran.stdout.contains("2. Criterion 2 of a.") && ran.stdout.contains("line 2 of it"), "{ran:?}");
    assert_eq!([world.end_of("a"), world.end_of("b"), world.end_of("c")], ["failed", "blocked", "succeeded"]);
    let files = world.git(["ls-tree", "-r", "--name-only", &integration(&world)]);
    assert!(files.contains("c.txt") && !files.contains("a.txt"), "{files}");
    assert!(merged(&world, "stories/a.md").contains("status: ready"));
    assert!(merged(&world, "stories/c.md").contains("status: done"));
    let listed = world.run(["story", "list"]).exits(0).stdout;
    let of = |id: &str| listed.lines().find(|line| line.starts_with(&format!("{id} "))).unwrap().to_owned();
    assert!(of("a").contains("failed in run") && of("a").contains("at mark"), "{listed}");
    assert!(of("b").contains("as a failed") && of("b").contains("waits for a (ready)"), "{listed}");
    assert!(of("c").contains("not merged: `git merge ai-sdlc/"), "{listed}");
}

#[test]
fn a_criterion_that_is_not_met_sends_the_work_back_until_it_is() {
    let world = world(&[("a.md", story("a", 2, ""))]);
    let sessions = [
        session("build", "attempt = 1", "{ write = \"a.txt\", text = \"half\\n\" }"),
        session("build", "", "{ write = \"a.txt\", text = \"whole\\n\" }"),
        judged("judge", "attempt = 1", &[true, false]),
        judged("judge", "", &[true, true]),
    ];
    run(&world, &sessions, &[]).exits(0);
    let back = world.events().into_iter().find(|event| event["type"] == "sent-back").expect("nothing was sent back");
    assert!(back.to_string().contains("Criterion 2 of a."), "{back}");
    assert_eq!(merged(&world, "a.txt"), "whole\n");
    let text = merged(&world, "stories/a.md");
    assert!(text.contains("status: done") && !text.contains("[ ]"), "{text}");
}

#[test]
fn an_engine_that_is_killed_loses_nothing_and_the_stories_go_on() {
    let world = world(&[("a.md", story("a", 1, "")), ("b.md", story("b", 1, "dependencies: [a]\n"))]);
    let (up, go) = (world.home().join("up"), world.home().join("go"));
    let wait = format!("touch {}; until test -e {}; do sleep 0.02; done", up.display(), go.display());
    let sessions = [
        session(
            "b/build",
            "",
            &format!("{{ run = [\"sh\", \"-c\", \"{wait}\"] }}, {{ write = \"b.txt\", text = \"b\\n\" }}"),
        ),
        judged("judge", "", &[true]),
    ];
    let scenario = crate::stories::plays(&world, &sessions);
    let child = world.start(["story", "run", "-y", "--agent", "rehearsal", "--scenario", &scenario]);
    wait_for("the second story", || up.exists());
    let live = world.run(["story", "list"]).exits(0).stdout;
    assert!(live.contains("is at it: build"), "{live}");
    let refused = world.run(["story", "run", "b", "-y", "--agent", "rehearsal"]).exits(2);
    assert!(refused.stderr.contains("b: run") && refused.stderr.contains("is at it"), "{refused:?}");
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    world.is_quiet();
    let listed = world.run(["story", "list"]).exits(0).stdout;
    assert!(listed.contains("goes on"), "{listed}");
    // What it goes on with is what it began with: the files say otherwise by now.
    world.write("stories/b.md", "---\nid: c\ntitle: Another\n---\n");
    std::fs::remove_file(world.project().join("missions/story.toml")).unwrap();
    std::fs::write(go, "").unwrap();
    let resumed = world.run(["run", "resume"]).exits(0);
    assert!(resumed.stderr.contains("missions/story.toml is not there any more"), "{resumed:?}");
    assert_eq!(ended(&world, "mark"), ["a", "b"], "a finished story ran again");
    assert_eq!(merged(&world, "b.txt"), "b\n");
    assert!(merged(&world, "stories/b.md").contains("status: done"));
}

#[test]
fn a_branch_of_the_person_is_moved_once_they_agree() {
    let world = world(&[("deliver.md", story("deliver", 1, ""))]);
    let sessions = [judged("judge", "", &[true])];
    let ran = run(&world, &sessions, &["--into", "main"]).exits(3);
    assert!(ran.stdout.contains("run approve"), "{ran:?}");
    assert!(world.git(["show", "main:stories/deliver.md"]).contains("status: ready"));
    world.run(["run", "approve"]).exits(0);
    world.run(["run", "resume"]).exits(0);
    assert!(world.git(["show", "main:stories/deliver.md"]).contains("status: done"));
    assert!(world.read("stories/deliver.md").contains("- [x] Criterion 1"));
    let listed = world.run(["story", "list"]).exits(0).stdout;
    assert!(!listed.contains("not merged"), "{listed}");
    assert!(world.run(["story", "run", "-y"]).exits(0).stderr.contains("Every story is done."));
}

#[test]
fn what_is_done_and_not_merged_is_not_done_again() {
    let world = world(&[("a.md", story("a", 1, "")), ("b.md", story("b", 1, "dependencies: [a]\n"))]);
    let sessions = [judged("judge", "", &[true])];
    run(&world, &sessions, &["a"]).exits(0);
    let again = run(&world, &sessions, &[]).exits(2);
    assert!(again.stderr.contains("a: done on ai-sdlc/") && again.stderr.contains("b: waits for what"), "{again:?}");
    let branch = integration(&world);
    world.git(["merge", "-q", &branch]);
    run(&world, &sessions, &[]).exits(0);
    assert_eq!(ended(&world, "mark"), ["b"]);
}

#[test]
fn two_that_change_the_same_lines_are_kept_apart_or_brought_together() {
    let world = world(&[("a.md", story("a", 1, "")), ("b.md", story("b", 1, ""))]);
    let up = world.home().join("up");
    let up = up.display();
    let build = |own: &str, other: &str| {
        let wait = format!("touch {up}-{own}; until test -e {up}-{other}; do sleep 0.02; done");
        let play = format!("{{ run = [\"sh\", \"-c\", \"{wait}\"] }}, {{ write = \"same.txt\", text = \"{own}\\n\" }}");
        session(&format!("{own}/build"), "", &play)
    };
    let sessions = [build("a", "b"), build("b", "a"), judged("judge", "", &[true])];
    run(&world, &sessions, &["-c", "2"]).exits(7);
    let [a, b] = [world.end_of("a"), world.end_of("b")];
    assert!([(&*a, &*b), (&*b, &*a)].contains(&("succeeded", "conflict")), "{a} {b}");
    let done = || ["a", "b"].map(|id| merged(&world, &format!("stories/{id}.md")).contains("status: done"));
    assert_ne!(done()[0], done()[1]);
    // Where a session comes last it is given both, as in the mission that ships.
    let land = "[tasks.land]\nrole = \"full-stack-dev\"\nneeds = [\"mark\"]\nworkspace = { with = \"mark\" }\nprompt = \"Land it.\"\n";
    world.write("missions/story.toml", &format!("{STORY}{land}[merge]\non_conflict = \"rework\"\n"));
    world.commit("land");
    for id in ["a", "b"] {
        std::fs::remove_file(format!("{up}-{id}")).unwrap();
    }
    let both = session("land", "round = 2", "{ write = \"same.txt\", text = \"both\\n\" }");
    let sessions = [&sessions[..], &[both, session("land", "", "{ say = \"Nothing to do.\" }")]].concat();
    run(&world, &sessions, &["-c", "2", "--force"]).exits(0);
    assert_eq!(merged(&world, "same.txt"), "both\n");
    assert_eq!(done(), [true, true]);
}

#[test]
fn tables_of_the_storys_mission_hold_for_the_run() {
    let world = world(&[("a.md", story("a", 1, ""))]);
    let more =
        "[workspace]\nsetup = [\"touch \\\"$HOME/set-up\\\"\"]\n[merge]\nchecks = [\"touch \\\"$HOME/checked\\\"\"]\n";
    world.write("missions/story.toml", &format!("{STORY}{more}"));
    world.commit("tables");
    let ran = run(&world, &[judged("judge", "", &[true])], &[]).exits(0);
    assert!(!ran.stderr.contains("does not count"), "{ran:?}");
    assert!(world.home().join("set-up").exists() && world.home().join("checked").exists());
}

#[test]
fn the_ceiling_is_that_of_as_many_stories() {
    let world = world(&[("a.md", story("a", 1, "")), ("b.md", story("b", 1, "")), ("c.md", story("c", 1, ""))]);
    let plan = run(&world, &[], &["--dry-run"]).exits(0).stdout;
    assert!(plan.contains("at most $6.00") && plan.contains("2 tasks at once"), "{plan}");
    let plan = run(&world, &[], &["--dry-run", "a", "b", "--budget-usd", "5", "-c", "7"]).exits(0).stdout;
    assert!(plan.contains("at most $5.00") && plan.contains("7 tasks at once"), "{plan}");
    assert_eq!(world.run(["run", "list"]).exits(0).stdout, "");
}
