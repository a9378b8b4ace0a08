//! Git on real repositories: each test has a repository, a home and a state folder of its own.

#![expect(clippy::disallowed_methods, reason = "tests run git to play the person and the agent")]

mod foreseen;
mod hostile;
mod kinds;
mod merging;
mod salvage;
mod work;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ai_sdlc::amount::WallTime;
use ai_sdlc::kernel::event::MergeSource;
use ai_sdlc::kernel::fact::Snapshot;
use ai_sdlc::name::{Attempt, CommitId, RunId, TaskId};
use ai_sdlc::workspace::{Git, Identity, Repository, SnapshotAsk, Worktree, WorktreeAsk, WorktreeOf};
use tempfile::TempDir;

/// A moment for commits.
pub(crate) const AT: WallTime = WallTime(1_800_000_000_000);

/// A person's repository with one commit on `main`, and all that git needs around it.
#[derive(Debug)]
pub(crate) struct Field {
    dir: TempDir,
    program: PathBuf,
    pub(crate) run: RunId,
}

impl Field {
    /// `a.txt` (three lines) and `src/lib.txt` committed on `main`.
    pub(crate) fn new() -> Self {
        let field = Self::bare_of_files();
        field.git(&["init", "-q", "-b", "main"]);
        field.write("a.txt", "one\ntwo\nthree\n");
        field.write("src/lib.txt", "lib\n");
        field.write(".gitignore", "ignored/\n*.log\n");
        field.commit("first");
        field
    }

    /// A folder without a repository.
    pub(crate) fn bare_of_files() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for folder in ["home", "repo", "state"] {
            fs::create_dir_all(dir.path().join(folder)).expect("made");
        }
        let config = "[user]\n\tname = Pat Person\n\temail = pat@example.org\n[protocol \"file\"]\n\tallow = always\n";
        fs::write(dir.path().join("home/.gitconfig"), config).expect("written");
        let found = Command::new("/bin/sh").args(["-c", "command -v git"]).output().expect("a shell");
        let program = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
        Self { dir, program, run: RunId::parse("bcdfghjk").expect("an id") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().expect("there").join(name)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path("repo")
    }

    fn env(&self) -> BTreeMap<OsString, OsString> {
        let path = "/usr/local/bin:/usr/bin:/bin";
        [("HOME", self.path("home").into_os_string()), ("PATH", path.into())]
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect()
    }

    /// The engine's git.
    pub(crate) fn engine_git(&self) -> Git {
        // What a person's shell could have exported must change nothing.
        let mut env = self.env();
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS"] {
            env.insert(name.into(), "/nowhere".into());
        }
        Git::new(self.program.clone(), env).expect("git runs")
    }

    pub(crate) fn repository(&self) -> Repository {
        Repository::discover(&self.engine_git(), &self.root()).expect("a repository")
    }

    /// Runs git as a person or an agent would, anywhere.
    pub(crate) fn try_git_in(&self, dir: &Path, args: &[&str]) -> (bool, String) {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(dir).env_clear().envs(self.env()).env("GIT_CONFIG_NOSYSTEM", "1");
        let out = command.output().expect("git runs");
        let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        (out.status.success(), text)
    }

    pub(crate) fn git_in(&self, dir: &Path, args: &[&str]) -> String {
        let (ok, text) = self.try_git_in(dir, args);
        assert!(ok, "git {args:?} in {}: {text}", dir.display());
        text.trim_end().to_owned()
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.root(), args)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        put(&self.root(), path, text);
    }

    pub(crate) fn commit(&self, message: &str) -> CommitId {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        self.rev("HEAD")
    }

    pub(crate) fn rev(&self, rev: &str) -> CommitId {
        CommitId::parse(&self.git(&["rev-parse", rev])).expect("a commit")
    }

    /// What a commit holds at a path.
    pub(crate) fn show(&self, commit: &CommitId, path: &str) -> String {
        self.git(&["show", &format!("{commit}:{path}")])
    }

    pub(crate) fn files_of(&self, rev: &str) -> Vec<String> {
        self.git(&["ls-tree", "-r", "--name-only", rev]).lines().map(str::to_owned).collect()
    }

    /// All that a run must leave as it is: files, index, HEAD, branches but those of the run.
    pub(crate) fn fingerprint(&self) -> Vec<String> {
        let mut all = vec![
            self.git(&["status", "--porcelain=v2", "--branch", "--ignored"]),
            self.git(&["ls-files", "--stage", "--debug"]),
            self.git(&["symbolic-ref", "HEAD"]),
            self.git(&["stash", "list"]),
        ];
        let refs = self.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
        all.extend(refs.lines().filter(|line| !line.contains("ai-sdlc/")).map(str::to_owned));
        for entry in walkdir::WalkDir::new(self.root()).sort_by_file_name().into_iter().flatten() {
            let path = entry.path().strip_prefix(self.root()).expect("inside");
            if entry.file_type().is_file() && !path.starts_with(".git") {
                let text = fs::read(entry.path()).expect("read");
                all.push(format!("{} {:?}", path.display(), String::from_utf8_lossy(&text)));
            }
        }
        all
    }

    pub(crate) fn worktree(&self, task: &str) -> Worktree {
        self.worktree_at(task, &self.rev("HEAD"))
    }

    pub(crate) fn worktree_at(&self, task: &str, start: &CommitId) -> Worktree {
        let repository = self.repository();
        let of = WorktreeOf::attempt(&task_id(task), Attempt::FIRST);
        let path = repository.worktree_path(&self.path("state"), &self.run, &of);
        repository.add_worktree(&WorktreeAsk { path, start, run: &self.run, of }).expect("a worktree")
    }

    pub(crate) fn snapshot(&self, worktree: &Worktree) -> Snapshot {
        self.try_snapshot(worktree).expect("a snapshot")
    }

    pub(crate) fn try_snapshot(&self, worktree: &Worktree) -> Result<Snapshot, ai_sdlc::workspace::WorkspaceError> {
        let identity = person();
        let task = worktree.path.file_name().expect("named").to_string_lossy().replace("-1", "");
        let branch = format!("ai-sdlc/{}/{task}", self.run);
        let id = task_id(&task);
        let ask = SnapshotAsk {
            task: &id,
            branch: Some(&branch),
            title: "Work",
            agent: Some("command"),
            identity: &identity,
            at: AT,
            exclude: &[],
        };
        self.repository().snapshot(worktree, &ask)
    }

    pub(crate) fn task_branch(&self, task: &str) -> String {
        format!("ai-sdlc/{}/{task}", self.run)
    }

    /// Makes a worktree, changes a file in it, records it: ready to merge.
    pub(crate) fn work(&self, task: &str, path: &str, text: &str) -> MergeSource {
        let worktree = self.worktree(task);
        put(&worktree.path, path, text);
        let commit = self.snapshot(&worktree).commit.expect("something changed");
        source(task, &worktree.base, &commit)
    }
}

pub(crate) fn source(task: &str, base: &CommitId, commit: &CommitId) -> MergeSource {
    MergeSource {
        task: task_id(task),
        attempt: Attempt::FIRST,
        base: base.clone(),
        commit: commit.clone(),
        title: format!("Do {task}"),
        at: AT,
    }
}

pub(crate) fn task_id(text: &str) -> TaskId {
    TaskId::parse(text).expect("an id")
}

pub(crate) fn person() -> Identity {
    Identity { name: "Pat Person".to_owned(), email: "pat@example.org".to_owned() }
}

pub(crate) fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, text).expect("written");
}

/// A program that leaves a mark when something runs it.
pub(crate) fn trap(path: &Path, mark: &Path) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, format!("#!/bin/sh\necho ran >> '{}'\ncat\n", mark.display())).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}
