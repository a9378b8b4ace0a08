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
fn every_turn_has_its_class() {
    // A turn that is cancelled without our asking is done again; the third was answered with 400.
    for (case, second, third) in [
        ("claude-agent-acp", "Transient", "Misconfigured"),
        ("codex-acp", "Transient", "Misconfigured"),
        // Its turn had ended when it was cancelled.
        ("codex-acp-zed", "Completed", "Misconfigured"),
        ("gemini", "Transient", "Misconfigured"),
        // It does not tell what the service answered.
        ("opencode", "Transient", "Transient"),
    ] {
        let classes: Vec<String> = (0..3).map(|n| class(&turn(&acp(), case, n).end)).collect();
        assert_eq!(classes, ["Completed", second, third], "{case}");
    }
}

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

#[test]
fn the_words_of_a_failure_are_the_services() {
    let why = |case: &str| {
        let EndKind::Failed { why, .. } = turn(&acp(), case, 2).end else { panic!("{case}") };
        why
    };
    assert_eq!(why("claude-agent-acp"), "API Error: 400 bad thing");
    for case in ["codex-acp", "codex-acp-zed", "gemini", "opencode"] {
        assert_eq!(why(case), "bad thing", "{case}");
    }
}

/// The answers to what was asked leave for: the option that was taken.
fn taken(told: &Told) -> Vec<&str> {
    told.sent.iter().filter_map(|sent| sent.pointer("/result/outcome/optionId")?.as_str()).collect()
}

#[test]
fn what_it_asks_leave_for_is_answered_by_what_the_task_permits() {
    let mut spec = acp();
    for (permissions, case, options, denied) in [
        (Permissions::Edit, "claude-agent-acp", vec!["allow-once", "allow-once"], vec![]),
        (Permissions::Edit, "gemini", vec!["proceed_once", "proceed_once"], vec![]),
        (Permissions::Full, "gemini", vec!["proceed_once", "proceed_once"], vec![]),
        (Permissions::Read, "claude-agent-acp", vec!["reject", "allow-once"], vec!["Write hello.txt"]),
        (Permissions::Read, "codex-acp-zed", vec!["approved"], vec![]),
        (Permissions::Read, "gemini", vec!["cancel", "proceed_once"], vec!["Writing to hello.txt"]),
    ] {
        spec.permissions = permissions;
        let told = turn(&spec, case, 0);
        assert_eq!((taken(&told), told.stream.denied()), (options, &*denied.map_owned()), "{case} {permissions:?}");
    }
    let command = turn(&spec, "claude-agent-acp", 1);
    assert_eq!((taken(&command), command.stream.denied().len()), (vec!["reject"], 1));
}

/// Texts of their own.
trait MapOwned {
    fn map_owned(self) -> Vec<String>;
}

impl MapOwned for Vec<&str> {
    fn map_owned(self) -> Vec<String> {
        self.into_iter().map(str::to_owned).collect()
    }
}

/// A program that is ready for the prompt, or was sent it.
fn ready(spec: &SessionSpec) -> Play {
    let mut play = Play::of(spec);
    play.line(&json!({ "id": 1, "result": { "protocolVersion": 1, "agentCapabilities": { "loadSession": true } } }));
    play.line(&json!({ "id": 2, "result": { "sessionId": "s1" } }));
    play
}

fn asked(play: &mut Play, call: &Value) -> Option<String> {
    let options = json!([{ "optionId": "y", "name": "Yes", "kind": "allow_once" }, { "optionId": "n", "name": "No", "kind": "reject_once" }]);
    let params = json!({ "sessionId": "s1", "toolCall": call, "options": options });
    play.line(&json!({ "id": "p", "method": "session/request_permission", "params": params }));
    let sent = play.sent.last().unwrap();
    assert_eq!(sent["id"], "p");
    sent.pointer("/result/outcome/optionId").and_then(Value::as_str).map(str::to_owned)
}

#[test]
fn files_and_commands_are_let_by_where_they_are() {
    let edit =
        |path: &str| json!({ "toolCallId": path, "title": "edit", "kind": "edit", "locations": [{ "path": path }] });
    let run = |command: &str| json!({ "toolCallId": command, "title": "run", "kind": "execute", "rawInput": { "command": command } });
    let mut spec = acp();
    spec.env.insert("AI_SDLC_ARTIFACTS".to_owned(), "/run/artifacts".to_owned());
    let table = [
        // What is asked for, and whether `read`, `edit` and `full` let it.
        (edit("/repo/src/a.rs"), [false, true, true]),
        (edit("src/a.rs"), [false, true, true]),
        (edit("/repo/../etc/passwd"), [false, false, true]),
        (edit("/repository/a"), [false, false, true]),
        (edit("/w/handoff.md"), [true, true, true]),
        (edit("/run/artifacts/a/b"), [true, true, true]),
        (edit("/run/artifacts/../x"), [false, false, true]),
        (run("cargo test"), [false, true, true]),
        (run("ai-sdlc tool discover-skills x"), [true, true, true]),
        (run("/bin/ai-sdlc tool report-progress 'half'"), [true, true, true]),
        (run("ai-sdlc tool x; rm -rf /"), [false, true, true]),
        (run("ai-sdlc tool $(rm -rf /)"), [false, true, true]),
        (run("ai-sdlc run abort"), [false, true, true]),
        (json!({ "toolCallId": "r", "title": "read", "kind": "read" }), [true, true, true]),
        (json!({ "toolCallId": "m", "title": "mcp__aisdlc__read_handoff", "kind": "other" }), [true, true, true]),
        (json!({ "toolCallId": "x", "title": "mcp__aisdlc__x", "kind": "execute" }), [false, true, true]),
        (json!({ "toolCallId": "o", "title": "mcp__other__x" }), [false, true, true]),
        (json!({ "toolCallId": "s", "title": "leave plan mode", "kind": "switch_mode" }), [false, false, true]),
        (json!({ "toolCallId": "n", "title": "of a kind to come", "kind": "teleport" }), [false, true, true]),
    ];
    for (at, permissions) in [Permissions::Read, Permissions::Edit, Permissions::Full].into_iter().enumerate() {
        spec.permissions = permissions;
        for (call, lets) in &table {
            let mut play = ready(&spec);
            let expected = if lets[at] { "y" } else { "n" };
            assert_eq!(asked(&mut play, call).as_deref(), Some(expected), "{permissions:?} {call}");
            assert_eq!(play.finish().stream.denied().len(), usize::from(!lets[at]), "{permissions:?} {call}");
        }
    }
}

#[test]
fn what_was_told_of_a_call_before_counts_when_it_asks() {
    let mut spec = acp();
    spec.permissions = Permissions::Read;
    let mut play = ready(&spec);
    let call = json!({ "sessionUpdate": "tool_call", "toolCallId": "c", "title": "Run it", "kind": "execute" });
    play.line(&json!({ "method": "session/update", "params": { "sessionId": "s1", "update": call } }));
    assert_eq!(asked(&mut play, &json!({ "toolCallId": "c" })).as_deref(), Some("n"));
    assert_eq!(play.finish().stream.denied(), ["Run it"]);
}

#[test]
fn nothing_that_is_asked_goes_unanswered() {
    let mut play = ready(&acp());
    for method in ["fs/write_text_file", "terminal/create", "session/request_permission", "x/new"] {
        play.line(&json!({ "id": method, "method": method, "params": { "sessionId": "s1" } }));
        let sent = play.sent.last().unwrap();
        assert_eq!((&sent["id"], &sent["error"]["code"]), (&json!(method), &json!(-32601)), "{method}");
    }
    // After it was cancelled, what it still asks for is too.
    let farewell = play.reader.farewell().unwrap();
    let cancel: Value = serde_json::from_str(&farewell).unwrap();
    assert_eq!((&cancel["method"], &cancel["params"]["sessionId"]), (&json!("session/cancel"), &json!("s1")));
    assert_eq!(asked(&mut play, &json!({ "toolCallId": "c", "title": "x", "kind": "edit" })), None);
    assert_eq!(play.sent.last().unwrap()["result"]["outcome"]["outcome"], "cancelled");
    assert_eq!(play.reader.farewell(), None);
    assert_eq!(play.finish().stream.denied(), [""; 0]);
}

#[test]
fn a_session_is_opened_with_its_tools_and_its_prompt() {
    let mut spec = acp();
    spec.socket = Some("/s/tools.sock".into());
    let invocation = Acp.start(&spec).unwrap();
    assert_eq!((invocation.program.to_str(), &*invocation.args), (Some("agent"), &["--acp".to_owned()][..]));
    let Stdin::Open(first) = invocation.stdin else { panic!("{:?}", invocation.stdin) };
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        (&first["id"], &first["method"], &first["params"]["protocolVersion"]),
        (&json!(1), &json!("initialize"), &json!(1))
    );
    let sent = ready(&spec).sent;
    assert_eq!(sent[0]["method"], "session/new");
    assert_eq!(sent[0]["params"]["cwd"], "/repo");
    let server = &sent[0]["params"]["mcpServers"][0];
    assert_eq!(
        (&server["name"], &server["command"], &server["args"]),
        (&json!("aisdlc"), &json!("/bin/ai-sdlc"), &json!(["mcp"]))
    );
    assert_eq!(server["env"], json!([{ "name": "AI_SDLC_SOCKET", "value": "/s/tools.sock" }]));
    assert_eq!(sent[1]["method"], "session/prompt");
    assert_eq!(sent[1]["params"]["prompt"], json!([{ "type": "text", "text": "Do {{model}}." }]));
}

#[test]
fn a_conversation_goes_on_and_what_it_tells_again_is_not_told() {
    let mut spec = acp();
    spec.conversation = Some("c1".to_owned());
    for case in PROGRAMS {
        let told = turn(&spec, &format!("{case}.load"), 0);
        assert_eq!(
            (&told.sent[0]["method"], &told.sent[0]["params"]["sessionId"]),
            (&json!("session/load"), &json!("c1"))
        );
        assert_eq!(told.sent.last().unwrap()["method"], "session/prompt", "{case}");
        assert_eq!((told.stream.message(), told.said.contains(&Said::ToolBegan)), ("", false), "{case}");
        assert!(!told.said.iter().any(|said| matches!(said, Said::Used(_) | Said::Denied(_))), "{case}");
    }
    let mut play = Play::of(&spec);
    play.line(&json!({ "id": 1, "result": { "protocolVersion": 1, "agentCapabilities": { "sessionCapabilities": { "resume": {} } } } }));
    assert_eq!(play.sent[0]["method"], "session/resume");
}

#[test]
fn one_that_cannot_go_on_names_no_conversation() {
    let mut play = Play::of(&acp());
    play.line(&json!({ "id": 1, "result": { "protocolVersion": 1 } }));
    play.line(&json!({ "id": 2, "result": { "sessionId": "s1" } }));
    assert!(!play.said.iter().any(|said| matches!(said, Said::Conversation(_))));
    assert_eq!(play.sent.last().unwrap()["method"], "session/prompt");
}

/// What is set before the prompt, in order.
fn set(permissions: Permissions, model: Option<&str>, case: &str) -> Vec<String> {
    let mut spec = acp();
    (spec.permissions, spec.model) = (permissions, model.map(str::to_owned));
    let told = turn(&spec, case, 9);
    let sent = told.sent.iter().filter(|sent| sent["method"].as_str().is_some_and(|name| name.contains("/set_")));
    sent.map(|sent| {
        let params = &sent["params"];
        let value = ["modeId", "modelId", "value"].iter().find_map(|key| params[key].as_str()).unwrap();
        format!("{} {value}", sent["method"].as_str().unwrap())
    })
    .collect()
}

#[test]
fn mode_and_model_are_set_where_they_are_offered() {
    let mode = |mode: &str| format!("session/set_mode {mode}");
    let option = |value: &str| format!("session/set_config_option {value}");
    assert_eq!(set(Permissions::Read, None, "codex-acp"), [mode("read-only")]);
    assert_eq!(
        set(Permissions::Edit, Some("gpt-5.6-sol"), "codex-acp"),
        [mode("workspace-write"), option("gpt-5.6-sol")]
    );
    assert_eq!(set(Permissions::Full, Some("gpt-5.5"), "codex-acp"), [mode("agent-full-access")]);
    assert_eq!(set(Permissions::Edit, Some("gemini-3.8-flash"), "gemini"), ["session/set_model gemini-3.8-flash"]);
    assert_eq!(set(Permissions::Edit, None, "codex-acp-zed"), [mode("auto")]);
    assert_eq!(set(Permissions::Read, None, "codex-acp-zed"), [""; 0]);
    assert_eq!(set(Permissions::Full, None, "gemini"), [mode("yolo")]);
    assert_eq!(set(Permissions::Read, Some("sonnet"), "claude-agent-acp"), [option("sonnet")]);
    assert_eq!(
        set(Permissions::Read, Some("anthropic/claude-opus-5"), "opencode"),
        [option("plan"), option("anthropic/claude-opus-5")]
    );
}

#[test]
fn a_model_that_it_has_not_is_never_another() {
    let mut spec = acp();
    spec.model = Some("nonesuch".to_owned());
    let EndKind::Failed { fault, why } = turn(&spec, "claude-agent-acp", 0).end else { panic!() };
    assert_eq!(fault, Fault::Misconfigured);
    assert_eq!(why, "it has no model `nonesuch`; it offers default, opus, fable, sonnet, haiku");
    let EndKind::Failed { why, .. } = ready(&spec).finish().end else { panic!() };
    assert!(why.contains("leave out `model`"), "{why}");
}

fn ends(answer: &Value) -> EndKind {
    let mut play = ready(&acp());
    let chunk =
        json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "No, I won't." } });
    play.line(&json!({ "method": "session/update", "params": { "sessionId": "s1", "update": chunk } }));
    let mut answer = answer.clone();
    answer["id"] = play.number("session/prompt").unwrap().into();
    play.line(&answer);
    play.finish().end
}

#[test]
fn every_way_to_end_has_its_class() {
    let stop = |reason: &str| ends(&json!({ "result": { "stopReason": reason } }));
    assert_eq!(stop("end_turn"), EndKind::Completed);
    assert_eq!(stop("refusal"), EndKind::Refused { why: "No, I won't.".to_owned() });
    for reason in ["max_tokens", "max_turn_requests"] {
        assert_eq!(class(&stop(reason)), "OutOfTurns");
    }
    for reason in ["cancelled", "of_a_kind_to_come"] {
        assert_eq!(class(&stop(reason)), "Transient");
    }
    for (error, expected) in [
        (json!({ "code": -32000, "message": "Authentication required" }), "Misconfigured"),
        (json!({ "code": -32602, "message": "Invalid params" }), "Misconfigured"),
        (json!({ "code": -32603, "message": "x", "data": { "errorKind": "rate_limit" } }), "Limited { reset: Untold }"),
        (json!({ "code": -32603, "message": "x", "data": { "errorKind": "authentication_failed" } }), "Misconfigured"),
        (json!({ "code": -32603, "message": "x", "data": { "errorKind": "server_error" } }), "Transient"),
        (json!({ "code": -32603, "message": "x", "data": { "errorName": "ContextOverflowError" } }), "OutOfTurns"),
        (json!({ "code": -32603, "message": "Internal error: API Error: 529 Overloaded" }), "Transient"),
        (json!({ "code": 429, "message": "slow down" }), "Limited { reset: Untold }"),
        (json!({ "code": 503, "message": "x" }), "Transient"),
        (json!({ "code": -32603, "message": "x", "data": { "statusCode": 401 } }), "Misconfigured"),
        (json!({ "code": -32603, "message": "Internal error" }), "Transient"),
        (json!(null), "Transient"),
    ] {
        let answer = if error.is_null() { json!({ "result": null }) } else { json!({ "error": error }) };
        assert_eq!(class(&ends(&answer)), expected, "{answer}");
    }
    // Words that look like an error are none where a turn tells what it used.
    let text = "{\"error\": {\"message\": \"an example\"}}";
    let used = json!({ "stopReason": "end_turn", "usage": { "inputTokens": 1, "outputTokens": 1, "totalTokens": 2 } });
    assert!(super::end::disguised(&used, text, evening).is_none());
    assert!(super::end::disguised(&json!({ "stopReason": "end_turn" }), text, evening).is_some());
}

#[test]
fn one_that_ends_early_did_not_end_its_turn() {
    let ended = |play: &mut Play, exit| play.reader.ended(&Stream::default(), exit, "panic: no such flag\n");
    let EndKind::Failed { fault, why } = ended(&mut Play::of(&acp()), Exit::Code(2)) else { panic!() };
    assert_eq!(fault, Fault::Misconfigured);
    assert_eq!(why, "it ended before it answered in the Agent Client Protocol: panic: no such flag");
    assert_eq!(class(&ended(&mut ready(&acp()), Exit::Code(0))), "Transient");
    assert_eq!(ended(&mut ready(&acp()), Exit::Code(3)), EndKind::Exited { code: 3 });
    assert_eq!(ended(&mut ready(&acp()), Exit::Signal(9)), EndKind::Signalled { signal: 9 });
    let mut old = Play::of(&acp());
    old.line(&json!({ "id": 1, "result": { "protocolVersion": 2 } }));
    let EndKind::Failed { why, .. } = old.finish().end else { panic!() };
    assert!(why.contains("version 2") && why.contains("version 1"), "{why}");
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
