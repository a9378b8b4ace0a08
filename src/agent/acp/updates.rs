//! What a program tells while its turn goes on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agent_client_protocol_schema::v1::{
    ContentBlock, ContentChunk, Plan, PlanEntryStatus, SessionUpdate, ToolCallContent, ToolCallStatus, ToolCallUpdate,
};
use serde_json::Value;

use crate::agent::acp::permission::Deed;
use crate::agent::{MAX_MESSAGE, Said, bounded, last};

/// Calls that are remembered.
const MAX_CALLS: usize = 500;
/// Longest words of a call, in bytes.
const MAX_WORDS: usize = 300;
/// A message that is being written is told again after so many bytes more.
const PART: usize = 2 << 10;

/// What was told so far.
#[derive(Debug)]
pub(super) struct Updates {
    workspace: PathBuf,
    calls: BTreeMap<String, Call>,
    message: String,
    id: Option<String>,
    /// Bytes of the message that are not told yet.
    untold: usize,
    /// A tool was called since, or the model asked again: what is said next without a name is another message.
    broken_off: bool,
    model: Option<String>,
    /// It says that its system failed.
    pub(super) failed: bool,
}

#[derive(Debug, Default)]
struct Call {
    deed: Deed,
    title: String,
    ended: bool,
}

impl Updates {
    pub(super) fn of(workspace: &Path) -> Self {
        Self {
            workspace: workspace.to_owned(),
            calls: BTreeMap::new(),
            message: String::new(),
            id: None,
            untold: 0,
            broken_off: false,
            model: None,
            failed: false,
        }
    }

    /// The last message.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// An update, whole.
    pub(super) fn update(&mut self, update: &Value) -> Vec<Said> {
        let codex = update.pointer("/_meta/codex/threadStatus/type").and_then(Value::as_str);
        if let Some(status) = codex {
            self.failed = status == "systemError";
        }
        let mut said = self.answers(update.pointer("/_meta/_claude~1model").and_then(Value::as_str));
        let Ok(update) = serde_json::from_value::<SessionUpdate>(update.clone()) else { return said };
        if let SessionUpdate::AgentMessageChunk(chunk) = update {
            said.extend(self.chunk(chunk));
        } else if let SessionUpdate::ToolCall(call) = update {
            said.extend(self.call(ToolCallUpdate::from(call)).1);
        } else if let SessionUpdate::ToolCallUpdate(call) = update {
            said.extend(self.call(call).1);
        } else if let SessionUpdate::UsageUpdate(_) = update {
            self.broken_off = true;
        } else if let SessionUpdate::Plan(plan) = update {
            said.extend(stage(&plan));
        }
        said
    }

    /// The model that answers, once.
    pub(super) fn answers(&mut self, model: Option<&str>) -> Vec<Said> {
        let Some(model) = model.filter(|model| self.model.as_deref() != Some(*model)) else { return Vec::new() };
        self.model = Some(model.to_owned());
        vec![Said::Model(model.to_owned())]
    }

    fn chunk(&mut self, chunk: ContentChunk) -> Option<Said> {
        let ContentBlock::Text(text) = chunk.content else { return None };
        let id = chunk.message_id.map(|id| id.0.to_string());
        let is_other = if id.is_some() { id != self.id } else { self.broken_off };
        let before = is_other.then(|| self.rest()).flatten();
        if is_other {
            self.message.clear();
        }
        (self.id, self.broken_off) = (id, false);
        self.message.push_str(&text.text);
        self.untold += text.text.len();
        if self.message.len() > 2 * MAX_MESSAGE {
            self.message = last(&self.message, MAX_MESSAGE).to_owned();
        }
        before.or_else(|| (self.untold >= PART).then(|| self.rest()).flatten())
    }

    /// The message, where it was not told whole.
    pub(super) fn rest(&mut self) -> Option<Said> {
        let untold = std::mem::take(&mut self.untold);
        (untold > 0).then(|| Said::Message(self.message.clone()))
    }

    /// News of a tool call, and what is known of it by now. One that was not told of has begun.
    pub(super) fn call(&mut self, update: ToolCallUpdate) -> (Deed, Vec<Said>) {
        let mut said: Vec<Said> = self.rest().into_iter().collect();
        self.broken_off = true;
        let id = update.tool_call_id.0.to_string();
        if self.calls.len() >= MAX_CALLS && !self.calls.contains_key(&id) {
            self.calls.retain(|_, call| !call.ended);
        }
        let is_new = !self.calls.contains_key(&id);
        let call = self.calls.entry(id.clone()).or_default();
        if is_new {
            call.deed.names.push(id);
            said.push(Said::ToolBegan);
        }
        let status = update.fields.status;
        call.take(update);
        let words = call.words(&self.workspace);
        if call.deed.words != words {
            // Which skill a call reads is seen only where it is told with a beginning.
            let again = !is_new && !call.ended;
            call.deed.words.clone_from(&words);
            if again {
                said.extend([Said::ToolEnded, Said::ToolBegan]);
            }
            said.push(Said::Progress(words));
        }
        let has_ended = matches!(status, Some(ToolCallStatus::Completed | ToolCallStatus::Failed));
        if has_ended && !std::mem::replace(&mut call.ended, true) {
            said.push(Said::ToolEnded);
        }
        (call.deed.clone(), said)
    }
}

impl Call {
    fn take(&mut self, update: ToolCallUpdate) {
        let ToolCallUpdate { fields, .. } = update;
        if let Some(kind) = fields.kind {
            self.deed.kind = kind;
        }
        if let Some(title) = fields.title {
            self.title = title;
        }
        for name in fields.name.into_iter().chain([self.title.clone()]) {
            if !self.deed.names.contains(&name) {
                self.deed.names.push(name);
            }
        }
        let located = fields.locations.into_iter().flatten().map(|location| location.path);
        let diffs = fields
            .content
            .into_iter()
            .flatten()
            .filter_map(|content| if let ToolCallContent::Diff(diff) = content { Some(diff.path) } else { None });
        let input = fields.raw_input.unwrap_or_default();
        let text = |key: &str| input.get(key).and_then(Value::as_str);
        let named =
            ["file_path", "filePath", "notebook_path", "path"].iter().find_map(|key| text(key)).map(PathBuf::from);
        for path in located.chain(diffs).chain(named) {
            if !self.deed.paths.contains(&path) {
                self.deed.paths.push(path);
            }
        }
        if let Some(command) = text("command").or_else(|| text("cmd")) {
            self.deed.command = Some(command.to_owned());
        }
    }

    /// What it does, in one line: its title, and the file it is about where that does not name it.
    fn words(&self, workspace: &Path) -> String {
        let mut words = self.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let path = self.deed.paths.first().map(|path| path.strip_prefix(workspace).unwrap_or(path).to_string_lossy());
        if let Some(path) = path.filter(|path| !path.is_empty() && !words.contains(path.as_ref())) {
            words = format!("{words} {path}");
        }
        bounded(words.trim(), MAX_WORDS).to_owned()
    }
}

/// How far a plan is.
fn stage(plan: &Plan) -> Option<Said> {
    let done = plan.entries.iter().filter(|entry| entry.status == PlanEntryStatus::Completed).count();
    let now = plan.entries.iter().find(|entry| entry.status == PlanEntryStatus::InProgress)?;
    Some(Said::Progress(format!("{} of {}: {}", done + 1, plan.entries.len(), now.content)))
}
