//! What the error index says about a code: what it means, an example, how it is mended.

use crate::diagnostic::Code;

/// One code in the error index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The code.
    pub code: Code,
    /// What it means, one sentence.
    pub meaning: &'static str,
    /// How to mend it, one sentence.
    pub help: &'static str,
    /// What gets it.
    pub example: Example,
}

/// Something that gets a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// Files in which this and nothing else is found, and the same files with the mistake mended.
    Project {
        /// With the mistake.
        faulty: &'static [Snippet],
        /// Without it.
        mended: &'static [Snippet],
    },
    /// A command that fails so.
    Command(&'static str),
}

/// A file of an example, or the part of it that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snippet {
    /// Where it lies in the project.
    pub path: &'static str,
    /// What it holds; bytes, because one mistake is that a file is no text.
    pub content: &'static [u8],
}

/// The file in which examples of missions lie.
const MISSION: &str = "missions/example.toml";
const HEAD: &str = "version = 1\n\n[mission]\nname = \"example\"\n\n";
const TASK: &str = "\n[tasks.hello]\nrun = [\"echo\", \"hello\"]\n";

impl Entry {
    /// The entry of a failure of a command.
    pub const fn of_command(
        code: &'static str,
        meaning: &'static str,
        help: &'static str,
        command: &'static str,
    ) -> Self {
        Self { code: Code(code), meaning, help, example: Example::Command(command) }
    }

    /// The example, how it is mended and the mended one, as Markdown.
    pub fn markdown(&self) -> String {
        let Self { code: _, meaning: _, help, example } = self;
        match example {
            Example::Command(command) => format!("```sh\n{command}\n```\n\n{help}\n"),
            Example::Project { faulty, mended } => {
                let several = faulty.len() > 1 || mended.len() > 1;
                let before: String = faulty.iter().map(|snippet| snippet.markdown(several)).collect();
                let changed = mended.iter().filter(|snippet| !faulty.contains(snippet));
                let after: String = changed.map(|snippet| snippet.markdown(several)).collect();
                format!("{before}{help}\n\n{after}").trim_end().to_owned() + "\n"
            }
        }
    }
}

impl Snippet {
    /// Of the file in which examples of missions lie.
    pub const fn of_mission(content: &'static str) -> Self {
        Self { path: MISSION, content: content.as_bytes() }
    }

    /// In a fence, with its path above it where that is not plainly a mission's, and an empty line after it.
    fn markdown(&self, several: bool) -> String {
        let language = match self.path.rsplit_once('.') {
            Some((_, "toml")) => "toml",
            Some((_, "md")) => "markdown",
            Some(_) | None => "text",
        };
        let path = if several || self.path != MISSION { format!("`{}`:\n\n", self.path) } else { String::new() };
        // What is no text is shown with a mark in the place of each strange byte.
        let text = String::from_utf8_lossy(self.content);
        format!("{path}```{language}\n{}\n```\n\n", text.trim_end())
    }

    /// The whole file: to a mission's part that leaves them out, a name is put and, where it has none, a task.
    pub fn whole(&self) -> Vec<u8> {
        let Ok(text) = str::from_utf8(self.content) else { return self.content.to_vec() };
        if self.path != MISSION || text.contains("[mission]") {
            return self.content.to_vec();
        }
        let task = if text.contains("[tasks.") { "" } else { TASK };
        format!("{HEAD}{text}{task}").into_bytes()
    }
}

/// Rows of an error index, and the table of them: name of the constant, code, meaning, how to mend it, example.
///
/// An example is `mission("…" => "…")`, a mission or a part of one with the mistake and without it;
/// `files(["path": "…"] => ["path": "…"])`, whole files of a project; or `bytes("path": b"…" => b"…")`.
macro_rules! codes {
    ($TABLE:ident; $($NAME:ident = $code:literal, $meaning:literal, $help:literal, $kind:ident $example:tt;)*) => {
        $(#[doc = $meaning] pub const $NAME: $crate::diagnostic::Code = $crate::diagnostic::Code($code);)*

        /// The rows.
        pub const $TABLE: &[$crate::diagnostic::Entry] = &[$($crate::diagnostic::Entry {
            code: $NAME,
            meaning: $meaning,
            help: $help,
            example: $crate::diagnostic::entry::example!($kind $example),
        }),*];
    };
}

macro_rules! example {
    (mission($faulty:literal => $mended:literal)) => {
        $crate::diagnostic::Example::Project {
            faulty: &[$crate::diagnostic::Snippet::of_mission($faulty)],
            mended: &[$crate::diagnostic::Snippet::of_mission($mended)],
        }
    };
    (files([$($path:literal: $faulty:literal),*] => [$($other:literal: $mended:literal),*])) => {
        $crate::diagnostic::Example::Project {
            faulty: &[$($crate::diagnostic::Snippet { path: $path, content: $faulty.as_bytes() }),*],
            mended: &[$($crate::diagnostic::Snippet { path: $other, content: $mended.as_bytes() }),*],
        }
    };
    (bytes($path:literal: $faulty:literal => $mended:literal)) => {
        $crate::diagnostic::Example::Project {
            faulty: &[$crate::diagnostic::Snippet { path: $path, content: $faulty }],
            mended: &[$crate::diagnostic::Snippet { path: $path, content: $mended }],
        }
    };
}

pub(crate) use {codes, example};
