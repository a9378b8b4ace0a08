//! How a session gives its verdict on the work of others.

use crate::amount::often;
use crate::name::TaskId;
use crate::plan::{Plan, Task};

/// For a conversation that was told before.
pub(super) const REMINDER: &str =
    "Your handoff must hold your verdict again: `verdict: approve`, or `verdict: rework` with `reasons`.";

/// What both kinds of judges are told.
const HOW: &str = "\
Your handoff must hold your verdict in its front matter:

```yaml
verdict: rework         # approve or rework; without one of the two nothing is approved
reasons:                # with rework, one line each: where, what is wrong, how it shows, what would be right
  - \"src/list.rs, line 40: an empty list panics; return no page instead.\"
```

`status` is about your own session: `done` when you have judged. Ask for rework for what is wrong, unsafe or not what was asked, not for taste.";

/// For a task that sends others back.
pub(super) fn of_judge(plan: &Plan, id: &TaskId, task: &Task) -> String {
    let titles: Vec<String> = task
        .rework
        .iter()
        .map(|back| match plan.tasks.get(back) {
            Some(planned) if planned.title != back.as_str() => format!("`{back}` ({})", planned.title),
            Some(_) | None => format!("`{back}`"),
        })
        .collect();
    format!(
        "## Your verdict\n\nYou judge, as `{id}`, what came before you. With `rework` these tasks go round again and are told your reasons, at most {}: {}.\n\n{HOW}",
        often(task.rounds.get()),
        titles.join(", ")
    )
}

/// For a reviewer.
pub(super) fn of_reviewer(id: &TaskId) -> String {
    format!(
        "## Your verdict\n\nYou review the work of `{id}` and change nothing: what you change in the workspace is thrown away. With `rework` it goes back to the conversation it came from, with your reasons.\n\n{HOW}"
    )
}
