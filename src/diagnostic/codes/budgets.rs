//! Codes of findings about budgets.

use crate::diagnostic::entry::codes;

codes! {
    BUDGETS;

    BUDGET_FIT = "mission::budget-fit",
        "Budgets of tasks do not fit into that of the run.",
        "Raise the run's budget or lower those of the tasks.",
        mission(r#"[budget]
usd = 1.0

[tasks.plan]
role = "tech-lead"
budget = { usd = 5.0 }
prompt = "Say what to do first."
"# => r#"[budget]
usd = 10.0

[tasks.plan]
role = "tech-lead"
budget = { usd = 5.0 }
prompt = "Say what to do first."
"#);

    BUDGET_UNENFORCED = "mission::budget-unenforced",
        "A budget cannot be enforced, because nothing reports that use.",
        "Limit `time` instead, or set `unknown = \"allow\"`.",
        mission(r#"[budget]
usd = 5.0

[agents.quiet]
backend = "command"
command = ["quiet"]

[tasks.plan]
role = "tech-lead"
agent = "quiet"
prompt = "Say what to do first."
"# => r#"[budget]
time = "1h"

[agents.quiet]
backend = "command"
command = ["quiet"]

[tasks.plan]
role = "tech-lead"
agent = "quiet"
prompt = "Say what to do first."
"#);

    NO_BUDGET = "mission::no-budget",
        "A mission with retries has no budget.",
        "Add `[budget]` with `usd`, `tokens` or `time`.",
        mission(r#"[tasks.plan]
role = "tech-lead"
retry = { max = 2 }
prompt = "Say what to do first."
"# => r#"[budget]
time = "2h"

[tasks.plan]
role = "tech-lead"
retry = { max = 2 }
prompt = "Say what to do first."
"#);
}
