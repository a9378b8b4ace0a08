//! Adapters of agent programs: pure functions from a session to a command line, and from its stream to facts.
//!
//! A [`Backend`] never spawns and never reads files; the host of the session does that. What it prints is read by the
//! [`Reader`] of that session, which remembers what it must and does nothing else. To add one: a file here and an arm
//! in [`backend`]. The embedded agent that plays scenarios is here too ([`rehearsal::main`]): a program of
//! its own, which only happens to be in the same binary.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::agent::tools::Toolbox;
use crate::amount::{Ceiling, Millis, Usage};
use crate::kernel::event::SessionKind;
use crate::kernel::fact::{Activity, EndKind, Fault, WorkKey};
use crate::mask::Mask;
use crate::mission::field::shape::Shape;
use crate::mission::model::{BackendKind, Permissions};
use crate::mission::sandbox::AgentSandbox;
use crate::name::{OutputId, RunId};
use crate::plan::Agent;
use crate::price::Prices;

mod acp;
mod claude_code;
mod codex;
mod command;
mod events;
mod fault;
mod gemini;
pub mod mcp;
mod opencode;
pub mod rehearsal;
pub mod tools;

/// All that the host of a session needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionSpec {
    /// Which process of which attempt.
    pub key: WorkKey,
    /// Of which run.
    pub run: RunId,
    /// How sessions of this agent are started.
    pub agent: Agent,
    /// What it is for.
    #[serde(default)]
    pub kind: SessionKind,
    /// Whether it has to judge what it reads.
    #[serde(default)]
    pub judges: Judges,
    /// The model id; `None`: the agent's own default.
    pub model: Option<String>,
    /// What it may do.
    pub permissions: Permissions,
    /// What it is told, whole.
    pub prompt: String,
    /// The conversation to go on with.
    pub conversation: Option<String>,
    /// What that conversation has used so far, as told and counted: some programs count on from there.
    #[serde(default)]
    pub counted: Usage,
    /// Where it works.
    pub path: PathBuf,
    /// Its environment, over the clean one.
    pub env: BTreeMap<String, String>,
    /// Where it may leave its handoff.
    pub handoff_out: PathBuf,
    /// Where it may leave outputs.
    pub outputs_file: PathBuf,
    /// A folder of its own, outside the workspace, for what the agent is given (a prompt file).
    pub scratch: PathBuf,
    /// Where its raw output is kept.
    pub output_dir: PathBuf,
    /// Where its end is written before it is told.
    pub result: PathBuf,
    /// Time without a sign of life after which it is stopped.
    pub idle_timeout: Millis,
    /// What models cost whose agents do not say so.
    #[serde(default, skip_serializing_if = "Prices::is_empty")]
    pub prices: Prices,
    /// The most it may use, for agents with a cap of their own.
    pub cap: Ceiling,
    /// What it must hand over.
    pub outputs: IndexMap<OutputId, Shape>,
    /// Files it may change; `None`: not known.
    pub touches: Option<Vec<String>>,
    /// This binary, for embedded agents.
    pub executable: PathBuf,
    /// What must not be seen of what it prints and hands over.
    #[serde(default, skip_serializing_if = "Mask::is_empty")]
    pub mask: Mask,
    /// The socket at which the session's host offers its tools; `None`: it offers none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// What the tools at that socket work on.
    #[serde(default)]
    pub tools: Toolbox,
    /// All that the agent may write to; `None`: it is not confined, or brings a sandbox of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writable: Option<Vec<PathBuf>>,
}

/// Whether a session has to hand over a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judges {
    /// It makes something.
    #[default]
    No,
    /// It says `approve` or `rework`.
    Yes,
}

/// How an agent program is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, over the host's.
    pub env: BTreeMap<String, String>,
    /// What it reads.
    pub stdin: Stdin,
    /// Files to write before it starts, with their text.
    pub files: Vec<(PathBuf, String)>,
    /// The conversation, where the agent is told its name instead of telling it.
    pub conversation: Option<String>,
}

/// What an agent program reads on standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing.
    Null,
    /// This text, then end-of-file.
    Text(String),
    /// This text, then whatever its [`Reader`] sends; end-of-file after the terminal event.
    Open(String),
}

/// Why a session cannot be put as a command line: a fault of configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AgentError(pub String);

/// What a line of an agent's stream means.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// It named its conversation.
    Conversation(String),
    /// What it is doing.
    Progress(String),
    /// Used since the last report. Tokens without a cost are computed, where their model has a price; what the program says
    /// at its end of the whole session is a [`Cost::Whole`](crate::amount::Cost::Whole).
    Used(Usage),
    /// A whole message.
    Message(String),
    /// One more line of the message it is writing.
    MessageLine(String),
    /// A tool call began.
    ToolBegan,
    /// A tool call ended.
    ToolEnded,
    /// It was denied something, in words.
    Denied(String),
    /// Its program tries again by itself, because of this: no sign of life until it says something else.
    Retrying(Fault, String),
    /// The version of its program.
    Version(String),
    /// The model that answers, as the program names it.
    Model(String),
    /// To be written to its standard input, as a line.
    Send(String),
    /// Its handoff, as a structured result.
    StructuredHandoff(String),
    /// The terminal event of its stream.
    Terminal(Terminal),
}

impl Said {
    /// The same without what must not be seen.
    #[must_use]
    pub fn masked(mut self, mask: &Mask) -> Self {
        match &mut self {
            Self::Progress(text)
            | Self::Message(text)
            | Self::MessageLine(text)
            | Self::Denied(text)
            | Self::StructuredHandoff(text)
            | Self::Conversation(text)
            | Self::Retrying(_, text)
            | Self::Version(text)
            | Self::Model(text)
            | Self::Terminal(Terminal::Refused(text) | Terminal::Failed(_, text)) => mask.hide(text),
            Self::Used(_)
            | Self::ToolBegan
            | Self::ToolEnded
            // It goes to the agent, who knows what it is about, and is kept nowhere.
            | Self::Send(_)
            | Self::Terminal(Terminal::Completed) => {}
        }
        self
    }
}

/// How an agent says that it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Terminal {
    /// It did what it was asked.
    Completed,
    /// It declined, in its own words.
    Refused(String),
    /// It could not do it: this failed, in its own words.
    Failed(Fault, String),
}

/// How an agent program exited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// A signal that stops an agent gently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Whether a stream tells tool calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TellsTools {
    /// It does.
    Yes,
    /// There is no telling.
    No,
}

/// One kind of agent program.
pub trait Backend: Sync {
    /// The command line that starts a session, or goes on with a conversation.
    fn start(&self, spec: &SessionSpec) -> Result<Invocation, AgentError>;
    /// What reads the stream of one session.
    fn reader(&self, spec: &SessionSpec) -> Box<dyn Reader>;
    /// What stops it gently, and how long to wait after each; TERM and KILL follow. Most know no gentler way than TERM.
    fn stop(&self) -> &'static [(StopSignal, Millis)] {
        &[]
    }
    /// Whether it tells which tools it calls.
    fn tools(&self) -> TellsTools {
        TellsTools::Yes
    }
    /// Whether its program confines itself: as its table says, where nothing else is known. One sandbox cannot always be
    /// made in another, so it gets none of ours then.
    fn sandbox(&self, agent: &Agent) -> AgentSandbox {
        agent.sandbox
    }
    /// Variables of the person's environment that its program needs, for its sessions alone: logins, addresses of
    /// services, folders of its own. `*` stands for any ending.
    fn passes(&self, _agent: &Agent) -> &'static [&'static str] {
        &[]
    }
    /// What is set over its environment whichever way its program is started, where nobody set it otherwise.
    fn sets(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
    /// What its program has to write to besides, in this environment: where it keeps conversations and logins. Paths
    /// as `writable` has them; one that ends with `/` is a folder. What is not there is made before.
    fn keeps(&self, _agent: &Agent, _env: &BTreeMap<String, String>) -> Vec<String> {
        Vec::new()
    }
}

/// Reads the stream of one session, line by line, and tells what it means. Tolerant: what it does not know says nothing.
pub trait Reader: Send {
    /// What a line of its standard output means.
    fn line(&mut self, line: &str) -> Vec<Said>;
    /// What a line of its standard error means.
    fn error_line(&mut self, _line: &str) -> Vec<Said> {
        Vec::new()
    }
    /// What became of a session that nobody stopped. `errors`: the last it said on standard error.
    fn ended(&mut self, stream: &Stream, exit: Exit, errors: &str) -> EndKind;
    /// What is written to its standard input before it is stopped, where that is open: the gentlest way.
    fn farewell(&mut self) -> Option<String> {
        None
    }
}

/// The adapter of this kind.
pub fn backend(kind: BackendKind) -> &'static dyn Backend {
    match kind {
        BackendKind::ClaudeCode => &claude_code::ClaudeCode,
        BackendKind::Codex => &codex::Codex,
        BackendKind::Gemini => &gemini::Gemini,
        BackendKind::Opencode => &opencode::Opencode,
        BackendKind::Acp => &acp::Acp,
        BackendKind::Command => &command::CommandAgent,
        BackendKind::Rehearsal => &rehearsal::RehearsalAgent,
    }
}

/// Longest message kept, in bytes: of a longer one its end.
const MAX_MESSAGE: usize = 256 << 10;
/// Longest handoff text kept, in bytes.
pub const MAX_HANDOFF: usize = 64 << 10;
/// Denials kept.
const MAX_DENIED: usize = 50;

/// What an agent's stream has told so far, bounded.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    message: String,
    terminal: Option<Terminal>,
    handoff: Option<String>,
    denied: Vec<String>,
    tools: u64,
    open_tools: u64,
    retrying: Option<(Fault, String)>,
    version: Option<String>,
    model: Option<String>,
}

impl Stream {
    /// Takes what was said.
    pub fn note(&mut self, said: &Said) {
        if !matches!(said, Said::Retrying(..) | Said::Send(_) | Said::Version(_)) {
            self.retrying = None;
        }
        match said {
            Said::Retrying(fault, why) => self.retrying = Some((*fault, bounded(why, 1 << 10).to_owned())),
            Said::Version(version) => self.version = Some(bounded(version, 100).to_owned()),
            Said::Model(model) => self.model = Some(bounded(model, 100).to_owned()),
            Said::Message(text) => text.clone_into(&mut self.message),
            Said::MessageLine(line) => {
                self.message.push_str(line);
                self.message.push('\n');
            }
            Said::ToolBegan => {
                self.tools += 1;
                self.open_tools += 1;
            }
            Said::ToolEnded => self.open_tools = self.open_tools.saturating_sub(1),
            Said::Denied(what) if self.denied.len() < MAX_DENIED => self.denied.push(bounded(what, 1 << 10).to_owned()),
            Said::StructuredHandoff(text) => self.handoff = Some(bounded(text, MAX_HANDOFF).to_owned()),
            Said::Terminal(terminal) => self.terminal = Some(terminal.clone()),
            Said::Conversation(_) | Said::Progress(_) | Said::Used(_) | Said::Denied(_) | Said::Send(_) => {}
        }
        if self.message.len() > 2 * MAX_MESSAGE {
            self.message = last(&self.message, MAX_MESSAGE).to_owned();
        }
    }

    /// The last message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The terminal event.
    pub fn terminal(&self) -> Option<&Terminal> {
        self.terminal.as_ref()
    }

    /// The structured handoff.
    pub fn handoff(&self) -> Option<&str> {
        self.handoff.as_deref()
    }

    /// What it was denied.
    pub fn denied(&self) -> &[String] {
        &self.denied
    }

    /// Why its program tries again by itself, where that is all it does now.
    pub fn retrying(&self) -> Option<&(Fault, String)> {
        self.retrying.as_ref()
    }

    /// The version of its program.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The model that answers.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether a tool call began and has not ended.
    pub fn in_tool(&self) -> bool {
        self.open_tools > 0
    }

    /// Whether it did anything, as far as this backend tells.
    pub fn activity(&self, tells: TellsTools) -> Activity {
        match tells {
            TellsTools::Yes if self.tools == 0 => Activity::NoTool,
            TellsTools::Yes | TellsTools::No => Activity::Acted,
        }
    }
}

/// The program of an agent and its first arguments.
pub(crate) fn command(agent: &Agent) -> Result<(PathBuf, Vec<String>), AgentError> {
    let (program, first) =
        agent.command.split_first().ok_or_else(|| AgentError("the agent has no `command`".to_owned()))?;
    Ok((PathBuf::from(program), first.to_vec()))
}

/// The first bytes of a text, cut between characters.
pub(crate) fn bounded(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The last bytes of a text, cut between characters.
pub(crate) fn last(text: &str, max: usize) -> &str {
    let mut start = text.len().saturating_sub(max);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default()
}

/// A name for what this text stands for, always the same, in the form of a UUID.
pub(crate) fn uuid(of: &str) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(of).iter().take(16) {
        hex.extend([byte >> 4, byte & 15].into_iter().filter_map(|digit| char::from_digit(u32::from(digit), 16)));
    }
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// A name for the conversation that this session begins: no other has it, since some programs take none twice.
pub(crate) fn own_conversation(spec: &SessionSpec) -> String {
    let WorkKey { task, attempt, round, session } = &spec.key;
    let kind = if spec.kind.is_work() { "work" } else { "review" };
    uuid(&format!("{}/{task}/{attempt}/{round}/{session}/{kind}", spec.run))
}

/// What every agent finds in its environment: the session's own, and where it is and what it may leave where.
pub(crate) fn environment(spec: &SessionSpec) -> BTreeMap<String, String> {
    let mut env = spec.env.clone();
    let path = |path: &PathBuf| path.to_string_lossy().into_owned();
    for (name, value) in [
        ("AI_SDLC_RUN", spec.run.to_string()),
        ("AI_SDLC_TASK", spec.key.task.to_string()),
        ("AI_SDLC_ATTEMPT", spec.key.attempt.to_string()),
        ("AI_SDLC_ROUND", spec.key.round.to_string()),
        ("AI_SDLC_WORKSPACE", path(&spec.path)),
        ("AI_SDLC_HANDOFF_OUT", path(&spec.handoff_out)),
        ("AI_SDLC_OUTPUTS", path(&spec.outputs_file)),
    ] {
        env.entry(name.to_owned()).or_insert(value);
    }
    if let Some(socket) = &spec.socket {
        env.insert("AI_SDLC_SOCKET".to_owned(), path(socket));
        env.insert("AI_SDLC_BIN".to_owned(), path(&spec.executable));
    }
    env
}

/// Sets what nobody set otherwise.
pub(crate) fn preset(env: &mut BTreeMap<String, String>, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        env.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
    }
}

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod transcripts;
