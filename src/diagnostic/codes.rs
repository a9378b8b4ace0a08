//! Every code a finding can have, with what it means and what to do: the error index is made of this table.

use crate::diagnostic::Code;

macro_rules! codes {
    ($($NAME:ident = $code:literal, $meaning:literal, $help:literal;)*) => {
        $(#[doc = $meaning] pub const $NAME: Code = Code($code);)*

        /// The table: code, what it means, what to do.
        pub const CODES: &[(Code, &str, &str)] = &[$(($NAME, $meaning, $help)),*];
    };
}

codes! {
    NOT_TEXT = "mission::not-text", "The file is not UTF-8 text.", "Give the path of a TOML file saved as UTF-8.";
    SYNTAX = "mission::syntax", "The file is not valid TOML.", "Mend the place that is shown; until then only the syntax is checked.";
    NUMBER = "mission::number", "A number cannot be represented: too large, `inf` or `nan`.", "Write a finite number of at most 64 bits.";
    UNKNOWN_KEY = "mission::unknown-key", "The language has no such key in this place.", "Take the key that is suggested, or remove it; `ai-sdlc schema mission` lists all keys.";
    MISSING_KEY = "mission::missing-key", "A key that must be there is missing.", "Add it.";
    WRONG_TYPE = "mission::wrong-type", "A value is of the wrong type.", "Write a value of the type that the key takes.";
    WRONG_VALUE = "mission::wrong-value", "A value is none of those that the key takes.", "Write one of the values that are listed.";
    BAD_NAME = "mission::bad-name", "A name or id breaks the rule of its kind.", "Names of missions, roles, skills and agents are `[a-z][a-z0-9-]*`, ids of tasks, inputs and outputs `[a-z][a-z0-9_]*`.";
    OUT_OF_RANGE = "mission::out-of-range", "A number or a length of time is out of its range.", "Write a value within the range that is shown.";
    UNKNOWN_VERSION = "mission::unknown-version", "The file is written in a version of the language that is not known.", "Write `version = 1`, or take a newer program.";
    BAD_DURATION = "mission::bad-duration", "A length of time cannot be read.", "Write it like `45s`, `30m` or `1h30m`.";
    BAD_SHAPE = "mission::bad-shape", "The shape of an output cannot be read.", "Write a type name, a list of one shape, a table of fields, or `{ schema = … }`.";
    BAD_SCHEMA = "mission::bad-schema", "A JSON Schema cannot be read or is not valid.", "Write a valid JSON Schema, or the path of one, relative to the mission file.";
    BAD_DEFAULT = "mission::bad-default", "The default of an input does not fit its own declaration.", "Change the default or the declaration.";
    BAD_GLOB = "mission::bad-glob", "A glob cannot be used.", "Write a relative glob inside the workspace, such as `src/**`.";
    BAD_PATH = "mission::bad-path", "A path leaves the checkout or is no plain relative path.", "Write a relative path inside the checkout.";
    BAD_COMMAND = "mission::bad-command", "A command is empty.", "Write a program and its arguments, or one string for the shell.";
    BAD_TEMPLATE = "mission::bad-template", "A template cannot be read.", "Mend the place that is shown; `\\{{` writes two braces as they are.";
    UNKNOWN_VARIABLE = "mission::unknown-variable", "A template names a variable that does not exist there.", "Declare it, or take one of those that exist.";
    UNKNOWN_PARTIAL = "mission::unknown-partial", "A template includes a partial that does not exist.", "Add the partial to `roles/partials/`, or take one of those that exist.";
    TEMPLATE_IN_SHELL = "mission::template-in-shell", "A template stands in text for a shell.", "Read the value from the environment, such as `$AI_SDLC_INPUT_FEATURE`, or write the command as a list.";
    UNKNOWN_ROLE = "mission::unknown-role", "A role is named that does not exist.", "Take one of those that `ai-sdlc role list` shows, or add `roles/<name>.md`.";
    UNKNOWN_SKILL = "mission::unknown-skill", "A skill is named that does not exist.", "Take one of those that exist, or add `skills/<name>/SKILL.md`.";
    SKILL_CONFLICT = "mission::skill-conflict", "Two skills of one task cannot be used together.", "Leave one of them out.";
    UNKNOWN_AGENT = "mission::unknown-agent", "An agent is named that is not configured.", "Add `[agents.<name>]` to `.ai-sdlc/config.toml`, or take one of those that exist.";
    AGENT_TABLE = "mission::agent-table", "The table of an agent contradicts itself.", "Give the keys that its backend takes.";
    UNKNOWN_TASK = "mission::unknown-task", "A task is named that does not exist.", "Take one of the tasks of this mission.";
    UNKNOWN_INPUT = "mission::unknown-input", "An input is named that is not declared.", "Declare it under `[inputs]`, or take one of those that are.";
    UNKNOWN_OUTPUT = "mission::unknown-output", "An output is named that its task does not declare.", "Declare it in the task's `outputs`, or take one of those that are.";
    NOT_UPSTREAM = "mission::not-upstream", "A task refers to one that does not come before it.", "Add it to `needs`.";
    CYCLE = "mission::cycle", "Tasks need each other in a circle.", "Take one of the `needs` out.";
    NO_TASKS = "mission::no-tasks", "The mission has no task.", "Add at least one `[tasks.<id>]`.";
    NO_KIND = "mission::no-kind", "A task has neither a prompt nor a command.", "Give it `prompt` and a role, or `run`.";
    TWO_KINDS = "mission::two-kinds", "A task has a prompt and a command.", "Make two tasks of it.";
    KEY_OF_OTHER_KIND = "mission::key-of-other-kind", "A key has no meaning for this kind of task.", "Remove it.";
    NO_ROLE = "mission::no-role", "An agent task has no role.", "Give it `role`, or set one in `[defaults]`.";
    WORKSPACE = "mission::workspace", "Tasks cannot share a worktree like this.", "Let `with` name a task upstream that has a worktree and is not shared already.";
    BAD_BRANCH = "mission::bad-branch", "A branch or revision is no valid name for git.", "See `git help check-ref-format`.";
    BRANCH_COLLISION = "mission::branch-collision", "Two tasks would get the same branch.", "Put `{{task.id}}` into `[workspace] branch`.";
    LINKED_WRITE = "mission::linked-write", "A package manager would write into a linked folder of the main checkout.", "Take the folder out of `link`, or the command out of the mission.";
    UNUSED_INPUT = "mission::unused-input", "An input is declared and never used.", "Use it in a template, or remove it.";
    UNUSED_OUTPUT = "mission::unused-output", "An output is declared and nothing takes it.", "Use it, or remove it.";
    PERMISSIONS = "mission::permissions", "A task's permissions do not allow what it is to do.", "Give it `permissions = \"edit\"`, or leave out what it may not do.";
    BUDGET_FIT = "mission::budget-fit", "Budgets of tasks do not fit into that of the run.", "Raise the run's budget or lower those of the tasks.";
    BUDGET_UNENFORCED = "mission::budget-unenforced", "A budget cannot be enforced, because nothing reports that use.", "Limit `time` instead, or set `unknown = \"allow\"`.";
    NO_BUDGET = "mission::no-budget", "A mission with retries has no budget.", "Add `[budget]` with `usd`, `tokens` or `time`.";
    ALL_IN_SEQUENCE = "mission::all-in-sequence", "What tasks may touch forces them to run one after the other.", "Narrow `touches`, or leave it out.";
}
