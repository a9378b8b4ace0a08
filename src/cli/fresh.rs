//! Making files that are not there yet: names that can be used, places for them, schemas for their editor. Nothing is
//! overwritten.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::{Context, schema};
use crate::name::BadName;

/// Whether a file had to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// It was.
    Now,
    /// It was there.
    Before,
}

/// Makes a file with its folders, unless it is there.
pub(super) fn make(path: &Path, text: &str) -> Result<Made, Failure> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())
    });
    match written {
        Ok(()) => Ok(Made::Now),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_file() => Ok(Made::Before),
        Err(error) => Err(Failure::new(Exit::Environment, "cli::cannot-write", "a file could not be written")
            .at(path.display().to_string())
            .because(&error)
            .help("let your account write in that folder, or work elsewhere with `-C`")),
    }
}

/// Something of that name is there already.
pub(super) fn already_there(what: &str, name: &str, place: String) -> Failure {
    Failure::new(Exit::Usage, "cli::already-there", format!("there is a {what} `{name}` here already"))
        .at(place)
        .help("take another name, or edit that one: nothing is overwritten")
}

/// A name as its kind wants it; where it is not, the nearest that would do is told.
pub(super) fn name<T>(given: &str, parse: fn(&str) -> Result<T, BadName>) -> Result<T, Failure> {
    parse(given).map_err(|bad| {
        let failure = Failure::new(Exit::Usage, "cli::bad-name", bad.to_string());
        let meant = kebab(given);
        match parse(&meant) {
            Ok(_) => failure.help(format!("did you mean `{meant}`?")),
            Err(_) => failure.help("a name such as `web-app` will do"),
        }
    })
}

/// A text as a name: `Web App`, `WebApp` and `missions/web_app.toml` all become `web-app`.
fn kebab(given: &str) -> String {
    let last = given.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = [".toml", ".md"].iter().find_map(|ending| last.strip_suffix(ending)).unwrap_or(last);
    let mut name = String::new();
    let mut before = None;
    for c in stem.chars() {
        let begins_word = c.is_uppercase() && before.is_some_and(|b: char| b.is_lowercase() || b.is_ascii_digit());
        if (begins_word || !c.is_ascii_alphanumeric()) && !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        }
        before = Some(c);
    }
    name.trim_end_matches('-').trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned()
}

/// The path by which files of a folder name a schema for their editor. Where the project has none, it is written into
/// `ours`, a folder of ours in it.
pub(super) fn schema_of(what: &str, folder: &Path, root: &Path, ours: &Path) -> Result<String, Failure> {
    let file = format!("{what}.schema.json");
    let is_it = |path: &PathBuf| {
        fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("\"x-schema\": \"ai-sdlc/{what}/1\"")))
    };
    let above = folder.ancestors().take_while(|above| above.starts_with(root)).map(|above| above.join("schema"));
    let made = ours.join("schema").join(&file);
    if let Some(there) = above.map(|schemas| schemas.join(&file)).find(is_it) {
        return Ok(relative(folder, &there));
    }
    if let Some((_, text)) = schema::all().into_iter().find(|(name, _)| *name == file) {
        make(&made, &text)?;
    }
    Ok(relative(folder, &made))
}

/// A path as seen from a folder; both are absolute.
fn relative(from: &Path, to: &Path) -> String {
    let common = from.ancestors().find(|above| to.starts_with(above)).unwrap_or(Path::new(""));
    let up = from.strip_prefix(common).map_or(0, |below| below.components().count());
    let mut path: PathBuf = std::iter::repeat_n(Component::ParentDir, up).collect();
    path.push(to.strip_prefix(common).unwrap_or(to));
    path.display().to_string()
}

/// The commands to type next, as they work where the person stands.
pub(super) fn next(context: &Context, commands: &[String]) -> String {
    next_in(context.globals.directory.as_deref(), commands)
}

/// The same for another directory than the present one.
pub(super) fn next_in(directory: Option<&Path>, commands: &[String]) -> String {
    let elsewhere = directory.map_or_else(String::new, |directory| {
        let text = directory.display().to_string();
        format!(" -C {}", shlex::try_quote(&text).map_or_else(|_| text.clone(), std::borrow::Cow::into_owned))
    });
    let lines: Vec<String> = commands.iter().map(|command| format!("  ai-sdlc{elsewhere} {command}")).collect();
    format!("Next:\n{}", lines.join("\n"))
}

/// Where a new role or skill lies: where the project keeps its own, else in `.ai-sdlc/`; or with the person.
#[derive(Debug)]
pub(super) struct Home {
    /// The folder of all roles, or of all skills.
    pub(super) folder: PathBuf,
    /// The folder that it is looked for in and above.
    pub(super) root: PathBuf,
    /// The folder of ours that schemas go to.
    pub(super) ours: PathBuf,
}

/// Whose a new role or skill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The project's.
    Project,
    /// The person's, in all projects.
    Person,
}

impl Home {
    /// Finds it. A folder `roles/` of the project is taken only if something in it is ours: other tools have such
    /// folders too.
    pub(super) fn find(
        project: &Project,
        owner: Owner,
        what: &str,
        has_ours: fn(&Path) -> bool,
    ) -> Result<Self, Failure> {
        let root = project.root.clone();
        match owner {
            Owner::Project => {
                let ours = root.join(".ai-sdlc");
                let folder = Some(root.join(what)).filter(|folder| has_ours(folder));
                Ok(Self { folder: folder.unwrap_or_else(|| ours.join(what)), root, ours })
            }
            Owner::Person => {
                let user = project.user.clone().ok_or_else(|| {
                    Failure::new(Exit::Environment, "cli::no-folder", "your configuration folder is not known")
                        .help("set `HOME` or `XDG_CONFIG_HOME`")
                })?;
                Ok(Self { folder: user.join(what), root: user.clone(), ours: user })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_name_where_one_is_in_it() {
        for given in ["Web App", "WebApp", "web_app", "missions/web-app.toml", " web--app/ ", "2 Web App!"] {
            assert_eq!(kebab(given), "web-app", "{given}");
        }
        assert_eq!(kebab("日本"), "");
        assert_eq!(kebab("café"), "caf");
    }

    #[test]
    fn paths_are_seen_from_where_a_file_lies() {
        let seen = |from: &str, to: &str| relative(Path::new(from), Path::new(to));
        assert_eq!(seen("/p/missions", "/p/schema/m.json"), "../schema/m.json");
        assert_eq!(seen("/p/a/b", "/p/.ai-sdlc/schema/m.json"), "../../.ai-sdlc/schema/m.json");
        assert_eq!(seen("/p", "/p/schema/m.json"), "schema/m.json");
    }
}
