//! Every transcript, and the traps that are in them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::ClaudeCode;
use crate::agent::tests::spec;
use crate::agent::{Backend as _, Exit, Reader, Said, SessionSpec, Stdin, Stream, Terminal};
use crate::amount::{Ceiling, Cost, Millis, TokenUse, Usage, Usd, WallTime};
use crate::kernel::fact::{EndKind, Fault, Reset};
use crate::mission::model::{BackendKind, Permissions};

fn claude() -> SessionSpec {
    let mut spec = spec();
    spec.agent.backend = BackendKind::ClaudeCode;
    spec.agent.command = vec!["claude".to_owned()];
    spec.path = "/repo".into();
    spec
}

/// What a transcript tells, and its end.
struct Told {
    said: Vec<Said>,
    stream: Stream,
    end: EndKind,
}

impl Told {
    fn of(case: &str) -> Self {
        Self::by(&mut *ClaudeCode.reader(&claude()), case)
    }

    fn by(reader: &mut dyn Reader, case: &str) -> Self {
        let folder = Path::new("tests/fixtures/agents/claude");
        let read = |ending: &str| fs::read_to_string(folder.join(format!("{case}.{ending}"))).unwrap_or_default();
        let meta: Value = serde_json::from_str(&read("meta.json")).unwrap();
        let exit = match i32::try_from(meta["exit"].as_i64().unwrap()).unwrap() {
            code @ 0.. => Exit::Code(code),
            signal => Exit::Signal(-signal),
        };
        let (mut said, mut stream) = (Vec::new(), Stream::default());
        for one in read("ndjson").lines().flat_map(|line| reader.line(line)) {
            stream.note(&one);
            said.push(one);
        }
        let end = reader.ended(&stream, exit, &read("stderr"));
        Self { said, stream, end }
    }

    fn used(&self) -> (TokenUse, u64) {
        let all = self.said.iter().filter_map(|said| if let Said::Used(usage) = said { Some(usage) } else { None });
        all.fold((TokenUse::default(), 0), |(tokens, usd), usage| {
            (tokens + usage.tokens.unwrap(), usd + usage.cost.known().unwrap_or_default().0)
        })
    }

    fn progress(&self) -> Vec<&str> {
        let progress = self.said.iter();
        progress.filter_map(|said| if let Said::Progress(text) = said { Some(text.as_str()) } else { None }).collect()
    }
}

fn failed(fault: Fault) -> String {
    format!("{fault:?}")
}

/// The class of an end, in one word.
fn class(end: &EndKind) -> String {
    if let EndKind::Failed { fault, .. } = end {
        return failed(*fault);
    }
    format!("{end:?}").split([' ', '{']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_transcript_has_its_class() {
    let limited = |reset| failed(Fault::Limited { reset });
    let table = [
        ("success", "Completed".to_owned()),
        ("full_cmdline", "Completed".to_owned()),
        ("partial", "Completed".to_owned()),
        ("resume", "Completed".to_owned()),
        ("json_schema", "Completed".to_owned()),
        ("mcp_alwaysload", "Completed".to_owned()),
        ("cut_stream", "Completed".to_owned()),
        ("err500_then_ok", "Completed".to_owned()),
        ("rate429_then_ok", "Completed".to_owned()),
        ("perm_denied", "Completed".to_owned()),
        ("refusal", "Refused".to_owned()),
        ("conn_refused", failed(Fault::Transient)),
        ("err500", failed(Fault::Transient)),
        ("err529", limited(Reset::Untold)),
        ("rate429_forever", limited(Reset::Untold)),
        ("usage_limit", limited(Reset::At { wall: WallTime(1_795_300_000_000) })),
        ("err400", failed(Fault::Misconfigured)),
        ("err400_credit", failed(Fault::Misconfigured)),
        ("err401", failed(Fault::Misconfigured)),
        ("err403", failed(Fault::Misconfigured)),
        ("err404_model", failed(Fault::Misconfigured)),
        ("no_auth", failed(Fault::Misconfigured)),
        ("bad_flag", failed(Fault::Misconfigured)),
        ("max_budget", failed(Fault::OutOfBudget)),
        ("max_turns", failed(Fault::OutOfTurns)),
        ("max_tokens", failed(Fault::OutOfTurns)),
        ("resume_unknown", failed(Fault::OutOfContext)),
        ("session_in_use", "Exited".to_owned()),
        ("sigint", "Signalled".to_owned()),
        ("sigterm", "Signalled".to_owned()),
        ("sigkill", "Signalled".to_owned()),
    ];
    let found: Vec<(&str, String)> = table.iter().map(|(case, _)| (*case, class(&Told::of(case).end))).collect();
    assert_eq!(found, table);
    let files = fs::read_dir("tests/fixtures/agents/claude").unwrap().count();
    let stderr = 2;
    assert_eq!(files, table.len() * 2 + stderr, "a transcript is in no row of the table");
}

#[test]
fn what_a_person_can_mend_is_said_with_what_to_do() {
    let why = |case: &str| {
        let end = Told::of(case).end;
        let EndKind::Failed { why, .. } = end else { panic!("{case}: {end:?}") };
        why
    };
    assert_eq!(
        why("no_auth"),
        "Not logged in · Please run /login: log in with `claude` or `claude setup-token`, or set ANTHROPIC_API_KEY"
    );
    assert!(why("err401").ends_with("or set ANTHROPIC_API_KEY"), "{}", why("err401"));
    assert_eq!(
        why("err400_credit"),
        "Credit balance is too low: the account behind its key has to be paid for before it can go on"
    );
    assert!(why("err404_model").ends_with("Name another with `model`, or `models` of the agent."));
    assert!(why("bad_flag").contains("unknown option '--no-such-flag'"));
    assert_eq!(why("max_budget"), "Reached maximum budget ($0.01)");
    assert_eq!(why("usage_limit"), "You've hit your 5-hour limit · resets 10:26pm (UTC)");
}

#[test]
fn a_stream_is_told_in_words() {
    let told = Told::of("full_cmdline");
    assert_eq!(told.progress(), ["write hello.txt"]);
    assert_eq!(told.stream.message(), "Done: wrote hello.txt");
    assert_eq!(told.stream.version(), Some("2.1.329"));
    assert_eq!(told.stream.model(), Some("claude-sonnet-5-5"));
    let began = told.said.iter().filter(|said| **said == Said::ToolBegan).count();
    let ended = told.said.iter().filter(|said| **said == Said::ToolEnded).count();
    assert_eq!((began, ended), (1, 1));
    let named = |said: &&Said| matches!(said, Said::Conversation(_));
    assert_eq!(told.said.iter().filter(named).count(), 1);
}

#[test]
fn use_is_counted_once_as_it_comes_and_settled_at_the_end() {
    let told = Told::of("full_cmdline");
    let all = TokenUse { input: 200, output: 40, ..TokenUse::default() };
    assert_eq!(told.used(), (all, 800));
    let steps: Vec<Usage> =
        told.said.iter().filter_map(|said| if let Said::Used(usage) = said { Some(*usage) } else { None }).collect();
    let step = TokenUse { input: 100, output: 20, ..TokenUse::default() };
    assert_eq!(steps[..2], [Usage { tokens: Some(step), cost: Cost::Unknown }; 2]);
    assert_eq!(steps[2], Usage { tokens: Some(TokenUse::default()), cost: Cost::Whole(Usd(800)) });
    // Without events of the service, all of it comes at the end.
    assert_eq!(Told::of("success").used(), (all, 800));
}

#[test]
fn a_cap_that_ends_it_does_not_hide_what_was_used() {
    let told = Told::of("max_budget");
    assert_eq!(told.used(), (TokenUse { input: 5_000, output: 1_000, ..TokenUse::default() }, 20_000));
}

#[test]
fn a_conversation_that_goes_on_is_not_counted_twice() {
    let all = TokenUse { input: 100, output: 20, ..TokenUse::default() };
    assert_eq!(Told::of("resume").used(), (all, 400));
    // An older program tells totals of the conversation only.
    let mut resumed = claude();
    resumed.counted = Usage { tokens: None, cost: Cost::Reported(Usd(800)) };
    let line = fs::read_to_string("tests/fixtures/agents/claude/resume.ndjson").unwrap();
    let line = line.lines().last().unwrap().replace("model_usage_since_last_result", "not_known");
    let said = ClaudeCode.reader(&resumed).line(&line);
    assert_eq!(said[0], Said::Used(Usage { tokens: Some(all), cost: Cost::Whole(Usd(400)) }));
}

#[test]
fn an_interrupted_session_tells_what_it_used() {
    let told = Told::of("sigint");
    assert_eq!(told.used(), (TokenUse { input: 100, output: 20, ..TokenUse::default() }, 400));
    assert_eq!(told.stream.terminal(), None);
}

#[test]
fn what_is_denied_is_told_once() {
    let told = Told::of("perm_denied");
    assert_eq!(told.stream.denied(), ["run touch /tmp/probe"]);
    assert_eq!(told.stream.terminal(), Some(&Terminal::Completed));
}

#[test]
fn tries_of_its_own_are_told_with_their_class() {
    let retries = |case: &str| -> Vec<(Fault, String)> {
        let said = Told::of(case).said.into_iter();
        said.filter_map(|said| if let Said::Retrying(fault, why) = said { Some((fault, why)) } else { None }).collect()
    };
    let limited = |wait| Fault::Limited { reset: Reset::After { wait: Millis(wait) } };
    let told = retries("rate429_then_ok");
    assert_eq!(told[1], (limited(2_282), "the service answers 429 (rate limit)".to_owned()));
    assert_eq!(retries("err500_then_ok")[0].0, Fault::Transient);
    assert_eq!(retries("err401")[0].0, Fault::Misconfigured);
    assert_eq!(retries("conn_refused")[0].1, "the service cannot be reached, or broke off");
}

#[test]
fn a_structured_result_is_a_handoff() {
    assert_eq!(Told::of("json_schema").stream.handoff(), Some(r#"{"status":"ok"}"#));
}

#[test]
fn exit_0_without_an_account_is_no_success() {
    let mut reader = ClaudeCode.reader(&claude());
    let end = reader.ended(&Stream::default(), Exit::Code(0), "");
    assert_eq!(class(&end), failed(Fault::Transient));
}

#[test]
fn lines_that_nobody_knows_say_nothing() {
    let mut reader = ClaudeCode.reader(&claude());
    for line in ["", "no json", "[]", "{}", r#"{"type":7}"#, r#"{"type":"new"}"#, r#"{"type":"assistant","message":1}"#]
    {
        assert_eq!(reader.line(line), [], "{line}");
    }
}

fn args(spec: &SessionSpec) -> Vec<String> {
    ClaudeCode.start(spec).unwrap().args
}

fn after<'a>(args: &'a [String], flag: &str) -> Option<&'a str> {
    let at = args.iter().position(|arg| arg == flag)?;
    args.get(at + 1).map(String::as_str)
}

#[test]
fn the_prompt_goes_in_by_standard_input_whatever_its_length() {
    let mut spec = claude();
    spec.prompt = "x".repeat(1 << 20);
    let invocation = ClaudeCode.start(&spec).unwrap();
    assert_eq!(invocation.stdin, Stdin::Text(spec.prompt.clone()));
    assert!(invocation.args.iter().all(|arg| arg.len() < 1_000));
    assert_eq!(invocation.env["CLAUDE_CODE_MAX_RETRIES"], "3");
    assert_eq!(invocation.env["MINE"], "1");
    assert_eq!(after(&invocation.args, "--model"), Some("m1"));
    spec.prompt = "/clear the table".to_owned();
    let stdin = ClaudeCode.start(&spec).unwrap().stdin;
    assert_eq!(stdin, Stdin::Text("Your task:\n\n/clear the table".to_owned()), "no command of the program's");
}

#[test]
fn a_conversation_is_new_or_goes_on() {
    let mut spec = claude();
    let first = args(&spec);
    let name = after(&first, "--session-id").unwrap().to_owned();
    assert_eq!(name.len(), 36);
    assert_eq!(after(&first, "--resume"), None);
    spec.key.attempt = spec.key.attempt.next();
    assert_ne!(after(&args(&spec), "--session-id"), Some(name.as_str()));
    spec.conversation = Some(name.clone());
    let second = args(&spec);
    assert_eq!(after(&second, "--resume"), Some(name.as_str()));
    assert_eq!(after(&second, "--session-id"), None);
}

#[test]
fn permissions_are_its_own_modes_and_nobody_is_asked() {
    let mut spec = claude();
    let of = |spec: &SessionSpec| {
        let args = args(spec);
        let at = args.iter().position(|arg| arg == "--allowedTools").unwrap();
        (after(&args, "--permission-mode").unwrap().to_owned(), args[at + 1..].to_vec(), args)
    };
    spec.permissions = Permissions::Read;
    let (mode, allowed, args) = of(&spec);
    assert_eq!(mode, "dontAsk");
    assert_eq!(allowed, ["Edit(//w/handoff.md)", "Edit(//w/outputs.json)"]);
    assert_eq!(after(&args, "--permission-prompts"), Some("none"));
    assert_eq!(after(&args, "--setting-sources"), Some("user"));
    assert!(args.contains(&"--strict-mcp-config".to_owned()));
    spec.permissions = Permissions::Edit;
    let (mode, allowed, _) = of(&spec);
    assert_eq!((mode.as_str(), allowed[0].as_str()), ("acceptEdits", "Bash"));
    assert!(!allowed.contains(&"WebFetch".to_owned()));
    spec.permissions = Permissions::Full;
    assert!(of(&spec).1.contains(&"WebFetch".to_owned()));
}

#[test]
fn its_own_cap_is_what_is_left() {
    let mut spec = claude();
    assert_eq!(after(&args(&spec), "--max-budget-usd"), None);
    spec.cap = Ceiling { usd: Some(Usd(1_250_001)), ..Ceiling::NONE };
    assert_eq!(after(&args(&spec), "--max-budget-usd"), Some("1.250001"));
}

#[test]
fn tools_of_the_engine_are_there_at_once() {
    let mut spec = claude();
    spec.socket = Some("/s/tools.sock".into());
    let args = args(&spec);
    let config: Value = serde_json::from_str(after(&args, "--mcp-config").unwrap()).unwrap();
    let server = &config["mcpServers"]["aisdlc"];
    assert_eq!((&server["alwaysLoad"], &server["command"]), (&Value::Bool(true), &Value::from("/bin/ai-sdlc")));
    assert_eq!(args.last().map(String::as_str), Some("mcp__aisdlc"));
}

#[test]
fn its_folder_may_be_elsewhere() {
    let env = |folder: &str| std::iter::once(("CLAUDE_CONFIG_DIR".to_owned(), folder.to_owned())).collect();
    assert_eq!(ClaudeCode.keeps(&spec().agent, &env("/c/")), ["/c/"]);
    assert_eq!(ClaudeCode.keeps(&spec().agent, &std::collections::BTreeMap::new()), ["~/.claude/", "~/.claude.json"]);
}
