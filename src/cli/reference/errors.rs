//! The error index: every code with its meaning, an example and how it is mended.

use std::fmt::Write as _;

use crate::catalog;
use crate::cli::codes;
use crate::diagnostic::{self, Entry};

const INTRODUCTION: &str = "# Error index

Every code that the program tells: what it means, an example, and how it is mended. Codes never change their meaning.

Examples of missions leave out what does not matter: the `[mission]` table where it is not shown, and a task where none
is shown.
";

/// `docs/errors.md`.
pub fn errors() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n## Missions and configuration\n");
    for (heading, entries) in diagnostic::codes::PARTS {
        // Writing to a string cannot fail.
        let _ = write!(page, "\n### {heading}\n");
        for entry in *entries {
            write_entry(&mut page, entry);
        }
    }
    for (heading, entries) in [("Roles and skills", catalog::codes::CODES), ("Commands", codes::CODES)] {
        let _ = write!(page, "\n## {heading}\n");
        for entry in entries {
            write_entry(&mut page, entry);
        }
    }
    page
}

/// Every entry of the index, in its order.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    diagnostic::codes::all().chain(catalog::codes::CODES).chain(codes::CODES)
}

fn write_entry(page: &mut String, entry: &Entry) {
    let _ = write!(page, "\n#### `{}`\n\n{}\n\n{}", entry.code, entry.meaning, entry.markdown());
}
