//! What became of a turn.

use super::*;
use crate::agent::acp::end;

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
    assert!(end::disguised(&used, text, evening).is_none());
    assert!(end::disguised(&json!({ "stopReason": "end_turn" }), text, evening).is_some());
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
