//! A repository as a person stands in it: where its folders are, what its refs hold, who commits.
//!
//! Refs are read and moved here, always by compare-and-swap; no file of any checkout is touched.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::amount::WallTime;
use crate::journal::fail_point::{self, Point};
use crate::name::{CommitId, RunId};
use crate::workspace::git::{Call, Finished, Git, GitError, GitVersion, path_of};
use crate::workspace::pinned::PinnedFilters;
use crate::workspace::{WorkspaceError, WorktreeOf, printed};

/// A repository that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// There is none.
    #[error("`{}` is not in a git repository", dir.display())]
    NotARepository {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// Git is too old.
    #[error("git {found} is too old: {} or newer is needed", GitVersion::OLDEST)]
    OldGit {
        /// What is there.
        found: GitVersion,
    },
    /// Git does not trust whose it is.
    #[error("git does not use this repository, as it belongs to somebody else")]
    NotOwned {
        /// The command that makes an exception, as git tells it.
        remedy: String,
    },
    /// Git does not know its kind.
    #[error("git {version} cannot open this kind of repository: {why}")]
    Unsupported {
        /// What is there.
        version: GitVersion,
        /// What git says.
        why: String,
    },
    /// Git refused.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A revision that does not exist.
    #[error("`{rev}` is not a commit of this repository")]
    NoSuchCommit {
        /// As given.
        rev: String,
    },
}

impl RepoError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::NotARepository { .. } => {
                "run `git init` and commit something, name another directory with `-C`, or use `workspace.mode = \"directory\"`"
                    .to_owned()
            }
            Self::OldGit { .. } => format!("install git {} or newer", GitVersion::OLDEST),
            Self::NotOwned { remedy } => format!("if you trust it: `{remedy}`"),
            Self::Unsupported { .. } => {
                "install a newer git that knows it; `git config --file .git/config --get-regexp '^extensions'` shows what it needs"
                    .to_owned()
            }
            Self::Git(_) => "run the command by hand to see more".to_owned(),
            Self::NoSuchCommit { .. } => "name a branch, a tag or a commit that is there (`git branch --all`)".to_owned(),
        }
    }
}

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
}

impl Identity {
    /// Taken where git knows nobody.
    pub fn neutral() -> Self {
        Self { name: "ai-sdlc".to_owned(), email: "ai-sdlc@localhost".to_owned() }
    }
}

/// A repository, seen from one of its checkouts.
#[derive(Debug, Clone)]
pub struct Repository {
    git: Git,
    /// Shared by all worktrees.
    common: PathBuf,
    /// Of the checkout the person stands in; the same as `common` in the main one.
    gitdir: PathBuf,
    /// The checkout the person stands in; `None` in a bare repository.
    checkout: Option<PathBuf>,
    filters: PinnedFilters,
}

/// How much the files of a commit are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeSize {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Repository {
    /// Finds the repository that a directory is in.
    pub fn discover(git: &Git, dir: &Path) -> Result<Self, RepoError> {
        if git.version() < GitVersion::OLDEST {
            return Err(RepoError::OldGit { found: git.version() });
        }
        let questions = ["rev-parse", "--path-format=absolute", "--git-common-dir", "--absolute-git-dir"];
        let found = git.call(questions).arg("--is-inside-work-tree").discover_from(dir).finish()?;
        if found.code != Some(0) {
            return Err(refused(found, git.version(), dir));
        }
        let mut lines = found.stdout.split(|byte| *byte == b'\n').map(path_of);
        let (Some(common), Some(gitdir), Some(inside)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(RepoError::NotARepository { dir: dir.to_owned() });
        };
        let checkout = if inside == Path::new("true") {
            let top =
                git.call(["rev-parse", "--path-format=absolute", "--show-toplevel"]).discover_from(dir).bytes()?;
            Some(path_of(top.strip_suffix(b"\n").unwrap_or(&top)))
        } else {
            None
        };
        let filters = PinnedFilters::read(git, &common)?;
        Ok(Self { git: git.clone(), common, gitdir, checkout, filters })
    }

    /// The same repository for a run: its git carries the run's stamp, by which the guard and a later engine find it,
    /// and runs the filters that there were when the run began, which is noted in its folder.
    pub fn for_run_in(self, run: &RunId, dir: &Path) -> Result<Self, WorkspaceError> {
        let filters = self.filters.held_to_note_in(dir)?;
        Ok(Self { git: self.git.stamped(run), filters, ..self })
    }

    /// The same repository for those who look into what a run left: with the filters that there were when it began,
    /// where its folder still tells.
    pub(crate) fn as_in_run(&self, run: &RunId) -> Result<Self, WorkspaceError> {
        let dir = self.common.join("ai-sdlc").join("runs").join(run.as_str());
        let mut same = self.clone();
        if PinnedFilters::are_noted_in(&dir) {
            same.filters = same.filters.held_to_note_in(&dir)?;
        }
        Ok(same)
    }

    /// The git program in use.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The git folder that all worktrees share.
    pub fn common_dir(&self) -> &Path {
        &self.common
    }

    /// The git folder of the checkout the person stands in.
    pub fn git_dir(&self) -> &Path {
        &self.gitdir
    }

    /// The checkout the person stands in; `None` in a bare repository.
    pub fn checkout(&self) -> Option<&Path> {
        self.checkout.as_deref()
    }

    /// Where a worktree lies: `<root>/<repository>-<hash>/<run>/<task>-<attempt>`. The hash keeps repositories of the
    /// same name apart.
    pub fn worktree_path(&self, root: &Path, run: &RunId, of: &WorktreeOf) -> PathBuf {
        self.worktrees_below(root).join(run.as_str()).join(of.label())
    }

    /// The folder of this repository's worktrees.
    pub(crate) fn worktrees_below(&self, root: &Path) -> PathBuf {
        root.join(self.folder_name())
    }

    fn folder_name(&self) -> String {
        let named = if self.common.file_name().is_some_and(|name| name == ".git") {
            self.common.parent().unwrap_or(&self.common)
        } else {
            &self.common
        };
        let name: String = named
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            .take(40)
            .collect();
        let digest = Sha256::digest(self.common.as_os_str().as_encoded_bytes());
        let hash = digest.iter().take(4).fold(0_u32, |hash, byte| (hash << 8) | u32::from(*byte));
        format!("{}-{hash:08x}", name.trim_start_matches('.'))
    }

    /// Begins a call on the shared git folder: objects and refs.
    pub(crate) fn shared<const N: usize>(&self, args: [&str; N]) -> Call<'_> {
        self.git.call(args).git_dir(&self.common)
    }

    /// Begins a call on the git folder of the person's checkout: where HEAD means theirs.
    pub(crate) fn here<const N: usize>(&self, args: [&str; N]) -> Call<'_> {
        // The person may remove a linked worktree while a run goes on.
        let there = if self.gitdir.is_dir() { &self.gitdir } else { &self.common };
        self.git.call(args).git_dir(there)
    }

    /// Lets a call that reads or writes files of a checkout run only the filters that were there from the beginning.
    pub(crate) fn with_known_filters<'a>(&self, gitdir: &Path, call: Call<'a>) -> Result<Call<'a>, GitError> {
        self.filters.hold(&self.git, gitdir, call)
    }

    /// The commit that a revision names.
    pub fn resolve(&self, rev: &str) -> Result<CommitId, RepoError> {
        let wanted = format!("{rev}^{{commit}}");
        let no_such = || RepoError::NoSuchCommit { rev: rev.to_owned() };
        let found = self.here(["rev-parse", "--verify", "--quiet", "--end-of-options"]).arg(wanted).finish()?;
        if found.code != Some(0) {
            return Err(no_such());
        }
        let text = String::from_utf8_lossy(&found.stdout);
        CommitId::parse(text.trim()).map_err(|_| no_such())
    }

    /// The commit that a full ref name holds; `None` where there is no such ref.
    pub fn ref_tip(&self, reference: &str) -> Result<Option<CommitId>, GitError> {
        let finished = self.shared(["show-ref", "--verify", "--hash", "--", reference]).finish()?;
        match finished.code {
            Some(0) => Ok(CommitId::parse(String::from_utf8_lossy(&finished.stdout).trim()).ok()),
            _ if finished.stderr.contains("not a valid ref") => Ok(None),
            _ => Err(finished.failed()),
        }
    }

    /// The branch the person has checked out; `None` with a detached HEAD.
    pub fn current_branch(&self) -> Result<Option<String>, GitError> {
        let answer = self.here(["symbolic-ref", "--quiet", "--short", "HEAD"]).answer()?;
        Ok(answer.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
    }

    /// The revision a run begins at where its mission names none: `into` where that is set, else HEAD.
    pub fn default_base(&self, into: Option<&str>) -> String {
        into.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"))
    }

    /// How many commits `of` has that `base` has not.
    pub fn commits_ahead(&self, base: &CommitId, of: &CommitId) -> Result<usize, GitError> {
        let range = format!("{base}..{of}");
        let printed = self.shared(["rev-list", "--count"]).arg(&range).text()?;
        printed
            .trim()
            .parse()
            .map_err(|_| GitError::Unexpected { command: format!("rev-list --count {range}"), printed })
    }

    /// How much a worktree of a commit takes at least; no object is fetched to find out.
    pub fn tree_size(&self, commit: &CommitId) -> Result<TreeSize, GitError> {
        let listed = self.shared(["ls-tree", "-r", "-l", "-z", "--full-tree", commit.as_str()]).text()?;
        Ok(printed::tree_size(&listed))
    }

    /// Whether everything in `older` is also in `newer`.
    pub fn contains(&self, newer: &CommitId, older: &CommitId) -> Result<bool, GitError> {
        let asked = self.shared(["merge-base", "--is-ancestor", older.as_str(), newer.as_str()]);
        Ok(asked.answer()?.is_some())
    }

    /// What differs between two commits, as a patch for people.
    pub fn diff(&self, from: &CommitId, to: &CommitId) -> Result<String, GitError> {
        let options = ["diff-tree", "-r", "-p", "--stat", "--no-ext-diff", "--no-textconv", "--no-color", "-M"];
        self.shared(options).arg(from.as_str()).arg(to.as_str()).text()
    }

    /// The identity that git is configured with here; a neutral one where there is none.
    pub fn identity(&self) -> Result<Identity, GitError> {
        let get = |key| -> Result<Option<String>, GitError> {
            let value = self.here(["config", "--get", key]).answer()?;
            Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()).filter(|text| !text.is_empty()))
        };
        let neutral = Identity::neutral();
        Ok(match (get("user.name")?, get("user.email")?) {
            (Some(name), Some(email)) => Identity { name, email },
            (Some(name), None) => Identity { name, email: neutral.email },
            (None, _) => neutral,
        })
    }

    /// The run's integration branch, as a full ref name.
    pub fn integration_ref(run: &RunId) -> String {
        format!("refs/heads/ai-sdlc/{run}/integration")
    }

    /// Makes the integration branch at `base`. One that is there already (a resume) is left as it is.
    pub fn create_integration(&self, run: &RunId, base: &CommitId) -> Result<CommitId, WorkspaceError> {
        let reference = Self::integration_ref(run);
        if let Some(tip) = self.ref_tip(&reference)? {
            return Ok(tip);
        }
        self.move_ref(&reference, base, None, "run started")?;
        Ok(base.clone())
    }

    /// Removes the integration branch of a run that could not begin: only while it holds nothing but its base.
    pub fn remove_integration(&self, run: &RunId, base: &CommitId) -> Result<(), GitError> {
        let reference = Self::integration_ref(run);
        self.shared(["update-ref", "--no-deref", "-d", &reference, base.as_str()]).run()
    }

    /// What the integration branch holds.
    pub fn integration_tip(&self, run: &RunId) -> Result<Option<CommitId>, GitError> {
        self.ref_tip(&Self::integration_ref(run))
    }

    /// Moves a ref if it still holds `from` (`None`: if it is not there). [`WorkspaceError::Raced`] if it does not.
    pub(crate) fn move_ref(
        &self,
        reference: &str,
        to: &CommitId,
        from: Option<&CommitId>,
        why: &str,
    ) -> Result<(), WorkspaceError> {
        // All zeros: it must not exist.
        let expected = from.map_or_else(|| "0".repeat(to.as_str().len()), |commit| commit.as_str().to_owned());
        let message = format!("ai-sdlc: {why}");
        let call = self.shared(["update-ref", "--no-deref", "-m", &message, reference, to.as_str(), &expected]);
        fail_point::reach(Point::RefMove);
        let Err(failed) = call.run() else {
            fail_point::reach(Point::RefMoved);
            return Ok(());
        };
        if self.ref_tip(reference)?.as_ref() == from {
            Err(failed.into())
        } else {
            Err(WorkspaceError::Raced { reference: reference.to_owned() })
        }
    }

    /// Writes a commit; the same arguments give the same commit.
    pub(crate) fn write_commit(&self, new: &NewCommit<'_>) -> Result<CommitId, GitError> {
        let NewCommit { tree, parents, message, identity, at } = new;
        let date = format!("@{} +0000", at.0.div_euclid(1_000).max(0));
        let mut call = self.shared(["commit-tree"]).arg(tree);
        for parent in *parents {
            call = call.arg("-p").arg(parent.as_str());
        }
        for (who, what) in [("AUTHOR", "NAME"), ("COMMITTER", "NAME")] {
            call = call.env(&format!("GIT_{who}_{what}"), &identity.name);
            call = call.env(&format!("GIT_{who}_EMAIL"), &identity.email).env(&format!("GIT_{who}_DATE"), &date);
        }
        let printed = call.stdin(message.as_bytes()).text()?;
        CommitId::parse(&printed).map_err(|_| GitError::Unexpected { command: "commit-tree".to_owned(), printed })
    }
}

/// Why git did not find a repository, by what it says in the C locale.
fn refused(found: Finished, version: GitVersion, dir: &Path) -> RepoError {
    let said = &found.stderr;
    if let Some(remedy) =
        said.lines().map(str::trim).find(|line| line.starts_with("git config") && line.contains("safe.directory"))
    {
        return RepoError::NotOwned { remedy: remedy.to_owned() };
    }
    let kinds = ["repository extension", "git repo version", "'extensions."];
    if kinds.iter().any(|kind| said.contains(kind)) {
        let why = said.split_whitespace().collect::<Vec<_>>().join(" ");
        return RepoError::Unsupported { version, why: why.trim_start_matches("fatal: ").to_owned() };
    }
    if said.contains("not a git repository") {
        return RepoError::NotARepository { dir: dir.to_owned() };
    }
    RepoError::Git(found.failed())
}

/// A commit to be written.
#[derive(Debug)]
pub(crate) struct NewCommit<'a> {
    /// Its tree.
    pub(crate) tree: &'a str,
    /// Its parents.
    pub(crate) parents: &'a [&'a CommitId],
    /// Its message, whole.
    pub(crate) message: &'a str,
    /// Author and committer.
    pub(crate) identity: &'a Identity,
    /// Both dates.
    pub(crate) at: WallTime,
}

/// A commit message: one line of title, and trailers.
pub(crate) fn message(title: &str, trailers: &[(&str, &str)]) -> String {
    let line = |text: &str| text.split(['\n', '\r', '\0']).next().unwrap_or_default().trim().to_owned();
    let title = line(title);
    let mut text = if title.is_empty() { "Work".to_owned() } else { title };
    text.push('\n');
    for (at, (key, value)) in trailers.iter().enumerate() {
        if at == 0 {
            text.push('\n');
        }
        text.extend([*key, ": ", &line(value), "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn a_message_is_one_line_and_its_trailers() {
        insta::assert_snapshot!(message("Add it\nsecond", &[("Ai-Sdlc-Run", "r"), ("Ai-Sdlc-Task", "t\nx")]), @r"
        Add it

        Ai-Sdlc-Run: r
        Ai-Sdlc-Task: t
        ");
        assert_eq!(message(" \n", &[]), "Work\n");
    }
}
