//! Codes of findings about templates and commands.

use crate::diagnostic::entry::codes;

codes! {
    TEMPLATES;

    BAD_TEMPLATE = "mission::bad-template",
        "A template cannot be read.",
        "Mend the place that is shown; `\\{{` writes two braces as they are.",
        mission(r#"[tasks.hello]
run = ["echo", "{{#if run.id}}hello"]
"# => r#"[tasks.hello]
run = ["echo", "{{#if run.id}}hello{{/if}}"]
"#);

    UNKNOWN_VARIABLE = "mission::unknown-variable",
        "A template names a variable that does not exist there.",
        "Declare it, or take one of those that exist.",
        mission(r#"[tasks.hello]
run = ["echo", "{{mission.nam}}"]
"# => r#"[tasks.hello]
run = ["echo", "{{mission.name}}"]
"#);

    UNKNOWN_PARTIAL = "mission::unknown-partial",
        "A template includes a partial that does not exist.",
        "Add the partial to `roles/partials/`, or take one of those that exist.",
        mission(r#"[tasks.plan]
role = "tech-lead"
prompt = "Say what to do first. {{> common-ruls}}"
"# => r#"[tasks.plan]
role = "tech-lead"
prompt = "Say what to do first. {{> common-rules}}"
"#);

    TEMPLATE_IN_SHELL = "mission::template-in-shell",
        "A template stands in text for a shell.",
        "Read the value from the environment, such as `$AI_SDLC_INPUT_FEATURE`, or write the command as a list.",
        mission(r#"[inputs.name]

[tasks.hello]
run = "echo {{inputs.name}} | tr a-z A-Z"
"# => r#"[inputs.name]

[tasks.hello]
run = "echo $AI_SDLC_INPUT_NAME | tr a-z A-Z"
"#);
}
