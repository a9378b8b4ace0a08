//! Interruptions: nothing is lost, nothing runs on.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::world::{World, finish, send, wait_for, wait_within};

const STUBBORN: &str = r#"
[mission]
name = "stubborn"
[concurrency]
max = 2
[merge]
into = "main"
[tasks.done]
run = "echo done > done.txt"
[tasks.stuck]
needs = ["done"]
run = "echo started > started.txt; trap '' TERM INT; setsid sleep 600 & nohup sleep 600 & touch \"$HOME/up\"; while :; do sleep 600; done"
"#;

fn started(world: &World) -> std::process::Child {
    let child = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the stuck task", || world.home().join("up").exists());
    child
}

#[test]
fn control_c_stops_everything_within_twelve_seconds_and_the_run_goes_on_later() {
    let world = World::new();
    world.mission(STUBBORN);
    let child = started(&world);
    let asked = Instant::now();
    send(child.id(), Signal::INT);
    let ran = finish(child).exits(130);
    assert!(asked.elapsed() < Duration::from_secs(12), "{:?}", asked.elapsed());
    assert_eq!(world.processes(), []);
    assert!(ran.stdout.contains("run resume") || ran.stderr.contains("run resume"), "{ran:?}");
    let worktree = world.git(["worktree", "list", "--porcelain"]);
    let path = worktree.lines().filter_map(|line| line.strip_prefix("worktree ")).find(|path| path.contains("stuck-1"));
    let text = std::fs::read_to_string(std::path::Path::new(path.expect("the worktree is kept")).join("started.txt"));
    assert_eq!(text.unwrap(), "started\n");
}

#[test]
fn a_killed_engine_leaves_no_process_and_its_run_resumes() {
    let world = World::new();
    world.mission(
        &STUBBORN.replace("while :; do sleep 600; done", r#"test -e \"$HOME/go\" || while :; do sleep 600; done"#),
    );
    let child = started(&world);
    let id = child.id();
    send(id, Signal::KILL);
    let _killed = finish(child);
    wait_within(Duration::from_secs(5), "no process left", &mut || world.processes().is_empty());
    std::fs::write(world.home().join("go"), "").unwrap();
    world.run(["run", "resume"]).exits(0);
    assert_eq!(world.read("done.txt"), "done\n");
    let begun =
        world.events().iter().filter(|event| event["type"] == "task-started" && event["task"] == "done").count();
    assert_eq!(begun, 1, "a finished task ran again");
}

#[test]
fn a_killed_guard_stops_the_run_and_leaves_no_process() {
    let world = World::new();
    world.mission(STUBBORN);
    let child = started(&world);
    let guard = world.processes().into_iter().find(|(_, command)| command.contains(" guard")).expect("a guard");
    send(u32::try_from(guard.0).unwrap(), Signal::KILL);
    let ran = finish(child);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    wait_within(Duration::from_secs(10), "no process left", &mut || world.processes().is_empty());
}

#[test]
fn failures_are_tried_again_by_resume_and_the_rest_is_not() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "later"
[merge]
into = "main"
[tasks.good]
run = "echo good >> good.txt"
[tasks.bad]
run = "test -e \"$HOME/go\" && echo bad > bad.txt"
[tasks.after]
needs = ["bad"]
run = "cat bad.txt > after.txt"
"#,
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(1);
    std::fs::write(world.home().join("go"), "").unwrap();
    world.run(["run", "resume"]).exits(0);
    assert_eq!((world.read("good.txt").as_str(), world.read("after.txt").as_str()), ("good\n", "bad\n"));
}

#[test]
fn two_engines_never_drive_one_run() {
    let world = World::new();
    world.mission(STUBBORN);
    let child = started(&world);
    let second = world.run(["run", "resume"]).exits(6);
    assert!(second.stderr.contains(&child.id().to_string()), "{second:?}");
    send(child.id(), Signal::INT);
    let _stopped = finish(child);
}

/// Whatever the engine does for a run, something that will not end hangs there.
const NEVER_ENDS: &str = "trap '' TERM INT HUP; (setsid sleep 600 &); nohup sleep 600 >/dev/null 2>&1 & echo half > half.txt; touch $HOME/up; kill -STOP $$; while :; do sleep 600; done";

/// A mission whose engine hangs at the stage of this name.
fn hangs_at(world: &World, stage: &str) -> &'static str {
    let unless_let_go = format!("test -e $HOME/go || {{ {NEVER_ENDS}; }}");
    let (setup, merge, task) = match stage {
        "setup" => (unless_let_go.as_str(), "true", "run = 'echo a > a.txt'".to_owned()),
        "merge check" => ("true", unless_let_go.as_str(), "run = 'echo a > a.txt'".to_owned()),
        "check" => ("true", "true", format!("run = 'echo a > a.txt'\nchecks = [\"\"\"{unless_let_go}\"\"\"]")),
        "command" => ("true", "true", format!("run = \"\"\"{unless_let_go}; echo a > a.txt\"\"\"")),
        "back-off" => (
            "true",
            "true",
            "run = 'test -e $HOME/go && echo a > a.txt || { touch $HOME/up; exit 3; }'\nretry = { max = 3, backoff = '4m' }"
                .to_owned(),
        ),
        "preparation" => {
            world.write(".gitattributes", "*.slow filter=slow\n");
            world.write("x.slow", "x\n");
            world.commit("filtered");
            world.git(["config", "filter.slow.smudge", &format!("{{ {unless_let_go}; }} >&2; cat")]);
            ("true", "true", "run = 'echo a > a.txt'".to_owned())
        }
        other => panic!("no stage {other}"),
    };
    world.mission(&format!(
        "[mission]\nname = \"hanging\"\n[workspace]\nsetup = [\"\"\"{setup}\"\"\"]\n[merge]\ninto = \"main\"\nchecks = [\"\"\"{merge}\"\"\"]\n[tasks.a]\n{task}\n"
    ))
}

fn hanging(stage: &str) -> (World, std::process::Child) {
    let world = World::new();
    let mission = hangs_at(&world, stage);
    let child = world.start(["mission", "run", mission, "--yes"]);
    wait_for(stage, || world.home().join("up").exists());
    if stage == "back-off" {
        wait_for("the back-off", || kinds(&world).iter().any(|kind| kind == "backing-off"));
    }
    (world, child)
}

fn kinds(world: &World) -> Vec<String> {
    world.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

fn goes_on(world: &World, what: &str) {
    if what == "back-off" {
        // It would wait for the rest of it.
        return;
    }
    std::fs::write(world.home().join("go"), "").unwrap();
    let ran = world.run(["run", "resume"]);
    assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
    assert_eq!(world.read("a.txt"), "a\n");
    assert_eq!(world.git(["status", "--porcelain"]), "", "{what}");
    assert_eq!(world.processes(), [], "{what}");
}

fn is_stopped_at(stage: &str, signal: Signal, code: i32) {
    let (world, child) = hanging(stage);
    let asked = Instant::now();
    send(child.id(), signal);
    let ran = finish(child).exits(code);
    assert!(asked.elapsed() < Duration::from_secs(12), "{stage}: {:?}", asked.elapsed());
    assert_eq!(world.processes(), [], "{stage}");
    assert!(ran.stdout.contains("run resume") || ran.stderr.contains("run resume"), "{stage}: {ran:?}");
    goes_on(&world, stage);
}

#[test]
fn a_command_that_stops_itself_ends_on_terminate() {
    is_stopped_at("command", Signal::TERM, 143);
}

#[test]
fn a_setup_command_ends_on_hang_up() {
    is_stopped_at("setup", Signal::HUP, 129);
}

#[test]
fn a_check_ends_on_control_c() {
    is_stopped_at("check", Signal::INT, 130);
}

#[test]
fn a_merge_check_ends_on_control_c() {
    is_stopped_at("merge check", Signal::INT, 130);
}

#[test]
fn a_filter_that_hangs_while_a_worktree_is_made_ends_on_control_c() {
    is_stopped_at("preparation", Signal::INT, 130);
}

#[test]
fn a_back_off_ends_on_terminate() {
    is_stopped_at("back-off", Signal::TERM, 143);
}

#[test]
fn a_second_control_c_kills_at_once() {
    let (world, child) = hanging("command");
    send(child.id(), Signal::INT);
    wait_for("the first", || kinds(&world).iter().any(|kind| kind == "run-stopping"));
    let asked = Instant::now();
    send(child.id(), Signal::INT);
    let ran = finish(child).exits(130);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(world.processes(), []);
    assert!(ran.stderr.contains("run resume"), "{ran:?}");
    goes_on(&world, "killed");
}

#[test]
fn an_abort_from_elsewhere_is_heard() {
    let (world, child) = hanging("command");
    let _asked = world.run(["run", "abort"]).exits(0);
    let _aborted = finish(child).exits(130);
    assert_eq!(world.processes(), []);
    goes_on(&world, "aborted");
}

#[test]
fn an_engine_killed_while_a_filter_hangs_leaves_no_process() {
    let (world, child) = hanging("preparation");
    send(child.id(), Signal::KILL);
    let _died = finish(child);
    wait_within(Duration::from_secs(5), "no process left", &mut || world.processes().is_empty());
    goes_on(&world, "preparation");
}

const SESSIONS: &str = r#"
[[sessions]]
task = "stuck"
attempt = 1
round = 1
play = [
  { write = "half.txt", text = "half\n" }, { ignore_term = true }, { daemonise = ["sleep", "600"] },
  { run = ["sh", "-c", "test -e $HOME/go || { setsid sleep 600 & touch $HOME/up; kill -STOP $$; sleep 600; }"] },
  { hang = true },
]
[[sessions]]
task = "stuck"
play = [{ write = "whole.txt", text = "whole\n" }]
"#;

/// A run of three sessions, two of which end while the third hangs.
fn sessions() -> (World, std::process::Child) {
    let world = World::new();
    world
        .write("scenario.toml", &SESSIONS.replace("{ hang = true }", "{ write = \"whole.txt\", text = \"whole\\n\" }"));
    world.write("roles/dev.md", "---\nname: dev\ndescription: Writes code.\nkind: code\n---\n{{task.prompt}}\n");
    let task = |id: &str| {
        format!("[tasks.{id}]\nrole = \"dev\"\nprompt = \"Do it.\"\nretry = {{ max = 1, backoff = \"10ms\" }}\n")
    };
    let tasks: String = ["stuck", "one", "two"].map(task).concat();
    let mission = world
        .mission(&format!("[mission]\nname = \"sessions\"\n[concurrency]\nmax = 3\n[merge]\ninto = \"main\"\n{tasks}"));
    let rehearsal = ["--agent", "rehearsal", "--scenario", "scenario.toml", "--yes"];
    let child = {
        let mut command = world.program();
        command.args(["mission", "run", mission]).args(rehearsal);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    wait_for("the session", || world.home().join("up").exists());
    wait_for("its siblings", || kinds(&world).iter().filter(|kind| *kind == "task-finished").count() == 2);
    (world, child)
}

fn process(world: &World, what: &str) -> u32 {
    let found = world.processes().into_iter().find(|(_, command)| command.contains(what));
    u32::try_from(found.unwrap_or_else(|| panic!("no {what} in {:?}", world.processes())).0).unwrap()
}

fn sessions_go_on(world: &World) {
    std::fs::write(world.home().join("go"), "").unwrap();
    let _done = world.run(["run", "resume"]).exits(0);
    assert_eq!(world.read("whole.txt"), "whole\n");
    assert_eq!(world.processes(), []);
    for task in ["one", "two"] {
        let sessions = world.events().iter().filter(|e| e["type"] == "session-started" && e["task"] == task).count();
        assert_eq!(sessions, 1, "{task} ran again");
    }
}

#[test]
fn an_engine_killed_over_sessions_leaves_no_process() {
    let (world, child) = sessions();
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    wait_within(Duration::from_secs(5), "no process left", &mut || world.processes().is_empty());
    sessions_go_on(&world);
}

#[test]
fn a_killed_host_is_a_failed_attempt_of_its_task_alone() {
    let (world, child) = sessions();
    std::fs::write(world.home().join("go"), "").unwrap();
    send(process(&world, " session"), Signal::KILL);
    let _done = finish(child).exits(0);
    assert_eq!(world.read("whole.txt"), "whole\n");
    assert_eq!(world.processes(), []);
    assert_eq!(world.task("stuck")["attempts"].as_u64().unwrap_or(2), 2);
}

#[test]
fn a_guard_killed_over_sessions_leaves_no_process() {
    let (world, child) = sessions();
    send(process(&world, " guard"), Signal::KILL);
    let ran = finish(child).exits(70);
    assert!(ran.stderr.contains("run resume"), "{ran:?}");
    assert_eq!(world.processes(), []);
    sessions_go_on(&world);
}

#[test]
fn what_outlives_engine_and_guard_is_ended_by_the_resume() {
    let (world, child) = hanging("command");
    let guard = process(&world, " guard");
    send(child.id(), Signal::STOP);
    send(guard, Signal::KILL);
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    assert_ne!(world.processes(), [], "nothing outlived them, and nothing is shown");
    goes_on(&world, "both killed");
}

#[test]
fn of_two_resumes_at_once_one_goes_on() {
    let (world, child) = hanging("command");
    send(child.id(), Signal::KILL);
    let _killed = finish(child);
    std::fs::remove_file(world.home().join("up")).unwrap();
    let both = [world.start(["run", "resume"]), world.start(["run", "resume"])];
    wait_for("the winner's task", || world.home().join("up").exists());
    let [mut one, mut other] = both;
    let mut over = None;
    wait_for("the loser", || {
        over = [&mut one, &mut other].into_iter().position(|child| child.try_wait().unwrap().is_some());
        over.is_some()
    });
    let (loser, winner) = if over == Some(0) { (one, other) } else { (other, one) };
    let _lost = finish(loser).exits(6);
    send(winner.id(), Signal::INT);
    let _won = finish(winner).exits(130);
    goes_on(&world, "two resumes");
}

#[test]
fn a_link_planted_where_handoffs_pass_is_not_followed() {
    let world = World::new();
    let kept = world.home().join("theirs");
    std::fs::create_dir(&kept).unwrap();
    for name in ["handoff.md", "outputs.json", "handoff-in.md"] {
        std::fs::write(kept.join(name), "theirs\n").unwrap();
    }
    world.write(
        "scenario.toml",
        r#"
[[sessions]]
task = "plants"
round = 1
play = [{ run = ["sh", "-c", "rm -rf .ai-sdlc/session; ln -s $HOME/theirs .ai-sdlc/session"] }]
[[sessions]]
task = "plants"
play = [{ write = "ok.txt", text = "ok\n" }]
"#,
    );
    world.write("roles/dev.md", "---\nname: dev\ndescription: Writes code.\nkind: code\n---\n{{task.prompt}}\n");
    world.mission(
        "[mission]\nname = \"planted\"\n[merge]\ninto = \"main\"\n[tasks.before]\nrun = \"true\"\n[tasks.plants]\nrole = \"dev\"\nneeds = [\"before\"]\nprompt = \"Do it.\"\nchecks = [\"test -e ok.txt\"]\n",
    );
    let _ran = world
        .run(["mission", "run", "mission.toml", "--agent", "rehearsal", "--scenario", "scenario.toml", "--yes"])
        .exits(0);
    assert_eq!(world.read("ok.txt"), "ok\n");
    for name in ["outputs.json", "handoff-in.md"] {
        assert_eq!(std::fs::read_to_string(kept.join(name)).unwrap(), "theirs\n", "{name}");
    }
}

/// A command that goes on until the file `name` lies in HOME, and says in `HOME/log` that it has begun.
fn until(name: &str) -> String {
    format!("run = \"echo {name} >> $HOME/log; until test -e $HOME/{name}; do sleep 0.05; done\"\n")
}

#[test]
fn what_is_said_of_clean_up_and_of_a_killed_engine_is_true_to_the_end() {
    let world = World::new();
    let (work, clean) = (until("work"), until("clean"));
    let clean = clean.replace("run =", "join = \"always\"\ntouches = []\nrun =");
    world.mission(&format!("[mission]\nname = \"stopped\"\n[tasks.work]\n{work}[tasks.clean]\n{clean}"));
    let has_begun = |what: &str| {
        wait_for(what, || std::fs::read_to_string(world.home().join("log")).unwrap_or_default().contains(what));
    };
    let first = world.start(["mission", "run", "mission.toml", "-y"]);
    has_begun("work");
    send(first.id(), Signal::INT);
    has_begun("clean");
    send(first.id(), Signal::INT);
    let ran = finish(first).exits(130);
    assert!(ran.stderr.contains("clean-up goes on: `clean`; stopping a second time ends it too"), "{ran:?}");
    assert!(ran.stdout.contains(": interrupted after") && ran.stdout.contains("stopped before it was done"), "{ran:?}");
    assert!(ran.stdout.contains("goes on where it stopped") && !ran.stdout.contains("run why"), "{ran:?}");
    let shown = world.run(["run", "show"]).exits(0);
    assert!(shown.stdout.contains(": interrupted after") && shown.stdout.contains("run resume"), "{shown:?}");
    std::fs::write(world.home().join("work"), "").unwrap();
    std::fs::write(world.home().join("clean"), "").unwrap();
    let ran = world.run(["run", "resume"]).exits(0);
    assert!(!ran.stdout.contains("clean-up goes on"), "{ran:?}");
    assert!(!ran.stdout.contains("cost unknown"), "a command costs nothing, however it ended: {ran:?}");
}

#[test]
fn a_delivery_into_a_checkout_is_not_cut_off_where_the_guard_dies() {
    let world = World::new();
    world.write(".gitattributes", "*.slow filter=slow\n");
    // Only where the person's own checkout is filled: that of a worktree has a file there.
    let smudge = "if test -d .git; then touch $HOME/up; sleep 0.6; fi; cat";
    world.git(["config", "filter.slow.smudge", smudge]);
    world.mission("[mission]\nname = \"slow\"\n[merge]\ninto = \"main\"\n[tasks.a]\nrun = 'echo a > a.slow'\n");
    let child = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the delivery", || world.home().join("up").exists());
    send(process(&world, " guard"), Signal::KILL);
    let _stopped = finish(child);
    assert_eq!(world.processes(), []);
    let left = std::fs::read_dir(world.project().join(".git")).unwrap().flatten();
    let locks: Vec<_> =
        left.map(|entry| entry.file_name()).filter(|name| name.as_encoded_bytes().ends_with(b".lock")).collect();
    assert_eq!(locks, Vec::<std::ffi::OsString>::new(), "git was killed in the person's checkout");
    assert_eq!(world.git(["status", "--porcelain"]), "");
    world.run(["run", "resume"]).exits(0);
    assert_eq!(world.read("a.slow"), "a\n");
}
