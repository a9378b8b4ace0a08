//! The guard and its children: spawning, ends, limits, and that nothing is left running.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "what the tests share may fail like a test, and measures how long things take"
)]

use std::fs;
use std::time::{Duration, Instant};

use ai_sdlc::amount::Millis;
use ai_sdlc::driver::guard::{ChildKind, GuardReport, ProcessEnd, Stop, UNRECORDED_ENDS, UnrecordedEnd};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::rig::{EXE, Rig, mark, running, until};

mod rehearsal;
mod rig;
mod session;

/// A shell script that leaves behind whatever is hard to end, each with the mark, and then runs `after`.
fn nasty(mark: &str, after: &str) -> String {
    format!(
        "trap '' TERM INT HUP
         {EXE} rehearsal daemonise sleep {mark}
         env -i {EXE} rehearsal daemonise sh -c 'trap \"\" TERM; /bin/sleep {mark}; :'
         sh -c 'kill -STOP $$; :' {mark} &
         sh -c 'trap \"\" TERM INT HUP; sleep {mark}; :' &
         sleep {mark} &
         echo $! > ready
         {after}"
    )
}

#[tokio::test]
async fn ends_are_told_as_they_were() {
    let mut rig = Rig::new();
    for (script, how, tail) in [
        ("exit 0", ProcessEnd::Exited(0), ""),
        ("echo out; echo err >&2; exit 3", ProcessEnd::Exited(3), "out\nerr"),
        ("kill -9 $$", ProcessEnd::Signalled(9), ""),
        ("echo $BASE $MORE $UNKNOWN; pwd >/dev/null; cat", ProcessEnd::Exited(0), "base more\ngiven"),
    ] {
        let mut spawn = rig.order(ChildKind::Command, &["/bin/sh", "-c", script]);
        spawn.env.insert("MORE".to_owned(), "more".to_owned());
        spawn.stdin = script.ends_with("cat").then(|| "given".to_owned());
        let child = spawn.child;
        rig.guard.spawn(spawn);
        let end = rig.end(child).await;
        assert_eq!((end.how, end.truncated, end.swept), (how, false, 0), "{script}: {end:?}");
        let mut lines: Vec<_> = end.tail.lines().collect();
        let mut wanted: Vec<_> = tail.lines().collect();
        lines.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(lines, wanted, "{script}");
        assert_eq!(rig.output_dir(child).exists(), !tail.is_empty(), "{script}");
    }
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let mut rig = Rig::new();
    let spawn = rig.order(ChildKind::Command, &["/nowhere/program"]);
    let wanted = spawn.child;
    rig.guard.spawn(spawn);
    match rig.report().await {
        GuardReport::NotStarted { child, why } => assert!(child == wanted && why.contains("No such file"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_time_out_ends_what_ignores_it() {
    let mut rig = Rig::new();
    let mark = mark();
    let script = format!("trap '' TERM; sleep {mark}; sleep {mark}");
    let mut spawn = rig.order(ChildKind::Command, &["/bin/sh", "-c", &script]);
    spawn.timeout = Some(Millis(200));
    let child = spawn.child;
    rig.guard.spawn(spawn);
    let end = rig.end(child).await;
    assert_eq!(end.how, ProcessEnd::TimedOut);
    assert!((Millis(2_100)..Millis(5_000)).contains(&end.ran), "{end:?}");
    assert_eq!(running(&mark), 0);
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_ended_with_it() {
    let mut rig = Rig::new();
    let (mark, other) = (mark(), mark());
    let bystander = rig.shell(&format!("sleep {other}"));
    until("the bystander", || running(&other) > 0).await;
    let script = format!("{EXE} rehearsal daemonise sleep {mark}; sleep {mark} & echo done");
    let child = rig.shell(&script);
    let end = rig.end(child).await;
    assert_eq!((end.how, end.tail.as_str()), (ProcessEnd::Exited(0), "done"));
    assert!(end.swept >= 2, "{end:?}");
    assert_eq!((running(&mark), running(&other) > 0), (0, true));
    rig.guard.stop(bystander, Stop::Term);
    assert_eq!(rig.end(bystander).await.how, ProcessEnd::Stopped);
}

#[tokio::test]
async fn a_stop_leaves_nothing() {
    let mut rig = Rig::new();
    let mark = mark();
    let child = rig.shell(&nasty(&mark, &format!("sleep {mark}; sleep {mark}")));
    let ready = rig.path().join("ready");
    until("the processes", || ready.exists() && running(&mark) >= 6).await;
    let began = Instant::now();
    rig.guard.stop(child, Stop::Term);
    let end = rig.end(child).await;
    assert_eq!(end.how, ProcessEnd::Stopped);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(running(&mark), 0);
}

#[tokio::test]
async fn a_kill_is_at_once() {
    let mut rig = Rig::new();
    let mark = mark();
    let child = rig.shell(&nasty(&mark, &format!("sleep {mark}")));
    until("the processes", || running(&mark) >= 6).await;
    let began = Instant::now();
    rig.guard.stop(child, Stop::Kill);
    assert_eq!(rig.end(child).await.how, ProcessEnd::Stopped);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(running(&mark), 0);
}

#[tokio::test]
async fn nothing_is_left_when_the_engine_is_gone() {
    let mut rig = Rig::new();
    let mark = mark();
    rig.shell(&nasty(&mark, &format!("sleep {mark}; sleep {mark}")));
    rig.shell(&format!("{}; exit 0", nasty(&mark, "")));
    let spec = rig.session(
        "hanging",
        &format!("{{ daemonise = ['sleep', '{mark}'] }}, {{ ignore_term = true }}, {{ hang = true }}"),
    );
    rig.host(&spec);
    until("the processes", || running(&mark) >= 7).await;
    let began = Instant::now();
    let Rig { guard, mut reports, dir: _dir, .. } = rig;
    drop(guard);
    while let Some(report) = reports.recv().await {
        if let GuardReport::Gone { why } = report {
            assert!(why.contains("exit status: 0"), "{why}");
        }
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(running(&mark), 0);
    assert!(spec.result.exists(), "the host wrote its result");
}

#[tokio::test]
async fn nothing_is_left_when_the_guard_is_killed() {
    let mut rig = Rig::new();
    let mark = mark();
    rig.shell(&format!("trap '' TERM HUP; sleep {mark}; sleep {mark}"));
    let spec = rig.session(
        "hanging",
        &format!("{{ daemonise = ['sleep', '{mark}'] }}, {{ ignore_term = true }}, {{ hang = true }}"),
    );
    rig.host(&spec);
    until("the processes", || running(&mark) >= 2).await;
    let guard = Pid::from_raw(i32::try_from(rig.guard.pid()).unwrap()).unwrap();
    kill_process(guard, Signal::KILL).unwrap();
    let why = rig.gone().await;
    assert!(why.contains("signal: 9"), "{why}");
    assert_eq!(running(&mark), 0);
    assert!(spec.result.exists(), "the host wrote its result");
}

#[tokio::test]
async fn leaving_ends_what_runs() {
    let mut rig = Rig::new();
    let mark = mark();
    rig.shell(&format!("sleep {mark}"));
    until("the process", || running(&mark) > 0).await;
    let Rig { guard, mut reports, .. } = rig;
    guard.leave();
    while reports.recv().await.is_some() {}
    assert_eq!(running(&mark), 0);
}

#[tokio::test]
async fn ends_that_nobody_recorded_are_left_for_the_next_engine() {
    let mut rig = Rig::new();
    let known = rig.shell("exit 4");
    rig.end(known).await;
    rig.guard.recorded(known);
    let unknown = rig.shell("echo words; exit 5");
    rig.end(unknown).await;
    let mark = mark();
    rig.shell(&format!("sleep {mark}"));
    until("the third", || running(&mark) > 0).await;
    let path = rig.path().join(UNRECORDED_ENDS);
    let Rig { guard, mut reports, dir: _dir, .. } = rig;
    drop(guard);
    while reports.recv().await.is_some() {}
    let left: Vec<UnrecordedEnd> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let left: Vec<_> = left.into_iter().map(|end| (end.label, end.end, end.tail)).collect();
    assert_eq!(left, [(format!("work {unknown}"), ProcessEnd::Exited(5), "words".to_owned())]);
}

#[tokio::test]
async fn a_crash_leaves_the_others_alone() {
    let mut rig = Rig::new();
    let ready = rig.path().join("go");
    let first = rig.shell("while [ ! -e go ]; do sleep 0.01; done; echo fine");
    let crash = rig.shell("kill -SEGV $$");
    assert!(matches!(rig.end(crash).await.how, ProcessEnd::Signalled(11)));
    fs::write(ready, "").unwrap();
    let end = rig.end(first).await;
    assert_eq!((end.how, end.tail.as_str()), (ProcessEnd::Exited(0), "fine"));
}

#[tokio::test]
async fn a_flood_is_bounded() {
    let mut rig = Rig::new();
    let child = rig.shell("head -c 200000000 /dev/zero | tr '\\0' x; printf the-end");
    let end = rig.end(child).await;
    assert_eq!((end.how, end.truncated), (ProcessEnd::Exited(0), true));
    assert!(end.tail.ends_with("xthe-end") && end.tail.len() <= 4096);
    let size = fs::metadata(rig.output_dir(child).join("output")).unwrap().len();
    assert!((1 << 20..(1 << 20) + 70_000).contains(&size), "{size}");
    let status = fs::read_to_string(format!("/proc/{}/status", rig.guard.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
    assert!(peak.parse::<u64>().unwrap() < 50_000, "{peak} kB");
}

#[tokio::test]
async fn output_is_kept_raw_and_shown_safe() {
    let mut rig = Rig::new();
    let child = rig.shell(r"printf '\033[2J\377\007ok\n'");
    let end = rig.end(child).await;
    assert_eq!(end.tail, "\u{fffd}\u{fffd}ok");
    assert_eq!(fs::read(rig.output_dir(child).join("output")).unwrap(), b"\x1b[2J\xff\x07ok\n");
}

#[tokio::test]
async fn an_end_does_not_wait_for_pipes_that_others_hold() {
    let mut rig = Rig::new();
    let (mark, other) = (mark(), mark());
    let bystander = rig.shell(&format!("sleep {other}"));
    // Nothing tells whose it is: neither its environment nor its group.
    let child = rig.shell(&format!("env -i {EXE} rehearsal daemonise /bin/sleep {mark}; echo done"));
    let end = rig.end(child).await;
    assert_eq!((end.how, end.tail.as_str()), (ProcessEnd::Exited(0), "done"));
    // At the latest the last child's end takes it along.
    rig.guard.stop(bystander, Stop::Kill);
    rig.end(bystander).await;
    assert_eq!(running(&mark), 0);
}
