//! Products that are not code are kept in the run's folder.

use std::fs;

use crate::world::World;

#[test]
fn artifacts_are_copied_and_listed_and_nothing_from_outside() {
    let world = World::new();
    fs::write(world.home().join("private"), "private").unwrap();
    world.mission(
        r#"
[mission]
name = "products"
[tasks.build]
run = "mkdir -p dist/deep; echo one > dist/a.txt; echo two > dist/deep/b.txt; ln -s $HOME/private dist/link; echo own > $AI_SDLC_ARTIFACTS/own.txt"
artifacts = ["dist/**"]
[tasks.quiet]
run = "echo unasked > $AI_SDLC_ARTIFACTS/unasked.txt"
[tasks.plain]
run = ["true"]
"#,
    );
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    let build = world.task("build");
    let paths: Vec<&str> =
        build["artifacts"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["build/artifacts/dist/a.txt", "build/artifacts/dist/deep/b.txt", "build/artifacts/own.txt"]);
    let report = world.report();
    let folder = world.project().join(".git/ai-sdlc/runs").join(report["run"].as_str().unwrap());
    assert_eq!(fs::read_to_string(folder.join(paths[1])).unwrap(), "two\n");
    assert_eq!(fs::read_to_string(folder.join(paths[2])).unwrap(), "own\n");
    let shown = folder.join(paths[0]).display().to_string();
    assert!(ran.stdout.contains(&shown), "{ran:?}");
    assert!(ran.stdout.contains("`dist/link` is not kept"), "{ran:?}");
    assert!(world.run(["run", "show"]).exits(0).stdout.contains(&shown));
    assert_eq!(world.task("quiet")["artifacts"][0]["path"], "quiet/artifacts/unasked.txt");
    assert!(!folder.join("plain").join("artifacts").exists(), "a folder that nobody asked for");
}
