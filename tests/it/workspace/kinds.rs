//! Kinds of repositories: each works, or is refused with a remedy.

#![expect(clippy::panic, reason = "functions that tests share")]

use std::fs;
use std::path::Path;

use ai_sdlc::amount::WallTime;
use ai_sdlc::kernel::event::KeepWorkspace;
use ai_sdlc::kernel::fact::{CandidateResult, Delivered, Moved};
use ai_sdlc::mission::model::Strategy;
use ai_sdlc::workspace::{CandidateAsk, Identity, PreflightAsk, Refusal, RepoError, Repository};

use super::{AT, Field, person, put};

fn refusals(repository: &Repository, into: Option<&str>, root: Option<&Path>) -> Vec<Refusal> {
    repository.preflight(&PreflightAsk { into, root }).err().unwrap_or_default()
}

/// A task's whole way: worktree, snapshot, candidate, merge worktree, integration, delivery.
fn whole_way(field: &Field) {
    let repository = field.repository();
    let found = repository.preflight(&PreflightAsk { into: Some("main"), root: None }).expect("nothing against it");
    repository.create_integration(&field.run, &found.head).expect("made");
    let batch = [field.work("one", "b.txt", "b\n")];
    let identity = repository.identity().expect("asked");
    let agent_of = |_: &_| None;
    let strategy = Strategy::Squash;
    let ask = CandidateAsk { run: &field.run, batch: &batch, strategy, identity: &identity, agent_of: &agent_of };
    let made = repository.make_candidate(&ask);
    let CandidateResult::Clean { commit, tip } = made else { panic!("{made:?}") };
    let merge = repository.checkout_candidate(&field.run, &commit, &field.path("state/merge"), &[]);
    let merge = merge.expect("checked out");
    assert_eq!(field.git_in(&merge.path, &["status", "--porcelain"]), "");
    assert_eq!(repository.move_integration(&field.run, &tip, &commit), Moved::Done);
    assert_eq!(repository.deliver(&field.run, "main", &commit).expect("asked"), Delivered::Moved);
    for worktree in repository.list_worktrees(Some(&field.run)) {
        assert_eq!(repository.close(&worktree, KeepWorkspace::Remove, &person(), AT).expect("closed").salvaged, None);
    }
    assert_eq!(field.git(&["show", "main:b.txt"]), "b");
}

#[test]
fn an_ordinary_one() {
    let field = Field::new();
    whole_way(&field);
    assert_eq!(field.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_bare_one() {
    let field = Field::new();
    fs::rename(field.root(), field.path("full")).expect("renamed");
    let full = field.path("full").to_string_lossy().into_owned();
    field.git_in(&field.path("home"), &["clone", "-q", "--bare", &full, &field.root().to_string_lossy()]);
    assert_eq!(field.repository().checkout(), None);
    whole_way(&field);
}

#[test]
fn a_shallow_one() {
    let field = Field::new();
    field.write("a.txt", "second\n");
    field.commit("second");
    fs::rename(field.root(), field.path("full")).expect("renamed");
    let url = format!("file://{}", field.path("full").display());
    field.git_in(&field.path("home"), &["clone", "-q", "--depth=1", &url, &field.root().to_string_lossy()]);
    let found = field.repository().preflight(&PreflightAsk::default()).expect("nothing against it");
    assert_eq!(found.notes.len(), 1);
    whole_way(&field);
    field.repository().scratch_clone(&field.path("scratch")).expect("cloned");
}

#[test]
fn a_linked_worktree_of_the_persons() {
    let field = Field::new();
    let linked = field.path("linked");
    field.git(&["worktree", "add", "-q", "-b", "feature", &linked.to_string_lossy()]);
    put(&linked, "f.txt", "f\n");
    field.git_in(&linked, &["add", "-A"]);
    field.git_in(&linked, &["commit", "-q", "-m", "on the feature"]);
    let repository = Repository::discover(&field.engine_git(), &linked).expect("a repository");
    assert_eq!(repository.checkout(), Some(linked.as_path()));
    assert_eq!(repository.common_dir(), field.root().join(".git"));
    let found = repository.preflight(&PreflightAsk::default()).expect("nothing against it");
    assert_eq!(found.branch.as_deref(), Some("feature"));
    assert_eq!(found.head, field.rev("feature"));
    // A copy that only the main checkout has is found there.
    field.write(".env", "SECRET");
    let worktree = field.worktree("plan");
    assert_eq!(repository.copy_in(&worktree, &[".env".to_owned()], &[]).expect("copied"), Vec::<String>::new());
    assert!(worktree.path.join(".env").exists());
}

#[test]
fn one_with_filters_keeps_what_they_make() {
    let field = Field::new();
    // What git-crypt and LFS do: one thing on disk, another in the repository.
    field.git(&["config", "filter.rot.clean", "tr a-z b-za"]);
    field.git(&["config", "filter.rot.smudge", "tr b-za a-z"]);
    field.git(&["config", "filter.rot.required", "true"]);
    field.write(".gitattributes", "*.secret filter=rot\n");
    field.write("x.secret", "abc\n");
    let commit = field.commit("with a filter");
    assert_eq!(field.show(&commit, "x.secret"), "bcd");
    let worktree = field.worktree("plan");
    assert_eq!(fs::read_to_string(worktree.path.join("x.secret")).expect("there"), "abc\n");
    assert_eq!(field.snapshot(&worktree).files, []);
    put(&worktree.path, "y.secret", "xyz\n");
    let snapshot = field.snapshot(&worktree);
    assert_eq!(snapshot.files.len(), 1);
    assert_eq!(field.show(&snapshot.commit.expect("a commit"), "y.secret"), "yza");
    whole_way(&field);
}

#[test]
fn a_sparse_one_keeps_what_is_not_on_disk() {
    let field = Field::new();
    field.write("other/big.txt", "big\n");
    field.commit("more");
    for cone in ["--cone", "--no-cone"] {
        field.git(&["sparse-checkout", "set", cone, "src"]);
        assert!(!field.root().join("other").exists());
        let task = if cone == "--cone" { "cone" } else { "patterns" };
        let worktree = field.worktree(task);
        assert!(!worktree.path.join("other").exists());
        put(&worktree.path, "src/lib.txt", "changed\n");
        let snapshot = field.snapshot(&worktree);
        let paths: Vec<&str> = snapshot.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["src/lib.txt"], "{cone}");
        let restored = field.repository().restore(&worktree, &worktree.base, &[]).expect("restored");
        assert_eq!(restored, ["src/lib.txt"], "{cone}");
        field.repository().close(&worktree, KeepWorkspace::Remove, &person(), AT).expect("closed");
    }
    field.git(&["sparse-checkout", "set", "--cone", "src"]);
    whole_way(&field);
}

#[test]
fn one_with_a_submodule_follows_its_commit() {
    let field = Field::new();
    let library = field.path("home/library");
    field.git_in(&field.path("home"), &["init", "-q", "library"]);
    put(&library, "x.txt", "x\n");
    field.git_in(&library, &["add", "-A"]);
    field.git_in(&library, &["commit", "-q", "-m", "x"]);
    field.git(&["submodule", "--quiet", "add", &library.to_string_lossy(), "lib"]);
    field.commit("with a submodule");
    let worktree = field.worktree("plan");
    assert_eq!(field.snapshot(&worktree).files, []);
    field.git_in(&worktree.path, &["submodule", "--quiet", "update", "--init"]);
    assert_eq!(field.snapshot(&worktree).files, []);
    let lib = worktree.path.join("lib");
    field.git_in(&lib, &["commit", "-q", "--allow-empty", "-m", "y"]);
    let snapshot = field.snapshot(&worktree);
    let commit = snapshot.commit.expect("a commit");
    let held = field.git(&["rev-parse", &format!("{commit}:lib")]);
    assert_eq!(held, field.git_in(&lib, &["rev-parse", "HEAD"]));
    fs::remove_dir_all(&lib).expect("removed");
    assert_eq!(field.snapshot(&worktree).files.len(), 1);
    whole_way(&field);
}

#[test]
fn those_that_libgit2_cannot_open_work_by_the_program() {
    for format in [["--object-format=sha256", "sha1"], ["--ref-format=reftable", "files"]] {
        let field = Field::bare_of_files();
        let (made, _) = field.try_git_in(&field.root(), &["init", "-q", "-b", "main", format[0]]);
        if !made {
            // Older than the format: nothing to open.
            continue;
        }
        field.write("a.txt", "one\ntwo\nthree\n");
        field.commit("first");
        whole_way(&field);
        let repository = field.repository();
        let tip = repository.integration_tip(&field.run).expect("asked").expect("there");
        let one = field.worktree_at("left", &tip);
        put(&one.path, "a.txt", "ONE\ntwo\nthree\n");
        let work = field.snapshot(&one).commit.expect("a commit");
        field.write("a.txt", "uno\ntwo\nthree\n");
        let ahead = field.commit("meanwhile");
        let again = field.worktree_at("right", &ahead);
        let notes = repository.put_work(&again, &one.base, &work).expect("put");
        assert_eq!(notes.len(), 1, "{format:?}");
        assert!(fs::read_to_string(again.path.join("a.txt")).expect("there").contains("<<<<<<<"));
    }
}

#[test]
fn what_cannot_work_is_refused_with_a_remedy() {
    let field = Field::bare_of_files();
    let git = field.engine_git();
    let none = Repository::discover(&git, &field.root());
    assert!(matches!(none, Err(RepoError::NotARepository { .. })), "{none:?}");
    assert!(none.err().is_some_and(|error| error.remedy().contains("git init")));

    field.git(&["init", "-q", "-b", "main"]);
    let unborn = refusals(&field.repository(), None, None);
    assert_eq!(unborn.len(), 1);
    assert!(unborn[0].what.contains("no commit yet"), "{unborn:?}");
    assert!(unborn[0].remedy.contains("--allow-empty"), "{unborn:?}");

    field.write("a.txt", "a\n");
    let unborn = refusals(&field.repository(), None, None);
    assert!(unborn[0].remedy.contains(" add -A && ") && !unborn[0].remedy.contains("--allow-empty"), "{unborn:?}");
    field.commit("first");
    let both = refusals(&field.repository(), Some("nowhere"), Some(&field.root().join("worktrees")));
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(both[0].remedy.contains("git branch nowhere"));
    assert!(both[1].what.contains("inside the checkout"));
    let beside = field.root().join("..").join("beside").join("worktrees");
    field
        .repository()
        .preflight(&PreflightAsk { into: None, root: Some(&beside) })
        .expect("it is outside, read to its end");
    std::os::unix::fs::symlink(field.root(), field.root().parent().unwrap().join("link")).unwrap();
    let linked = field.root().join("..").join("link").join("worktrees");
    assert!(refusals(&field.repository(), None, Some(&linked))[0].what.contains("inside the checkout"));
    assert!(matches!(field.repository().resolve("no-such"), Err(RepoError::NoSuchCommit { .. })));
    assert!(matches!(field.repository().resolve("--all"), Err(RepoError::NoSuchCommit { .. })));
}

#[test]
fn what_the_person_has_not_committed_is_counted_and_refused_where_into_is() {
    let field = Field::new();
    field.write("a.txt", "mine\n");
    field.write("new/1.txt", "1");
    field.write("new/2.txt", "2");
    let ask = PreflightAsk { into: Some("main"), root: None };
    let refused = refusals(&field.repository(), ask.into, None);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].what.contains("with 1 changed file, and"), "{refused:?}");
    assert!(refused[0].remedy.contains("stash"), "{refused:?}");
    field.git(&["branch", "release"]);
    for into in [None, Some("release")] {
        let found = field.repository().preflight(&PreflightAsk { into, root: None }).expect("nothing against it");
        assert_eq!((found.uncommitted, found.branch.as_deref()), (3, Some("main")));
        assert_eq!(found.notes, Vec::<String>::new());
    }
    fs::write(field.root().join(".git/MERGE_HEAD"), format!("{}\n", field.rev("HEAD"))).expect("written");
    assert!(refusals(&field.repository(), Some("main"), None)[0].what.contains("in the middle of a merge"));
}

#[test]
fn a_person_whom_git_does_not_know_commits_under_a_neutral_name() {
    let field = Field::new();
    assert_eq!(field.repository().identity().expect("asked"), person());
    fs::remove_file(field.path("home/.gitconfig")).expect("removed");
    assert_eq!(field.repository().identity().expect("asked"), Identity::neutral());
}

#[test]
fn a_scratch_clone_leads_nowhere_back() {
    let field = Field::new();
    field.git(&["branch", "release"]);
    field.git(&["config", "user.name", "Local Name"]);
    field.write("a.txt", "not committed\n");
    let before = field.fingerprint();
    let scratch = field.repository().scratch_clone(&field.path("scratch")).expect("cloned");
    let root = field.path("scratch");
    assert_eq!(scratch.checkout(), Some(root.as_path()));
    assert_eq!(scratch.current_branch().expect("asked").as_deref(), Some("main"));
    assert_eq!(field.git_in(&root, &["status", "--porcelain"]), "");
    assert_eq!(field.git_in(&root, &["remote"]), "");
    assert_eq!(field.git_in(&root, &["for-each-ref", "--format=%(refname)"]), "refs/heads/main\nrefs/heads/release");
    assert_eq!(scratch.identity().expect("asked").name, "Local Name");
    put(&root, "a.txt", "elsewhere\n");
    field.git_in(&root, &["commit", "-qam", "elsewhere"]);
    assert_eq!(field.fingerprint(), before);

    let linked = field.path("linked");
    field.git(&["worktree", "add", "-q", "--detach", &linked.to_string_lossy(), "release"]);
    let from = Repository::discover(&field.engine_git(), &linked).expect("a repository");
    let detached = from.scratch_clone(&field.path("detached")).expect("cloned");
    assert_eq!(detached.current_branch().expect("asked"), None);
    assert!(field.path("detached/a.txt").exists());
}

#[test]
fn a_scratch_repository_from_nothing_can_be_worked_in() {
    let field = Field::bare_of_files();
    let made = Repository::scratch_empty(&field.engine_git(), &field.root(), WallTime(0)).expect("made");
    assert!(made.preflight(&PreflightAsk { into: Some("main"), root: None }).is_ok());
    whole_way(&field);
}
