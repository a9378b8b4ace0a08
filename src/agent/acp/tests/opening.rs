//! How a session is opened, set up and gone on with.

use super::*;

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

#[test]
fn one_that_has_lost_the_conversation_cannot_go_on() {
    let mut spec = acp();
    spec.conversation = Some("c1".to_owned());
    for error in [
        json!({ "code": -32002, "message": "Resource not found: c1" }),
        json!({ "code": -32603, "message": "Internal error", "data": { "details": "Session not found" } }),
    ] {
        let mut play = Play::of(&spec);
        let able = json!({ "protocolVersion": 1, "agentCapabilities": { "loadSession": true } });
        play.line(&json!({ "id": 1, "result": able }));
        play.line(&json!({ "id": 2, "error": error }));
        let EndKind::Failed { fault, why } = play.finish().end else { panic!("{error}") };
        assert_eq!(fault, Fault::OutOfContext, "{why}");
        assert!(why.contains("does not know the conversation"), "{why}");
    }
}

#[test]
fn a_program_that_is_known_has_its_login_and_its_state() {
    let mut spec = acp();
    for (command, passes, keeps) in [
        (vec!["gemini", "--acp"], "GEMINI_API_KEY", "~/.gemini/"),
        (vec!["/opt/bin/opencode", "acp"], "OPENAI_API_KEY", "~/.config/opencode/"),
        (vec!["npx", "-y", "@agentclientprotocol/claude-agent-acp@0.100.0"], "ANTHROPIC_*", "~/.claude/"),
        (vec!["codex-acp"], "CODEX_API_KEY", "~/.codex/"),
    ] {
        spec.agent.command = command.into_iter().map(str::to_owned).collect();
        let env = std::collections::BTreeMap::new();
        assert!(Acp.passes(&spec.agent).contains(&passes), "{passes}");
        assert!(Acp.keeps(&spec.agent, &env).contains(&keeps.to_owned()), "{keeps}");
    }
    assert!(Acp.start(&spec).unwrap().env.contains_key("ENABLE_TOOL_SEARCH"));
    spec.agent.command = vec!["gemini".to_owned()];
    assert_eq!(Acp.start(&spec).unwrap().env["GEMINI_CLI_TRUST_WORKSPACE"], "true");
    spec.agent.command = vec!["goose".to_owned(), "acp".to_owned()];
    assert_eq!(Acp.passes(&spec.agent), [""; 0]);
    assert!(!Acp.start(&spec).unwrap().env.contains_key("GEMINI_CLI_TRUST_WORKSPACE"));
}
