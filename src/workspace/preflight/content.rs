//! What checking a commit out would meet, looked at before the first worktree is made: filters whose program is
//! missing, submodules, names that a file system cannot tell apart. Reads objects and settings; writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::name::CommitId;
use crate::workspace::git::{GitError, nul_separated};
use crate::workspace::pinned::configured;
use crate::workspace::preflight::Refusal;
use crate::workspace::repository::Repository;

/// What is known of a commit before it is checked out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// Why it cannot be checked out.
    pub refusals: Vec<Refusal>,
    /// Worth telling.
    pub notes: Vec<String>,
    /// How many submodules it has: their folders are empty in a worktree.
    pub submodules: usize,
}

impl Repository {
    /// Looks at a commit that worktrees below `root` will hold.
    pub fn look_into(&self, commit: &CommitId, root: &Path) -> Result<Content, GitError> {
        let mut content = Content { submodules: self.submodules_of(commit)?, ..Content::default() };
        self.filters_of(commit, &mut content)?;
        if folds_case(root) {
            self.names_of(commit, root, &mut content)?;
        }
        Ok(content)
    }

    fn submodules_of(&self, commit: &CommitId) -> Result<usize, GitError> {
        let listed = self.shared(["ls-tree", "-z", commit.as_str(), "--", ".gitmodules"]).bytes()?;
        if listed.is_empty() {
            return Ok(0);
        }
        let blob = format!("{commit}:.gitmodules");
        let named = self.shared(["config", "-z", "--name-only", "--blob", &blob, "--get-regexp", r"\.path$"]);
        // One that cannot be read is the person's to see, and stands in the way of nothing.
        Ok(named.finish()?.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()).count())
    }

    /// Git fails at each checkout of a file whose filter is required and cannot be run.
    fn filters_of(&self, commit: &CommitId, content: &mut Content) -> Result<(), GitError> {
        let used = self.used_filters(commit)?;
        if used.is_empty() {
            return Ok(());
        }
        let known = configured(self.git(), self.common_dir())?;
        for name in used {
            let settings = known.get(&name).map(settings_of).unwrap_or_default();
            let command = settings.get("process").or_else(|| settings.get("smudge"));
            match command.and_then(|command| program_of(command)) {
                None if name == "lfs" && command.is_none() => content.notes.push(
                    "files here are kept by Git LFS, which git does not know on this machine: worktrees hold pointers instead of them (`git lfs install`, then `git lfs pull`)"
                        .to_owned(),
                ),
                None => {}
                Some(program) if self.git().has_program(&program) => {}
                Some(program) => {
                    let what = format!("files here need the filter `{name}`, whose program `{program}` is not installed");
                    let remedy = format!("install `{program}`, or see `git config --show-origin --get-regexp '^filter\\.{name}\\.'`");
                    if settings.get("required").is_some_and(|value| is_true(value)) {
                        content.refusals.push(Refusal::new(what, remedy));
                    } else {
                        content.notes.push(format!("{what}: worktrees hold them as they are stored ({remedy})"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Names of the filters that attributes of this commit, or of the repository, give to files.
    fn used_filters(&self, commit: &CommitId) -> Result<BTreeSet<String>, GitError> {
        let grep =
            self.shared(["grep", "-h", "-I", "-F", "-e", "filter=", commit.as_str(), "--", ":(glob)**/.gitattributes"]);
        let found = grep.answer()?.unwrap_or_default();
        let own = fs::read(self.common_dir().join("info").join("attributes")).unwrap_or_default();
        let text = format!("{}\n{}", String::from_utf8_lossy(&found), String::from_utf8_lossy(&own));
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let words = lines.flat_map(str::split_whitespace);
        Ok(words.filter_map(|word| word.strip_prefix("filter=")).map(str::to_owned).collect())
    }

    /// Names that differ in nothing but case are one file there: the second would undo the first.
    fn names_of(&self, commit: &CommitId, root: &Path, content: &mut Content) -> Result<(), GitError> {
        let listed = self.shared(["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit.as_str()]).bytes()?;
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for name in nul_separated(&listed).map(|name| String::from_utf8_lossy(name).into_owned()) {
            if let Some(other) = seen.insert(name.to_lowercase(), name.clone()) {
                let place = root.display();
                content.refusals.push(Refusal::new(
                    format!("`{other}` and `{name}` are one file on the disk of `{place}`, which does not tell upper from lower case"),
                    "name a folder on another disk in `[workspace] root`, or rename one of them (`git mv`)",
                ));
                return Ok(());
            }
        }
        Ok(())
    }
}

/// `filter.<name>.<key>\n<value>`, by key.
fn settings_of(settings: &BTreeSet<String>) -> BTreeMap<String, String> {
    let pair = |setting: &String| {
        let (key, value) = setting.split_once('\n').unwrap_or((setting, "true"));
        Some((key.rsplit_once('.')?.1.to_owned(), value.to_owned()))
    };
    settings.iter().filter_map(pair).filter(|(_, value)| !value.is_empty()).collect()
}

fn is_true(value: &str) -> bool {
    ["true", "yes", "on", "1"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// The program that a command line begins with, where that can be told without a shell.
fn program_of(command: &str) -> Option<String> {
    let first = command.split_whitespace().next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+".contains(c);
    let built_in = ["cd", "exec", "eval", "if", "test", "set", "."].contains(&first);
    (first.chars().all(plain) && !built_in).then(|| first.to_owned())
}

/// Whether the file system of a folder takes `A` and `a` for the same. Looks at names that are there.
fn folds_case(root: &Path) -> bool {
    let there = root.ancestors().filter(|folder| folder.exists());
    let swapped = there.filter_map(|folder| {
        let name = folder.file_name()?.to_str()?;
        let other: String = name
            .chars()
            .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        (other != name).then(|| (folder.to_owned(), folder.with_file_name(other)))
    });
    // The nearest folder whose name has letters tells.
    swapped.take(1).any(|(folder, other)| match (fs::metadata(folder), fs::metadata(other)) {
        (Ok(one), Ok(two)) => (one.dev(), one.ino()) == (two.dev(), two.ino()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_where_no_shell_is_needed() {
        assert_eq!(program_of("git-lfs filter-process").as_deref(), Some("git-lfs"));
        assert_eq!(program_of("/opt/x/clean.sh %f").as_deref(), Some("/opt/x/clean.sh"));
        assert_eq!(program_of("\"git-crypt\" smudge"), None);
        assert_eq!(program_of("A=b tr a b"), None);
        assert_eq!(program_of("exec tr a b"), None);
        assert_eq!(program_of(""), None);
    }

    #[test]
    fn this_file_system_is_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("letters")).unwrap();
        let folds = fs::metadata(dir.path().join("LETTERS")).is_ok();
        assert_eq!(folds_case(&dir.path().join("letters/not/there")), folds);
    }
}
