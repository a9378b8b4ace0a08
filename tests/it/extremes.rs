//! Deep and long input of every kind: nothing overflows the stack, and nothing takes more than its length is worth.

use std::time::{Duration, Instant};

use crate::bodies::ALL;

/// Deeper than any stack holds that follows it: threads of tests have two megabytes.
const DEEP: usize = 2_500;
/// A text of so many bytes, mostly.
const LONG: usize = 2_500;
/// Of processor time. Generous: this is for what grows with the square of the length, or worse.
const LIMIT: Duration = Duration::from_secs(10);

/// Processor time of this thread, where the system tells it.
fn worked(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split_ascii_whitespace().next()?.parse().ok());
    nanos.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// What makes text deep or long, with what closes it, and what may stand around it in each kind of input.
fn nested() -> Vec<String> {
    let pairs = [
        ("[", "]"),
        ("{\"a\":", "}"),
        ("{a=", "}"),
        ("(", ")"),
        ("{", "}"),
        ("{a,", "}"),
        ("!", ""),
        ("-", ""),
        ("a.", ""),
        ("a[", "]"),
        ("a?", ":b"),
        ("{{#if a}}", "{{/if}}"),
        ("{{#each a}}", "{{/each}}"),
        ("{{", "}}"),
        ("(eq ", ")"),
        ("- ", ""),
        ("? ", ""),
        (">", ""),
        ("&a ", ""),
        ("a: ", ""),
        ("```handoff\n", "```\n"),
        ("\u{1b}[", ""),
        ("\0", ""),
        ("\n", ""),
        ("x", ""),
        ("a/", ""),
        ("*/", ""),
        ("**/", ""),
        ("[a-z]", ""),
        ("\\", ""),
        ("a=\"\"\"\n", ""),
        ("[a.b]\n", ""),
        ("[[a]]\n", ""),
        ("a.b=1\n", ""),
    ];
    let closed = pairs.iter().filter(|(_, close)| !close.is_empty());
    let open = pairs.iter().map(|(open, _)| open.repeat((LONG / open.len()).min(DEEP)));
    let closed = closed.map(|(open, close)| format!("{}1{}", open.repeat(DEEP), close.repeat(DEEP)));
    open.chain(closed).collect()
}

/// Where it stands in an input of this kind.
fn around(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "mission" => &[
            ("", ""),
            ("[mission]\nname=\"m\"\n[tasks.a]\nrun=\"x\"\nenv=", "\n"),
            ("[mission]\nname=\"m\"\n[tasks.a]\nrun='", "'\n"),
            ("[mission]\nname=\"m\"\n[tasks.a]\nrun='x'\nwhen='", "'\n"),
            ("[mission]\nname=\"m\"\n[tasks.a]\nrun='x'\ntouches=['", "']\n"),
            ("[mission]\nname=\"m\"\n[tasks.a]\nprompt='x'\nrole='qa-engineer'\noutputs.a=", "\n"),
        ],
        "config" | "scenario" => &[("", ""), ("a = ", "\n")],
        "role" => &[
            ("", ""),
            ("---\ndescription: x\n---\n", ""),
            ("---\ndescription: ", "\n---\n"),
            ("---\nvars:\n  a: ", "\n---\n"),
        ],
        "skill" => &[
            ("", ""),
            ("---\nname: fuzzed\ndescription: x\n---\n", ""),
            ("---\nname: fuzzed\ndescription: x\n---\n\n===\na = ", "\n"),
        ],
        "story" => &[
            ("", ""),
            ("---\nid: a\ntitle: b\nstatus: ready\n---\n# Acceptance criteria\n- [ ] c\n", ""),
            ("---\nid: a\ntitle: b\ndependencies: ", "\n---\n"),
        ],
        "expression" => &[("", ""), ("inputs.count + ", ""), ("[1].map(a, ", ")")],
        "handoff" => &[
            ("", ""),
            ("---\nstatus: done\nsummary: ", "\n---\n"),
            ("{\"outputs\":{\"parts\":", "}}"),
            ("```handoff\noutputs: ", "\n```"),
        ],
        "words" => &[
            ("names\n", ""),
            ("duration\n", "s"),
            ("amounts\n", ""),
            ("globs\n", "\n\na/**\n\na"),
            ("template\n", ""),
            ("template\n{{#if ", "}}{{/if}}"),
            ("shape\n", "\n\n[]"),
            ("shape\n\"object\"\n\n", ""),
            ("inputs\na_array=", ""),
            ("arguments\n", ""),
        ],
        "plan" => &[
            ("", ""),
            ("0\n/inputs/feature ", ""),
            ("1\n/tasks/build/when \"", "\""),
            ("0\n/tasks/build/touches [\"", "\"]"),
        ],
        "journal" => &[
            ("0\n{\"type\":\"note\",\"task\":null,\"text\":\"", "\"}"),
            ("0\n{\"type\":\"outputs-known\",\"task\":\"plan\",\"outputs\":{\"parts\":", "}}"),
            ("1\n>", ""),
        ],
        "records" => &[
            ("lines\n", ""),
            ("note\n", ""),
            ("lock\n", ""),
            ("head\n", ""),
            ("worktree\n", ""),
            ("entry\n", ""),
            ("stat\n", ""),
        ],
        "git" => &[
            ("changes\n", ""),
            ("tree\n", ""),
            ("worktrees\n", ""),
            ("filters\n", ""),
            ("files\n", ""),
            ("version\n", ""),
        ],
        "streams" => &[
            ("rehearsal 1\n", ""),
            ("command 3 1\n", ""),
            ("claude-code 3\n{\"type\":\"assistant\",\"message\":{\"content\":", "}}"),
            ("codex 3\n{\"type\":\"item.completed\",\"item\":", "}"),
            ("gemini 3\n{\"type\":\"message\",\"content\":\"", "\"}"),
            ("opencode 3\n{\"type\":\"error\",\"error\":", "}"),
            ("acp 3\n{\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":", "}"),
            ("mask 1\nsecret\t", "\nx"),
            ("mask 1\nxxxxxx\ta/a/a/a/\n", ""),
            ("output 90 1\n", ""),
            ("shown 40\n", ""),
        ],
        "tools" => &[
            ("", ""),
            ("{\"tool\":\"report-progress\",\"text\":\"", "\"}"),
            ("{\"tool\":\"run-skill\",\"name\":\"a\",\"parameters\":{\"a\":", "}}"),
        ],
        other => panic!("{other} has no place for it"),
    }
}

#[test]
fn nothing_is_too_deep_or_too_long() {
    let texts = nested();
    let (start, mut slow) = (Instant::now(), Vec::new());
    for (name, body) in ALL {
        for (before, after) in around(name) {
            for text in &texts {
                let input = format!("{before}{text}{after}");
                let before_it = worked(start);
                body(input.as_bytes());
                let took = worked(start).saturating_sub(before_it);
                if took > LIMIT {
                    let shown: String = text.chars().take(20).collect();
                    slow.push(format!("{took:?}: {name}, {before:?}, {shown:?}…, {} bytes", input.len()));
                }
            }
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}
