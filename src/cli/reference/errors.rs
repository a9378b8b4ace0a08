//! The error index: every code with its meaning, an example and how it is mended.

use std::fmt::Write as _;

use crate::catalog;
use crate::cli::codes;
use crate::diagnostic::{self, Entry, Example, Snippet};

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
        entries.iter().for_each(|entry| write_entry(&mut page, entry));
    }
    for (heading, entries) in [("Roles and skills", catalog::codes::CODES), ("Commands", codes::CODES)] {
        let _ = write!(page, "\n## {heading}\n");
        entries.iter().for_each(|entry| write_entry(&mut page, entry));
    }
    page
}

/// Every entry of the index, in its order.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    diagnostic::codes::all().chain(catalog::codes::CODES).chain(codes::CODES)
}

fn write_entry(page: &mut String, entry: &Entry) {
    let Entry { code, meaning, help, example } = entry;
    let _ = write!(page, "\n#### `{code}`\n\n{meaning}\n");
    match example {
        Example::Command(command) => {
            let _ = write!(page, "\n```sh\n{command}\n```\n\n{help}\n");
        }
        Example::Project { faulty, mended } => {
            faulty.iter().for_each(|snippet| write_snippet(page, snippet, faulty));
            let _ = write!(page, "\n{help}\n");
            let changed = mended.iter().filter(|snippet| !faulty.contains(snippet));
            changed.for_each(|snippet| write_snippet(page, snippet, faulty));
        }
    }
}

/// A file in a fence, with its name above it where that is not plainly a mission's.
fn write_snippet(page: &mut String, snippet: &Snippet, faulty: &[Snippet]) {
    let Snippet { path, content } = snippet;
    let language = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("toml") => "toml",
        Some("md") => "markdown",
        Some(_) | None => "text",
    };
    if faulty.len() > 1 || !path.starts_with("missions/") {
        let _ = write!(page, "\n`{path}`:\n");
    }
    let text = String::from_utf8_lossy(content);
    // A Markdown file may itself hold fences of three.
    let _ = write!(page, "\n````{language}\n{}\n````\n", text.trim_end());
}
