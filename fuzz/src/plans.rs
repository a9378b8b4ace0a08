//! A saved plan: whole as JSON; or the number of a plan of ours and what is changed in it, a line a change.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use ai_sdlc::catalog::{Catalog, Places};
use ai_sdlc::kernel::Run;
use ai_sdlc::kernel::event::{Place, PlaceKind};
use ai_sdlc::kernel::fact::{Attended, Began, Fact};
use ai_sdlc::mission;
use ai_sdlc::mission::check::Against;
use ai_sdlc::mission::model::WorkspaceMode;
use ai_sdlc::mission::prices::PriceList;
use ai_sdlc::mission::sandbox::SandboxPolicy;
use ai_sdlc::name::{AgentName, CommitId, RunId};
use ai_sdlc::plan::build::{Overrides, Request, build};
use ai_sdlc::plan::{Plan, compare, forecast, foreseen, graph, plan_schema, sound};
use serde_json::Value;

use super::journal::Played;

/// Missions that between them use what the language has, but for missions as tasks.
const MISSIONS: [&str; 2] = [include_str!("bases/flat.toml"), include_str!("bases/late.toml")];

/// Plans to begin from.
pub(super) fn base(number: usize) -> &'static Plan {
    static ONCE: OnceLock<Vec<Plan>> = OnceLock::new();
    let all = ONCE.get_or_init(|| MISSIONS.iter().map(|text| planned(text)).collect());
    &all[number % all.len()]
}

fn planned(text: &str) -> Plan {
    let catalog = Catalog::load(&Places::default());
    let against = Against { catalog: &catalog, agents: &BTreeMap::new(), dir: Path::new("/nonexistent") };
    let loaded = mission::load("m.toml", text, &against);
    let mission = loaded.mission.unwrap_or_else(|| panic!("{:?}", loaded.findings));
    let request = Request {
        mission: &mission,
        catalog: &catalog,
        prices: &PriceList::shipped(),
        file: "m.toml".to_owned(),
        sha256: "0".to_owned(),
        config_agents: &BTreeMap::new(),
        config_default_agent: None,
        config_sandbox: SandboxPolicy::default(),
        auto: AgentName::parse("rehearsal").ok(),
        scenarios: BTreeMap::new(),
        inputs: BTreeMap::new(),
        overrides: Overrides::default(),
    };
    build(&request).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// A saved plan: read, shown, compared, run.
pub fn plan(data: &[u8]) -> Option<bool> {
    let value = changed(str::from_utf8(data).ok()?)?;
    let Ok(plan) = serde_json::from_value::<Plan>(value) else { return Some(false) };
    let text = serde_json::to_string(&plan).expect("a plan is JSON");
    let again: Plan = serde_json::from_str(&text).expect("what is written is read");
    assert_eq!(serde_json::to_string(&again).expect("a plan is JSON"), text, "it is read as it was written");
    let schema = schema();
    assert!(schema.is_valid(&serde_json::to_value(&plan).expect("a plan is JSON")), "the schema refuses {text}");
    if !sound::faults(&plan).is_empty() {
        return Some(false);
    }
    let plan = plan.as_the_index_chose();
    for shown in [graph::ascii(&plan), graph::mermaid(&plan), graph::dot(&plan)] {
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    }
    let _shown = graph::json(&plan);
    let flat = foreseen::flat(&plan);
    assert!(flat.tasks.len() >= plan.tasks.len());
    assert_eq!(compare::changes(&plan, &plan), []);
    assert_eq!(compare::changes(base(0), &plan).is_empty(), compare::changes(&plan, base(0)).is_empty());
    let foreseen = forecast::schedule(&plan);
    assert!(foreseen.critical <= foreseen.makespan, "{foreseen:?}");
    for meeting in forecast::conflicts(&plan) {
        assert!(meeting.one != meeting.two);
    }
    let run = Run::new(run_id(), plan.clone(), place(&plan));
    let mut played = Played::new(run, Vec::new(), data);
    played.tell(Fact::Began(Began::New { attended: Attended::Yes }));
    played.play(150);
    Some(true)
}

fn schema() -> &'static jsonschema::Validator {
    static ONCE: OnceLock<jsonschema::Validator> = OnceLock::new();
    ONCE.get_or_init(|| {
        let schema = serde_json::from_str(&plan_schema()).expect("it is JSON");
        jsonschema::draft7::new(&schema).expect("the schema is sound")
    })
}

pub(super) fn run_id() -> RunId {
    RunId::parse("bcdfghjk").expect("an id")
}

pub(super) fn place(plan: &Plan) -> Place {
    let base = CommitId::parse(&"0".repeat(40)).ok().filter(|_| plan.workspace.mode == WorkspaceMode::Worktree);
    Place { directory: "/project".into(), base, kind: PlaceKind::Repository }
}

/// The plan as JSON. `/a/b 5` sets a value, `-/a/b` takes one away.
fn changed(text: &str) -> Option<Value> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    let mut lines = text.lines();
    let number = lines.next()?.trim().parse().ok()?;
    let mut value = serde_json::to_value(base(number)).ok()?;
    for line in lines {
        if let Some(pointer) = line.strip_prefix('-') {
            set(&mut value, pointer, None);
        } else if let Some((pointer, new)) = line.split_once(' ')
            && let Ok(new) = serde_json::from_str(new)
        {
            set(&mut value, pointer, Some(new));
        }
    }
    Some(value)
}

fn set(value: &mut Value, pointer: &str, new: Option<Value>) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let last = last.replace("~1", "/").replace("~0", "~");
    match (value.pointer_mut(parent), new) {
        (Some(Value::Object(map)), Some(new)) => drop(map.insert(last, new)),
        (Some(Value::Object(map)), None) => drop(map.shift_remove(&last)),
        (Some(Value::Array(list)), new) => match (last.parse::<usize>().ok().filter(|at| *at < list.len()), new) {
            (Some(at), Some(new)) => list[at] = new,
            (Some(at), None) => drop(list.remove(at)),
            (None, Some(new)) => list.push(new),
            (None, None) => {}
        },
        (Some(_) | None, _) => {}
    }
}
