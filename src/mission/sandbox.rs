//! How what a mission starts is kept from writing elsewhere, as missions and configuration say it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// It is not.
    Off,
    /// Where the system can, and it is told where it cannot.
    #[default]
    Auto,
    /// It is, or nothing is begun.
    Required,
}

impl SandboxMode {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Auto => "auto",
            Self::Required => "required",
        }
    }
}

/// Who confines the sessions of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AgentSandbox {
    /// The engine, as everything else.
    #[default]
    Engine,
    /// Its program does: one sandbox cannot always be made in another, so it gets none of the engine's.
    Own,
}

impl AgentSandbox {
    /// Whether it is the engine.
    pub fn is_engine(&self) -> bool {
        *self == Self::Engine
    }
}

/// What one place says of it, or all of them together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SandboxPolicy {
    /// Whether; `None`: it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<SandboxMode>,
    /// Folders and files that may be written, beside the workspace, temporary and cache folders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<String>,
}

impl SandboxPolicy {
    /// Whether nothing is said.
    pub fn is_none(&self) -> bool {
        self.mode.is_none() && self.writable.is_empty()
    }

    /// This one over a layer below: its word counts, and the folders of both.
    #[must_use]
    pub fn over(&self, below: &Self) -> Self {
        let mut writable = below.writable.clone();
        for path in &self.writable {
            if !writable.contains(path) {
                writable.push(path.clone());
            }
        }
        Self { mode: self.mode.or(below.mode), writable }
    }
}

/// What is wrong with a folder as it is written, if anything is.
pub fn fault(path: &str) -> Option<&'static str> {
    let below = path.strip_prefix("~/").or_else(|| path.strip_prefix('/'));
    match below {
        None if path == "~" => None,
        None => Some("write an absolute path, or one that begins with `~/`"),
        Some(_) if path.contains('\0') => Some("a path has no NUL in it"),
        Some(below) if below.split('/').any(|part| part == "..") => Some("write it without `..`"),
        Some(below) if path.starts_with('/') && below.trim_matches('/').is_empty() => {
            Some("name the folder that is needed, not all of them")
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{SandboxMode, SandboxPolicy, fault};

    fn policy(mode: Option<SandboxMode>, writable: &[&str]) -> SandboxPolicy {
        SandboxPolicy { mode, writable: writable.iter().map(|path| (*path).to_owned()).collect() }
    }

    #[test]
    fn the_layer_above_decides_and_folders_of_both_count() {
        let above = policy(None, &["~/a", "~/b"]);
        let below = policy(Some(SandboxMode::Required), &["~/a"]);
        assert_eq!(above.over(&below), policy(Some(SandboxMode::Required), &["~/a", "~/b"]));
        assert_eq!(policy(Some(SandboxMode::Off), &[]).over(&below).mode, Some(SandboxMode::Off));
        assert!(SandboxMode::Off < SandboxMode::Auto && SandboxMode::Auto < SandboxMode::Required);
    }

    #[test]
    fn folders_are_named_whole() {
        for path in ["~", "~/.cargo", "/srv/cache", "/dev/kvm"] {
            assert_eq!(fault(path), None, "{path}");
        }
        for path in ["", "/", "//", "cache", "~x/y", "../x", "~/../x", "/a/../b"] {
            assert!(fault(path).is_some(), "{path}");
        }
    }
}
