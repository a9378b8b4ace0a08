//! Snapshots: the files on disk as a commit on the recorded base, whatever the agent did to HEAD or the index; and
//! putting back what a check changed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::amount::WallTime;
use crate::handoff::FileChange;
use crate::kernel::fact::Snapshot;
use crate::mission::field::glob;
use crate::name::{CommitId, RunId, TaskId};
use crate::workspace::exchange::read_small;
use crate::workspace::git::{GitError, nul_separated, path_of};
use crate::workspace::printed::{self, GITLINK, Head, RawChange};
use crate::workspace::repository::{Identity, NewCommit, Repository, message};
use crate::workspace::worktree::{Worktree, WorktreeOf};
use crate::workspace::{WorkspaceError, files};

/// The folder of a session's own files in a worktree: never committed.
pub(crate) const SESSION_DIR: &str = ".ai-sdlc/session";

/// A snapshot to be taken.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotAsk<'a> {
    /// Whose work: in a chain that shares a worktree, not always the task that it was made for.
    pub task: &'a TaskId,
    /// The branch that shall hold it, without `refs/heads/`.
    pub branch: Option<&'a str>,
    /// First line of its message.
    pub title: &'a str,
    /// Which agent made the work, for the trailer.
    pub agent: Option<&'a str>,
    /// Who commits.
    pub identity: &'a Identity,
    /// Date of the commit: the same tree at the same time is the same commit.
    pub at: WallTime,
    /// Paths that are not the work, beside those recorded by `copy_in` and `write_engine_files`.
    pub exclude: &'a [String],
}

/// What the files of a worktree are as a tree.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) tree: String,
    pub(crate) files: Vec<FileChange>,
    /// Repositories of their own, left out.
    pub(crate) nested: Vec<String>,
}

impl Repository {
    /// Records what is in a worktree as a commit on its base, and moves the task's branch to it.
    pub fn snapshot(&self, worktree: &Worktree, ask: &SnapshotAsk<'_>) -> Result<Snapshot, WorkspaceError> {
        let mut notes = self.mend(worktree)?;
        let mut record = worktree.record()?;
        let is_first = record.saved.is_none();
        let mut excluded = record.ours.clone();
        excluded.extend(ask.exclude.iter().filter(|path| !record.ours.contains(path)).cloned());
        record.begin_indexing(&worktree.state)?;
        let taken = self.take(worktree, &worktree.index(), &excluded)?;
        notes.extend(taken.nested.iter().map(|path| {
            format!("`{path}` is a repository of its own: git cannot carry its files, so they are not in the commit")
        }));
        record.ours = excluded;
        record.saved = Some(taken.tree.clone());
        record.write(&worktree.state)?;
        let commit = if taken.files.is_empty() { None } else { Some(self.commit_work(worktree, ask, &taken.tree)?) };
        if let Some(branch) = ask.branch {
            if is_first {
                self.keep_other_attempt(worktree, (branch, record.prepared.as_deref()), commit.as_ref())?;
            }
            notes.extend(self.move_branch(&worktree.run, branch, commit.as_ref())?);
        }
        Ok(Snapshot { commit, files: taken.files, notes })
    }

    /// An attempt that begins anew takes the branch from the one before: what that had recorded is kept.
    fn keep_other_attempt(
        &self,
        worktree: &Worktree,
        (branch, began_with): (&str, Option<&str>),
        commit: Option<&CommitId>,
    ) -> Result<(), WorkspaceError> {
        let WorktreeOf::Attempt { attempt, .. } = &worktree.of else { return Ok(()) };
        if attempt.get() < 2 {
            return Ok(());
        }
        let old = self.ref_tip(&format!("refs/heads/{branch}"))?;
        let Some(old) = old.filter(|old| Some(old) != commit && began_with != Some(old.as_str())) else {
            return Ok(());
        };
        self.keep_replaced(worktree, &old)
    }

    fn commit_work(&self, worktree: &Worktree, ask: &SnapshotAsk<'_>, tree: &str) -> Result<CommitId, GitError> {
        let mut trailers = vec![("Ai-Sdlc-Run", worktree.run.as_str()), ("Ai-Sdlc-Task", ask.task.as_str())];
        trailers.extend(ask.agent.map(|agent| ("Ai-Sdlc-Agent", agent)));
        self.write_commit(&NewCommit {
            tree,
            parents: &[&worktree.base],
            message: &message(ask.title, &trailers),
            identity: ask.identity,
            at: ask.at,
        })
    }

    /// Brings an index up to the files on disk and writes it as a tree.
    pub(crate) fn take(&self, worktree: &Worktree, index: &Path, excluded: &[String]) -> Result<Taken, WorkspaceError> {
        let links = worktree.record()?.submodules;
        let mut left_out: Vec<String> = excluded.to_vec();
        left_out.extend(links.iter().map(|(path, _)| path.clone()));
        left_out.push(SESSION_DIR.to_owned());
        let mut nested = Vec::new();
        if let Err(failed) = self.add_all(worktree, index, &left_out) {
            // A repository without a commit stops `git add`: leave such out, and try once more. So does a path that is
            // both left out by name and ignored: that one need not be named.
            nested = self.nested(worktree, index, &left_out)?;
            let ignored = self.ignored(worktree, index, &left_out)?;
            if nested.is_empty() && ignored.is_empty() {
                return Err(failed.into());
            }
            left_out.retain(|path| !ignored.contains(path));
            left_out.extend(nested.iter().cloned());
            self.add_all(worktree, index, &left_out)?;
        }
        self.follow_submodules(worktree, index, &links)?;
        let base = self.tree_of(worktree.base.as_str())?;
        let mut tree = self.inside(worktree, ["write-tree"])?.env("GIT_INDEX_FILE", index).text()?;
        let mut changes = self.changes(&base, &tree)?;
        let planted: Vec<String> = changes.iter().filter(|change| change.became_gitlink).map(RawChange::path).collect();
        let planted: Vec<String> = planted.into_iter().filter(|path| !links.iter().any(|(l, _)| l == path)).collect();
        if !planted.is_empty() {
            self.forget(worktree, index, &planted)?;
            tree = self.inside(worktree, ["write-tree"])?.env("GIT_INDEX_FILE", index).text()?;
            changes = self.changes(&base, &tree)?;
            nested.extend(planted);
        }
        nested.sort();
        nested.dedup();
        Ok(Taken { tree, files: changes.into_iter().map(RawChange::told).collect(), nested })
    }

    fn add_all(&self, worktree: &Worktree, index: &Path, excluded: &[String]) -> Result<(), GitError> {
        let mut paths = b":(top)".to_vec();
        for path in excluded {
            paths.extend_from_slice(b"\0:(top,exclude,literal)");
            paths.extend_from_slice(path.as_bytes());
        }
        let call = self.inside(worktree, ["add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul"])?;
        call.env("GIT_INDEX_FILE", index).stdin(paths).run()
    }

    /// Those of these paths that git ignores anyhow.
    fn ignored(&self, worktree: &Worktree, index: &Path, paths: &[String]) -> Result<Vec<String>, GitError> {
        let call = self.inside(worktree, ["check-ignore", "-z", "--stdin"])?.env("GIT_INDEX_FILE", index);
        let printed = call.stdin(paths.join("\0").into_bytes()).answer()?.unwrap_or_default();
        Ok(nul_separated(&printed).map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }

    /// Files that are not tracked and not ignored; a nested repository is one path with `/` at its end.
    pub(crate) fn untracked(
        &self,
        worktree: &Worktree,
        index: &Path,
        excluded: &[String],
    ) -> Result<Vec<PathBuf>, GitError> {
        let mut call = self.inside(worktree, ["ls-files", "-z", "--others", "--exclude-standard", "--", ":(top)"])?;
        for path in excluded.iter().map(String::as_str).chain([SESSION_DIR]) {
            call = call.arg(format!(":(top,exclude,literal){path}"));
        }
        let printed = call.env("GIT_INDEX_FILE", index).bytes()?;
        Ok(nul_separated(&printed).map(path_of).collect())
    }

    fn nested(&self, worktree: &Worktree, index: &Path, excluded: &[String]) -> Result<Vec<String>, GitError> {
        let untracked = self.untracked(worktree, index, excluded)?;
        let folders = untracked.iter().map(|path| path.to_string_lossy().into_owned());
        Ok(folders.filter_map(|path| path.strip_suffix('/').map(str::to_owned)).collect())
    }

    /// Submodules of a commit, with the commits it holds of them. They are not given to `git add`, which would run
    /// git in them, under a configuration that is the agent's to write.
    pub(crate) fn gitlinks(&self, commit: &CommitId) -> Result<Vec<(String, String)>, GitError> {
        let printed = self.shared(["ls-tree", "-r", "-z", commit.as_str()]).bytes()?;
        Ok(printed::gitlinks(&printed))
    }

    /// Takes over what became of submodules: another commit, or gone.
    fn follow_submodules(
        &self,
        worktree: &Worktree,
        index: &Path,
        links: &[(String, String)],
    ) -> Result<(), WorkspaceError> {
        let mut lines = Vec::new();
        for (path, recorded) in links {
            let place = worktree.path.join(path);
            let now = if files::is_real_dir(&place) {
                submodule_commit(&place, recorded)
            } else {
                // Git's way to say in `--index-info` that an entry goes.
                format!("0 {}", "0".repeat(recorded.len()))
            };
            lines.extend_from_slice(format!("{now}\t{path}\0").as_bytes());
        }
        if lines.is_empty() {
            return Ok(());
        }
        let call = self.inside(worktree, ["update-index", "-z", "--index-info"])?;
        Ok(call.env("GIT_INDEX_FILE", index).stdin(lines).run()?)
    }

    /// Takes entries out of an index, files untouched.
    fn forget(&self, worktree: &Worktree, index: &Path, paths: &[String]) -> Result<(), GitError> {
        let mut call = self.inside(worktree, ["update-index", "--force-remove", "--"])?;
        for path in paths {
            call = call.arg(path);
        }
        call.env("GIT_INDEX_FILE", index).run()
    }

    /// What differs between two commits, with line counts.
    pub fn changed_files(&self, from: &CommitId, to: &CommitId) -> Result<Vec<FileChange>, GitError> {
        Ok(self.changes(from.as_str(), to.as_str())?.into_iter().map(RawChange::told).collect())
    }

    fn changes(&self, from: &str, to: &str) -> Result<Vec<RawChange>, GitError> {
        if from == to {
            return Ok(Vec::new());
        }
        let options = ["diff-tree", "-r", "-z", "--no-renames", "--raw", "--numstat", "--no-ext-diff", "--no-textconv"];
        Ok(printed::changes(&self.shared(options).arg(from).arg(to).bytes()?))
    }

    /// Moves a task's branch to its work, or removes it where there is none (any more). Only a branch of this run is
    /// touched, and not one that somebody has checked out.
    fn move_branch(
        &self,
        run: &RunId,
        branch: &str,
        commit: Option<&CommitId>,
    ) -> Result<Option<String>, WorkspaceError> {
        let reference = format!("refs/heads/{branch}");
        let format = "--format=%(objectname)%00%(worktreepath)%00%(contents)";
        let printed = self.in_turn(|| self.shared(["for-each-ref", format]).arg(&reference).bytes())?;
        let text = String::from_utf8_lossy(&printed);
        let mut parts = text.splitn(3, '\0');
        let old = parts.next().and_then(|id| CommitId::parse(id.trim()).ok());
        let place = parts.next().unwrap_or_default();
        let mine = format!("Ai-Sdlc-Run: {run}");
        if old.as_ref() == commit {
            return Ok(None);
        }
        if old.is_some() && !parts.next().unwrap_or_default().lines().any(|line| line == mine) {
            return Err(WorkspaceError::BranchTaken { branch: branch.to_owned() });
        }
        if !place.is_empty() {
            let work = commit.map_or_else(|| "there is no work any more".to_owned(), |id| format!("the work is {id}"));
            return Ok(Some(format!("branch `{branch}` is checked out at `{place}` and was left as it is; {work}")));
        }
        match (commit, &old) {
            (Some(commit), _) => self.move_ref(&reference, commit, old.as_ref(), "snapshot")?,
            (None, Some(old)) => self.shared(["update-ref", "--no-deref", "-d", &reference, old.as_str()]).run()?,
            (None, None) => {}
        }
        Ok(None)
    }

    /// Tracked files that differ from the engine's index.
    fn differing(&self, worktree: &Worktree) -> Result<BTreeSet<PathBuf>, GitError> {
        let ask = || -> Result<BTreeSet<PathBuf>, GitError> {
            let call = self.inside(worktree, ["diff-files", "-z", "--name-only", "--ignore-submodules=all"])?;
            Ok(nul_separated(&call.bytes()?).map(path_of).collect())
        };
        let first = ask()?;
        if first.is_empty() {
            return Ok(first);
        }
        // Some may only have been written again as they were. Exit 1 says that others differ: that is the question.
        self.inside(worktree, ["update-index", "-q", "--refresh", "--ignore-submodules"])?.answer()?;
        ask()
    }

    /// Puts the files of a worktree back to a snapshot (or its base). What git ignores stays. Tells what it changed.
    pub fn restore(
        &self,
        worktree: &Worktree,
        to: &CommitId,
        exclude: &[String],
    ) -> Result<Vec<String>, WorkspaceError> {
        self.mend(worktree)?;
        let index = worktree.index();
        let mut record = worktree.record()?;
        let tree = self.tree_of(to.as_str())?;
        if record.saved.as_ref() != Some(&tree) {
            record.begin_indexing(&worktree.state)?;
            self.inside(worktree, ["read-tree", "-m", to.as_str()])?.run()?;
            record.saved = Some(tree);
            record.write(&worktree.state)?;
        }
        let mut excluded = record.ours;
        excluded.extend(exclude.iter().cloned());
        let differing = self.differing(worktree)?;
        let is_ours = |path: &Path| excluded.iter().any(|ours| path.starts_with(ours));
        let differing: BTreeSet<PathBuf> = differing.into_iter().filter(|path| !is_ours(path)).collect();
        let mut changed: Vec<String> = Vec::new();
        // New files first: one may lie where a tracked file belongs.
        for path in self.untracked(worktree, &index, &excluded)? {
            if !path.as_os_str().as_bytes().ends_with(b"/") {
                files::remove(&worktree.path, &path)?;
                changed.push(path.to_string_lossy().into_owned());
            }
        }
        if !differing.is_empty() {
            let mut paths = OsString::new();
            for path in &differing {
                paths.push(path);
                paths.push("\0");
            }
            let call = self.inside(worktree, ["checkout-index", "--force", "--index", "-z", "--stdin"])?;
            call.stdin(paths.as_bytes()).run()?;
            changed.extend(differing.iter().map(|path| path.to_string_lossy().into_owned()));
        }
        changed.sort();
        Ok(changed)
    }
}

/// A line for `--index-info`: the commit a submodule's HEAD holds; the recorded one where that cannot be told.
/// Read as plain files: git is not run in there.
fn submodule_commit(place: &Path, recorded: &str) -> String {
    let commit = git_dir_of(place).and_then(|gitdir| match printed::head(&read_small(&gitdir.join("HEAD"))?)? {
        Head::Commit(commit) => Some(commit),
        // An agent may have written any path there.
        Head::Ref(name) if !name.starts_with("refs/") || glob::relative(&name).is_err() => None,
        Head::Ref(name) => match read_small(&gitdir.join(&name)) {
            Some(loose) => match printed::head(&loose)? {
                Head::Commit(commit) => Some(commit),
                Head::Ref(_) => None,
            },
            None => printed::packed(&read_small(&gitdir.join("packed-refs"))?, &name),
        },
    });
    let commit = commit.filter(|id| id.as_str().len() == recorded.len());
    format!("{GITLINK} {}", commit.as_ref().map_or(recorded, CommitId::as_str))
}

pub(crate) fn git_dir_of(place: &Path) -> Option<PathBuf> {
    let dot_git = place.join(".git");
    if files::is_real_dir(&dot_git) {
        return Some(dot_git);
    }
    let text = read_small(&dot_git).filter(|text| text.starts_with("gitdir: "))?;
    Some(place.join(printed::git_file(text.trim_end().as_bytes())))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn what_an_agent_made_of_a_submodule_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let git = dir.path().join(".git");
        let (recorded, other) = ("a".repeat(40), "b".repeat(40));
        let told = || submodule_commit(dir.path(), &recorded);
        let recorded_line = format!("{GITLINK} {recorded}");
        fs::create_dir_all(git.join("refs/heads")).unwrap();
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(git.join("packed-refs"), format!("# pack-refs\n{other} refs/heads/main\n")).unwrap();
        assert_eq!(told(), format!("{GITLINK} {other}"));
        fs::write(git.join("refs/heads/main"), format!("{}\n", "c".repeat(40))).unwrap();
        assert_eq!(told(), format!("{GITLINK} {}", "c".repeat(40)));
        // Endless, or waiting for a writer that never comes.
        for name in ["/dev/zero", "refs/../../../../../../../../dev/zero", "refs/heads/pipe", "refs/heads/endless"] {
            fs::write(git.join("HEAD"), format!("ref: {name}\n")).unwrap();
            fs::remove_file(git.join("refs/heads/pipe")).ok();
            fs::remove_file(git.join("refs/heads/endless")).ok();
            symlink("/dev/zero", git.join("refs/heads/endless")).unwrap();
            mknodat(CWD, git.join("refs/heads/pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            assert_eq!(told(), recorded_line, "{name}");
        }
        fs::remove_dir_all(&git).unwrap();
        symlink("/dev/zero", &git).unwrap();
        assert_eq!(told(), recorded_line);
    }
}
