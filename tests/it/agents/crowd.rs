//! Several sessions of Claude Code at once: what they share, what they may spend, what is left of them.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::agents::harness::{HELD, Kind, Rig, at_once, say, script, shell};
use crate::world::{finish, send, wait_within};

/// Twenty requests a minute and two at a time are less than three sessions want: each of them takes seven.
#[test]
fn three_sessions_share_what_a_service_allows_and_lose_no_attempt() {
    let mut replies = vec![shell("echo once more"); 6];
    replies.push(say("Done."));
    let mut scenario = script(&replies);
    scenario["limits"] = json!({ "rpm": 20, "concurrent": 2, "retry_after": 1 });
    scenario["latency_ms"] = json!(200);
    let Some(rig) = Rig::of(Kind::Claude, &scenario) else { return };
    rig.mission(&at_once(3)).exits(0);
    let answers = rig.statuses();
    let refused = answers.iter().filter(|status| **status == 429).count();
    let pauses = rig.events("limited");
    println!("{refused} of {} requests were answered 429, {} pauses", answers.len(), pauses.len());
    assert!(answers.len() - refused > 20 && refused > 0, "{answers:?}");
    assert!(pauses.iter().all(|pause| pause["why"].as_str().is_some_and(|why| !why.is_empty())), "{pauses:#?}");
    assert!(rig.events("session-started").iter().all(|event| event["attempt"] == 1), "a limit costs no attempt");
}

#[test]
fn a_killed_engine_leaves_none_of_their_processes_and_all_go_on_in_their_conversations() {
    let Some(rig) = Rig::of(Kind::Claude, &script(&[shell(HELD), say("Done.")])) else { return };
    let child = rig.start(&at_once(4));
    rig.waits_for_shells(4);
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    wait_within(Duration::from_secs(5), "no process left", &mut || rig.world.processes().is_empty());
    let before: BTreeSet<String> = rig.asked_in().into_iter().collect();
    assert_eq!(before.len(), 4);
    rig.run(["run", "resume"]).exits(0);
    let after: BTreeSet<String> = rig.asked_in().into_iter().collect();
    assert_eq!(after, before, "a conversation began anew");
    assert_eq!(rig.world.processes(), []);
}

/// What one answer of the model costs: five thousand tokens of `claude-sonnet-5-5`, in millionths of a dollar.
const STEP: u64 = 50_000;

fn micro(usage: &Value) -> u64 {
    usage["usd_micro"].as_u64().unwrap_or_else(|| panic!("{usage}"))
}

/// Eight tasks want half a dollar each, and there is one dollar. It is spent and no more than a step of each session
/// besides; it counts when there is more.
#[test]
fn a_dollar_over_eight_tasks() {
    const SLOTS: u64 = 3;
    let mut replies = vec![shell("echo once more"); 9];
    replies.push(say("Done."));
    let mut scenario = script(&replies);
    scenario["usage"] = json!({ "input": 0, "output": 5_000 });
    let Some(rig) = Rig::of(Kind::Claude, &scenario) else { return };
    let many = at_once(8).replace("max = 8", &format!("max = {SLOTS}"));
    let dollar = "[budget]\nusd = 1.0\n[defaults]\nmodel = \"claude-sonnet-5-5\"\n";
    let ran = rig.mission(&many.replace("[defaults]\n", dollar)).exits(4);
    assert!(ran.stdout.contains("run resume") && ran.stdout.contains("--budget-usd"), "{ran:?}");
    let spent = micro(&rig.world.report()["usage"]);
    let answered = || rig.statuses().iter().filter(|status| **status == 200).count();
    println!("{spent} of 1000000 spent, {} answers", answered());
    assert!((1_000_000 - STEP..1_000_000 + SLOTS * STEP).contains(&spent), "{spent}");
    assert_eq!(rig.world.processes(), []);

    let _nothing_is_left = rig.run(["run", "resume"]).exits(4);
    let again = micro(&rig.world.report()["usage"]);
    assert!(again < 1_000_000 + SLOTS * STEP, "{again} after {spent}");
    rig.run(["run", "resume", "--budget-usd", "100"]).exits(0);
    let whole = micro(&rig.world.report()["usage"]);
    println!("{whole} in all, {} answers", answered());
    assert!(whole >= 8 * 10 * STEP && whole > spent, "{whole} after {spent}");
}
