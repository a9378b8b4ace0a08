//! What its stream says. Lines of subagents carry the call that began them: their messages are not the session's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::agent::claude_code::counting::Count;
use crate::agent::claude_code::{end, words};
use crate::agent::{Exit, Reader, Said, SessionSpec, Stream};
use crate::kernel::fact::{EndKind, Reset};

/// Calls whose words are remembered, for denials.
const MAX_CALLS: usize = 200;

/// Reads the stream of one session.
pub(super) struct Session {
    workspace: PathBuf,
    count: Count,
    /// The conversation's name, until it is told: with the first answer, when there is something to go on with.
    conversation: Option<String>,
    /// The message being told, by its id: it comes in parts.
    message: (String, String),
    /// What was called, in words.
    calls: BTreeMap<String, String>,
    /// Calls whose denial was told.
    denied: Vec<String>,
    /// When a limit ends, as the service said last.
    reset: Reset,
    /// How the program says that it ended, where that is no end of ours.
    ended: Option<end::Unfinished>,
}

impl Session {
    pub(super) fn of(spec: &SessionSpec) -> Self {
        Self {
            workspace: spec.path.clone(),
            count: Count::after(spec.counted),
            conversation: None,
            message: (String::new(), String::new()),
            calls: BTreeMap::new(),
            denied: Vec::new(),
            reset: Reset::Untold,
            ended: None,
        }
    }

    fn system(&mut self, line: &Value) -> Vec<Said> {
        match text(line, "subtype") {
            "init" => self.init(line),
            "api_retry" => vec![end::retrying(line)],
            "permission_denied" => self.denial(line).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn init(&mut self, line: &Value) -> Vec<Said> {
        self.conversation = Some(text(line, "session_id").to_owned()).filter(|id| !id.is_empty());
        let version = Some(text(line, "claude_code_version")).filter(|version| !version.is_empty());
        let model = Some(text(line, "model")).filter(|model| !model.is_empty());
        let told = version.map(|version| Said::Version(version.to_owned()));
        told.into_iter().chain(model.map(|model| Said::Model(model.to_owned()))).collect()
    }

    fn assistant(&mut self, line: &Value) -> Vec<Said> {
        let mut said: Vec<Said> = self.conversation.take().map(Said::Conversation).into_iter().collect();
        let is_own = line.get("parent_tool_use_id").is_none_or(Value::is_null);
        let id = line.pointer("/message/id").and_then(Value::as_str).unwrap_or_default();
        for part in contents(line) {
            match text(part, "type") {
                "text" if is_own => said.push(self.said(id, text(part, "text"))),
                "tool_use" => said.extend(self.call(part)),
                _ => {}
            }
        }
        said
    }

    fn said(&mut self, id: &str, more: &str) -> Said {
        if self.message.0 != id {
            self.message = (id.to_owned(), String::new());
        }
        self.message.1.push_str(more);
        Said::Message(self.message.1.clone())
    }

    fn call(&mut self, part: &Value) -> [Said; 2] {
        let input = part.get("input").unwrap_or(&Value::Null);
        let told = words::call(text(part, "name"), input, &self.workspace);
        if self.calls.len() < MAX_CALLS {
            self.calls.insert(text(part, "id").to_owned(), told.clone());
        }
        [Said::ToolBegan, Said::Progress(told)]
    }

    /// What came of calls, given back to the model.
    fn user(&mut self, line: &Value) -> Vec<Said> {
        let results = contents(line).filter(|part| text(part, "type") == "tool_result");
        let ids: Vec<&str> = results.map(|part| text(part, "tool_use_id")).collect();
        // A denial is told before the result of its call, or in the account at the end, which names the call itself.
        for id in &ids {
            self.calls.remove(*id);
        }
        ids.into_iter().map(|_| Said::ToolEnded).collect()
    }

    /// A call that was denied, once.
    fn denial(&mut self, denial: &Value) -> Option<Said> {
        let id = text(denial, "tool_use_id");
        if self.denied.iter().any(|told| told == id) {
            return None;
        }
        self.denied.push(id.to_owned());
        let input = denial.get("tool_input").unwrap_or(&Value::Null);
        let known = self.calls.get(id).cloned();
        Some(Said::Denied(known.unwrap_or_else(|| words::call(text(denial, "tool_name"), input, &self.workspace))))
    }

    fn result(&mut self, line: &Value) -> Vec<Said> {
        let mut said = vec![Said::Used(self.count.settle(line))];
        let denials = line.get("permission_denials").and_then(Value::as_array);
        said.extend(denials.into_iter().flatten().filter_map(|denial| self.denial(denial)));
        if let Some(structured) = line.get("structured_output").filter(|value| !value.is_null()) {
            said.push(Said::StructuredHandoff(structured.to_string()));
        }
        match end::of(line, self.reset) {
            Ok(terminal) => {
                self.ended = None;
                said.push(Said::Terminal(terminal));
            }
            Err(unfinished) => self.ended = Some(unfinished),
        }
        said
    }

    /// Where a limit was met, when it ends.
    fn limit(&mut self, line: &Value) {
        if line.pointer("/rate_limit_info/status").and_then(Value::as_str) == Some("rejected") {
            let at = line.pointer("/rate_limit_info/resetsAt").and_then(Value::as_i64);
            self.reset = at.map_or(Reset::Untold, end::at_seconds);
        }
    }
}

impl Reader for Session {
    fn line(&mut self, line: &str) -> Vec<Said> {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return Vec::new() };
        match text(&line, "type") {
            "system" => self.system(&line),
            "assistant" => self.assistant(&line),
            "user" => self.user(&line),
            "stream_event" => {
                let by = text(&line, "parent_tool_use_id").to_owned();
                let used = line.get("event").and_then(|event| self.count.event(event, &by));
                used.map(Said::Used).into_iter().collect()
            }
            "rate_limit_event" => {
                self.limit(&line);
                Vec::new()
            }
            "result" => self.result(&line),
            _ => Vec::new(),
        }
    }

    fn ended(&mut self, stream: &Stream, exit: Exit, errors: &str) -> EndKind {
        match (&self.ended, stream.terminal()) {
            (Some(unfinished), _) => unfinished.kind(exit),
            (None, Some(terminal)) => end::kind(terminal),
            (None, None) => end::without_account(stream, exit, errors),
        }
    }
}

/// The parts of a message.
fn contents(line: &Value) -> impl Iterator<Item = &Value> {
    line.pointer("/message/content").and_then(Value::as_array).into_iter().flatten()
}

/// A text, or none.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
