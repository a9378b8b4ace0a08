//! Sessions and commands: started, listened to, stopped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use indexmap::IndexMap;

use crate::amount::{Millis, Usage};
use crate::driver::children::{Child, ChildEnd, Told};
use crate::driver::environment::REHEARSAL;
use crate::driver::guard::{ChildId, ChildKind, Spawn, Stop};
use crate::driver::hands::review::Who;
use crate::driver::hands::tools;
use crate::driver::hands::{Briefing, Errand, Hands};
use crate::kernel::effect::StartSession;
use crate::kernel::event::{PlaceKind, SessionKind};
use crate::kernel::fact::{Activity, EndKind, Fact, StopWhy, WorkEnd, WorkKey};
use crate::mask::Mask;
use crate::name::TaskId;
use crate::plan::argv::Argv;
use crate::session::protocol::{HostLine, HostOrder, SessionSpec};
use crate::workspace::{Exchange, WorkspaceError, read_bounded};

/// At most this much of a file of outputs is read.
const OUTPUTS_LIMIT: u64 = 256 * 1024;
/// At most this much of a session's durable result: what its host makes is a tenth of it.
const RESULT_LIMIT: u64 = 8 * 1024 * 1024;

/// A session or command that runs.
#[derive(Debug)]
pub(super) struct Working {
    child: ChildId,
    kind: ChildKind,
    stopped: Option<StopWhy>,
}

/// Folder, in a worktree, for what passes between engine and session.
const SESSION_FOLDER: &str = ".ai-sdlc/session";
/// The same in the folder of a session or command: the rest of that is the engine's own.
pub(in crate::driver) const EXCHANGE_FOLDER: &str = "exchange";

impl Hands {
    /// Runs a command and tells its end.
    pub(super) async fn command(self: Rc<Self>, key: WorkKey, command: Argv, at: (PathBuf, Briefing)) {
        let (path, briefing) = at;
        if let Some(end) = self.early.borrow_mut().remove(&label(&key)) {
            return self.tell(Fact::WorkEnded { key, end: Box::new(end) });
        }
        if let Err(why) = self.before_work(&key, &path).await {
            return self.tell(not_started(key, why));
        }
        let output_dir = self.setting.work_dir(&key.task, key.attempt, (key.session, SessionKind::Work));
        let outputs_file = self.outputs_file(&key, &output_dir);
        let mut env = self.task_env(&key, &path, briefing.env);
        env.extend(self.secrets_of(&key.task));
        if !briefing.handoffs.is_empty() {
            match run_folder(&output_dir).and_then(|folder| hand_in(&folder, &briefing.handoffs)) {
                Ok(handed) => env.extend(handed),
                Err(error) => return self.tell(not_started(key, error.to_string())),
            }
        }
        if let Some(file) = &outputs_file {
            env.insert("AI_SDLC_OUTPUTS".to_owned(), file.display().to_string());
        }
        let errand = Errand { task: Some(&key.task), command: &command, cwd: &path, env, output_dir, timeout: None };
        match self.spawn_order(errand) {
            Ok(mut spawn) => {
                spawn.label = label(&key);
                let artifacts = self.artifacts_folder(&key.task);
                let exchange = outputs_file.as_deref().and_then(Path::parent);
                spawn.writable = self.setting.confines.of_command([Some(&path), exchange, artifacts.as_deref()]);
                let child = self.begin(&key, spawn);
                self.follow_command(key, child, outputs_file).await;
            }
            Err(why) => self.tell(not_started(key, why)),
        }
    }

    async fn follow_command(&self, key: WorkKey, mut child: Child, outputs_file: Option<PathBuf>) {
        let id = child.id;
        while let Some(told) = child.next().await {
            match told {
                Told::Started { pid } => self.tell(Fact::WorkStarted { key: key.clone(), pid }),
                Told::Line(_) => {}
                Told::NotStarted { why } => {
                    self.end(&key);
                    return self.tell_end(not_started(key, why), id);
                }
                Told::Ended(end) => {
                    let (end, stopped) = (self.explained(end), self.end(&key));
                    let outputs = outputs_file.as_deref().and_then(|file| read_outputs(file, &self.setting.mask));
                    let fact = Fact::WorkEnded { end: Box::new(command_end(end, stopped, outputs)), key };
                    return self.tell_end(fact, id);
                }
            }
        }
    }

    /// The file for declared outputs, its folder made; only where the task declares any.
    fn outputs_file(&self, key: &WorkKey, dir: &Path) -> Option<PathBuf> {
        let declares = self.setting.plan().tasks.get(&key.task).is_some_and(|task| !task.outputs.is_empty());
        if !declares {
            return None;
        }
        let folder = dir.join(EXCHANGE_FOLDER);
        let file = folder.join("outputs.json");
        fs::create_dir_all(folder).ok()?;
        let _was_absent = fs::remove_file(&file);
        Some(file)
    }

    /// Runs a session in its host and tells what the host says.
    pub(super) async fn session(self: Rc<Self>, start: StartSession, briefing: Briefing) {
        let (key, kind) = (start.key.clone(), start.kind);
        let ready = match kind {
            SessionKind::Review => self.before_review(&start).await,
            SessionKind::Work => self.before_work(&key, &start.path).await,
        };
        if let Err(why) = ready {
            return self.tell(not_started(key, why));
        }
        match self.host_order(start, briefing) {
            Ok((spawn, socket)) => {
                let child = self.begin(&key, spawn);
                self.follow_host((key, kind), child).await;
                // The host took it away, unless it died.
                socket.as_deref().into_iter().for_each(tools::clear);
            }
            Err(why) => self.tell(not_started(key, why)),
        }
    }

    fn host_order(&self, start: StartSession, briefing: Briefing) -> Result<(Spawn, Option<PathBuf>), String> {
        let spec = self.session_spec(start, briefing)?;
        let line = serde_json::to_string(&spec).map_err(|error| format!("the session cannot be described: {error}"))?;
        let socket = spec.socket.clone();
        let spawn = Spawn {
            child: self.children.next_id(),
            kind: ChildKind::Host,
            label: label(&spec.key),
            program: self.setting.executable.clone(),
            args: vec!["session".to_owned()],
            cwd: spec.path,
            env: BTreeMap::from([
                ("AI_SDLC_RUN".to_owned(), self.setting.run.to_string()),
                ("AI_SDLC_TASK".to_owned(), spec.key.task.to_string()),
            ]),
            stdin: Some(line),
            output_dir: spec.output_dir,
            output_limit: self.setting.output_limit,
            mask: self.setting.mask.clone(),
            timeout: None,
            writable: None,
        };
        Ok((spawn, socket))
    }

    fn session_spec(&self, start: StartSession, briefing: Briefing) -> Result<SessionSpec, String> {
        let StartSession { key, kind, model, prompt, conversation, counted, path, cap } = start;
        let plan = self.setting.plan();
        let task = plan.tasks.get(&key.task).ok_or_else(|| format!("task `{}` is not in the plan", key.task))?;
        let who = Who::of(task, kind).ok_or_else(|| format!("task `{}` has no such sessions", key.task))?;
        let agent = plan.agents.get(who.agent).ok_or_else(|| format!("agent `{}` is not in the plan", who.agent))?;
        let dir = self.setting.work_dir(&key.task, key.attempt, (key.session, kind));
        fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let exchange = self.exchange(&path, &dir).map_err(|error| error.to_string())?;
        for stale in ["handoff.md", "outputs.json"] {
            exchange.remove(stale).map_err(|error| error.to_string())?;
        }
        let (handoff_out, outputs_file) = (exchange.path("handoff.md"), exchange.path("outputs.json"));
        let mut env = self.setting.agent_env.get(who.agent).cloned().unwrap_or_default();
        env.extend(self.task_env(&key, &path, briefing.env));
        if kind.is_work() {
            env.extend(self.secrets_of(&key.task));
        }
        env.insert("AI_SDLC_ROLE".to_owned(), who.role.to_string());
        env.insert("AI_SDLC_HANDOFF_OUT".to_owned(), handoff_out.display().to_string());
        env.insert("AI_SDLC_OUTPUTS".to_owned(), outputs_file.display().to_string());
        env.extend(hand_in(&exchange, &briefing.handoffs).map_err(|error| error.to_string())?);
        let artifacts = self.artifacts_folder(&key.task);
        let own = [Some(path.as_path()), handoff_out.parent(), artifacts.as_deref()];
        let writable = self.setting.confines.of_agent(who.agent, own);
        // An agent may bring a sandbox of its own: what a skill runs lies outside of that, and gets the engine's.
        let of_skills = self.setting.confines.of_command(own).map(|mut all| {
            all.extend(self.setting.confines.base());
            all
        });
        let tools = tools::toolbox(&plan, (task, kind), briefing.documents, writable.clone().or(of_skills));
        Ok(SessionSpec {
            run: self.setting.run.clone(),
            agent: agent.clone(),
            kind,
            judges: who.judges,
            model,
            permissions: who.permissions,
            prompt,
            conversation,
            counted,
            path,
            env,
            handoff_out,
            outputs_file,
            scratch: dir.clone(),
            result: dir.join("result.json"),
            output_dir: dir,
            idle_timeout: task.idle_timeout,
            prices: plan.prices.clone(),
            cap,
            outputs: if kind.is_work() { task.outputs.clone() } else { IndexMap::new() },
            touches: if kind.is_work() { task.touches.clone() } else { Some(Vec::new()) },
            executable: self.setting.executable.clone(),
            mask: self.setting.mask.clone(),
            socket: tools::socket(&self.setting, &key, kind),
            tools,
            writable,
            key,
        })
    }

    /// Where engine and session exchange files: in the worktree, or in the run's folder where there is none.
    fn exchange(&self, workspace: &Path, work_dir: &Path) -> Result<Exchange, WorkspaceError> {
        if self.setting.repository.is_some() {
            return Exchange::make(workspace, Path::new(SESSION_FOLDER));
        }
        run_folder(work_dir)
    }

    async fn follow_host(&self, of: (WorkKey, SessionKind), mut child: Child) {
        let (id, (key, kind)) = (child.id, of);
        let mut result = None;
        while let Some(told) = child.next().await {
            match told {
                Told::Started { .. } => {}
                Told::Line(line) => {
                    if let Some(end) = self.host_said(&key, &line) {
                        result = Some(end);
                    }
                }
                Told::NotStarted { why } => {
                    self.end(&key);
                    return self.tell_end(not_started(key, why), id);
                }
                Told::Ended(end) => {
                    self.end(&key);
                    let end = result.unwrap_or_else(|| Box::new(self.lost_host((&key, kind), &end)));
                    if kind == SessionKind::Review {
                        let path = self.place_of(&key.task, key.attempt);
                        self.put_back(&key.task, key.attempt, path).await;
                    }
                    return self.tell_end(Fact::WorkEnded { key, end }, id);
                }
            }
        }
    }

    /// Takes one line of a host; what it says of its end is kept until the host itself has ended.
    fn host_said(&self, key: &WorkKey, line: &str) -> Option<Box<WorkEnd>> {
        let key = key.clone();
        match serde_json::from_str::<HostLine>(line) {
            Ok(HostLine::Started { pid }) => self.tell(Fact::WorkStarted { key, pid }),
            Ok(HostLine::Conversation { conversation }) => self.tell(Fact::Conversation { key, conversation }),
            Ok(HostLine::Progress { text }) => self.tell(Fact::Progress { key, text }),
            Ok(HostLine::Used { usage }) => self.tell(Fact::Used { key, usage }),
            Ok(HostLine::Retrying { fault, why }) => self.tell(Fact::Retrying { key, fault, why }),
            Ok(HostLine::SkillUsed { skill, how }) => self.tell(Fact::SkillUsed { key, skill, how }),
            Ok(HostLine::Ended(end)) => return Some(end),
            Err(error) => tracing::warn!(task = %key.task, %error, line, "a host said something unreadable"),
        }
        None
    }

    /// A host that ended without a word: its result may lie on disk all the same.
    fn lost_host(&self, of: (&WorkKey, SessionKind), end: &ChildEnd) -> WorkEnd {
        let (key, kind) = of;
        let dir = self.setting.work_dir(&key.task, key.attempt, (key.session, kind));
        read_result(&dir.join("result.json")).unwrap_or_else(|| {
            let why = format!("the process that hosts the session ended without a result ({:?})", end.end);
            WorkEnd { usage: Usage::default(), ..plain_end(EndKind::Lost { why }, end.ran, end.tail.clone()) }
        })
    }

    fn begin(&self, key: &WorkKey, spawn: Spawn) -> Child {
        let working = Working { child: spawn.child, kind: spawn.kind, stopped: None };
        self.working.borrow_mut().insert(key.clone(), working);
        self.children.spawn(spawn, Some(key.task.clone()))
    }

    fn end(&self, key: &WorkKey) -> Option<StopWhy> {
        self.working.borrow_mut().remove(key).and_then(|working| working.stopped)
    }

    /// Stops a session or command; its end follows as a fact. One that does not run is left alone.
    pub(super) fn stop(&self, key: &WorkKey, why: StopWhy) {
        if let Some(working) = self.working.borrow_mut().get_mut(key) {
            working.stopped.get_or_insert(why);
            match working.kind {
                ChildKind::Command => self.children.stop(working.child, Stop::Term),
                ChildKind::Host => match serde_json::to_string(&HostOrder::Stop { why }) {
                    Ok(line) => self.children.write(working.child, line),
                    Err(_) => self.children.stop(working.child, Stop::Term),
                },
            }
        }
    }

    /// The secrets that a task lists.
    pub(super) fn secrets_of(&self, task: &TaskId) -> Vec<(String, String)> {
        self.setting.secrets.given_to(&self.setting.plan(), task).collect()
    }

    /// Variables with the secrets that a task lists.
    pub(super) fn with_secrets(&self, mut env: BTreeMap<String, String>, task: &TaskId) -> BTreeMap<String, String> {
        env.extend(self.secrets_of(task));
        env
    }

    /// What every child of a task is told by its environment.
    fn task_env(&self, key: &WorkKey, path: &Path, mut env: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let own = [
            ("AI_SDLC_RUN", self.setting.run.to_string()),
            ("AI_SDLC_TASK", key.task.to_string()),
            ("AI_SDLC_ATTEMPT", key.attempt.to_string()),
            ("AI_SDLC_ROUND", key.round.to_string()),
            ("AI_SDLC_WORKSPACE", path.display().to_string()),
        ];
        let artifacts = self.artifacts_folder(&key.task);
        let artifacts = artifacts.map(|folder| ("AI_SDLC_ARTIFACTS", folder.display().to_string()));
        let unscripted = self.setting.place.kind == PlaceKind::ScratchWithoutChecks;
        let rehearsal = unscripted.then(|| (REHEARSAL, "1".to_owned()));
        env.extend(own.into_iter().chain(artifacts).chain(rehearsal).map(|(name, value)| (name.to_owned(), value)));
        env
    }
}

/// A folder of the run's own as a place to exchange files.
fn run_folder(work_dir: &Path) -> Result<Exchange, WorkspaceError> {
    fs::create_dir_all(work_dir).map_err(|source| WorkspaceError::File {
        doing: "make",
        path: work_dir.to_owned(),
        source,
    })?;
    Exchange::make(work_dir, Path::new(EXCHANGE_FOLDER))
}

/// Writes what is handed to a task, and says where.
fn hand_in(exchange: &Exchange, handoffs: &str) -> Result<Option<(String, String)>, WorkspaceError> {
    if handoffs.is_empty() {
        return Ok(None);
    }
    exchange.write("handoff-in.md", handoffs)?;
    Ok(Some(("AI_SDLC_HANDOFF_IN".to_owned(), exchange.path("handoff-in.md").display().to_string())))
}

/// Which work a child does, for a later engine.
pub(in crate::driver) fn label(key: &WorkKey) -> String {
    format!("{}/{}/{}", key.task.path_name(), key.attempt, key.session)
}

/// Reads what a session left as its durable result.
pub(in crate::driver) fn read_result(path: &Path) -> Option<WorkEnd> {
    serde_json::from_slice(&read_bounded(path, RESULT_LIMIT)?).ok()
}

/// Reads the outputs that a command left. What must not be seen is taken out of the file, too.
pub(in crate::driver) fn read_outputs(path: &Path, mask: &Mask) -> Option<String> {
    let mut text = String::from_utf8_lossy(&read_bounded(path, OUTPUTS_LIMIT)?).into_owned();
    if mask.finds(text.as_bytes()) {
        mask.hide(&mut text);
        fs::write(path, &text).ok()?;
    }
    Some(text)
}

/// How a command ended, as the kernel takes it.
pub(in crate::driver) fn command_end(end: ChildEnd, stopped: Option<StopWhy>, outputs: Option<String>) -> WorkEnd {
    let how = end.kind(stopped);
    let ChildEnd { ran, tail, truncated, swept, .. } = end;
    WorkEnd { outputs, truncated, swept, ..plain_end(how, ran, tail) }
}

fn not_started(key: WorkKey, why: String) -> Fact {
    let end = plain_end(EndKind::NotStarted { why }, Millis::ZERO, String::new());
    Fact::WorkEnded { key, end: Box::new(end) }
}

/// An end of which nothing more is known: a command's, a lost host's.
pub(in crate::driver) fn plain_end(how: EndKind, duration: Millis, tail: String) -> WorkEnd {
    WorkEnd {
        how,
        duration,
        usage: Usage::NONE,
        conversation: None,
        handoffs: Vec::new(),
        outputs: None,
        tail,
        denied: Vec::new(),
        activity: Activity::Acted,
        truncated: false,
        swept: 0,
        model: None,
        version: None,
    }
}
