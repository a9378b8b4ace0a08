//! An example of what each role hands over: it is what the engine reads, and what the next session is told.

use std::fs;

use ai_sdlc::handoff::parse::{Asked, Expect, parse};
use ai_sdlc::handoff::{Narrative, Verdict};
use ai_sdlc::mission::field::shape::Shape;
use ai_sdlc::name::OutputId;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{files, roles, root, stem};
use crate::world::World;

/// The front matter of an example, read by nothing of ours.
fn front(text: &str) -> Map<String, Value> {
    let yaml = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---")).expect("it has front matter").0;
    serde_saphyr::from_str(yaml).expect("it is YAML")
}

/// The shape that a value has, as missions write it.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null | Value::String(_) => json!("string"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(number) => json!(if number.is_f64() { "number" } else { "integer" }),
        Value::Array(list) => match list.first() {
            Some(first) => json!([shape(first)]),
            None => json!(["string"]),
        },
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
    }
}

/// An example with the outputs that a task which asks for it declares.
fn example(role: &str) -> (String, Map<String, Value>, Map<String, Value>) {
    let path = root().join("tests/fixtures/handoffs").join(format!("{role}.md"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let front = front(&text);
    let outputs = front.get("outputs").and_then(Value::as_object);
    let shapes = outputs.into_iter().flatten().map(|(id, value)| (id.clone(), shape(value))).collect();
    (text, front, shapes)
}

#[test]
fn each_role_has_an_example_that_is_read_without_a_complaint_and_fits_the_schema() {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(root().join("schema/handoff.schema.json")).unwrap()).unwrap();
    let schema = jsonschema::draft7::new(&schema).unwrap();
    for role in roles() {
        let (text, front, shapes) = example(&role);
        let read = |shape: &Value| Shape::parse(shape, &|file| Err(format!("{file} is not looked for"))).unwrap();
        let outputs: IndexMap<OutputId, Shape> =
            shapes.iter().map(|(id, shape)| (OutputId::parse(id).unwrap(), read(shape))).collect();
        let verdict = if front.contains_key("verdict") { Asked::Yes } else { Asked::No };
        let parsed =
            parse(&text, &Expect { outputs: &outputs, verdict }).unwrap_or_else(|why| panic!("{role}: {why:?}"));
        assert_eq!(parsed.problems, Vec::<String>::new(), "{role}");
        assert_eq!(parsed.outputs.len(), shapes.len(), "{role}");
        let narrative = serde_json::to_value(&parsed.narrative).unwrap();
        let wrong: Vec<String> = schema.iter_errors(&narrative).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{role}");
        let again: Narrative = serde_json::from_value(narrative).unwrap();
        assert_eq!(again, parsed.narrative, "{role}");
        // Nothing that was written is lost on the way.
        for (key, written) in &front {
            let kept = serde_json::to_value(&again).unwrap()[key].clone();
            let count = |value: &Value| value.as_array().map(Vec::len).or(value.as_object().map(Map::len));
            assert_eq!(count(&kept), count(written), "{role}: {key}");
        }
    }
}

#[test]
fn no_example_is_of_a_role_that_there_is_not() {
    let examples: Vec<String> = files("tests/fixtures/handoffs", "md").iter().map(|path| stem(path)).collect();
    assert_eq!(examples, roles());
}

/// Each role hands its example over in a run, to one that gathers them all.
#[test]
fn what_each_role_hands_over_reaches_the_next_session() {
    let world = World::new();
    let mut mission = String::from(
        "[mission]\nname = \"handing\"\n[budget]\ntime = \"10m\"\n[defaults]\nagent = \"copier\"\n\
         [agents.copier]\nbackend = \"command\"\ncommand = [\"sh\", \"-c\", \"case $AI_SDLC_TASK in gather) ;; *) cat \
         $HOME/handoffs/$AI_SDLC_ROLE.md > $AI_SDLC_HANDOFF_OUT;; esac\"]\n[concurrency]\nmax = 4\n",
    );
    fs::create_dir(world.home().join("handoffs")).unwrap();
    let mut expected = Vec::new();
    for role in roles() {
        let (text, front, shapes) = example(&role);
        fs::write(world.home().join("handoffs").join(format!("{role}.md")), text).unwrap();
        let outputs: Map<String, Value> = shapes;
        let task = json!({ "role": role, "prompt": "Hand over.", "touches": [], "outputs": outputs });
        let task: toml::Value = serde_json::from_value(task).unwrap();
        let mut table = toml::Table::new();
        table.insert("tasks".to_owned(), toml::Table::from_iter([(role.replace('-', "_"), task)]).into());
        mission.push_str(&toml::to_string(&table).unwrap());
        let summary = front["summary"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        expected.push((role, summary, front.get("verdict").cloned()));
    }
    let needs: Vec<String> = expected.iter().map(|(role, _, _)| role.replace('-', "_")).collect();
    let gather = json!({ "role": "docs-writer", "prompt": "Gather.", "touches": [], "needs": needs });
    let gather: toml::Value = serde_json::from_value(json!({ "tasks": { "gather": gather } })).unwrap();
    mission.push_str(&toml::to_string(&gather).unwrap());
    world.mission(&mission);
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let events = world.events();
    let started = events.iter().find(|event| event["type"] == "session-started" && event["task"] == "gather").unwrap();
    let told = started["prompt"].as_str().unwrap().split_whitespace().filter(|word| *word != ">");
    let told = told.collect::<Vec<_>>().join(" ");
    for (role, summary, _) in &expected {
        let begin: String = summary.chars().take(80).collect();
        assert!(told.contains(&begin), "{role}: {begin}\n{ran:?}");
    }
    // A verdict is heard where one is asked for, and nowhere else.
    assert!(expected.iter().any(|(_, _, verdict)| *verdict == Some(json!(Verdict::Rework))));
}
