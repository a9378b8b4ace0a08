//! What opencode prints: one JSON object a line, no last one, and a log on standard error.

use serde_json::Value;

use crate::agent::fault::{self, Clock};
use crate::agent::{Exit, Reader, Said, SessionSpec, Stream, bounded};
use crate::amount::{Cost, Millis, TokenUse, Usage, Usd};
use crate::kernel::fact::{EndKind, Fault, Reset};
use crate::mission::model::Permissions;

/// Tools that are not there for a session that may only read.
const WRITING: [&str; 6] = ["bash", "write", "edit", "multiedit", "patch", "apply_patch"];

/// Words of a tool call that nobody was there to allow, or that a rule forbids.
const DENIED: [&str; 3] = ["rejected permission", "prevents you from using", "permission denied by"];

/// Reads its lines.
pub(super) struct Lines {
    permissions: Permissions,
    clock: Clock,
    conversation: Option<String>,
    finished: Option<String>,
    error: Option<(Fault, String)>,
    denied: bool,
    log: Option<String>,
    is_untold: bool,
}

impl Lines {
    pub(super) fn new(spec: &SessionSpec, clock: Clock) -> Self {
        Self {
            permissions: spec.permissions,
            clock,
            conversation: None,
            finished: None,
            error: None,
            denied: false,
            log: None,
            is_untold: false,
        }
    }

    /// Every line names the conversation.
    fn named(&mut self, line: &Value) -> Option<Said> {
        let id = line.get("sessionID")?.as_str()?;
        if self.conversation.as_deref() == Some(id) {
            return None;
        }
        self.conversation = Some(id.to_owned());
        Some(Said::Conversation(id.to_owned()))
    }

    /// A tool call is told when it has ended.
    fn tool(&mut self, part: &Value) -> Vec<Said> {
        let text = |at: &str| part.pointer(at).and_then(Value::as_str).unwrap_or_default();
        let tool = text("/tool");
        let doing = doing(tool, part);
        let mut said = vec![Said::ToolBegan, Said::Progress(doing.clone()), Said::ToolEnded];
        let error = text("/state/error");
        let is_refused = text("/state/status") == "error" && DENIED.iter().any(|words| error.contains(words));
        let withheld = tool == "invalid"
            && self.permissions == Permissions::Read
            && WRITING.contains(&text("/state/input/tool"))
            && text("/state/input/error").contains("unavailable tool");
        self.denied = is_refused || withheld;
        if is_refused {
            let why = error.split_once(" Here are some").map_or(error, |(why, _)| why);
            said.push(Said::Denied(format!("{doing}: {why}")));
        } else if withheld {
            said.push(Said::Denied(format!("{}: this session may only read", text("/state/input/tool"))));
        }
        said
    }

    /// It may go on all the same: it shortens a conversation that is too long, and tries again.
    fn error(&mut self, error: &Value) -> Vec<Said> {
        let text = |at: &str| error.pointer(at).and_then(Value::as_str);
        let name = text("/name").unwrap_or_default();
        let why = text("/data/message").unwrap_or(name);
        let status =
            error.pointer("/data/statusCode").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let fault = match name {
            "ContextOverflowError" => Fault::OutOfContext,
            "MessageOutputLengthError" => Fault::OutOfTurns,
            "ProviderAuthError" | "ProviderModelNotFoundError" | "ProviderInitError" => Fault::Misconfigured,
            _ => fault::of(status, why, self.clock),
        };
        let fault = if fault == (Fault::Limited { reset: Reset::Untold }) {
            Fault::Limited { reset: wait(error) }
        } else {
            fault
        };
        let why = bounded(why, 1 << 10).to_owned();
        self.error = Some((fault, why.clone()));
        self.is_untold = name == "UnknownError";
        vec![Said::Progress(why)]
    }

    fn of_kind(&mut self, line: &Value) -> Vec<Said> {
        let part = line.get("part").unwrap_or(&Value::Null);
        match line.get("type").and_then(Value::as_str) {
            Some("step_start") => {
                (self.error, self.finished, self.denied) = (None, None, false);
                vec![Said::Progress("thinks".to_owned())]
            }
            Some("text") if part.get("synthetic").and_then(Value::as_bool) != Some(true) => {
                let text = part.get("text").and_then(Value::as_str).unwrap_or_default();
                vec![Said::Message(text.to_owned()), Said::Progress(text.to_owned())]
            }
            Some("tool_use") => self.tool(part),
            Some("step_finish") => {
                self.finished = part.get("reason").and_then(Value::as_str).map(str::to_owned);
                used(part).into_iter().collect()
            }
            Some("error") => line.get("error").map(|error| self.error(error)).unwrap_or_default(),
            Some(_) | None => Vec::new(),
        }
    }
}

impl Reader for Lines {
    fn line(&mut self, line: &str) -> Vec<Said> {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return Vec::new() };
        let named = self.named(&line);
        named.into_iter().chain(self.of_kind(&line)).collect()
    }

    fn error_line(&mut self, line: &str) -> Vec<Said> {
        if !line.contains(" level=ERROR ") || line.contains("models.dev") || line.contains(" small=true ") {
            return Vec::new();
        }
        let Some((_, why)) = line.split_once("error=").or_else(|| line.split_once("cause=")) else { return Vec::new() };
        let why = why.trim_start_matches('"');
        let why = bounded(why.split('"').next().unwrap_or(why), 1 << 10).to_owned();
        self.log = Some(why.clone());
        if line.contains("message=\"stream error\"") {
            return vec![Said::Retrying(fault::of(None, &why, self.clock), why)];
        }
        Vec::new()
    }

    fn ended(&mut self, _: &Stream, exit: Exit, errors: &str) -> EndKind {
        let failed = |fault: Fault, why: &str| EndKind::Failed { fault, why: why.to_owned() };
        match (&self.error, exit, self.finished.as_deref()) {
            // Of a fault of its own it tells what it was in its log alone.
            (Some(_), _, _) if self.is_untold && self.log.is_some() => {
                let why = self.log.as_deref().unwrap_or_default();
                failed(fault::of(None, why, self.clock), why)
            }
            (Some((fault, why)), _, _) => failed(*fault, why),
            (None, Exit::Signal(signal), _) => EndKind::Signalled { signal },
            (None, Exit::Code(0), Some("stop")) => EndKind::Completed,
            // It ends by itself where it was not let: that is what keeps the work from being taken for done.
            (None, Exit::Code(0), Some(_)) if self.denied => EndKind::Completed,
            (None, Exit::Code(0), Some("length")) => failed(Fault::OutOfTurns, "its answer became too long"),
            (None, Exit::Code(0), Some("content-filter")) => {
                EndKind::Refused { why: "the service withheld the answer".to_owned() }
            }
            (None, Exit::Code(1), None) if fault::is_forgotten(errors) => fault::forgotten(errors),
            (None, Exit::Code(1), None) if fault::is_misconfigured(errors) => {
                failed(Fault::Misconfigured, bounded(errors.lines().last().unwrap_or_default(), 1 << 10))
            }
            (None, Exit::Code(code), _) => EndKind::Exited { code },
        }
    }
}

/// How long the service asks to wait, by the headers of its answer.
fn wait(error: &Value) -> Reset {
    let header = |name: &str| error.pointer(&format!("/data/responseHeaders/{name}")).and_then(Value::as_str);
    let millis = header("retry-after-ms").and_then(|ms| ms.parse().ok()).map(Millis);
    let seconds = || header("retry-after").and_then(|secs| secs.parse().ok()).map(Millis::from_secs);
    millis.or_else(seconds).map_or(Reset::Untold, |wait| Reset::After { wait })
}

/// What one step used. A price of nothing is one that it does not know.
fn used(part: &Value) -> Option<Said> {
    let tokens = part.get("tokens")?.as_object()?;
    let count = |name: &str| tokens.get(name).and_then(Value::as_u64).unwrap_or(0);
    let cache = |name: &str| tokens.get("cache").and_then(|cache| cache.get(name)).and_then(Value::as_u64).unwrap_or(0);
    let tokens = TokenUse {
        input: count("input"),
        output: count("output"),
        reasoning: count("reasoning"),
        cache_write: cache("write"),
        cache_read: cache("read"),
    };
    let cost = part.get("cost").and_then(Value::as_f64).and_then(Usd::from_dollars).filter(|usd| *usd > Usd::ZERO);
    Some(Said::Used(Usage { tokens: Some(tokens), cost: cost.map_or(Cost::Unknown, Cost::Reported) }))
}

/// What a tool call does, in words.
fn doing(tool: &str, part: &Value) -> String {
    let of = |name: &str| part.pointer("/state/input").and_then(|input| input.get(name)).and_then(Value::as_str);
    match tool {
        "bash" => format!("run {}", of("command").unwrap_or_default()),
        "write" | "edit" | "multiedit" => format!("edit {}", of("filePath").unwrap_or_default()),
        "read" => format!("read {}", of("filePath").unwrap_or_default()),
        "skill" => format!("use the skill {}", of("name").unwrap_or_default()),
        _ => {
            let detail = ["pattern", "query", "url", "description", "path"].iter().find_map(|name| of(name));
            detail.map_or_else(|| format!("call {tool}"), |detail| format!("{tool} {detail}"))
        }
    }
}
