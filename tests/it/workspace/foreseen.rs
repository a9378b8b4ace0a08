//! Merges tried in memory: they agree with the merges that follow, and leave nothing behind.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use ai_sdlc::kernel::collisions::{MergeTry, Merged};
use ai_sdlc::name::{CommitId, TaskId};

use super::Field;

/// A commit on top of `base` with the files as `change` leaves them.
fn commit(field: &Field, base: &CommitId, change: &dyn Fn(&Path)) -> CommitId {
    field.git(&["checkout", "-q", "--detach", base.as_str()]);
    change(&field.root());
    field.git(&["add", "-A"]);
    field.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
    field.repository().resolve("HEAD").expect("a commit")
}

fn work(name: &str, base: &CommitId, commit: &CommitId) -> Merged {
    let task = TaskId::parse(name).expect("an id");
    Merged::Task { task, base: base.clone(), commit: commit.clone() }
}

fn objects(field: &Field) -> String {
    field.git(&["count-objects", "-v"])
}

/// The files in conflict; `None` where it could not be tried.
fn tried(field: &Field, one: Merged, two: Merged) -> Option<Vec<String>> {
    let before = objects(field);
    let tried = field.repository().try_merges(&[MergeTry { one, two }], &|| false);
    assert_eq!(objects(field), before, "something was written");
    tried.into_iter().next().map(|tried| tried.files)
}

fn put(path: &Path, text: &[u8]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

fn numbered(first: &str, last: &str) -> Vec<u8> {
    let middle: Vec<String> = (0..30).map(|number| number.to_string()).collect();
    format!("{first}\n{}\n{last}\n", middle.join("\n")).into_bytes()
}

type Change = Box<dyn Fn(&Path)>;

fn writes(path: &'static str, bytes: &'static [u8]) -> Change {
    Box::new(move |root| put(&root.join(path), bytes))
}

fn removes(path: &'static str) -> Change {
    Box::new(move |root| fs::remove_file(root.join(path)).expect("removed"))
}

fn links(path: &'static str, to: &'static str) -> Change {
    Box::new(move |root| {
        fs::remove_file(root.join(path)).ok();
        symlink(to, root.join(path)).expect("linked");
    })
}

#[test]
fn kinds_of_changes_collide_as_they_will_when_they_are_merged() {
    let field = Field::new();
    put(&field.root().join("long.txt"), &numbered("first", "last"));
    put(&field.root().join("image.bin"), b"\0\x01\x02");
    put(&field.root().join("big.lfs"), b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1\n");
    symlink("a.txt", field.root().join("link")).expect("linked");
    field.commit("more");
    let base = field.repository().resolve("HEAD").expect("a commit");
    let renames =
        || -> Change { Box::new(|root| fs::rename(root.join("long.txt"), root.join("renamed.txt")).expect("renamed")) };
    let ends = |first: &'static str, last: &'static str| -> Change {
        Box::new(move |root| put(&root.join("long.txt"), &numbered(first, last)))
    };
    let folder = || -> Change {
        Box::new(|root| {
            fs::remove_file(root.join("a.txt")).expect("removed");
            put(&root.join("a.txt/inside"), b"in\n");
        })
    };
    let cases: Vec<(&str, Change, Change, &[&str])> = vec![
        ("the same line", writes("a.txt", b"1\ntwo\nthree\n"), writes("a.txt", b"uno\ntwo\nthree\n"), &["a.txt"]),
        ("the same change", writes("a.txt", b"1\n"), writes("a.txt", b"1\n"), &[]),
        ("other files", writes("x", b"x\n"), writes("y", b"y\n"), &[]),
        ("other lines", ends("FIRST", "last"), ends("first", "LAST"), &[]),
        ("a file added twice", writes("new", b"one\n"), writes("new", b"two\n"), &["new"]),
        ("deleted and changed", removes("a.txt"), writes("a.txt", b"1\n"), &["a.txt"]),
        ("deleted twice", removes("a.txt"), removes("a.txt"), &[]),
        ("renamed and changed", renames(), ends("FIRST", "last"), &[]),
        ("binary", writes("image.bin", b"\0\x03"), writes("image.bin", b"\0\x04"), &["image.bin"]),
        (
            "pointers to large files",
            writes("big.lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:bb\nsize 1\n"),
            writes("big.lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:cc\nsize 1\n"),
            &["big.lfs"],
        ),
        ("links", links("link", "x"), links("link", "y"), &["link"]),
    ];
    for (what, one, two, files) in cases {
        let (first, second) = (commit(&field, &base, &one), commit(&field, &base, &two));
        let found = tried(&field, work("one", &base, &first), work("two", &base, &second));
        assert_eq!(
            found.as_deref(),
            Some(files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>().as_slice()),
            "{what}"
        );
    }
    let (first, second) = (commit(&field, &base, &folder()), commit(&field, &base, &*writes("a.txt", b"1\n")));
    let found = tried(&field, work("one", &base, &first), work("two", &base, &second)).expect("tried");
    assert!(found.contains(&"a.txt".to_owned()), "a folder where the other has a file: {found:?}");
}

#[test]
fn submodules_at_two_commits_collide() {
    let field = Field::new();
    let base = field.repository().resolve("HEAD").expect("a commit");
    let with = |id: char| {
        field.git(&["checkout", "-q", "--detach", base.as_str()]);
        let entry = format!("160000,{},sub", id.to_string().repeat(40));
        field.git(&["update-index", "--add", "--cacheinfo", &entry]);
        field.git(&["commit", "-q", "-m", "with a submodule"]);
        field.repository().resolve("HEAD").expect("a commit")
    };
    let (one, two) = (with('a'), with('b'));
    assert_eq!(tried(&field, work("one", &base, &one), work("two", &base, &two)), Some(vec!["sub".to_owned()]));
    assert_eq!(tried(&field, work("one", &base, &one), work("two", &base, &one)), Some(Vec::new()));
}

#[test]
fn work_that_began_at_different_commits_is_not_blamed_for_what_lies_between() {
    let field = Field::new();
    let base = field.repository().resolve("HEAD").expect("a commit");
    let early = commit(&field, &base, &*writes("x", b"early\n"));
    let merged = commit(&field, &base, &*writes("a.txt", b"merged meanwhile\n"));
    let late = commit(&field, &merged, &*writes("y", b"late\n"));
    let both = |one: &CommitId, two: &CommitId| {
        let found = tried(&field, work("one", &base, one), work("two", &merged, two));
        assert_eq!(found, tried(&field, work("two", &merged, two), work("one", &base, one)), "the order says nothing");
        found
    };
    assert_eq!(both(&early, &late), Some(Vec::new()));
    let same = commit(&field, &merged, &*writes("x", b"late\n"));
    assert_eq!(both(&early, &same), Some(vec!["x".to_owned()]));
    // That it collides with what was merged is told of it and integration, not of it and the other.
    let behind = commit(&field, &base, &*writes("a.txt", b"early\n"));
    assert_eq!(both(&behind, &late), None);
    let tip = Merged::Integration { commit: merged.clone() };
    assert_eq!(tried(&field, work("one", &base, &behind), tip), Some(vec!["a.txt".to_owned()]));
}

#[test]
fn only_its_own_files_are_told_of_work_and_a_branch_that_went_on() {
    let field = Field::new();
    let base = field.repository().resolve("HEAD").expect("a commit");
    let merged = commit(&field, &base, &*writes("a.txt", b"merged meanwhile\n"));
    let own = commit(&field, &merged, &*writes("src/lib.txt", b"own\n"));
    let into = || Merged::Into { branch: "main".to_owned() };
    assert_eq!(tried(&field, work("one", &merged, &own), into()), Some(Vec::new()), "it has nothing new");
    let theirs = commit(&field, &base, &|root| put(&root.join("a.txt"), b"theirs\n"));
    field.git(&["branch", "-f", "main", theirs.as_str()]);
    assert_eq!(tried(&field, work("one", &merged, &own), into()), Some(Vec::new()), "what others made is not its own");
    assert_eq!(tried(&field, Merged::Integration { commit: merged.clone() }, into()), Some(vec!["a.txt".to_owned()]));
    let theirs = commit(&field, &base, &|root| put(&root.join("src/lib.txt"), b"theirs\n"));
    field.git(&["branch", "-f", "main", theirs.as_str()]);
    assert_eq!(tried(&field, work("one", &merged, &own), into()), Some(vec!["src/lib.txt".to_owned()]));
    assert_eq!(tried(&field, work("one", &merged, &own), Merged::Into { branch: "gone".to_owned() }), Some(Vec::new()));
}

#[test]
fn what_cannot_be_tried_is_left_out_and_no_failure() {
    let field = Field::new();
    let base = field.repository().resolve("HEAD").expect("a commit");
    let gone = CommitId::parse(&"d".repeat(40)).expect("an id");
    assert_eq!(tried(&field, work("one", &base, &gone), work("two", &base, &base)), None);
    let one = commit(&field, &base, &*writes("x", b"1\n"));
    let merge = MergeTry { one: work("one", &base, &one), two: work("two", &base, &one) };
    assert!(field.repository().try_merges(&[merge], &|| true).is_empty(), "nobody waits for it any more");
}
