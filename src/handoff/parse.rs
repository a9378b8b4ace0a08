//! Text of a session to a narrative. The text is hostile input: nothing in it panics, and nothing but what was
//! declared gets out.
//!
//! Three forms are read: Markdown with YAML front matter; an object in JSON or YAML; a message with a fenced block
//! marked `handoff` that holds one of the two. What is wrong but can be lived with is a problem, told beside what
//! was understood.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Narrative, Status, Verdict, fenced_block, safe};
use crate::mission::field::shape::Shape;
use crate::name::OutputId;

/// Longest handoff that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// Most problems that are told of one handoff.
const MAX_PROBLEMS: usize = 50;

/// What a handoff must hold.
#[derive(Debug, Clone, Copy)]
pub struct Expect<'a> {
    /// The outputs the task declares.
    pub outputs: &'a IndexMap<OutputId, Shape>,
    /// Whether a judgement is asked for.
    pub verdict: Asked,
}

/// Whether something is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It must be there.
    Yes,
    /// It is dropped where it is given.
    No,
}

/// A handoff that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What the session tells. Its `outputs` hold what [`Parsed::outputs`] holds.
    pub narrative: Narrative,
    /// The declared outputs that have their shape, and no others.
    pub outputs: BTreeMap<OutputId, Value>,
    /// What was missing, wrong or not understood, in words, the worst first.
    pub problems: Vec<String>,
    /// Of those, how many say that a declared output or a verdict that was asked for is missing or wrong: they stand
    /// first.
    pub lacking: usize,
}

/// Outputs that were understood.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outputs {
    /// The declared ones that have their shape, and no others.
    pub values: BTreeMap<OutputId, Value>,
    /// Declared ones that are missing or wrong, in words.
    pub lacking: Vec<String>,
    /// What was given and not declared, in words.
    pub unknown: Vec<String>,
}

/// Reads a handoff. The error says why nothing could be made of it.
pub fn parse(text: &str, expect: &Expect<'_>) -> Result<Parsed, Vec<String>> {
    let (head, body) = object(text).map_err(|why| vec![why])?;
    let mut reader = Reader { head, problems: Vec::new() };
    let status = reader.status();
    let summary = reader.summary();
    let (verdict, lacks_verdict) = reader.verdict(expect.verdict);
    let given = match reader.head.shift_remove("outputs") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(given)) => given,
        Some(_) => {
            reader.problem("`outputs` must be an object".to_owned());
            Map::new()
        }
    };
    let Outputs { values, mut lacking, unknown } = declared(given, expect.outputs);
    lacking.extend(lacks_verdict);
    reader.problems.extend(unknown);
    let narrative = Narrative {
        status,
        summary,
        decisions: reader.list("decisions"),
        remaining: reader.list("remaining"),
        questions: reader.list("questions"),
        notes: reader.notes(),
        outputs: values.iter().map(|(id, value)| (id.to_string(), value.clone())).collect(),
        verdict,
        reasons: reader.list("reasons"),
        text: reader.free_text(body),
    };
    let count = lacking.len().min(MAX_PROBLEMS);
    let problems = lacking.into_iter().chain(reader.finish()).take(MAX_PROBLEMS).collect();
    Ok(Parsed { narrative, outputs: values, problems, lacking: count })
}

/// Reads what a command wrote to `$AI_SDLC_OUTPUTS`: a JSON object of the declared outputs. An empty text is an
/// empty object.
pub fn outputs(text: &str, expected: &IndexMap<OutputId, Shape>) -> Outputs {
    let given = if text.trim().is_empty() { Ok(Value::Object(Map::new())) } else { serde_json::from_str(text) };
    match given {
        Ok(Value::Object(given)) => declared(given, expected),
        Ok(_) => Outputs { lacking: vec!["the outputs are no JSON object".to_owned()], ..Outputs::default() },
        Err(error) => Outputs { lacking: vec![format!("the outputs are no JSON: {error}")], ..Outputs::default() },
    }
}

fn declared(mut given: Map<String, Value>, expected: &IndexMap<OutputId, Shape>) -> Outputs {
    let mut outputs = Outputs::default();
    for (id, shape) in expected {
        match given.shift_remove(id.as_str()) {
            None => outputs.lacking.push(format!("the output `{id}` is missing")),
            Some(value) => {
                let wrong = shape.problems(&value, &format!("`{id}`"));
                if wrong.is_empty() {
                    outputs.values.insert(id.clone(), value);
                }
                outputs
                    .lacking
                    .extend(wrong.into_iter().take(10).map(|wrong| format!("output {}", safe::short(&wrong, 300))));
            }
        }
    }
    outputs.unknown = given
        .keys()
        .map(|key| format!("the output `{}` is not declared and was dropped", safe::short(key, 60)))
        .collect();
    outputs
}

/// The object of a handoff and the text after it.
fn object(text: &str) -> Result<(Map<String, Value>, &str), String> {
    if text.len() > MAX_BYTES {
        return Err(format!("the handoff is {} bytes long; at most {MAX_BYTES} are read", text.len()));
    }
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if let Some((front, body)) = front_matter(text) {
        return Ok((yaml(front)?, body));
    }
    if text.starts_with('{') {
        return match serde_json::from_str(text) {
            Ok(Value::Object(head)) => Ok((head, "")),
            // A YAML object in braces, or JSON with a mistake: YAML's reader tells either.
            Ok(_) | Err(_) => Ok((yaml(text)?, "")),
        };
    }
    let Some(block) = fenced_block(text) else { return Ok((yaml(text)?, "")) };
    let (head, body) = whole(&block)?;
    // The text of a block is a copy: find it again, so that the caller's text is lent on.
    let body = text.rfind(body.as_str()).and_then(|at| text.get(at..at + body.len())).unwrap_or_default();
    Ok((head, body))
}

/// As [`object`] for the content of a fenced block, in which no further block is looked for.
fn whole(block: &str) -> Result<(Map<String, Value>, String), String> {
    let block = block.trim_start();
    match front_matter(block) {
        Some((front, body)) => Ok((yaml(front)?, body.to_owned())),
        None => Ok((yaml(block)?, String::new())),
    }
}

/// Splits front matter from the body: a line `---`, lines, a line `---` or `...`.
fn front_matter(text: &str) -> Option<(&str, &str)> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().filter(|line| line.trim_end() == "---")?;
    let mut at = first.len();
    for line in lines {
        if matches!(line.trim_end(), "---" | "...") {
            return Some((text.get(first.len()..at)?, text.get(at + line.len()..)?));
        }
        at += line.len();
    }
    None
}

fn yaml(text: &str) -> Result<Map<String, Value>, String> {
    // Aliases could make a small text a big one; no handoff needs them.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: 40, max_aliases: 0, max_anchors: 0, max_documents: 1 },
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Value>(text, options) {
        Ok(Value::Object(head)) => Ok(head),
        Ok(_) => Err("no front matter, no object and no block marked `handoff` was found".to_owned()),
        Err(error) => Err(format!("the handoff cannot be read: {}", safe::short(&error.to_string(), 300))),
    }
}

/// Takes the keys of a handoff out one by one; what is left at the end is unknown.
struct Reader {
    head: Map<String, Value>,
    problems: Vec<String>,
}

impl Reader {
    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// `partial` where it is missing or wrong: only a session that says `done` is done.
    fn status(&mut self) -> Status {
        let status = match self.head.shift_remove("status") {
            Some(Value::String(word)) => match word.trim() {
                "done" => Ok(Status::Done),
                "partial" => Ok(Status::Partial),
                "stuck" => Ok(Status::Stuck),
                other => {
                    Err(format!("`status` is `{}`; it can be `done`, `partial` or `stuck`", safe::short(other, 40)))
                }
            },
            Some(_) => Err("`status` must be `done`, `partial` or `stuck`".to_owned()),
            None => Err("`status` is missing; taken as `partial`".to_owned()),
        };
        status.unwrap_or_else(|problem| {
            self.problem(problem);
            Status::Partial
        })
    }

    fn summary(&mut self) -> String {
        let summary = self.head.shift_remove("summary").as_ref().and_then(plain).unwrap_or_default();
        if summary.is_empty() {
            self.problem("`summary` is missing".to_owned());
        }
        summary
    }

    fn verdict(&mut self, asked: Asked) -> (Option<Verdict>, Option<String>) {
        let given = self.head.shift_remove("verdict").filter(|value| !value.is_null());
        match (asked, given.as_ref().map(|value| value.as_str().map(str::trim))) {
            (Asked::No, None) => (None, None),
            (Asked::No, Some(_)) => {
                self.problem("a `verdict` was not asked for and was dropped".to_owned());
                (None, None)
            }
            (Asked::Yes, Some(Some("approve"))) => (Some(Verdict::Approve), None),
            (Asked::Yes, Some(Some("rework"))) => (Some(Verdict::Rework), None),
            (Asked::Yes, Some(_)) => (None, Some("`verdict` must be `approve` or `rework`".to_owned())),
            (Asked::Yes, None) => (None, Some("`verdict` is missing".to_owned())),
        }
    }

    /// A list of texts; one text alone is a list of one.
    fn list(&mut self, key: &str) -> Vec<String> {
        match self.head.shift_remove(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items.iter().filter_map(plain).collect(),
            Some(item @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => plain(&item).into_iter().collect(),
            Some(Value::Object(_)) => {
                self.problem(format!("`{key}` must be a list of texts"));
                Vec::new()
            }
        }
    }

    fn notes(&mut self) -> BTreeMap<String, String> {
        match self.head.shift_remove("notes") {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(Value::Object(notes)) => notes
                .iter()
                .filter_map(|(of, note)| plain(note).map(|note| (safe::short(of, crate::name::MAX_NAME_LEN), note)))
                .collect(),
            Some(_) => {
                self.problem("`notes` must be an object of texts, by task or role".to_owned());
                BTreeMap::new()
            }
        }
    }

    fn free_text(&mut self, body: &str) -> String {
        let given = self.head.shift_remove("text").as_ref().and_then(plain).unwrap_or_default();
        let body = safe::text(body);
        match (given.is_empty(), body.trim()) {
            (_, "") => given,
            (true, body) => body.to_owned(),
            (false, body) => format!("{given}\n\n{body}"),
        }
    }

    fn finish(self) -> Vec<String> {
        let Self { head, mut problems } = self;
        problems.extend(head.keys().map(|key| format!("unknown key `{}`", safe::short(key, 60))));
        problems
    }
}

/// A value as text; what is no text is shown as JSON. `None` where there is nothing to show.
fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => safe::text(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => safe::text(&value.to_string()),
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn shapes() -> IndexMap<OutputId, Shape> {
        IndexMap::from([
            (OutputId::parse("parts").unwrap(), Shape::List(Box::new(Shape::String))),
            (OutputId::parse("count").unwrap(), Shape::Integer),
        ])
    }

    fn read(text: &str) -> Result<Parsed, Vec<String>> {
        let outputs = shapes();
        parse(text, &Expect { outputs: &outputs, verdict: Asked::No })
    }

    const GOOD: &str = "---\nstatus: done\nsummary: |\n  Two lines\n  of it.\ndecisions: [one, two]\nnotes:\n  ui: mind the gap\noutputs:\n  parts: [a, b]\n  count: 2\n---\n\n# More\ntext\n";

    #[test]
    fn markdown_with_front_matter() {
        let parsed = read(GOOD).unwrap();
        assert_eq!(parsed.problems, Vec::<String>::new());
        assert_eq!(parsed.narrative.status, Status::Done);
        assert_eq!(parsed.narrative.summary, "Two lines\nof it.");
        assert_eq!(parsed.narrative.decisions, ["one", "two"]);
        assert_eq!(parsed.narrative.notes["ui"], "mind the gap");
        assert_eq!(parsed.narrative.text, "# More\ntext");
        assert_eq!(parsed.outputs[&OutputId::parse("parts").unwrap()], json!(["a", "b"]));
        assert_eq!(parsed.narrative.outputs["count"], json!(2));
    }

    #[test]
    fn json_yaml_and_a_fenced_block_say_the_same() {
        let json = r#"{"status": "stuck", "summary": "s", "outputs": {"parts": [], "count": 1}}"#;
        let yaml = "status: stuck\nsummary: s\noutputs: {parts: [], count: 1}\n";
        let fenced = format!("I am done.\n\n```handoff\n---\n{yaml}---\n```\nBye.");
        let first = read(json).unwrap();
        assert_eq!(first.narrative.status, Status::Stuck);
        assert_eq!(first.problems, Vec::<String>::new());
        assert_eq!(first, read(yaml).unwrap());
        assert_eq!(first, read(&fenced).unwrap());
        assert_eq!(first, read(&format!("```handoff\n{json}\n```")).unwrap());
    }

    #[test]
    fn a_fenced_block_keeps_its_own_text() {
        let parsed = read("```handoff\n---\nstatus: done\nsummary: s\n---\nthe rest\n```\nnot this").unwrap();
        assert_eq!(parsed.narrative.text, "the rest");
    }

    #[test]
    fn what_can_be_lived_with_is_a_problem() {
        let parsed =
            read("statsu: done\nsummary: 3\nverdict: approve\ndecisions: {a: 1}\noutputs: {parts: a, extra: 1}")
                .unwrap();
        assert_eq!(parsed.narrative.status, Status::Partial);
        assert_eq!(parsed.narrative.summary, "3");
        assert_eq!(parsed.narrative.verdict, None);
        assert_eq!(parsed.outputs, BTreeMap::new());
        assert_eq!(parsed.lacking, 2);
        assert_eq!(
            parsed.problems,
            [
                "output `parts` must be a list of string, not a string",
                "the output `count` is missing",
                "`status` is missing; taken as `partial`",
                "a `verdict` was not asked for and was dropped",
                "the output `extra` is not declared and was dropped",
                "`decisions` must be a list of texts",
                "unknown key `statsu`",
            ]
        );
    }

    #[test]
    fn a_verdict_that_is_asked_for_must_be_there() {
        let outputs = IndexMap::new();
        let ask = |text: &str| parse(text, &Expect { outputs: &outputs, verdict: Asked::Yes }).unwrap();
        assert_eq!(ask("{status: done, summary: s, verdict: approve}").narrative.verdict, Some(Verdict::Approve));
        let wrong = ask("{status: done, summary: s, verdict: approved}");
        assert_eq!((wrong.narrative.verdict, wrong.lacking), (None, 1));
        assert_eq!(ask("{status: done, summary: s}").problems, ["`verdict` is missing"]);
    }

    #[test]
    fn what_is_no_handoff_is_an_error() {
        for text in ["", "just prose", "- a\n- list", "---\nstatus: [\n---\n", "{\"a\": ", "a: &x [1]\nb: *x"] {
            assert!(read(text).is_err(), "{text}");
        }
        let long = format!("status: done\nsummary: {}", "x".repeat(MAX_BYTES));
        assert_eq!(read(&long).unwrap_err(), ["the handoff is 65558 bytes long; at most 65536 are read"]);
    }

    #[test]
    fn deep_nesting_is_refused() {
        for text in [format!("a: {}", "[".repeat(30_000)), format!("{}{}", "{\"a\":".repeat(9_000), "1")] {
            assert!(read(&text).is_err());
        }
    }

    #[test]
    fn outputs_of_a_command() {
        let read = |text: &str| outputs(text, &shapes());
        assert_eq!(read(r#"{"parts": ["a"], "count": 1}"#).lacking, Vec::<String>::new());
        assert_eq!(read("").lacking, ["the output `parts` is missing", "the output `count` is missing"]);
        assert_eq!(read("[1]").lacking, ["the outputs are no JSON object"]);
        assert_eq!(read(r#"{"parts": [], "count": 1, "x": 2}"#).unknown.len(), 1);
    }

    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("---\n".to_owned()),
            Just("```handoff\n".to_owned()),
            Just("```\n".to_owned()),
            Just("status: done\n".to_owned()),
            Just("summary: x\n".to_owned()),
            Just("outputs:\n  count: 1\n  extra: [1]\n".to_owned()),
            Just("verdict: approve\n".to_owned()),
            Just("{\"status\":".to_owned()),
            Just("\u{feff}".to_owned()),
            "\\PC{0,12}",
            any::<String>(),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_text_panics_and_only_declared_outputs_get_out(text in hostile()) {
            let _block = fenced_block(&text);
            if let Ok(parsed) = read(&text) {
                let shapes = shapes();
                prop_assert!(parsed.outputs.iter().all(|(id, value)| shapes[id].problems(value, "x").is_empty()));
                prop_assert!(parsed.narrative.outputs.keys().all(|key| shapes.contains_key(key.as_str())));
                prop_assert_eq!(parsed.narrative.verdict, None);
                prop_assert!(parsed.problems.len() <= MAX_PROBLEMS && parsed.lacking <= parsed.problems.len());
                let told = serde_json::to_string(&Narrative { outputs: BTreeMap::new(), ..parsed.narrative }).unwrap();
                let has_escape = told.contains("\\u001b");
                prop_assert!(!has_escape);
            }
        }
    }
}
