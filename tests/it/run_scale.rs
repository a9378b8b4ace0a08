//! Many tasks, much output.

use std::fmt::Write as _;

use crate::world::World;

#[test]
fn thousands_of_tasks_run_without_trouble() {
    let world = World::bare();
    let mut mission =
        "[mission]\nname = \"many\"\n[workspace]\nmode = \"directory\"\n[concurrency]\nmax = 2\n".to_owned();
    for n in 0..3_000 {
        writeln!(mission, "[tasks.t{n}]\nrun = [\"true\"]\ntouches = []").unwrap();
    }
    world.write("mission.toml", &mission);
    world.run(["mission", "run", "mission.toml", "--yes", "--ui", "none"]).exits(0);
    let report = world.report();
    let tasks = report["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 3_000);
    assert!(tasks.iter().all(|task| task["state"] == "succeeded"));
}

#[test]
fn a_flood_is_bounded_and_marked() {
    let world = World::new();
    world.mission("[mission]\nname = \"flood\"\n[tasks.a]\nrun = \"yes | head -c 200000000\"\ntouches = []\n");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let kept: u64 = walk(&world.project().join(".git/ai-sdlc/runs"));
    assert!(kept < 100_000_000, "{kept} bytes kept");
    let logs = world.run(["run", "logs", "@", "a"]).exits(0);
    assert!(logs.stdout.contains("cut") || logs.stderr.contains("cut"), "not marked where cut");
}

fn walk(folder: &std::path::Path) -> u64 {
    std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| {
            let meta = entry.metadata().unwrap();
            if meta.is_dir() { walk(&entry.path()) } else { meta.len() }
        })
        .sum()
}
