//! The mission language: text in, a [`model::Mission`] that is valid by construction out, or all findings at once.
//!
//! Text → [`spans`] (a tree of values, and where each stands) → [`explain`] (the literal types of [`mod@file`], or what
//! does not fit, in the words of [`schema`]) → [`check`] (meaning) → [`lower`] (the checked form). Syntax errors stop
//! after the first step; what does not fit the schema does not stop the check of the rest. Missions that are used as
//! tasks go the same way first ([`library`]).

use crate::diagnostic::{ByteSpan, Finding, Sources, codes, has_errors, sort};
use crate::mission::check::Against;
use crate::mission::library::{Known, Library};
use crate::mission::model::Mission;

pub mod backend;
pub mod check;
pub mod config;
pub mod events;
pub mod explain;
pub mod field;
pub mod file;
pub mod library;
pub mod limits;
pub mod load;
pub mod lower;
pub mod misfit;
pub mod model;
pub mod prices;
pub mod sandbox;
pub mod schema;
pub mod spans;
pub mod task;
pub mod team;

pub use crate::diagnostic::nearest;

/// A mission as far as it could be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The mission; `None` where a finding is an error.
    pub mission: Option<Mission>,
    /// Everything found, by place.
    pub findings: Vec<Finding>,
    /// Texts of the missions that it uses, by the names that findings use.
    pub sources: Sources,
}

/// Reads a mission file, and the missions that it uses as tasks. `file` is its name as findings show it.
pub fn load(file: &str, text: &str, against: &Against<'_>) -> Loaded {
    first_of(Library::new(*against), file, text)
}

/// The same of a mission that was composed, and that uses this one by this name.
pub fn load_composed(file: &str, text: &str, against: &Against<'_>, part: (&str, Known)) -> Loaded {
    let (named, known) = part;
    first_of(Library::new(*against).knowing(named, known), file, text)
}

fn first_of(mut library: Library<'_>, file: &str, text: &str) -> Loaded {
    let mission = library.first(file, text);
    let Library { mut findings, sources, .. } = library;
    sort(&mut findings);
    let mission = mission.filter(|_| !has_errors(&findings));
    Loaded { mission, findings, sources }
}

/// The text of a file, or why it has none. `file` is its name as findings show it.
pub fn read(file: &str, bytes: Vec<u8>) -> Result<String, Box<Finding>> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("this file is not UTF-8 text: byte {at} is no part of a character");
        let finding = Finding::error(codes::NOT_TEXT, file, ByteSpan::default(), message);
        Box::new(finding.with_help("give the path of a TOML file saved as UTF-8"))
    })?;
    // Editors of one system put a mark at the beginning; TOML has none.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
