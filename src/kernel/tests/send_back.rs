//! Work that is sent back, and what goes round with it.

use std::num::NonZeroU32;

use super::gates::{failure, play, quick, with_gate};
use super::plans::{agent, each, gate, id};
use super::play::Play;
use crate::amount::Millis;
use crate::kernel::event::{Event, FailureClass, Outcome, RunOutcome, WorkspaceFrom};
use crate::kernel::fact::{Answer, Attended, EndKind};
use crate::mission::model::{Join, TaskWorkspace, WorkspaceMode};
use crate::name::{Attempt, TaskId};
use crate::plan::Task;

pub(super) fn sent_back(play: &Play) -> (String, Vec<String>, Vec<String>, String) {
    let words = |ids: &[TaskId]| ids.iter().map(ToString::to_string).collect();
    let last = play.last(|event| match event {
        Event::SentBack { by, tasks, again, reason, .. } => {
            Some((by.to_string(), words(tasks), words(again), reason.clone()))
        }
        _ => None,
    });
    last.expect("something is sent back")
}

#[test]
fn a_rejection_with_rework_goes_back_to_the_conversation() {
    let mut play = play(WorkspaceMode::Worktree, with_gate());
    let first = play.done("build");
    play.exit("between", 0);
    let merged = play.count(|event| matches!(event, Event::Merged { .. }));
    play.answer("ask", Answer::Reject, "too slow");
    let (by, tasks, again, reason) = sent_back(&play);
    assert_eq!((by.as_str(), reason.as_str()), ("ask", "too slow"));
    assert_eq!((tasks, again), (vec!["build".to_owned()], vec!["between".to_owned(), "ask".to_owned()]));
    assert_eq!(play.why("between"), "waits for `build`");
    let from = play.last(|event| match event {
        Event::TaskStarted { from, .. } => Some(from.clone()),
        _ => None,
    });
    assert_eq!(from, Some(WorkspaceFrom::Integration), "what it made is merged already");
    let second = play.done("build");
    assert_eq!(second.conversation.as_deref(), Some("talk of build, Work"));
    assert!(second.prompt.contains("`ask` sent it back: too slow"), "{}", second.prompt);
    assert!(second.key.attempt > first.key.attempt, "facts of the first time can change nothing");
    assert_eq!(second.key.round.get(), 1, "its own rounds are counted apart");
    play.exit("between", 0);
    assert!(play.count(|event| matches!(event, Event::Merged { .. })) > merged, "the new work is merged too");
    play.answer("ask", Answer::Approve, "");
    play.exit("out", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn work_is_sent_back_as_often_as_rounds_say() {
    let mut tasks = with_gate();
    tasks[2].1.rounds = NonZeroU32::new(2).unwrap();
    let mut play = play(WorkspaceMode::Directory, tasks);
    for _ in 0..3 {
        play.done("build");
        play.exit("between", 0);
        play.answer("ask", Answer::Reject, "no");
    }
    assert_eq!(failure(play.outcome("ask")).class, FailureClass::SentBackTooOften);
    assert_eq!(play.count(|event| matches!(event, Event::SentBack { .. })), 2);
    play.resume(Attended::Yes, Vec::new());
    play.answer("ask", Answer::Reject, "no");
    assert_eq!(sent_back(&play).0, "ask", "a resume gives it its rounds again");
}

#[test]
fn a_rejection_that_was_remembered_is_acted_upon_by_the_next_engine() {
    let mut play = play(WorkspaceMode::Directory, with_gate());
    play.done("build");
    play.exit("between", 0);
    play.answer("ask", Answer::Reject, "no");
    play.lose_from(|event| matches!(event, Event::SentBack { .. }));
    play.resume(Attended::Yes, Vec::new());
    assert_eq!(sent_back(&play).3, "no");
    assert!(play.session("build").prompt.contains("`ask` sent it back: no"));
}

#[test]
fn what_was_only_blocked_is_freed_when_its_need_goes_round() {
    let mut ask = gate("Go?").needing(&["build"]).reworking(&["build"]);
    ask.join = Join::AllDone;
    let tasks = vec![("build", agent()), ("ask", ask), ("side", quick().needing(&["build"]))];
    let mut play = play(WorkspaceMode::Directory, tasks);
    let start = play.session("build");
    play.end_session(&start, EndKind::Refused { why: "no".to_owned() }, &[]);
    assert_eq!(play.outcome("side"), &Outcome::Blocked { by: id("build") });
    play.answer("ask", Answer::Reject, "please");
    assert!(play.done("build").prompt.contains("please"));
    play.exit("side", 0);
    play.answer("ask", Answer::Approve, "");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_command_that_fails_sends_back_with_its_last_lines() {
    let mut test = quick().needing(&["build"]).reworking(&["build"]);
    test.retry.max = 1;
    test.retry.backoff = Millis(1);
    let mut play = play(WorkspaceMode::Worktree, vec![("build", agent()), ("test", test)]);
    play.done("build");
    play.exit("test", 2);
    assert_eq!(play.count(|event| matches!(event, Event::SentBack { .. })), 0, "it is tried again first");
    play.wait(Millis::from_mins(1));
    play.exit("test", 2);
    assert_eq!(sent_back(&play).3, "`true`: it exited with 2\nthe last lines");
    assert!(play.done("build").prompt.contains("the last lines"));
    play.exit("test", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_worktree_is_not_taken_from_under_what_goes_on_in_it() {
    let with = |first: &str| Task { workspace: TaskWorkspace::With(id(first)), ..agent().needing(&[first]) };
    let tasks = vec![
        ("spec", agent()),
        ("code", with("spec")),
        ("ask", gate("Is it specified?").needing(&["spec"]).reworking(&["spec"])),
    ];
    let mut play = play(WorkspaceMode::Worktree, tasks);
    play.done("spec");
    play.answer("ask", Answer::Reject, "no");
    assert_eq!(play.count(|event| matches!(event, Event::SentBack { .. })), 0, "`code` works there");
    play.done("code");
    assert!(play.succeeded("code"));
    assert_eq!(sent_back(&play).1, ["spec"]);
    play.done("spec");
    play.answer("ask", Answer::Approve, "");
    let merged = play.count(|event| matches!(event, Event::Merged { .. }));
    assert_eq!((play.run.outcome(), merged), (Some(RunOutcome::Succeeded), 2));
}

#[test]
fn a_chain_goes_round_together() {
    let with = |first: &str| Task { workspace: TaskWorkspace::With(id(first)), ..agent().needing(&[first]) };
    let tasks =
        vec![("spec", agent()), ("code", with("spec")), ("ask", gate("Good?").needing(&["code"]).reworking(&["spec"]))];
    let mut play = play(WorkspaceMode::Worktree, tasks);
    play.done("spec");
    play.done("code");
    play.answer("ask", Answer::Reject, "no");
    let from = |play: &Play, name: &str| {
        play.last(|event| match event {
            Event::TaskStarted { task, from, .. } if *task == id(name) => Some(from.clone()),
            _ => None,
        })
    };
    assert_eq!(from(&play, "spec"), Some(WorkspaceFrom::Integration));
    play.done("spec");
    let attempt = Attempt::FIRST.next();
    assert_eq!(from(&play, "code"), Some(WorkspaceFrom::With { task: id("spec"), attempt }));
    play.done("code");
    play.answer("ask", Answer::Approve, "");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn all_parts_of_a_group_go_round() {
    let group = each(&["x", "y"], agent().touching(&[]));
    let tasks = vec![("build", group), ("ask", gate("Good?").needing(&["build"]).reworking(&["build"]))];
    let mut play = play(WorkspaceMode::Directory, tasks);
    play.done("build[x]");
    play.done("build[y]");
    play.answer("ask", Answer::Reject, "no");
    let (_, tasks, again, _) = sent_back(&play);
    assert_eq!((tasks, again), (vec!["build[x]".into(), "build[y]".into()], vec!["build".into(), "ask".into()]));
    for part in ["build[x]", "build[y]"] {
        assert!(!play.succeeded("build"));
        assert!(play.done(part).conversation.is_some());
    }
    play.answer("ask", Answer::Approve, "");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}
