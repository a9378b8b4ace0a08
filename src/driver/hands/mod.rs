//! The hands of the engine: they carry out effects, each as a small asynchronous task that ends in a fact.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use crate::amount::Millis;
use crate::driver::children::{ChildEnd, Children};
use crate::driver::drive::Report;
use crate::driver::environment::find_program;
use crate::driver::guard::{ChildId, ChildKind, ProcessEnd, Spawn, Stop};
use crate::driver::secrets::masked;
use crate::driver::setting::Setting;
use crate::handoff::CheckVerdict;
use crate::kernel::effect::Effect;
use crate::kernel::event::Event;
use crate::kernel::fact::{Fact, WorkEnd, WorkKey};
use crate::name::{Attempt, CommitId, TaskId};
use crate::plan::argv::Argv;
use crate::session::sandbox;

mod cache;
mod forecast;
mod gate;
mod keep;
mod merge;
mod notify;
mod place;
mod record;
mod review;
mod room;
mod save;
mod tools;
pub(super) mod work;

/// Carries out effects.
#[derive(Debug)]
pub struct Hands {
    setting: Arc<Setting>,
    children: Children,
    facts: UnboundedSender<Report>,
    working: RefCell<HashMap<WorkKey, work::Working>>,
    /// Where attempts work.
    places: RefCell<HashMap<(TaskId, Attempt), PathBuf>>,
    /// Their last snapshots.
    saved: RefCell<HashMap<(TaskId, Attempt), Option<CommitId>>>,
    /// What the tasks before them in their worktrees had made.
    since: RefCell<HashMap<(TaskId, Attempt), CommitId>>,
    /// Commands that were not found in the cache, and what they run on.
    uncached: RefCell<HashMap<(TaskId, Attempt), cache::Uncached>>,
    /// Held by who fills the cache: until then no workspace goes.
    filling: tokio::sync::Mutex<()>,
    /// What goes on beside the run.
    beside: notify::Beside,
    /// How many notifications there were.
    notices: Cell<u32>,
    /// How often gates have asked.
    opened: RefCell<BTreeMap<TaskId, u32>>,
    /// Attempts taken over from an earlier engine: a check of it may have left changes behind.
    taken_over: RefCell<HashSet<(TaskId, Attempt)>>,
    /// Attempts in whose worktree something began after the last snapshot: what is there may be saved nowhere.
    unsaved: RefCell<HashSet<(TaskId, Attempt)>>,
    /// Ends of commands that ran before the journal knew of them, by label.
    early: RefCell<BTreeMap<String, WorkEnd>>,
}

/// What an earlier engine left that is no part of the run's state.
#[derive(Debug, Default)]
pub struct Earlier {
    /// Ends of commands that it started and did not get to record, by label.
    pub early: BTreeMap<String, WorkEnd>,
    /// How often gates have asked.
    pub opened: BTreeMap<TaskId, u32>,
}

/// What the children of a task are told by the run's state.
#[derive(Debug, Clone, Default)]
pub struct Briefing {
    /// Variables: inputs, what upstream handed over, the task's own.
    pub env: BTreeMap<String, String>,
    /// The handoff documents that open a session, as one text; empty where there is none.
    pub handoffs: String,
    /// The same one by one, for the tools of a session.
    pub documents: Vec<(TaskId, String)>,
}

/// A command about to be run for the engine: a check, a setup.
#[derive(Debug)]
struct Errand<'a> {
    /// Whose it is; `None`: the run's.
    task: Option<&'a TaskId>,
    command: &'a Argv,
    cwd: &'a Path,
    env: BTreeMap<String, String>,
    output_dir: PathBuf,
    timeout: Option<Millis>,
}

impl Hands {
    /// Hands of a run; what they find out goes to `facts`.
    pub fn new(setting: Setting, children: Children, facts: UnboundedSender<Report>, earlier: Earlier) -> Self {
        let Earlier { early, opened } = earlier;
        Self {
            setting: Arc::new(setting),
            children,
            facts,
            working: RefCell::default(),
            places: RefCell::default(),
            saved: RefCell::default(),
            since: RefCell::default(),
            uncached: RefCell::default(),
            filling: tokio::sync::Mutex::new(()),
            beside: notify::Beside::default(),
            notices: Cell::new(0),
            opened: RefCell::new(opened),
            taken_over: RefCell::default(),
            unsaved: RefCell::default(),
            early: RefCell::new(early),
        }
    }

    /// Tells where an attempt of an earlier engine works and what was last saved of it.
    pub fn remember(&self, of: (TaskId, Attempt), path: PathBuf, saved: Option<CommitId>) {
        self.places.borrow_mut().insert(of.clone(), path);
        self.taken_over.borrow_mut().insert(of.clone());
        self.unsaved.borrow_mut().insert(of.clone());
        self.saved.borrow_mut().insert(of, saved);
    }

    /// A fact without secrets.
    pub fn masked(&self, fact: Fact) -> Fact {
        masked(&self.setting.mask, fact)
    }

    /// Takes in what an event adds to the plan.
    pub fn follow(&self, event: &Event) {
        self.setting.plan.follow(event);
        self.count_gate(event);
    }

    /// The children they start.
    pub fn children(&self) -> &Children {
        &self.children
    }

    /// Begins to carry an effect out. What comes of it is told as a fact.
    pub fn carry_out(self: &Rc<Self>, effect: Effect, briefing: Briefing) {
        let hands = Rc::clone(self);
        match effect {
            Effect::PrepareWorkspace { task, attempt, from } => self.spawn(hands.prepare(task, attempt, from)),
            Effect::Setup { task, attempt, index } => self.spawn(hands.set_up((task, attempt), index, briefing)),
            Effect::StartSession(start) => {
                tokio::task::spawn_local(hands.session(*start, briefing));
            }
            Effect::StartCommand { key, command, path } => {
                tokio::task::spawn_local(hands.command(key, command, (path, briefing)));
            }
            Effect::StopWork { key, why } => self.stop(&key, why),
            Effect::StopCommands { task } => self.children.stop_of(&task, Stop::Term),
            Effect::Snapshot { task, attempt, session: _, since } => self.spawn(hands.snapshot(task, attempt, since)),
            Effect::Check { task, attempt, round, index, command } => {
                let at = record::CheckAt { task, attempt, round, index };
                self.spawn(hands.check(at, command, briefing));
            }
            Effect::MakeCandidate { batch } => self.spawn(hands.make_candidate(batch)),
            Effect::PrepareCandidate { candidate } => self.spawn(hands.prepare_candidate(candidate)),
            Effect::MergeCheck { candidate, index, command } => {
                self.spawn(hands.merge_check(candidate, index, command));
            }
            Effect::MoveIntegration { candidate, from } => self.spawn(hands.move_integration(candidate, from)),
            Effect::MakeDelivery => self.spawn(hands.make_delivery()),
            Effect::Deliver { commit } => self.spawn(hands.deliver(commit)),
            Effect::CloseWorkspace { task, attempt, keep } => self.spawn(hands.close(task, attempt, keep)),
            Effect::ShowDiff { task, attempt, base, commit } => {
                self.spawn(hands.show_diff((task, attempt), (base, commit)));
            }
            Effect::AskGate { task, question: _, binding } => hands.answer_gate(task, binding),
            Effect::LookUpCache { task, attempt, command } => {
                self.spawn(hands.look_up_cache((task, attempt), command, briefing));
            }
            Effect::FillCache { task, attempt, command: _, outputs } => {
                tokio::task::spawn_local(hands.fill_cache(task, attempt, outputs));
            }
            Effect::KeepArtifacts { task, attempt } => self.spawn(hands.keep_artifacts(task, attempt)),
            Effect::TryMerges { tries } => self.spawn(hands.try_merges(tries)),
            Effect::WakeAt(_) | Effect::Finish => {}
        }
    }

    /// Runs to its fact and tells it.
    fn spawn(&self, work: impl Future<Output = Fact> + 'static) {
        let facts = self.facts.clone();
        tokio::task::spawn_local(async move {
            let fact = work.await;
            if let Some(fault) = room::fault_before(&fact) {
                let _engine_gone = facts.send(fault.into());
            }
            let _engine_gone = facts.send(fact.into());
        });
    }

    fn tell(&self, fact: Fact) {
        let _engine_gone = self.facts.send(fact.into());
    }

    fn tell_end(&self, fact: Fact, child: ChildId) {
        let _engine_gone = self.facts.send(Report { fact, ended: Some(child) });
    }

    /// Runs git work on a thread of its own; a panic there is told as a failure of this piece of work.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Setting) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let setting = Arc::clone(&self.setting);
        match tokio::task::spawn_blocking(move || work(&setting)).await {
            Ok(done) => done,
            Err(error) => Err(format!("an internal task failed: {error}")),
        }
    }

    /// What a command needs to be spawned by the guard.
    fn spawn_order(&self, errand: Errand<'_>) -> Result<Spawn, String> {
        let Errand { task: _, command, cwd, env, output_dir, timeout } = errand;
        let (program, args) = match command {
            Argv::Exec(argv) => {
                let (program, args) = argv.split_first().ok_or("the command is empty")?;
                (program.as_str(), args.to_vec())
            }
            Argv::Shell(text) => ("sh", vec!["-c".to_owned(), text.clone()]),
        };
        let path = env.get("PATH").map(String::as_str).or_else(|| self.setting.path());
        let program = find_program(program, path, cwd)
            .ok_or_else(|| format!("`{program}` was not found as a program (searched the PATH of the task)"))?;
        Ok(Spawn {
            child: self.children.next_id(),
            kind: ChildKind::Command,
            program,
            args,
            cwd: cwd.to_owned(),
            env,
            label: String::new(),
            stdin: None,
            output_dir,
            output_limit: self.setting.output_limit,
            mask: self.setting.mask.clone(),
            timeout,
            writable: self.setting.confines.of_command([Some(cwd)]),
        })
    }

    /// Runs a command to its end.
    async fn errand(&self, errand: Errand<'_>) -> Result<ChildEnd, String> {
        let task = errand.task.cloned();
        let mut spawn = self.spawn_order(errand)?;
        if let Some(task) = &task {
            spawn.env.insert("AI_SDLC_TASK".to_owned(), task.to_string());
        }
        if let (Some(writable), Some(artifacts)) = (&mut spawn.writable, spawn.env.get("AI_SDLC_ARTIFACTS")) {
            writable.push(PathBuf::from(artifacts));
        }
        let id = spawn.child;
        let ended = self.children.spawn(spawn, task).ended().await;
        self.children.recorded(id);
        ended.map(|end| self.explained(end))
    }

    /// An end with what it may have come of, where the sandbox may have refused something.
    fn explained(&self, mut end: ChildEnd) -> ChildEnd {
        if self.setting.confines.is_on() && end.end != ProcessEnd::Exited(0) {
            sandbox::explain(&mut end.tail);
        }
        end
    }
}

/// An ended check or setup, as the kernel takes it: verdict, running time, last lines.
fn verdict(ended: Result<ChildEnd, String>) -> (CheckVerdict, Millis, String) {
    match ended {
        Ok(ChildEnd { end, ran, tail, .. }) => {
            let verdict = match end {
                ProcessEnd::Exited(0) => CheckVerdict::Passed,
                ProcessEnd::Exited(code) => CheckVerdict::Exited(code),
                ProcessEnd::Signalled(signal) => CheckVerdict::Signalled(signal),
                ProcessEnd::TimedOut => CheckVerdict::TimedOut,
                ProcessEnd::Stopped => CheckVerdict::Signalled(15),
            };
            (verdict, ran, tail)
        }
        Err(why) => (CheckVerdict::NotStarted, Millis::ZERO, why),
    }
}
