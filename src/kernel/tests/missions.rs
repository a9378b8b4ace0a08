//! Thousands of random missions with random ends, in virtual time.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;

use fastrand::Rng;

use super::plans::{agent, argv, command, each_of, gate, id, mission, plan, review, robot, role};
use super::world::World;
use crate::amount::{Ceiling, Millis, Tokens, Usd};
use crate::kernel::Run;
use crate::kernel::event::{Event, RunOutcome};
use crate::kernel::fact::{Attended, Began, Fact};
use crate::kernel::groups::is_group;
use crate::mission::field::shape::Shape;
use crate::mission::model::{
    Cache, Deliver, Importance, Join, Keep, ListSource, MergeCommit, OnConflict, OnExceeded, Pace, Permissions, Retry,
    RetryFrom, TaskWorkspace, Touches, WorkspaceMode,
};
use crate::name::{AgentName, OutputId, RoleName, TaskId};
use crate::plan::{Plan, Task, TaskKind};

/// The first seed. `AI_SDLC_SEED=… cargo test` plays others; the one that breaks a rule is printed.
fn seed() -> u64 {
    number("AI_SDLC_SEED", 20_261_121)
}

/// How many missions are played. `AI_SDLC_PLAYS=… cargo test` plays more.
pub(super) fn plays(otherwise: u64) -> u64 {
    number("AI_SDLC_PLAYS", otherwise)
}

/// A row of the table of promises, as `just chaos` prints those of the other promises.
#[expect(clippy::disallowed_methods, reason = "rows are for the page of promises")]
pub(super) fn row(id: &str, what: &str, faults: &str, counts: (u64, u64)) {
    let (injected, survived) = counts;
    let plays =
        std::env::var("AI_SDLC_PLAYS").map_or_else(|_| String::new(), |plays| format!(" AI_SDLC_PLAYS={plays}"));
    let again = format!("`just chaos-kernel AI_SDLC_SEED={}{plays}`", seed());
    println!("| {id} | {what} | {faults} | {injected} | {survived} | {again} |");
}

#[expect(clippy::disallowed_methods, reason = "other seeds are told to the test from outside")]
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn some<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(0..of.len())].clone()
}

fn random_task(rng: &mut Rng, index: usize, before: &[(String, Task)]) -> Task {
    let mut task = match rng.u32(0..10) {
        0 => gate("Shall it go on?"),
        1..=3 => command(),
        _ => agent(),
    };
    if let TaskKind::Agent(work) = &mut task.kind {
        work.permissions = some(rng, &[Permissions::Edit, Permissions::Edit, Permissions::Read]);
        work.role = RoleName::parse(some(rng, &["worker", "tester"])).unwrap();
        work.agent = AgentName::parse(some(rng, &["robot", "other"])).unwrap();
        task.handoff_from = task.needs.clone();
    }
    for _ in 0..rng.usize(0..4).min(index) {
        let need = id(&before[rng.usize(0..index)].0);
        if !task.needs.contains(&need) {
            task.needs.push(need);
        }
    }
    task.join = some(rng, &[Join::AllSuccess, Join::AllSuccess, Join::NoneFailed, Join::AllDone]);
    if rng.u32(0..10) == 0 {
        task.join = Join::Always;
    }
    if rng.u32(0..6) == 0 {
        task.importance = Importance::Optional;
    }
    task.when = random_condition(rng, &task);
    task.priority = rng.i64(-1..2);
    task.estimate = Millis(rng.u64(1..1_000_000));
    let globs: &[&[&str]] = &[&["a/**"], &["a/b/**"], &["c/**"], &[], &["a/**", "c/**"]];
    task.touches = rng.bool().then(|| some(rng, globs).iter().map(|glob| (*glob).to_owned()).collect());
    task.locks = (0..rng.usize(0..3)).map(|_| some(rng, &["x", "y", "z"]).to_owned()).collect();
    task.checks = vec![argv(&["check"]); rng.usize(0..3)];
    task.rounds = NonZeroU32::new(rng.u32(1..4)).unwrap();
    let from = some(rng, &[RetryFrom::LastWork, RetryFrom::Base]);
    task.retry = Retry { max: rng.u32(0..3), backoff: Millis(rng.u64(0..20_000)), from, model: None };
    task.timeout = Millis(some(rng, &[30_000, 90_000, 1_000_000]));
    if rng.u32(0..6) == 0 {
        let time = rng.bool().then(|| Millis(rng.u64(1..200_000)));
        task.budget = Ceiling { usd: Some(Usd(rng.u64(1..200_000))), tokens: None, time };
    }
    if rng.u32(0..4) == 0 {
        task.outputs.insert(OutputId::parse("out").unwrap(), Shape::String);
    }
    task.workspace = random_workspace(rng, &task, before);
    if rng.u32(0..8) == 0 && task.touches.is_none() {
        let text = some(rng, &["['a/**']", "['c/**', 'd.txt']", "[]", "['../d']", "1"]);
        task.late_touches = Some(Touches::Cel(text.to_owned()));
    }
    if rng.u32(0..4) == 0 {
        task.outputs.insert(OutputId::parse("list").unwrap(), Shape::List(Box::new(Shape::String)));
    }
    also(rng, task, before)
}

/// Gates, judges, reviews, and what is kept beside the work.
fn also(rng: &mut Rng, mut task: Task, before: &[(String, Task)]) -> Task {
    task.rework = random_rework(rng, &task, before);
    match &task.kind {
        TaskKind::Gate(_) => {
            let Task { when, importance, needs, join, rework, rounds, .. } = task;
            return Task { when, importance, needs, join, rework, rounds, ..gate("Shall it go on?") };
        }
        TaskKind::Command(_) if rng.u32(0..4) == 0 => {
            task.cache = Some(Cache { inputs: vec!["src/**".to_owned()], env: Vec::new() });
        }
        _ => {}
    }
    if rng.u32(0..4) == 0 {
        task.review = Some(Box::new(review("robot")));
    }
    if rng.u32(0..6) == 0 {
        task.artifacts = vec!["out/**".to_owned()];
    }
    task
}

fn random_condition(rng: &mut Rng, task: &Task) -> Option<String> {
    let need = task.needs.first().map(ToString::to_string);
    match (rng.u32(0..12), need) {
        (0, _) => Some("false".to_owned()),
        (1, _) => Some("1 < 2".to_owned()),
        (2, Some(need)) => Some(format!("tasks.{need}.status != 'failed'")),
        (3, Some(need)) => Some(format!("tasks.{need}.status == 'succeeded'")),
        (4, Some(need)) if rng.u32(0..4) == 0 => Some(format!("tasks.{need}.outputs.out + 1 == 2")),
        _ => None,
    }
}

/// A task that becomes several, made of one that would be one.
fn random_group(rng: &mut Rng, mut body: Task, before: &[(String, Task)], depth: u32) -> Task {
    body.workspace = if body.workspace == TaskWorkspace::ReadOnly { body.workspace } else { TaskWorkspace::Own };
    if rng.bool() {
        let tasks = random_tasks(rng, 4, depth + 1);
        let tasks = tasks.iter().map(|(name, task)| (name.as_str(), task.clone())).collect();
        let outputs: &[(&str, &str)] =
            some(rng, &[&[][..], &[("out", "'x'")], &[("list", "['p', 'q']")], &[("out", "tasks.t0.status")]]);
        let mut group =
            Task { needs: body.needs, join: body.join, importance: body.importance, ..mission(tasks, outputs) };
        group.when = body.when;
        if rng.u32(0..3) == 0 {
            let time = (rng.u32(0..3) == 0).then(|| Millis(rng.u64(1..400_000)));
            group.budget = Ceiling { usd: Some(Usd(rng.u64(1..400_000))), tokens: None, time };
        }
        if rng.bool() {
            return group;
        }
        body = group;
    }
    let lists = body.needs.iter().filter(|need| {
        let (_, task) = before.iter().find(|(name, _)| name == need.as_str()).unwrap();
        task.outputs.contains_key(&OutputId::parse("list").unwrap())
    });
    let list = match lists.map(|need| format!("tasks.{need}.outputs.list")).next() {
        Some(list) if rng.u32(0..4) > 0 => ListSource::Cel(list),
        _ if rng.u32(0..12) == 0 => ListSource::Cel("['p', 'p']".to_owned()),
        _ => ListSource::Values((0..rng.u32(0..4)).map(|value| format!("v{value}").into()).collect()),
    };
    if rng.u32(0..5) == 0 && body.when.is_none() {
        body.when = Some("v != 'v1'".to_owned());
    }
    let when = if rng.u32(0..3) > 0 { None } else { body.when.take() };
    let optional = if rng.bool() { body.importance } else { Importance::Required };
    let mut group = each_of(list, body);
    if let TaskKind::Each(each) = &mut group.kind {
        each.body.importance = optional;
        if rng.u32(0..8) == 0 {
            each.max_instances = NonZeroU32::MIN;
        }
    }
    Task { when, ..group }
}

fn random_tasks(rng: &mut Rng, most: usize, depth: u32) -> Vec<(String, Task)> {
    let mut tasks: Vec<(String, Task)> = Vec::new();
    for index in 0..rng.usize(1..most) {
        let mut task = random_task(rng, index, &tasks);
        if depth < 3 && rng.u32(0..5) == 0 {
            task = random_group(rng, task, &tasks, depth);
        }
        tasks.push((format!("t{index}"), task));
    }
    tasks
}

/// Some of what is upstream.
fn random_rework(rng: &mut Rng, task: &Task, before: &[(String, Task)]) -> Vec<TaskId> {
    let mut upstream = task.needs.clone();
    let mut at = 0;
    while let Some(next) = upstream.get(at) {
        let (_, next) = before.iter().find(|(name, _)| name == next.as_str()).unwrap();
        for need in &next.needs {
            if !upstream.contains(need) {
                upstream.push(need.clone());
            }
        }
        at += 1;
    }
    upstream.retain(|up| before.iter().any(|(name, task)| name == up.as_str() && may_go_round(task)));
    if upstream.is_empty() || rng.bool() {
        return Vec::new();
    }
    let mut named: Vec<TaskId> = (0..rng.usize(1..3)).map(|_| some(rng, &upstream)).collect();
    named.dedup();
    named
}

fn may_go_round(task: &Task) -> bool {
    match &task.kind {
        TaskKind::Agent(_) | TaskKind::Command(_) => true,
        TaskKind::Each(each) => may_go_round(&each.body),
        TaskKind::Gate(_) | TaskKind::Mission(_) => false,
    }
}

fn random_workspace(rng: &mut Rng, task: &Task, before: &[(String, Task)]) -> TaskWorkspace {
    let taken = |name: &str| before.iter().any(|(_, other)| other.workspace == TaskWorkspace::With(id(name)));
    let joins = task.join == Join::AllSuccess;
    let free = task.needs.iter().find(|need| {
        let (_, first) = before.iter().find(|(name, _)| name == need.as_str()).unwrap();
        let works = !matches!(first.kind, TaskKind::Gate(_)) && first.workspace != TaskWorkspace::ReadOnly;
        joins && !taken(need.as_str()) && works && !is_group(first)
    });
    match (rng.u32(0..6), free) {
        (0, _) => TaskWorkspace::ReadOnly,
        (1 | 2, Some(first)) => TaskWorkspace::With(first.clone()),
        _ => TaskWorkspace::Own,
    }
}

pub(super) fn random_plan(rng: &mut Rng) -> Plan {
    let tasks = random_tasks(rng, 12, 0);
    let mode = some(rng, &[WorkspaceMode::Worktree, WorkspaceMode::Worktree, WorkspaceMode::Directory]);
    let tasks = tasks.iter().map(|(name, task)| (name.as_str(), task.clone())).collect();
    let mut plan = plan(mode, rng.u32(1..5), tasks);
    let limit = |rng: &mut Rng| some(rng, &[None, Some(1), Some(2)]);
    plan.agents = BTreeMap::from([
        (AgentName::parse("robot").unwrap(), robot(limit(rng))),
        (AgentName::parse("other").unwrap(), robot(limit(rng))),
    ]);
    plan.roles = BTreeMap::from([
        (RoleName::parse("worker").unwrap(), role(limit(rng))),
        (RoleName::parse("tester").unwrap(), role(limit(rng))),
    ]);
    if rng.u32(0..3) == 0 {
        let ceiling = &mut plan.budget.ceiling;
        ceiling.usd = rng.bool().then(|| Usd(rng.u64(1..2_000_000)));
        ceiling.tokens = rng.bool().then(|| Tokens(rng.u64(1..50_000)));
        ceiling.time = (rng.u32(0..3) == 0).then(|| Millis(rng.u64(1..1_000_000)));
    }
    let pauses = rng.u32(0..3) == 0;
    plan.budget.on_exceeded = if pauses { OnExceeded::Pause } else { OnExceeded::Stop };
    plan.pace = some(rng, &[Pace::Fixed, Pace::Auto]);
    plan.workspace.keep = some(rng, &[Keep::Never, Keep::Failed, Keep::Always]);
    plan.workspace.setup = vec![argv(&["setup"]); rng.usize(0..2)];
    if mode == WorkspaceMode::Worktree {
        plan.merge.into = rng.bool().then(|| "main".to_owned());
        plan.merge.deliver = some(rng, &[Deliver::End, Deliver::Each]);
        plan.merge.checks = vec![argv(&["test"]); rng.usize(0..3)];
    }
    plan.merge.commit = some(rng, &[MergeCommit::Task, MergeCommit::Batch]);
    plan.merge.on_conflict = some(rng, &[OnConflict::Escalate, OnConflict::Rework]);
    plan
}

/// One mission from its beginning, through stops and deaths of its engine, to its last end.
fn play(seed: u64) -> World {
    let mut rng = Rng::with_seed(seed);
    let plan = random_plan(&mut rng);
    let world = play_in(rng, plan, |_| {});
    judge(&world);
    world
}

/// The same of this plan, in a world that is made harder.
pub(super) fn play_in(mut rng: Rng, plan: Plan, harden: impl FnOnce(&mut World)) -> World {
    let trouble = some(&mut rng, &[0, 3, 10, 30]);
    let interruptions = rng.u32(0..4);
    let mut world = World::new(plan, trouble, rng.fork());
    harden(&mut world);
    let attended = some(&mut rng, &[Attended::Yes, Attended::No]);
    world.attended = attended;
    world.tell(Fact::Began(Began::New { attended }));
    for _ in 0..interruptions {
        for _ in 0..rng.u32(0..60) {
            if world.run.is_over() || !world.pass() {
                break;
            }
            world.wish_something();
        }
        match rng.u32(0..5) {
            0 => {
                world.stop();
                world.play_out();
            }
            1 => {
                world.tell(Fact::EngineFault { why: "the disk is full".to_owned() });
                world.play_out();
            }
            2 => {
                world.tell(Fact::Pause { by: "ada".to_owned() });
                world.play_out();
            }
            _ => {}
        }
        let more = rng.bool().then(|| Ceiling { usd: Some(Usd(rng.u64(1..4_000_000))), ..Ceiling::NONE });
        world.die_and_resume(more);
    }
    world.play_out();
    for _ in 0..100 {
        let state = world.run.state();
        let paused = state.exceeded && world.run.plan().budget.on_exceeded == OnExceeded::Pause;
        let by_hand = state.pausing.is_some() && state.unfinished > 0;
        if (state.gated.is_empty() || paused) && !by_hand {
            break;
        }
        assert!(by_hand || world.attended == Attended::No, "a run that is attended waits for its gates");
        world.resume(None);
        world.play_out();
    }
    world
}

fn judge(world: &World) {
    let run = &world.run;
    let paused = run.state().exceeded && run.plan().budget.on_exceeded == OnExceeded::Pause;
    if !paused {
        for id in run.plan().tasks.keys() {
            let is_known = run.task_outcome(id).is_some();
            assert!(is_known, "{id} has not ended: {}", run.why(id, world.now));
        }
    }
    if run.outcome() == Some(RunOutcome::Succeeded) {
        world.rules.all_is_good(run.plan());
    }
    let text: Vec<String> = world.records.iter().map(|(_, event)| serde_json::to_string(event).unwrap()).collect();
    let read = world.records.iter().zip(&text).map(|((at, _), text)| {
        let event: Event = serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"));
        (*at, event)
    });
    assert_eq!(Run::fold(read).unwrap().state(), run.state(), "the fold of the journal is not the state");
}

/// Plays so many seeds beyond the first, and tells those that break a rule.
pub(super) fn each_seed(beyond: u64, number: u64, mut play: impl FnMut(u64)) {
    let first = seed() + beyond;
    let mut breaks = |seed: &u64| std::panic::catch_unwind(AssertUnwindSafe(|| play(*seed))).is_err();
    let broken: Vec<u64> = (first..first + number).filter(&mut breaks).map(|seed| seed - beyond).collect();
    assert!(broken.is_empty(), "AI_SDLC_PLAYS=1 AI_SDLC_SEED={broken:?}");
}

#[test]
fn random_missions_keep_the_rules() {
    let mut compared = 0;
    each_seed(0, plays(750), |seed| compared += play(seed).compared);
    let what = "the same events give the same state, also for journals of every earlier release";
    let faults = "random missions with random ends, killed and resumed; after each step the fold of the events so far is \
                  compared with the state";
    row("16", what, faults, (compared, compared));
}

#[test]
fn more_random_missions_keep_the_rules() {
    each_seed(1_000_000, plays(750), |seed| drop(play(seed)));
}
