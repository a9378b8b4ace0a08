//! Findings as SARIF 2.1.0, which code scanning reads.

use serde_json::{Map, Value, json};

use crate::diagnostic::plain::{index_of, indices};
use crate::diagnostic::{ByteSpan, Code, Entry, Finding, LineIndex, Related, Severity, Sources};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What relative paths are relative to: the root of the checkout.
const ROOT: &str = "%SRCROOT%";

/// One log with one run. `entries` is the error index: what it says of a code becomes the help of a rule.
pub fn sarif<'e>(findings: &[Finding], sources: &Sources, entries: impl Iterator<Item = &'e Entry>) -> Value {
    let index = indices(sources);
    let entries: Vec<&Entry> = entries.collect();
    let mut codes: Vec<Code> = findings.iter().map(|finding| finding.code).collect();
    codes.sort();
    codes.dedup();
    let rules = codes.iter().map(|code| rule(*code, entries.iter().find(|entry| entry.code == *code).copied()));
    let results = findings.iter().map(|finding| {
        let at = codes.iter().position(|code| *code == finding.code);
        result(finding, at, index_of(&index, finding))
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "ai-sdlc",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { ROOT: { "description": { "text": "The root of the checkout." } } },
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn rule(code: Code, entry: Option<&Entry>) -> Value {
    let mut rule = Map::from_iter([("id".to_owned(), json!(code))]);
    if let Some(entry) = entry {
        rule.insert("shortDescription".to_owned(), json!({ "text": entry.meaning }));
        rule.insert("fullDescription".to_owned(), json!({ "text": entry.meaning }));
        rule.insert("help".to_owned(), json!({ "text": entry.help, "markdown": entry.markdown() }));
    }
    Value::Object(rule)
}

fn result(finding: &Finding, rule: Option<usize>, lines: &LineIndex<'_>) -> Value {
    let text = match &finding.help {
        Some(help) => format!("{}\n\nHelp: {help}", finding.message),
        None => finding.message.clone(),
    };
    let beside = |(id, related): (usize, &Related)| {
        json!({
            "id": id + 1,
            "message": { "text": related.label },
            "physicalLocation": place(&finding.file, related.span, lines),
        })
    };
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut result = Map::from_iter([
        ("ruleId".to_owned(), json!(finding.code)),
        ("level".to_owned(), json!(level)),
        ("message".to_owned(), json!({ "text": text })),
        ("locations".to_owned(), json!([{ "physicalLocation": place(&finding.file, finding.span, lines) }])),
    ]);
    if let Some(rule) = rule {
        result.insert("ruleIndex".to_owned(), json!(rule));
    }
    if !finding.related.is_empty() {
        let related: Vec<Value> = finding.related.iter().enumerate().map(beside).collect();
        result.insert("relatedLocations".to_owned(), Value::Array(related));
    }
    Value::Object(result)
}

fn place(file: &str, span: ByteSpan, lines: &LineIndex<'_>) -> Value {
    let (start, end) = lines.range(span);
    let artifact = if file.starts_with('/') {
        json!({ "uri": format!("file://{}", uri(file)) })
    } else {
        json!({ "uri": uri(file), "uriBaseId": ROOT })
    };
    json!({
        "artifactLocation": artifact,
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    })
}

/// A path as a URI: what it may not hold as it is, as percent and two digits a byte.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::codes;

    #[test]
    fn a_finding_has_rule_level_region_and_related_places() {
        let text = "[mission]\nnmae = \"ö\"\n".to_owned();
        let finding =
            Finding::error(codes::UNKNOWN_KEY, "a b/m.toml", ByteSpan { start: 10, end: 14 }, "unknown `nmae`")
                .with_help("did you mean `name`?")
                .with_related(ByteSpan { start: 0, end: 9 }, "in this table");
        let elsewhere = Finding::warning(codes::UNUSED_INPUT, "/etc/x.toml", ByteSpan::default(), "never used");
        let log = sarif(&[elsewhere, finding], &Sources::from([("a b/m.toml".to_owned(), text)]), codes::all());
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "mission::unknown-key");
        assert!(run["tool"]["driver"]["rules"][0]["help"]["markdown"].as_str().unwrap().contains("timout"));
        assert_eq!(
            run["results"],
            json!([
                {
                    "ruleId": "mission::unused-input",
                    "ruleIndex": 1,
                    "level": "warning",
                    "message": { "text": "never used" },
                    "locations": [{ "physicalLocation": {
                        "artifactLocation": { "uri": "file:///etc/x.toml" },
                        "region": { "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1 },
                    } }],
                },
                {
                    "ruleId": "mission::unknown-key",
                    "ruleIndex": 0,
                    "level": "error",
                    "message": { "text": "unknown `nmae`\n\nHelp: did you mean `name`?" },
                    "locations": [{ "physicalLocation": {
                        "artifactLocation": { "uri": "a%20b/m.toml", "uriBaseId": "%SRCROOT%" },
                        "region": { "startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 5 },
                    } }],
                    "relatedLocations": [{
                        "id": 1,
                        "message": { "text": "in this table" },
                        "physicalLocation": {
                            "artifactLocation": { "uri": "a%20b/m.toml", "uriBaseId": "%SRCROOT%" },
                            "region": { "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 10 },
                        },
                    }],
                },
            ])
        );
    }
}
