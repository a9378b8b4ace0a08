//! The kinds of adapters, and the agents that are there without being configured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The agent that plays scenarios: always there.
pub const REHEARSAL: &str = "rehearsal";
/// Not an agent: whichever is installed.
pub const AUTO: &str = "auto";
/// The words by which roles name models, from the quickest to the best.
pub const MODEL_WORDS: [&str; 3] = ["fast", "balanced", "strong"];

/// The adapters there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackendKind {
    /// Claude Code.
    ClaudeCode,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    Opencode,
    /// Any program that speaks the Agent Client Protocol.
    Acp,
    /// Any program that takes a prompt.
    Command,
    /// The embedded agent that plays a scenario.
    Rehearsal,
}

impl BackendKind {
    /// As it is written in TOML.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Opencode => "opencode",
            Self::Acp => "acp",
            Self::Command => "command",
            Self::Rehearsal => "rehearsal",
        }
    }

    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::ClaudeCode, Self::Codex, Self::Gemini, Self::Opencode, Self::Acp, Self::Command, Self::Rehearsal];

    /// The agent of this kind that is there without a table: one whose program is known, and the embedded one.
    pub fn built_in(self) -> Option<&'static str> {
        self.usual_program().or_else(|| (self == Self::Rehearsal).then_some(REHEARSAL))
    }

    /// What that agent takes for `fast`, `balanced` and `strong`. `None`: what a login may use is not known, so that no
    /// name would do for everybody, and its program takes the model that it is set to.
    pub const fn models(self) -> Option<[&'static str; 3]> {
        match self {
            Self::ClaudeCode => Some(["haiku", "sonnet", "opus"]),
            Self::Gemini => Some(["gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-pro"]),
            Self::Codex | Self::Opencode | Self::Acp | Self::Command | Self::Rehearsal => None,
        }
    }

    /// The program that is started where a table names none.
    pub const fn usual_program(self) -> Option<&'static str> {
        match self {
            Self::ClaudeCode => Some("claude"),
            Self::Codex => Some("codex"),
            Self::Gemini => Some("gemini"),
            Self::Opencode => Some("opencode"),
            Self::Acp | Self::Command | Self::Rehearsal => None,
        }
    }

    /// Whether its program always tells what it cost, once it has told tokens; of others it is computed, where their model
    /// has a price.
    pub const fn reports_cost(self) -> bool {
        match self {
            Self::ClaudeCode | Self::Opencode => true,
            Self::Codex | Self::Gemini | Self::Acp | Self::Rehearsal | Self::Command => false,
        }
    }

    /// Whether its program tells what it used.
    pub const fn reports_use(self) -> bool {
        match self {
            Self::ClaudeCode | Self::Codex | Self::Gemini | Self::Opencode | Self::Acp | Self::Rehearsal => true,
            Self::Command => false,
        }
    }
}
