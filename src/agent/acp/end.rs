//! How a turn ended: by its answer, or by the error that came in its place.

use agent_client_protocol_schema::v1::StopReason;
use serde_json::Value;

use crate::agent::fault::{self, Clock};
use crate::agent::{Terminal, bounded};
use crate::kernel::fact::Fault;

/// Longest reason that is told.
const MAX_WHY: usize = 600;

/// The code of an answer to one who is not logged in.
const AUTH_REQUIRED: i64 = -32_000;
/// The code of an answer about what is not there.
const NOT_FOUND: i64 = -32_002;
/// Codes of an answer about a message of ours that is not understood.
const NOT_UNDERSTOOD: [i64; 3] = [-32_600, -32_601, -32_602];

/// The end that an answer tells.
pub(super) fn of_answer(answer: &Value, message: &str) -> Terminal {
    let reason = answer.get("stopReason").cloned().unwrap_or_default();
    let failed = |fault, why: &str| Terminal::Failed(fault, why.to_owned());
    match serde_json::from_value::<StopReason>(reason.clone()) {
        Ok(StopReason::EndTurn) => Terminal::Completed,
        Ok(StopReason::MaxTokens) => failed(Fault::OutOfTurns, "it came to its limit of tokens"),
        Ok(StopReason::MaxTurnRequests) => failed(Fault::OutOfTurns, "it came to its limit of requests in a turn"),
        Ok(StopReason::Refusal) => Terminal::Refused(refusal(message)),
        Ok(StopReason::Cancelled) => failed(Fault::Transient, "its turn was cancelled, by nobody here"),
        Ok(_) | Err(_) => failed(Fault::Transient, &format!("it ended its turn by `{}`", words(&reason))),
    }
}

fn refusal(message: &str) -> String {
    let told = bounded(message.trim(), MAX_WHY);
    if told.is_empty() { "it declined, without a word".to_owned() } else { told.to_owned() }
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| bounded(text, 100).to_owned())
}

/// Whether an answer that says `end_turn` is none: an error was its only message.
pub(super) fn disguised(answer: &Value, message: &str, clock: Clock) -> Option<Terminal> {
    let tells_use = answer.get("usage").is_some_and(Value::is_object);
    let is_end = answer.get("stopReason").and_then(Value::as_str) == Some("end_turn");
    let told: Value = serde_json::from_str(message.trim()).ok()?;
    let error = told.get("error").filter(|error| !error.is_null() && is_end && !tells_use)?;
    let why = error.get("message").and_then(Value::as_str).unwrap_or(message);
    let status = status(error.get("code").or_else(|| told.get("status")));
    Some(Terminal::Failed(fault::of(status, message, clock), bounded(why.trim(), MAX_WHY).to_owned()))
}

/// The end of a program that says itself that it is broken, whatever its turn says.
pub(super) fn broken(message: &str, clock: Clock) -> Terminal {
    let told = bounded(message.trim(), MAX_WHY);
    let why = if told.is_empty() { "it says that its system failed" } else { told };
    Terminal::Failed(fault::of(None, message, clock), why.to_owned())
}

/// What failed, by an error in place of an answer.
pub(super) fn of_error(error: &Value, clock: Clock) -> Terminal {
    let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
    let told = error.pointer("/data/message").or_else(|| error.get("message")).and_then(Value::as_str);
    let message = told.unwrap_or("it failed without a word");
    let (why, within) = unwrapped(message);
    let status = [error.pointer("/data/statusCode"), error.pointer("/data/status"), within.as_ref(), error.get("code")]
        .into_iter()
        .find_map(status)
        .or_else(|| after_mark(message));
    let name = ["errorKind", "errorName"].iter().find_map(|key| error.get("data")?.get(key)?.as_str());
    let details = error.pointer("/data/details").and_then(Value::as_str);
    let fault = match name.and_then(named) {
        Some(Fault::Limited { .. }) => Fault::Limited { reset: fault::reset(message, clock) },
        Some(fault) => fault,
        None if code == AUTH_REQUIRED => Fault::Misconfigured,
        None if status.is_none() && NOT_UNDERSTOOD.contains(&code) => Fault::Misconfigured,
        None => fault::of(status, &format!("{message} {}", details.unwrap_or_default()), clock),
    };
    let more = details.map(|details| format!(": {details}")).unwrap_or_default();
    Terminal::Failed(fault, bounded(&format!("{why}{more}"), MAX_WHY).to_owned())
}

/// Whether this error says that there is no such conversation.
pub(super) fn is_unknown(error: &Value) -> bool {
    error.get("code").and_then(Value::as_i64) == Some(NOT_FOUND) || fault::is_forgotten(&error.to_string())
}

/// The message of an error that is itself written as one, and its code.
fn unwrapped(message: &str) -> (String, Option<Value>) {
    let told: Value = serde_json::from_str(message.trim()).unwrap_or_default();
    let inner = told.pointer("/error/message").and_then(Value::as_str);
    let whole = message.strip_prefix("Internal error: ").unwrap_or(message);
    (inner.unwrap_or(whole).trim().to_owned(), told.pointer("/error/code").cloned())
}

/// The status of the service's answer.
fn status(value: Option<&Value>) -> Option<u16> {
    let value = value?;
    let status = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(status).ok().filter(|status| (400..600).contains(status))
}

/// A status in words that one program has for it.
fn after_mark(message: &str) -> Option<u16> {
    let (_, behind) = message.split_once("API Error: ")?;
    behind.get(..3)?.parse().ok().filter(|status| (400..600).contains(status))
}

/// What programs name their errors.
fn named(name: &str) -> Option<Fault> {
    let reset = crate::kernel::fact::Reset::Untold;
    match name {
        "rate_limit" | "usage_limit" | "RateLimitError" => Some(Fault::Limited { reset }),
        "authentication_failed"
        | "oauth_org_not_allowed"
        | "billing_error"
        | "model_not_found"
        | "ProviderAuthError"
        | "ProviderInitError"
        | "ProviderModelNotFoundError" => Some(Fault::Misconfigured),
        "max_output_tokens" | "MessageOutputLengthError" | "ContextOverflowError" => Some(Fault::OutOfTurns),
        "server_error" | "overloaded" => Some(Fault::Transient),
        _ => None,
    }
}
