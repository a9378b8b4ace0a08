//! opencode.

use crate::agents::harness::{Kind, ONE, Rig, say, script, shell, write};

#[test]
fn a_file_is_written_committed_and_merged_and_its_cost_told() {
    let replies = [write("hello.txt"), shell("echo x > shell.txt"), say("Done.")];
    let Some(rig) = Rig::of(Kind::Opencode, &script(&replies)) else { return };
    rig.mission(ONE).exits(0);
    assert_eq!((rig.world.read("hello.txt"), rig.world.read("shell.txt")), ("hello\n".into(), "x\n".into()));
    assert_eq!(rig.conversations().len(), 1);
    let costs: Vec<_> = rig.events("usage").into_iter().map(|event| event["usage"]["cost"]["usd"].clone()).collect();
    assert_eq!(costs, [600, 600, 600]);
    assert_eq!(rig.world.processes(), []);
}
