//! Closing worktrees without losing anything.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use ai_sdlc::kernel::event::KeepWorkspace;
use ai_sdlc::workspace::{EngineFile, delete_trash};

use super::{AT, Field, person, put};

#[test]
fn what_is_in_no_snapshot_is_kept_under_a_ref() {
    let field = Field::new();
    field.write(".env", "SECRET\n");
    let repository = field.repository();
    let worktree = field.worktree("plan");
    repository.copy_in(&worktree, &[".env".to_owned()], &[]).expect("copied");
    let engine = EngineFile { path: ".ai-sdlc/session/x".to_owned(), bytes: b"x".to_vec(), executable: false };
    repository.write_engine_files(&worktree, &[engine]).expect("written");
    assert_eq!(repository.salvage(&worktree, &person(), AT).expect("asked"), None);
    put(&worktree.path, "saved.txt", "saved\n");
    field.snapshot(&worktree);
    assert_eq!(repository.salvage(&worktree, &person(), AT).expect("asked"), None);

    put(&worktree.path, "saved.txt", "changed\n");
    put(&worktree.path, "untracked.txt", "new\n");
    put(&worktree.path, "ignored/cache", "x");
    let first = repository.salvage(&worktree, &person(), AT).expect("asked").expect("something");
    assert_eq!(first.reference, "refs/ai-sdlc/salvage/bcdfghjk/plan/1");
    assert_eq!(field.show(&first.commit, "saved.txt"), "changed");
    let files = field.files_of(&first.reference);
    assert_eq!(files, [".gitignore", "a.txt", "saved.txt", "src/lib.txt", "untracked.txt"]);
    // What is saved is saved once; something else is the next.
    assert_eq!(repository.salvage(&worktree, &person(), AT).expect("asked"), None);
    put(&worktree.path, "untracked.txt", "newer\n");
    let second = repository.salvage(&worktree, &person(), AT).expect("asked").expect("something");
    assert_eq!(second.reference, "refs/ai-sdlc/salvage/bcdfghjk/plan/2");
}

#[test]
fn repositories_within_are_kept_whole() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    let inner = worktree.path.join("vendor/inner");
    field.git_in(&worktree.path, &["init", "-q", "vendor/inner"]);
    put(&inner, "x.txt", "x\n");
    field.git_in(&inner, &["add", "-A"]);
    field.git_in(&inner, &["commit", "-q", "-m", "only here"]);
    put(&inner, "unsaved.txt", "unsaved\n");
    let repository = field.repository();
    let saved = repository.salvage(&worktree, &person(), AT).expect("asked").expect("something");
    assert!(inner.join(".git/HEAD").exists(), "put back");

    // What was saved is a whole repository again.
    let out = field.path("recovered");
    field.git(&["worktree", "add", "-q", "--detach", &out.to_string_lossy(), saved.commit.as_str()]);
    let inner = out.join("vendor/inner");
    fs::rename(inner.join("dot-git.salvaged"), inner.join(".git")).expect("renamed");
    assert_eq!(field.git_in(&inner, &["log", "--format=%s"]), "only here");
    assert_eq!(field.git_in(&inner, &["status", "--porcelain"]), "?? unsaved.txt");
}

#[test]
fn commits_of_the_agent_that_are_nowhere_else_are_kept() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    put(&worktree.path, "b.txt", "b\n");
    field.git_in(&worktree.path, &["add", "-A"]);
    field.git_in(&worktree.path, &["commit", "-q", "-m", "own"]);
    fs::remove_file(worktree.path.join("b.txt")).expect("removed");
    assert_eq!(field.snapshot(&worktree).commit, None);
    let saved = field.repository().salvage(&worktree, &person(), AT).expect("asked").expect("something");
    assert_eq!(field.git(&["show", &format!("{}^2:b.txt", saved.commit)]), "b");
}

#[test]
fn a_closed_worktree_is_gone_at_once_and_deleted_later() {
    let field = Field::new();
    let repository = field.repository();
    let worktree = field.worktree("plan");
    put(&worktree.path, "unsaved.txt", "unsaved\n");
    put(&worktree.path, "ignored/cache/x", "x");
    fs::set_permissions(worktree.path.join("ignored/cache"), fs::Permissions::from_mode(0o500)).expect("set");
    let closed = repository.close(&worktree, KeepWorkspace::Remove, &person(), AT).expect("closed");
    assert_eq!(field.show(&closed.salvaged.expect("saved").commit, "unsaved.txt"), "unsaved");
    assert!(!worktree.path.exists());
    assert!(!worktree.gitdir.exists());
    assert_eq!(field.git(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(repository.list_worktrees(None), []);
    delete_trash(&closed.trash.expect("something is left")).expect("deleted");
    assert_eq!(fs::read_dir(field.path("state")).expect("there").count(), 0);

    // One that somebody deleted is closed without a word.
    let worktree = field.worktree("plan");
    fs::remove_dir_all(&worktree.path).expect("removed");
    let closed = repository.close(&worktree, KeepWorkspace::Remove, &person(), AT).expect("closed");
    assert_eq!((closed.salvaged, closed.trash), (None, None));
    assert_eq!(field.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn worktrees_are_made_used_and_closed_at_the_same_time() {
    let field = Field::new();
    let before = field.fingerprint();
    thread::scope(|scope| {
        for n in 0..8 {
            let field = &field;
            scope.spawn(move || {
                let task = format!("t{n}");
                let work = field.work(&task, "b.txt", &task);
                assert_eq!(field.rev(&field.task_branch(&task)), work.commit);
                assert_eq!(field.show(&work.commit, "b.txt"), task);
                let repository = field.repository();
                let mine = repository.list_worktrees(None).into_iter().find(|w| w.path.ends_with(format!("{task}-1")));
                let closed =
                    repository.close(&mine.expect("listed"), KeepWorkspace::Remove, &person(), AT).expect("closed");
                assert_eq!(closed.salvaged, None);
            });
        }
    });
    assert_eq!(field.git(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(field.fingerprint(), before);
}
