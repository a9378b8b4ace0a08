//! Codes of findings about a mission file as a whole.

use crate::diagnostic::entry::codes;

codes! {
    TEXT;

    NOT_TEXT = "mission::not-text",
        "The file is not UTF-8 text.",
        "Give the path of a TOML file saved as UTF-8.",
        bytes("missions/example.toml":
            b"version = 1\n[mission]\nname = \"caf\xe9\"\n[tasks.hello]\nrun = [\"true\"]\n"
            => b"version = 1\n[mission]\nname = \"cafe\"\n[tasks.hello]\nrun = [\"true\"]\n");

    SYNTAX = "mission::syntax",
        "The file is not valid TOML.",
        "Mend the place that is shown; until then only the syntax is checked.",
        mission(r#"[tasks.hello]
run = ["echo", "hello"
"# => r#"[tasks.hello]
run = ["echo", "hello"]
"#);

    UNKNOWN_VERSION = "mission::unknown-version",
        "The file is written in a version of the language that is not known.",
        "Write `version = 1`, or take a newer program.",
        mission(r#"version = 7

[mission]
name = "example"

[tasks.hello]
run = ["echo", "hello"]
"# => r#"version = 1

[mission]
name = "example"

[tasks.hello]
run = ["echo", "hello"]
"#);

    NO_TASKS = "mission::no-tasks",
        "The mission has no task.",
        "Add at least one `[tasks.<id>]`.",
        mission(r#"[mission]
name = "example"

[tasks]
"# => r#"[mission]
name = "example"

[tasks.hello]
run = ["echo", "hello"]
"#);
}
