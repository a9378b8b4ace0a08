//! Agents: tables that contradict themselves, and names that nothing configures.

use indexmap::IndexMap;

use crate::diagnostic::codes;
use crate::diagnostic::nearest::{listed, nearest};
use crate::mission::backend::AUTO;
use crate::mission::check::Scene;
use crate::mission::check::kinds::Kind;
use crate::mission::check::marker::Marker;
use crate::mission::check::workspace::check_writable;
use crate::mission::events::{EventMeaning, EventRule};
use crate::mission::model::{BackendKind, PromptVia};
use crate::mission::team::AgentFile;
use crate::name::AgentName;

/// Keys that only one backend takes.
const COMMAND_ONLY: [&str; 4] = ["prompt", "resume", "events", "sandbox"];

/// Checks tables of agents, in a mission or in configuration.
pub fn check_agents(marker: &mut Marker<'_>, agents: &IndexMap<AgentName, AgentFile>) {
    for (name, agent) in agents {
        let place = format!("/agents/{name}");
        if name.as_str() == AUTO {
            let span = marker.key(&place);
            marker
                .error(codes::AGENT_TABLE, span, "`auto` stands for the first agent that is installed")
                .help("take another name");
        }
        other_backend(marker, &place, agent);
        for (at, rule) in agent.events.iter().flatten().enumerate() {
            check_event(marker, &format!("{place}/events/{at}"), rule);
        }
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

/// A rule that could never say anything, or that has what nobody would look at.
fn check_event(marker: &mut Marker<'_>, place: &str, rule: &EventRule) {
    let figures = rule.figures();
    let is_use = rule.means == EventMeaning::Used;
    if rule.means.needs_text() && rule.text.is_none() {
        let span = marker.value(&format!("{place}/means"));
        marker
            .error(codes::AGENT_TABLE, span, "a line of this kind means nothing without its text")
            .help("say where it is, such as `text = \"message.text\"`");
    }
    if is_use && figures.is_empty() {
        let span = marker.value(&format!("{place}/means"));
        marker
            .error(codes::AGENT_TABLE, span, "a line of use without a figure")
            .help("say where one is, such as `input = \"usage.input_tokens\"` or `usd = \"cost\"`");
    }
    let counts = rule.counts.map(|_| "counts");
    let foreign = figures.iter().map(|(key, _)| *key).chain(counts).filter(|_| !is_use);
    let class = rule.class.filter(|_| rule.means != EventMeaning::Failed).map(|_| "class");
    for key in foreign.chain(class) {
        let owner = if key == "class" { "failed" } else { "used" };
        let span = marker.key(&format!("{place}/{key}"));
        marker
            .error(codes::AGENT_TABLE, span, format!("`{key}` has no meaning for a line of this kind"))
            .help(format!("remove it, or set `means = \"{owner}\"`"));
    }
}

fn other_backend(marker: &mut Marker<'_>, place: &str, agent: &AgentFile) {
    let given = |key: &str| match key {
        "prompt" => agent.prompt.is_some(),
        "resume" => agent.resume.is_some(),
        "events" => agent.events.is_some(),
        "scenario" => agent.scenario.is_some(),
        "sandbox" => agent.sandbox.is_some(),
        _ => agent.command.is_some(),
    };
    let Some(backend) = agent.backend else { return };
    let foreign: &[&str] = match backend {
        BackendKind::Command => &["scenario"],
        BackendKind::Rehearsal => &["prompt", "resume", "events", "sandbox", "command"],
        BackendKind::ClaudeCode
        | BackendKind::Codex
        | BackendKind::Gemini
        | BackendKind::Opencode
        | BackendKind::Acp => &["prompt", "resume", "events", "scenario"],
    };
    for key in foreign.iter().filter(|key| given(key)) {
        let span = marker.key(&format!("{place}/{key}"));
        let owner = if COMMAND_ONLY.contains(key) || *key == "command" { "command" } else { "rehearsal" };
        marker
            .error(codes::AGENT_TABLE, span, format!("`{key}` has no meaning with backend `{}`", backend.word()))
            .help(format!("remove it, or set `backend = \"{owner}\"`"));
    }
    if matches!(backend, BackendKind::Command | BackendKind::Acp) && agent.command.is_none() {
        let span = marker.key(&format!("{place}/backend"));
        marker
            .error(codes::AGENT_TABLE, span, format!("backend `{}` needs `command`", backend.word()))
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
    let (file, others) = (scene.file, scene.against.agents);
    let configured = move || {
        let built_in = BackendKind::ALL.into_iter().filter_map(|backend| -> Option<&str> { backend.built_in() });
        file.agents.keys().chain(others.keys()).map(AgentName::as_str).chain([AUTO]).chain(built_in)
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
