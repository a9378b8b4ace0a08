//! Repositories of all kinds, and what a run leaves in them: it works and leaves them tidy, or it refuses with a
//! remedy and makes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::world::{Ran, World};

const MISSION: &str = r#"
[mission]
name = "small"
[merge]
into = "main"
checks = ["test -e a.txt"]
[tasks.a]
run = "echo a > a.txt"
[tasks.b]
needs = ["a"]
run = "cat a.txt > b.txt"
"#;

/// What a person would notice: refs, index, files.
fn looks(world: &World, dir: &Path) -> Vec<String> {
    let git = |args: &[&str]| {
        let mut command = world.command(world.project().parent().unwrap().join("bin/git"));
        let output = command.arg("-C").arg(dir).args(args).output().unwrap();
        format!("{args:?} {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let index = fs::read(dir.join(".git/index")).unwrap_or_default();
    vec![
        git(&["for-each-ref"]),
        git(&["symbolic-ref", "-q", "HEAD"]),
        git(&["rev-parse", "HEAD"]),
        git(&["worktree", "list"]),
        git(&["status", "--porcelain", "--ignored"]),
        format!("{index:?}"),
    ]
}

fn run_in<const N: usize>(world: &World, dir: &Path, args: [&str; N]) -> Ran {
    let output = world.program().current_dir(dir).args(args).output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn git_in(world: &World, dir: &Path, args: &[&str]) -> String {
    let mut command = world.command(world.project().parent().unwrap().join("bin/git"));
    let output = command.current_dir(dir).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Everything below the person's state folder, but for folders.
fn state(world: &World) -> Vec<PathBuf> {
    let top = world.home().join(".local/state/ai-sdlc");
    walkdir::WalkDir::new(top)
        .into_iter()
        .flatten()
        .filter(|e| !e.file_type().is_dir())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// Rehearses, which changes nothing; then runs, which changes `main` and nothing else.
fn works(world: &World, dir: &Path) {
    let before = looks(world, dir);
    let _rehearsed = run_in(world, dir, ["mission", "rehearse", "mission.toml"]).exits(0);
    assert_eq!(looks(world, dir), before, "a rehearsal left something");
    assert_eq!(state(world), Vec::<PathBuf>::new(), "a rehearsal left something");
    let ran = run_in(world, dir, ["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert_eq!(git_in(world, dir, &["show", "main:b.txt"]), "a", "{ran:?}");
    assert_eq!(state(world), Vec::<PathBuf>::new(), "a run left something");
    assert_eq!(world.processes(), []);
}

/// Refuses, with a remedy, and makes nothing.
fn refuses(world: &World, dir: &Path, says: &str) {
    let before = looks(world, dir);
    let ran = run_in(world, dir, ["mission", "run", "mission.toml", "--yes"]).exits(5);
    assert!(ran.stderr.contains(says) && ran.stderr.contains("help"), "{ran:?}");
    assert_eq!(looks(world, dir), before);
    assert_eq!(state(world), Vec::<PathBuf>::new());
    assert!(!dir.join(".git/ai-sdlc/runs").exists());
}

fn with_mission() -> World {
    let world = World::new();
    world.mission(MISSION);
    world
}

#[test]
fn filters_are_run() {
    let world = with_mission();
    world.git(["config", "filter.rot.clean", "tr a-z b-za"]);
    world.git(["config", "filter.rot.smudge", "tr b-za a-z"]);
    world.git(["config", "filter.rot.required", "true"]);
    world.write(".gitattributes", "*.secret filter=rot\n");
    world.write("x.secret", "abc\n");
    world.commit("filtered");
    works(&world, &world.project());
    assert_eq!(world.git(["show", "main:x.secret"]), "bcd");
    assert_eq!(world.read("x.secret"), "abc\n");
    assert_eq!(world.git(["status", "--porcelain"]), "");
}

#[test]
fn submodules_stay_where_they_are() {
    let world = with_mission();
    let other = world.home().join("other");
    fs::create_dir(&other).unwrap();
    git_in(&world, &other, &["init", "-q", "-b", "main"]);
    git_in(&world, &other, &["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"]);
    let url = other.to_string_lossy().into_owned();
    world.git(["-c", "protocol.file.allow=always", "submodule", "add", "-q", &url, "sub"]);
    world.commit("with a submodule");
    let before = world.git(["ls-tree", "main", "sub"]);
    works(&world, &world.project());
    assert_eq!(world.git(["ls-tree", "main", "sub"]), before);
    assert_eq!(world.git(["status", "--porcelain"]), "");
}

#[test]
fn a_sparse_checkout_stays_sparse() {
    let world = with_mission();
    world.write("in/x.txt", "x\n");
    world.write("out/y.txt", "y\n");
    world.commit("two folders");
    world.git(["sparse-checkout", "set", "in"]);
    works(&world, &world.project());
    assert!(!world.project().join("out").exists());
    assert_eq!(world.git(["show", "main:out/y.txt"]), "y");
    assert_eq!(world.git(["status", "--porcelain"]), "");
}

#[test]
fn a_shallow_clone() {
    let world = with_mission();
    let clone = world.home().join("clone");
    let url = format!("file://{}", world.project().display());
    git_in(&world, &world.home(), &["clone", "-q", "--depth=1", &url, "clone"]);
    works(&world, &clone);
}

#[test]
fn a_linked_worktree_that_the_person_stands_in() {
    let world = with_mission();
    let linked = world.home().join("linked");
    world.git(["worktree", "add", "-q", "-b", "feature", &linked.to_string_lossy()]);
    works(&world, &linked);
    assert_eq!(git_in(&world, &linked, &["status", "--porcelain"]), "");
    assert_eq!(git_in(&world, &linked, &["symbolic-ref", "HEAD"]), "refs/heads/feature");
    assert_eq!(world.read("b.txt"), "a\n");
    assert_eq!(world.git(["status", "--porcelain"]), "");
}

#[test]
fn a_detached_head() {
    let world = with_mission();
    world.git(["checkout", "-q", "--detach"]);
    let head = world.git(["rev-parse", "HEAD"]);
    works(&world, &world.project());
    assert_eq!(world.git(["rev-parse", "HEAD"]), head);
    assert_eq!(world.git(["status", "--porcelain"]), "");
}

#[test]
fn spaces_and_letters_of_all_kinds_in_paths() {
    let world = with_mission();
    let odd = world.home().join("mein Projekt é 日本 'x' \"y\"");
    git_in(&world, &world.home(), &["clone", "-q", &world.project().to_string_lossy(), &odd.to_string_lossy()]);
    fs::write(odd.join("ein Ä file.txt"), "x\n").unwrap();
    git_in(&world, &odd, &["add", "-A"]);
    git_in(&world, &odd, &["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", "odd"]);
    works(&world, &odd);
    assert_eq!(git_in(&world, &odd, &["status", "--porcelain"]), "");
}

#[test]
fn a_bare_one() {
    let world = with_mission();
    let bare = world.home().join("bare.git");
    git_in(&world, &world.home(), &["clone", "-q", "--bare", &world.project().to_string_lossy(), "bare.git"]);
    let file = world.project().join("mission.toml").to_string_lossy().into_owned();
    let _ran = run_in(&world, &bare, ["mission", "run", &file, "--yes", "-C", &bare.to_string_lossy()]).exits(0);
    assert_eq!(git_in(&world, &bare, &["show", "main:b.txt"]), "a");
    assert_eq!(state(&world), Vec::<PathBuf>::new());
}

#[test]
fn one_without_a_commit_is_refused() {
    let world = World::bare();
    world.git(["init", "-q", "-b", "main"]);
    world.write("mission.toml", MISSION);
    refuses(&world, &world.project(), "no commit");
    let before = looks(&world, &world.project());
    let _rehearsed = world.run(["mission", "rehearse", "mission.toml"]);
    assert_eq!(looks(&world, &world.project()), before);
}

#[test]
fn a_dirty_checkout_of_the_branch_to_deliver_to_is_refused() {
    let world = with_mission();
    world.write("README.md", "changed\n");
    refuses(&world, &world.project(), "changed file");
    assert_eq!(world.read("README.md"), "changed\n");
    let before = looks(&world, &world.project());
    let _rehearsed = world.run(["mission", "rehearse", "mission.toml"]).exits(0);
    assert_eq!(looks(&world, &world.project()), before);
}

/// Mounts something over a folder until it is dropped; `None`, and a word, where this cannot be done here.
struct Mount(PathBuf);

impl Mount {
    fn over(folder: &Path, args: &[&str]) -> Option<Self> {
        let done = std::process::Command::new("mount").args(args).arg(folder).output();
        let mounted = done.is_ok_and(|output| output.status.success());
        if !mounted {
            println!("skipped: nothing can be mounted here");
        }
        mounted.then(|| Self(folder.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[test]
fn a_git_folder_that_cannot_be_written_is_a_fault_of_the_environment() {
    let world = with_mission();
    let git = world.project().join(".git");
    let Some(_bound) = Mount::over(&git, &["--bind", &git.to_string_lossy()]) else { return };
    let Some(_read_only) = Mount::over(&git, &["-o", "remount,bind,ro"]) else { return };
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(5);
    assert!(ran.stderr.contains("Read-only"), "{ran:?}");
    assert_eq!(state(&world), Vec::<PathBuf>::new());
}

/// Fills a disk up to its last byte.
fn fill(folder: &Path) {
    use std::io::Write as _;
    let mut file = fs::File::create(folder.join("ballast")).unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_is_told_and_the_run_goes_on_once_there_is_room() {
    for moment in ["at its beginning", "in a task"] {
        let world = World::new();
        let full = "touch $HOME/up; until test -e $HOME/full; do sleep 0.02; done; true";
        world.mission(&format!("{MISSION}[tasks.c]\nneeds = [\"b\"]\nrun = \"{full}\"\n[tasks.d]\nneeds = [\"c\"]\nrun = \"echo d > d.txt\"\n"));
        let runs = world.project().join(".git/ai-sdlc");
        fs::create_dir(&runs).unwrap();
        let Some(_disk) = Mount::over(&runs, &["-t", "tmpfs", "tmpfs", "-o", "size=2m"]) else { return };
        if moment == "at its beginning" {
            fill(&runs);
            let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(5);
            assert!(ran.stderr.contains("space") || ran.stderr.contains("full"), "{ran:?}");
            fs::remove_file(runs.join("ballast")).unwrap();
            assert_eq!(world.git(["branch", "--list", "ai-sdlc/*"]), "", "{ran:?}");
            fs::write(world.home().join("full"), "").unwrap();
            let _ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
        } else {
            let child = world.start(["mission", "run", "mission.toml", "--yes"]);
            crate::world::wait_for("the task", || world.home().join("up").exists());
            fill(&runs);
            fs::write(world.home().join("full"), "").unwrap();
            let ran = crate::world::finish(child).exits(5);
            assert!(ran.stderr.contains("no space") && ran.stderr.contains("run resume"), "{ran:?}");
            fs::remove_file(runs.join("ballast")).unwrap();
            let _ran = world.run(["run", "resume"]).exits(0);
        }
        assert_eq!(world.read("d.txt"), "d\n", "{moment}");
        assert_eq!(world.processes(), []);
        assert_eq!(world.git(["fsck", "--no-dangling"]), "");
    }
}

#[test]
fn worktrees_are_kept_as_the_mission_says() {
    for (keep, succeeded, failed) in [("never", false, false), ("failed", false, true), ("always", true, true)] {
        let world = World::new();
        world.mission(&format!(
            "[mission]\nname = \"keep\"\n[workspace]\nkeep = \"{keep}\"\n[merge]\ninto = \"main\"\n[tasks.good]\nrun = \"echo g > g.txt\"\n[tasks.bad]\nrun = \"echo half > half.txt; exit 1\"\n"
        ));
        let _ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
        let listed = world.git(["worktree", "list"]);
        assert_eq!((listed.contains("good-1"), listed.contains("bad-1")), (succeeded, failed), "{keep}: {listed}");
        let left: Vec<_> = state(&world).into_iter().filter(|path| path.to_string_lossy().contains("trash")).collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "{keep}");
        // What the failed one wrote is on its branch, whatever became of its worktree.
        let branch = world.git(["for-each-ref", "--format=%(refname)", "refs/heads/ai-sdlc/*/bad"]);
        assert_eq!(world.git(["show", &format!("{branch}:half.txt")]), "half", "{keep}");
        assert_eq!(world.git(["status", "--porcelain", "--ignored"]), "", "{keep}");
    }
}

#[test]
fn a_worktree_that_somebody_takes_away_fails_its_task_alone() {
    let world = World::new();
    world.mission(
        "[mission]\nname = \"gone\"\n[concurrency]\nmax = 2\n[merge]\ninto = \"main\"\n[tasks.gone]\nrun = 'echo x > x.txt; rm -rf \"$PWD\"'\n[tasks.fine]\nrun = \"echo f > f.txt\"\n",
    );
    let _ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    let integration = world.git(["for-each-ref", "--format=%(refname)", "refs/heads/ai-sdlc/*/integration"]);
    assert_eq!(world.git(["show", &format!("{integration}:f.txt")]), "f");
    assert_eq!(world.end_of("gone"), "failed");
    assert!(world.task("gone").to_string().contains("is gone"), "{}", world.task("gone"));
    assert_eq!(world.processes(), []);
}
