//! The host of a session, below a real guard.

use std::fs;
use std::time::{Duration, Instant};

use ai_sdlc::amount::{Millis, Usage};
use ai_sdlc::driver::guard::{GuardReport, ProcessEnd};
use ai_sdlc::handoff::Source;
use ai_sdlc::kernel::fact::{Activity, EndKind, StopWhy, WorkEnd};
use ai_sdlc::mission::model::BackendKind;
use ai_sdlc::session::protocol::{HostLine, HostOrder, SessionSpec};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::rig::{Rig, mark, running, until};

/// A session of any program: a shell script.
fn shell(rig: &Rig, name: &str, script: &str) -> SessionSpec {
    let mut spec = rig.session(name, "");
    spec.agent.backend = BackendKind::Command;
    spec.agent.command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    spec
}

fn order(order: HostOrder) -> String {
    serde_json::to_string(&order).unwrap()
}

#[tokio::test]
async fn any_program_is_an_agent() {
    let mut rig = Rig::new();
    let script = r#"cat; echo "in $PWD as $AI_SDLC_TASK"; echo '{"n": 1}' > "$AI_SDLC_OUTPUTS"
        echo '{"status": "done", "summary": "File."}' > "$AI_SDLC_HANDOFF_OUT"
        printf '```handoff\n{"status": "partial"}\n```\nlast'"#;
    let spec = shell(&rig, "any", script);
    let host = rig.host(&spec);
    let end = rig.end(host).await;
    assert_eq!(end.how, ProcessEnd::Exited(0));
    let work = end.work();
    let cwd = fs::canonicalize(&spec.path).unwrap();
    let tail = format!("Do it.in {} as any\n```handoff\n{{\"status\": \"partial\"}}\n```\nlast", cwd.display());
    assert_eq!(
        *work,
        WorkEnd {
            how: EndKind::Completed,
            duration: work.duration,
            usage: Usage::default(),
            conversation: None,
            handoffs: vec![
                (Source::File, "{\"status\": \"done\", \"summary\": \"File.\"}\n".to_owned()),
                (Source::Message, "{\"status\": \"partial\"}\n".to_owned()),
            ],
            outputs: Some("{\"n\": 1}\n".to_owned()),
            tail: tail.clone(),
            denied: Vec::new(),
            activity: Activity::Acted,
            truncated: false,
            swept: 0,
            model: None,
            version: None,
        }
    );
    assert_eq!(fs::read_to_string(spec.output_dir.join("output")).unwrap(), tail);
}

#[tokio::test]
async fn a_result_is_durable_before_it_is_told() {
    let mut rig = Rig::new();
    let spec = shell(&rig, "durable", "exit 7");
    rig.host(&spec);
    loop {
        if let GuardReport::Line { line, .. } = rig.report().await
            && let HostLine::Ended(told) = serde_json::from_str(&line).unwrap()
        {
            let written: WorkEnd = serde_json::from_slice(&fs::read(&spec.result).unwrap()).unwrap();
            assert_eq!((&written, &written.how), (&*told, &EndKind::Exited { code: 7 }));
            return;
        }
    }
}

#[tokio::test]
async fn what_an_earlier_session_left_is_not_taken_for_this_one() {
    let mut rig = Rig::new();
    let spec = shell(&rig, "stale", "true");
    fs::create_dir_all(spec.handoff_out.parent().unwrap()).unwrap();
    fs::write(&spec.handoff_out, "old").unwrap();
    fs::write(&spec.outputs_file, "old").unwrap();
    let host = rig.host(&spec);
    let end = rig.end(host).await;
    assert_eq!((&end.work().handoffs, &end.work().outputs), (&Vec::new(), &None));
}

#[tokio::test]
async fn links_and_pipes_are_no_handoffs() {
    let mut rig = Rig::new();
    let spec = shell(&rig, "links", r#"ln -s /etc/passwd "$AI_SDLC_HANDOFF_OUT"; mkfifo "$AI_SDLC_OUTPUTS""#);
    let host = rig.host(&spec);
    let end = rig.end(host).await;
    assert_eq!((&end.work().handoffs, &end.work().outputs), (&Vec::new(), &None));
}

#[tokio::test]
async fn an_agent_that_is_not_there_says_so() {
    let mut rig = Rig::new();
    let mut spec = shell(&rig, "missing", "true");
    spec.agent.command = vec!["/nowhere/agent".to_owned()];
    let host = rig.host(&spec);
    let end = rig.end(host).await;
    match &end.work().how {
        EndKind::NotStarted { why } => assert!(why.contains("`/nowhere/agent`"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(spec.result.exists());
}

#[tokio::test]
async fn a_host_that_is_killed_takes_its_agent_along() {
    let mut rig = Rig::new();
    let mark = mark();
    let spec = shell(&rig, "lost", &format!("trap '' TERM; setsid sleep {mark} & sleep {mark}"));
    let host = rig.host(&spec);
    let GuardReport::Started { pid, .. } = rig.report().await else { panic!("not started") };
    until("the agent", || running(&mark) == 2).await;
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
    let end = rig.end(host).await;
    assert_eq!(end.how, ProcessEnd::Signalled(9));
    assert!(end.swept >= 2, "{end:?}");
    assert_eq!(running(&mark), 0);
    assert!(!spec.result.exists());
}

#[tokio::test]
async fn an_idle_agent_is_stopped_and_a_busy_one_is_not() {
    let mut rig = Rig::new();
    let mut busy = shell(&rig, "busy", "end=$(($(date +%s) + 6)); while [ $(date +%s) -lt $end ]; do :; done");
    let mut idle = rig.session("idle", "{ say = 'waiting' }, { hang = true }");
    for spec in [&mut busy, &mut idle] {
        spec.idle_timeout = Millis(3_000);
    }
    let host = rig.host(&idle);
    assert_eq!(rig.end(host).await.work().how, EndKind::Stopped { why: StopWhy::Idle });
    let host = rig.host(&busy);
    assert_eq!(rig.end(host).await.work().how, EndKind::Completed);
}

#[tokio::test]
async fn a_stop_is_gentle_first() {
    let mut rig = Rig::new();
    let spec =
        shell(&rig, "gentle", "trap 'echo saved > saved; exit 1' INT; touch ready; while :; do sleep 0.01; done");
    let host = rig.host(&spec);
    until("the agent", || spec.path.join("ready").exists()).await;
    rig.guard.tell(host, order(HostOrder::Stop { why: StopWhy::Budget }));
    assert_eq!(rig.end(host).await.work().how, EndKind::Stopped { why: StopWhy::Budget });
    assert!(spec.path.join("saved").exists());
}

#[tokio::test]
async fn a_stop_reaches_an_agent_that_a_signal_stopped() {
    let mut rig = Rig::new();
    let script = "trap 'echo saved > saved; exit 1' INT; echo $$ > pid; kill -STOP $$; sleep 60";
    let spec = shell(&rig, "asleep", script);
    let host = rig.host(&spec);
    until("the agent to be stopped", || {
        let pid = fs::read_to_string(spec.path.join("pid")).unwrap_or_default();
        fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| stat.contains(") T "))
    })
    .await;
    rig.guard.tell(host, order(HostOrder::Stop { why: StopWhy::Timeout }));
    assert_eq!(rig.end(host).await.work().how, EndKind::Stopped { why: StopWhy::Timeout });
    assert!(spec.path.join("saved").exists());
}

#[tokio::test]
async fn a_stop_ends_what_ignores_it_and_all_it_started() {
    let mut rig = Rig::new();
    let mark = mark();
    let play = format!("{{ ignore_term = true }}, {{ daemonise = ['sleep', '{mark}'] }}, {{ hang = true }}");
    let spec = rig.session("deaf", &play);
    let host = rig.host(&spec);
    until("the daemon", || running(&mark) == 1).await;
    let began = Instant::now();
    rig.guard.tell(host, order(HostOrder::Stop { why: StopWhy::Interrupt }));
    let end = rig.end(host).await;
    assert_eq!(end.work().how, EndKind::Stopped { why: StopWhy::Interrupt });
    assert!((Duration::from_secs(4)..Duration::from_secs(9)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(running(&mark), 0);
    let host = rig.host(&spec);
    until("the daemon", || running(&mark) == 1).await;
    let began = Instant::now();
    rig.guard.tell(host, order(HostOrder::Kill));
    assert_eq!(rig.end(host).await.work().how, EndKind::Stopped { why: StopWhy::Interrupt });
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(running(&mark), 0);
}
