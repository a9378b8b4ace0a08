//! Repositories inside of a worktree: untracked ones, submodules that were worked in, and a repository that an agent put
//! in the place of the worktree's own. Git keeps of them no more than the name of a commit, so they are kept as trees:
//! their files, and beside them their git folder under another name. Nothing of them is touched or asked: their
//! configuration is the agent's to write.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::workspace::exchange::read_small;
use crate::workspace::repository::Repository;
use crate::workspace::salvage::DOT_GIT_ASIDE;
use crate::workspace::snapshot::git_dir_of;
use crate::workspace::worktree::Worktree;
use crate::workspace::{WorkspaceError, files};

/// Name, in a salvaged tree, of a git folder that an agent had put in the place of the worktree's own.
pub(crate) const REPLACED_GIT: &str = "dot-git.replaced";

/// A repository inside of a worktree.
#[derive(Debug)]
struct Inner {
    /// From the worktree's root.
    path: PathBuf,
    /// Its git folder, where that goes with the worktree.
    gitdir: Option<PathBuf>,
}

impl Repository {
    /// Adds all repositories of a worktree to an index of its files; gives the tree with them, `None` where there are none.
    pub(crate) fn with_inner_repositories(
        &self,
        worktree: &Worktree,
        index: &Path,
        excluded: &[String],
    ) -> Result<Option<String>, WorkspaceError> {
        let mut found = self.untracked_repositories(worktree, index, excluded)?;
        found.extend(self.changed_submodules(worktree)?);
        let replaced = files::replaced_git(&worktree.path);
        if found.is_empty() && replaced.is_empty() {
            return Ok(None);
        }
        for inner in &found {
            let below: Vec<PathBuf> = found
                .iter()
                .filter_map(|other| other.path.strip_prefix(&inner.path).ok())
                .filter(|path| !path.as_os_str().is_empty())
                .map(Path::to_owned)
                .collect();
            let tree = self.tree_of_folder(worktree, &worktree.path.join(&inner.path), Files::OfWork(&below))?;
            self.graft(worktree, index, &inner.path, &tree)?;
            if let Some(gitdir) = &inner.gitdir {
                let tree = self.tree_of_folder(worktree, gitdir, Files::All)?;
                self.graft(worktree, index, &inner.path.join(DOT_GIT_ASIDE), &tree)?;
            }
        }
        for (n, gitdir) in replaced.iter().enumerate() {
            let tree = self.tree_of_folder(worktree, gitdir, Files::All)?;
            self.graft(worktree, index, Path::new(&format!("{REPLACED_GIT}-{}", n + 1)), &tree)?;
        }
        Ok(Some(self.inside(worktree, ["write-tree"])?.env("GIT_INDEX_FILE", index).text()?))
    }

    /// Untracked repositories, and those in them.
    fn untracked_repositories(
        &self,
        worktree: &Worktree,
        index: &Path,
        excluded: &[String],
    ) -> Result<Vec<Inner>, WorkspaceError> {
        let mut found = Vec::new();
        for path in self.untracked(worktree, index, excluded)? {
            let top = worktree.path.join(&path);
            if top.join(".git").symlink_metadata().is_err() {
                continue;
            }
            // A git folder holds no repositories but those of submodules, which go with it.
            let mut inside_git = WalkDir::new(&top).sort_by_file_name().into_iter();
            while let Some(entry) = inside_git.next() {
                let Ok(entry) = entry else { continue };
                if entry.file_name() != ".git" || entry.depth() == 0 {
                    continue;
                }
                if entry.file_type().is_dir() {
                    inside_git.skip_current_dir();
                }
                let place = entry.path().parent().unwrap_or(&top);
                let relative = place.strip_prefix(&worktree.path).unwrap_or(place);
                found.push(Inner { path: relative.components().collect(), gitdir: own_git_dir(worktree, place) });
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Submodules in which something is that their recorded commit does not hold.
    fn changed_submodules(&self, worktree: &Worktree) -> Result<Vec<Inner>, WorkspaceError> {
        let mut found = Vec::new();
        for (path, recorded) in worktree.record()?.submodules {
            let place = worktree.path.join(&path);
            let Some(gitdir) = git_dir_of(&place).filter(|gitdir| files::is_real_dir(gitdir)) else { continue };
            let same_head = read_small(&gitdir.join("HEAD")).is_some_and(|head| head.trim() == recorded);
            let tree = self.tree_of_folder(worktree, &place, Files::OfWork(&[]))?;
            let asked = self.shared(["rev-parse", "--verify", "--quiet"]).arg(format!("{recorded}^{{tree}}"));
            let asked = asked.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", gitdir.join("objects")).finish()?;
            if !same_head || String::from_utf8_lossy(&asked.stdout).trim() != tree {
                found.push(Inner { path: path.into(), gitdir: own_git_dir(worktree, &place) });
            }
        }
        Ok(found)
    }

    /// The files of a folder as a tree, through an index of its own.
    fn tree_of_folder(&self, worktree: &Worktree, folder: &Path, which: Files<'_>) -> Result<String, WorkspaceError> {
        let index = worktree.state.join("inner-index");
        files::remove_file(&index)?;
        files::remove_file(&worktree.state.join("inner-index.lock"))?;
        let mut paths = b":(top)".to_vec();
        let mut add = self.git().call(["add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul"]);
        match which {
            // Ignore rules are for source files, not for what lies in a git folder.
            Files::All => add = add.arg("--force"),
            Files::OfWork(below) => {
                for path in below {
                    paths.extend_from_slice(b"\0:(top,exclude,literal)");
                    paths.extend_from_slice(path.as_os_str().as_encoded_bytes());
                }
            }
        }
        let add = add.git_dir(&worktree.gitdir).work_tree(folder);
        let add = add.env("GIT_COMMON_DIR", self.common_dir()).env("GIT_INDEX_FILE", &index).stdin(paths);
        self.with_known_filters(&worktree.gitdir, add)?.run()?;
        let tree = self.shared(["write-tree"]).env("GIT_INDEX_FILE", &index).text()?;
        files::remove_file(&index)?;
        Ok(tree)
    }

    /// Puts a tree into an index, in place of whatever entry is there.
    fn graft(&self, worktree: &Worktree, index: &Path, path: &Path, tree: &str) -> Result<(), WorkspaceError> {
        let forget = self.inside(worktree, ["update-index", "--force-remove", "--"])?.arg(path);
        forget.env("GIT_INDEX_FILE", index).run()?;
        let mut prefix = OsString::from("--prefix=");
        prefix.push(path);
        prefix.push("/");
        let read = self.inside(worktree, ["read-tree"])?.arg(prefix).arg(tree);
        Ok(read.env("GIT_INDEX_FILE", index).run()?)
    }
}

/// Which files of a folder.
#[derive(Debug, Clone, Copy)]
enum Files<'a> {
    /// All.
    All,
    /// Those that are not ignored, but for these folders.
    OfWork(&'a [PathBuf]),
}

/// The git folder of a repository at a place, if it goes when the worktree goes; one elsewhere stays where it is.
fn own_git_dir(worktree: &Worktree, place: &Path) -> Option<PathBuf> {
    let gitdir = git_dir_of(place)?.canonicalize().ok()?;
    let goes = gitdir.starts_with(&worktree.path) || gitdir.starts_with(&worktree.gitdir);
    (goes && files::is_real_dir(&gitdir)).then_some(gitdir)
}
