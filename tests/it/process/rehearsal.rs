//! The embedded agent, every act of it, through a real host.

use std::fs;
use std::os::unix::fs::symlink;

use ai_sdlc::amount::{Cost, TokenUse, Usage, Usd};
use ai_sdlc::handoff::Source;
use ai_sdlc::kernel::fact::{Activity, EndKind};
use ai_sdlc::mission::field::shape::Shape;
use ai_sdlc::mission::model::Permissions;
use ai_sdlc::name::OutputId;
use ai_sdlc::session::protocol::{HostLine, SessionSpec};
use serde_json::{Value, json};

use crate::process::rig::{End, Rig, mark, running};

async fn play(rig: &mut Rig, spec: &SessionSpec) -> End {
    let host = rig.host(spec);
    rig.end(host).await
}

fn handoff(end: &End) -> Value {
    match end.work().handoffs.as_slice() {
        [(Source::File, text)] => serde_json::from_str(text).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_default_play() {
    let mut rig = Rig::new();
    let mut spec = rig.session("default_play", "");
    spec.outputs.insert(OutputId::parse("parts").unwrap(), Shape::List(Box::new(Shape::String)));
    let end = play(&mut rig, &spec).await;
    let work = end.work();
    assert_eq!((&work.how, work.activity, work.usage), (&EndKind::Completed, Activity::Acted, Usage::NONE));
    let told: Vec<_> = end.lines.iter().filter(|line| matches!(line, HostLine::Used { .. })).collect();
    assert_eq!(told, [&HostLine::Used { usage: Usage::NONE }]);
    let outputs = json!({ "parts": ["default_play"] });
    assert_eq!(handoff(&end), json!({ "status": "done", "summary": "Rehearsed `default_play`.", "outputs": outputs }));
    let text = fs::read_to_string(spec.path.join("rehearsal/default_play.md")).unwrap();
    assert_eq!(text, "Rehearsal of `default_play`: attempt 1, round 1.\n");
    let conversation = work.conversation.clone();
    assert!(end.lines.iter().any(
        |line| matches!(line, HostLine::Conversation { conversation: told } if Some(told) == conversation.as_ref())
    ));
    spec.conversation = Some("told before".to_owned());
    assert_eq!(play(&mut rig, &spec).await.work().conversation.as_deref(), Some("told before"));
}

#[tokio::test]
async fn the_default_play_writes_only_where_it_may() {
    let mut rig = Rig::new();
    let mut spec = rig.session("fenced", "");
    for (permissions, touches, file) in [
        (Permissions::Read, None, None),
        (Permissions::Edit, Some(vec![]), None),
        (Permissions::Edit, Some(vec!["src/*.rs".to_owned()]), Some("src/fenced.rs")),
    ] {
        (spec.permissions, spec.touches) = (permissions, touches);
        let end = play(&mut rig, &spec).await;
        assert_eq!(end.work().how, EndKind::Completed);
        assert_eq!(end.work().activity, file.map_or(Activity::NoTool, |_| Activity::Acted));
        let made: Vec<_> = fs::read_dir(&spec.path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(made.iter().filter(|name| *name != ".ai-sdlc").count(), usize::from(file.is_some()), "{made:?}");
        assert!(file.is_none_or(|file| spec.path.join(file).exists()));
    }
}

#[tokio::test]
async fn acts_on_files() {
    let mut rig = Rig::new();
    let spec = rig.session(
        "files",
        "{ write = 'src/a.txt', text = \"one\\n\" }, { append = 'src/a.txt', text = \"two\\n\" },
         { write = 'gone.txt', text = 'x' }, { delete = 'gone.txt' },
         { run = ['sh', '-c', 'echo made > made.txt; echo noise'] }, { delete = 'never.txt' }",
    );
    let end = play(&mut rig, &spec).await;
    assert_eq!(end.work().how, EndKind::Completed);
    assert_eq!(fs::read_to_string(spec.path.join("src/a.txt")).unwrap(), "one\ntwo\n");
    assert_eq!(fs::read_to_string(spec.path.join("made.txt")).unwrap(), "made\n");
    assert!(!spec.path.join("gone.txt").exists());
    assert_eq!(end.work().denied.len(), 1, "{:?}", end.work().denied);
    assert!(fs::read_to_string(spec.output_dir.join("output")).unwrap().contains("noise\n"));
}

#[tokio::test]
async fn nothing_outside_the_workspace_is_written() {
    let mut rig = Rig::new();
    let outside = rig.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    let absolute = outside.join("new").display().to_string();
    let spec = rig.session(
        "escaping",
        &format!(
            "{{ write = '{absolute}', text = 'x' }}, {{ write = '../../outside/new', text = 'x' }}, {{ write = '' }},
             {{ write = '.git/config', text = 'x' }}, {{ write = 'link/new', text = 'x' }}, {{ append = 'file', text = 'x' }},
             {{ delete = 'link/kept' }}"
        ),
    );
    symlink(&outside, spec.path.join("link")).unwrap();
    symlink(outside.join("kept"), spec.path.join("file")).unwrap();
    let end = play(&mut rig, &spec).await;
    assert_eq!(end.work().denied.len(), 7, "{:?}", end.work().denied);
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
    assert!(!outside.join("new").exists() && !spec.path.join(".git").exists());
    let mut reader = rig.session("reader", "{ write = 'a.txt', text = 'x' }");
    reader.permissions = Permissions::Read;
    let end = play(&mut rig, &reader).await;
    assert_eq!((end.work().denied.len(), reader.path.join("a.txt").exists()), (1, false));
}

#[tokio::test]
async fn what_it_says_and_uses_is_told() {
    let mut rig = Rig::new();
    let spec = rig.session(
        "telling",
        "{ say = 'first' }, { progress = \"half \\u001b[31mway\" }, { use = { input = 1200, output = 80, usd = 0.02 } },
         { sleep = '300ms' }, { use = { output = 1 } }, { say = 'last' },
         { hand_over = { status = 'partial', summary = 'Half.' } }",
    );
    let end = play(&mut rig, &spec).await;
    let work = end.work();
    assert_eq!((&work.how, work.tail.as_str(), work.usage), (&EndKind::Completed, "last", Usage::NONE));
    assert!(work.duration.0 >= 300);
    let told: Vec<_> = end.lines.iter().filter(|line| !matches!(line, HostLine::Conversation { .. })).collect();
    let used = |input, output, cost| HostLine::Used {
        usage: Usage { tokens: Some(TokenUse { input, output, ..TokenUse::default() }), cost },
    };
    assert!(matches!(told[0], HostLine::Started { .. }));
    assert_eq!(
        told[1..told.len() - 1],
        [
            &HostLine::Progress { text: "half way".to_owned() },
            &used(1200, 80, Cost::Reported(Usd(20_000))),
            &used(0, 1, Cost::Unknown)
        ]
    );
    assert_eq!(handoff(&end), json!({ "status": "partial", "summary": "Half." }));
}

#[tokio::test]
async fn ways_to_fail() {
    let mut rig = Rig::new();
    for (name, play_text, how) in [
        ("crash", "{ fail = 'crash' }", EndKind::Signalled { signal: 9 }),
        ("refuse", "{ fail = 'refuse' }", EndKind::Refused { why: "the scenario says so".to_owned() }),
        ("code", "{ exit = 3 }", EndKind::Exited { code: 3 }),
        ("quiet", "{ exit = 0 }", EndKind::Exited { code: 0 }),
    ] {
        let spec = rig.session(name, play_text);
        let end = play(&mut rig, &spec).await;
        assert_eq!((&end.work().how, end.work().handoffs.len()), (&how, 0), "{name}");
    }
}

#[tokio::test]
async fn a_flood_is_cut_and_the_session_goes_on() {
    let mut rig = Rig::new();
    let spec = rig.session("flood", "{ flood = 100000000 }, { say = 'after' }");
    let end = play(&mut rig, &spec).await;
    let work = end.work();
    assert_eq!((&work.how, work.tail.as_str(), work.truncated), (&EndKind::Completed, "after", true));
    assert!(fs::metadata(spec.output_dir.join("output")).unwrap().len() < 17 << 20);
}

#[tokio::test]
async fn a_daemon_is_swept() {
    let mut rig = Rig::new();
    let mark = mark();
    let spec = rig.session("daemon", &format!("{{ daemonise = ['sleep', '{mark}'] }}, {{ say = 'left it' }}"));
    let end = play(&mut rig, &spec).await;
    assert_eq!((&end.work().how, end.work().swept), (&EndKind::Completed, 1));
    assert_eq!(running(&mark), 0);
}

#[tokio::test]
async fn the_first_session_that_fits_is_played() {
    let mut rig = Rig::new();
    let mut spec = rig.session("choosing", "");
    spec.agent.scenario = Some(
        toml::from_str(
            "[[sessions]]\ntask = 'other'\nplay = [{ exit = 9 }]\n[[sessions]]\nround = 2\nplay = [{ exit = 2 }]\n
             [[sessions]]\ntask = 'choosing'\nattempt = 1\nplay = [{ exit = 1 }]\n[[sessions]]\nplay = [{ exit = 8 }]",
        )
        .unwrap(),
    );
    assert_eq!(play(&mut rig, &spec).await.work().how, EndKind::Exited { code: 1 });
    spec.key.round = spec.key.round.next();
    assert_eq!(play(&mut rig, &spec).await.work().how, EndKind::Exited { code: 2 });
    (spec.key.round, spec.key.attempt) = (spec.key.round.next(), spec.key.attempt.next());
    assert_eq!(play(&mut rig, &spec).await.work().how, EndKind::Exited { code: 8 });
}
