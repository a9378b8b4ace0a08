//! Conversations that a program has lost meanwhile.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::Signal;

use crate::agents::harness::{HELD, Kind, ONE, Rig, say, script, shell};
use crate::world::{finish, send};

/// The engine is killed, the program's memory is cleared: the work goes on in a new conversation, in the same attempt
/// and worktree.
fn goes_on_in_another(kind: Kind, memory: &str) {
    let Some(rig) = Rig::of(kind, &script(&[shell(HELD), say("Done.")])) else { return };
    let child = rig.start(ONE);
    rig.waits_for_shells(1);
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    rig.world.is_quiet();
    fs::remove_dir_all(rig.world.home().join(memory)).unwrap();
    rig.run(["run", "resume"]).exits(0);
    assert!(rig.world.project().join("ended").exists(), "it is the same worktree");
    let named: BTreeSet<String> = rig.conversations().into_iter().collect();
    assert_eq!(named.len(), 2, "{named:?}");
    assert!(rig.events("session-started").iter().all(|event| event["attempt"] == 1), "it costs no attempt");
    let ended = rig.events("session-ended");
    let forgot = |event: &&serde_json::Value| event["end"]["how"]["fault"]["class"] == "out-of-context";
    assert_eq!(ended.iter().filter(forgot).count(), 1, "{ended:#?}");
    assert_eq!(rig.events("handing-off")[0]["why"], "context");
}

#[test]
fn claude_code_that_has_lost_its_conversation_begins_another() {
    goes_on_in_another(Kind::Claude, ".claude/projects");
}

#[test]
fn codex_that_has_lost_its_conversation_begins_another() {
    goes_on_in_another(Kind::Codex, ".codex/sessions");
}
