//! Codes of findings about names of roles, skills, agents, tasks, inputs and outputs.

use crate::diagnostic::entry::codes;

codes! {
    NAMES;

    UNKNOWN_ROLE = "mission::unknown-role",
        "A role is named that does not exist.",
        "Take one of those that `ai-sdlc role list` shows, or add `roles/<name>.md`.",
        mission(r#"[tasks.plan]
role = "tech-leed"
prompt = "Say what to do first."
"# => r#"[tasks.plan]
role = "tech-lead"
prompt = "Say what to do first."
"#);

    UNKNOWN_SKILL = "mission::unknown-skill",
        "A skill is named that does not exist.",
        "Take one of those that exist, or add `skills/<name>/SKILL.md`.",
        mission(r#"[tasks.plan]
role = "tech-lead"
skills = ["test-runer"]
prompt = "Say what to do first."
"# => r#"[tasks.plan]
role = "tech-lead"
skills = ["test-runner"]
prompt = "Say what to do first."
"#);

    SKILL_CONFLICT = "mission::skill-conflict",
        "Two skills of one task cannot be used together.",
        "Leave one of them out.",
        files(["missions/example.toml": r#"version = 1

[mission]
name = "example"

[tasks.plan]
role = "tech-lead"
skills = ["hastily", "carefully"]
prompt = "Say what to do first."
"#, "skills/hastily/SKILL.md": r#"---
name: hastily
description: How to work hastily. Use it for every task.
---
Work hastily.
"#, "skills/hastily/skill.toml": r#"conflicts = ["carefully"]
"#, "skills/carefully/SKILL.md": r#"---
name: carefully
description: How to work carefully. Use it for every task.
---
Work carefully.
"#] => ["missions/example.toml": r#"version = 1

[mission]
name = "example"

[tasks.plan]
role = "tech-lead"
skills = ["carefully"]
prompt = "Say what to do first."
"#, "skills/hastily/SKILL.md": r#"---
name: hastily
description: How to work hastily. Use it for every task.
---
Work hastily.
"#, "skills/hastily/skill.toml": r#"conflicts = ["carefully"]
"#, "skills/carefully/SKILL.md": r#"---
name: carefully
description: How to work carefully. Use it for every task.
---
Work carefully.
"#]);

    UNKNOWN_AGENT = "mission::unknown-agent",
        "An agent is named that is not configured.",
        "Add `[agents.<name>]` to `.ai-sdlc/config.toml`, or take one of those that exist.",
        mission(r#"[tasks.plan]
role = "tech-lead"
agent = "cluade"
prompt = "Say what to do first."
"# => r#"[tasks.plan]
role = "tech-lead"
agent = "rehearsal"
prompt = "Say what to do first."
"#);

    AGENT_TABLE = "mission::agent-table",
        "The table of an agent contradicts itself.",
        "Give the keys that its backend takes.",
        mission(r#"[agents.played]
backend = "rehearsal"
command = ["player"]
"# => r#"[agents.played]
backend = "command"
command = ["player"]
"#);

    UNKNOWN_TASK = "mission::unknown-task",
        "A task is named that does not exist.",
        "Take one of the tasks of this mission.",
        mission(r#"[tasks.build]
run = ["make"]

[tasks.test]
needs = ["biuld"]
run = ["make", "test"]
"# => r#"[tasks.build]
run = ["make"]

[tasks.test]
needs = ["build"]
run = ["make", "test"]
"#);

    UNKNOWN_INPUT = "mission::unknown-input",
        "An input is named that is not declared.",
        "Declare it under `[inputs]`, or take one of those that are.",
        mission(r#"[inputs.name]

[tasks.hello]
run = ["echo", "{{inputs.name}}", "{{inputs.nmae}}"]
"# => r#"[inputs.name]

[tasks.hello]
run = ["echo", "{{inputs.name}}", "{{inputs.name}}"]
"#);

    UNKNOWN_OUTPUT = "mission::unknown-output",
        "An output is named that its task does not declare.",
        "Declare it in the task's `outputs`, or take one of those that are.",
        mission(r#"[tasks.version]
run = "./version --json > $AI_SDLC_OUTPUTS"
outputs.version = "string"

[tasks.tell]
needs = ["version"]
run = ["echo", "{{tasks.version.outputs.version}}", "{{tasks.version.outputs.versoin}}"]
"# => r#"[tasks.version]
run = "./version --json > $AI_SDLC_OUTPUTS"
outputs.version = "string"

[tasks.tell]
needs = ["version"]
run = ["echo", "{{tasks.version.outputs.version}}"]
"#);

    UNUSED_INPUT = "mission::unused-input",
        "An input is declared and never used.",
        "Use it in a template, or remove it.",
        mission(r#"[inputs.name]
default = "you"

[tasks.hello]
run = ["echo", "hello"]
"# => r#"[inputs.name]
default = "you"

[tasks.hello]
run = ["echo", "hello", "{{inputs.name}}"]
"#);

    UNUSED_OUTPUT = "mission::unused-output",
        "An output is declared and nothing takes it.",
        "Use it, or remove it.",
        mission(r#"[tasks.version]
run = "./version --json > $AI_SDLC_OUTPUTS"
outputs.version = "string"
"# => r#"[tasks.version]
run = "./version --json > $AI_SDLC_OUTPUTS"
outputs.version = "string"

[tasks.tell]
needs = ["version"]
run = ["echo", "{{tasks.version.outputs.version}}"]
"#);

    NAMED_TWICE = "mission::named-twice",
        "A list has a name twice.",
        "Remove one of them.",
        mission(r#"[tasks.build]
run = ["make"]

[tasks.test]
run = ["make", "test"]
needs = ["build", "build"]
"# => r#"[tasks.build]
run = ["make"]

[tasks.test]
run = ["make", "test"]
needs = ["build"]
"#);

    UNUSED_VARIABLE = "mission::unused-variable",
        "A variable of `for_each` is never used: all instances would do the same.",
        "Use it in what the task is told, or remove it.",
        mission(r#"[tasks.test]
run = ["make", "test"]
for_each = { system = ["linux", "mac"] }
"# => r#"[tasks.test]
run = ["make", "test", "SYSTEM={{system}}"]
for_each = { system = ["linux", "mac"] }
"#);

    UNKNOWN_SECRET = "mission::unknown-secret",
        "A task is given a secret that the mission does not have.",
        "Add its name to `secrets` of the mission.",
        mission(r#"[tasks.push]
run = ["make", "push"]
secrets = ["PUSH_TOKEN"]
"# => r#"secrets = ["PUSH_TOKEN"]

[mission]
name = "example"

[tasks.push]
run = ["make", "push"]
secrets = ["PUSH_TOKEN"]
"#);

    UNUSED_SECRET = "mission::unused-secret",
        "No task is given a secret of the mission.",
        "Name it in a task, or remove it.",
        mission(r#"secrets = ["PUSH_TOKEN"]

[mission]
name = "example"

[tasks.push]
run = ["make", "push"]
"# => r#"[tasks.push]
run = ["make", "push"]
"#);
}
