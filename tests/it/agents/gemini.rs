//! Gemini CLI.

use serde_json::{Value, json};

use crate::agents::harness::{Kind, Rig};

const ONE: &str = r#"
[mission]
name = "one"
[merge]
into = "main"
[defaults]
role = "dev"
[tasks.greet]
prompt = "Write hello.txt."
"#;

fn tool(name: &str, input: &Value) -> Value {
    json!({ "tools": [{ "name": name, "input": input }] })
}

fn gemini(replies: &[Value]) -> Option<Rig> {
    Rig::of(Kind::Gemini, &json!({ "scripts": { "default": replies } }))
}

#[test]
fn a_file_is_written_by_its_tools_and_its_shell_committed_and_merged() {
    let write = tool("write_file", &json!({ "file_path": "hello.txt", "content": "hello\n" }));
    let shell = tool("run_shell_command", &json!({ "command": "echo x > shell.txt", "description": "x" }));
    let Some(rig) = gemini(&[write, shell, json!({ "text": "Done." })]) else { return };
    rig.mission(ONE).exits(0);
    assert_eq!((rig.world.read("hello.txt"), rig.world.read("shell.txt")), ("hello\n".into(), "x\n".into()));
    assert_eq!(rig.conversations().len(), 1);
    let used = rig.events("usage").iter().filter_map(|event| event["usage"]["tokens"]["output"].as_u64()).sum::<u64>();
    // Three answers, and what it asks besides of its own accord.
    assert!(used >= 60, "{used}");
    assert_eq!(rig.world.processes(), []);
}

#[test]
fn one_that_may_only_read_writes_nothing_but_its_handoff() {
    let handoff = "---\nstatus: done\nsummary: Looked.\n---\n";
    let hand_over = tool("write_file", &json!({ "file_path": ".ai-sdlc/session/handoff.md", "content": handoff }));
    let write = tool("write_file", &json!({ "file_path": "made.txt", "content": "x" }));
    let Some(rig) = gemini(&[hand_over, write, json!({ "text": "Looked." })]) else { return };
    let _denied = rig.mission(&format!("{ONE}permissions = \"read\"\nrounds = 1\n")).exits(1);
    let ended = rig.events("session-ended")[0]["end"].to_string();
    assert!(ended.contains("edit made.txt: Tool execution denied by policy") && ended.contains("Looked."), "{ended}");
    assert!(!rig.world.git(["log", "--all", "--format=", "--name-only"]).contains("made.txt"));
}
