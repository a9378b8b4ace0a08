//! What is kept beside the work: results of commands, and artifacts.

use super::gates::play;
use super::plans::{agent, command, id, plan};
use super::play::Play;
use crate::kernel::effect::Effect;
use crate::kernel::event::{Artifact, CacheFound, Event, RunOutcome};
use crate::kernel::fact::{Attended, Fact};
use crate::mission::model::{Cache, WorkspaceMode};
use crate::name::Attempt;
use crate::plan::Plan;

fn cached() -> Plan {
    let mut build = command();
    build.cache = Some(Cache { inputs: vec!["src/**".to_owned()], env: Vec::new() });
    plan(WorkspaceMode::Worktree, 1, vec![("build", build)])
}

fn look_up(play: &mut Play, found: CacheFound) {
    let looked = |effect: &Effect| matches!(effect, Effect::LookUpCache { .. }).then_some(());
    play.take(looked);
    play.tell(Fact::CacheLookedUp { task: id("build"), attempt: Attempt::FIRST, found, outputs: None });
}

#[test]
fn a_command_that_was_found_does_not_run_and_goes_on_as_if_it_had() {
    let mut play = Play::of(cached(), Attended::No);
    look_up(&mut play, CacheFound::Hit { run: "other".to_owned(), task: id("build") });
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
    assert_eq!(play.count(|event| matches!(event, Event::Merged { .. })), 1);
    assert!(!play.open.iter().any(|effect| matches!(effect, Effect::StartCommand { .. } | Effect::FillCache { .. })));
}

#[test]
fn a_command_that_was_not_found_runs_is_remembered_and_says_why() {
    let mut play = Play::of(cached(), Attended::No);
    look_up(&mut play, CacheFound::Miss { why: "`src/a.rs` differs".to_owned() });
    assert!(play.why("build").ends_with("; not taken from the cache: `src/a.rs` differs"), "{}", play.why("build"));
    play.exit("build", 0);
    assert!(play.why("build").ends_with("; not taken from the cache: `src/a.rs` differs"), "{}", play.why("build"));
    play.take(|effect| matches!(effect, Effect::FillCache { .. }).then_some(()));
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn artifacts_are_kept_before_the_merge_and_a_failed_copy_is_only_told() {
    let mut build = agent();
    build.artifacts = vec!["report.pdf".to_owned()];
    let mut play = play(WorkspaceMode::Worktree, vec![("build", build)]);
    play.done("build");
    play.take(|effect| matches!(effect, Effect::KeepArtifacts { .. }).then_some(()));
    assert_eq!(play.count(|event| matches!(event, Event::MergeQueued { .. })), 0);
    let artifacts = vec![Artifact { path: "report.pdf".to_owned(), bytes: 7 }];
    let notes = vec!["`big.iso` is too large".to_owned()];
    play.tell(Fact::ArtifactsKept { task: id("build"), attempt: Attempt::FIRST, artifacts, notes });
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
    assert_eq!(play.count(|event| matches!(event, Event::Note { text, .. } if text.contains("big.iso"))), 1);
}
