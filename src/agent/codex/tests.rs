use std::path::Path;

use super::Codex;
use super::lines::Lines;
use crate::agent::fault::tests::evening;
use crate::agent::tests::spec;
use crate::agent::transcripts::{bear, hold, play, short};
use crate::agent::{Backend as _, Exit, Reader, Said, SessionSpec, Stdin};
use crate::amount::{TokenUse, Usage};
use crate::mission::model::{BackendKind, Permissions};

fn session() -> SessionSpec {
    let mut spec = spec();
    spec.agent.backend = BackendKind::Codex;
    spec.agent.command = vec!["codex".to_owned(), "--enable".to_owned(), "x".to_owned()];
    spec.env.clear();
    spec
}

fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(&session(), evening))
}

fn args(spec: &SessionSpec) -> Vec<String> {
    Codex.start(spec).unwrap().args
}

#[test]
fn a_session_is_started_with_its_prompt_on_standard_input() {
    let spec = session();
    let invocation = Codex.start(&spec).unwrap();
    assert_eq!(invocation.program, Path::new("codex"));
    assert_eq!(
        invocation.args,
        [
            "--enable",
            "x",
            "exec",
            "--json",
            "--skip-git-repo-check",
            "-c",
            "approval_policy=\"never\"",
            "-c",
            "sandbox_mode=\"workspace-write\"",
            "-m",
            "m1",
            "--",
            "-"
        ]
    );
    assert_eq!(invocation.stdin, Stdin::Text("Do {{model}}.".to_owned()));
    assert_eq!(invocation.env["AI_SDLC_HANDOFF_OUT"], "/w/handoff.md");
}

#[test]
fn a_conversation_goes_on_with_the_same_rights() {
    let mut spec = session();
    spec.conversation = Some("01a1-7".to_owned());
    spec.model = None;
    spec.agent.command.truncate(1);
    let args = args(&spec);
    assert_eq!(args[..4], ["exec", "resume", "--json", "--skip-git-repo-check"]);
    assert_eq!(args[args.len() - 3..], ["--", "01a1-7", "-"]);
    assert!(args.contains(&"sandbox_mode=\"workspace-write\"".to_owned()), "{args:?}");
}

#[test]
fn what_it_may_do_is_told_to_its_own_sandbox() {
    let mut spec = session();
    for (permissions, confined, mode) in [
        (Permissions::Read, false, "read-only"),
        (Permissions::Read, true, "read-only"),
        (Permissions::Edit, false, "workspace-write"),
        (Permissions::Edit, true, "danger-full-access"),
        (Permissions::Full, false, "danger-full-access"),
    ] {
        spec.permissions = permissions;
        spec.writable = confined.then(Vec::new);
        assert!(args(&spec).contains(&format!("sandbox_mode=\"{mode}\"")), "{permissions:?} {confined}");
    }
}

#[test]
fn what_lies_outside_of_the_workspace_and_is_the_sessions_can_be_written() {
    let mut spec = session();
    spec.handoff_out = "/run/a \"b\"/exchange/handoff.md".into();
    spec.outputs_file = "/run/a \"b\"/exchange/outputs.json".into();
    spec.env.insert("AI_SDLC_ARTIFACTS".to_owned(), "/run/artifacts".to_owned());
    let told = args(&spec).into_iter().find(|arg| arg.starts_with("sandbox_workspace_write.writable_roots=")).unwrap();
    let read: toml::Table = told.parse().unwrap();
    let roots = read["sandbox_workspace_write"]["writable_roots"].as_array().unwrap().clone();
    assert_eq!(roots, ["/run/a \"b\"/exchange".into(), toml::Value::from("/run/artifacts")]);
}

#[test]
fn its_tools_need_nobody_to_allow_them() {
    let mut spec = session();
    assert!(!args(&spec).iter().any(|arg| arg.contains("mcp_servers")));
    spec.socket = Some("/run/s".into());
    let told = args(&spec).into_iter().find(|arg| arg.starts_with("mcp_servers.aisdlc=")).unwrap();
    let read: toml::Table = told.parse().unwrap();
    let server = &read["mcp_servers"]["aisdlc"];
    assert_eq!(server["command"].as_str(), Some("/bin/ai-sdlc"));
    assert_eq!(server["default_tools_approval_mode"].as_str(), Some("approve"));
    assert_eq!(server["env"]["AI_SDLC_SOCKET"].as_str(), Some("/run/s"));
}

#[test]
fn every_transcript_ends_as_what_it_is() {
    let ok = Exit::Code(0);
    let failed = Exit::Code(1);
    hold(
        "codex",
        reader,
        &[
            ("apply_patch", ok, "completed"),
            ("bad_flag", Exit::Code(2), "misconfigured"),
            ("conn_refused", Exit::Signal(9), "signalled 9"),
            ("cut_stream", ok, "completed"),
            ("denied_edit", ok, "completed, denied"),
            ("denied_read", ok, "completed, denied"),
            ("err400", failed, "misconfigured"),
            ("err401", failed, "misconfigured"),
            ("err403", failed, "misconfigured"),
            ("err404", failed, "misconfigured"),
            ("err500_forever", failed, "transient"),
            ("err503_then_ok", ok, "completed"),
            ("full_cmdline", ok, "completed"),
            ("limit_at", failed, "limited until 2026-11-21T22:13:00Z"),
            ("limit_on", failed, "limited until 2026-11-23T22:03:00Z"),
            ("mcp", ok, "completed"),
            ("mcp_approve", ok, "completed"),
            ("mcp_noapprove", ok, "completed, denied"),
            ("mcp_nosearch", ok, "completed"),
            ("mcp_toolsearch", ok, "completed"),
            ("mcp_unknown_model", ok, "completed"),
            ("no_auth", failed, "misconfigured"),
            ("output_schema", ok, "completed"),
            ("quota", failed, "limited"),
            ("quota429", failed, "limited"),
            ("rate429_forever", failed, "limited"),
            ("rate429_then_ok", ok, "completed"),
            ("rate_forever_sse", failed, "limited for 11.1s"),
            ("rate_waiting", Exit::Signal(9), "signalled 9"),
            ("resume", ok, "completed"),
            ("resume_again", ok, "completed"),
            ("resume_unknown", failed, "out of context"),
            ("sigint", failed, "exited 1"),
            ("sigkill_group", Exit::Signal(9), "signalled 9"),
            ("sigterm", Exit::Signal(15), "signalled 15"),
            ("sigterm_group", Exit::Signal(15), "signalled 15"),
            ("skills", ok, "completed"),
            ("sse_rate_limit", ok, "completed"),
            ("success", ok, "completed"),
            ("success_danger", ok, "completed"),
            ("too_long", failed, "out of context"),
            ("tools_missing", failed, "exited 1"),
        ],
    );
}

#[test]
fn nothing_but_its_terminal_event_is_its_end() {
    // Cut before that, with an exit of 0.
    let cut = play("codex", "sigterm", reader(), Exit::Code(0));
    assert_eq!(cut.ended(), "exited 0");
    assert!(cut.stream.in_tool(), "its tool was running");
}

#[test]
fn a_reader_bears_what_it_does_not_know() {
    bear("codex", reader);
}

#[test]
fn what_it_does_is_told_in_words() {
    let played = play("codex", "success", reader(), Exit::Code(0));
    let said: Vec<&Said> = played.said.iter().collect();
    assert_eq!(said[0], &Said::Conversation("01a1fd83-7512-7673-89e3-9b1d54ded784".to_owned()));
    let progress = played.progress();
    let command = "mkdir -p \"$(dirname 'hello.txt')\" && cat > 'hello.txt' <<'FAKE_EOF'\nhello from fake\n\nFAKE_EOF";
    assert_eq!(progress[1], format!("run {command}"));
    assert_eq!(played.stream.message(), "Done: wrote hello.txt");
    assert!(!played.stream.in_tool());
    let edited = play("codex", "apply_patch", reader(), Exit::Code(0));
    assert!(edited.progress().contains(&"edit /repo/hello.txt"));
    assert_eq!(edited.said.iter().filter(|said| **said == Said::ToolBegan).count(), 1);
}

#[test]
fn what_was_declined_is_told() {
    let denied = |case: &str| play("codex", case, reader(), Exit::Code(0)).stream.denied().to_vec();
    let read = denied("denied_read");
    assert!(read[0].starts_with("patch rejected: writing is blocked by read-only sandbox"), "{read:?}");
    assert!(read[1].starts_with("approval policy is Never; reject command"), "{read:?}");
    assert_eq!(
        denied("mcp_noapprove"),
        ["call aisdlc/report_progress: MCP tool call requires approval, but approval policy is never"]
    );
}

#[test]
fn trying_again_is_no_end_and_told_with_its_fault() {
    for (case, exit, expected) in [
        ("rate429_then_ok", 0, vec!["limited"; 2]),
        ("sse_rate_limit", 0, vec!["limited for 1.5s"]),
        ("cut_stream", 0, vec!["transient"]),
        ("conn_refused", 1, vec!["transient"; 5]),
        ("err401", 1, vec!["misconfigured"; 5]),
    ] {
        let played = play("codex", case, reader(), Exit::Code(exit));
        assert_eq!(played.retried().into_iter().map(short).collect::<Vec<_>>(), expected, "{case}");
        assert_eq!(played.stream.retrying().is_some(), case == "conn_refused", "{case}");
    }
}

#[test]
fn a_conversation_that_counts_on_is_counted_once() {
    let used = |spec: &SessionSpec, case: &str| {
        play("codex", case, Box::new(Lines::new(spec, evening)), Exit::Code(0)).used().0
    };
    let tokens = |input, output| TokenUse { input, output, ..TokenUse::default() };
    let mut spec = session();
    assert_eq!(used(&spec, "success"), tokens(200, 40));
    spec.conversation = Some("01a1fd83-7512-7673-89e3-9b1d54ded784".to_owned());
    spec.counted = Usage { tokens: Some(tokens(200, 40)), ..Usage::default() };
    assert_eq!(used(&spec, "resume"), tokens(100, 20));
    // Another conversation than the one asked for counts from the beginning.
    assert_eq!(used(&spec, "resume_again"), tokens(400, 80));
}

#[test]
fn what_was_cached_and_thought_is_a_part_of_the_rest() {
    let line = r#"{"type":"turn.completed","usage":{"input_tokens":100,"cached_input_tokens":60,"cache_write_input_tokens":10,"output_tokens":50,"reasoning_output_tokens":20}}"#;
    let said = reader().line(line);
    let expected = TokenUse { input: 30, output: 30, reasoning: 20, cache_write: 10, cache_read: 60 };
    assert!(matches!(&said[0], Said::Used(usage) if usage.tokens == Some(expected)), "{said:?}");
}

#[test]
fn where_it_keeps_its_own_is_known() {
    let env =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(Codex.keeps(&session().agent, &env(&[])), vec!["~/.codex/"]);
    assert_eq!(Codex.keeps(&session().agent, &env(&[("CODEX_HOME", "/x/")])), vec!["/x/"]);
}
