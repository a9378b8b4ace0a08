//! `run recover`, `run cleanup`, `worktree list` and `worktree remove`, as a person types them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::world::{Ran, World, finish, send, wait_for};

/// Ten worktrees that stay.
const KEPT: &str = r#"
[mission]
name = "kept"
[concurrency]
max = 4
[workspace]
keep = "always"
[tasks.t0]
run = ["true"]
[tasks.t1]
run = ["true"]
[tasks.t2]
run = ["true"]
[tasks.t3]
run = ["true"]
[tasks.t4]
run = ["true"]
[tasks.t5]
run = ["true"]
[tasks.t6]
run = ["true"]
[tasks.t7]
run = ["true"]
[tasks.t8]
run = ["true"]
[tasks.t9]
run = ["true"]
"#;

/// A session that is cut off in the middle of its work.
const CUT_OFF: &str = r#"
[mission]
name = "cut"
[merge]
into = "main"
[tasks.work]
run = "if test -e $HOME/go; then rm -rf precious.txt inner README.md; echo other > other.txt; else echo precious > precious.txt; git init -q inner; echo deep > inner/deep.txt; git -C inner add -A; git -C inner -c user.name=I -c user.email=i@x commit -q -m inner; echo loose > inner/loose.txt; touch $HOME/up; sleep 600; fi"
"#;

/// What was printed; where it names a schema, it is as that says.
fn json(ran: &Ran) -> Value {
    let value: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let named = value["schema"].as_str().and_then(|name| name.strip_prefix("ai-sdlc/")?.strip_suffix("/1"));
    if let Some(what @ ("recover" | "cleanup" | "worktrees")) = named {
        let file = format!("{}/schema/{what}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let validator = jsonschema::draft7::new(&schema).unwrap();
        let problems: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(problems, [""; 0], "{value:#}");
    }
    value
}

fn latest(world: &World) -> String {
    let runs = json(&world.run(["run", "list", "--json"]).exits(0));
    runs["runs"][0]["run"].as_str().unwrap().to_owned()
}

/// The worktree of a task in a run.
fn worktree(world: &World, run: &str, task: &str) -> PathBuf {
    let all = json(&world.run(["worktree", "list", "--json"]).exits(0));
    let all = all["worktrees"].as_array().unwrap().clone();
    let found = all.iter().find(|one| one["run"] == run && one["task"] == task);
    PathBuf::from(found.unwrap_or_else(|| panic!("no {task} of {run} in {all:#?}"))["path"].as_str().unwrap())
}

fn cut_off(world: &World) -> String {
    let child = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the work", || world.home().join("up").exists());
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    wait_for("nothing left running", || world.processes().is_empty());
    latest(world)
}

/// Somebody who stands in a folder.
struct Person(Child);

impl Person {
    fn standing_in(world: &World, folder: &Path) -> Self {
        let mut sleep = world.command("/bin/sh");
        let child = sleep
            .args(["-c", "exec sleep 600"])
            .env_remove("HOME")
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("they stand there", || {
            fs::read_link(format!("/proc/{}/cwd", child.id())).is_ok_and(|cwd| cwd == folder)
        });
        Self(child)
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn paths(items: &Value, which: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let items = items["items"].as_array().unwrap().iter();
    items.filter(|item| which(item)).map(|item| item["place"].as_str().unwrap().to_owned()).collect()
}

fn item<'a>(items: &'a Value, place: &Path) -> &'a Value {
    let found = items["items"].as_array().unwrap().iter().find(|item| item["place"] == place.to_str().unwrap());
    found.unwrap_or_else(|| panic!("no {} in {items:#}", place.display()))
}

#[test]
fn a_dry_run_says_what_goes_and_why_the_rest_stays_and_the_real_one_does_that() {
    let world = World::new();
    world.mission(KEPT);
    let mut runs = Vec::new();
    for _ in 0..5 {
        world.run(["mission", "run", "mission.toml", "--yes", "--ui", "none"]).exits(0);
        runs.push(latest(&world));
    }
    let of = |run: usize, task: &str| worktree(&world, &runs[run], task);
    // Things happen to worktrees.
    let unsaved = of(0, "t0");
    fs::write(unsaved.join("draft.txt"), "mine\n").unwrap();
    let occupied = of(0, "t1");
    let person = Person::standing_in(&world, &occupied);
    let locked = of(0, "t2");
    let locked_text = locked.display().to_string();
    world.git(["worktree", "unlock", &locked_text]);
    world.git(["worktree", "lock", "--reason", "Ada looks at it", &locked_text]);
    let deleted = of(0, "t3");
    fs::remove_dir_all(&deleted).unwrap();
    let read_only = of(0, "t4");
    fs::write(read_only.join(".git/../.gitignore"), "cache\n").unwrap_err();
    fs::create_dir(read_only.join("empty")).unwrap();
    fs::set_permissions(read_only.join("empty"), fs::Permissions::from_mode(0o500)).unwrap();
    let rewritten = of(0, "t5");
    fs::write(rewritten.join(".git"), "gitdir: /nowhere\n").unwrap();
    let committed = of(0, "t6");
    world.git(["-C", committed.to_str().unwrap(), "commit", "-q", "--allow-empty-message", "--allow-empty", "-m", "x"]);
    fs::write(committed.join("own.txt"), "own\n").unwrap();
    world.git(["-C", committed.to_str().unwrap(), "add", "own.txt"]);
    world.git(["-C", committed.to_str().unwrap(), "commit", "-q", "-m", "own"]);
    fs::remove_file(committed.join("own.txt")).unwrap();
    let moved = of(0, "t7");
    let elsewhere = world.home().join("moved");
    world.git(["worktree", "move", "-f", "-f", moved.to_str().unwrap(), elsewhere.to_str().unwrap()]);
    let unknown = of(0, "t8");
    fs::remove_dir_all(world.project().join(format!(".git/ai-sdlc/worktrees/{}/t8-1", runs[0]))).unwrap();
    let trash = occupied.with_file_name(".gone-1.trash-1");
    fs::create_dir(&trash).unwrap();
    fs::remove_dir_all(world.project().join(format!(".git/ai-sdlc/runs/{}", runs[1]))).unwrap();
    world.mission(CUT_OFF);
    let cut = cut_off(&world);
    let cut_off = worktree(&world, &cut, "work");

    let dry = json(&world.run(["run", "cleanup", "--dry-run", "--json"]).exits(0));
    let goes = paths(&dry, |item| item["goes"] == true);
    let stays = paths(&dry, |item| item["goes"] == false);
    let why = |place: &Path| item(&dry, place)["why"].as_str().unwrap().to_owned();
    assert_eq!(
        stays,
        BTreeSet::from(
            [&unsaved, &occupied, &locked, &committed, &moved, &unknown, &cut_off]
                .map(|path| path.display().to_string())
        )
    );
    assert_eq!(why(&unsaved), "1 file saved nowhere else");
    assert!(why(&occupied).starts_with("in use by sleep (process "), "{}", why(&occupied));
    assert_eq!(why(&locked), "locked by `git worktree lock`: Ada looks at it");
    assert!(why(&committed).contains("1 commit"), "{}", why(&committed));
    assert_eq!(why(&moved), format!("moved to {}", elsewhere.display()));
    assert!(why(&unknown).starts_with("nothing is known of it"));
    assert_eq!(why(&cut_off), format!("run {cut} can go on (interrupted)"));
    assert!(
        dry["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|item| item["goes"] == false)
            .all(|item| item["free"].is_string())
    );
    assert!(goes.contains(&read_only.display().to_string()) && goes.contains(&rewritten.display().to_string()));
    assert!(goes.contains(&deleted.display().to_string()) && goes.contains(&trash.display().to_string()));
    assert_eq!(goes.len(), 50 - 6 + 1, "{goes:#?}");
    assert!(
        goes.iter()
            .filter(|path| !path.contains("t3-1") || !path.contains(&runs[0]))
            .all(|path| Path::new(path).exists())
    );

    // For people, the same.
    let text = world.run(["run", "cleanup", "-n"]).exits(0).stdout;
    assert!(text.starts_with("Would go: 45 things"), "{text}");
    assert!(text.contains("Stays: 7 things") && text.contains("to free it: git worktree unlock"), "{text}");
    // Without a terminal nothing is asked, and nothing goes.
    let refused = world.run(["run", "cleanup"]).exits(2);
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    assert!(read_only.exists());

    world.run(["run", "cleanup", "--yes"]).exits(0);
    assert!(goes.iter().all(|path| !Path::new(path).exists()));
    for path in [&unsaved, &occupied, &locked, &committed, &elsewhere, &unknown, &cut_off] {
        assert!(path.exists(), "{}", path.display());
    }
    let again = json(&world.run(["run", "cleanup", "-n", "--json"]).exits(0));
    assert_eq!(paths(&again, |item| item["goes"] == true), BTreeSet::new());
    assert_eq!(paths(&again, |_| true), stays);

    // What frees them, one by one.
    drop(person);
    world.git(["worktree", "unlock", &locked_text]);
    let ran = world.run(["run", "cleanup", "--yes", "--salvage"]).exits(0);
    assert!(ran.stderr.contains("Unsaved work of 2 worktrees was saved first"), "{ran:?}");
    assert!([&unsaved, &occupied, &locked, &committed].iter().all(|path| !path.exists()));
    let out = world.home().join("back");
    world.run(["run", "recover", &runs[0], "t0", "--to", out.to_str().unwrap()]).exits(0);
    assert_eq!(fs::read_to_string(out.join("draft.txt")).unwrap(), "mine\n");
    let held = world.git(["log", "--all", "--format=%s"]);
    assert!(held.lines().any(|line| line == "own"), "the agent's own commit is held: {held}");
}

#[test]
fn what_a_cut_off_session_left_is_saved_before_the_next_one_begins() {
    let world = World::new();
    world.mission(CUT_OFF);
    let run = cut_off(&world);
    let before = world.run(["run", "recover"]).exits(0);
    assert!(before.stdout.contains("saved nowhere else") && before.stdout.contains("work, attempt 1"), "{before:?}");
    fs::write(world.home().join("go"), "").unwrap();
    let resumed = world.run(["run", "resume"]).exits(0);
    assert!(resumed.stdout.contains(&format!("ai-sdlc run recover {run} work")), "{resumed:?}");
    assert_eq!(world.read("other.txt"), "other\n");
    assert!(!world.project().join("precious.txt").exists(), "the second session removed it");
    world.git(["gc", "-q", "--prune=now"]);

    let list = json(&world.run(["run", "recover", "--json"]).exits(0));
    let saved = &list["salvaged"][0];
    assert_eq!((saved["task"].as_str(), saved["attempt"].as_u64()), (Some("work"), Some(1)));
    assert_eq!(saved["why"], "before the next session in its worktree");
    assert_eq!(list["salvaged"].as_array().unwrap().len(), 1, "{list:#}");

    // Found without the run's folder, by the beginning of its id.
    fs::remove_dir_all(world.project().join(".git/ai-sdlc/runs")).unwrap();
    let all = world.run(["run", "recover", "--all"]).exits(0);
    assert!(all.stdout.contains(&run), "{all:?}");
    let head = world.git(["rev-parse", "HEAD"]);
    let out = world.home().join("back");
    let to = out.to_str().unwrap();
    world.run(["run", "recover", &run[..5], "work", "--to", to]).exits(0);
    assert_eq!(fs::read_to_string(out.join("precious.txt")).unwrap(), "precious\n");
    assert_eq!(fs::read_to_string(out.join("README.md")).unwrap(), "hello\n");
    // The repository in it works.
    let inner = out.join("inner");
    let inner = inner.to_str().unwrap();
    assert_eq!(world.git(["-C", inner, "log", "--format=%s"]), "inner");
    assert_eq!(world.git(["-C", inner, "status", "--porcelain"]), "?? loose.txt");

    // Nothing is overwritten, and the checkout is as it was.
    let refused = world.run(["run", "recover", &run, "1", "--to", to]).exits(2);
    assert!(refused.stderr.contains("cli::not-empty"), "{refused:?}");
    world.run(["run", "recover", &run, "work/1", "--branch", "saved"]).exits(0);
    assert_eq!(world.git(["show", "saved:precious.txt"]), "precious");
    world.run(["run", "recover", &run, "work/1", "--branch", "main"]).exits(2);
    world.run(["run", "recover", &run, "nothing", "--branch", "x"]).exits(2);
    assert_eq!(world.git(["rev-parse", "HEAD"]), head);
    assert_eq!(world.git(["status", "--porcelain"]), "");
}

#[test]
fn a_session_that_is_not_cut_off_leaves_nothing_to_salvage() {
    let world = World::new();
    world.mission("[mission]\nname = \"m\"\n[merge]\nchecks = [\"echo x > left.txt\"]\n[tasks.a]\nrun = \"echo a > a.txt\"\nchecks = [\"echo b > b.txt\"]\n[tasks.b]\nneeds = [\"a\"]\nrun = \"echo b > c.txt\"\n");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert_eq!(world.git(["for-each-ref", "refs/ai-sdlc"]), "");
    let nothing = world.run(["run", "recover"]).exits(0);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("Nothing of run"), "{nothing:?}");
}

#[test]
fn a_worktree_is_removed_with_its_unsaved_work_saved_and_never_while_somebody_is_in_it() {
    let world = World::new();
    world
        .mission("[mission]\nname = \"m\"\n[tasks.a]\nrun = \"echo a > a.txt; exit 1\"\n[tasks.b]\nrun = \"exit 1\"\n");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    let run = latest(&world);
    let (a, b) = (worktree(&world, &run, "a"), worktree(&world, &run, "b"));
    let list = world.run(["worktree", "list"]).exits(0).stdout;
    assert!(list.lines().next().unwrap().contains("UNSAVED") && list.contains(a.to_str().unwrap()), "{list}");
    fs::write(a.join("more.txt"), "more\n").unwrap();
    let person = Person::standing_in(&world, &a);
    let refused = world.run(["worktree", "remove", "a"]).exits(6);
    assert!(
        refused.stderr.contains("cli::worktree-stays") && refused.stderr.contains("in use by sleep"),
        "{refused:?}"
    );
    drop(person);
    assert!(world.run(["worktree", "remove", "c"]).exits(2).stderr.contains("there is no worktree `c`"));
    let removed = world.run(["worktree", "remove", "a"]).exits(0);
    assert!(removed.stderr.contains("run recover"), "{removed:?}");
    assert!(!a.exists());
    world.run(["worktree", "remove", b.to_str().unwrap()]).exits(0);
    assert!(!b.exists());
    assert_eq!(world.git(["worktree", "list"]).lines().count(), 1);
    let to = world.home().join("back");
    world.run(["run", "recover", "a", "--to", to.to_str().unwrap()]).exits(0);
    assert_eq!(fs::read_to_string(to.join("more.txt")).unwrap(), "more\n");
}

#[test]
fn salvage_that_fails_keeps_the_worktree() {
    let world = World::new();
    world.mission("[mission]\nname = \"m\"\n[tasks.a]\nrun = \"exit 1\"\n");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    let a = worktree(&world, &latest(&world), "a");
    fs::write(a.join("draft.txt"), "mine\n").unwrap();
    fs::set_permissions(a.join("draft.txt"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(a.join("draft.txt")).is_ok() {
        // Nothing is unreadable for root: objects that cannot be written do the same.
        fs::set_permissions(a.join("draft.txt"), fs::Permissions::from_mode(0o644)).unwrap();
        let objects = world.project().join(".git/objects");
        fs::rename(&objects, objects.with_file_name("objects-away")).unwrap();
        fs::write(&objects, "").unwrap();
    }
    let refused = world.run(["worktree", "remove", a.to_str().unwrap()]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(a.join("draft.txt").exists());
}

#[test]
fn whole_runs_go_by_number_and_what_is_a_last_copy_stays() {
    let world = World::new();
    world.mission("[mission]\nname = \"m\"\n[tasks.a]\nrun = \"date +%N > a.txt\"\n[tasks.b]\nrun = \"echo product > $AI_SDLC_ARTIFACTS/b.txt\"\n");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let lone = latest(&world);
    world.mission("[mission]\nname = \"m\"\n[merge]\ninto = \"main\"\n[tasks.a]\nrun = \"date +%N > a.txt\"\n");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let delivered = latest(&world);
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let last = latest(&world);

    world.run(["run", "cleanup", "--keep", "1", "-y"]).exits(0);
    let runs = world.run(["run", "list"]).exits(0).stdout;
    assert!(runs.contains(&last) && runs.contains(&lone) && !runs.contains(&delivered), "{runs}");
    let branches = world.git(["for-each-ref", "--format=%(refname)", "refs/heads/ai-sdlc"]);
    assert!(!branches.contains(&delivered), "all of it is on main: {branches}");
    assert!(branches.contains(&format!("{lone}/integration")), "{branches}");
    let dry = json(&world.run(["run", "cleanup", "--keep", "1", "-n", "--json"]).exits(0));
    let kept =
        dry["items"].as_array().unwrap().iter().find(|item| item["what"] == "run" && item["run"] == lone.as_str());
    assert!(kept.unwrap()["why"].as_str().unwrap().contains("artifacts"), "{dry:#}");

    world.run(["run", "cleanup", &lone, "--keep", "0", "--last-copies", "-y"]).exits(0);
    assert_eq!(world.git(["for-each-ref", "--format=%(refname)", &format!("refs/heads/ai-sdlc/{lone}")]), "");
    assert!(!world.run(["run", "list"]).exits(0).stdout.contains(&lone));
}

#[test]
fn limits_of_a_mission_take_the_oldest_worktrees_of_earlier_runs() {
    let world = World::new();
    let mission = |limits: &str| {
        format!("[mission]\nname = \"m\"\n[workspace]\nkeep = \"always\"\n{limits}\n[tasks.a]\nrun = [\"true\"]\n")
    };
    world.mission(&mission(""));
    let mut worktrees = Vec::new();
    for _ in 0..6 {
        let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
        worktrees.push(worktree(&world, &latest(&world), "a"));
        if worktrees.len() == 6 {
            assert!(
                ran.stdout.contains("ai-sdlc run cleanup --dry-run")
                    && ran.stdout.contains("5 worktrees of 5 ended runs take"),
                "{ran:?}"
            );
        }
    }
    fs::write(worktrees[0].join("draft.txt"), "mine\n").unwrap();
    let person = Person::standing_in(&world, &worktrees[1]);
    world.mission(&mission("max_worktrees = 3\nmax_disk = \"20 GB\"\nkeep_for = \"300d\""));
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert!(
        ran.stdout.contains("as `[workspace]` limits them") && ran.stdout.contains("unsaved work of task a"),
        "{ran:?}"
    );
    let there: Vec<bool> = worktrees.iter().map(|path| path.exists()).collect();
    assert_eq!(there, [false, true, false, false, false, true], "{ran:?}");
    assert!(worktree(&world, &latest(&world), "a").exists());
    drop(person);
    let saved = world.run(["run", "recover", "--all"]).exits(0);
    assert!(saved.stdout.contains("1 file"), "{saved:?}");
}
