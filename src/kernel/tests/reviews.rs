//! Sessions that judge the work of others: judges, and reviews.

use std::num::NonZeroU32;

use super::gates::{failure, play};
use super::plans::{agent, argv, command, id, plan, review, robot};
use super::play::Play;
use super::send_back::sent_back;
use crate::amount::Millis;
use crate::handoff::CheckVerdict;
use crate::kernel::event::{Event, FailureClass, RoundReason, RunOutcome, SessionKind};
use crate::kernel::fact::{Attended, EndKind, Fact, Fault, Reset, StopCause};
use crate::mission::model::WorkspaceMode;
use crate::name::{AgentName, Attempt, Round};
use crate::plan::{Plan, Task, TaskKind};

fn with_judges() -> Vec<(&'static str, Task)> {
    let judge = || agent().touching(&[]).needing(&["write"]).reworking(&["write"]);
    vec![("write", agent().touching(&["a/**"])), ("one", judge()), ("two", judge())]
}

#[test]
fn a_judge_without_a_verdict_is_asked_again() {
    let mut play = play(WorkspaceMode::Directory, with_judges());
    play.done("write");
    play.done("one");
    let again = play.judge("one", "approve");
    assert_eq!((again.key.round.get(), again.conversation.is_some()), (2, true));
    assert!(again.prompt.contains("`verdict` is missing"), "{}", again.prompt);
    assert!(play.succeeded("one"));
}

#[test]
fn a_judge_is_told_how_to_judge() {
    let mut play = play(WorkspaceMode::Directory, with_judges());
    assert!(!play.done("write").prompt.contains("verdict"));
    let told = play.done("one").prompt;
    for part in ["## Your verdict", "at most 3 times: `write` (a task).", "verdict: rework", "approve or rework"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let started = play.last(|event| match event {
        Event::SessionStarted { task, prompt, round, .. } if task.as_str() == "one" && round.get() == 1 => {
            Some(prompt.clone())
        }
        _ => None,
    });
    assert_eq!(started, Some(told));
    assert!(play.session("one").prompt.contains("`verdict: approve`"));
}

#[test]
fn a_judge_of_work_that_goes_round_already_judges_again() {
    let mut play = play(WorkspaceMode::Directory, with_judges());
    play.done("write");
    play.judge("one", "rework");
    play.judge("two", "rework");
    assert_eq!(sent_back(&play), ("two".into(), Vec::new(), vec!["two".into()], "no tests for two".into()));
    assert!(play.done("write").prompt.contains("`one` sent it back: no tests for one"));
    play.judge("one", "approve");
    play.judge("two", "approve");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn work_that_has_yet_to_go_round_hears_all_reasons() {
    let mut tasks = with_judges();
    // The second judge has what the writer needs.
    tasks[0].1.locks = vec!["x".to_owned()];
    tasks[2].1.locks = vec!["x".to_owned()];
    let mut play = play(WorkspaceMode::Directory, tasks);
    play.done("write");
    play.judge("one", "rework");
    play.judge("two", "rework");
    let again = play.done("write");
    assert!(again.prompt.contains("`one` sent it back: no tests for one"), "{}", again.prompt);
    assert!(again.prompt.contains("`two` sent it back too: no tests for two"), "{}", again.prompt);
}

fn reviewed() -> Plan {
    let mut build = agent();
    build.review = Some(Box::new(review("robot")));
    build.rounds = NonZeroU32::new(2).unwrap();
    plan(WorkspaceMode::Worktree, 1, vec![("build", build)])
}

#[test]
fn a_reviewer_sees_the_diff_and_its_verdict_decides() {
    let mut play = Play::of(reviewed(), Attended::No);
    let work = play.done("build");
    let read = play.judge("build", "rework");
    assert_eq!((work.kind, read.kind), (SessionKind::Work, SessionKind::Review));
    for part in ["You work.", "> Do it.", "> summary: made it", "> +a new line", "## Your verdict", "approve or rework"]
    {
        assert!(read.prompt.contains(part), "{part}\n{}", read.prompt);
    }
    let remembered = |event: &Event| matches!(event, Event::SessionStarted { prompt, .. } if *prompt == read.prompt);
    assert_eq!(play.count(remembered), 1);
    assert_eq!((read.conversation, read.key.session), (None, work.key.session.next()));
    let work = play.done("build");
    assert_eq!((work.key.round.get(), work.conversation.as_deref()), (2, Some("talk of build, Work")));
    assert!(work.prompt.contains("the review by `worker` gave it back: no tests for build"), "{}", work.prompt);
    let read = play.judge("build", "approve");
    assert_eq!(read.conversation, None, "a round is read with fresh eyes");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_review_that_uses_up_the_rounds_fails_the_attempt() {
    let mut play = Play::of(reviewed(), Attended::No);
    for _ in 0..2 {
        play.done("build");
        play.judge("build", "rework");
    }
    assert_eq!(failure(play.outcome("build")).class, FailureClass::OutOfRounds);
}

#[test]
fn no_verdict_is_never_an_approval() {
    let mut play = Play::of(reviewed(), Attended::No);
    play.done("build");
    play.done("build");
    let again = play.session("build");
    assert_eq!(again.conversation.as_deref(), Some("talk of build, Review"));
    assert!(again.prompt.contains("no verdict"), "{}", again.prompt);
    play.end_session(
        &again,
        EndKind::Exited { code: 1 },
        &[r#"{"status": "done", "summary": "s", "verdict": "approve"}"#],
    );
    let failure = failure(play.outcome("build"));
    assert_eq!(failure.class, FailureClass::Crashed);
    assert_eq!(failure.message, "its review came to no verdict: its agent program exited with 1");
}

#[test]
fn a_review_that_was_cut_off_begins_again_and_the_work_does_not() {
    let mut play = Play::of(reviewed(), Attended::No);
    play.done("build");
    assert!(play.why("build").contains("is being reviewed"), "{}", play.why("build"));
    play.tell(Fact::Stop(StopCause::Interrupted));
    assert_eq!(play.run.outcome(), Some(RunOutcome::Stopped { cause: StopCause::Interrupted }));
    play.resume(Attended::No, Vec::new());
    let read = play.judge("build", "approve");
    assert_eq!((read.kind, read.key.session.get()), (SessionKind::Review, 3));
    assert!(play.succeeded("build"));
    let works = |event: &Event| matches!(event, Event::SessionStarted { kind: SessionKind::Work, .. });
    assert_eq!(play.count(works), 1);
}

#[test]
fn after_a_failure_another_model_tries() {
    let mut build = agent();
    build.retry.max = 1;
    build.retry.model = Some("strong".to_owned());
    let mut plan = plan(WorkspaceMode::Directory, 1, vec![("build", build)]);
    for agent in plan.agents.values_mut() {
        agent.models.insert("strong".to_owned(), "the-large-one".to_owned());
    }
    let mut play = Play::of(plan, Attended::No);
    let first = play.session("build");
    play.end_session(&first, EndKind::Exited { code: 1 }, &[]);
    play.wait(Millis::from_mins(1));
    let second = play.session("build");
    assert_eq!((first.model, second.model.as_deref()), (None, Some("the-large-one")));
}

#[test]
fn a_reviewer_counts_against_the_limits_of_its_agent() {
    let build = || {
        let mut build = command().touching(&[]);
        build.review = Some(Box::new(review("robot")));
        build
    };
    let mut plan = plan(WorkspaceMode::Worktree, 2, vec![("a", build()), ("b", build())]);
    for agent in plan.agents.values_mut() {
        agent.max = NonZeroU32::new(1);
    }
    let mut play = Play::of(plan, Attended::No);
    assert!(play.why("b").contains("waits for agent `robot`"), "{}", play.why("b"));
    play.exit("a", 0);
    play.judge("a", "approve");
    play.exit("b", 0);
    play.judge("b", "approve");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_review_of_a_commands_work_fails_it() {
    let mut build = command();
    build.review = Some(Box::new(review("robot")));
    let mut play = play(WorkspaceMode::Directory, vec![("a", build)]);
    play.exit("a", 0);
    play.judge("a", "rework");
    assert_eq!(failure(play.outcome("a")).message, "the review by `worker` gave it back: no tests for a");
    assert_eq!(failure(play.outcome("a")).class, FailureClass::OutOfRounds);
    assert_eq!(play.count(|event| matches!(event, Event::RoundFailed { reason: RoundReason::Review { .. }, .. })), 0);
}

#[test]
fn a_review_whose_agent_is_limited_waits_for_it_and_the_work_is_not_done_again() {
    for mode in [WorkspaceMode::Worktree, WorkspaceMode::Directory] {
        for (checks, is_agent) in [(0, false), (1, false), (0, true), (1, true)] {
            let mut build = if is_agent { agent() } else { command() };
            build.checks = vec![argv(&["check"]); checks];
            build.review = Some(Box::new(review("reader")));
            let mut other = agent().touching(&[]);
            let TaskKind::Agent(work) = &mut other.kind else { panic!() };
            work.agent = AgentName::parse("reader").unwrap();
            let mut plan = plan(mode, 2, vec![("build", build), ("other", other)]);
            plan.agents.insert(AgentName::parse("reader").unwrap(), robot(None));
            let mut play = Play::of(plan, Attended::No);
            let start = play.session("other");
            let fault = Fault::Limited { reset: Reset::After { wait: Millis::from_mins(1) } };
            play.end_session(&start, EndKind::Failed { fault, why: "not now".to_owned() }, &[]);
            if is_agent {
                play.done("build");
            } else {
                play.exit("build", 0);
            }
            if checks > 0 {
                play.tell(Fact::CheckEnded {
                    task: id("build"),
                    attempt: Attempt::FIRST,
                    round: Round::FIRST,
                    index: 0,
                    verdict: CheckVerdict::Passed,
                    duration: Millis(1),
                    tail: String::new(),
                    changed: Vec::new(),
                });
            }
            let begun = |event: &Event| match event {
                Event::CommandStarted { task, .. } | Event::SessionStarted { task, .. } => task.as_str() == "build",
                _ => false,
            };
            assert_eq!(play.count(begun), 1, "{mode:?}, {checks}, {is_agent}: {}", play.why("build"));
            assert!(play.why("build").contains("`reader`, which is limited"), "{}", play.why("build"));
            play.wait(Millis::from_mins(1));
            assert_eq!(play.judge("build", "approve").kind, SessionKind::Review);
            assert!(play.succeeded("build"), "{mode:?}: {}", play.why("build"));
        }
    }
}
