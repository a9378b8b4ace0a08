//! Stories: files that people write, run by the real program on real repositories, with the embedded agent.

pub(crate) mod faults;
mod list;
mod marking;
mod new;
mod running;
mod shipped;

use crate::world::{Ran, World};

/// A mission of one story with no more than what tests look at.
const STORY: &str = r#"
version = 1
[mission]
name = "story"
[inputs.story]
schema = { type = "object", properties = { id = { type = "string" }, title = { type = "string" }, file = { type = "string" }, text = { type = "string" }, criteria = { type = "array", items = { type = "object", properties = { number = { type = "integer" }, text = { type = "string" } } } } } }
[budget]
usd = 2.0
[concurrency]
max = 2
[tasks.build]
role = "full-stack-dev"
prompt = "{{inputs.story.text}}"
priority = 1
[tasks.judge]
role = "tech-lead"
needs = ["build"]
workspace = { with = "build" }
permissions = "read"
rework = ["build"]
rounds = 1
priority = 2
prompt = "{{#each inputs.story.criteria}}{{number}}. {{text}}\n{{/each}}"
outputs.criteria = [{ number = "integer", met = "boolean", evidence = "string" }]
[tasks.mark]
needs = ["judge"]
workspace = { with = "judge" }
rework = ["build"]
rounds = 1
priority = 3
run = '"$AI_SDLC_BIN" story mark --story "$AI_SDLC_INPUT_STORY" --criteria "$AI_SDLC_OUT_JUDGE_CRITERIA"'
"#;

/// A repository with that mission and these stories, committed.
fn world(stories: &[(&str, String)]) -> World {
    let world = World::new();
    world.write("missions/story.toml", STORY);
    for (file, text) in stories {
        world.write(&format!("stories/{file}"), text);
    }
    world.commit("stories");
    world
}

/// A story with as many criteria as asked for, and more front matter.
fn story(id: &str, criteria: usize, more: &str) -> String {
    let boxes =
        (1..=criteria).map(|number| format!("- [ ] Criterion {number} of {id}.\n")).collect::<Vec<_>>().concat();
    format!(
        "---\nid: {id}\ntitle: Story {id}\nstatus: ready\n{more}---\n\nWhat {id} is for.\n\n## Acceptance criteria\n\n{boxes}"
    )
}

/// What a session plays: all that stands in `play`.
fn session(task: &str, more: &str, play: &str) -> String {
    format!("[[sessions]]\ntask = \"{task}\"\n{more}\nplay = [{play}]\n\n")
}

/// A judge's answer: for each criterion whether it is met.
fn judged(task: &str, more: &str, met: &[bool]) -> String {
    let criteria: Vec<String> = met
        .iter()
        .zip(1..)
        .map(|(met, number)| format!("{{ number = {number}, met = {met}, evidence = \"line {number} of it\" }}"))
        .collect();
    let handed = format!(
        "{{ hand_over = {{ status = \"done\", summary = \"Judged.\", verdict = \"approve\", outputs = {{ criteria = [{}] }} }} }}",
        criteria.join(", ")
    );
    session(task, more, &handed)
}

/// Writes a scenario; each build writes a file called as its task.
fn plays(world: &World, sessions: &[String]) -> String {
    let path = world.home().join("scenario.toml");
    std::fs::write(&path, format!("version = 1\n\n{}", sessions.concat())).unwrap();
    path.display().to_string()
}

/// Runs stories with the embedded agent in the repository itself.
fn run(world: &World, sessions: &[String], more: &[&str]) -> Ran {
    let scenario = plays(world, sessions);
    let args = ["story", "run", "--yes", "--agent", "rehearsal", "--scenario", &scenario];
    Ran::of(&world.program().args(args).args(more).output().unwrap())
}

/// The branch on which the latest run merged.
fn integration(world: &World) -> String {
    format!("ai-sdlc/{}/integration", world.events()[0]["run"].as_str().unwrap())
}

/// A file as that branch has it, byte for byte.
fn merged(world: &World, path: &str) -> String {
    let shown = format!("{}:{path}", integration(world));
    let output = world.command(world.root().join("bin/git")).args(["show", &shown]).output().unwrap();
    assert!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The parts of stories in the order in which they ended well.
fn ended(world: &World, part: &str) -> Vec<String> {
    let suffix = format!("/{part}");
    let events = world.events();
    let of = |event: &serde_json::Value| {
        let task = event["task"].as_str().filter(|_| event["type"] == "task-finished")?;
        task.strip_suffix(&suffix).map(str::to_owned)
    };
    events.iter().filter_map(of).collect()
}
