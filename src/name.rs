//! Validated names and ids: parsed once at the edge, plain values afterwards.
//!
//! Two alphabets: things that live as files and in refs (missions, roles, skills, agents) are
//! `[a-z][a-z0-9-]*`; things that templates and CEL must be able to say (tasks, inputs, outputs) are
//! `[a-z][a-z0-9_]*`.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name or id accepted, in bytes: it becomes part of paths and refs.
pub const MAX_NAME_LEN: usize = 64;

/// Environment variable that names the run, in everything a run starts: by it a later engine finds what is left of it.
pub const RUN_STAMP: &str = "AI_SDLC_RUN";

/// Words that cannot be ids: keywords of CEL, and the integration branch's own name.
pub const RESERVED_IDS: [&str; 5] = ["in", "true", "false", "null", "integration"];

/// A name that does not follow the rule of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a valid {kind}: {rule}")]
pub struct BadName {
    /// What was given.
    pub given: String,
    /// What it should have been: `task id`, `role name`, …
    pub kind: &'static str,
    /// The rule, in words.
    pub rule: &'static str,
}

const KEBAB_RULE: &str = "use a lower-case letter, then letters, digits or `-` (at most 64)";
const SNAKE_RULE: &str = "use a lower-case letter, then letters, digits or `_` (at most 64), and none of `in`, `true`, `false`, `null`, `integration`";

fn follows(text: &str, joiner: u8) -> bool {
    let mut bytes = text.bytes();
    text.len() <= MAX_NAME_LEN
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == joiner)
}

fn is_kebab(text: &str) -> bool {
    follows(text, b'-')
}

fn is_snake(text: &str) -> bool {
    follows(text, b'_') && !RESERVED_IDS.contains(&text)
}

const STORY_RULE: &str = "use letters, digits, `-`, `_` or `.`, a letter or digit first (at most 48)";

/// A story's id becomes that of a task, with a letter before it where it has none.
fn is_story_id(text: &str) -> bool {
    text.len() <= 48
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

macro_rules! names {
    ($($(#[$meta:meta])* $Name:ident, $kind:literal, $valid:path, $rule:expr, $pattern:literal;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(Arc<str>);

        impl $Name {
            /// Parses and validates.
            pub fn parse(text: &str) -> Result<Self, BadName> {
                if $valid(text) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(BadName { given: text.to_owned(), kind: $kind, rule: $rule })
                }
            }

            /// The text of it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $Name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $Name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $Name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::parse(text)
            }
        }

        impl Serialize for $Name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'_, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $Name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($Name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "maxLength": MAX_NAME_LEN, "x-hint": $rule })
            }
        }
    )*};
}

names! {
    /// Name of a mission.
    MissionName, "mission name", is_kebab, KEBAB_RULE, "^[a-z][a-z0-9-]*$";
    /// Name of a role, and of its file under `roles/`.
    RoleName, "role name", is_kebab, KEBAB_RULE, "^[a-z][a-z0-9-]*$";
    /// Name of a skill, and of its folder under `skills/`.
    SkillName, "skill name", is_kebab, KEBAB_RULE, "^[a-z][a-z0-9-]*$";
    /// Name of an agent: a way to start sessions, `[agents.<name>]`.
    AgentName, "agent name", is_kebab, KEBAB_RULE, "^[a-z][a-z0-9-]*$";
    /// Id of a story, as its front matter says it.
    StoryId, "story id", is_story_id, STORY_RULE, "^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$";
    /// Id of a task within its mission file.
    LocalTaskId, "task id", is_snake, SNAKE_RULE, "^(?!(in|true|false|null|integration)$)[a-z][a-z0-9_]*$";
    /// Id of a task within a run: its id in its mission, an instance of it (`build[auth]`), or a task of a mission
    /// that is used as a task (`polish/review`, `feature[auth]/spec`).
    TaskId, "task id", is_task_id, TASK_RULE, "^[a-z][a-z0-9_]*(\\[[A-Za-z0-9._-]+\\])?(/[a-z][a-z0-9_]*(\\[[A-Za-z0-9._-]+\\])?)*$";
    /// What tells one instance of a task from the others, as in `build[auth]`.
    InstanceKey, "instance key", is_key, KEY_RULE, "^[A-Za-z0-9][A-Za-z0-9._-]*$";
    /// Id of a variable of `for_each`.
    VarId, "variable", is_snake, SNAKE_RULE, "^(?!(in|true|false|null|integration)$)[a-z][a-z0-9_]*$";
    /// Id of a mission's input.
    InputId, "input id", is_snake, SNAKE_RULE, "^(?!(in|true|false|null|integration)$)[a-z][a-z0-9_]*$";
    /// Id of a task's output.
    OutputId, "output id", is_snake, SNAKE_RULE, "^(?!(in|true|false|null|integration)$)[a-z][a-z0-9_]*$";
}

const TASK_RULE: &str = "use ids of tasks, such as `build`, `build[auth]` or `polish/review`";
const KEY_RULE: &str =
    "use letters, digits, `.`, `_` or `-` (at most 48), a letter or digit first, no `..`, not ending in `.` or `.lock`";
/// Longest [`InstanceKey`], in bytes.
pub const MAX_KEY_LEN: usize = 48;
/// Longest [`TaskId`], in bytes: it becomes part of paths and refs.
pub const MAX_TASK_ID_LEN: usize = 200;

fn is_key(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    text.len() <= MAX_KEY_LEN
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && text.bytes().all(good)
        && !text.contains("..")
        && !text.ends_with('.')
        && !text.to_ascii_lowercase().ends_with(".lock")
}

fn is_task_id(text: &str) -> bool {
    let part = |part: &str| match part.strip_suffix(']').map(|rest| rest.split_once('[')) {
        Some(Some((id, key))) => is_snake(id) && is_key(key),
        Some(None) => false,
        None => is_snake(part),
    };
    text.len() <= MAX_TASK_ID_LEN && text.split('/').all(part)
}

impl TaskId {
    /// The task of that id in the mission that this task stands for: `polish/review`.
    #[must_use]
    pub fn child(&self, local: &Self) -> Self {
        Self(Arc::from(format!("{self}/{local}")))
    }

    /// The instance of this task with that key: `build[auth]`.
    #[must_use]
    pub fn instance(&self, key: &InstanceKey) -> Self {
        Self(Arc::from(format!("{self}[{key}]")))
    }

    /// As one word of a shell: brackets are a pattern there, which some shells refuse.
    pub fn quoted(&self) -> Cow<'_, str> {
        shlex::try_quote(self.as_str()).unwrap_or(Cow::Borrowed(self.as_str()))
    }

    /// The task whose mission this one belongs to: `polish` of `polish/review`.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(Arc::from(parent)))
    }

    /// The task that it is a part of: `build` of `build[auth]`, `feature[auth]` of `feature[auth]/spec`.
    pub fn group(&self) -> Option<Self> {
        match self.0.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
            Some((group, _)) => Some(Self(Arc::from(group))),
            None => self.parent(),
        }
    }

    /// Its id in its own mission file, without instance: `spec` of `feature[auth]/spec[a]`.
    pub fn local(&self) -> &str {
        let last = self.0.rsplit_once('/').map_or(&*self.0, |(_, last)| last);
        last.split_once('[').map_or(last, |(id, _)| id)
    }

    /// What tells it from the other instances: `auth` of `build[auth]`; `None` where it is no instance.
    pub fn key(&self) -> Option<&str> {
        self.0.strip_suffix(']')?.rsplit_once('[').map(|(_, key)| key)
    }

    /// As it stands in paths and refs: `build+auth`.
    pub fn path_name(&self) -> String {
        self.0.replace('[', "+").replace(']', "")
    }
}

impl From<&LocalTaskId> for TaskId {
    fn from(local: &LocalTaskId) -> Self {
        Self(Arc::clone(&local.0))
    }
}

/// Letters of a run's id: no vowels, so that none spells a word, and nothing that reads like a digit.
const RUN_LETTERS: &[u8] = b"bcdfghjkmnpqrstvwxz";
const RUN_LEN: usize = 8;

/// Id of a run: eight letters, so that a few of them are a unique prefix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RunId(Arc<str>);

impl RunId {
    /// Parses and validates.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if text.len() == RUN_LEN && text.bytes().all(|b| RUN_LETTERS.contains(&b)) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(BadName {
                given: text.to_owned(),
                kind: "run id",
                rule: "eight letters; `ai-sdlc run list` shows them",
            })
        }
    }

    /// Makes an id from numbers that the caller draws: randomness is an argument.
    pub fn from_draws(mut draw: impl FnMut(usize) -> usize) -> Self {
        let text: String =
            (0..RUN_LEN).filter_map(|_| RUN_LETTERS.get(draw(RUN_LETTERS.len()))).map(|b| char::from(*b)).collect();
        Self(Arc::from(text.as_str()))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RunId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

macro_rules! ordinals {
    ($($(#[$meta:meta])* $Name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $Name(NonZeroU32);

        impl $Name {
            /// The first one: 1.
            pub const FIRST: Self = Self(NonZeroU32::MIN);

            /// The one after this.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// As a number, from 1.
            pub fn get(self) -> u32 {
                self.0.get()
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ordinals! {
    /// Which try of a task this is: a retry begins a new attempt.
    Attempt;
    /// Which round of an attempt this is: work given back begins a new round.
    Round;
    /// Which process of an attempt this is: its sessions and commands are counted together.
    SessionNo;
}

/// A git commit, as its full hexadecimal id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CommitId(Arc<str>);

impl CommitId {
    /// Takes what git printed; anything but 40 or 64 hexadecimal digits is refused.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(BadName { given: text.to_owned(), kind: "commit id", rule: "40 or 64 hexadecimal digits" })
        }
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
