//! The JSON Schema of the final report. The report is written field by field and so is this; a test holds real reports
//! against it, and knows no field that is not here.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::amount::{Ceiling, TokenUse};
use crate::catalog::schema::schema_text;
use crate::handoff::{CheckVerdict, Verdict};
use crate::kernel::collisions::Side;
use crate::kernel::event::{Artifact, CacheFound, CancelWhy, FailureClass, Place, RunOutcome, Sandbox};
use crate::kernel::fact::Answer;

/// The schema, draft-07, as text with a newline at the end.
pub fn report_schema() -> String {
    let mut generator = SchemaSettings::draft07().into_generator();
    let known = Known {
        place: of::<Place>(&mut generator),
        sandbox: of::<Sandbox>(&mut generator),
        outcome: of::<RunOutcome>(&mut generator),
        budget: of::<Ceiling>(&mut generator),
        tokens: of::<TokenUse>(&mut generator),
        verdict: of::<CheckVerdict>(&mut generator),
        cancelled: of::<CancelWhy>(&mut generator),
        class: of::<FailureClass>(&mut generator),
        answer: of::<Answer>(&mut generator),
        judged: or_null(&of::<Verdict>(&mut generator)),
        cache: of::<CacheFound>(&mut generator),
        artifact: of::<Artifact>(&mut generator),
        side: of::<Side>(&mut generator),
    };
    let definitions = generator.take_definitions(true);
    let mut whole = object(
        &[
            ("schema", json!({ "const": "ai-sdlc/report/1" })),
            ("run", text_or_null()),
            ("mission", text()),
            ("file", text()),
            ("rehearsal", json!({ "type": "boolean" })),
            ("place", or_null(&known.place)),
            ("sandbox", or_null(&known.sandbox)),
            ("outcome", or_null(&known.outcome)),
            ("paused_by", text_or_null()),
            ("started", text_or_null()),
            ("last", text()),
            ("live_ms", count()),
            ("resumed", count()),
            ("budget", known.budget.clone()),
            ("usage", usage(&known)),
            ("integration", text_or_null()),
            ("into", text_or_null()),
            ("merges", list(&object(&[("commit", text()), ("tasks", list(&text()))], &[]))),
            ("collisions", list(&collision(&known))),
            ("delivery", or_null(&delivery())),
            ("tasks", list(&task(&known))),
            ("not_run", list(&object(&[("command", text()), ("of", json!({}))], &[]))),
            ("notes", list(&object(&[("task", text_or_null()), ("text", text())], &[]))),
            ("fault", text_or_null()),
            ("next", list(&object(&[("command", text()), ("why", text())], &[]))),
        ],
        &[],
    );
    if let Some(whole) = whole.as_object_mut() {
        whole.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        whole.insert("title".to_owned(), json!("Report"));
        whole.insert("definitions".to_owned(), Value::Object(definitions));
    }
    schemars::Schema::try_from(whole).map(|schema| schema_text(schema, "report")).unwrap_or_default()
}

/// What types of the run say of themselves.
struct Known {
    place: Value,
    sandbox: Value,
    outcome: Value,
    budget: Value,
    tokens: Value,
    verdict: Value,
    cancelled: Value,
    class: Value,
    answer: Value,
    judged: Value,
    cache: Value,
    artifact: Value,
    side: Value,
}

/// How a task may stand.
const STATES: [&str; 14] = [
    "waiting",
    "ready",
    "running",
    "stopped",
    "asking",
    "checking",
    "backing-off",
    "merging",
    "succeeded",
    "failed",
    "skipped",
    "blocked",
    "cancelled",
    "conflict",
];

fn task(known: &Known) -> Value {
    let check = object(&[("command", text()), ("verdict", known.verdict.clone()), ("duration_ms", count())], &[]);
    let failure = object(&[("class", known.class.clone()), ("message", text()), ("tail", text())], &[]);
    let conflict = object(&[("files", list(&text())), ("branch", text_or_null())], &[]);
    object(
        &[
            ("id", text()),
            ("title", text()),
            (
                "worker",
                object(
                    &[],
                    &[("role", text()), ("agent", text()), ("command", text()), ("person", flag()), ("parts", flag())],
                ),
            ),
            ("needs", list(&text())),
            ("excused", flag()),
            ("attempt", json!({ "type": ["integer", "null"] })),
            ("round", json!({ "type": ["integer", "null"] })),
            ("worked_ms", count()),
            ("usage", usage(known)),
            ("files", count()),
            ("added", count()),
            ("removed", count()),
            ("commit", text_or_null()),
            ("branch", text_or_null()),
            ("worktree", text_or_null()),
            ("checks", list(&check)),
            ("problems", list(&text())),
            ("gate", or_null(&gate(known))),
            ("review", or_null(&object(&[("verdict", known.judged.clone()), ("reasons", list(&text()))], &[]))),
            ("sent_back", or_null(&object(&[("by", text()), ("reason", text())], &[]))),
            ("cache", or_null(&known.cache)),
            ("artifacts", list(&known.artifact)),
            ("part_of", text_or_null()),
            ("parts", list(&text())),
            ("tail", text()),
            ("state", json!({ "enum": STATES })),
        ],
        &[
            ("until", text()),
            ("merged", text_or_null()),
            ("failure", failure),
            ("because", text()),
            ("by", text()),
            ("why", known.cancelled.clone()),
            ("conflict", conflict),
        ],
    )
}

fn gate(known: &Known) -> Value {
    object(
        &[
            ("question", text()),
            ("time", count()),
            ("answer", or_null(&known.answer)),
            ("message", text_or_null()),
            ("by", text_or_null()),
        ],
        &[],
    )
}

fn usage(known: &Known) -> Value {
    let money = json!({ "type": ["integer", "null"], "description": "Millionths of a dollar; null where unknown." });
    object(&[("usd_micro", money), ("known", json!({ "type": "boolean" })), ("tokens", known.tokens.clone())], &[])
}

fn collision(known: &Known) -> Value {
    let side = || known.side.clone();
    object(&[("one", side()), ("two", side()), ("files", list(&text())), ("more", count())], &[])
}

fn delivery() -> Value {
    object(
        &[("into", text()), ("state", json!({ "enum": ["moved", "left", "raced", "failed"] }))],
        &[("commit", text()), ("why", text()), ("command", text()), ("files", list(&text()))],
    )
}

fn of<T: JsonSchema>(generator: &mut schemars::SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// An object with parts that are always there and parts that may be.
fn object(always: &[(&str, Value)], perhaps: &[(&str, Value)]) -> Value {
    let parts = always.iter().chain(perhaps).map(|(name, schema)| ((*name).to_owned(), schema.clone()));
    let required: Vec<&str> = always.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "required": required, "properties": Value::Object(parts.collect()) })
}

fn or_null(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn text_or_null() -> Value {
    json!({ "type": ["string", "null"] })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}
