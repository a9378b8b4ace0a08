//! Thousands of random missions with random ends, in virtual time.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use fastrand::Rng;

use super::plans::{agent, argv, command, id, plan, robot, role};
use super::world::World;
use crate::amount::{Ceiling, Millis, Tokens, Usd};
use crate::kernel::Run;
use crate::kernel::event::{Event, Outcome, RunOutcome};
use crate::kernel::fact::{Began, Fact};
use crate::mission::field::shape::Shape;
use crate::mission::model::{
    Deliver, Join, Keep, MergeCommit, OnConflict, Permissions, Retry, RetryFrom, TaskWorkspace, WorkspaceMode,
};
use crate::name::{AgentName, OutputId, RoleName};
use crate::plan::{Plan, Task, TaskKind};

/// The first seed. `AI_SDLC_SEED=… cargo test` plays others; the one that breaks a rule is printed.
fn seed() -> u64 {
    option_env!("AI_SDLC_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121)
}

fn some<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(0..of.len())].clone()
}

fn random_task(rng: &mut Rng, index: usize, before: &[(String, Task)]) -> Task {
    let mut task = if rng.u32(0..3) > 0 { agent() } else { command() };
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
    task.priority = rng.i64(-1..2);
    task.estimate = Millis(rng.u64(1..1_000_000));
    let globs: &[&[&str]] = &[&["a/**"], &["a/b/**"], &["c/**"], &[], &["a/**", "c/**"]];
    task.touches = rng.bool().then(|| some(rng, globs).iter().map(|glob| (*glob).to_owned()).collect());
    task.locks = (0..rng.usize(0..3)).map(|_| some(rng, &["x", "y", "z"]).to_owned()).collect();
    task.checks = vec![argv(&["check"]); rng.usize(0..3)];
    task.rounds = NonZeroU32::new(rng.u32(1..4)).unwrap();
    let from = some(rng, &[RetryFrom::LastWork, RetryFrom::Base]);
    task.retry = Retry { max: rng.u32(0..3), backoff: Millis(rng.u64(0..20_000)), from };
    task.timeout = Millis(some(rng, &[30_000, 90_000, 1_000_000]));
    if rng.u32(0..6) == 0 {
        let time = rng.bool().then(|| Millis(rng.u64(1..200_000)));
        task.budget = Ceiling { usd: Some(Usd(rng.u64(1..200_000))), tokens: None, time };
    }
    if rng.u32(0..4) == 0 {
        task.outputs.insert(OutputId::parse("out").unwrap(), Shape::String);
    }
    task.workspace = random_workspace(rng, &task, before);
    task
}

fn random_workspace(rng: &mut Rng, task: &Task, before: &[(String, Task)]) -> TaskWorkspace {
    let taken = |name: &str| before.iter().any(|(_, other)| other.workspace == TaskWorkspace::With(id(name)));
    let joins = task.join == Join::AllSuccess;
    let free = task.needs.iter().find(|need| {
        let (_, first) = before.iter().find(|(name, _)| name == need.as_str()).unwrap();
        joins && !taken(need.as_str()) && first.workspace != TaskWorkspace::ReadOnly
    });
    match (rng.u32(0..6), free) {
        (0, _) => TaskWorkspace::ReadOnly,
        (1 | 2, Some(first)) => TaskWorkspace::With(first.clone()),
        _ => TaskWorkspace::Own,
    }
}

fn random_plan(rng: &mut Rng) -> Plan {
    let mut tasks: Vec<(String, Task)> = Vec::new();
    for index in 0..rng.usize(1..12) {
        let task = random_task(rng, index, &tasks);
        tasks.push((format!("t{index}"), task));
    }
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
fn play(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let plan = random_plan(&mut rng);
    let trouble = some(&mut rng, &[0, 3, 10, 30]);
    let interruptions = rng.u32(0..4);
    let mut world = World::new(plan, trouble, rng.fork());
    world.tell(Fact::Began(Began::New));
    for _ in 0..interruptions {
        for _ in 0..rng.u32(0..60) {
            if world.run.is_over() || !world.pass() {
                break;
            }
        }
        match rng.u32(0..4) {
            0 => {
                world.stop();
                world.play_out();
            }
            1 => {
                world.tell(Fact::EngineFault { why: "the disk is full".to_owned() });
                world.play_out();
            }
            _ => {}
        }
        let more = rng.bool().then(|| Ceiling { usd: Some(Usd(rng.u64(1..4_000_000))), ..Ceiling::NONE });
        world.die_and_resume(more);
    }
    world.play_out();
    judge(&world);
}

fn judge(world: &World) {
    let run = &world.run;
    let outcomes: Vec<&Outcome> =
        run.plan().tasks.keys().map(|id| run.task_outcome(id).expect("every task has ended")).collect();
    let all_good = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Succeeded { .. }));
    if run.outcome() == Some(RunOutcome::Succeeded) {
        assert!(all_good, "{outcomes:?}");
    }
    let text: Vec<String> = world.records.iter().map(|(_, event)| serde_json::to_string(event).unwrap()).collect();
    let read = world.records.iter().zip(&text).map(|((at, _), text)| {
        let event: Event = serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}"));
        (*at, event)
    });
    assert_eq!(Run::fold(read).unwrap().state(), run.state(), "the fold of the journal is not the state");
}

fn play_from(first: u64) {
    for seed in first..first + 1_000 {
        let played = std::panic::catch_unwind(|| play(seed));
        assert!(played.is_ok(), "AI_SDLC_SEED={seed}");
    }
}

#[test]
fn random_missions_keep_the_rules() {
    play_from(seed());
}

#[test]
fn more_random_missions_keep_the_rules() {
    play_from(seed() + 1_000_000);
}
