//! A person's machine in a temporary folder: a home, a repository, a PATH with git and a shell and no agent program.

use std::fmt;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Programs that tests and missions of tests use.
const PROGRAMS: [&str; 42] = [
    "git", "sh", "bash", "cat", "echo", "sleep", "true", "false", "test", "env", "setsid", "mkdir", "rm", "cp", "mv",
    "ls", "grep", "sed", "seq", "head", "tail", "touch", "kill", "dd", "yes", "tr", "wc", "sort", "date", "printf",
    "chmod", "ln", "tar", "nohup", "find", "cut", "basename", "dirname", "make", "perl", "rmdir", "tee",
];

/// What the person's own configuration says: see `World::confined`.
const HOME_IS_OPEN: &str = "[workspace]\nwritable = [\"~\"]\n";

/// The longest that any wait may take: generous, since machines are busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A person's machine in a temporary folder.
pub(crate) struct World {
    root: TempDir,
}

/// What a command left.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit: {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code, with everything printed where it differs.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

impl Drop for World {
    /// A test that fails half-way leaves nothing running, and its folder to be looked at.
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("kept: {}", self.root.path().display());
            self.root.disable_cleanup(true);
        }
        for (pid, _) in self.processes() {
            if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                let _gone_already = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

impl World {
    /// A machine with an empty folder as project.
    pub(crate) fn bare() -> Self {
        Self::furnished(tempfile::Builder::new().prefix("aisdlc-").tempdir().unwrap())
    }

    fn furnished(root: TempDir) -> Self {
        for folder in ["home", "bin", "project", "tmp"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        // Tasks of most tests tell what they did by files in the home folder.
        let config = root.path().join("home/.config/ai-sdlc");
        fs::create_dir_all(&config).unwrap();
        fs::write(config.join("config.toml"), HOME_IS_OPEN).unwrap();
        for program in PROGRAMS {
            if let Some(found) = find(program) {
                symlink(found, root.path().join("bin").join(program)).unwrap();
            }
        }
        Self { root }
    }

    /// A machine with a repository of one commit on `main`.
    pub(crate) fn new() -> Self {
        Self::bare().with_repository()
    }

    /// The same in this folder, which may be on a disk of its own.
    pub(crate) fn on(disk: &Path) -> Self {
        Self::furnished(tempfile::Builder::new().prefix("aisdlc-").tempdir_in(disk).unwrap()).with_repository()
    }

    fn with_repository(self) -> Self {
        let world = self;
        world.git(["init", "-q", "-b", "main"]);
        world.git(["config", "user.name", "Ada"]);
        world.git(["config", "user.email", "ada@example.org"]);
        world.write("README.md", "hello\n");
        world.commit("first");
        world
    }

    /// The same machine, its home folder closed to tasks as a person's is.
    pub(crate) fn confined(self) -> Self {
        fs::remove_dir_all(self.home().join(".config")).unwrap();
        self
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// The folder that all of it is in.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.project().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Commits all that is in the project.
    pub(crate) fn commit(&self, message: &str) {
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "-m", message]);
    }

    /// Writes and commits a mission; returns its path.
    pub(crate) fn mission(&self, text: &str) -> &'static str {
        self.write("mission.toml", text);
        self.commit("mission");
        "mission.toml"
    }

    /// A command with this machine's environment and nothing else.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("PATH", self.root.path().join("bin"))
            .env("HOME", self.home())
            .env("TMPDIR", self.root.path().join("tmp"))
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(self.project())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn git<const N: usize>(&self, args: [&str; N]) -> String {
        let output = self.command(self.root.path().join("bin/git")).args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The program itself, ready to be given arguments.
    pub(crate) fn program(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_ai-sdlc"))
    }

    #[must_use]
    pub(crate) fn run<const N: usize>(&self, args: [&str; N]) -> Ran {
        Ran::of(&self.program().args(args).output().unwrap())
    }

    /// Starts the program and does not wait.
    pub(crate) fn start<const N: usize>(&self, args: [&str; N]) -> Child {
        self.program().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The events of the latest run.
    pub(crate) fn events(&self) -> Vec<Value> {
        let ran = self.run(["run", "events"]).exits(0);
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The report of the latest run.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.run(["run", "report", "--format", "json"]).exits(0).stdout).unwrap()
    }

    /// What the report of the latest run says of a task.
    pub(crate) fn task(&self, task: &str) -> Value {
        let report = self.report();
        let found = report["tasks"].as_array().unwrap().iter().find(|one| one["task"] == task || one["id"] == task);
        found.unwrap_or_else(|| panic!("no {task} in {report:#}")).clone()
    }

    /// How a task of the latest run ended.
    pub(crate) fn end_of(&self, task: &str) -> String {
        self.task(task)["state"].as_str().unwrap().to_owned()
    }

    /// Waits until none of this machine's processes is left: a busy machine takes a moment to end one that was killed.
    pub(crate) fn is_quiet(&self) {
        wait_for("no process left", || self.processes().is_empty());
    }

    /// Processes that carry this machine's HOME in their environment.
    pub(crate) fn processes(&self) -> Vec<(i32, String)> {
        let stamp = format!("HOME={}", self.home().display());
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environ.split(|byte| *byte == 0).any(|variable| variable == stamp.as_bytes()) {
                let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                let command = String::from_utf8_lossy(&command).replace('\0', " ");
                if !command.is_empty() {
                    found.push((pid, command));
                }
            }
        }
        found
    }
}

/// Waits for a child and takes what it printed.
#[must_use]
pub(crate) fn finish(child: Child) -> Ran {
    Ran::of(&child.wait_with_output().unwrap())
}

/// Waits until something holds, or fails with what was waited for.
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    wait_within(LIMIT, what, &mut holds);
}

/// Waits until something holds within a limit that a promise names.
pub(crate) fn wait_within(limit: Duration, what: &str, holds: &mut dyn FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < limit, "waited {limit:?} for: {what}");
        pause();
    }
}

/// Between two looks at what is waited for, never instead of looking.
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Sends a signal. One that has ended by itself this moment is none the worse for it.
pub(crate) fn send(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    match rustix::process::kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("{pid:?} takes no signal: {error}"),
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}
