//! A guard with its reports, and a way to know whether a process still runs: by a mark in its arguments.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ai_sdlc::agent::tools::Toolbox;
use ai_sdlc::agent::{Judges, SessionSpec};
use ai_sdlc::amount::{Ceiling, Millis, Usage};
use ai_sdlc::driver::guard::{ChildId, ChildKind, Guard, GuardReport, GuardStart, ProcessEnd, Spawn};
use ai_sdlc::kernel::event::SessionKind;
use ai_sdlc::kernel::fact::{WorkEnd, WorkKey};
use ai_sdlc::mask::Mask;
use ai_sdlc::mission::model::{BackendKind, Permissions, PromptVia};
use ai_sdlc::mission::sandbox::AgentSandbox;
use ai_sdlc::name::{Attempt, Round, RunId, SessionNo, TaskId};
use ai_sdlc::plan::{Agent, ReportsUse};
use ai_sdlc::price::Prices;
use ai_sdlc::session::protocol::HostLine;
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

pub(crate) const EXE: &str = env!("CARGO_BIN_EXE_ai-sdlc");
/// Long enough for a busy machine; what must be fast is measured.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) struct Rig {
    pub(crate) dir: TempDir,
    pub(crate) guard: Guard,
    pub(crate) reports: UnboundedReceiver<GuardReport>,
    next: u64,
}

/// An end as it was reported.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) how: ProcessEnd,
    pub(crate) ran: Millis,
    pub(crate) tail: String,
    pub(crate) truncated: bool,
    pub(crate) swept: u32,
    pub(crate) lines: Vec<HostLine>,
}

impl End {
    pub(crate) fn work(&self) -> &WorkEnd {
        match self.lines.last() {
            Some(HostLine::Ended(end)) => end,
            other => panic!("the host did not tell an end but {other:?}: {self:?}"),
        }
    }
}

impl Rig {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let env = BTreeMap::from([
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("HOME".to_owned(), dir.path().to_str().unwrap().to_owned()),
            ("BASE".to_owned(), "base".to_owned()),
        ]);
        let start = GuardStart {
            executable: EXE.into(),
            env,
            log: dir.path().join("log"),
            run_dir: dir.path().into(),
            writable: Vec::new(),
        };
        let (guard, reports) = Guard::start(start).unwrap();
        Self { dir, guard, reports, next: 0 }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn output_dir(&self, child: ChildId) -> PathBuf {
        self.path().join(format!("output-{child}"))
    }

    pub(crate) fn order(&mut self, kind: ChildKind, argv: &[&str]) -> Spawn {
        self.next += 1;
        let child = ChildId(self.next);
        Spawn {
            child,
            kind,
            label: format!("work {child}"),
            program: argv[0].into(),
            args: argv[1..].iter().map(|arg| (*arg).to_owned()).collect(),
            cwd: self.path().into(),
            env: BTreeMap::new(),
            stdin: None,
            output_dir: self.output_dir(child),
            output_limit: 1 << 20,
            mask: Mask::default(),
            writable: None,
            timeout: None,
        }
    }

    /// Starts a shell command and waits until it has made the file `ready` where it says so.
    pub(crate) fn shell(&mut self, script: &str) -> ChildId {
        let spawn = self.order(ChildKind::Command, &["/bin/sh", "-c", script]);
        let child = spawn.child;
        self.guard.spawn(spawn);
        child
    }

    pub(crate) fn host(&mut self, spec: &SessionSpec) -> ChildId {
        let mut spawn = self.order(ChildKind::Host, &[EXE, "session"]);
        spawn.stdin = Some(serde_json::to_string(spec).unwrap());
        let child = spawn.child;
        self.guard.spawn(spawn);
        child
    }

    pub(crate) async fn report(&mut self) -> GuardReport {
        timeout(LONG, self.reports.recv()).await.expect("no report in time").expect("reports are over")
    }

    /// Waits for this child's end. What is told of others meanwhile is dropped.
    pub(crate) async fn end(&mut self, of: ChildId) -> End {
        let mut lines = Vec::new();
        loop {
            match self.report().await {
                GuardReport::Line { child, line } if child == of => lines.push(serde_json::from_str(&line).unwrap()),
                GuardReport::Ended { child, end, ran, tail, truncated, swept } if child == of => {
                    return End { how: end, ran, tail, truncated, swept, lines };
                }
                GuardReport::NotStarted { child, why } if child == of => panic!("not started: {why}"),
                GuardReport::Gone { why } => panic!("gone: {why}"),
                GuardReport::Started { .. }
                | GuardReport::NotStarted { .. }
                | GuardReport::Line { .. }
                | GuardReport::Ended { .. } => {}
            }
        }
    }

    pub(crate) async fn gone(&mut self) -> String {
        loop {
            if let GuardReport::Gone { why } = self.report().await {
                return why;
            }
        }
    }

    /// A session of the embedded agent that plays this, in TOML.
    pub(crate) fn session(&self, name: &str, play: &str) -> SessionSpec {
        let at = |what: &str| self.path().join(name).join(what);
        fs::create_dir_all(at("work")).unwrap();
        let scenario = (!play.is_empty())
            .then(|| toml::from_str(&format!("[[sessions]]\nplay = [\n{play}\n]\n")).expect("a valid play"));
        SessionSpec {
            key: WorkKey {
                task: TaskId::parse(name).unwrap(),
                attempt: Attempt::FIRST,
                round: Round::FIRST,
                session: SessionNo::FIRST,
            },
            run: RunId::from_draws(|_| 0),
            agent: Agent {
                backend: BackendKind::Rehearsal,
                command: Vec::new(),
                models: BTreeMap::new(),
                max: None,
                prompt: PromptVia::Stdin,
                resume: None,
                events: Vec::new(),
                scenario,
                reports: ReportsUse::Yes,
                sandbox: AgentSandbox::Engine,
                writable: Vec::new(),
            },
            kind: SessionKind::Work,
            judges: Judges::No,
            model: None,
            permissions: Permissions::Edit,
            prompt: "Do it.".to_owned(),
            conversation: None,
            counted: Usage::default(),
            path: at("work"),
            env: BTreeMap::new(),
            handoff_out: at("work/.ai-sdlc/session/handoff.md"),
            outputs_file: at("outputs.json"),
            scratch: at("scratch"),
            output_dir: at("output"),
            result: at("output/result.json"),
            idle_timeout: Millis::from_mins(5),
            prices: Prices::default(),
            cap: Ceiling::NONE,
            outputs: indexmap::IndexMap::new(),
            touches: None,
            socket: None,
            tools: Toolbox::default(),
            executable: EXE.into(),
            mask: Mask::default(),
            writable: None,
        }
    }
}

/// A length for `sleep` that no other process has.
pub(crate) fn mark() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("36000.{}{:04}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// How many running processes have this among their arguments as one whole argument.
pub(crate) fn running(mark: &str) -> usize {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    pids.filter(|pid| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let zombie = stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
        !zombie && arguments.split(|byte| *byte == 0).any(|argument| argument == mark.as_bytes())
    })
    .count()
}

/// Waits until it holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let waited = timeout(LONG, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain: {what}");
}
