//! A final command: nothing in it is a template any more.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A final command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Argv {
    /// Program and arguments.
    Exec(Vec<String>),
    /// Text for `sh -c`.
    Shell(String),
}

impl fmt::Display for Argv {
    /// As a person would type it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exec(argv) => match shlex::try_join(argv.iter().map(String::as_str)) {
                Ok(line) => f.write_str(&line),
                Err(_) => write!(f, "{argv:?}"),
            },
            Self::Shell(text) => f.write_str(text),
        }
    }
}
