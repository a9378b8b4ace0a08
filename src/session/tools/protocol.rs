//! What is said at a session's socket: one request a connection, one answer, each a JSON object on a line.
//!
//! ```json
//! {"tool":"run-skill","name":"test-runner","parameters":{"filter":"api"}}
//! {"done":{"exit":0,"stdout":"3 passed\n","stderr":"","truncated":false,"duration_ms":812}}
//! ```
//! Keys that nobody knows are passed over.

#![expect(missing_docs, reason = "the fields of a variant are told by the variant and by their types")]

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest request, in bytes: a handoff of which every character is escaped.
pub const MAX_REQUEST: usize = 512 << 10;
/// Longest answer, in bytes.
pub const MAX_ANSWER: usize = 8 << 20;

/// Something asked of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "tool")]
pub enum Request {
    /// Which skills the session has, those that fit a text first.
    DiscoverSkills {
        #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
        about: Option<String>,
    },
    /// Run a skill that has a handler.
    RunSkill {
        name: String,
        #[serde(default)]
        parameters: Map<String, Value>,
    },
    /// Say what the session is doing.
    ReportProgress { text: String },
    /// Leave the handoff, whole.
    WriteHandoff { text: String },
    /// What tasks before this one handed over.
    ReadHandoff {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
    },
}

/// What the host says to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It was done.
    Done(Outcome),
    /// It was not, and why.
    Refused(String),
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// A skill's handler ended.
    Ran(Ran),
    /// The skills there are.
    Skills { skills: Vec<Offered> },
    /// The handoff lies where it belongs; `problems`: what of it will not be understood or is missing.
    Written { written: String, problems: Vec<String> },
    /// Documents.
    Documents { documents: Vec<Document> },
    /// It is noted.
    Noted { noted: String },
}

/// A skill that the session has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offered {
    /// Its name.
    pub name: String,
    /// When to use it.
    pub description: String,
    /// Where its text is.
    pub read: String,
    /// Whether it can be run by this session.
    pub runs: bool,
    /// Why it cannot, where it has something to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// JSON Schema of what it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
}

/// What a task handed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Which.
    pub task: String,
    /// Its handoff.
    pub text: String,
}

/// How a skill's handler ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ran {
    /// Its exit code; `None`: a signal ended it, or its time was over.
    pub exit: Option<i32>,
    /// Whether its time was over.
    #[serde(default)]
    pub timed_out: bool,
    /// The end of what it printed.
    pub stdout: String,
    /// The end of what it complained of.
    pub stderr: String,
    /// Whether the beginning of one of them was cut off.
    pub truncated: bool,
    /// How long it took.
    pub duration_ms: u64,
}

/// Reads a request. What it is not is told in words for the one who sent it.
pub fn parse(line: &[u8]) -> Result<Request, String> {
    if line.len() > MAX_REQUEST {
        return Err(format!("the request is longer than {} KiB", MAX_REQUEST >> 10));
    }
    serde_json::from_slice(line).map_err(|error| format!("this is no request: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_are_read_with_what_is_left_out_and_what_is_unknown() {
        let read = |value: Value| parse(value.to_string().as_bytes());
        assert_eq!(read(json!({ "tool": "discover-skills" })), Ok(Request::DiscoverSkills { about: None }));
        assert_eq!(
            read(json!({ "tool": "run-skill", "name": "a", "id": 7 })),
            Ok(Request::RunSkill { name: "a".to_owned(), parameters: Map::new() })
        );
        assert_eq!(read(json!({ "tool": "read-handoff", "task": null })), Ok(Request::ReadHandoff { task: None }));
    }

    #[test]
    fn what_is_no_request_is_said_so() {
        for bad in [
            b"".as_slice(),
            b"{}",
            b"[1]",
            b"{\"tool\":\"rm\"}",
            b"{\"tool\":\"run-skill\",\"name\":\"a\",\"parameters\":[]}",
            b"\xff\xfe",
            b"{\"tool\":\"report-progress\",\"text\":7}",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        let deep = format!("{{\"tool\":\"run-skill\",\"name\":\"a\",\"parameters\":{}", "{\"a\":".repeat(100_000));
        assert!(parse(deep.as_bytes()).is_err());
        assert!(parse(&vec![b' '; MAX_REQUEST + 1]).unwrap_err().contains("512 KiB"));
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let ran = Ran {
            exit: Some(1),
            timed_out: false,
            stdout: "a\n".to_owned(),
            stderr: String::new(),
            truncated: true,
            duration_ms: 3,
        };
        for answer in [
            Answer::Done(Outcome::Ran(ran)),
            Answer::Done(Outcome::Skills { skills: Vec::new() }),
            Answer::Done(Outcome::Written { written: "x".to_owned(), problems: Vec::new() }),
            Answer::Done(Outcome::Documents { documents: Vec::new() }),
            Answer::Done(Outcome::Noted { noted: "x".to_owned() }),
            Answer::Refused("no".to_owned()),
        ] {
            let text = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer, "{text}");
        }
    }
}
