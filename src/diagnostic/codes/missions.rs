//! Codes of findings about missions that missions use as tasks.

use crate::diagnostic::entry::codes;

codes! {
    MISSIONS;

    MISSION_FILE = "mission::mission-file",
        "A mission that is used as a task cannot be read.",
        "Write the path of a mission file, relative to the one that names it.",
        files(["missions/web.toml": r#"[mission]
name = "web"

[tasks.polish]
mission = "polsh.toml"
"#, "missions/polish.toml": r#"[mission]
name = "polish"

[tasks.tidy]
run = ["make", "tidy"]
"#] => ["missions/web.toml": r#"[mission]
name = "web"

[tasks.polish]
mission = "polish.toml"
"#, "missions/polish.toml": r#"[mission]
name = "polish"

[tasks.tidy]
run = ["make", "tidy"]
"#]);

    MISSING_INPUT = "mission::missing-input",
        "A mission that is used as a task is not given an input that it must have.",
        "Add it to `with`.",
        files(["missions/web.toml": r#"[mission]
name = "web"

[tasks.polish]
mission = "polish.toml"
"#, "missions/polish.toml": r#"[mission]
name = "polish"

[inputs.folder]

[tasks.tidy]
run = ["tidy", "{{inputs.folder}}"]
"#] => ["missions/web.toml": r#"[mission]
name = "web"

[tasks.polish]
mission = "polish.toml"
with = { folder = "src" }
"#, "missions/polish.toml": r#"[mission]
name = "polish"

[inputs.folder]

[tasks.tidy]
run = ["tidy", "{{inputs.folder}}"]
"#]);

    WRONG_INPUT = "mission::wrong-input",
        "A mission that is used as a task is given a value that does not fit its input.",
        "Give it a value of the type that its input has.",
        files(["missions/web.toml": r#"[mission]
name = "web"

[tasks.polish]
mission = "polish.toml"
with = { rounds = "three" }
"#, "missions/polish.toml": r#"[mission]
name = "polish"

[inputs.rounds]
type = "integer"

[tasks.tidy]
run = ["tidy", "{{inputs.rounds}}"]
"#] => ["missions/web.toml": r#"[mission]
name = "web"

[tasks.polish]
mission = "polish.toml"
with = { rounds = 3 }
"#, "missions/polish.toml": r#"[mission]
name = "polish"

[inputs.rounds]
type = "integer"

[tasks.tidy]
run = ["tidy", "{{inputs.rounds}}"]
"#]);

    MISSION_CYCLE = "mission::mission-cycle",
        "A mission uses itself as a task, or missions use each other in a circle.",
        "Take one of these tasks out.",
        files(["missions/web.toml": r#"[mission]
name = "web"

[tasks.again]
mission = "web.toml"
"#] => ["missions/web.toml": r#"[mission]
name = "web"

[tasks.build]
run = ["make"]
"#]);

    TABLE_OF_RUN = "mission::table-of-run",
        "A mission that is used as a task has a table that counts only for a whole run.",
        "Move it to the mission that is run.",
        files(["missions/web.toml": r#"[mission]
name = "web"

[tasks.polish]
mission = "parts/polish.toml"
"#, "missions/parts/polish.toml": r#"[mission]
name = "polish"

[concurrency]
max = 2

[tasks.tidy]
run = ["make", "tidy"]
"#] => ["missions/web.toml": r#"[mission]
name = "web"

[concurrency]
max = 2

[tasks.polish]
mission = "parts/polish.toml"
"#, "missions/parts/polish.toml": r#"[mission]
name = "polish"

[tasks.tidy]
run = ["make", "tidy"]
"#]);
}
