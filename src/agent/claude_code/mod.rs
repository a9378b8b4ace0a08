//! Claude Code, headless: a prompt on standard input, a stream of JSON lines on standard output.
//!
//! What is here was seen with 2.1.329. A line or a key that is not known says nothing.

use std::collections::BTreeMap;

use crate::agent::{AgentError, Backend, Invocation, Reader, SessionSpec, StopSignal};
use crate::amount::Millis;
use crate::plan::Agent;

mod command_line;
mod counting;
mod end;
mod stream;
mod words;

/// The adapter.
#[derive(Debug)]
pub(crate) struct ClaudeCode;

/// Names its program's folder elsewhere.
const FOLDER: &str = "CLAUDE_CONFIG_DIR";

impl Backend for ClaudeCode {
    fn start(&self, spec: &SessionSpec) -> Result<Invocation, AgentError> {
        command_line::invocation(spec)
    }

    fn reader(&self, spec: &SessionSpec) -> Box<dyn Reader> {
        Box::new(stream::Session::of(spec))
    }

    /// An interrupt makes it tell what it used, which takes a moment where much else goes on.
    fn stop(&self) -> &'static [(StopSignal, Millis)] {
        &[(StopSignal::Interrupt, Millis(4_000))]
    }

    fn sets(&self) -> &'static [(&'static str, &'static str)] {
        &command_line::SETTINGS
    }

    /// Its logins, and where it finds the service. What clouds need (`AWS_*`) opens more than a model: that is the
    /// mission's to let through.
    fn passes(&self, _: &Agent) -> &'static [&'static str] {
        &[
            "ANTHROPIC_*",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
            "CLAUDE_CODE_USE_FOUNDRY",
            FOLDER,
        ]
    }

    /// All of its folder: a login is renewed by a file that takes the place of another.
    fn keeps(&self, _: &Agent, env: &BTreeMap<String, String>) -> Vec<String> {
        match env.get(FOLDER) {
            Some(folder) => vec![format!("{}/", folder.trim_end_matches('/'))],
            None => vec!["~/.claude/".to_owned(), "~/.claude.json".to_owned()],
        }
    }
}

#[cfg(test)]
mod tests;
