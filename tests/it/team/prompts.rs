//! What the sessions of each role are told: nothing left of the template, nothing empty, not too long, and no skill that
//! is not there. The snapshots are for people to read.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{missions, roles, root};
use crate::world::World;

/// Most tokens of a prompt, and the fewest bytes that one stands for: English prose has about 4.5, code and paths about
/// 3.5, so this counts too many rather than too few.
const MOST_TOKENS: usize = 6_000;
const BYTES_A_TOKEN: f64 = 3.5;

/// What is wrong with a prompt.
fn faults(prompt: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let left = prompt.lines().find(|line| line.contains("{{"));
    faults.extend(left.map(|line| format!("a brace is left: {line}")));
    if let Some(at) = prompt.find("\n\n\n") {
        let before: String = prompt[..at].lines().next_back().unwrap_or_default().to_owned();
        faults.push(format!("two blank lines after: {before}"));
    }
    let tokens = f64::from(u32::try_from(prompt.len()).unwrap()) / BYTES_A_TOKEN;
    if tokens >= f64::from(u32::try_from(MOST_TOKENS).unwrap()) {
        faults.push(format!("about {tokens:.0} tokens; at most {MOST_TOKENS}"));
    }
    faults.extend(empty_sections(prompt).into_iter().map(|heading| format!("nothing stands below: {heading}")));
    for path in prompt.split(['(', ' ', '`']).filter(|word| word.contains("skills/ai-sdlc-")) {
        let name = path.split("skills/ai-sdlc-").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        if !root().join("skills").join(name).join("SKILL.md").is_file() {
            faults.push(format!("there is no skill `{name}`"));
        }
    }
    faults
}

/// Headings that are followed by one of the same or a higher level, or by the end. What is fenced is no heading.
fn empty_sections(prompt: &str) -> Vec<String> {
    let mut open: Option<(usize, &str)> = None;
    let mut empty = Vec::new();
    let mut fence: Option<usize> = None;
    for line in prompt.lines().filter(|line| !line.trim().is_empty()) {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(_) if ticks == 0 => {}
            Some(long) if ticks >= long => fence = None,
            None if ticks >= 3 => fence = Some(ticks),
            Some(_) | None => {}
        }
        let level = line.len() - line.trim_start_matches('#').len();
        let is_heading = fence.is_none() && level > 0 && line[level..].starts_with(' ');
        match open.take() {
            Some((above, heading)) if is_heading && level <= above => empty.push(heading.to_owned()),
            Some(_) | None => {}
        }
        open = is_heading.then_some((level, line));
    }
    empty.extend(open.map(|(_, heading)| heading.to_owned()));
    empty
}

/// The roles that a shipped mission names, each with a task of it: those that do it, and those that read it.
fn assigned(mission: &toml::Table) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for (id, task) in mission["tasks"].as_table().unwrap() {
        if task.get("prompt").is_some() {
            found.push((id.clone(), None));
        }
        let review = task.get("review").map(|review| review.get("role").unwrap_or(review));
        found.extend(review.and_then(toml::Value::as_str).map(|role| (id.clone(), Some(role.to_owned()))));
    }
    found
}

fn render(world: &World, args: &[&str]) -> Value {
    let ran = crate::world::Ran::of(&world.program().args(["role", "render", "--json"]).args(args).output().unwrap());
    serde_json::from_str(&ran.exits(0).stdout).unwrap()
}

#[test]
fn every_role_is_told_something_whole_in_every_mission_that_uses_it() {
    let world = World::new();
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for (name, mission) in missions() {
        let path = root().join("missions").join(format!("{name}.toml")).display().to_string();
        for (task, reviewer) in assigned(&mission) {
            let mut args: Vec<&str> = reviewer.as_deref().into_iter().collect();
            args.extend(["--mission", &path, "--task", &task]);
            let told = render(&world, &args);
            let (prompt, who) = (told["prompt"].as_str().unwrap(), told["role"].as_str().unwrap());
            found.extend(faults(prompt).into_iter().map(|fault| format!("{name}/{task} ({who}): {fault}")));
            used.insert(who.to_owned());
        }
    }
    assert!(used.len() >= 10, "{used:?}");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Each section that a prompt can have.
const WHOLE: &str = r#"
[mission]
name = "export"
description = "People take their invoices with them"
[budget]
time = "2h"
[defaults]
agent = "rehearsal"
[tasks.plan]
role = "architect"
prompt = "Write down the contract of the export."
[tasks.build]
role = "ROLE"
title = "Export of invoices"
needs = ["plan"]
prompt = "Build the export of invoices as CSV by the contract of `plan`."
touches = ["src/**", "tests/**"]
checks = ["make test", "make lint"]
retry = { max = 1, backoff = "1s" }
outputs.rows = "integer"
review = "tech-lead"
"#;

#[test]
fn each_role_is_told_what_people_have_read() {
    let world = World::new();
    for role in roles() {
        let told = render(&world, &[&role]);
        let prompt = told["prompt"].as_str().unwrap();
        assert_eq!(faults(prompt), Vec::<String>::new(), "{role}");
        insta::assert_snapshot!(format!("role_{role}"), prompt);
        world.write("mission.toml", &WHOLE.replace("ROLE", &role));
        for after in [&[][..], &["--after-failure"]] {
            let args = [&["-m", "mission.toml", "-t", "build"][..], after].concat();
            let whole = render(&world, &args);
            assert_eq!(whole["role"], role.as_str());
            assert_eq!(faults(whole["prompt"].as_str().unwrap()), Vec::<String>::new(), "{role} {after:?}");
        }
    }
}

#[test]
fn each_kind_of_attempt_is_told_something_whole() {
    let world = World::new();
    world.mission(
        &WHOLE.replace("ROLE", "backend-dev").replace("make test", "test -f src/a").replace("make lint", "true"),
    );
    world.write(
        "s.toml",
        r#"
[[sessions]]
task = "build"
attempt = 1
round = 1
play = [{ fail = "crash" }]
[[sessions]]
task = "build"
attempt = 2
round = 1
play = [{ write = "src/b", text = "b\n" }, { hand_over = { status = "done", summary = "Built.", outputs = { rows = 1 } } }]
[[sessions]]
task = "build"
play = [{ write = "src/a", text = "a\n" }, { hand_over = { status = "done", summary = "Built.", outputs = { rows = 1 } } }]
[[sessions]]
kind = "review"
round = 2
play = [{ hand_over = { status = "done", summary = "Not yet.", verdict = "rework", reasons = ["must: src/a:1 - one row is lost"] } }]
"#,
    );
    let args = ["mission", "run", "mission.toml", "-y", "--agent", "rehearsal", "--scenario", "s.toml"];
    let ran = world.run(args).exits(0);
    let mut kinds = String::new();
    for event in world.events().iter().filter(|event| event["type"] == "session-started" && event["task"] == "build") {
        let prompt = event["prompt"].as_str().unwrap();
        let said = faults(prompt);
        assert_eq!(said, Vec::<String>::new(), "{prompt}");
        for (kind, mark) in [
            ("failed", "### The attempt before this one failed"),
            ("given back", "must: src/a:1 - one row is lost"),
            ("reviewed", "## Your verdict"),
        ] {
            if prompt.contains(mark) && (kind == "reviewed") == (event["kind"] == "review") {
                kinds.push_str(kind);
                kinds.push(';');
            }
        }
    }
    for kind in ["failed;", "given back;", "reviewed;"] {
        assert!(kinds.contains(kind), "{kinds}\n{ran:?}");
    }
}

#[test]
fn a_prompt_that_is_not_whole_is_found() {
    for (prompt, fault) in [
        ("Do {{task.prompt}}.", "a brace is left"),
        ("One.\n\n\nTwo.", "two blank lines after: One."),
        ("# One\n\n## Two\n\n## Three\n\nText.\n", "nothing stands below: ## Two"),
        ("Text.\n\n## Last\n\n", "nothing stands below: ## Last"),
        ("`x` (.agents/skills/ai-sdlc-nothing/SKILL.md): No.", "there is no skill `nothing`"),
        (&"word ".repeat(4_300), "tokens; at most 6000"),
    ] {
        let found = faults(prompt);
        assert!(found.len() == 1 && found[0].contains(fault), "{fault}: {found:?}");
    }
    let whole = "# One\n\n## Two\n\n```sh\n# no heading\n```\n\n### Three\n\nText, `x` (.agents/skills/ai-sdlc-debugging/SKILL.md).\n";
    assert_eq!(faults(whole), Vec::<String>::new());
}
