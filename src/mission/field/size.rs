//! Amounts of disk space as people write them: `20 GB`, `500MiB`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// How to write one.
pub const HINT: &str = "write it like `20 GB` or `500 MiB`";

/// An amount of disk space as written; [`parse`] reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SizeText(pub String);

impl JsonSchema for SizeText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["20 GB", "500 MiB"], "x-hint": HINT })
    }
}

/// By how much a unit multiplies.
const UNITS: [(&str, u64); 9] = [
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// Reads one, in bytes; up to three digits after the point. The error says what is wrong, in words for people.
pub fn parse(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let no_size = || format!("`{text}` is not an amount of disk space");
    let end =
        trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(|| format!("`{text}` has no unit"))?;
    let (number, unit) = trimmed.split_at(end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(no_size)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || part.is_empty() || part.len() > 3 || part.contains('.') {
        return Err(no_size());
    }
    let thousandths: u64 = format!("{part:0<3}").parse().map_err(|_| no_size())?;
    let whole: u64 = whole.parse().map_err(|_| no_size())?;
    let too_much = || format!("`{text}` is more than a disk can hold");
    let bytes = whole.checked_mul(*factor).filter(|bytes| *bytes <= 1 << 60).ok_or_else(too_much)?;
    Ok(bytes + thousandths * (factor / 1_000).max(1) * u64::from(*factor > 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_people_write_them() {
        for (text, bytes) in [
            ("20 GB", 20_000_000_000),
            ("20GB", 20_000_000_000),
            ("1.5 gb", 1_500_000_000),
            ("500 MiB", 500 << 20),
            ("0 B", 0),
            ("7 kB", 7_000),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "20", "GB", "-1 GB", "1.2.3 GB", "20 parsecs", "99999999999 TB", ". GB", "1.1234 GB", "1e3 MB"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
