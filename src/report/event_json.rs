//! One event as one JSON object: `--ui json` and `run events`.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::amount::WallTime;
use crate::catalog::schema::schema_text;
use crate::catalog::sha256;
use crate::kernel::event::{Event, Place};
use crate::name::{MissionName, RunId, TaskId};
use crate::plan::Plan;

/// `seq`, `at` (RFC 3339), `run`, `type`, `task`, `attempt`, and the event's own fields.
///
/// Of the plan only what tells it is given, not the prompts of all tasks: mission, file, tasks and the plan's hash.
pub fn event_json(seq: u64, at: WallTime, run: &RunId, event: &Event) -> Value {
    let own = if let Event::RunStarted { plan, place, .. } = event {
        serde_json::to_value(Started::of(plan, place))
    } else {
        serde_json::to_value(event)
    };
    let mut own = match own {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    };
    let mut all = Map::new();
    all.insert("seq".to_owned(), json!(seq));
    all.insert("at".to_owned(), json!(rfc3339(at)));
    all.insert("run".to_owned(), json!(run));
    for first in ["type", "task", "attempt"] {
        if let Some(value) = own.shift_remove(first) {
            all.insert(first.to_owned(), value);
        }
    }
    all.extend(own);
    Value::Object(all)
}

/// The JSON Schema of such an object, draft-07.
pub fn event_schema() -> String {
    let mut generator = SchemaSettings::draft07().into_generator();
    let mut first = Started::json_schema(&mut generator).to_value();
    if let Some(properties) = first.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("type".to_owned(), json!({ "type": "string", "const": "run-started" }));
    }
    let mut schema = generator.into_root_schema_for::<Event>();
    if let Some(kinds) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        kinds.insert(0, first);
    }
    schema.insert("required".to_owned(), json!(["seq", "at", "run", "type"]));
    schema.insert(
        "properties".to_owned(),
        json!({
            "seq": { "type": "integer", "minimum": 1, "description": "Its place in the journal." },
            "at": { "type": "string", "format": "date-time", "description": "When it was remembered, in UTC." },
            "run": { "type": "string", "description": "The run's id." },
            "type": { "type": "string" },
        }),
    );
    schema_text(schema, "event")
}

/// The first event of every run, as it is told.
#[derive(Debug, Serialize, JsonSchema)]
struct Started<'a> {
    /// Always `run-started`.
    r#type: &'static str,
    /// Name of the mission.
    mission: &'a MissionName,
    /// Its file, as it was named.
    file: &'a str,
    /// Its tasks in file order.
    tasks: Vec<&'a TaskId>,
    /// Where the run takes place.
    place: &'a Place,
    /// SHA-256 of the stored plan.
    plan_sha256: String,
}

impl<'a> Started<'a> {
    fn of(plan: &'a Plan, place: &'a Place) -> Self {
        Self {
            r#type: "run-started",
            mission: &plan.mission,
            file: &plan.file,
            tasks: plan.tasks.keys().collect(),
            place,
            plan_sha256: sha256(&serde_json::to_vec(plan).unwrap_or_default()),
        }
    }
}

/// With milliseconds, in UTC.
pub(crate) fn rfc3339(at: WallTime) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(stamp) => format!("{stamp:.3}"),
        Err(_) => at.to_string(),
    }
}
