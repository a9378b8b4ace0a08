//! What git prints and what its own small files hold. The first line says which, the rest is it.

use std::collections::BTreeSet;
use std::path::Path;

use ai_sdlc::workspace::printed::{self, CheckedOut, Head};
use ai_sdlc::workspace::{GitVersion, RunBranch, SalvagedWork};

/// Output of git.
pub fn git(data: &[u8]) -> Option<bool> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let (what, printed) = (str::from_utf8(&data[..end]).ok()?, &data[end + 1..]);
    match what {
        "changes" => Some(changes(printed)),
        "tree" => Some(tree(printed)),
        "worktrees" => Some(worktrees(printed)),
        "filters" => Some(filters(printed)),
        "files" => Some(files(printed)),
        "refs" => Some(refs(str::from_utf8(printed).ok()?)),
        "version" => {
            let read = GitVersion::parse(str::from_utf8(printed).ok()?);
            if let Some(version) = read {
                assert_eq!(GitVersion::parse(&format!("git version {version}.0")), read);
            }
            Some(read.is_some())
        }
        _ => None,
    }
}

/// Every path told is one that was printed, in that order, and the same entries written out again are read the same.
fn changes(given: &[u8]) -> bool {
    let changes = printed::changes(given);
    let parts: Vec<&[u8]> = given.split(|byte| *byte == 0).filter(|part| !part.is_empty()).collect();
    assert!(2 * changes.len() <= parts.len(), "entries of nothing");
    let mut left = parts.iter();
    for change in &changes {
        assert!(left.any(|part| *part == change.path), "a path that was not printed");
    }
    let mut again = Vec::new();
    for change in &changes {
        let letter = match change.change {
            ai_sdlc::handoff::Change::Added => 'A',
            ai_sdlc::handoff::Change::Modified => 'M',
            ai_sdlc::handoff::Change::Deleted => 'D',
        };
        let new = if change.became_gitlink { "160000" } else { "100644" };
        again.extend_from_slice(format!(":100644 {new} {:040} {:040} {letter}\0", 0, 0).as_bytes());
        again.extend_from_slice(&change.path);
        again.push(0);
    }
    for change in &changes {
        again.extend_from_slice(format!("{}\t{}\t", change.added, change.removed).as_bytes());
        again.extend_from_slice(&change.path);
        again.push(0);
    }
    assert_eq!(printed::changes(&again), changes);
    for change in changes {
        assert_eq!(change.path(), change.told().path);
    }
    !parts.is_empty()
}

fn tree(given: &[u8]) -> bool {
    let text = String::from_utf8_lossy(given);
    let rows = given.split(|byte| *byte == 0).filter(|row| !row.is_empty()).count();
    let links = printed::gitlinks(given);
    let size = printed::tree_size(&text);
    assert!(links.len() <= rows && size.files <= rows);
    assert!(links.iter().all(|(path, commit)| text.contains(path.as_str()) && text.contains(commit.as_str())));
    let again: Vec<String> = links.iter().map(|(path, commit)| format!("160000 commit {commit}\t{path}\0")).collect();
    assert_eq!(printed::gitlinks(again.concat().as_bytes()), links);
    size.files > 0
}

fn worktrees(given: &[u8]) -> bool {
    let found = printed::checkouts(given);
    let lines: BTreeSet<&[u8]> = given.split(|byte| *byte == b'\n').collect();
    for checkout in &found {
        match &checkout.head {
            CheckedOut::Branch(branch) => assert!(lines.contains([b"branch ".as_slice(), branch].concat().as_slice())),
            CheckedOut::Detached => assert!(lines.contains(b"detached".as_slice())),
        }
    }
    !found.is_empty()
}

fn filters(given: &[u8]) -> bool {
    let found = printed::filters(given);
    let again: Vec<String> = found.values().flatten().map(|setting| format!("{setting}\0")).collect();
    assert_eq!(printed::filters(again.concat().as_bytes()), found, "settings are kept whole");
    !found.is_empty()
}

/// Refs of runs, as `for-each-ref` tells them: of salvaged work, and branches.
fn refs(text: &str) -> bool {
    let salvaged = SalvagedWork::parse(text);
    if let Some(work) = &salvaged {
        assert!(work.reference.contains(work.run.as_str()) && text.contains(work.commit.as_str()));
        assert!(!work.name().is_empty());
    }
    let branches: Vec<RunBranch> = text.lines().filter_map(RunBranch::parse).collect();
    assert!(branches.iter().all(|branch| branch.name.starts_with(&format!("ai-sdlc/{}", branch.run))));
    salvaged.is_some() || !branches.is_empty()
}

/// `.git`, HEAD, packed-refs: one is as good as another to read all of them from.
fn files(given: &[u8]) -> bool {
    let target = printed::git_file(given);
    assert!(target.as_os_str().len() <= given.len());
    assert_eq!(printed::git_file(b"gitdir: ../x/.git\n"), Path::new("../x/.git"));
    let Ok(text) = str::from_utf8(given) else { return false };
    let head = printed::head(text);
    match &head {
        Some(Head::Commit(commit)) => {
            assert_eq!(printed::head(&format!("{commit}\n")), head);
            let packed = format!("# pack-refs with: peeled\n{text}\n{commit} refs/heads/main\n^{commit}\n");
            assert_eq!(printed::packed(&packed, "refs/heads/main").as_ref(), Some(commit));
        }
        Some(Head::Ref(name)) => {
            assert_eq!(printed::head(&format!("ref: {name}")), head);
            let _found = printed::packed(text, name);
        }
        None => {}
    }
    head.is_some()
}
