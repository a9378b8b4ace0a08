//! The embedded agent: it plays a scenario, or a small default play, in a real process with real file writes.
//!
//! `RehearsalAgent` is its adapter; `program` is the agent itself.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::agent::{
    AgentError, Backend, Exit, Invocation, Judges, Reader, Said, SessionSpec, Stdin, StopSignal, Stream, Terminal,
    environment,
};
use crate::amount::{Cost, Millis, TokenUse, Usage};
use crate::kernel::event::SessionKind;
use crate::kernel::fact::{EndKind, Fault, WorkKey};
use crate::mission::field::shape::Shape;
use crate::mission::model::Permissions;
use crate::name::OutputId;
use crate::plan::scenario::Scenario;

mod files;
mod play;
mod program;

pub use crate::agent::rehearsal::program::main;

/// What the agent program is told, on its standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Script {
    key: WorkKey,
    kind: SessionKind,
    judges: Judges,
    scenario: Option<Scenario>,
    permissions: Permissions,
    touches: Option<Vec<String>>,
    outputs: IndexMap<OutputId, Shape>,
    conversation: String,
    executable: std::path::PathBuf,
    handoff_out: std::path::PathBuf,
}

/// A line that the agent program prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
enum Line {
    Conversation { id: String },
    Message { text: String },
    Progress { text: String },
    Use { tokens: TokenUse, cost: Cost },
    Tool { name: String },
    ToolDone { name: String, result: String },
    Denied { what: String },
    Completed,
    Refused { why: String },
    Retrying { fault: Fault, why: String },
    Failed { fault: Fault, why: String },
}

/// The adapter.
#[derive(Debug)]
pub(crate) struct RehearsalAgent;

impl Backend for RehearsalAgent {
    fn start(&self, spec: &SessionSpec) -> Result<Invocation, AgentError> {
        let conversation = spec
            .conversation
            .clone()
            .unwrap_or_else(|| format!("rehearsal-{}-{}-{}", spec.run, spec.key.task, spec.key.attempt));
        let script = Script {
            key: spec.key.clone(),
            kind: spec.kind,
            judges: spec.judges,
            scenario: spec.agent.scenario.clone(),
            permissions: spec.permissions,
            touches: spec.touches.clone(),
            outputs: spec.outputs.clone(),
            conversation,
            executable: spec.executable.clone(),
            handoff_out: spec.handoff_out.clone(),
        };
        let text = serde_json::to_string(&script).map_err(|error| AgentError(error.to_string()))?;
        Ok(Invocation {
            program: spec.executable.clone(),
            args: vec!["rehearsal".to_owned()],
            env: environment(spec),
            stdin: Stdin::Text(text),
            files: Vec::new(),
            conversation: None,
        })
    }

    fn reader(&self, _: &SessionSpec) -> Box<dyn Reader> {
        Box::new(Lines)
    }

    fn stop(&self) -> &'static [(StopSignal, Millis)] {
        &[(StopSignal::Interrupt, Millis(2_000))]
    }
}

/// Reads its lines.
struct Lines;

impl Reader for Lines {
    fn line(&mut self, line: &str) -> Vec<Said> {
        // Anything else on its standard output is noise that a scenario made.
        let Ok(line) = serde_json::from_str(line) else { return Vec::new() };
        match line {
            Line::Conversation { id } => vec![Said::Conversation(id)],
            Line::Message { text } => vec![Said::Message(text)],
            Line::Progress { text } => vec![Said::Progress(text)],
            Line::Use { tokens, cost } => vec![Said::Used(Usage { tokens: Some(tokens), cost })],
            Line::Tool { name } => vec![Said::ToolBegan, Said::Progress(name)],
            Line::ToolDone { .. } => vec![Said::ToolEnded],
            Line::Denied { what } => vec![Said::Denied(what)],
            Line::Completed => vec![Said::Terminal(Terminal::Completed)],
            Line::Refused { why } => vec![Said::Terminal(Terminal::Refused(why))],
            Line::Retrying { fault, why } => vec![Said::Retrying(fault, why)],
            Line::Failed { fault, why } => vec![Said::Terminal(Terminal::Failed(fault, why))],
        }
    }

    fn ended(&mut self, stream: &Stream, exit: Exit, _: &str) -> EndKind {
        match (stream.terminal(), exit) {
            (Some(Terminal::Completed), Exit::Code(0)) => EndKind::Completed,
            (Some(Terminal::Refused(why)), _) => EndKind::Refused { why: why.clone() },
            (Some(Terminal::Failed(fault, why)), _) => EndKind::Failed { fault: *fault, why: why.clone() },
            // Without the terminal event an exit of 0 is not the end of the work.
            (_, Exit::Code(code)) => EndKind::Exited { code },
            (_, Exit::Signal(signal)) => EndKind::Signalled { signal },
        }
    }
}
