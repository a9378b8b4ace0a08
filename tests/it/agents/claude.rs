//! Claude Code.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::agents::harness::{HELD, KEY, Kind, ONE, ROLE, Rig, faulty, say, script, shell, tool, write};
use crate::world::{Ran, World, finish, send};

fn claude(scenario: &Value) -> Option<Rig> {
    Rig::of(Kind::Claude, scenario)
}

#[test]
fn a_file_is_written_committed_and_merged() {
    let Some(rig) = claude(&script(&[write("hello.txt"), say("Wrote hello.txt.")])) else { return };
    rig.mission(ONE).exits(0);
    assert_eq!(rig.world.read("hello.txt"), "hello\n");
    assert_eq!(rig.world.git(["status", "--porcelain"]), "");
    let model = rig.requests()[0]["body"]["model"].clone();
    assert!(model.as_str().is_some_and(|model| model.starts_with("claude-")), "{model}");
    assert_eq!(rig.conversations().len(), 1);
    assert_eq!(rig.output(), 40);
    assert!(rig.costs().contains(&"whole".to_owned()), "{:?}", rig.costs());
    assert_eq!(rig.world.processes(), []);
    // The person's key is seen by the program, and by nobody who reads what is kept.
    let kept = Command::new("grep").args(["-rlF", KEY]).arg(rig.world.project()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&kept.stdout), "");
    let shown = rig.run(["doctor"]);
    assert!(shown.stdout.contains("claude") && shown.stdout.contains("2.1.329"), "{shown:?}");
}

#[test]
fn a_second_round_goes_on_in_the_same_conversation() {
    let scenario = json!({ "scripts": {
        "default": [write("first.txt"), say("Done.")],
        "again": [write("second.txt"), say("Now it is.")],
    } });
    let Some(rig) = claude(&scenario) else { return };
    // The prompt holds the command; only what it prints is to name the second script.
    let check = r#"checks = ["test -e second.txt || { echo '[[scr''ipt:again]]'; exit 1; }"]"#;
    rig.mission(&format!("{ONE}{check}\nrounds = 2\n")).exits(0);
    assert_eq!((rig.world.read("first.txt"), rig.world.read("second.txt")), ("hello\n".into(), "hello\n".into()));
    let (named, asked) = (rig.conversations(), rig.asked_in());
    assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), 1, "{named:?}");
    assert!(asked.len() >= 4 && asked.iter().all(|id| *id == named[0]), "{asked:?} {named:?}");
    // Each round's tokens once, though the program counts on over the conversation.
    assert_eq!(rig.output(), 20 * 4);
}

#[test]
fn a_rate_limit_that_ends_at_once_is_no_failure() {
    let Some(rig) = claude(&faulty(&json!({ "status": 429, "times": 2, "headers": { "retry-after": "1" } }))) else {
        return;
    };
    rig.mission(ONE).exits(0);
    assert_eq!(rig.statuses()[..2], [429, 429]);
    assert_eq!(rig.events("session-started").len(), 1);
}

#[test]
fn a_usage_limit_is_told_with_its_end_and_waited_for() {
    let reset = jiff::Timestamp::now().as_second() + 25;
    let headers = json!({
        "retry-after": "3600",
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": reset.to_string(),
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
    });
    let error = json!({ "type": "rate_limit_error", "message": "This request would exceed your account's rate limit" });
    let fault = json!({ "status": 429, "times": 1, "headers": headers, "error": error });
    let Some(rig) = claude(&faulty(&fault)) else { return };
    let rig = rig.login("CLAUDE_CODE_OAUTH_TOKEN");
    rig.mission(ONE).exits(0);
    let limited = &rig.events("limited")[0];
    let (at, until) = (limited["at"].as_str().unwrap(), limited["until"].as_i64().unwrap());
    let met: jiff::Timestamp = at.parse().unwrap();
    // Where the machine is slow, the limit may be over before the session is.
    let is_over = met.as_second() >= reset - 1;
    assert!(is_over || until == reset * 1_000, "{reset}: {limited:#}");
    assert!(is_over || limited["by"] == "moment", "{limited:#}");
    assert!(limited["why"].as_str().is_some_and(|why| why.contains("hit your 5-hour limit")), "{limited:#}");
    let began: BTreeSet<u64> =
        rig.events("session-started").iter().filter_map(|event| event["attempt"].as_u64()).collect();
    assert_eq!(began.len(), 1, "a limit costs no attempt");
    assert_eq!(rig.statuses()[0], 429);
    assert!(jiff::Timestamp::now().as_second() >= reset, "it did not wait");
}

#[test]
fn a_service_that_fails_is_tried_again() {
    let Some(rig) = claude(&faulty(&json!({ "status": 500, "times": 5 }))) else { return };
    rig.mission(&format!("{ONE}retry = {{ max = 1, backoff = \"10ms\" }}\n")).exits(0);
    assert_eq!(rig.world.read("hello.txt"), "hello\n");
    let told = rig.world.events().iter().map(ToString::to_string).collect::<String>();
    assert!(told.contains("transient"), "{told}");
    assert_eq!(rig.statuses()[..5], [500; 5]);
}

#[test]
fn a_refusal_is_told_as_one_and_not_tried_again() {
    let refusal = json!({ "text": "I cannot help with that.", "stop": "refusal" });
    let Some(rig) = claude(&script(&[refusal])) else { return };
    rig.mission(&format!("{ONE}retry = {{ max = 2, backoff = \"10ms\" }}\n")).exits(1);
    assert_eq!(rig.class_of("greet"), "refused");
    assert_eq!(rig.events("session-started").len(), 1);
}

#[test]
fn a_login_that_does_not_hold_is_told_with_what_to_do() {
    let Some(rig) = claude(&faulty(&json!({ "status": 403, "times": 0 }))) else { return };
    let ran = rig.mission(&format!("{ONE}retry = {{ max = 2, backoff = \"10ms\" }}\n")).exits(1);
    assert_eq!(rig.class_of("greet"), "misconfigured");
    assert!(ran.stdout.contains("claude setup-token"), "{ran:?}");
    assert_eq!(rig.events("session-started").len(), 1);
}

#[test]
fn one_that_may_only_read_changes_nothing_and_hands_over_all_the_same() {
    let scenario = json!({ "scripts": {
        "default": [
            shell("ls; git log --oneline; echo '[[script:look]]'"),
            shell("touch made.txt"),
            write("made.txt"),
            shell("printf -- '---\\nstatus: done\\nsummary: Looked.\\n---\\n' > \"$AI_SDLC_HANDOFF_OUT\""),
            json!({ "tools": [{ "name": "Write", "input": { "file_path": "${cwd}/.ai-sdlc/session/handoff.md",
                "content": "---\nstatus: done\nsummary: Looked.\n---\n" } }] }),
            say("Looked."),
        ],
    } });
    let Some(rig) = claude(&scenario) else { return };
    let _out_of_rounds = rig.mission(&format!("{ONE}permissions = \"read\"\nrounds = 1\n")).exits(1);
    let ended = &rig.events("session-ended")[0]["end"];
    let denied = ended["denied"].to_string();
    assert!(denied.contains("run touch made.txt") && denied.contains("write made.txt"), "{denied}");
    assert!(ended.to_string().contains("Looked."), "{ended:#}");
    assert!(!rig.world.project().join("made.txt").exists());
    let made = rig.world.git(["log", "--all", "--format=", "--name-only"]);
    assert!(!made.contains("made.txt"), "{made}");
}

#[test]
fn what_would_ask_a_person_is_denied_and_given_back() {
    let fetch = tool("WebFetch", &json!({ "url": "http://127.0.0.1:1/", "prompt": "x" }));
    let Some(rig) = claude(&script(&[fetch, write("hello.txt"), say("Done.")])) else { return };
    let ran = rig.mission(&format!("{ONE}rounds = 1\n")).exits(1);
    assert!(ran.stdout.contains("denied") && ran.stdout.contains("fetch http://127.0.0.1:1/"), "{ran:?}");
}

#[test]
fn a_project_cannot_allow_itself_more() {
    let fetch = tool("WebFetch", &json!({ "url": "http://127.0.0.1:1/", "prompt": "x" }));
    let Some(rig) = claude(&script(&[fetch, say("Done.")])) else { return };
    let mark = rig.world.root().join("tmp/hooked");
    let hook = json!({ "hooks": [{ "type": "command", "command": format!("touch {}", mark.display()) }] });
    let settings = json!({ "permissions": { "allow": ["WebFetch"] }, "hooks": { "SessionStart": [hook] } });
    rig.world.write(".claude/settings.json", &settings.to_string());
    rig.world.write(".mcp.json", r#"{ "mcpServers": { "planted": { "command": "false" } } }"#);
    let _out_of_rounds = rig.mission(&format!("{ONE}rounds = 1\n")).exits(1);
    assert!(!mark.exists(), "a hook of the project ran");
    assert!(rig.events("session-ended")[0]["end"]["denied"].to_string().contains("fetch http"));
}

#[test]
fn its_own_cap_stops_it_after_one_answer() {
    let mut scenario = script(&[write("hello.txt"), write("more.txt"), say("Done.")]);
    scenario["usage"] = json!({ "input": 100_000, "output": 20_000 });
    let Some(rig) = claude(&scenario) else { return };
    let ran = rig.mission(&format!("{ONE}budget = {{ usd = 0.05 }}\n"));
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert_eq!(rig.class_of("greet"), "out-of-budget");
    assert_eq!(rig.statuses(), [200]);
    assert_eq!(rig.output(), 20_000);
}

#[test]
fn an_interrupted_session_tells_its_use_and_goes_on_in_its_conversation() {
    let Some(rig) = claude(&script(&[shell(HELD), say("Done.")])) else { return };
    let child = rig.start(ONE);
    rig.waits_for_shells(1);
    send(child.id(), Signal::INT);
    let _interrupted = finish(child).exits(130);
    assert_eq!(rig.world.processes(), []);
    assert_eq!(rig.output(), 20);
    assert!(rig.costs().iter().all(|basis| basis != "unknown"), "{:?}", rig.costs());
    rig.run(["run", "resume"]).exits(0);
    let named = rig.conversations();
    assert!(rig.asked_in().iter().all(|id| *id == named[0]), "{named:?} {:?}", rig.asked_in());
    assert!(rig.world.project().join("ended").exists());
}

/// A program that says what Claude Code says, and tells what it could do.
const STAND_IN: &str = r#"#!/bin/sh
cat > /dev/null
echo kept > "$HOME/.claude/kept"
echo kept >> "$HOME/.claude.json"
echo astray > "$HOME/astray"
test "$ANTHROPIC_API_KEY" = "sk-fake-0123456789" && echo yes > login.txt
echo "the key is $ANTHROPIC_API_KEY" >&2
echo '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","result":"Done.","total_cost_usd":0,"usage":{}}'
"#;

#[test]
fn its_login_and_its_folder_are_there_for_its_sessions_alone() {
    let world = World::new().confined();
    let program = world.root().join("bin/claude");
    fs::write(&program, STAND_IN).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    world.write("roles/dev.md", ROLE);
    let beside = r#"run = "env > env.txt; echo x > \"$HOME/.claude/planted\" || true""#;
    world.mission(&format!("{ONE}[tasks.beside]\n{beside}\n"));
    let mut command = world.program();
    command.args(["mission", "run", "mission.toml", "--yes"]).env("ANTHROPIC_API_KEY", KEY);
    Ran::of(&command.output().unwrap()).exits(0);
    assert_eq!(world.read("login.txt"), "yes\n");
    assert!(!world.read("env.txt").contains("ANTHROPIC"), "{}", world.read("env.txt"));
    let home = world.home();
    assert_eq!(fs::read_to_string(home.join(".claude/kept")).unwrap(), "kept\n");
    assert_eq!(fs::read_to_string(home.join(".claude.json")).unwrap(), "{}\nkept\n");
    if world.events().iter().any(|event| event["type"] == "sandboxed" && event.to_string().contains("landlock")) {
        assert!(!home.join("astray").exists() && !home.join(".claude/planted").exists());
    }
    let kept = Command::new("grep").args(["-rlF", KEY]).arg(world.project()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&kept.stdout), "");
}
