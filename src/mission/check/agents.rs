//! Agents: tables that contradict themselves, and names that nothing configures.

use indexmap::IndexMap;

use crate::diagnostic::codes;
use crate::diagnostic::nearest::{listed, nearest};
use crate::mission::check::Scene;
use crate::mission::check::kinds::Kind;
use crate::mission::check::marker::Marker;
use crate::mission::check::workspace::check_writable;
use crate::mission::model::{BackendKind, PromptVia};
use crate::mission::team::AgentFile;
use crate::name::AgentName;

/// Agents that exist without being configured.
pub const BUILT_IN: [&str; 2] = ["auto", "rehearsal"];

/// Keys that only one backend takes.
const COMMAND_ONLY: [&str; 3] = ["prompt", "resume", "sandbox"];

/// Checks tables of agents, in a mission or in configuration.
pub fn check_agents(marker: &mut Marker<'_>, agents: &IndexMap<AgentName, AgentFile>) {
    for (name, agent) in agents {
        let place = format!("/agents/{name}");
        if name.as_str() == "auto" {
            let span = marker.key(&place);
            marker
                .error(codes::AGENT_TABLE, span, "`auto` stands for the first agent that is installed")
                .help("take another name");
        }
        other_backend(marker, &place, agent);
        let writable = agent.writable.as_deref().unwrap_or_default();
        check_writable(marker, &format!("{place}/writable"), writable);
        if agent.command.as_ref().is_some_and(Vec::is_empty) {
            let span = marker.value(&format!("{place}/command"));
            marker
                .error(codes::BAD_COMMAND, span, "an empty `command`")
                .help("write the program and its first arguments");
        }
        if let Some(PromptVia::Arguments(arguments)) = agent.prompt.as_ref().map(|prompt| &prompt.0)
            && !arguments.iter().any(|argument| argument.contains("prompt"))
        {
            let span = marker.value(&format!("{place}/prompt"));
            marker
                .error(codes::AGENT_TABLE, span, "no argument holds the prompt")
                .help("write `{{prompt}}` or `{{prompt_file}}` into one of them");
        }
    }
}

fn other_backend(marker: &mut Marker<'_>, place: &str, agent: &AgentFile) {
    let given = |key: &str| match key {
        "prompt" => agent.prompt.is_some(),
        "resume" => agent.resume.is_some(),
        "scenario" => agent.scenario.is_some(),
        "sandbox" => agent.sandbox.is_some(),
        _ => agent.command.is_some(),
    };
    let (foreign, backend): (&[&str], _) = match agent.backend {
        Some(BackendKind::Command) => (&["scenario"], "command"),
        Some(BackendKind::Rehearsal) => (&["prompt", "resume", "sandbox", "command"], "rehearsal"),
        None => return,
    };
    for key in foreign.iter().filter(|key| given(key)) {
        let span = marker.key(&format!("{place}/{key}"));
        let owner = if COMMAND_ONLY.contains(key) || *key == "command" { "command" } else { "rehearsal" };
        marker
            .error(codes::AGENT_TABLE, span, format!("`{key}` has no meaning with backend `{backend}`"))
            .help(format!("remove it, or set `backend = \"{owner}\"`"));
    }
    if backend == "command" && agent.command.is_none() {
        let span = marker.key(&format!("{place}/backend"));
        marker
            .error(codes::AGENT_TABLE, span, "backend `command` needs `command`")
            .help("write the program and its first arguments, such as `command = [\"my-agent\", \"--print\"]`");
    }
}

/// Checks every name of an agent in a mission.
pub fn check_names(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let file = scene.file;
    if let Some(agent) = file.defaults.as_ref().and_then(|defaults| defaults.agent.as_ref()) {
        known(scene, marker, "/defaults/agent", agent);
    }
    for (name, role) in &file.roles {
        if let Some(agent) = &role.agent {
            known(scene, marker, &format!("/roles/{name}/agent"), agent);
        }
    }
    for (id, task) in &file.tasks {
        let is_other = matches!(Kind::of(task), Some(Kind::Command | Kind::Gate | Kind::Mission));
        if let Some(agent) = task.agent.as_ref().filter(|_| !is_other) {
            known(scene, marker, &format!("/tasks/{id}/agent"), agent);
        }
    }
}

fn known(scene: &Scene<'_>, marker: &mut Marker<'_>, pointer: &str, agent: &AgentName) {
    let configured = || {
        let own = scene.file.agents.keys();
        own.chain(scene.against.agents.keys()).map(AgentName::as_str).chain(BUILT_IN)
    };
    if configured().any(|name| name == agent.as_str()) {
        return;
    }
    let span = marker.value(pointer);
    let help = nearest(agent.as_str(), configured()).map_or_else(
        || {
            format!(
                "the agents are {}; add others with `[agents.{agent}]` in `.ai-sdlc/config.toml`",
                listed(configured())
            )
        },
        |close| format!("did you mean `{close}`?"),
    );
    marker.error(codes::UNKNOWN_AGENT, span, format!("unknown agent `{agent}`")).help(help);
}
