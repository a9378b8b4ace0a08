//! How a session ended: by its program's own account, never by the exit code alone.
//!
//! An account can say `success` of a failure, and an exit code of 0 can be that of one that was interrupted.

use serde_json::Value;

use crate::agent::claude_code::stream::text;
use crate::agent::fault;
use crate::agent::{Exit, Said, Stream, Terminal, bounded};
use crate::amount::{Millis, WallTime};
use crate::kernel::fact::{EndKind, Fault, Reset};

/// Longest reason that is told.
const MAX_WHY: usize = 600;

/// How a person logs in.
const LOGIN: &str = "log in with `claude` or `claude setup-token`, or set ANTHROPIC_API_KEY";

/// An end that its program tells and that is none of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// Somebody interrupted it, with exit code 0.
    Interrupted,
    /// It went wrong within: what it said of it is for people.
    Crashed,
}

impl Unfinished {
    pub(super) fn kind(self, exit: Exit) -> EndKind {
        match (self, exit) {
            (Self::Interrupted, Exit::Code(_)) => EndKind::Signalled { signal: 2 },
            (Self::Crashed, Exit::Code(0)) => EndKind::Exited { code: 1 },
            (Self::Crashed, Exit::Code(code)) => EndKind::Exited { code },
            (_, Exit::Signal(signal)) => EndKind::Signalled { signal },
        }
    }
}

/// What an account says.
pub(super) fn of(result: &Value, reset: Reset) -> Result<Terminal, Unfinished> {
    let why = why(result);
    match text(result, "subtype") {
        "error_max_budget_usd" => return Ok(Terminal::Failed(Fault::OutOfBudget, why)),
        "error_max_turns" => return Ok(Terminal::Failed(Fault::OutOfTurns, why)),
        _ => {}
    }
    let failed = result.get("is_error").and_then(Value::as_bool).unwrap_or(true);
    match text(result, "terminal_reason") {
        "budget_exhausted" => Ok(Terminal::Failed(Fault::OutOfBudget, why)),
        "max_turns" => Ok(Terminal::Failed(Fault::OutOfTurns, why)),
        "prompt_too_long" | "blocking_limit" => Ok(Terminal::Failed(Fault::OutOfContext, why)),
        reason if reason.starts_with("aborted") => Err(Unfinished::Interrupted),
        _ if text(result, "stop_reason") == "refusal" => Ok(Terminal::Refused(why)),
        _ if !failed => Ok(Terminal::Completed),
        _ if fault::is_forgotten(&why) => Ok(Terminal::Failed(Fault::OutOfContext, why)),
        "api_error" => {
            let status = result.get("api_error_status").and_then(Value::as_u64);
            let fault = of_service(status, &why, reset);
            Ok(Terminal::Failed(fault, advised(fault, status, why)))
        }
        _ => Err(Unfinished::Crashed),
    }
}

/// In its own words.
fn why(result: &Value) -> String {
    let errors = result.get("errors").and_then(Value::as_array);
    let errors = errors.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
    let told = Some(text(result, "result")).filter(|told| !told.trim().is_empty()).unwrap_or(&errors);
    bounded(told.trim(), MAX_WHY).to_owned()
}

/// What failed of the service, by its status, and by its words where one status stands for much.
fn of_service(status: Option<u64>, why: &str, reset: Reset) -> Fault {
    let lower = why.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    match status {
        _ if says(&["prompt is too long", "request too large"]) => Fault::OutOfContext,
        _ if says(&["output token maximum"]) => Fault::OutOfTurns,
        // A person has to pay: waiting changes nothing.
        _ if says(&["credit balance is too low"]) => Fault::Misconfigured,
        Some(429 | 529) => Fault::Limited { reset },
        Some(413) => Fault::OutOfContext,
        Some(408 | 409 | 425 | 500..) => Fault::Transient,
        Some(_) => Fault::Misconfigured,
        None if says(&["usage limit reached", "hit your", "limit reached"]) => {
            Fault::Limited { reset: told_reset(why).unwrap_or(reset) }
        }
        None if says(&["not logged in", "/login", "invalid api key", "oauth token"]) => Fault::Misconfigured,
        None => Fault::Transient,
    }
}

/// What a person should do, where that is known.
fn advised(fault: Fault, status: Option<u64>, why: String) -> String {
    let lower = why.to_lowercase();
    if fault != Fault::Misconfigured {
        why
    } else if lower.contains("credit balance") {
        format!("{why}: the account behind its key has to be paid for before it can go on")
    } else if status.is_none() || matches!(status, Some(401 | 403)) {
        format!("{why}: {LOGIN}")
    } else if status == Some(404) {
        format!("{why} Name another with `model`, or `models` of the agent.")
    } else {
        why
    }
}

/// The end of a limit in words of older programs: seconds after a stroke.
fn told_reset(why: &str) -> Option<Reset> {
    let digits: String = why.rsplit_once('|')?.1.chars().take_while(char::is_ascii_digit).collect();
    Some(at_seconds(digits.parse().ok()?))
}

/// So many seconds after the epoch.
pub(super) fn at_seconds(seconds: i64) -> Reset {
    Reset::At { wall: WallTime(seconds.saturating_mul(1_000)) }
}

/// That the program tries again by itself.
pub(super) fn retrying(line: &Value) -> Said {
    let status = line.get("error_status").and_then(Value::as_u64);
    let mut fault = of_service(status, "", Reset::Untold);
    if let (Fault::Limited { reset }, Some(wait)) = (&mut fault, line.get("retry_delay_ms").and_then(Value::as_u64)) {
        *reset = Reset::After { wait: Millis(wait) };
    }
    let error = Some(text(line, "error")).filter(|error| !error.is_empty() && *error != "unknown");
    let what = match (status, error) {
        (Some(status), Some(error)) => format!("the service answers {status} ({})", error.replace('_', " ")),
        (Some(status), None) => format!("the service answers {status}"),
        (None, Some(error)) => format!("the service fails: {}", error.replace('_', " ")),
        (None, None) => "the service cannot be reached, or broke off".to_owned(),
    };
    Said::Retrying(fault, what)
}

/// The end that an account told.
pub(super) fn kind(terminal: &Terminal) -> EndKind {
    match terminal {
        Terminal::Completed => EndKind::Completed,
        Terminal::Refused(why) => EndKind::Refused { why: why.clone() },
        Terminal::Failed(fault, why) => EndKind::Failed { fault: *fault, why: why.clone() },
    }
}

/// The end of one that gave no account: it never began, or was ended.
pub(super) fn without_account(stream: &Stream, exit: Exit, errors: &str) -> EndKind {
    let code = match exit {
        Exit::Signal(signal) => return EndKind::Signalled { signal },
        // What a shell and this program make of a signal.
        Exit::Code(code @ (130 | 143)) => return EndKind::Signalled { signal: code - 128 },
        Exit::Code(code) => code,
    };
    let lower = errors.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    let last = || bounded(errors.trim(), MAX_WHY).to_owned();
    if says(&["unknown option", "invalid value", "argument missing", "root/sudo", "invalid mcp", "invalid settings"]) {
        return EndKind::Failed { fault: Fault::Misconfigured, why: last() };
    }
    if says(&["not logged in", "/login", "invalid api key"]) {
        return EndKind::Failed { fault: Fault::Misconfigured, why: format!("{}: {LOGIN}", last()) };
    }
    if code != 0 {
        return EndKind::Exited { code };
    }
    match stream.retrying() {
        Some((fault, why)) => EndKind::Failed { fault: *fault, why: why.clone() },
        None => EndKind::Failed { fault: Fault::Transient, why: "it ended without an account of its end".to_owned() },
    }
}
