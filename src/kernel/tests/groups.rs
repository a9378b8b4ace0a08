//! Groups: how they become their parts, and how they end.

use serde_json::json;

use super::plans::{command, each, each_of, id, mission, plan};
use super::steps::{NOW, begin, done, end, failed, key, names, resumed, started};
use crate::kernel::event::{Event, FailureClass, Outcome, RunOutcome};
use crate::kernel::fact::{EndKind, Fact};
use crate::kernel::{Run, Step};
use crate::mission::model::{Join, ListSource, WorkspaceMode};
use crate::name::OutputId;
use crate::plan::{Task, TaskKind};

fn quick() -> Task {
    command().touching(&[])
}

/// Ends a command that hands something over.
fn hand_over(run: &mut Run, task: &str, outputs: &serde_json::Value) -> Step {
    let mut end = end(EndKind::Completed);
    end.outputs = Some(outputs.to_string());
    run.step(Fact::WorkEnded { key: key(task), end }, NOW)
}

fn failure(run: &Run, task: &str) -> (FailureClass, String) {
    match run.task_outcome(&id(task)) {
        Some(Outcome::Failed { failure }) => (failure.class, failure.message.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_value_is_an_instance_and_what_needs_the_group_waits_for_all() {
    let tasks = vec![("a", each(&["x", "y", "z"], quick())), ("b", quick().needing(&["a"]))];
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    assert_eq!(names(&step)[..2], ["run-started", "expanded"]);
    assert_eq!(started(&step), ["a[x]", "a[y]"]);
    assert_eq!(run.why(&id("a"), NOW), "waits for 3 of its 3 instances: `a[x]`, `a[y]`, `a[z]`");
    assert_eq!(started(&done(&mut run, "a[x]")), ["a[z]"]);
    assert_eq!(run.why(&id("a"), NOW), "waits for 2 of its 3 instances: `a[y]`, `a[z]`");
    assert_eq!(started(&done(&mut run, "a[z]")), [""; 0]);
    let step = done(&mut run, "a[y]");
    assert_eq!(names(&step), ["task-finished", "task-finished", "task-ready", "task-started"]);
    assert_eq!(started(&step), ["b"]);
    assert_eq!(run.why(&id("a"), NOW), "succeeded");
    done(&mut run, "b");
    assert_eq!(run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_list_that_a_task_hands_over_becomes_instances_whose_outputs_are_a_list() {
    let list = ListSource::Cel("tasks.a.outputs.parts".to_owned());
    let tasks = vec![
        ("a", quick().giving("parts")),
        ("b", each_of(list, quick().needing(&["a"]).giving("size").optional())),
        ("c", quick().needing(&["b"]).when("tasks.b.outputs.size == [1, null]")),
    ];
    let mut plan = plan(WorkspaceMode::Directory, 2, tasks);
    if let TaskKind::Each(each) = &mut plan.tasks[1].kind {
        each.body.importance = crate::mission::model::Importance::Optional;
    }
    plan.tasks[1].importance = crate::mission::model::Importance::Required;
    let (mut run, _) = begin(plan);
    super::steps::made(&mut run, "a");
    let step = hand_over(&mut run, "a", &json!({"parts": [{"name": "one"}, {"name": "two"}]}));
    assert!(names(&step).contains(&"expanded".to_owned()), "{:?}", names(&step));
    for task in ["b[one]", "b[two]"] {
        super::steps::made(&mut run, task);
    }
    hand_over(&mut run, "b[one]", &json!({"size": 1}));
    let step = failed(&mut run, "b[two]");
    assert!(names(&step).contains(&"outputs-known".to_owned()), "{:?}", names(&step));
    let given = &run.outputs()[&id("b")][&OutputId::parse("size").unwrap()];
    assert_eq!(given, &json!([1, null]));
    assert_eq!(started(&step), ["c"]);
    done(&mut run, "c");
    assert_eq!(run.outcome(), Some(RunOutcome::Succeeded), "what is optional does not count");
}

#[test]
fn an_empty_list_succeeds_with_a_warning() {
    let (run, step) = begin(plan(WorkspaceMode::Directory, 1, vec![("a", each(&[], quick()))]));
    assert_eq!(names(&step), ["run-started", "expanded", "note", "task-finished", "run-finished"]);
    assert!(matches!(&step.events[2], Event::Note { text, .. } if text.contains("empty")));
    assert_eq!(run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_list_that_cannot_be_used_fails_with_nothing_started() {
    let mut many = each(&["x", "y", "z"], quick());
    if let TaskKind::Each(each) = &mut many.kind {
        each.max_instances = std::num::NonZeroU32::new(2).unwrap();
    }
    let alike = each(&["x", "x"], quick());
    let none = each_of(ListSource::Cel("1 + 1".to_owned()), quick());
    for (task, words) in [(many, "`max_instances` is 2"), (alike, "`x`"), (none, "list")] {
        let (run, step) = begin(plan(WorkspaceMode::Directory, 1, vec![("a", task)]));
        assert_eq!(names(&step), ["run-started", "task-finished", "run-finished"]);
        let (class, message) = failure(&run, "a");
        assert_eq!(class, FailureClass::Expression);
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn failed_instances_fail_their_group_and_are_named() {
    let tasks = vec![("a", each(&["v", "w", "x", "y", "z"], quick())), ("b", quick().needing(&["a"]))];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 5, tasks));
    for task in ["a[v]", "a[w]", "a[z]"] {
        done(&mut run, task);
    }
    failed(&mut run, "a[x]");
    assert_eq!(run.task_outcome(&id("a")), None, "one instance still works");
    failed(&mut run, "a[y]");
    assert_eq!(failure(&run, "a"), (FailureClass::Parts, "2 of 5 instances failed: a[x], a[y]".to_owned()));
    assert_eq!(run.task_outcome(&id("b")), Some(&Outcome::Blocked { by: id("a") }));
    assert_eq!(run.outcome(), Some(RunOutcome::Failed));
    let (mut run, step) = resumed(&run);
    let Some(Event::RunResumed { retried, freed, .. }) = step.events.first() else { panic!("{step:?}") };
    assert_eq!((retried, freed), (&vec![id("a"), id("a[x]"), id("a[y]")], &vec![id("b")]));
    assert_eq!(started(&step), ["a[x]", "a[y]"], "what has ended well does not run again");
    assert_eq!(run.why(&id("a"), NOW), "waits for 2 of its 5 instances: `a[x]`, `a[y]`");
    for task in ["a[x]", "a[y]"] {
        done(&mut run, task);
    }
    assert!(matches!(run.task_outcome(&id("a")), Some(Outcome::Succeeded { .. })));
    done(&mut run, "b");
    assert_eq!(run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn the_tasks_of_a_mission_are_parts_and_its_outputs_are_the_groups() {
    let inner = vec![("one", quick().giving("n")), ("two", quick().needing(&["one"]))];
    let tasks = vec![
        ("a", quick()),
        ("m", mission(inner, &[("n", "tasks.one.outputs.n + 1")]).needing(&["a"])),
        ("b", quick().needing(&["m"]).when("tasks.m.outputs.n == 3")),
    ];
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    assert_eq!(started(&step), ["a"]);
    assert_eq!(run.why(&id("m"), NOW), "waits for `a`");
    done(&mut run, "a");
    assert_eq!(run.why(&id("m/two"), NOW), "waits for `m/one`");
    assert_eq!(run.why(&id("m"), NOW), "waits for 2 of its 2 tasks of the mission `inner`: `m/one`, `m/two`");
    super::steps::made(&mut run, "m/one");
    assert_eq!(started(&hand_over(&mut run, "m/one", &json!({"n": 2}))), ["m/two"]);
    assert_eq!(started(&done(&mut run, "m/two")), ["b"]);
}

#[test]
fn groups_within_groups_end_from_the_inside() {
    let inner = vec![("one", each(&["p", "q"], quick())), ("two", quick().needing(&["one"]))];
    let tasks = vec![("m", each(&["x", "y"], mission(inner, &[]))), ("b", quick().needing(&["m"]))];
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 9, tasks));
    assert_eq!(started(&step), ["m[x]/one[p]", "m[x]/one[q]", "m[y]/one[p]", "m[y]/one[q]"]);
    done(&mut run, "m[x]/one[p]");
    assert_eq!(started(&done(&mut run, "m[x]/one[q]")), ["m[x]/two"]);
    failed(&mut run, "m[y]/one[p]");
    done(&mut run, "m[x]/two");
    done(&mut run, "m[y]/one[q]");
    let first = "1 of 2 instances failed: m[y]/one[p]";
    assert_eq!(failure(&run, "m[y]/one"), (FailureClass::Parts, first.to_owned()));
    let second = "1 of 2 tasks of the mission `inner` failed: m[y]/one";
    assert_eq!(failure(&run, "m[y]"), (FailureClass::Parts, second.to_owned()));
    assert_eq!(failure(&run, "m"), (FailureClass::Parts, "1 of 2 instances failed: m[y]".to_owned()));
    assert!(matches!(run.task_outcome(&id("m[x]")), Some(Outcome::Succeeded { .. })));
    let (_, step) = resumed(&run);
    assert_eq!(started(&step), ["m[y]/one[p]"]);
}

#[test]
fn a_group_all_of_whose_parts_are_skipped_is_skipped() {
    let tasks = vec![
        ("a", each(&["x", "y"], quick().when("v == 'none'"))),
        ("b", quick().needing(&["a"])),
        ("c", quick().needing(&["a"]).joining(Join::NoneFailed)),
    ];
    let (run, step) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    assert_eq!(run.task_outcome(&id("a")), Some(&Outcome::Skipped { because: None }));
    assert_eq!(run.task_outcome(&id("b")), Some(&Outcome::Skipped { because: Some(id("a")) }));
    assert_eq!(started(&step), ["c"]);
}

#[test]
fn a_group_tells_what_its_parts_used_and_did() {
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 2, vec![("a", each(&["x", "y"], quick()))]));
    done(&mut run, "a[x]");
    done(&mut run, "a[y]");
    let Some(Outcome::Succeeded { facts, .. }) = run.task_outcome(&id("a")) else { panic!() };
    assert_eq!(facts.duration.0, 20);
}

#[test]
fn parts_keep_the_locks_and_touches_of_all_others_in_mind() {
    let mut held = quick();
    held.locks = vec!["port".to_owned()];
    let tasks = vec![("a", held.clone()), ("b", each(&["x", "y"], held))];
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 3, tasks));
    assert_eq!(started(&step), ["a"]);
    assert_eq!(run.why(&id("b[x]"), NOW), "ready; waits for the lock `port`, which `a` has");
    assert_eq!(started(&done(&mut run, "a")), ["b[x]"]);
    assert_eq!(started(&done(&mut run, "b[x]")), ["b[y]"]);
}

#[test]
fn parts_on_the_longest_path_start_first() {
    let long = Task { estimate: crate::amount::Millis::from_mins(90), ..quick() };
    let inner = || mission(vec![("one", quick())], &[]);
    let tasks = vec![("a", quick()), ("b", inner()), ("c", long.needing(&["b"]))];
    let (_, step) = begin(plan(WorkspaceMode::Directory, 1, tasks));
    assert_eq!(started(&step), ["b/one"], "it is before the longest task");
}

#[test]
fn ten_thousand_instances_are_quick() {
    let values: Vec<String> = (0..10_000).map(|i| format!("v{i}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let tasks = vec![("a", each(&values, command())), ("b", command().needing(&["a"]))];
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    assert_eq!(step.events.len(), 10_003);
    for value in &values {
        done(&mut run, &format!("a[{value}]"));
    }
    done(&mut run, "b");
    assert_eq!(run.outcome(), Some(RunOutcome::Succeeded));
}
