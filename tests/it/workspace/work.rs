//! Worktrees and snapshots in the ordinary case.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use ai_sdlc::handoff::{Change, FileChange};
use ai_sdlc::kernel::event::KeepWorkspace;
use ai_sdlc::name::Attempt;
use ai_sdlc::workspace::{EngineFile, Repository, WorkspaceError, WorktreeAsk, WorktreeOf};

use super::{AT, Field, person, put, task_id};

fn change(path: &str, change: Change, added: u32, removed: u32) -> FileChange {
    FileChange { path: path.to_owned(), change, added, removed }
}

#[test]
fn work_becomes_a_commit_on_the_base_and_the_person_notices_nothing() {
    let field = Field::new();
    field.write("a.txt", "one\nmine\nthree\n");
    field.write("staged.txt", "staged\n");
    field.git(&["add", "staged.txt"]);
    field.write("untracked.txt", "untracked\n");
    let before = field.fingerprint();

    let worktree = field.worktree("plan");
    put(&worktree.path, "a.txt", "one\nTWO\nthree\nfour\n");
    put(&worktree.path, "new dir/ü.txt", "x\ny\n");
    put(&worktree.path, "ignored/cache", "x");
    fs::remove_file(worktree.path.join("src/lib.txt")).expect("removed");
    let snapshot = field.snapshot(&worktree);

    let commit = snapshot.commit.expect("a commit");
    assert_eq!(
        snapshot.files,
        [
            change("a.txt", Change::Modified, 2, 1),
            change("new dir/ü.txt", Change::Added, 2, 0),
            change("src/lib.txt", Change::Deleted, 0, 1),
        ]
    );
    assert_eq!(snapshot.notes, Vec::<String>::new());
    assert_eq!(field.rev(&format!("{commit}^")), worktree.base);
    assert_eq!(field.rev(&field.task_branch("plan")), commit);
    let body = field.git(&["show", "-s", "--format=%an <%ae> %cd%n%B", "--date=unix", commit.as_str()]);
    insta::assert_snapshot!(body, @r"
    Pat Person <pat@example.org> 1800000000
    Work

    Ai-Sdlc-Run: bcdfghjk
    Ai-Sdlc-Task: plan
    Ai-Sdlc-Agent: command
    ");
    assert_eq!(field.fingerprint(), before);
}

#[test]
fn the_same_files_at_the_same_time_are_the_same_commit() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    put(&worktree.path, "b.txt", "b\n");
    let first = field.snapshot(&worktree);
    assert_eq!(field.snapshot(&worktree), first);
    put(&worktree.path, "b.txt", "c\n");
    let second = field.snapshot(&worktree);
    assert_ne!(second.commit, first.commit);
    assert_eq!(Some(field.rev(&field.task_branch("plan"))), second.commit);
}

#[test]
fn nothing_changed_is_no_commit_and_takes_the_branch_away_again() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    assert_eq!(field.snapshot(&worktree).commit, None);
    put(&worktree.path, "b.txt", "b\n");
    assert!(field.snapshot(&worktree).commit.is_some());
    fs::remove_file(worktree.path.join("b.txt")).expect("removed");
    assert_eq!(field.snapshot(&worktree).commit, None);
    assert!(!field.try_git_in(&field.root(), &["rev-parse", "--verify", "-q", &field.task_branch("plan")]).0);
}

#[test]
fn a_branch_of_somebody_else_is_never_moved() {
    let field = Field::new();
    let branch = field.task_branch("plan");
    field.git(&["branch", &branch]);
    let worktree = field.worktree("plan");
    put(&worktree.path, "b.txt", "b\n");
    let refused = field.try_snapshot(&worktree);
    assert!(matches!(refused, Err(WorkspaceError::BranchTaken { .. })), "{refused:?}");
    assert_eq!(field.rev(&branch), field.rev("main"));
}

#[test]
fn a_branch_that_the_person_looks_at_is_left_and_told() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    put(&worktree.path, "b.txt", "b\n");
    let first = field.snapshot(&worktree).commit.expect("a commit");
    field.git(&["checkout", "-q", &field.task_branch("plan")]);
    put(&worktree.path, "b.txt", "c\n");
    let second = field.snapshot(&worktree);
    assert_eq!(field.rev("HEAD"), first);
    assert_eq!(second.notes.len(), 1);
    assert!(second.notes[0].contains("is checked out at"), "{}", second.notes[0]);
}

#[test]
fn a_worktree_is_found_again_made_again_or_refused() {
    let field = Field::new();
    let repository = field.repository();
    let worktree = field.worktree("plan");
    put(&worktree.path, "kept.txt", "kept");
    assert_eq!(field.worktree("plan"), worktree);
    assert!(worktree.path.join("kept.txt").exists());
    assert_eq!(field.git_in(&worktree.path, &["rev-parse", "--abbrev-ref", "HEAD"]), "HEAD");
    assert!(field.git(&["worktree", "list", "--porcelain"]).contains("locked in use by ai-sdlc run bcdfghjk"));
    assert_eq!(repository.list_worktrees(None), std::slice::from_ref(&worktree));
    let of = WorktreeOf::attempt(&task_id("plan"), Attempt::FIRST);
    assert_eq!(repository.find_worktree(&field.run, &of), Some(worktree.clone()));

    // Deleted under the run: made again, also where git still knows of it.
    fs::remove_dir_all(&worktree.path).expect("removed");
    assert_eq!(field.worktree("plan").path, worktree.path);
    assert!(worktree.path.join("a.txt").exists());

    // Something else lies there.
    let path = field.path("state/other");
    fs::create_dir_all(&path).expect("made");
    let of = WorktreeOf::attempt(&task_id("other"), Attempt::FIRST);
    let ask = WorktreeAsk { path: path.clone(), start: &field.rev("HEAD"), run: &field.run, of };
    assert!(matches!(repository.add_worktree(&ask), Err(WorkspaceError::Taken { .. })));
    let long = WorktreeAsk { path: path.join("x".repeat(1_100)), ..ask };
    assert!(matches!(repository.add_worktree(&long), Err(WorkspaceError::TooLong { .. })));
}

#[test]
fn a_worktree_that_was_only_half_made_is_made_again() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    let record = field.root().join(".git/ai-sdlc/worktrees/bcdfghjk/plan-1/record.json");
    let text = fs::read_to_string(&record).expect("a record");
    let gitdir = worktree.gitdir.to_string_lossy().into_owned();
    let half = text.replace(&format!("\"gitdir\":\"{gitdir}\""), "\"gitdir\":null");
    assert_ne!(half, text);
    fs::write(&record, half).expect("written");
    fs::remove_file(worktree.path.join("a.txt")).expect("removed");
    let again = field.worktree("plan");
    assert!(again.path.join("a.txt").exists());
    assert_eq!(field.git(&["worktree", "list"]).lines().count(), 2);
}

#[test]
fn copies_links_and_engine_files_are_there_and_never_committed() {
    let field = Field::new();
    field.write(".env", "SECRET=1\n");
    field.write("conf/local/a.json", "{}");
    field.write("conf/local/b.txt", "b");
    field.write("node_modules/left/pad.js", "pad");
    fs::set_permissions(field.root().join(".env"), fs::Permissions::from_mode(0o600)).expect("set");
    let repository = field.repository();
    let worktree = field.worktree("plan");
    let copy = [".env", "conf/**/*.json", "missing.txt", "../home/.gitconfig"].map(str::to_owned);
    let link = ["node_modules/", "src", "gone"].map(str::to_owned);
    let notes = repository.copy_in(&worktree, &copy, &link).expect("copied");
    assert_eq!(notes.len(), 4, "{notes:?}");
    let text = |path: &str| fs::read_to_string(worktree.path.join(path)).unwrap_or_default();
    assert_eq!(text(".env"), "SECRET=1\n");
    let mode = fs::metadata(worktree.path.join(".env")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(text("conf/local/a.json"), "{}");
    assert_eq!(text("node_modules/left/pad.js"), "pad");
    assert!(!worktree.path.join("conf/local/b.txt").exists());

    let file = |path: &str| EngineFile { path: path.to_owned(), bytes: b"ours".to_vec(), executable: true };
    let files = [file(".claude/skills/ai-sdlc-test/SKILL.md"), file(".ai-sdlc/session/handoff.md"), file("a.txt")];
    let notes = repository.write_engine_files(&worktree, &files).expect("written");
    assert_eq!(notes, ["`a.txt` is a file of the repository; the engine's own was left out"]);
    assert_eq!(text(".claude/skills/ai-sdlc-test/SKILL.md"), "ours");
    put(&worktree.path, ".claude/skills/ai-sdlc-test/__pycache__/x", "left by a script");
    put(&worktree.path, ".ai-sdlc/session/outputs.json", "left by the agent");
    put(&worktree.path, ".claude/skills/own/SKILL.md", "the agent's work");

    let snapshot = field.snapshot(&worktree);
    assert_eq!(snapshot.files, [change(".claude/skills/own/SKILL.md", Change::Added, 1, 0)]);
    // A check's clean-up does not take them away.
    repository.restore(&worktree, &worktree.base, &[]).expect("restored");
    assert_eq!(text(".env"), "SECRET=1\n");
    assert_eq!(text(".ai-sdlc/session/handoff.md"), "ours");
}

#[test]
fn what_a_check_changed_is_put_back_and_told() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    put(&worktree.path, "a.txt", "work\n");
    put(&worktree.path, "made.txt", "made\n");
    let commit = field.snapshot(&worktree).commit.expect("a commit");
    let repository = field.repository();
    assert_eq!(repository.restore(&worktree, &commit, &[]).expect("restored"), Vec::<String>::new());

    // Written again as it was.
    put(&worktree.path, "a.txt", "work\n");
    assert_eq!(repository.restore(&worktree, &commit, &[]).expect("restored"), Vec::<String>::new());

    put(&worktree.path, "a.txt", "WORK\n");
    put(&worktree.path, "deep/er/new.txt", "by the check");
    put(&worktree.path, "ignored/cache", "kept");
    fs::remove_file(worktree.path.join("made.txt")).expect("removed");
    fs::remove_dir_all(worktree.path.join("src")).expect("removed");
    symlink(field.path("home"), worktree.path.join("src")).expect("linked");
    let changed = repository.restore(&worktree, &commit, &[]).expect("restored");
    assert_eq!(changed, ["a.txt", "deep/er/new.txt", "made.txt", "src", "src/lib.txt"]);
    let text = |path: &str| fs::read_to_string(worktree.path.join(path)).unwrap_or_default();
    assert_eq!(text("a.txt"), "work\n");
    assert_eq!(text("made.txt"), "made\n");
    assert_eq!(text("src/lib.txt"), "lib\n");
    assert_eq!(text("ignored/cache"), "kept");
    assert!(!worktree.path.join("deep").exists());
    assert!(!field.path("home/lib.txt").exists());
    assert_eq!(field.snapshot(&worktree).commit, Some(commit.clone()));
    // To the base and to the work again.
    let both = ["a.txt", "made.txt"];
    assert_eq!(repository.restore(&worktree, &worktree.base, &[]).expect("restored"), both);
    assert_eq!(text("a.txt"), "one\ntwo\nthree\n");
    assert_eq!(repository.restore(&worktree, &commit, &[]).expect("restored"), both);
    assert_eq!(text("made.txt"), "made\n");
}

#[test]
fn work_of_an_earlier_attempt_is_put_on_top_unsaved() {
    let field = Field::new();
    let first = field.worktree("plan");
    put(&first.path, "a.txt", "one\nTWO\nthree\n");
    put(&first.path, "b.txt", "b\n");
    let work = field.snapshot(&first).commit.expect("a commit");
    field.write("a.txt", "one\ntwo\nthree\nfour\nfive\nsix\n");
    let ahead = field.commit("meanwhile");
    let repository: Repository = field.repository();

    let on_top = field.worktree_at("again", &ahead);
    assert_eq!(repository.put_work(&on_top, &first.base, &work).expect("put"), Vec::<String>::new());
    let text = fs::read_to_string(on_top.path.join("a.txt")).expect("there");
    assert_eq!(text, "one\nTWO\nthree\nfour\nfive\nsix\n");
    let snapshot = field.snapshot(&on_top);
    assert_eq!(snapshot.files, [change("a.txt", Change::Modified, 1, 1), change("b.txt", Change::Added, 1, 0)]);

    field.write("a.txt", "one\nother\nthree\n");
    let ahead = field.commit("same line");
    let conflicting = field.worktree_at("third", &ahead);
    let notes = repository.put_work(&conflicting, &first.base, &work).expect("put");
    assert_eq!(notes, ["`a.txt` conflicts with what was merged meanwhile: both sides are in it, marked"]);
    let text = fs::read_to_string(conflicting.path.join("a.txt")).expect("there");
    assert!(text.contains("<<<<<<< merged meanwhile\nother\n=======\nTWO\n>>>>>>> this task\n"), "{text}");
    let closed = repository.close(&conflicting, KeepWorkspace::Remove, &person(), AT).expect("closed");
    assert!(closed.salvaged.is_some());
}
