//! What stands in the way of a run is told before it begins, all at once, each with what mends it; and `doctor`, which
//! looks for the same. On real repositories.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::generated::misfits;
use crate::world::{Ran, World, finish, send, wait_for};

const MISSION: &str = "[mission]\nname = \"small\"\n[merge]\ninto = \"main\"\n[tasks.a]\nrun = \"echo a > a.txt\"\n";

fn with_mission() -> World {
    let world = World::new();
    world.mission(MISSION);
    world
}

/// Refused: with this exit code, these words, and nothing made.
fn refused(world: &World, code: i32, words: &[&str]) -> Ran {
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(code);
    for word in words {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
    assert_eq!(ran.stdout, "");
    assert!(!world.project().join(".git/ai-sdlc/runs").exists(), "{ran:?}");
    ran
}

/// What is told before a run, without beginning it.
fn notes(world: &World) -> Vec<String> {
    let ran = world.run(["mission", "run", "mission.toml", "--dry-run"]).exits(0);
    ran.stdout.lines().filter_map(|line| line.strip_prefix("note: ")).map(str::to_owned).collect()
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn all_that_stands_in_the_way_is_told_at_once() {
    let world = World::new();
    world.write(".ai-sdlc/config.toml", "[agents.x]\nbackend = \"command\"\ncommand = [\"no-such-agent\"]\n[agents.y]\nbackend = \"command\"\ncommand = [\"nor-this\"]\n");
    let text = "secrets = [\"TOKEN\"]\n[mission]\nname = \"small\"\n[workspace]\nroot = \"inside\"\n[merge]\ninto = \"release\"\n[tasks.a]\nagent = \"x\"\nrole = \"backend-dev\"\nprompt = \"do\"\nsecrets = [\"TOKEN\"]\n[tasks.b]\nagent = \"y\"\nrole = \"backend-dev\"\nprompt = \"do\"\n";
    world.mission(text);
    let ran = refused(&world, 5, &["things stand in the way of this run"]);
    for word in ["no-such-agent", "nor-this", "TOKEN", "git branch release", "inside the checkout", "ai-sdlc doctor"] {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
}

#[test]
fn a_folder_that_is_no_repository_or_has_no_commit() {
    let world = World::bare();
    world.write("mission.toml", MISSION);
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(5);
    assert!(ran.stderr.contains("git::no-repository") && ran.stderr.contains("git init"), "{ran:?}");
    world.git(["init", "-q", "-b", "main"]);
    refused(&world, 5, &["no commit yet", "a task sees only what is committed", " add -A && git -C "]);
    let world = with_mission();
    world.git(["checkout", "-q", "--orphan", "new"]);
    refused(&world, 5, &["the branch that is checked out has no commit yet", "switch main"]);
}

#[test]
fn an_old_or_missing_git() {
    let world = with_mission();
    let bin = world.home().join("../bin");
    let real = fs::read_link(bin.join("git")).unwrap();
    fs::remove_file(bin.join("git")).unwrap();
    refused(&world, 5, &["git::missing", "install git 2.34"]);
    executable(&bin.join("git"), "#!/bin/sh\necho git version 2.30.1\n");
    refused(&world, 5, &["git 2.30 is too old", "install git 2.34"]);
    let doctor = world.run(["doctor"]).exits(5);
    assert!(
        doctor.stdout.contains("git 2.30 is too old") && doctor.stdout.contains("Runs cannot work here"),
        "{doctor:?}"
    );
    executable(&bin.join("git"), "#!/bin/sh\nexit 1\n");
    refused(&world, 5, &["git::unusable"]);
    fs::remove_file(bin.join("git")).unwrap();
    symlink(real, bin.join("git")).unwrap();
    assert_eq!(notes(&world), Vec::<String>::new());
}

#[test]
fn every_kind_of_extension_works_or_is_refused_by_its_name() {
    for (key, value) in [("worktreeConfig", "true"), ("partialClone", "origin"), ("preciousObjects", "true")] {
        let world = with_mission();
        world.git(["config", "core.repositoryFormatVersion", "1"]);
        world.git(["config", &format!("extensions.{key}"), value]);
        let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
        assert_eq!(world.git(["show", "main:a.txt"]), "a", "{key}: {ran:?}");
    }
    let world = with_mission();
    world.git(["config", "core.repositoryFormatVersion", "1"]);
    world.git(["config", "extensions.fromTomorrow", "true"]);
    refused(&world, 5, &["cannot open this kind of repository", "fromtomorrow", "install a newer git"]);
    let doctor = world.run(["doctor", "--json"]).exits(5);
    assert!(doctor.stdout.contains("fromtomorrow"), "{doctor:?}");
    let world = with_mission();
    world.git(["config", "core.repositoryFormatVersion", "7"]);
    refused(&world, 5, &["cannot open this kind of repository", "found 7"]);
}

#[test]
fn a_repository_that_libgit2_cannot_open_needs_a_git_that_merges() {
    let world = World::bare();
    let made = world
        .command(world.home().join("../bin/git"))
        .args(["init", "-q", "-b", "main", "--object-format=sha256"])
        .status();
    assert!(made.unwrap().success());
    world.git(["config", "user.name", "Ada"]);
    world.git(["config", "user.email", "ada@example.org"]);
    world.mission(MISSION);
    assert_eq!(notes(&world), Vec::<String>::new());
    // A git that calls itself new and does not do it.
    let bin = world.home().join("../bin");
    let real = fs::read_link(bin.join("git")).unwrap();
    fs::remove_file(bin.join("git")).unwrap();
    let stands_in = format!(
        "#!/bin/sh\nfor word; do test \"$word\" = merge-tree && exit 129; done\nexec {} \"$@\"\n",
        real.display()
    );
    executable(&bin.join("git"), &stands_in);
    refused(&world, 5, &["this kind of repository needs git"]);
}

#[test]
fn a_repository_of_somebody_else_is_refused_with_what_git_advises() {
    let world = with_mission();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for folder in [world.project(), world.project().join(".git")] {
        std::os::unix::fs::chown(folder, Some(12_345), None).unwrap();
    }
    let ran = refused(&world, 5, &["belongs to somebody else", "git config --global --add safe.directory"]);
    let command = ran.stderr.split('`').find(|part| part.starts_with("git config --global")).unwrap();
    let done = world.command(world.home().join("../bin/sh")).args(["-c", command]).status().unwrap();
    assert!(done.success());
    let _ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
}

#[test]
fn into_must_be_free_to_move() {
    let world = with_mission();
    world.write("README.md", "changed\n");
    refused(&world, 5, &["with 1 changed file", "git -C ", "stash"]);
    world.git(["checkout", "-q", "README.md"]);
    world.git(["symbolic-ref", "refs/heads/trunk", "refs/heads/main"]);
    for (into, words) in [
        ("refs/heads/main", "write `into = \"main\"`"),
        ("trunk", "write `into = \"main\"`"),
        ("nowhere", "git branch nowhere"),
    ] {
        world.write("mission.toml", &MISSION.replace("\"main\"", &format!("\"{into}\"")));
        refused(&world, 5, &[words]);
    }
    world.write("mission.toml", &MISSION.replace("\"main\"", "\"next\""));
    let linked = world.home().join("linked");
    world.git(["worktree", "add", "-q", "-b", "next", &linked.to_string_lossy()]);
    let gitdir = world.project().join(".git/worktrees/linked");
    fs::create_dir(gitdir.join("rebase-merge")).unwrap();
    fs::write(gitdir.join("rebase-merge/head-name"), "refs/heads/next\n").unwrap();
    refused(&world, 5, &["in the middle of a rebase", "git -C "]);
    fs::remove_dir_all(gitdir.join("rebase-merge")).unwrap();
    fs::remove_dir_all(&linked).unwrap();
    refused(&world, 5, &["which is gone", "git worktree prune"]);
}

#[test]
fn filters_that_cannot_be_run_are_told_before_git_fails_at_them() {
    let world = with_mission();
    world.git(["config", "filter.big.process", "git-big filter-process"]);
    world.git(["config", "filter.big.required", "true"]);
    assert_eq!(notes(&world), Vec::<String>::new(), "nothing here uses it");
    world.write("data/.gitattributes", "*.bin filter=big -text\n*.x filter=lfs\n");
    world.commit("attributes");
    let ran =
        refused(&world, 5, &["need the filter `big`, whose program `git-big` is not installed", "install `git-big`"]);
    assert!(!ran.stderr.contains("data/"), "{ran:?}");
    executable(&world.home().join("../bin/git-big"), "#!/bin/sh\nexec cat\n");
    let told = notes(&world);
    assert!(told.len() == 1 && told[0].contains("git lfs install"), "{told:?}");
}

#[test]
fn what_a_person_should_know_is_a_note() {
    let world = with_mission();
    world.git(["config", "--unset", "user.name"]);
    world.git(["config", "--unset", "user.email"]);
    world.write(".gitmodules", "[submodule \"a\"]\npath = a\nurl = ../a\n[submodule \"b\"]\npath = b\nurl = ../b\n");
    world.git(["add", "-A"]);
    world.git(["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", "modules"]);
    world.write("mine.txt", "mine\n");
    insta::assert_snapshot!(notes(&world).join("\n"));
    world.write("mission.toml", &format!("{MISSION}[workspace]\nsetup = [\"git submodule update --init\"]\n"));
    world.git(["add", "mission.toml"]);
    world.git(["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "-m", "setup"]);
    assert!(!notes(&world).join("\n").contains("submodules"), "the mission sees to them");
}

/// Something mounted over a folder as long as this lives.
struct Mount(std::path::PathBuf);

impl Mount {
    fn over(folder: &Path, args: &[&str]) -> Option<Self> {
        let status =
            std::process::Command::new("mount").args(args).arg(folder).stderr(std::process::Stdio::null()).status();
        let mounted = status.is_ok_and(|status| status.success());
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
fn a_disk_that_is_too_small_full_or_read_only() {
    let world = with_mission();
    let state = world.home().join(".local/state");
    fs::create_dir_all(&state).unwrap();
    {
        let Some(_small) = Mount::over(&state, &["-t", "tmpfs", "tmpfs", "-o", "size=8m"]) else { return };
        refused(&world, 5, &["cli::disk-full", "too little disk space", "[workspace] root"]);
    }
    {
        let Some(_few) = Mount::over(&state, &["-t", "tmpfs", "tmpfs", "-o", "size=200m,nr_inodes=4"]) else { return };
        refused(&world, 5, &["too few inodes"]);
    }
    {
        let Some(_sealed) = Mount::over(&state, &["-t", "tmpfs", "tmpfs", "-o", "ro"]) else { return };
        refused(&world, 5, &["the folder of worktrees cannot be written", "read-only"]);
        let doctor = world.run(["doctor"]).exits(5);
        assert!(doctor.stdout.contains("Read-only file system"), "{doctor:?}");
    }
    let store = world.project().join(".git/ai-sdlc");
    fs::create_dir_all(&store).unwrap();
    let Some(_full) = Mount::over(&store, &["-t", "tmpfs", "tmpfs", "-o", "size=64k"]) else { return };
    refused(&world, 5, &["no space is left for the journal", "df -h"]);
}

#[test]
fn names_that_a_file_system_cannot_tell_apart() {
    let world = with_mission();
    world.write("Read.txt", "a\n");
    world.write("read.txt", "b\n");
    world.commit("two names");
    let state = world.home().join(".local/state");
    fs::create_dir_all(&state).unwrap();
    if fs::metadata(world.home().join(".LOCAL")).is_ok() {
        refused(&world, 5, &["does not tell upper from lower case"]);
    } else {
        assert_eq!(notes(&world), Vec::<String>::new());
    }
}

fn doctor(world: &World) -> (Option<i32>, String) {
    let ran = world.run(["doctor"]);
    let root = world.project().parent().unwrap().canonicalize().unwrap().to_string_lossy().into_owned();
    let text = ran.stdout.replace(&root, "/world");
    let known = |line: &str| {
        let is_sandbox = line.contains(" sandbox  ");
        // Where the machine cannot confine, that is one warning more.
        let line = if line.starts_with("Runs can work here.") { "Runs can work here." } else { line };
        let line = if is_sandbox { "  sandbox  AS IT IS HERE".to_owned() } else { line.to_owned() };
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for at in 0..words.len() {
            let is_size = words.get(at + 1).is_some_and(|unit| ["KiB", "MiB", "GiB"].contains(&unit.as_str()));
            let is_commit = words[at].trim_end_matches(',').len() >= 7
                && words[at].bytes().next().is_some_and(|b| b.is_ascii_hexdigit())
                && words[at].trim_end_matches(',').bytes().all(|b| b.is_ascii_hexdigit());
            if is_size {
                "N".clone_into(&mut words[at]);
                "UNIT".clone_into(&mut words[at + 1]);
            } else if is_commit {
                "COMMIT,".clone_into(&mut words[at]);
            }
        }
        words.join(" ")
    };
    let git = world.git(["--version"]).replace("git version ", "");
    let short: Vec<&str> = git.split('.').take(2).collect();
    let lines: Vec<String> = text.lines().map(known).collect();
    (ran.code, lines.join("\n").replace(&short.join("."), "X.Y"))
}

#[test]
fn doctor_where_nothing_is_where_no_commit_is_and_where_all_is_well() {
    let world = World::bare();
    let (code, told) = doctor(&world);
    assert_eq!(code, Some(0), "{told}");
    insta::assert_snapshot!("doctor_in_an_empty_folder", told);
    world.git(["init", "-q", "-b", "main"]);
    let (code, told) = doctor(&world);
    assert_eq!(code, Some(5), "{told}");
    insta::assert_snapshot!("doctor_without_a_commit", told);
    world.write("mine.txt", "mine\n");
    let (code, told) = doctor(&world);
    assert_eq!(code, Some(5), "{told}");
    insta::assert_snapshot!("doctor_without_a_commit_of_what_is_there", told);
    fs::remove_file(world.project().join("mine.txt")).unwrap();
    world.git(["config", "user.name", "Ada"]);
    world.git(["config", "user.email", "ada@example.org"]);
    executable(&world.home().join("../bin/helper"), "#!/bin/sh\necho \"helper 1.2.3 ($1)\"\necho more\n");
    let user = world.home().join(".config/ai-sdlc");
    fs::create_dir_all(&user).unwrap();
    fs::write(user.join("config.toml"), "[agents.mine]\nbackend = \"command\"\ncommand = [\"helper\", \"-p\"]\n")
        .unwrap();
    world.mission(MISSION);
    let (code, told) = doctor(&world);
    assert_eq!(code, Some(0), "{told}");
    insta::assert_snapshot!("doctor_where_all_is_well", told);
    let bare = world.home().join("bare");
    world.git(["clone", "-q", "--bare", ".", &bare.to_string_lossy()]);
    let told = Ran::of(&world.program().current_dir(&bare).arg("doctor").output().unwrap()).exits(0);
    assert!(told.stdout.contains("on main, at "), "{told:?}");
}

#[test]
fn doctor_starts_no_agent_that_only_the_project_names() {
    let world = with_mission();
    let bin = world.home().join("../bin");
    let trap = |name: &str| format!("#!/bin/sh\ntouch $HOME/{name}-was-started\necho {name} 1.0\n");
    executable(&bin.join("others"), &trap("others"));
    executable(&bin.join("claude"), &trap("claude"));
    executable(&bin.join("hangs"), "#!/bin/sh\ntouch $HOME/hangs-was-started\nsleep 600 & sleep 600\n");
    executable(&world.project().join("codex"), &trap("codex"));
    symlink(world.project().join("codex"), bin.join("codex")).unwrap();
    world.write(
        ".ai-sdlc/config.toml",
        "[agents.a]\nbackend = \"command\"\ncommand = [\"others\"]\n[agents.b]\nbackend = \"command\"\ncommand = [\"claude\"]\n[agents.c]\nbackend = \"command\"\ncommand = [\"gone\"]\n",
    );
    let user = world.home().join(".config/ai-sdlc");
    fs::create_dir_all(&user).unwrap();
    fs::write(user.join("config.toml"), "[agents.h]\nbackend = \"command\"\ncommand = [\"hangs\"]\n").unwrap();
    let told = world.run(["doctor"]).exits(0);
    let started = |name: &str| world.home().join(format!("{name}-was-started")).exists();
    assert_eq!((started("others"), started("codex")), (false, false), "{told:?}");
    assert_eq!((started("claude"), started("hangs")), (true, true), "{told:?}");
    assert!(told.stdout.contains("claude, claude 1.0"), "{told:?}");
    assert!(told.stdout.contains("c: there is no `gone`") && told.stdout.contains("install `gone`"), "{told:?}");
    assert!(told.stdout.contains("claude 1.0, no login found"), "{told:?}");
    assert!(told.stdout.contains("codex: ") && told.stdout.contains("codex, takes the model it is set to"), "{told:?}");
    fs::create_dir(world.home().join(".claude")).unwrap();
    let secret = world.home().join(".claude/.credentials.json");
    fs::write(&secret, "{}").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o0)).unwrap();
    let found = world.run(["doctor"]).exits(0);
    assert!(found.stdout.contains(".credentials.json is there"), "{found:?}");
    assert_eq!(world.processes(), [], "what hung was ended");
}

#[test]
fn doctor_tells_what_runs_left() {
    let world = with_mission();
    let waits = "echo half > b.txt; touch $HOME/up; sleep 600";
    world.mission(&format!("{MISSION}[tasks.b]\nneeds = [\"a\"]\nrun = \"{waits}\"\n"));
    let child = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the task", || world.home().join("up").exists());
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    wait_for("the guard", || world.processes().is_empty());
    world.write(".ai-sdlc/config.toml", "[agents.a]\nbackend = \"comand\"\n");
    let ran = world.run(["doctor", "--json"]).exits(5);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&told["schema"], &told["able"]), (&Value::from("ai-sdlc/doctor/1"), &Value::from(false)));
    let of = |what: &str| -> Vec<&Value> {
        told["findings"].as_array().unwrap().iter().filter(|one| one["of"] == what).collect()
    };
    assert_eq!(of("config")[0]["state"], "bad", "{told:#}");
    let run = of("run")[0];
    assert!(run["remedy"].as_str().unwrap().starts_with("ai-sdlc run resume "), "{told:#}");
    assert_eq!(of("lock").len(), 0, "told as a run: {told:#}");
    for one in told["findings"].as_array().unwrap() {
        assert!(one["state"] == "good" || one["remedy"].is_string(), "{one}");
    }
    assert_eq!(misfits("doctor", true, std::slice::from_ref(&told)), Vec::<String>::new());
}
