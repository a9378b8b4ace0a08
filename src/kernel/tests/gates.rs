//! Gates: questions to a person.

use serde_json::json;

use super::plans::{agent, command, gate, id, plan};
use super::play::{Play, an_answer};
use crate::amount::{Ceiling, Millis};
use crate::kernel::event::{Event, Failure, FailureClass, Outcome, RunOutcome};
use crate::kernel::fact::{Answer, Attended, Fact};
use crate::mission::model::WorkspaceMode;
use crate::plan::Task;

pub(super) fn quick() -> Task {
    command().touching(&[])
}

pub(super) fn play(mode: WorkspaceMode, tasks: Vec<(&str, Task)>) -> Play {
    Play::of(plan(mode, 4, tasks), Attended::Yes)
}

pub(super) fn failure(outcome: &Outcome) -> &Failure {
    match outcome {
        Outcome::Failed { failure } => failure,
        other => panic!("{other:?}"),
    }
}

/// build → between → ask, which sends back to build.
pub(super) fn with_gate() -> Vec<(&'static str, Task)> {
    vec![
        ("build", agent()),
        ("between", quick().needing(&["build"])),
        ("ask", gate("Shall {{run.id}} go out?").needing(&["between"]).reworking(&["build"])),
        ("out", quick().needing(&["ask"])),
    ]
}

#[test]
fn a_gate_asks_without_a_slot_and_hands_over_what_the_person_says() {
    let mut play = play(WorkspaceMode::Directory, with_gate());
    play.done("build");
    play.exit("between", 0);
    assert_eq!((play.run.state().slots, play.run.state().gated.len()), (0, 1));
    assert_eq!(
        play.why("ask"),
        "waits for an answer: Shall bcdfghjk go out? (`ai-sdlc run approve bcdfghjk ask`, or \
         `ai-sdlc run reject bcdfghjk ask -m …`)"
    );
    play.answer("ask", Answer::Approve, "fine with me");
    assert_eq!(json!(play.run.outputs()[&id("ask")]), json!({"message": "fine with me"}));
    play.exit("out", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_run_that_only_waits_for_an_absent_person_ends_and_goes_on_with_the_answer() {
    let tasks = vec![("ask", gate("Go?")), ("work", quick()), ("out", quick().needing(&["ask"]))];
    let mut play = Play::of(plan(WorkspaceMode::Directory, 1, tasks), Attended::No);
    assert_eq!(play.run.outcome(), None, "there is still work");
    play.exit("work", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Waiting));
    let (_, binding) = play.asked("ask");
    play.resume(Attended::No, Vec::new());
    assert_eq!(play.run.outcome(), Some(RunOutcome::Waiting), "nobody has answered");
    assert_eq!(play.asked("ask").1, binding, "it is shown again, and nothing has changed");
    assert_eq!(play.count(|event| matches!(event, Event::GateOpened { .. })), 1);
    play.resume(Attended::No, vec![an_answer("ask", Answer::Approve, "", Some(binding))]);
    play.exit("out", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_person_who_leaves_lets_the_run_end() {
    let mut play = play(WorkspaceMode::Directory, vec![("ask", gate("Go?"))]);
    assert_eq!(play.run.outcome(), None);
    play.tell(Fact::Attended(Attended::No));
    assert_eq!(play.run.outcome(), Some(RunOutcome::Waiting));
}

#[test]
fn an_answer_to_what_has_changed_since_is_refused() {
    let mut play = play(WorkspaceMode::Directory, vec![("ask", gate("Go?"))]);
    let (_, binding) = play.asked("ask");
    for shown in [Some("something else".to_owned()), Some(binding)] {
        assert_eq!(play.count(|event| matches!(event, Event::GateAnswered { .. })), 0);
        let (answer, message, by) = (Answer::Approve, String::new(), "ann".to_owned());
        play.tell(Fact::Answered { task: id("ask"), answer, message, by, binding: shown });
    }
    assert!(play.succeeded("ask"));
    assert_eq!(play.asked("ask").0, "Go?", "it was asked again in between");
    let told = play.last(|event| match event {
        Event::Note { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(told.as_deref(), Some("what it showed has changed since that answer; it is asked again"));
}

#[test]
fn a_gate_is_bound_to_what_its_needs_have_made() {
    let bound = |summary: &str| {
        let tasks = vec![("build", agent()), ("ask", gate("Go?").needing(&["build"]))];
        let mut play = play(WorkspaceMode::Directory, tasks);
        play.hand_over("build", &format!(r#"{{"status": "done", "summary": "{summary}"}}"#));
        play.asked("ask").1
    };
    assert_eq!(bound("one"), bound("one"));
    assert_ne!(bound("one"), bound("two"));
}

#[test]
fn a_rejection_without_rework_is_a_failure() {
    let tasks = vec![("ask", gate("Go?")), ("out", quick().needing(&["ask"]))];
    let mut play = play(WorkspaceMode::Directory, tasks);
    play.answer("ask", Answer::Reject, "not today");
    assert_eq!(failure(play.outcome("ask")).class, FailureClass::Rejected);
    assert_eq!(failure(play.outcome("ask")).message, "rejected by `ann`: not today");
    assert_eq!(play.outcome("out"), &Outcome::Blocked { by: id("ask") });
}

#[test]
fn the_time_in_which_only_a_person_is_waited_for_is_not_the_runs() {
    let tasks = vec![("first", quick()), ("ask", gate("Go?").needing(&["first"])), ("out", quick().needing(&["ask"]))];
    let mut plan = plan(WorkspaceMode::Directory, 1, tasks);
    plan.budget.ceiling = Ceiling { time: Some(Millis::from_mins(10)), ..Ceiling::NONE };
    let mut play = Play::of(plan, Attended::Yes);
    play.wait(Millis::from_mins(6));
    play.exit("first", 0);
    play.wait(Millis::from_mins(60));
    play.answer("ask", Answer::Approve, "");
    play.wait(Millis::from_mins(3));
    assert_eq!(play.count(|event| matches!(event, Event::BudgetExceeded { .. })), 0);
    assert_eq!(play.run.state().ledger.time, Millis::from_mins(9), "six before the question and three after it");
    play.wait(Millis::from_mins(1));
    assert_eq!(play.count(|event| matches!(event, Event::BudgetExceeded { .. })), 1);
}
