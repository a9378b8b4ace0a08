//! The JSON Schema of the final report. The report is written field by field and so is this; a test holds real reports
//! against it, and knows no field that is not here.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::amount::{Ceiling, TokenUse};
use crate::catalog::schema::schema_text;
use crate::handoff::{CheckVerdict, Source, Verdict};
use crate::kernel::collisions::Side;
use crate::kernel::event::{
    Artifact, CacheFound, CancelWhy, FailureClass, HandOffWhy, Place, RunOutcome, Sandbox, SessionKind,
};
use crate::kernel::fact::Answer;

/// The schema, draft-07, as text with a newline at the end.
#[expect(clippy::too_many_lines, reason = "one line a field")]
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
        session: of::<SessionKind>(&mut generator),
        handed: of::<HandOffWhy>(&mut generator),
        source: of::<Source>(&mut generator),
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
            ("used", used(&known)),
            ("integration", text_or_null()),
            ("into", text_or_null()),
            ("merges", list(&object(&[("commit", text()), ("tasks", list(&text()))], &[]))),
            ("collisions", list(&collision(&known))),
            ("delivery", or_null(&delivery())),
            ("tasks", list(&task(&known))),
            ("not_run", list(&object(&[("command", text()), ("of", json!({}))], &[]))),
            ("notes", list(&object(&[("task", text_or_null()), ("text", text())], &[]))),
            ("agents", list(&agent())),
            ("at_once", json!({ "type": ["integer", "null"], "minimum": 1 })),
            ("fault", text_or_null()),
            ("programs", list(&object(&[("agent", text()), ("version", text())], &[]))),
            ("unused_skills", list(&object(&[("skill", text()), ("tasks", list(&text()))], &[]))),
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
    session: Value,
    handed: Value,
    source: Value,
}

/// How a task may stand.
const STATES: [&str; 15] = [
    "waiting",
    "ready",
    "running",
    "stopped",
    "asking",
    "checking",
    "backing-off",
    "limited",
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
            ("skills", list(&skill(known))),
            ("handoffs", list(&handoff(known))),
            ("part_of", text_or_null()),
            ("parts", list(&text())),
            ("tail", text()),
            ("state", json!({ "enum": STATES })),
        ],
        &[
            ("until", text()),
            ("agent", text()),
            ("merged", text_or_null()),
            ("failure", failure),
            ("because", text()),
            ("by", text()),
            ("why", known.cancelled.clone()),
            ("conflict", conflict),
        ],
    )
}

fn skill(known: &Known) -> Value {
    object(
        &[
            ("skill", text()),
            ("role", text()),
            ("kind", known.session.clone()),
            ("given", count()),
            ("runs", count()),
            ("reads", count()),
        ],
        &[],
    )
}

fn handoff(known: &Known) -> Value {
    object(
        &[
            ("why", known.handed.clone()),
            ("by", text_or_null()),
            ("to", text_or_null()),
            ("source", known.source.clone()),
            ("attempt", count()),
            ("session", json!({ "type": ["integer", "null"] })),
        ],
        &[],
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
    let basis = json!({ "enum": ["reported", "computed", "partly-unknown", "unknown"] });
    object(&[("usd_micro", money), ("known", flag()), ("basis", basis), ("tokens", known.tokens.clone())], &[])
}

fn used(known: &Known) -> Value {
    let share = |key: &'static str, name: Value| {
        list(&object(&[(key, name), ("sessions", count()), ("usage", usage(known))], &[]))
    };
    let named = || share("name", text_or_null());
    object(
        &[
            ("by_task", named()),
            ("by_role", named()),
            ("by_agent", named()),
            ("by_model", named()),
            ("by_round", named()),
            ("wasted", share("why", json!({ "enum": ["cut-off", "round", "attempt"] }))),
            ("ranking", usage(known)),
        ],
        &[],
    )
}

fn collision(known: &Known) -> Value {
    let side = || known.side.clone();
    object(&[("one", side()), ("two", side()), ("files", list(&text())), ("more", count())], &[])
}

fn agent() -> Value {
    object(
        &[
            ("agent", text()),
            ("standing", json!({ "enum": ["well", "limited", "faltering", "suspended", "tried"] })),
            ("until", text_or_null()),
            ("why", text()),
            ("limits", count()),
            ("falters", count()),
            ("suspensions", count()),
            ("waiting", count()),
        ],
        &[],
    )
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
