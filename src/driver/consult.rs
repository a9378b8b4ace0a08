//! Asks an agent one thing, outside of any run: a session of its own in an empty folder, by the same guard and host as
//! those of runs, so that nothing of it is left running whatever happens.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use crate::agent::Judges;
use crate::agent::tools::Toolbox;
use crate::amount::{Ceiling, Millis, Spent, Usage};
use crate::driver::children::{Child, Children, Told};
use crate::driver::environment;
use crate::driver::guard::{ChildKind, Guard, GuardReport, GuardStart, Spawn};
use crate::driver::hands::work::plain_end;
use crate::driver::launch::Surroundings;
use crate::driver::sandbox::Confines;
use crate::kernel::event::SessionKind;
use crate::kernel::fact::{EndKind, StopWhy, WorkEnd, WorkKey};
use crate::mask::Mask;
use crate::mission::model::Permissions;
use crate::name::{AgentName, Attempt, Round, RunId, SessionNo, TaskId};
use crate::plan::Agent;
use crate::price::Prices;
use crate::session::protocol::{HostLine, HostOrder, SessionSpec};

/// How much of what it prints is kept.
const OUTPUT_LIMIT: u64 = 16 << 20;
/// How long the guard may take to go once its only child has ended.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long a host may take to end its agent once it was told to, before it is given up.
const STOPPING: Duration = Duration::from_secs(30);

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// For which run.
    pub run: RunId,
    /// What it is about: stands in place of a task.
    pub about: TaskId,
    /// Who is asked.
    pub name: AgentName,
    /// The same, as it is started.
    pub agent: Agent,
    /// Its model; `None`: its own default.
    pub model: Option<String>,
    /// What it is told, whole.
    pub prompt: String,
    /// What models cost whose agents do not say so.
    pub prices: Prices,
    /// How long it may take.
    pub timeout: Millis,
    /// An empty folder, for it alone.
    pub folder: PathBuf,
    /// Environment variables let through, beside the allow list.
    pub pass: Vec<String>,
    /// What must not be seen of what it prints.
    pub mask: Mask,
    /// Where it may write.
    pub confines: Confines,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Consulted {
    /// How the session ended.
    pub end: WorkEnd,
    /// All that it used.
    pub usage: Usage,
}

impl Consulted {
    /// Texts in which its answer may be, the most likely first.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let handed = self.end.handoffs.iter().map(|(_, text)| text.as_str());
        self.end.outputs.as_deref().into_iter().chain(handed).chain([self.end.tail.as_str()])
    }
}

/// Asks and waits for the end. An interrupt of the terminal ends the session and is told as its end.
pub fn consult(question: &Question, around: &Surroundings) -> io::Result<Consulted> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let consulted = runtime.block_on(asked(question, around));
    runtime.shutdown_background();
    consulted
}

async fn asked(question: &Question, around: &Surroundings) -> io::Result<Consulted> {
    let mut env = environment::base(around.environment.iter().cloned(), &question.pass);
    env.extend(question.confines.env());
    question.confines.make()?;
    let (session, workspace) = (question.folder.join("session"), question.folder.join("workspace"));
    fs::create_dir_all(&session)?;
    fs::create_dir_all(session.join("exchange"))?;
    fs::create_dir_all(&workspace)?;
    let start = GuardStart {
        executable: around.executable.clone(),
        env,
        log: session.join("guard.log"),
        run_dir: session.clone(),
        writable: Vec::new(),
    };
    let mut stops = Stops::listen()?;
    let (guard, mut reports) = Guard::start(start)?;
    let children = Children::new(guard);
    let spawn = host(&children, spec(question, around, (&session, workspace)))?;
    let child = children.spawn(spawn, None);
    let consulted = follow(question, &children, child, (&mut reports, &mut stops)).await;
    children.leave();
    let gone = async {
        while let Some(report) = reports.recv().await {
            children.route(report);
        }
    };
    if tokio::time::timeout(FAREWELL, gone).await.is_err() {
        tracing::warn!("the guard of a question did not go in time");
    }
    Ok(consulted)
}

fn spec(question: &Question, around: &Surroundings, (session, workspace): (&Path, PathBuf)) -> SessionSpec {
    let key = WorkKey {
        task: question.about.clone(),
        attempt: Attempt::FIRST,
        round: Round::FIRST,
        session: SessionNo::FIRST,
    };
    let exchange = session.join("exchange");
    SessionSpec {
        key,
        run: question.run.clone(),
        agent: question.agent.clone(),
        kind: SessionKind::Work,
        judges: Judges::No,
        model: question.model.clone(),
        permissions: Permissions::Read,
        prompt: question.prompt.clone(),
        conversation: None,
        counted: Usage::default(),
        writable: question.confines.of_agent(&question.name, [Some(&workspace), Some(&exchange)]),
        path: workspace,
        env: environment::passed(
            around.environment.iter().cloned(),
            crate::agent::backend(question.agent.backend).passes(&question.agent),
        ),
        handoff_out: exchange.join("handoff.md"),
        outputs_file: exchange.join("outputs.json"),
        scratch: session.to_owned(),
        output_dir: session.to_owned(),
        result: session.join("result.json"),
        idle_timeout: question.timeout,
        prices: question.prices.clone(),
        cap: Ceiling { time: Some(question.timeout), ..Ceiling::NONE },
        outputs: IndexMap::new(),
        touches: Some(Vec::new()),
        executable: around.executable.clone(),
        mask: question.mask.clone(),
        socket: None,
        tools: Toolbox::default(),
    }
}

fn host(children: &Children, spec: SessionSpec) -> io::Result<Spawn> {
    let stdin = serde_json::to_string(&spec)?;
    Ok(Spawn {
        child: children.next_id(),
        kind: ChildKind::Host,
        label: spec.key.task.path_name(),
        program: spec.executable,
        args: vec!["session".to_owned()],
        cwd: spec.path,
        env: BTreeMap::new(),
        stdin: Some(stdin),
        output_dir: spec.output_dir,
        output_limit: OUTPUT_LIMIT,
        timeout: None,
        writable: None,
        mask: spec.mask,
    })
}

/// Listens to the session until it has ended, and stops it when its time is up or the person says so.
async fn follow(
    question: &Question,
    children: &Children,
    mut child: Child,
    (reports, stops): (&mut UnboundedReceiver<GuardReport>, &mut Stops),
) -> Consulted {
    let id = child.id;
    let mut heard = Heard::default();
    let mut stopped = None;
    let mut until = Instant::now() + question.timeout.to_duration();
    loop {
        let why = tokio::select! {
            biased;
            Some(told) = child.next() => match heard.take(told) {
                Some(end) => return heard.consulted(end),
                None => continue,
            },
            report = reports.recv() => match report.map(|report| children.route(report)) {
                Some(None) => continue,
                Some(Some(why)) => return heard.consulted(lost(why)),
                None => return heard.consulted(lost("its guard is gone".to_owned())),
            },
            () = stops.next() => StopWhy::Interrupt,
            () = sleep_until(until) => match stopped {
                None => StopWhy::Timeout,
                Some(why) => return heard.consulted(plain_end(EndKind::Stopped { why }, Millis::ZERO, String::new())),
            },
        };
        if stopped.replace(why).is_none() {
            until = Instant::now() + STOPPING;
            if let Ok(line) = serde_json::to_string(&HostOrder::Stop { why }) {
                children.write(id, line);
            }
        }
    }
}

/// What was heard of a session so far.
#[derive(Debug, Default)]
struct Heard {
    end: Option<Box<WorkEnd>>,
    spent: Spent,
}

impl Heard {
    /// Takes what the session's host tells; its end, once it has ended.
    fn take(&mut self, told: Told) -> Option<WorkEnd> {
        match told {
            Told::Started { .. } => None,
            Told::Line(line) => {
                match serde_json::from_str::<HostLine>(&line) {
                    Ok(HostLine::Used { usage }) => self.spent.take(&usage),
                    Ok(HostLine::Ended(end)) => self.end = Some(end),
                    Ok(
                        HostLine::Started { .. }
                        | HostLine::Conversation { .. }
                        | HostLine::Retrying { .. }
                        | HostLine::SkillUsed { .. }
                        | HostLine::Progress { .. },
                    ) => {}
                    Err(error) => tracing::warn!(%error, line, "a host said something unreadable"),
                }
                None
            }
            Told::NotStarted { why } => Some(plain_end(EndKind::NotStarted { why }, Millis::ZERO, String::new())),
            Told::Ended(end) => Some(self.end.take().map_or_else(
                || lost(format!("the process that hosts the session ended without a result ({:?})", end.end)),
                |end| *end,
            )),
        }
    }

    fn consulted(mut self, end: WorkEnd) -> Consulted {
        self.spent.take(&end.usage);
        Consulted { usage: self.spent.usage(), end }
    }
}

fn lost(why: String) -> WorkEnd {
    plain_end(EndKind::Lost { why }, Millis::ZERO, String::new())
}

/// Signals by which the person, or who started this program, ends it.
struct Stops([Signal; 3]);

impl Stops {
    fn listen() -> io::Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
