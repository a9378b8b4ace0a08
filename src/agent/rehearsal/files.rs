//! The files of a workspace, for an agent that must not leave it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use crate::mission::field::glob;
use crate::name::TaskId;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Whole,
    Append,
}

/// Writes a file of the working directory; folders on the way are made.
pub(super) fn write(path: &str, text: &str, mode: Mode) -> Result<(), String> {
    let path = inside(path)?;
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(|error| error.to_string())?;
    }
    let mut options = OpenOptions::new();
    options.create(true).custom_flags(no_follow());
    match mode {
        Mode::Whole => options.write(true).truncate(true),
        Mode::Append => options.append(true),
    };
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| error.to_string())
}

/// Deletes a file of the working directory.
pub(super) fn delete(path: &str) -> Result<(), String> {
    fs::remove_file(inside(path)?).map_err(|error| error.to_string())
}

/// The path, if it names something inside the working directory, also after every link on the way to it.
fn inside(path: &str) -> Result<PathBuf, String> {
    let path = Path::new(path);
    let outside = || Err("outside the workspace".to_owned());
    let plain = path.components().all(|part| matches!(part, Component::Normal(name) if name != ".git"));
    if path.as_os_str().is_empty() || !plain {
        return outside();
    }
    let root = fs::canonicalize(".").map_err(|error| error.to_string())?;
    let there = path.ancestors().skip(1).find_map(|parent| {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        fs::canonicalize(parent).ok()
    });
    match there {
        Some(there) if there.starts_with(&root) => Ok(path.to_owned()),
        Some(_) | None => outside(),
    }
}

fn no_follow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

/// Where the default play writes: inside the first glob, or `rehearsal/<task>.md` where nothing is said. `None`
/// where the task may change nothing, or no path can be told from the glob.
pub(super) fn default_path(task: &TaskId, touches: Option<&[String]>) -> Option<String> {
    let Some(touches) = touches else { return Some(format!("rehearsal/{}.md", task.path_name())) };
    let first = touches.first()?;
    let matcher = glob::ready(first).ok()?.compile_matcher();
    let name = task.path_name().replace('/', "+");
    let names = [format!("{name}.md"), name];
    names.iter().map(|name| example(first, name)).find(|path| matcher.is_match(path))
}

/// A path that a glob most likely matches.
fn example(glob: &str, name: &str) -> String {
    let stem = name.strip_suffix(".md").unwrap_or(name);
    let parts: Vec<&str> = glob.split('/').collect();
    let count = parts.len();
    let filled = parts.iter().enumerate().filter_map(|(at, part)| match *part {
        "**" if at + 1 < count => None,
        "**" | "*" | "" if at + 1 == count => Some(name.to_owned()),
        part => Some(fill(part, stem)),
    });
    filled.collect::<Vec<_>>().join("/")
}

/// Fills the wild parts of one path component.
fn fill(part: &str, stem: &str) -> String {
    let mut filled = String::new();
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' if filled.ends_with(stem) => {}
            '*' => filled.push_str(stem),
            '?' => filled.push('x'),
            '\\' => filled.extend(chars.next()),
            '[' => {
                let class: String = chars.by_ref().take_while(|c| *c != ']').collect();
                filled.extend(class.chars().find(|c| !matches!(c, '!' | '^')));
            }
            '{' => {
                let choices: String = chars.by_ref().take_while(|c| *c != '}').collect();
                filled.push_str(choices.split(',').next().unwrap_or_default());
            }
            c => filled.push(c),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::default_path;
    use crate::name::TaskId;

    #[test]
    fn the_default_file_lies_inside_the_first_glob() {
        let task = TaskId::parse("ui").unwrap();
        let path = |globs: &[&str]| {
            let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            default_path(&task, Some(&globs))
        };
        assert_eq!(default_path(&task, None).as_deref(), Some("rehearsal/ui.md"));
        assert_eq!(path(&[]), None);
        for (glob, wanted) in [
            ("src/**", "src/ui.md"),
            ("**", "ui.md"),
            ("src/*.rs", "src/ui.rs"),
            ("**/*.css", "ui.css"),
            ("docs/index.md", "docs/index.md"),
            ("{web,api}/**/test_?.[jt]s", "web/test_x.js"),
        ] {
            assert_eq!(path(&[glob, "else/**"]).as_deref(), Some(wanted), "{glob}");
        }
        let nested = |depth| "{".repeat(depth) + "ui.md" + &"}".repeat(depth);
        assert_eq!((path(&[&nested(1)]).as_deref(), path(&[&nested(17)])), (Some("ui.md"), None));
    }
}
