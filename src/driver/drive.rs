//! The loop: facts in, events to the journal, effects out. It decides nothing.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use crate::amount::At;
use crate::driver::adopt::Adopted;
use crate::driver::children::Children;
use crate::driver::clock::Clock;
use crate::driver::commit::{Batch, Committed, Committer};
use crate::driver::guard::{ChildId, GuardReport, Stop};
use crate::driver::hands::{Briefing, Earlier, Hands};
use crate::driver::setting::Setting;
use crate::driver::stopping::{Rung, Stopping};
use crate::driver::survivors;
use crate::journal::inbox::Pace;
use crate::journal::{Journal, JournalError};
use crate::kernel::Run;
use crate::kernel::effect::Effect;
use crate::kernel::fact::{Attended, Began, Fact, GateAnswer, StopCause};
use crate::name::{RoleName, RunId, TaskId};
use crate::plan::render;

/// How long events that nothing waits for may wait for more: a sync costs as much for one as for a hundred.
const LINGER: Duration = Duration::from_millis(5);

/// After the engine let go, the guard has this long to end what is left and to leave.
const GUARD_LEAVES: Duration = Duration::from_secs(5);

/// How long what goes on beside a run may hold its end up.
const BESIDE_TAKES: Duration = Duration::from_secs(40);

/// A fact, and the child whose end it tells, where it does.
#[derive(Debug)]
pub struct Report {
    /// The fact.
    pub fact: Fact,
    /// The child whose end this is: the guard forgets it once the fact's events are durable.
    pub ended: Option<ChildId>,
}

impl From<Fact> for Report {
    fn from(fact: Fact) -> Self {
        Self { fact, ended: None }
    }
}

/// What comes from outside while a run is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Stop, gently; asked a second time, at once.
    Stop(StopCause),
    /// Stop at once.
    Kill(StopCause),
    /// Begin nothing new.
    Pause {
        /// Who asks.
        by: String,
    },
    /// Stop one task.
    Cancel {
        /// Which.
        task: TaskId,
        /// Who asks.
        by: String,
        /// How.
        pace: Pace,
    },
    /// Try a task again.
    Retry {
        /// Which.
        task: TaskId,
        /// Who asks.
        by: String,
    },
    /// Let a next session go on with a task.
    HandOff {
        /// Which.
        task: TaskId,
        /// In which role; `None`: the same.
        to: Option<RoleName>,
        /// Who asks.
        by: String,
    },
    /// A gate was answered.
    Answer(GateAnswer),
    /// Who can answer gates has changed.
    Attend(Attended),
}

/// How driving ended.
#[derive(Debug)]
pub struct Driven {
    /// The run as it stands.
    pub run: Run,
    /// Why it stands still, where the journal or the guard failed.
    pub fault: Option<Fault>,
    /// What it was asked to stop for, where it was.
    pub stopped: Option<StopCause>,
    /// The person asked a second time: everything was killed at once.
    pub killed: bool,
}

/// Why the engine could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The journal takes no more events.
    #[error("the journal of this run could not be written")]
    Journal(#[source] JournalError),
    /// The thread that writes the journal ended by itself.
    #[error("the thread that writes the journal of this run ended")]
    Committer,
    /// The guard died.
    #[error("the guard of this run died: {0}")]
    Guard(String),
}

/// All that driving needs besides the run.
#[derive(Debug)]
pub struct Reins {
    /// What does not change.
    pub setting: Setting,
    /// Both clocks.
    pub clock: Clock,
    /// Takes the events.
    pub journal: Journal,
    /// All children.
    pub children: Children,
    /// What the guard reports.
    pub reports: UnboundedReceiver<GuardReport>,
    /// What a person asks.
    pub asks: UnboundedReceiver<Ask>,
    /// Told every event once it is durable.
    pub watcher: UnboundedSender<Batch>,
    /// Results that an earlier engine's sessions and commands left.
    pub adopted: Adopted,
    /// How often gates have asked before.
    pub opened: BTreeMap<TaskId, u32>,
    /// What a person should know of how this engine began.
    pub notes: Vec<String>,
}

/// Drives a run until it has ended or stands still. To be called on a `LocalSet`.
pub async fn drive(run: Run, began: Began, reins: Reins) -> std::io::Result<Driven> {
    let Reins { setting, clock, journal, children, mut reports, mut asks, watcher, adopted, opened, notes } = reins;
    let (id, sandbox) = (setting.run.clone(), setting.confines.clone());
    let (committer, mut committed) = Committer::start(journal)?;
    let (facts, mut told) = unbounded_channel();
    let hands = Rc::new(Hands::new(setting, children.clone(), facts, Earlier { early: adopted.early, opened }));
    let mut engine = Engine::new(run, clock, hands, committer, watcher);
    engine.remember_places();
    engine.take(Fact::Began(began).into());
    engine.take(Fact::Sandboxed(sandbox.told).into());
    for text in sandbox.notes.into_iter().chain(notes) {
        engine.take(Fact::Noted { text }.into());
    }
    for (key, end) in adopted.ends {
        if adopted.reviews.contains(&key) {
            engine.hands.put_back_after_review(key, end);
        } else {
            engine.take(Fact::WorkEnded { key, end: Box::new(end) }.into());
        }
    }
    while !engine.is_done() {
        engine.flush_due();
        tokio::select! {
            biased;
            done = committed.recv() => engine.committed(done.unwrap_or(Committed::Stopped)),
            Some(report) = told.recv() => engine.take(report),
            Some(report) = reports.recv() => engine.reported(report),
            Some(ask) = asks.recv() => engine.asked(ask),
            () = until(engine.next_alarm()) => engine.alarm(),
        }
        while let Ok(report) = reports.try_recv() {
            engine.reported(report);
        }
        tokio::task::yield_now().await;
        while let Ok(report) = told.try_recv() {
            engine.take(report);
        }
    }
    engine.settle((&mut reports, &mut told, &mut asks)).await;
    engine.flush();
    drop(engine.committer);
    // What became durable after everything was killed, its end above all.
    while let Ok(Committed::Durable(batch)) = committed.try_recv() {
        let _nobody_watches = engine.watcher.send(batch);
    }
    let driven =
        Driven { run: engine.run, fault: engine.fault, stopped: engine.stop.cause, killed: engine.stop.killed };
    drop(engine.hands);
    leave(&children, &mut reports, &id).await;
    Ok(driven)
}

/// Lets the guard go and waits until nothing of the run is running.
async fn leave(children: &Children, reports: &mut UnboundedReceiver<GuardReport>, run: &RunId) {
    children.leave();
    let gone = async {
        while let Some(report) = reports.recv().await {
            if matches!(report, GuardReport::Gone { .. }) {
                break;
            }
        }
    };
    if tokio::time::timeout(GUARD_LEAVES, gone).await.is_err() {
        tracing::warn!("the guard did not leave in time");
    }
    survivors::sweep(run, survivors::Patience::None).await;
}

async fn until(alarm: Option<Instant>) {
    match alarm {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What is heard from: the guard, the hands, and who asks.
type Ears<'a> =
    (&'a mut UnboundedReceiver<GuardReport>, &'a mut UnboundedReceiver<Report>, &'a mut UnboundedReceiver<Ask>);

struct Engine {
    run: Run,
    clock: Clock,
    hands: Rc<Hands>,
    committer: Committer,
    watcher: UnboundedSender<Batch>,
    batch: Batch,
    /// When `batch` must be handed over at the latest.
    due: Option<Instant>,
    /// Events handed to the committer or waiting in `batch`, and those of them that are durable.
    remembered: u64,
    durable: u64,
    /// Guarded effects and the count of events that must be durable before each.
    held: VecDeque<(u64, Effect)>,
    /// Ended children and the count of events that must be durable before the guard may forget each.
    unrecorded: VecDeque<(u64, ChildId)>,
    wake: Option<Instant>,
    stop: Stopping,
    finished: bool,
    abandoned: bool,
    fault: Option<Fault>,
}

impl Engine {
    fn new(run: Run, clock: Clock, hands: Rc<Hands>, committer: Committer, watcher: UnboundedSender<Batch>) -> Self {
        Self {
            run,
            clock,
            hands,
            committer,
            watcher,
            batch: Batch::new(),
            due: None,
            remembered: 0,
            durable: 0,
            held: VecDeque::new(),
            unrecorded: VecDeque::new(),
            wake: None,
            stop: Stopping::default(),
            finished: false,
            abandoned: false,
            fault: None,
        }
    }

    fn is_done(&self) -> bool {
        self.abandoned || (self.finished && self.durable == self.remembered)
    }

    fn take(&mut self, report: Report) {
        let now = self.clock.now();
        let step = self.run.step(self.hands.masked(report.fact), now);
        for event in &step.events {
            self.hands.follow(event);
        }
        self.remembered += u64::try_from(step.events.len()).unwrap_or(0);
        self.batch.extend(step.events.into_iter().map(|event| (now.wall, event)));
        if !self.batch.is_empty() {
            self.due.get_or_insert_with(|| Instant::now() + LINGER);
        }
        if let Some(child) = report.ended {
            self.unrecorded.push_back((self.remembered, child));
        }
        for effect in step.effects {
            if let Effect::WakeAt(at) = effect {
                self.wake = Some(instant_of(at, now));
            } else if effect.is_guarded() {
                self.held.push_back((self.remembered, effect));
            } else {
                self.carry_out(effect);
            }
        }
        self.release();
    }

    fn carry_out(&self, effect: Effect) {
        let briefing = match &effect {
            Effect::StartSession(start) => self.briefing(&start.key.task),
            Effect::StartCommand { key, .. } if self.run.reads_of_agents(&key.task) => self.briefing(&key.task),
            Effect::StartCommand { key, .. } => self.variables(&key.task),
            Effect::LookUpCache { task, .. } | Effect::Setup { task, .. } | Effect::Check { task, .. } => {
                self.variables(task)
            }
            Effect::PrepareWorkspace { .. }
            | Effect::StopWork { .. }
            | Effect::StopCommands { .. }
            | Effect::ShowDiff { .. }
            | Effect::AskGate { .. }
            | Effect::FillCache { .. }
            | Effect::KeepArtifacts { .. }
            | Effect::Snapshot { .. }
            | Effect::MakeCandidate { .. }
            | Effect::PrepareCandidate { .. }
            | Effect::MergeCheck { .. }
            | Effect::MoveIntegration { .. }
            | Effect::MakeDelivery
            | Effect::TryMerges { .. }
            | Effect::Deliver { .. }
            | Effect::CloseWorkspace { .. }
            | Effect::WakeAt(_)
            | Effect::Finish => Briefing::default(),
        };
        self.hands.carry_out(effect, briefing);
    }

    fn briefing(&self, task: &TaskId) -> Briefing {
        let documents = self.run.handoff_documents(task);
        let texts: Vec<&str> = documents.iter().map(|(_, text)| text.as_str()).collect();
        Briefing { handoffs: texts.join("\n"), documents, ..self.variables(task) }
    }

    fn variables(&self, task: &TaskId) -> Briefing {
        let env = render::environment(self.run.plan(), self.run.id(), task, self.run.outputs());
        Briefing { env, ..Briefing::default() }
    }

    /// Tells the hands where attempts of an earlier engine work.
    fn remember_places(&self) {
        for place in self.run.places() {
            self.hands.remember((place.task, place.attempt), place.path, place.saved);
        }
    }

    /// Hands over what is to be durable, unless nothing waits for it and more may come.
    fn flush_due(&mut self) {
        let may_wait = self.held.is_empty() && self.due.is_some_and(|due| due > Instant::now());
        if !may_wait {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.due = None;
            self.committer.send(std::mem::take(&mut self.batch));
        }
    }

    fn committed(&mut self, committed: Committed) {
        match committed {
            Committed::Durable(batch) => {
                self.durable += u64::try_from(batch.len()).unwrap_or(0);
                for (_, event) in &batch {
                    self.hands.notify(event);
                }
                let _nobody_watches = self.watcher.send(batch);
                self.release();
            }
            Committed::Failed(error) => self.give_up(Fault::Journal(error)),
            Committed::Stopped => self.give_up(Fault::Committer),
        }
    }

    /// Lets go of what waited for events that are durable now.
    fn release(&mut self) {
        while let Some(effect) = pop_due(&mut self.held, self.durable) {
            if effect == Effect::Finish {
                self.finished = true;
            } else {
                self.carry_out(effect);
            }
        }
        while let Some(child) = pop_due(&mut self.unrecorded, self.durable) {
            self.hands.children().recorded(child);
        }
    }

    fn reported(&mut self, report: GuardReport) {
        if let Some(why) = self.hands.children().route(report) {
            self.give_up(Fault::Guard(why));
        }
    }

    /// Waits for what goes on beside the run, within bounds, unless the person wants it to stop.
    async fn settle(&mut self, ears: Ears<'_>) {
        let (reports, told, asks) = ears;
        let until = Instant::now() + BESIDE_TAKES;
        while self.hands.is_busy() && self.fault.is_none() && !self.stop.killed {
            let hands = Rc::clone(&self.hands);
            tokio::select! {
                () = hands.something_is_over() => {}
                Some(report) = reports.recv() => self.reported(report),
                Some(_) = told.recv() => {}
                Some(_) = asks.recv() => return,
                () = sleep_until(until) => {
                    tracing::warn!("notifications of this run took too long");
                    return;
                }
            }
        }
    }

    fn give_up(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
        self.abandoned = true;
    }

    fn asked(&mut self, ask: Ask) {
        match ask {
            // A second wish from elsewhere is the same wish; at once is a wish of its own.
            Ask::Stop(StopCause::Aborted) if self.stop.cause.is_some() => {}
            Ask::Stop(cause) => self.asked_to_stop(cause),
            Ask::Kill(cause) => {
                if self.stop.cause.is_none() {
                    self.asked_to_stop(cause);
                }
                self.asked_to_stop(cause);
            }
            Ask::Pause { by } => self.take(Fact::Pause { by }.into()),
            Ask::Cancel { task, by, pace } => {
                self.take(Fact::Cancel { task: task.clone(), by }.into());
                if pace == Pace::AtOnce {
                    self.hands.children().stop_of(&task, Stop::Kill);
                }
            }
            Ask::Retry { task, by } => self.take(Fact::Retry { task, by }.into()),
            Ask::HandOff { task, to, by } => self.take(Fact::HandOff { task, to, by }.into()),
            Ask::Answer(given) => {
                let GateAnswer { task, answer, message, by, binding } = given;
                self.take(Fact::Answered { task, answer, message, by, binding }.into());
            }
            Ask::Attend(attended) => self.take(Fact::Attended(attended).into()),
        }
    }

    fn asked_to_stop(&mut self, cause: StopCause) {
        if self.stop.begin(cause) {
            return self.take(Fact::Stop(cause).into());
        }
        self.take(Fact::Killed(cause).into());
        self.abandoned = true;
        self.hands.children().stop_all(Stop::Kill, |_| false);
    }

    fn next_alarm(&self) -> Option<Instant> {
        [self.wake, self.stop.next(), self.due].into_iter().flatten().min()
    }

    fn alarm(&mut self) {
        let now = Instant::now();
        match self.stop.due(now) {
            Some(Rung::Term) => self.signal(Stop::Term, Signal::TERM),
            Some(Rung::Kill) => self.signal(Stop::Kill, Signal::KILL),
            Some(Rung::Leave) if self.run.cleans_up() => self.stop.look_again(now),
            Some(Rung::Leave) => self.abandoned = true,
            None => {}
        }
        if self.wake.is_some_and(|at| at <= now) {
            self.wake = None;
            self.take(Fact::Tick.into());
        }
    }

    /// Signals all that is not clean-up. What the engine does itself, such as git, is the run's: where only clean-up is
    /// left, it is for that.
    fn signal(&self, how: Stop, signal: Signal) {
        let is_spared = |task: &TaskId| self.run.outlives_stop(task);
        self.hands.children().stop_all(how, is_spared);
        let cleans_up = self.run.cleans_up();
        survivors::signal_all(self.run.id(), signal, |task| task.map_or(cleans_up, is_spared));
    }
}

fn instant_of(at: At, now: At) -> Instant {
    Instant::now() + at.mono.saturating_sub(now.mono).to_duration()
}

/// The first of what waits, if as many events are durable as it waits for.
fn pop_due<T>(waiting: &mut VecDeque<(u64, T)>, durable: u64) -> Option<T> {
    waiting.front().filter(|(needed, _)| *needed <= durable)?;
    waiting.pop_front().map(|(_, what)| what)
}
