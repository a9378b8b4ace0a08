//! What limits and failures of agents lead to: waits that their sessions share, and the circuit breaker. A task whose
//! agent cannot be asked gives its slot back and keeps all else: attempt, worktree, locks and conversation.

use crate::amount::{Millis, WallTime};
use crate::kernel::Run;
use crate::kernel::event::{Event, Failure, FailureClass, LimitBy, Outcome, SessionKind};
use crate::kernel::fact::{Fault, Reset, WorkKey};
use crate::kernel::graph::TaskNo;
use crate::kernel::health::{Health, Standing, TOO_MANY, Told, What};
use crate::kernel::inflight::Job;
use crate::kernel::order::Hold;
use crate::kernel::retry;
use crate::kernel::step::Turn;
use crate::name::AgentName;
use crate::plan::TaskKind;

/// The first wait after a limit of which nobody said how long it lasts, and the longest.
const LIMIT: Millis = Millis::from_secs(15);
const LONGEST_LIMIT: Millis = Millis::from_mins(15);

/// However far away a moment is that a service names, it is asked again after this.
const FARTHEST: Millis = Millis::from_mins(8 * 24 * 60);

/// The least wait after a limit that is said to be over at once, and after many of them.
const LEAST: Millis = Millis::from_secs(1);
const LONGEST_LEAST: Millis = Millis::from_mins(1);

/// The first wait after a failure of the service.
const FALTER: Millis = Millis::from_secs(5);

/// How long an agent is taken out first.
const SUSPENSION: Millis = Millis::from_secs(30);

/// While the clock on the wall may end a wait, it is looked at so often: a machine may have slept.
const LOOK: Millis = Millis::from_mins(1);

/// An agent of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AgentNo(usize);

impl Run {
    /// The agent of a task's sessions of this kind.
    pub(crate) fn agent_of(&self, t: TaskNo, kind: SessionKind) -> Option<&AgentName> {
        let task = self.task(t).1;
        match (kind, &task.kind) {
            (SessionKind::Review, _) => task.review.as_ref().map(|review| &review.agent),
            (SessionKind::Work, TaskKind::Agent(work)) => Some(&work.agent),
            (
                SessionKind::Work,
                TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_),
            ) => None,
        }
    }

    /// What the session is for that begins next.
    pub(crate) fn next_session(&self, t: TaskNo) -> SessionKind {
        self.state.running(t).map_or(SessionKind::Work, |running| running.phase.next_session())
    }

    /// The agent of that.
    pub(crate) fn next_agent(&self, t: TaskNo) -> Option<&AgentName> {
        self.agent_of(t, self.next_session(t))
    }

    /// The agent that keeps a task from going on, or from beginning.
    pub(crate) fn away(&self, t: TaskNo) -> Option<AgentNo> {
        if self.state.agents.is_empty() {
            return None;
        }
        let agent = self.next_agent(t)?;
        let health = self.state.agents.get(agent)?;
        if health.lets(t) { None } else { self.plan.agents.keys().position(|other| other == agent).map(AgentNo) }
    }

    pub(crate) fn agent(&self, agent: AgentNo) -> Option<(&AgentName, Option<&Health>)> {
        let name = self.plan.agents.keys().nth(agent.0)?;
        Some((name, self.state.agents.get(name)))
    }

    /// Whether what waited for an agent need not wait any more: it can be asked, or nothing is to be hoped for.
    pub(crate) fn is_back(&self, agent: AgentNo) -> bool {
        let health = self.agent(agent).and_then(|(_, health)| health);
        self.winds_up()
            || self.state.exceeded
            || health.is_none_or(|health| match &health.standing {
                Standing::Well | Standing::Out | Standing::Tried { by: None } => true,
                Standing::Tried { by: Some(_) } | Standing::Waits(_) | Standing::Suspended(_) => false,
            })
    }

    /// Why an agent cannot be asked, for people.
    pub(crate) fn why_away(&self, agent: AgentNo, now: WallTime) -> String {
        let Some((name, Some(health))) = self.agent(agent) else { return "its agent can be asked again".to_owned() };
        let why = &health.why;
        match &health.standing {
            Standing::Waits(wait) => {
                let what = if health.limits > 0 { "is limited" } else { "does not answer" };
                format!("`{name}`, which {what}: it is asked again in {} ({why})", wait.left(now))
            }
            Standing::Suspended(wait) => {
                format!("`{name}`, which is taken out: it is tried again in {} ({why})", wait.left(now))
            }
            Standing::Tried { .. } => format!("`{name}`, which is tried with one session first ({why})"),
            Standing::Out => format!("`{name}`, which is taken out ({why})"),
            Standing::Well => format!("`{name}`"),
        }
    }
}

impl Turn<'_> {
    /// Makes of what a session told of its agent what it leads to. True where there was something.
    pub(crate) fn settle_agents(&mut self) -> bool {
        if self.run.state.agents.is_empty() || self.run.state.over.is_some() {
            return false;
        }
        let open = |(agent, health): (&AgentName, &Health)| Some((agent.clone(), health.open.clone()?));
        let Some((agent, told)) = self.run.state.agents.iter().find_map(open) else { return false };
        match told.what {
            What::Works => self.emit(Event::AgentBack { agent }),
            What::Limited(reset) => self.limit(&agent, &told, reset),
            What::Faltered | What::Failed | What::Misconfigured => self.take_out(&agent, told),
        }
        true
    }

    /// The program says that it tries again by itself: others of its kind need not run into the same limit.
    pub(crate) fn retrying(&mut self, key: &WorkKey, fault: Fault, why: String) {
        let Some(t) = self.current_work(key) else { return };
        self.progress(key, format!("tries again: {why}"));
        let Fault::Limited { reset } = fault else { return };
        let kind = self.running(t).map_or(SessionKind::Work, |running| running.kind);
        let Some(agent) = self.run.agent_of(t, kind).cloned() else { return };
        let (task, attempt, at) = (key.task.clone(), key.attempt, self.now.wall);
        let health = self.run.state.agents.get(&agent);
        let until = health.and_then(Health::wait).map_or(at, |wait| wait.until);
        let told = Told { task, attempt, at, what: What::Limited(reset), why };
        // Each try of its own is told; only what makes the wait longer is news.
        let (wait, _) = self.limit_wait(&agent, &told, reset);
        if at.plus(wait) > until.plus(LEAST) {
            self.limit(&agent, &told, reset);
        }
    }

    /// So many limits in a row, this one included. Sessions that run into the same one together count once.
    fn limits_in_a_row(&self, agent: &AgentName) -> u32 {
        let Some(health) = self.run.state.agents.get(agent) else { return 1 };
        let same = matches!(health.standing, Standing::Waits(_)) && health.limits > 0;
        if same { health.limits } else { health.limits.saturating_add(1) }
    }

    fn limit_wait(&self, agent: &AgentName, told: &Told, reset: Reset) -> (Millis, LimitBy) {
        let times = self.limits_in_a_row(agent);
        let seed = [self.run.id.as_str(), agent.as_str(), &times.to_string()];
        let before = times.saturating_sub(1);
        let least = retry::doubled(LEAST, before).min(LONGEST_LEAST);
        let (length, by) = match reset {
            Reset::Untold => return (retry::jittered(LIMIT, before, &seed).min(LONGEST_LIMIT), LimitBy::BackOff),
            Reset::After { wait } => (wait, LimitBy::Wait),
            Reset::At { wall } => (wall.since(told.at), LimitBy::Moment),
        };
        if length < least { (least, LimitBy::Wait) } else { (length.min(FARTHEST), by) }
    }

    fn limit(&mut self, agent: &AgentName, told: &Told, reset: Reset) {
        let times = self.limits_in_a_row(agent);
        let (length, mut by) = self.limit_wait(agent, told, reset);
        let mut until = told.at.plus(length);
        if let Some(Standing::Waits(before)) = self.run.state.agents.get(agent).map(|health| &health.standing)
            && before.until > until
            && (by == LimitBy::BackOff || before.by != LimitBy::BackOff)
        {
            (until, by) = (before.until, before.by);
        }
        let (task, attempt, why) = (told.task.clone(), told.attempt, told.why.clone());
        self.emit(Event::Limited { agent: agent.clone(), task, attempt, until, why, times, by });
        self.await_agent(agent);
        if let Some(t) = self.find(&told.task) {
            let others = self.at_work_by(agent, t);
            self.slow_down_for(t, others, &format!("`{agent}` is limited"));
        }
    }

    /// How many other sessions of an agent are at work.
    fn at_work_by(&self, agent: &AgentName, but: TaskNo) -> usize {
        let jobs = self.run.inflight.jobs.iter().filter(|(t, job)| **job == Job::Work && **t != but);
        let of_agent = |t: TaskNo| {
            let kind = self.running(t).map_or(SessionKind::Work, |running| running.kind);
            self.run.agent_of(t, kind) == Some(agent)
        };
        jobs.filter(|(t, _)| of_agent(**t)).count()
    }

    /// Its service failed, or it did: all its sessions wait a little, or it is taken out.
    fn take_out(&mut self, agent: &AgentName, told: Told) {
        let Some(health) = self.run.state.agents.get(agent) else { return };
        let Told { task, attempt, at, why, .. } = told;
        let name = agent.as_str().to_owned();
        if health.failures < TOO_MANY {
            let waits = matches!(health.standing, Standing::Waits(_)) && health.falters > 0;
            let times = if waits { health.falters } else { health.falters.saturating_add(1) };
            let wait = retry::jittered(FALTER, times.saturating_sub(1), &[self.run.id.as_str(), &name]);
            let before = health.wait().map_or(at, |wait| wait.until);
            let until = at.plus(wait).max(before);
            self.emit(Event::AgentFaltered { agent: agent.clone(), task, attempt, until, why, times });
        } else {
            let (failures, times) = (health.failures, health.suspensions);
            let hopeless = health.misconfigured >= TOO_MANY;
            let wait = retry::jittered(SUSPENSION, times, &[self.run.id.as_str(), &name]).min(LONGEST_LIMIT);
            let until = (!hopeless).then(|| at.plus(wait));
            self.emit(Event::AgentSuspended { agent: agent.clone(), until, why, failures });
        }
        self.await_agent(agent);
    }

    /// Sees to it that a wait ends: within one engine by its own clock.
    pub(crate) fn await_agent(&mut self, agent: &AgentName) {
        let now = self.now;
        let Some(wait) = self.run.state.agents.get(agent).and_then(Health::wait) else { return };
        let due = now.mono + wait.left(now.wall);
        self.run.inflight.away.insert(agent.clone(), due);
    }

    /// Waits of agents that are over.
    pub(crate) fn agents_due(&mut self) {
        let now = self.now;
        let by_clock = |agent: &AgentName| {
            let wait = self.run.state.agents.get(agent).and_then(Health::wait);
            wait.is_some_and(|wait| wait.by == LimitBy::Moment && wait.until <= now.wall)
        };
        let away = &self.run.inflight.away;
        let due = away.iter().filter(|(agent, at)| **at <= now.mono || by_clock(agent));
        for agent in due.map(|(agent, _)| agent.clone()).collect::<Vec<_>>() {
            self.run.inflight.away.remove(&agent);
            if !self.is_live() {
                continue;
            }
            match self.run.state.agents.get(&agent).map(|health| &health.standing) {
                Some(Standing::Waits(_)) => self.emit(Event::AgentReady { agent }),
                Some(Standing::Suspended(_)) => self.emit(Event::AgentTried { agent }),
                Some(Standing::Well | Standing::Out | Standing::Tried { .. }) | None => {}
            }
        }
    }

    /// When to look at agents that are waited for.
    pub(crate) fn agents_wake(&self) -> Option<Millis> {
        let first = self.run.inflight.away.values().min().copied()?;
        let wait = |agent| self.run.state.agents.get(agent).and_then(Health::wait);
        let by_clock = self.run.inflight.away.keys().filter_map(wait).any(|wait| wait.by == LimitBy::Moment);
        Some(if by_clock { first.min(self.now.mono + LOOK) } else { first })
    }

    /// Whether tasks wait for an agent that will be asked again by itself.
    pub(crate) fn waits_for_agents(&self) -> bool {
        let (state, inflight) = (&self.run.state, &self.run.inflight);
        !inflight.away.is_empty()
            && !state.exceeded
            && !state.pauses()
            && inflight.ready.any_held(|hold| matches!(hold, Hold::Agent(_)))
    }

    /// The session that is to begin waits for its agent; or there is nothing to wait for, and the attempt has failed.
    pub(crate) fn rests(&mut self, t: TaskNo, kind: SessionKind) -> bool {
        let Some(agent) = self.run.agent_of(t, kind).cloned() else { return false };
        if self.run.state.agents.get(&agent).is_none_or(|health| health.lets(t)) {
            return false;
        }
        if let Some(failure) = self.hopeless(t, &agent) {
            self.fail(t, failure);
            return true;
        }
        let Some(attempt) = self.running(t).map(|running| running.attempt) else { return false };
        let task = self.id(t);
        self.emit(Event::AgentAwaited { task, attempt, agent });
        self.look_at(t);
        true
    }

    /// Why a task that waits for its agent need not wait.
    fn hopeless(&self, t: TaskNo, agent: &AgentName) -> Option<Failure> {
        let health = self.run.state.agents.get(agent).filter(|health| !health.lets(t))?;
        let (run, why) = (&self.run.id, &health.why);
        let (class, message) = match &health.standing {
            Standing::Out => (
                FailureClass::Misconfigured,
                format!(
                    "its agent `{agent}` is taken out, as {} sessions in a row could not work: {why}; once that is \
                     mended, `ai-sdlc run resume {run}` tries it again",
                    health.misconfigured
                ),
            ),
            Standing::Waits(_) | Standing::Suspended(_) | Standing::Tried { .. } if self.does_not_wait(t) => (
                FailureClass::Limited,
                format!("its agent `{agent}` cannot be asked now, and clean-up does not wait: {why}"),
            ),
            Standing::Well | Standing::Waits(_) | Standing::Suspended(_) | Standing::Tried { .. } => return None,
        };
        Some(Failure { class, message, tail: String::new() })
    }

    /// Whether it is clean-up of a run that ends after it.
    fn does_not_wait(&self, t: TaskNo) -> bool {
        (self.run.winds_up() || self.run.state.exceeded) && self.run.graph.is_always(t)
    }

    /// Ends a task that waits for a slot, and whose agent there is no hope for.
    pub(crate) fn gives_up_hope(&mut self, t: TaskNo) -> bool {
        if self.run.state.agents.is_empty() {
            return false;
        }
        let failure = self.run.next_agent(t).and_then(|agent| self.hopeless(t, agent));
        let Some(failure) = failure else { return false };
        if self.running(t).is_some() {
            self.fail(t, failure);
        } else {
            self.finish(t, Outcome::Failed { failure });
        }
        true
    }
}
