//! Gemini CLI.

use serde_json::{Value, json};

use crate::agents::harness::{Kind, ONE, Rig, say, script, tool};

fn gemini(replies: &[Value]) -> Option<Rig> {
    Rig::of(Kind::Gemini, &script(replies))
}

#[test]
fn a_file_is_written_by_its_tools_and_its_shell_committed_and_merged() {
    let write = tool("write_file", &json!({ "file_path": "hello.txt", "content": "hello\n" }));
    let shell = tool("run_shell_command", &json!({ "command": "echo x > shell.txt", "description": "x" }));
    let Some(rig) = gemini(&[write, shell, say("Done.")]) else { return };
    rig.mission(ONE).exits(0);
    assert_eq!((rig.world.read("hello.txt"), rig.world.read("shell.txt")), ("hello\n".into(), "x\n".into()));
    assert_eq!(rig.conversations().len(), 1);
    // Three answers, and what it asks besides of its own accord.
    assert!(rig.output() >= 60, "{}", rig.output());
    assert_eq!(rig.world.processes(), []);
}

#[test]
fn one_that_may_only_read_writes_nothing_but_its_handoff() {
    let handoff = "---\nstatus: done\nsummary: Looked.\n---\n";
    let hand_over = tool("write_file", &json!({ "file_path": ".ai-sdlc/session/handoff.md", "content": handoff }));
    let write = tool("write_file", &json!({ "file_path": "made.txt", "content": "x" }));
    let Some(rig) = gemini(&[hand_over, write, say("Looked.")]) else { return };
    let _denied = rig.mission(&format!("{ONE}permissions = \"read\"\nrounds = 1\n")).exits(1);
    let ended = rig.events("session-ended")[0]["end"].to_string();
    assert!(ended.contains("edit made.txt: Tool execution denied by policy") && ended.contains("Looked."), "{ended}");
    assert!(!rig.world.git(["log", "--all", "--format=", "--name-only"]).contains("made.txt"));
}
