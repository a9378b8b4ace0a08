//! What sessions cost: as agents say, as prices make it, and where nobody knows.

use serde_json::Value;

use crate::world::{Ran, World};

const ROLE: &str = "---\nname: dev\ndescription: Works.\nkind: code\n---\n{{task.prompt}}\n";
/// A thousand dollars for a million tokens: a tenth of a cent each.
const PRICES: &str = "[models.play]\ninput = 1000\noutput = 1000\ncache_read = 100\n";

fn world(scenario: &str, mission: &str) -> World {
    let world = World::new();
    world.write("roles/dev.md", ROLE);
    world.write("scenario.toml", scenario);
    world.write(".ai-sdlc/prices.toml", PRICES);
    world.mission(&format!("[mission]\nname = \"m\"\n{mission}\n[defaults]\nrole = \"dev\"\n"));
    world
}

fn run<const N: usize>(world: &World, more: [&str; N]) -> Ran {
    let mut command = world.program();
    command.args(["mission", "run", "mission.toml", "--agent", "rehearsal", "--scenario", "scenario.toml", "--yes"]);
    Ran::of(&command.args(more).output().unwrap())
}

fn micro(usage: &Value) -> u64 {
    usage["usd_micro"].as_u64().unwrap_or_else(|| panic!("{usage}"))
}

/// Costs of the usage events after this one, in micro-dollars.
fn told(events: &[Value]) -> u64 {
    let of = |event: &Value| event["usage"]["cost"]["usd"].as_u64().unwrap_or(0);
    events.iter().filter(|event| event["type"] == "usage").map(of).sum()
}

/// Eight tasks, each of which wants half a dollar in steps of five cents, under one dollar: it stops in time, whoever
/// knows the cost of a step, and what was spent counts when it goes on.
fn one_dollar_over_eight_tasks(step: &str, basis: &str) {
    const STEP: u64 = 50_000;
    const SLOTS: u64 = 3;
    let steps = format!("{{ use = {step} }}, {{ sleep = \"600ms\" }}, ").repeat(10);
    let tasks = (0..8)
        .map(|n| format!("[tasks.t{n}]\nprompt = \"Go.\"\nmodel = \"play\"\ntouches = []\n"))
        .collect::<Vec<_>>()
        .concat();
    let world = world(
        &format!("[[sessions]]\nplay = [{steps}]\n"),
        &format!("[budget]\nusd = 1.0\n[concurrency]\nmax = {SLOTS}\n[workspace]\nmode = \"directory\"\n{tasks}"),
    );
    let ran = run(&world, []).exits(4);
    assert!(ran.stdout.contains("run resume") && ran.stdout.contains("--budget-usd"), "{ran:?}");
    let report = world.report();
    let spent = micro(&report["usage"]);
    assert!((1_000_000 - STEP..1_000_000 + SLOTS * STEP).contains(&spent), "{spent}");
    assert_eq!(report["usage"]["basis"], basis);
    let before = world.events();
    assert_eq!(told(&before), spent);
    let same = world.run(["run", "resume"]).exits(4);
    assert_eq!(micro(&world.report()["usage"]), spent, "nothing is left of it: {same:?}");
    world.run(["run", "resume", "--budget-usd", "100"]).exits(0);
    let report = world.report();
    let whole = micro(&report["usage"]);
    assert_eq!(whole, told(&world.events()), "all of it, from the beginning");
    assert!(whole >= 8 * 10 * STEP && whole > spent, "{whole} after {spent}");
    assert_eq!(report["usage"]["basis"], basis);
}

#[test]
fn a_dollar_over_eight_tasks_that_tell_their_cost() {
    one_dollar_over_eight_tasks("{ output = 50, usd = 0.05 }", "reported");
}

#[test]
fn a_dollar_over_eight_tasks_that_tell_tokens() {
    one_dollar_over_eight_tasks("{ output = 40, input = 10 }", "computed");
}

#[test]
fn a_resume_computes_with_the_prices_that_the_run_began_with() {
    let play = "[[sessions]]\ntask = \"a\"\nplay = [{ use = { input = 2000 } }]\n[[sessions]]\nplay = [{ use = { input = 10 } }]\n";
    let tasks = "[budget]\nusd = 1.0\n[tasks.a]\nprompt = \"a\"\nmodel = \"play\"\n[tasks.b]\nneeds = [\"a\"]\nprompt = \"b\"\nmodel = \"play\"\n";
    let world = world(play, tasks);
    run(&world, []).exits(4);
    world.write(".ai-sdlc/prices.toml", "[models.play]\ninput = 1\noutput = 1\n");
    world.run(["run", "resume", "--budget-usd", "9"]).exits(0);
    assert_eq!(micro(&world.task("b")["usage"]), 10_000);
}

#[test]
fn where_nobody_knows_the_cost_tokens_bind_or_the_session_is_stopped() {
    let play = "[[sessions]]\ntask = \"a\"\nplay = [{ use = { input = 10 } }, { hang = true }]\n[[sessions]]\nplay = [{ use = { input = 10 } }]\n";
    let tasks = "[tasks.a]\nprompt = \"a\"\n[tasks.b]\nneeds = [\"a\"]\nprompt = \"b\"\n";
    let stopped = world(play, &format!("[budget]\nusd = 1.0\n{tasks}"));
    let ran = run(&stopped, []).exits(1);
    assert!(ran.stdout.contains("nobody knows what `rehearsal` costs"), "{ran:?}");
    assert_eq!(stopped.task("a")["failure"]["class"], "out-of-budget");
    let usage = &stopped.report()["usage"];
    assert_eq!(
        (&usage["usd_micro"], &usage["basis"], &usage["known"]),
        (&Value::Null, &"unknown".into(), &false.into())
    );
    let again = stopped.run(["run", "resume"]).exits(1);
    assert!(again.stdout.contains("--budget-tokens"), "{again:?}");

    let bound = world(play, &format!("[budget]\nusd = 1.0\ntokens = 5\n{tasks}"));
    run(&bound, []).exits(4);

    let play = play.replace(", { hang = true }", "");
    for budget in ["usd = 1.0\nunknown = \"allow\"\n", "usd = 1.0\ntokens = 100000\n"] {
        let allowed = world(&play, &format!("[budget]\n{budget}{tasks}"));
        let ran = run(&allowed, []).exits(0);
        assert!(ran.stdout.contains("20 tokens") && !ran.stdout.contains("$0.00"), "{ran:?}");
    }
}

#[test]
fn an_agent_that_names_no_model_with_a_price_is_refused_under_a_ceiling_of_money_alone() {
    let mission = |budget: &str, model: &str| {
        let tasks = format!("[tasks.a]\nprompt = \"a\"\nagent = \"codex\"\n{model}");
        world("", &format!("[budget]\n{budget}\n{tasks}"))
    };
    for (model, told) in [("", "does not say of which model"), ("model = \"gpt-99\"\n", "`gpt-99` has no price")] {
        let refused = mission("usd = 1.0", model);
        let ran = refused.run(["mission", "plan", "mission.toml"]).exits(2);
        assert!(ran.stderr.contains(told) && ran.stderr.contains("unknown = \"allow\""), "{ran:?}");
        for budget in ["usd = 1.0\ntokens = 1000", "usd = 1.0\nunknown = \"allow\""] {
            let ran = mission(budget, model).run(["mission", "plan", "mission.toml"]).exits(0);
            assert!(ran.stdout.contains("What `codex` costs comes on top"), "{ran:?}");
            assert_eq!(ran.stdout.contains("`codex` takes the one that it is set to"), model.is_empty(), "{ran:?}");
        }
    }
    let priced = mission("usd = 1.0", "model = \"gpt-5.5\"\n");
    let ran = priced.run(["mission", "plan", "mission.toml", "--json"]).exits(0);
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    let carried: Vec<&String> = plan["prices"].as_object().unwrap().keys().collect();
    assert_eq!(carried, ["gpt-5.5"], "and no more than it needs");
    let ran = priced.run(["mission", "plan", "mission.toml"]).exits(0);
    assert!(!ran.stdout.contains("on top") && !ran.stdout.contains("set to"), "{ran:?}");
}

#[test]
fn prices_are_shown_and_checked_like_other_configuration() {
    let world = world("", "[tasks.a]\nrun = \"true\"\n");
    let persons = world.home().join(".config/ai-sdlc/prices.toml");
    std::fs::write(&persons, "[models.play]\ninput = 7\noutput = 7\n[models.mine]\ninput = 0\noutput = 0\n").unwrap();
    let ran = world.run(["config", "show", "--origin"]).exits(0);
    let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
    let of = |model: &str| &shown["prices"][model];
    assert_eq!(
        (&of("play")["input"], &of("play")["cache_read"]),
        (&1000.0.into(), &100.0.into()),
        "the project's wins"
    );
    assert!(of("play")["from"].as_str().unwrap().ends_with(".ai-sdlc/prices.toml"), "{ran:?}");
    assert!(of("mine")["from"].as_str().unwrap().ends_with(".config/ai-sdlc/prices.toml"), "{ran:?}");
    assert_eq!(of("gpt-5.5")["from"], "built-in");
    assert!(of("gpt-5.5")["source"].is_string() && of("gpt-5.5")["date"].is_string());

    world.write(".ai-sdlc/prices.toml", "[models.play]\ninput = -1\noutputs = 2\n");
    let ran = world.run(["mission", "validate", "--format", "short"]).exits(2);
    assert!(ran.stdout.contains(".ai-sdlc/prices.toml:2:9"), "{ran:?}");
    assert!(ran.stdout.contains("mission::unknown-key"), "{ran:?}");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(2);
}

/// A first attempt that fails, a first round that is given back, a review, and two models.
const MIXED: &str = r#"
[[sessions]]
task = "a"
attempt = 1
play = [{ use = { input = 10, usd = 0.10 } }, { fail = "crash" }]
[[sessions]]
task = "a"
attempt = 2
play = [{ use = { input = 1000, output = 20, cache_read = 5000, usd = 0.20 } }]
[[sessions]]
task = "b"
round = 1
play = [{ use = { output = 30 } }]
[[sessions]]
task = "b"
round = 2
play = [{ use = { output = 40 } }, { write = "b.txt", text = "b" }]
[[sessions]]
task = "c"
play = [{ use = { output = 50 } }]
"#;

#[test]
fn a_report_says_who_used_what_and_what_came_to_nothing() {
    let world = world(
        MIXED,
        "[tasks.a]\nprompt = \"a\"\nretry = { max = 1, backoff = \"10ms\" }\n[tasks.b]\nprompt = \"b\"\nmodel = \"play\"\n\
         checks = [\"test -e b.txt\"]\n[tasks.c]\nprompt = \"c\"\nmodel = \"unheard-of\"\n",
    );
    run(&world, []).exits(0);
    let report = world.report();
    let share = |by: &str, name: &str| -> (u64, Value, String) {
        let all = report["used"][by].as_array().unwrap();
        let key = if by == "wasted" { "why" } else { "name" };
        let found = all.iter().find(|one| one[key].as_str().unwrap_or("none") == name);
        let found = found.unwrap_or_else(|| panic!("no {name} in {all:#?}"));
        let basis = found["usage"]["basis"].as_str().unwrap().to_owned();
        (found["sessions"].as_u64().unwrap(), found["usage"]["usd_micro"].clone(), basis)
    };
    for (by, name, sessions, usd, basis) in [
        ("by_task", "a", 2, Some(300_000), "reported"),
        ("by_task", "b", 2, Some(70_000), "computed"),
        ("by_task", "c", 1, None, "unknown"),
        ("by_role", "dev", 5, Some(370_000), "partly-unknown"),
        ("by_agent", "rehearsal", 5, Some(370_000), "partly-unknown"),
        ("by_model", "play", 2, Some(70_000), "computed"),
        ("by_model", "unheard-of", 1, None, "unknown"),
        ("by_model", "none", 2, Some(300_000), "reported"),
        ("by_round", "2", 1, Some(40_000), "computed"),
        ("wasted", "attempt", 1, Some(100_000), "reported"),
        ("wasted", "round", 1, Some(30_000), "computed"),
    ] {
        assert_eq!(share(by, name), (sessions, usd.into(), basis.to_owned()), "{by} {name}");
    }
    assert_eq!((micro(&report["usage"]), &report["usage"]["basis"]), (370_000, &"partly-unknown".into()));
    let text = world.run(["run", "report", "--format", "text"]).exits(0).stdout;
    for (what, cells) in [
        ("all", ["~$0.37+?", "1.0k", "5.0k"]),
        ("failed attempts", ["$0.10", "10", "0"]),
        ("rounds given back", ["~$0.03", "30", "0"]),
        ("unheard-of", ["unknown", "50", "0"]),
    ] {
        let line = text.lines().find(|line| line.contains(what) && cells.iter().all(|cell| line.contains(cell)));
        assert!(line.is_some(), "{what}: {text}");
    }
    assert!(text.contains("$0.07 of it is computed") && text.contains("nobody knows the cost"), "{text}");
    let page = world.run(["run", "report"]).exits(0).stdout;
    assert!(page.contains("| wasted | failed attempts | 1 | $0.10 |"), "{page}");
    assert!(page.contains("| model | play | 2 | ~$0.07 |"), "{page}");
    let shown = world.run(["run", "show"]).exits(0).stdout;
    assert!(!shown.contains("What was used"), "it stays short: {shown}");
}
