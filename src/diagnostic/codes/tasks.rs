//! Codes of findings about tasks and their order.

use crate::diagnostic::entry::codes;

codes! {
    TASKS;

    NO_KIND = "mission::no-kind",
        "A task has neither a prompt nor a command, a gate or a mission.",
        "Give it `prompt` and a role, or `run`, `gate` or `mission`.",
        mission(r#"[tasks.hello]
title = "Say hello"
"# => r#"[tasks.hello]
title = "Say hello"
run = ["echo", "hello"]
"#);

    TWO_KINDS = "mission::two-kinds",
        "A task is of several kinds: a prompt and a command, a gate or a mission.",
        "Make several tasks of it.",
        mission(r#"[tasks.hello]
role = "tech-lead"
prompt = "Say hello."
run = ["echo", "hello"]
"# => r#"[tasks.hello]
role = "tech-lead"
prompt = "Say hello."
"#);

    KEY_OF_OTHER_KIND = "mission::key-of-other-kind",
        "A key has no meaning for this kind of task.",
        "Remove it.",
        mission(r#"[tasks.hello]
run = ["echo", "hello"]
idle_timeout = "1m"
"# => r#"[tasks.hello]
run = ["echo", "hello"]
"#);

    LONE_KEY = "mission::lone-key",
        "A key says more of another one that is not there, or of one that excludes it.",
        "Add the other key, or remove this one.",
        mission(r#"[tasks.test]
run = ["make", "test"]
max_instances = 3
"# => r#"[tasks.test]
run = ["make", "test"]
"#);

    NO_ROLE = "mission::no-role",
        "An agent task has no role.",
        "Give it `role`, or set one in `[defaults]`.",
        mission(r#"[tasks.plan]
prompt = "Say what to do first."
"# => r#"[tasks.plan]
role = "tech-lead"
prompt = "Say what to do first."
"#);

    NOT_UPSTREAM = "mission::not-upstream",
        "A task refers to one that does not come before it.",
        "Add it to `needs`.",
        mission(r#"[tasks.version]
run = "./version --json > $AI_SDLC_OUTPUTS"
outputs.version = "string"

[tasks.tell]
run = ["echo", "{{tasks.version.outputs.version}}"]
"# => r#"[tasks.version]
run = "./version --json > $AI_SDLC_OUTPUTS"
outputs.version = "string"

[tasks.tell]
needs = ["version"]
run = ["echo", "{{tasks.version.outputs.version}}"]
"#);

    CYCLE = "mission::cycle",
        "Tasks need each other in a circle.",
        "Take one of the `needs` out.",
        mission(r#"[tasks.build]
needs = ["test"]
run = ["make"]

[tasks.test]
needs = ["build"]
run = ["make", "test"]
"# => r#"[tasks.build]
run = ["make"]

[tasks.test]
needs = ["build"]
run = ["make", "test"]
"#);

    PERMISSIONS = "mission::permissions",
        "A task's permissions do not allow what it is to do.",
        "Give it `permissions = \"edit\"`, or leave out what it may not do.",
        mission(r#"[tasks.fix]
role = "tech-lead"
permissions = "read"
touches = ["src/**"]
prompt = "Mend the build."
"# => r#"[tasks.fix]
role = "tech-lead"
permissions = "edit"
touches = ["src/**"]
prompt = "Mend the build."
"#);

    ALL_IN_SEQUENCE = "mission::all-in-sequence",
        "What tasks may touch forces them to run one after the other.",
        "Narrow `touches`, or leave it out.",
        mission(r#"[tasks.api]
run = ["make", "api"]
touches = ["**"]

[tasks.ui]
run = ["make", "ui"]
touches = ["**"]
"# => r#"[tasks.api]
run = ["make", "api"]
touches = ["api/**"]

[tasks.ui]
run = ["make", "ui"]
touches = ["ui/**"]
"#);

    INSTANCES = "mission::instances",
        "The instances of a task are too many, none, or cannot be told apart.",
        "Mend the list of `for_each`, or set `max_instances` or `key`.",
        mission(r#"[tasks.test]
run = ["make", "test", "OS={{os}}"]
for_each = { os = ["linux", "mac", "linux"] }
"# => r#"[tasks.test]
run = ["make", "test", "OS={{os}}"]
for_each = { os = ["linux", "mac"] }
"#);

    REWORK = "mission::rework",
        "Work is sent back to a task that cannot go round.",
        "Name tasks of an agent, or commands.",
        mission(r#"[tasks.plan]
gate = "Begin?"

[tasks.test]
needs = ["plan"]
run = ["make", "test"]
rework = ["plan"]
"# => r#"[tasks.plan]
run = ["make", "plan"]

[tasks.test]
needs = ["plan"]
run = ["make", "test"]
rework = ["plan"]
"#);

    LONE_GATE = "mission::lone-gate",
        "A gate waits for nothing, and nothing waits for it.",
        "Say in `needs` what it is about, or what waits for it.",
        mission(r#"[tasks.build]
run = ["make"]

[tasks.ship]
gate = "Ship it?"
"# => r#"[tasks.build]
run = ["make"]

[tasks.ship]
needs = ["build"]
gate = "Ship it?"
"#);

    SKIPPED_TOO = "mission::skipped-too",
        "A task is skipped whenever one that it needs is, and does not say so.",
        "Set `join = \"none-failed\"` if it is to run all the same, or give it the same `when`.",
        mission(r#"[inputs.deep]
type = "boolean"
default = false

[tasks.scan]
run = ["make", "scan"]
when = "inputs.deep"

[tasks.build]
needs = ["scan"]
run = ["make"]
"# => r#"[inputs.deep]
type = "boolean"
default = false

[tasks.scan]
run = ["make", "scan"]
when = "inputs.deep"

[tasks.build]
needs = ["scan"]
join = "none-failed"
run = ["make"]
"#);

    DELIVERED_EARLY = "mission::delivered-early",
        "Work is delivered before the gate that is about it is answered.",
        "Set `deliver = \"end\"`.",
        mission(r#"[merge]
into = "main"
deliver = "each"

[tasks.build]
run = ["make"]

[tasks.ship]
needs = ["build"]
gate = "Ship it?"
"# => r#"[merge]
into = "main"
deliver = "end"

[tasks.build]
run = ["make"]

[tasks.ship]
needs = ["build"]
gate = "Ship it?"
"#);

    CAPABILITIES = "mission::capabilities",
        "No role of the mission is able to do what a task asks for.",
        "Add a role that is, or name one with `role`.",
        mission(r#"[roles.tech-lead]

[tasks.query]
capabilities = ["browser"]
prompt = "Look at the page."
"# => r#"[roles.tech-lead]

[tasks.query]
role = "tech-lead"
prompt = "Look at the page."
"#);
}
