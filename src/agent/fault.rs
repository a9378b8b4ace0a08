//! What the words of a service mean that a program passes on: what failed, and when a limit ends.

use std::time::Duration;

use jiff::{Span, Timestamp, Zoned, civil};

use crate::agent::bounded;
use crate::amount::{Millis, WallTime};
use crate::kernel::fact::{EndKind, Fault, Reset};

/// The clock of this machine in its time zone: some programs tell a limit's end as a time of the day.
pub(super) type Clock = fn() -> Zoned;

/// Words of a conversation that has become too long.
const TOO_LONG: [&str; 7] = [
    "context window",
    "context length",
    "context_length",
    "maximum context",
    "prompt is too long",
    "exceeds the maximum number of tokens",
    "output limit",
];

/// Words of a limit.
const LIMITED: [&str; 10] = [
    "rate limit",
    "rate_limit",
    "usage limit",
    "usage_limit",
    "too many requests",
    "quota",
    "resource_exhausted",
    "resource exhausted",
    "out of credits",
    "credit balance",
];

/// Words of a login, a model or an argument that is wrong.
const MISCONFIGURED: [&str; 18] = [
    "api key",
    "api_key",
    "apikey",
    "unauthorized",
    "unauthenticated",
    "authentication",
    "auth method",
    "not logged in",
    "log in",
    "permission_denied",
    "missing environment variable",
    "invalid_request_error",
    "invalid_argument",
    "model not found",
    "model is not supported",
    "not supported when using",
    "modelnotfound",
    "unsupported model",
];

/// Words of programs that do not know the conversation that they were to go on with.
const FORGOTTEN: [&str; 5] = [
    "no conversation found",
    "no rollout found for thread",
    "no previous sessions found",
    "error resuming session",
    "session not found",
];

/// Whether a program says that it does not know the conversation that it was to go on with.
pub(super) fn is_forgotten(words: &str) -> bool {
    let words = words.to_lowercase();
    FORGOTTEN.iter().any(|any| words.contains(any))
}

/// The end of a session that was to go on with a conversation that its program does not know: a next one begins its own.
pub(super) fn forgotten(words: &str) -> EndKind {
    let line = words.lines().find(|line| is_forgotten(line)).unwrap_or(words).trim();
    let why = format!("its program does not know the conversation any more: {}", bounded(line, 600));
    EndKind::Failed { fault: Fault::OutOfContext, why }
}

/// What failed, by the status the service answered with, as far as it is known, and its words.
pub(super) fn of(status: Option<u16>, text: &str, clock: Clock) -> Fault {
    let words = text.to_lowercase();
    let has = |any: &[&str]| any.iter().any(|word| words.contains(word));
    let limited = || Fault::Limited { reset: reset(text, clock) };
    match status.or_else(|| status_in(&words)) {
        Some(429 | 402) => limited(),
        Some(408 | 409 | 425 | 499 | 500..) => Fault::Transient,
        _ if has(&TOO_LONG) => Fault::OutOfContext,
        Some(413) => Fault::OutOfContext,
        _ if has(&LIMITED) => limited(),
        Some(400..) => Fault::Misconfigured,
        Some(_) | None if has(&MISCONFIGURED) => Fault::Misconfigured,
        Some(_) | None => Fault::Transient,
    }
}

/// Whether these words alone tell that login, model or arguments are wrong.
pub(super) fn is_misconfigured(text: &str) -> bool {
    let words = text.to_lowercase();
    MISCONFIGURED.iter().any(|word| words.contains(word))
}

/// The status of an answer that went wrong, where the words hold it.
fn status_in(words: &str) -> Option<u16> {
    ["status: ", "status ", "status code ", "\"code\":", "\"code\": "].iter().find_map(|mark| {
        let (_, behind) = words.split_once(mark)?;
        let status: u16 = behind.get(..3)?.parse().ok()?;
        let ends = !behind.get(3..)?.starts_with(|next: char| next.is_ascii_digit());
        ((400..600).contains(&status) && ends).then_some(status)
    })
}

/// When a limit ends, as far as these words tell.
pub(super) fn reset(text: &str, clock: Clock) -> Reset {
    let words = text.to_lowercase();
    let behind = |mark: &str| words.find(mark).and_then(|at| words.get(at + mark.len()..));
    let after =
        ["again in ", "retry in ", "retry after ", "resets in ", "reset in ", "reset after ", "retrydelay\":\""];
    if let Some(wait) = after.iter().find_map(|mark| length(behind(mark)?)) {
        return Reset::After { wait };
    }
    let at = ["again at ", "resets at ", "reset at ", "available at "];
    match at.iter().find_map(|mark| moment(behind(mark)?, clock)) {
        Some(wall) => Reset::At { wall },
        None => Reset::Untold,
    }
}

/// A length of time at the beginning of a text: `11.05s`, `2h 5m`, `3 days 2 hours and 5 minutes`; a bare number is seconds.
pub(super) fn length(text: &str) -> Option<Millis> {
    let mut rest = text.trim_start();
    let mut sum = None;
    loop {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, behind) = rest.split_at_checked(number)?;
        let Ok(count) = digits.trim_end_matches('.').parse::<f64>() else { return sum };
        let spaced = behind.trim_start_matches(' ');
        let letters = spaced.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(spaced.len());
        let (unit, behind) = spaced.split_at_checked(letters)?;
        let seconds = match unit {
            "ms" | "millisecond" | "milliseconds" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
            "d" | "day" | "days" => 86_400.0,
            _ if sum.is_none() => 1.0,
            _ => return sum,
        };
        let more = Millis::from(Duration::try_from_secs_f64(count * seconds).ok()?);
        sum = Some(sum.map_or(more, |sum| sum + more));
        let next = behind.trim_start_matches([' ', ',']);
        rest = next.strip_prefix("and ").unwrap_or(next).trim_start();
    }
}

/// A moment at the beginning of a text in small letters: RFC 3339, `11:12 pm`, `nov 23rd, 2026 11:02 pm`. What is told
/// to the minute is over when that minute is.
fn moment(text: &str, clock: Clock) -> Option<WallTime> {
    let first = text.split_whitespace().next()?.trim_end_matches(['.', ',', ')']).to_uppercase();
    if let Ok(at) = first.parse::<Timestamp>() {
        return Some(WallTime(at.as_millisecond()));
    }
    let end = [" am", " pm"].iter().filter_map(|half| text.find(half)).min()?;
    let told = text.get(..end + 3)?;
    let now = clock();
    let whole_minute = Span::new().minutes(1);
    let at = if let Ok(time) = civil::Time::strptime("%I:%M %p", told) {
        let today = now.with().time(time).build().ok()?.checked_add(whole_minute).ok()?;
        if today > now { today } else { today.checked_add(Span::new().days(1)).ok()? }
    } else {
        let plain = ["st,", "nd,", "rd,", "th,"].iter().fold(told.to_owned(), |told, end| told.replacen(end, ",", 1));
        let date = civil::DateTime::strptime("%b %d, %Y %I:%M %p", plain).ok()?;
        date.to_zoned(now.time_zone().clone()).ok()?.checked_add(whole_minute).ok()?
    };
    Some(WallTime(at.timestamp().as_millisecond()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Ten to eleven in the evening in Berlin.
    pub(in crate::agent) fn evening() -> Zoned {
        "2026-11-21T22:50:00+01:00[Europe/Berlin]".parse().unwrap()
    }

    fn at(text: &str) -> String {
        match reset(text, evening) {
            Reset::Untold => "untold".to_owned(),
            Reset::After { wait } => format!("after {}", wait.0),
            Reset::At { wall } => wall.to_string(),
        }
    }

    #[test]
    fn the_end_of_a_limit_is_read_from_its_words() {
        for (text, expected) in [
            ("You've hit your usage limit. Try again in 2h 5m.", "after 7500000"),
            ("try again in 3 days 2 hours and 5 minutes", "after 266700000"),
            ("Rate limit reached. Please try again in 11.054s.", "after 11054"),
            ("Please try again in 6m0s", "after 360000"),
            ("please try again in 250ms.", "after 250"),
            ("Please retry in 3600.5s.", "after 3600500"),
            ("Your quota will reset after 14h23m5s.", "after 51785000"),
            ("Retry after 30", "after 30000"),
            ("{\"retryDelay\":\"17s\"}", "after 17000"),
            ("purchase more credits or try again at 11:12 PM.", "2026-11-21T22:13:00Z"),
            ("try again at 3:04 AM.", "2026-11-22T02:05:00Z"),
            ("try again at 10:50 PM.", "2026-11-21T21:51:00Z"),
            ("or try again at Nov 23rd, 2026 11:02 PM.", "2026-11-23T22:03:00Z"),
            ("try again at Dec 1st, 2026 9:02 AM.", "2026-12-01T08:03:00Z"),
            ("it resets at 2026-11-21T23:30:00Z.", "2026-11-21T23:30:00Z"),
            ("Try again later.", "untold"),
            ("try again in a moment", "untold"),
            ("try again in 99999999999999999999999999 hours", "untold"),
            ("try again at noon, or in pm", "untold"),
            ("", "untold"),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn a_status_counts_more_than_words() {
        let untold = Fault::Limited { reset: Reset::Untold };
        for (status, text, expected) in [
            (Some(429), "", untold),
            (Some(402), "insufficient funds", untold),
            (Some(503), "the model is overloaded, check your quota", Fault::Transient),
            (Some(400), "This model's maximum context length is 10 tokens", Fault::OutOfContext),
            (Some(400), "Your credit balance is too low", untold),
            (Some(400), "bad request", Fault::Misconfigured),
            (Some(413), "", Fault::OutOfContext),
            (Some(404), "", Fault::Misconfigured),
            (None, "unexpected status 401 Unauthorized: x", Fault::Misconfigured),
            (None, "last status: 429 Too Many Requests", untold),
            (None, "{\"error\":{\"code\":503,\"message\":\"x\"}}", Fault::Transient),
            (None, "status 4290", Fault::Transient),
            (None, "fetch failed", Fault::Transient),
            (None, "Quota exceeded. Check your plan and billing details.", untold),
            (None, "Missing environment variable: `KEY`.", Fault::Misconfigured),
        ] {
            assert_eq!(of(status, text, evening), expected, "{status:?} {text}");
        }
    }
}
