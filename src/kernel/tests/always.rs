//! Clean-up: what runs also after a stop.

use super::plans::{agent, command, each, id, mission, plan};
use super::play::Play;
use super::steps::{NOW, begin, done, end, failed, key, made, names, resumed, started};
use crate::amount::{At, Ceiling, Cost, Millis, TokenUse, Usage, Usd};
use crate::kernel::effect::Effect;
use crate::kernel::event::{CancelWhy, Event, FailureClass, Outcome, RunOutcome};
use crate::kernel::fact::{Attended, EndKind, Fact, Fault, Reset, StopCause, StopWhy};
use crate::kernel::{Run, Step};
use crate::mission::model::{Join, OnExceeded, WorkspaceMode};
use crate::plan::{Plan, Task};

fn quick() -> Task {
    command().touching(&[])
}

fn cleaning(needs: &[&str]) -> Task {
    quick().needing(needs).joining(Join::Always)
}

fn stop(run: &mut Run) -> Step {
    run.step(Fact::Stop(StopCause::Interrupted), NOW)
}

fn stopped(run: &mut Run, task: &str) -> Step {
    let how = EndKind::Stopped { why: StopWhy::Interrupt };
    run.step(Fact::WorkEnded { key: key(task), end: end(how) }, NOW)
}

#[test]
fn clean_up_runs_after_a_failure() {
    let tasks = vec![("a", quick()), ("b", quick().needing(&["a"])), ("z", cleaning(&["b"]))];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 1, tasks));
    assert_eq!(started(&failed(&mut run, "a")), ["z"]);
    done(&mut run, "z");
    assert_eq!(run.outcome(), Some(RunOutcome::Failed));
}

#[test]
fn clean_up_runs_after_a_stop_and_the_run_ends_after_it() {
    let tasks = vec![
        ("a", quick()),
        ("b", quick().needing(&["a"])),
        ("d", quick().needing(&["b"]).joining(Join::AllDone)),
        ("y", cleaning(&["b"])),
        ("z", cleaning(&["y"])),
    ];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 1, tasks));
    let step = stop(&mut run);
    assert_eq!(names(&step), ["run-stopping", "stopping", "note"]);
    let Some(Event::Note { text, .. }) = step.events.last() else { panic!() };
    assert_eq!(text, "clean-up goes on: `y`, `z`; stopping a second time ends it too");
    assert!(!run.cleans_up());
    let step = stopped(&mut run, "a");
    assert_eq!(started(&step), ["y"], "only clean-up starts, though `a` keeps the one slot");
    assert!(run.cleans_up() && run.outlives_stop(&id("y")) && !run.outlives_stop(&id("a")));
    assert_eq!(run.outcome(), None);
    assert_eq!(stop(&mut run), Step::default(), "a second stop is the driver's");
    assert_eq!(started(&done(&mut run, "y")), ["z"]);
    done(&mut run, "z");
    assert_eq!(run.outcome(), Some(RunOutcome::Stopped { cause: StopCause::Interrupted }));
    assert_eq!(run.task_outcome(&id("d")), None);
    let (mut run, step) = super::steps::resume(run);
    let Some(Event::RunResumed { freed, .. }) = step.events.first() else { panic!("{step:?}") };
    assert_eq!(*freed, [id("y"), id("z")], "what goes on is cleaned up after again");
    let again = |task: &str, session: u32| {
        let mut key = key(task);
        for _ in 1..session {
            key.session = key.session.next();
        }
        key
    };
    assert_eq!(started(&step), ["a"]);
    run.step(Fact::WorkEnded { key: again("a", 2), end: end(EndKind::Completed) }, NOW);
    assert_eq!(run.why(&id("y"), NOW), "waits for `b`");
}

#[test]
fn clean_up_under_way_is_not_stopped() {
    let tasks = vec![("a", quick()), ("z", cleaning(&[]))];
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    assert_eq!(started(&step), ["a", "z"]);
    let step = stop(&mut run);
    let stops: Vec<&Effect> = step.effects.iter().filter(|e| matches!(e, Effect::StopWork { .. })).collect();
    assert!(matches!(stops[..], [Effect::StopWork { key, .. }] if key.task == id("a")), "{stops:?}");
    stopped(&mut run, "a");
    assert_eq!(run.outcome(), None);
    done(&mut run, "z");
    assert_eq!(run.outcome(), Some(RunOutcome::Stopped { cause: StopCause::Interrupted }));
}

#[test]
fn clean_up_ends_by_its_own_timeout() {
    let tasks = vec![("a", quick()), ("z", Task { timeout: Millis::from_secs(20), ..cleaning(&["a"]) })];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    stop(&mut run);
    stopped(&mut run, "a");
    let late = At { mono: Millis::from_secs(20), ..NOW };
    let step = run.step(Fact::Tick, late);
    assert!(matches!(&step.effects[..], [Effect::StopWork { why: StopWhy::Timeout, .. }]), "{step:?}");
    run.step(Fact::WorkEnded { key: key("z"), end: end(EndKind::Stopped { why: StopWhy::Timeout }) }, late);
    assert!(matches!(run.task_outcome(&id("z")), Some(Outcome::Failed { .. })));
    assert!(run.is_over());
}

#[test]
fn a_fault_starts_no_clean_up() {
    let tasks = vec![("a", quick()), ("z", cleaning(&["a"]))];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    run.step(Fact::EngineFault { why: "the disk is full".to_owned() }, NOW);
    let step = stopped(&mut run, "a");
    assert_eq!(started(&step), [""; 0]);
    assert_eq!(run.outcome(), Some(RunOutcome::EngineFault));
}

#[test]
fn clean_up_takes_locks_from_what_is_suspended_and_gives_them_back() {
    let held = |task: Task| Task { locks: vec!["port".to_owned()], ..task };
    let tasks = vec![("a", held(quick())), ("z", held(cleaning(&["a"])))];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    stop(&mut run);
    assert_eq!(started(&stopped(&mut run, "a")), ["z"]);
    done(&mut run, "z");
    let (run, step) = super::steps::resume(run);
    assert_eq!(started(&step), ["a"]);
    let holders = run.state().holds.all().collect::<Vec<_>>();
    assert_eq!(holders, [crate::kernel::graph::Graph::find(run.plan(), &id("a")).unwrap()]);
}

#[test]
fn clean_up_runs_when_the_budget_is_used_up() {
    for (policy, left) in
        [(OnExceeded::Stop, Some(Outcome::Cancelled { why: CancelWhy::Budget, by: None })), (OnExceeded::Pause, None)]
    {
        let tasks = vec![
            ("a", agent().touching(&[])),
            ("d", quick().needing(&["a"]).joining(Join::AllDone)),
            ("y", agent().touching(&[]).needing(&["a"]).joining(Join::Always)),
            ("z", cleaning(&["a"])),
        ];
        let mut plan = plan(WorkspaceMode::Directory, 2, tasks);
        plan.budget.ceiling = Ceiling { usd: Some(Usd(1_000_000)), ..Ceiling::NONE };
        plan.budget.on_exceeded = policy;
        let (mut run, _) = begin(plan);
        made(&mut run, "a");
        let usage = Usage { tokens: Some(TokenUse::default()), cost: Cost::Reported(Usd(1_000_000)) };
        run.step(Fact::Used { key: key("a"), usage }, NOW);
        let how = EndKind::Stopped { why: StopWhy::Budget };
        let step = run.step(Fact::WorkEnded { key: key("a"), end: end(how) }, NOW);
        assert_eq!(started(&step), ["z"], "{policy:?}: {step:?}");
        done(&mut run, "z");
        assert_eq!(run.outcome(), Some(RunOutcome::OutOfBudget));
        for task in ["a", "d", "y"] {
            assert_eq!(run.task_outcome(&id(task)), left.as_ref(), "{task}: there is no money for an agent's clean-up");
        }
    }
}

/// A minute and a dollar.
fn budgeted(policy: OnExceeded, tasks: Vec<(&str, Task)>) -> Plan {
    let mut plan = plan(WorkspaceMode::Directory, 2, tasks);
    plan.budget.ceiling = Ceiling { usd: Some(Usd(1_000_000)), time: Some(Millis::from_mins(1)), ..Ceiling::NONE };
    plan.budget.on_exceeded = policy;
    plan
}

const TIME_IS_UP: At = At { mono: Millis::from_mins(1), ..NOW };

fn stops(step: &Step) -> Vec<&str> {
    let stops = step.effects.iter().filter_map(|effect| match effect {
        Effect::StopWork { key, why: StopWhy::Budget } => Some(key.task.as_str()),
        _ => None,
    });
    stops.collect()
}

fn uses(run: &mut Run, task: &str, usd: u64) -> Step {
    let usage = Usage { tokens: Some(TokenUse::default()), cost: Cost::Reported(Usd(usd)) };
    run.step(Fact::Used { key: key(task), usage }, TIME_IS_UP)
}

#[test]
fn clean_up_after_the_time_is_used_up_keeps_within_the_money() {
    for policy in [OnExceeded::Stop, OnExceeded::Pause] {
        let cleans = agent().touching(&[]).needing(&["a"]).joining(Join::Always);
        let mut run = begin(budgeted(policy, vec![("a", quick()), ("z", cleans)])).0;
        assert_eq!(stops(&run.step(Fact::Tick, TIME_IS_UP)), ["a"]);
        let stopped = EndKind::Stopped { why: StopWhy::Budget };
        run.step(Fact::WorkEnded { key: key("a"), end: end(stopped.clone()) }, TIME_IS_UP);
        made(&mut run, "z");
        assert_eq!(stops(&uses(&mut run, "z", 900_000)), [""; 0], "{policy:?}: there is money left");
        assert_eq!(stops(&uses(&mut run, "z", 100_000)), ["z"], "{policy:?}");
        assert_eq!(stops(&uses(&mut run, "z", 100_000)), [""; 0], "{policy:?}: it is being stopped");
        run.step(Fact::WorkEnded { key: key("z"), end: end(stopped) }, TIME_IS_UP);
        assert_eq!(run.outcome(), Some(RunOutcome::OutOfBudget));
    }
}

#[test]
fn clean_up_at_work_goes_on_when_only_the_time_is_used_up() {
    for policy in [OnExceeded::Stop, OnExceeded::Pause] {
        let mut run =
            begin(budgeted(policy, vec![("a", quick()), ("z", agent().touching(&[]).joining(Join::Always))])).0;
        made(&mut run, "z");
        assert_eq!(stops(&run.step(Fact::Tick, TIME_IS_UP)), ["a"], "{policy:?}");
        let end_of_z = Fact::WorkEnded { key: key("z"), end: end(EndKind::Completed) };
        run.step(end_of_z, TIME_IS_UP);
        assert!(matches!(run.task_outcome(&id("z")), Some(Outcome::Succeeded { .. })), "{policy:?}");
    }
}

#[test]
fn a_command_that_outlives_the_money_does_not_outlive_the_time() {
    let mut run = begin(budgeted(OnExceeded::Stop, vec![("a", agent().touching(&[])), ("b", quick())])).0;
    made(&mut run, "a");
    let usage = Usage { tokens: Some(TokenUse::default()), cost: Cost::Reported(Usd(1_000_000)) };
    assert_eq!(stops(&run.step(Fact::Used { key: key("a"), usage }, NOW)), ["a"]);
    assert_eq!(stops(&run.step(Fact::Tick, TIME_IS_UP)), ["b"]);
}

#[test]
fn clean_up_does_not_wait_for_its_agent_when_the_budget_is_used_up() {
    let cleans = || agent().touching(&["a/**"]).joining(Join::Always);
    let mut play = Play::of(
        Plan {
            max: std::num::NonZeroU32::MIN,
            ..budgeted(OnExceeded::Stop, vec![("y", cleans()), ("z", cleaning(&["y"]))])
        },
        Attended::No,
    );
    play.wait(Millis::from_mins(1));
    let start = play.session("y");
    let fault = Fault::Limited { reset: Reset::After { wait: Millis::from_mins(1) } };
    play.end_session(&start, EndKind::Failed { fault, why: "not now".to_owned() }, &[]);
    let Outcome::Failed { failure } = play.outcome("y") else { panic!("{:?}", play.outcome("y")) };
    assert_eq!(failure.class, FailureClass::Limited);
    play.exit("z", 0);
    assert!(play.succeeded("z"));
}

#[test]
fn clean_up_that_nobody_can_pay_stands_in_the_way_of_no_other() {
    // Under the ceiling too, where less is left than a session needs.
    for (policy, used) in [(OnExceeded::Stop, 1_000_000), (OnExceeded::Pause, 1_000_000), (OnExceeded::Stop, 999_000)] {
        let held = |task: Task| Task { locks: vec!["port".to_owned()], ..task };
        let mut first = held(agent().touching(&[]).joining(Join::Always));
        first.retry.max = 1;
        let tasks = vec![("a", agent().touching(&[])), ("y", first), ("z", held(cleaning(&["a"])))];
        let mut play = Play::of(budgeted(policy, tasks), Attended::No);
        let start = play.session("y");
        play.end_session(&start, EndKind::Exited { code: 1 }, &[]);
        let usage = Usage { tokens: Some(TokenUse::default()), cost: Cost::Reported(Usd(used)) };
        let key = play.session("a").key;
        play.tell(Fact::Used { key, usage });
        if policy == OnExceeded::Stop {
            play.tell(Fact::Stop(StopCause::Interrupted));
        }
        play.exit("z", 0);
        assert!(play.succeeded("z"), "{policy:?}, {used}");
        assert!(play.run.is_over(), "{policy:?}, {used}: {}", play.why("y"));
    }
}

#[test]
fn clean_up_runs_when_the_budget_is_used_up_during_a_pause() {
    for policy in [OnExceeded::Stop, OnExceeded::Pause] {
        let tasks = vec![("a", quick()), ("b", quick().needing(&["a"])), ("z", cleaning(&["b"]))];
        let mut play = Play::of(budgeted(policy, tasks), Attended::No);
        play.tell(Fact::Pause { by: "ada".to_owned() });
        play.wait(Millis::from_mins(1));
        play.exit("z", 0);
        assert!(play.succeeded("z"), "{policy:?}");
        assert_eq!(play.run.outcome(), Some(RunOutcome::OutOfBudget), "{policy:?}");
    }
}

#[test]
fn a_group_that_runs_always_runs_with_all_its_parts() {
    let inner = vec![("one", quick()), ("two", quick().needing(&["one"]))];
    let tasks = vec![
        ("a", quick()),
        ("y", each(&["p", "q"], cleaning(&["a"]))),
        ("z", mission(inner, &[]).needing(&["y"]).joining(Join::Always)),
    ];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    stop(&mut run);
    assert_eq!(started(&stopped(&mut run, "a")), ["y[p]", "y[q]"]);
    done(&mut run, "y[p]");
    assert_eq!(started(&done(&mut run, "y[q]")), ["z/one"]);
    assert_eq!(started(&done(&mut run, "z/one")), ["z/two"]);
    done(&mut run, "z/two");
    assert!(run.is_over());
    let (run, step) = super::steps::resume(run);
    assert_eq!(started(&step), ["a"], "clean-up waits again");
    assert_eq!(run.why(&id("y[p]"), NOW), "waits until `y` begins again");
}

#[test]
fn what_is_left_of_a_mission_that_was_stopped_is_cleaned_up() {
    let inner = vec![("one", quick()), ("two", cleaning(&["one"]))];
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 2, vec![("m", mission(inner, &[]))]));
    assert_eq!(started(&step), ["m/one"]);
    stop(&mut run);
    assert_eq!(started(&stopped(&mut run, "m/one")), ["m/two"]);
    done(&mut run, "m/two");
    assert!(run.is_over());
    let (_, _) = resumed(&run);
}
