//! Reads the JSON lines of a program by what its table says that they mean.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::agent::fault::{self, Clock};
use crate::agent::{Exit, Reader, Said, SessionSpec, Stream, Terminal, bounded};
use crate::amount::{Cost, TokenUse, Usage, Usd};
use crate::kernel::fact::{EndKind, Fault};
use crate::mission::events::{Counts, EventMeaning, EventRule, FailedBy, at};

/// Longest reason that is told.
const MAX_WHY: usize = 600;

/// Reads the stream of one session.
pub(super) struct Events {
    rules: Vec<EventRule>,
    clock: Clock,
    /// What the figures of each rule counted when they were told last.
    counted: Vec<(TokenUse, Usd)>,
}

impl Events {
    pub(super) fn of(spec: &SessionSpec, clock: Clock) -> Self {
        let rules = spec.agent.events.clone();
        let before = |rule: &EventRule| match rule.counts.unwrap_or_default() {
            Counts::Conversation => {
                (spec.counted.tokens.unwrap_or_default(), spec.counted.cost.known().unwrap_or_default())
            }
            Counts::Step | Counts::Session => (TokenUse::default(), Usd::ZERO),
        };
        Self { counted: rules.iter().map(before).collect(), rules, clock }
    }

    fn said(&mut self, rule: &EventRule, number: usize, line: &Value) -> Option<Said> {
        let text = rule.text.as_deref().and_then(|path| at(line, path)).map(words).unwrap_or_default();
        let why = || bounded(text.trim(), MAX_WHY).to_owned();
        if rule.means.needs_text() && text.trim().is_empty() {
            return None;
        }
        Some(match rule.means {
            EventMeaning::Conversation => Said::Conversation(text),
            EventMeaning::Message => Said::Message(text),
            EventMeaning::Progress => Said::Progress(text),
            EventMeaning::ToolBegan => Said::ToolBegan,
            EventMeaning::ToolEnded => Said::ToolEnded,
            EventMeaning::Denied => Said::Denied(text),
            EventMeaning::Model => Said::Model(text),
            EventMeaning::Used => Said::Used(self.used(rule, number, line)?),
            EventMeaning::Done => Said::Terminal(Terminal::Completed),
            EventMeaning::Refused => Said::Terminal(Terminal::Refused(why())),
            EventMeaning::Failed => Said::Terminal(Terminal::Failed(failed(rule.class, &text, self.clock), why())),
        })
    }

    /// What came since it was told last.
    fn used(&mut self, rule: &EventRule, number: usize, line: &Value) -> Option<Usage> {
        let figures: BTreeMap<&str, &str> = rule.figures().into_iter().collect();
        let figure = |key: &str| figures.get(key).and_then(|path| at(line, path));
        let count = |key: &str| figure(key).and_then(Value::as_u64);
        let (input, output) = (count("input"), count("output"));
        let (read, written) = (count("cache_read"), count("cache_write"));
        let usd = figure("usd").and_then(Value::as_f64).and_then(Usd::from_dollars);
        let tells_tokens = [input, output, read, written].iter().any(Option::is_some);
        if !tells_tokens && usd.is_none() {
            return None;
        }
        let mut tokens = TokenUse {
            input: input.unwrap_or(0),
            output: output.unwrap_or(0),
            reasoning: 0,
            cache_write: written.unwrap_or(0),
            cache_read: read.unwrap_or(0),
        };
        let mut cost = usd.filter(|usd| *usd > Usd::ZERO || !tells_tokens);
        if rule.counts.unwrap_or_default() != Counts::Step
            && let Some(before) = self.counted.get_mut(number)
        {
            let all = (tokens, usd.unwrap_or(before.1));
            tokens = minus(tokens, before.0);
            cost = cost.map(|cost| cost.saturating_sub(before.1));
            *before = all;
        }
        Some(Usage { tokens: Some(tokens), cost: cost.map_or(Cost::Unknown, Cost::Reported) })
    }
}

impl Reader for Events {
    fn line(&mut self, line: &str) -> Vec<Said> {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return Vec::new() };
        if !line.is_object() {
            return Vec::new();
        }
        let rules = std::mem::take(&mut self.rules);
        let meant = rules.iter().enumerate().filter(|(_, rule)| fits(rule, &line));
        let mut said: Vec<Said> = meant.filter_map(|(number, rule)| self.said(rule, number, &line)).collect();
        self.rules = rules;
        // How it ended comes last: nothing is heard behind it.
        said.sort_by_key(|said| matches!(said, Said::Terminal(_)));
        said
    }

    fn ended(&mut self, stream: &Stream, exit: Exit, errors: &str) -> EndKind {
        let tells_end = self.rules.iter().any(|rule| rule.means == EventMeaning::Done);
        match (stream.terminal(), exit) {
            (Some(Terminal::Refused(why)), _) => EndKind::Refused { why: why.clone() },
            (Some(Terminal::Failed(fault, why)), _) => EndKind::Failed { fault: *fault, why: why.clone() },
            (None, Exit::Signal(signal)) => EndKind::Signalled { signal },
            (None, Exit::Code(0)) if tells_end => {
                let last = bounded(errors.lines().last().unwrap_or_default().trim(), MAX_WHY);
                let why = format!("it ended without a line that means `done` {last}").trim_end().to_owned();
                EndKind::Failed { fault: Fault::Transient, why }
            }
            (Some(Terminal::Completed), _) | (None, Exit::Code(0)) => EndKind::Completed,
            (None, Exit::Code(code)) => EndKind::Exited { code },
        }
    }
}

fn fits(rule: &EventRule, line: &Value) -> bool {
    rule.when.iter().all(|(path, value)| at(line, path) == Some(value))
}

/// A value as people read it.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn failed(class: Option<FailedBy>, text: &str, clock: Clock) -> Fault {
    match class {
        None => fault::of(None, text, clock),
        Some(FailedBy::Transient) => Fault::Transient,
        Some(FailedBy::Limited) => Fault::Limited { reset: fault::reset(text, clock) },
        Some(FailedBy::Misconfigured) => Fault::Misconfigured,
        Some(FailedBy::OutOfBudget) => Fault::OutOfBudget,
        Some(FailedBy::OutOfTurns) => Fault::OutOfTurns,
    }
}

fn minus(all: TokenUse, part: TokenUse) -> TokenUse {
    TokenUse {
        input: all.input.saturating_sub(part.input),
        output: all.output.saturating_sub(part.output),
        reasoning: all.reasoning.saturating_sub(part.reasoning),
        cache_write: all.cache_write.saturating_sub(part.cache_write),
        cache_read: all.cache_read.saturating_sub(part.cache_read),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::agent::fault::tests::evening;
    use crate::agent::tests::spec;

    fn reader(rules: Value) -> Events {
        let mut spec = spec();
        spec.agent.events = serde_json::from_value(rules).unwrap();
        let tokens = TokenUse { input: 100, ..TokenUse::default() };
        spec.counted = Usage { tokens: Some(tokens), cost: Cost::Reported(Usd(1_000)) };
        Events::of(&spec, evening)
    }

    fn line(reader: &mut Events, line: &Value) -> Vec<Said> {
        reader.line(&line.to_string())
    }

    #[test]
    fn lines_mean_what_the_table_says() {
        let mut reader = reader(json!([
            { "when": { "type": "start" }, "means": "conversation", "text": "id" },
            { "when": { "type": "say", "parts.0.kind": "text" }, "means": "message", "text": "parts.0.text" },
            { "when": { "type": "tool", "begins": true }, "means": "tool-began" },
            { "when": { "type": "tool", "begins": true }, "means": "progress", "text": "name" },
            { "when": { "type": "tool", "begins": false }, "means": "tool-ended" },
            { "when": { "type": "tool", "code": 403 }, "means": "denied", "text": "name" },
            { "when": { "type": "end" }, "means": "done" },
            { "when": { "type": "end" }, "means": "message", "text": "last" }
        ]));
        let mut said = |told: Value| line(&mut reader, &told);
        assert_eq!(said(json!({ "type": "start", "id": 7 })), [Said::Conversation("7".to_owned())]);
        let parts = json!([{ "kind": "text", "text": "Hello." }]);
        assert_eq!(said(json!({ "type": "say", "parts": parts })), [Said::Message("Hello.".to_owned())]);
        assert_eq!(said(json!({ "type": "say", "parts": [] })), []);
        let began = said(json!({ "type": "tool", "begins": true, "name": "ls" }));
        assert_eq!(began, [Said::ToolBegan, Said::Progress("ls".to_owned())]);
        let denied = said(json!({ "type": "tool", "begins": false, "code": 403, "name": "rm" }));
        assert_eq!(denied, [Said::ToolEnded, Said::Denied("rm".to_owned())]);
        let end = said(json!({ "type": "end", "last": "Bye." }));
        assert_eq!(end, [Said::Message("Bye.".to_owned()), Said::Terminal(Terminal::Completed)]);
        for other in [json!({ "type": "new" }), json!([]), json!(7), json!(null)] {
            assert_eq!(said(other.clone()), [], "{other}");
        }
        assert_eq!(reader.line("no json"), []);
    }

    #[test]
    fn figures_count_a_step_a_session_or_a_conversation() {
        for (counts, first, second) in [
            ("step", (150, 3_000), (200, 5_000)),
            ("session", (150, 3_000), (50, 2_000)),
            ("conversation", (50, 2_000), (50, 2_000)),
        ] {
            let rule = json!([{ "means": "used", "input": "u.in", "usd": "u.usd", "counts": counts }]);
            let mut reader = reader(rule);
            let used = |(input, usd)| {
                let tokens = TokenUse { input, ..TokenUse::default() };
                vec![Said::Used(Usage { tokens: Some(tokens), cost: Cost::Reported(Usd(usd)) })]
            };
            assert_eq!(line(&mut reader, &json!({ "u": { "in": 150, "usd": 0.003 } })), used(first), "{counts}");
            assert_eq!(line(&mut reader, &json!({ "u": { "in": 200, "usd": 0.005 } })), used(second), "{counts}");
            assert_eq!(line(&mut reader, &json!({ "u": {} })), []);
        }
        let mut reader = reader(json!([{ "means": "used", "input": "in", "usd": "usd" }]));
        let Said::Used(usage) = line(&mut reader, &json!({ "in": 5, "usd": 0 })).remove(0) else { panic!() };
        assert_eq!(usage.cost, Cost::Unknown, "tokens for nothing are tokens whose price it does not know");
    }

    #[test]
    fn how_it_ended_is_what_it_said_and_else_its_exit_code() {
        let failed = json!({ "when": { "type": "error" }, "means": "failed", "text": "why" });
        let end = |rules: Value, told: Value, exit| {
            let mut reader = reader(rules);
            let mut stream = Stream::default();
            for said in line(&mut reader, &told) {
                stream.note(&said);
            }
            reader.ended(&stream, exit, "")
        };
        let fault = |end: EndKind| {
            let EndKind::Failed { fault, .. } = end else { return format!("{end:?}") };
            format!("{fault:?}").split(' ').next().unwrap().to_owned()
        };
        let error = |why: &str| json!({ "type": "error", "why": why });
        assert_eq!(fault(end(json!([failed]), error("status 429"), Exit::Code(0))), "Limited");
        assert_eq!(fault(end(json!([failed]), error("bad api key"), Exit::Code(1))), "Misconfigured");
        for (class, expected) in [("transient", "Transient"), ("limited", "Limited"), ("out-of-turns", "OutOfTurns")] {
            let mut rule = failed.clone();
            rule["class"] = class.into();
            assert_eq!(fault(end(json!([rule]), error("x"), Exit::Code(0))), expected);
        }
        let done = json!([{ "when": { "type": "end" }, "means": "done" }]);
        assert_eq!(end(done.clone(), json!({ "type": "end" }), Exit::Code(1)), EndKind::Completed);
        assert_eq!(fault(end(done.clone(), json!({ "type": "x" }), Exit::Code(0))), "Transient");
        assert_eq!(end(done, json!({}), Exit::Code(3)), EndKind::Exited { code: 3 });
        assert_eq!(end(json!([failed]), json!({}), Exit::Code(0)), EndKind::Completed);
        assert_eq!(end(json!([failed]), json!({}), Exit::Signal(9)), EndKind::Signalled { signal: 9 });
        let refused = json!([{ "means": "refused", "text": "why" }]);
        assert_eq!(end(refused, json!({ "why": "No." }), Exit::Code(0)), EndKind::Refused { why: "No.".to_owned() });
    }
}
