//! What a program asks leave for, and what it is answered.

use super::*;

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
