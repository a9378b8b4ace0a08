//! What Gemini CLI prints: one JSON object a line, and on standard error that it tries again.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::agent::fault::{self, Clock};
use crate::agent::{Exit, MAX_MESSAGE, Reader, Said, Stream, Terminal, bounded, last};
use crate::amount::{Cost, TokenUse, Usage};
use crate::kernel::fact::{EndKind, Fault, Reset};
use crate::mission::model::Permissions;

/// Tool calls that may be open at once, as far as they are remembered.
const MAX_OPEN: usize = 1_000;

/// Tools that are not there for a session that may only read.
const WRITING: [&str; 4] = ["run_shell_command", "write_file", "replace", "edit"];

/// Reads its lines.
pub(super) struct Lines {
    permissions: Permissions,
    clock: Clock,
    message: String,
    open: BTreeMap<String, String>,
    error: Option<String>,
    hint: String,
}

impl Lines {
    pub(super) fn new(permissions: Permissions, clock: Clock) -> Self {
        let (message, hint) = (String::new(), String::new());
        Self { permissions, clock, message, open: BTreeMap::new(), error: None, hint }
    }

    /// Its messages come in pieces.
    fn piece(&mut self, text: &str) -> Vec<Said> {
        self.message.push_str(text);
        if self.message.len() > 2 * MAX_MESSAGE {
            self.message = last(&self.message, MAX_MESSAGE).to_owned();
        }
        let line = self.message.trim_end().lines().next_back().unwrap_or_default();
        vec![Said::Progress(line.to_owned())]
    }

    /// The message that was written up to here.
    fn written(&mut self) -> Option<Said> {
        let text = std::mem::take(&mut self.message);
        (!text.trim().is_empty()).then_some(Said::Message(text))
    }

    fn began(&mut self, line: &Value) -> Vec<Said> {
        let of = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        let doing = doing(of("tool_name"), line.get("parameters").unwrap_or(&Value::Null));
        if self.open.len() < MAX_OPEN {
            self.open.insert(of("tool_id").to_owned(), doing.clone());
        }
        self.written().into_iter().chain([Said::ToolBegan, Said::Progress(doing)]).collect()
    }

    fn ended_tool(&mut self, line: &Value) -> Vec<Said> {
        let text = |at: &str| line.pointer(at).and_then(Value::as_str).unwrap_or_default();
        let doing = self.open.remove(text("/tool_id")).unwrap_or_else(|| "a tool".to_owned());
        let (kind, message) = (text("/error/type"), text("/error/message"));
        let withheld = kind == "tool_not_registered"
            && self.permissions == Permissions::Read
            && WRITING.iter().any(|tool| message.contains(&format!("\"{tool}\" not found")));
        let is_denied = text("/status") == "error"
            && (withheld
                || ["policy_violation", "execution_denied"].contains(&kind)
                || ["denied by policy", "requires user confirmation"].iter().any(|words| message.contains(words)));
        let denied = is_denied.then(|| Said::Denied(format!("{doing}: {message}")));
        [Said::ToolEnded].into_iter().chain(denied).collect()
    }

    fn result(&mut self, line: &Value) -> Vec<Said> {
        let text = |at: &str| line.pointer(at).and_then(Value::as_str);
        let mut said: Vec<Said> = self.written().into_iter().chain(used(line)).collect();
        let terminal = if text("/status") == Some("success") {
            Terminal::Completed
        } else {
            let why = text("/error/message").or(self.error.as_deref()).unwrap_or("it did not say why").to_owned();
            self.failed(text("/error/type").unwrap_or_default(), why)
        };
        said.push(Said::Terminal(terminal));
        said
    }

    fn failed(&self, kind: &str, why: String) -> Terminal {
        if why.contains("response was blocked") {
            return Terminal::Refused(why);
        }
        if kind == "FatalTurnLimitedError" || why.contains("exceeded the token limit") {
            return Terminal::Failed(Fault::OutOfTurns, why);
        }
        // Of what the service answered the status and when a limit ends are told on standard error alone.
        let mut fault = fault::of(None, &why, self.clock);
        if fault == (Fault::Limited { reset: Reset::Untold }) {
            fault = Fault::Limited { reset: fault::reset(&self.hint, self.clock) };
        } else if fault == Fault::Transient && !self.hint.is_empty() {
            fault = fault::of(None, &self.hint, self.clock);
        }
        Terminal::Failed(fault, why)
    }
}

impl Reader for Lines {
    fn line(&mut self, line: &str) -> Vec<Said> {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return Vec::new() };
        let text = |name: &str| line.get(name).and_then(Value::as_str);
        match text("type") {
            Some("init") => {
                let conversation = text("session_id").map(|id| Said::Conversation(id.to_owned()));
                let model = text("model").map(|model| Said::Model(model.to_owned()));
                conversation.into_iter().chain(model).collect()
            }
            Some("message") if text("role") == Some("assistant") => {
                text("content").map(|content| self.piece(content)).unwrap_or_default()
            }
            Some("tool_use") => self.began(&line),
            Some("tool_result") => self.ended_tool(&line),
            Some("error") => {
                let message = text("message").unwrap_or_default().to_owned();
                if text("severity") == Some("error") {
                    self.error = Some(message.clone());
                }
                vec![Said::Progress(message)]
            }
            Some("result") => self.result(&line),
            Some(_) | None => Vec::new(),
        }
    }

    fn error_line(&mut self, line: &str) -> Vec<Said> {
        let line = line.trim();
        if line.starts_with("Attempt ") && line.contains(" failed") {
            return vec![Said::Retrying(fault::of(None, line, self.clock), bounded(line, 1 << 10).to_owned())];
        }
        if line.starts_with("Error when talking to Gemini API") || line.starts_with("message: ") {
            line.clone_into(&mut self.hint);
        }
        Vec::new()
    }

    fn ended(&mut self, stream: &Stream, exit: Exit, errors: &str) -> EndKind {
        match (stream.terminal(), exit) {
            (Some(Terminal::Completed), _) => EndKind::Completed,
            (Some(Terminal::Refused(why)), _) => EndKind::Refused { why: why.clone() },
            (Some(Terminal::Failed(fault, why)), _) => EndKind::Failed { fault: *fault, why: why.clone() },
            (None, Exit::Signal(signal)) => EndKind::Signalled { signal },
            // Of what it was given to begin with.
            (None, Exit::Code(42)) if fault::is_forgotten(errors) => fault::forgotten(errors),
            // Of login, of its sandbox, of its settings, of trust: it says so by these and does not begin.
            (None, Exit::Code(41 | 44 | 52 | 55)) => {
                EndKind::Failed { fault: Fault::Misconfigured, why: words(errors) }
            }
            (None, Exit::Code(53)) => EndKind::Failed { fault: Fault::OutOfTurns, why: words(errors) },
            (None, Exit::Code(1)) if errors.contains("Unknown argument") || errors.contains("Invalid values:") => {
                EndKind::Failed { fault: Fault::Misconfigured, why: words(errors) }
            }
            // It exits with 0 when it is told to end, too.
            (None, Exit::Code(code)) => EndKind::Exited { code },
        }
    }
}

/// What it said last on standard error, without what it says of the terminal.
fn words(errors: &str) -> String {
    let told: Vec<&str> = errors
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("Warning: ") && !line.starts_with("at "))
        .collect();
    let last_few = told.get(told.len().saturating_sub(3)..).unwrap_or_default();
    bounded(&last_few.join(" "), 1 << 10).to_owned()
}

/// What was used of each model.
fn used(line: &Value) -> Vec<Said> {
    let Some(stats) = line.get("stats").filter(|stats| stats.is_object()) else { return Vec::new() };
    let models = stats.get("models").and_then(Value::as_object).filter(|models| !models.is_empty());
    let Some(models) = models else { return vec![tokens(stats)] };
    models.iter().flat_map(|(model, stats)| [Said::Model(model.clone()), tokens(stats)]).collect()
}

fn tokens(stats: &Value) -> Said {
    let count = |name: &str| stats.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (read, written, cached) = (count("input_tokens"), count("output_tokens"), count("cached"));
    let tokens = TokenUse {
        input: read.saturating_sub(cached),
        output: written,
        // What it thought is told in the sum alone.
        reasoning: count("total_tokens").saturating_sub(read).saturating_sub(written),
        cache_write: 0,
        cache_read: cached,
    };
    Said::Used(Usage { tokens: Some(tokens), cost: Cost::Unknown })
}

/// What a tool call does, in words.
fn doing(tool: &str, parameters: &Value) -> String {
    let of = |name: &str| parameters.get(name).and_then(Value::as_str);
    match tool {
        "run_shell_command" => format!("run {}", of("command").unwrap_or_default()),
        "write_file" | "replace" => format!("edit {}", of("file_path").unwrap_or_default()),
        "read_file" => format!("read {}", of("file_path").or(of("absolute_path")).unwrap_or_default()),
        "activate_skill" => format!("use the skill {}", of("name").unwrap_or_default()),
        _ => {
            let detail = ["pattern", "query", "dir_path", "path", "prompt"].iter().find_map(|name| of(name));
            detail.map_or_else(|| format!("call {tool}"), |detail| format!("{tool} {detail}"))
        }
    }
}
