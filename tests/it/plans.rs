//! Plans in files, what has changed since, and tasks that are run alone.

use serde_json::{Value, json};

use crate::world::World;

const MISSION: &str = "version = 1\nmission.name = \"parts\"\nmission.description = \"Splits and builds.\"\n\
    [inputs.word]\ntype = \"string\"\ndefault = \"hello\"\n\
    [tasks.plan]\nrun = \"echo '{\\\"parts\\\": [\\\"a\\\", \\\"b\\\"]}' > $AI_SDLC_OUTPUTS; echo x >> $HOME/planned\"\n\
    outputs.parts = [\"string\"]\n\
    [tasks.build]\nneeds = [\"plan\"]\nrun = \"echo $AI_SDLC_INPUT_WORD $AI_SDLC_OUT_PLAN_PARTS > built.txt\"\n\
    [tasks.after]\nneeds = [\"build\"]\nrun = [\"cp\", \"built.txt\", \"after.txt\"]\n";

fn saved(world: &World) -> Value {
    serde_json::from_str(&world.read("plan.json")).unwrap()
}

/// The file on the branch that the latest run ended on.
fn merged(world: &World, file: &str) -> String {
    let run = world.report()["run"].as_str().unwrap().to_owned();
    world.git(["show", &format!("ai-sdlc/{run}/integration:{file}")])
}

#[test]
fn a_saved_plan_is_run_as_it_is_and_says_what_has_changed_since() {
    let world = World::new();
    world.mission(MISSION);
    let plan = |more: &[&str]| {
        let mut command = world.program();
        command.args(["mission", "plan", "mission.toml", "--input", "word=bye", "--out", "plan.json"]).args(more);
        crate::world::Ran::of(&command.output().unwrap())
    };
    let first = plan(&[]).exits(0);
    assert_eq!(first.stdout, "");
    assert!(first.stderr.contains("ai-sdlc mission run --plan plan.json"), "{first:?}");
    assert_eq!(saved(&world)["schema"], "ai-sdlc/plan/1");
    let again = plan(&[]).exits(2);
    assert!(again.stderr.contains("cli::plan-there") && again.stderr.contains("--force"), "{again:?}");
    plan(&["--force"]).exits(0);

    let same = world.run(["mission", "diff", "plan.json"]).exits(0);
    assert!(same.stdout.starts_with("Nothing that matters has changed"), "{same:?}");
    world.write("mission.toml", &MISSION.replace("built.txt > ", "").replace("> built.txt", "> other.txt"));
    let ran = world.run(["mission", "run", "--plan", "plan.json", "--yes"]).exits(0);
    assert!(ran.stderr.contains("mission.toml has changed"), "{ran:?}");
    assert!(ran.stderr.contains("ai-sdlc mission diff plan.json"), "{ran:?}");
    assert_eq!(merged(&world, "built.txt"), "bye [\"a\",\"b\"]");

    std::fs::remove_file(world.project().join("mission.toml")).unwrap();
    let ran = world.run(["mission", "run", "--plan", "plan.json", "--yes"]).exits(0);
    assert!(ran.stderr.contains("mission.toml is not there any more"), "{ran:?}");
    assert_eq!(merged(&world, "after.txt"), "bye [\"a\",\"b\"]");
    let gone = world.run(["mission", "diff", "plan.json"]).exits(2);
    assert!(gone.stderr.contains("there is no such file") && gone.stderr.contains("mission.toml"), "{gone:?}");
}

#[test]
fn what_has_changed_is_told_by_its_meaning() {
    let world = World::new();
    world.mission(MISSION);
    world.run(["mission", "plan", "mission.toml", "--input", "word=bye", "--out", "plan.json"]).exits(0);
    let next =
        MISSION.replace("[tasks.after]", "[tasks.later]").replace("[\"plan\"]\n", "[\"plan\"]\npriority = 5\n# why\n");
    world.write("mission.toml", &next);
    let told = world.run(["mission", "diff", "plan.json"]).exits(1);
    for line in
        ["Task build\n  priority: 0 -> 5", "Task after is gone", "Task later is new", "mission.toml has changed"]
    {
        assert_eq!(told.stdout.replace('→', "->").matches(line).count(), 1, "{line}\n{told:?}");
    }
    let told = world.run(["mission", "diff", "plan.json", "--json"]).exits(1);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["schema"], &told["same"]), (&json!("ai-sdlc/plan-diff/1"), &json!(false)));
    assert_eq!(
        told["changes"][0],
        json!({ "part": "task", "name": "build", "change": "changed", "key": "priority", "before": 0, "after": 5 })
    );
    assert_eq!(told["files"], json!([{ "path": "mission.toml", "state": "changed" }]));
    // Another text that means the same is a change of the file alone.
    world.write("mission.toml", &format!("# A word.\n{MISSION}"));
    let told = world.run(["mission", "diff", "plan.json"]).exits(0);
    assert!(
        told.stdout.contains("Nothing that matters") && told.stdout.contains("mission.toml has changed"),
        "{told:?}"
    );
}

#[test]
fn what_is_no_plan_is_refused() {
    let world = World::new();
    world.mission(MISSION);
    world.run(["mission", "plan", "mission.toml", "--out", "plan.json"]).exits(0);
    let good = world.read("plan.json");
    let refused = |text: &str, why: &str| {
        world.write("bad.json", text);
        let ran = world.run(["mission", "run", "--plan", "bad.json", "--yes"]).exits(2);
        assert!(ran.stderr.contains("cli::bad-plan") && ran.stderr.contains(why), "{why}: {ran:?}");
    };
    refused("[", "it is not JSON");
    refused("{}", "does not say");
    refused(&good.replace("ai-sdlc/plan/1", "ai-sdlc/plan/2"), "ai-sdlc/plan/2");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut plan: Value = serde_json::from_str(&good).unwrap();
        change(&mut plan);
        plan.to_string()
    };
    refused(&changed(&|plan| plan["tasks"]["build"]["needs"] = json!(["nobody"])), "names `nobody`");
    refused(&changed(&|plan| plan["tasks"]["plan"]["needs"] = json!(["after"])), "wait for one another");
    refused(&changed(&|plan| plan["tasks"]["build"]["branch"] = json!("-x")), "cannot be a branch");
    refused(&changed(&|plan| plan["tasks"]["build"]["touches"] = json!(["../x"])), "`..` would lead out");
    let ran = world.run(["mission", "run", "--plan", "plan.json", "mission.toml"]).exits(2);
    assert!(ran.stderr.contains("cannot be used with"), "{ran:?}");
}

#[test]
fn a_task_alone_takes_what_came_before_it_from_the_latest_run() {
    let world = World::new();
    world.mission(MISSION);
    let alone = world.run(["mission", "run", "mission.toml", "--task", "build", "--yes"]).exits(2);
    assert!(alone.stderr.contains("`tasks.plan.outputs.parts` is wanted, and not known"), "{alone:?}");
    assert!(alone.stderr.contains("--input tasks.plan.outputs=@FILE"), "{alone:?}");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    world.run(["mission", "run", "mission.toml", "--task", "build", "--input", "word=again", "--yes"]).exits(0);
    assert_eq!(merged(&world, "built.txt"), "again [\"a\",\"b\"]");
    let tasks: Vec<Value> = world.report()["tasks"].as_array().unwrap().iter().map(|task| task["id"].clone()).collect();
    assert_eq!(tasks, [json!("build")]);
    assert_eq!(std::fs::read_to_string(world.home().join("planned")).unwrap(), "x\n", "`plan` ran once");
    // The latest run did not run it itself: what it was given goes on.
    world.run(["mission", "run", "mission.toml", "--from", "build", "--yes"]).exits(0);
    assert_eq!(merged(&world, "after.txt"), "hello [\"a\",\"b\"]");
}

#[test]
fn outputs_can_be_given_by_hand() {
    let world = World::new();
    world.mission(MISSION);
    world.write("parts.json", "{ \"parts\": [\"z\"] }");
    let given = |value: &str, more: &[&str]| {
        let mut command = world.program();
        command.args(["mission", "run", "mission.toml", "--yes", "--input", value]).args(more);
        crate::world::Ran::of(&command.output().unwrap())
    };
    let build = ["--task", "build"];
    given("tasks.plan.outputs=@parts.json", &build).exits(0);
    assert_eq!(merged(&world, "built.txt"), "hello [\"z\"]");
    given("tasks.plan.outputs.parts=[\"y\"]", &build).exits(0);
    assert_eq!(merged(&world, "built.txt"), "hello [\"y\"]");
    for (value, more, why) in [
        ("tasks.plan.outputs=@none.json", &build[..], "cannot be read"),
        ("tasks.plan.outputs=@README.md", &build, "is not JSON"),
        ("tasks.plan.outputs=[]", &build, "must be a JSON object"),
        ("tasks.plan.outputs.parts=1", &build, "do not fit: parts must be a list of string"),
        ("tasks.plan.outputs.other=1", &build, "has no output `other`"),
        ("tasks.nobody.outputs=@parts.json", &build, "has no task `nobody`"),
        ("tasks.plan.status=1", &build, "names no outputs of a task"),
        ("tasks.plan.outputs=@parts.json", &[], "all tasks are run"),
        ("tasks.plan.outputs=@parts.json", &["--task", "plan"], "which is run itself"),
        ("word=x", &["--task", "biuld"], "did you mean `build`?"),
        ("word=x", &["--task", "build[a]"], "name `build`"),
    ] {
        let ran = given(value, more).exits(2);
        assert!(ran.stderr.contains(why), "{value} {more:?}: {ran:?}");
    }
}

#[test]
fn a_plan_shows_what_groups_come_to() {
    let world = World::new();
    world.write(
        "polish.toml",
        "version = 1\nmission.name = \"polish\"\nmission.description = \"Polishes.\"\n\
         [inputs.what]\ntype = \"string\"\n\
         [tasks.write]\nrun = [\"echo\", \"{{inputs.what}}\"]\n\
         [tasks.check]\nneeds = [\"write\"]\nworkspace = { with = \"write\" }\nrun = [\"true\"]\n",
    );
    world.mission(
        "version = 1\nmission.name = \"m\"\nmission.description = \"A mission.\"\nbudget.time = \"1h\"\n\
         [tasks.plan]\nrun = \"echo '{\\\"parts\\\": []}' > $AI_SDLC_OUTPUTS\"\noutputs.parts = [\"string\"]\n\
         [tasks.test]\nfor_each = { os = [\"linux\", \"mac\"], db = [\"pg\"] }\nrun = [\"echo\", \"{{os}}\", \"{{db}}\"]\ntouches = [\"{{os}}/**\"]\n\
         [tasks.build]\nneeds = [\"plan\"]\nfor_each = { part = \"tasks.plan.outputs.parts\" }\nmax_instances = 7\n\
         run = [\"echo\", \"{{part}}\"]\ntouches = [\"{{part}}/**\"]\n\
         [tasks.page]\nmission = \"polish.toml\"\nwith = { what = \"{{mission.name}}\" }\nneeds = [\"test\", \"build\"]\n\
         [tasks.ship]\nneeds = [\"page\"]\ngate = \"Ship it?\"\nrework = [\"build\"]\n",
    );
    let shown = world.run(["mission", "plan", "mission.toml"]).exits(0).stdout;
    for part in [
        "2: linux-pg, mac-pg",
        "one for each part in tasks.plan.outputs.parts (at most 7)",
        "may change {{part}}/**",
        "the 2 tasks of mission polish:",
        "  check  after write",
        "in the worktree of write",
        "asks a person: Ship it?",
        "may send back build, at most 3 times",
    ] {
        assert_eq!(shown.matches(part).count(), 1, "{part}\n{shown}");
    }
    let dry = world.run(["mission", "run", "mission.toml", "--dry-run"]).exits(0).stdout;
    assert!(dry.contains("/plan and 4 more, merged on"), "{dry}");
    let graph = world.run(["mission", "graph", "mission.toml"]).exits(0).stdout;
    assert!(graph.contains("2 times: linux-pg, mac-pg"), "{graph}");
}
