//! What each fuzz target does with bytes: read them as what comes from outside, show what is found, and hold what must
//! always hold.
//!
//! The tests run these too, so nothing here may need more than the library. Each body tells whether it took the bytes
//! for what they should be: `None` where they are no such thing at all.

mod git;
mod journal;
mod language;
mod plans;
mod records;
mod stories;
mod streams;
mod tools;
mod words;

pub use git::git;
pub use journal::journal;
pub use language::{config, expression, handoff, mission, role, scenario, skill};
pub use plans::plan;
pub use records::records;
pub use stories::story;
pub use streams::streams;
pub use tools::tools;
pub use words::words;

/// What is done with bytes.
pub type Body = fn(&[u8]) -> Option<bool>;

/// All of them, by the name of their target and of the folder of their corpus.
pub const ALL: [(&str, Body); 15] = [
    ("mission", mission),
    ("config", config),
    ("scenario", scenario),
    ("role", role),
    ("skill", skill),
    ("story", story),
    ("expression", expression),
    ("handoff", handoff),
    ("words", words),
    ("plan", plan),
    ("journal", journal),
    ("records", records),
    ("git", git),
    ("streams", streams),
    ("tools", tools),
];
