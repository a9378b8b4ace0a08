//! Codes of findings about tasks and their order.

use crate::diagnostic::entry::codes;

codes! {
    TASKS;

    NO_KIND = "mission::no-kind",
        "A task has neither a prompt nor a command.",
        "Give it `prompt` and a role, or `run`.",
        mission(r#"[tasks.hello]
title = "Say hello"
"# => r#"[tasks.hello]
title = "Say hello"
run = ["echo", "hello"]
"#);

    TWO_KINDS = "mission::two-kinds",
        "A task has a prompt and a command.",
        "Make two tasks of it.",
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
}
