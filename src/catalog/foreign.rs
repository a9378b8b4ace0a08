//! Files that were made for another tool: Claude Code's subagents, taken as roles.

use super::front::Front;
use super::role::{Body, OURS, Permissions, RoleKind, RoleTemplate};
use crate::name::{RoleName, SkillName};

/// Keys that only Claude Code's subagent files have.
const THEIRS: [&str; 14] = [
    "tools",
    "disallowedTools",
    "permissionMode",
    "color",
    "hooks",
    "mcpServers",
    "memory",
    "maxTurns",
    "background",
    "isolation",
    "effort",
    "initialPrompt",
    "allowed-tools",
    "version",
];

/// Their tools that write files, run commands, or begin an agent that may.
const WRITING: [&str; 8] = ["Edit", "Write", "MultiEdit", "NotebookEdit", "Bash", "PowerShell", "Task", "Agent"];

/// Whether a file was made for another tool: it lies where that looks, or has keys of its and none of ours.
pub(super) fn is_theirs(file: &str, has: impl Fn(&str) -> bool) -> bool {
    let ours = || OURS.iter().skip(4).any(|key| *key != "skills" && has(key));
    file.contains(".claude/agents/") || (THEIRS.iter().any(|key| has(key)) && !ours())
}

/// Such a file: its body is text, and it gets `edit` at most, `read` where its tools neither write nor run.
pub(super) fn read(name: &RoleName, description: &str, front: &mut Front<'_>) -> RoleTemplate {
    let permissions = permissions(front);
    let model = front.text("model").and_then(|model| match model.as_str() {
        "inherit" => None,
        "haiku" => Some("fast".to_owned()),
        "sonnet" => Some("balanced".to_owned()),
        "opus" => Some("strong".to_owned()),
        _ => Some(model),
    });
    RoleTemplate {
        name: name.clone(),
        description: one_line(description),
        agent: None,
        model,
        permissions: Some(permissions),
        capabilities: Vec::new(),
        // Skills of another tool are no skills of ours: names that do not fit are no mistake.
        skills: front
            .list("skills")
            .unwrap_or_default()
            .iter()
            .filter_map(|text| SkillName::parse(text).ok())
            .collect(),
        touches: None,
        examples: Vec::new(),
        kind: RoleKind::Code,
        body: Body::Text(front.body().to_owned()),
    }
}

/// What its tools come to: those it lists, or all, without those it is denied.
fn permissions(front: &mut Front<'_>) -> Permissions {
    let plans = front.text("permissionMode").as_deref() == Some("plan");
    let mut tools =
        |key: &str| front.value(key).is_some_and(|value| !value.is_null()).then(|| front.list(key)).flatten();
    let (given, denied) = (tools("tools"), tools("disallowedTools").unwrap_or_default());
    let denied: Vec<&str> = denied.iter().map(|tool| tool.trim()).collect();
    let writes = match &given {
        Some(given) if !given.iter().any(|tool| tool.trim() == "*") => given.iter().any(|tool| {
            // `Bash(git log:*)` is some of what `Bash` can do.
            let tool = tool.split('(').next().unwrap_or_default().trim();
            WRITING.contains(&tool) && !denied.contains(&tool)
        }),
        Some(_) | None => ["Edit", "Write", "Bash"].iter().any(|tool| !denied.contains(tool)),
    };
    if writes && !plans { Permissions::Edit } else { Permissions::Read }
}

/// Descriptions of theirs have examples and breaks in them, written out or as `\n`.
fn one_line(description: &str) -> String {
    description.replace("\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}
