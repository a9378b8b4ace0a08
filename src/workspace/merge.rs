//! Merges in memory: candidates of the integration branch, checked out into one merge worktree a run.
//!
//! Every merge is three-way from the commit where the attempt began. No checkout is touched, no branch is moved before
//! the candidate was checked. libgit2 merges; where it cannot open the repository (reftable, SHA-256), git does.

use std::path::Path;

use git2::{Index, IndexConflict, IndexEntry, MergeFileOptions, MergeOptions, Oid, Tree};

use crate::amount::WallTime;
use crate::kernel::event::MergeSource;
use crate::kernel::fact::{CandidateResult, DeliveryCandidate, Moved};
use crate::mission::model::Strategy;
use crate::name::{CommitId, RunId, TaskId};
use crate::workspace::WorkspaceError;
use crate::workspace::git::nul_separated;
use crate::workspace::repository::{Identity, NewCommit, Repository, message};
use crate::workspace::snapshot::SESSION_DIR;
use crate::workspace::worktree::{Worktree, WorktreeAsk, WorktreeOf, seed_index};

/// A candidate to be made.
#[derive(Clone, Copy)]
pub struct CandidateAsk<'a> {
    /// Of which run.
    pub run: &'a RunId,
    /// The work, in order.
    pub batch: &'a [MergeSource],
    /// What it looks like in history.
    pub strategy: Strategy,
    /// Who commits.
    pub identity: &'a Identity,
    /// The agent that made a task's work, for the trailer.
    pub agent_of: &'a dyn Fn(&TaskId) -> Option<String>,
}

impl std::fmt::Debug for CandidateAsk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CandidateAsk").field("run", self.run).field("batch", &self.batch).finish_non_exhaustive()
    }
}

/// A merged tree.
#[derive(Debug)]
pub(crate) struct ThreeWay {
    pub(crate) tree: String,
    /// Files that hold both sides, marked.
    pub(crate) conflicts: Vec<String>,
}

/// Merges the trees of three commits.
pub(crate) fn three_way(
    repository: &Repository,
    base: &str,
    ours: &str,
    theirs: &str,
) -> Result<ThreeWay, WorkspaceError> {
    match git2::Repository::open_bare(repository.common_dir()) {
        Ok(opened) => merge_in_memory(&opened, [base, ours, theirs])
            .map_err(|source| WorkspaceError::InMemory { doing: "merge", source }),
        Err(_) => merge_by_program(repository, [base, ours, theirs]),
    }
}

fn merge_by_program(repository: &Repository, [base, ours, theirs]: [&str; 3]) -> Result<ThreeWay, WorkspaceError> {
    let call = repository.shared(["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"]);
    let finished = call.arg(format!("--merge-base={base}")).arg(ours).arg(theirs).finish()?;
    if !matches!(finished.code, Some(0 | 1)) {
        return Err(finished.failed().into());
    }
    let mut parts = nul_separated(&finished.stdout).map(|part| String::from_utf8_lossy(part).trim_end().to_owned());
    let tree = parts.next().unwrap_or_default();
    Ok(ThreeWay { tree, conflicts: parts.collect() })
}

/// The merge of three trees: base, ours, theirs.
pub(crate) fn merged_index(opened: &git2::Repository, trees: [&Tree<'_>; 3]) -> Result<Index, git2::Error> {
    let [base, ours, theirs] = trees;
    let mut options = MergeOptions::new();
    options.find_renames(true).fail_on_conflict(false);
    opened.merge_trees(base, ours, theirs, Some(&options))
}

/// The paths of both sides and of what was before them.
pub(crate) fn paths_of(conflict: &IndexConflict) -> impl Iterator<Item = String> {
    [&conflict.ancestor, &conflict.our, &conflict.their].into_iter().flatten().map(path_text)
}

fn merge_in_memory(opened: &git2::Repository, commits: [&str; 3]) -> Result<ThreeWay, git2::Error> {
    let [base, ours, theirs] = commits.map(|id| opened.find_commit(Oid::from_str(id)?)?.tree());
    let mut index = merged_index(opened, [&base?, &ours?, &theirs?])?;
    let mut files = Vec::new();
    if index.has_conflicts() {
        let found: Vec<IndexConflict> = index.conflicts()?.collect::<Result<_, _>>()?;
        for conflict in found {
            let marked = with_markers(opened, &conflict)?;
            for path in paths_of(&conflict) {
                // A second side may have been taken out with the first: they have the same path.
                index.conflict_remove(Path::new(&path)).ok();
                files.push(path);
            }
            if let Some(entry) = marked {
                index.add(&entry)?;
            }
        }
    }
    files.sort();
    files.dedup();
    Ok(ThreeWay { tree: index.write_tree_to(opened)?.to_string(), conflicts: files })
}

/// A conflicting file with both sides in it; where that cannot be, the side that has the file, the new work first.
fn with_markers(opened: &git2::Repository, conflict: &IndexConflict) -> Result<Option<IndexEntry>, git2::Error> {
    let IndexConflict { ancestor, our, their } = conflict;
    let (Some(our), Some(their)) = (our, their) else {
        return Ok(their.as_ref().or(our.as_ref()).map(settled));
    };
    let regular = |entry: &IndexEntry| entry.mode & 0o170_000 == 0o100_000;
    if !regular(our) || !regular(their) {
        return Ok(Some(settled(their)));
    }
    let nothing = IndexEntry { id: opened.blob(b"")?, ..settled(our) };
    let ancestor = ancestor.as_ref().filter(|entry| regular(entry)).unwrap_or(&nothing);
    let mut options = MergeFileOptions::new();
    options.our_label("merged meanwhile").their_label("this task");
    let merged = opened.merge_file_from_index(ancestor, our, their, Some(&mut options))?;
    // Two binary files have no merged content.
    let id = if merged.content().is_empty() { their.id } else { opened.blob(merged.content())? };
    Ok(Some(IndexEntry { id, ..settled(their) }))
}

/// The entry as one that is not in conflict.
fn settled(entry: &IndexEntry) -> IndexEntry {
    const STAGES: u16 = 0x3000;
    IndexEntry {
        ctime: entry.ctime,
        mtime: entry.mtime,
        dev: entry.dev,
        ino: entry.ino,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        file_size: entry.file_size,
        id: entry.id,
        flags: entry.flags & !STAGES,
        flags_extended: entry.flags_extended,
        path: entry.path.clone(),
    }
}

fn path_text(entry: &IndexEntry) -> String {
    String::from_utf8_lossy(&entry.path).into_owned()
}

impl Repository {
    /// Merges a batch onto the integration tip, in memory: one commit a task, in order. The same batch on the same tip
    /// is the same commit.
    pub fn make_candidate(&self, ask: &CandidateAsk<'_>) -> CandidateResult {
        self.candidate(ask).unwrap_or_else(|error| CandidateResult::Failed { why: error.to_string() })
    }

    fn candidate(&self, ask: &CandidateAsk<'_>) -> Result<CandidateResult, WorkspaceError> {
        let reference = Self::integration_ref(ask.run);
        let Some(tip) = self.integration_tip(ask.run)? else {
            return Ok(CandidateResult::Failed { why: format!("`{reference}` is gone") });
        };
        let mut top = tip.clone();
        for source in ask.batch {
            let merged = three_way(self, source.base.as_str(), top.as_str(), source.commit.as_str())?;
            if !merged.conflicts.is_empty() {
                return Ok(CandidateResult::Conflict { task: source.task.clone(), files: merged.conflicts });
            }
            if merged.tree == self.tree_of(top.as_str())? {
                continue;
            }
            let agent = (ask.agent_of)(&source.task);
            let mut trailers = vec![("Ai-Sdlc-Run", ask.run.as_str()), ("Ai-Sdlc-Task", source.task.as_str())];
            trailers.extend(agent.as_deref().map(|agent| ("Ai-Sdlc-Agent", agent)));
            let parents: &[&CommitId] = match ask.strategy {
                Strategy::Squash => &[&top],
                Strategy::Merge => &[&top, &source.commit],
            };
            top = self.write_commit(&NewCommit {
                tree: &merged.tree,
                parents,
                message: &message(&source.title, &trailers),
                identity: ask.identity,
                at: source.at,
            })?;
        }
        Ok(if top == tip { CandidateResult::Empty { tip } } else { CandidateResult::Clean { commit: top, tip } })
    }

    /// Files of a task's work that conflict with the integration tip; empty where they merge.
    pub fn conflicts_with_integration(&self, run: &RunId, source: &MergeSource) -> Result<Vec<String>, WorkspaceError> {
        let Some(tip) = self.integration_tip(run)? else { return Ok(Vec::new()) };
        Ok(three_way(self, source.base.as_str(), tip.as_str(), source.commit.as_str())?.conflicts)
    }

    /// Checks a candidate out into the run's merge worktree. What is untracked there goes, what is ignored stays.
    pub fn checkout_candidate(
        &self,
        run: &RunId,
        candidate: &CommitId,
        path: &Path,
        exclude: &[String],
    ) -> Result<Worktree, WorkspaceError> {
        let ask = WorktreeAsk { path: path.to_owned(), start: candidate, run, of: WorktreeOf::Merge };
        let worktree = self.add_worktree(&ask)?;
        self.mend(&worktree)?;
        self.inside(&worktree, ["read-tree", "--reset", "-u", candidate.as_str()])?.run()?;
        let mut clean = self.inside(&worktree, ["clean", "-ffdq", "--", ":(top)"])?;
        let ours = worktree.record()?.ours;
        for path in ours.iter().chain(exclude).map(String::as_str).chain([SESSION_DIR]) {
            clean = clean.arg(format!(":(top,exclude,literal){path}"));
        }
        clean.run()?;
        // What runs in there and asks git sees the candidate checked out, nothing changed.
        let head = self.inside(&worktree, ["update-ref", "--no-deref", "HEAD", candidate.as_str()])?;
        head.run()?;
        seed_index(&worktree.index(), &worktree.gitdir.join("index"))?;
        Ok(worktree)
    }

    /// Moves the integration branch from one commit to the next, if it still holds the first.
    pub fn move_integration(&self, run: &RunId, from: &CommitId, to: &CommitId) -> Moved {
        let moved = || -> Result<Moved, WorkspaceError> {
            let reference = Self::integration_ref(run);
            if self.integration_tip(run)?.as_ref() == Some(to) {
                return Ok(Moved::Done);
            }
            match self.move_ref(&reference, to, Some(from), "merge") {
                Ok(()) => Ok(Moved::Done),
                Err(WorkspaceError::Raced { .. }) => Ok(match self.integration_tip(run)? {
                    Some(tip) if tip == *to => Moved::Done,
                    Some(tip) => Moved::Elsewhere { tip },
                    None => Moved::Failed { why: format!("`{reference}` is gone") },
                }),
                Err(error) => Err(error),
            }
        };
        moved().unwrap_or_else(|error| Moved::Failed { why: error.to_string() })
    }

    /// Merges what `into` has of its own into integration, in memory.
    pub fn make_delivery(&self, run: &RunId, into: &str, identity: &Identity, at: WallTime) -> DeliveryCandidate {
        let made = || -> Result<DeliveryCandidate, WorkspaceError> {
            let failed = |why: String| Ok(DeliveryCandidate::Failed { why });
            let Some(tip) = self.integration_tip(run)? else {
                return failed(format!("`{}` is gone", Self::integration_ref(run)));
            };
            let Some(theirs) = self.ref_tip(&format!("refs/heads/{into}"))? else {
                return failed(format!("there is no branch `{into}` any more"));
            };
            if self.contains(&tip, &theirs)? {
                return Ok(DeliveryCandidate::UpToDate { tip });
            }
            let Some(base) = self.shared(["merge-base", tip.as_str(), theirs.as_str()]).answer()? else {
                return failed(format!("`{into}` and the run's work have no commit in common"));
            };
            let base = String::from_utf8_lossy(&base).trim().to_owned();
            let merged = three_way(self, &base, tip.as_str(), theirs.as_str())?;
            if !merged.conflicts.is_empty() {
                return Ok(DeliveryCandidate::Conflict { files: merged.conflicts });
            }
            let title = format!("Merge branch '{into}' into ai-sdlc/{run}/integration");
            let commit = self.write_commit(&NewCommit {
                tree: &merged.tree,
                parents: &[&tip, &theirs],
                message: &message(&title, &[("Ai-Sdlc-Run", run.as_str())]),
                identity,
                at,
            })?;
            Ok(DeliveryCandidate::Merged { commit, tip })
        };
        made().unwrap_or_else(|error| DeliveryCandidate::Failed { why: error.to_string() })
    }
}
