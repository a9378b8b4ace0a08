//! Any program that speaks the Agent Client Protocol, version 1: JSON-RPC messages, one a line, over its standard input
//! and output.
//!
//! What is sent first begins the conversation; [`session::Session`] then answers what the program says, until its turn
//! has ended. Nothing that the protocol lets a client offer is offered, neither files nor terminals: the program works
//! in the workspace itself. What it asks leave for is answered at once by what the task permits.

use std::path::PathBuf;

use agent_client_protocol_schema::ProtocolVersion;
use agent_client_protocol_schema::v1::{AGENT_METHOD_NAMES, Implementation, InitializeRequest};

use crate::agent::acp::session::Session;
use crate::agent::{AgentError, Backend, Invocation, Reader, SessionSpec, Stdin, StopSignal, TellsTools, environment};
use crate::amount::Millis;
use crate::mission::sandbox::AgentSandbox;
use crate::plan::{Agent, ReportsUse};

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
        let Some((program, args)) = spec.agent.command.split_first() else {
            return Err(AgentError("the agent has no `command`".to_owned()));
        };
        let client = Implementation::new("ai-sdlc", env!("CARGO_PKG_VERSION")).title("ai-sdlc".to_owned());
        let first = InitializeRequest::new(ProtocolVersion::V1).client_info(client);
        let mut first = wire::request(FIRST, AGENT_METHOD_NAMES.initialize, &first);
        first.push('\n');
        Ok(Invocation {
            program: PathBuf::from(program),
            args: args.to_vec(),
            env: environment(spec),
            stdin: Stdin::Open(first),
            files: Vec::new(),
            conversation: None,
        })
    }

    fn reader(&self, spec: &SessionSpec) -> Box<dyn Reader> {
        Box::new(Session::of(spec, jiff::Zoned::now))
    }

    /// Its turn is cancelled first, which is the gentle way; what does not end by that hears no signal but the usual.
    fn stop(&self) -> &'static [(StopSignal, Millis)] {
        &[]
    }

    fn reports(&self) -> ReportsUse {
        ReportsUse::Yes
    }

    fn tools(&self) -> TellsTools {
        TellsTools::Yes
    }

    fn sandbox(&self, agent: &Agent) -> AgentSandbox {
        agent.sandbox
    }
}

#[cfg(test)]
mod tests;
