//! File systems on which a journal is not safe.

use std::path::Path;

/// Magic numbers of file systems that other machines share: their locks and their memory maps are not ours alone.
const SHARED: [(i128, &str); 11] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x6573_5546, "FUSE (sshfs and the like)"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
];

/// What to tell a person whose journals would lie here; `None` where all is well or the system does not say.
pub fn note(path: &Path) -> Option<String> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    let name = shared(i128::from(kind))?;
    Some(format!(
        "{} lies on a network file system ({name}): the journal's locks and syncs are not reliable there; use a local disk",
        path.display()
    ))
}

/// What to tell a person whose worktrees would lie here: they work there, slowly.
pub fn worktrees(root: &Path) -> Option<String> {
    let there = root.ancestors().find(|folder| folder.is_dir())?;
    let name = shared(i128::from(rustix::fs::statfs(there).ok()?.f_type))?;
    Some(format!("worktrees lie on a network file system ({name}), which is slow: `[workspace] root` names another"))
}

fn shared(kind: i128) -> Option<&'static str> {
    // Where the number is a signed 32-bit one, the high bit makes it negative.
    let kind = kind & 0xffff_ffff;
    SHARED.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_number() {
        assert_eq!(shared(0x6969), Some("NFS"));
        assert_eq!(shared(i128::from(i32::from_ne_bytes(0xff53_4d42_u32.to_ne_bytes()))), Some("CIFS"));
        assert_eq!(shared(0xef53), None, "ext4");
    }

    #[test]
    fn the_process_file_system_is_none() {
        assert_eq!(note(Path::new("/proc")), None);
        assert_eq!(note(Path::new("/no/such/folder")), None);
    }
}
