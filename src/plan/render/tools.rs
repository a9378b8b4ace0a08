//! What every session is told of the engine, whatever its role's template says: the tools it has, by the names under
//! which its program calls them.

use super::values::ForRole;
use crate::catalog::parameters::{Parameter, parameters};
use crate::mission::model::BackendKind;
use crate::name::SkillName;
use crate::plan::Plan;

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
    let run: Vec<String> = role.work.skills.iter().filter_map(|name| runnable(plan, name)).collect();
    if !run.is_empty() {
        let told = run.join(", ");
        let optional = if told.contains("?`") { " (`?`: may be left out)" } else { "" };
        lines.push(line(
            backend,
            "run_skill",
            WITH_HANDLERS,
            &format!("run a skill that can be run{optional}: {told}"),
        ));
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

/// A skill that can be run, with the names of what it is given: `links` (`path`, `root?`).
fn runnable(plan: &Plan, name: &SkillName) -> Option<String> {
    let handler = plan.skills.get(name)?.handler.as_ref()?;
    let named: Vec<String> = handler.parameters.iter().flat_map(parameters).map(|one| marked(&one)).collect();
    Some(if named.is_empty() { format!("`{name}`") } else { format!("`{name}` ({})", named.join(", ")) })
}

fn marked(parameter: &Parameter) -> String {
    format!("`{}`", parameter.brief())
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
