use super::lines::Lines;
use super::{Gemini, MAX_PROMPT};
use crate::agent::fault::tests::evening;
use crate::agent::tests::spec;
use crate::agent::transcripts::{bear, hold, play, short};
use crate::agent::{Backend as _, Exit, Reader, Said, SessionSpec, Stdin};
use crate::amount::TokenUse;
use crate::mission::model::{BackendKind, Permissions};

fn session(permissions: Permissions) -> SessionSpec {
    let mut spec = spec();
    spec.agent.backend = BackendKind::Gemini;
    spec.agent.command = vec!["gemini".to_owned()];
    spec.handoff_out = "/w/.ai-sdlc/session/handoff.md".into();
    spec.permissions = permissions;
    spec
}

fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Permissions::Read, evening))
}

#[test]
fn a_session_is_started_with_its_prompt_on_standard_input() {
    let invocation = Gemini.start(&session(Permissions::Edit)).unwrap();
    assert_eq!(
        invocation.args,
        [
            "--output-format",
            "stream-json",
            "--approval-mode",
            "auto_edit",
            "--allowed-tools",
            "run_shell_command,activate_skill",
            "--model",
            "m1"
        ]
    );
    assert_eq!(invocation.stdin, Stdin::Text("Do {{model}}.".to_owned()));
    assert_eq!(invocation.env["GEMINI_CLI_TRUST_WORKSPACE"], "true");
    assert_eq!(invocation.files, []);
    let full = Gemini.start(&session(Permissions::Full)).unwrap();
    assert_eq!(full.args[2..4], ["--approval-mode", "yolo"]);
}

#[test]
fn a_conversation_goes_on() {
    let mut spec = session(Permissions::Full);
    spec.conversation = Some("c-1".to_owned());
    let args = Gemini.start(&spec).unwrap().args;
    assert_eq!(args[args.len() - 2..], ["--resume", "c-1"]);
}

#[test]
fn one_that_may_only_read_has_a_policy_of_its_own() {
    let invocation = Gemini.start(&session(Permissions::Read)).unwrap();
    assert!(invocation.args.windows(2).any(|pair| pair == ["--policy", "/s/policy.toml"]), "{:?}", invocation.args);
    let (path, text) = &invocation.files[0];
    assert_eq!(path.to_str(), Some("/s/policy.toml"));
    let policy: toml::Table = text.parse().unwrap();
    let rules = policy["rule"].as_array().unwrap();
    assert_eq!(rules[0]["toolName"][0].as_str(), Some("*"));
    assert_eq!(rules[0]["decision"].as_str(), Some("deny"));
    let writes: Vec<&str> = rules.iter().filter_map(|rule| rule.get("argsPattern")?.as_str()).collect();
    assert_eq!(writes[1], "\"file_path\":\"(\\./)?\\.ai-sdlc/session/handoff\\.md\"");
    for rule in &rules[1..] {
        let tools: Vec<&str> = rule["toolName"].as_array().unwrap().iter().filter_map(toml::Value::as_str).collect();
        let is_narrow = rule.get("argsPattern").is_some() || rule.get("commandPrefix").is_some();
        let writes = tools.iter().any(|tool| ["run_shell_command", "write_file", "replace"].contains(tool));
        assert!(is_narrow || !writes, "{rule}");
    }
}

#[test]
fn a_prompt_that_it_would_cut_is_not_given_to_it() {
    let mut spec = session(Permissions::Edit);
    spec.prompt = "x".repeat(MAX_PROMPT + 1);
    let error = Gemini.start(&spec).unwrap_err().to_string();
    assert_eq!(error, "Gemini CLI reads prompts of 8 MiB at most, and this one has 8 MiB");
}

#[test]
fn every_transcript_ends_as_what_it_is() {
    let ok = Exit::Code(0);
    hold(
        "gemini",
        reader,
        &[
            ("conn_refused", Exit::Signal(9), "signalled 9"),
            ("conn_refused_told", Exit::Signal(9), "signalled 9"),
            ("cut_stream", Exit::Code(1), "transient"),
            ("denied_read", ok, "completed, denied"),
            ("edit", ok, "completed"),
            ("err400", Exit::Code(144), "misconfigured"),
            ("err401", Exit::Code(145), "misconfigured"),
            ("err404_model", Exit::Code(1), "misconfigured"),
            ("err500_forever", Exit::Signal(9), "signalled 9"),
            ("err500_told", Exit::Signal(9), "signalled 9"),
            ("err503_then_ok", ok, "completed"),
            ("max_turns", Exit::Code(53), "out of turns"),
            ("mcp", ok, "completed"),
            ("no_auth", Exit::Code(41), "misconfigured"),
            ("quota_daily", Exit::Code(173), "limited for 1h00m"),
            ("rate429_forever", Exit::Signal(9), "signalled 9"),
            ("rate429_then_ok", ok, "completed"),
            ("rate429_told", Exit::Signal(9), "signalled 9"),
            ("resume_unknown", Exit::Code(42), "out of context"),
            ("sigint", ok, "completed"),
            ("sigint_group", ok, "exited 0"),
            ("sigkill_group", Exit::Signal(9), "signalled 9"),
            ("sigterm", ok, "completed"),
            ("sigterm_group", ok, "exited 0"),
            ("sigterm_norelaunch", ok, "exited 0"),
            ("skills", ok, "completed"),
            ("success", ok, "completed"),
        ],
    );
}

#[test]
fn a_reader_bears_what_it_does_not_know() {
    bear("gemini", reader);
}

#[test]
fn what_it_does_is_told_in_words() {
    let played = play("gemini", "success", reader(), Exit::Code(0));
    assert_eq!(played.said[0], Said::Conversation("bfcd30fc-b5cd-4740-bd73-2287056f0248".to_owned()));
    assert_eq!(played.stream.model(), Some("gemini-2.5-pro"));
    assert_eq!(played.progress(), ["I will write the file.", "edit /repo/hello.txt", "Done: wrote hello.txt"]);
    assert_eq!(played.stream.message(), "Done: wrote hello.txt");
    assert!(!played.stream.in_tool());
    assert_eq!(played.used().0, TokenUse { input: 200, output: 40, ..TokenUse::default() });
}

#[test]
fn trying_again_is_told_on_standard_error_alone() {
    for (case, fault) in [("conn_refused_told", "transient"), ("err500_told", "transient"), ("rate429_told", "limited")]
    {
        let played = play("gemini", case, reader(), Exit::Signal(9));
        let retried = played.retried();
        assert!(retried.len() >= 4 && retried.into_iter().all(|told| short(told) == fault), "{case}");
        assert!(play("gemini", "success", reader(), Exit::Code(0)).stream.retrying().is_none());
    }
}

#[test]
fn a_policy_that_forbids_is_told() {
    let played = play("gemini", "denied_read", reader(), Exit::Code(0));
    let denied = played.stream.denied();
    assert_eq!(denied.len(), 2, "{denied:?}");
    assert_eq!(denied[0], "edit h.txt: Tool execution denied by policy. This session may only read.");
    assert!(denied[1].starts_with("run echo a > y.txt"), "{denied:?}");
}

#[test]
fn what_it_thought_and_cached_is_counted_apart() {
    let line = r#"{"type":"result","status":"success","stats":{"models":{"a":{"total_tokens":190,"input_tokens":100,"output_tokens":40,"cached":60},"b":{"total_tokens":3,"input_tokens":2,"output_tokens":1}}}}"#;
    let said = reader().line(line);
    assert_eq!([&said[0], &said[2]], [&Said::Model("a".to_owned()), &Said::Model("b".to_owned())]);
    let tokens = TokenUse { input: 40, output: 40, reasoning: 50, cache_write: 0, cache_read: 60 };
    assert!(matches!(&said[1], Said::Used(usage) if usage.tokens == Some(tokens)), "{said:?}");
}

#[test]
fn an_answer_that_was_withheld_is_no_success() {
    for (message, expected) in [
        ("The model response was blocked due to safety settings.", "refused"),
        ("Model response was truncated because it exceeded the token limit.", "out of turns"),
        ("The model returned an empty response with no text or thoughts.", "transient"),
    ] {
        let out = format!(
            "{{\"type\":\"error\",\"severity\":\"error\",\"message\":\"{message}\"}}\n{{\"type\":\"result\",\"status\":\"error\"}}"
        );
        let played = crate::agent::transcripts::play_texts(&out, "", reader(), Exit::Code(0));
        assert_eq!(played.ended(), expected, "{message}");
    }
}

#[test]
fn where_it_keeps_its_own_is_known() {
    let env =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(Gemini.keeps(&spec().agent, &env(&[])), vec!["~/.gemini/"]);
    assert_eq!(Gemini.keeps(&spec().agent, &env(&[("GEMINI_CLI_HOME", "/x")])), vec!["/x/.gemini/"]);
}
