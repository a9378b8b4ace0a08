//! The environment, read once; everything below gets it as values.

#![expect(clippy::disallowed_methods, reason = "the one place that reads the environment and where the program stands")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use crate::driver::environment;
#[cfg(debug_assertions)]
use crate::journal::fail_point;

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// All of it; children get a part of it.
    pub all: BTreeMap<OsString, OsString>,
    /// The directory the program was started in.
    pub cwd: PathBuf,
    /// This program.
    pub executable: PathBuf,
}

/// Whether a person is likely to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// `CI` is set.
    Ci,
    /// It is not.
    Person,
}

/// Takes the order to die at a point, which tests give; a release build takes none.
#[cfg(debug_assertions)]
pub fn arm_fail_point() {
    if let Some(order) = std::env::var_os("AI_SDLC_FAIL_POINT") {
        fail_point::arm(&order.to_string_lossy());
    }
}

/// One variable, for commands that need no other.
pub(super) fn named(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

impl Environment {
    /// Reads it.
    pub fn read() -> io::Result<Self> {
        Ok(Self {
            all: std::env::vars_os().collect(),
            cwd: std::env::current_dir()?,
            executable: std::env::current_exe()?,
        })
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.all.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The same as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(OsStr::to_str)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    fn below_home(&self, variable: &str, below: &str) -> Option<PathBuf> {
        let base = self.path(variable).or_else(|| self.path("HOME").map(|home| home.join(below)))?;
        Some(base.join("ai-sdlc"))
    }

    /// The person's configuration folder: `ai-sdlc` in the XDG one.
    pub fn config_folder(&self) -> Option<PathBuf> {
        self.below_home("XDG_CONFIG_HOME", ".config")
    }

    /// The person's configuration file: `AI_SDLC_CONFIG`, else in their configuration folder.
    pub fn config_file(&self) -> Option<PathBuf> {
        let named = self.get("AI_SDLC_CONFIG").map(|path| self.cwd.join(path));
        named.or_else(|| Some(self.config_folder()?.join("config.toml")))
    }

    /// The person's state folder, where worktrees lie.
    pub fn state_folder(&self) -> Option<PathBuf> {
        self.below_home("XDG_STATE_HOME", ".local/state")
    }

    /// Whether a person is likely to be there.
    pub fn setting(&self) -> Setting {
        match self.text("CI") {
            None | Some("0" | "false") => Setting::Person,
            Some(_) => Setting::Ci,
        }
    }

    /// All of it that is text.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let text =
            |(name, value): (&OsString, &OsString)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()));
        self.all.iter().filter_map(text).collect()
    }

    /// What the person at this machine is called.
    pub fn person(&self) -> String {
        let named = self.text("USER").or_else(|| self.text("LOGNAME"));
        named.filter(|name| name.chars().all(|c| !c.is_control())).unwrap_or("someone").to_owned()
    }

    /// Finds a program on `PATH`, as an absolute path; a name with `/` is taken from `from`. Starts nothing.
    pub fn find_program(&self, name: &str, from: &Path) -> Option<PathBuf> {
        environment::find_program(name, self.text("PATH"), from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Environment {
        let all = pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
        Environment { all, cwd: PathBuf::from("/here"), executable: PathBuf::from("/bin/ai-sdlc") }
    }

    #[test]
    fn folders_follow_xdg_and_fall_back_to_home() {
        let home = with(&[("HOME", "/home/a"), ("XDG_CONFIG_HOME", "")]);
        assert_eq!(home.config_folder(), Some(PathBuf::from("/home/a/.config/ai-sdlc")));
        assert_eq!(home.state_folder(), Some(PathBuf::from("/home/a/.local/state/ai-sdlc")));
        let xdg = with(&[("HOME", "/home/a"), ("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "relative")]);
        assert_eq!(xdg.config_folder(), Some(PathBuf::from("/c/ai-sdlc")));
        assert_eq!(xdg.state_folder(), Some(PathBuf::from("/home/a/.local/state/ai-sdlc")));
        assert_eq!(with(&[]).config_file(), None);
        assert_eq!(with(&[("AI_SDLC_CONFIG", "c.toml")]).config_file(), Some(PathBuf::from("/here/c.toml")));
    }

    #[test]
    fn ci_is_what_is_set_to_anything_but_no() {
        assert_eq!(with(&[("CI", "true")]).setting(), Setting::Ci);
        assert_eq!(with(&[("CI", "false")]).setting(), Setting::Person);
        assert_eq!(with(&[]).setting(), Setting::Person);
    }

    #[test]
    fn a_program_is_an_executable_file_on_the_path() {
        let env = with(&[("PATH", "relative:/nowhere:/bin:/usr/bin")]);
        assert!(env.find_program("sh", Path::new("/")).is_some_and(|path| path.is_absolute()));
        assert_eq!(env.find_program("no-such-program", Path::new("/")), None);
        assert_eq!(env.find_program("./sh", Path::new("/bin")), Some(PathBuf::from("/bin/./sh")));
    }
}
