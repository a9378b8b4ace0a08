//! Lengths of time as people write them: `45s`, `1h30m`, `2 hours`, `PT1H`.

use std::borrow::Cow;

use jiff::{Span, SpanRelativeTo};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::amount::Millis;

/// How to write one.
pub const HINT: &str = "write it like `45s`, `30m` or `1h30m`";

/// A length of time as written; [`parse`] reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DurationText(pub String);

impl JsonSchema for DurationText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["45s", "1h30m"], "x-hint": HINT })
    }
}

/// Longest accepted.
const YEAR: Millis = Millis::from_secs(366 * 24 * 3600);

/// Reads one; a day is 24 hours. The error says what is wrong, in words for people.
pub fn parse(text: &str) -> Result<Millis, String> {
    let span: Span = text.parse().map_err(|_| format!("`{text}` is not a length of time"))?;
    let length =
        span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| format!("`{text}` has no fixed length"))?;
    let millis = u64::try_from(length.as_millis()).map_err(|_| format!("`{text}` is negative"))?;
    match Millis(millis) {
        Millis::ZERO => Err(format!("`{text}` is no time at all")),
        length if length > YEAR => Err(format!("`{text}` is more than a year")),
        length => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, millis) in [
            ("45s", 45_000),
            ("30m", 1_800_000),
            ("1h30m", 5_400_000),
            ("90m", 5_400_000),
            ("2 hours", 7_200_000),
            ("PT1H", 3_600_000),
            ("450ms", 450),
            ("1d", 86_400_000),
            ("1.5h", 5_400_000),
        ] {
            assert_eq!(parse(text), Ok(Millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in ["", "5", "s", "0s", "-5m", "five minutes", "1 month", "99999999999h", "500 days"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
