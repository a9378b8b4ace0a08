//! Runs controlled from another terminal: stopped, paused, tried again, watched, left in the background.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::world::{Ran, World, finish, send, wait_for, wait_within};

/// `slow` works until `$HOME/go` is there, and leaves `$HOME/up` when it has begun.
const MISSION: &str = r#"
[mission]
name = "long"
[concurrency]
max = 3
[tasks.good]
run = "echo good >> good.txt"
[tasks.slow]
run = "echo half > half.txt; touch \"$HOME/up\"; while ! test -e \"$HOME/go\"; do sleep 0.02; done"
[tasks.after]
needs = ["slow"]
run = "echo after > after.txt"
[tasks.bad]
run = "test -e \"$HOME/mended\" && echo bad > bad.txt"
[tasks.waits]
needs = ["bad"]
run = "echo waits > waits.txt"
[tasks.other]
run = "test -e \"$HOME/never\""
"#;

fn touch(world: &World, name: &str) {
    fs::write(world.home().join(name), "").unwrap();
}

fn in_background(world: &World) -> String {
    world.mission(MISSION);
    let ran = world.run(["mission", "run", "mission.toml", "--yes", "--detach"]).exits(0);
    wait_for("the slow task", || world.home().join("up").exists());
    ran.stdout.trim().to_owned()
}

fn types(events: &[Value], kind: &str, task: &str) -> usize {
    events.iter().filter(|event| event["type"] == kind && (task.is_empty() || event["task"] == task)).count()
}

fn engine(world: &World) -> Option<u32> {
    let found = world.processes().into_iter().find(|(_, command)| command.contains(" engine "))?;
    u32::try_from(found.0).ok()
}

fn has_failed(world: &World, task: &str) {
    wait_for("the failure", || world.end_of(task) == "failed");
}

fn not_live(world: &World) {
    wait_for("the end of the run", || !world.run(["run", "list"]).stdout.contains("runs (process"));
}

#[test]
fn a_run_in_the_background_outlives_its_terminal_and_is_watched_and_paused() {
    let world = World::new();
    let id = in_background(&world);
    assert_eq!(id.len(), 8, "the id alone is the result: {id}");
    let pid = engine(&world).unwrap();
    let session = rustix::process::getsid(rustix::process::Pid::from_raw(i32::try_from(pid).unwrap())).unwrap();
    assert_eq!(u32::try_from(session.as_raw_nonzero().get()).unwrap(), pid, "it leads a session of its own");
    let watcher = world.start(["run", "watch", "--ui", "json", "--exit-status"]);
    world.run(["run", "pause"]).exits(0);
    let paused = world.run(["run", "pause"]).exits(0);
    assert!(paused.stderr.contains("under way go") && paused.stderr.contains("run resume"), "{paused:?}");
    touch(&world, "go");
    let watched = finish(watcher).exits(3);
    let last = watched.stdout.lines().last().unwrap();
    assert!(watched.stdout.starts_with("{\"seq\":1,") && last.contains("\"kind\":\"paused\""), "{watched:?}");
    not_live(&world);
    let list = world.run(["run", "list"]).stdout;
    assert!(list.contains("paused"), "{list}");
    let why = world.run(["run", "why", "after"]).exits(0).stdout;
    assert!(why.contains("paused by") && why.contains("run resume"), "{why}");
    assert_eq!((world.end_of("slow").as_str(), world.end_of("after").as_str()), ("succeeded", "ready"));
    let report = world.report();
    assert_eq!((report["outcome"]["kind"].as_str(), report["paused_by"].is_string()), (Some("paused"), true));
    assert!(world.run(["run", "pause"]).exits(0).stderr.contains("nothing to pause"));
    touch(&world, "mended");
    world.run(["run", "resume"]).exits(1);
    assert_eq!((world.end_of("after").as_str(), world.end_of("waits").as_str()), ("succeeded", "succeeded"));
    assert_eq!(types(&world.events(), "task-started", "slow"), 1, "what was under way went to its end");
}

#[test]
fn what_is_confirmed_is_what_runs_and_an_engine_that_cannot_begin_says_why() {
    let world = World::new();
    world.mission(MISSION);
    let refused = world.run(["mission", "run", "mission.toml", "--detach"]).exits(2);
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let missing = world.run(["mission", "run", "nosuch.toml", "--yes", "--detach"]).exits(2);
    assert!(missing.stdout.is_empty(), "{missing:?}");
    // What delivers to the same branch cannot be live twice: the engine in the background finds out.
    world.mission(&MISSION.replace("[concurrency]", "[merge]\ninto = \"main\"\n[concurrency]"));
    world.run(["mission", "run", "mission.toml", "--yes", "--detach"]).exits(0);
    wait_for("the slow task", || world.home().join("up").exists());
    let second = world.run(["mission", "run", "mission.toml", "--yes", "--detach"]).exits(6);
    assert!(second.stderr.contains("journal::locked") && second.stdout.is_empty(), "{second:?}");
    assert_eq!(world.run(["run", "list"]).stdout.lines().count(), 1, "nothing of it stays");
    let again = world.run(["run", "resume", "--detach"]).exits(6);
    assert!(again.stderr.contains("run watch"), "{again:?}");
    world.run(["run", "abort", "--now"]).exits(0);
    assert_eq!(world.processes(), []);
}

#[test]
fn a_watcher_who_leaves_ends_nothing_and_one_whose_engine_dies_is_told() {
    let world = World::new();
    let id = in_background(&world);
    let leaver = world.start(["run", "watch"]);
    let pid = leaver.id();
    wait_for("the watcher to listen", || caught(pid, Signal::INT));
    send(pid, Signal::INT);
    let left = finish(leaver).exits(0);
    assert!(left.stderr.contains("it goes on") && left.stderr.contains(&format!("run abort {id}")), "{left:?}");
    let stays = world.start(["run", "watch", "--exit-status"]);
    wait_for("the watcher to listen", || caught(stays.id(), Signal::INT));
    let asked = Instant::now();
    send(engine(&world).unwrap(), Signal::KILL);
    let told = finish(stays).exits(130);
    assert!(told.stderr.contains("is gone") && told.stderr.contains("run resume"), "{told:?}");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    let over = world.run(["run", "watch"]).exits(0);
    assert!(over.stderr.contains("interrupted") && over.stdout.contains("stopped before it was done"), "{over:?}");
    wait_within(Duration::from_secs(10), "no process left", &mut || world.processes().is_empty());
}

/// Whether a process has said that it takes this signal.
fn caught(pid: u32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).unwrap_or(0) >> (signal.as_raw() - 1) & 1 == 1
}

#[test]
fn one_task_is_aborted_and_the_run_goes_on() {
    let world = World::new();
    let id = in_background(&world);
    let typo = world.run(["run", "abort", "slwo"]).exits(2);
    assert!(typo.stderr.contains("did you mean `slow`"), "{typo:?}");
    let ran = world.run(["run", "abort", "slow"]).exits(0);
    assert!(ran.stderr.contains("Cancelled slow; it blocks after"), "{ran:?}");
    assert_eq!((world.end_of("slow").as_str(), world.end_of("after").as_str()), ("cancelled", "blocked"));
    assert!(world.task("slow")["by"].is_string());
    not_live(&world);
    let again = world.run(["run", "abort", "slow"]).exits(0);
    assert!(again.stderr.contains("nothing to stop"), "{again:?}");
    touch(&world, "go");
    world.run(["run", "retry", "slow"]).exits(1);
    let ends = ["slow", "after", "bad", "other"].map(|task| world.end_of(task));
    assert_eq!(ends, ["succeeded", "succeeded", "failed", "failed"], "exactly that task, and what it blocked");
    assert_eq!(types(&world.events(), "task-started", "bad"), 1);
    let half = world.git(["show", &format!("ai-sdlc/{id}/integration:half.txt")]);
    assert_eq!(half, "half");
}

#[test]
fn a_task_that_will_not_end_is_killed_in_time_and_at_once_where_that_is_asked() {
    for now in [false, true] {
        let world = World::new();
        world.mission(
            r#"
[mission]
name = "stubborn"
[tasks.stuck]
run = "trap '' TERM INT HUP; setsid sleep 600 & touch \"$HOME/up\"; while :; do sleep 600; done"
"#,
        );
        world.run(["mission", "run", "mission.toml", "--yes", "--detach"]).exits(0);
        wait_for("the stuck task", || world.home().join("up").exists());
        let asked = Instant::now();
        let args: &[&str] = if now { &["run", "abort", "stuck", "--now"] } else { &["run", "abort", "stuck"] };
        Ran::of(&world.program().args(args).output().unwrap()).exits(0);
        assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
        assert_eq!(world.end_of("stuck"), "cancelled");
        not_live(&world);
        wait_within(Duration::from_secs(5), "no process left", &mut || world.processes().is_empty());
        let watch = world.run(["run", "watch", "--exit-status"]).exits(1);
        assert!(watch.stdout.contains("with a task cancelled"), "{watch:?}");
    }
}

#[test]
fn a_whole_run_has_stopped_when_abort_returns_and_is_cleaned_up_where_that_is_asked() {
    let world = World::new();
    let nothing = world.run(["run", "abort"]).exits(0);
    assert!(nothing.stderr.contains("nothing to stop"), "{nothing:?}");
    let id = in_background(&world);
    wait_for("the good task", || world.end_of("good") == "succeeded");
    let ran = world.run(["run", "abort"]).exits(0);
    assert!(ran.stderr.contains(&format!("Run {id} has stopped")), "{ran:?}");
    assert_eq!(world.processes(), []);
    assert!(world.git(["worktree", "list"]).contains("slow-1"), "worktrees are kept");
    let cleaned = world.run(["run", "abort", "--cleanup"]).exits(0);
    assert!(cleaned.stderr.contains("nothing to stop") && cleaned.stderr.contains("Removed"), "{cleaned:?}");
    assert_eq!(world.git(["worktree", "list"]).lines().count(), 1);
    let refs = world.git(["for-each-ref", "--format=%(refname)", "refs/ai-sdlc/salvage"]);
    let half = world.git(["show", &format!("{}:half.txt", refs.lines().next().expect("its work is saved"))]);
    assert_eq!(half, "half");
    assert!(!world.run(["run", "show"]).stdout.contains("slow-1"), "a worktree that is gone is not told as kept");
    touch(&world, "go");
    world.run(["run", "resume"]).exits(1);
    assert_eq!(world.end_of("after"), "succeeded", "a run whose worktrees are gone goes on");
    let started: Vec<Value> = world.events().into_iter().filter(|event| event["type"] == "task-started").collect();
    assert_eq!(types(&started, "task-started", "slow"), 2);
    assert_eq!(types(&started, "task-started", "good"), 1);
}

#[test]
fn abort_at_once_with_clean_up_of_a_dead_engine_sweeps_what_it_left() {
    let world = World::new();
    in_background(&world);
    // None of its worktrees is half made.
    has_failed(&world, "bad");
    has_failed(&world, "other");
    wait_for("the good task", || world.end_of("good") == "succeeded");
    let guard = world.processes().into_iter().find(|(_, command)| command.contains(" guard")).expect("a guard");
    send(u32::try_from(guard.0).unwrap(), Signal::STOP);
    send(engine(&world).unwrap(), Signal::KILL);
    wait_for("the end of the engine", || engine(&world).is_none());
    let ran = world.run(["run", "abort", "--now", "--cleanup"]).exits(0);
    assert!(ran.stderr.contains("nothing to stop") && ran.stderr.contains("left behind"), "{ran:?}");
    assert_eq!(world.processes(), []);
    assert_eq!(world.git(["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_run_that_is_killed_at_once_has_ended_and_goes_on_like_any_other() {
    let world = World::new();
    let id = in_background(&world);
    wait_for("the good task", || world.end_of("good") == "succeeded");
    let ran = world.run(["run", "abort", "--now"]).exits(0);
    assert!(ran.stderr.contains(&format!("Run {id} has stopped")), "{ran:?}");
    world.is_quiet();
    let events = world.events();
    assert_eq!(events.last().unwrap()["type"], "run-finished", "{events:#?}");
    assert_eq!(events.last().unwrap()["outcome"]["kind"], "stopped");
    let list = world.run(["run", "list"]).exits(0).stdout;
    assert!(!list.contains("interrupted"), "{list}");
    world.run(["run", "show"]).exits(0);
    touch(&world, "go");
    world.run(["run", "resume"]).exits(1);
    assert_eq!((world.end_of("slow").as_str(), world.end_of("after").as_str()), ("succeeded", "succeeded"));
    assert_eq!(types(&world.events(), "task-started", "good"), 1, "what has succeeded is not done again");
}

#[test]
fn a_word_that_could_begin_a_runs_id_is_a_task_where_there_is_no_such_run() {
    let world = World::new();
    // A run's id has eight letters, so it never begins with nine.
    let task = "bcdfghjkm";
    world.mission(&format!("[mission]\nname = \"short\"\n[tasks.{task}]\nrun = \"test -e $HOME/go\"\n"));
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    let why = world.run(["run", "why", task]).exits(0);
    assert!(why.stdout.contains(task), "{why:?}");
    let aborted = world.run(["run", "abort", task]).exits(0);
    assert!(aborted.stderr.contains("there is nothing to stop"), "{aborted:?}");
    let unknown = world.run(["run", "retry", "bcdfghjkn"]).exits(2);
    assert!(unknown.stderr.contains("`ai-sdlc run retry RUN bcdfghjkn`"), "{unknown:?}");
    touch(&world, "go");
    world.run(["run", "retry", task]).exits(0);
    assert_eq!(world.end_of(task), "succeeded");
    // Where it is the beginning of a run's id too, nothing is guessed.
    let letter = world.report()["run"].as_str().unwrap()[..1].to_owned();
    world.mission(&format!("[mission]\nname = \"short\"\n[tasks.{letter}]\nrun = \"true\"\n"));
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let either = world.run(["run", "abort", &letter]).exits(2);
    assert!(either.stderr.contains(&format!("`ai-sdlc run abort @ {letter}` means the task")), "{either:?}");
}

#[test]
fn a_run_is_not_gone_on_with_from_inside_of_a_run() {
    let world = World::new();
    world.mission("[mission]\nname = \"fails\"\n[tasks.fails]\nrun = \"false\"\n");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    let before = world.events().len();
    for args in [&["run", "resume"][..], &["run", "retry", "fails"], &["run", "resume", "--detach"]] {
        let inside = Ran::of(&world.program().args(args).env("AI_SDLC_RUN", "bcdfghjk").output().unwrap()).exits(2);
        assert!(inside.stderr.contains("cli::nested"), "{inside:?}");
    }
    assert_eq!(world.events().len(), before);
}

#[test]
fn a_task_is_tried_again_while_the_run_is_live() {
    let world = World::new();
    in_background(&world);
    has_failed(&world, "bad");
    has_failed(&world, "other");
    let waiting = world.run(["run", "retry", "slow"]).exits(0);
    assert!(waiting.stderr.contains("slow has not failed"), "{waiting:?}");
    let done = world.run(["run", "retry", "good"]).exits(2);
    assert!(done.stderr.contains("finished work never runs again"), "{done:?}");
    world.run(["run", "retry", "nosuch"]).exits(2);
    touch(&world, "mended");
    let ran = world.run(["run", "retry", "waits"]).exits(0);
    assert!(ran.stderr.contains("waits is tried again, with bad"), "{ran:?}");
    wait_for("what it blocked", || world.end_of("waits") == "succeeded");
    assert_eq!(world.end_of("other"), "failed", "and no other");
    touch(&world, "go");
    let watched = world.run(["run", "watch", "--exit-status"]).exits(1);
    assert!(watched.stdout.contains("failed"), "{watched:?}");
    not_live(&world);
    assert_eq!(types(&world.events(), "task-retried", ""), 1);
    assert_eq!(types(&world.events(), "run-resumed", ""), 0, "the same engine did it");
}

#[test]
fn a_mission_file_that_changed_is_mentioned_and_the_stored_plan_goes_on() {
    let world = World::new();
    world.mission(&MISSION.replace("test -e \\\"$HOME/never\\\"", "true"));
    touch(&world, "go");
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    touch(&world, "mended");
    world.write("mission.toml", &MISSION.replace("echo waits", "echo something else"));
    let ran = world.run(["run", "resume"]).exits(0);
    assert!(ran.stderr.contains("mission.toml has changed") && ran.stderr.contains("plan as it was"), "{ran:?}");
    let id = world.report()["run"].as_str().unwrap().to_owned();
    assert_eq!(world.git(["show", &format!("ai-sdlc/{id}/integration:waits.txt")]), "waits");
    let before = world.events().len();
    let nothing = world.run(["run", "resume"]).exits(0);
    assert!(nothing.stderr.contains("nothing to go on with"), "{nothing:?}");
    assert_eq!(world.events().len(), before, "a run that has succeeded is not changed");
}

#[test]
fn a_gate_asks_again_where_what_it_showed_has_changed() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "asks"
[tasks.made]
run = "test -e \"$HOME/mended\" && echo made > made.txt"
[tasks.ask]
gate = "Shall it go out?"
needs = ["made"]
join = "all-done"
[tasks.out]
needs = ["ask"]
run = "echo out > out.txt"
"#,
    );
    // The gate is shown that `made` has failed.
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    world.run(["run", "approve", "ask"]).exits(0);
    touch(&world, "mended");
    let resumed = world.run(["run", "resume"]).exits(3);
    assert!(resumed.stdout.contains("ask waits for an answer"), "{resumed:?}");
    assert_eq!(types(&world.events(), "gate-opened", "ask"), 2);
    assert_eq!(types(&world.events(), "gate-answered", "ask"), 0, "what was approved is not what there is now");
    world.run(["run", "approve", "ask"]).exits(0);
    let list = world.run(["run", "list"]).exits(0).stdout;
    assert!(list.contains("answered; `ai-sdlc run resume"), "{list}");
    world.run(["run", "resume"]).exits(0);
    assert_eq!(world.end_of("out"), "succeeded");
}

#[test]
fn an_optional_failure_says_that_it_does_not_count_and_a_failed_list_offers_no_resume() {
    let world = World::new();
    world.mission(
        "[mission]\nname = \"may\"\n[tasks.may]\noptional = true\nrun = \"exit 3\"\n[tasks.must]\nrun = \"true\"\n",
    );
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert!(ran.stdout.contains("it does not count"), "{ran:?}");
    assert!(world.run(["run", "why", "may"]).stdout.contains("it does not count"));
    world.mission(
        "[mission]\nname = \"list\"\n[tasks.list]\nrun = \"echo '{\\\"of\\\": [\\\"a\\\", \\\"b\\\"]}' > \\\"$AI_SDLC_OUTPUTS\\\"\"\n\
         outputs.of = [\"string\"]\n\
         [tasks.each]\nneeds = [\"list\"]\nfor_each = { one = \"tasks.list.outputs.of\" }\nmax_instances = 1\nrun = \"true\"\n",
    );
    let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    assert!(ran.stdout.contains("max_instances") && !ran.stdout.contains("run resume"), "{ran:?}");
    assert!(ran.stdout.contains("ai-sdlc mission run mission.toml"), "{ran:?}");
}
