//! What every session is told of the engine, whatever its role's template says: the tools it has, by the names under
//! which its program calls them.

use super::values::ForRole;
use crate::mission::model::BackendKind;

/// One tool: its name in a program, how a shell calls it, and what for.
struct Told {
    name: &'static str,
    command: &'static str,
    what: &'static str,
}

const ALWAYS: [Told; 3] = [
    Told { name: "report_progress", command: "report-progress TEXT", what: "say in one line what you are doing" },
    Told {
        name: "write_handoff",
        command: "write-handoff FILE",
        what: "hand over, and hear at once what is wrong with it",
    },
    Told { name: "read_handoff", command: "read-handoff [TASK]", what: "what came before you, whole" },
];

const WITH_SKILLS: Told =
    Told { name: "discover_skills", command: "discover-skills --for TEXT", what: "your skills, those that fit first" };

const WITH_HANDLERS: &str = "run-skill NAME --param key=value";

/// The section.
pub(super) fn section(role: &ForRole<'_>) -> String {
    let plan = role.plan;
    let backend = plan.agents.get(&role.work.agent).map_or(BackendKind::Command, |agent| agent.backend);
    let mut lines: Vec<String> = ALWAYS.iter().map(|told| line(backend, told.name, told.command, told.what)).collect();
    if !role.work.skills.is_empty() {
        lines.push(line(backend, WITH_SKILLS.name, WITH_SKILLS.command, WITH_SKILLS.what));
    }
    let runs = |name: &&crate::name::SkillName| plan.skills.get(*name).is_some_and(|skill| skill.handler.is_some());
    let run: Vec<String> = role.work.skills.iter().filter(runs).map(|name| format!("`{name}`")).collect();
    if !run.is_empty() {
        let what = format!("run a skill that can be run: {}", run.join(", "));
        lines.push(line(backend, "run_skill", WITH_HANDLERS, &what));
    }
    let how = match backend {
        BackendKind::Codex => " Where they are not listed, `tool_search` finds them.",
        BackendKind::ClaudeCode
        | BackendKind::Gemini
        | BackendKind::Opencode
        | BackendKind::Acp
        | BackendKind::Command
        | BackendKind::Rehearsal => "",
    };
    format!(
        "## The engine\n\nIt started you, and commits what you leave; nobody answers questions. It has tools for you, \
         which you can do without: files do the same.{how}\n{}",
        lines.join("\n")
    )
}

fn line(backend: BackendKind, name: &str, command: &str, what: &str) -> String {
    let shell = format!("`\"$AI_SDLC_BIN\" tool {command}`");
    match (called(backend, name), backend) {
        // Its own sandbox keeps what its shell runs from every socket.
        (Some(called), BackendKind::Codex) => format!("- `{called}`: {what}"),
        (Some(called), _) => format!("- `{called}`, in a shell {shell}: {what}"),
        (None, _) => format!("- {shell} in a shell: {what}"),
    }
}

/// The name under which a program calls a tool of the server; `None` where there is no telling that it has one.
fn called(backend: BackendKind, name: &str) -> Option<String> {
    match backend {
        BackendKind::ClaudeCode | BackendKind::Codex => Some(format!("mcp__aisdlc__{name}")),
        BackendKind::Opencode => Some(format!("aisdlc_{name}")),
        // Which program it is, and how that names tools, only the person knows.
        BackendKind::Acp => Some(format!("{name}` of the server `aisdlc")),
        // Gemini takes no server but those of the person's own settings.
        BackendKind::Gemini | BackendKind::Command | BackendKind::Rehearsal => None,
    }
}
