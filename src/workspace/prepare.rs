//! Puts into a worktree what git does not bring: copies and links from the person's checkout, files of the engine, the
//! work of an earlier attempt. What is copied, linked or the engine's own is recorded, and never committed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::mission::field::glob;
use crate::name::CommitId;
use crate::workspace::files::{self, NewFile};
use crate::workspace::git::nul_separated;
use crate::workspace::repository::Repository;
use crate::workspace::worktree::Worktree;
use crate::workspace::{WorkspaceError, merge};

/// A file of the engine's own for a session: a skill, a handoff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFile {
    /// Where, from the worktree's root.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it is a program.
    pub executable: bool,
}

impl Repository {
    /// Copies and links files of the person's checkout into a worktree. Each of `copy` is a path or a glob, each of
    /// `link` a path. What is not there is told, not refused.
    pub fn copy_in(
        &self,
        worktree: &Worktree,
        copy: &[String],
        link: &[String],
    ) -> Result<Vec<String>, WorkspaceError> {
        let sources = self.copy_sources();
        let (mut notes, mut ours) = (Vec::new(), Vec::new());
        for pattern in copy {
            let found = sources.iter().map(|root| (root, matching(root, pattern))).find(|(_, paths)| !paths.is_empty());
            let Some((root, paths)) = found else {
                notes.push(format!("`{pattern}` (workspace.copy) is not in the checkout; nothing was copied"));
                continue;
            };
            for path in paths {
                copy_one(root, &worktree.path, &path)?;
                ours.push(path.to_string_lossy().into_owned());
            }
        }
        for path in link {
            let path = path.trim_end_matches('/');
            let Some(root) = sources.iter().find(|root| is_inside(Path::new(path)) && root.join(path).exists()) else {
                notes.push(format!("`{path}` (workspace.link) is not in the checkout; nothing was linked"));
                continue;
            };
            if files::is_real_dir(&worktree.path.join(path)) {
                notes
                    .push(format!("`{path}` (workspace.link) is a folder of the repository itself; it was not linked"));
                continue;
            }
            files::link(&worktree.path, Path::new(path), &root.join(path))?;
            ours.push(path.to_owned());
        }
        remember(worktree, ours)?;
        Ok(notes)
    }

    /// Writes files of the engine's own. Those whose place the repository has a file in are left out, and told.
    pub fn write_engine_files(&self, worktree: &Worktree, new: &[EngineFile]) -> Result<Vec<String>, WorkspaceError> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.inside(worktree, ["ls-files", "-z", "--"])?;
        for file in new {
            call = call.arg(format!(":(top,literal){}", file.path));
        }
        let tracked = call.bytes()?;
        let (mut notes, mut ours) = (Vec::new(), Vec::new());
        for EngineFile { path, bytes, executable } in new {
            if nul_separated(&tracked).any(|theirs| theirs == path.as_bytes()) {
                notes.push(format!("`{path}` is a file of the repository; the engine's own was left out"));
                continue;
            }
            let mode = if *executable { 0o755 } else { 0o644 };
            files::write(&worktree.path, Path::new(path), &NewFile { bytes, mode })?;
            ours.push(owned_part(path));
        }
        remember(worktree, ours)?;
        Ok(notes)
    }

    /// Puts the work of an earlier attempt (`base` to `commit`) on top of a new worktree, unsaved, as the agent's own
    /// work would be. Where they conflict the files hold both sides, marked, and are told.
    pub fn put_work(
        &self,
        worktree: &Worktree,
        base: &CommitId,
        commit: &CommitId,
    ) -> Result<Vec<String>, WorkspaceError> {
        let start = worktree.base.as_str();
        let merged = merge::three_way(self, base.as_str(), start, commit.as_str())?;
        self.inside(worktree, ["read-tree", "-m", "-u", start, &merged.tree])?.run()?;
        let told =
            |file: &String| format!("`{file}` conflicts with what was merged meanwhile: both sides are in it, marked");
        Ok(merged.conflicts.iter().map(told).collect())
    }

    /// Where copies come from: the checkout the person stands in, then the main one.
    fn copy_sources(&self) -> Vec<PathBuf> {
        let mut sources: Vec<PathBuf> = self.checkout().map(Path::to_owned).into_iter().collect();
        if self.common_dir().file_name().is_some_and(|name| name == ".git")
            && let Some(main) = self.common_dir().parent()
            && !sources.iter().any(|path| path == main)
        {
            sources.push(main.to_owned());
        }
        sources
    }
}

/// Adds paths to what the engine put into a worktree.
fn remember(worktree: &Worktree, ours: Vec<String>) -> Result<(), WorkspaceError> {
    let mut record = worktree.record()?;
    record.ours.extend(ours);
    record.ours.sort();
    record.ours.dedup();
    record.write(&worktree.state)
}

/// A skill's whole folder is ours, so that what its scripts leave in it (caches) is not committed either.
fn owned_part(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [top, "skills", name, _, ..] => format!("{top}/skills/{name}"),
        _ => path.to_owned(),
    }
}

fn is_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir))
}

/// Files under `root` that a path or glob names; a folder stands for all that is in it.
pub(crate) fn matching(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let pattern = pattern.trim_end_matches('/');
    if !is_inside(Path::new(pattern)) {
        return Vec::new();
    }
    let literal: PathBuf =
        Path::new(pattern).iter().take_while(|part| !part.to_string_lossy().contains(['*', '?', '[', '{'])).collect();
    let glob = glob::ready(pattern).map(|glob| glob.compile_matcher()).ok();
    let whole = literal == Path::new(pattern);
    let walk = WalkDir::new(root.join(&literal)).sort_by_file_name().into_iter();
    let files = walk.filter_entry(|entry| entry.file_name() != ".git").flatten();
    let paths = files.filter(|entry| !entry.file_type().is_dir()).filter_map(|entry| {
        let path = entry.path().strip_prefix(root).ok()?.to_owned();
        let wanted = |path: &Path| glob.as_ref().is_some_and(|glob| path.ancestors().any(|part| glob.is_match(part)));
        (whole || wanted(&path)).then_some(path)
    });
    paths.collect()
}

fn copy_one(root: &Path, to: &Path, path: &Path) -> Result<(), WorkspaceError> {
    let from = root.join(path);
    let meta = from.symlink_metadata().map_err(WorkspaceError::file("read", &from))?;
    if meta.is_symlink() {
        let target = fs::read_link(&from).map_err(WorkspaceError::file("read", &from))?;
        return files::link(to, path, &target);
    }
    if !meta.is_file() {
        return Ok(());
    }
    let bytes = fs::read(&from).map_err(WorkspaceError::file("read", &from))?;
    files::write(to, path, &NewFile { bytes: &bytes, mode: meta.permissions().mode() & 0o777 })
}
