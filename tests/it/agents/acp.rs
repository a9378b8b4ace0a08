//! Programs that speak the Agent Client Protocol.

use std::collections::BTreeSet;

use serde_json::json;

use crate::agents::harness::{Kind, ONE, Rig, asks, say, script, shell, write};

/// A mission through the protocol: it writes, runs a command, calls a tool of the session's own, and comes back for a
/// second round in the same conversation; its login is let through without a word in the mission.
fn works(kind: Kind, command: [&str; 2]) {
    let first = [
        write("hello.txt"),
        shell("echo x > shell.txt"),
        asks("report_progress", &json!({ "text": "half way" })),
        say("Done."),
    ];
    let mut scenario = script(&first);
    scenario["scripts"]["again"] = json!([write("second.txt"), say("Now it is.")]);
    let Some(rig) = Rig::of(kind, &scenario) else { return };
    if kind == Kind::Gemini {
        // A terminal for its commands is none that the sandbox lets.
        rig.sets(&json!({ "tools": { "shell": { "enableInteractiveShell": false } } }));
    }
    let agent = format!("[agents.through]\nbackend = \"acp\"\ncommand = {command:?}\n");
    // The prompt holds the command; only what it prints is to name the second script.
    let check = r#"checks = ["test -e second.txt || { echo '[[scr''ipt:again]]'; exit 1; }"]"#;
    rig.mission_by("through", &format!("{ONE}{check}\nrounds = 2\n{agent}")).exits(0);
    let made = ["hello.txt", "shell.txt", "second.txt"].map(|path| rig.world.read(path));
    assert_eq!(made, ["hello\n", "x\n", "hello\n"].map(str::to_owned));
    assert_eq!(rig.world.git(["status", "--porcelain"]), "");
    // Gemini CLI now and then throws away what it kept of a conversation: then another one goes on.
    let lost = rig.events("handing-off");
    assert!(lost.is_empty() || kind == Kind::Gemini, "{lost:?}");
    assert!(lost.iter().all(|event| event["why"] == "context"), "{lost:?}");
    let named: BTreeSet<String> = rig.conversations().into_iter().collect();
    assert_eq!((named.len(), rig.events("session-started").len()), (1 + lost.len(), 2 + lost.len()), "{named:?}");
    assert!(rig.events("progress").iter().any(|event| event["text"] == "half way"), "{:?}", rig.replies());
    assert!(rig.output() >= 20, "{}", rig.output());
    assert_eq!(rig.world.processes(), []);
}

#[test]
fn gemini_works_through_the_protocol() {
    works(Kind::Gemini, ["gemini", "--acp"]);
}

#[test]
fn opencode_works_through_the_protocol() {
    works(Kind::Opencode, ["opencode", "acp"]);
}
