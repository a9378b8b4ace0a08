//! A TOML text as a tree of values in file order, and where in the text each of them stands.
//!
//! Places are named by JSON pointers (`/tasks/build/needs/0`), which is also how the schema validator names them.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::ByteSpan;

/// A parsed text.
#[derive(Debug)]
pub struct Document<'t> {
    text: &'t str,
    table: Spanned<DeTable<'t>>,
    /// Pointers of what is called otherwise in the text, with those that it has there.
    taken_as: Vec<(String, String)>,
}

/// A syntax error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: ByteSpan,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Its key; an element of a list and the whole file have none.
    pub key: Option<ByteSpan>,
    /// Its value; for a table with a header, the header.
    pub value: ByteSpan,
}

impl Spot {
    /// The key where there is one, else the value.
    pub fn name(&self) -> ByteSpan {
        self.key.unwrap_or(self.value)
    }
}

impl<'t> Document<'t> {
    /// Parses; several syntax errors are found at once.
    pub fn parse(text: &'t str) -> (Self, Vec<SyntaxError>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut errors: Vec<SyntaxError> = errors
            .iter()
            .map(|error| SyntaxError {
                message: error.message().to_owned(),
                span: bytes(&error.span().unwrap_or(text.len()..text.len())),
            })
            .collect();
        errors.sort_by_key(|error| error.span.start);
        // What follows in the same line is mostly the parser's confusion over the first.
        errors.dedup_by(|later, earlier| {
            let between = text.get(earlier.span.start..later.span.start).unwrap_or_default();
            !between.contains('\n')
        });
        (Self { text, table, taken_as: Vec::new() }, errors)
    }

    /// From now on `meant` stands where `written` does: a misspelt key, taken as the one that was meant.
    pub fn take_as(&mut self, meant: String, written: String) {
        self.taken_as.push((meant, written));
    }

    /// The text it was parsed from.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The whole as JSON values, keys in file order, and the numbers that JSON cannot say.
    ///
    /// Dates and times become text: the language has none.
    pub fn to_value(&self) -> (Value, Vec<ByteSpan>) {
        let mut bad = Vec::new();
        let value = table_value(self.table.get_ref(), &mut bad);
        (value, bad)
    }

    /// Where the value of a pointer stands; of one that does not exist, its nearest ancestor.
    pub fn spot(&self, pointer: &str) -> Spot {
        let mut spot = Spot { key: None, value: ByteSpan::default() };
        let written = self.taken_as.iter().find_map(|(meant, written)| {
            let inner = pointer.strip_prefix(meant.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
            Some(format!("{written}{inner}"))
        });
        let pointer = written.as_deref().unwrap_or(pointer);
        let mut parts = pointer.split('/').skip(1).map(unescape);
        let Some(mut found) = parts.next().and_then(|part| enter(self.table.get_ref(), &part, &mut spot)) else {
            return spot;
        };
        for part in parts {
            let next = match found {
                DeValue::Table(table) => enter(table, &part, &mut spot),
                DeValue::Array(list) => part.parse::<usize>().ok().and_then(|at| list.get(at)).map(|value| {
                    spot = Spot { key: None, value: bytes(&value.span()) };
                    value.get_ref()
                }),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_) => None,
            };
            let Some(value) = next else { return spot };
            found = value;
        }
        spot
    }
}

/// A JSON pointer of keys that may hold anything.
pub fn pointer<'k>(keys: impl IntoIterator<Item = &'k str>) -> String {
    let mut pointer = String::new();
    for key in keys {
        pointer.push('/');
        pointer.push_str(&escape(key));
    }
    pointer
}

/// A key as a part of a JSON pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A part of a JSON pointer as the key it stands for.
pub fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

fn enter<'v, 't>(table: &'v DeTable<'t>, key: &str, spot: &mut Spot) -> Option<&'v DeValue<'t>> {
    let (key, value) = table.get_key_value(key)?;
    *spot = Spot { key: Some(bytes(&key.span())), value: bytes(&value.span()) };
    Some(value.get_ref())
}

fn bytes(range: &Range<usize>) -> ByteSpan {
    ByteSpan { start: range.start, end: range.end }
}

fn table_value(table: &DeTable<'_>, bad: &mut Vec<ByteSpan>) -> Value {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut map = Map::with_capacity(entries.len());
    for (key, value) in entries {
        map.insert(key.get_ref().clone().into_owned(), one_value(value, bad));
    }
    Value::Object(map)
}

fn one_value(value: &Spanned<DeValue<'_>>, bad: &mut Vec<ByteSpan>) -> Value {
    let number = match value.get_ref() {
        DeValue::String(text) => return Value::String(text.clone().into_owned()),
        DeValue::Boolean(flag) => return Value::Bool(*flag),
        DeValue::Datetime(moment) => return Value::String(moment.to_string()),
        DeValue::Array(list) => return list.iter().map(|item| one_value(item, bad)).collect(),
        DeValue::Table(table) => return table_value(table, bad),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(Number::from),
        DeValue::Float(float) => float.as_str().parse::<f64>().ok().and_then(Number::from_f64),
    };
    number.map_or_else(
        || {
            bad.push(bytes(&value.span()));
            Value::from(0)
        },
        Value::Number,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# top\n[tasks.build]\nneeds = [\"a\", \"b\"]\nenv = { \"X/Y~Z\" = \"1\" }\nretry.max = 2\n\n[tasks.build.outputs]\nx = \"string\"\n";

    fn at(pointer: &str) -> (Option<&'static str>, &'static str) {
        let (document, errors) = Document::parse(TEXT);
        assert_eq!(errors, []);
        let spot = document.spot(pointer);
        (spot.key.map(|span| &TEXT[span.start..span.end]), &TEXT[spot.value.start..spot.value.end])
    }

    #[test]
    fn keys_and_values_are_found_by_pointer() {
        assert_eq!(at("/tasks/build/needs"), (Some("needs"), "[\"a\", \"b\"]"));
        assert_eq!(at("/tasks/build/needs/1"), (None, "\"b\""));
        assert_eq!(at("/tasks/build/env/X~1Y~0Z"), (Some("\"X/Y~Z\""), "\"1\""));
        assert_eq!(at("/tasks/build/retry/max"), (Some("max"), "2"));
        assert_eq!(at("/tasks/build"), (Some("build"), "[tasks.build]"));
    }

    #[test]
    fn what_is_not_there_is_its_nearest_ancestor() {
        assert_eq!(at("/tasks/build/needs/7/x"), (Some("needs"), "[\"a\", \"b\"]"));
        assert_eq!(at("/nothing"), (None, ""));
        assert_eq!(at(""), (None, ""));
    }

    #[test]
    fn what_is_taken_for_another_key_stands_where_it_is_written() {
        let text = "[tasks.build]\nretri = { max = 2 }\nneeds = []\n";
        let (mut document, _) = Document::parse(text);
        document.take_as("/tasks/build/retry".to_owned(), "/tasks/build/retri".to_owned());
        let shown = |pointer: &str| {
            let spot = document.spot(pointer);
            &text[spot.name().start..spot.name().end]
        };
        assert_eq!(shown("/tasks/build/retry"), "retri");
        assert_eq!(shown("/tasks/build/retry/max"), "max");
        assert_eq!(shown("/tasks/build/retry_of"), "build", "only whole names");
        assert_eq!(shown("/tasks/build/needs"), "needs");
    }

    #[test]
    fn keys_keep_the_order_of_the_file() {
        let (document, _) = Document::parse("b = 1\na = 2\n[z]\n[c]\n");
        let (value, bad) = document.to_value();
        assert_eq!(value.to_string(), r#"{"b":1,"a":2,"z":{},"c":{}}"#);
        assert_eq!(bad, []);
    }

    #[test]
    fn numbers_that_json_cannot_say_are_told() {
        let (document, _) =
            Document::parse("a = nan\nb = 99999999999999999999\nc = 0xff\nd = 1_000.5\ne = +7\nf = -0x1\n");
        let (value, bad) = document.to_value();
        assert_eq!(bad.len(), 2, "{bad:?}");
        assert_eq!(value["c"], 255);
        assert_eq!(value["d"], 1000.5);
        assert_eq!(value["e"], 7);
    }

    #[test]
    fn several_syntax_errors_at_once() {
        let (_, errors) = Document::parse("a = \nb = 1\nc = [1\nd = \"x\n");
        assert!(errors.len() >= 2, "{errors:?}");
    }
}
