//! Codes of findings about conditions and computed values.

use crate::diagnostic::entry::codes;

codes! {
    CONDITIONS;

    BAD_EXPRESSION = "mission::bad-expression",
        "CEL cannot be read.",
        "Write an expression: `inputs.level == \"high\"`.",
        mission(r#"[tasks.hello]
run = ["echo", "hello"]
when = "1 = 1"
"# => r#"[tasks.hello]
run = ["echo", "hello"]
when = "1 == 1"
"#);

    EXPRESSION_TYPE = "mission::expression-type",
        "CEL compares or computes what does not go together, or comes to something else than is wanted.",
        "Compare values of one type; a condition is true or false, and `for_each` takes a list.",
        mission(r#"[inputs.count]
type = "integer"

[tasks.hello]
run = ["echo", "hello"]
when = "inputs.count > \"3\""
"# => r#"[inputs.count]
type = "integer"

[tasks.hello]
run = ["echo", "hello"]
when = "inputs.count > 3"
"#);

    NEVER = "mission::never",
        "A condition asks whether a task has failed that must have succeeded before it is looked at.",
        "Set `join = \"all-done\"`.",
        mission(r#"[tasks.test]
run = ["make", "test"]

[tasks.tell]
needs = ["test"]
run = ["make", "tell"]
when = "tasks.test.status == \"failed\""
"# => r#"[tasks.test]
run = ["make", "test"]

[tasks.tell]
needs = ["test"]
join = "all-done"
run = ["make", "tell"]
when = "tasks.test.status == \"failed\""
"#);
}
