//! Codex.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::agents::harness::{HELD, Kind, ONE, Rig, faulty, say, script, shell, write};
use crate::world::{finish, send, wait_for, wait_within};

fn codex(scenario: &Value) -> Option<Rig> {
    Rig::of(Kind::Codex, scenario)
}

#[test]
fn a_file_is_written_committed_and_merged() {
    let Some(rig) = codex(&script(&[write("hello.txt"), say("Wrote hello.txt.")])) else {
        return;
    };
    rig.mission(ONE).exits(0);
    assert_eq!(rig.world.read("hello.txt").trim_end(), "hello");
    assert_eq!(rig.world.git(["status", "--porcelain"]), "");
    assert_eq!(rig.requests()[0]["body"]["model"], "gpt-5.5");
    assert_eq!((rig.conversations().len(), rig.output()), (1, 40));
    assert_eq!(rig.world.processes(), []);
}

#[test]
fn a_second_round_goes_on_in_the_same_conversation_and_is_counted_once() {
    let scenario = json!({ "scripts": {
        "default": [write("first.txt"), say("Done.")],
        "again": [write("second.txt"), say("Now it is.")],
    } });
    let Some(rig) = codex(&scenario) else { return };
    // The prompt names the check too, and is not to choose the script.
    let check = r#"checks = ["test -e second.txt || { echo '[[scr''ipt:again]]'; exit 1; }"]"#;
    rig.mission(&format!("{ONE}{check}\nrounds = 2\n")).exits(0);
    let read = |name: &str| rig.world.read(name).trim_end().to_owned();
    assert_eq!((read("first.txt"), read("second.txt")), ("hello".to_owned(), "hello".to_owned()));
    let (named, asked) = (rig.conversations(), rig.asked_in());
    assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), 1, "{named:?}");
    assert!(asked.len() >= 4 && asked.iter().all(|id| *id == named[0]), "{asked:?} {named:?}");
    assert_eq!(rig.output(), 20 * 4);
}

#[test]
fn a_rate_limit_that_ends_at_once_is_no_failure() {
    let Some(rig) = codex(&faulty(&json!({ "status": 429, "times": 2, "headers": { "retry-after": "1" } }))) else {
        return;
    };
    rig.mission(ONE).exits(0);
    assert_eq!(rig.statuses()[..2], [429, 429]);
    assert!(rig.events("session-started").iter().all(|event| event["attempt"] == 1), "a limit costs no attempt");
}

#[test]
fn a_usage_limit_is_told_with_its_end() {
    let reset = jiff::Timestamp::now() + Duration::from_secs(2 * 86_400);
    let error = json!({ "type": "usage_limit_reached", "plan_type": "plus", "resets_at": reset.as_second() });
    let Some(rig) = codex(&faulty(&json!({ "status": 429, "times": 0, "error": error }))) else { return };
    let child = rig.start(ONE);
    wait_for("the limit", || !rig.requests().is_empty() && !rig.events("limited").is_empty());
    send(child.id(), Signal::INT);
    let _stopped = finish(child);
    let limited = &rig.events("limited")[0];
    // It is told to the minute.
    let (until, reset) = (limited["until"].as_i64().unwrap(), reset.as_millisecond());
    assert!((reset - 60_000..=reset + 120_000).contains(&until), "{reset}: {limited:#}");
    assert!(limited["why"].as_str().is_some_and(|why| why.contains("hit your usage limit")), "{limited:#}");
    assert_eq!(rig.statuses(), [429]);
}

#[test]
fn a_service_that_fails_is_tried_again() {
    let Some(rig) = codex(&faulty(&json!({ "status": 500, "times": 4 }))) else { return };
    rig.mission(&format!("{ONE}retry = {{ max = 1, backoff = \"10ms\" }}\n")).exits(0);
    assert_eq!(rig.world.read("hello.txt").trim_end(), "hello");
    let told = rig.world.events().iter().map(ToString::to_string).collect::<String>();
    assert!(told.contains("transient"), "{told}");
}

#[test]
fn a_login_that_does_not_hold_is_told_and_not_tried_again() {
    let Some(rig) = codex(&faulty(&json!({ "status": 401, "times": 0 }))) else { return };
    let _failed = rig.mission(&format!("{ONE}retry = {{ max = 2, backoff = \"10ms\" }}\n")).exits(1);
    assert_eq!(rig.class_of("greet"), "misconfigured");
    assert_eq!(rig.events("session-started").len(), 1);
}

#[test]
fn one_that_may_only_read_writes_nothing_and_what_it_was_denied_is_told() {
    let patch = "*** Begin Patch\n*** Add File: hello.txt\n+hi\n*** End Patch\n";
    let scenario = json!({ "scripts": { "default": [
        { "tools": [{ "name": "apply_patch", "custom": patch }] },
        shell("echo x > shell.txt; ls"),
        say("Done."),
    ] } });
    let Some(rig) = codex(&scenario) else { return };
    let ran = rig.mission(&format!("{ONE}permissions = \"read\"\nrounds = 1\n"));
    assert_ne!(ran.code, Some(0), "{ran:?}");
    let ended = rig.events("session-ended")[0]["end"].to_string();
    assert!(ended.contains("writing is blocked by read-only sandbox"), "{ended}");
    let made = rig.world.git(["log", "--all", "--format=", "--name-only"]);
    assert!(!made.contains("hello.txt") && !made.contains("shell.txt"), "{made}");
}

#[test]
fn its_sandbox_lets_it_write_to_its_workspace_and_to_the_git_folder_never() {
    let probe = "git commit --allow-empty -m mine; touch \"$HOME/out\" hello.txt; echo done";
    let Some(rig) = codex(&script(&[shell(probe), say("Done.")])) else { return };
    rig.mission(ONE).exits(0);
    assert_eq!(rig.world.read("hello.txt"), "");
    assert!(!rig.world.git(["log", "--all", "--format=%s"]).contains("mine"));
}

#[test]
fn a_connection_that_never_comes_is_ended_by_the_watchdog() {
    let Some(rig) = codex(&json!({})) else { return };
    let rig = rig.unreachable();
    let _failed = rig.mission(&format!("{ONE}idle_timeout = \"5s\"\nretry = {{ max = 0 }}\n")).exits(1);
    assert_eq!(rig.class_of("greet"), "transient");
    let ended = rig.events("session-ended")[0]["end"].to_string();
    assert!(ended.contains("waiting for network"), "{ended}");
    assert_eq!(rig.world.processes(), []);
}

#[test]
fn a_killed_engine_leaves_no_process_and_goes_on_in_the_same_conversation() {
    let Some(rig) = codex(&script(&[shell(HELD), say("Done.")])) else { return };
    let child = rig.start(ONE);
    rig.waits_for_shells(1);
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    wait_within(Duration::from_secs(5), "no process left", &mut || rig.world.processes().is_empty());
    let before: BTreeSet<String> = rig.asked_in().into_iter().collect();
    rig.run(["run", "resume"]).exits(0);
    let after: BTreeSet<String> = rig.asked_in().into_iter().collect();
    assert_eq!((before.len(), &after), (1, &before), "a conversation began anew");
    assert!(rig.world.project().join("ended").exists());
}
