//! Candidates, the integration branch, delivery.

#![expect(clippy::panic, reason = "functions that tests share")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use ai_sdlc::kernel::event::MergeSource;
use ai_sdlc::kernel::fact::{CandidateResult, Delivered, DeliveryCandidate, Moved};
use ai_sdlc::mission::model::Strategy;
use ai_sdlc::name::{CommitId, TaskId};
use ai_sdlc::workspace::{CandidateAsk, Git, Repository};

use super::{AT, Field, person, put, source};

fn candidate(field: &Field, batch: &[MergeSource], strategy: Strategy) -> CandidateResult {
    let identity = person();
    let agent_of = |task: &TaskId| Some(format!("agent-of-{task}"));
    let ask = CandidateAsk { run: &field.run, batch, strategy, identity: &identity, agent_of: &agent_of };
    field.repository().make_candidate(&ask)
}

fn clean(result: CandidateResult) -> (CommitId, CommitId) {
    match result {
        CandidateResult::Clean { commit, tip } => (commit, tip),
        other @ (CandidateResult::Empty { .. } | CandidateResult::Conflict { .. } | CandidateResult::Failed { .. }) => {
            panic!("not clean: {other:?}")
        }
    }
}

/// A repository with an integration branch at `main`.
fn begun() -> (Field, Repository, CommitId) {
    let field = Field::new();
    let repository = field.repository();
    let base = repository.resolve("HEAD").expect("a commit");
    assert_eq!(repository.create_integration(&field.run, &base).expect("made"), base);
    (field, repository, base)
}

/// Merges work into integration.
fn merge(field: &Field, work: &MergeSource) -> CommitId {
    let (commit, tip) = clean(candidate(field, std::slice::from_ref(work), Strategy::Squash));
    assert_eq!(field.repository().move_integration(&field.run, &tip, &commit), Moved::Done);
    commit
}

#[test]
fn a_batch_becomes_one_commit_a_task_and_the_same_again() {
    let (field, repository, base) = begun();
    let before = field.fingerprint();
    let batch = [field.work("one", "b.txt", "b\n"), field.work("two", "a.txt", "ONE\ntwo\nthree\n")];
    let (commit, tip) = clean(candidate(&field, &batch, Strategy::Squash));
    assert_eq!(tip, base);
    assert_eq!(clean(candidate(&field, &batch, Strategy::Squash)).0, commit);
    let log = field.git(&["log", "--format=%s|%an|%cd|%(trailers:separator=%x2C)", "--date=unix", commit.as_str()]);
    let log: Vec<&str> = log.lines().take(2).collect();
    assert_eq!(
        log,
        [
            "Do two|Pat Person|1800000000|Ai-Sdlc-Run: bcdfghjk,Ai-Sdlc-Task: two,Ai-Sdlc-Agent: agent-of-two",
            "Do one|Pat Person|1800000000|Ai-Sdlc-Run: bcdfghjk,Ai-Sdlc-Task: one,Ai-Sdlc-Agent: agent-of-one",
        ]
    );
    assert_eq!(field.show(&commit, "a.txt"), "ONE\ntwo\nthree");
    assert_eq!(repository.integration_tip(&field.run).expect("asked"), Some(base.clone()));
    assert_eq!(repository.commits_ahead(&base, &commit).expect("counted"), 2);
    assert_eq!(field.fingerprint(), before);
    // What is in integration already is nothing to merge.
    assert_eq!(repository.move_integration(&field.run, &base, &commit), Moved::Done);
    assert_eq!(candidate(&field, &batch, Strategy::Squash), CandidateResult::Empty { tip: commit });
}

#[test]
fn a_merge_commit_has_the_task_as_second_parent() {
    let (field, _, base) = begun();
    let work = field.work("one", "b.txt", "b\n");
    let (commit, _) = clean(candidate(&field, std::slice::from_ref(&work), Strategy::Merge));
    let parents = field.git(&["show", "-s", "--format=%P", commit.as_str()]);
    assert_eq!(parents, format!("{base} {}", work.commit));
}

#[test]
fn work_that_went_on_from_squashed_work_merges_without_conflict() {
    let (field, repository, _) = begun();
    let first = field.work("one", "a.txt", "1\ntwo\nthree\n");
    let merged = merge(&field, &first);
    // In the same worktree, from the same base: the same line again.
    let worktree = repository.list_worktrees(Some(&field.run)).remove(0);
    put(&worktree.path, "a.txt", "11\ntwo\nthree\n");
    let again = field.snapshot(&worktree).commit.expect("a commit");
    let on_top = source("one", &first.commit, &again);
    let (commit, tip) = clean(candidate(&field, &[on_top], Strategy::Squash));
    assert_eq!(tip, merged);
    assert_eq!(field.show(&commit, "a.txt"), "11\ntwo\nthree");
}

#[test]
fn two_tasks_on_the_same_line_conflict_and_the_second_is_named() {
    let (field, repository, _) = begun();
    let one = field.work("one", "a.txt", "ONE\ntwo\nthree\n");
    let two = field.work("two", "a.txt", "uno\ntwo\nthree\n");
    let merged = merge(&field, &one);
    let conflict = CandidateResult::Conflict { task: two.task.clone(), files: vec!["a.txt".to_owned()] };
    assert_eq!(candidate(&field, std::slice::from_ref(&two), Strategy::Squash), conflict);
    assert_eq!(candidate(&field, &[field.work("three", "c.txt", "c\n"), two.clone()], Strategy::Squash), conflict);
    assert_eq!(repository.conflicts_with_integration(&field.run, &two).expect("asked"), ["a.txt"]);
    assert_eq!(repository.integration_tip(&field.run).expect("asked"), Some(merged));
    assert_eq!(field.rev(&field.task_branch("two")), two.commit);
}

#[test]
fn deletion_against_change_is_a_conflict_that_keeps_the_change() {
    let (field, repository, _) = begun();
    let deleting = field.worktree("one");
    fs::remove_file(deleting.path.join("a.txt")).expect("removed");
    let deleted = field.snapshot(&deleting).commit.expect("a commit");
    merge(&field, &source("one", &deleting.base, &deleted));
    let changed = field.work("two", "a.txt", "one\nTWO\nthree\n");
    let files = repository.conflicts_with_integration(&field.run, &changed).expect("asked");
    assert_eq!(files, ["a.txt"]);
    let ahead = repository.integration_tip(&field.run).expect("asked").expect("there");
    let on_top = field.worktree_at("again", &ahead);
    let notes = repository.put_work(&on_top, &changed.base, &changed.commit).expect("put");
    assert_eq!(notes.len(), 1);
    assert_eq!(fs::read_to_string(on_top.path.join("a.txt")).expect("kept"), "one\nTWO\nthree\n");
}

#[test]
fn the_merge_worktree_is_used_again_and_keeps_what_is_ignored() {
    let (field, repository, base) = begun();
    let path = field.path("state/merge");
    let work = field.work("one", "b.txt", "b\n");
    let (commit, _) = clean(candidate(&field, &[work], Strategy::Squash));
    let first = repository.checkout_candidate(&field.run, &commit, &path, &[]).expect("checked out");
    put(&first.path, "ignored/cache", "kept");
    put(&first.path, "left/behind.txt", "by a check");
    put(&first.path, "a.txt", "changed by a check");
    let again = repository.checkout_candidate(&field.run, &commit, &path, &[]).expect("checked out");
    assert_eq!(again.path, first.path);
    assert_eq!(field.git_in(&path, &["status", "--porcelain"]), "");
    assert_eq!(field.git_in(&path, &["rev-parse", "HEAD"]), commit.as_str());
    assert!(path.join("ignored/cache").exists());
    assert!(!path.join("left").exists());
    repository.checkout_candidate(&field.run, &base, &path, &[]).expect("checked out");
    assert!(!path.join("b.txt").exists());
    assert_eq!(field.git_in(&path, &["status", "--porcelain"]), "");
}

#[test]
fn integration_moves_only_from_where_it_was() {
    let (field, repository, base) = begun();
    let (one, _) = clean(candidate(&field, &[field.work("one", "b.txt", "b\n")], Strategy::Squash));
    let (two, _) = clean(candidate(&field, &[field.work("two", "c.txt", "c\n")], Strategy::Squash));
    assert_eq!(repository.move_integration(&field.run, &base, &one), Moved::Done);
    assert_eq!(repository.move_integration(&field.run, &base, &one), Moved::Done);
    assert_eq!(repository.move_integration(&field.run, &base, &two), Moved::Elsewhere { tip: one });
    field.git(&["update-ref", "-d", &Repository::integration_ref(&field.run)]);
    assert!(matches!(repository.move_integration(&field.run, &base, &two), Moved::Failed { .. }));
}

#[test]
fn of_many_who_move_at_once_one_wins() {
    let (field, repository, base) = begun();
    let commits: Vec<CommitId> = ["one", "two", "three", "four"]
        .into_iter()
        .map(|task| clean(candidate(&field, &[field.work(task, "b.txt", task)], Strategy::Squash)).0)
        .collect();
    let moves = |commit: &CommitId| repository.move_integration(&field.run, &base, commit);
    let done: Vec<Moved> = thread::scope(|scope| {
        let racers: Vec<_> = commits.iter().map(|commit| scope.spawn(move || moves(commit))).collect();
        racers.into_iter().map(|racer| racer.join().expect("no panic")).collect()
    });
    let winners: Vec<&CommitId> =
        done.iter().zip(&commits).filter(|(moved, _)| **moved == Moved::Done).map(|(_, commit)| commit).collect();
    assert_eq!(winners.len(), 1, "{done:?}");
    assert_eq!(repository.integration_tip(&field.run).expect("asked").as_ref(), Some(winners[0]));
}

#[test]
fn into_that_nobody_has_checked_out_is_moved() {
    let (field, repository, base) = begun();
    field.git(&["branch", "release"]);
    let before = field.fingerprint();
    let commit = merge(&field, &field.work("one", "b.txt", "b\n"));
    let tip = DeliveryCandidate::UpToDate { tip: commit.clone() };
    assert_eq!(repository.make_delivery(&field.run, "release", &person(), AT), tip);
    assert_eq!(repository.deliver(&field.run, "release", &commit).expect("asked"), Delivered::Moved);
    assert_eq!(field.rev("release"), commit);
    assert_eq!(repository.deliver(&field.run, "release", &commit).expect("asked"), Delivered::Moved);
    let after = field.fingerprint();
    let differing = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert_eq!((before.len(), differing), (after.len(), 1));
    assert_eq!(field.rev("main"), base);
}

#[test]
fn into_goes_forward_where_it_is_checked_out_clean() {
    let (field, repository, _) = begun();
    field.write("untracked.txt", "mine");
    let commit = merge(&field, &field.work("one", "a.txt", "ONE\ntwo\nthree\n"));
    assert_eq!(repository.deliver(&field.run, "main", &commit).expect("asked"), Delivered::Moved);
    assert_eq!(field.git(&["status", "--porcelain"]), "?? untracked.txt");
    assert_eq!(fs::read_to_string(field.root().join("a.txt")).expect("there"), "ONE\ntwo\nthree\n");

    // And in a linked worktree of the person's.
    field.git(&["checkout", "-q", "--detach"]);
    let linked = field.path("linked");
    field.git(&["worktree", "add", "-q", &linked.to_string_lossy(), "main"]);
    let worktree = field.worktree_at("two", &commit);
    put(&worktree.path, "c.txt", "c\n");
    let work = source("two", &worktree.base, &field.snapshot(&worktree).commit.expect("a commit"));
    let commit = merge(&field, &work);
    assert_eq!(repository.deliver(&field.run, "main", &commit).expect("asked"), Delivered::Moved);
    assert!(linked.join("c.txt").exists());
    assert_eq!(field.git_in(&linked, &["status", "--porcelain"]), "");
}

#[test]
fn into_is_left_where_changes_of_the_person_stand_in_the_way() {
    let (field, repository, base) = begun();
    let commit = merge(&field, &field.work("one", "a.txt", "ONE\ntwo\nthree\n"));
    let also = field.worktree_at("two", &commit);
    put(&also.path, "new.txt", "theirs");
    put(&also.path, "kept.log", "theirs");
    let script = "kept.log is ignored, so that it is added by force";
    field.git_in(&also.path, &["add", "-f", "kept.log"]);
    field.git_in(&also.path, &["commit", "-q", "-m", script]);
    let forced = CommitId::parse(&field.git_in(&also.path, &["rev-parse", "HEAD"])).expect("a commit");
    let left = |commit: &CommitId| {
        let before = field.fingerprint();
        let delivered = repository.deliver(&field.run, "main", commit).expect("asked");
        assert_eq!(field.fingerprint(), before);
        let Delivered::Left { why, command } = delivered else { panic!("not left: {delivered:?}") };
        assert_eq!(command, format!("git -C {} merge --ff-only {}", field.root().display(), commit.short()));
        why
    };
    // Changed, not staged.
    field.write("a.txt", "mine\n");
    assert!(left(&commit).contains("stand in the way"));
    // Staged.
    field.git(&["add", "a.txt"]);
    assert!(left(&commit).contains("stand in the way"));
    field.git(&["reset", "-q", "--hard"]);
    // Ignored by git, and still somebody's file.
    field.write("kept.log", "mine");
    assert!(left(&forced).contains("stand in the way"));
    fs::remove_file(field.root().join("kept.log")).expect("removed");
    // In the middle of something.
    fs::write(field.root().join(".git/MERGE_HEAD"), format!("{base}\n")).expect("written");
    assert!(left(&commit).contains("in the middle of a merge"));
    fs::remove_file(field.root().join(".git/MERGE_HEAD")).expect("removed");
    fs::write(field.root().join(".git/index.lock"), "").expect("written");
    assert!(left(&commit).contains("lock"));
    fs::remove_file(field.root().join(".git/index.lock")).expect("removed");
    // In the middle of a rebase of it, HEAD detached.
    field.git(&["checkout", "-q", "--detach"]);
    fs::create_dir_all(field.root().join(".git/rebase-merge")).expect("made");
    fs::write(field.root().join(".git/rebase-merge/head-name"), "refs/heads/main\n").expect("written");
    let delivered = repository.deliver(&field.run, "main", &commit).expect("asked");
    assert!(matches!(delivered, Delivered::Left { .. }), "{delivered:?}");
    fs::remove_dir_all(field.root().join(".git/rebase-merge")).expect("removed");
    field.git(&["checkout", "-q", "main"]);
    // Changes elsewhere do not matter.
    field.write("src/lib.txt", "mine\n");
    assert_eq!(repository.deliver(&field.run, "main", &commit).expect("asked"), Delivered::Moved);
    assert_eq!(field.git(&["status", "--porcelain"]), " M src/lib.txt");
}

/// A git whose merges cannot write a file beyond so many blocks of the system: as on a disk that fills up meanwhile.
fn short_of_room(field: &Field) -> Repository {
    let script = field.path("git-short-of-room");
    let real = field.engine_git().program().display().to_string();
    let text = format!(
        "#!/bin/sh\ncase \" $* \" in *' merge --ff-only '*) trap '' XFSZ; ulimit -f 8;; esac\nexec {real} \"$@\"\n"
    );
    fs::write(&script, text).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("made");
    let env = [("HOME", field.path("home").into_os_string()), ("PATH", "/usr/local/bin:/usr/bin:/bin".into())];
    let env = env.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let git = Git::new(script, env).expect("git runs");
    Repository::discover(&git, &field.root()).expect("a repository")
}

#[test]
fn what_git_began_to_write_into_a_checkout_and_could_not_is_taken_away_again() {
    let (field, repository, _) = begun();
    let worktree = field.worktree("one");
    let long = "many lines\n".repeat(10_000);
    for (path, text) in [("a-first.txt", "short\n"), ("deep/er/long.txt", &long), ("long.txt", &long)] {
        put(&worktree.path, path, text);
    }
    let work = source("one", &worktree.base, &field.snapshot(&worktree).commit.expect("a commit"));
    let commit = merge(&field, &work);
    field.write("mine.txt", "mine\n");
    let before = field.fingerprint();
    let short = short_of_room(&field);
    let delivered = short.deliver(&field.run, "main", &commit).expect("asked");
    assert!(matches!(delivered, Delivered::Left { .. }), "{delivered:?}");
    assert_eq!(field.fingerprint(), before);
    // A file of the person's that could be the beginning of it was there before: it stays, and stands in the way.
    field.write("long.txt", "many lines\n");
    fs::create_dir_all(field.root().join("deep/er")).expect("made");
    std::os::unix::fs::symlink("../../mine.txt", field.root().join("deep/er/long.txt")).expect("linked");
    let before = field.fingerprint();
    for repository in [&short, &repository] {
        let delivered = repository.deliver(&field.run, "main", &commit).expect("asked");
        assert!(matches!(delivered, Delivered::Left { .. }), "{delivered:?}");
        assert_eq!(field.fingerprint(), before);
    }
    fs::remove_file(field.root().join("long.txt")).expect("removed");
    fs::remove_file(field.root().join("deep/er/long.txt")).expect("removed");
    assert_eq!(repository.deliver(&field.run, "main", &commit).expect("asked"), Delivered::Moved);
    assert_eq!(field.git(&["status", "--porcelain"]), "?? mine.txt");
}

#[test]
fn new_commits_of_into_are_merged_first_and_a_race_is_told() {
    let (field, repository, _) = begun();
    let commit = merge(&field, &field.work("one", "b.txt", "b\n"));
    field.write("c.txt", "c\n");
    let theirs = field.commit("meanwhile");
    assert_eq!(repository.deliver(&field.run, "main", &commit).expect("asked"), Delivered::Raced);
    let made = repository.make_delivery(&field.run, "main", &person(), AT);
    let DeliveryCandidate::Merged { commit: merged, tip } = made.clone() else { panic!("not merged: {made:?}") };
    assert_eq!(repository.make_delivery(&field.run, "main", &person(), AT), made);
    assert_eq!(field.git(&["show", "-s", "--format=%P", merged.as_str()]), format!("{tip} {theirs}"));
    assert_eq!(repository.move_integration(&field.run, &tip, &merged), Moved::Done);
    assert_eq!(repository.deliver(&field.run, "main", &merged).expect("asked"), Delivered::Moved);
    assert!(field.root().join("b.txt").exists());

    field.write("b.txt", "other\n");
    field.commit("meanwhile");
    let worktree = field.worktree_at("two", &merged);
    put(&worktree.path, "b.txt", "another\n");
    let work = source("two", &worktree.base, &field.snapshot(&worktree).commit.expect("a commit"));
    merge(&field, &work);
    let conflict = DeliveryCandidate::Conflict { files: vec!["b.txt".to_owned()] };
    assert_eq!(repository.make_delivery(&field.run, "main", &person(), AT), conflict);
}

#[test]
fn an_agent_that_checked_into_out_does_not_hold_it_back() {
    let (field, repository, _) = begun();
    field.git(&["branch", "release"]);
    let worktree = field.worktree("one");
    field.git_in(&worktree.path, &["checkout", "-q", "release"]);
    let commit = merge(&field, &field.work("two", "b.txt", "b\n"));
    assert_eq!(repository.deliver(&field.run, "release", &commit).expect("asked"), Delivered::Moved);
    assert_eq!(field.rev("release"), commit);
}
