//! The missions that ship: what all of them have in common, and each run to its end with the rehearsal agent, in a
//! repository with nothing in it and in one that looks like people's.

mod layout;
mod outcomes;
mod rules;
mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::{Ran, World};

/// The missions that people begin with; `quickstart` only shows what the program does.
const MISSIONS: [&str; 11] = [
    "api-service",
    "bugfix-sprint",
    "dependency-upgrade",
    "docs-overhaul",
    "feature-pipeline",
    "full-team",
    "library",
    "refactor",
    "release",
    "security-review",
    "web-app",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("missions")
}

/// A mission's file.
fn table(name: &str) -> toml::Table {
    fs::read_to_string(folder().join(format!("{name}.toml"))).unwrap().parse().unwrap()
}

/// Its tasks, and those of the missions that it uses, as `fix` and `fix/reproduce`.
fn tasks(name: &str) -> BTreeMap<String, toml::Table> {
    let mut all = BTreeMap::new();
    for (id, task) in table(name)["tasks"].as_table().unwrap() {
        let task = task.as_table().unwrap();
        if let Some(part) = task.get("mission") {
            let part = part.as_str().unwrap().strip_suffix(".toml").unwrap();
            all.extend(tasks(part).into_iter().map(|(inner, task)| (format!("{id}/{inner}"), task)));
        }
        all.insert(id.clone(), task.clone());
    }
    all
}

/// Whether a role changes the product, or plans, decides and judges.
fn is_code(role: &str) -> bool {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("roles/{role}.md"));
    let text = fs::read_to_string(file).unwrap();
    let kind = text.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap();
    assert!(["code", "coordination"].contains(&kind), "{role}: {kind}");
    kind == "code"
}

/// A scripted session of a task that hands these outputs over, after what else it does.
fn hands_over(task: &str, mut play: Vec<Value>, outputs: &Value) -> Value {
    play.push(json!({ "hand_over": { "status": "done", "summary": "Done.", "outputs": outputs } }));
    json!({ "task": task, "play": play })
}

/// A run to the person's question, which is answered, and to its end.
struct Finished {
    /// Subjects of what was merged, the first first.
    subjects: Vec<String>,
    /// Tasks in the order in which they were merged, without what tells instances apart.
    merged: Vec<String>,
    /// Sessions by role, those of reviewers among them.
    sessions: BTreeMap<String, usize>,
    /// What the second half printed.
    ran: Ran,
}

impl Finished {
    /// How many sessions of code roles there are to one of coordination.
    fn ratio(&self) -> f64 {
        let sum = |code: bool| -> u32 {
            let of = self.sessions.iter().filter(|(role, _)| is_code(role) == code);
            of.map(|(_, count)| u32::try_from(*count).unwrap()).sum()
        };
        f64::from(sum(true)) / f64::from(sum(false))
    }
}

/// Runs a mission that lies in the project, with `scripted` sessions and the default play for all others.
fn run(world: &World, name: &str, scripted: &[Value], inputs: &[&str]) -> Finished {
    let scenario = world.root().join("scenario.toml");
    fs::write(&scenario, toml::to_string(&json!({ "sessions": scripted })).unwrap()).unwrap();
    let before = world.git(["rev-parse", "HEAD"]);
    let mut command = world.program();
    command.args(["mission", "run", name, "--agent", "rehearsal", "--yes", "--scenario"]).arg(scenario);
    for input in inputs {
        command.args(["--input", input]);
    }
    let asked = Ran::of(&command.output().unwrap()).exits(3);
    assert!(asked.stdout.contains("accept waits for an answer"), "{asked:?}");
    // Nothing of the person's moves before they have answered.
    assert_eq!(world.git(["rev-parse", "HEAD"]), before);
    world.run(["run", "approve", "@", "accept"]).exits(0);
    let ran = world.run(["run", "resume"]).exits(0);
    assert_eq!(world.processes(), []);
    let report = world.report();
    let integration = report["integration"].as_str().unwrap();
    let log = world.git(["log", "--reverse", "--format=%s", &format!("{before}..{integration}")]);
    let events = world.events();
    let of_type = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
    let mut sessions = BTreeMap::new();
    for event in of_type("session-started") {
        *sessions.entry(event["role"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    let merged = of_type("merged").flat_map(|event| event["batch"].as_array().unwrap().clone());
    Finished {
        subjects: log.lines().map(str::to_owned).collect(),
        merged: merged.map(|task| without_keys(task.as_str().unwrap())).collect(),
        sessions,
        ran,
    }
}

/// `fix[crash]/mend` as `fix/mend`.
fn without_keys(task: &str) -> String {
    let parts: Vec<&str> = task.split('/').map(|part| part.split('[').next().unwrap()).collect();
    parts.join("/")
}

/// All that comes before a task, by `needs`.
fn before(all: &BTreeMap<String, toml::Table>, task: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![task.to_owned()];
    while let Some(task) = open.pop() {
        let outer = task.split_once('/').map(|(outer, _)| outer.to_owned());
        let own = all[&task].get("needs").and_then(toml::Value::as_array).into_iter().flatten();
        let own = own.map(|need| {
            let need = need.as_str().unwrap();
            outer.as_ref().map_or_else(|| need.to_owned(), |outer| format!("{outer}/{need}"))
        });
        let inner = all.keys().filter(|id| id.starts_with(&format!("{task}/"))).cloned();
        let next: Vec<String> = own.chain(inner).chain(outer.clone()).filter(|id| !found.contains(id)).collect();
        found.extend(next.iter().cloned());
        open.extend(next);
    }
    found.remove(task);
    found
}

/// Fails where something was merged before what it needs.
fn in_order(name: &str, merged: &[String]) {
    let all = tasks(name);
    for (at, task) in merged.iter().enumerate() {
        for later in &merged[at + 1..] {
            assert!(later == task || !before(&all, task).contains(later), "{task} before {later}: {merged:?}");
        }
    }
}
