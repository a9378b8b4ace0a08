//! What real programs said, turn by turn, and what is answered.

use std::fs;

use serde_json::{Value, json};

use super::Acp;
use super::session::Session;
use crate::agent::fault::tests::evening;
use crate::agent::tests::spec;
use crate::agent::{Backend as _, Exit, Reader as _, Said, SessionSpec, Stdin, Stream};
use crate::amount::{Cost, TokenUse, Usage, Usd};
use crate::kernel::fact::{EndKind, Fault};
use crate::mission::model::{BackendKind, Permissions};

mod ending;
mod leave;
mod opening;

fn acp() -> SessionSpec {
    let mut spec = spec();
    spec.agent.backend = BackendKind::Acp;
    spec.agent.command = vec!["agent".to_owned(), "--acp".to_owned()];
    spec.path = "/repo".into();
    spec.model = None;
    spec
}

/// What a program said to us and we to it.
struct Told {
    said: Vec<Said>,
    stream: Stream,
    sent: Vec<Value>,
    end: EndKind,
}

/// Plays against a program.
struct Play {
    reader: Session,
    said: Vec<Said>,
    sent: Vec<Value>,
}

impl Play {
    fn of(spec: &SessionSpec) -> Self {
        Self { reader: Session::of(spec, evening), said: Vec::new(), sent: Vec::new() }
    }

    fn line(&mut self, message: &Value) {
        for said in self.reader.line(&message.to_string()) {
            if let Said::Send(line) = &said {
                self.sent.push(serde_json::from_str(line).unwrap());
            }
            self.said.push(said);
        }
    }

    /// The number of the last request of this method.
    fn number(&self, method: &str) -> Option<i64> {
        self.sent.iter().rev().find(|sent| sent["method"] == method)?["id"].as_i64()
    }

    /// Answers what is set, until the prompt was sent.
    fn set(&mut self) {
        while let Some(last) = self.sent.last().filter(|sent| sent["method"].to_string().contains("session/set")) {
            let answer = json!({ "jsonrpc": "2.0", "id": last["id"], "result": {} });
            self.line(&answer);
        }
    }

    fn finish(mut self) -> Told {
        let mut stream = Stream::default();
        for said in &self.said {
            stream.note(said);
        }
        let end = self.reader.ended(&stream, Exit::Code(0), "");
        Told { said: self.said, stream, sent: self.sent, end }
    }
}

fn transcript(case: &str) -> Vec<(bool, Value)> {
    let text = fs::read_to_string(format!("tests/fixtures/agents/acp/{case}.ndjson")).unwrap();
    let line = |line: &str| -> (bool, Value) {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["dir"] == "<-", line["msg"].clone())
    };
    text.lines().map(line).collect()
}

/// Plays the opening of a transcript and one of its turns, 0 the first.
fn turn(spec: &SessionSpec, case: &str, turn: usize) -> Told {
    let mut play = Play::of(spec);
    let all = transcript(case);
    let prompts: Vec<usize> =
        all.iter().enumerate().filter(|(_, (_, msg))| msg["method"] == "session/prompt").map(|(at, _)| at).collect();
    let (opening, _) = all.split_at(prompts.first().copied().unwrap_or(all.len()));
    for (_, message) in opening.iter().filter(|(theirs, _)| *theirs) {
        play.line(message);
    }
    play.set();
    let Some(at) = prompts.get(turn) else { return play.finish() };
    let id = all[*at].1["id"].clone();
    let until = prompts.get(turn + 1).copied().unwrap_or(all.len());
    for (_, message) in all[at + 1..until].iter().filter(|(theirs, _)| *theirs) {
        let mut message = message.clone();
        if message["id"] == id && message.get("method").is_none() {
            let Some(number) = play.number("session/prompt") else { break };
            message["id"] = number.into();
        }
        play.line(&message);
    }
    play.finish()
}

fn class(end: &EndKind) -> String {
    if let EndKind::Failed { fault, .. } = end {
        return format!("{fault:?}");
    }
    format!("{end:?}").split([' ', '{']).next().unwrap_or_default().to_owned()
}

const PROGRAMS: [&str; 5] = ["claude-agent-acp", "codex-acp", "codex-acp-zed", "gemini", "opencode"];

#[test]
fn a_turn_is_told_in_words() {
    for case in PROGRAMS {
        let told = turn(&acp(), case, 0);
        let count = |wanted: &Said| told.said.iter().filter(|said| *said == wanted).count();
        assert_eq!(count(&Said::ToolBegan), count(&Said::ToolEnded), "{case}");
        assert!(count(&Said::ToolBegan) >= 1 && !told.stream.in_tool(), "{case}");
        assert_eq!(told.stream.message(), "Done: wrote hello.txt", "{case}");
        assert!(told.stream.version().is_some(), "{case}");
        assert!(told.said.iter().any(|said| matches!(said, Said::Conversation(id) if id.len() > 20)), "{case}");
        let names_file = |said: &Said| matches!(said, Said::Progress(words) if words.contains("hello.txt"));
        // What its sandbox kept from being written it does not tell.
        assert!(told.said.iter().any(names_file) || case == "codex-acp-zed", "{case}: {:?}", told.said);
        assert_eq!(told.stream.denied(), [""; 0], "{case}");
    }
}

#[test]
fn use_is_told_as_each_tells_it() {
    let tokens = |input, output| Some(TokenUse { input, output, ..TokenUse::default() });
    for (case, expected) in [
        ("claude-agent-acp", vec![(tokens(0, 0), Cost::Whole(Usd(3_200))), (tokens(300, 60), Cost::Whole(Usd(3_200)))]),
        ("codex-acp", vec![(tokens(300, 60), Cost::Unknown)]),
        ("codex-acp-zed", vec![]),
        ("gemini", vec![(tokens(300, 60), Cost::Unknown)]),
        ("opencode", vec![(tokens(0, 0), Cost::Whole(Usd(1_800))), (tokens(100, 20), Cost::Whole(Usd(1_800)))]),
    ] {
        let told = turn(&acp(), case, 0);
        let used: Vec<_> = told
            .said
            .iter()
            .filter_map(
                |said| if let Said::Used(Usage { tokens, cost }) = said { Some((*tokens, *cost)) } else { None },
            )
            .collect();
        assert_eq!(used, expected, "{case}");
    }
    for (case, model) in
        [("claude-agent-acp", "claude-opus-5-5"), ("codex-acp", "gpt-5.5"), ("gemini", "gemini-2.5-pro")]
    {
        assert_eq!(turn(&acp(), case, 0).stream.model(), Some(model), "{case}");
    }
}

/// A program that is ready for the prompt, or was sent it.
fn ready(spec: &SessionSpec) -> Play {
    let mut play = Play::of(spec);
    play.line(&json!({ "id": 1, "result": { "protocolVersion": 1, "agentCapabilities": { "loadSession": true } } }));
    play.line(&json!({ "id": 2, "result": { "sessionId": "s1" } }));
    play
}

#[test]
fn lines_that_nobody_knows_say_nothing() {
    let mut play = ready(&acp());
    let before = play.said.len();
    for line in [
        "",
        "Loading…",
        "[]",
        "7",
        "{}",
        r#"{"id":99,"result":{}}"#,
        r#"{"id":null,"error":{}}"#,
        r#"{"method":"session/update"}"#,
        r#"{"method":"session/update","params":{"update":{"sessionUpdate":"new"}}}"#,
        r#"{"method":"_auth/status_update","params":{}}"#,
    ] {
        assert_eq!(play.reader.line(line), [], "{line}");
    }
    assert_eq!(play.said.len(), before);
}

#[test]
fn a_plan_is_told_as_progress() {
    let mut play = ready(&acp());
    let entry = |content: &str, status: &str| json!({ "content": content, "priority": "high", "status": status });
    let plan =
        json!({ "sessionUpdate": "plan", "entries": [entry("read", "completed"), entry("write", "in_progress")] });
    play.line(&json!({ "method": "session/update", "params": { "sessionId": "s1", "update": plan } }));
    assert_eq!(play.said.last(), Some(&Said::Progress("2 of 2: write".to_owned())));
}

#[test]
fn a_long_message_is_told_as_it_grows_and_whole_at_its_end() {
    let mut play = ready(&acp());
    for n in 0..1_000 {
        let chunk = json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": format!("{n:03} ") } });
        play.line(&json!({ "method": "session/update", "params": { "sessionId": "s1", "update": chunk } }));
    }
    let told = play.said.iter().filter(|said| matches!(said, Said::Message(_))).count();
    assert_eq!(told, 1);
    let id = play.number("session/prompt").unwrap();
    play.line(&json!({ "id": id, "result": { "stopReason": "end_turn" } }));
    let stream = play.finish().stream;
    assert!(stream.message().len() == 4_000 && stream.message().ends_with("999 "));
}
