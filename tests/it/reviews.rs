//! Work that is read before it is accepted.

use std::fs;

use crate::world::World;

const MISSION: &str = r#"
[mission]
name = "reviewed"
[merge]
into = "main"
[tasks.build]
role = "full-stack-dev"
prompt = "Build it."
review = "tech-lead"
rounds = 3
"#;

const SCENARIO: &str = r#"
[[sessions]]
task = "build"
round = 1
play = [{ write = "a.txt", text = "first\n" }]
[[sessions]]
task = "build"
round = 2
play = [{ write = "a.txt", text = "second\n" }]
[[sessions]]
kind = "review"
round = 1
play = [
  { run = ["sh", "-c", "echo stray > stray.txt; echo broken > a.txt; echo $AI_SDLC_ROLE > $HOME/role"] },
  { hand_over = { status = "done", summary = "Not yet.", verdict = "rework", reasons = ["say second"] } },
]
"#;

#[test]
fn a_reviewer_gives_work_back_and_then_approves_it() {
    let world = World::new();
    world.mission(MISSION);
    world.write("s.toml", SCENARIO);
    let ran =
        world.run(["mission", "run", "mission.toml", "-y", "--agent", "rehearsal", "--scenario", "s.toml"]).exits(0);
    assert_eq!(world.git(["show", "main:a.txt"]), "second", "{ran:?}");
    assert_eq!(world.git(["ls-tree", "--name-only", "main", "stray.txt"]), "", "what a reviewer changes is put back");
    assert_eq!(fs::read_to_string(world.home().join("role")).unwrap(), "tech-lead\n");
    let reviewed: Vec<_> = world.events().into_iter().filter(|event| event["type"] == "reviewed").collect();
    let verdicts: Vec<_> = reviewed.iter().map(|event| event["verdict"].as_str().unwrap_or_default()).collect();
    assert_eq!(verdicts, ["rework", "approve"]);
    assert_eq!(world.task("build")["review"]["verdict"], "approve");
    let prompts: Vec<_> = world
        .events()
        .into_iter()
        .filter(|event| event["type"] == "session-started")
        .map(|event| {
            (event["kind"].as_str().unwrap_or("work").to_owned(), event["prompt"].as_str().unwrap().to_owned())
        })
        .collect();
    let kinds: Vec<&str> = prompts.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["work", "review", "work", "review"]);
    for part in ["> +first", "> Build it.", "## Your verdict", "verdict: rework", "Judge the work on `build`"] {
        assert!(prompts[1].1.contains(part), "{part}\n{}", prompts[1].1);
    }
    let role = world.run(["role", "show", "tech-lead"]).exits(0).stdout;
    let spoken = role.lines().rev().find(|line| line.len() > 40 && !line.contains("{{")).unwrap().to_owned();
    assert!(prompts[1].1.contains(&spoken), "the role speaks: {spoken}\n{}", prompts[1].1);
    assert!(!prompts[0].1.contains("verdict"), "{}", prompts[0].1);
    assert!(prompts[2].1.contains("say second"), "{}", prompts[2].1);
    let report = world.report();
    let folder = world.project().join(".git/ai-sdlc/runs").join(report["run"].as_str().unwrap()).join("build/1");
    assert!(folder.join("2-review/result.json").exists(), "{:?}", fs::read_dir(&folder).unwrap().collect::<Vec<_>>());
}

#[test]
fn work_that_is_given_back_too_often_fails() {
    let world = World::new();
    world.mission(&MISSION.replace("rounds = 3", "rounds = 2"));
    world.write(
        "s.toml",
        "[[sessions]]\nkind = \"review\"\nplay = [{ hand_over = { status = \"done\", summary = \"No.\", verdict = \"rework\", reasons = [\"never\"] } }]\n",
    );
    let ran =
        world.run(["mission", "run", "mission.toml", "-y", "--agent", "rehearsal", "--scenario", "s.toml"]).exits(1);
    assert!(ran.stdout.contains("never"), "{ran:?}");
}

#[test]
fn a_judge_is_told_how_to_give_its_verdict() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "judged"
[tasks.build]
role = "full-stack-dev"
prompt = "Build it."
[tasks.judge]
role = "tech-lead"
prompt = "Judge it."
needs = ["build"]
rework = ["build"]
"#,
    );
    world.run(["mission", "run", "mission.toml", "-y", "--agent", "rehearsal"]).exits(0);
    let events = world.events();
    let started = events.iter().find(|event| event["type"] == "session-started" && event["task"] == "judge");
    let prompt = started.unwrap()["prompt"].as_str().unwrap();
    for part in ["Judge it.", "## Your verdict", "at most 3 times: `build`", "approve or rework"] {
        assert!(prompt.contains(part), "{part}\n{prompt}");
    }
}
