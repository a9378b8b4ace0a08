//! What the JSON lines of a program mean, told by its table: `[[agents.<name>.events]]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One kind of line that a program prints, and what it means. A line may be of several kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventRule {
    /// What a line of this kind holds, by paths: names and numbers of places, with dots between them. Left out: any line
    /// that is JSON.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "type": "assistant" }))]
    pub when: BTreeMap<String, Value>,
    /// What it means.
    pub means: EventMeaning,
    /// Where its text is: the message, the name of the conversation, what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"message.content.0.text")]
    pub text: Option<String>,
    /// Where the tokens are that were read (`used`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"usage.input")]
    pub input: Option<String>,
    /// Where the tokens are that were written (`used`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"usage.output")]
    pub output: Option<String>,
    /// Where the tokens are that came from the cache, beside those that were read (`used`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"usage.cached")]
    pub cache_read: Option<String>,
    /// Where the tokens are that went into the cache (`used`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"usage.written")]
    pub cache_write: Option<String>,
    /// Where the money is, in US dollars (`used`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"usage.cost")]
    pub usd: Option<String>,
    /// What its figures count (`used`): `step`, what came since the last line of this kind, which it is where this is
    /// left out; `session`, all since the program began; `conversation`, all since the conversation began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"session")]
    pub counts: Option<Counts>,
    /// What failed (`failed`). Left out: what its words tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"limited")]
    pub class: Option<FailedBy>,
}

/// What a line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventMeaning {
    /// It names the conversation that `resume` goes on with.
    Conversation,
    /// A whole message.
    Message,
    /// What it is doing.
    Progress,
    /// A tool call began.
    ToolBegan,
    /// A tool call ended.
    ToolEnded,
    /// It was denied something.
    Denied,
    /// What it used.
    Used,
    /// Which model answers.
    Model,
    /// It did what it was asked.
    Done,
    /// It declined.
    Refused,
    /// It could not do it.
    Failed,
}

impl EventMeaning {
    /// Whether it is nothing without a text.
    pub fn needs_text(self) -> bool {
        match self {
            Self::Conversation | Self::Message | Self::Progress | Self::Denied | Self::Model => true,
            Self::ToolBegan | Self::ToolEnded | Self::Used | Self::Done | Self::Refused | Self::Failed => false,
        }
    }
}

/// What figures of use count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// What came since the last.
    #[default]
    Step,
    /// All of the session.
    Session,
    /// All of the conversation.
    Conversation,
}

/// What failed, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailedBy {
    /// The service, for a while: done again.
    Transient,
    /// A limit of the service: waited for.
    Limited,
    /// Login, model or arguments: nothing is done again.
    Misconfigured,
    /// The program's own cap of money.
    OutOfBudget,
    /// The program's own cap of turns, or a conversation that is too long.
    OutOfTurns,
}

impl EventRule {
    /// The keys of it that only `used` takes and that it has, with their paths.
    pub fn figures(&self) -> Vec<(&'static str, &str)> {
        let Self { input, output, cache_read, cache_write, usd, .. } = self;
        [("input", input), ("output", output), ("cache_read", cache_read), ("cache_write", cache_write), ("usd", usd)]
            .into_iter()
            .filter_map(|(key, path)| Some((key, path.as_deref()?)))
            .collect()
    }
}

/// The value at a path of names and numbers with dots between them.
pub fn at<'v>(line: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(line, |value, part| match value {
        Value::Object(map) => map.get(part),
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}
