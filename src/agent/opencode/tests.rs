use serde_json::{Value, json};

use super::Opencode;
use super::lines::Lines;
use crate::agent::fault::tests::evening;
use crate::agent::tests::spec;
use crate::agent::transcripts::{bear, hold, play, play_texts, short};
use crate::agent::{Backend as _, Exit, Reader, Said, SessionSpec, Stdin};
use crate::amount::{Cost, TokenUse};
use crate::mission::model::{BackendKind, Permissions};

fn session(permissions: Permissions) -> SessionSpec {
    let mut spec = spec();
    spec.agent.backend = BackendKind::Opencode;
    spec.agent.command = vec!["opencode".to_owned()];
    spec.model = Some("p/m".to_owned());
    spec.handoff_out = "/w/.ai-sdlc/session/handoff.md".into();
    spec.outputs_file = "/run/task/exchange/outputs.json".into();
    spec.permissions = permissions;
    spec
}

fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(&session(Permissions::Read), evening))
}

fn settings(spec: &SessionSpec) -> Value {
    serde_json::from_str(&Opencode.start(spec).unwrap().env["OPENCODE_CONFIG_CONTENT"]).unwrap()
}

#[test]
fn a_session_is_started_with_its_prompt_on_standard_input() {
    let mut spec = session(Permissions::Edit);
    let invocation = Opencode.start(&spec).unwrap();
    let log = ["--print-logs", "--log-level", "ERROR"];
    assert_eq!(invocation.args, [&["run", "--format", "json", "--auto"], &log[..], &["--model", "p/m"]].concat());
    assert_eq!(invocation.stdin, Stdin::Text("Do {{model}}.".to_owned()));
    spec.conversation = Some("ses_1".to_owned());
    spec.model = None;
    let args = Opencode.start(&spec).unwrap().args;
    assert_eq!(args[args.len() - 2..], ["--session", "ses_1"]);
    assert!(!args.contains(&"--model".to_owned()));
}

#[test]
fn a_model_without_its_provider_is_a_fault_of_configuration() {
    let mut spec = session(Permissions::Edit);
    spec.model = Some("m1".to_owned());
    let error = Opencode.start(&spec).unwrap_err().to_string();
    assert_eq!(error, "opencode knows models as `provider/model`, and this one is named `m1`");
}

#[test]
fn what_it_may_do_is_laid_over_the_persons_configuration() {
    let edit = settings(&session(Permissions::Edit));
    assert_eq!(edit["share"], "disabled");
    let keys: Vec<&String> = edit["permission"]["edit"].as_object().unwrap().keys().collect();
    // The last that matches counts.
    assert_eq!(keys, ["*", "../*", ".ai-sdlc/session/handoff.md", "../*/task/exchange/outputs.json"]);
    assert_eq!(edit["permission"]["edit"]["../*"], "deny");
    let read = session(Permissions::Read);
    let may = &settings(&read)["agent"]["aisdlc-read-bbbbbbbb"]["permission"];
    assert_eq!((&may["*"], &may["edit"]["*"]), (&json!("deny"), &json!("deny")));
    assert_eq!(may["edit"][".ai-sdlc/session/handoff.md"], "allow");
    assert!(may.get("bash").is_none() && may.get("task").is_none());
    assert!(Opencode.start(&read).unwrap().args.windows(2).any(|pair| pair == ["--agent", "aisdlc-read-bbbbbbbb"]));
    assert!(settings(&session(Permissions::Full)).get("permission").is_none());
}

#[test]
fn its_tools_are_told_by_the_configuration() {
    let mut spec = session(Permissions::Edit);
    assert!(settings(&spec).get("mcp").is_none());
    spec.socket = Some("/run/s".into());
    let server = &settings(&spec)["mcp"]["aisdlc"];
    assert_eq!(server["command"], json!(["/bin/ai-sdlc", "mcp"]));
    assert_eq!(server["environment"]["AI_SDLC_SOCKET"], "/run/s");
}

#[test]
fn every_transcript_ends_as_what_it_is() {
    let ok = Exit::Code(0);
    let failed = Exit::Code(1);
    hold(
        "opencode",
        reader,
        &[
            ("conn_refused", Exit::Signal(9), "signalled 9"),
            ("denied_edit", ok, "completed, denied"),
            ("denied_read", ok, "completed, denied"),
            ("err400", failed, "misconfigured"),
            ("err401", failed, "misconfigured"),
            ("err500_forever", Exit::Signal(9), "signalled 9"),
            ("err_model", failed, "misconfigured"),
            ("no_auto", ok, "completed, denied"),
            ("rate429_forever", failed, "limited for 1.0s"),
            ("rate429_then_ok", ok, "completed"),
            ("rate429_waiting", Exit::Signal(9), "signalled 9"),
            ("resume_unknown", failed, "out of context"),
            ("sigint", Exit::Signal(2), "signalled 2"),
            ("sigkill_group", Exit::Signal(9), "signalled 9"),
            ("sigterm", Exit::Signal(15), "signalled 15"),
            ("sigterm_group", Exit::Signal(15), "signalled 15"),
            ("skills", ok, "completed"),
            ("success", ok, "completed"),
            ("success_anthropic", ok, "completed"),
            ("too_long", failed, "exited 1"),
        ],
    );
}

#[test]
fn a_step_that_follows_an_error_takes_it_back() {
    let error = r#"{"type":"error","error":{"name":"ContextOverflowError","data":{"message":"too long"}}}"#;
    let step = r#"{"type":"step_start"}"#;
    let stop = r#"{"type":"step_finish","part":{"reason":"stop"}}"#;
    let ended = |lines: &[&str]| play_texts(&lines.join("\n"), "", reader(), Exit::Code(0)).ended();
    assert_eq!(ended(&[error]), "out of context");
    assert_eq!(ended(&[error, step, stop]), "completed");
    assert_eq!(ended(&[step, stop, error]), "out of context");
    assert_eq!(ended(&[step, stop, step]), "exited 0", "a step that was begun and not ended");
    for (reason, expected) in [("length", "out of turns"), ("content-filter", "refused"), ("tool-calls", "exited 0")] {
        assert_eq!(ended(&[&stop.replace("stop", reason)]), expected);
    }
}

#[test]
fn a_reader_bears_what_it_does_not_know() {
    bear("opencode", reader);
}

#[test]
fn what_it_does_is_told_in_words() {
    let played = play("opencode", "success", reader(), Exit::Code(0));
    assert_eq!(played.said[0], Said::Conversation("ses_e02799dd9ffehxRIbWdNMNjGNH".to_owned()));
    assert!(played.progress().contains(&"edit /repo/hello.txt"));
    assert_eq!(played.stream.message(), "Done: wrote hello.txt");
    assert_eq!(played.used(), (TokenUse { input: 200, output: 40, ..TokenUse::default() }, 1_200));
}

#[test]
fn a_price_of_nothing_is_not_known() {
    let line = r#"{"type":"step_finish","part":{"reason":"stop","cost":0,"tokens":{"input":7,"output":1,"cache":{"read":3,"write":2}}}}"#;
    let said = reader().line(line);
    let tokens = TokenUse { input: 7, output: 1, reasoning: 0, cache_write: 2, cache_read: 3 };
    assert!(matches!(&said[0], Said::Used(usage) if usage.tokens == Some(tokens) && usage.cost == Cost::Unknown));
}

#[test]
fn trying_again_is_told_in_its_log_alone() {
    for (case, times) in [("conn_refused", 5), ("err500_forever", 2), ("rate429_waiting", 3)] {
        let played = play("opencode", case, reader(), Exit::Signal(9));
        let retried: Vec<String> = played.retried().into_iter().map(short).collect();
        assert_eq!(retried, vec!["transient"; times], "{case}");
        assert!(played.stream.retrying().is_some());
    }
}

#[test]
fn what_a_rule_forbids_is_told() {
    let played = play("opencode", "denied_read", reader(), Exit::Code(0));
    let rule = "The user has specified a rule which prevents you from using this specific tool call.";
    let denied = played.stream.denied();
    assert_eq!(denied[0], format!("edit /repo/h.txt: {rule}"));
    assert_eq!(denied.last().unwrap(), "bash: this session may only read");
}

#[test]
fn where_it_keeps_its_own_is_known() {
    let env = [("XDG_DATA_HOME".to_owned(), "/data/".to_owned())].into();
    let kept = Opencode.keeps(&spec().agent, &env);
    assert_eq!(kept[..2], ["/data/opencode/", "~/.local/state/opencode/"]);
}

#[test]
fn what_opens_more_than_a_model_is_not_let_through_unasked() {
    let passes = Opencode.passes(&spec().agent);
    assert!(passes.contains(&"OPENAI_API_KEY"));
    assert!(!passes.iter().any(|name| name.starts_with("AWS") || name.starts_with("AZURE")), "{passes:?}");
}
