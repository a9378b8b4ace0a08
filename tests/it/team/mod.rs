//! The roles, skills and missions that ship, held together: what sessions are told, which skills they are given, and
//! what they hand over.

use std::fs;
use std::path::{Path, PathBuf};

mod choosing;
mod foreign;
mod handoffs;
mod labelled;
mod prompts;
mod reached;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files right in a folder that end in `.extension`, by name.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|own| own == extension)).collect();
    found.sort();
    found
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// The roles that ship.
fn roles() -> Vec<String> {
    files("roles", "md").iter().map(|path| stem(path)).collect()
}

/// The missions that ship, by name, as they are written.
fn missions() -> Vec<(String, toml::Table)> {
    let paths = files("missions", "toml").into_iter().filter(|path| !stem(path).ends_with(".scenario"));
    paths.map(|path| (stem(&path), toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap())).collect()
}
