//! Where the person stands: the project's root, its repository's shared git folder, the missions there are.
//!
//! Found by looking at folders only: no program is started, so that lists are quick and nothing that a project names
//! can run. A run itself asks git.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::catalog::Places;
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::templates;
use crate::diagnostic::nearest::{listed, nearest};
use crate::mission;

/// Where the person stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The directory commands work in.
    pub directory: PathBuf,
    /// Root of the checkout; without git the nearest folder with `.ai-sdlc` or `missions`, else the directory.
    pub root: PathBuf,
    /// The git folder that all checkouts of the repository share.
    pub common: Option<PathBuf>,
    /// Where runs and locks lie.
    pub store: PathBuf,
    /// The person's configuration folder.
    pub user: Option<PathBuf>,
}

/// A mission's file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissionText {
    /// The file as people see it: relative to the directory where it is below it.
    pub file: String,
    /// Its path.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// A mission's file, found by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name: the file's, without `.toml`.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
}

impl Project {
    /// Finds it.
    pub fn find(context: &Context) -> Result<Self, Failure> {
        Self::at(&context.directory(), context)
    }

    /// Finds the one that another directory belongs to.
    pub fn at(directory: &Path, context: &Context) -> Result<Self, Failure> {
        let directory = fs::canonicalize(directory).map_err(|error| {
            Failure::new(Exit::Usage, "cli::no-directory", format!("`{}` cannot be entered", directory.display()))
                .because(&error)
                .help("name a directory that is there with `-C`")
        })?;
        let user = context.environment.config_folder();
        let git = directory.ancestors().find_map(|folder| Some((folder.to_owned(), common_dir(folder)?)));
        if let Some((root, common)) = git {
            let store = common.join("ai-sdlc");
            return Ok(Self { directory, root, common: Some(common), store, user });
        }
        let marked = |folder: &&Path| folder.join(".ai-sdlc").is_dir() || folder.join("missions").is_dir();
        let root = directory.ancestors().find(marked).unwrap_or(&directory).to_owned();
        let store = root.join(".ai-sdlc");
        Ok(Self { directory, root, common: None, store, user })
    }

    /// What a run in git needs and is not there yet.
    pub fn lacking(&self) -> Option<&'static str> {
        let Some(common) = &self.common else {
            return Some(
                "There is no git repository here, and a run works in one: `git init`, then commit what is there. \
                 Or write `mode = \"directory\"` under `[workspace]`.",
            );
        };
        let branches = walkdir::WalkDir::new(common.join("refs/heads")).into_iter().flatten();
        // Where branches are kept otherwise there is a file in the folder's place.
        let is_empty =
            !branches.into_iter().any(|entry| entry.file_type().is_file()) && !common.join("packed-refs").exists();
        is_empty.then_some(
            "This repository has no commit yet, and a run begins from one: a task sees only what is committed.\n\
             Commit what is there: `git add -A && git commit -m \"First commit\"`",
        )
    }

    /// Where roles and skills are looked for.
    pub fn places(&self, mission_dir: Option<PathBuf>) -> Places {
        let mission_dir = mission_dir.or_else(|| Some(self.directory.clone()));
        Places { mission_dir, root: Some(self.root.clone()), user: self.user.clone() }
    }

    /// The project's own configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.root.join(".ai-sdlc").join("config.toml")
    }

    /// The project's own prices.
    pub fn prices_file(&self) -> PathBuf {
        self.root.join(".ai-sdlc").join("prices.toml")
    }

    /// The missions under `missions/` of the directory and of the folders above it, up to the root; the nearest of a
    /// name wins.
    pub fn missions(&self) -> Vec<Named> {
        let mut found: Vec<Named> = Vec::new();
        for folder in self.directory.ancestors() {
            for path in toml_files(&folder.join("missions")) {
                let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
                if !found.iter().any(|named| named.name == name) {
                    found.push(Named { name, path });
                }
            }
            if folder == self.root {
                break;
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Reads the mission that was named: a path, or a name under `missions/`.
    pub fn mission(&self, given: &str) -> Result<MissionText, Failure> {
        let path = self.directory.join(given);
        if given.contains('/') || has_toml(Path::new(given)) {
            return self.read(&path);
        }
        let missions = self.missions();
        if let Some(named) = missions.iter().find(|named| named.name == given) {
            return self.read(&named.path);
        }
        if path.exists() {
            return self.read(&path);
        }
        let names = || missions.iter().map(|named| named.name.as_str());
        let help = match nearest(given, names()) {
            _ if templates::shipped(given).is_some() => {
                format!("it ships as a template: `ai-sdlc mission new {given} --template {given}` makes it here")
            }
            Some(name) => format!("did you mean `{name}`?"),
            None if missions.is_empty() => "`ai-sdlc init` makes a first one".to_owned(),
            None => format!("there are {}", listed(names())),
        };
        let what = format!("there is no mission `{given}`");
        Err(Failure::new(Exit::Usage, "cli::unknown-mission", what)
            .at(self.shown(&self.root.join("missions")))
            .help(help))
    }

    /// Reads a mission's file.
    pub fn read(&self, path: &Path) -> Result<MissionText, Failure> {
        let file = self.shown(path);
        let failed = |what: String, help: &str| {
            Failure::new(Exit::Usage, "cli::unreadable-file", what).at(file.clone()).help(help)
        };
        if path.is_dir() {
            return Err(failed("it is a directory, not a mission's file".to_owned(), "name the `.toml` file itself"));
        }
        let bytes = fs::read(path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                let missions = self.missions();
                let meant = missions.iter().find(|named| named.path.file_name() == path.file_name());
                let help = meant.map_or_else(
                    || "`ai-sdlc mission list` shows the missions there are".to_owned(),
                    |named| format!("did you mean `{}`?", self.shown(&named.path)),
                );
                failed("there is no such file".to_owned(), &help)
            } else {
                failed("it cannot be read".to_owned(), "see to it that you may read it").because(&error)
            }
        })?;
        let text = mission::read(&file, bytes).map_err(|finding| {
            let failure = Failure::new(Exit::Usage, finding.code.0, finding.message).at(file.clone());
            finding.help.into_iter().fold(failure, Failure::help)
        })?;
        Ok(MissionText { file, path: path.to_owned(), text })
    }

    /// A path as people see it: relative to the directory, or to the root, where it is below it.
    pub fn shown(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.directory).unwrap_or(path);
        path.display().to_string()
    }
}

/// Whether its name is that of a mission's file.
pub(super) fn has_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// The files of a folder that hold missions: scenarios lie beside them as `<mission>.scenario.toml`.
fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_scenario = |path: &Path| path.to_string_lossy().ends_with(".scenario.toml");
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| has_toml(path) && !is_scenario(path) && path.is_file())
        .collect();
    files.sort();
    files
}

/// The git folder that all checkouts share, if a checkout or a bare repository begins at this folder.
fn common_dir(folder: &Path) -> Option<PathBuf> {
    let git = folder.join(".git");
    if git.is_dir() {
        return git.join("HEAD").is_file().then_some(git);
    }
    if git.is_file() {
        let text = fs::read_to_string(&git).ok()?;
        let private = folder.join(text.strip_prefix("gitdir:")?.trim());
        return Some(match fs::read_to_string(private.join("commondir")) {
            Ok(common) => fs::canonicalize(private.join(common.trim())).ok()?,
            Err(_) => private,
        });
    }
    let is_bare = folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir();
    is_bare.then(|| folder.to_owned())
}
