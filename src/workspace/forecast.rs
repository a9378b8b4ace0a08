//! The forecast of conflicts: merges tried in memory, of which nothing is written, and what others have changed.
//!
//! What is tried here is merged later by [`merge`](super::merge) in the same way, so both agree about renames, binary
//! files, symlinks and submodules.

use std::collections::{BTreeMap, BTreeSet};

use git2::{ErrorCode, ObjectType, Oid, Tree, TreeEntry};

use crate::kernel::collisions::{MergeTried, MergeTry, Merged, meet};
use crate::name::CommitId;
use crate::workspace::WorkspaceError;
use crate::workspace::git::{GitError, nul_separated};
use crate::workspace::merge::{merged_index, paths_of, three_way};
use crate::workspace::repository::Repository;

/// Of the files of one collision, so many are told by name.
const NAMED: usize = 20;

/// Objects of tried merges are written here rather than to the disk.
const BEFORE_ALL_OTHERS: i32 = 1_000;

impl Repository {
    /// Tries these merges, until there is reason to stop. What could not be tried is left out.
    pub fn try_merges(&self, tries: &[MergeTry], stop: &dyn Fn() -> bool) -> Vec<MergeTried> {
        let bench = Bench::of(self);
        let mut tried = Vec::new();
        for merge in tries.iter().take_while(|_| !stop()) {
            match bench.conflicts(&merge.one, &merge.two) {
                Ok(Some(mut files)) => {
                    let more = files.len().saturating_sub(NAMED);
                    files.truncate(NAMED);
                    tried.push(MergeTried { one: merge.one.side(), two: merge.two.side(), files, more });
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "a merge could not be tried"),
            }
        }
        tried
    }

    /// The paths of all files of a commit.
    pub fn files_at(&self, commit: &CommitId) -> Result<Vec<String>, GitError> {
        let printed = self.shared(["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit.as_str()]).bytes()?;
        Ok(nul_separated(&printed).map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }

    /// The files that differ between a commit and where its history and that of another part.
    pub fn changed_since_parting(&self, theirs: &CommitId, ours: &CommitId) -> Result<Vec<String>, GitError> {
        let Some(base) = self.shared(["merge-base", ours.as_str(), theirs.as_str()]).answer()? else {
            return Ok(Vec::new());
        };
        let Ok(base) = CommitId::parse(String::from_utf8_lossy(&base).trim()) else { return Ok(Vec::new()) };
        Ok(self.changed_files(&base, theirs)?.into_iter().map(|file| file.path).collect())
    }
}

/// Where merges are tried: libgit2, or where that cannot open the repository, the program.
struct Bench<'r> {
    repository: &'r Repository,
    opened: Option<git2::Repository>,
}

impl<'r> Bench<'r> {
    fn of(repository: &'r Repository) -> Self {
        Self { repository, opened: opened(repository).ok() }
    }

    /// The files in which two sides conflict; `None` where one of them cannot be told apart from what else collides.
    fn conflicts(&self, one: &Merged, two: &Merged) -> Result<Option<Vec<String>>, WorkspaceError> {
        match (one, two) {
            (Merged::Task { base, commit, .. }, Merged::Task { base: other_base, commit: other, .. }) => {
                if base == other_base {
                    self.merge(base, commit, other).map(Some)
                } else if self.contains(other_base, base)? {
                    self.carried((base, commit), (other_base, other))
                } else {
                    self.carried((other_base, other), (base, commit))
                }
            }
            (Merged::Task { base, commit, .. }, Merged::Integration { commit: tip })
            | (Merged::Integration { commit: tip }, Merged::Task { base, commit, .. }) => {
                self.merge(base, tip, commit).map(Some)
            }
            (Merged::Task { base, commit, .. }, Merged::Into { branch })
            | (Merged::Into { branch }, Merged::Task { base, commit, .. }) => {
                let files = self.with_branch(branch, base, commit)?;
                if files.is_empty() {
                    return Ok(Some(files));
                }
                // What others made before it began is theirs.
                let own = self.repository.changed_files(base, commit)?;
                Ok(Some(files.into_iter().filter(|file| own.iter().any(|own| own.path == *file)).collect()))
            }
            (Merged::Integration { commit }, Merged::Into { branch })
            | (Merged::Into { branch }, Merged::Integration { commit }) => {
                self.with_branch(branch, commit, commit).map(Some)
            }
            (Merged::Integration { .. }, Merged::Integration { .. }) | (Merged::Into { .. }, Merged::Into { .. }) => {
                Ok(None)
            }
        }
    }

    /// Merges work with a branch, if that has commits which the run's own history at `base` lacks.
    fn with_branch(&self, branch: &str, base: &CommitId, work: &CommitId) -> Result<Vec<String>, WorkspaceError> {
        let Some(theirs) = self.tip(branch)? else { return Ok(Vec::new()) };
        if self.contains(base, &theirs)? {
            return Ok(Vec::new());
        }
        let parting = self.repository.shared(["merge-base", base.as_str(), theirs.as_str()]).answer()?;
        let parting = parting.and_then(|id| CommitId::parse(String::from_utf8_lossy(&id).trim()).ok());
        parting.map_or(Ok(Vec::new()), |parting| self.merge(&parting, &theirs, work))
    }

    fn tip(&self, branch: &str) -> Result<Option<CommitId>, WorkspaceError> {
        let reference = format!("refs/heads/{branch}");
        let Some(opened) = &self.opened else { return Ok(self.repository.ref_tip(&reference)?) };
        match opened.refname_to_id(&reference) {
            Ok(id) => Ok(CommitId::parse(&id.to_string()).ok()),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(in_memory(error)),
        }
    }

    /// Whether everything in `older` is also in `newer`.
    fn contains(&self, newer: &CommitId, older: &CommitId) -> Result<bool, WorkspaceError> {
        let Some(opened) = &self.opened else { return Ok(self.repository.contains(newer, older)?) };
        let asked = || {
            let (newer, older) = (Oid::from_str(newer.as_str())?, Oid::from_str(older.as_str())?);
            Ok(newer == older || opened.graph_descendant_of(newer, older)?)
        };
        asked().map_err(in_memory)
    }

    fn merge(&self, base: &CommitId, ours: &CommitId, theirs: &CommitId) -> Result<Vec<String>, WorkspaceError> {
        let Some(opened) = &self.opened else {
            return Ok(three_way(self.repository, base.as_str(), ours.as_str(), theirs.as_str())?.conflicts);
        };
        let tried = || {
            let [base, ours, theirs] = [tree(opened, base)?, tree(opened, ours)?, tree(opened, theirs)?];
            conflicts(opened, [&base, &ours, &theirs])
        };
        tried().map_err(in_memory)
    }

    /// Merges the work of two tasks that began at different commits of integration: that of the first is brought to
    /// where the second began. `None` where it cannot be brought there: that it collides with what was merged
    /// meanwhile is another collision.
    fn carried(
        &self,
        (base, first): (&CommitId, &CommitId),
        (meanwhile, second): (&CommitId, &CommitId),
    ) -> Result<Option<Vec<String>>, WorkspaceError> {
        let Some(opened) = &self.opened else { return self.merge(base, first, second).map(Some) };
        let tried = || {
            let [base, first] = [tree(opened, base)?, tree(opened, first)?];
            let [meanwhile, second] = [tree(opened, meanwhile)?, tree(opened, second)?];
            let mut brought = merged_index(opened, [&base, &meanwhile, &first])?;
            if brought.has_conflicts() {
                return Ok(None);
            }
            let brought = opened.find_tree(brought.write_tree_to(opened)?)?;
            conflicts(opened, [&meanwhile, &brought, &second]).map(Some)
        };
        tried().map_err(in_memory)
    }
}

fn in_memory(source: git2::Error) -> WorkspaceError {
    WorkspaceError::InMemory { doing: "try a merge", source }
}

/// Opens a repository so that nothing is written to its disk.
fn opened(repository: &Repository) -> Result<git2::Repository, git2::Error> {
    let opened = git2::Repository::open_bare(repository.common_dir())?;
    opened.odb()?.add_new_mempack_backend(BEFORE_ALL_OTHERS)?;
    Ok(opened)
}

fn tree<'r>(opened: &'r git2::Repository, commit: &CommitId) -> Result<Tree<'r>, git2::Error> {
    opened.find_commit(Oid::from_str(commit.as_str())?)?.tree()
}

/// The files in which a merge of three trees conflicts. Where no two sides changed the same file it is not even made:
/// a merge reads all of a tree, and this only what differs.
fn conflicts(opened: &git2::Repository, trees: [&Tree<'_>; 3]) -> Result<Vec<String>, git2::Error> {
    let [base, ours, theirs] = trees;
    let (mut one, mut two) = (BTreeSet::new(), BTreeSet::new());
    changed(opened, [Some(base), Some(ours)], "", &mut one)?;
    changed(opened, [Some(base), Some(theirs)], "", &mut two)?;
    let mut files = Vec::new();
    if meet(&one, &two) {
        let index = merged_index(opened, trees)?;
        if index.has_conflicts() {
            for conflict in index.conflicts()? {
                files.extend(paths_of(&conflict?));
            }
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// The paths that differ between two trees.
fn changed(
    opened: &git2::Repository,
    trees: [Option<&Tree<'_>>; 2],
    folder: &str,
    paths: &mut BTreeSet<String>,
) -> Result<(), git2::Error> {
    let mut entries: BTreeMap<Vec<u8>, [Option<TreeEntry<'_>>; 2]> = BTreeMap::new();
    for (side, tree) in trees.into_iter().enumerate() {
        for entry in tree.into_iter().flat_map(Tree::iter) {
            let both = entries.entry(entry.name_bytes().to_vec()).or_default();
            if let Some(place) = both.get_mut(side) {
                *place = Some(entry.to_owned());
            }
        }
    }
    for (name, both) in entries {
        let [before, after] = &both;
        let same = |one: &TreeEntry<'_>, two: &TreeEntry<'_>| one.id() == two.id() && one.filemode() == two.filemode();
        if before.as_ref().zip(after.as_ref()).is_some_and(|(before, after)| same(before, after)) {
            continue;
        }
        let path = format!("{folder}{}", String::from_utf8_lossy(&name));
        let is_tree = |entry: &TreeEntry<'_>| entry.kind() == Some(ObjectType::Tree);
        let mut below = [None, None];
        for (tree, entry) in below.iter_mut().zip(&both) {
            if let Some(entry) = entry.as_ref().filter(|entry| is_tree(entry)) {
                *tree = Some(opened.find_tree(entry.id())?);
            }
        }
        if both.iter().flatten().any(|entry| !is_tree(entry)) {
            paths.insert(path.clone());
        }
        let [one, two] = &below;
        if one.is_some() || two.is_some() {
            changed(opened, [one.as_ref(), two.as_ref()], &format!("{path}/"), paths)?;
        }
    }
    Ok(())
}
