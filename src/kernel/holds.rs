//! Who holds locks and files: a task all that it needs, or nothing. That several hold one lock is no mistake: what a
//! stop has suspended, or what is kept for the rest of a worktree, goes on holding it beside what was let past, and
//! still does when that has given back its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::graph::{LockNo, TaskNo};

/// The tasks that hold their locks and the files that they may touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Holds {
    tasks: BTreeSet<TaskNo>,
    locks: BTreeMap<LockNo, BTreeSet<TaskNo>>,
}

impl Holds {
    pub(crate) fn take(&mut self, t: TaskNo, locks: &[LockNo]) {
        self.tasks.insert(t);
        for lock in locks {
            self.locks.entry(*lock).or_default().insert(t);
        }
    }

    pub(crate) fn give_back(&mut self, t: TaskNo) {
        if self.tasks.remove(&t) {
            self.locks.retain(|_, holders| {
                holders.remove(&t);
                !holders.is_empty()
            });
        }
    }

    pub(crate) fn has(&self, t: TaskNo) -> bool {
        self.tasks.contains(&t)
    }

    /// All that hold something.
    pub(crate) fn all(&self) -> impl Iterator<Item = TaskNo> {
        self.tasks.iter().copied()
    }

    /// Those that hold this lock.
    pub(crate) fn of(&self, lock: LockNo) -> impl Iterator<Item = TaskNo> {
        self.locks.get(&lock).into_iter().flatten().copied()
    }
}
