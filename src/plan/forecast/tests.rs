use std::num::NonZeroU32;

use super::*;
use crate::mission::model::{self, Mission, Touches, WorkspaceMode};
use crate::plan::build::tests::{agent, command, id, mission, plan};

fn minutes(needs: &[&str], minutes: u64) -> model::Task {
    model::Task { estimate: Some(Millis::from_mins(minutes)), ..command(needs) }
}

fn touching(needs: &[&str], globs: &[&str]) -> model::Task {
    model::Task {
        touches: Some(Touches::Globs(globs.iter().map(|glob| (*glob).to_owned()).collect())),
        ..minutes(needs, 1)
    }
}

fn at_once(mission: &mut Mission, max: u32) {
    mission.max = NonZeroU32::new(max).unwrap();
}

/// `task start-end` in minutes.
fn told(plan: &Plan) -> Vec<String> {
    let slots = schedule(plan).schedule;
    slots.iter().map(|slot| format!("{} {}-{}", slot.task, slot.start.0 / 60_000, slot.end.0 / 60_000)).collect()
}

#[test]
fn the_longest_path_goes_first() {
    let mut tasks = mission([
        ("short", minutes(&[], 1)),
        ("side", minutes(&[], 2)),
        ("long", minutes(&[], 3)),
        ("after", minutes(&["long"], 4)),
    ]);
    at_once(&mut tasks, 2);
    let plan = plan(&tasks);
    assert_eq!(told(&plan), ["long 0-3", "side 0-2", "short 2-3", "after 3-7"]);
    let forecast = schedule(&plan);
    assert_eq!(
        (forecast.makespan, forecast.critical, forecast.work),
        (Millis::from_mins(7), Millis::from_mins(7), Millis::from_mins(10))
    );
    assert_eq!(forecast.critical_path, [id("long"), id("after")]);
}

#[test]
fn priority_goes_before_the_path() {
    let mut tasks = mission([("long", minutes(&[], 9)), ("urgent", model::Task { priority: 1, ..minutes(&[], 1) })]);
    at_once(&mut tasks, 1);
    assert_eq!(told(&plan(&tasks)), ["urgent 0-1", "long 1-10"]);
}

#[test]
fn locks_and_touches_keep_tasks_apart_and_starve_none() {
    let locked = |name: &str| model::Task { locks: vec![name.to_owned()], ..minutes(&[], 2) };
    assert_eq!(
        told(&plan(&mission([("a", locked("db")), ("b", locked("db")), ("c", locked("port"))]))),
        ["a 0-2", "c 0-2", "b 2-4"]
    );
    let tasks = mission([
        ("a", touching(&[], &["src/a/**"])),
        ("wide", model::Task { priority: -1, ..touching(&[], &["src/**"]) }),
        ("b", model::Task { priority: -2, ..touching(&[], &["src/b/**"]) }),
        ("docs", model::Task { priority: -3, ..touching(&[], &["docs/**"]) }),
    ]);
    assert_eq!(told(&plan(&tasks)), ["a 0-1", "docs 0-1", "wide 1-2", "b 2-3"]);
}

#[test]
fn without_worktrees_one_task_writes_at_a_time() {
    let mut tasks = mission([("a", minutes(&[], 1)), ("b", minutes(&[], 1)), ("reads", touching(&[], &[]))]);
    tasks.workspace.mode = WorkspaceMode::Directory;
    assert_eq!(told(&plan(&tasks)), ["a 0-1", "reads 0-1", "b 1-2"]);
}

#[test]
fn limits_of_roles_hold() {
    let mut tasks = mission(["a", "b", "c"].map(|name| (name, agent(&[], "Do."))));
    let one = model::RoleOverride { max: NonZeroU32::new(1), ..model::RoleOverride::default() };
    tasks.roles.insert(crate::name::RoleName::parse("dev").unwrap(), one);
    tasks.tasks.insert(id("d"), minutes(&[], 1));
    assert_eq!(told(&plan(&tasks)), ["a 0-10", "d 0-1", "b 10-20", "c 20-30"]);
}

#[test]
fn conflicts_are_pairs_that_nothing_orders() {
    let tasks = mission([
        ("late", touching(&["a"], &["src/a/x"])),
        ("a", touching(&[], &["src/a/**"])),
        ("b", touching(&[], &["src/**"])),
        ("c", touching(&[], &["docs/**"])),
    ]);
    let pairs: Vec<(String, String)> = conflicts(&plan(&tasks))
        .into_iter()
        .map(|meeting| (meeting.one.to_string(), meeting.two.to_string()))
        .collect();
    assert_eq!(pairs, [("late", "b"), ("a", "b")].map(|(one, two)| (one.to_owned(), two.to_owned())));
}

#[test]
fn the_worst_case_is_the_least_that_binds() {
    let mut tasks = mission([("a", agent(&[], "Do.")), ("b", agent(&[], "Do."))]);
    tasks.budget.ceiling.usd = Some(Usd(10));
    assert_eq!(schedule(&plan(&tasks)).worst.usd, Some(Usd(10)));
    for task in tasks.tasks.values_mut() {
        task.budget = Some(Ceiling { usd: Some(Usd(3)), ..Ceiling::NONE });
    }
    assert_eq!(schedule(&plan(&tasks)).worst, Ceiling { usd: Some(Usd(6)), ..Ceiling::NONE });
}

#[test]
fn ten_thousand_tasks_are_played_through() {
    let mut tasks = mission([("t0", minutes(&[], 1))]);
    for index in 1..10_000 {
        tasks.tasks.insert(id(&format!("t{index}")), minutes(&[], 1));
    }
    at_once(&mut tasks, 4);
    assert_eq!(schedule(&plan(&tasks)).makespan, Millis::from_mins(2_500));
}

#[test]
fn instances_count_as_many_as_there_may_be() {
    let list = |list: ListSource, max: u32| model::ForEach {
        variables: [("part".parse().unwrap(), list)].into(),
        key: None,
        max_instances: NonZeroU32::new(max).unwrap(),
    };
    let mut known = agent(&[], "Do.");
    known.budget = Some(Ceiling { usd: Some(Usd(1_000_000)), ..Ceiling::NONE });
    known.touches = Some(Touches::Globs(vec!["{{part}}/**".to_owned(), "shared.txt".to_owned()]));
    let mut late = model::Task { needs: vec![id("known")], touches: None, ..known.clone() };
    known.for_each = Some(list(ListSource::Values(vec!["a".into(), "b".into(), "c".into()]), 50));
    late.for_each = Some(list(ListSource::Cel("tasks.known.outputs.x".to_owned()), 5));
    let plan = plan(&mission([("known", known), ("late", late)]));
    let forecast = schedule(&plan);
    assert_eq!(forecast.worst.usd, Some(Usd(8_000_000)));
    // The instances of `known` share a file, so they run one after the other; `late` comes after all of them.
    assert_eq!(forecast.makespan, Millis::from_mins(40));
    let met: Vec<String> = conflicts(&plan).iter().map(|pair| format!("{} {}", pair.one, pair.two)).collect();
    assert_eq!(met, ["known[a] known[b]", "known[a] known[c]", "known[b] known[c]"]);
}
