//! What a folder takes on the disk, counted as far as patience goes.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use walkdir::WalkDir;

/// What `st_blocks` counts in.
const BLOCK: u64 = 512;

/// How many files may still be looked at, over several folders.
#[derive(Debug, Clone)]
pub struct Patience {
    left: usize,
    seen: BTreeSet<(u64, u64)>,
}

impl Patience {
    /// For this many files.
    pub fn files(count: usize) -> Self {
        Self { left: count, seen: BTreeSet::new() }
    }

    /// Without end.
    pub fn endless() -> Self {
        Self::files(usize::MAX)
    }

    /// Whether all was counted so far.
    pub fn is_left(&self) -> bool {
        self.left > 0
    }

    /// Bytes that a folder takes; a file of several names counts once, at its first. Less than there is once patience
    /// has ended.
    pub fn disk_usage(&mut self, folder: &Path) -> u64 {
        let mut sum = 0_u64;
        for entry in WalkDir::new(folder).into_iter().flatten() {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            let Ok(meta) = entry.metadata() else { continue };
            let is_new = meta.nlink() < 2 || meta.is_dir() || self.seen.insert((meta.dev(), meta.ino()));
            if is_new {
                sum = sum.saturating_add(meta.blocks().saturating_mul(BLOCK));
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_of_two_names_counts_once_and_patience_ends() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), vec![1_u8; 100_000]).unwrap();
        let one = Patience::endless().disk_usage(dir.path());
        assert!(one >= 100_000, "{one}");
        fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
        assert_eq!(Patience::endless().disk_usage(dir.path()), one);
        let mut little = Patience::files(1);
        assert!(little.disk_usage(dir.path()) < one);
        assert!(!little.is_left());
    }
}
