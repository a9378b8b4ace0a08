//! Any program that speaks the Agent Client Protocol, version 1: JSON-RPC messages, one a line, over its standard input
//! and output.
//!
//! What is sent first begins the conversation; [`session::Session`] then answers what the program says, until its turn
//! has ended. Nothing that the protocol lets a client offer is offered, neither files nor terminals: the program works
//! in the workspace itself. What it asks leave for is answered at once by what the task permits.

use std::collections::BTreeMap;

use agent_client_protocol_schema::ProtocolVersion;
use agent_client_protocol_schema::v1::{AGENT_METHOD_NAMES, Implementation, InitializeRequest};

use crate::agent::acp::session::Session;
use crate::agent::claude_code::ClaudeCode;
use crate::agent::codex::Codex;
use crate::agent::gemini::Gemini;
use crate::agent::opencode::Opencode;
use crate::agent::{AgentError, Backend, Invocation, Reader, SessionSpec, Stdin, command, environment, preset};
use crate::plan::Agent;

mod counting;
mod end;
mod opening;
mod permission;
mod session;
mod updates;
mod wire;

/// The number of the request that is sent first.
const FIRST: i64 = 1;

/// The adapter.
#[derive(Debug)]
pub(crate) struct Acp;

impl Backend for Acp {
    fn start(&self, spec: &SessionSpec) -> Result<Invocation, AgentError> {
        let (program, args) = command(&spec.agent)?;
        let client = Implementation::new("ai-sdlc", env!("CARGO_PKG_VERSION")).title("ai-sdlc".to_owned());
        let first = InitializeRequest::new(ProtocolVersion::V1).client_info(client);
        let mut env = environment(spec);
        preset(&mut env, behind(&spec.agent).map_or(&[], |program| program.sets()));
        // What Claude Code keeps back until it is searched for, its adapter keeps back too.
        preset(&mut env, &[("ENABLE_TOOL_SEARCH", "false")]);
        let mut first = wire::request(FIRST, AGENT_METHOD_NAMES.initialize, &first);
        first.push('\n');
        Ok(Invocation { program, args, env, stdin: Stdin::Open(first), files: Vec::new(), conversation: None })
    }

    fn reader(&self, spec: &SessionSpec) -> Box<dyn Reader> {
        Box::new(Session::of(spec, jiff::Zoned::now))
    }

    fn passes(&self, agent: &Agent) -> &'static [&'static str] {
        behind(agent).map_or(&[], |program| program.passes(agent))
    }

    fn keeps(&self, agent: &Agent, env: &BTreeMap<String, String>) -> Vec<String> {
        behind(agent).map_or_else(Vec::new, |program| program.keeps(agent, env))
    }
}

/// The program behind a command, where that is known: it logs in and keeps its state as when it is started otherwise.
/// Adapters may be started by another program (`npx -y claude-agent-acp@…`).
fn behind(agent: &Agent) -> Option<&'static dyn Backend> {
    agent.command.iter().find_map(|word| {
        let name = word.rsplit('/').next().unwrap_or_default().split('@').next().unwrap_or_default();
        let program: &dyn Backend = match name {
            "claude-agent-acp" | "claude-code-acp" => &ClaudeCode,
            "codex-acp" => &Codex,
            "gemini" | "gemini-cli" => &Gemini,
            "opencode" | "opencode-ai" => &Opencode,
            _ => return None,
        };
        Some(program)
    })
}

#[cfg(test)]
mod tests;
