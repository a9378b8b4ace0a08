//! Ceilings of money, tokens and time, of the run, a role and a task.

use serde_json::Value;

use crate::world::{Ran, World};

const ROLE: &str = "---\nname: dev\ndescription: Works.\nkind: code\n---\n{{task.prompt}}\n";

fn world(scenario: &str, mission: &str) -> World {
    let world = World::new();
    world.write("roles/dev.md", ROLE);
    world.write("scenario.toml", scenario);
    world.mission(&format!("{mission}\n[defaults]\nrole = \"dev\"\n"));
    world
}

fn run<const N: usize>(world: &World, more: [&str; N]) -> Ran {
    let mut command = world.program();
    command.args(["mission", "run", "mission.toml", "--agent", "rehearsal", "--scenario", "scenario.toml", "--yes"]);
    Ran::of(&command.args(more).output().unwrap())
}

fn count(world: &World, kind: &str) -> usize {
    world.events().iter().filter(|event| event["type"] == kind).count()
}

fn sessions_of(world: &World, task: &str) -> Vec<Value> {
    let events = world.events().into_iter();
    events.filter(|event| event["type"] == "session-started" && event["task"] == task).collect()
}

const SPEND_AND_HANG: &str = r#"
[[sessions]]
task = "a"
attempt = 1
play = [{ write = "half.txt", text = "half" }, { use = { input = 10, usd = 1.5 } }, { hang = true }]
"#;

#[test]
fn a_dollar_ceiling_stops_what_runs_and_a_larger_one_goes_on() {
    let mission = "[mission]\nname = \"m\"\n[budget]\nusd = 1.0\n[tasks.a]\nprompt = \"a\"\n[tasks.b]\nneeds = [\"a\"]\nprompt = \"b\"\n";
    let world = world(SPEND_AND_HANG, mission);
    let ran = run(&world, []).exits(4);
    assert!(ran.stdout.contains("--budget"), "{ran:?}");
    assert_eq!((world.end_of("a"), world.end_of("b")), ("cancelled".to_owned(), "cancelled".to_owned()));
    assert_eq!((count(&world, "budget-warning"), count(&world, "budget-exceeded")), (1, 1));
    let same = world.run(["run", "resume"]);
    assert_eq!(same.code, Some(4), "nothing is left of it: {same:?}");
    world.run(["run", "resume", "--budget-usd", "5"]).exits(0);
    assert_eq!(world.end_of("b"), "succeeded");
}

#[test]
fn a_pause_leaves_sessions_where_they_stand() {
    let scenario = r#"
[[sessions]]
task = "a"
attempt = 1
round = 1
play = [
  { run = ["sh", "-c", "test -e half.txt && touch whole.txt; touch half.txt"] },
  { use = { input = 600 } },
  { run = ["sh", "-c", "until test -e whole.txt; do sleep 0.01; done"] },
]
"#;
    let mission = "[mission]\nname = \"m\"\n[budget]\ntokens = 500\non_exceeded = \"pause\"\n[merge]\ninto = \"main\"\n[tasks.a]\nprompt = \"a\"\n[tasks.b]\nneeds = [\"a\"]\nprompt = \"b\"\n";
    let world = world(scenario, mission);
    let ran = run(&world, []).exits(4);
    assert!(ran.stdout.contains("run resume"), "{ran:?}");
    world.run(["run", "resume", "--budget-tokens", "100000"]).exits(0);
    let sessions = sessions_of(&world, "a");
    let attempts: Vec<&Value> = sessions.iter().map(|session| &session["attempt"]).collect();
    assert_eq!(attempts, [1, 1], "it goes on in its worktree");
    assert!(sessions[0]["conversation"].is_null() || sessions[1]["conversation"].is_string(), "{sessions:?}");
    world.read("whole.txt");
}

#[test]
fn a_ceiling_of_time_stops_commands_too() {
    let world = world("", "[mission]\nname = \"m\"\n[budget]\ntime = \"1s\"\n[tasks.a]\nrun = \"sleep 600\"\n");
    run(&world, []).exits(4);
    assert_eq!(world.end_of("a"), "cancelled");
    assert_eq!(world.processes(), []);
}

#[test]
fn the_ceiling_of_a_task_or_role_fails_that_task_only() {
    let scenario = "[[sessions]]\nplay = [{ use = { input = 10, usd = 0.5 } }, { use = { input = 10, usd = 0.5 } }, { write = \"x-{{task}}\", text = \"x\" }]\n";
    for own in
        ["[tasks.a.budget]\nusd = 0.8\n", "[tasks.a.budget]\ntokens = 15\n", "[roles.dev]\nbudget = { usd = 0.8 }\n"]
    {
        let scenario = format!("{}{}", scenario.replace("[[sessions]]", "[[sessions]]\ntask = \"a\""), "");
        let mission = format!("[mission]\nname = \"m\"\n[tasks.a]\nprompt = \"a\"\n[tasks.b]\nprompt = \"b\"\n{own}");
        let hang = scenario.replace("{ write = \"x-{{task}}\", text = \"x\" }", "{ hang = true }");
        let world = world(&hang, &mission);
        let ran = run(&world, []).exits(1);
        assert_eq!((world.end_of("a"), world.end_of("b")), ("failed".to_owned(), "succeeded".to_owned()), "{own}");
        assert!(ran.stdout.contains("budget"), "{ran:?}");
    }
}

#[test]
fn a_flag_stands_over_the_ceiling_of_the_mission_and_warn_at_is_heard() {
    let mission = "[mission]\nname = \"m\"\n[budget]\nusd = 100.0\nwarn_at = 0.5\n[tasks.a]\nprompt = \"a\"\n";
    let world = world("[[sessions]]\nplay = [{ use = { input = 10, usd = 0.6 } }]\n", mission);
    run(&world, ["--budget-usd", "1"]).exits(0);
    let events = world.events();
    let warned = events.iter().find(|event| event["type"] == "budget-warning").unwrap();
    assert_eq!(warned["percent"], 50);
}

#[test]
fn an_agent_that_reports_nothing_is_refused_under_a_ceiling_unless_allowed() {
    let mission = |budget: &str| {
        format!(
            "[mission]\nname = \"m\"\n[budget]\nusd = 1.0\n{budget}[agents.mine]\nbackend = \"command\"\ncommand = [\"true\"]\n[tasks.a]\nprompt = \"a\"\nagent = \"mine\"\n"
        )
    };
    let refused = world("", &mission(""));
    let ran = refused.run(["mission", "run", "mission.toml", "--yes"]);
    assert!(matches!(ran.code, Some(2 | 5)), "{ran:?}");
    assert!(ran.stderr.contains("unknown"), "{ran:?}");
    assert!(refused.run(["run", "list"]).stdout.lines().all(|line| !line.contains("mission.toml")));
    let allowed = world("", &mission("unknown = \"allow\"\n"));
    let ran = allowed.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert!(ran.stdout.contains("unknown"), "{ran:?}");
}
