//! Agents that break their worktree, by accident or with intent.

use std::fs;
use std::os::unix::fs::symlink;

use ai_sdlc::handoff::Change;
use ai_sdlc::kernel::event::KeepWorkspace;
use ai_sdlc::workspace::{EngineFile, GitError, SnapshotAsk, WorkspaceError, Worktree};

use super::{AT, Field, person, put, task_id, trap};

fn added(field: &Field, worktree: &Worktree) -> Vec<(String, Change)> {
    field.snapshot(worktree).files.into_iter().map(|file| (file.path, file.change)).collect()
}

#[test]
fn a_rewritten_git_file_leads_nowhere_and_is_put_back() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    let mark = field.path("mark");
    trap(&field.path("evil/monitor"), &mark);
    field.git_in(&field.path("evil"), &["init", "-q", "repo"]);
    field
        .git_in(&field.path("evil/repo"), &["config", "core.fsmonitor", &field.path("evil/monitor").to_string_lossy()]);
    let evil = format!("gitdir: {}\n", field.path("evil/repo/.git").display());
    fs::write(worktree.path.join(".git"), evil).expect("written");
    put(&worktree.path, "b.txt", "b\n");
    let snapshot = field.snapshot(&worktree);
    assert_eq!(snapshot.notes, ["the worktree's `.git` had been changed; it was put back"]);
    assert_eq!(field.rev(&field.task_branch("plan")), snapshot.commit.expect("a commit"));
    assert!(!mark.exists());
    assert_eq!(field.git_in(&worktree.path, &["rev-parse", "HEAD"]), worktree.base.as_str());

    // A whole repository in its place, a link in its place, nothing in its place.
    fs::remove_file(worktree.path.join(".git")).expect("removed");
    field.git_in(&worktree.path, &["init", "-q"]);
    put(&worktree.path, "c.txt", "c\n");
    assert_eq!(field.snapshot(&worktree).files.len(), 2);
    fs::remove_file(worktree.path.join(".git")).expect("a file again");
    symlink(field.path("evil/repo/.git"), worktree.path.join(".git")).expect("linked");
    assert_eq!(field.snapshot(&worktree).files.len(), 2);
    fs::remove_file(worktree.path.join(".git")).expect("a file again");
    assert_eq!(field.snapshot(&worktree).files.len(), 2);
    assert!(!mark.exists());
}

#[test]
fn planted_hooks_monitors_and_settings_run_nothing() {
    let field = Field::new();
    let mark = field.path("mark");
    let hooks = ["pre-commit", "post-checkout", "post-index-change", "reference-transaction", "post-merge", "pre-push"];
    for hook in hooks {
        trap(&field.root().join(".git/hooks").join(hook), &mark);
    }
    let program = field.path("evil");
    trap(&program, &mark);
    for key in ["core.fsmonitor", "core.pager", "core.editor", "gpg.program", "diff.external", "core.askPass"] {
        field.git(&["config", key, &program.to_string_lossy()]);
    }
    field.git(&["config", "commit.gpgSign", "true"]);
    let repository = field.repository();
    let base = repository.resolve("HEAD").expect("a commit");
    repository.create_integration(&field.run, &base).expect("made");
    let worktree = field.worktree("plan");
    put(&worktree.path, "b.txt", "b\n");
    let commit = field.snapshot(&worktree).commit.expect("a commit");
    repository.diff(&base, &commit).expect("a diff");
    repository.restore(&worktree, &base, &[]).expect("restored");
    repository.close(&worktree, KeepWorkspace::Remove, &person(), AT).expect("closed");
    assert!(!mark.exists(), "{}", fs::read_to_string(&mark).unwrap_or_default());
}

#[test]
fn what_the_agent_did_to_head_index_and_branches_does_not_matter() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    put(&worktree.path, "b.txt", "b\n");
    field.git_in(&worktree.path, &["checkout", "-q", "-b", "own"]);
    field.git_in(&worktree.path, &["add", "-A"]);
    field.git_in(&worktree.path, &["commit", "-q", "-m", "own"]);
    put(&worktree.path, "c.txt", "c\n");
    field.git_in(&worktree.path, &["rm", "-q", "--cached", "a.txt"]);
    let snapshot = field.snapshot(&worktree);
    let paths: Vec<&str> = snapshot.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["b.txt", "c.txt"]);
    assert_eq!(field.rev(&format!("{}^", snapshot.commit.expect("a commit"))), worktree.base);

    for broken in ["", "garbage", "ref: nonsense"] {
        fs::write(worktree.gitdir.join("HEAD"), broken).expect("written");
        assert_eq!(field.snapshot(&worktree).files.len(), 2, "{broken}");
    }
}

#[test]
fn locks_left_by_a_killed_git_are_no_obstacle() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    put(&worktree.path, "b.txt", "b\n");
    fs::write(worktree.gitdir.join("index.lock"), "").expect("written");
    fs::write(field.root().join(".git/ai-sdlc/worktrees/bcdfghjk/plan-1/index.lock"), "").expect("written");
    assert_eq!(added(&field, &worktree), [("b.txt".to_owned(), Change::Added)]);
}

#[test]
fn a_worktree_whose_git_folder_is_gone_still_gives_its_work() {
    let field = Field::new();
    field.write(".env", "SECRET\n");
    let worktree = field.worktree("plan");
    field.repository().copy_in(&worktree, &[".env".to_owned()], &[]).expect("copied");
    put(&worktree.path, "b.txt", "b\n");
    fs::remove_dir_all(&worktree.gitdir).expect("removed");
    assert_eq!(added(&field, &worktree), [("b.txt".to_owned(), Change::Added)]);
    assert_eq!(field.git_in(&worktree.path, &["rev-parse", "HEAD"]), worktree.base.as_str());
    fs::remove_dir_all(&worktree.path).expect("removed");
    assert!(matches!(field.try_snapshot(&worktree), Err(WorkspaceError::Gone { .. })));
}

#[test]
fn nothing_is_written_through_links_that_an_agent_planted() {
    let field = Field::new();
    field.write(".env", "SECRET\n");
    field.write("conf/x", "x");
    let worktree = field.worktree("plan");
    let outside = field.path("outside");
    fs::create_dir_all(&outside).expect("made");
    symlink(&outside, worktree.path.join(".claude")).expect("linked");
    symlink(&outside, worktree.path.join("conf")).expect("linked");
    symlink(outside.join("target"), worktree.path.join(".env")).expect("linked");
    let repository = field.repository();
    let skill = EngineFile { path: ".claude/skills/ai-sdlc-x/SKILL.md".to_owned(), bytes: vec![], executable: false };
    let refused = repository.write_engine_files(&worktree, &[skill]);
    assert!(matches!(refused, Err(WorkspaceError::Unsafe { .. })), "{refused:?}");
    assert!(repository.copy_in(&worktree, &["conf/x".to_owned()], &[]).is_err());
    repository.copy_in(&worktree, &[".env".to_owned()], &[]).expect("the link itself is replaced");
    assert_eq!(fs::read_dir(&outside).expect("there").count(), 0);
}

#[test]
fn links_are_committed_as_links_and_never_followed() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    symlink("/etc", worktree.path.join("etc")).expect("linked");
    fs::remove_dir_all(worktree.path.join("src")).expect("removed");
    symlink(field.path("home"), worktree.path.join("src")).expect("linked");
    let snapshot = field.snapshot(&worktree);
    let files = field.files_of(snapshot.commit.expect("a commit").as_str());
    assert_eq!(files, [".gitignore", "a.txt", "etc", "src"]);
}

#[test]
fn repositories_within_are_told_and_left_out() {
    let field = Field::new();
    let worktree = field.worktree("plan");
    put(&worktree.path, "b.txt", "b\n");
    // One without a commit stops `git add`, one with a commit would become a dangling link.
    field.git_in(&worktree.path, &["init", "-q", "empty"]);
    put(&worktree.path, "empty/x", "x");
    field.git_in(&worktree.path, &["init", "-q", "deep/full"]);
    put(&worktree.path, "deep/full/x", "x");
    field.git_in(&worktree.path.join("deep/full"), &["add", "-A"]);
    field.git_in(&worktree.path.join("deep/full"), &["commit", "-q", "-m", "x"]);
    let snapshot = field.snapshot(&worktree);
    let files = field.files_of(snapshot.commit.expect("a commit").as_str());
    assert_eq!(files, [".gitignore", "a.txt", "b.txt", "src/lib.txt"]);
    assert_eq!(snapshot.notes.len(), 2, "{:?}", snapshot.notes);
    // In a folder of the repository itself it changes nothing.
    field.git_in(&worktree.path, &["init", "-q", "src"]);
    put(&worktree.path, "src/more.txt", "more");
    let files = field.files_of(field.snapshot(&worktree).commit.expect("a commit").as_str());
    assert_eq!(files, [".gitignore", "a.txt", "b.txt", "src/lib.txt", "src/more.txt"]);
}

#[test]
fn a_submodule_with_settings_of_the_agents_runs_nothing() {
    let field = Field::new();
    field.git_in(&field.path("home"), &["init", "-q", "library"]);
    put(&field.path("home/library"), "x.txt", "x\n");
    field.git_in(&field.path("home/library"), &["add", "-A"]);
    field.git_in(&field.path("home/library"), &["commit", "-q", "-m", "x"]);
    let url = field.path("home/library").to_string_lossy().into_owned();
    field.git(&["submodule", "--quiet", "add", &url, "lib"]);
    field.commit("with a submodule");
    let worktree = field.worktree("plan");
    field.git_in(&worktree.path, &["submodule", "--quiet", "update", "--init"]);
    let lib = worktree.path.join("lib");
    let mark = field.path("mark");
    trap(&field.path("evil"), &mark);
    let evil = field.path("evil").to_string_lossy().into_owned();
    field.git_in(&lib, &["config", "filter.evil.clean", &evil]);
    field.git_in(&lib, &["config", "core.fsmonitor", &evil]);
    put(&lib, ".gitattributes", "* filter=evil\n");
    put(&lib, "x.txt", "y\n");
    fs::remove_file(worktree.path.join(".gitmodules")).expect("removed");
    let files: Vec<String> = field.snapshot(&worktree).files.into_iter().map(|file| file.path).collect();
    assert_eq!(files, [".gitmodules"]);
    field.repository().restore(&worktree, &worktree.base, &[]).expect("restored");
    field.repository().close(&worktree, KeepWorkspace::Remove, &person(), AT).expect("closed");
    assert!(!mark.exists(), "{}", fs::read_to_string(&mark).unwrap_or_default());
}

#[test]
fn a_filter_that_an_agent_set_up_is_not_run() {
    let field = Field::new();
    field.git(&["config", "filter.known.clean", "cat"]);
    let repository = field.repository();
    let worktree = field.worktree("plan");
    let mark = field.path("mark");
    trap(&field.path("evil"), &mark);
    let evil = field.path("evil").to_string_lossy().into_owned();
    for part in ["clean", "smudge", "process"] {
        field.git_in(&worktree.path, &["config", &format!("filter.e=vil.{part}"), &evil]);
    }
    field.git_in(&worktree.path, &["config", "filter.e=vil.required", "true"]);
    put(&worktree.path, ".gitattributes", "* filter=e=vil\n");
    put(&worktree.path, "b.txt", "b\n");
    let identity = person();
    let task = task_id("plan");
    let ask = SnapshotAsk {
        task: &task,
        branch: None,
        title: "Work",
        agent: None,
        identity: &identity,
        at: AT,
        exclude: &[],
    };
    let commit = repository.snapshot(&worktree, &ask).expect("a snapshot").commit.expect("a commit");
    put(&worktree.path, "b.txt", "changed\n");
    assert_eq!(repository.restore(&worktree, &commit, &[]).expect("restored"), ["b.txt"]);
    repository.checkout_candidate(&field.run, &commit, &field.path("state/merge"), &[]).expect("checked out");
    assert!(!mark.exists());
    assert_eq!(field.show(&commit, "b.txt"), "b");

    field.git(&["config", "filter.known.clean", "tr a b"]);
    let refused = repository.snapshot(&worktree, &ask);
    assert!(matches!(refused, Err(WorkspaceError::Git(GitError::FilterChanged { .. }))), "{refused:?}");
}
