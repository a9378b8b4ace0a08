//! What a stop, a used-up budget or the death of an engine left half done, and what a later engine makes of it.

use std::collections::BTreeSet;

use super::collisions::check;
use super::plans::{agent, argv, command, each, id, mission, plan};
use super::play::Play;
use crate::amount::{Ceiling, Cost, Millis, TokenUse, Usage, Usd};
use crate::handoff::CheckVerdict;
use crate::kernel::Run;
use crate::kernel::effect::{Effect, StartSession};
use crate::kernel::event::{CancelWhy, Event, Outcome, RunOutcome};
use crate::kernel::fact::{Again, Attended, Began, EndKind, Fact, StopCause};
use crate::mission::model::{Join, Retry, RetryFrom, WorkspaceMode};
use crate::name::TaskId;
use crate::plan::Task;

fn quick() -> Task {
    command().touching(&[])
}

fn held(task: Task) -> Task {
    Task { locks: vec!["port".to_owned()], ..task }
}

fn play(max: u32, tasks: Vec<(&str, Task)>) -> Play {
    let mut plan = plan(WorkspaceMode::Directory, max, tasks);
    plan.budget.ceiling = Ceiling { usd: Some(Usd(1_000_000)), ..Ceiling::NONE };
    Play::of(plan, Attended::No)
}

impl Play {
    fn use_up(&mut self, of: &StartSession) {
        let usage = Usage { tokens: Some(TokenUse::default()), cost: Cost::Reported(Usd(1_000_000)) };
        self.tell(Fact::Used { key: of.key.clone(), usage });
    }

    fn stop(&mut self) {
        self.tell(Fact::Stop(StopCause::Interrupted));
    }

    /// A later engine goes on with more money, and tries this task again.
    fn resume_paid(&mut self, task: &str) {
        self.run = Run::fold(self.events.clone()).unwrap();
        self.open.clear();
        self.tell(Fact::Began(Began::Resumed {
            attended: Attended::No,
            answers: Vec::new(),
            adopted: BTreeSet::new(),
            ceiling: Some(Ceiling::NONE),
            again: Again::Only(id(task)),
            gone: BTreeSet::new(),
        }));
    }

    /// The commands that run.
    fn commands(&self) -> Vec<&str> {
        let task = |effect: &Effect| match effect {
            Effect::StartCommand { key, .. } => self.run.plan().tasks.get_key_value(&key.task).map(|(id, _)| id),
            _ => None,
        };
        self.open.iter().filter_map(task).map(TaskId::as_str).collect()
    }

    fn ends_of(&self, task: &str) -> usize {
        self.count(|event| matches!(event, Event::TaskFinished { task: of, .. } if of.as_str() == task))
    }
}

#[test]
fn clean_up_that_a_person_cancels_is_not_begun_again_by_a_later_engine() {
    let tasks = vec![("a", agent()), ("z", agent().needing(&["a"]).joining(Join::Always))];
    let mut play = play(1, tasks);
    let start = play.session("a");
    play.end_session(&start, EndKind::Refused { why: "no".to_owned() }, &[]);
    play.session("z");
    play.tell(Fact::Cancel { task: id("z"), by: "ada".to_owned() });
    play.lose_from(|event| matches!(event, Event::SessionEnded { task, .. } if task.as_str() == "z"));
    play.resume(Attended::No, Vec::new());
    assert_eq!(*play.outcome("z"), Outcome::Cancelled { why: CancelWhy::Aborted, by: Some("ada".to_owned()) });
    play.done("a");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Cancelled));
}

#[test]
fn what_waits_to_be_tried_again_keeps_its_locks_beside_clean_up() {
    let retry = Retry { max: 1, backoff: Millis::from_secs(1), from: RetryFrom::Base, model: None };
    let tasks = vec![
        ("a", Task { retry, ..held(quick()) }),
        ("b", quick()),
        ("c", Task { priority: 1, ..held(quick().needing(&["b"])) }),
        ("z", held(quick()).needing(&["a"]).joining(Join::Always)),
    ];
    let mut play = play(1, tasks);
    assert_eq!(play.commands(), ["a"]);
    play.exit("a", 1);
    play.wait(Millis::from_mins(1));
    assert_eq!(play.commands(), ["b"], "a is ready again, and there is no slot");
    play.stop();
    play.exit("z", 0);
    play.resume(Attended::No, Vec::new());
    play.exit("b", 0);
    assert_eq!(play.commands(), ["a"], "c waits for the lock that a holds since its first attempt");
}

#[test]
fn clean_up_that_was_cut_off_begins_anew_also_where_one_task_is_tried_again() {
    let tasks = vec![("a", quick()), ("b", held(quick())), ("z", held(quick()).needing(&["b"]).joining(Join::Always))];
    let mut play = play(2, tasks);
    play.exit("a", 1);
    play.stop();
    assert_eq!(play.commands(), ["b", "z"], "that b was stopped is answered at once");
    play.resume_only("a");
    assert_eq!(play.commands(), ["b", "a"], "z waits for b, which goes on");
    play.exit("a", 0);
    play.exit("b", 0);
    play.exit("z", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

fn out_of_budget() -> Play {
    let tasks = vec![
        ("a", Task { priority: 2, ..quick() }),
        ("s", Task { priority: 1, ..agent().touching(&[]) }),
        ("d", quick()),
        ("x", quick().needing(&["d"])),
        ("y", quick().needing(&["a", "d"])),
        ("z", quick().needing(&["x"]).joining(Join::Always)),
    ];
    let mut play = play(1, tasks);
    play.exit("a", 1);
    let start = play.session("s");
    play.use_up(&start);
    play
}

#[test]
fn clean_up_without_a_budget_waits_for_a_slot_that_a_check_has() {
    let clean_up = || quick().needing(&["b"]).joining(Join::Always);
    let tasks = vec![
        ("b", quick()),
        ("c", Task { checks: vec![argv(&["test"])], ..quick() }),
        ("s", agent().touching(&[])),
        ("x", clean_up()),
        ("y", clean_up()),
        ("z", clean_up()),
    ];
    let mut play = play(3, tasks);
    play.exit("c", 0);
    let start = play.session("s");
    play.use_up(&start);
    play.exit("b", 0);
    assert_eq!(play.commands(), ["x", "y"]);
    assert!(play.why("z").contains("one of 3 slots"), "{}", play.why("z"));
    check(&mut play, "c", CheckVerdict::Passed);
    assert!(play.succeeded("c"));
    assert_eq!(play.commands(), ["x", "y", "z"]);
}

/// `a`, what needs it, and clean-up after that, which failed in the second of its two tasks.
fn half_cleaned_up(code: i32) -> Play {
    let inner = vec![("one", quick()), ("two", quick().needing(&["one"]))];
    let clean_up = mission(inner, &[]).needing(&["b"]).joining(Join::Always);
    let tasks = vec![("a", quick()), ("b", quick().needing(&["a"])), ("y", each(&["p"], clean_up))];
    let mut play = play(2, tasks);
    play.exit("a", code);
    if code == 0 {
        play.exit("b", 0);
    }
    play.exit("y[p]/one", 0);
    play.exit("y[p]/two", 1);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Failed));
    play.resume(Attended::No, Vec::new());
    play
}

#[test]
fn clean_up_that_had_failed_begins_anew_with_all_its_parts_after_what_is_tried_again() {
    let mut play = half_cleaned_up(1);
    assert_eq!(play.commands(), ["a"]);
    for task in ["a", "b", "y[p]/one", "y[p]/two"] {
        assert_eq!(play.commands(), [task]);
        play.exit(task, 0);
    }
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn clean_up_that_had_failed_goes_on_where_it_was_after_what_had_ended_well() {
    let mut play = half_cleaned_up(0);
    assert_eq!(play.commands(), ["y[p]/two"]);
    play.exit("y[p]/two", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
    let lists = play.count(|event| matches!(event, Event::Expanded { task, .. } if task.as_str() == "y"));
    assert_eq!(lists, 1, "its list is not read again");
}

const UNPAID: Outcome = Outcome::Cancelled { why: CancelWhy::Budget, by: None };

#[test]
fn what_was_held_back_and_needs_something_cancelled_with_the_run_too_is_cancelled_as_that_was() {
    let mut play = out_of_budget();
    play.exit("z", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Failed));
    play.resume_paid("a");
    play.exit("a", 0);
    assert_eq!(*play.outcome("y"), UNPAID, "d was not tried again");
    assert_eq!(play.run.outcome(), Some(RunOutcome::OutOfBudget));
}

#[test]
fn what_waits_for_something_cancelled_with_the_run_is_cancelled_as_that_was() {
    let mut play = out_of_budget();
    assert_eq!([play.outcome("d"), play.outcome("x")], [&UNPAID, &UNPAID]);
    play.lose_from(|event| matches!(event, Event::TaskFinished { task, .. } if task.as_str() == "x"));
    play.resume_paid("a");
    play.exit("a", 0);
    assert_eq!(*play.outcome("x"), UNPAID);
    play.exit("z", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::OutOfBudget), "{:?}", play.run.fault());
}

#[test]
fn parts_of_a_group_that_was_to_begin_anew_end_once_with_it() {
    let tasks = vec![
        ("a", agent()),
        ("g", each(&["v"], quick().needing(&["a"]))),
        ("j", agent().needing(&["g"]).reworking(&["a"])),
    ];
    let mut play = play(1, tasks);
    play.done("a");
    play.exit("g[v]", 0);
    play.judge("j", "rework");
    assert_eq!(play.run.task_outcome(&id("g[v]")), None, "it runs again once a has");
    let start = play.session("a");
    play.use_up(&start);
    assert_eq!([play.outcome("a"), play.outcome("g")], [&UNPAID, &UNPAID]);
    assert_eq!(play.ends_of("g[v]"), 1, "its first end");
}
