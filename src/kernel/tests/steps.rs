//! What `step` says, fact by fact.

use std::collections::BTreeSet;

use super::plans::{agent, argv, command, commit, id, place, plan, run_id};
use crate::amount::{At, Ceiling, Cost, Millis, TokenUse, Usage, Usd, WallTime};
use crate::handoff::{CheckVerdict, Source};
use crate::kernel::effect::Effect;
use crate::kernel::event::{Event, FailureClass, Instance, Outcome, RunOutcome, WorkspaceFrom};
use crate::kernel::fact::{
    Activity, Again, Attended, Began, CandidateResult, EndKind, Fact, Moved, Snapshot, StopCause, StopWhy, WorkEnd,
    WorkKey, WorkspaceMade,
};
use crate::kernel::{Run, Step};
use crate::mission::model::{Join, OnConflict, WorkspaceMode};
use crate::name::{Attempt, Round, SessionNo, TaskId};
use crate::plan::Plan;
use crate::plan::ranking::{Ranked, SkillsRanked};

pub(super) const NOW: At = At { mono: Millis(0), wall: WallTime(0) };

pub(super) fn key(task: &str) -> WorkKey {
    WorkKey { task: id(task), attempt: Attempt::FIRST, round: Round::FIRST, session: SessionNo::FIRST }
}

pub(super) fn end(how: EndKind) -> Box<WorkEnd> {
    Box::new(WorkEnd {
        how,
        duration: Millis(10),
        usage: Usage::default(),
        conversation: None,
        handoffs: Vec::new(),
        outputs: None,
        tail: String::new(),
        denied: Vec::new(),
        activity: Activity::Acted,
        truncated: false,
        swept: 0,
        model: None,
        version: None,
    })
}

pub(super) fn names(step: &Step) -> Vec<String> {
    let name = |event| serde_json::to_value(event).unwrap()["type"].as_str().unwrap().to_owned();
    step.events.iter().map(name).collect()
}

pub(super) fn started(step: &Step) -> Vec<&str> {
    step.effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::StartCommand { key, .. } => Some(key.task.as_str()),
            _ => None,
        })
        .collect()
}

pub(super) fn begin(plan: Plan) -> (Run, Step) {
    let place = place(plan.workspace.mode);
    let mut run = Run::new(run_id(), plan, place);
    let step = run.step(Fact::Began(Began::New { attended: Attended::No }), NOW);
    (run, step)
}

pub(super) fn goes_on() -> Fact {
    let (attended, answers) = (Attended::No, Vec::new());
    Fact::Began(Began::Resumed {
        attended,
        answers,
        adopted: BTreeSet::new(),
        ceiling: None,
        again: Again::All,
        gone: BTreeSet::new(),
    })
}

pub(super) fn done(run: &mut Run, task: &str) -> Step {
    run.step(Fact::WorkEnded { key: key(task), end: end(EndKind::Completed) }, NOW)
}

pub(super) fn made(run: &mut Run, task: &str) -> Step {
    let workspace =
        WorkspaceMade { path: "/w".into(), base: Some(commit(0)), branch: Some("b".to_owned()), notes: Vec::new() };
    run.step(Fact::WorkspaceReady { task: id(task), attempt: Attempt::FIRST, workspace }, NOW)
}

pub(super) fn snapshot(run: &mut Run, task: &str, number: u64) -> Step {
    let snapshot = Box::new(Snapshot { commit: Some(commit(number)), files: Vec::new(), notes: Vec::new() });
    run.step(Fact::Snapshotted { task: id(task), attempt: Attempt::FIRST, snapshot }, NOW)
}

pub(super) fn failed(run: &mut Run, task: &str) -> Step {
    run.step(Fact::WorkEnded { key: key(task), end: end(EndKind::Exited { code: 2 }) }, NOW)
}

/// The same run, folded from how its tasks ended, driven by a later engine.
pub(super) fn resumed(run: &Run) -> (Run, Step) {
    resume(Run::fold(events_of(run)).unwrap())
}

/// The same run, driven by a later engine.
pub(super) fn resume(mut run: Run) -> (Run, Step) {
    run.inflight = crate::kernel::inflight::InFlight::default();
    let step = run.step(goes_on(), NOW);
    (run, step)
}

#[test]
fn a_lean_command_costs_three_events_and_one_effect() {
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 1, vec![("a", command())]));
    assert_eq!(names(&step), ["run-started", "task-ready", "task-started"]);
    assert_eq!(started(&step), ["a"]);
    let step = done(&mut run, "a");
    assert_eq!(names(&step), ["task-finished", "run-finished"]);
    assert_eq!(step.effects.last(), Some(&Effect::Finish));
    assert_eq!(run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn in_the_diamond_t5_runs_while_t3_and_t4_do() {
    let quick = || command().touching(&[]);
    let tasks = vec![
        ("t1", quick()),
        ("t2", quick().needing(&["t1"])),
        ("t3", quick().needing(&["t2"])),
        ("t4", quick().needing(&["t2"])),
        ("t5", quick().needing(&["t1"])),
        ("t6", quick().needing(&["t1", "t2", "t3", "t4", "t5"])),
    ];
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 3, tasks));
    assert_eq!(started(&step), ["t1"]);
    assert_eq!(started(&done(&mut run, "t1")), ["t2", "t5"]);
    assert_eq!(started(&done(&mut run, "t2")), ["t3", "t4"]);
    assert!(run.why(&id("t5"), NOW).contains("works"));
    assert_eq!(run.why(&id("t6"), NOW), "waits for `t3`, `t4`, `t5`");
    for (task, next) in [("t3", vec![]), ("t4", vec![]), ("t5", vec!["t6"])] {
        assert_eq!(started(&done(&mut run, task)), next);
    }
}

#[test]
fn work_in_a_worktree_is_recorded_checked_and_merged() {
    let mut task = agent();
    task.checks = vec![argv(&["make", "test"])];
    let mut plan = plan(WorkspaceMode::Worktree, 1, vec![("a", task)]);
    plan.merge.checks = vec![argv(&["make", "all"])];
    let (mut run, step) = begin(plan);
    assert!(matches!(&step.effects[0], Effect::PrepareWorkspace { from: WorkspaceFrom::Integration, .. }));
    let step = made(&mut run, "a");
    assert!(matches!(&step.effects[0], Effect::StartSession(start) if start.prompt.contains("Do it.")));
    let step = done(&mut run, "a");
    assert!(matches!(&step.effects[0], Effect::Snapshot { .. }));
    let step = snapshot(&mut run, "a", 5);
    assert!(matches!(&step.effects[0], Effect::Check { index: 0, .. }));
    let ended = Fact::CheckEnded {
        task: id("a"),
        attempt: Attempt::FIRST,
        round: Round::FIRST,
        index: 0,
        verdict: CheckVerdict::Passed,
        duration: Millis(1),
        tail: String::new(),
        changed: Vec::new(),
    };
    let step = run.step(ended, NOW);
    assert_eq!(names(&step), ["check-finished", "merge-queued", "merge-started"]);
    let candidate = CandidateResult::Clean { commit: commit(6), tip: commit(0) };
    let step = run.step(Fact::CandidateMade { batch: vec![id("a")], candidate }, NOW);
    assert_eq!(step.effects, [Effect::PrepareCandidate { candidate: commit(6) }]);
    let step = run.step(Fact::CandidateReady { candidate: commit(6), prepared: Ok(()) }, NOW);
    assert!(matches!(&step.effects[..], [Effect::MergeCheck { index: 0, .. }]));
    let (candidate, verdict) = (commit(6), CheckVerdict::Passed);
    let ended = Fact::MergeCheckEnded { candidate, index: 0, verdict, duration: Millis(1), tail: String::new() };
    let step = run.step(ended, NOW);
    assert_eq!(step.effects, [Effect::MoveIntegration { candidate: commit(6), from: commit(0) }]);
    let step = run.step(Fact::IntegrationMoved { candidate: commit(6), moved: Moved::Done }, NOW);
    assert_eq!(names(&step), ["merged", "task-finished"]);
    let step = run.step(Fact::WorkspaceClosed { task: id("a"), attempt: Attempt::FIRST, kept: None }, NOW);
    assert_eq!(names(&step), ["workspace-closed", "run-finished"]);
}

#[test]
fn partial_work_goes_back_to_the_conversation() {
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 1, vec![("a", agent())]));
    made(&mut run, "a");
    run.step(Fact::Conversation { key: key("a"), conversation: "talk".to_owned() }, NOW);
    let mut end = end(EndKind::Completed);
    end.handoffs = vec![(Source::File, r#"{"status": "partial", "summary": "half of it"}"#.to_owned())];
    let step = run.step(Fact::WorkEnded { key: key("a"), end }, NOW);
    assert_eq!(names(&step), ["session-ended", "round-failed", "session-started"]);
    let Effect::StartSession(start) = &step.effects[0] else { panic!("{step:?}") };
    assert_eq!(start.conversation.as_deref(), Some("talk"));
    assert!(start.prompt.contains("half of it"), "{}", start.prompt);
    assert_eq!((start.key.round.get(), start.key.session.get()), (2, 2));
}

#[test]
fn a_conflict_is_left_to_a_person_or_asked_again() {
    for (policy, expected) in
        [(OnConflict::Escalate, vec!["task-finished"]), (OnConflict::Rework, vec!["round-failed", "task-started"])]
    {
        let mut plan = plan(WorkspaceMode::Worktree, 1, vec![("a", agent())]);
        plan.merge.on_conflict = policy;
        let (mut run, _) = begin(plan);
        made(&mut run, "a");
        done(&mut run, "a");
        snapshot(&mut run, "a", 5);
        let candidate = CandidateResult::Conflict { task: id("a"), files: vec!["x".to_owned()] };
        let step = run.step(Fact::CandidateMade { batch: vec![id("a")], candidate }, NOW);
        assert_eq!(names(&step), expected);
    }
}

#[test]
fn a_failure_blocks_what_needs_it_and_nothing_else() {
    let mut last = command().needing(&["a"]).touching(&[]);
    last.join = Join::AllDone;
    let tasks = vec![
        ("a", command().touching(&[])),
        ("b", command().needing(&["a"]).touching(&[])),
        ("c", command().needing(&["b"]).touching(&[])),
        ("d", command().touching(&[])),
        ("e", last),
    ];
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    let step = run.step(Fact::WorkEnded { key: key("a"), end: end(EndKind::Exited { code: 2 }) }, NOW);
    assert_eq!(started(&step), ["e"]);
    for task in ["b", "c"] {
        assert_eq!(run.task_outcome(&id(task)), Some(&Outcome::Blocked { by: id("a") }));
    }
    done(&mut run, "d");
    done(&mut run, "e");
    assert_eq!(run.outcome(), Some(RunOutcome::Failed));
    let resumed = goes_on();
    let mut run = Run::fold(events_of(&run)).unwrap();
    let step = run.step(resumed, NOW);
    assert!(matches!(&step.events[0], Event::RunResumed { retried, freed, .. }
        if *retried == [id("a")] && *freed == [id("b"), id("c")]));
    assert_eq!(started(&step), ["a"]);
}

#[test]
fn what_was_used_before_the_run_counts_as_the_runs() {
    let mut plan = plan(WorkspaceMode::Directory, 1, vec![("a", command().touching(&[]))]);
    let usage = Usage { tokens: None, cost: Cost::Reported(Usd(400_000)) };
    plan.ranking = Some(SkillsRanked::Done(Ranked { note: "It was asked.".to_owned(), usage }));
    let (run, step) = begin(plan);
    assert_eq!(run.state.ledger.spent.usd(), Usd(400_000));
    let folded = Run::fold(step.events.into_iter().map(|event| (WallTime(0), event))).unwrap();
    assert_eq!(folded.state.ledger.spent.usd(), Usd(400_000));
}

/// The shortest journal that leads to how these tasks ended.
pub(super) fn events_of(run: &Run) -> Vec<(WallTime, Event)> {
    let mut first = run.plan().clone();
    let is_part = |task: &TaskId| {
        let t = crate::kernel::graph::Graph::find(run.plan(), task).unwrap();
        run.graph.group(t).is_some()
    };
    first.tasks.retain(|task, _| !is_part(task));
    let begun = Event::RunStarted { run: run.id().clone(), plan: Box::new(first), place: run.place().clone() };
    let expanded = run.graph.all().filter_map(|group| {
        let part = |t: &crate::kernel::graph::TaskNo| {
            let (id, task) = run.task(*t);
            Instance { id: id.clone(), task: task.clone() }
        };
        let tasks = run.graph.parts(group)?.iter().map(part).collect();
        Some(Event::Expanded { task: run.task(group).0.clone(), tasks })
    });
    let ended = run.plan().tasks.keys().filter_map(|task| {
        let outcome = run.task_outcome(task)?.clone();
        Some(Event::TaskFinished { task: task.clone(), outcome })
    });
    let over = run.outcome().map(|outcome| Event::RunFinished { outcome });
    std::iter::once(begun).chain(expanded).chain(ended).chain(over).map(|event| (WallTime(0), event)).collect()
}

#[test]
fn a_stop_leaves_the_task_where_it_was_for_a_resume() {
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 1, vec![("a", agent()), ("b", agent())]));
    made(&mut run, "a");
    let step = run.step(Fact::Stop(StopCause::Interrupted), NOW);
    assert_eq!(names(&step), ["run-stopping", "stopping"]);
    assert_eq!(run.step(Fact::Stop(StopCause::Terminated), NOW), Step::default());
    let stopped = EndKind::Stopped { why: StopWhy::Interrupt };
    let step = run.step(Fact::WorkEnded { key: key("a"), end: end(stopped) }, NOW);
    assert_eq!(names(&step), ["session-ended", "run-finished"]);
    assert_eq!(run.outcome(), Some(RunOutcome::Stopped { cause: StopCause::Interrupted }));
    let resumed = goes_on();
    run.inflight = crate::kernel::inflight::InFlight::default();
    let step = run.step(resumed, NOW);
    assert_eq!(names(&step), ["run-resumed", "session-started"]);
    let Effect::StartSession(start) = &step.effects[0] else { panic!("{step:?}") };
    assert_eq!((start.key.attempt.get(), start.key.round.get(), start.key.session.get()), (1, 1, 2));
}

#[test]
fn a_timeout_counts_on_the_engines_own_clock() {
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 1, vec![("a", command())]));
    let due = Millis::from_mins(30);
    assert!(step.effects.contains(&Effect::WakeAt(At { mono: due, wall: WallTime(0).plus(due) })));
    let jumped = At { mono: Millis(5), wall: WallTime(i64::MAX) };
    assert_eq!(names(&run.step(Fact::Tick, jumped)), ["clock-jumped"]);
    let step = run.step(Fact::Tick, At { mono: due, wall: WallTime(0) });
    assert!(matches!(&step.effects[0], Effect::StopWork { why: StopWhy::Timeout, .. }));
    let timed_out = EndKind::Stopped { why: StopWhy::Timeout };
    run.step(Fact::WorkEnded { key: key("a"), end: end(timed_out) }, NOW);
    let Some(Outcome::Failed { failure }) = run.task_outcome(&id("a")) else { panic!("{:?}", run.outcome()) };
    assert_eq!(failure.class, FailureClass::TimedOut);
}

#[test]
fn a_wake_is_asked_for_once_and_again_when_it_came_too_early() {
    let (mut run, _) = begin(plan(WorkspaceMode::Directory, 1, vec![("a", command())]));
    let due = Millis::from_mins(30);
    let at = |mono: Millis| At { mono, wall: WallTime(0).plus(mono) };
    let late = Fact::WorkEnded { key: key("nothing"), end: end(EndKind::Completed) };
    assert_eq!(run.step(late.clone(), at(Millis(1))), Step::default());
    assert_eq!(run.step(late, at(due)), Step::default(), "it is due, and its tick is still to come");
    assert_eq!(run.step(Fact::Tick, at(Millis(due.0 - 1))).effects, [Effect::WakeAt(at(due))]);
}

#[test]
fn a_used_up_budget_stops_sessions_and_starts_nothing() {
    let mut plan = plan(WorkspaceMode::Directory, 2, vec![("a", agent().touching(&[])), ("b", agent().touching(&[]))]);
    plan.budget.ceiling = Ceiling { usd: Some(Usd(1_000_000)), ..Ceiling::NONE };
    let (mut run, _) = begin(plan);
    let step = made(&mut run, "a");
    let Effect::StartSession(start) = &step.effects[0] else { panic!("{step:?}") };
    assert_eq!(start.cap.usd, Some(Usd(500_000)), "half is left for the other slot");
    let usage = Usage { tokens: Some(TokenUse::default()), cost: Cost::Reported(Usd(1_000_000)) };
    let step = run.step(Fact::Used { key: key("a"), usage }, NOW);
    assert_eq!(names(&step), ["usage", "budget-warning", "budget-exceeded", "handing-off", "stopping"]);
    made(&mut run, "b");
    let stopped = EndKind::Stopped { why: StopWhy::Budget };
    run.step(Fact::WorkEnded { key: key("a"), end: end(stopped) }, NOW);
    assert_eq!(run.outcome(), Some(RunOutcome::OutOfBudget));
}

#[test]
fn ten_thousand_flat_tasks_are_quick_and_small() {
    let names: Vec<String> = (0..10_000).map(|i| format!("t{i}")).collect();
    let tasks = names.iter().map(|name| (name.as_str(), command())).collect();
    let (mut run, step) = begin(plan(WorkspaceMode::Directory, 2, tasks));
    assert_eq!(started(&step), ["t0"]);
    for name in &names {
        done(&mut run, name);
    }
    assert_eq!(run.outcome(), Some(RunOutcome::Succeeded));
    assert!(size_of::<crate::kernel::state::Record>() <= 256);
}
