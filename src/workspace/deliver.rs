//! Moves `into`: the one branch of the person's that a run may move, fast-forward only, and only where nothing of
//! theirs stands in the way. Else it is left, and the command that does it is told.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::statvfs;

use crate::journal::fail_point::{self, Point};
use crate::kernel::fact::Delivered;
use crate::name::{CommitId, RunId};
use crate::workspace::WorkspaceError;
use crate::workspace::exchange::read_small;
use crate::workspace::git::GitError;
use crate::workspace::printed::{CheckedOut, Checkout, checkouts, tree_size};
use crate::workspace::repository::Repository;

/// With more room than this, in bytes, nobody counts what a delivery would write.
const PLENTY: u64 = 4 << 30;
/// What a file takes beyond its bytes, at most.
const BLOCK: u64 = 4_096;
/// For the index, the reflog and the like.
const SLACK: u64 = 4 << 20;

/// How often it is looked whether another git command in a checkout is done, and the time in between: five seconds.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// Other git commands in a checkout.
#[derive(Debug, Clone, Copy)]
struct Others {
    /// One holds the lock of its index.
    locked: bool,
    /// They are still waited for.
    patient: bool,
}

/// A checkout that has a branch checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where.
    pub(crate) path: PathBuf,
    /// Its private git folder.
    pub(crate) gitdir: PathBuf,
}

impl Place {
    /// What is under way there, if anything.
    pub(crate) fn busy(&self) -> Option<&'static str> {
        let signs = [
            ("MERGE_HEAD", "merge"),
            ("rebase-merge", "rebase"),
            ("rebase-apply", "rebase"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
        ];
        signs.into_iter().find(|(sign, _)| self.gitdir.join(sign).exists()).map(|(_, doing)| doing)
    }
}

/// The branch that a run delivers to, as runs tell it apart from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aimed {
    /// Its name; where the file system does not tell upper from lower case, in lower case.
    pub name: String,
    /// Where it is checked out.
    pub checkout: Option<PathBuf>,
}

#[expect(clippy::disallowed_methods, reason = "a git command of someone else tells nobody that it is done")]
fn pause() {
    thread::sleep(PAUSE);
}

/// Whether a rebase of this branch is under way: HEAD is detached meanwhile.
fn is_rebasing(gitdir: &Path, reference: &str) -> bool {
    let names = ["rebase-merge/head-name", "rebase-apply/head-name"];
    names.into_iter().filter_map(|name| read_small(&gitdir.join(name))).any(|held| held.trim() == reference)
}

impl Repository {
    /// Where a branch is checked out, the run's own worktrees apart: those are thrown away.
    pub(crate) fn checked_out_at(&self, reference: &str) -> Result<Option<Place>, WorkspaceError> {
        let printed = self.in_turn(|| self.shared(["worktree", "list", "--porcelain"]).bytes())?;
        let ours: Vec<PathBuf> = self.list_worktrees(None).into_iter().map(|worktree| worktree.path).collect();
        for Checkout { path, head } in checkouts(&printed) {
            let here = head == CheckedOut::Branch(reference.into());
            if !(here || head == CheckedOut::Detached) || ours.contains(&path) {
                continue;
            }
            let gitdir = self.git_dir_of(&path);
            if here || is_rebasing(&gitdir, reference) {
                return Ok(Some(Place { path, gitdir }));
            }
        }
        Ok(None)
    }

    /// What a delivery to this branch would change.
    pub fn aim(&self, into: &str) -> Result<Aimed, WorkspaceError> {
        let checkout = self.checked_out_at(&format!("refs/heads/{into}"))?.map(|place| place.path);
        let folds = self.shared(["config", "--type=bool", "--get", "core.ignoreCase"]).answer()?;
        let folds = folds.is_some_and(|answer| answer.starts_with(b"true"));
        let name = if folds { into.to_lowercase() } else { into.to_owned() };
        Ok(Aimed { name, checkout })
    }

    /// The git folder of a checkout that git listed: found by what the common folder says, not by the checkout.
    fn git_dir_of(&self, path: &Path) -> PathBuf {
        self.private_git_dirs(path).into_iter().next().unwrap_or_else(|| self.common_dir().to_owned())
    }

    /// How many tracked files of a checkout differ from its HEAD.
    pub(crate) fn local_changes(&self, place: &Place) -> Result<usize, GitError> {
        let call = self.git().call(["status", "--porcelain", "-z", "--no-renames", "--untracked-files=no"]);
        let call = call.arg("--ignore-submodules=dirty").git_dir(&place.gitdir).work_tree(&place.path);
        let printed = self.with_known_filters(&place.gitdir, call)?.bytes()?;
        Ok(printed.split(|byte| *byte == 0).filter(|line| !line.is_empty()).count())
    }

    /// Moves `into` to a commit of integration. Never forced.
    pub fn deliver(&self, run: &RunId, into: &str, commit: &CommitId) -> Result<Delivered, WorkspaceError> {
        let reference = format!("refs/heads/{into}");
        let Some(tip) = self.ref_tip(&reference)? else {
            let command = format!("git branch {into} {}", commit.short());
            return Ok(Delivered::Left { why: format!("there is no branch `{into}` any more"), command });
        };
        if tip == *commit || self.contains(&tip, commit)? {
            return Ok(Delivered::Moved);
        }
        if !self.contains(commit, &tip)? {
            return Ok(Delivered::Raced);
        }
        if let Some(place) = self.checked_out_at(&reference)? {
            return self.deliver_into(&place, &reference, commit);
        }
        match self.move_ref(&reference, commit, Some(&tip), &format!("run {run} delivered")) {
            Ok(()) => Ok(Delivered::Moved),
            Err(WorkspaceError::Raced { .. }) => Ok(Delivered::Raced),
            Err(error) => Err(error),
        }
    }

    /// Whether the disk of a checkout cannot take what a commit would write there: git that ran out of room half-way
    /// would leave files behind that then stand in its own way.
    fn lacks_room(&self, place: &Place, reference: &str, commit: &CommitId) -> Result<bool, WorkspaceError> {
        let free = statvfs(&place.path).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        let Some(tip) = self.ref_tip(reference)?.filter(|_| free < PLENTY) else { return Ok(false) };
        let list = |of: &CommitId| self.shared(["ls-tree", "-r", "-l", "-z", "--full-tree", of.as_str()]).text();
        let (now, then) = (list(&tip)?, list(commit)?);
        let now: BTreeSet<&str> = now.split('\0').collect();
        let written: String = then.split('\0').filter(|entry| !now.contains(entry)).collect::<Vec<_>>().join("\0");
        let size = tree_size(&written);
        let files = u64::try_from(size.files).unwrap_or(u64::MAX);
        Ok(size.bytes.saturating_add(files.saturating_mul(BLOCK)).saturating_add(SLACK) > free)
    }

    /// Moves a branch together with the checkout that has it: git itself refuses where local changes would be lost.
    /// Another git command there, such as one of a run beside this one, is waited for.
    fn deliver_into(&self, place: &Place, reference: &str, commit: &CommitId) -> Result<Delivered, WorkspaceError> {
        let mut looks = LOOKS;
        loop {
            let locked = fs::symlink_metadata(place.gitdir.join("index.lock")).is_ok();
            let patient = looks > 0;
            if (!locked || !patient)
                && let Some(delivered) = self.try_into(place, reference, commit, Others { locked, patient })?
            {
                return Ok(delivered);
            }
            looks = looks.saturating_sub(1);
            pause();
        }
    }

    /// `None`: another git command came between, and it can be tried again.
    fn try_into(
        &self,
        place: &Place,
        reference: &str,
        commit: &CommitId,
        others: Others,
    ) -> Result<Option<Delivered>, WorkspaceError> {
        let shown = place.path.to_string_lossy();
        let quoted = shlex::try_quote(&shown).unwrap_or_else(|_| shown.clone()).into_owned();
        let command = format!("git -C {quoted} merge --ff-only {}", commit.short());
        let left = |why: String| Ok(Some(Delivered::Left { why, command: command.clone() }));
        if let Some(doing) = place.busy() {
            return left(format!("`{shown}` is in the middle of a {doing}"));
        }
        if others.locked {
            return left(format!("another git command is at work in `{shown}`, or left its lock there"));
        }
        let head = read_small(&place.gitdir.join("HEAD")).unwrap_or_default();
        // Reftable keeps a stand-in there; git has just told where HEAD is.
        if head.trim() != format!("ref: {reference}") && !head.contains(".invalid") {
            return Ok(Some(Delivered::Raced));
        }
        if self.lacks_room(place, reference, commit)? {
            return left(format!("No space left on device for what it would write into `{shown}`"));
        }
        let merge = ["merge", "--ff-only", "--no-stat", "--quiet", "--no-autostash", "--no-overwrite-ignore"];
        let call = self.git().call(merge).arg(commit.as_str()).git_dir(&place.gitdir).work_tree(&place.path);
        let before = self.ref_tip(reference)?;
        let absent = self.absent_in(place, before.as_ref(), commit)?;
        fail_point::reach(Point::RefMove);
        let finished = self.with_known_filters(&place.gitdir, call)?.finish()?;
        fail_point::reach(Point::RefMoved);
        let tip = self.ref_tip(reference)?;
        if finished.code == Some(0) && tip.as_ref() == Some(commit) {
            return Ok(Some(Delivered::Moved));
        }
        if let Some(tip) = &tip
            && !self.contains(commit, tip)?
        {
            return Ok(Some(Delivered::Raced));
        }
        if tip == before {
            self.take_back(place, commit, &absent)?;
        }
        let failed = finished.failed();
        if others.patient && failed.to_string().contains("index.lock") {
            return Ok(None);
        }
        left(format!("changes in `{shown}` stand in the way ({failed})"))
    }
}
