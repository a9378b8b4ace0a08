//! What a run will make in the repository and on the disk: branches, worktrees, bytes.

use std::path::{Path, PathBuf};

use crate::name::{RunId, TaskId};
use crate::plan::Plan;
use crate::plan::foreseen::flat;
use crate::plan::render::branch;
use crate::report::{plural, safe};
use crate::workspace::TreeSize;

/// What a run will make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Making {
    /// Its branches: the tasks' own, in file order.
    branches: Vec<String>,
    /// The branch on which all is merged.
    integration: String,
    /// Worktrees at the same time.
    worktrees: usize,
    /// The folder they lie below.
    root: PathBuf,
    /// What one of them takes; `None` where git does not tell.
    size: Option<TreeSize>,
    /// Free bytes where they lie.
    free: u64,
    /// Files that can still be made there.
    free_files: u64,
}

impl Making {
    /// Adds it up.
    pub(super) fn of(plan: &Plan, run: &RunId, root: &Path, size: Option<TreeSize>) -> Self {
        let flat = flat(plan);
        let plan: &Plan = &flat;
        let tasks: Vec<&TaskId> = plan.tasks.keys().collect();
        let at_once = usize::try_from(plan.max.get()).unwrap_or(usize::MAX).min(tasks.len());
        Self {
            branches: tasks.iter().filter_map(|task| branch(plan, run, task)).collect(),
            integration: format!("ai-sdlc/{run}/integration"),
            worktrees: at_once.saturating_add(1),
            root: root.to_owned(),
            size,
            free: free(root),
            free_files: free_files(root),
        }
    }

    /// For people, before a run.
    pub(super) fn text(&self) -> String {
        let mut rows = vec![String::new(), "It makes:".to_owned()];
        let first = self.branches.first().map(|branch| match self.branches.len() {
            0 | 1 => format!("{branch}, "),
            more => format!("{branch} and {} more, ", more - 1),
        });
        rows.push(format!("  branches   {}merged on {}", first.unwrap_or_default(), self.integration));
        rows.push(format!(
            "  worktrees  {} at once, one for merging, below {}; removed when their task is merged",
            self.worktrees,
            self.root.display()
        ));
        let free = bytes(self.free);
        rows.push(match &self.size {
            None => format!("  disk       {free} are free there"),
            Some(size) => {
                let all = size.bytes.saturating_mul(u64::try_from(self.worktrees).unwrap_or(u64::MAX));
                let files = plural(size.files, "file");
                let (one, all) = (bytes(size.bytes), bytes(all));
                format!(
                    "  disk       {all} ({files}, {one} a worktree), and what the tasks write; {free} are free there"
                )
            }
        });
        let rows: Vec<String> = rows.iter().map(|row| safe(row)).collect();
        format!("{}\n\n", rows.join("\n"))
    }

    /// Why it does not fit, where it does not.
    pub(super) fn lacks(&self) -> Option<String> {
        let size = self.size?;
        let worktrees = u64::try_from(self.worktrees).unwrap_or(u64::MAX);
        let all = size.bytes.saturating_mul(worktrees);
        let files = u64::try_from(size.files).unwrap_or(u64::MAX).saturating_mul(worktrees);
        if all > self.free {
            let (one, all, free) = (bytes(size.bytes), bytes(all), bytes(self.free));
            let count = self.worktrees;
            Some(format!("too little disk space: {count} worktrees of {one} need {all}, and {free} are free"))
        } else if files > self.free_files {
            let free = self.free_files;
            Some(format!("too few inodes: the worktrees need {files} files, and there is room for {free}"))
        } else {
            None
        }
    }
}

/// How many files can still be made where a folder is; as many as one likes where the file system keeps no count.
fn free_files(folder: &Path) -> u64 {
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(folder);
    rustix::fs::statvfs(there).ok().filter(|disk| disk.f_files > 0).map_or(u64::MAX, |disk| disk.f_favail)
}

/// Free bytes where a folder is, or will be; as many as there can be where the system does not tell.
pub(super) fn free(folder: &Path) -> u64 {
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(folder);
    rustix::fs::statvfs(there).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Bytes for a glance: `12 KiB`, `3 MiB`, `51 GiB`.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..=1_023 => format!("{count} B"),
        1_024..=1_048_575 => format!("{} KiB", count >> 10),
        1_048_576..=10_737_418_239 => format!("{} MiB", count >> 20),
        _ => format!("{} GiB", count >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_for_a_glance() {
        let told: Vec<String> = [0, 1_023, 1_024, 5 << 20, 10 << 30].into_iter().map(bytes).collect();
        assert_eq!(told, ["0 B", "1023 B", "1 KiB", "5 MiB", "10 GiB"]);
    }
}
