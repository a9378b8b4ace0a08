//! What is a person's own in a repository: to be looked at before and after.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::world::World;

/// Whether the person asked for their branch to be moved, and the run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Into {
    /// The branch that is checked out is delivered to: it and its checkout may have moved forward.
    Asked,
    /// Nothing of theirs may move.
    Not,
}

/// Everything of theirs by name: branches, tags, HEAD, stash, configuration, hooks, the index and every file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Belongings(BTreeMap<String, String>);

fn hash(bytes: &[u8]) -> String {
    let bytes: Vec<String> = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    bytes.concat()
}

fn files(at: &Path, name: &str, found: &mut BTreeMap<String, String>) {
    let entries = WalkDir::new(at).into_iter().filter_entry(|entry| entry.file_name() != ".git");
    for entry in entries.flatten().filter(|entry| entry.file_type().is_file()) {
        let path = entry.path().strip_prefix(at).unwrap().display().to_string();
        found.insert(format!("{name} {path}"), hash(&std::fs::read(entry.path()).unwrap_or_default()));
    }
}

impl Belongings {
    /// Looks at them. What has been delivered is left out where that was asked for.
    pub(crate) fn of(world: &World, into: Into) -> Self {
        let mut found = BTreeMap::new();
        let delivered = (into == Into::Asked).then(|| world.git(["symbolic-ref", "HEAD"]));
        for line in world.git(["for-each-ref", "--format=%(refname) %(objectname)"]).lines() {
            let (name, commit) = line.split_once(' ').unwrap();
            let ours = name.starts_with("refs/heads/ai-sdlc/") || name.starts_with("refs/ai-sdlc/");
            if !ours && delivered.as_deref() != Some(name) {
                found.insert(name.to_owned(), commit.to_owned());
            }
        }
        found.insert("HEAD".to_owned(), world.git(["symbolic-ref", "HEAD"]));
        found.insert("stash".to_owned(), world.git(["stash", "list", "--format=%H"]));
        found.insert("status".to_owned(), world.git(["status", "--porcelain", "--untracked-files=all"]));
        let git = world.project().join(".git");
        found.insert("config".to_owned(), std::fs::read_to_string(git.join("config")).unwrap_or_default());
        files(&git.join("hooks"), "hook", &mut found);
        if into == Into::Not {
            found.insert("index".to_owned(), world.git(["ls-files", "--stage"]));
            files(&world.project(), "file", &mut found);
        }
        Self(found)
    }
}
