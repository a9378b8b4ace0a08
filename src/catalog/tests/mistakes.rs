//! What is said of mistakes in role and skill files: at which place, and what to do.

use std::fs;
use std::path::Path;

use crate::catalog::role::{Body, Permissions};
use crate::catalog::{Catalog, Places};
use crate::name::RoleName;

/// A project of these files.
fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Catalog) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let catalog = load(root.path());
    (root, catalog)
}

fn load(root: &Path) -> Catalog {
    Catalog::load(&Places { mission_dir: None, root: Some(root.to_path_buf()), user: None })
}

/// Each finding: the text at its place, what is said, and what to do.
fn told(catalog: &Catalog) -> Vec<String> {
    let text = |file: &str| catalog.sources.get(file).map_or("", String::as_str);
    let own = catalog.findings.iter();
    own.map(|one| {
        let place = &text(&one.file)[one.span.start..one.span.end];
        format!("{} [{place}] {} | {}", one.severity.word(), one.message, one.help.as_deref().unwrap_or("-"))
    })
    .collect()
}

/// What is said of one role file.
fn of_role(text: &str) -> Vec<String> {
    told(&project(&[("roles/dev.md", text)]).1)
}

/// What is said of one `skill.toml`.
fn of_manifest(toml: &str) -> Vec<String> {
    let text = "---\nname: edges\ndescription: About edges.\n---\nText.\n";
    told(&project(&[("skills/edges/SKILL.md", text), ("skills/edges/skill.toml", toml)]).1)
}

#[test]
fn front_matter_that_is_none_says_how_it_would_be_one() {
    assert_eq!(
        of_role("---\ndescription: Writes: all of it.\n---\nYou.\n"),
        [
            "error [description: Writes: all of it.] the front matter is no valid YAML: mapping values are not allowed in \
          this context | put the text in double quotes: `description: \"Writes: all of it.\"`"
        ]
    );
    assert_eq!(
        of_role("---\ndescription: Writes.\nYou.\n"),
        ["error [---] the front matter is never closed | add a line `---` below its last key"]
    );
    assert_eq!(of_role("You.\n"), ["error [] there is no front matter | Begin the file with `---`, keys, `---`."]);
}

#[test]
fn words_of_a_role_that_are_not_known_have_the_one_that_was_meant() {
    assert_eq!(
        of_role("---\ndescription: d\nmodle: fast\ncapabilities: [reads-docs, write-code]\nkind: codes\n---\nYou.\n"),
        [
            "warning [modle: fast] `modle` has no meaning here | did you mean `model`?",
            "error [kind: codes] `kind`: `codes` is none of `code`, `coordination` | did you mean `code`?",
            "error [write-code] `capabilities`: `write-code` is none of `writes-code`, `reads-tests`, `runs-tests`, \
             `reads-docs`, `writes-docs`, `git-operations`, `file-system`, `database`, `browser`, `network` | did you mean \
             `writes-code`?",
        ]
    );
    assert_eq!(
        of_role("---\npermissions: all\n---\n{{task.promt}} {{workspce.path}} {{task.secret}}"),
        [
            "error [---] `description` is missing | write `description: what it is for` between the lines of `---`",
            "error [permissions: all] `permissions`: `all` is none of `read`, `edit`, `full` | write one of `read`, `edit` \
             and `full`",
            "error [task.promt] `task.promt`: `task` has id, title, prompt, permissions, touches, timeout, idle_timeout, \
             rounds, checks, outputs, branch, model | did you mean `task.prompt`?",
            "error [workspce.path] `workspce.path`: a role template sees no `workspce` | did you mean `workspace.path`?",
            "error [task.secret] `task.secret`: `task` has id, title, prompt, permissions, touches, timeout, \
             idle_timeout, rounds, checks, outputs, branch, model | write one of `id`, `title`, `prompt`, `permissions`, \
             `touches`, `timeout`, `idle_timeout`, `rounds`, `checks`, `outputs`, `branch` and `model`",
        ]
    );
    assert_eq!(
        of_role("---\nname: deo\ndescription: d\nskills: [test-runer]\n---\n{{> changing-cod}}"),
        [
            "warning [name: deo] the file says `deo`; missions name it `dev`, as the file is called | write `name: dev`, or \
             rename the file to `deo.md`",
            "error [changing-cod] there is no partial `changing-cod` | did you mean `changing-code`?",
            "error [test-runer] there is no skill `test-runer` | did you mean `test-runner`?",
        ]
    );
    let unlike = of_role("---\ndescription: d\n---\n{{> rules-of-ours}}");
    assert!(unlike[0].contains("| the partials are `changing-code`, `common-rules`, "), "{unlike:?}");
    assert!(unlike[0].ends_with("a new one is a file `roles/partials/rules-of-ours.md`"), "{unlike:?}");
}

#[test]
fn all_mistakes_of_a_manifest_are_told_at_once() {
    assert_eq!(
        of_manifest(
            "categroy = \"text\"\ntags = \"lines\"\nside_effects = \"no\"\nversion = 1\nrequires = [\"No Name\"]\n\
             handler = { command = \"python3 lines.py\", timeout_s = \"2m\" }\n"
        ),
        [
            "error [categroy] unknown key `categroy` | did you mean `category`?",
            "error [\"lines\"] `tags` must be a list of texts | write `tags = [\"lines\"]`",
            "error [\"no\"] `side_effects` must be `true` or `false` | write `side_effects = true`",
            "error [1] `version` must be a text | write `version = \"1\"`",
            "error [\"No Name\"] `requires`: `No Name` is not a valid skill name: use a lower-case letter, then letters, \
             digits or `-` (at most 64) | -",
            "error [\"python3 lines.py\"] `handler.command` must be a list: the program and its arguments | write \
             `command = [\"python3\", \"lines.py\"]`",
            "error [\"2m\"] `handler.timeout_s` must be a whole number of seconds | write `timeout_s = 120`",
        ]
    );
    assert_eq!(
        of_manifest("command = [\"x\"]\nhandler = {}\nparameters = 3\n"),
        [
            "error [command] unknown key `command` | `command` stands below `[handler]`",
            "error [3] `parameters` must be a table | write `[parameters]`, and its keys below it",
            "error [{}] `handler` has no `command` | add `command = [\"sh\", \"./run.sh\"]`",
        ]
    );
}

#[test]
fn a_handler_and_its_parameters_are_told_at_their_places() {
    assert_eq!(
        of_manifest(
            "[handler]\ncommand = [\"python3\", \"./lines.py\"]\ntimeout_s = 0\n[parameters]\n\
             properties = { limit = { type = \"int\" } }\n"
        ),
        [
            "error [\"int\"] `parameters.properties.limit.type`: `int` is none of `string`, `integer`, `number`, \
             `boolean`, `array`, `object` and `null` | did you mean `integer`?",
            "error [0] `handler.timeout_s` is no time at all | write `timeout_s = 60`, or leave it out",
            "error [[\"python3\", \"./lines.py\"]] `handler.command` names `./lines.py`, which is no file of the skill | \
             add `skills/edges/lines.py`, or mend `command`",
        ]
    );
    let closed = "[parameters]\nrequired = [\"file\", \"path\"]\nproperties = { file = {} }\n";
    assert_eq!(of_manifest(closed), Vec::<String>::new());
    assert_eq!(
        of_manifest(&format!("{closed}additionalProperties = false\n")),
        ["error [\"path\"] `parameters`: `path` is required and may not be given, so nothing fits | add `path` to \
          `properties`, or take it out of `required`"]
    );
}

#[test]
fn a_skill_file_that_is_called_otherwise_or_says_too_little_is_told() {
    let (_root, catalog) = project(&[("skills/edges/skill.md", "---\nname: edges\ndescription: d\n---\n")]);
    assert_eq!(
        told(&catalog),
        [
            "error [] there is `skills/edges/skill.md`: it must be called `SKILL.md` | rename it: `mv skills/edges/skill.md \
          skills/edges/SKILL.md`"
        ]
    );
    let (_root, catalog) = project(&[("skills/edges/SKILL.md", "---\nname: edge_s\n---\n")]);
    assert_eq!(
        told(&catalog),
        [
            "error [---] `description` is missing | write `description: what it teaches. Use when …` between the lines of \
             `---`",
            "warning [name: edge_s] the standard wants the name of the folder, `edges`, not `edge_s` | write `name: edges`, \
             or rename the folder",
        ]
    );
    let pair = "conflicts = [\"nobody-knows-it\"]\nenhanced_by = [\"python-project\"]\n";
    let found = of_manifest(pair);
    assert!(found[0].ends_with("| did you mean `python-projects`?"), "{found:?}");
    assert!(found[1].ends_with("| add `skills/nobody-knows-it/SKILL.md`, or take `nobody-knows-it` out"), "{found:?}");
}

#[test]
fn what_is_broken_is_known_and_not_told_to_be_missing() {
    let user = "---\ndescription: d\nskills: [edges]\n---\nYou.\n";
    let (_root, catalog) = project(&[
        ("roles/dev.md", "---\npermissions: all\n---\n"),
        ("roles/user.md", user),
        ("skills/edges/SKILL.md", "---\nname: edges\n---\n"),
    ]);
    let broken = &catalog.broken_roles["dev"];
    assert_eq!((broken.path.as_str(), broken.finding.message.as_str()), ("roles/dev.md", "`description` is missing"));
    assert!(catalog.broken_skills.contains_key("edges"));
    assert!(told(&catalog).iter().all(|line| !line.contains("there is no skill")), "{:?}", told(&catalog));
    // Of another tool's skill it is no error, but a role that needs it has one.
    let (_root, catalog) = project(&[("roles/user.md", user), (".claude/skills/edges/SKILL.md", "none")]);
    assert_eq!(
        told(&catalog)[1],
        "error [edges] the skill `edges` cannot be used: .claude/skills/edges/SKILL.md: there is no front matter | Begin \
         the file with `---`, keys, `---`; `ai-sdlc mission validate` tells all that is wrong with it"
    );
}

#[test]
fn what_another_tools_agent_may_do_is_what_its_tools_come_to() {
    let may = |keys: &str| {
        let text = format!("---\nname: a\ndescription: d\n{keys}\n---\nYou.\n");
        let (_root, catalog) = project(&[(".claude/agents/a.md", &text)]);
        let role = catalog.roles[&RoleName::parse("a").unwrap()].value.clone();
        assert!(matches!(role.body, Body::Text(_)));
        role.permissions.unwrap()
    };
    for keys in [
        "tools: Read, Grep",
        "tools: [Read, WebFetch, mcp__docs__find]",
        "tools: []",
        "tools: Read, Bash\npermissionMode: plan",
        "disallowedTools: Edit, Write, Bash",
        "tools: Read, Edit\ndisallowedTools: [Edit]",
    ] {
        assert_eq!(may(keys), Permissions::Read, "{keys}");
    }
    for keys in [
        "color: red",
        "tools:",
        "tools: \"*\"",
        "tools: Read, Bash(git log:*)",
        "tools: [Read, NotebookEdit]",
        "disallowedTools: Bash",
        "permissionMode: bypassPermissions",
    ] {
        assert_eq!(may(keys), Permissions::Edit, "{keys}");
    }
}

#[test]
fn an_agent_as_another_tool_writes_it_is_read_line_by_line_and_ours_is_not() {
    let text =
        "name: a\ndescription: Use it when: all is done.\\n\\nExamples: <example>user: \"Go\"</example>\nmodel: opus";
    let foreign = format!("---\n{text}\ncolor: red\n---\nYou.\n");
    let (_root, catalog) =
        project(&[("roles/a.md", &foreign), (".claude/agents/b.md", &format!("---\n{text}\n---\nYou.\n"))]);
    for name in ["a", "b"] {
        let role = &catalog.roles[&RoleName::parse(name).unwrap()].value;
        assert_eq!(role.description, "Use it when: all is done. Examples: <example>user: \"Go\"</example>");
        assert_eq!((role.model.as_deref(), role.body.clone()), (Some("strong"), Body::Text("You.\n".to_owned())));
    }
    let found = told(&catalog);
    assert!(found.iter().all(|line| line.starts_with("warning")), "{found:?}");
    let ours = format!("---\n{text}\npermissions: read\ncolor: red\n---\nYou.\n");
    assert!(of_role(&ours)[0].starts_with("error"), "{:?}", of_role(&ours));
    assert!(of_role(&format!("---\n{text}\n---\nYou.\n"))[0].starts_with("error"));
}
