//! Holds the layers apart: a module may name only itself and those before it, and some crates have one home each.
//!
//! It reads the sources as text, comments left out: enough for paths, which is all that matters here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The modules of the crate, lowest first.
const LAYERS: [&str; 19] = [
    "name",
    "amount",
    "price",
    "mask",
    "diagnostic",
    "expression",
    "catalog",
    "mission",
    "story",
    "handoff",
    "plan",
    "kernel",
    "report",
    "journal",
    "agent",
    "workspace",
    "session",
    "driver",
    "cli",
];

/// What may be named only in these modules.
const HOMES: [(&str, &[&str]); 6] = [
    ("tokio", &["session", "driver", "cli"]),
    ("miette", &["diagnostic"]),
    ("cel_core", &["expression"]),
    ("env::var", &["cli"]),
    ("env::var_os", &["cli"]),
    ("env::vars", &["cli"]),
];

/// One source file.
struct Source {
    path: PathBuf,
    /// Its modules from the crate's root; empty for `lib.rs` and `main.rs`.
    modules: Vec<String>,
    code: String,
}

impl Source {
    fn read(root: &Path, path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).expect("sources are readable text");
        let inner = path.strip_prefix(root).expect("it lies below the root").with_extension("");
        let mut modules: Vec<String> = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if modules.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
            modules.pop();
        }
        Self { path, modules, code: without_comments(&text) }
    }

    fn layer(&self) -> Option<&str> {
        self.modules.first().map(String::as_str)
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found: Vec<Source> = walkdir::WalkDir::new(&root)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("src is readable").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Source::read(&root, path))
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Drops what follows `//`, unless it stands right after a colon (as in an address within a string).
fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| {
            let end = line
                .match_indices("//")
                .find(|(at, _)| !line.get(..*at).is_some_and(|before| before.ends_with(':')))
                .map_or(line.len(), |(at, _)| at);
            line.get(..end).unwrap_or(line)
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn leading_word(text: &str) -> &str {
    text.split(|letter| !is_word(letter)).next().unwrap_or(text)
}

/// The texts that follow each `needle` which stands as a word of its own.
fn after_each<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(needle).filter_map(move |(at, _)| {
        let before = code.get(..at)?.chars().next_back();
        let after = code.get(at + needle.len()..)?;
        (!before.is_some_and(is_word)).then_some(after)
    })
}

/// First words of a path's rest: one, or those of a group `{a::b, c}` at its top level.
fn heads(rest: &str) -> Vec<String> {
    let Some(group) = rest.trim_start().strip_prefix('{') else {
        return vec![leading_word(rest.trim_start()).to_owned()];
    };
    let mut depth = 0_usize;
    let mut items = vec![String::new()];
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            other if depth == 0 => {
                if let Some(last) = items.last_mut() {
                    last.push(other);
                }
            }
            _ => {}
        }
    }
    items.iter().map(|item| leading_word(item.trim_start()).to_owned()).filter(|head| !head.is_empty()).collect()
}

/// The top modules that a file names, by `crate::…` or by so many `super::` that they reach the root. From an inline
/// `mod tests` as many reach only the file's own parent: so there only what goes on with `::` counts, no function's name.
fn named(source: &Source) -> BTreeSet<String> {
    let climb = "super::".repeat(source.modules.len());
    let from_root = after_each(&source.code, "crate::");
    let by_climbing = after_each(&source.code, &climb).filter(|rest| {
        !climb.is_empty() && rest.get(leading_word(rest).len()..).is_some_and(|on| on.starts_with("::"))
    });
    from_root.chain(by_climbing).flat_map(heads).filter(|head| LAYERS.contains(&head.as_str())).collect()
}

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|known| *known == layer)
}

#[test]
fn every_module_has_its_place_in_the_order() {
    let strange: BTreeSet<String> =
        sources().iter().filter_map(Source::layer).filter(|layer| rank(layer).is_none()).map(str::to_owned).collect();
    assert_eq!(
        strange,
        BTreeSet::new(),
        "give each new module a place in LAYERS, in lib.rs and in docs/architecture.md"
    );
}

#[test]
fn a_module_names_only_itself_and_those_before_it() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(own) = source.layer().and_then(rank) else { continue };
        for other in named(&source) {
            if rank(&other).is_some_and(|other| other > own) {
                wrong.push(format!("{} names `{other}`, which comes after it", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_has_one_home_is_named_nowhere_else() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (what, homes) in HOMES {
            // Unit tests may be told other seeds from outside.
            let told = what.starts_with("env::") && source.modules.iter().any(|module| module == "tests");
            let at_home = told || source.layer().is_some_and(|layer| homes.contains(&layer));
            let used = after_each(&source.code, what).any(|rest| !rest.starts_with(is_word));
            if used && !at_home {
                wrong.push(format!("{} names `{what}`, which belongs to {}", source.path.display(), homes.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_sees_groups_climbs_and_comments() {
    let source = |modules: &[&str], text: &str| Source {
        path: PathBuf::from("made-up.rs"),
        modules: modules.iter().map(|part| (*part).to_owned()).collect(),
        code: without_comments(text),
    };
    let seen = |source: &Source| named(source).into_iter().collect::<Vec<_>>().join(" ");
    let grouped = source(&["plan"], "use crate::{\n    amount::{Millis, cli},\n    kernel,\n};");
    assert_eq!(seen(&grouped), "amount kernel");
    assert_eq!(seen(&source(&["plan", "build"], "super::super::driver::drive(); super::cli::x();")), "driver");
    assert_eq!(seen(&source(&["plan"], "/// See [`crate::cli`].\nlet a = crate::name::TaskId;")), "name");
    assert_eq!(seen(&source(&[], "pub mod cli;")), "");
}
