//! A session to build on, and the bounds of what a stream leaves in memory.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::tools::Toolbox;
use super::{Judges, Said, SessionSpec, Stream, TellsTools};
use crate::amount::{Ceiling, Millis, Usage};
use crate::kernel::event::SessionKind;
use crate::kernel::fact::{Activity, WorkKey};
use crate::mask::Mask;
use crate::mission::model::{BackendKind, Permissions, PromptVia};
use crate::mission::sandbox::AgentSandbox;
use crate::name::{Attempt, Round, RunId, SessionNo, TaskId};
use crate::plan::{Agent, ReportsUse};
use crate::price::Prices;

pub(crate) fn spec() -> SessionSpec {
    SessionSpec {
        key: WorkKey {
            task: TaskId::parse("build").unwrap(),
            attempt: Attempt::FIRST,
            round: Round::FIRST,
            session: SessionNo::FIRST,
        },
        run: RunId::from_draws(|_| 0),
        agent: Agent {
            backend: BackendKind::Command,
            command: vec!["/bin/agent".to_owned(), "--quiet".to_owned()],
            models: BTreeMap::new(),
            max: None,
            prompt: PromptVia::Stdin,
            resume: None,
            events: Vec::new(),
            scenario: None,
            reports: ReportsUse::No,
            sandbox: AgentSandbox::Engine,
            writable: Vec::new(),
        },
        kind: SessionKind::Work,
        judges: Judges::No,
        model: Some("m1".to_owned()),
        permissions: Permissions::Edit,
        prompt: "Do {{model}}.".to_owned(),
        conversation: None,
        counted: Usage::default(),
        path: "/w".into(),
        env: BTreeMap::from([("MINE".to_owned(), "1".to_owned())]),
        handoff_out: "/w/handoff.md".into(),
        outputs_file: "/w/outputs.json".into(),
        scratch: "/s".into(),
        output_dir: "/o".into(),
        result: "/o/result.json".into(),
        idle_timeout: Millis::from_mins(5),
        prices: Prices::default(),
        cap: Ceiling::NONE,
        outputs: IndexMap::new(),
        touches: None,
        executable: "/bin/ai-sdlc".into(),
        mask: Mask::default(),
        socket: None,
        tools: Toolbox::default(),
        writable: None,
    }
}

#[test]
fn a_stream_is_bounded() {
    let mut stream = Stream::default();
    for n in 0..200 {
        stream.note(&Said::MessageLine(format!("{n} {}", "ä".repeat(10_000))));
        stream.note(&Said::Denied("ä".repeat(10_000)));
    }
    stream.note(&Said::StructuredHandoff("ä".repeat(100_000)));
    assert!(stream.message().len() <= 600_000 && stream.message().ends_with("ä\n"));
    assert_eq!(stream.denied().len(), 50);
    assert!(stream.denied()[0].len() <= 1024 && stream.handoff().unwrap().len() <= super::MAX_HANDOFF);
}

#[test]
fn tool_calls_are_counted_where_they_are_told() {
    let mut stream = Stream::default();
    assert_eq!(stream.activity(TellsTools::Yes), Activity::NoTool);
    assert_eq!(stream.activity(TellsTools::No), Activity::Acted);
    stream.note(&Said::ToolBegan);
    assert!(stream.in_tool());
    stream.note(&Said::ToolEnded);
    stream.note(&Said::ToolEnded);
    assert!(!stream.in_tool());
    assert_eq!(stream.activity(TellsTools::Yes), Activity::Acted);
}
