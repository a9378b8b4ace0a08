//! Codes of findings about keys and values.

use crate::diagnostic::entry::codes;

codes! {
    VALUES;

    NUMBER = "mission::number",
        "A number cannot be represented: too large, `inf` or `nan`.",
        "Write a finite number of at most 64 bits.",
        mission(r#"[budget]
tokens = inf
"# => r#"[budget]
tokens = 2_000_000
"#);

    UNKNOWN_KEY = "mission::unknown-key",
        "The language has no such key in this place.",
        "Take the key that is suggested, or remove it; `ai-sdlc schema mission` lists all keys.",
        mission(r#"[tasks.hello]
run = ["echo", "hello"]
timout = "5m"
"# => r#"[tasks.hello]
run = ["echo", "hello"]
timeout = "5m"
"#);

    MISSING_KEY = "mission::missing-key",
        "A key that must be there is missing.",
        "Add it.",
        mission(r#"[mission]
description = "A mission without a name."

[tasks.hello]
run = ["echo", "hello"]
"# => r#"[mission]
name = "greeting"

[tasks.hello]
run = ["echo", "hello"]
"#);

    WRONG_TYPE = "mission::wrong-type",
        "A value is of the wrong type.",
        "Write a value of the type that the key takes.",
        mission(r#"[tasks.hello]
run = ["echo", "hello"]
timeout = 30
"# => r#"[tasks.hello]
run = ["echo", "hello"]
timeout = "30s"
"#);

    WRONG_VALUE = "mission::wrong-value",
        "A value is none of those that the key takes.",
        "Write one of the values that are listed.",
        mission(r#"[merge]
strategy = "rebase"
"# => r#"[merge]
strategy = "squash"
"#);

    BAD_NAME = "mission::bad-name",
        "A name or id breaks the rule of its kind.",
        "Names of missions, roles, skills and agents are `[a-z][a-z0-9-]*`, ids of tasks, inputs and outputs `[a-z][a-z0-9_]*`.",
        mission(r#"[tasks.Say-Hello]
run = ["echo", "hello"]
"# => r#"[tasks.say_hello]
run = ["echo", "hello"]
"#);

    OUT_OF_RANGE = "mission::out-of-range",
        "A number or a length of time is out of its range.",
        "Write a value within the range that is shown.",
        mission(r#"[concurrency]
max = 0
"# => r#"[concurrency]
max = 4
"#);

    BAD_DURATION = "mission::bad-duration",
        "A length of time cannot be read.",
        "Write it like `45s`, `30m` or `1h30m`.",
        mission(r#"[defaults]
timeout = "5 minuts"
"# => r#"[defaults]
timeout = "5m"
"#);

    BAD_SIZE = "mission::bad-size",
        "An amount of disk space cannot be read.",
        "Write it like `20 GB` or `500 MiB`.",
        mission(r#"[workspace]
max_disk = "20 gigs"
"# => r#"[workspace]
max_disk = "20 GB"
"#);

    BAD_SHAPE = "mission::bad-shape",
        "The shape of an output cannot be read.",
        "Write a type name, a list of one shape, a table of fields, or `{ schema = … }`.",
        mission(r#"[tasks.count]
run = "wc -l < list > $AI_SDLC_OUTPUTS"
outputs.lines = "int"

[tasks.tell]
needs = ["count"]
run = ["echo", "{{tasks.count.outputs.lines}}"]
"# => r#"[tasks.count]
run = "wc -l < list > $AI_SDLC_OUTPUTS"
outputs.lines = "integer"

[tasks.tell]
needs = ["count"]
run = ["echo", "{{tasks.count.outputs.lines}}"]
"#);

    BAD_SCHEMA = "mission::bad-schema",
        "A JSON Schema cannot be read or is not valid.",
        "Write a valid JSON Schema, or the path of one, relative to the mission file.",
        mission(r#"[inputs.port]
schema = { type = "port" }

[tasks.hello]
run = ["echo", "{{inputs.port}}"]
"# => r#"[inputs.port]
schema = { type = "integer", maximum = 65535 }

[tasks.hello]
run = ["echo", "{{inputs.port}}"]
"#);

    BAD_DEFAULT = "mission::bad-default",
        "The default of an input does not fit its own declaration.",
        "Change the default or the declaration.",
        mission(r#"[inputs.port]
type = "integer"
default = "http"

[tasks.hello]
run = ["echo", "{{inputs.port}}"]
"# => r#"[inputs.port]
type = "integer"
default = 80

[tasks.hello]
run = ["echo", "{{inputs.port}}"]
"#);

    BAD_GLOB = "mission::bad-glob",
        "A glob cannot be used.",
        "Write a relative glob inside the workspace, such as `src/**`.",
        mission(r#"[tasks.hello]
run = ["echo", "hello"]
touches = ["/etc/**"]
"# => r#"[tasks.hello]
run = ["echo", "hello"]
touches = ["etc/**"]
"#);

    BAD_PATH = "mission::bad-path",
        "A path leaves the checkout or is no plain relative path.",
        "Write a relative path inside the checkout.",
        mission(r#"[workspace]
copy = ["../.env"]
"# => r#"[workspace]
copy = [".env"]
"#);

    BAD_COMMAND = "mission::bad-command",
        "A command is empty.",
        "Write a program and its arguments, or one string for the shell.",
        mission(r#"[tasks.hello]
run = []
"# => r#"[tasks.hello]
run = ["echo", "hello"]
"#);

    NOTIFY = "mission::notify",
        "A notification tells nobody, or about nothing, or about what never happens.",
        "Give it `on` and either `command` or `webhook`.",
        mission(r#"[[notify]]
on = ["failed"]
"# => r#"[[notify]]
on = ["failed"]
command = ["notify-send", "ai-sdlc"]
"#);
}
