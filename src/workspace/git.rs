//! Runs the `git` program: the only file that does.
//!
//! Every call is closed off from what the environment and an agent could have arranged: no `GIT_*` variable is
//! inherited, no hook, file-system monitor, signing, pager, editor or prompt is started, and the caller names git
//! folder, work tree and index instead of letting git discover them. This file knows nothing of repositories.

#![expect(clippy::disallowed_methods, reason = "the one file that runs the git program")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::name::{RUN_STAMP, RunId};

/// Settings that hold for every call, over whatever configuration files say.
const SETTINGS: [&str; 20] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.safecrlf=false",
    "core.pager=cat",
    "core.editor=false",
    "core.askPass=",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "merge.verifySignatures=false",
    "merge.autoStash=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "diff.ignoreSubmodules=dirty",
    "i18n.commitEncoding=UTF-8",
    "checkout.workers=0",
    "advice.addEmbeddedRepo=false",
];

/// Variables that git gets where they are set: what it, ssh, credential helpers and filters such as LFS look at.
/// `*` stands for any ending. The book repeats this list.
const PASSED: [&str; 29] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_*",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "GNUPGHOME",
    "DBUS_SESSION_BUS_ADDRESS",
    "GCM_*",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "NIX_SSL_CERT_FILE",
    "LD_LIBRARY_PATH",
];

/// How many lines of what git said are shown.
const SHOWN_LINES: usize = 6;

/// The version of a git program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GitVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
}

impl GitVersion {
    /// The oldest one that is supported.
    pub const OLDEST: Self = Self { major: 2, minor: 34 };
    /// The first whose `merge-tree` takes a merge base: needed only where libgit2 cannot open the repository.
    pub(crate) const MERGE_TREE: Self = Self { major: 2, minor: 40 };

    /// Reads what `git --version` prints.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().strip_prefix("git version ")?.split('.');
        Some(Self { major: numbers.next()?.parse().ok()?, minor: numbers.next()?.parse().ok()? })
    }
}

impl fmt::Display for GitVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A call of git that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program could not be started.
    #[error("cannot run `{}`", program.display())]
    NotStarted {
        /// Which one.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It failed.
    #[error("`git {command}` failed ({status}){}", said(stderr))]
    Failed {
        /// What was asked of it, without the settings that every call has.
        command: String,
        /// How it ended.
        status: String,
        /// The last lines of what it said.
        stderr: String,
    },
    /// A filter has other settings than when the repository was opened.
    #[error(
        "the settings of the filter `{filter}` were changed since the run began; \
         see `git config --show-origin --get-regexp filter`, put them right, then resume"
    )]
    FilterChanged {
        /// Which one.
        filter: String,
    },
    /// What it printed is not what it should print.
    #[error("`git {command}` printed something unexpected: {printed}")]
    Unexpected {
        /// What was asked of it.
        command: String,
        /// What it printed, or the beginning of it.
        printed: String,
    },
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
}

/// A git program, and the environment it is run in.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    env: BTreeMap<OsString, OsString>,
    version: GitVersion,
}

impl Git {
    /// Takes an absolute path and the environment git shall have (`HOME`, `PATH`, …); asks the program for its version.
    ///
    /// Of `env` it gets what git, its filters and the helpers that they ask need; never a `GIT_*` variable.
    pub fn new(program: PathBuf, env: BTreeMap<OsString, OsString>) -> Result<Self, GitError> {
        let env = env.into_iter().filter(|(name, _)| passes(name.as_bytes())).collect();
        let mut git = Self { program, env, version: GitVersion { major: 0, minor: 0 } };
        let printed = git.call(["--version"]).text()?;
        git.version = GitVersion::parse(&printed)
            .ok_or_else(|| GitError::Unexpected { command: "--version".to_owned(), printed: printed.clone() })?;
        Ok(git)
    }

    /// The same program, what it starts marked as a run's.
    pub(crate) fn stamped(mut self, run: &RunId) -> Self {
        self.env.insert(RUN_STAMP.into(), run.as_str().into());
        self
    }

    /// The program's path.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The program's version.
    pub fn version(&self) -> GitVersion {
        self.version
    }

    /// Whether git would find a program that its settings name: on its `PATH`, or among its own.
    pub(crate) fn has_program(&self, name: &str) -> bool {
        if Path::new(name).is_absolute() {
            return Path::new(name).is_file();
        }
        let own = self.call(["--exec-path"]).text().map(PathBuf::from).ok();
        let path = self.env.get(OsStr::new("PATH")).cloned().unwrap_or_default();
        std::env::split_paths(&path).chain(own).any(|folder| folder.join(name).is_file())
    }

    /// Begins a call.
    pub(crate) fn call<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> Call<'_> {
        Call {
            git: self,
            scope: Vec::new(),
            args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
            env: Vec::new(),
            stdin: None,
            cwd: PathBuf::from("/"),
        }
    }
}

/// One call of git, being put together.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    git: &'a Git,
    scope: Vec<OsString>,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
    cwd: PathBuf,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    /// All it printed.
    pub(crate) stdout: Vec<u8>,
    /// What it said.
    pub(crate) stderr: String,
    command: String,
}

impl Finished {
    /// As an error.
    pub(crate) fn failed(self) -> GitError {
        let status = self.code.map_or_else(|| "killed by a signal".to_owned(), |code| format!("exit {code}"));
        GitError::Failed { command: self.command, status, stderr: last_lines(&self.stderr) }
    }
}

impl Call<'_> {
    /// Names the git folder.
    pub(crate) fn git_dir(mut self, dir: &Path) -> Self {
        self.scope.push(flag("--git-dir=", dir));
        self.cwd = PathBuf::from(dir);
        self
    }

    /// Names the work tree, which is also where git is started.
    pub(crate) fn work_tree(mut self, dir: &Path) -> Self {
        self.scope.push(flag("--work-tree=", dir));
        self.cwd = PathBuf::from(dir);
        self
    }

    /// Lets git discover the repository from here: only for places that a person named.
    pub(crate) fn discover_from(mut self, dir: &Path) -> Self {
        self.cwd = PathBuf::from(dir);
        self
    }

    /// One more argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// One more variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// What it reads.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Runs it to its end, whatever that is.
    pub(crate) fn finish(self) -> Result<Finished, GitError> {
        let command = self.args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let program = &self.git.program;
        let not_started = |source| GitError::NotStarted { program: program.clone(), source };
        let mut child = Command::new(program);
        for setting in SETTINGS {
            child.arg("-c").arg(setting);
        }
        child.args(&self.scope).args(&self.args).current_dir(&self.cwd);
        child.env_clear().envs(&self.git.env).env("LC_ALL", "C");
        child.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "").env("SSH_ASKPASS", "");
        child.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_ADVICE", "0").envs(self.env);
        // A group of its own: Ctrl-C in the terminal is for the engine, which lets git finish what it began.
        child.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        child.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = child.spawn().map_err(not_started)?;
        let pipe = child.stdin.take();
        let output = std::thread::scope(|scope| {
            if let (Some(mut pipe), Some(bytes)) = (pipe, self.stdin.as_deref()) {
                // A reader that ends early tells why by its exit code, so the broken pipe says nothing new.
                scope.spawn(move || pipe.write_all(bytes).ok());
            }
            child.wait_with_output()
        })
        .map_err(not_started)?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Finished { code: output.status.code(), stdout: output.stdout, stderr, command })
    }

    /// Runs it; anything but exit 0 is an error. Gives what it printed.
    pub(crate) fn bytes(self) -> Result<Vec<u8>, GitError> {
        let finished = self.finish()?;
        if finished.code == Some(0) { Ok(finished.stdout) } else { Err(finished.failed()) }
    }

    /// Runs it; anything but exit 0 is an error. Gives what it printed as text, without the last line's end.
    pub(crate) fn text(self) -> Result<String, GitError> {
        let bytes = self.bytes()?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }

    /// Runs it; anything but exit 0 is an error.
    pub(crate) fn run(self) -> Result<(), GitError> {
        self.bytes().map(|_| ())
    }

    /// Runs it; `None` for exit 1, which means "no" for questions.
    pub(crate) fn answer(self) -> Result<Option<Vec<u8>>, GitError> {
        let finished = self.finish()?;
        match finished.code {
            Some(0) => Ok(Some(finished.stdout)),
            Some(1) => Ok(None),
            _ => Err(finished.failed()),
        }
    }
}

/// Whether a variable is one that git may have.
fn passes(name: &[u8]) -> bool {
    PASSED.iter().any(|passed| match passed.strip_suffix('*') {
        Some(stem) => name.starts_with(stem.as_bytes()),
        None => name == passed.as_bytes(),
    })
}

fn flag(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(path);
    flag
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("; ")
}

/// The parts of output that is separated by NUL.
pub(crate) fn nul_separated(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty())
}

/// A path as git printed it.
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_git_needs_passes() {
        for name in ["PATH", "LC_ALL", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME"] {
            assert!(passes(name.as_bytes()), "{name}");
        }
        for name in ["GIT_DIR", "AWS_SECRET_ACCESS_KEY", "PATHS", "TOKEN", "LD_PRELOAD"] {
            assert!(!passes(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn versions_are_read_and_ordered() {
        let version = |text| GitVersion::parse(text);
        assert_eq!(version("git version 2.47.3\n"), Some(GitVersion { major: 2, minor: 47 }));
        assert_eq!(version("git version 2.39.5 (Apple Git-154)"), Some(GitVersion { major: 2, minor: 39 }));
        assert_eq!(version("git version 2.45.GIT"), Some(GitVersion { major: 2, minor: 45 }));
        assert_eq!(version("hub version 2"), None);
        assert!(version("git version 2.33.1") < Some(GitVersion::OLDEST));
    }

    #[test]
    fn only_the_last_lines_of_a_long_complaint_are_shown() {
        assert_eq!(last_lines("1\n2\n\n3\n4\n5\n6\n7\n"), "2; 3; 4; 5; 6; 7");
    }
}
