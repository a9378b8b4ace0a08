//! Every code a finding about a mission or a configuration can have, a file a part of the language.
//!
//! A row holds what the error index says: meaning, how to mend it, and an example that a test loads, so that whoever
//! adds a code cannot leave them out. What roles and skills have is in `catalog::codes`.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "examples are all written alike, whether or not they hold quotes"
)]

use crate::diagnostic::Entry;

macro_rules! parts {
    ($($part:ident, $TABLE:ident, $heading:literal;)*) => {
        $(pub mod $part; pub use $part::*;)*

        /// The parts in the order of the index: heading and rows.
        pub const PARTS: &[(&str, &[Entry])] = &[$(($heading, $TABLE)),*];
    };
}

parts! {
    text, TEXT, "The file as a whole";
    values, VALUES, "Keys and values";
    names, NAMES, "Names of other things";
    templates, TEMPLATES, "Templates and commands";
    tasks, TASKS, "Tasks and their order";
    conditions, CONDITIONS, "Conditions and computed values";
    missions, MISSIONS, "Missions used as tasks";
    workspaces, WORKSPACES, "Workspaces and branches";
    budgets, BUDGETS, "Budgets";
    prices, PRICES, "Prices";
    stories, STORIES, "Stories";
}

/// All rows of all parts.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    PARTS.iter().flat_map(|(_, entries)| entries.iter())
}
