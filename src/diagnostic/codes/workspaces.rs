//! Codes of findings about workspaces and branches.

use crate::diagnostic::entry::codes;

codes! {
    WORKSPACES;

    WORKSPACE = "mission::workspace",
        "Tasks cannot share a worktree like this.",
        "Let `with` name a task upstream that has a worktree and is not shared already.",
        mission(r#"[tasks.look]
run = ["make", "check"]
workspace = "read-only"

[tasks.test]
needs = ["look"]
run = ["make", "test"]
workspace = { with = "look" }
"# => r#"[tasks.look]
run = ["make", "check"]

[tasks.test]
needs = ["look"]
run = ["make", "test"]
workspace = { with = "look" }
"#);

    BAD_BRANCH = "mission::bad-branch",
        "A branch or revision is no valid name for git.",
        "See `git help check-ref-format`.",
        mission(r#"[merge]
into = "release 2"
"# => r#"[merge]
into = "release-2"
"#);

    BRANCH_COLLISION = "mission::branch-collision",
        "Two tasks would get the same branch.",
        "Put `{{task.id}}` into `[workspace] branch`.",
        mission(r#"[workspace]
branch = "ai/{{run.id}}"

[tasks.api]
run = ["make", "api"]

[tasks.ui]
run = ["make", "ui"]
"# => r#"[workspace]
branch = "ai/{{run.id}}/{{task.id}}"

[tasks.api]
run = ["make", "api"]

[tasks.ui]
run = ["make", "ui"]
"#);

    LINKED_WRITE = "mission::linked-write",
        "A package manager would write into a linked folder of the main checkout.",
        "Take the folder out of `link`, or the command out of the mission.",
        mission(r#"[workspace]
link = ["node_modules"]
setup = [["npm", "ci"]]
"# => r#"[workspace]
setup = [["npm", "ci"]]
"#);
}
