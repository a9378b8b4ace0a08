//! Conditions, joins, what is optional, and files that are known late.

use super::plans::{command, id, plan};
use super::steps::{NOW, begin, done, failed, names, resumed, started};
use crate::kernel::Run;
use crate::kernel::event::{Event, FailureClass, Outcome, RunOutcome};
use crate::kernel::fact::{Attended, Began, Fact};
use crate::mission::model::{Join, Touches, WorkspaceMode};
use crate::name::TaskId;
use crate::plan::Task;

fn quick() -> Task {
    command().touching(&[])
}

fn class(run: &Run, task: &str) -> Option<FailureClass> {
    match run.task_outcome(&id(task)) {
        Some(Outcome::Failed { failure }) => Some(failure.class),
        _ => None,
    }
}

fn skipped(because: Option<TaskId>) -> Outcome {
    Outcome::Skipped { because }
}

#[test]
fn a_condition_is_looked_at_when_a_task_could_start() {
    let tasks = vec![
        ("a", quick()),
        ("b", quick().needing(&["a"]).joining(Join::AllDone).when("tasks.a.status == 'failed'")),
        ("c", quick().needing(&["a"]).joining(Join::AllDone).when("tasks.a.status == 'succeeded'")),
        ("d", quick().needing(&["c"])),
    ];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    assert_eq!(started(&failed(&mut run, "a")), ["b"]);
    assert_eq!(run.task_outcome(&id("c")), Some(&skipped(None)));
    assert_eq!(run.why(&id("c"), NOW), "skipped: its `when` is false");
    assert_eq!(run.task_outcome(&id("d")), Some(&skipped(Some(id("c")))));
}

#[test]
fn a_condition_that_cannot_be_worked_out_fails_its_task() {
    let tasks = vec![("a", quick().when("1 + 'one' == 2")), ("b", quick().needing(&["a"]))];
    let (run, step) = begin(plan(WorkspaceMode::Directory, 1, tasks));
    assert_eq!(class(&run, "a"), Some(FailureClass::Expression));
    assert!(run.why(&id("a"), NOW).contains("1 + 'one' == 2"), "{}", run.why(&id("a"), NOW));
    assert_eq!(run.task_outcome(&id("b")), Some(&Outcome::Blocked { by: id("a") }));
    assert_eq!(started(&step), [""; 0]);
    assert_eq!(run.outcome(), Some(RunOutcome::Failed));
}

#[test]
fn the_failure_of_what_is_optional_counts_as_skipped() {
    let tasks = vec![
        ("a", quick().optional()),
        ("b", quick().needing(&["a"])),
        ("c", quick().needing(&["a"]).joining(Join::NoneFailed)),
        ("d", quick().needing(&["a"]).joining(Join::AllDone).when("tasks.a.status == 'failed'")),
    ];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    assert_eq!(started(&failed(&mut run, "a")), ["c", "d"]);
    assert_eq!(class(&run, "a"), Some(FailureClass::Exit), "the report tells it");
    assert_eq!(run.task_outcome(&id("b")), Some(&skipped(Some(id("a")))));
    done(&mut run, "c");
    done(&mut run, "d");
    assert_eq!(run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_resume_tries_the_optional_again_and_frees_what_was_skipped_for_it() {
    let tasks =
        vec![("a", quick().optional()), ("b", quick().needing(&["a"])), ("c", quick().needing(&["b"])), ("d", quick())];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    failed(&mut run, "a");
    failed(&mut run, "d");
    assert_eq!(run.outcome(), Some(RunOutcome::Failed));
    let (_, step) = resumed(&run);
    let Some(Event::RunResumed { retried, freed, .. }) = step.events.first() else { panic!("{step:?}") };
    assert_eq!((retried, freed), (&vec![id("a"), id("d")], &vec![id("b"), id("c")]));
}

#[test]
fn an_optional_part_of_a_run_does_not_hold_delivery_back() {
    let tasks = vec![("a", super::plans::agent()), ("b", quick().optional())];
    let mut plan = plan(WorkspaceMode::Worktree, 2, tasks);
    plan.merge.into = Some("main".to_owned());
    let mut world = super::world::World::new(plan, 0, fastrand::Rng::with_seed(1));
    world.fails = Some(id("b"));
    world.tell(Fact::Began(Began::New { attended: Attended::No }));
    world.play_out();
    assert!(matches!(world.run.task_outcome(&id("b")), Some(Outcome::Failed { .. })));
    assert!(world.records.iter().any(|(_, event)| matches!(event, Event::Delivered { .. })));
    assert_eq!(world.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn files_that_are_made_of_outputs_order_tasks_once_they_are_known() {
    let late = |text: &str| Task { late_touches: Some(Touches::Cel(text.to_owned())), ..command().needing(&["a"]) };
    let tasks = vec![
        ("a", quick()),
        ("b", late("['src/one/**']")),
        ("c", late("['src/one/two/**']")),
        ("d", late("['../elsewhere']")),
        ("e", late("['docs/**']")),
    ];
    let plan = plan(WorkspaceMode::Worktree, 4, tasks);
    let mut world = super::world::World::new(plan, 0, fastrand::Rng::with_seed(1));
    world.tell(Fact::Began(Began::New { attended: Attended::No }));
    world.play_out();
    assert_eq!(class(&world.run, "d"), Some(FailureClass::Expression));
    let told = |task: &str| {
        let of = id(task);
        world.records.iter().any(|(_, event)| matches!(event, Event::TouchesKnown { task, .. } if *task == of))
    };
    assert_eq!(["b", "c", "d", "e"].map(told), [true, true, false, true]);
    let at = |task: &str, ends: bool| {
        let of = id(task);
        world.records.iter().position(|(_, event)| match event {
            Event::TaskStarted { task, .. } => !ends && *task == of,
            Event::TaskFinished { task, .. } => ends && *task == of,
            _ => false,
        })
    };
    assert!(at("c", false) > at("b", true), "they may change the same files");
    assert!(at("e", false) < at("b", true), "they may not");
}

#[test]
fn ended_tasks_are_seen_in_every_way_they_can_end() {
    let tasks = vec![
        ("a", quick()),
        ("b", quick().needing(&["a"])),
        ("c", quick().when("false")),
        (
            "d",
            quick()
                .needing(&["a", "b", "c"])
                .joining(Join::AllDone)
                .when("tasks.a.status == 'failed' && tasks.b.status == 'blocked' && tasks.c.status == 'skipped'"),
        ),
    ];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 1, tasks));
    let step = failed(&mut run, "a");
    assert_eq!(started(&step), ["d"], "{:?}", names(&step));
}
