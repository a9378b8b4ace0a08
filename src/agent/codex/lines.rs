//! What Codex prints: one JSON object a line, and on standard error what it declined.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::agent::fault::{self, Clock};
use crate::agent::{Exit, Reader, Said, SessionSpec, Stream, Terminal, bounded};
use crate::amount::{Cost, TokenUse, Usage};
use crate::kernel::fact::{EndKind, Fault};

/// Items that may be open at once, as far as they are remembered.
const MAX_OPEN: usize = 1_000;

/// What of its standard error tells that something was declined.
const DECLINED: [&str; 3] = ["patch rejected: ", "approval policy is Never; ", "rejected by user approval settings"];

/// How far an item has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    UnderWay,
    Ended,
}

/// Reads its lines.
pub(super) struct Lines {
    clock: Clock,
    resumed: Option<String>,
    counted: TokenUse,
    open: BTreeSet<String>,
    error: Option<String>,
}

impl Lines {
    pub(super) fn new(spec: &SessionSpec, clock: Clock) -> Self {
        Self {
            clock,
            resumed: spec.conversation.clone(),
            counted: spec.conversation.as_ref().and(spec.counted.tokens).unwrap_or_default(),
            open: BTreeSet::new(),
            error: None,
        }
    }

    fn conversation(&mut self, id: &str) -> Vec<Said> {
        if self.resumed.as_deref() != Some(id) {
            // Not the conversation that was asked for: a new one counts from the beginning.
            self.counted = TokenUse::default();
        }
        vec![Said::Conversation(id.to_owned())]
    }

    /// What was used since the conversation was last counted: it counts on from where that was.
    fn used(&mut self, line: &Value) -> Option<Said> {
        let usage = line.get("usage")?.as_object()?;
        let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
        let (cached, written) = (count("cached_input_tokens"), count("cache_write_input_tokens"));
        let reasoning = count("reasoning_output_tokens");
        let all = TokenUse {
            input: count("input_tokens").saturating_sub(cached).saturating_sub(written),
            output: count("output_tokens").saturating_sub(reasoning),
            reasoning,
            cache_write: written,
            cache_read: cached,
        };
        let before = std::mem::replace(&mut self.counted, all);
        let tokens = TokenUse {
            input: all.input.saturating_sub(before.input),
            output: all.output.saturating_sub(before.output),
            reasoning: all.reasoning.saturating_sub(before.reasoning),
            cache_write: all.cache_write.saturating_sub(before.cache_write),
            cache_read: all.cache_read.saturating_sub(before.cache_read),
        };
        Some(Said::Used(Usage { tokens: Some(tokens), cost: Cost::Unknown }))
    }

    /// A line of this kind is not the end: it goes on trying, even of what cannot succeed.
    fn error(&mut self, message: &str) -> Vec<Said> {
        if let Some(why) = message.strip_prefix("Reconnecting... ") {
            return vec![Said::Retrying(fault::of(None, why, self.clock), message.to_owned())];
        }
        self.error = Some(message.to_owned());
        Vec::new()
    }

    fn item(&mut self, item: &Value, stage: Stage) -> Vec<Said> {
        let ended = stage == Stage::Ended;
        let of = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, kind, status) = (of("id"), of("type"), of("status"));
        match kind {
            "agent_message" if ended => {
                let text = of("text");
                return vec![Said::Message(text.to_owned()), Said::Progress(text.to_owned())];
            }
            "reasoning" if ended => return vec![Said::Progress(of("text").to_owned())],
            "error" => return vec![Said::Progress(of("message").to_owned())],
            "todo_list" => return plan(item).map(Said::Progress).into_iter().collect(),
            _ => {}
        }
        let Some(doing) = doing(kind, item) else { return Vec::new() };
        let mut said = Vec::new();
        let began = self.open.remove(id);
        if !began {
            // Some come to be known only when they have ended.
            said.extend([Said::ToolBegan, Said::Progress(doing.clone())]);
        }
        if ended {
            said.push(Said::ToolEnded);
            said.extend(declined(item, status).map(|why| Said::Denied(format!("{doing}: {why}"))));
        } else if self.open.len() < MAX_OPEN {
            self.open.insert(id.to_owned());
        }
        said
    }
}

impl Reader for Lines {
    fn line(&mut self, line: &str) -> Vec<Said> {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return Vec::new() };
        let text = |at: &str| line.pointer(at).and_then(Value::as_str);
        match text("/type") {
            Some("thread.started") => text("/thread_id").map(|id| self.conversation(id)).unwrap_or_default(),
            Some("turn.started") => {
                self.error = None;
                Vec::new()
            }
            Some("item.started" | "item.updated") => {
                line.get("item").map(|item| self.item(item, Stage::UnderWay)).unwrap_or_default()
            }
            Some("item.completed") => line.get("item").map(|item| self.item(item, Stage::Ended)).unwrap_or_default(),
            Some("error") => text("/message").map(|message| self.error(message)).unwrap_or_default(),
            Some("turn.completed") => {
                let used = self.used(&line);
                used.into_iter().chain([Said::Terminal(Terminal::Completed)]).collect()
            }
            Some("turn.failed") => {
                let why = text("/error/message").or(self.error.as_deref()).unwrap_or("it did not say why").to_owned();
                let fault = fault::of(None, &why, self.clock);
                self.used(&line).into_iter().chain([Said::Terminal(Terminal::Failed(fault, why))]).collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    fn error_line(&mut self, line: &str) -> Vec<Said> {
        let Some((_, why)) = line.split_once(" error=") else { return Vec::new() };
        if DECLINED.iter().any(|words| why.contains(words)) {
            return vec![Said::Denied(why.to_owned())];
        }
        Vec::new()
    }

    fn ended(&mut self, stream: &Stream, exit: Exit, errors: &str) -> EndKind {
        match (stream.terminal(), exit, &self.error) {
            (Some(Terminal::Completed), _, _) => EndKind::Completed,
            (Some(Terminal::Refused(why)), _, _) => EndKind::Refused { why: why.clone() },
            (Some(Terminal::Failed(fault, why)), _, _) => EndKind::Failed { fault: *fault, why: why.clone() },
            (None, Exit::Signal(signal), _) => EndKind::Signalled { signal },
            (None, Exit::Code(_), Some(why)) => {
                EndKind::Failed { fault: fault::of(None, why, self.clock), why: why.clone() }
            }
            (None, Exit::Code(_), None) if fault::is_forgotten(errors) => fault::forgotten(errors),
            // Its arguments or its configuration cannot be read, or nobody is logged in.
            (None, Exit::Code(2), None) => failed(errors),
            (None, Exit::Code(_), None) if is_unusable(errors) => failed(errors),
            (None, Exit::Code(code), None) => EndKind::Exited { code },
        }
    }
}

/// What is wrong with how it was started, in its own words.
fn failed(errors: &str) -> EndKind {
    let said = errors.lines().map(str::trim).find(|line| line.to_lowercase().starts_with("error"));
    let why = said.or(errors.lines().last()).unwrap_or("it cannot be started like this");
    EndKind::Failed { fault: Fault::Misconfigured, why: bounded(why, 1 << 10).to_owned() }
}

fn is_unusable(errors: &str) -> bool {
    errors.contains("Error loading config") || fault::is_misconfigured(errors)
}

/// What an item of this kind does, in words; `None`: it is no tool.
fn doing(kind: &str, item: &Value) -> Option<String> {
    let of = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    match kind {
        "command_execution" => Some(format!("run {}", plain(of("command")))),
        "file_change" => {
            let changes = item.get("changes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let paths: Vec<&str> = changes.iter().filter_map(|change| change.get("path")?.as_str()).collect();
            Some(format!("edit {}", paths.join(", ")))
        }
        "mcp_tool_call" => Some(format!("call {}/{}", of("server"), of("tool"))),
        "web_search" => Some(format!("search {}", of("query"))),
        "collab_tool_call" => Some(format!("work with others: {}", of("tool"))),
        _ => None,
    }
}

/// A command without the shell that is put around every one, and without the quotes of that.
fn plain(command: &str) -> String {
    let shells = ["/bin/bash -lc ", "bash -lc ", "/bin/sh -c ", "/bin/zsh -lc "];
    shells.iter().find_map(|shell| command.strip_prefix(shell)).map_or_else(|| command.to_owned(), unquoted)
}

/// One word of a shell as the shell reads it.
fn unquoted(word: &str) -> String {
    let (mut plain, mut quote) = (String::with_capacity(word.len()), None);
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => plain.extend(chars.next()),
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, _) => plain.push(c),
        }
    }
    plain
}

/// Why a tool call was not carried out, where nobody was there to allow it.
fn declined(item: &Value, status: &str) -> Option<String> {
    if status == "declined" {
        return Some("it was declined".to_owned());
    }
    let message = item.pointer("/error/message").and_then(Value::as_str).filter(|_| status == "failed")?;
    ["requires approval", "rejected", "approval policy"]
        .iter()
        .any(|words| message.contains(words))
        .then(|| message.to_owned())
}

/// The first step of its plan that is not done.
fn plan(item: &Value) -> Option<String> {
    let steps = item.get("items")?.as_array()?;
    let next = steps.iter().find(|step| step.get("completed").and_then(Value::as_bool) == Some(false))?;
    Some(next.get("text")?.as_str()?.to_owned())
}
